/* A page of a kind: a section a tag, and in it a tile for each shown run, all at the step of the slider.

   What a kind can do beyond that is in `crossboard.kindTools[page]`, all of it optional: `bar(place)` fills its part of the bar, once;
   `above(place, tiles)` fills the place over the sections and is called whenever tiles came or went; `moved()` after the slider moved or points came;
   `keys()` are keys of its own, `leave()` ends what runs, `tile(kind)` is how wide a tile is at least, in pixels; `views` are its own views by kind;
   `joined(kind, tag, tiles)` gives what stands in place of the tiles of a tag, or null; `layout(list, make)` puts the tiles in another way
   than by sections, or gives null; `chosen()` says true when a choice needs no new arrangement; `redrawn()`
   after the theme changed; `settled()` says that what it reads itself stands, `covers()` that tiles may be out of sight,
   `series()` whose points it shows besides. Its choices live in `state.own` (in the URL) and are changed by `state.choose(name, value)`, which tells "own". */
(root => {
  'use strict';
  const crossboard = root.crossboard, {Series, Tile, board, byId, fill, getJson, grid, h, icon, kindPages, live, numbers, plot, state, stats, steps, url, view} = crossboard;
  const FIRST = 24, MORE = 48, SIZES = {s: 0.72, '': 1, l: 1.6};
  const WIDTHS = {image: 300, video: 340, audio: 380, text: 380, table: 520, pr_curve: 344, confusion_matrix: 344, figure: 400, embedding: 400, mesh: 344, tensor: 344};
  let shownPage = '', found = [], tags = new Set(), loaded = false, failed = null, series = new Map(), tiles = new Map(), order = [], many = new Map(), observer = null, sizes = null, again = 0, field = null, note = null, dirty = new Set(), following = 0;

  const isOn = () => !state.run && Boolean(kindPages.of(state.page));
  const page = () => kindPages.of(state.page);
  const tools = () => crossboard.kindTools[state.page] || {};

  /* ---- reading */
  async function read() {
    const mine = state.page;
    try {
      const answers = await Promise.all(page().kinds.map(kind => getJson(`api/series?kind=${kind}`)));
      if (!isOn() || state.page !== mine) return;
      found = answers.flatMap(answer => answer.series);
      tags = new Set(found.map(one => one.tag));
      failed = null;
    } catch (error) {
      if (state.page !== mine) return;
      failed = found.length ? null : error;
    }
    loaded = true;
    build();
  }

  function readSoon() {
    if (again || !isOn()) return;
    again = setTimeout(() => { again = 0; if (isOn()) read(); }, 600);
  }

  /** Read which points came for tiles near the screen. */
  function follow() {
    if (following) return;
    following = setTimeout(async () => {
      following = 0;
      const now = dirty;
      dirty = new Set();
      const touched = new Map();
      for (const tile of order) if (now.has(tile.series.tag) && tile.series.known) touched.set(tile.series, [...(touched.get(tile.series) || []), tile]);
      const also = tools().series ? tools().series() : [];
      for (const one of also) if (now.has(one.tag) && one.known && !touched.has(one)) touched.set(one, []);
      for (const [one, mine] of touched) {
        if (!mine.some(tile => tile.near) && !also.includes(one)) continue;
        if (await one.refresh().catch(() => false)) { mine.forEach(tile => tile.changed()); tellSteps(); if (tools().moved) tools().moved(); }
      }
    }, 250);
  }

  live.on('change', change => {
    if (!isOn()) return;
    const changed = change.tags || [];
    if (change.complete === false || (change.removed || []).length || changed.some(tag => !tags.has(tag)) || (change.runs || []).some(key => !found.some(one => one.run === key))) readSoon();
    for (const tag of change.complete === false ? tags : changed) if (tags.has(tag)) dirty.add(tag);
    if (dirty.size) follow();
  });
  live.on('hello', ({version}) => {
    if (!isOn()) return;
    for (const tile of order) if (tile.series.version !== version) dirty.add(tile.series.tag);
    readSoon();
    follow();
  });

  /* ---- the bar */
  function bar() {
    const place = byId('kinds-head');
    let typing = 0;
    field = h('input.find', {id: 'kind-filter', type: 'search', placeholder: 'Filter tags', 'aria-label': 'Filter tags', autocomplete: 'off', spellcheck: 'false', value: state.find,
      oninput: () => { clearTimeout(typing); typing = setTimeout(() => state.set('find', field.value.trim()), 80); }});
    note = h('span.dim.trunc', {role: 'status'});
    const own = h('span.row', {id: 'kind-tools'}), size = h('span.row', {role: 'group', 'aria-label': 'size of tiles'}, Object.keys(SIZES).map(name => h('button.lk', {type: 'button', 'data-size': name, title: {s: 'Small tiles', '': 'Medium tiles', l: 'Large tiles'}[name],
      'aria-label': {s: 'Small tiles', '': 'Medium tiles', l: 'Large tiles'}[name], onclick: () => state.choose('size', name)}, {s: 'S', '': 'M', l: 'L'}[name])));
    fill(place, h('h1.unseen', {}, page().title), h('button.btn.narrow-only', {type: 'button', id: 'kind-runs', onclick: event => { event.stopPropagation(); crossboard.page.sheet(true); }}, icon('filter'), h('span', {}, 'Runs')), field, h('span.row', {id: 'kind-back'}), note, own, h('span.grow'), size,
      page().kinds.map(kind => h('a.ib', {target: '_blank', rel: 'noopener', 'data-kind': kind, href: url(`api/series?kind=${kind}`), title: `Which ${crossboard.nouns[kind]} series there are, as JSON; CSV by Accept header or format=csv`, 'aria-label': `${crossboard.nouns[kind]} series as JSON`}, icon('table'))));
    if (tools().bar) tools().bar(own);
  }

  function words() {
    const runs = new Set(order.map(tile => tile.series.run)).size, all = new Set(found.map(one => one.tag)).size, here = new Set(order.map(tile => tile.series.tag)).size;
    note.textContent = loaded && all ? `${here < all ? `${numbers.whole(here)} of ` : ''}${numbers.whole(all)} ${all === 1 ? 'tag' : 'tags'}, ${numbers.whole(runs)} ${runs === 1 ? 'run' : 'runs'}` : '';
    fill(byId('kind-back'), state.tag ? h('button.btn', {type: 'button', id: 'kind-all', onclick: back}, icon('left'), 'All tags') : null);
    for (const button of byId('kinds-head').querySelectorAll('[data-size]')) button.setAttribute('aria-pressed', String((state.own.get('size') || '') === button.dataset.size));
    for (const link of byId('kinds-head').querySelectorAll('[data-kind]')) link.hidden = !found.some(one => one.kind === link.dataset.kind);
    if (document.activeElement !== field && field.value.trim() !== state.find) field.value = state.find;
    const button = byId('kind-runs').lastChild;
    button.textContent = `${numbers.whole(board.visible.length)} ${board.visible.length === 1 ? 'run' : 'runs'}`;
  }

  /* ---- the body */
  function observe() {
    observer = new IntersectionObserver(entries => { for (const {target, isIntersecting} of entries) if (isIntersecting) target.panel.mount(); else if (target.panel.near) target.panel.unmount(); }, {root: byId('kinds-body'), rootMargin: '400px 0px'});
    sizes = new ResizeObserver(entries => { for (const {target} of entries) { const {panel} = target.parentElement || {}; if (panel) panel.redraw(); } });
  }

  function drop(tile) { observer.unobserve(tile.element); sizes.unobserve(tile.body); tile.unmount(); tile.element.remove(); }

  /** The series of the shown runs, by kind and tag, in the order of tags and runs. */
  function wanted() {
    const place = new Map(board.visible.map((run, i) => [run.key, state.base && run.mark === state.base ? -1 : i])), by = new Map();
    for (const one of found) {
      if (!place.has(one.run) || (state.tag ? one.tag !== state.tag : !view.matches(state.find, one.tag))) continue;
      const name = `${one.kind}\n${one.tag}`;
      if (!by.has(name)) by.set(name, []);
      by.get(name).push(one);
    }
    for (const list of by.values()) list.sort((a, b) => place.get(a.run) - place.get(b.run) || a.rank - b.rank);
    return [...by].sort(([a], [b]) => a.split('\n')[1].localeCompare(b.split('\n')[1], 'en', {numeric: true}) || (a < b ? -1 : 1));
  }

  /** The points of a tag of a run, the same for all who ask. */
  function seriesOf(run, kind, tag) {
    const whole = `${run}\n${kind}\n${tag}`;
    if (!series.has(whole)) series.set(whole, new Series(run, kind, tag));
    return series.get(whole);
  }

  function tileOf(one, name, manyRanks) {
    const key = `${one.run}\n${name}\n${one.rank}`;
    let tile = tiles.get(key);
    if (!tile) {
      tile = new Tile(seriesOf(one.run, one.kind, one.tag), one.rank, {run: board.runs.get(one.run), manyRanks, onChange: tellSteps, open: () => state.go({page: state.page, tag: state.tag ? '' : one.tag, step: state.step})});
      tiles.set(key, tile);
    } else tile.dress(board.runs.get(one.run));
    return tile;
  }

  function section(name, list) {
    const [kind, tag] = name.split('\n'), cut = tag.lastIndexOf('/') + 1, closed = `${state.page}:${tag}`, shut = state.closed.has(closed), limit = many.get(name) || FIRST;
    const ranks = list.some(one => one.rank > 0), there = shut ? [] : list.slice(0, limit).map(one => tileOf(one, name, ranks)), runs = new Set(list.map(one => one.run)).size;
    const body = h('div.ktiles', {style: `--tile:${tools().tile ? tools().tile(kind) : WIDTHS[kind]}px;--scale:${SIZES[state.own.get('size') || ''] || 1}`}, there.map(tile => tile.element));
    if (state.own.get('size')) body.style.setProperty('--tile', `${Math.round(WIDTHS[kind] * SIZES[state.own.get('size')])}px`);
    order.push(...there);
    const joined = !shut && tools().joined ? tools().joined(kind, tag, there) : null;
    return h(`section.ksec${shut ? '.closed' : ''}`, {'aria-label': tag}, h('h2', {}, h('button.sech', {type: 'button', 'aria-expanded': String(!shut), onclick: () => state.toggle('closed', closed)}, icon(shut ? 'right' : 'down', true), h('span', {}, h('em', {}, tag.slice(0, cut)), h('b', {}, tag.slice(cut) || tag)),
      h('span', {}, `${numbers.whole(runs)} ${runs === 1 ? 'run' : 'runs'}`))), shut ? null : joined || body, !shut && list.length > limit && h('div.kmore', {}, h('button.btn', {type: 'button', onclick: () => { many.set(name, limit + MORE); build(); }}, `Show ${numbers.whole(Math.min(MORE, list.length - limit))} more`), h('span.dim', {}, ` ${numbers.whole(limit)} of ${numbers.whole(list.length)} shown`)));
  }

  /** Lay out sections and tiles; tiles that stand already stay what they are. */
  function build() {
    if (!isOn()) return;
    if (!observer) observe();
    const body = byId('kinds-body'), held = document.activeElement && document.activeElement.closest('.tile'), was = new Set(order), top = body.scrollTop;
    order = [];
    let place = byId('kind-sections');
    if (!place) { place = h('div.ksecs', {id: 'kind-sections'}); fill(body, h('div', {id: 'kind-above'}), place); }
    if (!loaded || !board.loaded) { fill(place, h('div.kskel', {'aria-hidden': 'true'}, h('i'), h('i'), h('i'))); words(); return; }
    const list = wanted();
    const make = (one, name, ranks) => { const tile = tileOf(one, name, ranks); order.push(tile); return tile; }, own = list.length && tools().layout ? tools().layout(list, make) : null;
    fill(place, own || (list.length ? list.map(([name, one]) => section(name, one)) : nothing()));
    const now = new Set(order);
    for (const tile of was) if (!now.has(tile)) drop(tile);
    for (const [key, tile] of tiles) if (!now.has(tile)) tiles.delete(key);
    for (const tile of order) if (!was.has(tile)) { observer.observe(tile.element); sizes.observe(tile.body); }
    body.scrollTop = top;
    if (held && held.isConnected && !held.contains(document.activeElement)) held.focus({preventScroll: true});
    if (tools().above) tools().above(byId('kind-above'), order);
    words();
    tellSteps();
  }

  /** Why there is no tile, and what to do. */
  function nothing() {
    const {title, noun, kinds} = page(), plural = title.toLowerCase();
    if (failed) return h('div.msg.page', {}, icon('alert'), h('b', {}, `${title} could not be read`), h('p', {}, failed.message), h('button.btn', {type: 'button', onclick: () => { failed = null; loaded = false; build(); read(); }}, 'Try again'));
    if (!found.length) return h('div.msg.page', {}, icon('chart'), h('b', {}, `No ${noun} logged yet`), h('p', {}, `${title} of all runs stand here beside each other as they are logged, here or by another tool.`), h('div.kteach', {}, h('pre', {tabindex: '0', 'aria-label': 'code to log one'}, kinds.map(kind => crossboard.runKinds.HOW[kind][1]).join('\n'))));
    const hidden = new Set(found.filter(one => !board.shown.has(one.run)).map(one => one.run)).size;
    if ((state.tag || state.find) && found.some(one => board.shown.has(one.run))) return h('div.msg.page', {}, icon('search'), h('b', {}, state.tag ? `No tag ${state.tag} in the shown runs` : `No tag matches “${state.find}”`), h('p', {}, `${numbers.whole(tags.size)} tags have ${plural}, such as ${[...tags].slice(0, 3).join(', ')}.`),
      h('button.btn', {type: 'button', onclick: () => { state.find = ''; field.value = ''; state.go({page: state.page}); }}, 'Show all tags'));
    return h('div.msg.page', {}, icon('eyeoff'), h('b', {}, `The shown runs have no ${plural}`), h('p', {}, `${numbers.whole(hidden)} ${hidden === 1 ? 'run that has some is' : 'runs that have some are'} hidden.`), h('button.btn', {type: 'button', onclick: () => { state.only = ''; board.show(board.matching, true); }}, 'Show all runs'));
  }

  /** Tell the slider at which steps the tiles' points lie. */
  function tellSteps() {
    const all = new Set(), lanes = new Map();
    for (const tile of order) {
      if (!tile.series.known) continue;
      const mine = lanes.get(tile.series.run) || new Set();
      lanes.set(tile.series.run, mine);
      for (const place of tile.places) { all.add(tile.series.step[place]); mine.add(tile.series.step[place]); }
    }
    const ascending = set => [...set].sort((a, b) => a - b), two = lanes.size === 2 ? [...lanes].map(([key, mine]) => ({colour: plot.look(board.runs.get(key).slot).colour, steps: ascending(mine)})) : [];
    steps.set(ascending(all), two);
  }

  function moved() {
    if (!isOn()) return;
    order.forEach(tile => tile.update());
    if (tools().moved) tools().moved();
  }
  steps.onMove(moved);

  /* ---- coming and going */
  function show() {
    if (state.page !== shownPage) {
      clear();
      shownPage = state.page;
      bar();
      build();
      read();
    } else { build(); moved(); }
    board.select();
    steps.show();
  }

  function clear() {
    steps.stop();
    if (crossboard.kindTools[shownPage] && crossboard.kindTools[shownPage].leave) crossboard.kindTools[shownPage].leave();
    order.forEach(drop);
    order = []; tiles = new Map(); series = new Map(); found = []; tags = new Set(); many = new Map(); loaded = false; failed = null; dirty = new Set();
    fill(byId('kinds-body'));
  }

  function leave() { if (!shownPage) return; clear(); shownPage = ''; steps.set([]); }

  /** One step out: from a tag alone to all tags, then to the charts. */
  function back() {
    if (state.tag) state.go({page: state.page, step: state.step});
    else state.go({});
  }

  function redraw() {
    if (!isOn() || !shownPage) return;
    crossboard.ramp.forget();
    for (const tile of order) { tile.told = ''; tile.dress(tile.run); tile.redraw(); }
    tellSteps();
    if (tools().moved) tools().moved();
    if (tools().redrawn) tools().redrawn();
  }

  function walk(way) {
    const at = order.findIndex(tile => tile.element.contains(document.activeElement)), next = order[Math.max(0, Math.min(order.length - 1, at < 0 ? 0 : at + way))];
    if (next) { next.element.focus({focusVisible: true, preventScroll: true}); next.element.scrollIntoView({block: 'nearest'}); }
  }

  /** The tile in focus, else the one under the pointer. */
  function current() {
    const element = (document.activeElement && document.activeElement.closest('.tile')) || document.querySelector('.tile:hover');
    return element ? element.panel : null;
  }

  function keys() {
    return [...(tools().keys ? tools().keys() : []), ['[', 'Previous step', () => steps.move(-1)], [']', 'Next step', () => steps.move(1)], ['P', 'Play the steps', () => steps.play()],
      ['J', 'Next tile; in the rail: next run', () => walk(1)], ['K', 'Previous tile; in the rail: previous run', () => walk(-1)], ['E', 'Only the tag of the tile in focus, and back', () => { const tile = current() || order[0]; if (tile) tile.expand(); }],
      ['/', 'Filter tags', () => field.focus()], ['Esc', 'Back to all tags, then to the charts', null]];
  }

  board.on('runs visible', () => { if (isOn() && shownPage) build(); });
  board.on('highlight', () => { if (isOn()) for (const tile of order) tile.element.classList.toggle('lit', board.isLit(tile.series.run)); });
  state.on('find closed base', () => { if (isOn() && shownPage) build(); });
  state.on('own', () => { if (isOn() && shownPage && !(tools().chosen && tools().chosen())) build(); });
  state.on('old', () => { if (isOn()) { order.forEach(tile => tile.update(true)); tellSteps(); } });

  /** True when everything near the screen stands; for tests and benchmarks. */
  const settled = () => loaded && (!tools().settled || tools().settled()) && !(stats.waiting > 0) && (!order.length || order.some(tile => tile.near) || (tools().covers && tools().covers())) && order.every(tile => !tile.near || tile.error || tile.shownPlace >= 0 || (tile.series.known && !tile.places.length));

  crossboard.kinds = {back, current, isOn, keys, leave, rebuild: build, redraw, series: seriesOf, settled, show, tiles: () => order};
})(window);
