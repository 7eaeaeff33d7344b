/* What lies over a picture: boxes and class maps, in the colours of their classes, and which classes are shown.

   A class is known by its name, over all pictures of the page; its switch hides its boxes and its part of a class map everywhere. Switched off are names in
   `set=off:`: a class, "#boxes", "#masks", or "@" and a group of boxes. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {h, numbers, pixelWorker, plot, state, url} = crossboard;
  const SHOWN = 24, WORDS = 96;
  const boxes = new Map(), masks = new Map(), groups = new Set(), asked = new Map();
  let has = {boxes: false, masks: false}, all = false, offText = null, offSet = new Set();

  function off() {
    const text = state.own.get('off') || '';
    if (text !== offText) { offText = text; offSet = new Set(text.split(',').filter(Boolean).map(decodeURIComponent)); }
    return offSet;
  }
  const isOff = name => off().has(name);

  function toggle(name) {
    const now = new Set(off());
    if (!now.delete(name)) now.add(name);
    state.choose('off', [...now].sort().map(encodeURIComponent).join(','));
  }

  const classOf = box => box.label || box.group || 'boxes without a label';
  const slotOf = name => masks.has(name) ? masks.get(name) : boxes.get(name) || 0;
  const colourOf = name => plot.look(slotOf(name) % 12).colour;
  const rgb = text => { const n = parseInt(text.slice(1), 16); return [n >> 16, n >> 8 & 255, n & 255]; };
  const wordsOf = (mask, one) => mask.labels[one] || (mask.name ? `${mask.name} ${one}` : `class ${one}`);

  /** Learn which classes the pictures of a point have. True when some are new. */
  function see(pictures) {
    const before = boxes.size + masks.size + groups.size;
    for (const picture of pictures) {
      for (const box of picture.boxes) { has.boxes = true; if (box.group && box.label) groups.add(box.group); if (!boxes.has(classOf(box))) boxes.set(classOf(box), boxes.size); }
      for (const mask of picture.masks) { has.masks = true; for (const [one, name] of Object.entries(mask.labels)) if (+one && !masks.has(name)) masks.set(name, +one - 1); }
    }
    return boxes.size + masks.size + groups.size !== before;
  }

  /** The class map of a picture, coloured, as a thing to decode; edge as for pictures. */
  function mask(one, edge) {
    const hidden = [...asked.get(one.blob.digest) || Object.keys(one.labels).map(Number)].filter(number => isOff(wordsOf(one, number))), colours = Array.from({length: 12}, (_, i) => rgb(plot.look(i).colour));
    return {key: `mask|${one.blob.digest}|${edge}|${hidden.join()}|${colours[0].join()}`, bytes: 4 * edge * edge || 1 << 20, load: () => pixelWorker.ask('mask', {url: new URL(url(one.blob.url), location.href).href, colours, off: hidden, edge}).then(({classes, bitmap}) => {
      asked.set(one.blob.digest, classes);
      let fresh = false;
      for (const number of classes) { const name = wordsOf(one, number); if (!masks.has(name)) { masks.set(name, number - 1); fresh = true; } }
      if (fresh && crossboard.imageTools) crossboard.imageTools.legendSoon();
      return bitmap;
    })};
  }

  const visibleBoxes = picture => isOff('#boxes') ? [] : picture.boxes.filter(box => !isOff(classOf(box)) && !isOff(`@${box.group}`));
  const visibleMasks = picture => isOff('#masks') ? [] : picture.masks;

  /** Draw what lies over `picture` into g: its pixel (0, 0) at x, y, one of its pixels `sx` by `sy` units wide. `unit`: units in a CSS pixel. */
  function paint(g, picture, x, y, sx, sy, unit, maps) {
    g.imageSmoothingEnabled = false;
    for (const map of maps) g.drawImage(map, x, y, picture.width * sx, picture.height * sy);
    const list = visibleBoxes(picture), words = picture.width * sx / unit >= WORDS, size = 11 * unit;
    g.lineWidth = 1.5 * unit;
    g.textBaseline = 'top';
    g.font = `600 ${size}px ${getComputedStyle(document.body).fontFamily}`;
    for (const box of list) {
      const colour = colourOf(classOf(box)), left = x + box.left * sx, top = y + box.top * sy;
      g.strokeStyle = g.fillStyle = colour;
      g.strokeRect(left, top, Math.max(0, box.width * sx), Math.max(0, box.height * sy));
      const said = [box.label, box.score === null || box.score === undefined ? '' : (+box.score).toFixed(2)].filter(Boolean).join(' ');
      if (!words || !said) continue;
      const wide = g.measureText(said).width + 6 * unit, high = size * 1.3, above = top - high >= 0 ? top - high : top;
      g.fillRect(left, above, wide, high);
      g.fillStyle = plot.colours().surface;
      g.fillText(said, left + 3 * unit, above + size * 0.16);
    }
  }

  /** Switches for what lies over the pictures of the page; null where nothing does. */
  function legend(again) {
    if (!has.boxes && !has.masks) return null;
    const names = [...new Set([...masks.keys(), ...boxes.keys()])].sort((a, b) => a.localeCompare(b, 'en', {numeric: true})), shown = all ? names : names.slice(0, SHOWN);
    const button = (name, words, colour) => h('button.lk', {type: 'button', 'data-class': name, 'aria-pressed': String(!isOff(name)), title: words, onclick: () => toggle(name)}, colour ? h('i.dot', {style: `background:${colour}`}) : null, h('span.trunc', {}, words));
    return h('div.classes', {role: 'group', 'aria-label': 'boxes and masks that are shown'}, has.boxes ? button('#boxes', 'Boxes') : null, has.masks ? button('#masks', 'Masks') : null, [...groups].sort().map(name => button(`@${name}`, name)), names.length ? h('span.sep') : null,
      shown.map(name => button(name, name, colourOf(name))), names.length > SHOWN ? h('button.lk', {type: 'button', onclick: () => { all = !all; again(); }}, all ? 'Fewer' : `${numbers.whole(names.length - SHOWN)} more`) : null);
  }

  function forget() { boxes.clear(); masks.clear(); groups.clear(); asked.clear(); has = {boxes: false, masks: false}; all = false; }

  crossboard.pictureMarks = {see, mask, paint, legend, forget, visibleBoxes, visibleMasks, isOff};
})(window);
