/* One band: what a group's line and interval are on the page, how the interval is filled, and what is said of it. Pure.

   A body of /api/groups is the binary of 14-columns.js with a list "groups" instead of "curves"; each has `n` points and the columns
   that the head names: x, centre, low, high, n, left_out, interpolated. See docs/data-routes.md and docs/statistics.md. */
(root => {
  'use strict';
  const crossboard = root.crossboard = root.crossboard || {}, {columns, numbers} = crossboard;
  const FILL = 0.15;
  const STATISTICS = {mean: 'mean', median: 'median', iqm: 'IQM'};
  const KINDS = {t: 't interval', bca: 'BCa interval', std: 'mean ± std', minmax: 'min to max', iqr: 'IQR', none: 'no band'};
  const OF_MEAN = ['t', 'std'];
  const MEASURED = 20;   // runs from which on BCa holds nearly what its level says (docs/statistics.md)

  /** Read a body (ArrayBuffer): its head, each group with `curve` (x, centre; as a card draws it), `low`, `high` (as curves, for their
      bounds) and `counts` (n of each point). */
  function parse(buffer) {
    const {head, floats} = columns.open(buffer), place = Object.fromEntries(head.columns.map((name, i) => [name, i]));
    for (const group of head.groups) {
      const {at, n} = group, column = name => floats.subarray(at + place[name] * n, at + (place[name] + 1) * n);
      if (at + head.columns.length * n > floats.length) throw new Error(`columns: group ${group.label} ends behind number ${floats.length}`);
      const x = column('x'), none = {nan: 0, pos_inf: 0, neg_inf: 0, unmatched: 0};
      group.curve = columns.bound({run: group.key, tag: group.tag, rank: 0, attempt: 0, total: group.total, raw: group.raw, keep: 0, ...none, x, y: column('centre')});
      group.low = columns.bound({x, y: column('low')});
      group.high = columns.bound({x, y: column('high')});
      group.counts = column('n');
    }
    return head;
  }

  /** Fill between low and high, where both are there; nothing is joined across a gap. A log axis ends at its lower edge. */
  function fill(g, at, {band, colour}) {
    const {low, high} = band, {x} = low, floor = v => at.Y(at.log && v <= 0 ? at.y0 : v), near = v => Math.max(-4000, Math.min(8000, v));
    const open = i => low.y[i] - low.y[i] === 0 && high.y[i] - high.y[i] === 0;
    g.fillStyle = colour;
    g.globalAlpha = FILL;
    g.beginPath();
    for (let i = 0; i < x.length; i++) {
      if (!open(i)) continue;
      let end = i;
      while (end + 1 < x.length && open(end + 1)) end++;
      g.moveTo(at.X(x[i]), near(floor(high.y[i])));
      for (let j = i + 1; j <= end; j++) g.lineTo(at.X(x[j]), near(floor(high.y[j])));
      for (let j = end; j >= i; j--) g.lineTo(at.X(x[j]), near(floor(low.y[j])));
      g.closePath();
      i = end;
    }
    g.fill();
    g.globalAlpha = 1;
  }

  /** The part of a curve with from <= x <= to, as a curve of its own; null when it has none. Only for curves whose x never falls. */
  function part(curve, from, to) {
    if (!curve.sorted) return null;
    const {x} = curve, first = v => { let a = 0, b = x.length; while (a < b) { const m = (a + b) >> 1; if (x[m] < v) a = m + 1; else b = m; } return a; };
    let begin = first(from), end = first(to);
    while (end < x.length && x[end] === to) end++;
    if (Number.isFinite(from) && begin > 0 && x[begin] !== from) begin--;   // the line comes from the point before
    if (Number.isFinite(to) && end < x.length && x[end - 1] !== to) end++;
    if (end - begin < 2) return null;
    return columns.bound({...curve, x: x.subarray(begin, end), y: curve.y.subarray(begin, end)});
  }

  const percent = level => `${+(100 * level).toPrecision(4)} %`;
  const range = (low, high) => low === high ? numbers.whole(low) : `${numbers.whole(low)} to ${numbers.whole(high)}`;

  /** "mean, t interval 95 %, n = 3": what the groups of `head` show. n over those of at least two runs. */
  function words(head, groups) {
    const several = groups.filter(group => group.members > 1 && group.total), parts = [STATISTICS[head.statistic]];
    if (head.band === 't' || head.band === 'bca') parts.push(`${KINDS[head.band]} ${percent(head.level)}`);
    else if (head.band === 'std') parts[0] = KINDS.std;
    else if (head.band !== 'none') parts.push(KINDS[head.band]);
    if (several.length) parts.push(`n = ${range(Math.min(...several.map(group => group.n_low)), Math.max(...several.map(group => group.n_high)))}`);
    return parts.join(', ');
  }

  /** What has to be said beside: [{words, title}]. */
  function cautions(head, groups) {
    const sum = name => groups.reduce((n, group) => n + group[name], 0), several = groups.filter(group => group.members > 1), found = [];
    const few = Math.min(Infinity, ...several.filter(group => group.total).map(group => group.n_low));
    if (head.band === 'bca' && few < MEASURED) found.push({words: `covers less than ${percent(head.level)}`, title: `A bootstrap of few runs is too narrow. Measured on normal values, mean: 73 % at n = 3, 84 % at n = 5, 90 % at n = 10 (docs/statistics.md)`});
    if (sum('left_out')) found.push({words: `${numbers.whole(sum('left_out'))} left out`, title: `${numbers.whole(sum('left_out'))} values are NaN or infinite and in no ${STATISTICS[head.statistic]}`});
    if (sum('interpolated')) found.push({words: `interpolated ${numbers.whole(sum('interpolated'))} of ${numbers.whole(sum('values'))}`, title: 'values on the line between two logged points of a run'});
    return found;
  }

  /** "0.1100 to 0.1400, n = 3": the interval of point i of a group. */
  function interval(group, i) {
    const low = group.low.y[i], high = group.high.y[i], n = `n = ${numbers.whole(group.counts[i])}`;
    return low - low === 0 ? `${numbers.value(low)} to ${numbers.value(high)}, ${n}` : n;
  }

  crossboard.band = {STATISTICS, KINDS, OF_MEAN, parse, fill, part, words, cautions, interval, percent};
})(typeof window === 'undefined' ? globalThis : window);
