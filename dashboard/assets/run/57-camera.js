/* How points in space come onto a picture: turned, enlarged, moved; flat, in parallel or in perspective. Pure.

   Coordinates are those of a ball of radius 1 about 0. `x` and `y` move the picture, in half its shorter side; `yaw` and `pitch` are
   radians. A flat camera looks along z and fits `extent`, half the width and height of what is shown. */
(root => {
  'use strict';
  const crossboard = root.crossboard = root.crossboard || {}, EYE = 3.2, FIT = 0.92, STEEPEST = 1.5, MOST = 400, LEAST = 0.2;
  const START = {yaw: 0.6, pitch: 0.35, zoom: 1, x: 0, y: 0};

  class Camera {
    constructor(flat = false) { this.flat = flat; this.parallel = false; this.reset(); }

    reset() { Object.assign(this, START); }
    get moved() { return Object.entries(START).some(([name, value]) => this[name] !== value); }

    turn(dx, dy) { this.yaw += dx / 120; this.pitch = Math.max(-STEEPEST, Math.min(STEEPEST, this.pitch + dy / 120)); }
    move(dx, dy, width, height) { const unit = Math.min(width, height) / 2 || 1; this.x += dx / unit; this.y += dy / unit; }

    /** Enlarge about a place, in pixels from the middle. */
    enlarge(by, px, py, width, height) {
      const zoom = Math.max(LEAST, Math.min(MOST, this.zoom * by)), f = zoom / this.zoom, unit = Math.min(width, height) / 2 || 1;
      this.x = px / unit - (px / unit - this.x) * f; this.y = py / unit - (py / unit - this.y) * f; this.zoom = zoom;
    }

    /** The rows of the turning: right, up, towards the eye. */
    axes() {
      if (this.flat) return [[1, 0, 0], [0, 1, 0], [0, 0, 1]];
      const ca = Math.cos(this.yaw), sa = Math.sin(this.yaw), cb = Math.cos(this.pitch), sb = Math.sin(this.pitch);
      return [[ca, 0, sa], [sa * sb, cb, -ca * sb], [-sa * cb, sb, ca * cb]];
    }

    /** From the ball to clip space, by columns. */
    matrix(width, height, extent = [1, 1]) {
      const [X, Y, Z] = this.axes(), deep = this.flat || this.parallel ? 0 : 1 / EYE, unit = Math.min(width, height) / 2;
      const scale = FIT * this.zoom * (this.flat ? Math.min(width / 2 / (extent[0] || 1), height / 2 / (extent[1] || 1)) : unit);
      const kx = 2 * scale / width, ky = 2 * scale / height, tx = 2 * this.x * unit / width, ty = -2 * this.y * unit / height, made = new Float32Array(16);
      for (let c = 0; c < 3; c++) {
        made[4 * c] = kx * X[c] - tx * Z[c] * deep;
        made[4 * c + 1] = ky * Y[c] - ty * Z[c] * deep;
        made[4 * c + 2] = -0.999 * Z[c];
        made[4 * c + 3] = -Z[c] * deep;
      }
      made[12] = tx; made[13] = ty; made[14] = deep; made[15] = 1;
      return made;
    }

    format() { return [this.yaw, this.pitch, this.zoom, this.x, this.y].map(v => +v.toFixed(3)).join(); }

    /** Take what `format` wrote; anything else is the start. */
    parse(text) {
      const list = text.split(',').map(Number);
      if (!text || list.length !== 5 || !list.every(Number.isFinite)) { this.reset(); return; }
      const [yaw, pitch, zoom, x, y] = list;
      Object.assign(this, {yaw, pitch: Math.max(-STEEPEST, Math.min(STEEPEST, pitch)), zoom: Math.max(LEAST, Math.min(MOST, zoom)), x, y});
    }
  }

  /** Where `n` points (xyz each) fall, in pixels: x and y each, NaN behind the eye. */
  function projected(m, width, height, positions, n, into = new Float32Array(2 * n)) {
    const hw = width / 2, hh = height / 2;
    for (let i = 0; i < n; i++) {
      const x = positions[3 * i], y = positions[3 * i + 1], z = positions[3 * i + 2], w = m[3] * x + m[7] * y + m[11] * z + m[15];
      into[2 * i] = w > 0 ? hw + hw * (m[0] * x + m[4] * y + m[8] * z + m[12]) / w : NaN;
      into[2 * i + 1] = w > 0 ? hh - hh * (m[1] * x + m[5] * y + m[9] * z + m[13]) / w : NaN;
    }
    return into;
  }

  /** Whether a place lies inside a closed path, [x, y] each (even and odd crossings). */
  function inside(path, x, y) {
    let is = false;
    for (let i = 0, j = path.length - 1; i < path.length; j = i++) {
      const [ax, ay] = path[i], [bx, by] = path[j];
      if (ay > y !== by > y && x < (bx - ax) * (y - ay) / (by - ay) + ax) is = !is;
    }
    return is;
  }

  /** Bring points into the ball: `positions` are changed in place. What is not finite goes to 0. Returns {middle, radius, extent, finite}. */
  function settle(positions, middle = null, radius = 0) {
    const low = [Infinity, Infinity, Infinity], high = [-Infinity, -Infinity, -Infinity], n = positions.length / 3, finite = new Uint8Array(n);
    for (let i = 0; i < n; i++) {
      const a = positions[3 * i], b = positions[3 * i + 1], c = positions[3 * i + 2];
      if (a - a !== 0 || b - b !== 0 || c - c !== 0) continue;
      finite[i] = 1;
      if (a < low[0]) low[0] = a; if (a > high[0]) high[0] = a;
      if (b < low[1]) low[1] = b; if (b > high[1]) high[1] = b;
      if (c < low[2]) low[2] = c; if (c > high[2]) high[2] = c;
    }
    const some = low[0] <= high[0];
    middle = middle || low.map((v, k) => some ? v / 2 + high[k] / 2 : 0);
    if (!radius) for (let i = 0; i < n; i++) if (finite[i]) radius = Math.max(radius, Math.hypot(positions[3 * i] - middle[0], positions[3 * i + 1] - middle[1], positions[3 * i + 2] - middle[2]));
    const by = radius || 1;
    for (let i = 0; i < n; i++) for (let k = 0; k < 3; k++) positions[3 * i + k] = finite[i] ? (positions[3 * i + k] - middle[k]) / by : 0;
    return {middle, radius: by, finite, low, high, extent: [0, 1].map(k => some ? Math.max(1e-6, (high[k] - low[k]) / 2 / by) : 1)};
  }

  crossboard.space = {Camera, projected, inside, settle};
})(typeof window === 'undefined' ? globalThis : window);
