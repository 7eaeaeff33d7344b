/* The run page itself: who the run is, its tabs, and the panels of a tab. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {Panel, Series, board, byId, fill, getJson, grid, h, icon, live, nouns, numbers, parts, plot, runEdit, runTabs, state, stats, steps} = crossboard;
  const TABS = [['image', 'Images'], ['histogram', 'Histograms'], ['text', 'Text'], ['table', 'Tables'], ['figure', 'Figures'], ['graph', 'Graph'], ['audio', 'Audio'], ['video', 'Video'],
    ['pr_curve', 'PR curves'], ['confusion_matrix', 'Confusion'], ['embedding', 'Embeddings'], ['mesh', 'Meshes'], ['tensor', 'Tensors']];
  const STATUS = {running: ['Running', 'good'], finished: ['Finished', ''], failed: ['Failed', 'bad'], killed: ['Killed', 'warn'], silent: ['Silent', 'warn']};
  const FILTER_FROM = 7, SYSTEM = /^(system|sys)\//;   // whose steps are seconds

  let key = '', details = null, series = new Map(), found = [], scalars = [], panels = [], shownName = '', words = '', observer = null, sizes = null, dirty = new Set(), again = 0, failed = null, headTab = null, shownTab = null;

  const runOf = () => board.runs.get(state.run) || null;

  /* ---- reading */
  async function read() {
    const mine = state.run;
    try {
      const [told, listed] = await Promise.all([getJson(`api/run?${new URLSearchParams({run: mine})}`), getJson(`api/series?${new URLSearchParams({run: mine})}`)]);
      if (state.run !== mine) return;
      details = told;
      found = listed.series.filter(one => one.kind !== 'scalar');
      scalars = listed.series.filter(one => one.kind === 'scalar');
      failed = null;
    } catch (error) {
      if (state.run !== mine) return;
      if (!details || error.status === 404) failed = error;   // what was read of a run that went would be taken for what is there
    }
    draw();
  }

  /** Read again soon: something of the run changed. */
  function readSoon() {
    if (again) return;
    again = setTimeout(() => { again = 0; if (state.run) read().then(follow); }, 1000);
  }

  let following = 0;
  /** Read which points came for the tags that changed and whose panels are near. */
  function follow() {
    if (following) return;
    following = setTimeout(async () => {
      following = 0;
      const now = dirty;
      dirty = new Set();
      const touched = new Map();
      for (const panel of panels) if (now.has(panel.series.tag) && (panel.series.known || panel.series.busy)) touched.set(panel.series, [...(touched.get(panel.series) || []), panel]);
      for (const [one, mine] of touched) {
        if (await one.refresh().catch(() => false)) {
          mine.forEach(panel => panel.changed());
          tellSteps();
        }
      }
    }, 250);
  }

  live.on('change', change => {
    if (!state.run) return;
    if (change.complete === false || (change.runs || []).includes(state.run) || (change.removed || []).includes(state.run)) {
      for (const tag of change.tags || []) dirty.add(tag);
      if (change.complete === false) for (const panel of panels) dirty.add(panel.series.tag);
      readSoon();
      follow();
    }
  });
  live.on('hello', ({version}) => {   // what came between reading and hearing was told to nobody
    if (!state.run) return;
    for (const {series: one} of panels) if (one.version !== version) dirty.add(one.tag);
    readSoon();
    follow();
  });
  board.on('runs', () => { if (state.run && details) { head(); if (state.tab === '' && byId('ov-config')) runTabs[''].show(byId('run-body'), details, runOf(), false); } });
  runEdit.onChange(() => { if (state.run && details) { head(true); if (state.tab === '' && byId('ov-config')) runTabs[''].show(byId('run-body'), details, runOf(), false); } });

  /* ---- head and tabs */
  function tabs() {
    const run = runOf(), count = kind => new Set(found.filter(one => one.kind === kind).map(one => one.tag)).size, list = [['', 'Overview', 0]];
    list.push(['charts', 'Charts', run ? Object.keys(run.metrics).length : 0]);
    if ((run && run.panes) || state.tab === 'panes') list.push(['panes', 'Panes', run ? run.panes : 0]);
    const one = details && {...details.run, ...(run || {})};
    list.push(['config', 'Config', one ? crossboard.runConfig.count(one) : 0], ['events', 'Events', details ? details.alerts + details.warnings : 0], ['console', 'Console', details ? details.console_lines : 0], ['system', 'System', 0],
      ['files', 'Files', details ? details.files.count + details.files.media : 0]);
    for (const [kind, name] of TABS) if (count(kind) || state.tab === kind) list.push([kind, name, count(kind)]);
    if (missing().length) list.push(['more', 'More kinds', 0]);
    return list;
  }

  /** The kinds that this run has no points of. */
  const missing = () => TABS.map(([kind]) => kind).filter(kind => !found.some(one => one.kind === kind));

  function fact(name, ...value) { return h('div.fact', {}, h('dt', {}, name), h('dd', {}, value.flat())); }

  function statusTag(run) {
    const [text, tone] = STATUS[run.status] || [run.status, ''];
    const more = run.status === 'silent' ? ` for ${numbers.duration(run.silent_s)}` : run.attempts > 1 ? `, ${run.attempts} attempts` : '';
    return h(`span.tag${tone ? `.${tone}` : ''}`, {}, run.status === 'running' ? h('span.pulse') : icon({finished: 'check', failed: 'cross', killed: 'stop', silent: 'clock'}[run.status] || 'clock', true), text + more);
  }

  /** The metric that says most: one with a goal, else a validation one, else the first. */
  function headline(run) {
    const all = Object.entries(run.metrics), best = all.find(([, one]) => one.best !== null);
    const pick = best || all.find(([tag]) => crossboard.headline.isValidation(tag)) || all.find(([tag]) => !SYSTEM.test(tag));
    if (!pick) return null;
    const [tag, one] = pick, goal = one.best !== null;
    return fact(`${goal ? 'Best' : 'Last'} ${tag}`, h('b', {}, numbers.value(+(goal ? one.best : one.last))), h('span.dim', {}, ` at ${numbers.whole(goal ? one.best_step : one.last_step)}`));
  }

  function head(again = false) {
    const place = byId('run-head'), run = runOf(), told = details && details.run;
    if (!place || (!again && ['name', 'tags', 'group'].includes(runEdit.open()) && place.querySelector('input'))) return;   // somebody is typing there
    if (failed || (!run && !told)) {
      const missing = board.loaded && failed;
      fill(place, h('div.rh', {}, h('h1', {}, told ? told.name : missing ? 'No such run' : 'Reading')));
      place.classList.toggle('bare', true);
      return;
    }
    const one = {...(told || {}), ...(run || {})}, colour = plot.look(one.slot || 0), writers = details ? details.writers : [];
    const ended = Number.isFinite(one.ended) && one.ended !== null ? one.ended : one.updated, frameworks = Object.assign({}, ...writers.map(w => w.frameworks || {}));
    const framework = Object.entries(frameworks).filter(([name]) => ['torch', 'tensorflow', 'keras', 'jax', 'lightning', 'sklearn', 'transformers'].includes(name)).map(([name, v]) => `${name} ${v}`).join(', ');
    const hosts = [...new Set(writers.map(w => w.host).filter(Boolean))], steps_ = Math.max(-Infinity, ...Object.entries(one.metrics || {}).filter(([tag]) => !SYSTEM.test(tag)).map(([, m]) => m.last_step), ...found.map(s => s.last_step));
    const export_ = new URLSearchParams({runs: `id = "${one.id}"`}), because = parts.why(one, writers), now = Date.now() / 1000;
    const held = place.contains(document.activeElement) ? document.activeElement.id : '', scrolled = ['.facts', '.runtabs'].map(name => (place.querySelector(name) || {scrollLeft: 0}).scrollLeft);
    place.classList.toggle('bare', false);
    fill(place,
      h('div.rh', {}, h('span.sw.big', {style: `--c:${colour.colour}`}), h('span.nameplace', {}, runEdit.name(one)), statusTag(one), runEdit.tags(one),
        h('span.grow'), h('span.acts', {}, run && board.pairOf(run).filter(mate => mate !== run).map(mate => h('a.btn', {href: crossboard.view.format({...crossboard.view.fresh(), run: mate.key, theme: state.theme}), title: mate.name, onclick: event => { if (!event.ctrlKey && !event.metaKey && !event.shiftKey) { event.preventDefault(); state.go({run: mate.key, tab: state.tab}); } }}, `${mate.pair.split[0].toUpperCase()}${mate.pair.split.slice(1)} run`)),
        h('button.btn', {type: 'button', id: 'run-only', title: 'Show only this run on the charts page', onclick: () => { state.only = run ? board.markOf(run) : one.mark; state.go({}); state.changed('only'); }}, icon('only'), 'Alone in charts'),
        h('a.btn', {href: crossboard.url(`api/export/csv?${export_}`), id: 'run-export', title: 'All scalars as CSV'}, icon('table'), 'Export CSV'))),
      h('dl.facts', {tabindex: innerWidth <= 760 ? '0' : null, 'aria-label': 'facts'}, run && headline(run), fact('Started', one.started ? [numbers.moment(one.started), h('span.dim', {}, ` ${numbers.age(now - one.started)} ago`)] : 'not known'),
        fact(one.status === 'running' ? 'Running for' : 'Worked', one.started && ended ? numbers.duration(Math.max(0, ended - one.started)) : 'not known'),
        Number.isFinite(steps_) && fact('Last step', numbers.whole(steps_)), (framework || one.framework) && fact('Framework', framework || one.framework), hosts.length > 0 && fact('Host', h('span', {title: hosts.join(', ')}, hosts.length > 1 ? `${hosts.length} hosts` : hosts[0])),
        one.attempts > 1 && fact('Attempts', numbers.whole(one.attempts)), one.ranks > 1 && fact('Ranks', numbers.whole(one.ranks)),
        one.dropped > 0 && fact('Dropped', h('span.bad', {}, `${numbers.whole(one.dropped)} points`)), one.project && fact('Project', one.project), fact('Group', runEdit.group(one)), fact('Id', h('span.mono', {title: one.path}, one.id))),
      because && h(`p.because.${because[0]}`, {id: 'run-because', title: because[2]}, h('span.trunc', {}, because[1]), because[2] && h('span.dim.trunc', {}, ` ${because[2]}`)),
      h('div.tabs.runtabs', {role: 'tablist', 'aria-label': 'what is shown of the run', onkeydown: walkTabs}, tabs().map(([name, text, n]) => h('button', {type: 'button', role: 'tab', id: `run-tab-${name || 'overview'}`, 'aria-selected': String(state.tab === name),
        'aria-controls': name === 'charts' ? 'scroll' : name === 'panes' ? 'panes-body' : 'run-body', tabindex: state.tab === name ? '0' : '-1', onclick: () => state.go({run: state.run, tab: name})}, text, n ? h('span.n', {}, numbers.whole(n)) : null))));
    if (held && byId(held)) byId(held).focus({preventScroll: true});
    ['.facts', '.runtabs'].forEach((name, i) => { place.querySelector(name).scrollLeft = scrolled[i]; });
    const selected = place.querySelector('[aria-selected=true]');
    if (selected && headTab !== state.tab) selected.scrollIntoView({block: 'nearest', inline: 'nearest'});
    if (details) headTab = state.tab;
  }

  function walkTabs(event) {
    const by = {ArrowRight: 1, ArrowLeft: -1}[event.key], all = tabs().map(([name]) => name);
    if (!by) return;
    event.preventDefault();
    const next = all[(all.indexOf(state.tab) + by + all.length) % all.length];
    state.go({run: state.run, tab: next});
    byId(`run-tab-${next || 'overview'}`).focus();
  }

  /* ---- the body */
  function draw() {
    if (!state.run) return;
    byId('run-head').hidden = false;
    head();
    const charts = state.tab === 'charts', body = byId('run-body'), name = `${state.run}|${state.tab}|${state.tag}`;
    byId('app').classList.toggle('oncharts', charts);
    body.hidden = charts || (state.tab === 'panes' && !failed);
    byId('app').classList.toggle('onpanes', state.tab === 'panes' && !failed);
    byId('panes-head').hidden = byId('panes-body').hidden = state.tab !== 'panes' || Boolean(failed);
    body.setAttribute('aria-label', (tabs().find(([one]) => one === state.tab) || ['', ''])[1]);
    if (failed) { clear(); steps.set([]); fill(body, h('div.msg.page', {}, icon('search'), h('b', {}, details ? 'This run is not there any more' : 'This run is not on the board'), h('p', {}, details ? `Its directory was removed or moved: ${details.run.path}` : failed.message), h('button.btn', {type: 'button', onclick: () => state.go({})}, 'To the charts'))); shownName = name; return; }
    if (!details) { fill(body, h('div.msg.page', {}, icon('clock'), h('b', {}, 'Reading'))); return; }
    if (name !== shownName) { clear(); body.scrollTop = 0; }
    const fresh = name !== shownName;
    shownName = name;
    if (charts) { steps.set([]); leaveTab(); grid.build(); return; }
    if (state.tab === 'panes') { steps.set([]); leaveTab(); return; }
    if (TABS.some(([kind]) => kind === state.tab)) { leaveTab(); drawPanels(fresh); return; }
    steps.set([]);
    if (!runTabs[state.tab]) { fill(body, h('div.msg.page', {}, icon('search'), h('b', {}, `There is no tab ${state.tab.slice(0, 40)}`), h('button.btn', {type: 'button', onclick: () => state.go({run: state.run})}, 'To the overview'))); return; }
    shownTab = state.tab;
    runTabs[state.tab].show(body, details, runOf(), fresh);
  }

  function clear() {
    steps.stop();
    for (const one of Object.values(crossboard.kindTools || {})) if (one.leave && panels.length) one.leave();
    for (const panel of panels) { observer.unobserve(panel.element); sizes.unobserve(panel.body); panel.unmount(); }
    panels = [];
    words = '';
    leaveTab();
    fill(byId('run-body'));
  }

  function leaveTab() {
    if (shownTab !== null && runTabs[shownTab].leave) runTabs[shownTab].leave();
    shownTab = null;
  }

  function observe() {
    observer = new IntersectionObserver(entries => { for (const {target, isIntersecting} of entries) if (isIntersecting) target.panel.mount(); else if (target.panel.near) target.panel.unmount(); }, {root: byId('run-body'), rootMargin: '300px 0px'});
    sizes = new ResizeObserver(entries => { for (const {target} of entries) { const {panel} = target.parentElement || {}; if (panel) panel.redraw(); } });
  }

  /** The panels of the tab: kept where they are, new tags added in their order. */
  function drawPanels(fresh) {
    if (!observer) observe();
    const body = byId('run-body'), mine = found.filter(one => one.kind === state.tab), wanted = [];
    const ranks = new Map();
    for (const one of mine) ranks.set(one.tag, [...(ranks.get(one.tag) || []), one.rank]);
    const all = [...ranks.keys()].sort((a, b) => a.localeCompare(b, 'en', {numeric: true}));
    const tags = state.tag ? all.filter(tag => tag === state.tag) : all.filter(tag => !words || crossboard.view.matches(words, tag));
    for (const tag of tags) {
      const name = `${state.tab}\n${tag}`;
      if (!series.has(name)) series.set(name, new Series(state.run, state.tab, tag));
      for (const rank of ranks.get(tag).sort((a, b) => a - b)) {
        let panel = panels.find(one => one.series.tag === tag && one.rank === rank);
        if (!panel) panel = new Panel(series.get(name), rank, {large: Boolean(state.tag), manyRanks: ranks.get(tag).length > 1 || rank > 0, onChange: tellSteps});
        wanted.push(panel);
      }
    }
    for (const panel of panels) if (!wanted.includes(panel)) { observer.unobserve(panel.element); sizes.unobserve(panel.body); panel.unmount(); }
    const added = wanted.filter(panel => !panels.includes(panel));
    panels = wanted;
    const resumed = mine.some(one => one.attempts.length > 1), tab = (TABS.find(([kind]) => kind === state.tab) || ['', ''])[1];
    if (fresh || !body.querySelector('.pns')) {
      const field = all.length >= FILTER_FROM && !state.tag && h('input.find', {id: 'panel-filter', type: 'search', placeholder: `Filter ${all.length} tags`, 'aria-label': 'Filter tags', autocomplete: 'off', spellcheck: 'false', oninput: event => { words = event.target.value.trim(); drawPanels(false); }});
      fill(body, h('div.pnbar', {}, state.tag ? h('button.btn', {type: 'button', onclick: () => back()}, icon('left'), `All ${tab.toLowerCase()}`) : null, field || null, h('span.dim.pncount'), h('span.grow'),
        resumed && h('button.lk', {type: 'button', 'aria-pressed': String(all.some(tag => state.old.has(tag))), onclick: event => { const on = !all.some(tag => state.old.has(tag)); for (const tag of all) { if (on) state.old.add(tag); else state.old.delete(tag); } event.target.setAttribute('aria-pressed', String(on)); state.changed('old'); panels.forEach(panel => panel.update(true)); tellSteps(); }}, 'Older attempts too')),
        h('div.ptop', {id: 'run-above'}), h(`div.pns${state.tag ? '.one' : ''}.${state.tab.replace('_', '-')}`));
      if (!body.querySelector('.pnbar').querySelector('button, input')) body.querySelector('.pnbar').classList.add('bare');
    }
    body.querySelector('.pncount').textContent = tags.length < all.length && !state.tag ? `${tags.length} of ${all.length} tags` : '';
    const list = body.querySelector('.pns');
    list.classList.toggle('few', wanted.length <= 3);
    list.style.setProperty('--n', wanted.length || 1);
    if (list.childElementCount !== wanted.length || wanted.some((panel, i) => list.children[i] !== panel.element)) fill(list, wanted.map(panel => panel.element));
    if (!wanted.length && !all.length) fill(list, crossboard.runKinds.teach(state.tab, details.run));
    else if (!wanted.length) fill(list, h('div.msg.page', {}, icon('search'), h('b', {}, state.tag && !all.includes(state.tag) ? `No tag ${state.tag} here` : `No tag matches “${words}”`), h('p', {}, `${all.length} tags are here.`)));
    for (const panel of added) { observer.observe(panel.element); sizes.observe(panel.body); }
    if (tools().above) tools().above(body.querySelector('.ptop'), panels);
    tellSteps();
  }

  /** What the page of this kind can do more, see `assets/kinds/40-page.js`. */
  function tools() {
    const page = crossboard.kindPages.all.find(one => one.kinds.includes(state.tab));
    return page && crossboard.kindTools && crossboard.kindTools[page.page] || {};
  }

  /** Tell the slider at which steps the tab's points lie. */
  function tellSteps() {
    const all = new Set();
    for (const panel of panels) if (panel.series.known) for (const place of panel.places) all.add(panel.series.step[place]);
    steps.set([...all].sort((a, b) => a - b));
  }
  steps.onMove(() => panels.forEach(panel => panel.update()));

  /* ---- the page */
  function show() {
    if (state.run !== key) {
      key = state.run; headTab = null; runEdit.close();
      details = null; failed = null; found = []; series = new Map(); shownName = '';
      board.select();
      draw();
      read();
    } else draw();
    steps.show();
    panels.forEach(panel => panel.update());
  }

  function leave() { runEdit.close(); clear(); key = ''; details = null; shownName = ''; steps.set([]); }

  /** Go to the chart of a tag ("": to the charts), around a step where one is given. */
  function chart(tag, step) {
    state.go({run: state.run, tab: 'charts'});
    let tries = 0;
    const find = () => {
      const card = [...grid.cards.values()].find(one => one.tags.includes(tag));
      if (card && card.element.isConnected) {
        card.element.scrollIntoView({block: 'center'});
        card.element.focus({preventScroll: true});
        const one = seriesOf(tag), span = one ? one.last_step - one.first_step : 0;
        if (step !== null && state.x === 'step' && span > 0) card.zoomTo(Math.round(step - span / 20), Math.round(step + span / 20));
      } else if (tag && state.tab === 'charts' && tries++ < 60) requestAnimationFrame(find);
    };
    find();
  }
  const seriesOf = tag => scalars.find(one => one.tag === tag);

  /** One step out: from a large panel to its tab, from a tab to the charts. */
  function back() {
    if (state.tag) state.go({run: state.run, tab: state.tab, step: state.step});
    else state.go({});
  }

  function redraw() {
    if (!state.run) return;
    crossboard.ramp.forget();
    head();
    panels.forEach(panel => panel.redraw());
    if (shownTab !== null && runTabs[shownTab].redraw) runTabs[shownTab].redraw();
  }

  function walk(way) {
    const now = panels.findIndex(panel => panel.element.contains(document.activeElement)), next = panels[Math.max(0, Math.min(panels.length - 1, now < 0 ? 0 : now + way))];
    if (next) { next.element.focus({focusVisible: true, preventScroll: true}); next.element.scrollIntoView({block: 'nearest'}); }
    else grid.walk(way);
  }

  /** Keys of the run page; they come before those of the charts. */
  function keys() {
    const nextTab = way => { const all = tabs().map(([name]) => name); state.go({run: state.run, tab: all[(all.indexOf(state.tab) + way + all.length) % all.length]}); };
    return [
      ...(panels.length && tools().keys ? tools().keys() : []),
      ['[', 'Previous step', () => steps.move(-1)],
      [']', 'Next step', () => steps.move(1)],
      ['P', 'Play the steps', () => steps.play()],
      ['N', 'Next tab', () => nextTab(1)],
      ['B', 'Tab before', () => nextTab(-1)],
      ['J', 'Next panel', () => walk(1)],
      ['K', 'Previous panel', () => walk(-1)],
      ['E', 'Open the panel in focus large, and back', () => { const panel = panels.find(one => one.element.contains(document.activeElement)) || panels[0]; if (panel) panel.expand(); }],
      ['/', 'Filter', () => { const field = byId('panel-filter') || byId('config-filter') || byId('console-filter') || byId('config-find') || byId('event-find') || byId('file-find') || (state.tab === 'charts' ? byId('tag-filter') : null); if (field) field.focus(); }],
      ['F2', 'Rename the run', () => runEdit.begin('name')],
      ['Z', 'The whole range again', () => { if (state.tab === 'system') crossboard.runSystem.onZoom(null); else if (state.tab === 'charts') crossboard.keys.undo(); }],
      ['← →', 'Move the cursor of the chart in focus on System; with Shift by ten points', null],
      ['Enter', 'Next hit in the console, with Shift the one before; keep what is typed, the notes with Ctrl', null],
      ['PgUp PgDn', 'Through the console; Home and End to its ends', null],
      ['↑ ↓', 'In a graph from node to node, ← and → out of and into one, Home and End to the ends; turn a mesh', null],
      ['Space', 'Open or close the node in focus, as Enter does', null],
      ['+ = -', 'Nearer to a mesh, a large matrix or a picture of a figure, or farther', null],
      ['0', 'All of the matrix or picture; the first view of a mesh', null],
      ['Esc', 'Out of the large panel, then back to the charts', null],
    ];
  }

  /** True when everything near the screen stands; for tests and benchmarks. */
  const settled = () => Boolean(details || failed) && !(stats.waiting > 0) && (!panels.length || panels.some(panel => panel.near)) &&
    panels.every(panel => !panel.near || panel.error || panel.shownPlace >= 0 || (panel.series.known && !panel.places.length));

  crossboard.run = {show, leave, back, redraw, keys, settled, chart, missing, panels: () => panels, details: () => details};
  stats.waiting = stats.waiting || 0;
})(window);
