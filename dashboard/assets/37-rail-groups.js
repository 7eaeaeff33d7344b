/* Under which headings the runs of the rail stand. `state.rail` is framework, project, group, status, none or config:KEY; "" is the way in which
   the page bar brings runs together (`state.bands`), and the framework where it does not. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {board, groups, runFilter, runMenu, state} = crossboard;
  const ORDER = {PyTorch: 0, Lightning: 1, Keras: 2, TensorFlow: 3, JAX: 4, Python: 50}, LAST = 1e9, MOST_KEYS = 60;
  const STATUSES = ['running', 'silent', 'failed', 'killed', 'finished'];
  const WORDS = {framework: 'framework', project: 'project', group: 'group', status: 'status', seed: 'seeds', none: 'no groups'};
  const collator = new Intl.Collator('en', {numeric: true, sensitivity: 'base'});

  /** The way that is in force. */
  const by = () => state.rail || state.bands || 'framework';
  const words = way => WORDS[way] || way.replace(/^config:/, '');

  /** A config value as a heading says it. */
  const textOf = value => typeof value === 'string' ? value || '""' : JSON.stringify(value);

  /** Order of config values by their texts: numbers as numbers, before all else. */
  function compare(a, b) {
    const x = a === '' ? NaN : Number(a), y = b === '' ? NaN : Number(b);
    return Number.isNaN(x) || Number.isNaN(y) ? Number.isNaN(x) - Number.isNaN(y) || collator.compare(a, b) : x - y;
  }

  /** {name, rank, text} of the heading under which a run stands; headings go by rank, then by text, which is the name where there is none. */
  function headingOf(run, way = by()) {
    if (way === 'none') return {name: 'All runs', rank: 0};
    if (way === 'framework') return {name: run.heading, rank: ORDER[run.heading] ?? 20};
    if (way === 'status') return {name: run.status, rank: STATUSES.indexOf(run.status)};
    if (way === 'seed') {
      const group = groups.by === 'seed' && groups.of.get(run.key);
      return group ? {name: group.label, rank: 0} : {name: 'single runs', rank: LAST};
    }
    if (way.startsWith('config:')) {
      const key = way.slice(7), value = runFilter.configOf(run, key);
      return value === undefined ? {name: `no ${key}`, rank: LAST} : {name: `${key} = ${textOf(value)}`, rank: 0, text: textOf(value)};
    }
    return run[way] ? {name: run[way], rank: 0} : {name: `no ${way}`, rank: LAST};
  }

  /** Put runs (in their order) under their headings: [[name, runs], ...]. Pinned runs come first, under a heading of their own. */
  function arrange(runs) {
    const found = new Map(), pins = new Set(state.pin), pinned = [];
    for (const run of runs) {
      if (pins.has(run.mark)) { pinned.push(run); continue; }
      const {name, rank, text = name} = headingOf(run);
      if (!found.has(name)) found.set(name, {rank, text, runs: []});
      found.get(name).runs.push(run);
    }
    const list = [...found].sort((a, b) => a[1].rank - b[1].rank || compare(a[1].text, b[1].text)).map(([name, one]) => [name, one.runs]);
    return pinned.length ? [['Pinned', pinned], ...list] : list;
  }

  /** The config keys, nested ones dotted, that have at least two values, or that only some runs have. */
  function configKeys() {
    const found = new Map(), order = board.order;
    const walk = (config, above) => {
      for (const [key, value] of Object.entries(config || {})) {
        if (value && typeof value === 'object' && !Array.isArray(value) && Object.keys(value).length) walk(value, `${above}${key}.`);
        else {
          const name = above + key, one = found.get(name) || {n: 0, values: new Set()};
          one.n++;
          if (one.values.size < order.length) one.values.add(textOf(value));
          found.set(name, one);
        }
      }
    };
    for (const run of order) walk(run.config, '');
    return [...found].filter(([, one]) => one.values.size > 1 || one.n < order.length).sort((a, b) => a[1].values.size - b[1].values.size || collator.compare(a[0], b[0])).slice(0, MOST_KEYS).map(([name]) => name);
  }

  function choose(way) {
    state.groups.clear();   // what was collapsed has other names now
    state.set('rail', way);
  }

  function menu(anchor) {
    const item = (way, text) => [text, () => choose(way), null, state.rail === way], keys = configKeys();
    runMenu.popup(anchor, [item('', state.bands ? `As the charts: ${words(state.bands)}` : 'As the charts, else framework'), ['-'],
      ...['framework', 'project', 'group', 'status', 'none'].map(way => item(way, way === 'none' ? 'No groups' : way[0].toUpperCase() + way.slice(1))),
      ...keys.length ? [['Config'], ...keys.map(key => item(`config:${key}`, key))] : []], 'group the runs by');
  }

  crossboard.railGroups = {arrange, by, compare, configKeys, headingOf, menu, textOf, words};
})(window);
