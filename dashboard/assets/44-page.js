/* What stands around the cards: top bar, filters, banner, problems, and what is said when there are no cards. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {board, byId, curves, fill, grid, h, icon, live, numbers, plot, rail, state} = crossboard;
  const THEMES = ['system', 'light', 'dark'], MANTINE_KEY = 'mantine-color-scheme-value';
  const dark = matchMedia('(prefers-color-scheme: dark)');

  /** Say something to screen readers. */
  function say(words) { const place = byId('said'); if (place) place.textContent = words; }

  /* ---- theme: the URL first, else what was chosen here before, else the system's */
  function theme() { return state.theme || (stored() || 'system'); }
  function stored() { try { const v = localStorage.getItem(MANTINE_KEY); return v === 'light' || v === 'dark' ? v : ''; } catch { return ''; } }
  function applyTheme() {
    const chosen = theme(), scheme = chosen === 'system' ? (dark.matches ? 'dark' : 'light') : chosen;
    document.documentElement.setAttribute('data-mantine-color-scheme', scheme);
    if (root.dash_clientside && root.dash_clientside.set_props && byId('app')) root.dash_clientside.set_props('theme', {forceColorScheme: scheme});
    plot.forgetPalette();
    const button = byId('theme-switch');
    if (button) {
      fill(button.firstElementChild, icon(chosen === 'system' ? 'system' : chosen === 'dark' ? 'moon' : 'sun'));
      button.title = `Theme: ${chosen}`;
      button.setAttribute('aria-label', `Theme: ${chosen}. Change`);
      redrawAll();
    }
  }
  /** Draw everything anew: other colours, or numbers written in another way. */
  function redrawAll() {
    grid.redraw();
    rail.refresh();
    crossboard.redrawCursors();
    if (crossboard.run) crossboard.run.redraw();
    if (crossboard.table) crossboard.table.redraw();
    if (crossboard.panes && crossboard.panes.isOn()) crossboard.panes.redraw();
    if (crossboard.kinds) crossboard.kinds.redraw();
  }
  const nextTheme = () => setTheme(THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length]);
  function setTheme(chosen) {
    try { localStorage.setItem(MANTINE_KEY, chosen === 'system' ? 'auto' : chosen); } catch { /* private window: the URL has it */ }
    state.theme = chosen === 'system' ? '' : chosen;
    state.changed('theme');
    applyTheme();
    say(`Theme: ${chosen}`);
  }

  /** Copy text; true when it worked. Pages that come over plain http from another machine have no clipboard, only the old way. */
  async function copyText(text) {
    try { await navigator.clipboard.writeText(text); return true; } catch { /* refused, or not there */ }
    const held = document.activeElement, area = h('textarea.unseen', {'aria-hidden': 'true'});
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    if (held) held.focus();
    return done;
  }

  /* ---- top bar */
  function projects() {
    const names = [...new Set(board.order.map(run => run.project).filter(Boolean))].sort((a, b) => a.localeCompare(b, 'en', {numeric: true})), place = byId('project-choice');
    const alone = state.run && board.runs.get(state.run);
    document.title = [alone ? alone.name : state.page === 'panes' ? 'Panes' : state.page === 'runs' ? 'Runs' : (crossboard.kindPages.of(state.page) || {title: 'Charts'}).title, state.project || (names.length === 1 ? names[0] : ''), 'crossboard'].filter(Boolean).join(' · ');
    if (names.length < 2) { fill(place, h('span.trunc', {}, names[0] || (board.loaded ? 'no project' : ''))); return; }
    const key = names.join('\n');
    if (place.dataset.names !== key) {
      place.dataset.names = key;
      fill(place, h('select', {'aria-label': 'project', onchange: event => state.set('project', event.target.value)}, h('option', {value: ''}, 'all projects'), names.map(name => h('option', {value: name}, name))), icon('down', true));
    }
    place.querySelector('select').value = names.includes(state.project) ? state.project : '';
  }

  async function copyLink() {
    state.write();
    const done = await copyText(location.origin + location.pathname + (crossboard.view.format(state) || '?x=step')), button = byId('copy-link');
    say(done ? 'Link copied' : 'The link could not be copied');
    fill(button.firstElementChild, icon(done ? 'check' : 'cross'));
    button.title = done ? 'Copied' : 'The browser refused; copy the address line instead';
    setTimeout(() => { fill(button.firstElementChild, icon('link')); button.title = 'Copy a link to this view'; }, 1600);
  }

  /* ---- page bar */
  /** Bring the Mantine controls to what the state says. */
  function fields() {
    const set = root.dash_clientside && root.dash_clientside.set_props;
    if (!set) return;
    set('tag-filter', {value: state.tags});
    set('x-axis', {value: state.x});
  }

  function barNote() {
    const all = grid.known(), note = byId('bar-note');
    note.textContent = state.tags ? `${numbers.whole(grid.shown)} of ${numbers.whole(all)} tags` : '';
    const field = byId('tag-filter');
    if (field && field.tagName === 'INPUT' && all) field.placeholder = `Filter ${numbers.whole(all)} ${all === 1 ? 'tag' : 'tags'}`;
  }

  /* ---- banner and problems */
  function banner() {
    const place = byId('banner');
    if (live.connected) { fill(place); return; }
    const held = document.activeElement && document.activeElement.id === 'try-now', button = h('button.btn', {type: 'button', id: 'try-now', onclick: () => live.retry()}, 'Try now');
    fill(place, h('div.ban', {}, icon('alert'),
      h('span', {}, h('b', {}, 'Connection lost'), `, data as of ${numbers.clock(live.lostAt)}. `, live.refused || 'What was read stays; new points are not shown.'), h('span.grow'), button));
    if (held) button.focus();
  }

  /** A path as a shell takes it. */
  const quoted = path => /^[\w./~@:+-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;

  let dismissed = '';
  function problems() {
    const rows = [], place = byId('problems'), sources = board.info && board.info.sources || [];
    const failed = sources.filter(source => source.error);
    for (const source of failed) rows.push([null, source.path, source.error, '']);
    for (const run of board.order) {
      if (run.dropped) rows.push([run, run.path, `${numbers.whole(run.dropped)} ${run.dropped === 1 ? 'point' : 'points'} dropped while logging: never written (disk full, or directory removed)`, '']);
      for (const problem of run.problems || []) rows.push([run, problem.path, problem.what, problem.offset >= 0 ? numbers.whole(problem.offset) : '']);
    }
    const key = rows.map(([run, path, what, at]) => `${run ? run.key : path}|${what}|${at}`).join('\n');
    if (!rows.length || key === dismissed) { fill(place); place.dataset.key = ''; return; }
    if (place.dataset.key === key) return;
    place.dataset.key = key;
    const damaged = new Set(rows.filter(row => row[0] && row[0].problems && row[0].problems.some(p => p.what === row[2])).map(row => row[1])).size;
    const places = new Set(failed.map(source => source.path)).size, whole = new Set(failed.map(source => source.path).filter(path => !sources.some(source => source.path === path && source.runs))).size;
    const natives = sources.filter(source => source.format === 'native' && source.runs).map(source => source.path);
    const verify = natives.filter(root => rows.some(([, path]) => path === root || path.startsWith(`${root}/`)));
    const head = [places && `${places} ${places === 1 ? 'source' : 'sources'} could not be read${whole < places ? ' as a whole' : ''}`,
      damaged && `${damaged} ${damaged === 1 ? 'file is' : 'files are'} damaged; everything else in ${damaged === 1 ? 'it' : 'them'} was read`,
      board.order.some(run => run.dropped) && `${numbers.whole(board.order.reduce((n, run) => n + (run.dropped || 0), 0))} points were dropped while logging`].filter(Boolean).join('. ');
    fill(place, h('section.card.dmg', {'aria-label': 'problems'},
      h('div.h', {}, icon('alert'), h('div.grow', {}, h('b', {}, head), h('div.dim', {}, 'Charts leave the lost part open. Nothing was repaired or overwritten.')),
        h('button.ib', {type: 'button', 'aria-label': 'Close', title: 'Close', onclick: () => { dismissed = key; problems(); }}, icon('close'))),
      h('div.wide', {tabindex: '0', role: 'region', 'aria-label': 'list of problems'}, h('table.t', {}, h('thead', {}, h('tr', {}, h('th', {}, 'File'), h('th', {}, 'What'), h('th.num', {}, 'At byte'), h('th', {}, 'Run'))),
        h('tbody', {}, rows.slice(0, 8).map(([run, path, what, at]) => h('tr', {}, h('td.mono', {title: path}, rail.shortPath(path)), h('td.what', {}, what), h('td.num', {}, at),
          h('td', {}, run && h('span.row', {}, h('span.sw', {style: `--c:${plot.look(run.slot).colour}`}), h('span.trunc', {style: 'max-width:220px'}, run.name)))))))),
      (rows.length > 8 || verify.length > 0) && h('div.c', {}, rows.length > 8 ? `${numbers.whole(rows.length - 8)} more. ` : '', verify.length > 0 && ['Check every record yourself', h('code', {}, `crossboard verify ${verify.map(quoted).join(' ')}`)])));
  }

  /* ---- nothing to draw */
  const SNIPPETS = {
    'PyTorch': ['*import crossboard as cb', '', '!run = cb.@init@(project="mnist", config={"lr": 1e-3})', '', '*for step, (x, y) in enumerate(loader):', '    loss = train(x, y)', '!    run.@log@({"train/loss": loss}, step=step)'],
    'Keras': ['*import crossboard as cb', '', '!run = cb.@init@(project="mnist", config={"lr": 1e-3})', '', 'model.fit(x, y, epochs=10, callbacks=[', '    keras.callbacks.LambdaCallback(on_epoch_end=', '!        lambda epoch, logs: run.@log@(logs, step=epoch))])'],
    'Plain Python': ['*import crossboard as cb', '', '!run = cb.@init@(project="search")', '', '*for step in range(1000):', '    value = improve()', '!    run.@log@({"value": value}, step=step)'],
  };
  let snippet = 'PyTorch', looked = null;

  function code(lines) {
    return h('pre', {tabindex: '0', 'aria-label': 'code to copy'}, lines.map(line => {
      const text = line.replace(/^[*!]/, ''), parts = text.split('@').map((part, i) => i % 2 ? h('b', {}, part) : part);
      return h(line[0] === '!' ? 'span.hl' : 'span.ln', {}, parts.length ? parts : '', '\n');
    }));
  }

  function welcome() {
    const paths = [...new Set((board.info && board.info.sources || []).map(source => source.path))];   // a path is looked at in every format
    const tabs = h('div.tabs', {role: 'tablist', 'aria-label': 'framework'}, Object.keys(SNIPPETS).map(name => h('button', {type: 'button', role: 'tab', id: `tab-${name.replace(' ', '-')}`, 'aria-selected': String(name === snippet), 'aria-controls': 'snippet', tabindex: name === snippet ? '0' : '-1',
      onclick: () => { snippet = name; nothing(true); byId(`tab-${name.replace(' ', '-')}`).focus(); },
      onkeydown: event => { const all = Object.keys(SNIPPETS), by = {ArrowRight: 1, ArrowLeft: -1}[event.key]; if (by) { snippet = all[(all.indexOf(name) + by + all.length) % all.length]; nothing(true); byId(`tab-${snippet.replace(' ', '-')}`).focus(); } }}, name)));
    const copy = h('button.ib.sm', {type: 'button', title: 'Copy', 'aria-label': 'Copy the code', onclick: () => copyText(SNIPPETS[snippet].map(line => line.replace(/^[*!]/, '').replaceAll('@', '')).join('\n') + '\n').then(done => { if (done) { fill(copy, icon('check', true)); say('Code copied'); } })}, icon('copy', true));
    looked = h('span.dim');
    return h('div.hello', {}, h('div.w', {}, h('h2.hero', {}, 'No runs here yet'), h('p', {}, 'Add two lines to a training script and start it. The first curve appears on this page within a second.'),
      h('div.two', {},
        h('section.card', {'aria-label': 'two lines to log'}, h('div.tabrow', {}, tabs, copy), h('div', {id: 'snippet', role: 'tabpanel', 'aria-labelledby': `tab-${snippet.replace(' ', '-')}`}, code(SNIPPETS[snippet])), h('div.under', {}, 'Takes numbers and tensors, from any thread or process.')),
        h('section.card', {'aria-label': 'other ways to begin'},
          h('div.o', {}, icon('chart'), h('div', {}, h('b', {}, 'See it with data first'), h('p', {}, 'Real trainings on handwritten digits.'), h('code', {}, 'crossboard demo'))),
          h('div.o', {}, icon('folder'), h('div', {}, h('b', {}, 'Open another folder'), h('p', {}, 'In place and live; nothing is converted.'), h('code', {}, 'crossboard path/to/runs'))),
          h('div.o', {}, icon('grid'), h('div', {}, h('b', {}, 'Log somewhere else'), h('p', {}, 'Where runs go, for any script.'), h('code', {}, 'export CROSSBOARD_DIR=path'))))),
      h('section.card.wait', {'aria-label': 'what is watched'}, h('span.pulse'), h('span.trunc', {}, 'Watching ', h('b', {title: paths.join('\n')}, paths.length ? paths.map(rail.shortPath).join(', ') : 'nothing yet')), looked)));
  }

  function lookedAt() {
    const sources = board.info && board.info.sources || [];
    if (!looked || !sources.length) return;
    const last = Math.max(...sources.map(source => source.looked || 0)), error = sources.map(source => source.error).find(Boolean);
    looked.textContent = error || (last ? `${numbers.whole(sources.reduce((n, source) => n + source.runs, 0))} runs, looked at ${numbers.clock(last)}` : '');
  }

  let saidNothing = '';
  /** Show the empty state, or why there are no cards. */
  function nothing(again = false) {
    const place = byId('empty'), app = byId('app');
    if (!place || !board.loaded || !board.tagsLoaded) return;
    app.classList.remove('loading');
    const reading = board.info && board.info.progress && board.info.progress.busy;
    const why = !board.order.length ? (reading ? 'reading' : 'runs') : !grid.known() ? 'tags' : !grid.shown ? 'filter' : '';
    app.classList.toggle('norail', why === 'runs' && !state.run);
    if (why === 'reading' && saidNothing === `${state.run}|reading` && !again) { reached(); return; }
    const key = why === 'reading' ? `${state.run}|reading` : `${state.run}|${why}|${why === 'tags' ? board.order.length : ''}|${why === 'filter' ? state.tags : ''}|${why === 'runs' && board.info ? board.info.sources.map(s => s.path) : ''}`;
    if (key === saidNothing && !again) { lookedAt(); return; }
    saidNothing = key;
    looked = null;
    if (why === 'runs') fill(place, welcome());
    else if (why === 'reading') fill(place, h('div.msg.page', {}, icon('clock'), h('b', {}, 'Reading'), h('p', {}, reachedWords = h('span', {}), 'Runs appear here as they are read.')));
    else if (why === 'tags') fill(place, h('div.msg.page', {}, icon('chart'), h('b', {}, state.run ? 'No scalar logged' : board.order.length === 1 ? '1 run, nothing logged yet' : `${numbers.whole(board.order.length)} runs, no scalar logged yet`), h('p', {}, 'The first curve appears here as soon as a number is logged.')));
    else if (why === 'filter') fill(place, h('div.msg.page', {}, icon('search'), h('b', {}, `No tag matches “${state.tags}”`), h('p', {}, state.run ? `${numbers.whole(grid.known())} tags are here.` : `${numbers.whole(board.tags.length)} tags are here, such as ${board.tags.slice(0, 3).join(', ')}.`), h('button.btn', {type: 'button', onclick: () => { state.set('tags', ''); fields(); }}, 'Clear the filter')));
    else fill(place);
    lookedAt();
    reached();
  }

  let reachedWords = null;
  /** How far the first reading is. */
  function reached() {
    const progress = board.info && board.info.progress;
    if (reachedWords && progress && progress.runs_total) reachedWords.textContent = `${numbers.whole(progress.runs_done)} of ${numbers.whole(progress.runs_total)} runs. `;
  }

  /* ---- wiring */
  function sheet(open) {
    const app = byId('app'), was = app.classList.contains('sheet'), now = open === undefined ? !was : open;
    app.classList.toggle('sheet', now);
    byId('open-runs').setAttribute('aria-expanded', String(now));
    if (now) byId('run-filter').focus();
    else if (was) byId('open-runs').focus();
  }

  function start() {
    for (const place of document.querySelectorAll('[data-icon]')) fill(place, icon(place.dataset.icon));
    applyTheme();
    fields();
    crossboard.tagFilter.show();
    dark.addEventListener('change', applyTheme);
    document.addEventListener('click', event => {
      const hit = id => event.target.closest && event.target.closest(`#${id}`);
      if (hit('theme-switch')) nextTheme();
      else if (hit('copy-link')) copyLink();
      else if (hit('show-keys')) crossboard.keys.show();
      else if (hit('open-runs')) sheet();
      else if (byId('app').classList.contains('sheet') && !hit('rail')) sheet(false);
    });
    let typing = 0;
    document.addEventListener('input', event => {
      const {id, value} = event.target;
      if (id !== 'tag-filter') return;
      clearTimeout(typing);
      typing = setTimeout(() => state.set('tags', value.trim()), 80);
    });
    document.addEventListener('change', event => {
      if (event.target.type === 'radio' && event.target.closest('#x-axis')) setX(event.target.value);
    });
    board.on('runs', () => { projects(); problems(); nothing(); barNote(); });
    board.on('board', () => { nothing(); problems(); });
    board.on('tags', () => { grid.build(); nothing(); barNote(); });
    board.on('visible', () => { grid.redraw(); curves.pump(); });
    board.on('highlight', crossboard.redrawCursors);
    state.on('tags regex', () => { grid.build(); nothing(); barNote(); });
    state.on('closed', grid.build);
    state.on('log old', () => { grid.redraw(); curves.pump(); });
    state.on('project', projects);
    state.on('run', () => { grid.build(); nothing(true); barNote(); projects(); curves.pump(); });
    live.on('state', banner);
  }

  function setX(x) {
    if (x === state.x) return;
    for (const tag of [...state.zoom.keys()]) if (!(state.cards.get(tag) || {}).x) state.zoom.delete(tag);   // a window of steps means nothing in seconds
    crossboard.clearCursor();
    state.set('x', x);
    curves.pump();
  }

  applyTheme();   // before Mantine draws, so that the first paint has the right colours
  Object.assign(crossboard, {say});
  crossboard.page = {start, fields, sheet, setX, nothing, theme, setTheme, nextTheme, redrawAll, copyLink, copyText};
})(window);
