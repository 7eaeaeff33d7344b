/* Tensors: shape, dtype, what the values come to, and one two-dimensional slice as colours. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {fill, h, numbers, plot, ramp} = crossboard;
  const indices = new Map();   // tag -> where the leading axes are cut

  crossboard.views.tensor = panel => {
    const canvas = h('canvas', {role: 'img'}), tip = h('div.read', {'aria-hidden': 'true'}), facts = h('dl.tstats'), cuts = h('div.switches.cuts'), strings = h('pre.plain', {hidden: true, tabindex: '0', 'aria-label': 'strings'}), element = h('div.vten', {}, facts, cuts, h('div.tc', {}, canvas, tip), strings);
    let told = null, place = -1, box = null;

    async function read() {
      const mine = place, index = indices.get(panel.series.tag) || [];
      const answer = await panel.series.more('tensor', mine, index.length ? {index: index.join()} : {});
      if (mine !== place) return;
      told = answer;
      const s = told.statistics, number = v => v === null ? 'none' : numbers.value(+v);
      fill(facts, [['shape', told.shape.length ? told.shape.join(' × ') : 'one value'], ['dtype', told.dtype], ...(s ? [['min', number(s.min)], ['max', number(s.max)], ['mean', number(s.mean)], ['std', number(s.std)], ['zeros', numbers.whole(s.zeros)], ...(s.nan ? [['NaN', numbers.whole(s.nan)]] : []), ...(s.pos_inf + s.neg_inf ? [['inf', numbers.whole(s.pos_inf + s.neg_inf)]] : [])] : [])].map(([name, text]) => h('div', {}, h('dt', {}, name), h('dd', {}, text))));
      strings.hidden = !told.strings;
      element.classList.toggle('words', Boolean(told.strings));
      if (told.strings) strings.textContent = told.strings.join('\n');
      const axes = told.slice ? told.slice.index : [];
      cuts.hidden = !axes.length;
      if (cuts.childElementCount !== axes.length || !cuts.contains(document.activeElement)) fill(cuts, axes.map((at, axis) => h('label', {}, `axis ${axis} `, h('input', {type: 'number', min: '0', max: String(told.shape[axis] - 1), value: String(at), 'aria-label': `index on axis ${axis}, 0 to ${told.shape[axis] - 1}`, onchange: event => { const list = [...axes]; list[axis] = Math.max(0, Math.min(told.shape[axis] - 1, Math.round(+event.target.value) || 0)); indices.set(panel.series.tag, list); read().catch(error => panel.fail(error)); }}), h('span.dim', {}, ` of ${told.shape[axis]}`))));
      draw();
      panel.tellFacts();
    }

    function draw() {
      if (!told || !told.slice || !canvas.isConnected) return;
      const width = canvas.clientWidth, height = canvas.clientHeight, g = plot.prepare(canvas, width, height), {cells} = told.slice, rows = cells.length, columns = rows ? cells[0].length : 0, c = plot.colours();
      if (!rows || !columns) { g.fillStyle = c.ink3; g.textAlign = 'center'; g.fillText('no values', width / 2, height / 2); return; }
      const values = cells.flat().map(Number), finite = values.filter(v => v - v === 0), most = finite.reduce((m, v) => Math.max(m, Math.abs(v)), 0) || 1, low = finite.reduce((m, v) => Math.min(m, v), 0);
      const cell = Math.min((width - 16) / columns, (height - 26) / rows), wide = rows === 1 ? width - 16 : cell * columns, tall = rows === 1 ? Math.min(48, height - 26) : cell * rows, x = (width - wide) / 2, y = (height - 18 - tall) / 2;
      ramp.image(g, columns, rows, (i, j) => { const v = +cells[j][i]; return v !== v ? ramp.nan() : ramp.signed(v - v !== 0 ? Math.sign(v) : v / most); }, x, y, wide, tall);
      g.strokeStyle = c.axis; g.strokeRect(x - 0.5, y - 0.5, wide + 1, tall + 1);
      box = {x, y, wide, tall, rows, columns};
      const [high, across] = told.slice.block;
      g.fillStyle = c.ink3; g.textAlign = 'center'; g.textBaseline = 'alphabetic';
      g.fillText(`${low < 0 ? `${numbers.value(-most)} orange, 0 clear, ${numbers.value(most)} blue` : `0 clear, ${numbers.value(most)} blue`}${high * across > 1 ? `; a cell is the largest of ${high} × ${across}` : ''}`, width / 2, height - 4);
      canvas.setAttribute('aria-label', `slice of ${told.slice.rows} by ${told.slice.columns} values of ${panel.series.tag}, largest size ${numbers.value(most)}`);
    }

    canvas.onpointermove = event => {
      if (!box || !told.slice) return;
      const r = canvas.getBoundingClientRect(), i = Math.floor((event.clientX - r.left - box.x) / box.wide * box.columns), j = Math.floor((event.clientY - r.top - box.y) / box.tall * box.rows), [high, across] = told.slice.block;
      tip.textContent = i >= 0 && j >= 0 && i < box.columns && j < box.rows ? `[${[...told.slice.index, told.shape.length > 1 ? j * high : null, told.shape.length ? i * across : null].filter(v => v !== null).join(', ')}] ${numbers.value(+told.slice.cells[j][i])}` : '';
    };
    canvas.onpointerleave = () => { tip.textContent = ''; };

    return {element, async show(point, at) { place = at; await read(); }, facts: () => told ? [`${numbers.whole(told.count)} values`, crossboard.parts.bytes(told.bytes), told.of] : [], redraw: draw};
  };
})(window);
