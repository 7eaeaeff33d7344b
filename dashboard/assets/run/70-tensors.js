/* Tensors: shape, dtype, what the values come to, and one two-dimensional slice as colours.

   Where the slice is cut, which two axes it shows and which part of it are the same for all tensors that are shown (`index`, `axes`, `window` in
   the URL), and so is the cell under the pointer. With `minus`, the mark of a run, each shows its difference to that run's tensor at the
   nearest step. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {board, fill, getJson, h, icon, numbers, plot, ramp, state, url, view: addresses} = crossboard;
  const views = new Set(), STILL = 5, own = name => state.own.get(name) || '', wholes = text => text.split(',').filter(part => /^\d{1,12}$/.test(part)).map(Number);
  let pointed = null;   // {shape, row, column} of the cell under the pointer

  crossboard.views.tensor = panel => {
    const canvas = h('canvas', {role: 'img', tabindex: '0'}), tip = h('div.read', {'aria-hidden': 'true'}), facts = h('dl.tstats'), notes = h('div.tnotes'), cuts = h('div.switches.cuts'), strings = h('pre.plain', {hidden: true, tabindex: '0', 'aria-label': 'strings'}), element = h('div.vten', {}, facts, notes, cuts, h('div.tc', {}, canvas, tip), strings);
    const view = {panel, chosen, point, told: () => told};
    let told = null, place = -1, box = null, asked = '', drag = null, closed = false, less = '';

    /** The run from which this one is subtracted, and its place nearest to this step. */
    async function against() {
      const run = own('minus') && [...board.runs.values()].find(one => addresses.mark(one.key) === own('minus')), {series} = panel;
      if (!run || run.key === series.run) return {};
      const other = run.key in others ? others[run.key] : (others[run.key] = new crossboard.Series(run.key, 'tensor', series.tag));
      if (!other.known) await other.refresh();
      const places = other.list(panel.rank, false), step = series.step[place];
      if (!places.length) return {};
      const before = other.at(places, step), next = Math.min(places.length - 1, before + 1), near = Math.abs(other.step[places[next]] - step) < Math.abs(step - other.step[places[before]]) ? next : before;
      return {against: run.key, against_place: places[near], step: other.step[places[near]], name: run.name};
    }
    const others = {};

    async function read() {
      const mine = place, query = {};
      for (const name of ['index', 'axes', 'window']) if (wholes(own(name)).length) query[name] = wholes(own(name)).join();
      let other = {}, note = '';
      try { other = await against(); } catch (error) { note = error.message; }
      const {step, name, ...also} = other;
      let answer;
      try { answer = await panel.series.more('tensor', mine, {...query, ...also}); } catch (error) {
        if (error.status !== 409 && error.status !== 400 || !(also.against || query.axes)) throw error;
        note = error.message;   // another shape, or fewer axes: the tensor itself is shown, and why
        answer = await panel.series.more('tensor', mine);
      }
      if (mine !== place || closed) return;
      told = answer;
      less = also.against && !note ? `less ${name} at step ${numbers.whole(step)}` : '';
      tell(note);
      draw();
      panel.tellFacts();
      crossboard.kindTools.tensors.told();
    }

    function tell(note) {
      const s = told.statistics, number = v => v === null ? 'none' : numbers.value(+v);
      fill(facts, [['shape', told.shape.length ? told.shape.join(' × ') : 'one value'], ['dtype', told.dtype], ...(s ? [['min', number(s.min)], ['max', number(s.max)], ['mean', number(s.mean)], ['std', number(s.std)], ['zeros', numbers.whole(s.zeros)], ...(s.nan ? [['NaN', numbers.whole(s.nan)]] : []), ...(s.pos_inf ? [['inf', numbers.whole(s.pos_inf)]] : []), ...(s.neg_inf ? [['−inf', numbers.whole(s.neg_inf)]] : [])] : [])].map(([name, text]) => h('div', {}, h('dt', {}, name), h('dd', {}, text))));
      fill(notes, h('a.lk', {href: url(`api/tensor?${panel.series.query({place, format: 'npy'})}`), download: '', title: `Download the whole tensor, ${crossboard.parts.bytes(told.bytes)}`}, icon('table', true), '.npy'), less ? h('span.chg', {}, less) : null, note ? h('span.warn', {}, note) : null);
      strings.hidden = !told.strings;
      element.classList.toggle('words', Boolean(told.strings));
      if (told.strings) strings.textContent = told.strings.join('\n');
      const {slice} = told, at = slice ? slice.index : [], rest = slice && told.shape.length > 1 ? told.shape.map((_, axis) => axis).filter(axis => !slice.axes.includes(axis)) : [], part = slice && own('window') && (slice.window[1] - slice.window[0] < sideOf(0) || slice.window[3] - slice.window[2] < sideOf(1));
      cuts.hidden = !at.length && !part;
      if (cuts.contains(document.activeElement) && cuts.querySelectorAll('input').length === at.length) {
        cuts.querySelectorAll('input').forEach((field, i) => { if (field !== document.activeElement) field.value = String(at[i]); });
        return;
      }
      fill(cuts, at.map((value, i) => h('label', {}, `axis ${rest[i]} `, h('input', {type: 'number', min: '0', max: String(told.shape[rest[i]] - 1), value: String(value), 'aria-label': `index on axis ${rest[i]}, 0 to ${told.shape[rest[i]] - 1}`, oninput: event => cut(i, event.target.value)}), h('span.dim', {}, ` of ${told.shape[rest[i]]}`))),
        part ? h('button.lk', {type: 'button', onclick: () => state.choose('window', '')}, `${span('row', slice.window[0], slice.window[1])}, ${span('column', slice.window[2], slice.window[3])}; show all`) : null);
    }

    const span = (name, low, end) => end - low > 1 ? `${name}s ${low} to ${end - 1}` : `${name} ${low}`;

    /** How long the shown axis is, 0 for rows and 1 for columns. */
    function sideOf(which) { return told.shape.length < 2 ? (which ? told.shape[0] || 1 : 1) : told.shape[told.slice.axes[which]]; }

    function cut(i, text) {
      if (text === '') return;
      const list = [...told.slice.index], held = wholes(own('index'));
      for (let j = list.length; j < held.length; j++) list[j] = held[j];
      const axis = told.shape.map((_, one) => one).filter(one => !told.slice.axes.includes(one))[i];
      list[i] = Math.max(0, Math.min(told.shape[axis] - 1, Math.round(+text) || 0));
      state.choose('index', list.some(Boolean) ? list.join() : '');
    }

    function chosen() {
      const now = ['index', 'axes', 'window', 'minus'].map(own).join('|');
      if (now === asked || place < 0 || panel.shownPlace < 0) return;
      asked = now;
      read().catch(error => { if (!closed) panel.fail(error); });
    }

    function draw() {
      if (!told || !told.slice || !canvas.isConnected) return;
      const width = canvas.clientWidth, height = canvas.clientHeight, g = plot.prepare(canvas, width, height), {cells} = told.slice, rows = cells.length, columns = rows ? cells[0].length : 0, c = plot.colours();
      box = null;
      if (!rows || !columns) { g.fillStyle = c.ink3; g.textAlign = 'center'; g.fillText('no values', width / 2, height / 2); return; }
      let most = 0, low = 0;
      for (const row of cells) for (const cell of row) { const v = +cell; if (v - v === 0) { most = Math.max(most, Math.abs(v)); low = Math.min(low, v); } }
      most = most || 1;
      const cell = Math.min((width - 16) / columns, (height - 26) / rows), wide = rows === 1 ? width - 16 : cell * columns, tall = rows === 1 ? Math.min(48, height - 26) : cell * rows, x = (width - wide) / 2, y = (height - 18 - tall) / 2;
      ramp.image(g, columns, rows, (i, j) => { const v = +cells[j][i]; return v !== v ? ramp.nan() : ramp.signed(v - v !== 0 ? Math.sign(v) : v / most); }, x, y, wide, tall);
      g.strokeStyle = c.axis; g.lineWidth = 1; g.strokeRect(x - 0.5, y - 0.5, wide + 1, tall + 1);
      box = {x, y, wide, tall, rows, columns};
      const [high, across] = told.slice.block, {window: part} = told.slice;
      if (drag && drag.far >= STILL) { g.fillStyle = c.focusSoft; g.strokeStyle = c.focus; const left = Math.min(drag.x, drag.fromX), top = Math.min(drag.y, drag.fromY); g.fillRect(left, top, Math.abs(drag.x - drag.fromX), Math.abs(drag.y - drag.fromY)); g.strokeRect(left, top, Math.abs(drag.x - drag.fromX), Math.abs(drag.y - drag.fromY)); }
      const here = pointed && pointed.shape === told.shape.join() && pointed.row >= part[0] && pointed.row < part[1] && pointed.column >= part[2] && pointed.column < part[3] ? [Math.floor((pointed.row - part[0]) / high), Math.floor((pointed.column - part[2]) / across)] : null;
      if (here) { g.strokeStyle = c.ink; g.strokeRect(x + here[1] * wide / columns - 0.5, y + here[0] * tall / rows - 0.5, Math.max(3, wide / columns) + 1, Math.max(3, tall / rows) + 1); }
      tip.textContent = here ? `[${where(here, high, across)}] ${numbers.value(+cells[here[0]][here[1]])}${high * across > 1 ? `, the largest of ${high} × ${across}` : ''}` : '';
      g.fillStyle = c.ink3; g.textAlign = 'center'; g.textBaseline = 'alphabetic';
      g.fillText(`${low < 0 ? `${numbers.value(-most)} orange, 0 clear, ${numbers.value(most)} blue` : `0 clear, ${numbers.value(most)} blue`}${high * across > 1 ? `; a cell is the largest of ${high} × ${across}` : ''}`, width / 2, height - 4);
      canvas.setAttribute('aria-label', `slice of ${told.slice.rows} by ${told.slice.columns} values of ${panel.series.tag}${less ? `, ${less}` : ''}, largest size ${numbers.value(most)}`);
    }

    /** The index of a cell in the whole tensor, its first value's where it is of several. */
    function where([j, i], high, across) {
      const {axes, index, window: part} = told.slice, row = part[0] + j * high, column = part[2] + i * across;
      if (told.shape.length < 2) return told.shape.length ? String(column) : '';
      const rest = [...index];
      return told.shape.map((_, axis) => axis === axes[0] ? row : axis === axes[1] ? column : rest.shift()).join(', ');
    }

    /** The cell at a place on the canvas as [row, column] of the slice, or null; `near`: the nearest one outside. */
    function cellAt(x, y, near = false) {
      if (!box || !told.slice) return null;
      let i = Math.floor((x - box.x) / box.wide * box.columns), j = Math.floor((y - box.y) / box.tall * box.rows);
      if (near) { i = Math.max(0, Math.min(box.columns - 1, i)); j = Math.max(0, Math.min(box.rows - 1, j)); }
      if (i < 0 || j < 0 || i >= box.columns || j >= box.rows) return null;
      const {block, window: part} = told.slice;
      return [part[0] + j * block[0], part[2] + i * block[1]];
    }

    function tellPointed(at) {
      pointed = at && {shape: told.shape.join(), row: at[0], column: at[1]};
      for (const one of views) one.point();
    }
    function point() { if (told && told.slice) draw(); }

    const placeOf = event => { const r = canvas.getBoundingClientRect(); return [event.clientX - r.left, event.clientY - r.top]; };
    canvas.onpointerdown = event => { if (event.button || !box) return; const [x, y] = placeOf(event); canvas.setPointerCapture(event.pointerId); drag = {x, y, fromX: x, fromY: y, far: 0}; };
    canvas.onpointermove = event => {
      if (!told || !told.slice) return;
      const [x, y] = placeOf(event);
      if (drag) { Object.assign(drag, {x, y, far: Math.max(drag.far, Math.hypot(x - drag.fromX, y - drag.fromY))}); draw(); return; }
      tellPointed(cellAt(x, y));
    };
    canvas.onpointerup = canvas.onpointercancel = event => {
      const was = drag;
      drag = null;
      if (!was || was.far < STILL || event.type !== 'pointerup') { draw(); return; }
      const a = cellAt(was.fromX, was.fromY, true), b = cellAt(was.x, was.y, true), {block} = told.slice;
      state.choose('window', [Math.min(a[0], b[0]), Math.max(a[0], b[0]) + block[0], Math.min(a[1], b[1]), Math.max(a[1], b[1]) + block[1]].join());
    };
    canvas.onpointerleave = () => { if (told && told.slice) tellPointed(null); };
    canvas.ondblclick = () => state.choose('window', '');
    canvas.onkeydown = event => {
      const by = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0]}[event.key];
      if (!by || !told || !told.slice || !box || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      const {block, window: part} = told.slice, from = pointed && pointed.shape === told.shape.join() ? [pointed.row + by[0] * block[0], pointed.column + by[1] * block[1]] : [part[0], part[2]];
      tellPointed([Math.max(part[0], Math.min(part[1] - 1, from[0])), Math.max(part[2], Math.min(part[3] - 1, from[1]))]);
      crossboard.say(tip.textContent);
    };
    views.add(view);

    return {element, async show(point_, at) { place = at; asked = ['index', 'axes', 'window', 'minus'].map(own).join('|'); await read(); }, facts: () => told ? [`${numbers.whole(told.count)} values`, crossboard.parts.bytes(told.bytes), told.of] : [], redraw: draw, close() { closed = true; views.delete(view); }};
  };

  const chosen = () => { for (const view of [...views]) view.chosen(); };
  state.on('own', chosen);
  crossboard.tensors = {views, chosen};
})(window);
