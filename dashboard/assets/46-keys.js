/* The keys of the page, and the dialog that lists them. Keys do nothing while something is typed. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {board, byId, curves, fill, grid, h, icon, page, rail, state} = crossboard;

  const KEYS = [
    ['/', 'Filter tags', () => byId('tag-filter').focus()],
    ['R', 'Filter runs', () => { if (matchMedia('(max-width: 760px)').matches) page.sheet(true); byId('run-filter').focus(); }],
    ['J', 'Next card; in the rail: next run', () => grid.walk(1)],
    ['K', 'Previous card; in the rail: previous run', () => grid.walk(-1)],
    ['← →', 'Move the cursor of the card in focus; with Shift by ten points', null],
    ['Z', 'Show the whole range again: the card in focus, else the one zoomed last', undo],
    ['L', 'Log y axis of the card in focus', () => { const card = grid.current(); if (card) state.toggle('log', card.tag); }],
    ['M', 'Settings of the card in focus', () => { const card = grid.current(); if (card) crossboard.cardMenu.show(card); }],
    ['A', 'Statistics of all that the card in focus shows; a drag with Shift selects a part', () => crossboard.rangeTable.toggle(grid.current())],
    ['N', 'A card of an expression over tags', () => crossboard.expressions.show()],
    ['S', 'Smoothing of all cards', () => (byId('smooth-weight') || byId('smooth')).focus()],
    ['H', 'Hide the run, or the group in focus, in the rail', () => { const run = rail.current(); if (run) board.show([run], !board.isShown(run)); }],
    ['O', 'Only the run pointed at; again: all as before', () => { const run = rail.current(); if (run) board.isolate(run); else if (state.only) state.set('only', ''); }],
    ['P', 'Pin the run pointed at to the top of the rail', () => { const run = rail.current(); if (run) rail.pin(run); }],
    ['B', 'Make the run pointed at the baseline', () => { const run = rail.current(); if (run) rail.baseline(run); }],
    ['X', 'Next x axis: step, relative, wall', () => { const all = ['step', 'relative', 'wall']; page.setX(all[(all.indexOf(state.x) + 1) % 3]); page.fields(); }],
    ['E', 'Open the card in focus large, again: close it; or the page of the run pointed at in the rail', () => { const run = state.large ? null : rail.current(), card = grid.current(); if (run && !state.run) state.go({run: run.key}); else if (card && !state.run) crossboard.large.toggle(card); }],
    ['G C', 'Charts', () => { if (state.run || state.page) state.go({}); }],
    ...crossboard.kindPages.all.map(one => [`G ${one.key}`, one.title, () => crossboard.kindNav.go(one.page)]),
    ['G R', 'Runs', () => { if (state.run || state.page !== 'runs') state.go({page: 'runs'}); }],
    ['T', 'Next theme: system, light, dark', page.nextTheme],
    ['?', 'This list', show],
  ];

  const RAIL = ['R', 'H', 'O', 'P', 'B'];   // keys of the run rail
  const onKinds = () => Boolean(crossboard.kinds && crossboard.kinds.isOn()), onPanes = () => Boolean(crossboard.panes && crossboard.panes.isOn()), onTable = () => Boolean(crossboard.table && state.page === 'runs' && !state.run), anywhere = key => key.startsWith('G ') || ['T', '?'].includes(key);

  /** The keys that do something here: on a run page and on the pages of panes and of all runs their own come first. */
  function listed() {
    const own = [...(onKinds() ? crossboard.kinds.keys() : []), ...(onTable() ? crossboard.table.keys() : []), ...(onPanes() ? crossboard.panes.keys() : []), ...(state.run && crossboard.run ? crossboard.run.keys() : [])], there = new Set();
    if (!own.length) return KEYS;
    const here = key => RAIL.includes(key) ? onKinds() : !(onPanes() || onTable() || onKinds()) || anywhere(key);
    return [...own, ...KEYS.filter(([key]) => here(key))].filter(([key]) => !there.has(key) && there.add(key));
  }

  function undo() {
    const card = grid.current();
    if (card && card.reset()) return;
    const last = [...state.zoom.keys()].pop();
    if (!last) return;
    const zoomed = grid.cards.get(last);
    if (zoomed) zoomed.reset();
    else { state.zoom.delete(last); state.changed('zoom'); }
  }

  function show() {
    const dialog = byId('keys');
    fill(dialog, h('div.kh', {}, h('h2', {id: 'keys-title'}, 'Keys'), h('button.ib', {type: 'button', 'aria-label': 'Close', onclick: () => dialog.close()}, icon('close'))),
      h('dl', {}, listed().map(([key, words]) => h('div', {}, h('dt', {}, key.split(' ').map(one => h('kbd', {}, one))), h('dd', {}, words)))),
      h('p.dim', {}, 'Drag over a chart to zoom to its raw points; double click to see the whole range again.'));
    dialog.onclick = event => { if (event.target === dialog) dialog.close(); };
    dialog.showModal();
  }

  let first = '', firstAt = 0;
  /** The name of a pressed key; after G, of both. */
  function nameOf(event) {
    const key = event.key.toLowerCase(), name = first && event.timeStamp - firstAt < 1500 ? `${first} ${key}` : key;
    first = key === 'g' ? key : '';
    firstAt = event.timeStamp;
    return name;
  }

  function start() {
    document.addEventListener('keydown', event => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      const {target} = event, typing = target.closest && target.closest('input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable]');
      if (typing) {
        if (event.key === 'Escape') target.blur();
        return;
      }
      if (document.querySelector('dialog[open]')) return;
      if (event.key === 'Escape') { if (byId('app').classList.contains('sheet')) page.sheet(false); else if (onTable()) crossboard.table.escape(); else if (onKinds()) crossboard.kinds.back(); else if (onPanes() && (!state.run || state.pane)) crossboard.panes.back(); else if (state.run && crossboard.run) crossboard.run.back(); return; }
      const name = nameOf(event), found = listed().find(([key, , work]) => work && key.toLowerCase() === name);
      if (found) { event.preventDefault(); found[2](); }
    });
  }

  crossboard.keys = {start, show, KEYS};
})(window);
