/* Says when a run fails or is killed while the page is open: the one thing that a person who is not looking at the rail must not miss. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {board, numbers, state, toasts} = crossboard;
  const ALIVE = ['running', 'silent'], ENDED = ['failed', 'killed'];
  let statuses = null, told = [];

  const reason = run => run.status === 'failed' && run.error ? `: ${String(run.error).trim().split('\n').pop().slice(0, 160)}` : '';

  function look() {
    if (!board.loaded) return;
    const before = statuses || new Map(), fresh = board.order.filter(run => ENDED.includes(run.status) && ALIVE.includes(before.get(run.key)));
    statuses = new Map(board.order.map(run => [run.key, run.status]));
    if (!fresh.length) return;
    const standing = toasts.stands('failures') ? told.filter(run => !fresh.includes(run)) : [];
    told = [...standing.filter(run => board.runs.has(run.key)), ...fresh];
    const [run] = told;
    if (told.length === 1) toasts.tell(`${board.nameOf(run)} ${run.status === 'killed' ? 'was killed' : 'failed'}${reason(run)}`, {bad: true, about: 'failures', offer: ['Open', () => { told = []; state.go({run: run.key}); }]});
    else toasts.tell(`${numbers.whole(told.length)} runs failed: ${told.slice(0, 3).map(board.nameOf).join(', ')}${told.length > 3 ? ' …' : ''}`, {bad: true, about: 'failures', offer: ['Show only these', () => { const these = told; told = []; if (state.run || state.page) state.go({}); board.isolateAll(these); }]});
  }

  board.on('runs', look);
})(window);
