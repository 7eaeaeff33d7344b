/* Networks: nodes and edges, drawn by forces, the same way each time.

   Repulsion between all nodes, springs along edges (Fruchterman and Reingold, 1991), a fixed number of rounds from a fixed start;
   fewer rounds for more nodes. Above 1,200 nodes they stand on a circle, which is said. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {fill, h, icon, paneViews, plot} = crossboard;
  const WORK = 2e7, MOST_FORCED = 1200, MOST_EDGES = 20000, SVG = icon('close').namespaceURI;

  function svg(name, attributes, ...children) {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) if (value !== null && value !== undefined) element.setAttribute(key, value);
    element.append(...children);
    return element;
  }

  /** Positions in a square of side 1 for `n` nodes joined by `edges` [[a, b], ...]. */
  function positions(n, edges) {
    const x = new Float64Array(n), y = new Float64Array(n), golden = Math.PI * (3 - Math.sqrt(5));
    if (n > MOST_FORCED) {
      for (let i = 0; i < n; i++) { x[i] = 0.5 + 0.5 * Math.cos(2 * Math.PI * i / n); y[i] = 0.5 + 0.5 * Math.sin(2 * Math.PI * i / n); }
      return {x, y, forced: false};
    }
    for (let i = 0; i < n; i++) { const r = 0.5 * Math.sqrt((i + 0.5) / n); x[i] = 0.5 + r * Math.cos(i * golden); y[i] = 0.5 + r * Math.sin(i * golden); }
    const k = 0.9 / Math.sqrt(Math.max(1, n)), rounds = Math.max(30, Math.min(400, Math.floor(WORK / Math.max(1, n * n)))), dx = new Float64Array(n), dy = new Float64Array(n);
    for (let round = 0; round < rounds; round++) {
      const heat = 0.12 * (1 - round / rounds) ** 1.5 + 0.001;
      dx.fill(0); dy.fill(0);
      for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) {
        const a = x[i] - x[j], b = y[i] - y[j], d2 = a * a + b * b + 1e-9, push = k * k / d2;
        dx[i] += a * push; dy[i] += b * push; dx[j] -= a * push; dy[j] -= b * push;
      }
      for (const [i, j] of edges) {
        const a = x[i] - x[j], b = y[i] - y[j], pull = Math.sqrt(a * a + b * b) / k;
        dx[i] -= a * pull; dy[i] -= b * pull; dx[j] += a * pull; dy[j] += b * pull;
      }
      for (let i = 0; i < n; i++) {
        dx[i] += (0.5 - x[i]) * 0.4; dy[i] += (0.5 - y[i]) * 0.4;   // what is joined to nothing stays near
        const length = Math.hypot(dx[i], dy[i]) || 1, step = Math.min(length, heat) / length;
        x[i] += dx[i] * step; y[i] += dy[i] * step;
      }
    }
    let x0 = Infinity, x1 = -Infinity, y0 = Infinity, y1 = -Infinity;
    for (let i = 0; i < n; i++) { x0 = Math.min(x0, x[i]); x1 = Math.max(x1, x[i]); y0 = Math.min(y0, y[i]); y1 = Math.max(y1, y[i]); }
    for (let i = 0; i < n; i++) { x[i] = x1 > x0 ? (x[i] - x0) / (x1 - x0) : 0.5; y[i] = y1 > y0 ? (y[i] - y0) / (y1 - y0) : 0.5; }
    return {x, y, forced: true};
  }

  paneViews.network = pane => {
    const element = h('div.pnet', {tabindex: '-1'});
    let nodes = [], edges = [], options = {}, laid = null, lost = 0;

    function take({told}) {
      const content = told.content && typeof told.content === 'object' ? told.content : {}, given = Array.isArray(content.edges) ? content.edges : [];
      nodes = (Array.isArray(content.nodes) ? content.nodes : []).map((node, i) => ({name: String((node || {}).name ?? i), label: String((node || {}).label ?? (node || {}).name ?? i), club: (node || {}).club}));
      const byName = new Map(nodes.map((node, i) => [node.name, i]));
      const at = end => { const name = String(end !== null && typeof end === 'object' ? end.name : end); return byName.has(name) ? byName.get(name) : -1; };
      edges = given.slice(0, MOST_EDGES).map(edge => [at((edge || {}).source), at((edge || {}).target), String((edge || {}).label ?? '')]).filter(([a, b]) => a >= 0 && b >= 0);
      lost = given.length - edges.length;
      options = {...told.options, ...content};
      laid = positions(nodes.length, edges);
    }

    function draw() {
      const {clientWidth: wide, clientHeight: tall} = element;
      if (!laid || !wide || !tall) return;
      const c = plot.colours(), clubs = [...new Set(nodes.map(one => one.club))], few = nodes.length <= 60, r = few ? 5 : nodes.length <= 300 ? 3.5 : 2, pad = few ? 30 : 14;
      const X = i => pad + laid.x[i] * (wide - 2 * pad), Y = i => pad + laid.y[i] * (tall - 2 * pad), arrow = `arrow-${Math.random().toString(36).slice(2)}`;
      const drawing = svg('svg', {viewBox: `0 0 ${wide} ${tall}`, role: 'img', 'aria-label': `network of ${crossboard.counted(nodes.length, 'node')} and ${crossboard.counted(edges.length, 'edge')}${pane.title ? `, ${pane.title}` : ''}`});
      if (options.directed) drawing.append(svg('defs', {}, svg('marker', {id: arrow, viewBox: '0 0 8 8', refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: 'auto'}, svg('path', {d: 'M0 1 7 4 0 7Z', fill: c.ink3}))));
      for (const [a, b, words] of edges) {
        const dx = X(b) - X(a), dy = Y(b) - Y(a), length = Math.hypot(dx, dy) || 1, cut = options.directed ? r + 1 : 0;
        const line = svg('line', {x1: X(a), y1: Y(a), x2: X(b) - dx / length * cut, y2: Y(b) - dy / length * cut, stroke: c.ink3, 'stroke-opacity': 0.55, 'stroke-width': 1, 'marker-end': options.directed ? `url(#${arrow})` : null});
        if (words) line.append(Object.assign(svg('title', {}), {textContent: words}));
        drawing.append(line);
        if (options.showEdgeLabels && words && few) drawing.append(Object.assign(svg('text', {x: (X(a) + X(b)) / 2, y: (Y(a) + Y(b)) / 2 - 3, class: 'edge'}), {textContent: words.slice(0, 24)}));
      }
      nodes.forEach((node, i) => {
        const circle = svg('circle', {cx: X(i), cy: Y(i), r, fill: clubs.length > 1 ? plot.look(clubs.indexOf(node.club) % 12).colour : c.ink2});
        circle.append(Object.assign(svg('title', {}), {textContent: node.label}));
        drawing.append(circle);
        if (options.showVertexLabels !== false && few) drawing.append(Object.assign(svg('text', {x: X(i), y: Y(i) - r - 3}), {textContent: node.label.length > 24 ? `${node.label.slice(0, 23)}…` : node.label}));
      });
      fill(element, nodes.length ? drawing : h('p.none', {}, 'A network without nodes.'));
    }

    return {
      element,
      show([member]) { take(member); draw(); },
      facts: () => [`${crossboard.counted(nodes.length, 'node')}, ${crossboard.counted(edges.length, 'edge')}`, laid && !laid.forced && 'on a circle: too many for forces', lost > 0 && h('span.warn', {}, `${crossboard.counted(lost, 'edge')} not drawn`)],
      redraw: draw, resize: draw,
    };
  };

  crossboard.networks = {positions};
})(window);
