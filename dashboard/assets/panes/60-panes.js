/* The page of panes: the environments that are open on it, filter, comparison, and the panes at their places.

   It stands alone (`page=panes`) and as a tab of a run that has panes; then the run is its only environment. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {Pane, board, byId, fill, getJson, h, icon, live, numbers, paneCompare, paneLayout, state, stats, url} = crossboard;
  const LIST_MS = 250;   // least time between two readings of the list

  let shownFor = '', lists = new Map(), panes = new Map(), order = [], environments = [], failed = null, loaded = false, observer = null, screens = null, sizes = null, picker = null, field = null,
    note = null, chips = null, twin = null, steps = null, again = 0, reading = null, readMore = false, width = 0, area = null, scrolled = 0, onPage = false, picked = '';

  const isOn = () => state.run ? state.tab === 'panes' : state.page === 'panes';
  const runs = () => board.order.filter(run => run.panes > 0);

  /** The environments that are open: those of the URL, the run of the tab, else "main", else the one that changed last. */
  function keys() {
    if (state.run) return [state.run];
    const wanted = state.env.split('\n').filter(Boolean);
    if (wanted.length) return wanted;
    const all = runs();
    if (all.some(run => run.key === picked)) return [picked];   // what was shown stays, whichever changes next
    const main = all.filter(run => run.name === 'main'), newest = [...(main.length ? main : all)].sort((a, b) => (b.updated || 0) - (a.updated || 0))[0];
    picked = newest ? newest.key : '';
    return picked ? [picked] : [];
  }

  /* ---- reading */
  async function read() {
    if (reading) { readMore = true; return; }
    const mine = keys();
    if (!mine.length) { loaded = board.loaded; lists = new Map(); build(); return; }
    reading = (async () => {
      const known = mine.filter(key => !board.loaded || board.runs.has(key)), q = new URLSearchParams();
      for (const key of known) q.append('run', key);
      const answer = known.length ? await getJson(`api/panes?${q}`) : {environments: []};
      if (keys().join('\n') !== mine.join('\n')) { readMore = true; return; }
      lists = new Map(answer.environments.map(one => [one.run, one]));
      failed = null;
    })();
    try { await reading; } catch (error) { failed = lists.size ? null : error; } finally { reading = null; }
    if (!isOn()) return;
    loaded = true;
    build();
    if (readMore) { readMore = false; readSoon(); }
  }

  let readAt = 0;
  function readSoon() {
    if (again || !isOn()) return;
    again = setTimeout(() => { again = 0; readAt = performance.now(); if (isOn()) read(); }, Math.max(0, readAt + LIST_MS - performance.now()));
  }

  live.on('change', change => {
    if (!isOn()) return;
    const mine = new Set(keys()), here = change.complete === false || [...(change.runs || []), ...(change.removed || [])].some(key => mine.has(key));
    if (!here) return;
    if (change.complete === false) for (const pane of panes.values()) { pane.curvesDirty = pane.dirty = true; pane.follow(); }
    else if ((change.tags || []).length) { const tags = new Set(change.tags); for (const pane of panes.values()) pane.points(tags); }
    readSoon();
  });
  live.on('hello', ({back}) => { if (isOn()) { if (back) for (const pane of panes.values()) { pane.curvesDirty = pane.dirty = true; pane.follow(); } readSoon(); } });
  board.on('runs', () => { if (isOn()) { head(); if (!lists.size) readSoon(); } });
  state.on('find', () => { if (isOn()) build(); });

  /* ---- head */
  function makeHead() {
    const place = byId('panes-head');
    picker = crossboard.envPicker(chosen => state.go({page: 'panes', env: chosen.join('\n')}));
    let typing = 0;
    field = h('input.find', {id: 'pane-filter', type: 'search', placeholder: 'Filter panes', 'aria-label': 'Filter panes by title: words or /regular expression/', title: 'Words, or /a regular expression/', autocomplete: 'off', spellcheck: 'false', value: state.find,
      oninput: () => { clearTimeout(typing); typing = setTimeout(() => state.set('find', field.value.trim()), 80); }});
    note = h('span.dim.trunc', {role: 'status'});
    chips = h('span.pchips');
    twin = h('a.ib', {target: '_blank', rel: 'noopener', title: 'The list of panes as JSON; add format=csv for CSV', 'aria-label': 'Panes as JSON'}, icon('table'));
    const step = (way, name, words) => h('button.ib.envstep', {type: 'button', title: words, 'aria-label': words.replace(/ \(.*/, ''), onclick: () => walkEnvironments(way)}, icon(name));
    steps = [step(-1, 'left', 'Environment before ([)'), step(1, 'right', 'Next environment (])')];
    fill(place, h('h1.unseen', {}, 'Panes'), picker.element, steps, field, note, h('span.grow'), chips, twin);
  }

  function head() {
    if (!picker) makeHead();
    const mine = keys(), all = runs().map(run => ({run: run.key, name: run.name, project: run.project, source: run.source, status: run.status, open: run.panes, updated: run.updated}));
    picker.element.hidden = Boolean(state.run);
    for (const one of steps) one.hidden = Boolean(state.run) || all.length < 2;
    picker.set(all, mine);
    if (document.activeElement !== field && field.value.trim() !== state.find) field.value = state.find;
    const q = new URLSearchParams();
    for (const key of mine) q.append('run', key);
    twin.href = url(`api/panes?${q}`);
    twin.hidden = !mine.some(key => lists.has(key));
    const numbered = environments.some((one, i) => one.label === String(i) && one.name !== one.label);
    fill(chips, environments.length > 1 ? environments.map(one => h('span.chip', {title: one.name}, numbered ? h('b', {}, `${one.label}:`) : null, h('span.trunc', {}, one.name),
      h('button.ib.xs', {type: 'button', 'aria-label': `Leave ${one.name} out`, onclick: () => state.go({page: 'panes', env: mine.filter(key => key !== one.run).join('\n')})}, icon('close', true)))) : []);
  }

  function walkEnvironments(way) {
    const all = paneCompare.tree(runs().map(run => ({run: run.key, name: run.name}))).flatMap(group => group.members), at = all.findIndex(one => one.run === keys()[0]);
    if (all.length) state.go({page: 'panes', env: all[(at + way + all.length) % all.length].run});
  }

  /* ---- panes */
  function observe() {
    observer = new IntersectionObserver(entries => { for (const {target: {pane}, isIntersecting} of entries) if (isIntersecting) pane.mount(); else if (pane.near) pane.unmount(); }, {root: byId('panes-body'), rootMargin: '300px 0px'});
    screens = new IntersectionObserver(entries => { for (const {target: {pane}, isIntersecting} of entries) pane.onScreen = isIntersecting; }, {root: byId('panes-body')});
    sizes = new ResizeObserver(entries => {
      for (const {target} of entries) {
        if (target === byId('panes-body')) { if (target.clientWidth && target.clientWidth !== width) arrange(); } else if (target.parentElement && target.parentElement.pane) target.parentElement.pane.resize();
      }
    });
    sizes.observe(byId('panes-body'));
  }

  const page = {
    expand(pane) { go(pane.large ? '' : pane.key); },
  };

  function go(key) {
    if (!state.pane && key) scrolled = byId('panes-body').scrollTop;
    state.go(state.run ? {run: state.run, tab: 'panes', pane: key} : {page: 'panes', env: state.env, pane: key});
  }

  function forget(pane) {
    observer.unobserve(pane.element); screens.unobserve(pane.element); sizes.unobserve(pane.body);
    pane.unmount();
    pane.element.remove();
    panes.delete(pane.key);
  }

  /** Bring the panes to what the lists, the filter and the URL say. Those that stay are kept as they are. */
  function build() {
    if (!isOn()) return;
    if (!observer) observe();
    const mine = keys(), body = byId('panes-body'), names = mine.map(key => (lists.get(key) || board.runs.get(key) || {name: key}).name), labels = paneCompare.labels(names);
    environments = mine.map((run, i) => ({run, name: names[i], label: labels[i], live: Boolean((lists.get(run) || {}).live)}));
    head();
    const there = mine.map(run => ({key: run, panes: paneLayout.ordered((lists.get(run) || {panes: []}).panes)})), joined = paneCompare.join(there), filter = paneCompare.filter(state.find);
    const found = joined.filter(({members}) => filter.test(members[0].pane.title || '')), wanted = new Set(found.map(one => one.key));
    field.classList.toggle('wrong', Boolean(filter.error));
    field.setAttribute('aria-invalid', String(Boolean(filter.error)));
    note.textContent = filter.error ? `no regular expression: ${filter.error}` : state.find ? `${numbers.whole(found.length)} of ${numbers.whole(joined.length)} panes` : joined.length ? `${numbers.whole(joined.length)} ${joined.length === 1 ? 'pane' : 'panes'}` : '';
    note.title = note.textContent;
    for (const pane of [...panes.values()]) if (!wanted.has(pane.key)) forget(pane);
    if (!area) area = h('div.parea');
    const why = failed ? 'failed' : !loaded ? 'reading' : !mine.length ? 'none' : mine.some(key => !lists.has(key)) && !joined.length ? 'gone' : !joined.length ? 'empty' : !found.length ? 'filter' : '';
    order = found.map(({key, members}) => {
      let pane = panes.get(key);
      if (!pane) { pane = new Pane(key, page); panes.set(key, pane); }
      pane.take(members.map(({env, pane: line}) => ({env: environments[env], pane: line})), environments.length > 1 && members.length === 1 ? environments[members[0].env].name : '', environments.length);
      return pane;
    });
    if (why) { fill(body, message(why, mine)); return; }
    if (!body.contains(area)) fill(body, area);
    order.forEach((pane, i) => { if (area.children[i] !== pane.element) area.insertBefore(pane.element, area.children[i] || null); });
    arrange();
    for (const pane of order) { observer.observe(pane.element); screens.observe(pane.element); sizes.observe(pane.body); pane.follow(); }
  }

  /** Put the panes at their places; one alone when it is open large. */
  function arrange() {
    const body = byId('panes-body');
    if (!area || !body.clientWidth) return;
    width = body.clientWidth;
    const large = state.pane && order.find(pane => pane.key === state.pane);
    area.classList.toggle('one', Boolean(large));
    if (large) {
      area.style.height = '';
      for (const pane of order) if (pane.large !== (pane === large)) pane.expanded(pane === large);
      large.element.style.cssText = '';
      return;
    }
    const was = order.find(pane => pane.large), {boxes, tall} = paneLayout.boxes(order.map(pane => pane.line.pane), width);
    area.style.height = `${tall}px`;
    order.forEach((pane, i) => {
      if (pane.large) pane.expanded(false);
      const {left, top, width: wide, height} = boxes[i], css = `left:${left}px;top:${top}px;width:${wide}px;height:${height}px`;
      if (pane.css !== css || was) { pane.css = css; pane.element.style.cssText = css; }
    });
    if (was) { body.scrollTop = scrolled; was.element.focus({preventScroll: true}); }
  }

  function message(why, mine) {
    if (why === 'reading') return h('div.parea', {style: 'height:600px'}, [0, 1, 2].map(i => h('section.card.pane', {'aria-hidden': 'true', style: `left:calc(${i} * 33% + 10px);top:10px;width:calc(33% - 14px);height:350px`}, h('div.vb', {}, h('div.skeleton', {}, h('i'), h('i'), h('i'), h('i'))))));
    if (why === 'failed') return h('div.msg.page', {}, icon('alert'), h('b', {}, 'The panes could not be read'), h('p', {}, failed.message), h('button.btn', {type: 'button', onclick: () => { failed = null; read(); }}, 'Try again'));
    if (why === 'gone') return h('div.msg.page', {}, icon('search'), h('b', {}, mine.length === 1 ? 'This environment is not on the board' : 'These environments are not on the board'), h('p.mono', {}, mine.join(', ')), state.run ? null : h('button.btn', {type: 'button', onclick: () => state.go({page: 'panes'})}, 'To the environments there are'));
    if (why === 'filter') return h('div.msg.page', {}, icon('search'), h('b', {}, `No title matches “${state.find}”`), h('p', {}, `${numbers.whole([...lists.values()].reduce((n, one) => n + one.panes.length, 0))} panes are here.`), h('button.btn', {type: 'button', onclick: () => { field.value = ''; state.set('find', ''); }}, 'Clear the filter'));
    if (why === 'empty' && mine.length) return h('div.msg.page', {}, icon('grid'), h('b', {}, 'No open pane'), h('p', {}, 'Windows appear here as they are opened. What closed ones showed stays in the run.'));
    const port = location.port || (location.protocol === 'https:' ? '443' : '80');
    return h('div.msg.page.teach', {}, icon('grid'), h('b', {}, 'No panes yet'), h('p', {}, 'Send them from a program that uses Visdom, to this board:'), h('pre.plain', {}, `import visdom\nviz = visdom.Visdom(port=${port})\nviz.line([1, 3, 2], opts={"title": "loss"})`), h('p', {}, 'or open what a Visdom server saved:'), h('pre.plain', {}, 'crossboard ~/.visdom'));
  }

  /* ---- the page */
  function show() {
    const name = keys().join('\n');
    if (!picker) makeHead();
    if (!onPage || name !== shownFor) {
      if (name !== shownFor) { for (const pane of [...panes.values()]) forget(pane); lists = new Map([...lists].filter(([key]) => keys().includes(key))); loaded = false; failed = null; byId('panes-body').scrollTop = scrolled = 0; }
      shownFor = name;
      onPage = true;
      field.value = state.find;
      build();
      readAt = performance.now();
      read();
    } else build();
  }

  function leave() {
    onPage = false;
    for (const pane of [...panes.values()]) if (pane.near) pane.unmount();
    if (picker) picker.open(false);
  }

  function back() {
    if (state.pane) go('');
    else if (state.find && !state.run) { field.value = ''; state.set('find', ''); }
    else state.go({});
  }

  const current = () => order.find(pane => pane.element.contains(document.activeElement)) || order.find(pane => pane.element.matches(':hover'));
  function walk(way) {
    const now = order.indexOf(current()), next = order[Math.max(0, Math.min(order.length - 1, now < 0 ? 0 : now + way))];
    if (!next) return;
    if (state.pane) { go(next.key); }
    next.element.focus({focusVisible: true, preventScroll: true});
    next.element.scrollIntoView({block: 'nearest'});
  }

  /** Keys of this page; they come before those of the charts. */
  function keysOf() {
    return [
      ['/', 'Filter panes by title', () => field.focus()],
      ['J', 'Next pane', () => walk(1)],
      ['K', 'Previous pane', () => walk(-1)],
      ['E', 'Open the pane in focus large, and back', () => { const pane = state.pane ? order.find(one => one.large) : current() || order[0]; if (pane) page.expand(pane); }],
      ...(state.run ? [] : [['V', 'Choose environments', () => picker.open(true)], ['[', 'Environment before', () => walkEnvironments(-1)], [']', 'Next environment', () => walkEnvironments(1)]]),
      ['Esc', 'Out of the large pane, then back to the charts', null],
    ];
  }

  const settled = () => Boolean(loaded || failed) && !reading && !again && !(stats.waiting > 0) && (!order.length || order.some(pane => pane.near || pane.error)) &&
    order.every(pane => !pane.near || pane.error || (pane.view && !pane.dirty));

  function catchUp() { if (isOn()) { readSoon(); for (const pane of order) pane.follow(); } }

  crossboard.panes = {show, leave, back, keys: keysOf, settled, catchUp, isOn, redraw: () => order.forEach(pane => pane.redraw()), all: () => order, environments: () => environments};
})(window);
