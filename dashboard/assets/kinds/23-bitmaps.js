/* Decoded pictures, ready to be drawn: as many as fit into MOST bytes, the least recently used are let go.

   A thing to decode is {key, bytes, load}: `load()` resolves to an ImageBitmap, `bytes` is about how many it will take. What is wanted now goes first and
   takes the place of what the same owner wanted before; what is asked ahead fills the time between. Pictures of more than 1,024 pixels a side are decoded
   at the size at which they are shown, beside the page: a picture of 4k costs a tile no more than one of 512 pixels. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {pixelWorker, url} = crossboard, absolute = path => new URL(url(path), location.href).href;
  const MOST = 256 << 20, AT_ONCE = 6, EDGES = [512, 1024, 2048, 4096], WHOLE = 1024;

  const held = new Map(), running = new Map(), failed = new Set(), wanted = [], owners = new Map();
  let bytes = 0, ahead = [];

  const sizeOf = bitmap => bitmap.width * bitmap.height * 4;

  function keep(key, bitmap) {
    held.set(key, bitmap);
    bytes += sizeOf(bitmap);
    for (const [name, one] of held) { if (bytes <= MOST || name === key) break; held.delete(name); bytes -= sizeOf(one); one.close(); }
  }

  /** The bitmap when it is there; it stays valid until the caller returns. */
  function ready(key) {
    const found = held.get(key);
    if (!found) return null;
    held.delete(key);
    held.set(key, found);
    return found;
  }

  function begin(thing) {
    if (!running.has(thing.key)) running.set(thing.key, thing.load().then(bitmap => { keep(thing.key, bitmap); return bitmap; }, error => { failed.add(thing.key); throw error; }).finally(() => { running.delete(thing.key); pump(); }));
    return running.get(thing.key);
  }

  function pump() {
    while (running.size < AT_ONCE && wanted.length) {
      const {thing, resolve, reject} = wanted.shift();
      if (held.has(thing.key)) resolve(true); else begin(thing).then(() => resolve(true), reject);
    }
    while (running.size < AT_ONCE - 1 && ahead.length) {
      const thing = ahead.shift();
      if (!held.has(thing.key) && !running.has(thing.key) && !failed.has(thing.key)) begin(thing).catch(() => {});
    }
  }

  /** Resolves to true when the bitmap is there, to false when the same owner wanted another before it was begun. */
  function get(thing, owner) {
    if (held.has(thing.key)) return Promise.resolve(true);
    return new Promise((resolve, reject) => {
      const before = owners.get(owner), at = before ? wanted.indexOf(before) : -1, job = {thing, resolve, reject};
      if (at >= 0) { wanted.splice(at, 1); before.resolve(false); }
      owners.set(owner, job);
      wanted.push(job);
      pump();
    }).finally(() => { if (owners.get(owner) && owners.get(owner).thing === thing) owners.delete(owner); });
  }

  /** What will probably be wanted, the nearest first; it takes the place of what was asked before. */
  function prepare(things) { ahead = things; pump(); }

  /** How many bytes may be decoded ahead. */
  const room = () => MOST * 0.7;

  async function drawing(picture, wide) {
    const image = new Image();
    image.src = url(picture.blob.url);
    await image.decode();
    return createImageBitmap(image, {resizeWidth: Math.max(1, Math.round(wide || image.naturalWidth || 512)), resizeQuality: 'high'});
  }

  const nameOf = ({blob}) => `${(blob.media_type.split('/')[1] || 'file').split('+')[0].toUpperCase()}, ${crossboard.parts.bytes(blob.size)}`;

  /** A picture at the size at which its longer side has `need` device pixels; need 0: every pixel of it. */
  function picture(one, need) {
    const most = Math.max(one.width, one.height), edge = !need || most <= WHOLE ? 0 : EDGES.find(each => each >= need && each < most) || 0, type = one.blob.media_type, wide = edge ? Math.max(1, Math.round(one.width * edge / most)) : 0;
    const scale = edge ? edge / most : 1;
    return {key: `${one.blob.digest}|${edge}`, bytes: one.width * one.height * 4 * scale * scale, whole: !edge, async load() {
      if (!type.startsWith('image/')) throw new Error(`${nameOf(one)}: a type that is not shown`);
      try {
        if (type === 'image/svg+xml') return await drawing(one, wide || one.width);
        return (await pixelWorker.ask('decode', {url: absolute(one.blob.url), wide, high: wide ? Math.max(1, Math.round(one.height * scale)) : 0})).bitmap;
      } catch (error) {
        throw new Error(`${nameOf(one)}: ${error.told ? error.message : 'damaged, it cannot be decoded'}`, {cause: error});
      }
    }};
  }

  function clear() {
    ahead = [];
    for (const job of wanted.splice(0)) job.resolve(false);
    for (const one of held.values()) one.close();
    held.clear();
    failed.clear();
    bytes = 0;
  }

  crossboard.bitmaps = {clear, get, picture, prepare, ready, room, nameOf, get bytes() { return bytes; }, get count() { return held.size; }, get busy() { return running.size + wanted.length; }, get queued() { return ahead.length; }};
})(window);
