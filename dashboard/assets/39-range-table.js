/* The table of a selected range of x: what each shown run did there, docked under the cards.

   A range is selected by a drag with Shift over a card, or by "A" (all that the card in focus shows), and stands in the URL (`state.sel`,
   {tag, low, high}). The numbers come from /api/statistics, from every point and not from drawn ones; while points come they are
   read anew at most once a second. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {board, byId, curves, fill, getJson, h, icon, numbers, plot, state} = crossboard;
  const QUIET_MS = 1000, MANY = 400;
  const COLUMNS = [['n', 'n'], ['start', 'start'], ['end', 'end'], ['min', 'min'], ['max', 'max'], ['mean', 'mean'], ['slope', 'slope'], ['left_out', 'not finite']];
  let box = null, shown = '', rows = [], busy = false, again = false, readAt = 0, timer = 0, failed = '';

  const cardOf = () => state.sel && (crossboard.grid.cards.get(state.sel.tag) || [...curves.near].find(card => card.tag === state.sel.tag)) || null;
  const axisOf = () => cardOf() ? cardOf().x : state.x;
  const per = axis => axis === 'step' ? 'per step' : axis === 'relative' || axis === 'wall' ? 'per second' : `per ${axis.slice(7)}`;

  function select(tag, low, high) {
    state.sel = {tag, low, high};
    state.changed('sel');
  }

  function close() {
    if (!state.sel) return;
    const card = cardOf();
    state.sel = null;
    state.changed('sel');
    if (card) card.element.focus();
  }

  /** What is asked for, as a query. */
  function query() {
    const {tag, low, high} = state.sel, card = cardOf(), q = new URLSearchParams();
    for (const one of card && card.tags || [tag]) q.append('tag', one);
    for (const run of curves.wanted(card || {width: 340}).runs) q.append('run', run);
    q.set('x', axisOf());
    q.set('low', low);
    q.set('high', high);
    return q.toString();
  }

  async function read() {
    clearTimeout(timer);
    if (!state.sel || !board.loaded) return;
    if (busy) { again = true; return; }
    const wait = shown === query() ? readAt + QUIET_MS - performance.now() : 0;
    if (wait > 0) { timer = setTimeout(read, wait); return; }
    busy = true;
    const asked = query();
    try {
      const found = (await getJson(`api/statistics?${asked}`)).statistics;
      if (state.sel && query() === asked) { rows = found; shown = asked; failed = ''; }
    } catch (error) { failed = error.message; }
    busy = false;
    readAt = performance.now();
    show();
    if (again || (state.sel && shown !== query() && !failed)) { again = false; read(); }
  }

  const listed = () => rows.filter(row => board.shown.has(row.run) && board.runs.has(row.run));

  /** The table as text: tab or comma separated, full digits. */
  function text(mark) {
    const quote = cell => mark === ',' && /[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : String(cell).replaceAll('\t', ' ');
    const several = new Set(listed().map(row => row.tag)).size > 1 || listed().some(row => row.rank);
    const head = ['run', ...several ? ['tag', 'rank'] : [], 'x_start', 'x_end', ...COLUMNS.map(([name]) => name)];
    return [head, ...listed().map(row => head.map(name => name === 'run' ? board.runs.get(row.run).name : row[name]))].map(line => line.map(cell => quote(String(cell))).join(mark)).join('\n') + '\n';
  }

  async function copy(mark, button) {
    const done = await crossboard.page.copyText(text(mark));
    crossboard.say(done ? 'Table copied' : 'The table could not be copied');
    button.textContent = done ? 'Copied' : 'Refused';
    setTimeout(() => { button.textContent = mark === ',' ? 'Copy CSV' : 'Copy text'; }, 1600);
  }

  function edge(id, label, name) {
    return h('label.pick', {}, h('span', {}, label), h('input.number', {id, type: 'text', inputmode: 'decimal', 'aria-label': `x ${label}`, onchange: event => {
      const made = {...state.sel, [name]: Number(event.target.value)}, bad = event.target.value.trim() === '' || !Number.isFinite(made[name]) || made.low >= made.high;
      event.target.setAttribute('aria-invalid', String(bad));
      if (!bad) select(made.tag, made.low, made.high);
    }}));
  }

  let head = '';
  function show() {
    const place = document.querySelector('dialog.large[open]') || byId('page');
    if (!place) return;
    if (!state.sel || state.run || state.page) { if (box) { box.remove(); box = null; head = ''; } return; }
    if (!box) {
      box = h('section.rtable', {'aria-label': 'statistics of a range', id: 'range-table'}, h('div.rh'), h('div.rb', {tabindex: '0', role: 'region', 'aria-label': 'table'}));
      box.addEventListener('keydown', event => { if (event.key === 'Escape') { event.preventDefault(); event.stopPropagation(); close(); } });
    }
    if (box.parentNode !== place) place.append(box);
    const axis = axisOf(), name = `${state.sel.tag}\n${axis}`;
    if (name !== head) {
      head = name;
      fill(box.firstElementChild, h('b.trunc', {title: cardOf() ? cardOf().tags.join('\n') : state.sel.tag}, cardOf() ? cardOf().name : state.sel.tag), h('span.dim', {}, axis.replace(/^metric:/, '')), edge('range-low', 'from', 'low'), edge('range-high', 'to', 'high'), h('span.dim', {id: 'range-note'}), h('span.grow'),
        h('button.btn', {type: 'button', id: 'range-text', onclick: event => copy('\t', event.currentTarget)}, 'Copy text'), h('button.btn', {type: 'button', id: 'range-csv', onclick: event => copy(',', event.currentTarget)}, 'Copy CSV'),
        h('button.ib', {type: 'button', 'aria-label': 'Close', title: 'Close (Esc)', onclick: close}, icon('close')));
    }
    for (const [id, edge] of [['range-low', 'low'], ['range-high', 'high']]) {   // what is being typed stays
      const field = byId(id);
      if (field.dataset.of !== String(state.sel[edge])) { field.value = field.dataset.of = String(state.sel[edge]); field.setAttribute('aria-invalid', 'false'); }
    }
    const list = listed(), fresh = shown === query(), several = new Set(list.map(row => row.tag)).size > 1;
    byId('range-note').textContent = failed || (fresh ? 'of all points' : 'reading …');
    fill(box.lastElementChild, h('table.t', {}, h('thead', {}, h('tr', {}, h('th', {}, 'Run'), COLUMNS.map(([name, words]) => h('th.num', {}, name === 'slope' ? `slope ${per(axis)}` : words)))),
      h('tbody', {}, list.slice(0, MANY).map(row => {
        const run = board.runs.get(row.run), detail = [several && row.tag, run.ranks > 1 && `rank ${row.rank}`].filter(Boolean).join(', ');
        return h('tr', {}, h('td', {}, h('span.row', {}, h('span.sw', {style: `--c:${plot.look(run.slot).colour}`}), h('span.trunc', {style: 'max-width:320px'}, run.name, detail && h('span.dim', {}, ` · ${detail}`)))),
          COLUMNS.map(([name]) => h('td.num', {}, name === 'n' || name === 'left_out' ? numbers.whole(row[name]) : row.n ? numbers.value(Number(row[name])) : '–')));
      }))), list.length > MANY ? h('p.dim', {}, `${numbers.whole(list.length - MANY)} more are in what is copied`) : null, fresh && !list.length ? h('p.dim', {}, 'No shown run has points here.') : null);
  }

  /** Mark the selected range on its card, or the one being dragged. */
  function mark(g, at, card) {
    if (!state.sel || state.sel.tag !== card.tag) return;
    const c = plot.colours(), a = Math.max(at.left, at.X(Math.max(state.sel.low, at.logx ? at.x0 : -Infinity))), b = Math.min(at.right, at.X(state.sel.high));
    if (!(b > a)) return;
    g.fillStyle = c.focusSoft; g.fillRect(a, at.top - 4, b - a, at.bottom - at.top + 4);
    g.strokeStyle = c.focus; g.lineWidth = 1; g.setLineDash([3, 3]);
    g.beginPath();
    for (const x of [a, b]) { g.moveTo(Math.round(x) + 0.5, at.top - 4); g.lineTo(Math.round(x) + 0.5, at.bottom); }
    g.stroke();
    g.setLineDash([]);
  }

  /** Select all that a card shows; again: nothing. */
  function toggle(card) {
    if (!card || !card.at) return;
    if (state.sel && state.sel.tag === card.tag) close(); else select(card.tag, card.at.x0, card.at.x1);
  }

  state.on('sel', () => { shown = shown && state.sel ? shown : ''; show(); read(); crossboard.redrawCursors(); });
  state.on('x cards run', () => { if (state.sel) { show(); read(); } });
  board.on('visible runs', () => { if (state.sel) { show(); read(); } });

  crossboard.rangeTable = {select, close, toggle, mark, text, show, changed(tags) { const card = cardOf(); if (state.sel && (!tags || (card && card.tags || [state.sel.tag]).some(tag => tag[0] === '=' || tags.has(tag)))) read(); }};
})(window);
