/* Meshes and point clouds: a simple projection that turns by dragging or by the arrow keys. Far faces are drawn first.

   Vertices, faces and colours are read as they lie: float32, int32 and uint8, row by row. A face that names a vertex which is not
   there is left out and counted. Above MOST faces or points every n-th is drawn, and the foot says so. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {h, numbers, plot, url} = crossboard, MOST = 40000;

  async function bytes(blob) {
    const answer = await fetch(url(blob.url), {credentials: 'same-origin'});
    if (!answer.ok) throw new Error(`the server said ${answer.status}`);
    return answer.arrayBuffer();
  }

  crossboard.views.mesh = panel => {
    const canvas = h('canvas', {role: 'img', tabindex: '0'}), element = h('div.vmesh', {}, canvas);
    let mesh = null, place = -1, turn = {a: 0.6, b: 0.35, zoom: 1}, drag = null, asked = false;

    const draw = () => { if (!asked) { asked = true; requestAnimationFrame(() => { asked = false; paint(); }); } };

    function paint() {
      if (!mesh || !canvas.isConnected) return;
      const width = canvas.clientWidth, height = canvas.clientHeight, g = plot.prepare(canvas, width, height), c = plot.colours(), {v, f, colours, n, middle, size} = mesh;
      const ca = Math.cos(turn.a), sa = Math.sin(turn.a), cb = Math.cos(turn.b), sb = Math.sin(turn.b), scale = 0.46 * Math.min(width, height) / (size || 1) * turn.zoom, eye = 3.2 * (size || 1);
      const px = new Float32Array(n), py = new Float32Array(n), pz = new Float32Array(n);
      for (let i = 0; i < n; i++) {
        const x = v[3 * i] - middle[0], y = v[3 * i + 1] - middle[1], z = v[3 * i + 2] - middle[2], x1 = x * ca + z * sa, z1 = z * ca - x * sa, y2 = y * cb - z1 * sb, z2 = y * sb + z1 * cb, near = eye / (eye - z2);
        px[i] = width / 2 + x1 * scale * near; py[i] = height / 2 - y2 * scale * near; pz[i] = z2;
      }
      const base = parseInt(c.runs[0].slice(1), 16), one = [base >> 16, base >> 8 & 255, base & 255], colourOf = i => colours ? [colours[3 * i], colours[3 * i + 1], colours[3 * i + 2]] : one;
      if (f && f.length) {
        const every = Math.ceil(f.length / 3 / MOST), order = [];
        for (let t = 0; t < f.length / 3; t += every) order.push(t);
        const depth = t => pz[f[3 * t]] + pz[f[3 * t + 1]] + pz[f[3 * t + 2]];
        order.sort((s, t) => depth(s) - depth(t));
        for (const t of order) {
          const [i, j, k] = [f[3 * t], f[3 * t + 1], f[3 * t + 2]], ux = px[j] - px[i], uy = py[j] - py[i], uz = (pz[j] - pz[i]) * scale, wx = px[k] - px[i], wy = py[k] - py[i], wz = (pz[k] - pz[i]) * scale;
          const nx = uy * wz - uz * wy, ny = uz * wx - ux * wz, nz = ux * wy - uy * wx, light = 0.35 + 0.65 * Math.abs((0.3 * nx - 0.5 * ny + 0.8 * nz) / (Math.hypot(nx, ny, nz) || 1)), [r, gr, b] = colourOf(i);
          g.fillStyle = g.strokeStyle = `rgb(${r * light | 0},${gr * light | 0},${b * light | 0})`;
          g.lineWidth = 0.6; g.beginPath(); g.moveTo(px[i], py[i]); g.lineTo(px[j], py[j]); g.lineTo(px[k], py[k]); g.closePath(); g.fill(); g.stroke();
        }
      } else {
        const every = Math.ceil(n / MOST), order = [];
        for (let i = 0; i < n; i += every) if (px[i] - px[i] === 0) order.push(i);
        order.sort((a, b) => pz[a] - pz[b]);
        for (const i of order) { const [r, gr, b] = colourOf(i), light = colours ? 1 : 0.55 + 0.45 * (pz[i] / (size || 1) + 1) / 2, side = n > 5000 ? 1.6 : 3; g.fillStyle = `rgb(${r * light | 0},${gr * light | 0},${b * light | 0})`; g.fillRect(px[i] - side / 2, py[i] - side / 2, side, side); }
      }
      canvas.setAttribute('aria-label', `${f && f.length ? `mesh of ${n} vertices and ${f.length / 3} faces` : `point cloud of ${n} points`}; the arrow keys turn it`);
    }

    canvas.onpointerdown = event => { canvas.setPointerCapture(event.pointerId); drag = {x: event.clientX, y: event.clientY, ...turn}; };
    canvas.onpointermove = event => { if (drag) { turn.a = drag.a + (event.clientX - drag.x) / 120; turn.b = Math.max(-1.5, Math.min(1.5, drag.b + (event.clientY - drag.y) / 120)); draw(); } };
    canvas.onpointerup = canvas.onpointercancel = () => { drag = null; };
    canvas.ondblclick = () => { turn = {a: 0.6, b: 0.35, zoom: 1}; draw(); };
    canvas.addEventListener('wheel', event => { if (!panel.large && !event.ctrlKey) return; event.preventDefault(); turn.zoom = Math.max(0.2, Math.min(20, turn.zoom * Math.exp(-event.deltaY / 400))); draw(); }, {passive: false});
    canvas.onkeydown = event => {
      const by = {ArrowLeft: ['a', -0.15], ArrowRight: ['a', 0.15], ArrowUp: ['b', -0.15], ArrowDown: ['b', 0.15]}[event.key];
      if (by) { event.preventDefault(); turn[by[0]] += by[1]; draw(); }
      if (event.key === '+' || event.key === '-') { turn.zoom *= event.key === '+' ? 1.2 : 1 / 1.2; draw(); }
    };

    return {
      element,
      async show(point, at) {
        place = at;
        const [vertices, faces, colours] = await Promise.all([bytes(point.vertices), point.faces ? bytes(point.faces) : null, point.colors ? bytes(point.colors) : null]);
        if (at !== place) return;
        const v = new Float32Array(vertices, 0, Math.floor(vertices.byteLength / 12) * 3), n = v.length / 3, all = faces ? new Int32Array(faces, 0, Math.floor(faces.byteLength / 12) * 3) : null, low = [Infinity, Infinity, Infinity], high = [-Infinity, -Infinity, -Infinity], f = [];
        let wrong = 0;
        if (all) for (let t = 0; t < all.length; t += 3) { const three = [all[t], all[t + 1], all[t + 2]]; if (three.every(i => i >= 0 && i < n)) f.push(...three); else wrong++; }
        for (let i = 0; i < v.length; i++) if (v[i] - v[i] === 0) { low[i % 3] = Math.min(low[i % 3], v[i]); high[i % 3] = Math.max(high[i % 3], v[i]); }
        const middle = low.map((v_, k) => v_ <= high[k] ? (v_ + high[k]) / 2 : 0), size = Math.hypot(...low.map((v_, k) => v_ <= high[k] ? (high[k] - v_) / 2 : 0));
        mesh = {v, n, f: all ? Int32Array.from(f) : null, colours: colours ? new Uint8Array(colours) : null, middle, size, wrong};
        paint();
      },
      facts: () => mesh ? [`${numbers.whole(mesh.n)} ${mesh.f ? 'vertices' : 'points'}`, mesh.f && `${numbers.whole(mesh.f.length / 3)} faces`, (mesh.f ? mesh.f.length / 3 : mesh.n) > MOST && h('span.warn', {}, `1 in ${Math.ceil((mesh.f ? mesh.f.length / 3 : mesh.n) / MOST)} drawn`), mesh.wrong > 0 && h('span.warn', {}, `${numbers.whole(mesh.wrong)} faces name no vertex`)] : [],
      redraw: draw,
    };
  };
})(window);
