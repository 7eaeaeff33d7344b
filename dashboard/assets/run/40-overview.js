/* The tabs of a run that hold no points: Overview (config, attempts, first curves, summary, findings, notes, storage), Console and
   System. Each part is filled anew only when what it shows changed, so that nothing moves under a reader. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {Card, board, byId, curves, fill, getJson, h, icon, numbers, plot, rail, state, view} = crossboard;
  const SYSTEM = /^(system|sys)\//, FIRST_CURVES = 4, LONG = 400, LINES = 500;
  let cards = [], near = null, sizes = null, config = '', consoleWords = '', told = new Map(), current = null;

  /** Fill a part when `name` (what it shows, as text) is new. */
  function part(id, name, make) {
    const place = byId(id);
    if (!place || told.get(id) === name) return;
    told.set(id, name);
    const made = make();
    place.hidden = !made;
    if (made) fill(place, made);
  }

  const panel = (title, note, ...inside) => [h('header.ph', {}, h('h2', {}, title), note ? h('span.e', {}, note) : null), ...inside.flat()];
  const row = (name, value, tone = '') => h('div.kv', {}, h('dt', {}, name), h(`dd${tone ? `.${tone}` : ''}`, {}, value));
  const plural = n => `${numbers.whole(n)} ${n === 1 ? 'file' : 'files'}`;
  const bytes = n => n < 1000 ? `${n} bytes` : n < 1e6 ? `${(n / 1e3).toPrecision(3)} kB` : n < 1e9 ? `${(n / 1e6).toPrecision(3)} MB` : `${(n / 1e9).toPrecision(3)} GB`;

  /** A config value in words: text as it is, numbers exactly, the rest as JSON. */
  function plain(value) {
    if (value === null || value === undefined) return 'none';
    if (typeof value === 'object') return JSON.stringify(value);
    return String(value);
  }

  /** A nested mapping as rows with headings; only those that hold `words`. Returns how many rows were made. */
  function nested(list, value, path, depth, words, searched) {
    let made = 0;
    const entries = Object.entries(value), leaves = entries.filter(([, v]) => v === null || typeof v !== 'object' || Array.isArray(v) || !Object.keys(v).length), branches = entries.filter(one => !leaves.includes(one));
    for (const [name, v] of leaves) {
      const text = plain(v), full = [...path, name].join('.');
      if (words && !view.matches(words, searched ? `${full} ${text}` : full)) continue;
      list.push(h('div.kv', {style: `--depth:${depth}`}, h('span.k.mono', {title: full}, name), h(`span.v${text.length > 60 ? '.long' : ''}`, {title: text.length > LONG ? text.slice(0, 2000) : null}, text.length > LONG ? text.slice(0, LONG) + ' …' : text)));
      made++;
    }
    for (const [name, v] of branches) {
      const inside = [], n = nested(inside, v, [...path, name], depth + 1, words, searched);
      if (n) { list.push(h('div.kg', {style: `--depth:${depth}`}, h('span.mono', {}, name)), ...inside); made += n; }
    }
    return made;
  }

  const count = value => Object.values(value).reduce((n, v) => n + (v !== null && typeof v === 'object' && !Array.isArray(v) && Object.keys(v).length ? count(v) : 1), 0);

  function drawConfig(run) {
    const all = count(run.config || {});
    const body = h('div.kvs'), note = h('span.e');
    const list = () => {
      const rows = [], n = nested(rows, run.config || {}, [], 0, config, true);
      fill(body, rows.length ? rows : h('p.none', {}, all ? `No key or value holds “${config}”.` : run.source === 'native' ? 'No config was given: crossboard.init(config={...}).' : 'None.'));
      note.textContent = config ? `${n} of ${all} keys` : all ? `${all} ${all === 1 ? 'key' : 'keys'}` : '';
    };
    const field = all > 8 ? h('div.pfind', {}, h('input.find', {id: 'config-filter', type: 'search', value: config, placeholder: 'Search keys and values', 'aria-label': 'Search the config', autocomplete: 'off', spellcheck: 'false', oninput: event => { config = event.target.value.trim(); list(); }})) : null;
    list();
    return [h('header.ph', {}, h('h2', {}, 'Config'), note), field, body];
  }

  /* ---- attempts: bars over steps, the replaced tail dashed */
  function drawAttempts(details, run) {
    const list = details.attempts;
    if (list.length < 2) return null;
    const low = Math.min(...list.map(one => one.first_step)), high = Math.max(...list.map(one => one.last_step)), span = Math.max(1, high - low), at = step => 100 * (step - low) / span;
    const colour = plot.look(run ? run.slot : 0).colour;
    const rows = list.map((one, i) => {
      const later = list.slice(i + 1).map(other => other.first_step), cut = Math.min(one.last_step, ...later.filter(step => step <= one.last_step));
      const replaced = later.some(step => step <= one.last_step), writer = details.writers.find(w => w.attempt === one.attempt) || {};
      const end = writer.status ? `${writer.status}${writer.exit_code ? `, exit ${writer.exit_code}` : ''}` : i < list.length - 1 ? 'did not say how it ended' : run ? run.status : '';
      const words = `${end} at ${numbers.whole(one.last_step)}${writer.opened ? ` · ${numbers.moment(writer.opened)}` : ''}${writer.host ? ` · ${writer.host}` : ''}`;
      return h('div.att', {}, h('span.an', {}, String(one.attempt)), h('span.ab', {role: 'img', 'aria-label': `attempt ${one.attempt}: steps ${one.first_step} to ${one.last_step}${replaced ? `, drawn up to ${cut}` : ''}`},
        h('i', {style: `left:${at(one.first_step)}%;width:${Math.max(0.4, at(cut) - at(one.first_step))}%;background:${colour}`}), replaced && h('i.tail', {style: `left:${at(cut)}%;width:${Math.max(0, at(one.last_step) - at(cut))}%;border-color:${colour}`})), h('span.aw', {title: words}, words));
    });
    return panel('Attempts', 'the newest is drawn from where it starts; nothing is deleted', h('div.atts', {}, rows, h('div.att.axis', {}, h('span.an'), h('span.ab', {}, h('span', {}, numbers.whole(low)), h('span', {}, numbers.whole(high))), h('span.aw', {}, 'step'))));
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
    const number = v => v === null ? '' : numbers.value(+v), some = all.some(([, one]) => one.best !== null);
    return panel('Summary', `${numbers.whole(all.length)} ${all.length === 1 ? 'tag' : 'tags'}`, h('div.wide', {tabindex: '0', role: 'region', 'aria-label': 'summary of every tag'}, h('table.t.sum', {}, h('thead', {}, h('tr', {}, h('th', {}, 'Tag'), ['Last', 'Minimum', 'Maximum', some && 'Best', 'Last step', 'Points'].filter(Boolean).map(name => h('th.num', {}, name)))),
      h('tbody', {}, all.map(([tag, one]) => { const cut = tag.lastIndexOf('/') + 1; return h('tr', {}, h('td', {title: tag}, h('span.trunc', {}, h('span.dim', {}, tag.slice(0, cut)), tag.slice(cut))), h('td.num', {}, number(one.last)), h('td.num', {}, number(one.min)), h('td.num', {}, number(one.max)),
        some && h('td.num', {title: one.best === null ? null : `at step ${numbers.whole(one.best_step)}`}, one.best === null ? '' : h('b', {}, number(one.best))), h('td.num', {}, numbers.whole(one.last_step)), h('td.num', {}, numbers.whole(one.count), one.non_finite ? h('span.warn', {title: `${one.non_finite} of them are NaN or infinite`}, ` (${numbers.whole(one.non_finite)} not finite)`) : null)); })))));
  }

  /* ---- what went wrong, and what was said */
  function drawFindings(events, run) {
    const rows = [];
    for (const one of events.slice().reverse()) rows.push([one.level === 'error' ? 'bad' : one.level === 'warn' ? 'warn' : '', one.what === 'warning' ? 'alert' : one.level === 'info' ? 'check' : 'alert', one.title, [one.text, one.tag && `tag ${one.tag}`, one.step !== null && `step ${numbers.whole(one.step)}`, Number.isFinite(one.wall_time) && numbers.moment(one.wall_time)].filter(Boolean).join(' · ')]);
    for (const one of run.problems || []) rows.push(['bad', 'alert', one.what, `${one.offset >= 0 ? `byte ${numbers.whole(one.offset)} of ` : ''}${rail.shortPath(one.path)}`]);
    if (run.dropped) rows.unshift(['bad', 'alert', `${numbers.whole(run.dropped)} points were dropped while logging`, 'They were never written: the disk was full, or the directory was removed.']);
    if (run.status === 'killed') rows.unshift(['warn', 'stop', 'The process is gone without having ended the run', 'Every point whose call returned is here.']);
    if (run.status === 'silent') rows.unshift(['warn', 'clock', `No sign of life for ${numbers.duration(run.silent_s)}`, 'Whether it still runs cannot be told from this machine.']);
    if (!rows.length) return panel('Alerts and warnings', '', h('p.none', {}, 'None.'));
    return panel('Alerts and warnings', numbers.whole(rows.length), h('div.finds', {tabindex: '0', role: 'region', 'aria-label': 'alerts and warnings'}, rows.slice(0, 200).map(([tone, picture, title, text]) => h('div.find1', {}, h(`span.st${tone ? `.${tone}` : ''}`, {}, icon(picture)), h('div.grow', {}, h('div.ft', {}, title), text ? h('div.dim.fx', {}, text) : null)))));
  }

  function drawFailure(run, details) {
    const writers = details.writers.filter(one => one.traceback || one.error);
    if (run.status !== 'failed' && !writers.length) return null;
    const one = writers[writers.length - 1] || {}, last = String(one.traceback || '').trim();
    return [h('div.h', {}, icon('cross'), h('div.grow', {}, h('b', {}, one.error || run.error || 'Failed'), h('div.dim', {}, [one.exit_code !== null && one.exit_code !== undefined && `exit code ${one.exit_code}`, writers.length > 1 && `${writers.length} processes failed`, one.rank ? `rank ${one.rank}` : '', one.ended && numbers.moment(one.ended)].filter(Boolean).join(' · '))),
      last && h('button.btn', {type: 'button', onclick: event => crossboard.page.copyText(last).then(done => { event.target.textContent = done ? 'Copied' : 'Not copied'; })}, 'Copy traceback')), last ? h('pre.trace', {tabindex: '0', 'aria-label': 'traceback'}, last) : null];
  }

  function drawStorage(run, details) {
    const {files} = details, points = run ? Object.values(run.metrics).reduce((n, one) => n + one.count, 0) : 0;
    return panel('Storage', details.sealed.length ? 'sealed' : '', h('dl.kvs', {}, row('Scalar points', numbers.whole(points)), row('Dropped', numbers.whole(run.dropped || 0), run.dropped ? 'bad' : ''), row('Size', `${bytes(files.bytes)}, ${plural(files.count + files.media)}`), files.media ? row('Media', `${bytes(files.media_bytes)}, ${plural(files.media)}`) : null, row('Format', run.source)),
      h('details.files', {}, h('summary', {}, 'Files'), h('dl.kvs', {}, files.files.map(one => row(h('span.mono', {}, one.name), bytes(one.bytes)))), h('p.mono.path', {}, run.path)));
  }

  /* ---- console */
  async function drawConsole(body, fresh) {
    if (fresh) {
      fill(body, h('div.pnbar.stay', {}, h('input.find', {id: 'console-filter', type: 'search', placeholder: 'Lines that hold', 'aria-label': 'Filter lines', value: consoleWords, autocomplete: 'off', spellcheck: 'false', oninput: event => { consoleWords = event.target.value; drawConsole(body, false); }}), h('span.dim', {id: 'console-count'}), h('span.grow'), h('button.btn', {type: 'button', id: 'console-more', hidden: true, onclick: () => { limit += LINES; drawConsole(body, false); }}, 'Show earlier lines')),
        h('section.card.con', {'aria-label': 'console'}, h('pre', {id: 'console-lines', tabindex: '0', 'aria-label': 'what the program printed'})));
      limit = LINES;
    }
    const mine = state.run, answer = await getJson(`api/console?${new URLSearchParams({run: mine, limit, words: consoleWords})}`).catch(error => ({error}));
    const place = byId('console-lines');
    if (!place || state.run !== mine) return;
    if (answer.error) { fill(place, h('span.bad', {}, answer.error.message)); return; }
    const name = `${answer.total}|${answer.found}|${answer.lines.length}|${consoleWords}`;
    byId('console-count').textContent = answer.total ? consoleWords ? `${numbers.whole(answer.found)} of ${numbers.whole(answer.total)} lines` : answer.lines.length < answer.total ? `last ${numbers.whole(answer.lines.length)} of ${numbers.whole(answer.total)} lines` : `${numbers.whole(answer.total)} lines` : '';
    byId('console-more').hidden = answer.lines.length >= answer.found || answer.lines.length >= 10000;
    if (told.get('console') === name) return;
    told.set('console', name);
    const atEnd = body.scrollTop + body.clientHeight > body.scrollHeight - 40, ranks = answer.lines.some(one => one.rank);
    fill(place, answer.lines.length ? answer.lines.map(one => h(`span.ln${one.stream === 'stderr' ? '.err' : ''}`, {}, h('i', {}, numbers.clock(one.wall_time)), ranks ? h('i', {}, `r${one.rank}`) : null, one.text + '\n')) : h('span.dim', {}, answer.total ? 'No line holds that.' : 'Nothing was captured: crossboard.init(console=True) keeps what the program prints.'));
    if (fresh || atEnd) body.scrollTop = body.scrollHeight;
  }
  let limit = LINES;

  /* ---- system: processes, and what the run knows about itself */
  const COLUMNS = [['Attempt', one => one.attempt], ['Rank', one => one.rank], ['Role', one => one.role], ['Host', one => one.host || ''], ['Process', one => one.pid || ''], ['Started', one => one.opened ? numbers.moment(one.opened) : ''],
    ['Ended', one => one.ended ? numbers.moment(one.ended) : ''], ['How', one => one.status ? `${one.status}${one.exit_code ? `, exit ${one.exit_code}` : ''}` : ''], ['Python', one => one.python || ''], ['Directory', one => h('span.trunc.mono', {title: one.directory}, one.directory || '')]];
  function processes(writers) {
    const head = h('thead', {}, h('tr', {}, COLUMNS.map(([name]) => h('th', {}, name))));
    return h('div.wide', {tabindex: '0', role: 'region', 'aria-label': 'table of processes'}, h('table.t', {}, head, h('tbody', {}, writers.map(one => h('tr', {}, COLUMNS.map(([, value]) => h('td', {}, value(one))))))));
  }

  function drawSystem(body, details) {
    const around = details.surroundings || {}, parts = [];
    parts.push(h('section.card', {'aria-label': 'command'}, panel('Command', '', details.writers.some(one => one.command && one.command.length) ? [...new Set(details.writers.map(one => (one.command || []).map(quoted).join(' ')).filter(Boolean))].slice(0, 20).map(text => h('pre.cmd', {tabindex: '0', 'aria-label': 'command line'}, text)) : h('p.none', {}, 'Not recorded.'))));
    parts.push(h('section.card.wide2', {'aria-label': 'processes'}, panel('Processes', numbers.whole(details.writers_in_all), processes(details.writers))));
    for (const [name, value] of Object.entries(around)) {
      if (['tag', 'wall_time', 'arguments', 'diff'].includes(name) || !value || typeof value !== 'object' || !Object.keys(value).length) continue;
      const rows = [];
      nested(rows, readable(value), [], 0, '', false);
      parts.push(h('section.card', {'aria-label': name}, panel(name[0].toUpperCase() + name.slice(1), name === 'packages' ? numbers.whole(Object.keys(value).length) : '', h('div.kvs.tall', {tabindex: '0', role: 'group', 'aria-label': name}, rows))));
    }
    const frameworks = Object.assign({}, ...details.writers.map(one => one.frameworks || {}));
    if (Object.keys(frameworks).length) parts.push(h('section.card', {'aria-label': 'frameworks'}, panel('Frameworks', '', h('dl.kvs', {}, Object.entries(frameworks).map(([name, version]) => row(name, version))))));
    fill(body, h('div.sys', {}, parts));
    if (around.diff && around.diff.url) {
      const place = h('pre.trace', {tabindex: '0', 'aria-label': 'uncommitted changes'}, 'reading');
      body.firstChild.append(h('section.card.wide2', {'aria-label': 'uncommitted changes'}, panel('Uncommitted changes', bytes(around.diff.size), place)));
      fetch(crossboard.url(around.diff.url), {credentials: 'same-origin'}).then(answer => answer.ok ? answer.text() : Promise.reject(new Error(`the server said ${answer.status}`))).then(text => fill(place, text.split('\n').map(line => h(`span.ln${/^\+(?!\+\+)/.test(line) ? '.add' : /^-(?!--)/.test(line) ? '.del' : ''}`, {}, line + '\n'))), error => { place.textContent = error.message; });
    }
  }
  /** Sizes as people read them: {memory_bytes: 25276514304} as {memory: '25.3 GB'}. */
  const readable = value => Array.isArray(value) ? value.map(readable) : value && typeof value === 'object' ? Object.fromEntries(Object.entries(value).map(([key, one]) => key.endsWith('_bytes') && Number.isFinite(one) ? [key.slice(0, -6), bytes(one)] : [key, readable(one)])) : value;
  const quoted = one => /^[\w@%+=:,./-]+$/.test(one) ? one : `'${one.replaceAll("'", `'"'"'`)}'`;

  /* ---- the tabs */
  function skeleton(body) {
    const section = (id, name, kind = 'section.card') => h(kind, {id, 'aria-label': name, hidden: true});
    fill(body, h('div.ov', {}, section('ov-failure', 'why it failed', 'section.card.dmg.fail'),
      h('div.ovl', {}, section('ov-config', 'config'), section('ov-own', 'set by the program')),
      h('div.ovm', {}, section('ov-attempts', 'attempts'), h('div.cards', {id: 'ov-curves', hidden: true}), section('ov-summary', 'summary')),
      h('div.ovr', {}, section('ov-findings', 'alerts and warnings'), section('ov-notes', 'notes'), section('ov-command', 'command'), section('ov-storage', 'storage'))));
  }

  async function show(body, tab, details, run, fresh) {
    if (fresh) { told = new Map(); consoleWords = ''; current = tab; }
    if (tab === 'console') { drawConsole(body, fresh); return; }
    if (tab === 'system') { const name = JSON.stringify([details.writers, details.surroundings]); if (fresh || told.get('system') !== name) { told.set('system', name); drawSystem(body, details); } return; }
    if (fresh || !byId('ov-config')) skeleton(body);
    const one = {...details.run, ...(run || {})}, own = one.summary || {}, command = (details.writers[details.writers.length - 1] || {}).command || [];
    part('ov-config', JSON.stringify(one.config), () => drawConfig(one));
    part('ov-own', JSON.stringify(own), () => { const rows = []; nested(rows, own, [], 0, '', false); return rows.length ? panel('Set by the program', '', h('div.kvs', {}, rows)) : null; });
    part('ov-failure', JSON.stringify([one.status, details.writers.map(w => w.error)]), () => drawFailure(one, details));
    part('ov-attempts', JSON.stringify([details.attempts, run && run.slot, document.documentElement.dataset.mantineColorScheme]), () => drawAttempts(details, run));
    drawCurves(byId('ov-curves'), run);
    part('ov-summary', JSON.stringify(run && run.metrics), () => drawSummary(run));
    part('ov-notes', one.notes, () => one.notes ? panel('Notes', '', h('div.note', {}, crossboard.markdown.nodes(one.notes))) : null);
    part('ov-command', JSON.stringify(command), () => command.length ? panel('Command', '', h('pre.cmd', {tabindex: '0', 'aria-label': 'command line'}, command.map(quoted).join(' '))) : null);
    part('ov-storage', JSON.stringify([details.files, one.dropped, details.sealed.length]), () => drawStorage(one, details));
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
    config = '';
    current = null;
  }

  function redraw() { for (const card of cards) card.redraw(); if (current === '' && crossboard.run.details()) { told.delete('ov-attempts'); part('ov-attempts', 'again', () => drawAttempts(crossboard.run.details(), board.runs.get(state.run))); } }

  crossboard.overview = {show, leave, redraw, bytes};
})(window);
