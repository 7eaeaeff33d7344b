/* The headline metric: the one number of each run that the rail shows and can be sorted by. `state.metric` is TAG.STATISTIC as in a run query; "" is
   the first tag that has a goal, by its best value, else the last value of a tag of validation, or of the first tag, of those that most runs have. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {board, runMenu, state} = crossboard;
  const STATISTICS = ['last', 'min', 'max', 'best'], MOST_TAGS = 200;
  let kept = null, keptFor = -1;

  /** True for a tag of what a model was not trained on. */
  const isValidation = tag => /^(val|valid|validation|eval|test)[/_]/.test(tag);

  /** {tag, statistic} of a metric as it is written in the link. */
  function parse(text) {
    const cut = text.lastIndexOf('.'), statistic = text.slice(cut + 1);
    return cut > 0 && STATISTICS.includes(statistic) ? {tag: text.slice(0, cut), statistic} : {tag: text, statistic: 'last'};
  }

  function automatic() {
    if (keptFor === board.version && kept) return kept;
    const counts = new Map(), goals = new Set();
    for (const run of board.order) for (const [tag, one] of Object.entries(run.metrics || {})) {
      counts.set(tag, (counts.get(tag) || 0) + 1);
      if (one.best !== null && one.best !== undefined) goals.add(tag);
    }
    const most = Math.max(0, ...counts.values()), tags = [...counts.keys()].sort((a, b) => a < b ? -1 : 1);
    const own = tags.filter(tag => !/^_?sys(tem)?[./]/.test(tag)), common = own.filter(one => counts.get(one) === most);
    const tag = own.find(one => goals.has(one)) || common.find(isValidation) || common[0] || own[0] || '';
    kept = {tag, statistic: goals.has(tag) ? 'best' : 'last'};
    keptFor = board.version;
    return kept;
  }

  const now = () => state.metric ? parse(state.metric) : automatic();

  /** The number of a run; null when it has none, NaN and infinities as they are. */
  function of(run, {tag, statistic} = now()) {
    const one = board.pairOf(run).map(each => (each.metrics || {})[tag]).find(Boolean);
    if (!one) return null;
    const value = one[statistic] ?? (statistic === 'best' ? one.last : null);
    return value === null ? null : typeof value === 'number' ? value : {inf: Infinity, '+inf': Infinity, '-inf': -Infinity}[String(value).toLowerCase().replace('infinity', 'inf')] ?? NaN;
  }

  /** Four digits, as the rail has room for. */
  function text(value) {
    if (value === null) return '';
    if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? '∞' : '−∞';
    if (value === 0) return '0';
    const size = Math.abs(value);
    if (size >= 1e5 || size < 1e-3) return value.toExponential(1).replace('e+', 'e').replaceAll('-', '−');
    return (size >= 1000 ? String(Math.round(value)) : value.toPrecision(4).includes('e') ? String(value) : String(+value.toPrecision(4))).replace('-', '−');
  }

  /** Sort runs by it, highest first or lowest first; those that have no number come last. */
  function sort(runs, highest) {
    const which = now(), values = new Map(runs.map(run => [run, of(run, which)]));
    const none = value => value === null || Number.isNaN(value);
    return runs.sort((a, b) => {
      const x = values.get(a), y = values.get(b);
      return none(x) || none(y) ? none(x) - none(y) : highest ? y - x : x - y;
    });
  }

  /** Which orders and numbers there are. */
  function menu(anchor) {
    const {tag, statistic} = now(), orders = {newest: 'Newest first', oldest: 'Oldest first', name: 'By name', high: 'Highest value first', low: 'Lowest value first'};
    runMenu.popup(anchor, [['Order'], ...Object.entries(orders).map(([name, words]) => [words, () => state.set('sort', name), null, state.sort === name]),
      ['Value of'], ...STATISTICS.map(one => [one, () => state.set('metric', `${tag}.${one}`), null, statistic === one]), ['-'],
      ['Automatic', () => state.set('metric', ''), null, !state.metric],
      ...board.tags.slice(0, MOST_TAGS).map(one => [one, () => state.set('metric', `${one}.${state.metric ? statistic : 'last'}`), null, Boolean(state.metric) && tag === one])], 'order and value of the runs');
  }

  crossboard.headline = {isValidation, menu, now, of, parse, sort, text, words: () => { const {tag, statistic} = now(); return tag ? `${statistic} ${tag}` : ''; }};
})(window);
