/* What the Images page can do beyond its tiles: the matrix of runs by tags, the speed of playing, the comparison, the videos' clock, the legend, and their keys. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {ahead, bitmaps, byId, compared, fill, films, h, icon, pictureMarks: marks, numbers, pixelWorker, plot, shots, stage, stageBar, state, steps} = crossboard;
  const SPEEDS = [1, 2.5, 5, 10, 20, 40], USUAL = 2.5, TALL = {s: 56, '': 92, l: 168}, ROWS = 60;
  let rows = ROWS, seen = '', timer = 0, last = null, pace = null, modes = null, filmBar = null, legendPlace = null;

  const isMatrix = () => state.own.get('mode') === 'grid';

  /* ---- the bar */
  function bar(place) {
    modes = h('span.sg', {role: 'group', 'aria-label': 'arrangement'}, [['', 'Sections'], ['grid', 'Grid']].map(([value, words]) => h('button', {type: 'button', 'data-mode': value, title: value ? 'A row for each run, a column for each tag (M)' : 'A section for each tag (M)', onclick: () => state.choose('mode', value)}, words)));
    pace = h('select', {'aria-label': 'speed of playing', title: 'How fast P plays the steps', onchange: () => state.choose('speed', +pace.value === USUAL ? '' : pace.value)}, SPEEDS.map(one => h('option', {value: String(one)}, `${one} steps a second`)));
    fill(place, modes, h('span.pick', {}, pace, icon('down', true)));
    say();
  }

  function say() {
    const speed = +state.own.get('speed') || USUAL;
    for (const button of modes.querySelectorAll('button')) button.setAttribute('aria-pressed', String(isMatrix() === Boolean(button.dataset.mode)));
    if (+pace.value !== speed) pace.value = String(speed);
    steps.pace(speed, ready);
  }

  /** True when every picture near the screen is of the step that is said. */
  const ready = () => stage.items.every(item => item.error || item.stands) && crossboard.kinds.tiles().every(tile => !tile.near || tile.error || tile.shownPlace < 0 || !tile.view || !tile.view.cells || tile.view.cells().every(cell => !cell.waiting));

  /* ---- the matrix */
  function layout(list, make) {
    if (!isMatrix()) return null;
    const tall = TALL[state.own.get('size') || ''] || TALL[''], order = new Map();
    for (const [name, all] of list) for (const one of all) { const key = `${one.run}\n${one.rank}`; if (!order.has(key)) order.set(key, {run: one.run, rank: one.rank, by: new Map()}); order.get(key).by.set(name, one); }
    const place = new Map(crossboard.board.visible.map((run, i) => [run.key, i])), all = [...order.values()].sort((a, b) => place.get(a.run) - place.get(b.run) || a.rank - b.rank), shown = all.slice(0, rows), ranks = all.some(one => one.rank > 0);
    const head = list.map(([name]) => { const [, tag] = name.split('\n'), cut = tag.lastIndexOf('/') + 1; return h('span.th', {role: 'columnheader', title: tag}, h('em', {}, tag.slice(0, cut)), h('b', {}, tag.slice(cut) || tag)); });
    const label = ({run, rank}) => { const one = crossboard.board.runs.get(run), look = plot.look(one.slot); return h('span.lab', {role: 'rowheader', title: one.name}, h(`span.sw${look.dashed ? '.ring' : ''}`, {style: `--c:${look.colour}`}), h('span.trunc', {}, one.name), ranks ? h('span.dim', {}, `rank ${rank}`) : null); };
    return h('div.kmxbox', {}, h('div.kmx', {role: 'table', 'aria-label': 'images of runs by tags', 'data-tall': String(tall), style: `--tall:${tall}px;grid-template-columns:minmax(90px,max-content) repeat(${list.length},max-content)`}, h('div.kmr', {role: 'row'}, h('span.lab', {role: 'columnheader'}, h('span.unseen', {}, 'run')), head),
      shown.map(row => h('div.kmr', {role: 'row'}, label(row), list.map(([name]) => h('div.kc', {role: 'cell'}, row.by.has(name) ? make(row.by.get(name), name, ranks).element : h('span.dim', {}, '—')))))),
    all.length > rows ? h('div.kmore', {}, h('button.btn', {type: 'button', onclick: () => { rows += ROWS; crossboard.kinds.rebuild(); }}, `Show ${numbers.whole(Math.min(ROWS, all.length - rows))} more runs`), h('span.dim', {}, ` ${numbers.whole(rows)} of ${numbers.whole(all.length)} shown`)) : null);
  }

  /* ---- above the tiles */
  function above(place) {
    if (!filmBar) { filmBar = films.bar(); legendPlace = h('div', {id: 'kind-classes'}); }
    const element = stage.show(), wanted = [element, filmBar, legendPlace].filter(Boolean);
    if (place.children.length !== wanted.length || wanted.some((one, i) => place.children[i] !== one)) fill(place, wanted);
    byId('kinds-body').classList.toggle('bigstage', Boolean(element) && compared.choices().big);
    if (element) stage.chosen();
    films.tell();
    legend();
    relabel();
    tone();
    ahead.soon();
  }

  function legend() {
    clearTimeout(timer);
    timer = 0;
    if (!legendPlace) return;
    const made = marks.legend(legend), held = document.activeElement && legendPlace.contains(document.activeElement) ? document.activeElement.dataset.class : null;
    fill(legendPlace, made);
    if (held) { const again = [...legendPlace.querySelectorAll('[data-class]')].find(one => one.dataset.class === held); if (again) again.focus(); }
  }
  function legendSoon() { if (!timer) timer = setTimeout(legend, 50); }

  const relabel = () => { for (const tile of crossboard.kinds.tiles()) if (tile.view && tile.view.relabel) tile.view.relabel(); };

  function tone() {
    const {light, contrast} = compared.choices();
    byId('kinds-body').style.setProperty('--tone', light === 1 && contrast === 1 ? 'none' : `brightness(${light}) contrast(${contrast})`);
  }

  /** A choice changed: true when it needs no new arrangement of tiles. */
  function chosen() {
    const layoutOf = ['mode', 'size'].map(name => state.own.get(name) || '').join('|');
    say();
    if (layoutOf !== seen) { seen = layoutOf; return false; }
    const off = state.own.get('off') || '';
    above(byId('kind-above'));
    if (off !== last) { last = off; for (const tile of crossboard.kinds.tiles()) tile.redraw(); stage.redraw(); }
    return true;
  }

  function moved() {
    stage.update();
    ahead.moved();
  }

  /** Take the picture in focus, else the one under the pointer, else the first of the tile in focus, into the comparison. */
  function compare() {
    const focused = document.activeElement && document.activeElement.closest('.cells .pic, .ktile'), pointed = [...document.querySelectorAll('.cells .pic:hover')].pop(), target = (focused && focused.matches('.pic') && focused) || pointed || focused;
    const tile = target && target.closest('.pn');
    if (!tile) { crossboard.say('Point at an image, or move the focus to one (J), to compare it'); return; }
    shots.toggle(tile.panel, Math.max(0, [...tile.querySelectorAll('.pic')].indexOf(target)));
  }

  const onStage = work => () => { if (shots.list().length) work(); };
  const turn = by => () => { if (films.any) films.step(by); else if (shots.list().length) { const many = Math.max(...stage.items.map(item => item.point && item.point.images ? item.point.images.length : 0)); if (shots.list().every(one => one.number + by < many)) shots.turn(by); } };

  function keys() {
    return [['C', 'Compare the image in focus or under the pointer, again: take it out', compare], ['M', 'Grid of runs by tags, or sections', () => state.choose('mode', isMatrix() ? '' : 'grid')],
      ['V', 'Comparison: side by side, swipe, overlay', onStage(stageBar.nextView)], ['D', 'Comparison: difference none, absolute, signed', onStage(stageBar.nextDifference)], ['W', 'Comparison: swap A and B', onStage(() => shots.swap())],
      ['0', 'Comparison: show all of it', onStage(() => stage.zoomTo(null))], ['1', 'Comparison: true pixels, 100 %', onStage(() => stage.zoomTo(1))], ['+', 'Comparison: larger', onStage(() => stage.zoomBy(1.25))], ['-', 'Comparison: smaller', onStage(() => stage.zoomBy(0.8))],
      ['← →', 'Comparison in focus: move; with Shift: values of the next pixel', null], ['L', 'Only the comparison, and back', onStage(stageBar.toggleBig)], ['Q', 'End the comparison', onStage(() => shots.put([]))],
      ['Y', 'Play all videos, or stop', () => { if (films.any) films.play(); }], [',', 'Videos: a frame back; else the comparison: the previous image of the points', turn(-1)], ['.', 'Videos: a frame on; else the comparison: the next image of the points', turn(1)]];
  }

  function leave() {
    stage.leave(); films.leave(); ahead.stop(); marks.forget(); bitmaps.clear(); pixelWorker.stop();
    clearTimeout(timer);
    timer = 0; filmBar = legendPlace = null; rows = ROWS; seen = ''; last = null;
    steps.pace();
  }

  function opened() { seen = ['mode', 'size'].map(name => state.own.get(name) || '').join('|'); last = state.own.get('off') || ''; }

  crossboard.kindTools.images = {bar: place => { opened(); bar(place); }, above, moved, keys, leave, layout, chosen, redrawn: () => { stage.redraw(); legend(); }, settled: compared.settled, covers: () => shots.list().length > 0, series: () => compared.items.map(item => item.series).filter(Boolean), views: {image: panel => crossboard.pictureView(panel), video: panel => films.view(panel)}, tile: kind => kind === 'video' ? 340 : 300};
  crossboard.imageTools = {legendSoon, isMatrix};
})(window);
