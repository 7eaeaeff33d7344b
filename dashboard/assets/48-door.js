/* The door to the pages beside the charts: loads their scripts when each is first opened, and turns the document into that page and
   back. A page is an element with data-files, and an object of `crossboard` with `show()` and `leave()`. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {byId, state, url} = crossboard;
  const PAGES = [
    {name: 'run', files: 'run-head', note: 'run-body', nav: 'nav-run', mark: 'onrun', isOpen: () => Boolean(state.run), parts: ['run-head', 'run-body', 'run-steps']},
    {name: 'table', files: 'runs-page', note: 'runs-note', nav: 'nav-runs', mark: 'onruns', isOpen: () => !state.run && state.page === 'runs', parts: ['runs-page']},
  ];
  const loading = new Map();

  /** Load a page's own files once, in their order. Resolves when all of them stand. */
  function load(page = PAGES[0]) {
    if (loading.has(page)) return loading.get(page);
    const files = JSON.parse(byId(page.files).dataset.files);
    const work = Promise.all(files.map(file => new Promise((resolve, reject) => {
      const style = file.includes('.css'), element = document.createElement(style ? 'link' : 'script');
      if (style) { element.rel = 'stylesheet'; element.href = url(file); }
      else { element.async = false; element.src = url(file); }
      element.onload = resolve;
      element.onerror = () => reject(new Error(`${file.split('?')[0]} could not be loaded`));
      document.head.append(element);
    })));
    loading.set(page, work);
    work.catch(() => { loading.delete(page); });
    return work;
  }

  /** Show what the state says: the charts, or another page. */
  async function show() {
    const app = byId('app'), open = PAGES.find(page => page.isOpen());
    for (const [id, here] of [['nav-charts', !open], ...PAGES.map(page => [page.nav, page === open])]) {
      const link = byId(id);
      link.hidden = id === 'nav-run' && !here;
      link.classList.toggle('here', here);
      if (here) link.setAttribute('aria-current', 'page'); else link.removeAttribute('aria-current');
    }
    for (const page of PAGES) {
      app.classList.toggle(page.mark, page === open);
      if (page === open) continue;
      for (const id of page.parts) byId(id).hidden = true;
      if (crossboard[page.name]) crossboard[page.name].leave();
    }
    if (!state.run) app.classList.remove('oncharts');
    if (!open) return;
    if (open.nav === 'nav-run') byId('nav-run').href = location.href;
    else byId(open.files).hidden = false;
    const slow = open.name === 'table' && !crossboard.table && setTimeout(() => { if (!crossboard.table) byId('runs-grid').replaceChildren(skeleton()); }, 150);
    try {
      await load(open);
    } catch (error) {
      byId(open.note).hidden = false;
      if (crossboard.tableStands) crossboard.tableStands();
      byId(open.note).replaceChildren(Object.assign(document.createElement('p'), {className: 'msg', textContent: `${error.message}. Reload the page to try again.`}));
      return;
    } finally { clearTimeout(slow); }
    if (open.isOpen()) crossboard[open.name].show();
  }

  /** Rows of the height that the table will have, while its scripts come. */
  function skeleton() {
    const rows = Object.assign(document.createElement('div'), {className: 'rowskeleton'});
    rows.setAttribute('aria-hidden', 'true');
    for (let i = 0; i < 24; i++) rows.append(document.createElement('i'));
    return rows;
  }

  function start() {
    const go = {'nav-charts': {}, 'nav-runs': {page: 'runs'}, 'nav-run': null};
    for (const [id, place] of Object.entries(go)) byId(id).addEventListener('click', event => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      if (place && (state.run || state.page !== (place.page || ''))) state.go(place);
    });
    state.on('run', show);
    if (state.run || state.page) show();
  }

  crossboard.door = {start, load: () => load(PAGES[0]), skeleton};
})(window);
