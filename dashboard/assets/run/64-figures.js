/* Figures: Plotly draws them, loaded from the board itself when the first one is looked at; a picture (matplotlib) is a picture.

   The server has taken out every URL of another place. Colours of paper and text follow the theme unless the figure names its own. What was
   zoomed or switched off in a figure stays so at the next step; with linked ranges (`link`) the figures of a tag have one range. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {choices, files, fill, frame, h, numbers, plot, runMenu, url} = crossboard;
  const PATH = '_dash-component-suites/plotly/package_data/plotly.min.js';
  let loading = null;

  function load() {
    if (root.Plotly) return Promise.resolve(root.Plotly);
    if (!loading) {
      loading = new Promise((resolve, reject) => {
        const script = h('script', {src: url(PATH)});
        script.onload = () => root.Plotly ? resolve(root.Plotly) : reject(new Error('Plotly did not start'));
        script.onerror = () => { loading = null; reject(new Error('Plotly could not be loaded from the board')); };
        document.head.append(script);
      });
    }
    return loading;
  }

  /** `layout` in the colours of the theme where it names none; a template of a figure's own light paper keeps its own. */
  function dressed(layout) {
    const c = plot.colours(), axes = {};
    for (const name of new Set(['xaxis', 'yaxis', ...Object.keys(layout).filter(key => /^[xy]axis\d*$/.test(key))])) axes[name] = {gridcolor: c.grid, zerolinecolor: c.axis, linecolor: c.axis, automargin: true, ...(layout[name] || {})};
    return {...layout, ...axes, template: undefined, paper_bgcolor: layout.paper_bgcolor || 'rgba(0,0,0,0)', plot_bgcolor: layout.plot_bgcolor || 'rgba(0,0,0,0)', colorway: layout.colorway || c.runs,
      font: {family: getComputedStyle(document.body).fontFamily, size: 11, color: c.ink2, ...(layout.font || {})}, margin: {l: 48, r: 16, t: layout.title ? 40 : 16, b: 40, ...(layout.margin || {})}, width: undefined, height: undefined, autosize: true, uirevision: layout.uirevision || 'kept'};
  }

  const open = new Set(), linked = () => choices.get('link') === '1';

  /** The ranges in what Plotly says was changed: axis ranges, or that they are as wide as the data again. */
  const ranges = change => Object.fromEntries(Object.entries(change || {}).filter(([key]) => /^[xy]axis\d*\.(range(\[[01]\])?|autorange)$|^scene\d*\.camera$/.test(key)));

  /** Give the ranges of one figure to the others of its tag; axes that another has not are left out. */
  function link(from, change) {
    const found = ranges(change);
    if (!linked() || !Object.keys(found).length) return;
    for (const one of open) if (one !== from && one.tag === from.tag) one.take(found);
  }

  /** A picture that can be zoomed and dragged: `inner` is as large as the box, or larger. */
  function zoomable(inner, label, told) {
    const box = h('div.fzoom', {tabindex: '0', role: 'group', 'aria-label': `${label}; + and − zoom, arrow keys move, 0 shows all of it`}, h('div.fin', {}, inner), h('div.fcover')), move = box.firstChild;
    let size = 1, x = 0, y = 0, drag = null;
    function place() {
      x = Math.max(0, Math.min(size - 1, x)); y = Math.max(0, Math.min(size - 1, y));
      move.style.cssText = `width:${100 * size}%;height:${100 * size}%;left:${-100 * x}%;top:${-100 * y}%`;
      box.classList.toggle('near', size > 1);
    }
    function put(next, also = true) { [size, x, y] = next; place(); if (also) told([size, x, y]); }
    const zoom = (by, px = 0.5, py = 0.5) => { const to = Math.max(1, Math.min(16, size * by)); put([to, (x + px) * to / size - px, (y + py) * to / size - py]); };
    const at = event => { const b = box.getBoundingClientRect(); return [(event.clientX - b.left) / b.width, (event.clientY - b.top) / b.height]; };
    box.addEventListener('wheel', event => { if (!event.ctrlKey && !event.metaKey && document.activeElement !== box) return; event.preventDefault(); zoom(event.deltaY < 0 ? 1.25 : 0.8, ...at(event)); }, {passive: false});
    box.onpointerdown = event => { drag = at(event); box.setPointerCapture(event.pointerId); };
    box.onpointermove = event => { if (!drag) return; const now = at(event); put([size, x + drag[0] - now[0], y + drag[1] - now[1]]); drag = now; };
    box.onpointerup = box.onpointercancel = () => { drag = null; };
    box.ondblclick = event => { if (size > 1) put([1, 0, 0]); else zoom(2.5, ...at(event)); };
    box.onkeydown = event => {
      const by = {ArrowLeft: [-0.15, 0], ArrowRight: [0.15, 0], ArrowUp: [0, -0.15], ArrowDown: [0, 0.15]}[event.key];
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      if (by) put([size, x + by[0], y + by[1]]);
      else if (event.key === '+' || event.key === '=') zoom(1.4);
      else if (event.key === '-') zoom(1 / 1.4);
      else if (event.key === '0') put([1, 0, 0]);
      else return;
      event.preventDefault();
      event.stopPropagation();
    };
    place();
    return {element: box, put, zoom, get view() { return [size, x, y]; }};
  }

  crossboard.figures = {load, dressed, ranges};
  crossboard.views.figure = panel => {
    const element = h('div.vfig'), mine = {tag: panel.series.tag, take, redraw: () => draw().catch(error => panel.fail(error))};
    let shown = null, drawn = null, picture = null, place = -1, quiet = false, view = [1, 0, 0];

    function take(change) {
      if (change.view) { view = change.view; if (picture) picture.put(view, false); return; }
      if (!drawn || !root.Plotly) return;
      const {layout} = drawn, mineToo = Object.fromEntries(Object.entries(change).filter(([key]) => layout[key.split('.')[0]]));
      if (!Object.keys(mineToo).length) return;
      quiet = true;   // Plotly tells of this change too
      root.Plotly.relayout(drawn, mineToo).finally(() => { quiet = false; });
    }

    const traces = () => shown && shown.figure.data && shown.figure.data.length || 0;
    const still = () => { if (!shown) return null; const {drawing, picture: other} = shown; return drawing && drawing.media_type === 'image/svg+xml' ? drawing : other ? other.blob : drawing; };
    const name = ending => files.named(`${panel.run ? `${panel.run.name}-` : ''}${panel.series.tag}-${panel.step}`, ending);

    async function draw() {
      if (!shown) return;
      if (!traces()) {
        const blob = still();
        drop();
        if (!blob) { fill(element, h('p.none', {}, 'An empty figure.')); return; }
        const words = shown.picture && shown.picture.caption || `figure ${panel.series.tag}`;
        picture = zoomable(blob.media_type === 'image/svg+xml' ? frame.drawing(blob.url, words) : h('img', {src: url(blob.url), alt: words, draggable: 'false'}), words, now => { view = now; if (linked()) for (const one of open) if (one !== mine && one.tag === mine.tag) one.take({view: now}); });
        picture.put(view, false);
        fill(element, picture.element);
        return;
      }
      const Plotly = await load(), asked = shown;
      picture = null;
      if (!drawn || !drawn.isConnected) { drawn = h('div.plotly', {role: 'group', 'aria-label': `figure ${panel.series.tag}`}); fill(element, drawn); }
      if (asked !== shown) return;
      const {figure} = shown, first = !drawn.on;
      await Plotly.react(drawn, structuredClone(figure.data), dressed(structuredClone(figure.layout || {})), {displaylogo: false, responsive: false, scrollZoom: false, plotlyServerURL: '', showLink: false, displayModeBar: panel.large ? true : 'hover', modeBarButtonsToRemove: ['sendDataToCloud', 'sendChartToCloud', 'lasso2d', 'select2d']});
      if (first && drawn) drawn.on('plotly_relayout', change => { if (!quiet) link(mine, change); });
    }

    function drop() { if (drawn && root.Plotly) root.Plotly.purge(drawn); drawn = null; }

    /** The figure and its picture as files. */
    function save(anchor) {
      const blob = still();
      const svg = () => root.Plotly.toImage(drawn, {format: 'svg', width: Math.max(700, drawn.clientWidth), height: Math.max(450, drawn.clientHeight)}).then(text => files.save(name('svg'), decodeURIComponent(text.slice(text.indexOf(',') + 1)), 'image/svg+xml'));
      runMenu.popup(anchor, [['Save', null], traces() && ['Figure as JSON', () => files.save(name('json'), JSON.stringify(shown.figure), 'application/json'), 'table'], traces() && ['Drawing as SVG', () => svg().catch(error => crossboard.say(error.message)), 'table'],
        traces() && ['Picture as PNG', () => png().catch(error => crossboard.say(error.message)), 'table'], blob && [`Logged picture (${numbers.value(blob.size)} bytes)`, () => { const a = h('a', {href: url(blob.url), download: name((blob.media_type || 'image/png').split('/')[1].replace('svg+xml', 'svg')), hidden: true}); document.body.append(a); a.click(); a.remove(); }, 'table']], 'files of this figure');
    }

    /** The picture as a PNG, by way of a canvas: the page's policy lets nothing be read from data: addresses but pictures. */
    async function png() {
      const text = await root.Plotly.toImage(drawn, {format: 'png', width: Math.max(700, drawn.clientWidth), height: Math.max(450, drawn.clientHeight), scale: 2}), bytes = atob(text.slice(text.indexOf(',') + 1));
      files.save(name('png'), new Blob([Uint8Array.from(bytes, one => one.charCodeAt(0))], {type: 'image/png'}));
    }

    const tell = anchor => runMenu.popup(anchor, [['Taken out, since nothing is loaded from other places', null], ...shown.taken_out.slice(0, 12).map(one => [h('div.mh.fout', {}, one)]), shown.taken_out.length > 12 && [h('div.mh', {}, `and ${shown.taken_out.length - 12} more`)]], 'what was taken out');

    open.add(mine);
    return {
      element,
      async show(point, at) {
        place = at;
        const told = await panel.series.more('figure', at);
        if (at !== place) return;
        shown = told;
        await draw();
      },
      facts: () => shown ? [traces() ? `${traces()} ${traces() === 1 ? 'trace' : 'traces'}` : still() ? 'picture' : 'empty', shown.taken_out.length > 0 && h('button.lk.warn', {type: 'button', title: `Nothing is loaded from other places: ${shown.taken_out.join(', ')}`, 'aria-haspopup': 'menu', onclick: event => tell(event.currentTarget)}, `${shown.taken_out.length} outside ${shown.taken_out.length === 1 ? 'address' : 'addresses'} taken out`),
        (traces() || still()) && h('button.lk', {type: 'button', title: 'Save the figure or its picture', 'aria-haspopup': 'menu', onclick: event => save(event.currentTarget)}, 'Save')] : [],
      redraw() { if (drawn && root.Plotly) mine.redraw(); },
      close() { open.delete(mine); drop(); picture = null; },
      reset() { if (picture) picture.put([1, 0, 0]); else if (drawn) { const all = Object.fromEntries(Object.keys(drawn.layout).filter(key => /^[xy]axis\d*$/.test(key)).map(key => [`${key}.autorange`, true])); root.Plotly.relayout(drawn, all); } },
    };
  };
})(window);
