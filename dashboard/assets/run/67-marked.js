/* What is marked among the vectors of all embeddings that are shown: a picked row with its nearest neighbours, selected rows, what was looked for.

   A row is meant by its number, so that the same row is marked in every embedding that has as many rows. The choices live in the URL;
   a selection that is too long for it only lives as long as the page. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {Camera} = crossboard.space, {announcer, getJson, ranges, state, view: addresses} = crossboard, news = announcer();
  const LONGEST = 1500, K = 10, MOST_K = 50;

  const views = new Set();
  let selection = null, spoken = '';

  const own = name => state.own.get(name) || '';
  const markOf = view => addresses.mark(view.series.run);

  /** The selection, {rows: ascending, n: how many rows the embedding has, in which they were chosen}, or null. */
  function selected() {
    const text = own('rows');
    if (!text) return (selection = null);
    if (text === spoken) return selection;
    spoken = text;
    const cut = text.indexOf('~'), n = +text.slice(0, cut), rest = text.slice(cut + 1);
    if (rest === 'many') return selection && selection.n === n ? selection : (selection = null);
    const rows = Number.isInteger(n) && n > 0 && n < 1e7 ? ranges.parse(rest, n) : [];
    return (selection = rows.length ? {rows, n} : null);
  }

  function select(view, rows) {
    if (!rows.length) { selection = null; spoken = ''; state.choose('alone', ''); state.choose('rows', ''); return; }
    const {n} = view.cloud, sorted = [...rows].sort((a, b) => a - b), text = ranges.format(sorted);
    selection = {rows: sorted, n};
    spoken = `${n}~${text.length <= LONGEST ? text : 'many'}`;
    if (own('rows') === spoken) news.tell('marked'); else state.choose('rows', spoken);
  }

  /** The picked row, {row, n, mark, tag}, or null. */
  function picked() {
    const [row, n, mark, ...tag] = own('row').split('~');
    return row && Number.isInteger(+row) && +row < +n ? {row: +row, n: +n, mark, tag: tag.join('~')} : null;
  }

  function pick(view, row) { state.choose('row', row === null ? '' : `${row}~${view.cloud.n}~${markOf(view)}~${view.series.tag}`); }

  /** The embeddings that stand, in the order of the page. */
  const listed = () => [...views].filter(view => view.cloud).sort((a, b) => a.canvas.compareDocumentPosition(b.canvas) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1);

  /** The embeddings that stand and are meant by what was chosen among `n` rows, the one in which a row was picked first. */
  function linked(n, first = picked()) {
    const mine = listed().filter(view => view.cloud.n === n), isFirst = view => first && markOf(view) === first.mark && view.series.tag === first.tag;
    return mine.sort((a, b) => isFirst(b) - isFirst(a));
  }

  const metric = () => own('metric') === 'euclidean' ? 'euclidean' : 'cosine';
  const k = () => Math.max(1, Math.min(MOST_K, Math.round(+own('k')) || K));

  const kept = new Map();
  /** The nearest neighbours of a row in the space of the logged vectors, asked for once: {rows, distance, finite}. */
  function neighbours(view, row) {
    const asked = view.series.query({place: view.place, row, count: MOST_K, metric: metric()});
    if (!kept.has(asked)) {
      if (kept.size > 60) kept.delete(kept.keys().next().value);
      kept.set(asked, getJson(`api/neighbours?${asked}`).then(answer => { kept.set(asked, answer); news.tell('marked'); return answer; }, error => { kept.delete(asked); throw error; }));
    }
    return kept.get(asked);
  }

  state.on('own', () => news.tell('chosen'));

  crossboard.marked = {views, on: news.on, tell: news.tell, own, selected, select, picked, pick, linked, listed, neighbours, metric, k, K, MOST_K, cameras: {mesh: new Camera(), embedding: new Camera(), flat: new Camera(true)}};
})(window);
