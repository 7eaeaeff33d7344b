/* One curve card: a tag, its curves over all drawn runs, and what can be done with them.

   A card is light until it comes near the screen; then it gets two canvases (curves; cursor and highlight above them) and asks
   `curves` for data. It draws in the shared queue, a few milliseconds a frame, so that many cards never freeze the page; one with many
   curves is drawn in slices on a canvas that is not seen, and put in place when it is done. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {h, fill, band, bands, board, columns, curves, joined, marks, numbers, plot, range, smoothing, state, stats, tooltip} = crossboard;
  const FRAME_MS = 10, SLICE_MS = 16, SLICE_POINTS = 8000, SKELETON_MS = 150, DRAG_PX = 4;
  const SPLIT_DASHES = 240;   // up to so many curves tell train from validation by dash
  const NONE = Object.freeze({});
  const RUN_DOTS = 40;   // up to so many curves carry a dot under the cursor

  /* ---- the queue of drawings */
  const queue = new Set(), tick = new MessageChannel();
  let scheduled = false, underWay = null, spare = null, slice = SLICE_POINTS;
  function drain() {
    scheduled = false;
    const began = performance.now();
    if (underWay && underWay.card.canvas !== underWay.canvas) underWay = spare = null;   // it went out of sight meanwhile
    if (underWay && underWay.points) {   // a slice is done when its lines are pixels, which is behind its own task
      const aim = underWay.points * SLICE_MS / Math.max(1, began - underWay.began);
      slice = Math.round(Math.max(SLICE_POINTS / 4, Math.min(SLICE_POINTS * 8, (slice + aim) / 2)));
    }
    while ((underWay || queue.size) && performance.now() - began < FRAME_MS) {
      if (!underWay) {
        const [card] = queue;
        queue.delete(card);
        underWay = {card, canvas: card.canvas, steps: card.drawing(), began, points: 0};
      }
      const {done, value} = underWay.steps.next();
      if (!done) { Object.assign(underWay, {began, points: value}); break; }
      const {card} = underWay;
      underWay = null;
      card.waitsForDrawing = queue.has(card);
    }
    if (underWay) { scheduled = true; tick.port2.postMessage(0); return; }
    if (queue.size) schedule(); else spare = null;
    curves.pump();
  }
  tick.port1.onmessage = drain;
  function schedule() {
    if (!scheduled) { scheduled = true; requestAnimationFrame(drain); }
  }

  /* ---- the cursor that all cards share: {x, card} or null; `card` is the one under the pointer */
  let cursor = null;
  const redrawCursors = crossboard.oncePerFrame(() => { for (const card of curves.near) if (card.onScreen) card.drawOverlay(); });
  function setCursor(next) {
    if (!next && !cursor) return;
    cursor = next;
    redrawCursors();
  }

  class Card {
    /** tag: its name in the view. family: the tags that are drawn together here, null for one tag alone. */
    constructor(tag, family = null) {
      const title = family ? family.title : tag.replace(/^=/, '');
      Object.assign(this, {tag, family, name: title, tags: family ? Object.keys(family.splits) : [tag], place: 0, width: 0, curves: new Map(), signature: '', version: 0, dirty: false, reading: false,
        axis: 'step', onScreen: false, hiddenAway: true, waitsForDrawing: false, drawnOnce: false, error: null,
        windowCurves: null, windowSignature: '', older: [], olderSignature: '', at: null, drawn: [], behind: [], drag: null});
      this.title = this.titled();
      this.notes = h('span.x');
      this.plot = h('div.plot');
      this.strip = h('div.zoomstrip', {hidden: true});
      this.count = h('span.n');
      this.facts = h('span.e');
      this.element = h('div.card.cc', {tabindex: '0', role: 'group', 'aria-label': `${title}, chart`},
        h('header', {}, this.title, this.notes), this.plot, this.strip, h('footer', {}, this.count, this.facts));
      this.element.card = this;
    }

    get zoom() { return state.zoom.get(this.tag) || null; }
    get log() { return state.log.has(this.tag); }
    get own() { return state.cards.get(this.tag) || NONE; }
    get x() { return this.own.x || state.x; }
    get logx() { return Boolean(this.own.logx) && this.axis !== 'wall'; }
    get smoothing() { return this.own.smooth === 'none' ? '' : this.own.smooth || state.smooth; }
    get showOlder() { return state.old.has(this.tag); }

    /* ---- near and far */
    mount() {
      if (this.canvas) return;
      this.hiddenAway = false;
      this.canvas = h('canvas', {role: 'img', 'aria-label': `curves of ${this.name}`});
      this.overlay = h('canvas.over', {'aria-hidden': 'true'});
      fill(this.plot, this.canvas, this.overlay);
      this.listen();
      this.size();
      this.skeletonTimer = setTimeout(() => { if (!this.drawnOnce && !this.error) this.message('skeleton'); }, SKELETON_MS);
      this.actions();
      curves.near.add(this);
      if (this.signature) this.redraw();
    }

    unmount() {
      if (!this.canvas) return;
      clearTimeout(this.skeletonTimer);
      this.hiddenAway = true;
      this.drawnOnce = false;
      curves.near.delete(this);
      queue.delete(this);
      this.waitsForDrawing = false;
      this.canvas.width = this.overlay.width = 0;   // frees the bitmaps at once
      this.canvas = this.overlay = this.stripCanvas = null;
      fill(this.plot);
      fill(this.strip);
      if (cursor && cursor.card === this) { setCursor(null); tooltip.hide(); }
    }

    /** Let go of the data too. */
    forget() {
      this.curves = new Map();
      this.signature = this.windowSignature = this.olderSignature = '';
      this.windowCurves = null;
      this.older = [];
    }

    size() {
      this.width = this.plot.clientWidth;
      this.height = this.plot.clientHeight;
    }

    /* ---- what `curves` hands over */
    take(map, signature, version, changed, axis) {
      const first = this.signature === '';
      Object.assign(this, {curves: map, signature, version, axis, error: null, retryAt: 0});
      if (changed || first || !this.drawnOnce) this.redraw();
    }

    takeWindow(map, signature) {
      Object.assign(this, {windowCurves: map, windowSignature: signature, error: null, retryAt: 0});
      this.redraw();
    }

    takeOlder(list, signature) {
      this.older = list;
      this.olderSignature = signature;
      this.redraw();
    }

    fail(error) {
      this.retryAt = performance.now() + 3000;
      this.error = error;
      if (this.drawnOnce) this.describe(); else this.message('failed');
    }

    redraw() {
      if (!this.canvas) return;
      this.waitsForDrawing = true;
      queue.add(this);
      schedule();
    }

    /* ---- drawing */
    entries(map) {
      const list = [];
      for (const curve of map.values()) {
        if (!curve.x.length || !board.shown.has(curve.run)) continue;
        const run = board.runs.get(curve.run), split = board.splitOf(run, curve.tag, this.family);
        list.push({curve, run, split, ...(joined.isJoined(this.family) ? joined.look(run, curve.tag, this.family, map.size) : plot.look(run.slot, split)), older: false});
      }
      this.entered = map.size;
      if (list.length > RUN_DOTS) for (const one of list) if (board.markOf(one.run) !== state.base && (list.length > SPLIT_DASHES || !(one.split || one.apart))) one.dash = [];
      return list;
    }

    *drawing() {
      if (!this.canvas || !this.signature) return;
      this.size();
      if (!this.width) return;
      const {canvas} = this;
      const zoom = this.zoom, whole = this.entries(this.curves);
      this.inWindow = Boolean(zoom && this.windowCurves && this.windowSignature.endsWith(`|${zoom[0]}|${zoom[1]}`));
      const drawn = smoothing.dress(this, bands.dress(this, this.inWindow ? this.entries(this.windowCurves) : whole));
      if (this.showOlder && this.olderSignature.startsWith(`${this.axis}|`)) for (const curve of this.older) {
        const run = board.runs.get(curve.run);
        if (run && board.isShown(run) && curve.x.length) drawn.push({curve, run, ...plot.look(run.slot), older: true});
      }
      this.drawn = drawn;
      this.strip.hidden = !zoom;
      this.size();
      clearTimeout(this.skeletonTimer);
      const list = drawn.map(one => one.curve), slow = list.reduce((n, curve) => n + curve.x.length, 0) > SLICE_POINTS;
      const to = slow ? spare = spare || document.createElement('canvas') : canvas, g = plot.prepare(to, this.width, this.height);
      const all = range.spread(list, this.logx), x = zoom && !(this.logx && zoom[0] <= 0) ? zoom : all && (zoom ? [Math.min(all[0], zoom[1] / 2), zoom[1]] : all);
      const extents = bands.extents(drawn).concat(this.behind.map(one => one.curve)), y = x && range.y(extents, zoom || this.logx ? x : null, this.log, this.own.range || '');
      this.at = this.marked = null;
      if (!drawn.length && !zoom) this.message('none');
      else if (!x) this.message('logx');
      else if (this.log && !y && list.some(curve => curve.finite)) this.message('log');
      else {
        this.message(null);
        this.at = plot.geometry({width: this.width, height: this.height, x, y: y || [0, 1], log: this.log && Boolean(y), logx: this.logx, axis: this.axis});
        if (!y) this.at.yTicks = [];   // nothing finite: no scale to claim
        const bare = this.behind.length ? {...this.at, xTicks: [], yTicks: []} : this.at;
        const most = slow ? () => slice : () => Infinity;
        if (this.behind.length) yield* this.lines(g, this.at, this.behind, smoothing.style(this.behind.length, density(this.behind, this.at)), most);
        yield* this.lines(g, bare, drawn, {...plot.style(drawn.length, Boolean(zoom), this.behind.length ? 0 : density(drawn, this.at)), filled: true}, most);
        this.left = this.log || this.logx || this.own.range ? range.left(drawn.map(one => one.logged || one.curve), this.at) : null;
        if (this.left && this.left.outside) range.marks(g, drawn.concat(this.behind), this.at);
        crossboard.looks.drawReference(g, this.at, this);
        this.marked = marks.draw(g, this.at, this);
      }
      if (slow) plot.put(to, canvas);
      if (zoom && this.at) yield* this.drawStrip(whole, zoom);
      this.describe();
      this.actions();
      this.drawOverlay();
      this.drawnOnce = true;
      stats.drawn++;
      stats.lastPixelTime = performance.timeOrigin + performance.now();
      if (crossboard.onCardDrawn) crossboard.onCardDrawn(this);
      if (stats.onDrawn) stats.onDrawn(this);
    }

    /** Draw lines, pausing whenever `most()` points stand. */
    *lines(g, at, drawn, style, most) {
      const points = yield* plot.drawing(g, at, drawn, style, most);
      stats.points += points;
    }

    *drawStrip(whole, zoom) {
      if (!this.stripCanvas) { this.stripCanvas = h('canvas', {'aria-hidden': 'true'}); fill(this.strip, this.stripCanvas); this.listenStrip(); }
      const width = this.strip.clientWidth, height = this.strip.clientHeight, to = spare = spare || document.createElement('canvas'), g = plot.prepare(to, width, height);
      const list = whole.map(one => one.curve), y = plot.extent(list, null, this.log);
      const all = range.spread(list, this.logx) || [1, 2], at = plot.geometry({width, height, logx: this.logx, x: all, y: plot.roomy(y || [0, 1], this.log && Boolean(y)), log: this.log && Boolean(y), axis: this.axis, bare: true});
      yield* this.lines(g, at, whole, {width: 1, alpha: 0.6, dots: 0, bare: true}, () => slice);
      const c = plot.colours(), a = Math.max(1, at.X(zoom[0])), z = Math.min(width - 1, at.X(zoom[1]));
      g.fillStyle = c.surface; g.globalAlpha = 0.62;
      g.fillRect(0, 0, a, height); g.fillRect(z, 0, width - z, height);
      g.globalAlpha = 1; g.strokeStyle = c.focus; g.lineWidth = 1.5;
      g.strokeRect(a, 0.75, Math.max(3, z - a), height - 1.5);
      plot.put(to, this.stripCanvas);
      this.stripAt = at;
    }

    /** What lies above the curves: the highlighted run, the cursor with its dots, the window being dragged. */
    drawOverlay() {
      if (!this.overlay) return;
      const g = plot.prepare(this.overlay, this.width, this.height), at = this.at, c = plot.colours();
      const lifted = at && board.highlight ? (this.members || this.drawn).filter(one => board.isLit(one.curve.run)) : [];
      const fade = Boolean(at && board.shown.has(board.highlight) && this.drawn.length > 1);
      this.canvas.classList.toggle('faded', fade);
      if (!at) return;
      crossboard.rangeTable.mark(g, at, this);
      if (fade) plot.draw(g, {...at, bareGrid: true}, lifted, {...plot.style(1, Boolean(this.zoom)), width: 2.25});
      if (cursor && cursor.axis === this.axis && (!this.drag || cursor.card === this)) {
        const host = cursor.card === this, px = Math.round(at.X(cursor.x)) + 0.5;
        if (px >= at.left - 1 && px <= at.right + 1) {
          if (host && cursor.nearest && !fade) bands.drawMembers(g, at, cursor.nearest);
          if (host && cursor.nearest && !fade && !cursor.nearest.older) plot.draw(g, {...at, xTicks: [], yTicks: []}, [cursor.nearest], {...plot.style(1, Boolean(this.zoom)), width: 2.25});
          g.strokeStyle = c.ink3; g.lineWidth = 1; g.globalAlpha = host ? 0.9 : 0.45;
          g.beginPath(); g.moveTo(px, at.top - 4); g.lineTo(px, at.bottom); g.stroke();
          g.globalAlpha = 1;
          if (this.drawn.length <= RUN_DOTS) for (const one of this.drawn) this.dot(g, one, host && cursor.nearest === one);
          else if (host && cursor.nearest) this.dot(g, cursor.nearest, true);
          if (host) this.axisLabel(g, px);
        }
      }
      if (this.drag && this.drag.moved) {
        const a = Math.min(this.drag.from, this.drag.to), b = Math.max(this.drag.from, this.drag.to);
        g.fillStyle = c.focusSoft; g.fillRect(a, at.top - 4, b - a, at.bottom - at.top + 4);
        g.strokeStyle = c.focus; g.lineWidth = 1;
        g.beginPath();
        for (const x of [a, b]) { g.moveTo(Math.round(x) + 0.5, at.top - 4); g.lineTo(Math.round(x) + 0.5, at.bottom); }
        g.stroke();
      }
    }

    dot(g, {curve, colour}, big) {
      const i = columns.nearest(curve, cursor.x), v = curve.y[i], at = this.at;
      if (i < 0 || v - v !== 0 || (at.log && v <= 0) || Math.abs(at.X(curve.x[i]) - at.X(cursor.x)) > 12) return;
      g.beginPath(); g.arc(at.X(curve.x[i]), at.Y(v), big ? 4 : 2.6, 0, 6.2832);
      g.fillStyle = plot.colours().surface; g.fill();
      g.strokeStyle = colour; g.lineWidth = 1.6; g.stroke();
    }

    axisLabel(g, px) {
      const c = plot.colours(), text = this.axis === 'wall' ? numbers.clock(cursor.x) : this.axis === 'relative' ? numbers.duration(cursor.x) : numbers.whole(cursor.x);
      const wide = g.measureText(text).width + 10, left = Math.max(2, Math.min(this.width - wide - 2, px - wide / 2));
      g.fillStyle = c.ink; g.beginPath(); g.roundRect(left, this.height - 16, wide, 15, 3); g.fill();
      g.fillStyle = c.inverse; g.textAlign = 'center'; g.textBaseline = 'middle'; g.fillText(text, left + wide / 2, this.height - 8);
    }

    /* ---- pointer and keys */
    listen() {
      const over = this.overlay, place = event => { const box = over.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
      over.addEventListener('pointermove', event => {
        const [x, y] = place(event);
        if (this.drag) {
          this.drag.to = Math.max(this.at.left, Math.min(this.at.right, x));
          this.drag.moved = this.drag.moved || Math.abs(this.drag.to - this.drag.from) > DRAG_PX;
          if (this.drag.moved) tooltip.hide();
          redrawCursors();
          return;
        }
        this.point(x, y, event.clientX, event.clientY);
      });
      over.addEventListener('pointerleave', () => { if (!this.drag) { setCursor(null); tooltip.hide(); } });
      over.addEventListener('pointerdown', event => {
        if (event.button || !this.at) return;
        const [x] = place(event);
        if (x < this.at.left - 4 || x > this.at.right + 4) return;
        over.setPointerCapture(event.pointerId);
        const from = Math.max(this.at.left, Math.min(this.at.right, x));
        this.drag = {from, to: from, moved: false, select: event.shiftKey};
      });
      const end = event => {
        const drag = this.drag;
        this.drag = null;
        if (drag && drag.moved && event.type === 'pointerup' && this.at) {
          const [a, b] = [this.at.back(Math.min(drag.from, drag.to)), this.at.back(Math.max(drag.from, drag.to))];
          const wide = b > a && b - a > Math.abs(a) * 1e-13, edges = [tidy(a, b - a), tidy(b, b - a)];
          if (wide && drag.select) crossboard.rangeTable.select(this.tag, ...edges);
          else if (wide) this.zoomTo(...edges);
        }
        redrawCursors();
      };
      over.addEventListener('pointerup', end);
      over.addEventListener('pointercancel', end);
      over.addEventListener('dblclick', () => this.reset());
      this.element.onkeydown = event => {
        if (event.target !== this.element || !this.at || event.ctrlKey || event.metaKey || event.altKey) return;
        if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') { event.preventDefault(); this.stepCursor(event.key === 'ArrowLeft' ? -1 : 1, event.shiftKey ? 10 : 1); }
        if (event.key === 'Escape') { setCursor(null); tooltip.hide(); }
      };
      this.element.onblur = () => { if (cursor && cursor.card === this && cursor.byKey) { setCursor(null); tooltip.hide(); } };
    }

    listenStrip() {
      let grabbed = null;
      const place = event => event.clientX - this.stripCanvas.getBoundingClientRect().left;
      this.stripCanvas.onpointerdown = event => { if (this.zoom) { this.stripCanvas.setPointerCapture(event.pointerId); grabbed = {x: this.stripAt.back(place(event)), zoom: this.zoom}; } };
      this.stripCanvas.onpointermove = event => {
        if (!grabbed) return;
        const by = this.stripAt.back(place(event)) - grabbed.x, [low, high] = grabbed.zoom, width = high - low;
        this.zoomTo(tidy(low + by, width), tidy(high + by, width));
      };
      this.stripCanvas.onpointerup = this.stripCanvas.onpointercancel = () => { grabbed = null; };
    }

    zoomTo(low, high) {
      state.zoom.delete(this.tag);
      state.zoom.set(this.tag, [low, high]);
      tooltip.hide();
      state.changed('zoom');
      this.redraw();
      curves.pump();
    }

    reset() {
      if (!this.zoom) return false;
      state.zoom.delete(this.tag);
      this.windowCurves = null;
      this.windowSignature = '';
      state.changed('zoom');
      this.redraw();
      return true;
    }

    /** Point at plot position x, y: find the nearest curve, share its x as the cursor, show the tooltip. */
    point(x, y, pageX, pageY, byKey = false) {
      const at = this.at;
      if (!at || x < at.left - 8 || x > at.right + 8) { setCursor(null); tooltip.hide(); return; }
      const rows = [], aim = at.back(Math.max(at.left, Math.min(at.right, x)));
      for (const one of this.drawn) {
        const {curve} = one, i = columns.nearest(curve, aim);
        if (i < 0) continue;
        const px = at.X(curve.x[i]), v = curve.y[i], reach = aim < curve.x0 || aim > curve.x1 ? 14 : Infinity;
        if (!(Math.abs(px - x) <= reach)) continue;
        const drawable = v - v === 0 && !(at.log && v <= 0), away = drawable ? Math.abs(at.Y(v) - y) : 1e9;
        rows.push({one, i, away, x: curve.x[i], value: v, px});
      }
      if (!rows.length) { setCursor({x: aim, axis: this.axis, card: this, nearest: null}); tooltip.hide(); return; }
      rows.sort((a, b) => a.away - b.away || Math.abs(a.px - x) - Math.abs(b.px - x));
      const first = rows[0];
      setCursor({x: first.x, axis: this.axis, card: this, nearest: first.one, byKey});
      tooltip.show({left: pageX + (at.X(first.x) - x), top: pageY, axis: this.axis, x: first.x, rows: rows.slice(0, 7).map(row => ({
        colour: row.one.colour, dashed: row.one.dashed || row.one.older, name: row.one.run.name, x: row.x, value: row.value, interval: row.one.band && band.interval(row.one.band, row.i), logged: smoothing.logged(row.one, row.x),
        detail: [this.family ? row.one.curve.tag : '', row.one.run.ranks > 1 ? `rank ${row.one.curve.rank}` : '', row.one.older ? `attempt ${row.one.curve.attempt}` : ''].filter(Boolean).join(', '),
      })).concat(rows.slice(7)), notes: marks.notes(this, x, first.x)});
    }

    /** Move the cursor by points of the nearest curve, for the keyboard. */
    stepCursor(way, by) {
      const mine = cursor && cursor.card === this && cursor.nearest ? cursor.nearest : this.drawn[0];
      if (!mine) return;
      const {curve} = mine, now = cursor && cursor.card === this ? columns.nearest(curve, cursor.x) : way > 0 ? -1 : curve.x.length;
      let i = now + way * by;
      i = Math.max(0, Math.min(curve.x.length - 1, i));
      const box = this.overlay.getBoundingClientRect(), x = this.at.X(curve.x[i]), v = curve.y[i], y = v - v === 0 && !(this.at.log && v <= 0) ? this.at.Y(v) : this.at.bottom;
      this.point(x, y, box.left + x, box.top + y, true);
      crossboard.say(`${mine.run.name}${this.family ? `, ${curve.tag}` : ''}: ${numbers.xValue(this.axis, curve.x[i])}, ${numbers.value(v)}${mine.band ? `, ${band.interval(mine.band, i)}` : ''}${mine.logged ? `, logged ${numbers.value(smoothing.logged(mine, curve.x[i]).value)}` : ''}${marks.notes(this, x, curve.x[i]).map(one => `; ${one.words}`).join('')}`);
    }
  }

  /** Drawn points a pixel of the busiest curve: a dense one is drawn thinner, so that its course shows inside the noise. */
  function density(drawn, at) {
    let most = 0;
    for (const {curve} of drawn) { const [from, to] = plot.span(curve, at.x0, at.x1); most = Math.max(most, to - from); }
    return most / Math.max(1, at.right - at.left);
  }

  /** Round a zoom edge to what the width of the window can tell apart. */
  function tidy(v, width) {
    const digits = Math.max(0, Math.min(9, 4 - Math.floor(Math.log10(width))));
    return +v.toFixed(digits);
  }

  Object.assign(crossboard, {Card, clearCursor: () => { setCursor(null); tooltip.hide(); }, redrawCursors});
})(window);
