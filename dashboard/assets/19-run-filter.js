/* Which runs the rail lists: those whose name, group, framework, status or tags hold every word that is written, or those that a run query
   (store/runquery.py) means. Words are found here, at once; what a query means is asked of the server, and asked again when runs change.

   `state.runs` is the text that was applied last, so that a link never holds a query that does not parse. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {byId, fill, numbers, runQuery, state, view} = crossboard;
  const AGAIN_MS = 1500, ABOUT_MS = 5000, STATUSES = ['running', 'finished', 'failed', 'killed', 'silent'];
  const RUN_VALUES = ['name', 'id', 'project', 'status', 'group', 'framework', 'host', 'source', 'path', 'notes', 'tags'];
  let field = null, found = null, foundFor = '', askedAt = 0, timer = 0, about = [], aboutAt = -Infinity, reading = false;

  /** True when `text` is a run query and not words to look for. */
  const isQuery = text => /[()=<>!~,"'`]/.test(text) || /(^|\s)(and|or|not|contains|matches)(\s|$)/i.test(text);

  /** True while it is not known yet what the query in the link means. */
  const waiting = () => isQuery(state.runs) && !found && foundFor !== state.runs;

  /** True when the words of `text` let a run through. */
  const holdsWords = (text, run) => view.matches(text, `${crossboard.board.pairOf(run).map(one => one.name).join(' ')} ${run.group || ''} ${crossboard.board.groupOf(run)} ${run.status} ${(run.tags || []).join(' ')}`, run.id);

  /** True when the filter lets a run through. */
  function lets(run) {
    if (state.src && !state.src.split('.').includes(run.source)) return false;
    if (!state.runs) return true;
    if (isQuery(state.runs)) return found ? crossboard.board.pairOf(run).some(one => found.has(one.key)) : !waiting();   // a link with a query that does not parse shows all
    return holdsWords(state.runs, run);
  }

  function apply(text, keys) {
    const same = state.runs === text && keys && found && keys.size === found.size && [...keys].every(key => found.has(key));
    found = keys;
    foundFor = text;
    if (state.runs !== text) state.set('runs', text);
    else if (!same) state.changed('runs');
  }

  /** A query does not parse. Where it came with the link there is nothing that was applied before: all runs are shown. */
  function refused(text) {
    if (text !== state.runs || found) return;
    foundFor = text;
    state.changed('runs');
  }

  /** Which columns there are, for completion; read when the field is entered, and again when that is long ago. */
  function readAbout() {
    if (performance.now() - aboutAt < ABOUT_MS) return;
    aboutAt = performance.now();
    reading = true;
    crossboard.getJson('api/runs/columns').then(answer => { about = answer.columns; }, () => { aboutAt = -Infinity; }).then(() => {
      reading = false;
      if (document.activeElement !== field.input || !field.input.value) return;
      field.complete();   // what was typed meanwhile
      if (!field.list.length && field.input.value.trim() !== state.runs) field.typed();
    });
  }

  /** What `run` has under a dotted config key; undefined when nothing. */
  function configOf(run, name) {
    let at = run.config || {};
    if (name in at) return at[name];
    for (const part of name.split('.')) at = at && typeof at === 'object' ? at[part] : undefined;
    return at;
  }

  /** The texts that a field of a query has, for completion. */
  function valuesOf(name) {
    const key = name === 'tag' ? 'tags' : name, plain = RUN_VALUES.includes(key);
    const values = new Set(key === 'status' ? STATUSES : []);
    for (const run of crossboard.board.order) for (const value of [plain ? run[key] : configOf(run, name.replace(/^config\./, ''))].flat()) if (typeof value === 'string' ? value : typeof value === 'boolean') values.add(String(value));
    return [...values].sort((a, b) => a.localeCompare(b, 'en', {numeric: true}));
  }

  /** What is said when nothing is let through. */
  function words() {
    const here = `${numbers.whole(crossboard.board.order.length)} ${crossboard.board.order.length === 1 ? 'run is' : 'runs are'} here`;
    return isQuery(state.runs) ? `${here}; the query holds for none of them.` : `${here}. Words are looked for in name, group, framework, status and tags; “lr < 0.01” asks for a config value.`;
  }

  /** Put a text in and apply it. */
  const set = text => field.set(text);

  function start() {
    const {board} = crossboard;
    field = new runQuery.QueryField({id: 'run-filter', words: {label: 'Filter runs', placeholder: 'Filter runs, or lr < 0.01', key: ''}, apply, valuesOf, about: () => about, refused, entered: readAbout, plain: text => !isQuery(text),
      holds: (text, listed) => (listed || reading) && Boolean(text) && !isQuery(text) && !board.order.some(run => holdsWords(text, run))})   // the beginning of a key, more likely than the name of a run that is not there;
    fill(byId('run-find'), field.element);
    if (state.runs) field.set(state.runs);
    board.on('runs', () => {
      if (!isQuery(state.runs) || askedAt === board.version || timer) return;
      timer = setTimeout(() => { timer = 0; askedAt = board.version; if (field.input.value.trim() === state.runs) field.ask(true); }, AGAIN_MS);
    });
  }

  crossboard.runFilter = {configOf, isQuery, lets, set, start, valuesOf, waiting, words};
})(window);
