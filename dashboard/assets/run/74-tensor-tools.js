/* The bar over tensors: which two axes are shown as rows and columns, and from which run all others are subtracted. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {board, fill, h, state, tensors, view: addresses} = crossboard, own = name => state.own.get(name) || '';
  let built = null, tiles = [];

  const option = ([value, words]) => h('option', {value}, words);

  function build(place) {
    const axes = h('select', {id: 'tensor-axes', 'aria-label': 'axes that are shown as rows and columns', onchange: event => { state.choose('window', ''); state.choose('index', ''); state.choose('axes', event.target.value); }});
    const minus = h('select', {id: 'tensor-minus', 'aria-label': 'difference to a run', onchange: event => state.choose('minus', event.target.value)});
    const reset = h('button.lk', {type: 'button', title: 'The whole slice of the first indices', onclick: () => { for (const name of ['window', 'index', 'axes', 'minus']) state.choose(name, ''); }}, 'Reset');
    built = {place, axes, minus, reset};
    fill(place, h('section.ptools', {id: 'tensor-tools', 'aria-label': 'how tensors are shown'}, h('label.row', {}, h('span.dim', {}, 'rows and columns'), axes), h('label.row', {id: 'tensor-minus-part'}, h('span.dim', {}, 'difference to'), minus), reset, h('span.dim', {}, 'A drag enlarges a part, in all; a double click shows the whole slice.')));
  }

  function sync() {
    if (!built || !built.place.isConnected) return;
    const most = Math.max(0, ...[...tensors.views].map(view => view.told() ? view.told().shape.length : 0)), pairs = [['', 'last two axes']], runs = new Map();
    for (let a = 0; a < most; a++) for (let b = 0; b < most; b++) if (a !== b && !(a === most - 2 && b === most - 1)) pairs.push([`${a},${b}`, `axis ${a}, axis ${b}`]);
    for (const tile of tiles) { const run = board.runs.get(tile.series.run); if (run) runs.set(addresses.mark(run.key), run.name); }
    const fits = own('axes') && !pairs.some(([value]) => value === own('axes')) ? [[own('axes'), `axes ${own('axes')}`]] : [];
    for (const [select, options, value] of [[built.axes, [...pairs, ...fits], own('axes')], [built.minus, [['', 'none'], ...runs], own('minus')]]) {
      const text = JSON.stringify(options);
      if (select.dataset.told !== text) { select.dataset.told = text; fill(select, options.map(option)); }
      select.value = value;
    }
    built.place.firstChild.hidden = !tiles.length;
    built.place.querySelector('#tensor-minus-part').hidden = runs.size < 2 && !own('minus');
    built.reset.hidden = !['window', 'index', 'axes', 'minus'].some(own);
  }

  function above(place, list) {
    if (!built || built.place !== place || !place.firstChild) build(place);
    tiles = list;
    tensors.chosen();
    sync();
  }

  /** The next index on the first axis that is cut. */
  function walk(way) {
    const list = own('index').split(',').filter(Boolean).map(Number);
    list[0] = Math.max(0, (list[0] || 0) + way);
    const longest = Math.max(0, ...[...tensors.views].map(view => { const told = view.told(); if (!told || !told.slice || told.shape.length < 3) return 0; return told.shape[told.shape.map((_, axis) => axis).filter(axis => !told.slice.axes.includes(axis))[0]] - 1; }));
    list[0] = Math.min(list[0], longest);
    state.choose('index', list.some(Boolean) ? list.join() : '');
  }

  crossboard.kindTools = crossboard.kindTools || {};
  crossboard.kindTools.tensors = {above, told: sync, leave() { built = null; tiles = []; }, keys: () => [[',', 'Slice before, on the first axis that is cut', () => walk(-1)], ['.', 'Next slice', () => walk(1)]]};
})(window);
