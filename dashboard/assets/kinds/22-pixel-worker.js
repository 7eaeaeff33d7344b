/* The pixel workers: they read pictures for drawing, and hold the exact pixels of the pictures that are compared, and work on them beside the page.

   On the page this file starts them: `crossboard.pixelWorker.ask(work, what, transfer)` resolves to its answer. In a worker it answers:

     hold    {key, url, type, bitmap}   read a picture (or take the bitmap that the page decoded) -> {width, height, channels, depth, exact}
     at      {keys, x, y, fit, frame}   the values of one pixel of each, [] where there is none
     differ  {key, a, b, fit, above, paint}   difference of two held ones -> {numbers, bitmap}; paint {table, gain, signed}
     paint   {key, paint}               the same difference in other colours -> {bitmap}
     toned   {key, brightness, contrast}    -> {bitmap}
     mask    {url, colours, off, edge}  a class map, coloured -> {classes, bitmap}
     decode  {url, wide, high}          a picture for drawing, at that size (0: its own) -> {bitmap}
     film    {key, url}                 a GIF -> {width, height, delays};  frame {key, i} -> {bitmap}

   The pictures asked for last stay, up to MOST bytes. */
(scope => {
  'use strict';
  if (typeof WorkerGlobalScope === 'undefined' || !(scope instanceof WorkerGlobalScope)) {
    const crossboard = scope.crossboard, own = document.currentScript.src, NEEDED = ['run/56-png.js', 'kinds/20-gif.js', 'kinds/21-pixels.js'];
    let last = 0;
    const workers = new Map(), waiting = new Map();

    function start(name) {
      const worker = new Worker(own);
      workers.set(name, worker);
      worker.postMessage({scripts: NEEDED.map(script => document.querySelector(`script[src*="${script}"]`).src)});
      worker.onmessage = ({data}) => {
        const asked = waiting.get(data.id);
        waiting.delete(data.id);
        if (!asked) { if (data.answer && data.answer.bitmap) data.answer.bitmap.close(); } else if (data.error) asked.reject(Object.assign(new Error(data.error), {told: data.told})); else asked.resolve(data.answer);
      };
      worker.onerror = event => { event.preventDefault(); end(name, event.message || 'the pixel worker ended'); };
      return worker;
    }

    function end(name, words) {
      workers.get(name).terminate();
      workers.delete(name);
      for (const [id, asked] of waiting) if (asked.name === name) { waiting.delete(id); asked.reject(new Error(words)); }
    }

    /** Let go of all that they hold. */
    function stop() { for (const name of [...workers.keys()]) end(name, 'the page was left'); }

    /** Decoding has a worker of its own, so that it does not wait for a large difference. */
    function ask(work, what, transfer = []) {
      const id = ++last, name = work === 'decode' ? 'decoder' : 'pixels', worker = workers.get(name) || start(name);
      return new Promise((resolve, reject) => { waiting.set(id, {name, resolve, reject}); worker.postMessage({id, work, what}, transfer); });
    }

    crossboard.pixelWorker = {ask, stop, get busy() { return waiting.size; }};
    return;
  }

  const MOST = 320 << 20, held = new Map();
  let bytes = 0;

  function keep(key, value, size) {
    if (held.has(key)) bytes -= held.get(key).size;
    held.delete(key);
    held.set(key, {value, size});
    bytes += size;
    for (const [name, one] of held) { if (bytes <= MOST || name === key) break; held.delete(name); bytes -= one.size; }
    return value;
  }

  function take(key) {
    const found = held.get(key);
    if (!found) throw new Error('not held any more');
    held.delete(key);
    held.set(key, found);
    return found.value;
  }

  async function load(url) {
    const answer = await fetch(url, {credentials: 'same-origin'});
    if (!answer.ok) throw Object.assign(new Error(await answer.json().then(told => told.error, () => '') || `the server said ${answer.status}`), {told: true});
    return answer;
  }

  /** What the browser decodes: 8 bits, read back from a canvas. */
  function fromBitmap(bitmap) {
    const {width, height} = bitmap, g = new OffscreenCanvas(width, height).getContext('2d', {willReadFrequently: true});
    g.drawImage(bitmap, 0, 0);
    bitmap.close();
    const data = g.getImageData(0, 0, width, height).data;
    let grey = true, clear = false;
    for (let i = 0; i < data.length; i += 4) { if (data[i] !== data[i + 1] || data[i] !== data[i + 2]) grey = false; if (data[i + 3] !== 255) clear = true; }
    const channels = (grey ? 1 : 3) + (clear ? 1 : 0), values = new Uint8Array(width * height * channels);
    for (let i = 0, to = 0; i < data.length; i += 4) { values[to++] = data[i]; if (!grey) { values[to++] = data[i + 1]; values[to++] = data[i + 2]; } if (clear) values[to++] = data[i + 3]; }
    return {width, height, channels, depth: 8, values};
  }

  const toBitmap = (data, width, height, edge) => {
    const most = Math.max(width, height), small = edge && most > edge ? {resizeWidth: Math.max(1, Math.round(width * edge / most)), resizeHeight: Math.max(1, Math.round(height * edge / most)), resizeQuality: 'pixelated'} : {};
    return createImageBitmap(new ImageData(data, width, height), small);
  };
  const told = ({width, height, channels, depth}, exact) => ({width, height, channels, depth, exact});

  const WORKS = {
    async hold({key, url, type, bitmap}) {
      if (held.has(key)) { if (bitmap) bitmap.close(); const {picture, exact} = take(key); return told(picture, exact); }
      let picture = null;
      if (bitmap) picture = fromBitmap(bitmap);
      else {
        const answer = await load(url);
        if (type === 'image/png') { const buffer = await answer.arrayBuffer(); picture = await scope.crossboard.png.pixels(buffer) || fromBitmap(await createImageBitmap(new Blob([buffer], {type}), {premultiplyAlpha: 'none', colorSpaceConversion: 'none'})); }
        else picture = fromBitmap(await createImageBitmap(await answer.blob(), {premultiplyAlpha: 'none', colorSpaceConversion: 'none'}));
      }
      const exact = !bitmap && type === 'image/png';
      keep(key, {picture, exact}, picture.values.byteLength);
      return told(picture, exact);
    },
    at: ({keys, x, y, fit, frame}) => keys.map(key => held.has(key) ? scope.crossboard.pixels.at(take(key).picture, x, y, fit, frame) : null),
    async differ({key, a, b, fit, above, paint}) {
      const found = scope.crossboard.pixels.difference(take(a).picture, take(b).picture, {fit, above}), {most, ...numbers} = found;
      keep(key, found, most.byteLength);
      return {numbers, bitmap: await toBitmap(scope.crossboard.pixels.coloured(found, paint), found.width, found.height)};
    },
    async paint({key, paint}) {
      const found = take(key);
      return {bitmap: await toBitmap(scope.crossboard.pixels.coloured(found, paint), found.width, found.height)};
    },
    async toned({key, brightness, contrast}) {
      const {picture} = take(key);
      return {bitmap: await toBitmap(scope.crossboard.pixels.toned(picture, brightness, contrast), picture.width, picture.height)};
    },
    async mask({url, colours, off, edge}) {
      const key = `mask ${url}`;
      if (!held.has(key)) { const map = await scope.crossboard.png.values(await (await load(url)).arrayBuffer()); keep(key, map, map.values.byteLength); }
      const {width, height, values} = take(key), data = new Uint8ClampedArray(4 * width * height), seen = new Uint8Array(65536), hidden = new Set(off);
      for (let i = 0; i < values.length; i++) {
        const one = values[i];
        if (!one) continue;
        seen[one] = 1;
        if (hidden.has(one)) continue;
        const [r, g, b] = colours[(one - 1) % colours.length];
        data[4 * i] = r; data[4 * i + 1] = g; data[4 * i + 2] = b; data[4 * i + 3] = 140;
      }
      const classes = [];
      for (let i = 1; i < 65536; i++) if (seen[i]) classes.push(i);
      return {classes, bitmap: await toBitmap(data, width, height, edge)};
    },
    async decode({url, wide, high}) {
      const blob = await (await load(url)).blob();
      return {bitmap: await createImageBitmap(blob, wide ? {resizeWidth: wide, resizeHeight: high, resizeQuality: 'medium'} : {})};
    },
    async film({key, url}) {
      if (!held.has(key)) { const gif = scope.crossboard.gif.read(await (await load(url)).arrayBuffer()); keep(key, gif, gif.width * gif.height * 4 * Math.min(8, gif.frames.length)); }
      const {width, height, frames} = take(key);
      return {width, height, delays: frames.map(one => one.delay)};
    },
    async frame({key, i}) {
      const gif = take(key);
      return {bitmap: await toBitmap(gif.frame(i).slice(), gif.width, gif.height)};
    },
  };

  scope.onmessage = async ({data}) => {
    if (data.scripts) { scope.importScripts(...data.scripts); return; }
    try {
      const answer = await WORKS[data.work](data.what);
      scope.postMessage({id: data.id, answer}, answer && answer.bitmap ? [answer.bitmap] : []);
    } catch (error) { scope.postMessage({id: data.id, error: error.message, told: error.told || error instanceof TypeError}); }
  };
})(self);
