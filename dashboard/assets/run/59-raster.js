/* Scenes drawn without WebGL: points, faces and edges into pixels, with a depth for each. Slower than a graphics card and enough for a
   hundred thousand points. Pure but for the canvas that it fills. */
(root => {
  'use strict';
  const crossboard = root.crossboard = root.crossboard || {}, LIGHT = [0.303, 0.505, 0.808];
  let small = null;

  /** A picture of so many pixels: {data: rgba, depth}. */
  function paper(width, height) {
    return {width, height, data: new Uint8ClampedArray(4 * width * height), depth: new Float32Array(width * height).fill(Infinity)};
  }

  /** Put a pixel over what is there; `alpha` 0..1. */
  function dot(on, x, y, z, r, g, b, alpha, deep) {
    if (x < 0 || y < 0 || x >= on.width || y >= on.height) return;
    const at = y * on.width + x;
    if (deep) { if (z > on.depth[at]) return; if (alpha > 0.3) on.depth[at] = z; }
    const p = 4 * at, {data} = on, under = data[p + 3] / 255 * (1 - alpha), all = alpha + under;
    data[p] = (r * alpha + data[p] * under) / all; data[p + 1] = (g * alpha + data[p + 1] * under) / all; data[p + 2] = (b * alpha + data[p + 2] * under) / all; data[p + 3] = 255 * all;
  }

  function clip(m, positions, i) {
    const x = positions[3 * i], y = positions[3 * i + 1], z = positions[3 * i + 2], w = m[3] * x + m[7] * y + m[11] * z + m[15];
    return [(m[0] * x + m[4] * y + m[8] * z + m[12]) / w, (m[1] * x + m[5] * y + m[9] * z + m[13]) / w, (m[2] * x + m[6] * y + m[10] * z + m[14]) / w, w];
  }

  function points(on, scene, {matrix: m, size, alpha, deep}, ratio) {
    const {positions, colours, flags, n} = scene, hw = on.width / 2, hh = on.height / 2;
    for (const [stage, grown, clear] of [[1, 0.8, 0.16], [2, 1, alpha], [3, 1.35, 1]]) {
      if (!scene.there[stage]) continue;
      const wide = Math.max(1.5, size * grown) * ratio;
      for (let i = 0; i < n; i++) {
        if (flags[i] !== stage) continue;
        const x = positions[3 * i], y = positions[3 * i + 1], z = positions[3 * i + 2], w = m[3] * x + m[7] * y + m[11] * z + m[15];
        if (w <= 0) continue;
        const side = Math.max(1, Math.round(wide / w)), left = Math.round(hw + hw * (m[0] * x + m[4] * y + m[8] * z + m[12]) / w - side / 2), top = Math.round(hh - hh * (m[1] * x + m[5] * y + m[9] * z + m[13]) / w - side / 2);
        if (left >= on.width || top >= on.height || left + side < 0 || top + side < 0) continue;
        const far = (m[2] * x + m[6] * y + m[10] * z + m[14]) / w, round = side > 3 ? side * side / 4 : Infinity;
        for (let v = 0; v < side; v++) for (let u = 0; u < side; u++) if ((u + 0.5 - side / 2) ** 2 + (v + 0.5 - side / 2) ** 2 <= round) dot(on, left + u, top + v, far, colours[4 * i], colours[4 * i + 1], colours[4 * i + 2], clear, deep);
      }
    }
  }

  /** Faces with a light for each, nearest first by depth. Written out flat: this is what a large mesh waits for. */
  function faces(on, scene, {matrix: m, turning}) {
    const {positions: p, colours, faces: list, n} = scene, {width, height, data, depth} = on, hw = width / 2, hh = height / 2, X = new Float32Array(n), Y = new Float32Array(n), Z = new Float32Array(n);
    for (let i = 0; i < n; i++) {
      const x = p[3 * i], y = p[3 * i + 1], z = p[3 * i + 2], w = m[3] * x + m[7] * y + m[11] * z + m[15];
      X[i] = w > 0 ? hw + hw * (m[0] * x + m[4] * y + m[8] * z + m[12]) / w : NaN; Y[i] = hh - hh * (m[1] * x + m[5] * y + m[9] * z + m[13]) / w; Z[i] = (m[2] * x + m[6] * y + m[10] * z + m[14]) / w;
    }
    const [lx, ly, lz] = [0, 1, 2].map(c => LIGHT[0] * turning[0][c] + LIGHT[1] * turning[1][c] + LIGHT[2] * turning[2][c]);   // where the light comes from, as the mesh lies
    for (let t = 0; t < list.length; t += 3) {
      const a = list[t], b = list[t + 1], c = list[t + 2], ax = X[a], ay = Y[a], bx = X[b], by = Y[b], cx = X[c], cy = Y[c], area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay);
      if (!(area < 0 || area > 0)) continue;
      const x0 = Math.max(0, Math.ceil(Math.min(ax, bx, cx) - 0.5)), x1 = Math.min(width - 1, Math.floor(Math.max(ax, bx, cx) - 0.5)), y0 = Math.max(0, Math.ceil(Math.min(ay, by, cy) - 0.5)), y1 = Math.min(height - 1, Math.floor(Math.max(ay, by, cy) - 0.5));
      if (x0 > x1 || y0 > y1) continue;
      const ux = p[3 * b] - p[3 * a], uy = p[3 * b + 1] - p[3 * a + 1], uz = p[3 * b + 2] - p[3 * a + 2], vx = p[3 * c] - p[3 * a], vy = p[3 * c + 1] - p[3 * a + 1], vz = p[3 * c + 2] - p[3 * a + 2];
      const nx = uy * vz - uz * vy, ny = uz * vx - ux * vz, nz = ux * vy - uy * vx, light = 0.35 + 0.65 * Math.abs(lx * nx + ly * ny + lz * nz) / (Math.sqrt(nx * nx + ny * ny + nz * nz) || 1);
      const bdx = (cy - ay) / area, bdy = -(cx - ax) / area, cdx = -(by - ay) / area, cdy = (bx - ax) / area;
      for (let y = y0; y <= y1; y++) {
        let wb = (x0 + 0.5 - ax) * bdx + (y + 0.5 - ay) * bdy, wc = (x0 + 0.5 - ax) * cdx + (y + 0.5 - ay) * cdy;
        for (let x = x0, at = y * width + x0; x <= x1; x++, at++, wb += bdx, wc += cdx) {
          const wa = 1 - wb - wc;
          if (wa < 0 || wb < 0 || wc < 0) continue;
          const far = wa * Z[a] + wb * Z[b] + wc * Z[c];
          if (far >= depth[at]) continue;
          depth[at] = far;
          data[4 * at] = (wa * colours[4 * a] + wb * colours[4 * b] + wc * colours[4 * c]) * light; data[4 * at + 1] = (wa * colours[4 * a + 1] + wb * colours[4 * b + 1] + wc * colours[4 * c + 1]) * light; data[4 * at + 2] = (wa * colours[4 * a + 2] + wb * colours[4 * b + 2] + wc * colours[4 * c + 2]) * light; data[4 * at + 3] = 255;
        }
      }
    }
  }

  function edges(on, scene, {matrix}) {
    const {positions, colours, edges: list} = scene, hw = on.width / 2, hh = on.height / 2;
    for (let t = 0; t < list.length; t += 2) {
      const [ax, ay, az, aw] = clip(matrix, positions, list[t]), [bx, by, bz, bw] = clip(matrix, positions, list[t + 1]);
      if (aw <= 0 || bw <= 0) continue;
      const steps = Math.min(4000, Math.max(1, Math.ceil(Math.max(Math.abs(bx - ax) * hw, Math.abs(by - ay) * hh)))), i = list[t];
      for (let s = 0; s <= steps; s++) { const f = s / steps; dot(on, Math.floor(hw + hw * (ax + (bx - ax) * f)), Math.floor(hh - hh * (ay + (by - ay) * f)), az + (bz - az) * f, colours[4 * i], colours[4 * i + 1], colours[4 * i + 2], 1, true); }
    }
  }

  /** A scene as pixels. `how` as in `Scene.draw`; `ratio`: pixels a CSS pixel. */
  function pixels(scene, width, height, how, ratio = 1) {
    const on = paper(Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio)));
    if (how.mode === 'points') points(on, scene, how, ratio);
    else if (how.mode === 'wire') { if (scene.edges) edges(on, scene, how); } else if (scene.faces) faces(on, scene, how);
    return on;
  }

  function draw(g, scene, width, height, how) {
    const made = pixels(scene, width, height, how, how.sharp ? Math.min(2, root.devicePixelRatio || 1) : 1);
    small = small || document.createElement('canvas');
    small.width = made.width; small.height = made.height;
    small.getContext('2d').putImageData(new ImageData(made.data, made.width, made.height), 0, 0);
    g.drawImage(small, 0, 0, width, height);
  }

  crossboard.raster = {draw, pixels};
})(typeof window === 'undefined' ? globalThis : window);
