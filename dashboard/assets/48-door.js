/* The door to the run page: loads its scripts when it is first opened, and turns the document into that page and back. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {byId, state, url} = crossboard;
  let loading = null;

  /** Load the page's own files once, in their order. Resolves when all of them stand. */
  function load() {
    if (loading) return loading;
    const files = JSON.parse(byId('run-head').dataset.files);
    loading = Promise.all(files.map(file => new Promise((resolve, reject) => {
      const style = file.includes('.css'), element = document.createElement(style ? 'link' : 'script');
      if (style) { element.rel = 'stylesheet'; element.href = url(file); }
      else { element.async = false; element.src = url(file); }
      element.onload = resolve;
      element.onerror = () => reject(new Error(`${file} could not be loaded`));
      document.head.append(element);
    })));
    loading.catch(() => { loading = null; });
    return loading;
  }

  /** Show what the state says: the charts, or a run. */
  async function show() {
    const app = byId('app'), open = Boolean(state.run);
    app.classList.toggle('onrun', open);
    for (const [id, here] of [['nav-charts', !open], ['nav-run', open]]) {
      const link = byId(id);
      link.hidden = id === 'nav-run' && !open;
      link.classList.toggle('here', here);
      if (here) link.setAttribute('aria-current', 'page'); else link.removeAttribute('aria-current');
    }
    if (!open) {
      app.classList.remove('oncharts');
      byId('run-head').hidden = byId('run-body').hidden = byId('run-steps').hidden = true;
      if (crossboard.run) crossboard.run.leave();
      return;
    }
    byId('nav-run').href = location.href;
    try {
      await load();
    } catch (error) {
      byId('run-body').hidden = false;
      byId('run-body').replaceChildren(Object.assign(document.createElement('p'), {className: 'msg', textContent: `${error.message}. Reload the page to try again.`}));
      return;
    }
    if (state.run) crossboard.run.show();
  }

  function start() {
    byId('nav-charts').addEventListener('click', event => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      if (state.run) state.go({});
    });
    byId('nav-run').addEventListener('click', event => event.preventDefault());
    state.on('run', show);
    if (state.run) show();
  }

  crossboard.door = {start, load};
})(window);
