/* Draws curves of classifiers over thresholds, of any number of runs: precision over recall, or true over false positive rate (ROC).

   It keeps no state; `g` is a canvas context or the `Svg` of 45-picture.js. Axes go from 0 to 1. Behind the curves of precision lie lines of
   equal F1 and, dashed, the share of positives, behind ROC curves the diagonal: what guessing has. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {numbers, plot, pr} = crossboard;
  const TICKS = [0, 0.2, 0.4, 0.6, 0.8, 1], F1S = [0.2, 0.4, 0.6, 0.8];

  /** Where the plot lies in a box. */
  function place(width, height) {
    const left = 38, right = width - 14, top = 22, bottom = height - 34;
    return {left, right, top, bottom, X: v => left + (right - left) * v, Y: v => bottom - (bottom - top) * v};
  }

  const xOf = (one, kind) => kind === 'roc' ? one.fpr : one.recall, yOf = (one, kind) => kind === 'roc' ? one.recall : one.precision;

  function frame(g, at, kind, {isoF1}) {
    const c = plot.colours(), {left, right, bottom, X, Y} = at;
    g.lineWidth = 1; g.font = c.font; g.textBaseline = 'middle';
    for (const v of TICKS) {
      g.strokeStyle = v ? c.grid : c.axis;
      g.beginPath(); g.moveTo(left, Math.round(Y(v)) + 0.5); g.lineTo(right, Math.round(Y(v)) + 0.5); g.stroke();
      g.fillStyle = c.ink3;
      g.textAlign = 'right'; g.fillText(String(v), left - 6, Y(v));
      g.textAlign = 'center'; g.fillText(String(v), Math.min(right - 4, Math.max(left + 4, X(v))), bottom + 10);
    }
    g.fillStyle = c.ink2;
    g.textAlign = 'left'; g.fillText(kind === 'roc' ? 'true positive rate (recall)' : 'precision', 4, 8);
    g.textAlign = 'right'; g.fillText(kind === 'roc' ? 'false positive rate' : 'recall', right, bottom + 24);
    if (kind === 'roc') {
      g.strokeStyle = c.ink3; g.setLineDash([4, 3]);
      g.beginPath(); g.moveTo(X(0), Y(0)); g.lineTo(X(1), Y(1)); g.stroke();
      g.setLineDash([]);
    } else if (isoF1) for (const f1 of F1S) {
      g.strokeStyle = c.axis; g.setLineDash([2, 3]);
      g.beginPath();
      for (let i = 0; i <= 60; i++) { const least = f1 / (2 - f1), recall = least + (1 - least) * (i / 60) ** 2, precision = f1 * recall / (2 * recall - f1); if (i) g.lineTo(X(recall), Y(precision)); else g.moveTo(X(recall), Y(precision)); }
      g.stroke();
      g.setLineDash([]);
      g.fillStyle = c.ink3; g.textAlign = 'right';
      g.fillText(`F1 ${f1}`, right - 2, Y(f1 / (2 - f1)) - 6);
    }
  }

  /** The shares of positives: one line where all are the same, else one in each run's colour. */
  function baselines(g, at, curves) {
    const shares = curves.map(one => pr.prevalence(one.list)).filter(v => v === v), same = shares.length && Math.max(...shares) - Math.min(...shares) < 0.0005, c = plot.colours();
    if (!shares.length) return;
    const draw = (share, colour) => { g.strokeStyle = colour; g.setLineDash([4, 3]); g.lineWidth = 1; g.beginPath(); g.moveTo(at.left, at.Y(share)); g.lineTo(at.right, at.Y(share)); g.stroke(); g.setLineDash([]); };
    if (same) {
      draw(shares[0], c.ink3);
      g.fillStyle = c.ink3; g.textAlign = 'left'; g.fillText(`positives ${numbers.value(+shares[0].toFixed(4))}`, at.left + 4, at.Y(shares[0]) + (shares[0] > 0.08 ? 8 : -8));
    } else for (const one of curves) { const share = pr.prevalence(one.list); if (share === share) draw(share, one.colour); }
  }

  /** `curves`: [{list, colour, dash, faint, strong, mark}], `list` as `pr.rates` has it, `mark` which of it is told (-1: none). */
  function draw(g, width, height, curves, {kind, isoF1 = true}) {
    const at = place(width, height), c = plot.colours();
    frame(g, at, kind, {isoF1});
    if (kind !== 'roc') baselines(g, at, curves);
    g.lineJoin = 'round';
    for (const one of [...curves].sort((a, b) => Boolean(a.strong) - Boolean(b.strong))) {
      const pairs = pr.line(one.list, kind);
      g.strokeStyle = one.colour; g.lineWidth = one.strong ? 2.25 : 1.5; g.globalAlpha = one.faint ? 0.35 : 1; g.setLineDash(one.dash || []);
      g.beginPath();
      pairs.forEach(([x, y], i) => i ? g.lineTo(at.X(x), at.Y(y)) : g.moveTo(at.X(x), at.Y(y)));
      g.stroke();
      g.setLineDash([]);
    }
    g.globalAlpha = 1;
    for (const one of curves) {
      const told = one.list[one.mark];
      if (!told || !Number.isFinite(xOf(told, kind) + yOf(told, kind))) continue;
      g.beginPath(); g.arc(at.X(xOf(told, kind)), at.Y(yOf(told, kind)), one.strong ? 5 : 4, 0, 6.2832);
      g.fillStyle = c.surface; g.fill();
      g.strokeStyle = one.colour; g.lineWidth = 1.75; g.stroke();
    }
    return at;
  }

  /** What lies nearest to a place in the box: {curve, index} of the curves, or null where nothing is within `reach` pixels. */
  function nearest(width, height, curves, kind, x, y, reach = Infinity) {
    const at = place(width, height);
    let best = null, near = reach * reach;
    curves.forEach((one, curve) => one.list.forEach((told, index) => {
      const away = (at.X(xOf(told, kind)) - x) ** 2 + (at.Y(yOf(told, kind)) - y) ** 2;
      if (away < near) { near = away; best = {curve, index}; }
    }));
    return best;
  }

  /** Places in `list` in the order in which the curve runs, those without a point left out. */
  const along = (list, kind) => list.map((_, i) => i).filter(i => Number.isFinite(xOf(list[i], kind) + yOf(list[i], kind))).sort((a, b) => xOf(list[a], kind) - xOf(list[b], kind) || (kind === 'roc' ? yOf(list[a], kind) - yOf(list[b], kind) : 0) || list[b].threshold - list[a].threshold);

  const rate = v => v === v ? v.toFixed(4) : 'none';

  /** The rows of a CSV file: every threshold of every curve, [{run, rank, step, list}]. */
  function table(curves) {
    return [['run', 'rank', 'step', 'threshold', 'true_positives', 'false_positives', 'true_negatives', 'false_negatives', 'precision', 'recall', 'false_positive_rate', 'f1'],
      ...curves.flatMap(({run, rank, step, list}) => list.map(one => [run, rank, step, one.threshold, one.tp, one.fp, one.tn, one.fn, one.precision, one.recall, one.fpr, one.f1]))];
  }

  crossboard.curvePlot = {draw, nearest, along, rate, table};
})(window);
