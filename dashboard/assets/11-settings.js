/* What a person prefers in this browser: kept in localStorage, never in an address and never on the server.

     theme     system|light|dark: kept where Mantine looks for it, so it is read and set by 44-page.js
     digits    significant digits of values, 3 to 9; below 1 and in powers of ten it is one fewer
     zone      local|utc: what clocks show
     refresh   seconds between two live changes of the page: 0 as they come, 5, 30; -1 only when asked
     points    points that a card asks for of each curve: 0 as many as it is wide; 400, 1000, 4000
     colours   order of the twelve colours, places in the palette
     x, smooth what charts begin with where the address says nothing about them

   A field that is not understood counts as not set. News: the name of a field that changed here or in another tab. */
(root => {
  'use strict';
  const crossboard = root.crossboard = root.crossboard || {}, {announcer} = crossboard;
  const KEY = 'crossboard-settings', COLOURS = 12;
  const among = (...all) => value => all.includes(value);

  const FIELDS = {
    digits: {plain: 5, fits: value => Number.isInteger(value) && value >= 3 && value <= 9},
    zone: {plain: 'local', fits: among('local', 'utc')},
    refresh: {plain: 0, fits: among(0, 5, 30, -1)},
    points: {plain: 0, fits: among(0, 400, 1000, 4000)},
    colours: {plain: Array.from({length: COLOURS}, (_, i) => i), fits: value => Array.isArray(value) && value.length === COLOURS && new Set(value).size === COLOURS && value.every(i => Number.isInteger(i) && i >= 0 && i < COLOURS)},
    x: {plain: 'step', fits: among('step', 'relative', 'wall')},
    smooth: {plain: '', fits: value => value === '' || (typeof value === 'string' && crossboard.cardSettings.smoothing(value) !== null)},
  };

  /** What is set in a stored text; {} for one that is not ours. */
  function parse(text) {
    let kept = null;
    try { kept = JSON.parse(text || '{}'); } catch { /* not ours */ }
    const own = {};
    if (kept && typeof kept === 'object') for (const [name, {fits}] of Object.entries(FIELDS)) if (name in kept && (name === 'smooth' || fits(kept[name]))) own[name] = kept[name];
    return own;
  }

  const store = () => { try { return root.localStorage || null; } catch { return null; } };   // a private window may have none
  const read = () => { try { return parse(store() && store().getItem(KEY)); } catch { return {}; } };
  const news = announcer ? announcer() : {on() {}, tell() {}};
  let own = read();

  const settings = {
    on: news.on, parse, FIELDS: Object.keys(FIELDS),
    get(name) { return name in own && FIELDS[name].fits(own[name]) ? own[name] : FIELDS[name].plain; },
    isSet: name => JSON.stringify(settings.get(name)) !== JSON.stringify(FIELDS[name].plain),
    /** Set a field; true when this browser keeps it. What does not fit is not taken. */
    set(name, value) {
      if (!FIELDS[name].fits(value)) return false;
      own = {...own, [name]: value};
      if (!settings.isSet(name)) delete own[name];
      let kept = true;
      try { store().setItem(KEY, JSON.stringify(own)); } catch { kept = false; }
      news.tell(name, value);
      return kept;
    },
    reset() {
      const were = Object.keys(own);
      own = {};
      try { store().removeItem(KEY); } catch { /* nothing was kept */ }
      for (const name of were) news.tell(name, FIELDS[name].plain);
    },
  };
  crossboard.settings = settings;

  if (typeof window === 'undefined') return;
  addEventListener('storage', event => {
    if (event.key !== KEY && event.key !== null) return;
    const before = own;
    own = read();
    for (const name of settings.FIELDS) if (JSON.stringify(before[name]) !== JSON.stringify(own[name])) news.tell(name, settings.get(name));
  });
})(typeof window === 'undefined' ? globalThis : window);
