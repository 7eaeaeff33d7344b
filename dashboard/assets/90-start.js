/* Starts the page: reads while Dash is still laying out the skeleton, and fills it as soon as it stands. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {board, byId, curves, grid, keys, live, page, rail, state, stats} = crossboard;

  /** Resolves when Dash has laid out the skeleton. */
  const laidOut = new Promise(resolve => {
    const there = () => byId('sections') && byId('keys') && byId('said');
    if (there()) { resolve(); return; }
    const watch = new MutationObserver(() => { if (there()) { watch.disconnect(); resolve(); } });
    watch.observe(document.documentElement, {childList: true, subtree: true});
  });

  const readAll = () => Promise.all([board.loadBoard(), board.loadRuns(true), board.loadTags()]);
  /** The table of runs reads for itself, and first where it is what is opened: the rest of the shell can wait for it. */
  const tableStands = state.page === 'runs' ? new Promise(resolve => { crossboard.tableStands = resolve; setTimeout(resolve, 15000); }) : Promise.resolve();
  const first = tableStands.then(readAll).then(() => {
    const {charts, width} = grid.firstScreen();
    if (charts.length && !document.hidden && !state.page) curves.prefetch(charts, width);
  }).catch(error => error);

  let tagsDue = 0, runsDue = 0, boardDue = 0;
  function loadSoon(which, wait) {
    if (which === 'tags' && !tagsDue) tagsDue = setTimeout(() => { tagsDue = 0; board.loadTags().catch(() => {}); }, wait);
    if (which === 'runs' && !runsDue) runsDue = setTimeout(() => { runsDue = 0; board.loadRuns().catch(() => {}); }, wait);
    if (which === 'board' && !boardDue) boardDue = setTimeout(() => { boardDue = 0; board.loadBoard().catch(() => {}); }, wait);
  }

  function everything() {
    readAll().then(() => curves.changed(null), () => {});
  }

  laidOut.then(async () => {
    page.start();
    keys.start();
    crossboard.runFilter.start();
    rail.start();
    crossboard.door.start();
    crossboard.kindNav.start();
    crossboard.bandsBar.show();
    crossboard.linesBar.show();
    live.on('change', change => {
      if (change.complete === false) { everything(); return; }
      const tags = new Set(change.tags || []), removed = change.removed || [];
      if ([...tags].some(tag => !grid.cards.has(tag) && !board.tags.includes(tag)) || removed.length || !board.tagsLoaded) loadSoon('tags', 20);
      const unknown = (change.runs || []).some(key => !board.runs.has(key));
      if (unknown || removed.length) { loadSoon('runs', 20); loadSoon('board', 500); }
      else if ((change.runs || []).length) loadSoon('runs', Math.min(5000, 1000 + 4 * change.runs.length));
      curves.removed(removed);
      if (tags.size && board.early) loadSoon('tags', 2000);   // what was too early to join may be sure by now
      if (tags.size) curves.changed(tags);
    });
    let boardName = null;
    live.on('hello', ({back, version}) => {
      if (back || (boardName !== null && version < boardName)) everything();
      else if (board.loaded && version > board.version) { loadSoon('runs', 0); loadSoon('tags', 0); curves.changed(null); }
      boardName = version;
    });
    setInterval(() => { if (live.connected && !document.hidden && (!board.order.length || (board.info && board.info.progress.busy))) loadSoon('board', 0); }, 2000);
    const failed = await first;
    if (failed instanceof Error) setTimeout(everything, 1000);
    board.select();
    board.tell('runs');
    board.tell('board');
    board.tell('tags');
    live.start();
    if (state.sel) state.changed('sel');
    if (state.large) state.changed('large');
    stats.started = performance.now();
  });
})(window);
