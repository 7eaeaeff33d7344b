/* What the palette offers: pages, saved views, everything that has a key or a menu, runs and tags. An entry is {id, kind, title, note, key, low, work,
   other}: `low` is what is searched, `other` [words, work] is done with Shift. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {board, byId, grid, groups, keys, kindNav, kindPages, linesBar, numbers, page, rail, railGroups, settings, sources, state, url} = crossboard;

  const entry = (kind, id, title, work, more = {}) => ({kind, id: `${kind}:${id}`, title, note: '', key: '', work, other: null, ...more, low: `${title} ${more.also || ''}`.toLowerCase()});
  const action = (id, title, work, more) => entry('action', id, title, work, more);
  const count = (n, one, many) => `${numbers.whole(n)} ${n === 1 ? one : many}`;

  /** On the charts, of all runs. */
  function toCharts() { if (state.run || state.page) state.go({}); }

  function pages() {
    const on = (title, id, go, key, more = {}) => entry('page', id, title, go, {key, ...more});
    return [on('Charts', 'charts', toCharts, 'G C'), on('Runs', 'runs', () => state.go({page: 'runs'}), 'G R', {also: 'table', note: count(board.order.length, 'run', 'runs')}),
      ...(byId('nav-panes').hidden ? [] : [on('Panes', 'panes', () => state.go({page: 'panes'}), 'G P', {also: 'visdom environments'})]),
      ...kindNav.available().map(one => on(one.title, one.page, () => kindNav.go(one.page), `G ${one.key}`, {also: one.kinds.join(' ')}))];
  }

  /** One of several values of a choice: the title says which, the note that it is in force. */
  const choice = (id, title, now, value, work, also = '') => action(`${id}:${value}`, title, work, {note: now === value ? 'now' : '', also});

  function theme() { return ['system', 'light', 'dark'].map(name => choice('theme', `Theme: ${name}`, page.theme(), name, () => page.setTheme(name), 'colour scheme appearance')); }

  function lines() {
    const {kind = ''} = crossboard.cardSettings.smoothing(state.smooth) || {};
    return [...[['step', 'step'], ['relative', 'relative time'], ['wall', 'wall time']].map(([name, words]) => choice('x', `x axis: ${words}`, state.x, name, () => { toCharts(); page.setX(name); page.fields(); })),
      ...[['', 'none'], ...linesBar.KINDS].map(([name, words]) => choice('smooth', `Smoothing: ${words}`, kind, name, () => { toCharts(); state.set('smooth', name && `${name}:${linesBar.FIRST[name]}`); }))];
  }

  function bands() {
    const made = [choice('bands', 'Group runs by: nothing', state.bands, '', () => state.set('bands', ''), 'seeds aggregate'),
      ...groups.choices.map(one => choice('bands', `Group runs by: ${crossboard.bandsBar.nameOf(one.by)}`, state.bands, one.by, () => { toCharts(); state.set('bands', one.by); }, 'seeds aggregate mean'))];
    if (!state.bands) return made;
    return [...made, ...Object.entries(crossboard.band.STATISTICS).map(([name, words]) => choice('stat', `Statistic of groups: ${words}`, state.stat, name, () => crossboard.bandsBar.setStatistic(name))),
      ...crossboard.bandsBar.BANDS.filter(([name]) => state.stat === 'mean' || !crossboard.band.OF_MEAN.includes(name)).map(([name, words]) => choice('band', `Band of groups: ${words}`, state.band, name, () => { state.set('band', name); crossboard.bandsBar.show(); }, 'interval error')),
      action('band-toggle', state.band === 'none' ? 'Show the bands' : 'Hide the bands', () => { state.set('band', state.band !== 'none' ? 'none' : state.stat === 'mean' ? 't' : 'bca'); crossboard.bandsBar.show(); }, {also: 'toggle interval'})];
  }

  function ofRail() {
    const sorts = [['newest', 'newest first'], ['oldest', 'oldest first'], ['name', 'by name'], ['high', 'highest value first'], ['low', 'lowest value first']], configs = railGroups.configKeys();
    return [action('hide-all', 'Hide all runs', () => board.show(board.matching, false)), action('show-all', 'Show all runs', () => board.show(board.matching, true)),
      ...(state.only ? [action('end-only', 'End “only”: all runs as before', () => state.set('only', ''), {also: 'isolate'})] : []),
      ...(state.runs || state.src ? [action('clear-runs', 'Clear the filter of runs', () => { crossboard.runFilter.set(''); state.set('src', ''); })] : []),
      ...(state.tags ? [action('clear-tags', 'Clear the filter of tags', () => { state.set('tags', ''); page.fields(); })] : []),
      ...sorts.map(([name, words]) => choice('sort', `Order of runs: ${words}`, state.sort, name, () => state.set('sort', name), 'sort')),
      ...['framework', 'project', 'group', 'status', 'none', ...configs.map(key => `config:${key}`)].map(way => choice('rail', `List runs by: ${railGroups.words(way)}`, state.rail || railGroups.by(), way, () => state.set('rail', way), 'rail headings group')),
      ...['colour', 'dash'].flatMap(what => [...(state[what] ? [''] : []), ...configs].map(key => choice(what, `${what === 'colour' ? 'Colour' : 'Dash'} by: ${key || 'run'}`, state[what], key, () => state.set(what, key), 'config'))),
      ...sources.formats().map(({format, runs}) => choice('src', `Source: ${state.src.split('.').includes(format) ? 'not only' : 'only'} ${board.formatName(format)}`, '', format, () => sources.toggle(format), `${count(runs, 'run', 'runs')} filter`))];
  }

  function data() {
    const query = crossboard.runFilter.isQuery(state.runs) ? state.runs : '', save = (path, name) => { const link = Object.assign(document.createElement('a'), {href: url(path), download: name}); document.body.append(link); link.click(); link.remove(); };
    return [...(board.info && board.info.exports || []).map(name => action(`export:${name}`, `Export all points as ${name === 'csv' ? 'CSV' : name[0].toUpperCase() + name.slice(1)}`, () => save(`api/export/${name}${query ? `?${new URLSearchParams({runs: query})}` : ''}`, `crossboard.${name}`), {note: query ? 'runs of the query' : '', also: 'download save'})),
      action('export:runs', 'Export the table of runs as CSV', () => save('api/runs/table?format=csv', 'runs.csv'), {also: 'download save'})];
  }

  function board_() {
    const refresh = [[0, 'as points come'], [5, 'every 5 s'], [30, 'every 30 s'], [-1, 'paused']];
    return [action('save-view', 'Save this view', () => crossboard.views.show(), {also: 'bookmark name'}),
      action('aliases', 'Tags that are one metric', () => crossboard.aliases.show(), {also: 'join rules validation'}),
      ...refresh.map(([value, words]) => choice('live', `Live updates: ${words}`, settings.get('refresh'), value, () => settings.set('refresh', value), 'refresh pause')),
      ...[['local', 'local time'], ['utc', 'UTC']].map(([value, words]) => choice('zone', `Clocks: ${words}`, settings.get('zone'), value, () => settings.set('zone', value), 'time zone'))];
  }

  /** Every key with something to do here; those that other entries are, too, go without. */
  function keyed() {
    const there = new Set(['Ctrl K', ':', 'G C', 'G R', 'G P', ...kindPages.all.map(one => `G ${one.key}`), ...(crossboard.toasts.shown().length ? [] : ['U', 'D'])]);
    return keys.listed().filter(([key, , work]) => work && !there.has(key)).map(([key, words, work]) => action(`key:${words}`, words, work, {key}));
  }

  function actions() { return [...keyed(), ...theme(), ...lines(), ...bands(), ...ofRail(), ...data(), ...board_()]; }

  function savedViews() { return crossboard.views.list().map(one => entry('view', one.id, one.name, () => crossboard.views.open(one), {note: one.id === crossboard.views.opensFirst() ? 'default' : '', also: 'saved view'})); }

  let runsKnown = '', runEntries = [];
  /** One entry a run. Made anew only when runs changed. */
  function runs() {
    const known = `${board.version} ${board.order.length}`;
    if (known !== runsKnown) {
      runsKnown = known;
      runEntries = board.order.map(run => ({kind: 'run', id: `run:${run.key}`, run, title: run.name, note: '', key: '', low: `${run.name} ${run.group || ''} ${run.id}`.toLowerCase(),
        work: () => state.go({run: run.key}), other: ['only this run', () => { toCharts(); board.isolate(board.runs.get(run.key) || run); }]})).reverse();
    }
    return runEntries;
  }

  /** What stands beside a run in the list. */
  const aboutRun = run => [run.status, run.source && run.source !== 'native' ? board.formatName(run.source) : '', run.group, run.started ? `${numbers.age(Date.now() / 1000 - run.started)} ago` : ''].filter(Boolean).join(' · ');

  /** Bring the card of a tag onto the screen and into focus, whatever hides it. */
  function toCard(tag) {
    const chart = board.charts().find(one => one.tags.includes(tag) || one.key === tag);
    toCharts();
    if (!chart) return;
    if (state.tags && ![chart.title, ...chart.tags].some(crossboard.tagFilter.lets)) { state.set('tags', ''); page.fields(); }
    const name = crossboard.arrangement.isPinned(chart.key) ? crossboard.arrangement.PINNED : grid.sectionOf(chart);
    if (state.closed.has(name || '/')) state.toggle('closed', name || '/');
    const card = grid.cards.get(chart.key);
    if (!card) return;
    card.element.scrollIntoView({block: 'center'});
    card.element.focus({focusVisible: true, preventScroll: true});
  }

  let tagsKnown = null, tagEntries = [];
  function tags() {
    if (tagsKnown !== board.tags) {
      tagsKnown = board.tags;
      tagEntries = board.tags.map(tag => ({kind: 'tag', id: `tag:${tag}`, title: tag, note: '', key: '', low: tag.toLowerCase(), work: () => toCard(tag), other: ['only cards like it', () => { toCharts(); crossboard.tagFilter.words(tag); }]}));
    }
    return tagEntries;
  }

  /** What the rest of a long list is for: narrow the rail or the cards to the words. */
  const rest = {
    run: (words, n) => action('filter-runs', `Filter the rail by “${words}”`, () => { toCharts(); crossboard.runFilter.set(words); }, {note: `${numbers.whole(n)} fit`}),
    tag: (words, n) => action('filter-tags', `Filter the cards by “${words}”`, () => { toCharts(); crossboard.tagFilter.words(words); }, {note: `${numbers.whole(n)} fit`}),
  };

  crossboard.commands = {pages, actions, savedViews, runs, tags, rest, aboutRun, toCard};
})(window);
