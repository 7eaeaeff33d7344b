/* The bar over embeddings, meshes and point clouds: what is shown of all of them, and how. It stands on the page of embeddings and on
   the two tabs of a run. What is marked in them is told by 73-point-dock.js. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {embeddings, fill, h, marked, meshes, numbers, say, state} = crossboard, {own} = marked;
  const METHODS = [['pca', 'PCA'], ['tsne', 't-SNE'], ['umap', 'UMAP']], TOOLS = [['move', 'Move'], ['box', 'Box'], ['lasso', 'Lasso']];
  let built = null, tiles = [], typing = 0;

  const option = ([value, words]) => h('option', {value}, words);
  const toggle = (name, words, title, value = '1') => h('button.lk', {type: 'button', 'data-toggle': name, 'data-value': value, title, onclick: () => state.choose(name, own(name) === value ? '' : value)}, words);
  const near = () => [...marked.views].filter(view => view.place >= 0);

  function pickAxes() {
    return [0, 1, 2].map(k => h('select', {'aria-label': `component along ${'xyz'[k]}`, 'data-axis': k, onchange: event => {
      const list = embeddings.axes(), value = +event.target.value, other = list.indexOf(value);
      if (other >= 0) list[other] = list[k];
      list[k] = value;
      state.choose('axes', list.join() === '1,2,3' ? '' : list.join());
    }}, Array.from({length: 10}, (_, i) => option([i + 1, String(i + 1)]))));
  }

  function build(place) {
    const method = h('select', {id: 'points-method', 'aria-label': 'how the vectors are brought into the picture', onchange: event => {
      state.choose('setting', '');
      state.choose('method', event.target.value === 'pca' ? '' : event.target.value);
      for (const view of near()) if (event.target.value !== 'pca') view.compute();   // chosen by hand: that is a wish to see it
    }}, METHODS.map(option));
    const axes = h('span.row', {id: 'points-axes'}, h('span.dim', {}, 'components'), pickAxes());
    const setting = h('input', {type: 'number', min: '2', max: '500', id: 'points-setting', onchange: event => state.choose('setting', event.target.value)}), settingName = h('span.dim');
    const most = h('select', {'aria-label': 'rows that it is computed from, at most', onchange: event => state.choose('most', event.target.value)}, [['', '20,000 rows at most'], ['2000', '2,000 rows at most'], ['5000', '5,000 rows at most'], ['100000', '100,000 rows at most'], ['500000', 'all rows']].map(option));
    const reduce = h('span.row', {id: 'points-reduce'}, h('label.row', {}, settingName, setting), most, h('button.btn', {type: 'button', onclick: () => near().forEach(view => view.compute())}, 'Compute all'));
    const colour = h('select', {id: 'points-colour', 'aria-label': 'colour by', onchange: event => { state.choose('off', ''); state.choose('colour', event.target.value); }});
    const label = h('select', {id: 'points-label', 'aria-label': 'label by', onchange: event => state.choose('label', event.target.value)});
    const field = h('input.find', {type: 'search', id: 'points-search', placeholder: 'Search metadata', 'aria-label': 'Search metadata', autocomplete: 'off', spellcheck: 'false', oninput: () => { clearTimeout(typing); typing = setTimeout(() => { typing = 0; state.choose('search', field.value); }, 120); }});
    const count = h('span.dim', {role: 'status', id: 'points-count'});
    const take = h('button.lk', {type: 'button', id: 'points-take', title: 'Select the rows that were found', onclick: () => { const view = marked.listed().find(one => one.found && one.found.count); if (view) marked.select(view, Array.from(view.found.hit.keys()).filter(i => view.found.hit[i])); }}, 'Select');
    const tool = h('span.row', {role: 'group', 'aria-label': 'what a drag does'}, TOOLS.map(([name, words]) => h('button.lk', {type: 'button', 'data-tool': name, title: {move: 'A drag turns or moves the picture', box: 'A drag selects by a box; also with Shift', lasso: 'A drag selects by a line around rows'}[name], onclick: () => state.choose('tool', name === 'move' ? '' : name)}, words)));
    const vectors = h('span.ptset', {id: 'points-vectors'}, method, axes, reduce, toggle('dim', '3D', 'Three dimensions', '3'), h('label.row', {}, h('span.dim', {}, 'colour'), colour), h('label.row', {}, h('span.dim', {}, 'label'), label), h('span.row', {}, field, toggle('regex', '.*', 'The words are a regular expression'), count, take), tool,
      toggle('sprites', 'No sprites', 'Points instead of their pictures', 'off'), toggle('linked', 'Linked view', 'One view for all embeddings: what moves one moves all'));
    const shapes = h('span.ptset', {id: 'points-shapes', role: 'group', 'aria-label': 'meshes'}, toggle('wire', 'Wireframe', 'Edges instead of faces'), toggle('lens', 'Parallel', 'Without perspective', 'parallel'), toggle('scale', 'Same scale', 'All meshes of a tag by the size of the largest, else each by its own'), h('button.lk', {type: 'button', id: 'points-reset', title: 'The first view again', onclick: () => { marked.cameras.mesh.reset(); state.choose('view', ''); meshes.chosen(); }}, 'Reset view'));
    built = {place, method, axes, reduce, setting, settingName, most, colour, label, field, count, take, tool, vectors, shapes};
    fill(place, h('section.ptools', {id: 'points-tools', 'aria-label': 'how points are shown'}, vectors, shapes));
  }

  /** The columns of metadata that any embedding here has, in order. */
  function columnNames() {
    const names = new Set();
    for (const view of marked.listed()) for (const column of view.cloud.columns) names.add(column.name);
    return [...names];
  }

  function offer(select, options, value) {
    const text = JSON.stringify(options);
    if (select.dataset.told !== text) { select.dataset.told = text; fill(select, options.map(option)); }
    select.value = value;
    if (select.selectedIndex < 0) { select.append(option([value, value])); select.value = value; }
  }

  /** Bring the bar up to what was chosen and read. */
  function sync() {
    if (!built || !built.place.isConnected) return;
    const kinds = new Set(tiles.map(tile => tile.series.kind)), method = embeddings.method(), pca = method === 'pca', names = columnNames();
    built.vectors.hidden = !kinds.has('embedding');
    built.shapes.hidden = !kinds.has('mesh');
    built.place.firstChild.hidden = !tiles.length;
    built.method.value = method;
    built.axes.hidden = !pca;
    built.reduce.hidden = pca;
    embeddings.axes().forEach((axis, k) => { const select = built.axes.querySelector(`[data-axis="${k}"]`); select.value = String(axis); select.hidden = k === 2 && !embeddings.isDeep(); });
    built.settingName.textContent = method === 'umap' ? 'neighbours' : 'perplexity';
    if (document.activeElement !== built.setting) built.setting.value = own('setting') || String(embeddings.SETTINGS[method] || '');
    built.most.value = own('most');
    const likely = marked.listed().map(view => view.cloud.likely).find(Boolean);
    offer(built.colour, [['', likely ? `${likely.name}` : 'one colour'], ...(likely ? [['-', 'one colour']] : []), ...names.filter(name => !likely || name !== likely.name).map(name => [name, name])], likely && own('colour') === likely.name ? '' : own('colour'));
    offer(built.label, [['', 'none'], ...names.map(name => [name, name])], own('label'));
    if (!typing && document.activeElement !== built.field && built.field.value !== own('search')) built.field.value = own('search');
    const found = near().map(view => view.found).filter(Boolean), wrong = found.find(one => one.error), n = found.reduce((sum, one) => sum + one.count, 0);
    built.count.textContent = !own('search') ? '' : wrong ? 'no regular expression' : `${numbers.whole(n)} found`;
    built.count.title = wrong ? wrong.error : '';
    built.take.hidden = !n;
    for (const button of built.tool.querySelectorAll('[data-tool]')) button.setAttribute('aria-pressed', String((own('tool') || 'move') === button.dataset.tool));
    for (const button of built.place.querySelectorAll('[data-toggle]')) button.setAttribute('aria-pressed', String(own(button.dataset.toggle) === button.dataset.value));
    built.place.querySelector('[data-toggle=sprites]').hidden = ![...marked.views].some(view => view.cloud && view.cloud.head.sprite);
  }

  function above(place, list) {
    if (!built || built.place !== place || !place.firstChild) build(place);
    tiles = list;
    embeddings.chosen();
    meshes.chosen();
    sync();
    crossboard.pointDock.show();
  }

  function leave() { built = null; tiles = []; crossboard.pointDock.leave(); }

  const flip = (name, value = '1') => () => state.choose(name, own(name) === value ? '' : value);
  function keys() {
    const kinds = new Set(tiles.map(tile => tile.series.kind)), list = [];
    if (kinds.has('embedding')) list.push(['D', 'Embeddings in two or three dimensions', flip('dim', '3')], ['V', 'What a drag does: move, box, lasso', () => { const all = ['move', 'box', 'lasso'], next = all[(all.indexOf(own('tool') || 'move') + 1) % 3]; state.choose('tool', next === 'move' ? '' : next); say(`A drag: ${next}`); }],
      ['S', 'Search the metadata', () => { if (built) built.field.focus(); }], ['I', 'Only the selected rows, and back', () => { if (marked.selected()) flip('alone')(); }], ['C', 'Nothing selected or picked', () => { marked.select(null, []); state.choose('row', ''); }]);
    if (kinds.has('mesh')) list.push(['W', 'Meshes as wireframes', flip('wire')]);
    return list.length ? [...list, ['← → ↑ ↓', 'Turn or move the picture in focus; + and − enlarge, 0 resets', null]] : list;
  }

  marked.on('chosen marked read', sync);
  crossboard.kindTools = crossboard.kindTools || {};
  crossboard.kindTools.points = {above, leave, keys};
})(window);
