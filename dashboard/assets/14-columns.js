/* Binary columns of the data routes. Pure: no page, no state.

   body := length of head: u32 | zero: u32 | head: JSON, padded with spaces to a multiple of 8 | float64*     (little-endian)

   The head is {version, x, complete, curves: [{run, tag, rank, attempt, at, n, keep, total, raw, nan, pos_inf, neg_inf,
   unmatched}]}. A curve's n x values begin at float64 number `at`, its n y values right behind. `keep` leading points of the
   curve that the page already has stay; the n points follow them. See docs/data-routes.md. */
(root => {
  'use strict';
  const crossboard = root.crossboard = root.crossboard || {};

  /** Read a body (ArrayBuffer): its head, and what lies behind it as a Float64Array. */
  function open(buffer) {
    if (buffer.byteLength < 8) throw new Error(`columns: want at least 8 bytes, got ${buffer.byteLength}`);
    const length = new DataView(buffer).getUint32(0, true), start = 8 + length;
    if (start % 8 || start > buffer.byteLength) throw new Error(`columns: head of ${length} bytes in a body of ${buffer.byteLength}`);
    const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
    return {head, floats: new Float64Array(buffer, start, Math.floor((buffer.byteLength - start) / 8))};
  }

  /** Read a body into {version, x, complete, curves}; each curve gets x, y as Float64Array views and its bounds. */
  function parse(buffer) {
    const {head, floats} = open(buffer);
    for (const curve of head.curves) {
      if (curve.at + 2 * curve.n > floats.length)
        throw new Error(`columns: curve ${curve.run} ${curve.tag} ends at number ${curve.at + 2 * curve.n} of ${floats.length}`);
      curve.x = floats.subarray(curve.at, curve.at + curve.n);
      curve.y = floats.subarray(curve.at + curve.n, curve.at + 2 * curve.n);
      if (!curve.keep) bound(curve);
    }
    return head;
  }

  /** Set the bounds of a curve: smallest and largest x, finite y, y above 0, and whether x never falls. */
  function bound(curve) {
    const {x, y} = curve, n = x.length;
    let x0 = Infinity, x1 = -Infinity, y0 = Infinity, y1 = -Infinity, above = Infinity, sorted = true, finite = 0;
    for (let i = 0; i < n; i++) {
      const a = x[i], b = y[i];
      if (a < x0) x0 = a;
      if (a > x1) x1 = a; else if (i && a < x[i - 1]) sorted = false;
      if (b - b === 0) {
        finite++;
        if (b < y0) y0 = b;
        if (b > y1) y1 = b;
        if (b > 0 && b < above) above = b;
      }
    }
    return Object.assign(curve, {x0, x1, y0, y1, above, sorted, finite, n});
  }

  /** Put what came after a curve that the page has: the first `fresh.keep` points stay, the rest is replaced. */
  function merge(old, fresh) {
    if (!fresh.keep) return fresh;
    if (!old || old.x.length < fresh.keep) return null;
    const n = fresh.keep + fresh.n, x = new Float64Array(n), y = new Float64Array(n);
    x.set(old.x.subarray(0, fresh.keep)); x.set(fresh.x, fresh.keep);
    y.set(old.y.subarray(0, fresh.keep)); y.set(fresh.y, fresh.keep);
    return bound({...fresh, x, y, keep: 0});
  }

  /** Index of the point whose x is nearest to `at`; -1 for an empty curve. */
  function nearest(curve, at) {
    const {x} = curve, n = x.length;
    if (!n) return -1;
    if (!curve.sorted) {
      let best = 0;
      for (let i = 1; i < n; i++) if (Math.abs(x[i] - at) < Math.abs(x[best] - at)) best = i;
      return best;
    }
    let low = 0, high = n - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (x[middle] < at) low = middle + 1; else high = middle;
    }
    return low > 0 && at - x[low - 1] <= x[low] - at ? low - 1 : low;
  }

  crossboard.columns = {open, parse, bound, merge, nearest};
})(typeof window === 'undefined' ? globalThis : window);
