/* The frames of a GIF, exactly (GIF89a): a browser plays them, but shows none by its number. Loaded by the pixel worker too. */
(root => {
  'use strict';
  const crossboard = root.crossboard = root.crossboard || {};
  const KEPT_EVERY = 16, KEPT_BYTES = 96 << 20;

  /** LZW codes of a frame -> its colour numbers. What is missing at the end stays 0. */
  function unpack(bytes, minimum, n) {
    const out = new Uint8Array(n), clear = 1 << minimum, end = clear + 1, prefix = new Uint16Array(4096), suffix = new Uint8Array(4096), stack = new Uint8Array(4097);
    let width = minimum + 1, next = end + 1, before = -1, first = 0, bits = 0, held = 0, to = 0;
    for (let i = 0; i < clear; i++) suffix[i] = i;
    for (let at = 0; to < n;) {
      while (bits < width && at < bytes.length) { held |= bytes[at++] << bits; bits += 8; }
      if (bits < width) break;
      const code = held & (1 << width) - 1;
      held >>>= width; bits -= width;
      if (code === clear) { width = minimum + 1; next = end + 1; before = -1; continue; }
      if (code === end) break;
      if (code > next || (code === next && before < 0)) throw new Error('a damaged GIF: a code that nothing stands for');
      let one = code, high = 0;
      if (code === next) { stack[high++] = first; one = before; }
      while (one > end) { stack[high++] = suffix[one]; one = prefix[one]; }
      first = suffix[one];
      out[to++] = first;
      while (high && to < n) out[to++] = stack[--high];
      if (before >= 0 && next < 4096) { prefix[next] = before; suffix[next] = first; next++; if (next === 1 << width && width < 12) width++; }
      before = code;
    }
    return out;
  }

  /** ArrayBuffer -> {width, height, frames: [{delay}], frame(i)}. delay in seconds (at least 0.02; 0.1 where the file says less, as browsers
      do); `frame(i)` gives the whole picture as RGBA, a Uint8ClampedArray that the caller must not change. Throws with what it is not. */
  function read(buffer) {
    const bytes = new Uint8Array(buffer), view = new DataView(buffer), short = at => view.getUint16(at, true);
    if (bytes.length < 13 || String.fromCharCode(...bytes.subarray(0, 3)) !== 'GIF') throw new Error('not a GIF');
    const width = short(6), height = short(8), colours = flags => flags & 128 ? 3 << (flags & 7) + 1 : 0, frames = [];
    let at = 13, control = {delay: 0.1, clear: -1, after: 0};
    const table = bytes.subarray(at, at += colours(bytes[10]));
    const blocks = () => {
      const parts = [];
      while (at < bytes.length && bytes[at]) { parts.push(bytes.subarray(at + 1, at + 1 + bytes[at])); at += 1 + bytes[at]; }
      at++;
      const out = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
      let to = 0;
      for (const part of parts) { out.set(part, to); to += part.length; }
      return out;
    };
    while (at < bytes.length && bytes[at] !== 0x3b) {
      if (bytes[at] === 0x21 && bytes[at + 1] === 0xf9) {
        const said = short(at + 4) / 100;
        control = {delay: said < 0.02 ? 0.1 : said, clear: bytes[at + 3] & 1 ? bytes[at + 6] : -1, after: bytes[at + 3] >> 2 & 7};
        at += 2; blocks();
      } else if (bytes[at] === 0x21) { at += 2; blocks(); }
      else if (bytes[at] === 0x2c && at + 10 < bytes.length) {
        const flags = bytes[at + 9], place = {x: short(at + 1), y: short(at + 3), width: short(at + 5), height: short(at + 7), woven: Boolean(flags & 64)};
        at += 10;
        const own = bytes.subarray(at, at + colours(flags));
        at += own.length;
        const minimum = bytes[at++];
        frames.push({...control, ...place, minimum, table: own.length ? own : table, packed: blocks()});
        control = {delay: 0.1, clear: -1, after: 0};
      } else break;
    }
    if (!frames.length) throw new Error('a GIF without a frame');
    let canvas = new Uint8ClampedArray(4 * width * height), drawn = -1, under = null;
    const kept = new Map(), most = Math.max(1, Math.floor(KEPT_BYTES / Math.max(1, canvas.length)));

    /** The rows of a frame in their order: interlaced ones come in four passes. */
    const rowsOf = one => one.woven ? [[0, 8], [4, 8], [2, 4], [1, 2]].flatMap(([from, by]) => Array.from({length: Math.max(0, Math.ceil((one.height - from) / by))}, (_, i) => from + by * i)) : null;

    function draw(i) {
      const past = frames[i - 1], one = frames[i];
      if (past && past.after === 2) for (let y = past.y; y < Math.min(height, past.y + past.height); y++) canvas.fill(0, 4 * (y * width + past.x), 4 * (y * width + Math.min(width, past.x + past.width)));
      if (past && past.after === 3 && under) canvas.set(under);
      under = one.after === 3 ? canvas.slice() : under;
      const numbers = unpack(one.packed, one.minimum, one.width * one.height), rows = rowsOf(one);
      for (let r = 0; r < one.height; r++) {
        const y = one.y + (rows ? rows[r] : r);
        if (y >= height) continue;
        for (let c = 0; c < one.width && one.x + c < width; c++) {
          const number = numbers[r * one.width + c], to = 4 * (y * width + one.x + c);
          if (number === one.clear) continue;
          canvas[to] = one.table[3 * number]; canvas[to + 1] = one.table[3 * number + 1]; canvas[to + 2] = one.table[3 * number + 2]; canvas[to + 3] = 255;
        }
      }
      drawn = i;
      if (i % KEPT_EVERY === 0 && kept.size < most && frames[i].after !== 3) kept.set(i, canvas.slice());
    }

    function frame(i) {
      if (!(i >= 0 && i < frames.length)) throw new Error(`frame ${i}: the GIF has ${frames.length}`);
      if (i < drawn || i > drawn + KEPT_EVERY) {
        const from = [...kept.keys()].filter(one => one <= i && one > (i >= drawn ? drawn : -1)).sort((a, b) => b - a)[0];
        if (from !== undefined) { canvas.set(kept.get(from)); drawn = from; under = null; }
        else if (i < drawn) { canvas.fill(0); drawn = -1; under = null; }
      }
      while (drawn < i) draw(drawn + 1);
      return canvas;
    }

    return {width, height, frames: frames.map(({delay}) => ({delay})), frame};
  }

  crossboard.gif = {read};
})(typeof window === 'undefined' ? globalThis : window);
