/* Confusion matrices as numbers: shares, differences, what each class is worth, what is confused most. Pure.

   `counts[i][j]`: examples of class i that were called j. A grid is {n, values}: n * n numbers row by row, NaN where there is none. */
(root => {
  'use strict';
  const crossboard = root.crossboard = root.crossboard || {};

  const sizeOf = counts => counts.reduce((most, row) => Math.max(most, row.length), counts.length);

  /** Rows of numbers -> a grid; a missing number is 0, a class that is null has none. */
  function grid(counts) {
    const n = sizeOf(counts.map(row => row || [])), values = new Float64Array(n * n);
    counts.forEach((row, i) => { if (row) for (let j = 0; j < row.length; j++) values[i * n + j] = +row[j] || 0; });
    return {n, values};
  }

  /** How many examples each class has (rows), how often each was called (columns), and all. */
  function sums({n, values}) {
    const rows = new Float64Array(n), columns = new Float64Array(n);
    let all = 0, right = 0;
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) { const v = values[i * n + j]; if (v === v) { rows[i] += v; columns[j] += v; all += v; if (i === j) right += v; } }
    return {rows, columns, all, right};
  }

  /** A grid of counts as `kind`: "" counts, "row" shares of the true class (recall in the diagonal), "col" shares of what was called so
      (precision in the diagonal), "all" shares of all examples. */
  function shares(one, kind) {
    if (!kind) return one;
    const {n, values} = one, {rows, columns, all} = sums(one), out = new Float64Array(n * n);
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) { const of = kind === 'row' ? rows[i] : kind === 'col' ? columns[j] : all; out[i * n + j] = of > 0 ? values[i * n + j] / of : NaN; }
    return {n, values: out};
  }

  const names = (labels, n) => Array.from({length: n}, (_, i) => labels[i] === undefined ? String(i) : String(labels[i]));

  /** Bring two matrices, {labels, counts} each, to the same classes: those of both in the order of the first, then what only the second has.
      {labels, first, second, alone}: grids where a class that one does not have is without numbers, and how many such classes there are. Where a
      name comes twice classes go by their place. */
  function aligned(a, b) {
    const first = grid(a.counts), second = grid(b.counts), one = names(a.labels, first.n), two = names(b.labels, second.n);
    const named = new Set(one).size === one.length && new Set(two).size === two.length;
    const labels = named ? [...new Set([...one, ...two])] : one.length >= two.length ? one : two, n = labels.length;
    const place = (list, i) => named ? list.get(labels[i]) : i < list.size ? i : undefined;
    const spread = (from, own) => {
      const at = new Map(own.map((name, i) => [named ? name : i, i])), places = labels.map((_, i) => place(at, i)), values = new Float64Array(n * n).fill(NaN);
      for (let i = 0; i < n; i++) if (places[i] !== undefined) for (let j = 0; j < n; j++) if (places[j] !== undefined) values[i * n + j] = from.values[places[i] * from.n + places[j]];
      return {n, values};
    };
    return {labels, first: spread(first, one), second: spread(second, two), alone: 2 * n - one.length - two.length};
  }

  /** first - second, cell by cell. */
  const difference = (first, second) => ({n: first.n, values: first.values.map((v, i) => v - second.values[i])});

  /** [{label, place, precision, recall, f1, support, called}] of each class; NaN where there is no such rate. */
  function classes(one, labels) {
    const {n, values} = one, {rows, columns} = sums(one);
    return names(labels, n).map((label, i) => {
      const right = values[i * n + i], precision = columns[i] > 0 ? right / columns[i] : NaN, recall = rows[i] > 0 ? right / rows[i] : NaN;
      return {label, place: i, precision, recall, f1: rows[i] + columns[i] > 0 ? 2 * right / (rows[i] + columns[i]) : NaN, support: rows[i], called: columns[i]};
    });
  }

  /** The `most` largest numbers beside the diagonal, by size whatever the sign: [{truth, called, value}] of places. */
  function pairs({n, values}, most) {
    const found = [];
    let bar = 0;
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) {
      const value = values[i * n + j], size = Math.abs(value);
      if (i === j || !(size > bar)) continue;
      found.push({truth: i, called: j, value});
      if (found.length >= 4 * most) { found.sort((a, b) => Math.abs(b.value) - Math.abs(a.value)); found.length = most; bar = Math.abs(found[most - 1].value); }
    }
    return found.sort((a, b) => Math.abs(b.value) - Math.abs(a.value)).slice(0, most);
  }

  /** Places of the classes that have examples or were called. */
  function used(one) {
    const {rows, columns} = sums(one), places = [];
    for (let i = 0; i < one.n; i++) if (rows[i] > 0 || columns[i] > 0) places.push(i);
    return places;
  }

  /** Rows ordered by a column, NaN and names without a number last; `down`: largest first. */
  function ordered(list, by, down) {
    const way = down ? -1 : 1;
    return [...list].sort((a, b) => {
      if (by === 'label') return way * a.label.localeCompare(b.label, 'en', {numeric: true});
      const x = a[by], y = b[by];
      return x === y ? a.place - b.place : x !== x ? 1 : y !== y ? -1 : way * (x - y);
    });
  }

  crossboard.matrices = {grid, sums, shares, names, aligned, difference, classes, pairs, used, ordered};
})(typeof window === 'undefined' ? globalThis : window);
