/* The door to the run page, the page of panes, the pages of kinds and the table of all runs: loads their scripts when they are first opened, and turns the document into
   that page and back. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {board, byId, kindPages, state, url} = crossboard;
  const loads = new Map();

  /** Load a page's own files once, in their order; `head` is the id of what names them. Resolves when all of them stand. */
  function load(head = 'run-head') {
    if (loads.has(head)) return loads.get(head);
    const files = JSON.parse(byId(head).dataset.files), loading = Promise.all(files.map(file => new Promise((resolve, reject) => {
      const style = file.includes('.css'), element = document.createElement(style ? 'link' : 'script');
      if (style) { element.rel = 'stylesheet'; element.href = url(file); }
      else { element.async = false; element.src = url(file); }
      element.onload = resolve;
      element.onerror = () => reject(new Error(`${file} could not be loaded`));
      document.head.append(element);
    })));
    loads.set(head, loading);
    loading.catch(() => { loads.delete(head); });
    return loading;
  }

  /** Load what the state needs: the page of panes and those of kinds stand on the run page's scripts. */
  async function ready(panes) {
    await load();
    if (panes) await load('panes-head');
    if (onKinds()) await load('kinds-head');
  }

  const onKinds = () => !state.run && Boolean(kindPages.of(state.page));
  const onTable = () => !state.run && state.page === 'runs';

  function links(open, panes) {
    for (const [id, here] of [['nav-charts', !open && !panes && !onTable() && !onKinds()], ['nav-runs', onTable()], ['nav-run', open], ['nav-panes', panes]]) {
      const link = byId(id);
      link.hidden = id === 'nav-run' ? !open : id === 'nav-panes' && !panes && !board.order.some(run => run.panes > 0);
      link.classList.toggle('here', here);
      if (here) link.setAttribute('aria-current', 'page'); else link.removeAttribute('aria-current');
    }
    byId('app').classList.toggle('haspanes', !byId('nav-panes').hidden);
  }

  /** Show what the state says: the charts, a run, or panes. */
  async function show() {
    const app = byId('app'), open = Boolean(state.run), alone = !open && state.page === 'panes', panes = alone || (open && state.tab === 'panes');
    app.classList.toggle('onrun', open);
    app.classList.toggle('onpanes', panes);
    byId('panes-head').hidden = byId('panes-body').hidden = !panes;
    if (!panes && crossboard.panes) crossboard.panes.leave();
    links(open, alone);
    app.classList.toggle('onruns', onTable());
    app.classList.toggle('onkinds', onKinds());
    byId('kinds-head').hidden = byId('kinds-body').hidden = !onKinds();
    if (!onKinds() && crossboard.kinds) crossboard.kinds.leave();
    byId('runs-page').hidden = !onTable();
    if (!onTable() && crossboard.table) crossboard.table.leave();
    if (!open) {
      app.classList.remove('oncharts');
      byId('run-head').hidden = byId('run-body').hidden = byId('run-steps').hidden = true;
      if (crossboard.run) crossboard.run.leave();
      if (onTable()) await table();
      if (!panes && !onKinds()) return;
    }
    if (open) byId('nav-run').href = location.href;
    try {
      await ready(panes);
    } catch (error) {
      const place = byId(panes ? 'panes-body' : onKinds() ? 'kinds-body' : 'run-body');
      place.hidden = false;
      place.replaceChildren(Object.assign(document.createElement('p'), {className: 'msg', textContent: `${error.message}. Reload the page to try again.`}));
      return;
    }
    if (state.run) crossboard.run.show();
    if (crossboard.panes && crossboard.panes.isOn()) crossboard.panes.show();
    if (onKinds()) crossboard.kinds.show();
  }

  /** Show the table of all runs; rows of the height that it will have stand there while its scripts come. */
  async function table() {
    const slow = setTimeout(() => { if (!crossboard.table) byId('runs-grid').replaceChildren(skeleton()); }, 150);
    try { await load('runs-page'); } catch (error) {
      byId('runs-note').hidden = false;
      if (crossboard.tableStands) crossboard.tableStands();
      byId('runs-note').replaceChildren(Object.assign(document.createElement('p'), {className: 'msg', textContent: `${error.message}. Reload the page to try again.`}));
      return;
    } finally { clearTimeout(slow); }
    if (onTable()) crossboard.table.show();
  }

  function skeleton() {
    const rows = Object.assign(document.createElement('div'), {className: 'rowskeleton'});
    rows.setAttribute('aria-hidden', 'true');
    for (let i = 0; i < 24; i++) rows.append(document.createElement('i'));
    return rows;
  }

  function start() {
    const follow = (id, place) => byId(id).addEventListener('click', event => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      place();
    });
    follow('nav-charts', () => { if (state.run || state.page) state.go({}); });
    follow('nav-runs', () => { if (!onTable()) state.go({page: 'runs'}); });
    follow('nav-panes', () => { if (state.page !== 'panes') state.go({page: 'panes'}); });
    follow('nav-run', () => {});
    state.on('run', show);
    board.on('runs', () => links(Boolean(state.run), !state.run && state.page === 'panes'));
    if (state.run || state.page) show();
  }

  crossboard.door = {start, load, skeleton};
})(window);
