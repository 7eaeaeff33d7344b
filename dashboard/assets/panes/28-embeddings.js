/* Embeddings: the two coordinates that Visdom kept of each point, with its label; drawn by Plotly, a colour a group. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {figures, h, numbers, paneViews, plot} = crossboard;
  const MOST = 20000, GROUPS = 24;

  paneViews.embeddings = pane => {
    const box = h('div.plotly', {role: 'group', 'aria-label': `embedding ${pane.title}`}), element = h('div.pplot', {}, box);
    let points = [], left = 0, drawn = false, closed = false;

    async function draw() {
      const Plotly = await figures.load();
      if (closed || !element.isConnected) return;
      const groups = new Map();
      for (const one of points) { const name = String(one.group ?? one.label ?? ''); if (!groups.has(name)) groups.set(name, []); groups.get(name).push(one); }
      const names = [...groups.keys()].sort((a, b) => a.localeCompare(b, 'en', {numeric: true})), many = names.length > GROUPS;
      const data = (many ? [['', points]] : names.map(name => [name, groups.get(name)])).map(([name, members], i) => ({type: 'scatter', mode: 'markers', name: name || 'points', uid: `u${crossboard.view.mark(name)}`,
        x: members.map(one => one.position[0]), y: members.map(one => one.position[1]), text: members.map(one => [one.name, one.label].filter(word => word !== undefined && word !== null).join(' · ')), hoverinfo: 'text', customdata: members.map(one => ({name: one.name, idx: one.idx})),
        marker: {size: 5, opacity: 0.8, color: plot.look(i % 12).colour, symbol: i < 12 ? 'circle' : 'diamond'}}));
      const axis = {showgrid: false, zeroline: false, showline: false, showticklabels: false, ticks: ''}, layout = figures.dressed({xaxis: {...axis}, yaxis: {...axis, scaleanchor: 'x'}, showlegend: data.length > 1, legend: {bgcolor: 'rgba(0,0,0,0)', font: {size: 10.5}, itemsizing: 'constant'}, margin: {l: 10, r: 10, t: 8, b: 8}, hovermode: 'closest', uirevision: 'kept'});
      await Plotly.react(box, data, layout, {displaylogo: false, responsive: false, plotlyServerURL: '', showTips: false, displayModeBar: pane.large ? true : 'hover', modeBarButtonsToRemove: pane.live ? ['sendDataToCloud', 'sendChartToCloud'] : ['sendDataToCloud', 'sendChartToCloud', 'lasso2d', 'select2d']});
      if (!drawn) {
        drawn = true;
        box.on('plotly_click', event => { const one = event.points[0] && event.points[0].customdata; if (one) pane.send({event_type: 'EntitySelected', entityId: one.name, idx: one.idx, pane_data: false}); });
        box.on('plotly_selected', event => { if (event && event.points.length) pane.send({event_type: 'RegionSelected', selectedIdxs: event.points.map(point => point.customdata.idx), pane_data: false}); });
      }
    }

    return {
      element,
      show([{told}]) {
        const all = told.content && Array.isArray(told.content.data) ? told.content.data : [];
        const good = all.filter(one => one && Array.isArray(one.position) && Number.isFinite(one.position[0]) && Number.isFinite(one.position[1]));
        points = good.slice(0, MOST);
        left = all.length - points.length;
        return draw();
      },
      facts: () => [crossboard.counted(points.length, 'point'), left > 0 && h('span.warn', {}, `${numbers.whole(left)} not shown`)],
      redraw() { if (drawn) draw(); },
      resize() { if (drawn && root.Plotly && element.isConnected && box.clientWidth) root.Plotly.Plots.resize(box); },
      close() { closed = true; if (drawn && root.Plotly) root.Plotly.purge(box); },
    };
  };
})(window);
