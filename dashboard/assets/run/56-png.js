/* Class maps: the exact values of a PNG with one channel. A canvas would round 16 bits to 8 and palettes to colours, so the file is
   read here: chunks, inflate, and the five filters of PNG (ISO/IEC 15948, section 9). Not interlaced, grey or palette, 1 to 16 bits. */
(root => {
  'use strict';
  const crossboard = root.crossboard = root.crossboard || {};

  async function inflate(bytes) {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  /** ArrayBuffer of a PNG -> {width, height, values: Uint16Array}. Rejects with what it is not. */
  async function values(buffer) {
    const view = new DataView(buffer), bytes = new Uint8Array(buffer), parts = [];
    if (bytes.length < 33 || view.getUint32(0) !== 0x89504e47) throw new Error('a mask is no PNG');
    const width = view.getUint32(16), height = view.getUint32(20), depth = bytes[24], colour = bytes[25];
    if ((colour !== 0 && colour !== 3) || bytes[28]) throw new Error(`a mask has PNG colour type ${colour}${bytes[28] ? ', interlaced' : ''}; one plain channel is shown`);
    for (let at = 8; at + 12 <= bytes.length;) {
      const length = view.getUint32(at);
      if (view.getUint32(at + 4) === 0x49444154) parts.push(bytes.subarray(at + 8, at + 8 + length));
      at += 12 + length;
    }
    const packed = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
    let to = 0;
    for (const part of parts) { packed.set(part, to); to += part.length; }
    const raw = await inflate(packed), line = Math.ceil(width * depth / 8), back = Math.max(1, depth >> 3), out = new Uint16Array(width * height);
    let before = new Uint8Array(line);
    for (let y = 0; y < height; y++) {
      const filter = raw[y * (line + 1)], now = raw.subarray(y * (line + 1) + 1, (y + 1) * (line + 1));
      for (let x = 0; x < line; x++) {
        const a = x >= back ? now[x - back] : 0, b = before[x], c = x >= back ? before[x - back] : 0;
        let guess = 0;
        if (filter === 1) guess = a;
        else if (filter === 2) guess = b;
        else if (filter === 3) guess = (a + b) >> 1;
        else if (filter === 4) { const p = a + b - c, pa = Math.abs(p - a), pb = Math.abs(p - b), pc = Math.abs(p - c); guess = pa <= pb && pa <= pc ? a : pb <= pc ? b : c; }
        now[x] += guess;
      }
      for (let x = 0; x < width; x++) out[y * width + x] = depth === 16 ? now[2 * x] << 8 | now[2 * x + 1] : depth === 8 ? now[x] : now[x * depth >> 3] >> 8 - depth - x * depth % 8 & (1 << depth) - 1;
      before = now;
    }
    return {width, height, values: out};
  }

  crossboard.png = {values};
})(typeof window === 'undefined' ? globalThis : window);
