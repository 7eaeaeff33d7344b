/* The view: everything that can be chosen on the board, kept in the URL so that a copied link reopens it.

   Parameters (all optional, none stands for the default):
     x=relative|wall        x axis of all cards
     tags=WORDS|/REGEX/  runs=WORDS|QUERY   the two filters;  regex=1   the words of `tags` are a regular expression (19-tag-filter.js)
     project=NAME           one project of several;  src=FORMAT.FORMAT   only runs of these sources
     hide=ID ...            hidden runs, each by a six-character mark of its key, joined by "."
     only=ID                the isolated run; several are joined by "."
     log=TAG (repeated)     cards with a log y axis
     smooth=ema:WEIGHT|gaussian:SIGMA|mean:POINTS   smoothing of all cards, else none
     card=SETTINGS (repeated)   what is set for one card alone, see 15-card-settings.js
     move=CARD BEFORE (repeated)   cards that were moved;  with=TAGS (repeated)   tags that were joined into one card, see 15-places.js
     top=CARD (repeated)    the pinned cards
     marks=off              no marks of alerts, restarts and the first NaN
     zoom=LOW~HIGH~TAG      (repeated) a card's window on the x axis
     sel=LOW~HIGH~TAG       the range of x whose statistics are shown
     large=TAG              the card that is opened large
     expr=EXPRESSION (repeated)   cards of expressions over tags
     old=TAG (repeated)     cards that show older attempts
     closed=NAME (repeated) collapsed sections;  groups=NAME (repeated) collapsed groups of the rail
     sort=name|oldest|high|low   order of the runs; the last two by metric=TAG.STATISTIC, the number that the rail shows
     rail=framework|project|group|status|none|config:KEY   the rail's headings, else as the runs are brought together
     pin=ID ...  base=ID    pinned runs; the baseline
     colour=KEY  dash=KEY   colour and dash by the value of a config key
     bands=seed|group|framework|config:KEY   how runs are brought together;  stat=median|iqm   else the mean
     band=bca|std|minmax|iqr|none   else the t interval;  interp=1   between the steps of a run too
     join=off|all           which tags and runs are drawn as one: none, all that a rule says (else what is sure)
     theme=light|dark       when it was chosen
     run=KEY                the open run page;  tab=NAME tag=TAG step=STEP   what it shows
     page=runs              the table of runs;  its own parameters are in 15-table.js
     page=panes             the page of panes;  env=KEY (repeated) its environments, several are compared
     find=WORDS             filter of pane titles;  pane=WINDOW  the pane that is open large; both also on a run's tab of panes
     page=images|text|...   a page of a kind (15-kind-pages.js);  step=STEP  tag=TAG  find=WORDS  what it shows;
     set=NAME:VALUE         (repeated) what is chosen on that page, by names of its own; also on a run page's tab of such a kind
   Where an address says nothing about the charts they begin as this browser's settings have it (11-settings.js); and where it says nothing at
   all the server opens the default view (53-views.js). `state.plain` is then written for a view that has nothing to say.
   `parse` and `format` are pure. A change is written with replaceState, so the back button leaves the board; opening and leaving
   a run page or the page of panes, and going from tab to tab, are steps of their own (`state.go`). */
(root => {
  'use strict';
  const crossboard = root.crossboard = root.crossboard || {};
  const {announcer, cardSettings, kindPages, places, settings, tableView} = crossboard;

  /** The page of a kind, or a run's tab of one: what is chosen there goes along from one to the other. */
  function placeName(view) {
    const of = view.run && kindPages.all.find(one => one.kinds.includes(view.tab));
    return of ? of.page : view.run ? '' : view.page || '';
  }

  /** Six characters that stand for a run's key in the URL (FNV-1a, 31 bits). */
  function mark(key) {
    let hash = 0x811c9dc5;
    for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
    return ((hash >>> 1) % 36 ** 6).toString(36).padStart(6, '0');
  }

  const fresh = () => ({x: 'step', tags: '', runs: '', project: '', src: '', hide: new Set(), only: '', log: new Set(), zoom: new Map(),
    expr: new Set(), sel: null, large: '', smooth: '', cards: new Map(), moves: [], top: [], joined: [], marks: '', regex: '', old: new Set(), closed: new Set(), groups: new Set(), sort: 'newest', join: '', theme: '',
    rail: '', pin: [], base: '', colour: '', dash: '', metric: '',
    bands: '', stat: 'mean', band: 't', interp: '', run: '', tab: '', tag: '', step: '', page: '', env: '', pane: '', find: '', own: new Map(), table: tableView.fresh()});
  const OF_CHARTS = ['x', 'tags', 'runs', 'project', 'src', 'hide', 'only', 'log', 'smooth', 'card', 'zoom', 'sel', 'large', 'expr', 'old', 'bands', 'base', 'pin', 'colour', 'dash', 'move', 'with', 'top', 'regex', 'marks'];
  const PLACE = ['run', 'tab', 'tag', 'step', 'page', 'env', 'pane'], hasSteps = view => Boolean(view.run || kindPages.of(view.page));

  function parse(search) {
    const q = new URLSearchParams(search), view = fresh();
    const x = q.get('x') || '';
    if (['relative', 'wall'].includes(x) || x.startsWith('metric:')) view.x = x;
    for (const name of ['tags', 'runs', 'project', 'src', 'only', 'large']) view[name] = q.get(name) || '';
    if (cardSettings.smoothing(q.get('smooth') || '')) view.smooth = q.get('smooth');
    view.cards = cardSettings.parse(q.getAll('card'));
    view.moves = places.parseMoves(q.getAll('move'));
    view.joined = places.parseJoins(q.getAll('with'));
    view.top = [...new Set(q.getAll('top').filter(Boolean))];
    if (q.get('marks') === 'off') view.marks = 'off';
    if (q.get('regex') === '1') view.regex = '1';
    if (['name', 'oldest', 'high', 'low'].includes(q.get('sort'))) view.sort = q.get('sort');
    if (/^(framework|project|group|status|none|config:.+)$/s.test(q.get('rail') || '')) view.rail = q.get('rail');
    for (const name of ['base', 'colour', 'dash', 'metric']) view[name] = q.get(name) || '';
    view.pin = [...new Set((q.get('pin') || '').split('.').filter(Boolean))];
    if (['off', 'all'].includes(q.get('join'))) view.join = q.get('join');
    if (['light', 'dark'].includes(q.get('theme'))) view.theme = q.get('theme');
    if (/^(seed|group|framework|config:.+)$/s.test(q.get('bands') || '')) view.bands = q.get('bands');
    if (['median', 'iqm'].includes(q.get('stat'))) view.stat = q.get('stat');
    if (view.stat !== 'mean') view.band = 'bca';   // a t interval and a standard deviation are about the mean
    if (['bca', 'minmax', 'iqr', 'none', ...view.stat === 'mean' ? ['std'] : []].includes(q.get('band'))) view.band = q.get('band');
    if (q.get('interp') === '1') view.interp = '1';
    view.hide = new Set((q.get('hide') || '').split('.').filter(Boolean));
    if (q.get('run')) {
      for (const name of ['run', 'tab', 'tag']) view[name] = q.get(name) || '';
      if (/^-?\d{1,16}$/.test(q.get('step') || '')) view.step = q.get('step');
    } else if (q.get('page') === 'runs') {
      view.page = 'runs';
      view.table = tableView.parse(q);
    } else if (q.get('page') === 'panes') {
      view.page = 'panes';
      view.env = [...new Set(q.getAll('env').filter(Boolean))].join('\n');   // keys hold no line break
    }
    else if (kindPages.of(q.get('page'))) {
      view.page = q.get('page');
      view.tag = q.get('tag') || '';
      if (/^-?\d{1,16}$/.test(q.get('step') || '')) view.step = q.get('step');
    }
    if (hasSteps(view)) for (const text of q.getAll('set')) { const cut = text.indexOf(':'); if (cut > 0) view.own.set(text.slice(0, cut), text.slice(cut + 1)); }
    if (view.page || view.tab === 'panes') for (const name of ['pane', 'find']) view[name] = q.get(name) || '';
    for (const name of ['log', 'old', 'closed', 'groups', 'expr']) view[name] = new Set(q.getAll(name));
    const [from, to, ...of] = (q.get('sel') || '').split('~');
    if (from && Number.isFinite(+from) && +from < +to && of.length) view.sel = {tag: of.join('~'), low: +from, high: +to};
    for (const text of q.getAll('zoom')) {
      const [low, high, ...tag] = text.split('~');
      if (Number.isFinite(+low) && +low < +high && tag.length) view.zoom.set(tag.join('~'), [+low, +high]);
    }
    return view;
  }

  function format(view) {
    const q = new URLSearchParams();
    if (view.x !== 'step') q.set('x', view.x);
    for (const name of ['tags', 'runs', 'project', 'src', 'only', 'large', 'join', 'theme', 'bands', 'interp', 'regex', 'marks']) if (view[name]) q.set(name, view[name]);
    if (view.smooth) q.set('smooth', view.smooth);
    if (view.stat !== 'mean') q.set('stat', view.stat);
    if (view.band !== (view.stat === 'mean' ? 't' : 'bca')) q.set('band', view.band);
    if (view.run) for (const name of ['run', 'tab', 'tag', 'step']) if (view[name]) q.set(name, view[name]);
    if (!view.run && view.page) {
      q.set('page', view.page);
      for (const one of view.env.split('\n').filter(Boolean)) q.append('env', one);
      if (view.page === 'runs') tableView.format(q, view.table);
      if (kindPages.of(view.page)) {
        for (const name of ['tag', 'step']) if (view[name]) q.set(name, view[name]);
      }
    }
    if (hasSteps(view)) for (const [name, value] of [...view.own].sort()) q.append('set', `${name}:${value}`);
    if (view.run ? view.tab === 'panes' : view.page === 'panes' || kindPages.of(view.page)) for (const name of ['pane', 'find']) if (view[name]) q.set(name, view[name]);
    if (view.sort !== 'newest') q.set('sort', view.sort);
    for (const name of ['rail', 'base', 'colour', 'dash', 'metric']) if (view[name]) q.set(name, view[name]);
    if (view.pin.length) q.set('pin', view.pin.join('.'));
    if (view.hide.size) q.set('hide', [...view.hide].sort().join('.'));
    for (const name of ['log', 'old', 'closed', 'groups', 'expr']) for (const one of [...view[name]].sort()) q.append(name, one);
    if (view.sel) q.set('sel', `${view.sel.low}~${view.sel.high}~${view.sel.tag}`);
    for (const one of cardSettings.format(view.cards)) q.append('card', one);
    for (const one of places.formatJoins(view.joined)) q.append('with', one);
    for (const one of places.formatMoves(view.moves)) q.append('move', one);
    for (const one of view.top) q.append('top', one);
    for (const [tag, [low, high]] of view.zoom) q.append('zoom', `${low}~${high}~${tag}`);
    const text = q.toString().replaceAll('%2F', '/').replaceAll('%7E', '~').replaceAll('%3A', ':');
    return text ? '?' + text : '';
  }

  /** True when `text` (or `also`, an id) holds every word of `words`, and `text` none that is written with a leading "-". Case
     does not count. */
  function matches(words, text, also = '') {
    const low = text.toLowerCase(), more = also.toLowerCase();
    return words.toLowerCase().split(/\s+/).filter(Boolean)
      .every(word => word.length > 1 && word[0] === '-' ? !low.includes(word.slice(1)) : low.includes(word) || more.includes(word));
  }

  /** The view that an address opens in this browser: what it says, and where it says nothing of the charts what the settings say. */
  function opened(search) {
    const view = parse(search);
    if (![...new URLSearchParams(search).keys()].some(name => OF_CHARTS.includes(name))) for (const name of ['x', 'smooth']) view[name] = settings.get(name);
    return view;
  }

  crossboard.view = {mark, parse, opened, format, matches, fresh};
  if (typeof window === 'undefined') return;

  const news = announcer();
  let writing = 0;
  const state = crossboard.state = Object.assign(opened(location.search), {
    on: news.on, plain: settings.isSet('x') || settings.isSet('smooth') ? '?x=step' : '',
    /** Write the view into the URL and tell what changed: one of the names above. */
    changed(what) {
      news.tell(what, state);
      clearTimeout(writing);
      writing = setTimeout(state.write, 120);   // browsers allow 200 replaceState calls in 30 s
    },
    set(name, value) {
      if (state[name] === value) return;
      state[name] = value;
      state.changed(name);
    },
    toggle(name, member) {
      if (!state[name].delete(member)) state[name].add(member);
      state.changed(name);
    },
    /** Choose something on the page of a kind; '' takes it back. */
    choose(name, value) {
      if ((state.own.get(name) || '') === value) return;
      if (value) state.own.set(name, value); else state.own.delete(name);
      state.changed('own');
    },
    /** Go to a place, {run, tab, tag, step} or {page, env, pane}, what is not named being empty; the back button comes back
        here. A chosen step goes along from a page that has steps to another. */
    go(place) {
      clearTimeout(writing);
      state.write();
      if (placeName(place) !== placeName(state)) state.own = new Map();
      if (place.page !== state.page) state.find = '';
      const stays = !('step' in place) && hasSteps(state) && hasSteps(place) ? state.step : '';
      for (const name of PLACE) state[name] = place[name] || '';
      state.step = state.step || stays;
      history.pushState(null, '', (state.search() || location.pathname) + location.hash);
      news.tell('run', state);
    },
    /** The query part of the address of this view. */
    search: () => format(state) || state.plain,
    write() {
      const search = state.search();
      if (search !== location.search) history.replaceState(history.state, '', location.pathname + search + location.hash);
    },
  });
  addEventListener('popstate', () => {
    clearTimeout(writing);
    const was = parse(location.search);
    for (const name of PLACE) state[name] = was[name];
    if (was.page === 'runs') state.table = was.table;
    state.own = was.own;
    news.tell('run', state);
  });
})(typeof window === 'undefined' ? globalThis : window);
