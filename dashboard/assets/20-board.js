/* What the page knows of the board: runs, tags, sources, and which runs are shown in which colour.

   `board.runs` maps a run's key to what /api/runs said of it, plus `mark` (its name in the URL) and `slot` (its colour and
   dash). `board.visible` lists the runs that are drawn, oldest first. News: "runs" (any run changed), "visible" (the set of
   drawn runs changed), "tags", "board" (sources, progress), "highlight" (a run is pointed at). */
(root => {
  'use strict';
  const crossboard = root.crossboard, {announcer, url, state, view, stats} = crossboard;
  const news = announcer();
  const slots = new Map();

  const FRAMEWORKS = {torch: 'PyTorch', pytorch: 'PyTorch', tensorflow: 'TensorFlow', keras: 'Keras', jax: 'JAX', lightning: 'Lightning', sklearn: 'scikit-learn'};
  const FORMATS = {tensorboard: 'TensorBoard', visdom: 'Visdom', wandb: 'W&B', mlflow: 'MLflow', trackio: 'trackio', csv: 'CSV'};

  const board = {
    runs: new Map(), order: [], visible: [], shown: new Set(), tags: [], info: null, version: 0,
    loaded: false, tagsLoaded: false, highlight: '', on: news.on, tell: news.tell,

    /** The heading under which a run stands in the rail. */
    groupOf(run) {
      if (run.framework) return FRAMEWORKS[run.framework.toLowerCase()] || run.framework;
      return run.source && run.source !== 'native' ? FORMATS[run.source] || run.source : 'Python';
    },

    /** True when a run is drawn. */
    isShown: run => board.shown.has(run.key),

    setHighlight(key) {
      if (board.highlight === key) return;
      board.highlight = key;
      news.tell('highlight', key);
    },

    /** Recompute which runs are drawn; tell when that changed. */
    select() {
      const matching = board.order.filter(board.matches), alone = state.run && board.runs.get(state.run);
      const chosen = board.only(), only = chosen.size && matching.some(run => chosen.has(run.mark));
      const visible = state.run ? (alone ? [alone] : []) : matching.filter(run => only ? chosen.has(run.mark) : run.hidden ? state.hide.has('!' + run.mark) : !state.hide.has(run.mark));
      const same = visible.length === board.visible.length && visible.every((run, i) => run === board.visible[i]);
      board.matching = matching;
      board.visible = visible;
      board.shown = new Set(visible.map(run => run.key));
      if (!same) news.tell('visible');
    },

    /** The marks of the runs that are isolated: "show only these". */
    only: () => new Set(state.only.split('.').filter(Boolean)),

    /** True when a run is of the chosen project, not archived unless it is isolated, and meets the rail's filter. */
    matches: run => (!run.archived || state.only.includes(run.mark)) && (!state.project || run.project === state.project) &&
      crossboard.runFilter.lets(run),

    /** Show or hide runs (an array). Leaves "only this run". */
    show(runs, yes) {
      if (state.only) {   // what was isolated becomes an ordinary choice
        const only = board.only();
        state.hide = new Set(board.order.filter(run => !only.has(run.mark)).map(run => run.mark));
        state.only = '';
      }
      for (const run of runs) {
        const name = run.hidden ? '!' + run.mark : run.mark, add = run.hidden ? yes : !yes;
        if (add) state.hide.add(name); else state.hide.delete(name);
      }
      state.changed('hide');
    },

    /** Show only this run, or all as before when it is the only one already. */
    isolate(run) { state.set('only', state.only === run.mark ? '' : run.mark); },

    /** Give each run its colour: that of its group in the way to group that is chosen, else its own. */
    colour() {
      for (const run of board.order) {
        const colourKey = run.group ? `${run.project}/${run.group}` : run.key;
        if (!slots.has(colourKey)) slots.set(colourKey, slots.size);
      }
      crossboard.looks.assign(board.order, run => crossboard.groups.slotOf(run) ?? slots.get(run.group ? `${run.project}/${run.group}` : run.key));
    },

    recolour() { board.colour(); news.tell('runs'); },

    /** Show only these runs (an array). */
    isolateAll(runs) { state.set('only', runs.map(run => run.mark).sort().join('.')); },

    takeRuns(answer, all) {
      if (all) { board.runs.clear(); board.order = []; }
      for (const key of answer.removed || []) board.runs.delete(key);
      for (const run of answer.runs) {
        run.mark = view.mark(run.key);
        run.heading = board.groupOf(run);
        board.runs.set(run.key, run);
      }
      const when = run => Number.isFinite(run.started) && run.started !== null ? run.started : Infinity;
      board.order = [...board.runs.values()].sort((a, b) => when(a) - when(b) || (a.key < b.key ? -1 : 1));
      board.colour();
      board.version = answer.version;
      board.loaded = true;
      board.visible = board.visible.map(run => board.runs.get(run.key)).filter(Boolean);
      board.select();
      news.tell('runs');
    },
  };

  /** GET a data route as JSON. Throws an Error with `status` and the server's own words. */
  async function getJson(path) {
    stats.requests++;
    const answer = await fetch(url(path), {headers: {Accept: 'application/json'}, credentials: 'same-origin'});
    if (!answer.ok) throw await failure(answer);
    return answer.json();
  }

  async function failure(answer) {
    let words = `the server said ${answer.status}`;
    try {
      const body = await answer.json();
      words = [body.error, body.next].filter(Boolean).join('. ') || words;
    } catch { /* not JSON: the status is all there is */ }
    return Object.assign(new Error(words), {status: answer.status});
  }

  let runsBusy = null, runsAgain = false;
  /** Read the runs that changed (all of them the first time). Calls while one is under way are folded into one more. */
  board.loadRuns = function loadRuns(all = false) {
    if (runsBusy) { runsAgain = runsAgain || true; return runsBusy; }
    const since = board.loaded && !all;
    runsBusy = getJson(since ? `api/runs?since=${board.version}` : 'api/runs')
      .then(answer => {
        if (since && answer.complete === false) return getJson('api/runs').then(whole => board.takeRuns(whole, true));
        return board.takeRuns(answer, !since);
      })
      .finally(() => {
        runsBusy = null;
        if (runsAgain) { runsAgain = false; setTimeout(() => loadRuns().catch(() => {}), 300); }
      });
    return runsBusy;
  };

  board.loadTags = async function loadTags() {
    const answer = await getJson('api/tags?kind=scalar');
    const before = board.tags.join('\n');
    board.tags = answer.tags.map(one => one.tag);
    const first = !board.tagsLoaded;
    board.tagsLoaded = true;
    if (first || board.tags.join('\n') !== before) news.tell('tags');
  };

  board.loadBoard = async function loadBoard() {
    board.info = await getJson('api/board');
    news.tell('board');
  };

  state && state.on('hide only runs project run', () => { board.select(); news.tell('runs'); });

  Object.assign(crossboard, {board, getJson, failure});
})(window);
