/* The Runs page itself: the grid, the bar over it, and the view in the URL.

   AG Grid holds rows and columns, sorts and filters. Groups are ours: each group is one more row of the grid, and after the grid has
   filtered and sorted, `arrange` puts every group before its members (AG Grid's own grouping is not in its free edition). */
(root => {
  'use strict';
  const crossboard = root.crossboard, {board, byId, fill, gridLibrary, h, icon, live, numbers, runActions, runCells, runColumns, runGroups, runMenu, runQuery, runRows, state, stats, tableView, url, view} = crossboard;
  const {Rows, RUN_COLUMNS} = runRows, FOLLOW_MS = 1000, DESCRIBE_MS = 5000;
  const {close: closeMenu, popup} = runMenu;

  const rows = new Rows();
  let api = null, field = null, matching = null, groupRows = new Map(), groupNodes = [], building = false, failed = null, dirty = false, busy = null, timer = 0, describedAt = 0, shownTable = null, marking = false;
  stats.table = {ready: false, updates: 0};

  const T = () => state.table, narrow = () => matchMedia('(max-width: 760px)').matches, isRow = node => node && node.data && !node.data.group;
  const cellOf = (row, id) => rows.cell(row, id);

  /* ---- which columns */
  const chosen = () => runCells.chosen(rows, {same: T().same, project: state.project});

  const plainId = one => one.replace(/^\*/, '');
  /** The columns to be shown, "*" before pinned ones; those that no run has any more are left out. */
  function wanted() {
    const ids = (T().cols.length ? T().cols : chosen()).filter(one => rows.about.has(plainId(one)) || ['name', 'tags', 'notes'].includes(plainId(one)));
    if (!ids.some(one => plainId(one) === 'name')) ids.unshift('*name');
    return [...new Map(ids.map(one => [plainId(one), one])).values()];
  }

  const aboutOf = id => rows.about.get(id) || {id, group: 'run', name: id, statistic: '', unit: '', filled: 0, distinct: 0, numeric: false};

  /** How many columns of the config are equal for all runs and folded away. */
  function folded() {
    const shown = new Set(wanted().map(plainId));
    return rows.described.filter(one => (one.group === 'config' || one.group === 'summary') && 'equal' in one && !shown.has(one.id)).length;
  }

  async function showColumns() {
    const ids = wanted(), need = [...ids.map(plainId), ...T().by, ...T().order.map(([id]) => id), ...Object.keys(T().filter)].filter(id => !rows.columns.has(id) && rows.about.has(id));
    if (need.length) await rows.read([...new Set(need)]);
    if (!api) return;
    building = true;
    api.setGridOption('columnDefs', runCells.columns(ids.map(one => ({about: aboutOf(plainId(one)), pinned: one[0] === '*' && (!narrow() || plainId(one) === 'name')})), T().by.length > 0));
    const order = new Map(T().order.map(([id, way], i) => [id, {sort: way, sortIndex: i}]));
    api.applyColumnState({state: ids.map(one => ({colId: plainId(one), ...(order.get(plainId(one)) || {sort: null})})), applyOrder: true});
    building = false;
  }

  /** Write which columns there are, in which order, into the view. */
  function keepColumns() {
    if (building || !api) return;
    const ids = api.getColumnState().filter(one => !one.hide && !one.colId.startsWith('ag-Grid')).map(one => (one.pinned ? '*' : '') + one.colId);
    T().cols = ids.join('\n') === chosen().join('\n') ? [] : ids;
    changed();
  }

  function changed() { state.changed('table'); chrome(); runColumns.refresh(host); }

  const host = {
    all: () => [...rows.described, ...['tags', 'notes'].filter(id => !rows.about.has(id)).map(aboutOf)], total: () => rows.total, by: () => T().by,
    shown: id => wanted().some(one => plainId(one) === id), pinned: id => wanted().includes(`*${id}`),
    async show(id, yes) {
      const ids = wanted(), {group, name} = aboutOf(id), near = ids.map(plainId).findLastIndex(one => aboutOf(one).group === group && (group !== 'metric' || aboutOf(one).name === name));
      const like = near >= 0 ? near : ids.map(plainId).findLastIndex(one => aboutOf(one).group === group);
      T().cols = yes ? [...ids.slice(0, like + 1 || ids.length), id, ...ids.slice(like + 1 || ids.length)] : ids.filter(one => plainId(one) !== id);
      await columnsChanged();
      if (yes) api.ensureColumnVisible(id);
    },
    async pin(id, yes) {
      const ids = wanted().filter(one => plainId(one) !== id), pinned = ids.filter(one => one[0] === '*').length;
      ids.splice(pinned, 0, yes ? `*${id}` : id);
      T().cols = ids;
      await columnsChanged();
    },
    groupBy(id, yes) { return groupBy(yes ? [...T().by, id] : T().by.filter(one => one !== id)); },
    async reset() { T().cols = []; T().same = false; await columnsChanged(); },
    panel,
  };

  async function columnsChanged() {
    try { await showColumns(); } catch (error) { runActions.say(error.message, {bad: true}); }
    changed();
  }

  /* ---- grouping */
  async function groupBy(ids) {
    T().by = ids.filter(id => rows.about.has(id));
    T().shut = new Set();
    try {
      const need = T().by.filter(id => !rows.columns.has(id));
      if (need.length) await rows.read(need);
    } catch (error) { runActions.say(error.message, {bad: true}); return; }
    await showColumns();
    setGroups();
    changed();
  }

  /** Give the grid a row for each group that any run is in. */
  function setGroups() {
    const {by} = T(), labels = new Set();
    if (by.length) for (const row of rows.byKey.values()) labels.add(by.map(id => runGroups.word(cellOf(row, id))).join(' · '));
    const remove = [], add = [];
    for (const [label, row] of groupRows) if (!labels.has(label)) { remove.push(row); groupRows.delete(label); }
    for (const label of labels) if (!groupRows.has(label)) { const row = {id: `group ${label}`, group: {label, values: [], members: [], shut: T().shut.has(label)}}; groupRows.set(label, row); add.push(row); }
    if (remove.length || add.length) api.applyTransaction({remove, add});
    else refilter();
  }

  function refilter() { if (api) api.onFilterChanged('api'); }

  /** Put each group before its members, groups in the order of what is sorted by; rows of closed groups are left out. */
  function arrange({nodes}) {
    const {by} = T();
    groupNodes = [];
    if (!by.length) return;
    const places = new Map(), members = [];
    for (const node of nodes) if (node.data.group) places.set(node.data.group.label, node); else members.push(node);
    const groups = runGroups.grouped(members, by, (node, id) => cellOf(node.data, id)), [first] = api ? api.getColumnState().filter(one => one.sort).sort((a, b) => a.sortIndex - b.sortIndex) : [];
    for (const group of groups) {
      const node = places.get(group.label);
      group.shut = T().shut.has(group.label);
      group.nodes = group.members;
      group.members = group.members.map(one => one.data);
      group.told = new Map();
      if (node) { node.data.group = group; groupNodes.push(node); }
    }
    if (first && !by.includes(first.colId)) {
      const down = first.sort === 'desc', key = group => { const told = summaryOf(group, first.colId); return told === null ? undefined : told.kind === 'number' ? told.n ? told[T().agg] : NaN : told.kind === 'same' ? told.value : undefined; };
      groups.sort((a, b) => { const way = first.colId === 'name' ? runGroups.collator.compare(a.label, b.label) : runGroups.compare(key(a), key(b), down); return down ? -way : way; });
    } else if (first && first.sort === 'desc') groups.reverse();
    nodes.length = 0;
    for (const group of groups) {
      const node = places.get(group.label);
      if (node) nodes.push(node);
      if (!group.shut || !node) nodes.push(...group.nodes);
    }
  }

  function summaryOf(group, id) {
    if (!group.told) group.told = new Map();
    const about = aboutOf(id), named = !about.numeric || about.group === 'config' || (about.group === 'run' && id !== 'duration');
    if (!group.told.has(id)) group.told.set(id, /_step$/.test(about.statistic) || ['started', 'updated', 'notes', 'error', 'id', 'path'].includes(id) ? null : runGroups.summary(group.members.map(row => cellOf(row, id)), named));
    return group.told.get(id);
  }

  function toggleGroup(group) {
    if (!T().shut.delete(group.label)) T().shut.add(group.label);
    refilter();
    state.changed('table');
  }

  const ranges = new Map();
  /** The least and the largest finite value of a column, over all runs. */
  function range(id) {
    let known = ranges.get(id);
    if (!known || known.version !== rows.version) {
      known = {version: rows.version, low: Infinity, high: -Infinity};
      for (const row of rows.byKey.values()) { const v = cellOf(row, id); if (Number.isFinite(v)) { if (v < known.low) known.low = v; if (v > known.high) known.high = v; } }
      ranges.set(id, known);
    }
    return known;
  }

  /* ---- editing */
  /** Take in what was typed into a cell; the server writes it, and when it does not the cell goes back. */
  function edit(row, id, typed) {
    const before = cellOf(row, id), words = String(typed ?? '');
    const value = id === 'tags' ? [...new Set((Array.isArray(typed) ? typed : words.split(',')).map(one => one.trim()).filter(Boolean))] : id === 'name' ? words.trim() : words;
    if (id === 'name' && !value) { runActions.say('A run keeps a name: nothing was changed', {bad: true}); return false; }
    if (runGroups.word(before) === runGroups.word(value) || (before === undefined && !value.length)) return false;
    if (!rows.columns.has(id)) rows.columns.set(id, new Array(rows.next));
    rows.set(row, id, value.length ? value : undefined);
    stats.table.writing = (stats.table.writing || 0) + 1;
    runActions.post('api/edit', {run: row.run, [id]: value}).then(() => live.connected && follow(), error => {
      rows.set(row, id, before);
      if (api) api.applyTransaction({update: [row]});
      runActions.say(error.message, {bad: true});
    }).finally(() => { stats.table.writing--; });
    return true;
  }

  /* ---- the menu of a column */
  function menu(id, anchor) {
    const about = aboutOf(id), pinned = host.pinned(id), sorted = T().order.find(([one]) => one === id), grouped = T().by.includes(id), sort = way => () => { api.applyColumnState({state: [{colId: id, sort: way}], defaultState: {sort: null}}); };
    popup(anchor, [['Sort ascending', sort('asc'), '', undefined], ['Sort descending', sort('desc')], ...(sorted ? [['Do not sort', sort(null)]] : []), ['-'], ['Filter …', () => api.showColumnFilter(id), 'filter'],
      ...(T().filter[id] ? [['Clear its filter', () => api.setColumnFilterModel(id, null).then(() => api.onFilterChanged())]] : []),
      ...(about.group !== 'metric' && id !== 'name' ? [[grouped ? 'Stop grouping by it' : 'Group by it', () => host.groupBy(id, !grouped), 'group']] : []),
      ...(id !== 'name' ? [['-'], [pinned ? 'Unpin' : 'Pin at the left', () => host.pin(id, !pinned), 'pin'], ['Take out of the table', () => host.show(id, false), 'eyeoff']] : [])], `Menu of ${runCells.fullTitle(about)}`);
  }

  /** What runs can be grouped by: what few have in common first. */
  function groupMenu(anchor) {
    const {by, agg} = T(), can = rows.described.filter(one => one.group !== 'metric' && !['name', 'started', 'duration', 'updated', 'notes', 'id', 'path', 'error'].includes(one.id) && (by.includes(one.id) || (one.distinct > 1 && one.distinct <= Math.max(50, rows.total / 2))));
    const list = can.sort((a, b) => by.includes(b.id) - by.includes(a.id)).slice(0, 24);
    popup(anchor, [['Group by'], ...list.map(one => [`${runCells.fullTitle(one)}`, () => host.groupBy(one.id, !by.includes(one.id)), '', by.includes(one.id)]), ...(can.length > list.length ? [[`${can.length - list.length} more in Columns`]] : []), ...(list.length ? [] : [['Nothing that runs have in common']]),
      ...(by.length ? [['-'], ['No groups', () => groupBy([]), 'close'], ['Collapse all', () => { for (const label of groupRows.keys()) T().shut.add(label); refilter(); changed(); }], ['Expand all', () => { T().shut.clear(); refilter(); changed(); }],
        ['-'], ['A group shows of numbers'], ...tableView.AGGREGATES.map(name => [name === 'mean' ? 'mean ± std' : name, () => { T().agg = name; refilter(); changed(); }, '', agg === name])] : [])], 'Group by');
  }

  /* ---- the grid */
  const context = {
    cell: cellOf, range, summary: summaryOf, agg: () => T().agg, toggleGroup, menu, edit,
    linkTo: key => view.format({...view.fresh(), run: key, theme: state.theme}) || '?', open: key => state.go({run: key}),
  };

  function build() {
    const {agGrid, theme} = gridLibrary;
    fill(byId('runs-grid'));
    api = agGrid().createGrid(byId('runs-grid'), {
      theme: theme(), context, rowData: [...rows.byKey.values()].reverse(), columnDefs: [], getRowId: ({data}) => data.id, animateRows: false, suppressColumnMoveAnimation: true, maintainColumnOrder: false, suppressDragLeaveHidesColumns: true,
      rowHeight: 29, headerHeight: 28, groupHeaderHeight: 24, rowBuffer: 12, tooltipShowDelay: 500, enableCellTextSelection: false, suppressScrollOnNewData: true, multiSortKey: 'ctrl', stopEditingWhenCellsLoseFocus: true, valueCache: false,
      rowSelection: {mode: 'multiRow', checkboxes: true, headerCheckbox: true, selectAll: 'filtered', enableClickSelection: false}, selectionColumnDef: {pinned: 'left', width: 40, minWidth: 40, maxWidth: 40, suppressHeaderMenuButton: true, lockPosition: 'left', resizable: false},
      isExternalFilterPresent: () => true, doesExternalFilterPass: passes, alwaysPassFilter: node => Boolean(node.data.group), postSortRows: arrange,
      rowClassRules: {grouprow: ({data}) => Boolean(data.group), member: ({data}) => !data.group && T().by.length > 0, archived: ({data}) => !data.group && Boolean(cellOf(data, 'archived'))},
      overlayNoRowsTemplate: '<span></span>', suppressNoRowsOverlay: true, defaultColDef: {suppressHeaderMenuButton: false, autoHeaderHeight: false, wrapHeaderText: false},
      tabToNextCell: ({editing, nextCellPosition}) => editing && nextCellPosition ? nextCellPosition : false, tabToNextHeader: () => false,   // Tab leaves the table, arrows walk in it: nobody tabs through 10,000 rows
      onSortChanged: () => { if (building) return; T().order = api.getColumnState().filter(one => one.sort).sort((a, b) => a.sortIndex - b.sortIndex).map(one => [one.colId, one.sort]); changed(); },
      onFilterChanged: () => { const model = api.getFilterModel() || {}; if (!building && JSON.stringify(model) !== JSON.stringify(T().filter)) { T().filter = model; changed(); } else chrome(); },
      onColumnMoved: event => { if (event.finished) keepColumns(); }, onColumnPinned: event => { if (event.source !== 'api' && event.source !== 'gridOptionsChanged') keepColumns(); },
      onModelUpdated: () => { runActions.bar(bulk); if (groupNodes.length) api.refreshCells({rowNodes: groupNodes.filter(node => node.displayed), force: true}); chromeSoon(); },
      onRowSelected: selected, onSelectionChanged: () => runActions.bar(bulk),
      onCellKeyDown: ({event, node, column}) => {
        if (!node || !node.data) return;
        if (event.key === 'Enter' && node.data.group) toggleGroup(node.data.group);
        if (event.key === 'Enter' && !event.defaultPrevented && isRow(node) && column && !runCells.EDITABLE.has(column.getColId()) && !event.target.closest('input, textarea')) context.open(node.data.run);
      },
      onFirstDataRendered: () => { stats.table.ready = true; },
    });
    crossboard.table.api = api;
  }

  /** True when the query, the chosen project and the archive let a row through. */
  function passes({data}) {
    if (data.group) return true;
    return (!matching || matching.has(data.run)) && (T().archived || !cellOf(data, 'archived')) && (!state.project || cellOf(data, 'project') === state.project);
  }

  /** Choosing a group chooses its runs. */
  function selected({node, source}) {
    if (marking || !node.data.group || source === 'api') return;
    marking = true;
    api.setNodesSelected({nodes: node.data.group.nodes || [], newValue: Boolean(node.isSelected()), source: 'api'});
    marking = false;
  }

  const bulk = {
    /** Keys of the selected runs that the query and the filters let through: nothing happens to a run that is not in the table. */
    selected() {
      const found = [];
      if (api && api.getSelectedNodes().length) api.forEachNodeAfterFilter(node => { if (isRow(node) && node.isSelected()) found.push(node.data.run); });
      return found;
    },
    tagsOf: key => cellOf(rows.byKey.get(key), 'tags') || [], archivedOf: key => Boolean(rows.byKey.has(key) && cellOf(rows.byKey.get(key), 'archived')),
    clear: () => api.deselectAll(), changed: () => follow(),
  };

  /* ---- bar, foot, what is said in place of rows */
  function panel(yes) {
    runColumns.open(host, yes);
    chrome();
    if (yes) byId('runs-column-find').focus(); else byId('runs-columns-button').focus();
  }

  function bar() {
    field = new runQuery.QueryField({id: 'runs-query', words: {label: 'Query: which runs', placeholder: 'lr < 0.01 and val/acc.max > 0.9', key: '/'}, about: () => rows.described, valuesOf, apply: (text, keys) => {
      const was = T().q;
      matching = keys;
      T().q = text;
      refilter();
      if (text !== was) { state.changed('table'); describeSoon(0); }
      chrome();
    }});
    const button = (id, words, picture, work, more = {}) => h('button.btn', {type: 'button', id, onclick: work, ...more}, icon(picture), h('span', {}, words));
    fill(byId('runs-bar'), h('h1', {id: 'runs-count'}), field.element, h('span.dim', {id: 'runs-match'}), h('span.sep'),
      button('runs-group', 'Group', 'group', event => groupMenu(event.currentTarget), {'aria-haspopup': 'menu'}), h('span.grow'), h('button.lk', {type: 'button', id: 'runs-folded', onclick: () => { T().same = !T().same; columnsChanged(); }}),
      button('runs-columns-button', 'Columns', 'cols', () => panel(byId('runs-columns').hidden), {'aria-expanded': 'false', 'aria-controls': 'runs-columns'}),
      h('a.btn', {id: 'runs-export', download: 'runs.csv', title: 'These columns of the runs that match, as CSV'}, icon('download'), h('span', {}, 'Export')));
  }

  /** The values that a field of a query has, as text, for completion. */
  function valuesOf(name) {
    const about = rows.about.get(name) || rows.about.get(`config.${name}`);
    const column = about && !about.numeric ? rows.columns.get(about.id) : null;
    if (!column) return name === 'status' ? ['running', 'finished', 'failed', 'killed', 'silent'] : [];
    return [...new Set([...rows.byKey.values()].flatMap(row => column[row.at] ?? []).map(runGroups.word))].sort(runGroups.collator.compare);
  }

  let chromeDue = 0;
  function chromeSoon() { if (!chromeDue) chromeDue = requestAnimationFrame(() => { chromeDue = 0; chrome(); }); }

  /** Counts, words and states around the grid. */
  function chrome() {
    if (!byId('runs-count') || byId('runs-page').hidden) return;
    const all = rows.byKey.size, here = state.project ? [...rows.byKey.values()].filter(row => cellOf(row, 'project') === state.project) : [...rows.byKey.values()];
    let shown = 0, archived = 0, unmatched = 0;
    if (api) api.forEachNodeAfterFilter(node => { if (isRow(node)) shown++; });
    for (const row of here) { if (matching && !matching.has(row.run)) unmatched++; else if (cellOf(row, 'archived')) archived++; }
    byId('runs-count').textContent = rows.loaded ? `${numbers.whole(here.length)} ${here.length === 1 ? 'run' : 'runs'}` : 'Runs';
    byId('runs-match').textContent = matching || shown < here.length - (T().archived ? 0 : archived) ? `${numbers.whole(shown)} ${shown === 1 ? 'matches' : 'match'}` : '';
    const fold = folded(), words = byId('runs-folded'), filters = Object.keys(T().filter).length;
    words.textContent = T().same ? 'Fold equal columns' : fold ? `${numbers.whole(fold)} equal ${fold === 1 ? 'column' : 'columns'} folded` : '';
    words.hidden = !words.textContent || T().cols.length > 0 && !T().same;
    const open = !byId('runs-columns').hidden, button = byId('runs-columns-button');
    button.setAttribute('aria-expanded', String(open));
    button.classList.toggle('on', open);
    const group = byId('runs-group');
    group.classList.toggle('on', T().by.length > 0);
    group.lastElementChild.textContent = T().by.length ? `By ${T().by.map(id => runCells.fullTitle(aboutOf(id))).join(', ')}` : 'Group';
    byId('runs-export').href = url(`api/runs/table?${new URLSearchParams([['format', 'csv'], ...(T().q ? [['query', T().q]] : []), ...wanted().map(one => ['column', plainId(one)])])}`);
    const act = (text, work) => h('button.lk', {type: 'button', onclick: work}, text);
    fill(byId('runs-foot'), unmatched > 0 && [h('span', {}, `${numbers.whole(unmatched)} ${unmatched === 1 ? 'run does' : 'runs do'} not match.`), act('Show all', () => field.set(''))],
      filters > 0 && [h('span', {}, `${filters} ${filters === 1 ? 'column filters' : 'columns filter'}.`), act('Clear', () => { api.setFilterModel(null); })],
      archived > 0 && [h('span', {}, T().archived ? `${numbers.whole(archived)} archived ${archived === 1 ? 'run is' : 'runs are'} shown.` : `${numbers.whole(archived)} archived.`), act(T().archived ? 'Hide' : 'Show', () => { T().archived = !T().archived; refilter(); changed(); })],
      h('span.grow'), act('Trash', () => runActions.trash(() => follow())));
    note(shown, all, here.length);
  }

  function note(shown, all, here) {
    const place = byId('runs-note'), grid = byId('runs-grid');
    let said = null;
    if (failed) said = h('div.msg.page', {}, icon('alert'), h('b', {}, 'The table could not be read'), h('p', {}, failed.message), h('button.btn', {type: 'button', onclick: () => show(true)}, 'Try again'));
    else if (rows.loaded && !all) said = h('div.msg.page', {}, icon('chart'), h('b', {}, 'No runs here yet'), h('p', {}, 'A run appears here as soon as it starts.'), h('button.btn', {type: 'button', onclick: () => state.go({})}, 'How to log one'));
    else if (rows.loaded && !shown && here >= 0) said = h('div.msg.page', {}, icon('search'), h('b', {}, 'No run matches'), h('p', {}, matching && !matching.size ? `${numbers.whole(here)} runs are here; the query “${T().q}” holds for none.` : 'The query and the filters together leave none.'),
      h('button.btn', {type: 'button', onclick: () => { if (api) api.setFilterModel(null); field.set(''); }}, 'Clear query and filters'));
    const key = said ? said.textContent : '';
    if (place.dataset.key !== key) { place.dataset.key = key; fill(place, said); }
    place.hidden = !said;
    grid.classList.toggle('gone', Boolean(said));
  }

  /* ---- live */
  /** Read what changed and bring the rows to it; while a cell is edited it waits. */
  function follow() {
    if (!rows.loaded || byId('runs-page').hidden) { dirty = true; return null; }
    if (busy) { dirty = true; return busy; }
    if (api && api.getEditingCells().length) { dirty = true; followSoon(); return null; }
    dirty = false;
    busy = rows.follow().then(async ({added, changed: updated, removed, unknown}) => {
      if (added.length || updated.length || removed.length) api.applyTransaction({add: added.reverse(), addIndex: 0, update: updated, remove: removed});
      stats.table.updates++;
      if (T().by.length && (added.length || updated.length || removed.length)) setGroups();
      if (T().q && (added.length || updated.length)) await field.ask(true);
      if (unknown || added.length || removed.length) describeSoon();
      chrome();
    }).catch(() => { dirty = true; }).finally(() => { busy = null; if (dirty) followSoon(); });
    return busy;
  }

  function followSoon() {
    if (timer) return;
    timer = setTimeout(() => { timer = 0; follow(); }, FOLLOW_MS);
  }

  let describing = 0;
  /** Read anew which columns there are, and show those that are new. */
  function describeSoon(wait = Math.max(500, describedAt + DESCRIBE_MS - performance.now())) {
    if (describing) return;
    describing = setTimeout(async () => {
      describing = 0;
      describedAt = performance.now();
      try {
        const before = wanted().join('\n');
        await rows.describe(T().q);
        if (wanted().join('\n') !== before) await showColumns();
        runColumns.refresh(host);
        chrome();
      } catch { /* not connected: what was read stands, the banner says it */ }
    }, wait);
  }

  live.on('change', () => { if (state.page === 'runs' && !state.run) followSoon(); else dirty = true; });
  live.on('hello', () => { if (rows.loaded) followSoon(); });
  board.on('visible', () => { if (api && state.page === 'runs') api.refreshCells({columns: ['name'], force: true}); });
  board.on('runs', () => { if (api && state.page === 'runs' && !nameDrawn) { nameDrawn = true; api.refreshCells({columns: ['name'], force: true}); } });
  let nameDrawn = false;
  state.on('project', () => { refilter(); });

  /* ---- the page */
  let opening = null;
  /** Show the table: read it the first time, and whenever the view in the URL is another. */
  function show(again = false) {
    if (!byId('runs-count')) bar();
    byId('runs-page').hidden = false;
    if (opening && !again) return opening;
    failed = null;
    opening = open().catch(error => { failed = error; chrome(); }).finally(() => { opening = null; if (crossboard.tableStands) crossboard.tableStands(); });
    return opening;
  }

  async function open() {
    if (shownTable === T() && rows.loaded) { if (dirty) follow(); chrome(); return; }
    shownTable = T();
    const slow = !api && setTimeout(() => { if (!api) fill(byId('runs-grid'), crossboard.door.skeleton()); }, 150);
    try {
      const query = T().q ? field.set(T().q) : field.set('');
      if (!rows.loaded) {
        await rows.describe('');
        const extra = [...wanted().map(plainId), ...T().by, ...T().order.map(([id]) => id), ...Object.keys(T().filter)];
        await rows.read([...new Set([...RUN_COLUMNS, ...extra])]);
      }
      await query;
      if (T().q && matching) await rows.describe(T().q);
    } finally { clearTimeout(slow); }
    T().by = T().by.filter(id => rows.about.has(id));
    if (!api) build();
    await showColumns();
    building = true;
    await Promise.resolve(api.setFilterModel(T().filter));
    building = false;
    setGroups();
    chrome();
    runColumns.refresh(host);
    stats.table.ready = true;
    if (board.version && rows.version < board.version) followSoon();
  }

  function leave() { closeMenu(); }

  /** Out of what is open: the menu, the selection, the column panel. */
  function escape() {
    if (byId('runs-menu')) closeMenu(true);
    else if (bulk.selected().length) api.deselectAll();
    else if (!byId('runs-columns').hidden) panel(false);
  }

  /** The rows that keys mean: the selected ones, else the one in focus. */
  function meant() {
    const chosen = bulk.selected(), at = api && api.getFocusedCell(), node = at && api.getDisplayedRowAtIndex(at.rowIndex);
    return chosen.length ? chosen : isRow(node) ? [node.data.run] : [];
  }
  const meantRuns = () => meant().map(key => board.runs.get(key)).filter(Boolean);

  function keys() {
    return [
      ['/', 'Query: which runs', () => field.input.focus()],
      ['↑ ↓ ← →', 'From cell to cell; with Ctrl to the edge', null],
      ['Enter', 'Edit the name, tags or notes; elsewhere open the run; open or close a group', null],
      ['Space', 'Select the row; Shift and a click select up to a row', null],
      ['E', 'Open the page of the row in focus', () => { const [key] = meant(); if (key) state.go({run: key}); }],
      ['C', 'Show only the selected runs, or the one in focus, on the charts', () => runActions.charts(meantRuns())],
      ['H', 'Hide or show them on the charts', () => { const of = meantRuns(); if (of.length) runActions.hide(of, of.some(run => board.shown.has(run.key))); }],
      ['A', 'Archive them, or list them again', () => { const all = meant(); if (all.length) runActions.archive(all, !all.every(bulk.archivedOf), bulk); }],
      ['Delete', 'Delete them, after a question', () => { const all = meant(); if (all.length) runActions.remove(all, bulk.changed); }],
      ['B', 'Group by', () => groupMenu(byId('runs-group'))],
      ['M', 'Columns: which, pinned, grouped by', () => panel(byId('runs-columns').hidden)],
      ['Alt ↓', 'Menu of the column in focus', null],
      ['Esc', 'Out of the editor, the menu, the selection, the column panel', null],
    ];
  }

  /** True when the table shows what the view says; for tests and benchmarks. */
  const settled = () => stats.table.ready && !opening && !busy && !(stats.table.writing > 0);

  crossboard.table = {show, leave, escape, keys, settled, redraw: () => { if (api) api.refreshCells({force: true}); }, follow, host, rows, api: null, matching: () => matching};
})(window);
