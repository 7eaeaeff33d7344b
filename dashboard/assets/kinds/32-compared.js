/* The compared: for each shot the picture that stands, its exact pixels in the pixel worker, and how A differs from it.

   A shot whose pictures are still read keeps what it had, and is `late`. The worker reads the exact pixels of what stands, computes the differences (A minus each
   other shot), and shows 16 bits with brightness and contrast; one such round at a time, so that a moving slider asks for no more than can be answered. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {announcer, bitmaps, films, pictureMarks: marks, pixelWorker, plot, ramp, shots, state, steps, url} = crossboard;
  const LATE_MS = 150, news = announcer(), items = [];
  let busy = false, dirty = false, measure = () => 800;
  const draw = () => news.tell('draw'), tell = () => news.tell('tell');

  const own = (name, otherwise = '') => state.own.get(name) || otherwise;
  /** What is chosen for the comparison, with its defaults. */
  const choices = () => ({view: own('view', 'side'), diff: own('diff', 'abs'), gain: +own('gain', '4') || 4, fit: own('fit'), mix: Math.max(0, Math.min(1, +own('mix', '0.5'))), split: Math.max(0, Math.min(1, +own('split', '0.5'))),
    above: Math.max(0, +own('above', '16') || 0), light: +own('light', '1') || 1, contrast: +own('contrast', '1') || 1, big: own('big') === '1'});
  const absolute = path => new URL(url(path), location.href).href;

  /* ---- what is shown of each shot */
  class Item {
    constructor() { Object.assign(this, {shot: null, run: null, series: null, point: null, picture: null, film: null, step: null, error: '', late: false, info: null, key: '', numbers: null, toned: null, tonedFor: '', wanted: '', place: -1, type: '', workError: ''}); }

    get width() { return this.film ? this.film.width : this.picture ? this.picture.width : 0; }
    get height() { return this.film ? this.film.height : this.picture ? this.picture.height : 0; }
    get stands() { return !this.error && this.width > 0 && Boolean(this.film ? this.film.ready : this.picture); }

    fail(words) { this.error = words; this.picture = null; this.key = ''; this.info = null; this.numbers = null; this.late = false; tell(); }

    /** Read and show the point that the shot means. */
    async update(shot) {
      this.shot = shot;
      this.run = shots.runOf(shot);
      if (!this.run) { this.fail('The run is not on this board any more.'); return; }
      this.series = crossboard.kinds.series(this.run.key, shot.kind, shot.tag);
      try {
        if (!this.series.known) await this.series.refresh();
        const place = shots.placeOf(shot, this.series), name = `${this.run.key}|${shot.kind}|${shot.tag}|${shot.rank}|${place}|${shot.number}`;
        if (this.wanted === name && !this.error) { tell(); return; }
        this.wanted = name;
        if (place < 0) { this.fail('No point under this tag.'); return; }
        const late = setTimeout(() => { if (this.wanted === name) { this.late = true; draw(); } }, LATE_MS);
        try {
          const point = await this.series.content(place);
          if (this.wanted !== name) return;
          if (!point) throw new Error('the point is not there any more');
          if (shot.kind === 'video') this.take(point, place, null);
          else {
            const picture = point.images[shot.number];
            if (!picture) { this.fail(`This point has ${point.images.length} ${point.images.length === 1 ? 'image' : 'images'}, number ${shot.number + 1} is asked for.`); return; }
            const thing = bitmaps.picture(picture, measure(picture));
            if (!await bitmaps.get(thing, this) || this.wanted !== name) return;
            this.take(point, place, picture);
          }
        } finally { clearTimeout(late); }
      } catch (error) { this.wanted = ''; this.fail(error.message); }
    }

    take(point, place, picture) {
      Object.assign(this, {point, place, picture, error: '', late: false, step: this.series.step[place], info: null, workError: ''});
      if (picture) { this.key = picture.blob.digest; this.type = picture.blob.media_type; if (marks.see([picture])) crossboard.imageTools.legendSoon(); }
      else if (!this.film || this.film.point !== point) { if (this.film) this.film.close(); this.key = ''; this.film = films.open(point, film => { if (film !== this.film) return; if (film.error) { this.fail(film.error); return; } this.key = film.ready && !films.playing ? `${point.blob.digest}#${film.index}` : ''; this.info = null; draw(); work(); tell(); }); if (this.film.error) { this.fail(this.film.error); return; } }
      if (picture && this.film) { this.film.close(); this.film = null; }
      draw();
      tell();
      work();
    }

    /** What can be drawn now for a picture that is `need` device pixels long; a better one is asked for. */
    source(need) {
      if (this.film) return this.film.ready && !this.film.error ? this.film.source : null;
      if (this.toned && this.tonedFor === toneName(this)) return this.toned;
      const thing = bitmaps.picture(this.picture, need), there = bitmaps.ready(thing.key);
      if (there) return there;
      bitmaps.get(thing, this).then(yes => { if (yes) draw(); }, () => {});
      for (const less of [4096, 2048, 1024, 512, 1]) { const other = bitmaps.ready(bitmaps.picture(this.picture, less).key); if (other) return other; }
      return null;
    }

    close() { if (this.film) this.film.close(); if (this.toned) this.toned.close(); if (this.numbers && this.numbers.bitmap) this.numbers.bitmap.close(); this.numbers = null; this.wanted = 'closed'; }
  }

  const toneName = item => { const {light, contrast} = choices(); return light === 1 && contrast === 1 ? '' : `${item.key}|${light}|${contrast}`; };

  /** The grid that all shots share: that of A where they are scaled, else one that holds all. */
  function frame() {
    const there = items.filter(item => item.width > 0);
    if (!there.length) return null;
    if (choices().fit === 'scale' && items[0].width) return {width: items[0].width, height: items[0].height};
    return {width: Math.max(...there.map(item => item.width)), height: Math.max(...there.map(item => item.height))};
  }
  const sizesDiffer = () => new Set(items.filter(item => item.width > 0).map(item => `${item.width}x${item.height}`)).size > 1;

  /* ---- the worker's part: exact pixels, differences, tone of 16 bits */
  function paintOf({diff, gain}) {
    const signed = diff === 'signed', table = new Uint8Array(3 * (signed ? 511 : 256));
    for (let i = 0; i < table.length / 3; i++) table.set(signed ? ramp.signed((i - 255) / 255) : ramp.rgb(i / 255), 3 * i);
    return {table, gain, signed};
  }
  const paintName = ({diff, gain}) => `${diff}|${gain}|${plot.colours().surface}`;

  async function hold(item) {
    const {key, film} = item;
    let what = {key, url: item.picture && absolute(item.picture.blob.url), type: item.type}, transfer = [];
    if (film) { const bitmap = await createImageBitmap(film.source); what = {key, bitmap}; transfer = [bitmap]; }
    else if (item.type === 'image/svg+xml') { const thing = bitmaps.picture(item.picture, 0); await bitmaps.get(thing, item); const bitmap = await createImageBitmap(bitmaps.ready(thing.key)); what = {key, bitmap}; transfer = [bitmap]; }
    const info = await pixelWorker.ask('hold', what, transfer);
    if (item.key === key) item.info = info;
  }

  /** Bring differences and tones up to what is shown; one such round at a time. */
  async function work() {
    if (busy) { dirty = true; return; }
    busy = true;
    do {
      dirty = false;
      const now = choices(), paint = paintName(now);
      try {
        for (const item of items) if (item.stands && item.key && !item.info) await hold(item);
        const a = items[0];
        for (const [i, item] of items.entries()) {
          if (!i || !a || !a.info || !item.info || !a.key || !item.key) { if (i && item.numbers && !item.info) draw(); continue; }
          const name = `${a.key}|${item.key}|${now.fit}|${now.above}`, old = item.numbers;
          if (old && old.name === name && (old.paint === paint || i > 1)) continue;
          const key = `difference ${i}`;
          let answer;
          try { answer = old && old.name === name ? {...await pixelWorker.ask('paint', {key, paint: paintOf(now)}), numbers: old.numbers} : await pixelWorker.ask('differ', {key, a: a.key, b: item.key, fit: now.fit, above: now.above, paint: paintOf(now)}); } catch (error) {
            if (!/not held/.test(error.message)) throw error;
            a.info = item.info = item.numbers = null;
            dirty = true;
            break;
          }
          if (old && old.bitmap) old.bitmap.close();
          item.numbers = {name, paint, ...answer};
          draw();
          tell();
        }
        for (const item of items) {
          const name = toneName(item);
          if (!name || !item.info || item.info.depth !== 16 || item.tonedFor === name) continue;
          const {bitmap} = await pixelWorker.ask('toned', {key: item.key, brightness: now.light, contrast: now.contrast});
          if (item.toned) item.toned.close();
          item.toned = bitmap; item.tonedFor = name;
          draw();
        }
      } catch (error) { for (const item of items) if (item.stands && item.key && !item.info) item.workError = error.message; tell(); }
    } while (dirty);
    busy = false;
    news.tell('worked');
  }

  const numbersOf = i => { const item = items[i], a = items[0]; return item && item.numbers && item.numbers.name === `${a.key}|${item.key}|${choices().fit}|${choices().above}` ? item.numbers : null; };

  /** Bring all shots to the slider's step; there are as many items as shots. */
  function update() {
    const list = shots.list();
    while (items.length > list.length) items.pop().close();
    while (items.length < list.length) items.push(new Item());
    items.forEach((item, i) => { item.update(list[i]); });
    work();
  }

  function leave() { for (const item of items.splice(0)) item.close(); }

  /** True when nothing is being read or computed. */
  const settled = () => !busy && items.length === shots.list().length && items.every(item => item.error || (item.stands && !item.late && item.info && shots.placeOf(item.shot, item.series) === item.place)) && (items.length < 2 || items.some(item => item.error) || Boolean(numbersOf(1)));

  crossboard.compared = {items, choices, frame, sizesDiffer, numbersOf, toneName, update, work, leave, settled, on: news.on, measureBy: work => { measure = work; }};
})(window);
