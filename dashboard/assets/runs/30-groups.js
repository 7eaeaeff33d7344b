/* Grouping: our own, over the rows that pass the filters. Pure: no page, no state.

   A group is {label, values, members, shut}; it shows of a number its aggregate over the members that have one (mean and standard
   deviation with n - 1, by default), of anything else the value that all share, or how many there are. */
(root => {
  'use strict';
  const crossboard = root.crossboard = root.crossboard || {};
  const collator = new Intl.Collator('en', {numeric: true, sensitivity: 'base'});

  /** One text for a cell: equal for equal cells, and what is shown of it in a group's name. */
  function word(cell) {
    if (cell === undefined || cell === null || cell === '') return 'none';
    return Array.isArray(cell) ? (cell.length ? cell.map(word).join(', ') : 'none') : typeof cell === 'object' ? JSON.stringify(cell) : String(cell);
  }

  /** Mean, deviation, median, least, largest, sum and n of the finite numbers; `left` counts NaN and infinities. */
  function aggregate(cells) {
    const finite = [];
    let left = 0;
    for (const cell of cells) { if (typeof cell !== 'number') continue; if (Number.isFinite(cell)) finite.push(cell); else left++; }
    const n = finite.length;
    if (!n) return {n: 0, left};
    const shift = finite[0];
    let sum = 0, square = 0, low = Infinity, high = -Infinity;
    for (const v of finite) { const d = v - shift; sum += d; square += d * d; if (v < low) low = v; if (v > high) high = v; }
    const mean = Math.min(high, Math.max(low, shift + sum / n)), sorted = finite.sort((a, b) => a - b), half = n >> 1;
    return {n, left, mean, std: n > 1 && low < high ? Math.sqrt(Math.max(0, (square - sum * sum / n) / (n - 1))) : n > 1 ? 0 : NaN, min: low, max: high, sum: shift * n + sum,
      median: n % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2};
  }

  /** What a group shows of one column: {kind: "number", ...aggregate}, {kind: "same", value} or {kind: "many", count, values: sorted}. */
  function summary(cells, named) {
    const there = cells.filter(cell => cell !== undefined && cell !== null);
    if (!there.length) return null;
    if (named) {
      const values = [...new Map(there.map(cell => [word(cell), cell])).values()];
      return values.length === 1 ? {kind: 'same', value: there[0]} : {kind: 'many', count: values.length, values: values.sort(compare)};
    }
    return {kind: 'number', ...aggregate(there)};
  }

  /** Rank of what has no place in an order of numbers: numbers, then NaN, then nothing; they come last both ways. */
  const last = cell => cell === undefined || cell === null || cell === '' ? 2 : typeof cell === 'number' && Number.isNaN(cell) ? 1 : 0;

  /** Compare two cells: numbers before texts, nothing and NaN at the end whichever the way. */
  function compare(a, b, descending = false) {
    const la = last(a), lb = last(b);
    if (la || lb) return la === lb ? 0 : (la - lb) * (descending ? -1 : 1);
    const na = typeof a === 'number', nb = typeof b === 'number';
    if (na && nb) return a - b;
    if (na !== nb) return na ? -1 : 1;
    return typeof a === 'string' && typeof b === 'string' ? collator.compare(a, b) : collator.compare(word(a), word(b));
  }

  /** Put rows, sorted already, into groups in the order of their names. `cellOf(row, id)`. */
  function grouped(rows, by, cellOf) {
    const groups = new Map();
    for (const row of rows) {
      const values = by.map(id => cellOf(row, id)), label = values.map(word).join(' · ');
      let group = groups.get(label);
      if (!group) { group = {label, values, members: []}; groups.set(label, group); }
      group.members.push(row);
    }
    return [...groups.values()].sort((a, b) => { for (let i = 0; i < by.length; i++) { const way = compare(a.values[i], b.values[i]); if (way) return way; } return 0; });
  }

  crossboard.runGroups = {aggregate, collator, compare, grouped, summary, word};
})(typeof window === 'undefined' ? globalThis : window);
