/* Colours of density: the one sequential ramp of the tokens, from surface to ink, and a diverging one for signed values. */
(root => {
  'use strict';
  const crossboard = root.crossboard = root.crossboard || {};
  let table = null;

  const channel = text => { const n = parseInt(text.slice(1), 16); return [n >> 16, n >> 8 & 255, n & 255]; };
  const between = (stops, share) => {
    const at = Math.max(0, Math.min(1, share)) * (stops.length - 1), i = Math.min(stops.length - 2, Math.floor(at)), f = at - i;
    return stops[i].map((v, k) => Math.round(v + (stops[i + 1][k] - v) * f));
  };

  function colours() {
    if (table) return table;
    const style = getComputedStyle(document.documentElement), css = name => channel(style.getPropertyValue(name).trim());
    const up = [0, 1, 2, 3, 4, 5, 6].map(i => css(`--cb-q${i}`));
    const down = [css('--cb-q0'), css('--cb-del-soft'), css('--cb-del')];
    const plus = [css('--cb-q0'), css('--cb-add-soft'), css('--cb-add')];
    table = {up, down, plus, nan: css('--cb-warn')};
    return table;
  }

  /** [red, green, blue] of a share 0..1. */
  const rgb = share => between(colours().up, share);
  /** The same for -1..1: negative shares go to orange. */
  const signed = share => share < 0 ? between(colours().down, -share) : rgb(share);
  /** Of a difference, -1..1: added (+) and removed (−) in the colours that both have everywhere. */
  const difference = share => between(share < 0 ? colours().down : colours().plus, Math.abs(share));
  const css = share => `rgb(${rgb(share).join()})`;

  /** Draw a grid of cells (`value(column, row)` gives a colour or null) into a rectangle of a canvas, without smoothing. */
  function image(g, columns, rows, colour, x, y, width, height) {
    if (!columns || !rows) return;
    const data = new ImageData(columns, rows), bytes = data.data;
    for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) {
      const rgb = colour(c, r), at = 4 * (r * columns + c);
      if (!rgb) continue;
      bytes[at] = rgb[0]; bytes[at + 1] = rgb[1]; bytes[at + 2] = rgb[2]; bytes[at + 3] = 255;
    }
    const small = document.createElement('canvas');
    small.width = columns; small.height = rows;
    small.getContext('2d').putImageData(data, 0, 0);
    g.imageSmoothingEnabled = false;
    g.drawImage(small, x, y, width, height);
  }

  crossboard.ramp = {rgb, signed, difference, css, image, nan: () => colours().nan, forget: () => { table = null; }};
})(typeof window === 'undefined' ? globalThis : window);
