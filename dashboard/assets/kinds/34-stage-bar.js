/* The bar of the stage: how the shots are laid out, their difference, brightness, contrast and zoom, and what is saved. Every choice is in the URL. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {fill, h, icon, shots, state} = crossboard;
  const VIEWS = [['side', 'Side by side'], ['swipe', 'Swipe'], ['overlay', 'Overlay']], DIFFERENCES = [['none', 'No difference'], ['abs', 'Absolute'], ['signed', 'Signed']], GAINS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
  let parts = null, shown = '';

  /** Choose; what is the default is not kept. */
  const choose = (name, value, usual) => state.choose(name, value === usual ? '' : String(value));

  const segment = (name, label, list, usual) => h('span.sg', {role: 'group', 'aria-label': label}, list.map(([value, words]) => h('button', {type: 'button', 'data-set': name, 'data-value': value, onclick: () => choose(name, value, usual)}, words)));

  /** `log`: low, high and by are powers of two. */
  function slider(name, label, {low, high, by, usual, words, log = false}) {
    const there = value => log ? Math.log2(value) : value, back = at => log ? +(2 ** at).toPrecision(4) : at;
    const range = h('input.slide', {type: 'range', min: String(low), max: String(high), step: String(by), 'aria-label': label, title: `${label}; double click: ${words(usual)}`, oninput: () => choose(name, String(back(+range.value)), String(usual)), ondblclick: () => choose(name, String(usual), String(usual))}), output = h('output', {}, '');
    return {element: h('span.stsl', {'data-slider': name}, h('span.dim', {}, label), range, output), show: value => { range.value = String(there(value)); range.setAttribute('aria-valuetext', words(value)); output.textContent = words(value); }};
  }

  const percent = value => `${Math.round(100 * value)} %`;

  function build() {
    const gain = h('input.slide', {type: 'range', min: '0', max: String(GAINS.length - 1), step: '1', 'aria-label': 'gain of the difference', oninput: () => choose('gain', String(GAINS[+gain.value]), '4')}), gainWords = h('output');
    const above = h('input.num', {type: 'number', min: '0', max: '65535', step: '1', 'aria-label': 'threshold of the difference', title: 'Pixels that differ by more than this are counted', onchange: () => choose('above', String(Math.max(0, Math.min(65535, Math.round(+above.value || 0)))), '16')});
    const fit = h('select', {'aria-label': 'pictures of different sizes', title: 'Pictures of different sizes', onchange: () => choose('fit', fit.value, '')}, h('option', {value: ''}, 'Upper left corners together'), h('option', {value: 'scale'}, 'Scaled to the size of A'));
    const zoom = h('button.chip', {type: 'button', id: 'stage-zoom', onclick: () => crossboard.stage.zoomTo(crossboard.stage.lens.zoom === null ? 1 : null)}), turn = h('span.row.turn', {}, h('button.ib.sm', {type: 'button', title: 'Previous image of the points (,)', 'aria-label': 'Previous image of the points', onclick: () => shots.turn(-1)}, icon('left', true)), h('span.dim'), h('button.ib.sm', {type: 'button', title: 'Next image of the points (.)', 'aria-label': 'Next image of the points', onclick: () => shots.turn(1)}, icon('right', true)));
    const light = slider('light', 'Brightness', {low: -3, high: 3, by: 0.05, usual: 1, words: percent, log: true}), contrast = slider('contrast', 'Contrast', {low: -3, high: 8, by: 0.05, usual: 1, words: percent, log: true}), mix = slider('mix', 'B over A', {low: 0, high: 1, by: 0.01, usual: 0.5, words: percent}), split = slider('split', 'Cut', {low: 0, high: 1, by: 0.005, usual: 0.5, words: percent});
    const big = h('button.ib', {type: 'button', id: 'stage-big', onclick: () => choose('big', state.own.get('big') ? '' : '1', '')}, icon('expand'));
    const several = h('span.row', {}, segment('view', 'layout', VIEWS, 'side'), mix.element, split.element, segment('diff', 'difference', DIFFERENCES, 'abs'), h('span.stsl', {'data-slider': 'gain'}, h('span.dim', {}, 'Gain'), gain, gainWords), h('span.stsl', {'data-slider': 'above'}, h('span.dim', {}, 'Over'), above), h('button.btn', {type: 'button', id: 'stage-swap', title: 'Swap A and B (W)', onclick: () => shots.swap()}, 'Swap'));
    parts = {gain, gainWords, above, fit, zoom, turn, light, contrast, mix, split, big, several};
    shown = '';
    parts.element = h('div.stbar', {role: 'group', 'aria-label': 'comparison'}, several, turn, h('span.grow'), fit, light.element, contrast.element, h('span.row', {role: 'group', 'aria-label': 'zoom'}, h('button.ib', {type: 'button', title: 'Smaller (−)', 'aria-label': 'Smaller', onclick: () => crossboard.stage.zoomBy(0.8)}, '−'), zoom, h('button.ib', {type: 'button', title: 'Larger (+)', 'aria-label': 'Larger', onclick: () => crossboard.stage.zoomBy(1.25)}, '+')),
      h('button.ib', {type: 'button', id: 'stage-save', title: 'Save what is shown as PNG', 'aria-label': 'Save the comparison as PNG', onclick: () => crossboard.comparisonPicture.save()}, icon('download')), big, h('button.ib', {type: 'button', title: 'End the comparison (Q)', 'aria-label': 'End the comparison', onclick: () => shots.put([])}, icon('close')));
    return parts.element;
  }

  /** Show what is chosen. */
  function tell({view, diff, gain, fit, mix, split, above, light, contrast, big, lens, sizes, n, many, frame, holder}) {
    if (!parts) return;
    const scale = frame && holder ? lens.scale(frame, holder.px.width, holder.px.height) : 1, words = `${lens.zoom === null ? 'Fit, ' : ''}${scale >= 0.1 ? Math.round(100 * scale) : (100 * scale).toFixed(1)} %`;
    const name = [view, diff, gain, fit, mix, split, above, light, contrast, big, words, sizes, n, many, shots.list().map(one => one.number).join()].join('|');
    if (name === shown) return;
    shown = name;
    for (const one of parts.element.querySelectorAll('[data-set]')) one.setAttribute('aria-pressed', String({view, diff}[one.dataset.set] === one.dataset.value));
    parts.several.hidden = n < 2;
    parts.mix.element.hidden = view !== 'overlay';
    parts.split.element.hidden = view !== 'swipe';
    parts.element.querySelector('[data-slider=gain]').hidden = diff === 'none';
    parts.gain.value = String(Math.max(0, GAINS.findIndex(one => one >= gain)));
    parts.gainWords.textContent = `×${gain}`;
    if (document.activeElement !== parts.above) parts.above.value = String(above);
    parts.fit.hidden = !sizes;
    parts.fit.value = fit;
    parts.mix.show(mix); parts.split.show(split); parts.light.show(light); parts.contrast.show(contrast);
    fill(parts.zoom, words);
    parts.zoom.title = lens.zoom === null ? 'To true pixels, 100 % (1)' : 'Show all of it (0)';
    parts.zoom.setAttribute('aria-label', `Zoom ${words}. ${lens.zoom === null ? 'To true pixels' : 'Show all of it'}`);
    parts.turn.hidden = many < 2;
    const [first] = shots.list();
    parts.turn.children[1].textContent = first ? `image ${first.number + 1} of ${many}` : '';
    parts.turn.firstChild.disabled = !shots.list().every(one => one.number > 0);
    parts.turn.lastChild.disabled = shots.list().some(one => one.number + 1 >= many);
    parts.big.title = big ? 'Show the tiles again (L)' : 'Only the comparison (L)';
    parts.big.setAttribute('aria-label', parts.big.title);
    parts.big.setAttribute('aria-pressed', String(big));
  }

  const next = (name, list, usual) => choose(name, list[(list.findIndex(([value]) => value === (state.own.get(name) || usual)) + 1) % list.length][0], usual);

  crossboard.stageBar = {build, tell, nextView: () => next('view', VIEWS, 'side'), nextDifference: () => next('diff', DIFFERENCES, 'abs'), toggleBig: () => choose('big', state.own.get('big') ? '' : '1', '')};
})(window);
