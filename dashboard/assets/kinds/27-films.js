/* Films: the videos of all tiles under one clock, so that they play, stop and step together, frame by frame.

   A film is shown at the clock's time: the frame that stands then, the last one after its end. MP4 and WebM are played by the browser and set right where they
   drift; a GIF is read frame by frame by the pixel worker. Steps of one frame are those of the film with the most frames a second; `set=frame:N` is where
   the clock stands. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {bitmaps, byId, fill, h, icon, numbers, pixelWorker, state, url} = crossboard;
  const DRIFT_S = 0.12, RATES = [0.1, 0.25, 0.5, 1, 2, 4];
  const films = new Set(), absolute = path => new URL(url(path), location.href).href;
  let time = 0, since = 0, playing = false, frameAsked = 0, controls = null;

  const rate = () => +(state.own.get('rate') || 1) || 1;
  const now = () => playing ? time + (performance.now() - since) / 1000 * rate() : time;
  const live = () => [...films].filter(film => film.duration > 0);
  const length = () => live().reduce((most, film) => Math.max(most, film.duration), 0);
  const fps = () => live().reduce((most, film) => Math.max(most, film.fps), 0) || 1;
  const count = () => Math.max(1, Math.round(length() * fps()));
  const frameNow = () => Math.max(0, Math.min(count() - 1, Math.floor(now() * fps() + 1e-6)));

  class Film {
    /** `point`: of a video. `told(film)` is called when another frame is shown or it cannot be. */
    constructor(point, told) {
      Object.assign(this, {point, told, error: '', fps: +point.fps || 10, duration: point.frames && point.fps ? point.frames / point.fps : 0, index: -1, open: true});
      this.width = point.width; this.height = point.height;
    }
    get frames() { return Math.max(1, Math.round(this.duration * this.fps)); }
    at(t) { return Math.max(0, Math.min(this.frames - 1, Math.floor(t * this.fps + 1e-6))); }
    fail(words) { this.error = words; this.duration = 0; this.told(this); tell(); }
    close() { this.open = false; films.delete(this); tell(); }
  }

  class Played extends Film {
    constructor(point, told) {
      super(point, told);
      const name = point.caption || point.tag;
      this.source = this.element = h('video', {muted: true, playsinline: true, preload: 'auto', src: url(point.blob.url), 'aria-label': name, tabindex: '-1'});
      this.element.muted = true;
      this.element.addEventListener('loadedmetadata', () => { const {duration, videoWidth, videoHeight} = this.element; if (Number.isFinite(duration) && !this.duration) this.duration = duration; this.width = videoWidth || this.width; this.height = videoHeight || this.height; this.show(now()); tell(); });
      for (const name of ['seeked', 'loadeddata']) this.element.addEventListener(name, () => { this.ready = true; this.index = this.at(this.element.currentTime); this.told(this); });
      this.element.addEventListener('error', () => this.fail(`${bitmaps.nameOf(point)}: this browser cannot decode it`));
    }
    /** The frame at t: in its middle, since the browser rounds times. */
    show(t) { const want = (this.at(t) + 0.5) / this.fps; if (Math.abs(this.element.currentTime - want) > 0.3 / this.fps) { this.ready = false; this.element.currentTime = want; } }
    follow(t) {
      const {element} = this;
      if (t >= this.duration) { element.pause(); this.show(this.duration); return; }
      element.playbackRate = rate();
      if (element.paused) { element.currentTime = t; element.play().catch(() => {}); } else if (Math.abs(element.currentTime - t) > Math.max(DRIFT_S, 1.5 / this.fps) && !element.seeking) element.currentTime = t;
      const index = this.at(element.currentTime);
      if (index !== this.index) { this.index = index; this.ready = true; this.told(this); }
    }
    pause() { this.element.pause(); }
    close() { super.close(); this.element.pause(); this.element.removeAttribute('src'); this.element.load(); }
  }

  class Frames extends Film {
    constructor(point, told) {
      super(point, told);
      this.source = this.element = h('canvas', {role: 'img', 'aria-label': point.caption || point.tag});
      this.key = `film ${point.blob.digest}`;
      this.begin();
    }
    async begin() {
      try {
        const {width, height, delays} = await pixelWorker.ask('film', {key: this.key, url: absolute(this.point.blob.url)});
        let end = 0;
        this.ends = delays.map(delay => end += delay);
        Object.assign(this, {width, height, duration: end, fps: delays.length / end});
        this.element.width = width; this.element.height = height;
        tell();
        this.show(now());
      } catch (error) { this.fail(`${bitmaps.nameOf(this.point)}: ${error.message}`); }
    }
    get frames() { return this.ends ? this.ends.length : 1; }
    at(t) { if (!this.ends) return 0; const i = this.ends.findIndex(end => t < end - 1e-6); return i < 0 ? this.ends.length - 1 : i; }
    async show(t) {
      this.wanted = this.at(t);
      if (this.busy || !this.ends || !this.open) return;
      this.busy = true;
      try {
        while (this.index !== this.wanted && this.open) {
          const i = this.wanted;
          let answer;
          try { answer = await pixelWorker.ask('frame', {key: this.key, i}); } catch (error) {
            if (!/not held/.test(error.message)) throw error;
            await pixelWorker.ask('film', {key: this.key, url: absolute(this.point.blob.url)});
            answer = await pixelWorker.ask('frame', {key: this.key, i});
          }
          const g = this.element.getContext('2d');
          g.clearRect(0, 0, this.width, this.height);
          g.drawImage(answer.bitmap, 0, 0);
          answer.bitmap.close();
          this.index = i;
          this.ready = true;
          this.told(this);
        }
      } catch (error) { if (this.open) this.fail(`${bitmaps.nameOf(this.point)}: ${error.message}`); } finally { this.busy = false; }
    }
    follow(t) { this.show(t); }
    pause() {}
  }

  class Unknown extends Film {
    constructor(point, told) { super(point, told); this.source = this.element = h('span'); this.fail(`${bitmaps.nameOf(point)}: a type that is not played here`); }
    show() {} follow() {} pause() {}
  }

  /** A film of a video point, under the clock until `close()`. */
  function open(point, told) {
    const type = point.blob.media_type, film = new (type.startsWith('video/') ? Played : type === 'image/gif' ? Frames : Unknown)(point, told);
    if (film.error) return film;
    films.add(film);
    if (time === 0 && !playing && state.own.get('frame')) time = (+state.own.get('frame') + 0.5) / fps();
    if (playing) film.follow(now()); else film.show(time);
    tell();
    return film;
  }

  /* ---- the clock */
  function frame() {
    if (!playing) return;
    if (!live().length) { play(false); return; }
    if (now() >= length()) { time = 0; since = performance.now(); }
    const t = now();
    for (const film of films) film.follow(t);
    tell();
    frameAsked = requestAnimationFrame(frame);
  }

  function play(on = !playing) {
    cancelAnimationFrame(frameAsked);
    if (on === playing) return;
    if (on) {
      if (frameNow() >= count() - 1) time = 0;
      since = performance.now();
      playing = true;
      frameAsked = requestAnimationFrame(frame);
    } else {
      time = now();
      playing = false;
      for (const film of films) film.pause();
      seek(Math.max(0, Math.min(count() - 1, Math.floor(time * fps() + 1e-6))));
    }
    tell();
  }

  /** Stop at a frame. */
  function seek(n) {
    if (playing) { play(false); }
    const to = Math.max(0, Math.min(count() - 1, n));
    time = (to + 0.5) / fps();
    for (const film of films) { film.show(time); film.told(film); }
    state.choose('frame', to ? String(to) : '');
    tell();
  }

  const step = by => seek(frameNow() + by);

  /* ---- the controls */
  function bar() {
    const button = h('button.ib', {type: 'button', 'data-films': 'play', onclick: () => play()}), words = h('span.at', {role: 'status'}), range = h('input', {type: 'range', min: '0', step: '1', 'aria-label': 'frame of all videos', oninput: () => seek(+range.value)});
    const speed = h('select', {'aria-label': 'speed of the videos', onchange: () => { if (playing) { time = now(); since = performance.now(); } state.choose('rate', speed.value === '1' ? '' : speed.value); }}, RATES.map(one => h('option', {value: String(one)}, `${one}×`)));
    controls = {element: h('div.films', {id: 'films', role: 'group', 'aria-label': 'videos'}, h('b', {}, 'Videos'), h('button.ib', {type: 'button', title: 'Previous frame (,)', 'aria-label': 'Previous frame', onclick: () => step(-1)}, icon('left')), button,
      h('button.ib', {type: 'button', title: 'Next frame (.)', 'aria-label': 'Next frame', onclick: () => step(1)}, icon('right')), words, range, speed), button, words, range, speed};
    return controls.element;
  }

  function tell() {
    if (!controls) return;
    const {element, button, words, range, speed} = controls, all = live(), n = count(), at = frameNow();
    element.hidden = !films.size;
    range.max = String(n - 1);
    range.value = String(at);
    range.style.setProperty('--at', `${n > 1 ? 100 * at / (n - 1) : 0}%`);
    range.disabled = button.disabled = !all.length;
    words.textContent = all.length ? `frame ${numbers.whole(at + 1)} of ${numbers.whole(n)} · ${now().toFixed(2)} s` : 'reading';
    if (speed.value !== String(rate())) speed.value = String(rate());
    if (button.dataset.is !== String(playing)) { button.dataset.is = String(playing); fill(button, icon(playing ? 'pause' : 'play')); button.title = `${playing ? 'Stop' : 'Play'} all (Y)`; button.setAttribute('aria-label', `${playing ? 'Stop' : 'Play'} all videos`); }
  }

  function leave() { cancelAnimationFrame(frameAsked); playing = false; time = 0; for (const film of [...films]) film.close(); controls = null; }

  /** The view of a video point on the Images page. */
  function view(panel) {
    const element = h('div.vvideo.cells');
    let film = null, said = '';
    const letter = h('span.letter', {hidden: true}), note = h('span.none', {role: 'note', hidden: true}), button = h('button.pic', {type: 'button', onclick: () => crossboard.shots.toggle(panel, 0)}, letter), caption = h('p.cap');
    function told(one) {
      if (one !== film && film) return;
      note.hidden = !one.error;
      note.textContent = one.error;
      one.element.hidden = Boolean(one.error);
      const words = String(one.index);
      if (words !== said) { said = words; panel.tellFacts(); }
    }
    return {
      element, cells: () => [],
      show(point) {
        if (film) { const old = film; film = null; old.close(); old.element.remove(); }
        said = '';
        film = open(point, told);
        button.prepend(film.element);
        if (!button.parentElement) fill(element, button, note, caption);
        const name = `${panel.run.name}, ${point.caption || panel.series.tag}, video`;
        button.setAttribute('aria-label', name);
        button.title = `${name}\nClick: compare (C)`;
        caption.textContent = caption.title = point.caption;
        caption.hidden = !point.caption;
        told(film);
        this.relabel();
      },
      relabel() {
        const letters = crossboard.shots.lettersOf(panel, 0);
        button.setAttribute('aria-pressed', String(letters.length > 0));
        letter.hidden = !letters.length;
        letter.textContent = letters.join(' ');
      },
      facts: point => [film && film.index >= 0 && film.duration ? `frame ${numbers.whole(film.index + 1)} of ${numbers.whole(film.frames)}` : '', `${point.width} × ${point.height}`, `${numbers.value(+(film ? film.fps : point.fps).toFixed(3))} a second`],
      close() { if (film) film.close(); film = null; },
    };
  }

  crossboard.films = {bar, leave, open, play, seek, step, tell, view, fps, count, frame: frameNow, get any() { return films.size > 0; }, get playing() { return playing; }};
})(window);
