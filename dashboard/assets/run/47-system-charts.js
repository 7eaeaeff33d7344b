/* Charts of what a run used: the series below system/ and its steps per second, over step or time, drawn by 30-plot.js with the cards' tooltip.

   One answer of /api/system feeds all of them; they share one cursor and one window. Ranks are curves of one chart, or a chart each in one row with one scale. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {columns, curves, h, numbers, plot, tooltip} = crossboard;
  const DRAG_PX = 4, GB = 1e9;
  const KNOWN = [
    ['steps_per_second', 'Throughput', 'steps per second', 1, null], ['system/cpu_percent', 'CPU, machine', '% of all processors', 1, 100], ['system/process/cpu_percent', 'CPU, process', '% of one processor', 1, null],
    ['system/memory_percent', 'Memory, machine', '%', 1, 100], ['system/memory_bytes', 'Memory, machine', 'GB', GB, null], ['system/process/memory_bytes', 'Memory, process', 'GB', GB, null], ['system/disk_percent', 'Disk', '% full', 1, 100]];
  const GPU = {utilization_percent: ['GPU', '% busy', 1, 100], memory_percent: ['GPU memory', '%', 1, 100], memory_bytes: ['GPU memory', 'GB', GB, null], temperature_celsius: ['GPU temperature', '°C', 1, null], power_watts: ['GPU power', 'W', 1, null]};
  let cursor = null, all = [], observer = null;

  /** What a tag is: {name of its chart, title, unit, divisor, top of its scale, gpu, order}. */
  function metric(tag) {
    const at = KNOWN.findIndex(([known]) => known === tag);
    if (at >= 0) { const [, title, unit, divisor, top] = KNOWN[at]; return {name: tag, title, unit, divisor, top, gpu: null, order: at}; }
    const found = /^system\/gpu\.(\d+)\/(.+)$/.exec(tag);
    if (found) { const known = GPU[found[2]], [title, unit, divisor, top] = known || [`GPU ${found[2]}`, '', 1, null]; return {name: `gpu/${found[2]}`, title, unit, divisor, top, gpu: +found[1], order: 20 + (known ? Object.keys(GPU).indexOf(found[2]) : 9)}; }
    return {name: tag, title: tag.replace(/^system\//, ''), unit: '', divisor: 1, top: null, gpu: null, order: 40};
  }

  /** Curves of an answer as groups, a chart each: [{name, title, unit, top, curves: [{curve, rank, gpu, attempt}]}]. */
  function groups(list) {
    const made = new Map();
    for (const curve of list) {
      if (!curve.x.length) continue;
      const about = metric(curve.tag), y = about.divisor === 1 ? curve.y : curve.y.map(v => v / about.divisor);
      if (!made.has(about.name)) made.set(about.name, {...about, curves: []});
      made.get(about.name).curves.push({curve: columns.bound({...curve, y}), rank: curve.rank, gpu: about.gpu, attempt: curve.attempt});
    }
    return [...made.values()].sort((a, b) => a.order - b.order || a.title.localeCompare(b.title, 'en', {numeric: true}));
  }

  class Chart {
    /** group: see `groups`; entries: its curves that this chart has; dress: of an entry its {colour, dash, name}; host: {axis, zoom(), onZoom(window), range of the row}. */
    constructor(group, entries, host, note = '') {
      Object.assign(this, {group, host, note, at: null, drag: null, near: false});
      this.drawn = entries.map(one => ({...one, ...host.dress(one, entries)}));
      this.canvas = h('canvas', {role: 'img', 'aria-label': `${group.title}${note ? `, ${note}` : ''}`});
      this.over = h('canvas.over', {'aria-hidden': 'true'});
      this.place = h('div.plot', {}, this.canvas, this.over);
      const total = this.drawn.reduce((n, one) => n + one.curve.total, 0), shown = this.drawn.reduce((n, one) => n + one.curve.x.length, 0), raw = this.drawn.every(one => one.curve.raw), left = this.drawn.reduce((n, one) => n + (one.curve.unmatched || 0), 0);
      const lost = left && (group.name === 'steps_per_second' ? `${numbers.whole(left)} ${left === 1 ? 'window' : 'windows'} in which the step fell left out` : `${numbers.whole(left)} ${left === 1 ? 'sample' : 'samples'} before the first step left out`);
      const what = group.name === 'steps_per_second' ? 'window' : 'sample';
      this.element = h('div.card.cc.sysc', {tabindex: '0', role: 'group', 'aria-label': `${group.title}${group.unit ? `, ${group.unit}` : ''}${note ? `, ${note}` : ''}, chart`}, h('header', {}, h('span.t', {title: group.title}, h('b', {}, group.title), group.unit ? h('em', {}, ` ${group.unit}`) : null), note ? h('span.tag', {}, note) : null), this.place,
        h('footer', {}, h('span.n', {}, raw ? `all ${numbers.whole(total)} ${total === 1 ? what : `${what}s`}` : `${numbers.whole(shown)} of ${numbers.whole(total)} ${what}s, extremes kept`), h('span.e', {}, lost ? h('span', {title: lost}, lost) : null)));
      this.element.chart = this;
      this.listen();
    }

    draw() {
      if (!this.near) return;
      const width = this.place.clientWidth, height = this.place.clientHeight, list = this.drawn.filter(one => !this.host.hidden.has(one.rank)), {axis} = this.host, window_ = this.host.zoom();
      if (!width) return;
      const [low, high] = window_ || this.host.span, x = high > low ? [low, high] : [low - 0.5, low + 0.5];
      const extent = plot.extent(this.host.scale(this.group).filter(one => !this.host.hidden.has(one.rank)).map(one => one.curve), window_, false), g = plot.prepare(this.canvas, width, height), {top} = this.group;
      const y = !extent ? [0, 1] : top !== null && extent[0] >= 0 && extent[1] <= top ? [0, top] : extent[0] >= 0 && ['GB', 'W', 'steps per second'].includes(this.group.unit) ? [0, extent[1] * 1.08 || 1] : plot.roomy(extent, false);
      this.at = plot.geometry({width, height, x, y, log: false, logx: false, axis});
      if (!extent) this.at.yTicks = [];
      const dense = Math.max(0, ...list.map(one => one.curve.x.length / Math.max(1, this.at.right - this.at.left)));
      const style = plot.style(list.length, Boolean(window_), dense);
      plot.draw(g, this.at, list.map(one => ({...one, thin: false, older: false})), {...style, dots: style.dots && dense < 1 / style.dots ? style.dots : 0, filled: false});   // dots on all attempts or on none
      this.drawOver();
      crossboard.stats.systemDrawn = (crossboard.stats.systemDrawn || 0) + 1;
    }

    drawOver() {
      if (!this.at || !this.near) return;
      const {at} = this, g = plot.prepare(this.over, at.width, at.height), c = plot.colours();
      if (this.drag && this.drag.moved) {
        const a = Math.min(this.drag.from, this.drag.to), b = Math.max(this.drag.from, this.drag.to);
        g.fillStyle = c.focusSoft; g.fillRect(a, at.top - 4, b - a, at.bottom - at.top + 4);
        g.strokeStyle = c.focus; g.strokeRect(a, at.top - 4, b - a, at.bottom - at.top + 4);
      }
      if (!cursor || cursor.x < at.x0 || cursor.x > at.x1) return;
      const px = Math.round(at.X(cursor.x)) + 0.5;
      g.strokeStyle = c.ink3; g.lineWidth = 1; g.globalAlpha = cursor.chart === this ? 0.9 : 0.45;
      g.beginPath(); g.moveTo(px, at.top - 4); g.lineTo(px, at.bottom); g.stroke();
      g.globalAlpha = 1;
      for (const one of this.drawn) {
        if (this.host.hidden.has(one.rank)) continue;
        const i = columns.nearest(one.curve, cursor.x), v = one.curve.y[i];
        if (i < 0 || v - v !== 0 || Math.abs(at.X(one.curve.x[i]) - px) > 12) continue;
        g.beginPath(); g.arc(at.X(one.curve.x[i]), at.Y(v), 2.6, 0, 6.2832); g.fillStyle = c.surface; g.fill(); g.strokeStyle = one.colour; g.lineWidth = 1.6; g.stroke();
      }
      if (cursor.chart === this) {
        const text = this.host.axis === 'wall' ? numbers.clock(cursor.x) : this.host.axis === 'relative' ? numbers.duration(cursor.x) : numbers.whole(cursor.x), wide = g.measureText(text).width + 10, left = Math.max(2, Math.min(at.width - wide - 2, px - wide / 2));
        g.fillStyle = c.ink; g.beginPath(); g.roundRect(left, at.height - 16, wide, 15, 3); g.fill();
        g.fillStyle = c.inverse; g.textAlign = 'center'; g.textBaseline = 'middle'; g.fillText(text, left + wide / 2, at.height - 8);
      }
    }

    /** Point at a place of the plot: the cursor of all charts, and the tooltip of this one. Returns what is nearest. */
    point(x, y, pageX, pageY) {
      const {at} = this, aim = at.back(Math.max(at.left, Math.min(at.right, x))), rows = [];
      for (const one of this.drawn) {
        if (this.host.hidden.has(one.rank)) continue;
        const i = columns.nearest(one.curve, aim), v = one.curve.y[i];
        if (i < 0 || Math.abs(at.X(one.curve.x[i]) - x) > (aim < one.curve.x0 || aim > one.curve.x1 ? 14 : Infinity)) continue;
        rows.push({one, i, x: one.curve.x[i], value: v, away: v - v === 0 ? Math.abs(at.Y(v) - y) : 1e9});
      }
      rows.sort((a, b) => a.away - b.away);
      set(rows.length ? {x: rows[0].x, chart: this} : {x: aim, chart: this});
      if (!rows.length) { tooltip.hide(); return null; }
      tooltip.show({left: pageX + at.X(rows[0].x) - x, top: pageY, axis: this.host.axis, x: rows[0].x, aside: this.group.unit, rows: rows.map(row => ({colour: row.one.colour, dashed: row.one.dash.length > 0, name: row.one.name, detail: '', x: row.x, value: row.value, interval: null, logged: null}))});
      return rows[0];
    }

    listen() {
      const {over} = this, where = event => { const box = over.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
      over.addEventListener('pointermove', event => {
        if (!this.at) return;
        const [x, y] = where(event);
        if (!this.drag) { this.point(x, y, event.clientX, event.clientY); return; }
        this.drag.to = Math.max(this.at.left, Math.min(this.at.right, x));
        this.drag.moved = this.drag.moved || Math.abs(this.drag.to - this.drag.from) > DRAG_PX;
        tooltip.hide();
        this.drawOver();
      });
      over.addEventListener('pointerdown', event => { if (event.button || !this.at) return; over.setPointerCapture(event.pointerId); const x = Math.max(this.at.left, Math.min(this.at.right, where(event)[0])); this.drag = {from: x, to: x, moved: false}; });
      const end = event => {
        const {drag} = this;
        this.drag = null;
        if (drag && drag.moved && event.type === 'pointerup') this.host.onZoom([this.at.back(Math.min(drag.from, drag.to)), this.at.back(Math.max(drag.from, drag.to))]);
        else this.drawOver();
      };
      over.addEventListener('pointerup', end);
      over.addEventListener('pointercancel', end);
      over.addEventListener('pointerleave', () => { if (!this.drag) { set(null); tooltip.hide(); } });
      over.addEventListener('dblclick', () => this.host.onZoom(null));
      this.element.addEventListener('keydown', event => {
        const way = {ArrowLeft: -1, ArrowRight: 1}[event.key];
        if (event.target !== this.element || !this.at || event.ctrlKey || event.metaKey || event.altKey) return;
        if (event.key === 'Escape' && cursor) { event.stopPropagation(); set(null); tooltip.hide(); }
        if (!way) return;
        event.preventDefault();
        const one = this.drawn.find(each => !this.host.hidden.has(each.rank) && each.curve.x.length);
        if (!one) return;
        const {curve} = one, now = cursor && cursor.chart === this ? columns.nearest(curve, cursor.x) : way > 0 ? -1 : curve.x.length, i = Math.max(0, Math.min(curve.x.length - 1, now + way * (event.shiftKey ? 10 : 1)));
        const box = this.over.getBoundingClientRect(), x = this.at.X(curve.x[i]), y = Number.isFinite(curve.y[i]) ? this.at.Y(curve.y[i]) : this.at.bottom, row = this.point(x, y, box.left + x, box.top + y);
        if (row) crossboard.say(`${row.one.name}: ${numbers.xValue(this.host.axis, row.x)}, ${numbers.value(row.value)} ${this.group.unit}`);
      });
      this.element.addEventListener('blur', () => { if (cursor && cursor.chart === this) { set(null); tooltip.hide(); } });
    }
  }

  const drawOvers = crossboard.oncePerFrame(() => { for (const one of all) one.drawOver(); });
  function set(next) { cursor = next; drawOvers(); }

  /** The charts that stand now; those near the screen are drawn. */
  function stand(list, scroller) {
    leave();
    all = list;
    observer = new IntersectionObserver(entries => { for (const {target, isIntersecting} of entries) { const {chart} = target; chart.near = isIntersecting; if (isIntersecting) chart.draw(); else { chart.canvas.width = chart.over.width = 0; } } }, {root: scroller, rootMargin: '200px 0px'});
    for (const one of all) observer.observe(one.element);
  }
  const redraw = crossboard.oncePerFrame(() => { for (const one of all) one.draw(); });
  function leave() { if (observer) observer.disconnect(); observer = null; all = []; cursor = null; tooltip.hide(); }

  const read = (run, x, window_, points) => curves.read(`api/system?${new URLSearchParams({run, x, points, ...(window_ ? {low: window_[0], high: window_[1]} : {})})}`);

  crossboard.systemCharts = {Chart, groups, metric, stand, redraw, leave, read, charts: () => all};
})(window);
