/* What can be chosen on the Runs page, and its part of the URL. Pure: no page, no state.

   Parameters, all beside page=runs, all optional:
     q=QUERY                which runs: a run query (store/runquery.py)
     col=ID (repeated)      the columns in their order, "*" before a pinned one; none stands for the columns chosen by the page
     order=ID or -ID        (repeated) sorted by this column, - for descending
     filter=ID=MODEL        (repeated) a column's own filter, as AG Grid writes it, in JSON
     by=ID (repeated)       grouped by these columns;  agg=NAME what a group row shows of numbers
     shut=NAME (repeated)   collapsed groups
     archived=1             archived runs too;  same=1 columns that are equal for all runs, too */
(root => {
  'use strict';
  const crossboard = root.crossboard = root.crossboard || {};
  const AGGREGATES = ['mean', 'median', 'min', 'max', 'sum'];

  const fresh = () => ({q: '', cols: [], order: [], filter: {}, by: [], agg: 'mean', shut: new Set(), archived: false, same: false});

  /** Read the table's part of URLSearchParams; what is not understood is left out. */
  function parse(q) {
    const table = fresh();
    table.q = q.get('q') || '';
    table.cols = q.getAll('col').filter(one => one.replace('*', ''));
    table.order = q.getAll('order').filter(one => one.replace(/^-/, '')).map(one => one[0] === '-' ? [one.slice(1), 'desc'] : [one, 'asc']);
    for (const one of q.getAll('filter')) {
      const cut = one.indexOf('={');
      try { if (cut > 0) table.filter[one.slice(0, cut)] = JSON.parse(one.slice(cut + 1)); } catch { /* no JSON: left out */ }
    }
    table.by = [...new Set(q.getAll('by').filter(Boolean))];
    if (AGGREGATES.includes(q.get('agg'))) table.agg = q.get('agg');
    table.shut = new Set(q.getAll('shut'));
    for (const name of ['archived', 'same']) table[name] = q.get(name) === '1';
    return table;
  }

  /** Write it into URLSearchParams; what is as it is by itself is left out. */
  function format(q, table) {
    if (table.q) q.set('q', table.q);
    for (const one of table.cols) q.append('col', one);
    for (const [id, way] of table.order) q.append('order', way === 'desc' ? `-${id}` : id);
    for (const id of Object.keys(table.filter).sort()) q.append('filter', `${id}=${JSON.stringify(table.filter[id])}`);
    for (const one of table.by) q.append('by', one);
    if (table.agg !== 'mean') q.set('agg', table.agg);
    for (const one of [...table.shut].sort()) q.append('shut', one);
    for (const name of ['archived', 'same']) if (table[name]) q.set(name, '1');
  }

  crossboard.tableView = {AGGREGATES, fresh, parse, format};
})(typeof window === 'undefined' ? globalThis : window);
