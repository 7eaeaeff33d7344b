/* The view of an image point on the Images page: a canvas for each picture, drawn from decoded bitmaps, what lies over it on a second one.

   A step whose pictures are decoded is drawn at once; until then the old ones stay, dimmed after a moment, since their step is no longer the one that is
   said. A picture that cannot be decoded says so in its own place. Each picture is a button that takes it into the comparison. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {bitmaps, fill, h, pictureMarks: marks, url} = crossboard;
  const ratio = () => Math.min(3, devicePixelRatio || 1), LATE_MS = 150, GAP = 6;

  /** How many columns make `n` tiles of this shape largest in a box. */
  function columnsFor(n, width, height, shape) {
    let best = 1, size = 0;
    for (let columns = 1; columns <= n; columns++) {
      const rows = Math.ceil(n / columns), tile = Math.min((width - GAP * (columns - 1)) / columns, ((height - GAP * (rows - 1)) / rows) * shape);
      if (tile > size + 0.5) { size = tile; best = columns; }
    }
    return best;
  }

  const plays = picture => picture.blob.media_type === 'image/gif';   // the browser plays these itself

  class Cell {
    constructor(view, number) {
      Object.assign(this, {view, number, picture: null, waiting: null, drawn: '', over: null, error: ''});
      this.canvas = h('canvas.px', {'aria-hidden': 'true'});
      this.letter = h('span.letter', {hidden: true});
      this.button = h('button.pic', {type: 'button', onclick: () => crossboard.shots.toggle(this.view.panel, this.number)}, this.canvas, this.letter);
      this.caption = h('figcaption');
      this.element = h('figure.tile', {}, this.button, this.caption);
    }

    /** How large the picture is shown, in CSS pixels. */
    place(width, height) {
      const {picture} = this, scale = Math.min(width / Math.max(1, picture.width), height / Math.max(1, picture.height)), w = Math.max(1, Math.round(picture.width * scale)), hgt = Math.max(1, Math.round(picture.height * scale));
      if (this.w !== w || this.h !== hgt || this.tall !== height) { Object.assign(this, {w, h: hgt, tall: height}); for (const one of this.button.querySelectorAll('canvas,img')) one.style.cssText = `width:${w}px;height:${hgt}px`; this.drawn = ''; }
    }

    things() {
      const need = Math.max(this.w, this.h) * ratio();
      return [plays(this.picture) ? null : bitmaps.picture(this.picture, need), ...marks.visibleMasks(this.picture).map(one => marks.mask(one, Math.ceil(Math.max(256, need))))];
    }

    /** Draw what is there; true when nothing is missing. */
    draw([thing, ...maps]) {
      const {picture, canvas} = this, bitmap = thing && bitmaps.ready(thing.key), device = ratio();
      if (thing && !bitmap) return false;
      const name = `${thing ? thing.key : ''}|${this.w}|${this.h}`;
      if (thing && this.drawn !== name) {
        const w = Math.round(this.w * device), hgt = Math.round(this.h * device), g = canvas.getContext('2d');
        if (canvas.width !== w || canvas.height !== hgt) { canvas.width = w; canvas.height = hgt; } else g.clearRect(0, 0, w, hgt);
        g.imageSmoothingEnabled = w < bitmap.width * 2;
        g.drawImage(bitmap, 0, 0, w, hgt);
        this.drawn = name;
      }
      this.say('');
      const there = maps.map(map => bitmaps.ready(map.key));
      this.paintOver(picture, there.filter(Boolean), device);
      return there.every(Boolean);
    }

    paintOver(picture, maps, device) {
      if (!maps.length && !marks.visibleBoxes(picture).length) { if (this.over) { this.over.remove(); this.over = null; } return; }
      if (!this.over) { this.over = h('canvas.ov', {'aria-hidden': 'true', style: `width:${this.w}px;height:${this.h}px`}); this.canvas.after(this.over); }
      const w = Math.round(this.w * device), hgt = Math.round(this.h * device), g = this.over.getContext('2d');
      this.over.width = w; this.over.height = hgt;
      marks.paint(g, picture, 0, 0, w / Math.max(1, picture.width), hgt / Math.max(1, picture.height), device, maps);
    }

    /** Show `picture`; resolves when it stands. */
    async show(picture, words) {
      const {view} = this;
      this.picture = picture;
      if (this.words !== words) { this.words = words; this.button.setAttribute('aria-label', words); this.button.title = `${words}\n${picture.width} × ${picture.height}${picture.boxes.length ? `, ${picture.boxes.length} boxes` : ''}\nClick: compare (C)`; this.caption.textContent = this.caption.title = picture.caption; }
      if (!this.w) view.arrange();
      this.live(plays(picture));
      const things = this.things();
      if (this.draw(things)) return;
      const late = setTimeout(() => this.element.classList.add('late'), LATE_MS);
      this.waiting = picture;
      try {
        for (const [i, thing] of things.entries()) {
          if (!thing) continue;
          try { if (!await bitmaps.get(thing, `${i}|${view.id}|${this.number}`)) return; } catch (error) {
            if (this.picture !== picture) return;
            if (!i) { this.canvas.width = 1; this.drawn = ''; this.say(error.message); return; }
          }
          if (this.picture !== picture || !view.open) return;
          this.draw(things);
        }
      } finally { clearTimeout(late); if (this.waiting === picture) this.waiting = null; if (this.picture === picture) this.element.classList.remove('late'); }
    }

    /** A GIF in place of the canvas. */
    live(yes) {
      if (!yes) { if (this.image) { this.image.remove(); this.image = null; this.canvas.hidden = false; } return; }
      if (!this.image) { this.image = h('img', {alt: '', draggable: 'false', style: `width:${this.w}px;height:${this.h}px`, onerror: () => this.say(`${bitmaps.nameOf(this.picture)}: damaged, it cannot be decoded`)}); this.canvas.hidden = true; this.canvas.after(this.image); }
      const src = url(this.picture.blob.url);
      if (this.image.getAttribute('src') !== src) { this.image.src = src; this.say(''); }
    }

    say(words) {
      if (this.error === words) return;
      this.error = words;
      if (this.note) this.note.remove();
      this.note = words ? h('span.none', {role: 'note'}, words) : null;
      if (this.note) this.button.after(this.note);
    }
  }

  let last = 0;
  crossboard.pictureView = panel => {
    const list = h('div.tiles'), element = h('div.vimg.cells', {}, list);
    let point = null, cells = [];
    const view = {panel, id: ++last, open: true, element, arrange, cells: () => cells, show, redraw: () => { arrange(); again(); }, relabel, facts, close: () => { view.open = false; for (const cell of cells) cell.canvas.width = 1; cells = []; }};

    function arrange() {
      if (!point || !point.images.length) return;
      const n = point.images.length, strip = element.closest('.kmx'), captions = point.images.some(one => one.caption);
      element.classList.toggle('captions', captions);
      if (strip) {
        const tall = +strip.dataset.tall;
        list.style.cssText = '';
        for (const cell of cells) cell.place(tall * 2.5, tall);
        return;
      }
      const {clientWidth, clientHeight} = element, shape = Math.max(0.2, Math.min(5, point.images.reduce((sum, one) => sum + one.width / Math.max(1, one.height), 0) / n));
      const wide = Math.max(50, clientWidth - 16), high = Math.max(50, clientHeight - 12), columns = columnsFor(n, wide, high, shape), rows = Math.ceil(n / columns);
      list.style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`;
      const tall = Math.max(48, Math.floor((high - GAP * (rows - 1)) / rows) - (captions ? 18 : 0)), width = (wide - GAP * (columns - 1)) / columns;
      list.style.setProperty('--tall', `${tall}px`);
      for (const cell of cells) cell.place(width, tall);
    }

    function relabel() {
      for (const cell of cells) {
        const letters = crossboard.shots.lettersOf(panel, cell.number);
        cell.button.setAttribute('aria-pressed', String(letters.length > 0));
        cell.letter.hidden = !letters.length;
        cell.letter.textContent = letters.join(' ');
      }
    }

    const wordsOf = (picture, i) => `${panel.run.name}, ${picture.caption || `${panel.series.tag}${point.images.length > 1 ? `, image ${i + 1} of ${point.images.length}` : ''}`}`;
    const again = () => Promise.all(cells.map((cell, i) => cell.show(point.images[i], wordsOf(point.images[i], i))));

    async function show(next) {
      const shapes = point && point.images.map(one => `${one.width}x${one.height}`).join() === next.images.map(one => `${one.width}x${one.height}`).join(), same = point && point.images.length === next.images.length;
      point = next;
      if (marks.see(next.images)) crossboard.imageTools.legendSoon();
      if (!same) {
        cells = next.images.map((_, i) => new Cell(view, i));
        fill(list, cells.length ? cells.map(cell => cell.element) : h('p.none', {}, 'No image in this point.'));
      }
      cells.forEach((cell, i) => { cell.picture = next.images[i]; });
      if (!shapes) arrange();
      if (!same) relabel();
      await again();
      panel.tellFacts();
    }

    function facts(shown) {
      const one = shown.images[0], broken = cells.filter(cell => cell.error).length;
      return [broken && `${broken} not shown`, shown.images.length > 1 && `${shown.images.length} images`, one && `${one.width} × ${one.height}`, shown.images.some(plays) && 'GIF'];
    }

    return view;
  };
})(window);
