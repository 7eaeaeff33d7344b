/* What an axis spans, and what it leaves out: outlier-robust and fixed y ranges, log axes, and the marks of what lies outside. Pure.

   A robust range goes from the 1st to the 99th percentile (nearest rank) of the finite values that are drawn inside the window; of a
   thinned curve these are its kept points, extremes among them. Nothing is left out silently: `outside` counts it, `marks` shows where. */
(root => {
  'use strict';
  const crossboard = root.crossboard = root.crossboard || {}, {plot} = crossboard;
  const SHARE = 0.01, APART_PX = 9;

  /** Smallest and largest x over curves, with room when they are one. On a log axis of those above 0, null when there is none. */
  function spread(list, log = false) {
    let low = Infinity, high = -Infinity;
    for (const curve of list) {
      if (curve.x1 > high) high = curve.x1;
      if (!log || curve.x0 > 0) { if (curve.x0 < low) low = curve.x0; continue; }
      for (const x of curve.x) if (x > 0 && x < low) low = x;
    }
    if (log && !(low <= high)) return null;
    if (low > high) return [0, 1];
    if (low < high) return [low, high];
    return log ? [low / 2, high * 2] : [low - 0.5, high + 0.5];
  }

  const drawable = (at, x, y) => y - y === 0 && !(at.log && y <= 0) && !(at.logx && x <= 0);

  /** The 1st and 99th percentile of what curves draw inside x = [low, high] (null: everywhere); null when nothing is drawn. */
  function robust(curves, x, log) {
    let n = 0;
    const values = new Float64Array(curves.reduce((sum, curve) => sum + curve.x.length, 0));
    for (const curve of curves) for (let i = 0; i < curve.x.length; i++) {
      const v = curve.y[i];
      if (v - v === 0 && !(log && v <= 0) && !(x && (curve.x[i] < x[0] || curve.x[i] > x[1]))) values[n++] = v;
    }
    if (!n) return null;
    const sorted = values.subarray(0, n).sort(), rank = share => sorted[Math.min(n - 1, Math.max(0, Math.ceil(share * n) - 1))];
    return [rank(SHARE), rank(1 - SHARE)];
  }

  /** How many drawn points the plot has no place for: {outside: above or below the y range, low: at or below 0 on a log y axis, left: at or
      below 0 on a log x axis}. Points outside the window do not count. */
  function left(curves, at) {
    const found = {outside: 0, low: 0, left: 0};
    for (const {x, y} of curves) for (let i = 0; i < x.length; i++) {
      if (at.logx && x[i] <= 0) { found.left++; continue; }
      if (x[i] < at.x0 || x[i] > at.x1 || y[i] - y[i] !== 0) continue;
      if (at.log && y[i] <= 0) found.low++;
      else if (y[i] < at.y0 || y[i] > at.y1) found.outside++;
    }
    return found;
  }

  /** Open triangles at the edge where a curve is outside the y range, in its colour. */
  function marks(g, drawn, at) {
    for (const {curve, colour, older} of drawn) {
      if (older || (curve.y0 >= at.y0 && curve.y1 <= at.y1)) continue;
      const last = [-99, -99];
      g.strokeStyle = colour; g.lineWidth = 1.25;
      g.beginPath();
      for (let i = 0; i < curve.x.length; i++) {
        const x = curve.x[i], v = curve.y[i], up = v > at.y1;
        if (!drawable(at, x, v) || x < at.x0 || x > at.x1 || (!up && v >= at.y0)) continue;
        const px = at.X(x), tip = up ? at.top - 4 : at.bottom - 1, foot = up ? tip + 6 : tip - 6;
        if (px - last[+up] < APART_PX) continue;
        last[+up] = px;
        g.moveTo(px - 3.5, foot); g.lineTo(px, tip); g.lineTo(px + 3.5, foot); g.closePath();
      }
      g.stroke();
    }
  }

  /** The y range of a card: [low, high] with its room, or null where nothing has a place. `wanted` is '' (all), 'robust' or 'LOW:HIGH'. */
  function y(curves, x, log, wanted) {
    const fixed = wanted && wanted !== 'robust' ? crossboard.cardSettings.range(wanted) : null;
    if (fixed && !(log && fixed[0] <= 0)) return fixed;
    const found = wanted === 'robust' ? robust(curves, x, log) : plot.extent(curves, x, log);
    return found && plot.roomy(found, log);
  }

  crossboard.range = {spread, robust, left, marks, y};
})(typeof window === 'undefined' ? globalThis : window);
