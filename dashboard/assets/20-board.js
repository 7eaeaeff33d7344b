/* What the page knows of the board: runs, tags, sources, and which runs are shown in which colour.

   `board.runs` maps a run's key to what /api/runs said of it, plus `mark` (its name in the URL) and `slot` (its colour and
   dash). `board.visible` lists the runs that are drawn, oldest first. News: "runs" (any run changed), "visible" (the set of
   drawn runs changed), "tags", "board" (sources, progress), "highlight" (a run is pointed at).

   Runs that pair (Keras' train and validation directories) are drawn as one: the others of a pair take colour, place and visibility
   from its lead. `board.families` are tags that are one metric. What joins them is told in store/aliases.py. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {announcer, url, state, view, stats} = crossboard;
  const news = announcer();
  const slots = new Map();

  const FRAMEWORKS = {torch: 'PyTorch', pytorch: 'PyTorch', tensorflow: 'TensorFlow', keras: 'Keras', jax: 'JAX', lightning: 'Lightning', sklearn: 'scikit-learn'};
  const FORMATS = {tensorboard: 'TensorBoard', visdom: 'Visdom', wandb: 'W&B', mlflow: 'MLflow', trackio: 'trackio', csv: 'CSV'};

  const board = {
    runs: new Map(), order: [], visible: [], shown: new Set(), tags: [], info: null, version: 0,
    loaded: false, tagsLoaded: false, highlight: '', families: [], early: false, on: news.on, tell: news.tell,

    /** The run that `run` is drawn with, null for one that stands for itself. */
    leadOf: run => run.lead || null,

    /** The other runs of the pair that `run` leads. */
    matesOf: run => run.mates || [],

    /** The mark by which a run is hidden or isolated: that of its pair. */
    markOf: run => (run.lead || run).mark,

    /** Every run of the pair that `run` is of, the lead first; the run alone where there is no pair. */
    pairOf(run) { const lead = board.leadOf(run) || run; return [lead, ...board.matesOf(lead)]; },

    /** What the pair, or the run alone, is called in a list. */
    nameOf: run => board.matesOf(run).length ? run.pair.parent : run.name,

    /** True when a run, or the pair it is of, is pointed at. */
    isLit: key => Boolean(board.highlight) && (key === board.highlight || (board.leadOf(board.runs.get(key) || {}) || {}).key === board.highlight),

    /** Which split a curve of `run` and `tag` is of: "train", "validation", "test" or "" where nothing is joined. */
    splitOf: (run, tag, family) => (family && family.splits[tag]) || (run.lead || board.matesOf(run).length ? run.pair.split : ''),

    /** What stands in charts, in the order of the tags: {key, title, tags, family}, a card each; what a person joined as one. */
    charts() {
      const of = new Map();
      for (const family of board.families) for (const tag of Object.keys(family.splits)) of.set(tag, family);
      const made = state.run ? [] : [...state.expr].map(text => ({key: `=${text}`, title: text, tags: [`=${text}`], family: null, section: 'expressions'})), done = new Set();
      for (const tag of board.tags) {
        const family = of.get(tag);
        if (!family) made.push({key: tag, title: tag, tags: [tag], family: null});
        else if (!done.has(family)) { done.add(family); made.push({key: `join:${family.title}`, title: family.title, tags: Object.keys(family.splits), family}); }
      }
      return crossboard.places.withJoins(made, state.joined);
    },

    /** What a format of sources is called; one that is not known here has the name it came with. */
    formatName: format => format === 'native' ? 'Native' : FORMATS[format] || format,

    /** The heading under which a run stands in the rail. */
    groupOf(run) {
      if (run.framework) return FRAMEWORKS[run.framework.toLowerCase()] || run.framework;
      return run.source && run.source !== 'native' ? FORMATS[run.source] || run.source : run.panes ? FORMATS.visdom : 'Python';   // drawn through Visdom's protocol
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
      const chosen = board.only(), isChosen = run => chosen.has(run.mark) || chosen.has(board.markOf(run)), only = chosen.size && matching.some(isChosen);
      const visible = state.run ? (alone ? board.pairOf(alone) : []) : matching.filter(run => only ? isChosen(run) : run.hidden ? state.hide.has('!' + run.mark) : !state.hide.has(board.markOf(run)));
      const same = visible.length === board.visible.length && visible.every((run, i) => run === board.visible[i]);
      board.matching = matching;
      board.visible = visible;
      board.shown = new Set(visible.map(run => run.key));
      if (!same) news.tell('visible');
    },

    /** The marks of the runs that are isolated: "show only these". */
    only: () => new Set(state.only.split('.').filter(Boolean)),

    /** True when a run is of the chosen project, not archived unless it is isolated, and meets the rail's filter. */
    matches: run => (!run.archived || state.only.includes(run.mark) || state.only.includes(board.markOf(run))) && (!state.project || run.project === state.project) &&
      crossboard.runFilter.lets(run),

    /** Show or hide runs (an array). Leaves "only this run". */
    show(runs, yes) {
      if (state.only) {   // what was isolated becomes an ordinary choice
        const only = board.only();
        state.hide = new Set(board.order.filter(run => !only.has(board.markOf(run))).map(board.markOf));
        state.only = '';
      }
      for (const run of runs) {
        const name = run.hidden ? '!' + run.mark : board.markOf(run), add = run.hidden ? yes : !yes;
        if (add) state.hide.add(name); else state.hide.delete(name);
      }
      state.changed('hide');
    },

    /** Show only this run, or all as before when it is the only one already; `more`: add it to those that are isolated, or take it out. */
    isolate(run, more = false) {
      const mark = board.markOf(run), only = board.only();
      if (more) { if (!only.delete(mark)) only.add(mark); state.set('only', [...only].sort().join('.')); } else state.set('only', state.only === mark ? '' : mark);
    },

    /** Give each run its colour: that of its group in the way to group that is chosen, else its own. */
    colour() {
      for (const run of board.order) {
        const colourKey = run.group ? `${run.project}/${run.group}` : (board.leadOf(run) || run).key;
        if (!slots.has(colourKey)) slots.set(colourKey, slots.size);
      }
      crossboard.looks.assign(board.order, run => crossboard.groups.slotOf(run) ?? slots.get(run.group ? `${run.project}/${run.group}` : (board.leadOf(run) || run).key));
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
      board.arrange();
      board.version = answer.version;
      board.loaded = true;
      board.visible = board.visible.map(run => board.runs.get(run.key)).filter(Boolean);
      board.select();
      news.tell('runs');
    },

    /** Put the runs in order and give each its colour; the runs of a pair share one. */
    arrange() {
      const when = run => Number.isFinite(run.started) && run.started !== null ? run.started : Infinity;
      board.order = [...board.runs.values()].sort((a, b) => when(a) - when(b) || (a.key < b.key ? -1 : 1));
      for (const run of board.order) { run.lead = null; run.mates = []; }
      for (const run of board.order) {
        const lead = run.pair && state.join !== 'off' && run.pair.lead !== run.key ? board.runs.get(run.pair.lead) : null;
        if (lead) { run.lead = lead; lead.mates.push(run); }
      }
      board.colour();
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
    const answer = await getJson(`api/tags?kind=scalar&join=${state.join || 'sure'}`);
    const told = () => board.tags.join('\n') + JSON.stringify(board.families), before = told();
    board.tags = answer.tags.map(one => one.tag);
    board.families = answer.families || [];
    board.early = Boolean(answer.early);
    const first = !board.tagsLoaded;
    board.tagsLoaded = true;
    if (first || told() !== before) news.tell('tags');
  };

  board.loadBoard = async function loadBoard() {
    board.info = await getJson('api/board');
    news.tell('board');
  };

  state && state.on('join', () => {
    board.arrange();
    board.select();
    news.tell('runs');
    news.tell('visible');   // the same runs in other colours
    if (board.tagsLoaded) board.loadTags().catch(() => {});
  });
  state && state.on('hide only runs project src run', () => { board.select(); news.tell('runs'); });

  Object.assign(crossboard, {board, getJson, failure});
})(window);
