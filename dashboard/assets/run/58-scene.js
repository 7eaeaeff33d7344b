/* Points, faces and edges drawn by WebGL, or where there is none, or only one without a graphics card, by `raster`, the page's own. One context draws for all views, since a
   browser gives a page only a few; what it drew is copied into the view's canvas.

   A scene holds {positions: xyz a point inside a ball of radius 1, colours: rgba a point, flags: a byte a point, faces: three
   places each}. A flag is 0 hidden, 1 faint, 2 plain, 3 strong; strong ones are drawn last. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {announcer} = crossboard, news = announcer();
  const HEAD = '#version 300 es\nprecision highp float;\n';
  const POINTS = [`${HEAD}in vec3 place; in vec4 colour; in float flag; uniform mat4 matrix; uniform float size, stage, most; out vec4 tint; out float wide;
    void main() { vec4 at = matrix * vec4(place, 1.0); gl_Position = abs(flag - stage) < 0.5 ? at : vec4(2.0, 2.0, 2.0, 1.0); wide = min(most, size / at.w); gl_PointSize = wide; tint = colour; }`,
  `${HEAD}in vec4 tint; in float wide; uniform float alpha, sharp; out vec4 made;
    void main() { float far = 2.0 * length(gl_PointCoord - 0.5), cover = 1.0 - smoothstep(1.0 - 2.0 / max(wide, 2.0), 1.0, far); if (cover < sharp || cover <= 0.0) discard;
    float a = alpha * (sharp > 0.0 ? 1.0 : cover); made = vec4(tint.rgb * a, a); }`];
  const FACES = [`${HEAD}in vec3 place; in vec4 colour; uniform mat4 matrix; uniform mat3 turning; out vec4 tint; out vec3 seen;
    void main() { gl_Position = matrix * vec4(place, 1.0); seen = turning * place; tint = colour; }`,
  `${HEAD}in vec4 tint; in vec3 seen; uniform float shade; out vec4 made;
    void main() { vec3 normal = normalize(cross(dFdx(seen), dFdy(seen)) + vec3(0.0, 0.0, 1e-20)); float light = mix(1.0, 0.35 + 0.65 * abs(dot(normal, vec3(0.303, 0.505, 0.808))), shade); made = vec4(tint.rgb * light, 1.0); }`];

  const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;   // WebGL on the processor takes three times as long as `raster`

  let gl = null, canvas = null, programs = null, tried = false, epoch = 0, slow = false, forced = false;

  function program([vertex, fragment]) {
    const made = gl.createProgram();
    for (const [type, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
      const shader = gl.createShader(type);
      gl.shaderSource(shader, text); gl.compileShader(shader); gl.attachShader(made, shader);
    }
    gl.bindAttribLocation(made, 0, 'place'); gl.bindAttribLocation(made, 1, 'colour'); gl.bindAttribLocation(made, 2, 'flag');
    gl.linkProgram(made);
    if (!gl.getProgramParameter(made, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(made) || 'a program of WebGL was not linked');
    const places = new Map();
    return {made, at: name => { if (!places.has(name)) places.set(name, gl.getUniformLocation(made, name)); return places.get(name); }};
  }

  /** The context, or null where the browser has none or lost it. */
  function context() {
    if (!tried) {
      tried = true;
      canvas = document.createElement('canvas');
      canvas.addEventListener('webglcontextlost', event => { event.preventDefault(); programs = null; news.tell('lost'); });
      canvas.addEventListener('webglcontextrestored', () => { build(); news.tell('back'); });
      gl = canvas.getContext('webgl2', {antialias: false, alpha: true, depth: true, powerPreference: 'high-performance'});
      if (gl) {
        const told = gl.getExtension('WEBGL_debug_renderer_info');
        slow = SOFTWARE.test(String(gl.getParameter(told ? told.UNMASKED_RENDERER_WEBGL : gl.RENDERER)));
        build();
      }
    }
    return gl && programs && !gl.isContextLost() && (!slow || forced) ? gl : null;
  }

  function build() {
    epoch++;
    try { programs = {points: program(POINTS), faces: program(FACES)}; } catch { programs = null; }
  }

  /** The three edges of each face. */
  function edgesOf(faces) {
    const made = new Uint32Array(2 * faces.length);
    for (let t = 0; t < faces.length; t += 3) made.set([faces[t], faces[t + 1], faces[t + 1], faces[t + 2], faces[t + 2], faces[t]], 2 * t);
    return made;
  }

  class Scene {
    constructor() { this.buffers = null; this.epoch = -1; this.fresh = new Set(); this.n = 0; }

    /** Replace what is named. */
    set(parts) {
      Object.assign(this, parts);
      for (const name of Object.keys(parts)) this.fresh.add(name);
      if (parts.positions) this.n = parts.positions.length / 3;
      if ('faces' in parts) { this.edges = null; this.fresh.add('edges'); }
      if (parts.flags) { this.there = [0, 0, 0, 0]; for (const flag of parts.flags) this.there[flag]++; }
    }

    buffer(name, target, data) {
      if (!this.buffers[name]) { this.buffers[name] = gl.createBuffer(); this.fresh.add(name); }
      gl.bindBuffer(target, this.buffers[name]);
      if (this.fresh.has(name)) { gl.bufferData(target, data, gl.STATIC_DRAW); this.fresh.delete(name); }
    }

    /** Draw into a 2D context whose unit is a CSS pixel. how: {matrix, turning: rows, mode: points|faces|wire, size, alpha, deep: with depth, sharp: true
        while nothing moves}. */
    draw(g, width, height, how) {
      if (!this.n || !width || !height) return;
      const ratio = Math.min(3, root.devicePixelRatio || 1) * (how.sharp && how.deep && (root.devicePixelRatio || 1) < 2 ? 2 : 1), w = Math.round(width * ratio), high = Math.round(height * ratio);
      if (how.mode === 'wire' && !this.edges && this.faces) this.edges = edgesOf(this.faces);
      if (!context()) { crossboard.raster.draw(g, this, width, height, how); return; }
      if (this.epoch !== epoch) { this.buffers = {}; this.epoch = epoch; }
      if (canvas.width < w || canvas.height < high) { canvas.width = Math.max(canvas.width, w); canvas.height = Math.max(canvas.height, high); }
      gl.viewport(0, 0, w, high);
      gl.enable(gl.SCISSOR_TEST);
      gl.scissor(0, 0, w, high);
      gl.clearColor(0, 0, 0, 0);
      gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
      (how.deep ? gl.enable : gl.disable).call(gl, gl.DEPTH_TEST);
      this.buffer('positions', gl.ARRAY_BUFFER, this.positions);
      gl.enableVertexAttribArray(0); gl.vertexAttribPointer(0, 3, gl.FLOAT, false, 0, 0);
      this.buffer('colours', gl.ARRAY_BUFFER, this.colours);
      gl.enableVertexAttribArray(1); gl.vertexAttribPointer(1, 4, gl.UNSIGNED_BYTE, true, 0, 0);
      if (how.mode === 'points') this.points(ratio, how); else this.surface(how);
      g.drawImage(canvas, 0, canvas.height - high, w, high, 0, 0, width, height);
    }

    points(ratio, {matrix, size, alpha, deep}) {
      const {made, at} = programs.points;
      gl.useProgram(made);
      this.buffer('flags', gl.ARRAY_BUFFER, this.flags);
      gl.enableVertexAttribArray(2); gl.vertexAttribPointer(2, 1, gl.UNSIGNED_BYTE, false, 0, 0);
      gl.uniformMatrix4fv(at('matrix'), false, matrix);
      gl.uniform1f(at('sharp'), deep ? 0.5 : 0);
      gl.uniform1f(at('most'), 64);
      gl.enable(gl.BLEND); gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
      for (const [stage, grown, clear] of [[1, 0.8, 0.16], [2, 1, alpha], [3, 1.35, 1]]) {
        if (!this.there[stage]) continue;
        gl.uniform1f(at('stage'), stage);
        gl.uniform1f(at('size'), Math.max(1.5, size * grown) * ratio);
        gl.uniform1f(at('alpha'), clear);
        gl.depthMask(stage > 1);
        gl.drawArrays(gl.POINTS, 0, this.n);
      }
      gl.depthMask(true);
      gl.disable(gl.BLEND);
      gl.disableVertexAttribArray(2);
    }

    surface({matrix, turning, mode}) {
      const {made, at} = programs.faces, wire = mode === 'wire', list = wire ? this.edges : this.faces;
      if (!list || !list.length) return;
      gl.useProgram(made);
      this.buffer(wire ? 'edges' : 'faces', gl.ELEMENT_ARRAY_BUFFER, list);
      gl.uniformMatrix4fv(at('matrix'), false, matrix);
      gl.uniformMatrix3fv(at('turning'), false, new Float32Array([0, 1, 2].flatMap(c => turning.map(row => row[c]))));
      gl.uniform1f(at('shade'), wire ? 0 : 1);
      gl.drawElements(wire ? gl.LINES : gl.TRIANGLES, list.length, gl.UNSIGNED_INT, 0);
    }

    close() {
      if (this.buffers && gl && this.epoch === epoch) for (const one of Object.values(this.buffers)) gl.deleteBuffer(one);
      this.buffers = null; this.epoch = -1; this.n = 0;
      for (const name of ['positions', 'colours', 'flags', 'faces', 'edges']) this[name] = null;
    }
  }

  crossboard.Scene = Scene;
  crossboard.scenes = {on: news.on, byWebGL: () => Boolean(context()), force: yes => { forced = yes; news.tell('back'); }};   // force: for tests and benchmarks
})(window);
