/* Meshes and point clouds, all seen by one camera: what turns one turns every one that is shown.

   Vertices, faces and colours are read as they lie: float32, int32 and uint8, row by row. A face that names a vertex which is not
   there is left out and counted. Each is fitted into its tile by its own size, or all of a tag by the largest. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {Scene, failure, h, handle, marked, numbers, oncePerFrame, plot, space, state, stats, url} = crossboard, {own} = marked, camera = marked.cameras.mesh;
  const meshes = new Set();

  async function bytes(blob) {
    stats.requests++;
    const answer = await fetch(url(blob.url), {credentials: 'same-origin'});
    if (!answer.ok) throw await failure(answer);
    return answer.arrayBuffer();
  }

  const rgb = hex => { const n = parseInt(hex.slice(1), 16); return [n >> 16, n >> 8 & 255, n & 255]; };

  /** The faces whose corners are all there, and how many were left out. */
  function whole(all, n) {
    let wrong = 0, kept = 0;
    const made = new Uint32Array(all.length);
    for (let t = 0; t < all.length; t += 3) {
      if (all[t] >= 0 && all[t] < n && all[t + 1] >= 0 && all[t + 1] < n && all[t + 2] >= 0 && all[t + 2] < n) { made[kept] = all[t]; made[kept + 1] = all[t + 1]; made[kept + 2] = all[t + 2]; kept += 3; } else wrong++;
    }
    return {faces: made.slice(0, kept), wrong};
  }

  crossboard.views.mesh = panel => {
    const canvas = h('canvas', {role: 'img', tabindex: '0'}), element = h('div.vmesh', {}, canvas), scene = new Scene(), view = {series: panel.series, box: null, draw: () => paint(), fit, reach: () => scene.positions ? scene.positions.reduce((most, v) => Math.max(most, Math.abs(v)), 0) : 0};
    let mesh = null, place = -1, moving = false, closed = false;

    /** Fit the vertices into the ball: by what the mesh itself fills, or by what all of its tag fill. */
    function fit() {
      if (!mesh) return;
      const boxes = own('scale') ? [...meshes].filter(one => one.box && one.series.tag === panel.series.tag).map(one => one.box) : [mesh.box];
      const low = [0, 1, 2].map(k => Math.min(...boxes.map(box => box.low[k]))), high = [0, 1, 2].map(k => Math.max(...boxes.map(box => box.high[k]))), name = [...low, ...high].join();
      if (mesh.fitted === name) return;
      mesh.fitted = name;
      const positions = mesh.vertices.slice(), some = low.every((v, k) => v <= high[k]);
      if (own('scale') && some) space.settle(positions, low.map((v, k) => (v + high[k]) / 2), Math.hypot(...low.map((v, k) => (high[k] - v) / 2))); else space.settle(positions);
      scene.set({positions});
      paint();
    }

    function tint() {
      const {colours, n, finite} = mesh, rgba = new Uint8Array(4 * n).fill(255), plain = rgb(panel.run ? plot.look(panel.run.slot).colour : plot.colours().runs[0]);
      for (let i = 0; i < n; i++) { const of = colours && colours.length >= 3 * n ? [colours[3 * i], colours[3 * i + 1], colours[3 * i + 2]] : plain; rgba[4 * i] = of[0]; rgba[4 * i + 1] = of[1]; rgba[4 * i + 2] = of[2]; }
      scene.set({colours: rgba, flags: Uint8Array.from(finite, one => one ? 2 : 0)});
    }

    const paint = oncePerFrame(() => {
      if (closed || !canvas.isConnected) return;
      const width = canvas.clientWidth, height = canvas.clientHeight, g = plot.prepare(canvas, width, height);
      if (!mesh || !width || !height) return;
      camera.parallel = own('lens') === 'parallel';
      if (!mesh.n) { g.fillStyle = plot.colours().ink3; g.textAlign = 'center'; g.fillText('no vertices', width / 2, height / 2); return; }
      const faces = mesh.faces && mesh.faces.length;
      scene.draw(g, width, height, {matrix: camera.matrix(width, height), turning: camera.axes(), mode: !faces ? 'points' : own('wire') ? 'wire' : 'faces', size: mesh.n > 50000 ? 1.8 : mesh.n > 5000 ? 2.4 : 4, alpha: 1, deep: true, sharp: !moving});
      canvas.setAttribute('aria-label', `${faces ? `mesh of ${mesh.n} vertices and ${faces / 3} faces` : `point cloud of ${mesh.n} points`}; arrow keys turn all, plus and minus enlarge, 0 resets`);
      stats.painted = (stats.painted || 0) + 1;
    });

    const hand = handle(canvas, {
      camera: () => camera, large: () => panel.large, tool: () => 'move',
      draw(yes) { for (const one of meshes) { one.moving(yes); one.draw(); } },
      settled() { for (const one of meshes) { one.moving(false); one.draw(); } state.choose('view', camera.moved ? camera.format() : ''); },
      hover() {}, picked() {}, framed() {},
    });
    view.moving = yes => { moving = yes; };
    meshes.add(view);

    return {
      element,
      async show(point, at) {
        place = at;
        const [vertices, faces, colours] = await Promise.all([bytes(point.vertices), point.faces ? bytes(point.faces) : null, point.colors ? bytes(point.colors) : null]);
        if (at !== place || closed) return;
        const v = new Float32Array(vertices, 0, Math.floor(vertices.byteLength / 12) * 3), n = v.length / 3, list = faces ? whole(new Int32Array(faces, 0, Math.floor(faces.byteLength / 12) * 3), n) : {faces: null, wrong: 0};
        const box = space.settle(v.slice());
        mesh = {vertices: v, n, ...list, colours: colours ? new Uint8Array(colours) : null, finite: box.finite, box, fitted: ''};
        view.box = box;
        scene.set({faces: mesh.faces});
        tint();
        fit();
        if (own('scale')) for (const one of meshes) one.fit();
      },
      facts: () => mesh ? [`${numbers.whole(mesh.n)} ${mesh.faces ? 'vertices' : 'points'}`, mesh.faces && `${numbers.whole(mesh.faces.length / 3)} faces`, mesh.box.low[0] <= mesh.box.high[0] && `${[0, 1, 2].map(k => +(mesh.box.high[k] - mesh.box.low[k]).toPrecision(3)).join(' × ')} wide`, mesh.wrong > 0 && h('span.warn', {}, `${numbers.whole(mesh.wrong)} faces name no vertex`)] : [],
      redraw() { if (mesh) { tint(); paint(); } },
      close() { closed = true; hand.close(); scene.close(); meshes.delete(view); },
    };
  };

  /** Take over what the URL says. */
  function chosen() {
    if (own('view') !== (camera.moved ? camera.format() : '')) camera.parse(own('view'));
    for (const one of meshes) { one.fit(); one.draw(); }
  }
  marked.on('chosen', chosen);
  crossboard.scenes.on('lost back', () => { for (const one of meshes) one.draw(); });
  crossboard.meshes = {chosen, all: meshes};
})(window);
