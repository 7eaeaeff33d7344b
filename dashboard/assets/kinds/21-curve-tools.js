/* The page of curves: all runs' curves of a tag on one plot or apart, ROC or precision over recall, and what is shown of confusion matrices. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {JoinedCurves, board, choices, h, matrixChoices} = crossboard;
  const joined = new Map();
  let own = null, laid = '';

  const apart = () => choices.get('lay') === 'apart', used = () => [...joined.values()].filter(one => one.element.isConnected);

  function bar(place) {
    const view = choices.buttons('view', 'what is drawn', [['', 'PR', 'Precision over recall (C: the other)'], ['roc', 'ROC', 'True over false positive rate, from the same counts (C: the other)']]);
    const lay = choices.buttons('lay', 'how runs stand', [['', 'Together', 'The curves of all runs on one plot (A: the other)'], ['apart', 'Apart', 'A tile for each run (A: the other)']]);
    const iso = h('button.lk', {type: 'button', title: 'Lines of equal F1 behind precision over recall', onclick: () => choices.set('iso', choices.get('iso') === 'off' ? '' : 'off')}, 'F1 lines');
    const curves = h('span.row', {}, view.element, lay.element, iso), matrices = h('div.kmat', {role: 'group', 'aria-label': 'confusion matrices'}, h('span.dim', {}, 'Matrices')), controls = matrixChoices.controls(matrices);
    place.append(curves);
    own = {matrices, show() { view.show(); lay.show(); iso.setAttribute('aria-pressed', String(choices.get('iso') !== 'off')); controls.show(); },
      kinds(found) { curves.hidden = !found.has('pr_curve'); matrices.hidden = !found.has('confusion_matrix'); }};
    own.show();
  }

  /** In place of the tiles of a tag: its curves on one plot. */
  function together(kind, tag, tiles) {
    laid = choices.get('lay');
    if (kind !== 'pr_curve' || apart() || !tiles.length) return null;
    if (!joined.has(tag)) joined.set(tag, new JoinedCurves(tag));
    joined.get(tag).set(tiles);
    return joined.get(tag).element;
  }

  function redraw() {
    if (own) own.show();
    for (const one of used()) one.soon();
  }

  function above(place, tiles) {
    for (const [tag, one] of joined) if (!one.element.isConnected) { one.close(); joined.delete(tag); }
    if (own) { if (own.matrices.parentElement !== place) place.append(own.matrices); own.kinds(new Set(tiles.map(tile => tile.series.kind))); own.show(); }
    for (const one of used()) one.soon();
  }

  const turn = (name, other) => choices.set(name, choices.get(name) ? '' : other);

  crossboard.kindTools = crossboard.kindTools || {};
  crossboard.kindTools.curves = {
    bar, above, joined: together, redrawn: redraw,
    tile: kind => kind === 'confusion_matrix' ? 420 : 344,
    moved() { for (const one of used()) one.read(); },
    chosen() { redraw(); return laid === choices.get('lay'); },
    settled: () => used().every(one => one.settled),
    covers: () => used().length > 0,
    series: () => used().flatMap(one => one.tiles.map(tile => tile.series)),
    keys: () => [['C', 'Precision over recall, or ROC', () => turn('view', 'roc')], ['A', 'The curves of all runs together, or apart', () => turn('lay', 'apart')],
      ['M', 'Same threshold on all curves, or same recall', () => turn('match', 'recall')], ['S', 'Matrices: counts, shares by row, by column, of all', () => matrixChoices.next('values')], ['I', 'Matrices: cells, classes, most confused', () => matrixChoices.next('part')],
      ['L', 'Find a label in the matrices', () => { const field = document.querySelector('#kind-above .labelfind'); if (field) field.focus(); }],
      ['← →', 'In focus: along a curve or a matrix; ↑ ↓ from curve to curve', null], ['+ −', 'Matrix in focus: nearer, farther; 0: all of it', null]],
    leave() { for (const one of joined.values()) one.close(); joined.clear(); own = null; },
  };
  board.on('highlight', () => { for (const one of used()) one.soon(); });
})(window);
