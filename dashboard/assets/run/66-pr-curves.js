/* One run's curve over thresholds, and what the counts are at one of them: precision over recall, or ROC from the same counts.

   On its page and as a tile; all runs on one plot are in kinds/20-joined-curves.js. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {board, choices, curvePlot, files, fill, h, numbers, plot, pr, state} = crossboard;
  const open = new Set(), {rate} = curvePlot;

  crossboard.views.pr_curve = panel => {
    const canvas = h('canvas', {role: 'img'}), slider = h('input', {type: 'range', min: '0', step: '1', 'aria-label': 'threshold'}), read = h('div.prread');
    const kinds = state.run ? choices.buttons('view', 'what is drawn', [['', 'PR', 'Precision over recall'], ['roc', 'ROC', 'True over false positive rate, from the same counts']]) : null;
    const element = h('div.vpr', {}, h('div.prc', {}, canvas), h('label.prt', {}, h('span.dim', {}, 'threshold'), slider), read,
      kinds && h('div.switches', {}, kinds.element, h('span.grow'), h('button.lk', {type: 'button', title: 'Every threshold with its counts and rates', onclick: () => files.save(files.named(`${panel.series.tag}-${panel.step}`, 'csv'), files.csv(curvePlot.table([{run: panel.series.run, rank: panel.rank, step: panel.step, list}])))}, 'CSV')));
    let list = [], chosen = null;

    const kind = () => choices.get('view'), index = () => chosen === null ? pr.bestF1(list) : pr.atThreshold(list, chosen);
    const run = () => panel.run || board.runs.get(panel.series.run), look = () => plot.look(run() ? run().slot : 0);

    function draw() {
      if (kinds) kinds.show();
      if (!canvas.isConnected) return;
      if (!list.length) { fill(read, 'no thresholds'); return; }
      const width = canvas.clientWidth, height = canvas.clientHeight, g = plot.prepare(canvas, width, height), i = Math.max(0, index()), one = list[i], {colour, dash} = look();
      if (width < 60 || height < 80) return;
      curvePlot.draw(g, width, height, [{list, colour, dash, mark: i}], {kind: kind(), isoF1: choices.get('iso') !== 'off'});
      slider.max = String(list.length - 1); slider.value = String(i);
      slider.style.setProperty('--at', `${list.length > 1 ? 100 * i / (list.length - 1) : 0}%`);
      slider.setAttribute('aria-valuetext', `threshold ${numbers.value(one.threshold)}`);
      const none = kind() === 'roc' && !pr.roc(list).length;
      fill(read, none && h('span', {}, 'no ROC curve: the counts have no negatives or no positives'), [['threshold', numbers.value(one.threshold)], ['precision', rate(one.precision)], ['recall', rate(one.recall)], ['FPR', rate(one.fpr)], ['F1', rate(one.f1)], ['TP', numbers.value(one.tp)], ['FP', numbers.value(one.fp)], ['FN', numbers.value(one.fn)], ['TN', numbers.value(one.tn)]].map(([name, text]) => h('span', {}, h('i', {}, name), text)));
      canvas.setAttribute('aria-label', `${kind() === 'roc' ? 'ROC curve' : 'precision over recall'} of ${panel.series.tag}; at threshold ${numbers.value(one.threshold)} precision ${rate(one.precision)}, recall ${rate(one.recall)}, false positive rate ${rate(one.fpr)}`);
    }

    slider.oninput = () => { chosen = list[+slider.value].threshold; draw(); };
    canvas.onpointermove = event => {
      const box = canvas.getBoundingClientRect(), found = curvePlot.nearest(box.width, box.height, [{list}], kind(), event.clientX - box.left, event.clientY - box.top);
      if (found) { chosen = list[found.index].threshold; draw(); }
    };
    open.add(draw);
    return {
      element,
      show(point) { list = pr.rates(point); draw(); },
      facts: point => [point.label && `class ${point.label}`, `${list.length} thresholds`, h('span', {title: 'average precision: the sum over thresholds of the gain in recall times the precision there'}, `AP ${rate(pr.averagePrecision(list))}`), pr.roc(list).length > 0 && h('span', {title: 'area under the ROC curve, by trapezoids'}, `AUC ${rate(pr.rocArea(list))}`)],
      redraw: draw,
      close() { open.delete(draw); },
    };
  };
  choices.on(() => open.forEach(draw => draw()));
})(window);
