/* Figures: Plotly draws them, loaded from the board itself when the first one is looked at; a picture (matplotlib) is a picture.

   The server has taken out every URL of another place. Colours of paper and text follow the theme unless the figure names its own. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {fill, frame, h, plot, url} = crossboard;
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
      font: {family: getComputedStyle(document.body).fontFamily, size: 11, color: c.ink2, ...(layout.font || {})}, margin: {l: 48, r: 16, t: layout.title ? 40 : 16, b: 40, ...(layout.margin || {})}, width: undefined, height: undefined, autosize: true};
  }

  crossboard.figures = {load, dressed};
  crossboard.views.figure = panel => {
    const element = h('div.vfig');
    let shown = null, drawn = null, place = -1;

    async function draw() {
      if (!shown) return;
      const {figure, picture, drawing} = shown, still = drawing && drawing.media_type === 'image/svg+xml' ? drawing : picture ? picture.blob : drawing;
      if (!figure.data || !figure.data.length) {
        if (still) fill(element, h('div.pic.alone', {}, still.media_type === 'image/svg+xml' ? frame.drawing(still.url, `figure ${panel.series.tag}`) : h('img', {src: url(still.url), alt: picture && picture.caption || `figure ${panel.series.tag}`})));
        else fill(element, h('p.none', {}, 'An empty figure.'));
        return;
      }
      const Plotly = await load(), mine = shown;
      if (!drawn || !drawn.isConnected) { drawn = h('div.plotly', {role: 'group', 'aria-label': `figure ${panel.series.tag}`}); fill(element, drawn); }
      if (mine !== shown) return;
      await Plotly.react(drawn, structuredClone(figure.data), dressed(structuredClone(figure.layout || {})), {displaylogo: false, responsive: false, plotlyServerURL: '', showLink: false, displayModeBar: panel.large ? true : 'hover', modeBarButtonsToRemove: ['sendDataToCloud', 'lasso2d', 'select2d']});
    }

    return {
      element,
      async show(point, at) {
        place = at;
        const told = await panel.series.more('figure', at);
        if (at !== place) return;
        shown = told;
        await draw();
      },
      facts: () => shown ? [shown.figure.data && shown.figure.data.length ? `${shown.figure.data.length} ${shown.figure.data.length === 1 ? 'trace' : 'traces'}` : 'picture', shown.taken_out.length > 0 && h('span.warn', {title: `nothing is loaded from other places: ${shown.taken_out.join(', ')}`}, `${shown.taken_out.length} outside ${shown.taken_out.length === 1 ? 'address' : 'addresses'} taken out`)] : [],
      redraw() { if (drawn && root.Plotly) draw().catch(error => panel.fail(error)); },
      close() { if (drawn && root.Plotly) root.Plotly.purge(drawn); drawn = null; },
    };
  };
})(window);
