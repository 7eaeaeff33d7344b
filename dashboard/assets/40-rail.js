/* The run rail: all runs under headings, virtual, so that a thousand rows cost what forty do.

   A row is a button that shows or hides its run, with "only this run", pin and a menu beside it; pointing at a row, or reaching it by
   key, lifts its curves on every card. One row is in the tab order; the arrow keys go on from there. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {board, byId, fill, h, headline, icon, looks, numbers, oncePerFrame, plot, railGroups, runMenu, state, view} = crossboard;
  const ROW = 26, HEADING = 30, EXTRA = 8, TOP = 4;
  const SHORT = {tensorboard: 'TB', visdom: 'VIS'};
  const STATUS = {
    running: run => [h('span.pulse'), 'running', ''],
    finished: run => run.attempts > 1 ? [icon('restart', true), `finished after ${run.attempts} attempts`, 'mid'] : [icon('check', true), 'finished', 'dim'],
    failed: run => [icon('cross', true), `failed${run.error ? `: ${String(run.error).trim().split('\n').pop().slice(0, 160)}` : ''}`, 'bad'],
    killed: () => [icon('stop', true), 'killed', 'warn'],
    silent: run => [icon('clock', true), `silent for ${numbers.duration(run.silent_s)}`, 'warn'],
  };

  let items = [], tall = 0, active = '', list = null, spacer = null, moved = false;
  const rows = new Map();

  /** Build the flat list of headings and rows with their places. */
  function arrange() {
    const matching = [...(board.matching || [])];
    if (state.sort === 'newest') matching.reverse();
    if (state.sort === 'name') matching.sort((a, b) => board.nameOf(a).localeCompare(board.nameOf(b), 'en', {numeric: true}));
    if (state.sort === 'high' || state.sort === 'low') headline.sort(matching, state.sort === 'high');
    const seen = railGroups.by() !== 'none' || state.pin.length;
    items = [];
    let at = TOP;
    for (const [name, runs] of railGroups.arrange(matching.filter(run => !board.leadOf(run)))) {
      const closed = seen && state.groups.has(name);
      if (seen) { items.push({key: 'group ' + name, name, runs, closed, at, height: HEADING}); at += HEADING; }
      if (!closed) for (const run of runs) { items.push({key: run.key, run, at, height: ROW}); at += ROW; }
    }
    tall = at + 12;
  }

  function firstAt(top) {
    let low = 0, high = items.length;
    while (low < high) { const m = (low + high) >> 1; if (items[m].at + items[m].height <= top) low = m + 1; else high = m; }
    return low;
  }

  /** Put the rows that can be seen into the list; rows that stay are kept, so focus and clicks survive. */
  function show() {
    if (!list) return;
    spacer.style.height = `${tall}px`;
    const top = list.scrollTop, from = Math.max(0, firstAt(top) - EXTRA), end = top + list.clientHeight, wanted = new Set();
    const fixed = items.findIndex(item => item.key === active);
    const place = i => {
      const item = items[i];
      wanted.add(item.key);
      let row = rows.get(item.key);
      if (!row) { row = item.run ? new Row(item.key) : new Heading(item.key); rows.set(item.key, row); spacer.append(row.element); }
      row.update(item, i);
    };
    for (let i = from; i < items.length && (items[i].at < end || i - from < EXTRA || items[Math.max(0, i - EXTRA)].at < end); i++) place(i);
    if (fixed >= 0 && !wanted.has(active)) place(fixed);
    for (const [key, row] of rows) if (!wanted.has(key)) { row.element.remove(); rows.delete(key); }
  }
  const later = oncePerFrame(show);

  class Heading {
    constructor(key) {
      this.mark = h('span.icon'); this.name = h('b'); this.count = h('span.n'); this.eye = h('span.icon');
      this.fold = h('button.fold', {type: 'button', tabindex: '-1', onclick: () => state.toggle('groups', this.item.name), onfocus: () => { active = key; }}, this.mark, this.name, this.count);
      this.only = h('button.ib.sm', {type: 'button', tabindex: '-1', onclick: () => this.isolate()}, icon('only', true));
      this.all = h('button.ib.sm', {type: 'button', tabindex: '-1', onclick: () => this.hide()}, this.eye);
      this.element = h('div.gh', {role: 'listitem'}, this.fold, this.only, this.all);
    }
    update(item, i) {
      this.item = item;
      const shown = item.runs.filter(board.isShown).length;
      const text = `${i}|${item.at}|${item.closed}|${shown}|${item.runs.length}|${active === item.key}`;
      if (this.text === text) return;
      this.text = text;
      this.element.style.transform = `translateY(${item.at}px)`;
      this.name.textContent = item.name;
      this.count.textContent = shown === item.runs.length ? numbers.whole(shown) : `${numbers.whole(shown)} of ${numbers.whole(item.runs.length)}`;
      fill(this.mark, icon(item.closed ? 'right' : 'down', true));
      fill(this.eye, icon(shown ? 'eye' : 'eyeoff', true));
      this.fold.setAttribute('aria-expanded', String(!item.closed));
      this.fold.tabIndex = active === item.key ? 0 : -1;
      this.name.title = item.name;
      this.only.setAttribute('aria-label', `Only ${item.name} runs`);
      this.only.title = this.only.getAttribute('aria-label');
      this.all.setAttribute('aria-label', `${shown ? 'Hide' : 'Show'} all ${item.name} runs`);
      this.all.title = this.all.getAttribute('aria-label');
      place(this.element, i);
    }
    /** Show only this group's runs; again: all as before. */
    isolate() { const marks = this.item.runs.map(run => run.mark).sort().join('.'); state.set('only', state.only === marks ? '' : marks); }
    hide() { board.show(this.item.runs, !this.item.runs.some(board.isShown)); }
    focus() { this.fold.focus({preventScroll: true}); }
  }

  class Row {
    constructor(key) {
      this.swatch = h('span.sw'); this.name = h('span.name'); this.splits = h('span.dim'); this.status = h('span.st'); this.value = h('span.val'); this.age = h('span.ag'); this.base = h('span.st', {title: 'the baseline'}, icon('flag', true)); this.source = h('span.src'); this.warn = h('span.st.warn');
      this.toggle = h('button.run', {type: 'button', tabindex: '-1', onclick: () => board.show([this.run], !board.isShown(this.run)),
        onfocus: () => { setActive(key); board.setHighlight(key); }, onblur: () => board.setHighlight('')}, this.swatch, h('span.nm', {}, this.name, this.splits), this.base, this.warn, ' ', this.source);
      this.only = h('button.ib.sm', {type: 'button', tabindex: '-1', title: 'Only this run (O); with Ctrl or Shift: this one too', onclick: event => board.isolate(this.run, event.ctrlKey || event.metaKey || event.shiftKey)}, icon('only', true));
      this.pin = h('button.ib.sm', {type: 'button', tabindex: '-1', title: 'Pin to the top (P)', onclick: () => pin(this.run)}, icon('pin', true));
      this.more = h('button.ib.sm', {type: 'button', tabindex: '-1', 'aria-haspopup': 'menu', title: 'Colour, baseline and more', onclick: () => menu(this.run, this.more)}, icon('more', true));
      this.open = h('a.ib.sm', {tabindex: '-1', title: 'Open its page (E)', onclick: event => { if (!event.ctrlKey && !event.metaKey && !event.shiftKey) { event.preventDefault(); state.go({run: this.run.key}); } }}, icon('right', true));
      this.element = h('div.rr', {role: 'listitem', onpointerenter: () => board.setHighlight(key), onpointerleave: () => board.setHighlight('')},
        this.toggle, this.only, this.pin, this.more, this.open, this.status, this.value, this.age);
      this.element.addEventListener('contextmenu', event => { event.preventDefault(); menu(this.run, this.toggle); });
      this.element.runKey = key;
    }
    update(item, i) {
      const run = this.run = item.run, shown = board.isShown(run), look = plot.look(run.slot), isolated = board.only().has(run.mark), pinned = state.pin.includes(run.mark), base = state.base === run.mark;
      const [picture, words, tone] = (STATUS[run.status] || (() => [icon('clock', true), String(run.status), 'dim']))(run);
      const age = run.started ? numbers.age(Date.now() / 1000 - run.started) : '';
      const mates = board.matesOf(run), name = board.nameOf(run), trouble = [run, ...mates].map(troubleWords).filter(Boolean).join(', ');
      const value = headline.text(headline.of(run)), metric = value && headline.words();
      const splits = mates.length ? [run, ...mates].map(one => one.pair.split).join(' + ') : '';
      const text = [i, item.at, shown, isolated, look.colour, name, splits, words, age, trouble, value, metric, pinned, base, look.dashed, active === item.key].join('|');
      if (this.text === text) return;
      this.text = text;
      const foreign = run.source && run.source !== 'native' ? SHORT[run.source] || run.source : '';
      const label = `${name}${splits ? `, ${splits}` : ''}${foreign ? ` ${foreign}` : ''}${run.group ? `, group ${run.group}` : ''}${base ? ', baseline' : ''}${value ? `, ${metric} ${value}` : ''}, ${words}${age ? `, started ${age} ago` : ''}${trouble ? `, ${trouble}` : ''}`;
      this.element.style.transform = `translateY(${item.at}px)`;
      this.element.classList.toggle('hid', !shown);
      this.swatch.className = `sw${shown ? look.dashed ? ' ring' : '' : ' off'}`;
      this.swatch.style.setProperty('--c', look.colour);
      this.name.textContent = name;
      this.splits.textContent = splits ? ` ${splits}` : '';
      this.toggle.title = [[run, ...mates].map(one => one.name).join('\n'), run.group && `group ${run.group}`, run.notes, run.path, 'Click: show or hide; E: open its page'].filter(Boolean).join('\n');
      this.toggle.setAttribute('aria-label', label);
      this.toggle.setAttribute('aria-pressed', String(shown));
      this.toggle.tabIndex = active === item.key ? 0 : -1;
      this.open.setAttribute('aria-label', `Open the page of ${name}`);
      this.open.href = view.format({...view.fresh(), run: run.key, theme: state.theme});
      this.only.setAttribute('aria-label', `Only ${name}`);
      this.pin.setAttribute('aria-label', `${pinned ? 'Unpin' : 'Pin'} ${name}`);
      this.pin.setAttribute('aria-pressed', String(pinned));
      this.more.setAttribute('aria-label', `More for ${name}`);
      this.base.hidden = !base;
      this.value.textContent = value;
      this.value.title = metric;
      this.value.classList.toggle('bad', value === 'NaN');
      this.only.setAttribute('aria-pressed', String(isolated));
      this.element.classList.toggle('isolated', isolated);
      this.status.className = `st ${tone}`;
      this.status.title = words;
      fill(this.status, picture);
      this.warn.hidden = !trouble;
      this.warn.title = trouble;
      fill(this.warn, trouble ? icon('alert', true) : null);
      this.age.textContent = age;
      this.source.hidden = !foreign;
      this.source.textContent = foreign;
      place(this.element, i);
    }
    focus() { this.toggle.focus({preventScroll: true}); }
  }

  function place(element, i) {
    element.setAttribute('aria-posinset', i + 1);
    element.setAttribute('aria-setsize', items.length);
  }

  /** What went wrong with a run, in a few words; '' when nothing did. */
  function troubleWords(run) {
    return [run.dropped && `${numbers.whole(run.dropped)} points dropped`,
      run.problems && run.problems.length && `${run.problems.length} damaged ${run.problems.length === 1 ? 'place' : 'places'}`].filter(Boolean).join(', ');
  }

  /** Pin a run to the top of the rail, or take it down again. */
  function pin(run) {
    state.pin = state.pin.includes(run.mark) ? state.pin.filter(mark => mark !== run.mark) : [...state.pin, run.mark];
    state.changed('pin');
  }

  /** Make a run the baseline, or no longer. */
  function baseline(run) { state.set('base', state.base === run.mark ? '' : run.mark); }

  function menu(run, anchor) {
    const mates = run.group ? board.order.filter(one => one.group === run.group && one.project === run.project) : board.pairOf(run);
    runMenu.popup(anchor, [[board.isShown(run) ? 'Hide' : 'Show', () => board.show([run], !board.isShown(run)), board.isShown(run) ? 'eyeoff' : 'eye'],
      ['Only this run', () => board.isolate(run), 'only'], [state.pin.includes(run.mark) ? 'Unpin' : 'Pin to the top', () => pin(run), 'pin'],
      [state.base === run.mark ? 'No longer the baseline' : 'Make it the baseline', () => baseline(run), 'flag'],
      ['Open its page', () => state.go({run: run.key}), 'right'], ['-'],
      [run.group && mates.length > 1 ? `Colour of its group, ${numbers.whole(mates.length)} runs` : 'Colour'], [looks.swatches(mates)]], `run ${board.nameOf(run)}`);
  }

  /** Colour and dash by the values of a config key. */
  function looksMenu(anchor) {
    const keys = railGroups.configKeys(), pick = name => [['none', () => state.set(name, ''), null, !state[name]], ...keys.map(key => [key, () => state.set(name, key), null, state[name] === key])];
    runMenu.popup(anchor, [['Colour by config'], ...pick('colour'), ['-'], ['Dash by config'], ...pick('dash')], 'colour and dash by config');
  }

  function setActive(key) {
    if (active === key) return;
    active = key;
    later();
  }

  function move(by) {
    let i = items.findIndex(item => item.key === active);
    i = Math.max(0, Math.min(items.length - 1, i + by));
    const item = items[i];
    if (!item) return;
    active = item.key;
    if (item.at < list.scrollTop) list.scrollTop = item.at - TOP;
    if (item.at + item.height > list.scrollTop + list.clientHeight) list.scrollTop = item.at + item.height - list.clientHeight;
    show();
    rows.get(item.key).focus();
  }

  function options() {
    const rows = runs => runs.filter(run => !board.leadOf(run)).length;
    const matching = rows(board.matching || []), all = rows(board.order), shown = rows(board.visible), some = shown > 0;
    const sorts = {newest: 'newest', oldest: 'oldest', name: 'by name', high: 'highest', low: 'lowest'}, by = railGroups.words(railGroups.by());
    const held = document.activeElement && document.activeElement.id;
    fill(byId('rail-options'),
      h('span.grow', {title: `${numbers.whole(shown)} shown of ${numbers.whole(matching)}${matching < all ? ` that match, ${numbers.whole(all)} in all` : ''}`}, h('b', {}, numbers.whole(shown)), ` of ${numbers.whole(matching)}${matching < all ? ` (${numbers.whole(all)})` : ''}`),
      state.only && h('button', {type: 'button', onclick: () => state.set('only', '')}, 'end “only”'),
      h('button.trunc', {id: 'rail-by', type: 'button', 'aria-haspopup': 'menu', title: `Grouped by ${by}`, 'aria-label': `Grouped by ${by}. Change`, onclick: event => railGroups.menu(event.currentTarget)}, by === 'no groups' ? by : `by ${by}`),
      h('button', {id: 'rail-order', type: 'button', 'aria-haspopup': 'menu', title: `Order, and the value shown: ${headline.words() || 'none'}`, 'aria-label': `Order: ${sorts[state.sort]}; value: ${headline.words() || 'none'}. Change`, onclick: event => headline.menu(event.currentTarget)}, sorts[state.sort]),
      h('button.ib.sm', {id: 'rail-looks', type: 'button', 'aria-haspopup': 'menu', title: 'Colour and dash by config', 'aria-label': 'Colour and dash by config', onclick: event => looksMenu(event.currentTarget)}, icon('palette', true)),
      h('button.ib.sm', {id: 'rail-all', type: 'button', title: some ? 'Hide all' : 'Show all', 'aria-label': some ? 'Hide all runs' : 'Show all runs',
        onclick: () => board.show(board.matching, !some)}, icon(some ? 'eye' : 'eyeoff', true)));
    if (held && held.startsWith('rail-') && byId(held)) byId(held).focus();
    const words = byId('open-runs-words');
    if (words) words.textContent = `${numbers.whole(shown)} ${shown === 1 ? 'run' : 'runs'}`;
  }

  function foot() {
    const {info} = board;
    if (!info) return;
    const progress = info.progress && info.progress.busy ? info.progress : null;
    // a path is looked at in every format: what holds nothing there is told only where no other format holds anything
    const full = new Set((info.sources || []).filter(one => one.runs || one.error).map(one => one.path));
    const sources = (info.sources || []).filter(one => one.runs || one.error || (one.format === 'native' && !full.has(one.path)));
    fill(byId('rail-foot'), sources.slice(0, 4).map(source => h('div.row', {title: source.error || source.path},
      h('span.grow.trunc', {}, h('bdi', {}, shortPath(source.path))), source.format !== 'native' && h('span.src', {}, SHORT[source.format] || source.format),
      source.error ? h('span.bad', {}, source.runs ? 'read in part' : 'cannot be read') : h('span', {}, progress && !source.runs ? '' : `${numbers.whole(source.runs)} ${source.runs === 1 ? 'run' : 'runs'}`))),
      sources.length > 4 && h('div.row', {}, h('span', {}, `and ${sources.length - 4} more sources`)),
      progress && h('div.row', {}, h('span.grow', {}, 'reading'), h('span', {}, `${numbers.whole(progress.runs_done)} of ${numbers.whole(progress.runs_total)} runs`)));
  }

  function shortPath(path) {
    const parts = String(path).split('/').filter(Boolean);
    return parts.length > 2 ? `…/${parts.slice(-2).join('/')}` : path;
  }

  function refresh() {
    if (!list) return;
    arrange();
    if (!items.some(item => item.key === active)) active = (items.find(item => item.run) || items[0] || {key: ''}).key;
    if (items.length) { list.setAttribute('role', 'list'); list.setAttribute('aria-label', 'runs'); if (list.firstChild !== spacer || list.childElementCount > 1) fill(list, spacer); }
    else {
      list.removeAttribute('role'); list.removeAttribute('aria-label');
      rows.clear(); fill(spacer);
      fill(list, crossboard.runFilter.waiting() ? null : board.order.length ? h('div.nomatch', {}, h('b', {}, 'No run matches'), h('p', {}, crossboard.runFilter.words()),
        h('button.btn', {type: 'button', onclick: () => { crossboard.runFilter.set(''); state.set('src', ''); state.set('project', ''); }}, 'Clear the filter')) : null);
    }
    show();
    options();
  }

  function start() {
    list = byId('run-list');
    spacer = h('div.space', {role: 'presentation'});
    list.addEventListener('scroll', later, {passive: true});
    new ResizeObserver(later).observe(list);
    list.addEventListener('pointermove', () => { moved = true; }, {passive: true});
    list.addEventListener('focusin', () => { moved = false; });
    list.addEventListener('keydown', event => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const by = {ArrowDown: 1, ArrowUp: -1, j: 1, k: -1, PageDown: 12, PageUp: -12, Home: -1e9, End: 1e9}[event.key];
      if (by) { event.preventDefault(); move(by); }
      const item = items.find(one => one.key === active), group = item && item.name && rows.get(item.key), there = group && pointedAt() === group.element;
      if (there && event.key === 'h') { event.preventDefault(); group.hide(); }
      if (there && event.key === 'o') { event.preventDefault(); group.isolate(); }
      if (item && item.name && (event.key === 'ArrowLeft' || event.key === 'ArrowRight')) { if (item.closed === (event.key === 'ArrowRight')) state.toggle('groups', item.name); }
    });
    board.on('runs visible', refresh);
    board.on('board', foot);
    state.on('groups sort rail pin base metric bands', refresh);
    crossboard.groups.on('groups', refresh);
    setInterval(refresh, 30000);   // ages
    refresh();
  }

  /** The row or heading that a key is about: under the pointer where that moved last, else the one in focus, else under the pointer. */
  function pointedAt() {
    const focused = list.contains(document.activeElement) ? document.activeElement.closest('.rr, .gh') : null, hovered = list.querySelector('.rr:hover, .gh:hover');
    return moved && hovered ? hovered : focused || hovered;
  }

  /** The run under the pointer or the focus in the rail. */
  function current() {
    const row = pointedAt();
    return row && row.runKey ? board.runs.get(row.runKey) : null;
  }

  crossboard.rail = {baseline, pin, start, refresh, current, troubleWords, shortPath};
})(window);
