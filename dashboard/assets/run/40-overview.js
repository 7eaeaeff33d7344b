/* The Overview of a run: why it failed, config, attempts, first curves, summary, alerts, notes, storage. Each part is filled anew only when what it
   shows changed, so that nothing moves under a reader. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {Card, board, byId, curves, fill, getJson, h, icon, numbers, parts, rail, runEdit, state} = crossboard, {bytes, nested, panel, plural, quoted, row} = parts;
  const SYSTEM = /^(system|sys)\//, FIRST_CURVES = 4, LAST_LINES = 9;
  let cards = [], near = null, sizes = null, told = new Map(), wholeSummary = false;

  /** Fill a part when `name` (what it shows, as text) is new. */
  function part(id, name, make) {
    const place = byId(id);
    if (!place || told.get(id) === name) return;
    told.set(id, name);
    const made = make();
    place.hidden = !made;
    if (made) fill(place, made);
  }

  /* ---- the first curves, as the charts page draws them */
  const LEAD = [/^train(ing)?[/_]loss$/, /^loss$/, /^val(id|idation)?[/_](acc|accuracy)/, /acc/, /^val(id|idation)?[/_]loss/, /loss/, /(^|[/_])lr$/];
  function leading(run) {
    const tags = run ? Object.keys(run.metrics).filter(tag => !SYSTEM.test(tag)) : [], rank = tag => { const i = LEAD.findIndex(one => one.test(tag)); return i < 0 ? LEAD.length : i; };
    return tags.map((tag, i) => [rank(tag), i, tag]).sort((a, b) => a[0] - b[0] || a[1] - b[1]).slice(0, FIRST_CURVES).map(([, , tag]) => tag);
  }

  function drawCurves(place, run) {
    const tags = leading(run);
    place.hidden = !tags.length;
    if (!near) {
      near = new IntersectionObserver(entries => {
        for (const {target: {card}, isIntersecting} of entries) { card.onScreen = isIntersecting; if (isIntersecting) { card.mount(); sizes.observe(card.plot); } else if (card.canvas) { card.unmount(); sizes.unobserve(card.plot); } }
        curves.pump();
      }, {root: byId('run-body'), rootMargin: '200px 0px'});
      sizes = new ResizeObserver(entries => { for (const {target} of entries) { const {card} = target.parentElement || {}; if (card && card.canvas && (target.clientWidth !== card.width || target.clientHeight !== card.height)) { card.size(); card.redraw(); } } });
    }
    for (const card of cards) if (!tags.includes(card.tag)) { near.unobserve(card.element); card.unmount(); card.element.remove(); }
    cards = tags.map((tag, i) => cards.find(card => card.tag === tag) || Object.assign(new Card(tag), {place: i}));
    if (place.childElementCount !== cards.length || cards.some((card, i) => place.children[i] !== card.element)) fill(place, cards.map(card => card.element));
    for (const card of cards) near.observe(card.element);
  }

  /* ---- summary: every tag */
  function drawSummary(run) {
    const all = run ? Object.entries(run.metrics) : [];
    if (!all.length) return panel('Summary', '', h('p.none', {}, 'No scalar was logged.'));
    all.sort(([a], [b]) => SYSTEM.test(a) - SYSTEM.test(b) || a.localeCompare(b, 'en', {numeric: true}));
    const machine = all.filter(([tag]) => SYSTEM.test(tag)).length, folded = machine > 0 && machine < all.length && !wholeSummary, listed = folded ? all.filter(([tag]) => !SYSTEM.test(tag)) : all;
    const number = v => v === null ? '' : numbers.value(+v), some = all.some(([, one]) => one.best !== null);
    const place = (tag, step) => SYSTEM.test(tag) ? numbers.duration(step) : numbers.whole(step), at = (tag, v, step, strong) => step === null || step === undefined || v === null ? h('td.num', {}, number(v)) : h('td.num', {title: SYSTEM.test(tag) ? `${numbers.duration(step)} after the run began` : `at step ${numbers.whole(step)}`}, strong ? h('b', {}, number(v)) : number(v), h('span.atstep', {}, place(tag, step)));
    return panel('Summary', [plural(all.length, 'tag'), ', values and the steps they stand at'], h('div.wide', {tabindex: '0', role: 'region', 'aria-label': 'summary of every tag'}, h('table.t.sum', {}, h('thead', {}, h('tr', {}, h('th', {}, 'Tag'), ['Last', 'Minimum', 'Maximum', some && 'Best', 'Points'].filter(Boolean).map(name => h('th.num', {}, name)))),
      h('tbody', {}, listed.map(([tag, one]) => { const cut = tag.lastIndexOf('/') + 1; return h('tr', {}, h('td', {}, h('button.lk.plainlk.tolink', {type: 'button', title: `${tag}: its chart`, onclick: () => crossboard.run.chart(tag, null)}, h('span.trunc', {}, h('span.dim', {}, tag.slice(0, cut)), tag.slice(cut)))), at(tag, one.last, one.last_step), at(tag, one.min, one.min_step), at(tag, one.max, one.max_step), some && at(tag, one.best, one.best_step, true), h('td.num', {}, numbers.whole(one.count), one.non_finite ? h('span.warn', {title: `${one.non_finite} of them are NaN or infinite`}, ` (${numbers.whole(one.non_finite)} not finite)`) : null)); }))), folded && h('button.lk.unfold', {type: 'button', id: 'summary-machine', onclick: () => { wholeSummary = true; told.delete('ov-summary'); redraw(); }}, `${plural(machine, 'more tag')} of the machine`)));
  }

  /* ---- what went wrong, and what was said */
  function drawFindings(events, run) {
    const rows = [];
    for (const one of events.slice().reverse()) rows.push([one.level === 'error' ? 'bad' : one.level === 'warn' ? 'warn' : '', one.what === 'warning' ? 'alert' : one.level === 'info' ? 'check' : 'alert', one.title, [one.text, one.tag && `tag ${one.tag}`, Number.isFinite(one.wall_time) && numbers.moment(one.wall_time)].filter(Boolean).join(' · '), one]);
    for (const one of run.problems || []) rows.push(['bad', 'alert', one.what, `${one.offset >= 0 ? `byte ${numbers.whole(one.offset)} of ` : ''}${rail.shortPath(one.path)}; the rest was read, nothing was repaired`]);
    if (run.dropped) rows.unshift(['bad', 'alert', `${numbers.whole(run.dropped)} points were dropped while logging`, 'They were never written: the disk was full, or the directory was removed.']);
    const because = ['killed', 'silent'].includes(run.status) && parts.why(run, crossboard.run.details().writers);
    if (because) rows.unshift([because[0], run.status === 'killed' ? 'stop' : 'clock', because[1][0].toUpperCase() + because[1].slice(1), because[2]]);
    if (!rows.length) return panel('Alerts and warnings', '', h('p.none', {}, 'None.'));
    return panel('Alerts and warnings', numbers.whole(rows.length), h('div.finds', {tabindex: '0', role: 'region', 'aria-label': 'alerts and warnings'}, rows.slice(0, 50).map(([tone, picture, title, text, one]) => h('div.find1', {}, h(`span.st${tone ? `.${tone}` : ''}`, {}, icon(picture)), h('div.grow', {}, h('div.ft', {}, title), text ? h('div.dim.fx', {}, text) : null), one && one.step !== null ? h('button.lk.plainlk', {type: 'button', title: 'Its chart around this step', onclick: () => crossboard.run.chart(one.tag, one.step)}, `step ${numbers.whole(one.step)}`) : null)), rows.length > 50 && h('p.none', {}, 'More on the tab Events.')));
  }

  function drawFailure(run, details) {
    const writers = details.writers.filter(one => one.traceback || one.error);
    if (run.status !== 'failed' && !writers.length) return null;
    const one = writers[writers.length - 1] || {}, last = String(one.traceback || '').trim();
    return [h('div.h', {}, icon('cross'), h('div.grow', {}, h('b', {}, one.error || run.error || 'Failed'), h('div.dim', {}, [one.exit_code !== null && one.exit_code !== undefined && `exit code ${one.exit_code}`, writers.length > 1 && `${writers.length} processes failed`, one.rank ? `rank ${one.rank}` : '', one.ended && numbers.moment(one.ended)].filter(Boolean).join(' · '))),
      last && h('button.btn', {type: 'button', onclick: event => crossboard.page.copyText(last).then(done => { event.target.textContent = done ? 'Copied' : 'Not copied'; })}, 'Copy traceback')), last ? h('pre.trace', {tabindex: '0', 'aria-label': 'traceback'}, last) : null];
  }

  function drawStorage(run, details) {
    const {files} = details, points = run ? Object.values(run.metrics || {}).reduce((n, one) => n + one.count, 0) : 0;
    return [h('header.pnh', {}, h('h2', {}, 'Storage'), h('span.e', {}, details.sealed.length ? 'sealed ' : '', h('button.lk', {type: 'button', onclick: () => state.go({run: state.run, tab: 'files'})}, 'Files'))), h('dl.kvs', {}, row('Scalar points', numbers.whole(points)), row('Dropped', numbers.whole(run.dropped || 0), run.dropped ? 'bad' : ''), row('Damaged places', numbers.whole((run.problems || []).length), (run.problems || []).length ? 'bad' : ''), row('Size', `${bytes(files.bytes)}, ${plural(files.count + files.media)}`), files.media ? row('Media', `${bytes(files.media_bytes)}, ${plural(files.media)}`) : null, row('Format', run.source))];
  }

  /* ---- the last words of the console */
  async function drawConsole(details) {
    const mine = state.run, place = byId('ov-console');
    if (!details.console_lines) { place.hidden = true; return; }
    if (told.get('ov-console') === details.console_lines) return;
    told.set('ov-console', details.console_lines);
    const answer = await getJson(`api/console?${new URLSearchParams({run: mine, limit: LAST_LINES})}`).catch(() => null);
    if (!answer || state.run !== mine || byId('ov-console') !== place) return;
    place.hidden = false;
    const several = answer.ranks.length > 1;
    fill(place, h('header.pnh', {}, h('h2', {}, 'Console'), h('span.e', {}, `last ${answer.lines.length} of ${plural(answer.total, 'line')} `, h('button.lk', {type: 'button', onclick: () => state.go({run: mine, tab: 'console'})}, 'All'))),
      h('div.clines.short', {tabindex: '0', role: 'region', 'aria-label': 'last lines of the console'}, answer.lines.map(one => h(`div.ln${one.stream === 'stderr' ? '.err' : ''}`, {}, h('i', {}, Number.isFinite(one.wall_time) ? numbers.clock(one.wall_time) : ''), several ? h('i', {}, `r${one.rank}`) : null, crossboard.ansi.parse(one.text).map(({text, classes}) => classes ? h('span', {class: classes}, text) : text)))));
  }

  /* ---- the tabs */
  function skeleton(body) {
    const section = (id, name, kind = 'section.card') => h(kind, {id, 'aria-label': name, hidden: true});
    fill(body, h('div.ov', {}, section('ov-failure', 'why it failed', 'section.card.dmg.fail'),
      h('div.ovl', {}, section('ov-config', 'config'), section('ov-own', 'set by the program')),
      h('div.ovm', {}, section('ov-attempts', 'attempts'), h('div.cards', {id: 'ov-curves', hidden: true}), section('ov-summary', 'summary'), section('ov-console', 'last lines of the console')),
      h('div.ovr', {}, section('ov-findings', 'alerts and warnings'), section('ov-notes', 'notes'), section('ov-command', 'command'), section('ov-storage', 'storage'))));
  }

  /** Why the page's baseline marks values: its key and what it was configured with. */
  const baseKey = one => { const base = crossboard.runConfig.baseline(one); return base ? [base.key, base.name, base.config] : null; };

  async function show(body, details, run, fresh) {
    if (fresh) { told = new Map(); wholeSummary = false; }
    if (fresh || !byId('ov-config')) skeleton(body);
    const one = {...details.run, ...(run || {})}, own = one.summary || {}, command = (details.writers[details.writers.length - 1] || {}).command || [];
    part('ov-config', JSON.stringify([one.config, baseKey(one)]), () => crossboard.runConfig.overview(one));
    part('ov-own', JSON.stringify(own), () => { const rows = []; nested(rows, own); return rows.length ? panel('Set by the program', '', h('div.kvs', {}, rows)) : null; });
    part('ov-failure', JSON.stringify([one.status, details.writers.map(w => w.error)]), () => drawFailure(one, details));
    part('ov-attempts', JSON.stringify([details.attempts, details.writers.map(w => [w.status, w.ended]), run && run.slot, one.status, crossboard.attempts.axis(), document.documentElement.dataset.mantineColorScheme]), () => crossboard.attempts.draw(details, run, () => show(body, details, run, false)));
    drawCurves(byId('ov-curves'), run);
    part('ov-summary', JSON.stringify(run && run.metrics), () => drawSummary(run));
    if (runEdit.open() !== 'notes' || !byId('edit-notes')) part('ov-notes', JSON.stringify([one.notes, runEdit.open() === 'notes']), () => runEdit.notes(one));
    part('ov-command', JSON.stringify(command), () => command.length ? panel('Command', '', h('pre.cmd', {tabindex: '0', 'aria-label': 'command line'}, command.map(quoted).join(' '))) : null);
    part('ov-storage', JSON.stringify([details.files, one.dropped, (one.problems || []).length, details.sealed.length]), () => drawStorage(one, details));
    drawConsole(details);
    const mine = state.run, name = `${details.alerts}|${details.warnings}`, also = JSON.stringify([one.status, one.dropped, one.problems]);
    if (told.get('events') === `${name}|${also}`) return;
    const answer = details.alerts + details.warnings ? await getJson(`api/log?${new URLSearchParams({run: mine})}`).catch(() => null) : {events: []};
    if (state.run !== mine || !byId('ov-findings') || !answer) return;
    told.set('events', `${name}|${also}`);
    part('ov-findings', `${name}|${also}`, () => drawFindings(answer.events, one));
  }

  function leave() {
    for (const card of cards) { near.unobserve(card.element); card.unmount(); card.element.remove(); }
    cards = [];
    told = new Map();
  }

  function redraw() {
    for (const card of cards) card.redraw();
    const body = byId('run-body'), details = crossboard.run.details();
    if (state.tab === '' && details && byId('ov-config')) show(body, details, board.runs.get(state.run), false);
  }

  crossboard.runTabs[''] = {show, leave, redraw};
})(window);
