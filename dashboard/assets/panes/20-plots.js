/* Plots: what Visdom keeps of a Plotly figure, with the traces that are series filled in from the store.

   A trace of many points comes thinned, extremes kept; a zoom reads the points of its range again, down to raw ones. Zoom and what
   the legend hides are the user's: they survive new points, another theme, and scrolling away and back. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {columns, failure, figures, h, numbers, paneViews, plot, stats, url} = crossboard;
  const POINTS_A_PIXEL = 4, LEAST_POINTS = 800, MOST_POINTS = 8000, NARROW = 380, ALL = 1000000, AXIS = /^(scene\d*\.)?[xyz]axis\d*$/, DASHES = ['solid', 'dash', 'dot', 'dashdot', 'longdash'];
  const PER_POINT = ['text', 'hovertext', 'customdata', 'ids', 'selectedpoints'], OLD_TYPES = {custom: 'scatter', heatmapgl: 'heatmap', pointcloud: 'scattergl', area: 'barpolar'};

  const JOINED = new Set(['scatter', 'scattergl', 'scatter3d', 'scatterpolar', 'bar', 'box', 'violin', 'histogram', 'waterfall', 'funnel']);

  const list = value => Array.isArray(value) && value.length > 1;

  /** True when a trace holds one value a point, so that none of its points may be left out. */
  function perPoint(trace) {
    const marker = trace.marker || {}, line = marker.line || {};
    return PER_POINT.some(name => list(trace[name])) || ['size', 'color', 'symbol', 'opacity'].some(name => list(marker[name])) || ['color', 'width'].some(name => list(line[name])) ||
      ['error_x', 'error_y'].some(name => trace[name] && list(trace[name].array)) || ['width', 'base', 'offset'].some(name => list(trace[name]));
  }

  /** A title as Plotly wants it today: older ones were strings with their font beside them. */
  function titled(thing) {
    if (!thing || typeof thing !== 'object') return thing;
    if (typeof thing.title === 'string') thing.title = {text: thing.title};
    for (const [old, now] of [['titlefont', 'font'], ['titleside', 'side']]) if (old in thing) {
      if (thing.title && typeof thing.title === 'object') thing.title[now] = thing.title[now] || thing[old];
      delete thing[old];
    }
    return thing;
  }

  const BLACK = /^(black|#000(000)?|rgba?\(0,\s*0,\s*0(,\s*1)?\))$/i, dark = () => document.documentElement.getAttribute('data-mantine-color-scheme') === 'dark';

  /** A font without a black that cannot be read on dark ground. */
  function legible(font) {
    if (font && typeof font === 'object' && dark() && BLACK.test(String(font.color || '').trim())) delete font.color;
    return font;
  }

  const ground = (axis, c) => ({gridcolor: c.grid, zerolinecolor: c.axis, linecolor: c.axis, color: c.ink2, backgroundcolor: 'rgba(0,0,0,0)', ...(axis || {})});

  /** A copy of a pane's layout for this board: titles of today, no second title, no margins that only made room for one. */
  function layoutOf(layout, title, {joined = false, width = 1000} = {}) {
    const made = titled(structuredClone(layout || {})), c = plot.colours();
    for (const [name, value] of Object.entries(made)) {
      if (AXIS.test(name) && value && typeof value === 'object') {
        titled(value);
        legible(value.tickfont);
        if (value.title && typeof value.title === 'object') value.title = {standoff: 8, ...value.title, font: {size: 11, color: c.ink3, ...(legible(value.title.font) || {})}};
      }
      if (/^scene\d*$/.test(name) && value && typeof value === 'object') for (const axis of ['xaxis', 'yaxis', 'zaxis']) value[axis] = ground(titled(value[axis]), c);
    }
    for (const name of Object.keys(made)) if (/^(polar|ternary|smith)\d*$/.test(name)) made[name] = {...made[name], bgcolor: 'rgba(0,0,0,0)'};
    if (!made.polar) made.polar = {bgcolor: 'rgba(0,0,0,0)', radialaxis: {gridcolor: c.grid, linecolor: c.axis}, angularaxis: {gridcolor: c.grid, linecolor: c.axis}};
    if (!made.scene) made.scene = {xaxis: ground(null, c), yaxis: ground(null, c), zaxis: ground(null, c)};
    const said = made.title && made.title.text, {l, r, t, b} = made.margin || {}, untouched = l === 60 && r === 60 && t === 60 && b === 60;
    if (said === title || !said) delete made.title;
    if (!made.margin || untouched) made.margin = {l: 48, r: 14, t: made.title ? 36 : 10, b: 36};
    if (joined) made.showlegend = true;
    if (!made.xaxis || made.xaxis.showgrid === undefined) made.xaxis = {...(made.xaxis || {}), showgrid: false};
    made.legend = {bgcolor: 'rgba(0,0,0,0)', ...(width < NARROW || Object.entries(made).some(([name, axis]) => /^yaxis\d/.test(name) && axis && axis.side === 'right') ? {orientation: 'h', x: 0, y: 1, yanchor: 'bottom'} : {}), ...(made.legend || {})};
    made.legend.font = {size: 10.5, ...(legible(made.legend.font) || {})};
    legible(made.font);
    made.uirevision = 'kept';
    return made;
  }

  /** One trace for Plotly. `numbers`: {x, y} where they are a series. */
  function traceOf(trace, numbers, {uid, name, member}) {
    const made = titled(structuredClone(trace));
    made.type = OLD_TYPES[made.type] || made.type || 'scatter';
    made.uid = uid;
    if (made.colorbar) titled(made.colorbar);
    if (made.marker && made.marker.colorbar) titled(made.marker.colorbar);
    if (numbers) { made.x = numbers.x; made.y = numbers.y; }
    if (made.type === 'scatter' && (made.mode || 'lines').includes('lines')) made.line = {width: 1.5, ...(made.line || {})};
    if (['heatmap', 'contour', 'surface', 'histogram2d', 'histogram2dcontour'].includes(made.type)) made.colorbar = {thickness: 10, outlinewidth: 0, tickfont: {size: 10}, ...(made.colorbar || {})};
    if (name !== null) made.name = name;
    if (member > 0 && made.line && typeof made.line.color === 'string') made.line.dash = DASHES[(Math.max(0, DASHES.indexOf(made.line.dash)) + member) % DASHES.length];   // equal colours in two environments
    return made;
  }

  /** Bars of several environments: stacks side by side, histograms over one another, so that each can be read. */
  function beside(data, layout) {
    if (!data.length || !data.every(trace => trace.type === 'bar')) return;
    if (layout.barmode === 'stack' || layout.barmode === 'relative') for (const trace of data) trace.offsetgroup = trace.uid.split('-')[0];
    else if (data.every(trace => Array.isArray(trace.x) && trace.x.every(one => typeof one === 'number')) && new Set(data.map(trace => String(trace.x))).size > 1) {
      layout.barmode = 'overlay';
      for (const trace of data) trace.opacity = 0.6;
    }
  }

  async function readCurves(member, window, points) {
    stats.requests++;
    const q = new URLSearchParams({run: member.env.run, window: member.pane.window, points});
    if (window) { q.set('low', window[0]); q.set('high', window[1]); }
    const answer = await fetch(url(`api/pane-curves?${q}`), {headers: {Accept: 'application/vnd.crossboard.columns'}, credentials: 'same-origin'});
    if (!answer.ok) throw await failure(answer);
    const head = columns.parse(await answer.arrayBuffer());
    return new Map(head.curves.map((curve, i) => [head.traces[i].index, {...curve, error: head.traces[i].error}]));
  }

  const kept = new Map();   // pane key -> {ranges, hidden, window}: what the user did, while the plot is not drawn

  paneViews.plot = pane => {
    const box = h('div.plotly', {role: 'group', 'aria-label': `plot ${pane.title}`}), caption = h('p.pcap', {hidden: true}), nothing = h('p.none', {hidden: true}, 'An empty plot.'), element = h('div.pplot', {}, box, nothing, caption);
    let members = [], whole = new Map(), inside = new Map(), zoom = (kept.get(pane.key) || {}).window || null, drawn = false, queued = 0, frame = null, closed = false, drawing = Promise.resolve();

    const frames = member => Array.isArray(member.told.content) ? member.told.content : null;
    const contentOf = member => { const all = frames(member); return all ? all[Math.min(frame ?? all.length - 1, all.length - 1)] || {} : member.told.content || {}; };
    const pointsFor = member => (contentOf(member).data || []).some(perPoint) ? ALL : Math.max(LEAST_POINTS, Math.min(MOST_POINTS, Math.round((element.clientWidth || 400) * POINTS_A_PIXEL)));
    const onFirstAxis = trace => !trace.xaxis || trace.xaxis === 'x';

    /** Read the curves: of the zoomed range when there is one. */
    async function read() {
      const mine = zoom;
      for (const member of members) {
        if (!member.told.traces.length) continue;
        const read = await readCurves(member, mine, pointsFor(member));
        if (mine !== zoom) return;
        (mine ? inside : whole).set(member, read);
        if (mine && !whole.has(member)) whole.set(member, await readCurves(member, null, pointsFor(member)));
      }
    }

    function numbersOf(member, index, trace) {
      if (!member.told.traces.some(one => one.index === index)) return null;
      const from = zoom && inside.has(member) && onFirstAxis(trace) && !perPoint(trace) ? inside : whole, curve = from.get(member) && from.get(member).get(index);
      return curve ? {x: curve.x, y: curve.y} : {x: [], y: []};
    }

    function figure() {
      const joined = members.length > 1, data = [];
      members.forEach((member, k) => (contentOf(member).data || []).forEach((trace, index) => {
        if (!trace || typeof trace !== 'object') return;
        const name = joined ? `${member.env.label}_${trace.name ?? index + 1}` : null;
        data.push(traceOf(trace, numbersOf(member, index, trace), {uid: `u${crossboard.view.mark(member.id)}-${index}`, name, member: k}));
      }));
      const layout = layoutOf(contentOf(members[0]).layout, pane.title, {joined, width: element.clientWidth || 1000}), held = kept.get(pane.key);
      if (!drawn && held) {
        for (const [axis, range] of Object.entries(held.ranges)) layout[axis] = {...(layout[axis] || {}), range, autorange: false};
        for (const trace of data) if (held.hidden.has(trace.uid)) trace.visible = 'legendonly';
      }
      if (joined) beside(data, layout);
      return {data, layout: figures.dressed(layout)};
    }

    function draw() {
      drawing = drawing.catch(() => {}).then(async () => {
        const Plotly = await figures.load();
        if (closed || !element.isConnected) return;
        const {data, layout} = figure(), large = pane.large;
        box.hidden = !data.length;
        nothing.hidden = data.length > 0;
        if (!data.length) { if (drawn) { Plotly.purge(box); drawn = false; } return; }
        await Plotly.react(box, data, layout, {displaylogo: false, responsive: false, plotlyServerURL: '', showLink: false, showTips: false, doubleClickDelay: 350, displayModeBar: large ? true : 'hover', modeBarButtonsToRemove: ['sendDataToCloud', 'sendChartToCloud', 'lasso2d', 'select2d', 'zoomIn2d', 'zoomOut2d']});
        if (!drawn) { drawn = true; box.on('plotly_relayout', moved); }
        kept.delete(pane.key);
        const words = contentOf(members[0]).caption || '';
        caption.hidden = !words;
        caption.textContent = caption.title = words;
      });
      return drawing;
    }

    /** True when every point is in the plot already: then a zoom needs no more. */
    const allThere = () => members.every(member => [...(whole.get(member) || new Map()).values()].every(curve => curve.raw));

    /** The user zoomed, moved or reset the axes. */
    function moved(event) {
      if (!members.some(member => member.told.traces.length)) return;
      const axis = box.layout.xaxis || {}, reset = event['xaxis.autorange'] || axis.autorange !== false;
      let next = null;
      if (!reset && axis.range) {
        next = axis.range.map(Number);
        if ((box._fullLayout.xaxis || {}).type === 'log') next = next.map(one => 10 ** one);
        if (!next.every(Number.isFinite)) next = null;
        else if (next[0] > next[1]) next.reverse();
      }
      if (String(next) === String(zoom) || (!zoom && allThere())) return;
      zoom = next;
      inside = new Map();
      if (!zoom) draw().then(pane.tellFacts);   // what was read before stands at once
      clearTimeout(queued);
      queued = setTimeout(() => pane.follow(() => read().then(draw)), 60);
    }

    return {
      element,
      async show(next, {curves}) {
        members = next;
        for (const map of [whole, inside]) for (const member of map.keys()) if (!members.includes(member)) map.delete(member);
        if (curves) await read();
        await draw();
      },
      frames: () => members.length === 1 && frames(members[0]) ? frames(members[0]).length : 0,
      choose(place) { frame = place; return draw(); },
      facts() {
        let shown = 0, total = 0, missing = 0, raw = true, taken = 0;
        for (const member of members) {
          taken += member.told.taken_out.length;
          const from = zoom && inside.has(member) ? inside : whole;
          for (const curve of (from.get(member) || new Map()).values()) { shown += Math.min(curve.n, curve.total); total += curve.total; raw = raw && curve.raw; if (curve.error) missing++; }
        }
        const traces = members.reduce((n, member) => n + (contentOf(member).data || []).length, 0);
        return [total > 0 ? (raw ? `${crossboard.counted(total, 'point')}${zoom ? ', all of this range' : ''}` : `${numbers.whole(shown)} of ${numbers.whole(total)} points, extremes kept`) : crossboard.counted(traces, 'trace'),
          missing > 0 && h('span.warn', {}, `${missing} ${missing === 1 ? 'trace is' : 'traces are'} not there`),
          taken > 0 && h('span.warn', {title: `nothing is loaded from other places: ${members.flatMap(one => one.told.taken_out).join(', ')}`}, `${taken} outside ${taken === 1 ? 'address' : 'addresses'} taken out`)];
      },
      redraw() { if (drawn && members.length) draw(); },
      resize() { if (drawn && root.Plotly && element.isConnected && box.clientWidth) root.Plotly.Plots.resize(box); },
      close() {
        closed = true;
        clearTimeout(queued);
        if (!drawn || !root.Plotly) return;
        const ranges = {}, hidden = new Set();
        for (const [name, axis] of Object.entries(box.layout || {})) if (/^[xy]axis\d*$/.test(name) && axis && axis.autorange === false && axis.range) ranges[name] = [...axis.range];
        for (const trace of box.data || []) if (trace.visible === 'legendonly') hidden.add(trace.uid);
        if (Object.keys(ranges).length || hidden.size) kept.set(pane.key, {ranges, hidden, window: zoom});
        root.Plotly.purge(box);
      },
      zoom: () => zoom,
    };
  };
  /** Traces that can stand over one another: others (heatmaps, surfaces, pies) would hide each other. */
  paneViews.plot.joins = members => members.every(({told}) => told.content && Array.isArray(told.content.data) && told.content.data.every(trace => trace && JOINED.has(OLD_TYPES[trace.type] || trace.type || 'scatter')));
  paneViews.plot_history = pane => paneViews.plot(pane);

  crossboard.panePlots = {perPoint, layoutOf, titled};
})(window);
