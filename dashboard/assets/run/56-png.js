/* The exact values of a PNG. A canvas would round 16 bits to 8, mix alpha in and turn palettes to colours, so the file is read here:
   chunks, inflate, and the five filters of PNG (ISO/IEC 15948, sections 5, 7 and 9). Every colour type, 1 to 16 bits, not interlaced. */
(root => {
  'use strict';
  const crossboard = root.crossboard = root.crossboard || {};
  const CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4};

  async function inflate(bytes) {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  /** The chunks of the file: {width, height, depth, colour, interlaced, packed, palette, clear}. `clear`: what tRNS holds, or null. */
  function chunks(buffer) {
    const view = new DataView(buffer), bytes = new Uint8Array(buffer), parts = [];
    if (bytes.length < 33 || view.getUint32(0) !== 0x89504e47) return null;
    const found = {width: view.getUint32(16), height: view.getUint32(20), depth: bytes[24], colour: bytes[25], interlaced: bytes[28] === 1, palette: null, clear: null};
    for (let at = 8; at + 12 <= bytes.length;) {
      const length = view.getUint32(at), name = view.getUint32(at + 4), body = bytes.subarray(at + 8, at + 8 + length);
      if (name === 0x49444154) parts.push(body);
      else if (name === 0x504c5445) found.palette = body;
      else if (name === 0x74524e53) found.clear = body;
      at += 12 + length;
    }
    found.packed = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
    let to = 0;
    for (const part of parts) { found.packed.set(part, to); to += part.length; }
    return found;
  }

  /** The samples of a PNG as they are in the file, row by row: Uint16Array where they have 16 bits, else Uint8Array. */
  async function samples({width, height, depth, colour, packed}) {
    const n = CHANNELS[colour], raw = await inflate(packed), line = Math.ceil(width * n * depth / 8), back = Math.max(1, n * depth >> 3), row = width * n;
    if (raw.length < (line + 1) * height) throw new Error(`the PNG ends in row ${Math.floor(raw.length / (line + 1))} of ${height}`);
    const out = depth === 16 ? new Uint16Array(row * height) : new Uint8Array(row * height);
    let before = new Uint8Array(line);
    for (let y = 0; y < height; y++) {
      const filter = raw[y * (line + 1)], now = raw.subarray(y * (line + 1) + 1, (y + 1) * (line + 1));
      if (filter === 1) for (let x = back; x < line; x++) now[x] += now[x - back];
      else if (filter === 2) for (let x = 0; x < line; x++) now[x] += before[x];
      else if (filter === 3) for (let x = 0; x < line; x++) now[x] += ((x >= back ? now[x - back] : 0) + before[x]) >> 1;
      else if (filter === 4) for (let x = 0; x < line; x++) {
        const a = x >= back ? now[x - back] : 0, b = before[x], c = x >= back ? before[x - back] : 0, p = a + b - c, pa = Math.abs(p - a), pb = Math.abs(p - b), pc = Math.abs(p - c);
        now[x] += pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
      }
      const to = y * row;
      if (depth === 8) out.set(now, to);
      else if (depth === 16) for (let x = 0; x < row; x++) out[to + x] = now[2 * x] << 8 | now[2 * x + 1];
      else for (let x = 0; x < row; x++) out[to + x] = now[x * depth >> 3] >> 8 - depth - x * depth % 8 & (1 << depth) - 1;
      before = now;
    }
    return out;
  }

  /** A class map: ArrayBuffer of a PNG of one channel -> {width, height, values: Uint16Array}. Rejects with what it is not. */
  async function values(buffer) {
    const png = chunks(buffer);
    if (!png) throw new Error('a mask is no PNG');
    if ((png.colour !== 0 && png.colour !== 3) || png.interlaced) throw new Error(`a mask has PNG colour type ${png.colour}${png.interlaced ? ', interlaced' : ''}; one plain channel is shown`);
    return {width: png.width, height: png.height, values: Uint16Array.from(await samples(png))};
  }

  /** A picture: ArrayBuffer of a PNG -> {width, height, channels, depth, values} with straight alpha as it is stored. channels: 1 grey, 2 grey
      and alpha, 3 RGB, 4 RGB and alpha; depth: 16 where the file has 16 bits, else 8 (fewer are spread over 0..255). Resolves to null where this is no
      PNG or an interlaced one. */
  async function pixels(buffer) {
    const png = chunks(buffer);
    if (!png || png.interlaced || !CHANNELS[png.colour]) return null;
    const {width, height, depth, colour, palette, clear} = png, raw = await samples(png), n = width * height;
    if (colour === 3) {
      if (!palette) throw new Error('the PNG has no palette');
      const channels = clear ? 4 : 3, out = new Uint8Array(n * channels);
      for (let i = 0; i < n; i++) {
        const at = 3 * raw[i], to = channels * i;
        out[to] = palette[at]; out[to + 1] = palette[at + 1]; out[to + 2] = palette[at + 2];
        if (clear) out[to + 3] = raw[i] < clear.length ? clear[raw[i]] : 255;
      }
      return {width, height, channels, depth: 8, values: out};
    }
    const many = CHANNELS[colour], most = depth === 16 ? 65535 : 255, spread = depth < 8 ? 255 / ((1 << depth) - 1) : 1;
    if (spread !== 1) for (let i = 0; i < raw.length; i++) raw[i] *= spread;
    if (!clear || colour > 3) return {width, height, channels: many, depth: depth === 16 ? 16 : 8, values: raw};
    const key = Array.from({length: many}, (_, c) => (clear[2 * c] << 8 | clear[2 * c + 1]) * spread), out = depth === 16 ? new Uint16Array(n * (many + 1)) : new Uint8Array(n * (many + 1));
    for (let i = 0; i < n; i++) {
      let same = true;
      for (let c = 0; c < many; c++) { out[(many + 1) * i + c] = raw[many * i + c]; same = same && raw[many * i + c] === key[c]; }
      out[(many + 1) * i + many] = same ? 0 : most;
    }
    return {width, height, channels: many + 1, depth: depth === 16 ? 16 : 8, values: out};
  }

  crossboard.png = {values, pixels};
})(typeof window === 'undefined' ? globalThis : window);
