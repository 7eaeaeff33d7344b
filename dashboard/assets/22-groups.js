/* Groups of runs: which ways there are to bring runs together, and, when one is chosen (`state.bands`), which run is in which group.

   The server makes them (/api/groupings, store/statistics/grouping.py), so that a line, its band and its colour mean the same.
   `groups.choices` is [{by, groups, largest, alone}]; `groups.by` is the way that `groups.list` ([{key, label, runs}]) and
   `groups.of` (run key -> group) are for. News: "choices", "groups". */
(root => {
  'use strict';
  const crossboard = root.crossboard, {announcer, board, getJson, state} = crossboard;
  const news = announcer();
  const SOON_MS = 400, AGAIN_MS = 10000;
  const slots = new Map();   // colours of the groups, for each way to group
  const groups = {choices: [], by: '', list: [], of: new Map(), alone: new Set(), error: '', on: news.on};
  let timer = 0, due = Infinity, known = '', busy = false;

  /** What shares a colour in the way to group that is chosen, the runs of a pair always: null where runs have their own colours. */
  groups.slotOf = run => {
    if (!groups.by) return null;
    const {key: whose} = board.leadOf(run) || run, group = groups.of.get(whose), key = `${groups.by}\n${group ? group.key : `alone ${whose}`}`;
    return slots.get(key) ?? null;
  };

  function take(answer) {
    groups.choices = answer.choices;
    news.tell('choices');
    if (answer.by !== state.bands) return;
    groups.by = answer.by;
    groups.list = answer.groups;
    groups.of = new Map();
    groups.alone = new Set(answer.alone);
    const names = [...answer.groups.map(group => group.key), ...answer.alone.map(key => `alone ${key}`)];
    let free = [...slots.keys()].filter(key => key.startsWith(`${groups.by}\n`)).length;
    for (const name of answer.by ? names : []) if (!slots.has(`${groups.by}\n${name}`)) slots.set(`${groups.by}\n${name}`, free++);
    for (const group of answer.groups) {
      const first = board.runs.get(group.runs[0]);
      if (answer.by === 'framework' && first) group.label = group.label.replace(/\S+$/, first.heading);   // as the rail calls it
      for (const key of group.runs) groups.of.set(key, group);
    }
    board.recolour();
    news.tell('groups');
  }

  async function load() {
    if (busy) { soon(SOON_MS); return; }
    busy = true;
    due = Infinity;
    try {
      take(await getJson(state.bands ? `api/groupings?by=${encodeURIComponent(state.bands)}` : 'api/groupings'));
      groups.error = '';
    } catch (error) {
      groups.error = error.message;
      if (error.status === 400) { groups.by = ''; groups.list = []; groups.of = new Map(); news.tell('groups'); } else if (state.bands) soon(3000);
    } finally {
      busy = false;
      if (state.bands !== groups.by && !groups.error) soon(0);
    }
  }

  function soon(wait) {
    const at = performance.now() + wait;
    if (at >= due) return;
    due = at;
    clearTimeout(timer);
    timer = setTimeout(load, wait);
  }

  /* what is in a group changes with the runs there are, and seldom with what a run becomes */
  board.on('runs', () => {
    const now = board.order.map(run => run.mark).join('.');
    if (!board.loaded || (board.order.length < 2 && !state.bands && !known)) return;   // one run is no group
    if (now !== known) { known = now; soon(SOON_MS); } else if (state.bands && board.order.some(run => run.status === 'running')) soon(AGAIN_MS);
  });
  state.on('bands', () => {
    if (!state.bands) { groups.by = ''; groups.list = []; groups.of = new Map(); board.recolour(); news.tell('groups'); return; }
    soon(0);
  });

  crossboard.groups = groups;
})(window);
