/* A matrix of many classes on a canvas: all of it at once, or near enough to read; dragged, zoomed, walked by keys.

   What is drawn is given: {n, name(i), colour(i, j) as [red, green, blue] or null, text(i, j), found: places to mark}. Cells are painted once, a pixel
   each, and stretched; numbers and all names appear where there is room. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {h, icon, oncePerFrame, plot} = crossboard;
  const LEFT = 76, TOP = 60, NEAREST = 56, READABLE = 30;

  class MatrixCanvas {
    /** `told(i, j)` is called with the cell under the pointer or the cursor, or without when there is none. */
    constructor(label, told) {
      Object.assign(this, {told, given: null, cells: null, size: 0, x: 0, y: 0, cursor: null, drag: null});
      this.canvas = h('canvas', {tabindex: '0', role: 'application', 'aria-roledescription': 'matrix', 'aria-label': label, onkeydown: event => this.key(event), ondblclick: event => this.zoom(2, ...this.place(event)),
        onpointerdown: event => { this.drag = {x: event.clientX, y: event.clientY}; this.canvas.setPointerCapture(event.pointerId); }, onpointermove: event => this.move(event), onpointerup: () => { this.drag = null; }, onpointercancel: () => { this.drag = null; },
        onpointerleave: () => { if (!this.drag) this.told(); }});
      this.canvas.addEventListener('wheel', event => { if (!event.ctrlKey && !event.metaKey && document.activeElement !== this.canvas) return; event.preventDefault(); this.zoom(event.deltaY < 0 ? 1.25 : 0.8, ...this.place(event)); }, {passive: false});
      const button = (words, title, work) => h('button.ib.sm', {type: 'button', title, 'aria-label': title, onclick: work}, words);
      this.buttons = h('span.mzoom', {role: 'group', 'aria-label': 'zoom'}, button('−', 'Farther (−)', () => this.zoom(1 / 1.6)), button(icon('expand', true), 'All of it (0)', () => this.all()), button('+', 'Nearer (+)', () => this.zoom(1.6)));
      this.element = h('div.mcanvas', {}, this.canvas, this.buttons);
      this.soon = oncePerFrame(() => this.draw());
    }

    get wide() { return Math.max(40, this.canvas.clientWidth - LEFT - 4); }
    get high() { return Math.max(40, this.canvas.clientHeight - TOP - 4); }
    get least() { return Math.min(this.wide, this.high) / Math.max(1, this.given.n); }

    set(given) {
      const other = !this.given || this.given.n !== given.n;
      this.given = given;
      const {n} = given, data = new ImageData(n, n), bytes = data.data;
      for (let i = 0, at = 0; i < n; i++) for (let j = 0; j < n; j++, at += 4) { const rgb = given.colour(i, j); if (rgb) { bytes[at] = rgb[0]; bytes[at + 1] = rgb[1]; bytes[at + 2] = rgb[2]; bytes[at + 3] = 255; } }
      this.cells = document.createElement('canvas');
      this.cells.width = this.cells.height = n;
      this.cells.getContext('2d').putImageData(data, 0, 0);
      if (other) { this.size = 0; this.x = this.y = 0; this.cursor = null; }
      this.draw();
    }

    all() { this.size = 0; this.x = this.y = 0; this.soon(); }

    /** Bring a class into sight. */
    show(place) {
      this.size = Math.max(this.size, Math.min(NEAREST, Math.max(14, this.least)));
      this.x = place * this.size - this.wide / 2; this.y = place * this.size - this.high / 2;
      this.soon();
    }

    place(event) { const box = this.canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; }

    zoom(by, x = LEFT + this.wide / 2, y = TOP + this.high / 2) {
      const was = this.size || this.least, size = Math.max(this.least, Math.min(NEAREST, was * by));
      this.x = (this.x + x - LEFT) * size / was - (x - LEFT); this.y = (this.y + y - TOP) * size / was - (y - TOP);
      this.size = size <= this.least ? 0 : size;
      this.soon();
    }

    cell(x, y) {
      const size = this.size || this.least, j = Math.floor((x - LEFT + this.x) / size), i = Math.floor((y - TOP + this.y) / size);
      return x >= LEFT && y >= TOP && i >= 0 && j >= 0 && i < this.given.n && j < this.given.n ? [i, j] : null;
    }

    move(event) {
      if (this.drag) { this.x -= event.clientX - this.drag.x; this.y -= event.clientY - this.drag.y; this.drag = {x: event.clientX, y: event.clientY}; this.soon(); return; }
      const found = this.cell(...this.place(event));
      this.told(...found || []);
    }

    key(event) {
      const by = {ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0]}[event.key], {n} = this.given;
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      if (by) {
        const [i, j] = this.cursor || [0, 0], far = event.shiftKey ? 10 : 1, inside = v => Math.max(0, Math.min(n - 1, v)), size = this.size || this.least;
        this.cursor = this.cursor ? [inside(i + by[0] * far), inside(j + by[1] * far)] : [0, 0];
        const [row, column] = this.cursor;
        this.x = Math.max((column + 1) * size - this.wide, Math.min(column * size, this.x)); this.y = Math.max((row + 1) * size - this.high, Math.min(row * size, this.y));
        this.told(row, column);
        this.soon();
      } else if (event.key === '+' || event.key === '=') this.zoom(1.6, ...this.middle());
      else if (event.key === '-') this.zoom(1 / 1.6, ...this.middle());
      else if (event.key === '0') this.all();
      else return;
      event.preventDefault();
      event.stopPropagation();
    }

    /** Where the cursor's cell is on the canvas, else the middle. */
    middle() {
      const size = this.size || this.least;
      return this.cursor ? [LEFT + (this.cursor[1] + 0.5) * size - this.x, TOP + (this.cursor[0] + 0.5) * size - this.y] : [];
    }

    draw() {
      const {canvas, given} = this;
      if (!given || !canvas.isConnected || canvas.clientWidth < LEFT + 40) return;
      const {wide, high} = this, size = this.size || this.least, {n} = given, c = plot.colours(), g = plot.prepare(canvas, canvas.clientWidth, canvas.clientHeight);
      this.x = Math.max(0, Math.min(n * size - wide, this.x)); this.y = Math.max(0, Math.min(n * size - high, this.y));
      if (this.x < 0 || n * size <= wide) this.x = 0;
      if (this.y < 0 || n * size <= high) this.y = 0;
      const X = j => LEFT + j * size - this.x, Y = i => TOP + i * size - this.y, span = (from, room) => [Math.max(0, Math.floor(from / size)), Math.min(n, Math.ceil((from + room) / size))];
      const [top, bottom] = span(this.y, high), [left, right] = span(this.x, wide), cut = (text, room) => { let t = text; while (t.length > 1 && g.measureText(t).width > room) t = t.length > 30 ? `${t.slice(0, 28)}…` : `${t.slice(0, -2)}…`; return t; };
      g.save();
      g.beginPath(); g.rect(LEFT, TOP, Math.min(wide, n * size), Math.min(high, n * size)); g.clip();
      g.imageSmoothingEnabled = size < 1;
      g.drawImage(this.cells, left, top, right - left, bottom - top, X(left), Y(top), (right - left) * size, (bottom - top) * size);
      if (size >= 8) { g.strokeStyle = c.grid; g.lineWidth = 1; g.beginPath(); for (let i = top; i <= bottom; i++) { g.moveTo(X(left), Y(i)); g.lineTo(X(right), Y(i)); } for (let j = left; j <= right; j++) { g.moveTo(X(j), Y(top)); g.lineTo(X(j), Y(bottom)); } g.stroke(); }
      if (size >= READABLE) {
        g.textAlign = 'center'; g.textBaseline = 'middle';
        for (let i = top; i < bottom; i++) for (let j = left; j < right; j++) { const text = given.text(i, j); if (text) { g.fillStyle = given.ink(i, j); g.fillText(cut(text, size - 4), X(j + 0.5), Y(i + 0.5)); } }
      }
      g.strokeStyle = c.focus; g.lineWidth = 1.5;
      for (const place of given.found.slice(0, 40)) { g.strokeRect(LEFT - 2, Y(place), wide + 4, Math.max(2, size)); g.strokeRect(X(place), TOP - 2, Math.max(2, size), high + 4); }
      if (this.cursor) { const [i, j] = this.cursor; g.lineWidth = 2; g.strokeStyle = c.ink; g.strokeRect(X(j) - 1, Y(i) - 1, Math.max(4, size + 2), Math.max(4, size + 2)); }
      g.restore();
      g.strokeStyle = c.axis; g.lineWidth = 1; g.strokeRect(LEFT - 0.5, TOP - 0.5, Math.min(wide, n * size) + 1, Math.min(high, n * size) + 1);
      const every = Math.max(1, Math.ceil(13 / size)), found = new Set(given.found);
      const near = place => given.found.length > 0 && given.found.length <= 8 && !found.has(place) && given.found.some(one => Math.abs(one - place) * size < 12);
      g.textBaseline = 'middle';
      for (let i = top; i < bottom; i++) if ((i % every === 0 && !near(i)) || (found.size <= 8 && found.has(i))) {
        const y = Y(i + 0.5);
        g.fillStyle = found.has(i) ? c.ink : c.ink3;
        if (y > TOP && y < TOP + high) { g.textAlign = 'right'; g.fillText(cut(given.name(i), LEFT - 8), LEFT - 5, y); }
      }
      for (let j = left; j < right; j++) if ((j % every === 0 && !near(j)) || (found.size <= 8 && found.has(j))) {
        const x = X(j + 0.5);
        if (x < LEFT || x > LEFT + wide) continue;
        g.fillStyle = found.has(j) ? c.ink : c.ink3;
        g.save(); g.translate(x, TOP - 5); g.rotate(-Math.PI / 2); g.textAlign = 'left'; g.fillText(cut(given.name(j), TOP - 8), 0, 0); g.restore();
      }
      g.fillStyle = c.ink2; g.textAlign = 'left'; g.fillText('true ↓ called →', 2, 8);
    }
  }

  crossboard.MatrixCanvas = MatrixCanvas;
})(window);
