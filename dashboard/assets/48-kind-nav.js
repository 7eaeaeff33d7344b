/* The links to the pages of kinds in the top bar: those that some run has something for, as many as there is room for; the others
   stand in a menu behind "More". Which kinds there are is asked when the board is read and when a tag comes that was not known. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {board, byId, fill, getJson, h, icon, kindPages, live, runMenu, state, view} = crossboard;
  const SOON_MS = 1500;
  const counts = new Map(), known = new Set();
  let timer = 0, tags = new Set(), shown = '';

  const isOpen = one => !state.run && state.page === one.page;
  const available = () => kindPages.all.filter(one => one.kinds.some(kind => counts.get(kind)) || isOpen(one));
  const href = one => view.format({...view.fresh(), page: one.page, theme: state.theme});

  /** Go to the page of a kind; the step that was chosen stays. */
  function go(page) { if (state.run || state.page !== page) state.go({page}); }

  function follow(event, page) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go(page);
  }

  /** How many links fit beside what else stands in the top bar. */
  const room = () => innerWidth <= 760 ? 1 : innerWidth < 1200 ? 2 : innerWidth < 1700 ? 4 : 8;

  function draw() {
    const place = byId('nav-kinds');
    if (!place) return;
    const all = available(), n = room(), open = all.find(isOpen), first = all.slice(0, all.length <= n ? n : n - 1);
    const listed = open && !first.includes(open) ? [...first.slice(0, Math.max(0, n - 2)), open] : first, more = all.filter(one => !listed.includes(one));
    const key = `${listed.map(one => one.page)}|${more.map(one => one.page)}|${open ? open.page : ''}|${state.theme}`;
    if (key === shown) return;
    shown = key;
    fill(place, listed.map(one => h('a', {id: `nav-${one.page}`, href: href(one), class: one === open ? 'here' : null, 'aria-current': one === open ? 'page' : null, onclick: event => follow(event, one.page)}, one.title)),
      more.length ? h('button.navmore', {type: 'button', id: 'nav-more', 'aria-haspopup': 'menu', onclick: event => runMenu.popup(event.currentTarget, more.map(one => [one.title, () => go(one.page)]), 'more pages')}, 'More', icon('down', true)) : null);
    byId('app').classList.toggle('haskinds', all.length > 0);
  }

  async function read() {
    timer = 0;
    try {
      const {kinds} = await getJson('api/kinds');
      for (const {kind, runs} of kinds) counts.set(kind, runs);
      for (const tag of tags) known.add(tag);
      tags = new Set();
      draw();
    } catch { /* asked again when something changes */ }
  }

  function soon(wait = SOON_MS) { if (!timer) timer = setTimeout(read, wait); }

  function start() {
    live.on('change', change => {
      const fresh = (change.tags || []).filter(tag => !known.has(tag));
      if (!fresh.length && change.complete !== false && !(change.removed || []).length) return;
      for (const tag of fresh) tags.add(tag);
      soon();
    });
    live.on('hello', ({back}) => { if (back) soon(0); });
    let runs = -1;
    board.on('runs', () => { if (board.order.length !== runs) { runs = board.order.length; soon(200); } });
    state.on('run theme', draw);
    addEventListener('resize', crossboard.oncePerFrame(draw));
    draw();
  }

  crossboard.kindNav = {available, draw, go, start};
})(window);
