/* Precision over recall at every threshold, and what the counts are at one threshold.

   Precision is TP / (TP + FP), recall TP / (TP + FN), F1 their harmonic mean; where nothing is called positive there is no precision, and
   the curve has no point there. */
(root => {
  'use strict';
  const crossboard = root.crossboard = root.crossboard || {};

  /** Counts -> [{threshold, precision, recall, f1, tp, fp, tn, fn}], in the order of thresholds; NaN where there is no such rate. */
  function rates(point) {
    return point.thresholds.map((threshold, i) => {
      const [tp, fp, tn, fn] = ['true_positives', 'false_positives', 'true_negatives', 'false_negatives'].map(name => +point[name][i]);
      const precision = tp + fp > 0 ? tp / (tp + fp) : NaN, recall = tp + fn > 0 ? tp / (tp + fn) : NaN;
      return {threshold: +threshold, precision, recall, f1: precision + recall > 0 ? 2 * precision * recall / (precision + recall) : precision === 0 || recall === 0 ? 0 : NaN, tp, fp, tn, fn};
    });
  }

  /** Average precision: the sum over thresholds of the gain in recall times the precision there (as scikit-learn has it). */
  function averagePrecision(list) {
    const falling = list.filter(one => one.recall === one.recall).sort((a, b) => a.recall - b.recall || b.threshold - a.threshold);
    let before = 0, sum = 0;
    for (const one of falling) { if (one.precision === one.precision) sum += (one.recall - before) * one.precision; before = one.recall; }
    return sum;
  }

  crossboard.pr = {rates, averagePrecision};
  if (!crossboard.views) return;
  const {fill, h, numbers, plot, state, board} = crossboard;

  crossboard.views.pr_curve = panel => {
    const canvas = h('canvas', {role: 'img'}), slider = h('input', {type: 'range', min: '0', step: '1', 'aria-label': 'threshold'}), read = h('div.prread');
    const element = h('div.vpr', {}, h('div.prc', {}, canvas), h('label.prt', {}, h('span.dim', {}, 'threshold'), slider), read);
    let list = [], chosen = null;

    const index = () => chosen === null ? list.reduce((best, one, i) => (one.f1 > (list[best] ? list[best].f1 : -1) ? i : best), 0) : list.reduce((best, one, i) => Math.abs(one.threshold - chosen) < Math.abs(list[best].threshold - chosen) ? i : best, 0);

    function draw() {
      if (!list.length || !canvas.isConnected) { fill(read, 'no thresholds'); return; }
      const width = canvas.clientWidth, height = canvas.clientHeight, g = plot.prepare(canvas, width, height), c = plot.colours(), left = 40, right = width - 14, top = 8, bottom = height - 30;
      const X = v => left + (right - left) * v, Y = v => bottom - (bottom - top) * v, run = board.runs.get(state.run), colour = plot.look(run ? run.slot : 0).colour;
      g.lineWidth = 1; g.fillStyle = c.ink3; g.textBaseline = 'middle';
      for (const v of [0, 0.25, 0.5, 0.75, 1]) {
        g.strokeStyle = v ? c.grid : c.axis; g.beginPath(); g.moveTo(left, Math.round(Y(v)) + 0.5); g.lineTo(right, Math.round(Y(v)) + 0.5); g.stroke();
        g.textAlign = 'right'; g.fillText(String(v), left - 6, Y(v));
        g.textAlign = 'center'; g.fillText(String(v), Math.min(right - 4, Math.max(left + 4, X(v))), bottom + 9);
      }
      g.textAlign = 'center'; g.fillText('recall', (left + right) / 2, bottom + 22);
      g.save(); g.translate(9, (top + bottom) / 2); g.rotate(-Math.PI / 2); g.fillText('precision', 0, 0); g.restore();
      const drawn = list.filter(one => one.precision === one.precision && one.recall === one.recall);
      g.strokeStyle = colour; g.lineWidth = 1.5; g.lineJoin = 'round'; g.beginPath();
      drawn.forEach((one, i) => i ? g.lineTo(X(one.recall), Y(one.precision)) : g.moveTo(X(one.recall), Y(one.precision)));
      g.stroke();
      const i = index(), one = list[i];
      slider.max = String(list.length - 1); slider.value = String(i);
      slider.style.setProperty('--at', `${list.length > 1 ? 100 * i / (list.length - 1) : 0}%`);
      slider.setAttribute('aria-valuetext', `threshold ${numbers.value(one.threshold)}`);
      if (one.precision === one.precision && one.recall === one.recall) { g.beginPath(); g.arc(X(one.recall), Y(one.precision), 4, 0, 6.2832); g.fillStyle = c.surface; g.fill(); g.stroke(); }
      const rate = v => v === v ? v.toFixed(4) : 'none';
      fill(read, [['threshold', numbers.value(one.threshold)], ['precision', rate(one.precision)], ['recall', rate(one.recall)], ['F1', rate(one.f1)], ['TP', numbers.value(one.tp)], ['FP', numbers.value(one.fp)], ['FN', numbers.value(one.fn)], ['TN', numbers.value(one.tn)]].map(([name, text]) => h('span', {}, h('i', {}, name), text)));
      canvas.setAttribute('aria-label', `precision over recall of ${panel.series.tag}; at threshold ${numbers.value(one.threshold)} precision ${rate(one.precision)}, recall ${rate(one.recall)}`);
    }

    slider.oninput = () => { chosen = list[+slider.value].threshold; draw(); };
    return {
      element,
      show(point) { list = rates(point); draw(); },
      facts: point => [point.label && `class ${point.label}`, `${list.length} thresholds`, `average precision ${averagePrecision(list).toFixed(4)}`],
      redraw: draw,
    };
  };
})(typeof window === 'undefined' ? globalThis : window);
