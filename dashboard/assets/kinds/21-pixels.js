/* Pixels as numbers: two pictures brought to one grid, their difference and what is said of it, and how they are coloured.

   A picture here is {width, height, channels, depth, values}: values row by row, 0..255 (depth 8) or 0..65535 (depth 16), alpha straight;
   channels: 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha. All functions are pure; the pixel worker runs them. */
(root => {
  'use strict';
  const crossboard = root.crossboard = root.crossboard || {};
  const peakOf = depth => depth === 16 ? 65535 : 255;

  /** `picture` with other channels and depth: grey is repeated, missing alpha is opaque, 8 bits become 16 by 257. */
  function spread(picture, channels, depth) {
    if (picture.channels === channels && picture.depth === depth) return picture;
    const n = picture.width * picture.height, from = picture.values, had = picture.channels, out = depth === 16 ? new Uint16Array(n * channels) : new Uint8Array(n * channels), by = depth === 16 && picture.depth === 8 ? 257 : 1, peak = peakOf(depth);
    const colours = channels > 2 ? 3 : 1, hadColours = had > 2 ? 3 : 1, alpha = channels % 2 === 0, hadAlpha = had % 2 === 0;
    for (let i = 0; i < n; i++) {
      for (let c = 0; c < colours; c++) out[channels * i + c] = from[had * i + (hadColours === 3 ? c : 0)] * by;
      if (alpha) out[channels * i + colours] = hadAlpha ? from[had * i + hadColours] * by : peak;
    }
    return {width: picture.width, height: picture.height, channels, depth, values: out};
  }

  /** `picture` at another size: bilinear between pixel centres, edges repeated. */
  function scaled(picture, width, height) {
    if (picture.width === width && picture.height === height) return picture;
    const {channels, depth, values} = picture, out = depth === 16 ? new Uint16Array(width * height * channels) : new Uint8Array(width * height * channels);
    const places = (to, from) => Array.from({length: to}, (_, i) => { const at = Math.max(0, Math.min(from - 1, (i + 0.5) * from / to - 0.5)), low = Math.floor(at); return [low, Math.min(from - 1, low + 1), at - low]; });
    const across = places(width, picture.width), down = places(height, picture.height);
    for (let y = 0; y < height; y++) {
      const [y0, y1, fy] = down[y];
      for (let x = 0; x < width; x++) {
        const [x0, x1, fx] = across[x], a = (y0 * picture.width + x0) * channels, b = (y0 * picture.width + x1) * channels, c = (y1 * picture.width + x0) * channels, d = (y1 * picture.width + x1) * channels, to = (y * width + x) * channels;
        for (let k = 0; k < channels; k++) {
          const top = values[a + k] + (values[b + k] - values[a + k]) * fx, bottom = values[c + k] + (values[d + k] - values[c + k]) * fx;
          out[to + k] = Math.round(top + (bottom - top) * fy);
        }
      }
    }
    return {width, height, channels, depth, values: out};
  }

  /** A minus B. `fit`: 'scale' brings B to the size of A, '' lays both at the upper left corner and compares what they have in common.

      -> {width, height, peak, channels, most, mean, max, over, psnr}: `most` is for each pixel the difference of the channel that differs most, with
      its sign (Int32Array); `mean` and `max` are of |A - B| over all channels, `over` the share of pixels whose `most` is larger than the threshold
      `above`, all in units of the deeper picture; psnr = 10 log10(peak^2 / mean of squares) in dB, Infinity where nothing differs. */
  function difference(a, b, {fit = '', above = 16} = {}) {
    const channels = Math.max(a.channels, b.channels) > 2 ? a.channels % 2 && b.channels % 2 ? 3 : 4 : a.channels % 2 && b.channels % 2 ? 1 : 2, depth = Math.max(a.depth, b.depth);
    const one = spread(a, channels, depth), two = spread(fit === 'scale' ? scaled(b, a.width, a.height) : b, channels, depth), width = Math.min(one.width, two.width), height = Math.min(one.height, two.height);
    const most = new Int32Array(width * height), u = one.values, v = two.values;
    let sum = 0, squares = 0, max = 0, over = 0;
    for (let y = 0; y < height; y++) {
      let i = y * one.width * channels, j = y * two.width * channels;
      let rowSquares = 0, rowSum = 0;
      for (let x = 0; x < width; x++) {
        let far = 0, size = 0;
        for (let c = 0; c < channels; c++, i++, j++) {
          const d = u[i] - v[j], abs = d < 0 ? -d : d;
          rowSum += abs; rowSquares += d * d;
          if (abs > size) { size = abs; far = d; }
        }
        if (size > max) max = size;
        if (size > above) over++;
        most[y * width + x] = far;
      }
      sum += rowSum; squares += rowSquares;
    }
    const n = width * height * channels, peak = peakOf(depth);
    return {width, height, peak, channels, most, mean: n ? sum / n : 0, max, over: n ? over / (width * height) : 0, psnr: squares ? 10 * Math.log10(peak * peak * n / squares) : Infinity};
  }

  /** The difference as RGBA: `table` holds 256 colours (three bytes each) of a share 0..1, or 511 of -1..1 where `signed`; a share is the difference
      times `gain` over the peak. */
  function coloured({width, height, most, peak}, {table, gain, signed}) {
    const out = new Uint8ClampedArray(4 * width * height), by = 255 * gain / peak;
    for (let i = 0; i < most.length; i++) {
      const share = Math.max(-255, Math.min(255, Math.round(most[i] * by))), at = 3 * (signed ? share + 255 : share < 0 ? -share : share), to = 4 * i;
      out[to] = table[at]; out[to + 1] = table[at + 1]; out[to + 2] = table[at + 2]; out[to + 3] = 255;
    }
    return out;
  }

  /** What the filters brightness(b) contrast(c) of CSS make of a share 0..1. */
  const tone = (share, brightness, contrast) => (Math.min(1, share * brightness) - 0.5) * contrast + 0.5;

  /** RGBA of 8 bits, changed in place by brightness and contrast; alpha stays. */
  function toneInPlace(data, brightness, contrast) {
    const table = Uint8ClampedArray.from({length: 256}, (_, v) => 255 * tone(v / 255, brightness, contrast));
    for (let i = 0; i < data.length; i += 4) { data[i] = table[data[i]]; data[i + 1] = table[data[i + 1]]; data[i + 2] = table[data[i + 2]]; }
    return data;
  }

  /** A picture of any depth as RGBA of 8 bits with brightness and contrast, taken from all its bits. */
  function toned(picture, brightness, contrast) {
    const {values, channels, depth} = picture, n = picture.width * picture.height, out = new Uint8ClampedArray(4 * n), peak = peakOf(depth), grey = channels < 3;
    const table = Uint8ClampedArray.from({length: peak + 1}, (_, v) => 255 * tone(v / peak, brightness, contrast));
    for (let i = 0; i < n; i++) {
      const at = channels * i;
      out[4 * i] = table[values[at]]; out[4 * i + 1] = table[values[at + (grey ? 0 : 1)]]; out[4 * i + 2] = table[values[at + (grey ? 0 : 2)]];
      out[4 * i + 3] = channels % 2 ? 255 : Math.round(255 * values[at + channels - 1] / peak);
    }
    return out;
  }

  /** The values of one pixel, [] outside. `fit` 'scale' and `frame` {width, height}: x and y are of a picture of that size. */
  function at(picture, x, y, fit = '', frame = null) {
    const px = fit === 'scale' && frame ? Math.floor((x + 0.5) * picture.width / frame.width) : x, py = fit === 'scale' && frame ? Math.floor((y + 0.5) * picture.height / frame.height) : y;
    if (!(px >= 0 && py >= 0 && px < picture.width && py < picture.height)) return [];
    const from = (py * picture.width + px) * picture.channels;
    return Array.from(picture.values.subarray(from, from + picture.channels));
  }

  crossboard.pixels = {spread, scaled, difference, coloured, toneInPlace, toned, at};
})(typeof window === 'undefined' ? globalThis : window);
