/* Histograms: all steps as a heatmap, and below it the distribution at the chosen step.

   The heatmap is made by the server, so that ten thousand histograms cost what three hundred do; counts of merged columns add up.
   A row's colour is its share of the column's finite values, by square root, so that rare values can be seen. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {getJson, h, numbers, plot, ramp, state, steps} = crossboard;
  const LEFT = 52, RIGHT = 10, UNEVEN = 50, EQUAL = 60;
  const middle = new Set();   // tags shown without their tails

  crossboard.views.histogram = panel => {
    const heat = h('canvas', {role: 'img'}), bars = h('canvas', {role: 'img'}), over = h('div.read', {'aria-hidden': 'true'});
    const tails = h('button.lk', {type: 'button', title: 'Leave out the outermost 1 % at each end'});
    const element = h('div.vhist', {}, h('div.hc', {}, heat, over, h('div.switches', {}, tails)), h('div.hb', {}, bars));
    let map = null, busy = null, stale = false, point = null, at = null, respread = false;

    async function read() {
      if (busy) { stale = true; return busy; }
      const {series, rank} = panel, columns = Math.max(40, Math.min(600, Math.floor((heat.clientWidth || 340) - LEFT - RIGHT)));
      const q = new URLSearchParams({run: series.run, tag: series.tag, rank, columns, rows: panel.large ? 96 : 56, share: middle.has(series.tag) ? 0.98 : 1, older: state.old.has(series.tag) ? 1 : 0});
      busy = getJson(`api/heatmap?${q}`).then(answer => { map = answer; draw(); panel.tellFacts(); }).finally(() => { busy = null; if (stale) { stale = false; read().catch(() => {}); } });
      return busy;
    }

    function draw() {
      if (!map || !heat.isConnected) return;
      const width = heat.clientWidth, height = heat.clientHeight, g = plot.prepare(heat, width, height), c = plot.colours(), n = map.low_step.length;
      const top = 18, bottom = height - 18, right = width - RIGHT, low = map.low_step[0], high = map.high_step[n - 1];
      const gaps = map.low_step.slice(1).map((step, i) => step - map.low_step[i]).filter(gap => gap > 0).sort((a, b) => a - b), gap = gaps.length ? gaps[gaps.length >> 1] : 1;
      const x0 = low, x1 = Math.max(high, low) + (n > 1 ? gap : 1), X = step => LEFT + (right - LEFT) * (step - x0) / (x1 - x0);
      const e0 = map.edges[0], e1 = map.edges[map.edges.length - 1], Y = v => bottom - (bottom - top) * (v - e0) / (e1 - e0), rows = map.edges.length - 1;
      let most = 0;
      const finite = map.cells.map((cells, i) => cells.reduce((sum, v) => sum + v, 0) + map.below[i] + map.above[i]);
      map.cells.forEach((cells, i) => { for (const v of cells) if (finite[i]) most = Math.max(most, v / finite[i]); });
      for (let i = 0; i < n; i++) {
        const from = X(map.low_step[i]), to = Math.max(from + 1, X(i + 1 < n ? Math.min(map.low_step[i + 1], map.high_step[i] + 4 * gap) : map.high_step[i] + gap));
        for (let r = 0; r < rows; r++) {
          const share = finite[i] ? map.cells[i][r] / finite[i] : 0;
          if (share <= 0) continue;
          g.fillStyle = ramp.css(Math.sqrt(share / (most || 1)));
          const y = Y(map.edges[r + 1]);
          g.fillRect(Math.floor(from), Math.floor(y), Math.ceil(to) - Math.floor(from), Math.ceil(Y(map.edges[r])) - Math.floor(y));
        }
        if (map.nan[i] || map.infinite[i]) { g.fillStyle = ramp.nan() && `rgb(${ramp.nan().join()})`; const x = (from + Math.min(to, from + 8)) / 2; g.beginPath(); g.moveTo(x - 4, bottom); g.lineTo(x + 4, bottom); g.lineTo(x, bottom - 7); g.closePath(); g.fill(); }
      }
      frame(g, numbers.linearTicks(e0, e1, 4), Y, numbers.xAxis('step', x0, x1, Math.max(2, Math.floor((right - LEFT) / 74))), X, {top, bottom, right, width, height});
      const step = point ? point.step : steps.chosen();
      if (step !== null && point) { const x = Math.round(X(step) + Math.min(3, (X(step + gap) - X(step)) / 2)) + 0.5; g.strokeStyle = c.ink; g.lineWidth = 1; g.beginPath(); g.moveTo(x, top - 4); g.lineTo(x, bottom); g.stroke(); }
      at = {X, Y, x0, x1, e0, e1, top, bottom, right, rows, finite};
      heat.setAttribute('aria-label', `heatmap of ${map.total} histograms of ${panel.series.tag}, steps ${low} to ${high}, values ${numbers.value(e0)} to ${numbers.value(e1)}`);
    }

    function frame(g, yTicks, Y, xs, X, box) {
      const c = plot.colours(), label = numbers.axisLabels(yTicks);
      g.font = c.font; g.fillStyle = c.ink3; g.textAlign = 'right'; g.textBaseline = 'middle';
      for (const v of yTicks) { const y = Y(v); if (y > box.top - 2 && y < box.bottom + 2) g.fillText(label(v), LEFT - 6, y); }
      g.strokeStyle = c.axis; g.lineWidth = 1; g.beginPath(); g.moveTo(LEFT, box.bottom + 0.5); g.lineTo(box.right, box.bottom + 0.5);
      g.textAlign = 'center'; g.textBaseline = 'alphabetic';
      let taken = -Infinity;
      for (const v of xs.ticks) {
        const x = Math.round(X(v)) + 0.5, text = xs.label(v), half = g.measureText(text).width / 2, place = Math.min(box.right - half + 4, Math.max(LEFT + half - 4, x));
        if (x < LEFT - 1 || x > box.right + 1 || place - half < taken + 6) continue;
        taken = place + half;
        g.moveTo(x, box.bottom); g.lineTo(x, box.bottom + 3);
        g.fillText(text, place, box.height - 4);
      }
      g.stroke();
    }

    /** The histogram to draw: as it is, or, where its buckets are so uneven that the narrow ones would be all that is seen (TensorBoard's
        grow by a tenth each), spread evenly over equal ones. The foot says which. */
    function even({edges, counts}) {
      const n = counts.length, widths = counts.map((_, i) => edges[i + 1] - edges[i]).filter(width => width > 0), spread = Math.max(...widths) / Math.min(...widths);
      respread = n > 1 && widths.length === n && spread > UNEVEN;
      if (!respread) return {edges, counts};
      const low = edges[0], high = edges[n], made = {edges: Array.from({length: EQUAL + 1}, (_, i) => low + (high - low) * i / EQUAL), counts: new Array(EQUAL).fill(0)};
      const below = v => { let sum = 0; for (let i = 0; i < n && edges[i] < v; i++) sum += counts[i] * Math.min(1, (v - edges[i]) / (edges[i + 1] - edges[i])); return sum; };
      let before = 0;
      made.counts = made.counts.map((_, i) => { const under = i === EQUAL - 1 ? counts.reduce((sum, v) => sum + v, 0) : below(made.edges[i + 1]), own = under - before; before = under; return Math.max(0, own); });
      return made;
    }

    function drawBars() {
      if (!point || !bars.isConnected) return;
      const width = bars.clientWidth, height = bars.clientHeight, g = plot.prepare(bars, width, height), {edges, counts} = even(point), c = plot.colours(), top = 6, bottom = height - 18, right = width - RIGHT;
      const total = counts.reduce((sum, v) => sum + v, 0);
      bars.setAttribute('aria-label', `distribution at step ${point.step}: ${point.count} values, minimum ${point.min}, maximum ${point.max}, mean ${point.mean}`);
      if (!total || edges.length < 2) { g.fillStyle = c.ink3; g.textAlign = 'center'; g.textBaseline = 'middle'; g.fillText(point.count ? 'no finite value' : 'no values', width / 2, height / 2); return; }
      let low = edges[0], high = edges[edges.length - 1];
      if (!(high > low)) { const room = Math.abs(low) * 0.05 || 0.5; low -= room; high += room; }
      const X = v => LEFT + (right - LEFT) * (v - low) / (high - low), density = counts.map((v, i) => edges[i + 1] > edges[i] ? v / (edges[i + 1] - edges[i]) : 0), most = Math.max(...density) || 1;
      g.fillStyle = ramp.css(0.66);
      counts.forEach((v, i) => {
        if (!v) return;
        const thin = !(edges[i + 1] > edges[i]), x = X(edges[i]), tall = thin ? bottom - top : Math.max(1, (bottom - top) * density[i] / most), wide = thin ? 3 : Math.max(1, X(edges[i + 1]) - x - (X(edges[i + 1]) - x > 4 ? 1 : 0));
        g.fillRect(thin ? x - 1.5 : x, bottom - tall, wide, tall);
      });
      const ticks = numbers.linearTicks(low, high, Math.max(2, Math.floor((right - LEFT) / 70)));
      frame(g, [], () => 0, {ticks, label: numbers.axisLabels(ticks)}, X, {top, bottom, right, width, height});
      g.fillStyle = c.ink3; g.textAlign = 'right'; g.textBaseline = 'top'; g.fillText('density', LEFT - 6, top - 2);
    }

    heat.addEventListener('pointermove', event => {
      if (!at) return;
      const box = heat.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
      if (x < LEFT || x > at.right || y < at.top || y > at.bottom) { over.textContent = ''; return; }
      const step = at.x0 + (at.x1 - at.x0) * (x - LEFT) / (at.right - LEFT);
      let i = 0;
      while (i + 1 < map.low_step.length && map.low_step[i + 1] <= step) i++;
      const r = Math.max(0, Math.min(at.rows - 1, Math.floor((at.e0 - at.e1) * (y - at.bottom) / (at.bottom - at.top) / ((at.e1 - at.e0) / at.rows))));
      const share = at.finite[i] ? 100 * map.cells[i][r] / at.finite[i] : 0;
      over.textContent = `${map.low_step[i] === map.high_step[i] ? `step ${numbers.whole(map.low_step[i])}` : `steps ${numbers.whole(map.low_step[i])} to ${numbers.whole(map.high_step[i])}`} · ${numbers.value(map.edges[r])} to ${numbers.value(map.edges[r + 1])} · ${share.toPrecision(2)} %${map.nan[i] ? ` · NaN ${map.nan[i]}` : ''}`;
    });
    heat.addEventListener('pointerleave', () => { over.textContent = ''; });
    heat.addEventListener('click', event => {
      if (!at) return;
      const x = event.clientX - heat.getBoundingClientRect().left, step = Math.round(at.x0 + (at.x1 - at.x0) * (x - LEFT) / (at.right - LEFT)), {places, series} = panel;
      if (places.length && x >= LEFT) steps.choose(series.step[places[series.at(places, step)]]);
    });
    tails.onclick = () => { const {tag} = panel.series; if (!middle.delete(tag)) middle.add(tag); label(); read().catch(error => panel.fail(error)); };
    const label = () => { tails.textContent = middle.has(panel.series.tag) ? 'Middle 98 %' : 'Whole range'; tails.setAttribute('aria-pressed', String(middle.has(panel.series.tag))); };
    label();

    return {
      element,
      async show(next) {
        point = next;
        drawBars();
        if (map) draw(); else await read();
      },
      changed() { read().catch(() => {}); },
      facts: shown => [map && map.total > map.low_step.length && h('span', {title: 'neighbours are merged, their counts added'}, `${numbers.whole(map.total)} in ${map.low_step.length} columns`), respread && h('span', {title: 'the buckets are very uneven; values are spread evenly inside each'}, `${EQUAL} equal bins`), `${numbers.whole(shown.count)} values`, shown.mean !== null && `mean ${numbers.value(+shown.mean)} ± ${numbers.value(+shown.std)}`,
        shown.nan > 0 && h('span.warn', {}, `NaN ${numbers.whole(shown.nan)}`), shown.pos_inf + shown.neg_inf > 0 && h('span.warn', {}, `inf ${numbers.whole(shown.pos_inf + shown.neg_inf)}`)],
      redraw() { draw(); drawBars(); },
    };
  };
})(window);
