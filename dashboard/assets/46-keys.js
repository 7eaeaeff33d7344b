/* The keys of the page, and the dialog that lists them. Keys do nothing while something is typed, but those with Ctrl.

   KEYS is the one table: [key, what it does, work, where]. A row without work says what a list, a chart or a field does with that key by itself. A
   page has keys of its own, which come first; `tests/test_shell_in_browser.py` holds that no script asks for a key that is not listed. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {board, byId, fill, grid, h, icon, page, rail, state, toasts} = crossboard;
  const EVERYWHERE = 'Everywhere', CHARTS = 'All charts', CARD = 'A chart', RAIL = 'The list of runs', WITHIN = 'Menus, lists and fields';
  const MAC = /Mac|iP(hone|ad)/.test(navigator.platform);

  const KEYS = [
    ['Ctrl K', 'Search or do anything', () => crossboard.palette.toggle(), EVERYWHERE],
    [':', 'The same', () => crossboard.palette.show(), EVERYWHERE],
    ['G C', 'Charts', () => { if (state.run || state.page) state.go({}); }, EVERYWHERE],
    ['G R', 'Runs', () => { if (state.run || state.page !== 'runs') state.go({page: 'runs'}); }, EVERYWHERE],
    ['G P', 'Panes, where a run has some', () => { if (!byId('nav-panes').hidden && (state.run || state.page !== 'panes')) state.go({page: 'panes'}); }, EVERYWHERE],
    ...crossboard.kindPages.all.map(one => [`G ${one.key}`, one.title, () => crossboard.kindNav.go(one.page), EVERYWHERE]),
    ['V', 'Saved views', () => crossboard.views.show(), EVERYWHERE],
    ['Y', 'Copy a link to this view', () => page.copyLink(), EVERYWHERE],
    [',', 'Settings of this browser', () => crossboard.settingsDialog.show(), EVERYWHERE],
    ['T', 'Next theme: system, light, dark', page.nextTheme, EVERYWHERE],
    ['U', 'What the newest notice offers, such as to undo', () => toasts.act(), EVERYWHERE],
    ['D', 'Take the newest notice away', () => toasts.dismiss(), EVERYWHERE],
    ['?', 'All keys of this page', show, EVERYWHERE],
    ['Esc', 'Out of what is open, or of a field', null, EVERYWHERE],
    ['/', 'Filter tags', () => byId('tag-filter').focus(), CHARTS],
    ['X', 'Next x axis: step, relative, wall', () => { const all = ['step', 'relative', 'wall']; page.setX(all[(all.indexOf(state.x) + 1) % 3]); page.fields(); }, CHARTS],
    ['S', 'Smoothing of all cards', () => (byId('smooth-weight') || byId('smooth')).focus(), CHARTS],
    ['N', 'A card of an expression over tags', () => crossboard.expressions.show(), CHARTS],
    ['J', 'Next card; in the rail: next run', () => grid.walk(1), CHARTS],
    ['K', 'Previous card; in the rail: previous run', () => grid.walk(-1), CHARTS],
    ['Z', 'Show the whole range again: the card in focus, else the one zoomed last', undo, CARD],
    ['← →', 'Move the cursor of the card in focus; with Shift by ten points', null, CARD],
    ['L', 'Log y axis of the card in focus', () => { const card = grid.current(); if (card) state.toggle('log', card.tag); }, CARD],
    ['M', 'Settings of the card in focus', () => { const card = grid.current(); if (card) crossboard.cardMenu.show(card); }, CARD],
    ['A', 'Statistics of all that the card in focus shows; a drag with Shift selects a part', () => crossboard.rangeTable.toggle(grid.current()), CARD],
    ['E', 'Open the card in focus large, again: close it; or the page of the run pointed at in the rail', () => { const run = state.large ? null : rail.current(), card = grid.current(); if (run && !state.run) state.go({run: run.key}); else if (card && !state.run) crossboard.large.toggle(card); }, CARD],
    ['+', 'Join the card in focus with another; or drag it by its title onto the other', () => crossboard.cardPlaces.pick(grid.current()), CARD],
    ['<', 'Move the card in focus one place to the left', () => moveCard(-1), CARD],
    ['>', 'Move the card in focus one place to the right', () => moveCard(1), CARD],
    ['F', 'Move the card in focus to the first place of its section', () => moveCard(-Infinity), CARD],
    ['R', 'Filter runs', () => { if (matchMedia('(max-width: 760px)').matches) page.sheet(true); byId('run-filter').focus(); }, RAIL],
    ['H', 'Hide the run, or the group in focus, in the rail', () => { const run = rail.current(); if (run) board.show([run], !board.isShown(run)); }, RAIL],
    ['O', 'Only the run pointed at; again: all as before', () => { const run = rail.current(); if (run) board.isolate(run); else if (state.only) state.set('only', ''); }, RAIL],
    ['P', 'Pin the run pointed at to the top of the rail; the card in focus to the top of the page', () => { const run = rail.current(), card = grid.current(); if (run) rail.pin(run); else if (card) crossboard.arrangement.pin(card.tag); }, RAIL],
    ['B', 'Make the run pointed at the baseline', () => { const run = rail.current(); if (run) rail.baseline(run); }, RAIL],
    ['↑ ↓', 'From run to run; PgUp and PgDn by twelve, Home and End to the ends', null, RAIL],
    ['← →', 'Close and open the heading in focus', null, RAIL],
    ['↑ ↓', 'From entry to entry of a menu or a list; in a row of tabs ← and →', null, WITHIN],
    ['Enter', 'Take the entry; apply the query', null, WITHIN],
    ['Tab', 'Take the marked completion of a query', null, WITHIN],
  ];

  function moveCard(way) { const card = grid.current(); if (card) crossboard.arrangement.move(card.tag, way); }

  const onKinds = () => Boolean(crossboard.kinds && crossboard.kinds.isOn()), onPanes = () => Boolean(crossboard.panes && crossboard.panes.isOn()), onTable = () => Boolean(crossboard.table && state.page === 'runs' && !state.run);

  /** The keys that do something here, by where: {name: rows}. On a run page and on the pages of panes, of kinds and of all runs their own
      come first; the rail stands beside the charts and the pages of kinds. */
  function sections() {
    const own = [...(onKinds() ? crossboard.kinds.keys() : []), ...(onTable() ? crossboard.table.keys() : []), ...(onPanes() ? crossboard.panes.keys() : []), ...(state.run && crossboard.run ? crossboard.run.keys() : [])], taken = new Set(own.map(([key]) => key));
    const here = where => where === EVERYWHERE || where === WITHIN || (where === RAIL ? onKinds() : !onPanes() && !onTable() && !onKinds());
    const left = !own.length ? KEYS : KEYS.filter(([key, , work, where]) => here(where) && !(taken.has(key) && work));
    const found = new Map(own.length ? [[onKinds() ? 'This page' : onTable() ? 'Runs' : onPanes() ? 'Panes' : 'This run', own]] : []);
    for (const row of left) { if (!found.has(row[3])) found.set(row[3], []); found.get(row[3]).push(row); }
    return found;
  }

  /** The same as one list. */
  const listed = () => [...sections().values()].flat();

  function undo() {
    const card = grid.current();
    if (card && card.reset()) return;
    const last = [...state.zoom.keys()].pop();
    if (!last) return;
    const zoomed = grid.cards.get(last);
    if (zoomed) zoomed.reset();
    else { state.zoom.delete(last); state.changed('zoom'); }
  }

  /** A key as it is written on this machine's keyboard. */
  const written = key => key.split(' ').map(one => MAC && one === 'Ctrl' ? '⌘' : one);

  function show() {
    const dialog = byId('keys');
    fill(dialog, h('div.kh', {}, h('h2', {id: 'keys-title'}, 'Keys'), h('button.ib', {type: 'button', 'aria-label': 'Close', onclick: () => dialog.close()}, icon('close'))),
      h('div.ks', {tabindex: '0', role: 'region', 'aria-label': 'list of keys'}, [...sections()].map(([name, rows]) => h('section', {}, h('h3', {}, name), h('dl', {}, rows.map(([key, words]) => h('div', {}, h('dt', {}, written(key).map(one => h('kbd', {}, one))), h('dd', {}, words))))))),
      h('p.dim', {}, 'Drag over a chart to zoom to its raw points; double click to see the whole range again.'));
    dialog.onclick = event => { if (event.target === dialog) dialog.close(); };
    dialog.showModal();
  }

  let first = '', firstAt = 0;
  /** The name of a pressed key; after G, of both; with Ctrl, or the Mac's command key, "ctrl k". */
  function nameOf(event) {
    if (event.ctrlKey || event.metaKey) return `ctrl ${event.key.toLowerCase()}`;
    const key = event.key.toLowerCase(), name = first && event.timeStamp - firstAt < 1500 ? `${first} ${key}` : key;
    first = key === 'g' ? key : '';
    firstAt = event.timeStamp;
    return name;
  }

  function escape() {
    if (byId('app').classList.contains('sheet')) page.sheet(false);
    else if (onTable()) crossboard.table.escape();
    else if (onKinds()) crossboard.kinds.back();
    else if (onPanes() && (!state.run || state.pane)) crossboard.panes.back();
    else if (state.run && crossboard.run) crossboard.run.back();
  }

  function start() {
    if (MAC && byId('palette-key')) byId('palette-key').textContent = '⌘K';
    document.addEventListener('keydown', event => {
      if (event.altKey || event.defaultPrevented) return;
      const {target} = event, held = event.ctrlKey || event.metaKey, typing = target.closest && target.closest('input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable]');
      if (typing && !held) {
        if (event.key === 'Escape') target.blur();
        return;
      }
      if (document.querySelector('dialog[open]')) return;
      if (event.key === 'Escape' && !held) { escape(); return; }
      const name = nameOf(event), found = listed().find(([key, , work]) => work && key.toLowerCase() === name);
      if (found) { event.preventDefault(); found[2](); }
    });
  }

  crossboard.keys = {MAC, start, show, undo, sections, listed, written, KEYS};
})(window);
