/* The System tab: what the run used, its ranks beside each other; then command, processes, machine, environment, packages and what was not committed. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {board, byId, fill, h, icon, numbers, page, parts, plot, state, systemCharts, url} = crossboard;
  const {nested, panel, quoted, row, bytes} = parts;
  const AXES = [['step', 'Step'], ['relative', 'Relative'], ['wall', 'Wall']], LIVE_MS = 5000, POINTS = 1000, RANKS_APART = 'ranks';
  let answer = null, answered = '', readAt = 0, reading = null, zoom = null, hidden = new Set(), later = 0, facts = '', diffs = new Map();

  const axis = () => AXES.some(([name]) => name === state.x) ? state.x : 'step';
  const apart = () => state.tag === RANKS_APART;

  /* ---- charts */
  async function read(again = false) {
    const name = `${state.run}|${axis()}|${zoom || ''}`, mine = state.run;
    if (reading === name && !again) return;
    reading = name;
    clearTimeout(later);
    try {
      const told = await systemCharts.read(mine, axis(), zoom, POINTS);
      if (reading !== name || state.run !== mine || !byId('system-charts')) return;
      answer = told;
      answered = name;
      readAt = performance.now();
      charts();
    } catch (error) {
      if (state.run === mine && byId('system-charts')) fill(byId('system-charts'), h('p.none.bad', {}, error.message, ' ', h('button.btn', {type: 'button', onclick: () => read(true)}, 'Try again')));
    } finally { if (reading === name) reading = null; }
  }

  function onZoom(window_) { zoom = window_ && window_[1] > window_[0] ? window_ : null; read(true); }

  /** Colour and dash of a curve: of several ranks the rank's; else of several GPUs the GPU's; else the run's own. */
  function dress(one, entries, ranks, run) {
    const gpus = [...new Set(entries.filter(each => each.rank === one.rank && each.gpu !== null).map(each => each.gpu))].sort((a, b) => a - b), place = gpus.indexOf(one.gpu), several = ranks.length > 1, name = [several && `rank ${one.rank}`, one.gpu !== null && `GPU ${one.gpu}`].filter(Boolean).join(', ') || run.name;
    const look = several ? plot.look(ranks.indexOf(one.rank)) : gpus.length > 1 ? plot.look(place) : plot.look(run.slot || 0);
    return {colour: look.colour, dash: several && place > 0 ? [[5, 3], [2, 2.5], [8, 3, 2, 3]][(place - 1) % 3] : several ? look.dash : [], name};
  }

  function charts() {
    const place = byId('system-charts'), bar = byId('system-bar');
    if (!place || !answer) return;
    const run = board.runs.get(state.run) || crossboard.run.details().run, made = systemCharts.groups(answer.curves), ranks = [...new Set(answer.curves.map(one => one.rank))].sort((a, b) => a - b), list = [];
    const every = made.flatMap(one => one.curves.map(each => each.curve)), low = Math.min(...every.map(one => one.x0)), high = Math.max(...every.map(one => one.x1));
    const beside = apart() && ranks.length > 1, host = {axis: axis(), span: [low, high], zoom: () => zoom, onZoom, hidden, dress: (one, entries) => dress(one, entries, ranks, run), scale: group => group.curves};
    const samples = answer.curves.some(one => one.tag.startsWith('system/')), x = axis();
    fill(bar, h('span.row', {role: 'group', 'aria-label': 'x axis', id: 'system-x'}, AXES.map(([name, text]) => h('button.lk', {type: 'button', 'aria-pressed': String(name === x), onclick: () => { zoom = null; page.setX(name); page.fields(); read(true); }}, text))),
      ranks.length > 1 && h('button.btn', {type: 'button', id: 'system-apart', 'aria-pressed': String(beside), onclick: () => state.go({run: state.run, tab: 'system', tag: beside ? '' : RANKS_APART})}, 'A chart for each rank'),
      ranks.length > 1 && h('span.row.rankkeys', {role: 'group', 'aria-label': 'ranks'}, ranks.map((rank, i) => h('button.lk.rankkey', {type: 'button', 'aria-pressed': String(!hidden.has(rank)), title: 'Show or hide this rank', onclick: event => { if (!hidden.delete(rank)) hidden.add(rank); event.currentTarget.setAttribute('aria-pressed', String(!hidden.has(rank))); systemCharts.redraw(); }}, h(`span.sl${plot.look(i).dashed ? '.dash' : ''}`, {style: `--c:${plot.look(i).colour}`}), `rank ${rank}`))),
      zoom && h('button.pill', {type: 'button', id: 'system-unzoom', title: 'The whole range (double click, Z)', onclick: () => onZoom(null)}, `${numbers.xValue(x, zoom[0])} – ${numbers.xValue(x, zoom[1])}`, icon('close', true)), h('span.grow'),
      every.length > 0 && h('a.btn', {id: 'system-csv', download: 'system.csv', href: url(`api/system?${new URLSearchParams({run: state.run, x, format: 'csv', points: 1000000})}`)}, icon('download'), 'CSV'));
    const rule = byId('system-rule');
    rule.textContent = !every.length ? '' : [samples && x === 'step' && 'A sample stands at the last step that its attempt logged at or before it.', `Throughput: steps between logged points by their times${answer.clocks.length ? `, of ${[...new Set(answer.clocks.map(one => one.tag))].slice(0, 3).join(', ')}` : ''}; nothing is joined across attempts.`].filter(Boolean).join(' ');
    if (!every.length) { systemCharts.leave(); fill(place, empty(run, false)); return; }
    if (beside) {
      fill(place, h('div.rankgrid', {style: `--n:${ranks.length}`, tabindex: '0', role: 'region', 'aria-label': 'a chart for each rank'}, made.flatMap(group => ranks.map(rank => {
        const entries = group.curves.filter(one => one.rank === rank);
        if (!entries.length) return h('div.card.cc.sysc.lacks', {}, h('header', {}, h('span.t', {}, h('b', {}, group.title)), h('span.tag', {}, `rank ${rank}`)), h('p.none', {}, 'Not sampled by this rank.'));
        list.push(new systemCharts.Chart(group, entries, host, `rank ${rank}`));
        return list[list.length - 1].element;
      }))));
    } else {
      for (const group of made) list.push(new systemCharts.Chart(group, group.curves, host));
      fill(place, h('div.cards', {}, list.map(one => one.element)), samples ? null : empty(run, true));
    }
    systemCharts.stand(list, byId('run-body'));
  }

  /** Why there are no samples, and what to do. */
  function empty(run, throughput) {
    const native = run.source === 'native';
    return h('div.msg.page.short', {}, icon('chart'), h('b', {}, native ? 'No samples of the machine' : `${run.source === 'tensorboard' ? 'TensorBoard' : run.source === 'visdom' ? 'Visdom' : 'This tool'} keeps no samples of the machine`),
      h('p', {}, native ? ['They are taken every ten seconds on Linux, from /proc and NVIDIA’s library, unless ', h('code', {}, 'init(system=False)'), ' or ', h('code', {}, 'CROSSBOARD_SYSTEM=0'), ' turned that off; a shorter run has none.'] : 'CPU, memory, disk and GPU are known of runs that crossboard logged itself.', throughput ? ' Throughput is computed from the steps and times of the logged points.' : native ? '' : ' Throughput needs points with a step and a time.'));
  }

  /* ---- facts */
  const COLUMNS = [['Attempt', one => one.attempt], ['Rank', one => one.rank], ['Role', one => one.role], ['Host', one => one.host || ''], ['Process', one => one.pid || ''], ['Started', one => one.opened ? numbers.moment(one.opened) : ''],
    ['Ended', one => one.ended ? numbers.moment(one.ended) : ''], ['How', one => one.status ? `${one.status}${one.exit_code ? `, exit ${one.exit_code}` : ''}` : ''], ['Python', one => one.python || ''], ['Directory', one => h('span.trunc.mono', {title: one.directory}, one.directory || '')]];
  function processes(writers) {
    return h('div.wide', {tabindex: '0', role: 'region', 'aria-label': 'table of processes'}, h('table.t', {}, h('thead', {}, h('tr', {}, COLUMNS.map(([name]) => h('th', {}, name)))), h('tbody', {}, writers.map(one => h('tr', {}, COLUMNS.map(([, value]) => h('td', {}, value(one))))))));
  }

  /** Sizes as people read them: {memory_bytes: 25276514304} as {memory: '25.3 GB'}. */
  const readable = value => Array.isArray(value) ? value.map(readable) : value && typeof value === 'object' ? Object.fromEntries(Object.entries(value).map(([key, one]) => key.endsWith('_bytes') && Number.isFinite(one) ? [key.slice(0, -6), bytes(one)] : [key, readable(one)])) : value;

  function searchable(name, value) {
    const all = Object.keys(value).length, body = h('div.kvs.tall', {tabindex: '0', role: 'group', 'aria-label': name}), list = words => { const rows = []; nested(rows, readable(value), {words, searched: true}); fill(body, rows.length ? rows : h('p.none', {}, `Nothing holds “${words}”.`)); };
    list('');
    return h('section.card', {'aria-label': name}, panel(name[0].toUpperCase() + name.slice(1), numbers.whole(all), all > 12 ? h('div.pfind', {}, h('input.find', {type: 'search', id: `find-${name}`, placeholder: `Search ${name}`, 'aria-label': `Search ${name}`, autocomplete: 'off', spellcheck: 'false', oninput: event => list(event.target.value.trim())})) : null, body));
  }

  function drawFacts(place, details) {
    const around = details.surroundings || {}, made = [], frameworks = Object.assign({}, ...details.writers.map(one => one.frameworks || {}));
    const lines = [...new Set(details.writers.map(one => (one.command || []).map(quoted).join(' ')).filter(Boolean))].slice(0, 20), whole = (around.arguments || []).map(quoted).join(' ');
    made.push(h('section.card', {'aria-label': 'command'}, h('header.pnh', {}, h('h2', {}, 'Command'), lines.length ? parts.copyButton('Copy', () => whole || lines[lines.length - 1], {class: 'lk'}) : null), lines.length ? lines.map(text => h('pre.cmd', {tabindex: '0', 'aria-label': 'command line'}, text)) : h('p.none', {}, 'Not recorded.'), whole && !lines.includes(whole) ? h('pre.cmd.dim', {tabindex: '0', 'aria-label': 'whole command line'}, whole) : null));
    made.push(h('section.card.wide2', {'aria-label': 'processes'}, panel('Processes', numbers.whole(details.writers_in_all), details.writers.length ? processes(details.writers) : h('p.none', {}, 'This source does not say which process wrote it.'))));
    for (const [name, value] of Object.entries(around)) {
      if (['tag', 'wall_time', 'arguments', 'diff', 'packages', 'environment'].includes(name) || !value || typeof value !== 'object' || !Object.keys(value).length) continue;
      const rows = [];
      nested(rows, readable(value));
      if (name === 'host' && Array.isArray(value.gpus)) { const at = rows.findIndex(one => one.firstChild.textContent === 'gpus'); if (at >= 0) rows.splice(at, 1, ...value.gpus.map((gpu, i) => h('div.kv', {style: '--depth:0'}, h('span.k.mono', {}, `gpu ${i}`), h('span.v', {}, `${gpu.name}${Number.isFinite(gpu.memory_bytes) ? `, ${bytes(gpu.memory_bytes)}` : ''}`)))); }
      made.push(h('section.card', {'aria-label': name}, panel(name === 'host' ? 'Machine' : name[0].toUpperCase() + name.slice(1), '', h('div.kvs.tall', {tabindex: '0', role: 'group', 'aria-label': name}, rows))));
    }
    if (Object.keys(frameworks).length) made.push(h('section.card', {'aria-label': 'frameworks'}, panel('Frameworks', '', h('dl.kvs', {}, Object.entries(frameworks).map(([name, version]) => row(name, version))))));
    for (const name of ['environment', 'packages']) if (around[name] && Object.keys(around[name]).length) made.push(searchable(name, around[name]));
    const git = around.git || {};
    made.push(h('section.card.wide2', {'aria-label': 'uncommitted changes', id: 'git-diff'}, panel('Uncommitted changes', around.diff ? bytes(around.diff.size) : '', around.diff && around.diff.url ? h('div', {id: 'diff-body'}, h('p.none', {}, 'Reading')) : h('p.none', {}, git.commit ? git.changed ? 'The changes themselves were not kept (CROSSBOARD_SYSTEM without diff).' : 'None: the working tree was as committed.' : 'No git commit was recorded.'))));
    fill(place, h('div.sys', {}, made));
    if (around.diff && around.diff.url) readDiff(around.diff);
  }

  /* ---- what was not committed, file by file */
  /** A text of `git diff` -> [{name, added, removed, lines: [{kind: add|del|hunk|same, text, old, new}]}]. Pure. */
  function diffFiles(text) {
    const files = [];
    let file = null, before = 0, after = 0;
    for (const line of text.replace(/\n$/, '').split('\n')) {
      const head = /^diff --git (?:"?a\/(.*?)"?) (?:"?b\/(.*?)"?)$/.exec(line), hunk = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/.exec(line);
      if (head || !file) { file = {name: head ? head[2] : 'changes', added: 0, removed: 0, lines: [], inside: false}; files.push(file); if (head) continue; }
      if (hunk) { file.inside = true; before = +hunk[1]; after = +hunk[2]; file.lines.push({kind: 'hunk', text: line}); }
      else if (!file.inside) file.lines.push({kind: 'meta', text: line});
      else if (line[0] === '+') { file.added++; file.lines.push({kind: 'add', text: line, new: after++}); }
      else if (line[0] === '-') { file.removed++; file.lines.push({kind: 'del', text: line, old: before++}); }
      else if (line[0] === '\\') file.lines.push({kind: 'meta', text: line});
      else file.lines.push({kind: 'same', text: line, old: before++, new: after++});
    }
    return files;
  }

  async function readDiff(diff) {
    try {
      if (!diffs.has(diff.url)) {
        const told = await fetch(url(diff.url), {credentials: 'same-origin'});
        if (!told.ok) throw new Error(`the server said ${told.status}`);
        diffs = new Map([[diff.url, await told.text()]]);
      }
      const text = diffs.get(diff.url), files = diffFiles(text), place = byId('diff-body');
      if (!place) return;
      fill(place, h('div.diffbar', {}, h('span.dim', {}, parts.plural(files.length)), h('span.grow'), parts.copyButton('Copy', () => text), h('a.btn', {href: url(diff.url), download: 'uncommitted.diff'}, icon('download'), 'Diff')),
        files.map((file, i) => {
          const body = h('pre.trace', {tabindex: '0', 'aria-label': `changes of ${file.name}`}), draw = () => { if (!body.firstChild) fill(body, file.lines.slice(0, 4000).map(line => h(`span.ln${{add: '.add', del: '.del', hunk: '.hunk', meta: '.dim'}[line.kind] || ''}`, {}, h('i', {}, `${String(line.old || '').padStart(5)} ${String(line.new || '').padStart(5)}  `), `${line.text}\n`)), file.lines.length > 4000 ? `… ${file.lines.length - 4000} more lines; download the diff\n` : null); };
          if (i < 5) draw();
          return h('details.difff', {open: i < 5, ontoggle: draw}, h('summary', {}, h('span.mono', {}, file.name), h('span.add', {}, ` +${numbers.whole(file.added)}`), h('span.del', {}, ` −${numbers.whole(file.removed)}`)), body);
        }));
    } catch (error) { const place = byId('diff-body'); if (place) fill(place, h('p.none.bad', {}, error.message)); }
  }

  function show(body, details, run, fresh) {
    if (fresh || !byId('system-charts')) {
      if (!answered.startsWith(`${state.run}|`)) { answer = null; zoom = null; hidden = new Set(); }
      facts = '';
      fill(body, h('div.pnbar', {id: 'system-bar'}), h('p.rule', {id: 'system-rule'}), h('div', {id: 'system-charts'}, h('div.cards', {}, [1, 2, 3].map(() => h('div.card.cc', {'aria-hidden': 'true'}, h('div.skeleton', {}, h('i'), h('i'), h('i'), h('i')))))), h('div', {id: 'system-facts'}));
      if (answer) charts();
      read(true);
    } else {
      const wait = LIVE_MS - (performance.now() - readAt);
      clearTimeout(later);
      if (details.run.status === 'running' || (run && run.status === 'running')) later = setTimeout(() => read(), Math.max(0, wait));
    }
    const name = JSON.stringify([details.writers, details.surroundings]);
    if (facts !== name) { facts = name; drawFacts(byId('system-facts'), details); }
  }

  crossboard.runSystem = {diffFiles, onZoom, zoom: () => zoom, answer: () => answer};
  crossboard.runTabs.system = {show, leave: () => { clearTimeout(later); reading = null; systemCharts.leave(); }, redraw: () => { if (answer) charts(); }};
})(window);
