/* Embeddings: the principal components, two of them at a time, coloured by a column of the metadata. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {fill, h, numbers, plot, ramp} = crossboard;
  const PLANES = [['x', 'y'], ['x', 'z'], ['y', 'z']], NAMES = {x: 0, y: 1, z: 2}, FEW = 12;

  crossboard.views.embedding = panel => {
    const canvas = h('canvas', {role: 'img'}), tip = h('div.read', {'aria-hidden': 'true'}), plane = h('select', {'aria-label': 'components'}, PLANES.map(([a, b], i) => h('option', {value: i}, `components ${NAMES[a] + 1} and ${NAMES[b] + 1}`)));
    const colour = h('select', {'aria-label': 'colour by'}), legend = h('div.legend.flow'), element = h('div.vemb', {}, h('div.switches', {}, plane, colour), h('div.ec', {}, canvas, tip), legend);
    let told = null, place = -1, spots = [], view = null, drag = null;

    function colours() {
      const column = told.metadata.find(one => one.name === colour.value), c = plot.colours();
      if (!column) { fill(legend); return () => c.runs[0]; }
      const values = column.values, distinct = [...new Set(values)], asNumbers = values.map(v => v === null || v === '' ? NaN : +v), numeric = values.length > 0 && asNumbers.some(v => v === v) && values.every((v, i) => v === null || asNumbers[i] === asNumbers[i]);
      if (distinct.length <= FEW || !numeric) {
        const sorted = distinct.sort((a, b) => String(a).localeCompare(String(b), 'en', {numeric: true})), at = new Map(sorted.map((v, i) => [v, i]));
        fill(legend, sorted.slice(0, FEW).map((v, i) => h('span', {}, h('i', {style: `background:${c.runs[i % 12]}`}), v === null ? 'none' : String(v).slice(0, 40))), sorted.length > FEW ? h('span', {}, `${numbers.whole(sorted.length - FEW)} more, colours repeat`) : null);
        return i => c.runs[at.get(values[i]) % 12];
      }
      const low = Math.min(...asNumbers.filter(v => v === v)), high = Math.max(...asNumbers.filter(v => v === v));
      fill(legend, h('span', {}, numbers.value(low)), h('span.scale', {style: `background:linear-gradient(90deg,${[0.15, 0.4, 0.7, 1].map(ramp.css).join()})`}), h('span', {}, numbers.value(high)));
      return i => asNumbers[i] === asNumbers[i] ? ramp.css(0.15 + 0.85 * (high > low ? (asNumbers[i] - low) / (high - low) : 0.5)) : c.ink3;
    }

    function draw() {
      if (!told || !canvas.isConnected) return;
      const width = canvas.clientWidth, height = canvas.clientHeight, g = plot.prepare(canvas, width, height), c = plot.colours(), [a, b] = PLANES[+plane.value], paint = colours();
      const xs = told[a].map(Number), ys = told[b].map(Number), seen = xs.map((v, i) => v - v === 0 && ys[i] - ys[i] === 0 ? i : -1).filter(i => i >= 0);
      const extent = list => seen.reduce(([low, high], i) => [Math.min(low, list[i]), Math.max(high, list[i])], [Infinity, -Infinity]);
      const [x0, x1] = extent(xs), [y0, y1] = extent(ys), scale = 0.92 * Math.min((width - 24) / ((x1 - x0) || 1), (height - 24) / ((y1 - y0) || 1)) * (view ? view.zoom : 1);
      const cx = width / 2 + (view ? view.x : 0), cy = height / 2 + (view ? view.y : 0), X = v => cx + (v - (x0 + x1) / 2) * scale, Y = v => cy - (v - (y0 + y1) / 2) * scale, r = seen.length > 4000 ? 1.4 : seen.length > 800 ? 2 : 2.8;
      g.strokeStyle = c.grid; g.lineWidth = 1; g.beginPath(); g.moveTo(0, Math.round(Y(0)) + 0.5); g.lineTo(width, Math.round(Y(0)) + 0.5); g.moveTo(Math.round(X(0)) + 0.5, 0); g.lineTo(Math.round(X(0)) + 0.5, height); g.stroke();
      g.globalAlpha = seen.length > 2000 ? 0.55 : 0.8;
      spots = [];
      for (const i of seen) { const x = X(xs[i]), y = Y(ys[i]); if (x < -4 || x > width + 4 || y < -4 || y > height + 4) continue; g.fillStyle = paint(i); g.beginPath(); g.arc(x, y, r, 0, 6.2832); g.fill(); spots.push([x, y, i]); }
      g.globalAlpha = 1;
      if (!seen.length) { g.fillStyle = c.ink3; g.textAlign = 'center'; g.fillText('no finite vector', width / 2, height / 2); }
      canvas.setAttribute('aria-label', `${told.told} of ${told.rows} vectors on components ${NAMES[a] + 1} and ${NAMES[b] + 1}`);
    }

    canvas.onpointermove = event => {
      const box = canvas.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
      if (drag) { view = {...(view || {zoom: 1}), x: drag.x + x - drag.fx, y: drag.y + y - drag.fy}; draw(); return; }
      let best = null, near = 100;
      for (const [px, py, i] of spots) { const d = (px - x) ** 2 + (py - y) ** 2; if (d < near) { near = d; best = i; } }
      tip.textContent = best === null ? '' : [`row ${numbers.whole(best)}`, ...told.metadata.slice(0, 4).map(column => `${column.name} ${column.values[best]}`)].join(' · ');
    };
    canvas.onpointerdown = event => { canvas.setPointerCapture(event.pointerId); const box = canvas.getBoundingClientRect(); drag = {fx: event.clientX - box.left, fy: event.clientY - box.top, x: view ? view.x : 0, y: view ? view.y : 0}; };
    canvas.onpointerup = canvas.onpointercancel = () => { drag = null; };
    canvas.onpointerleave = () => { tip.textContent = ''; };
    canvas.ondblclick = () => { view = null; draw(); };
    canvas.addEventListener('wheel', event => { if (!panel.large && !event.ctrlKey) return; event.preventDefault(); const box = canvas.getBoundingClientRect(), x = event.clientX - box.left - canvas.clientWidth / 2, y = event.clientY - box.top - canvas.clientHeight / 2, now = view || {zoom: 1, x: 0, y: 0}, by = Math.exp(-event.deltaY / 300), zoom = Math.max(0.5, Math.min(200, now.zoom * by)), f = zoom / now.zoom; view = {zoom, x: x - (x - now.x) * f, y: y - (y - now.y) * f}; draw(); }, {passive: false});
    plane.onchange = colour.onchange = () => { view = null; draw(); };

    return {
      element,
      async show(point, at) {
        place = at;
        const answer = await panel.series.more('embedding', at);
        if (at !== place) return;
        const held = colour.value;
        told = answer;
        fill(colour, h('option', {value: ''}, 'one colour'), told.metadata.map(one => h('option', {value: one.name}, `by ${one.name}`)));
        colour.value = told.metadata.some(one => one.name === held) ? held : (told.metadata.find(one => new Set(one.values).size <= FEW) || {name: ''}).name;
        colour.hidden = !told.metadata.length;
        draw();
      },
      facts: () => told ? [told.told < told.rows ? h('span.warn', {}, `first ${numbers.whole(told.told)} of ${numbers.whole(told.rows)} vectors`) : `${numbers.whole(told.rows)} vectors`, `${numbers.whole(told.dimensions)} dimensions`, `PCA ${told.variance.map(v => `${(100 * v).toFixed(0)} %`).join(', ')}`, !told.exact && 'nearly', told.left_out > 0 && h('span.warn', {}, `${numbers.whole(told.left_out)} not finite`)] : [],
      redraw: draw,
    };
  };
})(window);
