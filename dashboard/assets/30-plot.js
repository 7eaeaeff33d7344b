/* Draws curves on a 2D canvas: frame, lines, marks. It keeps no state; what it is given is what it draws.

   An own layer, since every curve has its own x values: a thousand runs need no common x. Lines are drawn one path a colour;
   nothing is joined across NaN or infinity. Sizes are CSS pixels. */
(root => {
  'use strict';
  const crossboard = root.crossboard = root.crossboard || {}, {numbers} = crossboard;
  const DASHES = [[], [5, 3], [2, 2.5], [8, 3, 2, 3], [4, 3]], COLOURS = 12, PLAIN = 8, TURN = 48, TURN_POINTS = 12000;

  let palette = null;
  /** Colours of the current theme, read from the tokens. `forgetPalette` after the theme changed. */
  function colours() {
    if (palette) return palette;
    const style = getComputedStyle(document.documentElement), css = name => style.getPropertyValue(name).trim();
    palette = {ink: css('--cb-ink'), ink2: css('--cb-ink-2'), ink3: css('--cb-ink-3'), inverse: css('--cb-ink-inv'), surface: css('--cb-surface'),
      grid: css('--cb-grid'), axis: css('--cb-axis'), focus: css('--cb-focus'), focusSoft: css('--cb-focus-soft'), font: `10.5px ${css('--cb-font')}`,
      runs: Array.from({length: COLOURS}, (_, i) => css(`--cb-c${i + 1}`)), shades: new Map()};
    return palette;
  }

  /** Which of the palette's colours comes at a place, in the order that is set. */
  const nth = place => crossboard.settings.get('colours')[place % COLOURS];

  /** Which colour and which dash a slot is, as places in the palette and in DASHES. A slot below zero says both: -(1 + colour + 12 * dash). */
  function parts(slot) {
    if (slot < 0) return {colour: (-1 - slot) % COLOURS, dash: Math.floor((-1 - slot) / COLOURS)};
    const place = slot % COLOURS, round = Math.floor(slot / COLOURS);
    return {colour: nth(place), dash: round === 0 ? (place < PLAIN ? 0 : 1) : 1 + round % 3};
  }

  /** Colour and dash of a slot: eight plain colours, four dashed ones, then all twelve again in other dashes. A split of a pair
     ("validation", "test") has the colour of its run and a dash that its run has not. */
  function look(slot, split) {
    const {colour, dash: own} = parts(slot), turn = split === 'validation' ? 1 : split === 'test' ? 2 : 0, dash = turn && own ? 1 + (own - 1 + turn) % 3 : own + turn;
    return {colour: colours().runs[colour], dash: DASHES[dash], dashed: dash > 0};
  }

  const dashOf = place => ({dash: DASHES[place], dashed: place > 0});

  /** Colour `place` of the palette in shade `number`: 0 as it is, then by turns nearer to the ink and to the paper. */
  function shaded(place, number) {
    const {runs, ink, surface, shades} = colours(), name = 12 * number + place;
    if (!number) return runs[place];
    if (!shades.has(name)) {
      const parts = hex => (/^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(hex) || []).slice(1).map(one => parseInt(one, 16)), to = parts(number % 2 ? ink : surface);
      shades.set(name, `#${parts(runs[place]).map((v, i) => Math.round(v + (to[i] - v) * Math.min(0.75, 0.3 + 0.15 * number)).toString(16).padStart(2, '0')).join('')}`);
    }
    return shades.get(name);
  }

  /** Size a canvas to its CSS box at the screen's resolution and return its context, cleared and scaled. */
  function prepare(canvas, width, height) {
    const ratio = Math.min(3, root.devicePixelRatio || 1), w = Math.round(width * ratio), hgt = Math.round(height * ratio);
    if (canvas.width !== w || canvas.height !== hgt) { canvas.width = w; canvas.height = hgt; }
    const g = canvas.getContext('2d');
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, width, height);
    g.font = colours().font;
    return g;
  }

  /** Put what was drawn on the canvas `from` on `canvas`, in place of what is there. */
  function put(from, canvas) {
    if (canvas.width !== from.width || canvas.height !== from.height) { canvas.width = from.width; canvas.height = from.height; }
    const g = canvas.getContext('2d');
    g.setTransform(1, 0, 0, 1, 0, 0);
    g.clearRect(0, 0, canvas.width, canvas.height);
    g.drawImage(from, 0, 0);
  }

  /** Where a plot lies in its canvas, its scales and ticks. spec: {width, height, x: [low, high], y: [low, high], log, logx, axis, bare}; a log
      axis wants its range above 0. */
  function geometry(spec) {
    const {width, height, log, logx, axis, bare} = spec, [x0, x1] = spec.x, [y0, y1] = spec.y;
    const top = bare ? 2 : 6, bottom = height - (bare ? 2 : 18), right = width - (bare ? 0 : 12), tall = bottom - top;
    const yTicks = bare ? [] : log ? numbers.logTicks(y0, y1, tall < 90 ? 3 : 5) : numbers.linearTicks(y0, y1, tall < 90 ? 3 : 4);
    const label = log && yTicks.length && yTicks[yTicks.length - 1] / yTicks[0] >= 9 ? numbers.logLabel : numbers.axisLabels(yTicks);
    const yLabels = yTicks.map(label), longest = yLabels.reduce((n, text) => Math.max(n, text.length), 0);
    const left = bare ? 0 : Math.max(40, Math.min(78, 12 + longest * 6.1));
    const a0 = logx ? Math.log(x0) : x0, kx = (right - left) / ((logx ? Math.log(x1) : x1) - a0), l0 = log ? Math.log(y0) : y0, ky = (bottom - top) / ((log ? Math.log(y1) : y1) - l0);
    const X = logx ? v => left + (Math.log(v) - a0) * kx : v => left + (v - x0) * kx;
    const Y = log ? v => bottom - (Math.log(v) - l0) * ky : v => bottom - (v - l0) * ky;
    const back = logx ? px => Math.exp(a0 + (px - left) / kx) : px => x0 + (px - left) / kx;
    const xs = bare ? null : numbers.xAxis(axis, x0, x1, Math.max(2, Math.floor((right - left) / (axis === 'step' ? 74 : 84))), logx);
    return {width, height, left, right, top, bottom, X, Y, back, log, logx, yTicks, yLabels, xTicks: xs ? xs.ticks : [], xLabel: xs && xs.label, x0, x1, y0, y1};
  }

  function frame(g, at) {
    const c = colours();
    g.lineWidth = 1;
    g.textBaseline = 'middle';
    g.textAlign = 'right';
    at.yTicks.forEach((v, i) => {
      const y = Math.round(at.Y(v)) + 0.5;
      if (y < at.top - 2 || y > at.bottom + 1) return;
      if (y < at.bottom - 1 && !at.bareGrid) { g.strokeStyle = c.grid; g.beginPath(); g.moveTo(at.left, y); g.lineTo(at.right, y); g.stroke(); }
      g.fillStyle = c.ink3;
      g.fillText(at.yLabels[i], at.left - 6, y);
    });
    g.strokeStyle = c.axis;
    g.beginPath();
    g.moveTo(at.left, at.bottom + 0.5); g.lineTo(at.right, at.bottom + 0.5);
    let taken = -Infinity;
    for (const v of at.xTicks) {
      const x = Math.round(at.X(v)) + 0.5;
      if (x < at.left - 1 || x > at.right + 1) continue;
      g.moveTo(x, at.bottom); g.lineTo(x, at.bottom + 3);
      const text = at.xLabel(v), half = g.measureText(text).width / 2;
      const middle = Math.max(at.left - 6 + half, Math.min(at.right + 4 - half, x));
      if (middle - half < taken + 6) continue;
      taken = middle + half;
      g.fillStyle = c.ink3; g.textAlign = 'center'; g.textBaseline = 'alphabetic';
      g.fillText(text, middle, at.height - 4);
    }
    g.stroke();
  }

  /** First and last index of a sorted curve that matter for low..high, one neighbour on each side; all of an unsorted one. */
  function span(curve, low, high) {
    const n = curve.x.length;
    if (!curve.sorted || (curve.x0 >= low && curve.x1 <= high)) return [0, n];
    const first = v => { let a = 0, b = n; while (a < b) { const m = (a + b) >> 1; if (curve.x[m] < v) a = m + 1; else b = m; } return a; };
    return [Math.max(0, first(low) - 1), Math.min(n, first(high) + 2)];
  }

  /** Add a curve's line to the open path. Points that stand alone go to `lone` as x, y pairs; returns the points visited. */
  function trace(g, curve, at, lone) {
    const {x, y} = curve, [from, to] = span(curve, at.x0, at.x1), {X, Y, log, logx} = at;
    let length = 0, px = 0, py = 0;
    for (let i = from; i < to; i++) {
      const v = y[i];
      if (v - v !== 0 || (log && v <= 0) || (logx && x[i] <= 0)) {
        if (length === 1) lone.push(px, py);
        length = 0;
        continue;
      }
      px = X(x[i]);
      py = Y(v);
      if (py < -4000) py = -4000; else if (py > 8000) py = 8000;
      if (length++) g.lineTo(px, py); else g.moveTo(px, py);
    }
    if (length === 1) lone.push(px, py);
    return to - from;
  }

  function discs(g, pairs, radius) {
    g.beginPath();
    for (let i = 0; i < pairs.length; i += 2) { g.moveTo(pairs[i] + radius, pairs[i + 1]); g.arc(pairs[i], pairs[i + 1], radius, 0, 6.2832); }
    g.fill();
  }

  /** The stretches of a curve that are not finite: {kind, from, to (x values), edge}. NaN stretches run on over their points. */
  function gaps(curve, at) {
    const {x, y} = curve, [from, to] = span(curve, at.x0, at.x1), found = [];
    if (!curve.nan && !curve.pos_inf && !curve.neg_inf) return found;
    let open = null;
    for (let i = from; i < to; i++) {
      const v = y[i];
      if (v - v === 0) { open = null; continue; }
      const kind = v !== v ? 'nan' : v > 0 ? 'up' : 'down';
      if (open && open.kind === kind && kind === 'nan') open.to = x[i];
      else found.push(open = {kind, from: x[i], to: x[i]});
    }
    return found.filter(gap => gap.to >= at.x0 && gap.from <= at.x1);
  }

  function triangle(g, x, y, up) {
    g.moveTo(x - 4.5, up ? y : y - 7.5); g.lineTo(x + 4.5, up ? y : y - 7.5); g.lineTo(x, up ? y - 7.5 : y);
    g.closePath();
  }

  /** Marks of what is not finite: triangles on the base line (NaN) or at the edge it left by (infinity), hatch over NaN stretches. */
  function marks(g, drawn, at, hatched) {
    for (const {curve, colour} of drawn) {
      const found = gaps(curve, at);
      if (!found.length) continue;
      g.fillStyle = g.strokeStyle = colour;
      if (hatched) {
        g.save();
        g.globalAlpha = 0.35; g.lineWidth = 1;
        for (const gap of found) {
          const a = Math.max(at.left, at.X(gap.from)), b = Math.min(at.right, at.X(gap.to));
          if (gap.kind !== 'nan' || b - a < 3) continue;
          g.save();
          g.beginPath(); g.rect(a, at.top, b - a, at.bottom - at.top); g.clip();
          g.beginPath();
          for (let x = a - (at.bottom - at.top); x < b; x += 5) { g.moveTo(x, at.bottom); g.lineTo(x + at.bottom - at.top, at.top); }
          g.stroke();
          g.restore();
        }
        g.restore();
      }
      g.beginPath();
      const last = {nan: -99, up: -99, down: -99};
      for (const gap of found) {
        const x = Math.max(at.left + 1, Math.min(at.right - 1, at.X((gap.from + gap.to) / 2)));
        if (x - last[gap.kind] < 9) continue;
        last[gap.kind] = x;
        if (gap.kind === 'up') triangle(g, x, at.top + 6, true);
        else if (gap.kind === 'down') triangle(g, x, at.bottom, false);
        else triangle(g, x, at.bottom, true);
      }
      g.fill();
    }
  }

  /** Draw frame, curves and marks, with a pause (a yield of the points since the last one) whenever `slice()` points stand.
     drawn: [{curve, colour, dash, older, thin, band}]; style: {width, alpha, dots, hatched, filled}. Returns the number of points visited. */
  function* drawing(g, at, drawn, style, slice) {
    if (at.xTicks.length || at.yTicks.length) frame(g, at);
    g.save();
    g.beginPath();
    g.rect(at.left - 2, at.top - 6, at.right - at.left + 4, at.bottom - at.top + 7);
    g.clip();
    if (style.filled) for (const one of drawn) if (one.band) crossboard.band.fill(g, at, one);
    const layers = new Map();
    let turn = 0, turned = 0, ahead = 0;
    for (let i = 0; i < drawn.length; i++) {   // colours take turns, or the last one would hide all others
      const one = drawn[i];
      ahead += one.curve.x.length;
      if (i - turned >= TURN || (ahead > TURN_POINTS && i > turned)) { turn++; turned = i; ahead = one.curve.x.length; }
      const name = `${one.colour}|${one.dash}|${one.older}|${one.thin}|${turn}`;
      if (!layers.has(name)) layers.set(name, []);
      layers.get(name).push(one);
    }
    g.lineJoin = style.width > 1.2 ? 'round' : 'bevel';
    g.lineCap = style.width > 1.2 ? 'round' : 'butt';
    let points = 0, told = 0;
    for (const layer of layers.values()) {
      if (points - told >= slice()) { yield points - told; told = points; }
      const {colour, dash, older, thin} = layer[0], lone = [];
      g.strokeStyle = g.fillStyle = colour;
      g.globalAlpha = older ? 0.75 : thin ? Math.min(0.6, style.alpha) : style.alpha;
      g.lineWidth = older ? 1.25 : thin ? 1 : style.width;
      g.setLineDash(older ? [2, 3] : dash);
      g.beginPath();
      for (const {curve} of layer) points += trace(g, curve, at, lone);
      g.stroke();
      g.setLineDash([]);
      g.globalAlpha = 1;
      if (lone.length) discs(g, lone, Math.max(1.7, style.width * 0.9));
      if (style.dots && !older && !thin) {
        const pairs = [];
        for (const {curve} of layer) {
          const [from, to] = span(curve, at.x0, at.x1);
          if (!curve.raw || to - from > (at.right - at.left) / style.dots) continue;
          for (let i = from; i < to; i++) {
            const v = curve.y[i];
            if (v - v === 0 && !(at.log && v <= 0)) pairs.push(at.X(curve.x[i]), at.Y(v));
          }
        }
        discs(g, pairs, 1.7);
      }
    }
    g.restore();
    if (!style.bare) marks(g, drawn, at, style.hatched);
    return points;
  }

  /** Draw the same without a pause. */
  const draw = (g, at, drawn, style) => drawing(g, at, drawn, style, () => Infinity).next().value;

  /** Width and opacity of lines when `count` curves with `dense` points a pixel are drawn. */
  function style(count, zoomed, dense = 0) {
    return count <= 40 ? {width: dense > 0.9 ? 1 : 1.5, alpha: 1, dots: zoomed ? 2 : 7, hatched: true}
      : {width: count <= 200 ? 1.1 : 1, alpha: count <= 100 ? 0.75 : count <= 400 ? 0.5 : 0.35, dots: 0, hatched: false};
  }

  /** Smallest and largest drawable value of curves inside low..high (whole curves by their bounds). */
  function extent(curves, x, log) {
    let low = Infinity, high = -Infinity;
    for (const curve of curves) {
      if (!x || (curve.x0 >= x[0] && curve.x1 <= x[1])) {
        const least = log ? curve.above : curve.y0;
        if (least < low) low = least;
        if (curve.y1 > high && !(log && curve.y1 <= 0)) high = curve.y1;
        continue;
      }
      for (let i = 0; i < curve.x.length; i++) {
        const v = curve.y[i];
        if (curve.x[i] < x[0] || curve.x[i] > x[1] || v - v !== 0 || (log && v <= 0)) continue;
        if (v < low) low = v;
        if (v > high) high = v;
      }
    }
    return low <= high ? [low, high] : null;
  }

  /** Room around an extent, so that no line runs along the edge; a base of 0 where values come near it. */
  function roomy([low, high], log) {
    if (log) {
      const room = Math.max(Math.log(high / low) * 0.05, 0.05);
      return [low * Math.exp(-room), high * Math.exp(room)];
    }
    if (high - low <= 1e-14 * Math.max(Math.abs(low), Math.abs(high))) {   // one value, but for the rounding of a mean
      const room = Math.abs(low) * 0.1 || 1;
      return [low - room, high + room];
    }
    const room = (high - low) * 0.05;
    if (!Number.isFinite(room)) return [low / 2, high / 2];
    return [low >= 0 && low < 0.3 * high ? 0 : low - room, high <= 0 && high > 0.3 * low ? 0 : high + room];
  }

  crossboard.plot = {colours, forgetPalette: () => { palette = null; }, look, nth, parts, dashOf, shaded, prepare, put, geometry, draw, drawing, style, extent, roomy, discs, gaps, span};
})(typeof window === 'undefined' ? globalThis : window);
