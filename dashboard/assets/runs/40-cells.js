/* Cells and columns: how each kind of value is shown, compared, filtered and edited, and the column definitions of AG Grid.

   Cell renderers are AG Grid's plain components: `init`, `getGui`, `refresh`. Values become text nodes, never HTML. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {board, fill, h, icon, numbers, plot, runGroups} = crossboard;
  const {compare, word} = runGroups;
  const TITLES = {name: 'Name', status: 'Status', source: 'Source', project: 'Project', group: 'Group', tags: 'Tags', notes: 'Notes', started: 'Started', duration: 'Time', updated: 'Last sign', framework: 'Framework', host: 'Host',
    attempts: 'Attempts', ranks: 'Ranks', dropped: 'Dropped', error: 'Error', archived: 'Archived', id: 'Id', path: 'Path'};
  const FORMATS = {native: 'native', tensorboard: 'TB log', visdom: 'Visdom'};
  const STATUS = {running: ['Running', 'mid'], finished: ['Finished', 'mid'], failed: ['Failed', 'bad'], killed: ['Killed', 'warn'], silent: ['Silent', 'warn']};
  const ICONS = {finished: 'check', failed: 'cross', killed: 'stop', silent: 'clock'};
  const STATISTICS = {last: 'last', min: 'min', max: 'max', best: 'best', last_step: 'last step', min_step: 'step of min', max_step: 'step of max', best_step: 'step of best', count: 'points', non_finite: 'not finite'};
  const WIDTHS = {name: 230, status: 104, source: 84, project: 120, group: 120, tags: 150, notes: 220, started: 140, duration: 92, updated: 140, framework: 100, host: 130, error: 220, id: 190, path: 320};
  const EDITABLE = new Set(['name', 'tags', 'notes']);
  const MOST_SHOWN = 400, MOST_CONFIG = 10, MOST_METRICS = 5, SYSTEM = /^(system|sys)\//, HIGH = /(acc|accuracy|auc|f1|precision|recall|score|reward|return|bleu|rouge|map|iou|psnr|ssim|r2)$/i, LOW = /(loss|error|err|perplexity|ppl|mae|mse|rmse|nll|fid|wer)$/i;

  /** What a column is called: of a metric its statistic, of a config key its last part. */
  function title(about) {
    if (about.group === 'run') return TITLES[about.id] || about.id;
    if (about.group === 'metric') return STATISTICS[about.statistic] || about.statistic;
    return about.name.slice(about.name.lastIndexOf('.') + 1);
  }

  /** The same in full, for lists and screen readers. */
  const fullTitle = about => about.group === 'metric' ? `${about.name} ${STATISTICS[about.statistic] || about.statistic}` : about.group === 'run' ? title(about) : about.name;

  /** The heading above a column: the tag of a metric, the prefix of a nested key. */
  function heading(about) {
    if (about.group === 'metric') return about.name + (about.unit ? ` [${about.unit}]` : '');
    if (about.group === 'run') return about.id === 'name' ? 'Run' : '';   // the pinned part needs a heading too, or its row would be empty
    const cut = about.name.lastIndexOf('.');
    return cut > 0 ? about.name.slice(0, cut) : about.group === 'summary' ? 'Summary' : 'Config';
  }

  const time = id => id === 'started' || id === 'updated';

  /** A cell as text. */
  function text(id, cell) {
    if (cell === undefined || cell === null && !id.startsWith('config.')) return '';
    if (cell === null) return 'None';
    if (time(id)) return numbers.moment(cell).slice(0, 16);
    if (id === 'duration') return numbers.duration(cell);
    if (id === 'status') return (STATUS[cell] || [cell])[0];
    if (id === 'source') return FORMATS[cell] || cell;
    if (id === 'archived') return cell ? 'archived' : '';
    if (typeof cell === 'number') return id.startsWith('config.') && Number.isInteger(cell) ? String(cell).replace('-', '−') : id.startsWith('config.') ? short(cell) : numbers.value(cell);
    const words = typeof cell === 'string' ? cell : word(cell);
    return words.length > MOST_SHOWN ? `${words.slice(0, MOST_SHOWN)}…` : words;
  }

  /** A number of a config as it was written: 0.003, 1e−4. */
  function short(v) {
    if (!Number.isFinite(v)) return numbers.value(v);
    const size = Math.abs(v);
    return (size !== 0 && (size < 1e-3 || size >= 1e7) ? String(+v.toPrecision(12)).includes('e') ? String(+v.toPrecision(12)) : v.toExponential().replace('e+', 'e') : String(+v.toPrecision(12))).replaceAll('-', '−');
  }

  /** A deviation with two digits, written as a fraction where that is short. */
  const spread = v => { const words = v.toPrecision(2); return words.includes('e') ? numbers.value(+words) : words; };

  /** A group's cell as nodes. */
  function aggregateNodes(id, told, agg) {
    if (!told) return [];
    if (told.kind === 'same') return [h('span.mid', {}, text(id, told.value))];
    if (told.kind === 'many') { const words = told.values.slice(0, 30).map(one => text(id, one)).join(', '); return [h('span.dim', {title: words}, told.count <= 3 && words.length <= 8 ? words : `${numbers.whole(told.count)} values`)]; }
    if (!told.n) return told.left ? [h('span.dim', {}, 'not finite')] : [];
    const note = `n = ${told.n}${told.left ? `, ${told.left} not finite left out` : ''}`;
    if (told.min === told.max && told.n > 1 && agg !== 'sum') return [h('span', {title: `all equal, ${note}`}, text(id, told.min))];
    if (agg !== 'mean') return [h('span', {title: `${agg}, ${note}`}, text(id, told[agg]))];
    return [h('span', {title: `mean ± std (n − 1), ${note}`}, text(id, told.mean), told.n > 1 ? h('span.pm', {}, ` ± ${id === 'duration' ? numbers.duration(told.std) : spread(told.std)}`) : null)];
  }

  /** Base of our renderers: `draw(params)` returns nodes. */
  class Cell {
    init(params) { this.element = h('span.rc'); this.refresh(params); }
    getGui() { return this.element; }
    refresh(params) { fill(this.element, this.draw(params)); return true; }
  }

  class NameCell extends Cell {
    draw({data, context}) {
      const {group} = data;
      if (group) {
        const button = h('button.fold', {type: 'button', tabindex: '-1', 'aria-expanded': String(!group.shut), title: group.shut ? 'Show its runs (Enter)' : 'Hide its runs (Enter)', onclick: () => context.toggleGroup(group)},
          icon(group.shut ? 'right' : 'down', true), h('b.trunc', {}, group.label), h('span.dim', {}, `${numbers.whole(group.members.length)} ${group.members.length === 1 ? 'run' : 'runs'}`));
        return [button];
      }
      const run = board.runs.get(data.run), name = context.cell(data, 'name') || '', hidden = run && !board.shown.has(run.key);
      return [h(`span.sw${hidden ? '.off' : ''}`, {style: `--c:${plot.look(run ? run.slot : 0).colour}`, title: hidden ? 'not shown on the charts' : null}),
        h('span.trunc.nm', {title: name}, name), context.cell(data, 'archived') ? h('span.tag', {}, 'archived') : null,
        h('a.ib.sm.open', {href: context.linkTo(data.run), tabindex: '-1', title: 'Open its page (E)', 'aria-label': `Open the page of ${name}`, onclick: event => { if (!event.ctrlKey && !event.metaKey && !event.shiftKey) { event.preventDefault(); context.open(data.run); } }}, icon('right', true))];
    }
  }

  class StatusCell extends Cell {
    draw({data, context}) {
      if (data.group) {
        const all = data.group.members.map(row => context.cell(row, 'status')), running = all.filter(one => one === 'running').length, failed = all.filter(one => one === 'failed').length;
        return [h('span.mid', {}, running ? `${running} of ${all.length} running` : failed ? h('span.bad', {}, `${failed} of ${all.length} failed`) : '')];
      }
      const status = context.cell(data, 'status'), [words, tone] = STATUS[status] || [status, 'dim'], attempts = context.cell(data, 'attempts');
      return [h(`span.stc.${tone}`, {title: context.cell(data, 'error') || null}, status === 'running' ? h('span.st', {}, h('span.pulse')) : icon(status === 'finished' && attempts > 1 ? 'restart' : ICONS[status] || 'clock', true), words)];
    }
  }

  class TagsCell extends Cell {
    draw({data, context}) {
      if (data.group) return aggregateNodes('tags', context.summary(data.group, 'tags'), context.agg());
      return (context.cell(data, 'tags') || []).map(tag => h('span.tag', {title: tag}, tag));
    }
  }

  /** A group's value; a run's own values are plain text, which scrolls far quicker than a component in each cell. */
  class GroupCell extends Cell {
    draw({data, context, colDef}) { return data.group ? aggregateNodes(colDef.colId, context.summary(data.group, colDef.colId), context.agg()) : []; }
  }
  const GROUP_CELL = {component: GroupCell};

  /** The label inside a header: its words, its unit, and the button of its menu. */
  class HeaderLabel {
    init(params) {
      const {context, column} = params, id = column.getColId(), {about} = column.getColDef().context;
      this.element = h('span.hl', {}, h('span.trunc', {title: fullTitle(about)}, params.displayName),
        h('button.ib.sm.hm', {type: 'button', tabindex: '-1', title: 'Sort, filter, pin, group (Alt+Down)', 'aria-label': `Menu of ${fullTitle(about)}`, onclick: event => { event.stopPropagation(); context.menu(id, event.currentTarget); }}, icon('down', true)));
    }
    getGui() { return this.element; }
    refresh() { return false; }
  }

  const OWN = {name: NameCell, status: StatusCell, tags: TagsCell}, NOT_FINITE = {bad: ({value}) => typeof value === 'number' && !Number.isFinite(value)};

  /** True for a column whose cells have a bar: what is better the higher it is. */
  const barred = about => about.group === 'metric' && ['best', 'max'].includes(about.statistic) && HIGH.test(about.name);

  /** How far a value lies between the least and the largest of its column, 0.04 to 1; 0 for none. */
  function share({low, high}, v) { return !Number.isFinite(v) || !(high > low) ? 0 : 0.04 + 0.96 * (v - low) / (high - low); }

  /** The definition of one column. */
  function column(about, pinned, grouped) {
    const {id, numeric} = about, isNumber = numeric && id !== 'archived', filter = time(id) ? 'agDateColumnFilter' : isNumber ? 'agNumberColumnFilter' : 'agTextColumnFilter';
    const bar = barred(about), value = params => params.data.group ? undefined : params.context.cell(params.data, id);
    return {
      colId: id, headerName: title(about), headerTooltip: fullTitle(about) + (barred(about) ? '; the bar runs from the least to the largest of all runs' : ''), context: {about}, pinned: pinned ? 'left' : null, resizable: true, sortable: true,
      width: id === 'name' ? (innerWidth <= 760 ? 150 : innerWidth > 2000 ? 340 : 230) : (grouped && (id === 'duration' || (about.group === 'metric' && ['last', 'min', 'max', 'best'].includes(about.statistic))) ? 150 : WIDTHS[id]) || (isNumber ? Math.max(bar ? 124 : 86, Math.min(150, 34 + 6.4 * title(about).length)) : 120), minWidth: 56, maxWidth: 900,
      ...(bar ? {cellStyle: params => ({'--p': params.data.group ? 0 : share(params.context.range(id), params.value)})} : {}),
      cellClass: bar ? 'num barred' : isNumber && !time(id) ? 'num' : id === 'name' ? 'namecell' : '', headerClass: isNumber && !time(id) ? 'ag-right-aligned-header' : '',
      valueGetter: value, equals: (a, b) => Object.is(a, b),
      comparator: (a, b, nodeA, nodeB, descending) => compare(a, b, descending),
      ...(OWN[id] ? {cellRenderer: OWN[id]} : {cellRendererSelector: ({data}) => data.group ? GROUP_CELL : undefined, valueFormatter: params => text(id, params.value), cellClassRules: isNumber ? NOT_FINITE : undefined, tooltipValueGetter: isNumber ? undefined : params => { const words = text(id, params.value); return words.length > 18 ? words : null; }}),
      filter, filterValueGetter: time(id) ? params => { const v = value(params); return v === undefined ? null : numbers.shown(v); } : isNumber ? params => { const v = value(params); return Number.isNaN(v) ? undefined : v; } : params => text(id, value(params)),
      filterParams: {buttons: ['reset'], debounceMs: 150, maxNumConditions: 2, ...(filter === 'agDateColumnFilter' ? {comparator: byDay} : {})},
      headerComponentParams: {innerHeaderComponent: HeaderLabel},
      editable: EDITABLE.has(id) ? params => !params.data.group : false,
      ...(EDITABLE.has(id) ? {valueSetter: params => params.context.edit(params.data, id, params.newValue), cellEditor: id === 'notes' ? 'agLargeTextCellEditor' : 'agTextCellEditor', cellEditorPopup: id === 'notes',
        cellEditorParams: id === 'notes' ? {rows: 6, cols: 46, maxLength: 100000} : {maxLength: id === 'name' ? 500 : 4000, useFormatter: true},
        ...(id === 'tags' ? {valueFormatter: ({value: cell}) => Array.isArray(cell) ? cell.join(', ') : cell || ''} : {})} : {}),
      suppressKeyboardEvent: ({event, editing}) => !editing && event.key.length === 1 && event.key !== ' ',   // typing starts no edit: letters are keys of the page
      suppressHeaderKeyboardEvent: params => { if (params.event.key === 'ArrowDown' && params.event.altKey) { params.context.menu(id, document.activeElement); return true; } return false; },
    };
  }

  /** Compare a day that was asked for with the time of a cell. */
  function byDay(midnight, cell) {
    const day = new Date(cell.getFullYear(), cell.getMonth(), cell.getDate());
    return day < midnight ? -1 : day > midnight ? 1 : 0;
  }

  /** Column definitions, neighbours of one heading below it. */
  function columns(list, grouped) {
    const defs = [];
    for (const {about, pinned} of list) {
      const def = column(about, pinned, grouped), above = heading(about), before = defs[defs.length - 1];
      if (!above) defs.push(def);
      else if (before && before.children && before.headerName === above && before.pinned === pinned) before.children.push(def);
      else defs.push({groupId: `${above}|${defs.length}`, headerName: above, headerTooltip: above, pinned, headerClass: above === 'Run' ? '' : 'gl', children: [def]});
    }
    for (const def of defs) if (def.children && def.headerName !== 'Run') { def.children[0].cellClass = `${def.children[0].cellClass} gl`; def.children[0].headerClass = `${def.children[0].headerClass} gl`; }
    return defs;
  }

  /* ---- which columns the page chooses */
  /** The statistic of a metric that says most. */
  function headline(tag, about) {
    if (about.has(`metric.${tag}.best`)) return ['best', 'best_step'];
    return LOW.test(tag) ? ['min'] : HIGH.test(tag) ? ['max', 'max_step'] : ['last'];
  }

  /** The columns that the page chooses: what tells runs apart, and the metrics that say most. */
  function chosen({about, described}, {same, project}) {
    const differs = one => !('equal' in one), ids = ['*name', 'status'];
    for (const id of ['source', 'project', 'framework', 'group', 'host']) if (about.has(id) && differs(about.get(id)) && !(id === 'project' && project) && !(id === 'host' && about.get(id).distinct > 1000)) ids.push(id);
    const config = described.filter(one => one.group === 'config' && (differs(one) || same)).sort((a, b) => a.name.includes('.') - b.name.includes('.') || runGroups.collator.compare(a.name, b.name));
    ids.push(...config.slice(0, same ? 400 : MOST_CONFIG).map(one => one.id));
    const tags = [...new Set(described.filter(one => one.group === 'metric' && !SYSTEM.test(one.name)).map(one => one.name))];
    const weight = tag => (about.has(`metric.${tag}.best`) ? 0 : crossboard.headline.isValidation(tag) ? 1 : 2);
    tags.sort((a, b) => weight(a) - weight(b) || runGroups.collator.compare(a, b));
    for (const tag of tags.slice(0, MOST_METRICS)) ids.push(...headline(tag, about).map(statistic => `metric.${tag}.${statistic}`));
    for (const id of ['duration', 'started', 'tags', 'notes']) if (about.has(id) || id === 'tags') ids.push(id);
    return ids;
  }

  crossboard.runCells = {EDITABLE, chosen, STATISTICS, columns, fullTitle, heading, text, title};
})(window);
