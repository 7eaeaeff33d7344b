/* The stage: the compared shots in large, side by side, swiped or one over the other, with their difference, under one lens.

   What is drawn is what its foot says: a shot whose pictures are still read keeps the old step, dimmed. The exact pixels are read by the pixel worker, which gives the
   differences (A minus each other shot; B's is drawn) and the values under the pointer. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {Lens, compared, bitmaps, fill, h, icon, pictureMarks: marks, numbers, oncePerFrame, pixelWorker, plot, ramp, shots, state, steps, url} = crossboard;
  const {choices, frame, items, numbersOf, sizesDiffer, toneName} = compared, ZOOM_STEP = 1.25, PAN_PX = 40;
  const lens = new Lens(), own = name => state.own.get(name) || '', ratio = () => Math.min(3, devicePixelRatio || 1);
  let element = null, holders = [], built = '', probe = null, probed = [], hatched = null, writing = 0, drag = null, inked = '', lastNumbers = null, lensKnown = '';

  /* ---- values under the pointer */
  let asking = false, askAgain = false;
  async function ask() {
    if (asking) { askAgain = true; return; }
    asking = true;
    do {
      askAgain = false;
      const at = probe, f = frame();
      if (!at || !f) { probed = []; break; }
      try { probed = await pixelWorker.ask('at', {keys: items.map(item => item.info ? item.key : ''), x: at.x, y: at.y, fit: choices().fit, frame: f}); } catch { probed = []; }
    } while (askAgain);
    asking = false;
    tellProbe();
  }

  function tellProbe() {
    const {fit} = choices();
    holders.forEach(holder => {
      if (!probe) { holder.read.textContent = ''; return; }
      const of = i => { const value = probed[i]; return value === null || value === undefined ? 'reading' : value.length ? value.join(' ') : 'outside'; }, where = `x ${probe.x} y ${probe.y}`;
      if (holder.what === 'both') holder.read.textContent = `${where} · A ${of(0)} · B ${of(1)}`;
      else if (holder.what === 'difference') {
        const [a, b] = probed, channels = list => list && list.length, ok = channels(a) && channels(b) && a.length === b.length && items[0].info.depth === items[1].info.depth && !(fit === 'scale' && sizesDiffer());
        holder.read.textContent = ok ? `${where} · ${a.map((v, c) => v - b[c]).join(' ')}` : where;
      } else holder.read.textContent = holder.what === 0 ? `${where} · ${of(0)}` : of(holder.what);
    });
    drawOver();
  }

  /* ---- the panes */
  function holderOf(what) {
    const px = h('canvas.px', {'aria-hidden': 'true'}), over = h('canvas.ov', {'aria-hidden': 'true'}), read = h('span.rd'), message = h('span.none', {hidden: true}), image = h('div.im', {tabindex: '0', role: 'group'}, px, over, read, message);
    const head = h('header'), foot = h('footer'), place = h('article.card.v', {}, head, image, foot), holder = {what, px, over, read, message, image, head, foot, place, told: ''};
    image.holder = holder;
    return holder;
  }

  function structure() {
    const {view, diff} = choices(), n = items.length, list = view === 'side' || n < 2 ? items.map((_, i) => i) : ['both'];
    if (n > 1 && diff !== 'none') list.push('difference');
    return list;
  }

  function build() {
    const list = structure(), name = list.join();
    if (name === built) return;
    built = name;
    holders.forEach(holder => sizes.unobserve(holder.image));
    holders = list.map(holderOf);
    fill(element.querySelector('.panes'), holders.map(holder => holder.place));
    holders.forEach(holder => sizes.observe(holder.image));
    columns();
  }

  /** As many columns as give rows of equal length. */
  function columns() {
    const n = holders.length, most = Math.max(1, Math.floor(element.clientWidth / (element.clientWidth < 700 ? 300 : 240))), rows = Math.ceil(n / Math.min(most, 4)), name = `repeat(${Math.ceil(n / rows)},minmax(0,1fr))`, panes = element.querySelector('.panes');
    if (panes.style.gridTemplateColumns !== name) panes.style.gridTemplateColumns = name;
  }

  const sizes = new ResizeObserver(entries => {
    if (element) columns();
    for (const {target} of entries) { const {holder} = target, w = Math.max(1, Math.round(target.clientWidth * ratio())), hgt = Math.max(1, Math.round(target.clientHeight * ratio())); for (const one of [holder.px, holder.over]) if (one.width !== w || one.height !== hgt) { one.width = w; one.height = hgt; } }
    draw();
  });

  const button = (what, label, picture, work, more = {}) => h('button.ib.sm', {type: 'button', 'data-do': what, title: label, 'aria-label': label, onclick: work, ...more}, icon(picture, true));

  /** What the head of a pane depends on; it is rebuilt only when that changes, while the links go along with each step. */
  function headKey({what}) {
    const now = choices(), of = i => { const item = items[i], look = item.run ? plot.look(item.run.slot) : {}; return [item.run && item.run.name, look.colour, look.dashed, Boolean(item.shot.step), item.step === null, Boolean(item.picture || item.point)]; };
    return JSON.stringify(what === 'difference' ? [now.diff, now.gain, numbersOf(1) ? numbersOf(1).numbers.peak : 0, plot.colours().surface] : [items.length, (what === 'both' ? [0, 1] : [what]).map(of)]);
  }

  function headOf(holder) {
    const {what} = holder, now = choices();
    if (what === 'difference') {
      const found = numbersOf(1), peak = found ? found.numbers.peak : 255, end = String(+(peak / now.gain).toPrecision(3)), bar = h('canvas.dv', {width: '96', height: '1', 'aria-hidden': 'true'});
      ramp.image(bar.getContext('2d'), 96, 1, x => now.diff === 'signed' ? ramp.signed(x / 47.5 - 1) : ramp.rgb(x / 95), 0, 0, 96, 1);
      return [h('b', {}, 'Difference'), h('span.dim.trunc', {title: 'The channel that differs most, at each pixel'}, now.diff === 'signed' ? `A − B, × ${now.gain}` : `|A − B|, × ${now.gain}`, ', largest channel'), h('span.e', {}, now.diff === 'signed' ? `−${end}` : '0', bar, end)];
    }
    const several = what === 'both' ? [0, 1] : [what];
    holder.files = [];
    return several.flatMap(i => {
      const item = items[i], {shot, run} = item, look = run ? plot.look(run.slot) : {colour: 'transparent'}, letter = shots.LETTERS[i].toUpperCase(), file = item.point ? h('a.ib.sm', {'aria-label': `Save the file of ${letter}`}, icon('download', true)) : null;
      if (file) holder.files.push([i, file]);
      return [h('span.letter', {}, letter), h(`span.sw${look.dashed ? '.ring' : ''}`, {style: `--c:${look.colour}`}), h('b.trunc', {title: run ? run.name : ''}, run ? run.name : 'a run that is not here'), h('span.e'),
        item.step === null ? null : button(`hold-${letter}`, shot.step ? `Let ${letter} follow the slider again` : `Hold ${letter} at this step`, 'pin', () => shots.change(i, {step: shot.step ? '' : String(items[i].step)}), {'aria-pressed': String(Boolean(shot.step))}),
        items.length === 1 && item.step !== null ? h('button.lk', {type: 'button', 'data-do': 'double', title: 'Hold this step as A and let B follow the slider', onclick: () => shots.double(i, items[i].step)}, 'Another step') : null,
        i > 1 ? h('button.lk', {type: 'button', title: `Make ${letter} the one that A is compared with`, onclick: () => shots.swap(1, i)}, 'Make B') : null,
        file,
        button(`remove-${letter}`, `Take ${letter} out`, 'close', () => shots.remove(i))];
    });
  }

  const ENDS = {'image/jpeg': 'jpg', 'image/svg+xml': 'svg'};
  const fileName = ({shot, run, step}, blob) => `${run.name}-${shot.tag}-${step}${shot.number ? `-${shot.number + 1}` : ''}`.replace(/[^\w.-]+/g, '-').slice(-120) + '.' + (ENDS[blob.media_type] || blob.media_type.split('/')[1] || 'bin');

  const psnr = value => value === Infinity ? 'no difference' : `${value.toFixed(2)} dB`;
  function numberWords(i) {
    const found = numbersOf(i), {above} = choices();
    if (!found) return items[0].stands && items[i].stands ? ['reading'] : [];
    const {numbers: one} = found;
    return [['mean', String(+one.mean.toPrecision(4))], ['max', numbers.whole(one.max)], [`over ${numbers.value(above)}`, `${(100 * one.over).toFixed(1)} %`], ['PSNR', psnr(one.psnr)]];
  }

  const blobOf = item => item.picture ? item.picture.blob : item.point && item.point.blob;

  function fileLinks({files}) {
    for (const [i, link] of files || []) {
      const blob = items[i] && blobOf(items[i]);
      if (!blob || link.blob === blob.digest + items[i].step) continue;
      link.blob = blob.digest + items[i].step;
      link.href = url(blob.url);
      link.download = fileName(items[i], blob);
      link.title = `Save the file as it was logged, ${crossboard.parts.bytes(blob.size)}`;
    }
  }

  function footOf({what}) {
    const said = list => list.map(one => typeof one === 'string' ? h('span.dim', {}, one) : h('span', {}, `${one[0]} `, h('b', {}, one[1])));
    if (what === 'difference') {
      const found = numbersOf(1), {fit} = choices(), part = found && sizesDiffer() ? fit === 'scale' ? 'B scaled to the size of A, bilinear' : `the ${found.numbers.width} × ${found.numbers.height} that both have, from the upper left` : '', deep = found && found.numbers.peak === 65535 ? 'of 65,535' : '';
      return [...said(numberWords(1)), deep ? h('span', {}, deep) : null, part ? h('span.trunc', {title: part}, part) : null];
    }
    const parts = [];
    for (const i of what === 'both' ? [0, 1] : [what]) {
      const item = items[i], wanted = item.shot.step ? +item.shot.step : steps.chosen(), letter = what === 'both' ? `${shots.LETTERS[i].toUpperCase()} ` : '';
      if (item.step !== null) parts.push(h('span', {}, `${letter}step `, h('b', {}, numbers.whole(item.step)), item.shot.step ? ', held' : wanted !== null && wanted !== item.step ? `, nearest to ${numbers.whole(wanted)}` : '', item.film && item.film.index >= 0 ? ` · frame ${numbers.whole(item.film.index + 1)} of ${numbers.whole(item.film.frames)}` : ''));
      if (i && what !== 'both' && (i > 1 || choices().diff === 'none')) parts.push(...said(numberWords(i).slice(-1)));
      const {shot} = item, blob = blobOf(item), tag = shot.kind === 'image' && item.point && item.point.images.length > 1 ? `${shot.tag}, image ${shot.number + 1}` : shot.tag;
      const facts = [item.width ? `${item.width} × ${item.height}` : '', blob ? (blob.media_type.split('/')[1] || '').split('+')[0].toUpperCase() : '', item.info && item.info.depth === 16 ? '16 bit' : '', item.info && item.info.channels % 2 === 0 ? 'alpha' : '', blob && blob.media_type === 'image/gif' && !item.film ? 'first frame' : '', blob && blob.media_type === 'image/svg+xml' ? 'as pixels' : ''].filter(Boolean).join(', ');
      if (what !== 'both') parts.push(h('span.trunc.dim', {title: tag}, tag));
      if (facts && item.stands) parts.push(h('span.dim', {}, facts));
      const caption = item.picture ? item.picture.caption : item.point && item.point.caption;
      if (caption) parts.push(h('span.trunc.dim', {title: caption}, caption));
      if (item.workError && !item.info) parts.push(h('span.trunc.bad', {title: item.workError}, `pixels not read: ${item.workError}`));
    }
    return parts;
  }

  const tell = oncePerFrame(() => {
    if (!element) return;
    build();
    for (const holder of holders) {
      const {what} = holder, list = what === 'both' ? [0, 1] : what === 'difference' ? [] : [what], errors = list.map(i => items[i] && items[i].error).filter(Boolean);
      if (list.some(i => !items[i])) continue;
      const key = headKey(holder);
      if (holder.told !== key) {
        holder.told = key;
        const held = holder.head.contains(document.activeElement) ? document.activeElement.dataset.do : '';
        fill(holder.head, headOf(holder));
        if (held) { const again = holder.head.querySelector(`[data-do="${held}"]`); if (again) again.focus(); }
      }
      fileLinks(holder);
      fill(holder.foot, footOf(holder));
      holder.message.hidden = !errors.length;
      holder.message.textContent = errors.join(' ');
      const name = what === 'difference' ? 'Difference of A and B' : list.map(i => `${shots.LETTERS[i].toUpperCase()}: ${items[i].run ? items[i].run.name : 'no run'}, ${items[i].shot.tag}${items[i].step === null ? '' : `, step ${items[i].step}`}`).join('; ');
      holder.image.setAttribute('aria-label', `${name}. Drag or arrow keys: move; + and −: zoom; Shift and arrow keys: pixel values`);
    }
    const found = items.length > 1 && numbersOf(1), words = found ? numberWords(1).map(([name, value]) => `${name} ${value}`).join(', ') : '';
    if (words !== lastNumbers) { lastNumbers = words; element.querySelector('[role=status]').textContent = words ? `Difference of A and B: ${words}` : ''; }
    crossboard.stageBar.tell({...choices(), lens, sizes: sizesDiffer(), n: items.length, many: Math.max(0, ...items.map(item => item.point && item.point.images ? item.point.images.length : 0)), frame: frame(), holder: holders[0]});
  });

  /* ---- drawing */
  function checker(g) {
    if (!hatched || inked !== plot.colours().surface) {
      inked = plot.colours().surface;
      const style = getComputedStyle(document.documentElement), small = h('canvas', {width: '16', height: '16'}), s = small.getContext('2d');
      s.fillStyle = style.getPropertyValue('--cb-surface'); s.fillRect(0, 0, 16, 16);
      s.fillStyle = style.getPropertyValue('--cb-line'); s.fillRect(0, 0, 8, 8); s.fillRect(8, 8, 8, 8);
      hatched = small;
    }
    return g.createPattern(hatched, 'repeat');
  }

  const boxOf = (item, f) => choices().fit === 'scale' ? f : {width: item.width, height: item.height};

  function paintItem(g, item, f, at) {
    if (!item.stands) return;
    const {width, height} = boxOf(item, f), w = width * at.scale, hgt = height * at.scale, source = item.source(Math.max(w, hgt));
    if (!source) return;
    const sw = source.videoWidth || source.width, sh = source.videoHeight || source.height, cw = g.canvas.width, ch = g.canvas.height;
    const x0 = Math.max(0, -at.left / w), y0 = Math.max(0, -at.top / hgt), x1 = Math.min(1, (cw - at.left) / w), y1 = Math.min(1, (ch - at.top) / hgt);   // only the part that is seen
    if (x1 <= x0 || y1 <= y0) return;
    const left = Math.max(0, Math.floor(x0 * sw)), top = Math.max(0, Math.floor(y0 * sh)), right = Math.min(sw, Math.ceil(x1 * sw)), bottom = Math.min(sh, Math.ceil(y1 * sh));
    const dx = at.left + left / sw * w, dy = at.top + top / sh * hgt, dw = (right - left) / sw * w, dh = (bottom - top) / sh * hgt;
    if (item.type !== 'image/jpeg' && !item.film) { g.fillStyle = checker(g); const alpha = g.globalAlpha; g.globalAlpha = alpha === 1 ? 1 : 0; g.fillRect(dx, dy, dw, dh); g.globalAlpha = alpha; }
    g.imageSmoothingEnabled = w < sw * 1.01 && at.scale < 1 || (sw < item.width && w > sw);
    g.drawImage(source, left, top, right - left, bottom - top, dx, dy, dw, dh);
  }

  const draw = oncePerFrame(drawNow);
  function drawNow() {
    if (!element) return;
    build();
    const f = frame(), now = choices(), tone = now.light === 1 && now.contrast === 1 ? '' : `brightness(${now.light}) contrast(${now.contrast})`;
    for (const holder of holders) {
      const {px, what, image} = holder, g = px.getContext('2d'), {width, height} = px;
      g.clearRect(0, 0, width, height);
      if (!f) continue;
      const at = lens.place(f, width, height), list = what === 'both' ? [items[0], items[1]] : what === 'difference' ? [] : [items[what]];
      if (list.some(item => !item)) continue;
      const exactTone = list.some(item => item.toned && item.tonedFor === toneName(item) && toneName(item));
      px.style.filter = what === 'difference' || exactTone ? '' : tone;
      image.classList.toggle('late', list.some(item => item.late) || (what === 'difference' && !numbersOf(1)));
      if (what === 'difference') {
        const found = items[1] && items[1].numbers;
        if (!found || !found.bitmap) continue;
        g.imageSmoothingEnabled = at.scale < 1;
        g.drawImage(found.bitmap, at.left, at.top, found.numbers.width * at.scale, found.numbers.height * at.scale);
      } else if (what === 'both') {
        const cut = Math.round(width * now.split);
        g.save();
        if (now.view === 'swipe') { g.beginPath(); g.rect(0, 0, cut, height); g.clip(); }
        paintItem(g, items[0], f, at);
        g.restore();
        g.save();
        if (now.view === 'swipe') { g.beginPath(); g.rect(cut, 0, width - cut, height); g.clip(); } else g.globalAlpha = now.mix;
        paintItem(g, items[1], f, at);
        g.restore();
      } else paintItem(g, items[what], f, at);
    }
    drawOver();
  }

  function drawOver() {
    const f = frame(), now = choices(), unit = ratio();
    for (const {over, what} of holders) {
      const g = over.getContext('2d'), {width, height} = over;
      g.setTransform(1, 0, 0, 1, 0, 0);
      g.clearRect(0, 0, width, height);
      if (!f) continue;
      const at = lens.place(f, width, height);
      const marked = (item, from, to) => {
        if (!item || !item.picture || !item.stands) return;
        const box = boxOf(item, f), things = marks.visibleMasks(item.picture).map(one => marks.mask(one, 0)), maps = things.map(one => { const there = bitmaps.ready(one.key); if (!there) bitmaps.get(one, `${one.key} in the stage`).then(yes => { if (yes) draw(); }, () => {}); return there; }).filter(Boolean);
        if (!maps.length && !marks.visibleBoxes(item.picture).length) return;
        g.save();
        g.beginPath(); g.rect(from, 0, to - from, height); g.clip();
        marks.paint(g, item.picture, at.left, at.top, at.scale * box.width / item.width, at.scale * box.height / item.height, unit, maps);
        g.restore();
      };
      const cut = Math.round(width * now.split);
      if (what === 'both') { marked(items[0], 0, now.view === 'swipe' ? cut : width); if (now.view === 'swipe') marked(items[1], cut, width); } else if (what !== 'difference') marked(items[what], 0, width);
      if (what === 'both' && now.view === 'swipe') {
        g.fillStyle = plot.colours().surface; g.fillRect(cut - 1.5 * unit, 0, 3 * unit, height);
        g.fillStyle = plot.colours().ink; g.fillRect(cut - 0.5 * unit, 0, unit, height);
      }
      if (probe) {
        const size = Math.max(at.scale, 5 * unit), x = at.left + (probe.x + 0.5) * at.scale - size / 2, y = at.top + (probe.y + 0.5) * at.scale - size / 2;
        g.lineWidth = 3 * unit; g.strokeStyle = plot.colours().surface; g.strokeRect(x, y, size, size);
        g.lineWidth = unit; g.strokeStyle = plot.colours().ink; g.strokeRect(x, y, size, size);
      }
    }
  }

  /* ---- lens, pointer, keys */
  const lensOf = () => `${own('zoom')}|${own('at')}`;

  function write() {
    clearTimeout(writing);
    writing = setTimeout(() => { const [zoom, at] = lens.words; if (own('zoom') === zoom && own('at') === at) return; if (zoom) { state.own.set('zoom', zoom); state.own.set('at', at); } else { state.own.delete('zoom'); state.own.delete('at'); } lensKnown = lensOf(); state.changed('own'); }, 200);
    draw();
    tell();
  }

  function zoomBy(factor, holder = holders[0], x, y) { const f = frame(); if (f && holder) { const {width, height} = holder.px; lens.zoomTo(lens.scale(f, width, height) * factor, f, width, height, x, y); write(); } }
  function zoomTo(zoom) { const f = frame(), holder = holders[0]; if (!f || !holder) return; if (zoom === null) lens.fit(); else lens.zoomTo(zoom, f, holder.px.width, holder.px.height); write(); }

  function pixelAt(holder, event) {
    const f = frame(), box = holder.image.getBoundingClientRect(), unit = holder.px.width / box.width, x = (event.clientX - box.left) * unit, y = (event.clientY - box.top) * unit;
    if (!f) return null;
    const at = lens.place(f, holder.px.width, holder.px.height), px = Math.floor((x - at.left) / at.scale), py = Math.floor((y - at.top) / at.scale);
    return {x, y, unit, inside: px >= 0 && py >= 0 && px < f.width && py < f.height ? {x: px, y: py} : null};
  }

  function pointTo(next) { if (probe && next && probe.x === next.x && probe.y === next.y) return; probe = next; if (next) ask(); else { probed = []; tellProbe(); } }

  function listen(place) {
    const holderAt = event => { const image = event.target.closest && event.target.closest('.im'); return image ? image.holder : null; };
    place.addEventListener('wheel', event => { const holder = holderAt(event); if (!holder) return; event.preventDefault(); const at = pixelAt(holder, event); if (at) zoomBy(ZOOM_STEP ** Math.max(-3, Math.min(3, -event.deltaY / 100)), holder, at.x, at.y); }, {passive: false});
    place.addEventListener('pointerdown', event => {
      const holder = holderAt(event);
      if (!holder || event.button) return;
      const at = pixelAt(holder, event), now = choices(), swiping = holder.what === 'both' && now.view === 'swipe' && at && Math.abs(at.x - holder.px.width * now.split) < 14 * at.unit;
      drag = {holder, x: event.clientX, y: event.clientY, swiping};
      holder.image.setPointerCapture(event.pointerId);
    });
    place.addEventListener('pointermove', event => {
      const holder = drag ? drag.holder : holderAt(event);
      if (!holder) return;
      const at = pixelAt(holder, event);
      if (!at) return;
      if (drag && drag.swiping) { state.choose('split', String(+Math.max(0, Math.min(1, at.x / holder.px.width)).toFixed(3))); return; }
      if (drag && (event.buttons & 1)) { lens.pan((event.clientX - drag.x) * at.unit, (event.clientY - drag.y) * at.unit, frame(), holder.px.width, holder.px.height); drag.x = event.clientX; drag.y = event.clientY; write(); }
      pointTo(at.inside);
    });
    for (const name of ['pointerup', 'pointercancel', 'lostpointercapture']) place.addEventListener(name, () => { drag = null; });
    place.addEventListener('pointerleave', () => pointTo(null));
    place.addEventListener('dblclick', event => { const holder = holderAt(event); if (!holder) return; if (lens.zoom === null) { const at = pixelAt(holder, event), f = frame(); lens.zoomTo(1, f, holder.px.width, holder.px.height, at.x, at.y); write(); } else zoomTo(null); });
    place.addEventListener('keydown', event => {
      const holder = holderAt(event), by = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[event.key], f = frame();
      if (!holder || !by || !f || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      if (event.shiftKey) { const from = probe || {x: Math.floor(f.width / 2), y: Math.floor(f.height / 2)}; pointTo({x: Math.max(0, Math.min(f.width - 1, from.x + by[0])), y: Math.max(0, Math.min(f.height - 1, from.y + by[1]))}); return; }
      lens.pan(-by[0] * PAN_PX * ratio(), -by[1] * PAN_PX * ratio(), f, holder.px.width, holder.px.height);
      write();
    });
  }

  /* ---- coming and going */
  /** The element with the chosen shots, or null when none is chosen. */
  function show() {
    const list = shots.list();
    if (!list.length) { leave(); return null; }
    if (!element) {
      element = h('section.stage', {id: 'stage', 'aria-label': 'comparison'}, crossboard.stageBar.build(), h('div.panes'), h('span.unseen', {role: 'status'}));
      listen(element);
      lensKnown = lensOf();
      lens.read(own('zoom'), own('at'));
    }
    compared.update();
    build();
    draw();
    tell();
    return element;
  }

  /** Bring all shots to the slider's step. */
  function update() {
    if (!element) return;
    compared.update();
    draw();
    tell();
  }

  /** Something was chosen for the stage, by its bar or by the address. */
  function chosen() {
    if (!element) return;
    if (lensKnown !== lensOf()) { lensKnown = lensOf(); lens.read(own('zoom'), own('at')); }   // by the address, not by the lens itself
    element.classList.toggle('big', choices().big);
    draw();
    tell();
    compared.work();
  }

  function redraw() { if (!element) return; hatched = null; draw(); tell(); compared.work(); }

  function leave() {
    compared.leave();
    clearTimeout(writing);
    holders.forEach(holder => sizes.unobserve(holder.image)); holders = []; built = ''; probe = null; lastNumbers = null;
    if (element) element.remove();
    element = null;
  }

  compared.on('draw', () => draw());
  compared.on('tell', () => tell());
  compared.on('worked', () => { if (probe) ask(); });
  compared.measureBy(picture => { const pane = holders[0], {width, height} = pane ? pane.px : {width: 800, height: 600}; return Math.max(picture.width, picture.height) * Math.min(1, lens.scale(frame() || picture, Math.max(50, width), Math.max(50, height))); });

  crossboard.stage = {show, update, chosen, redraw, leave, zoomBy, zoomTo, lens, items, get holders() { return holders; }, get probe() { return probe && {...probe, values: probed}; }, pointTo, numberWords};
})(window);
