/* The part of the page bar that changes all lines: another metric as x, and smoothing. Filled into #lines.

   `control` makes a choice of smoothing with its slider; the menu of a card (37-card-menu.js) has one too. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {board, byId, cardSettings, fill, h, icon, state} = crossboard;
  const KINDS = [['ema', 'EMA'], ['gaussian', 'Gaussian'], ['mean', 'running mean']];
  const FIRST = {ema: 0.6, gaussian: 4, mean: 25};
  const LARGEST = {gaussian: 400, mean: 1001};
  const last = {...FIRST};

  /* a slider stands for weights 0.01 to 0.99 of EMA, and logarithmically for points of the others */
  const toSlider = (kind, weight) => kind === 'ema' ? Math.round(100 * weight) : Math.round(99 * Math.log(weight) / Math.log(LARGEST[kind]));
  function ofSlider(kind, place) {
    if (kind === 'ema') return place / 100;
    const points = LARGEST[kind] ** (place / 99);
    return kind === 'mean' ? Math.max(3, 2 * Math.round((points - 1) / 2) + 1) : points < 10 ? +points.toPrecision(2) : Math.round(points);
  }
  const unit = {ema: 'weight', gaussian: 'sigma in points', mean: 'points'};

  /** A choice of smoothing: `value` '' or KIND:WEIGHT (or one of `others`, [[value, words], ...]); `change` is given the new one. */
  function control(id, value, others, change) {
    const {kind, weight} = cardSettings.smoothing(value) || {}, out = h('output', {for: `${id}-weight`}, kind ? String(weight) : '');
    if (kind) last[kind] = weight;
    const choice = h('select', {id, 'aria-label': 'Smoothing', onchange: event => {
      const name = event.target.value;
      change(FIRST[name] ? `${name}:${last[name]}` : name, true);
    }}, [...others, ...KINDS].map(([name, words]) => h('option', {value: name, selected: name === (kind || value)}, words)));
    const slider = kind && h('input.slide', {id: `${id}-weight`, type: 'range', min: 1, max: 99, step: 1, value: toSlider(kind, weight), title: unit[kind], 'aria-label': `${unit[kind]} of smoothing`,
      'aria-valuetext': String(weight), oninput: event => {
        const made = ofSlider(kind, +event.target.value);
        out.textContent = made;
        event.target.setAttribute('aria-valuetext', String(made));
        last[kind] = made;
        change(`${kind}:${made}`, false);
      }});
    return h('span.smooth', {}, h('label.pick', {}, h('span', {}, 'Smooth'), choice, icon('down', true)), slider, kind && out);
  }

  let shown = '';
  function show() {
    const place = byId('lines');
    if (!place) return;
    const {kind} = cardSettings.smoothing(state.smooth) || {}, metric = state.x.startsWith('metric:') ? state.x.slice(7) : '';
    const key = JSON.stringify([kind, state.x, board.tags]), slider = byId('smooth-weight');
    if (key === shown && place.childElementCount) {   // only the weight changed: a slider that is being moved stays
      if (slider && document.activeElement !== slider) { slider.value = toSlider(kind, cardSettings.smoothing(state.smooth).weight); slider.nextElementSibling.textContent = cardSettings.smoothing(state.smooth).weight; }
      return;
    }
    shown = key;
    const held = place.contains(document.activeElement) ? document.activeElement.id : '', tags = metric && !board.tags.includes(metric) ? [metric, ...board.tags] : board.tags;
    fill(place,
      h('label.pick', {}, h('span', {}, 'x'), h('select.xm', {id: 'x-metric', 'aria-label': 'Another metric as x axis', onchange: event => { crossboard.page.setX(event.target.value ? `metric:${event.target.value}` : 'step'); crossboard.page.fields(); }},
        h('option', {value: '', selected: !metric}, 'x: a metric …'), tags.map(tag => h('option', {value: tag, selected: tag === metric}, tag))), icon('down', true)),
      control('smooth', state.smooth, [['', 'no smoothing']], value => state.set('smooth', value)), crossboard.expressions.button());
    if (held && byId(held)) byId(held).focus();
  }

  board.on('tags', show);
  state.on('smooth x', show);

  crossboard.linesBar = {KINDS, FIRST, show, control};
})(window);
