/* A model's graph as a nested tree: scopes open and close, operations stand inside them with what flows out of them.

   `tree` is pure: scopes, operations and edges -> nested nodes with parameters summed upwards, children in the order in which they run. A scope that is only named as a
   parent or by an operation is made up as a plain name. The tree is a WAI-ARIA tree: arrow keys move, open and close. */
(root => {
  'use strict';
  const crossboard = root.crossboard = root.crossboard || {};

  /** {scopes, operations} -> the root node {path, name, type, children, own, parameters, trainable, flops, operation}. */
  function tree(graph) {
    const nodes = new Map(), make = (path, parent) => {
      if (nodes.has(path)) return nodes.get(path);
      const node = {path, name: path, type: '', parent, children: [], scope: null, operation: null, parameters: 0, trainable: 0, flops: 0, operations: 0, first: Infinity, flow: null};
      nodes.set(path, node);
      return node;
    };
    const top = make('', null);
    const attach = (node, parent) => { node.parent = parent; parent.children.push(node); };
    const declared = new Map(graph.scopes.map(scope => [scope.path, scope]));
    const placeOf = path => {
      if (!path) return top;
      if (nodes.has(path)) return nodes.get(path);
      const scope = declared.get(path), cut = Math.max(path.lastIndexOf('.'), path.lastIndexOf('/')), outer = scope ? scope.parent || '' : cut > 0 ? path.slice(0, cut) : '';
      const node = make(path, null), parent = outer === path ? top : placeOf(outer);
      node.name = parent.path && path.startsWith(parent.path) && /[./]/.test(path[parent.path.length] || '') ? path.slice(parent.path.length + 1) : path;
      if (scope) Object.assign(node, {scope, type: scope.type || '', parameters: scope.parameters || 0, trainable: scope.trainable || 0, flops: scope.flops || 0});
      attach(node, parent);
      return node;
    };
    for (const scope of graph.scopes) if (scope.path) placeOf(scope.path);
      else Object.assign(top, {scope, type: scope.type || '', parameters: scope.parameters || 0, trainable: scope.trainable || 0, flops: scope.flops || 0});
    graph.operations.forEach((operation, number) => {
      const parent = placeOf(operation.scope || ''), node = {path: `op ${operation.name}`, name: operation.name.startsWith((operation.scope || '') + '.') || operation.name.startsWith((operation.scope || '') + '/') ? operation.name.slice((operation.scope || '').length + 1) : operation.name, type: operation.type || '', parent, children: [], scope: null, operation, parameters: 0, trainable: 0, flops: operation.flops || 0, operations: 1, first: number, flow: null};
      parent.children.push(node);
      const out = !['input', 'parameter'].includes(operation.kind) && operation.outputs && operation.outputs[0];
      for (let up = parent; up; up = up.parent) { up.first = Math.min(up.first, number); if (out) up.flow = out; }   // what flows out of a scope is what its last operation makes
    });
    const sum = node => {
      const declaredFlops = node.scope && node.scope.flops !== null && node.scope.flops !== undefined;
      let inner = 0;
      for (const child of node.children) { sum(child); node.parameters += child.parameters; node.trainable += child.trainable; inner += child.flops; node.operations += child.operations; }
      if (!declaredFlops && node.children.length) node.flops = inner;
      node.children.sort((a, b) => a.first === b.first ? 0 : a.first - b.first);
    };
    sum(top);
    return top;
  }

  /** What flows: [2, null, 64] float32 -> "2 × ? × 64 float32". */
  function shape(one) { return one && one.shape ? `${one.shape.length ? one.shape.map(size => size === null ? '?' : size).join(' × ') : 'scalar'}${one.dtype ? ` ${one.dtype}` : ''}` : one && one.dtype || ''; }

  crossboard.graphs = {tree, shape};
  if (!crossboard.views) return;
  const {fill, h, icon, numbers, view} = crossboard, FIRST = 40, MOST = 1500;
  const short = n => n >= 1e9 ? `${(n / 1e9).toPrecision(3)} G` : n >= 1e6 ? `${(n / 1e6).toPrecision(3)} M` : n >= 1e4 ? `${(n / 1e3).toPrecision(3)} k` : numbers.whole(n);

  crossboard.views.graph = panel => {
    const list = h('div.tree', {role: 'tree', 'aria-label': `graph ${panel.series.tag}`}), field = h('input.find', {type: 'search', placeholder: 'Find a layer or operation', 'aria-label': 'Find a layer or operation', autocomplete: 'off', spellcheck: 'false'}), note = h('span.dim'), side = h('div.node', {tabindex: '0', role: 'region', 'aria-label': 'details of the chosen node'});
    const element = h('div.vgraph', {}, h('div.switches', {}, field, h('button.lk', {type: 'button', onclick: () => { everything(true); }}, 'Open all'), h('button.lk', {type: 'button', onclick: () => everything(false)}, 'Close all'), note), h('div.gb', {}, list, side));
    let graph = null, top = null, place = -1, open = new Set(), chosen = '', words = '', into = new Map(), outof = new Map();

    function everything(yes) {
      open = new Set();
      const walk = (node, depth) => { for (const child of node.children) if (child.children.length && (yes || depth < 0)) { open.add(child.path); walk(child, depth + 1); } };
      walk(top, 0);
      draw();
    }

    /** The nodes that can be seen, top down, as [node, depth]. */
    function rows() {
      const out = [];
      if (words) {
        const hit = node => view.matches(words, `${node.scope ? node.path : node.operation ? node.operation.name : node.path} ${node.type}`), keep = new Set();
        const mark = node => { let any = node !== top && hit(node); for (const child of node.children) any = mark(child) || any; if (any) keep.add(node); return any; };
        mark(top);
        const walk = (node, depth) => { for (const child of node.children) if (keep.has(child) && out.length < MOST) { out.push([child, depth]); walk(child, depth + 1); } };
        walk(top, 0);
        return out;
      }
      const walk = (node, depth) => { for (const child of node.children) { if (out.length >= MOST) return; out.push([child, depth]); if (open.has(child.path)) walk(child, depth + 1); } };
      walk(top, 0);
      return out;
    }

    function draw() {
      const seen = rows();
      if (!seen.some(([node]) => node.path === chosen)) chosen = seen.length ? seen[0][0].path : '';
      note.textContent = words ? `${numbers.whole(seen.length)} shown` : seen.length >= MOST ? `first ${numbers.whole(MOST)} rows; close some or search` : '';
      const held = list.contains(document.activeElement);
      fill(list, seen.length ? seen.map(([node, depth]) => {
        const inner = node.children.length > 0, opened = inner && (words ? true : open.has(node.path)), operation = node.operation, flow = operation ? operation.outputs && operation.outputs.length ? operation.outputs.map(shape).filter(Boolean).join(', ') : '' : shape(node.flow);
        return h(`div.gn${operation ? `.op.${operation.kind || 'op'}` : ''}`, {role: 'treeitem', 'aria-level': depth + 1, 'aria-expanded': inner ? String(opened) : null, 'aria-selected': String(node.path === chosen), tabindex: node.path === chosen ? '0' : '-1', 'data-path': node.path, style: `--depth:${depth}`, onclick: () => { chosen = node.path; if (inner && !words) { if (!open.delete(node.path)) open.add(node.path); } draw(); focus(); }},
          h('span.fold', {}, inner ? icon(opened ? 'down' : 'right', true) : null), h('span.gname', {title: operation ? operation.name : node.path}, node.name), h('span.gtype', {}, node.type && node.type !== node.name ? node.type : ''), h('span.gflow.mono', {title: flow}, flow), h('span.gpar', {title: node.parameters ? `${numbers.whole(node.parameters)} parameters, ${numbers.whole(node.trainable)} trainable` : null}, node.parameters ? short(node.parameters) : ''));
      }) : h('p.none', {}, words ? `Nothing matches “${words}”.` : 'An empty graph.'));
      if (held) focus();
      detail();
    }

    const focus = () => { const row = list.querySelector(`[data-path="${CSS.escape(chosen)}"]`); if (row) { row.focus({preventScroll: true}); row.scrollIntoView({block: 'nearest'}); } };
    const find = path => { let found = null; const walk = node => { if (found) return; if (node.path === path) { found = node; return; } node.children.forEach(walk); }; walk(top); return found; };

    function detail() {
      const node = chosen ? find(chosen) : null;
      if (!node) { fill(side); return; }
      const about = node.operation || node.scope || {}, rows_ = [], add = (name, value) => { if (value !== '' && value !== null && value !== undefined && value !== 0) rows_.push(h('div.kv', {}, h('dt', {}, name), h('dd', {title: String(value)}, String(value)))); };
      add('type', node.type); add('kind', node.operation && node.operation.kind !== 'op' ? node.operation.kind : '');
      add('parameters', node.parameters ? numbers.whole(node.parameters) : ''); add('trainable', node.parameters ? numbers.whole(node.trainable) : ''); add('operations', node.operation ? '' : numbers.whole(node.operations)); add('FLOPs', node.flops ? short(node.flops) : '');
      if (node.operation) {
        for (const [name, all, mine] of [['in', into.get(node.operation.name) || [], 'source'], ['out', outof.get(`op ${node.operation.name}`) || [], 'target']]) for (const edge of all.slice(0, 12)) rows_.push(h('div.kv', {}, h('dt', {}, edge.control ? `${name}, control` : name), h('dd', {}, h('button.lk', {type: 'button', title: edge[mine], onclick: () => reveal(`op ${edge[mine]}`)}, edge[mine]), shape(edge.tensor) ? ` ${shape(edge.tensor)}` : '')));
        add('inputs', (node.operation.inputs || []).map(shape).filter(Boolean).join(', ')); add('outputs', (node.operation.outputs || []).map(shape).filter(Boolean).join(', ')); add('device', node.operation.device);
      }
      for (const [name, value] of Object.entries(about.attributes || {})) add(name, value !== null && typeof value === 'object' ? JSON.stringify(value) : value);
      add('source', about.source);
      fill(side, h('h3', {}, node.operation ? node.operation.name : node.path), h('dl.kvs', {}, rows_));
    }

    function reveal(path) {
      const node = find(path);
      if (!node) return;
      words = field.value = '';
      for (let up = node.parent; up && up !== top; up = up.parent) open.add(up.path);
      chosen = path;
      draw();
      focus();
    }

    field.oninput = () => { words = field.value.trim(); draw(); };
    list.onkeydown = event => {
      const seen = rows(), i = seen.findIndex(([node]) => node.path === chosen), node = i >= 0 ? seen[i][0] : null;
      const to = next => { const row = seen[Math.max(0, Math.min(seen.length - 1, next))]; if (row) { chosen = row[0].path; draw(); focus(); } };
      if (!node || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === 'ArrowDown') to(i + 1); else if (event.key === 'ArrowUp') to(i - 1); else if (event.key === 'Home') to(0); else if (event.key === 'End') to(seen.length - 1);
      else if (event.key === 'ArrowRight' && node.children.length) { if (!words && !open.has(node.path)) { open.add(node.path); draw(); focus(); } else to(i + 1); }
      else if (event.key === 'ArrowLeft') { if (!words && open.delete(node.path)) { draw(); focus(); } else if (node.parent && node.parent !== top) { chosen = node.parent.path; draw(); focus(); } }
      else if (event.key === 'Enter' || event.key === ' ') { if (node.children.length && !words) { if (!open.delete(node.path)) open.add(node.path); draw(); focus(); } }
      else return;
      event.preventDefault();
      event.stopPropagation();
    };

    return {
      element,
      async show(point, at) {
        place = at;
        const answer = await panel.series.more('graph', at);
        if (at !== place) return;
        graph = answer;
        top = tree(graph);
        into = new Map(); outof = new Map();
        for (const edge of graph.edges) {
          if (!into.has(edge.target)) into.set(edge.target, []);
          into.get(edge.target).push(edge);
          const name = `op ${edge.source}`;
          if (!outof.has(name)) outof.set(name, []);
          outof.get(name).push(edge);
        }
        open = new Set();
        let level = top.children.filter(one => one.children.length), shown = top.children.length;
        while (level.length && shown + level.reduce((n, one) => n + one.children.length, 0) <= FIRST) { level.forEach(one => open.add(one.path)); shown += level.reduce((n, one) => n + one.children.length, 0); level = level.flatMap(one => one.children.filter(child => child.children.length)); }
        if (top.children.length === 1 && top.children[0].children.length) open.add(top.children[0].path);
        draw();
      },
      facts: () => graph ? [graph.framework, `${numbers.whole(graph.operations.length)} operations`, top.parameters > 0 && `${numbers.whole(top.parameters)} parameters`, top.flops > 0 && `${short(top.flops)} FLOPs`] : [],
    };
  };
})(typeof window === 'undefined' ? globalThis : window);
