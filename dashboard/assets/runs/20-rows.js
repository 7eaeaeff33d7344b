/* The rows of the table: what the server says of runs, column by column, kept up while runs go on.

   A row is {id, run, at}: the run's key twice and its place in every column. Rows keep their identity for as long as the run is there,
   so selection, scroll and editing survive news. Cells are numbers (NaN is NaN), texts, booleans, lists, or undefined: nothing there. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {failure, stats, url} = crossboard;
  const RUN_COLUMNS = ['name', 'status', 'source', 'project', 'group', 'tags', 'notes', 'started', 'duration', 'updated', 'framework', 'host', 'attempts', 'ranks', 'dropped', 'error', 'archived'];

  /** Read the binary body of /api/runs/table into {version, complete, removed, runs, there, columns: Map of arrays}. */
  function parse(buffer) {
    if (buffer.byteLength < 8) throw new Error(`table: want at least 8 bytes, got ${buffer.byteLength}`);
    const length = new DataView(buffer).getUint32(0, true), start = 8 + length;
    if (start % 8 || start > buffer.byteLength) throw new Error(`table: head of ${length} bytes in a body of ${buffer.byteLength}`);
    const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
    const floats = new Float64Array(buffer, start, Math.floor((buffer.byteLength - start) / 8)), n = head.runs.length, columns = new Map();
    for (const {id, at, texts, nan} of head.columns) {
      if (at + n > floats.length) throw new Error(`table: column ${id} ends at number ${at + n} of ${floats.length}`);
      const isNaN_ = new Set(nan || []), cells = new Array(n);
      for (let i = 0; i < n; i++) {
        const v = floats[at + i];
        cells[i] = v === v ? (texts ? texts[v] : v) : isNaN_.has(i) ? NaN : undefined;
      }
      columns.set(id, cells);
    }
    return {...head, columns};
  }

  class Rows {
    constructor() { Object.assign(this, {version: 0, columns: new Map(), byKey: new Map(), described: [], about: new Map(), total: 0, next: 0, loaded: false}); }

    /** The cell of a row. */
    cell(row, id) { const column = this.columns.get(id); return column && column[row.at]; }

    set(row, id, value) { if (this.columns.has(id)) this.columns.get(id)[row.at] = value; }

    /** Read which columns there are over the runs that `query` means. */
    async describe(query) {
      const answer = await crossboard.getJson(`api/runs/columns?${new URLSearchParams(query ? {query} : {})}`);
      this.described = answer.columns;
      this.about = new Map(answer.columns.map(one => [one.id, one]));
      this.total = answer.runs;
    }

    async ask(parameters) {
      stats.requests++;
      const answer = await fetch(url(`api/runs/table?${new URLSearchParams(parameters)}`), {headers: {Accept: 'application/vnd.crossboard.columns'}, credentials: 'same-origin'});
      if (!answer.ok) throw await failure(answer);
      return parse(await answer.arrayBuffer());
    }

    /** Read these columns of every run. Returns {added, changed, removed}: rows. */
    async read(ids) {
      const answer = await this.ask(ids.map(id => ['column', id]));
      return this.take(answer, true, this.loaded ? this.version : answer.version);   // news since then is still to be read, for all columns
    }

    /** Read what changed. `unknown` is true when runs have columns that were not described. */
    async follow() {
      const answer = await this.ask([...[...this.columns.keys()].map(id => ['column', id]), ['since', this.version]]);
      return {...this.take(answer, !answer.complete, answer.version), unknown: answer.there.some(id => !this.about.has(id))};
    }

    take(answer, everything, version) {
      const added = [], changed = [], removed = [], seen = everything && new Set(answer.runs);
      for (const key of everything ? [...this.byKey.keys()].filter(key => !seen.has(key)) : answer.removed) {
        const row = this.byKey.get(key);
        if (row) { removed.push(row); this.byKey.delete(key); }
      }
      const rows = answer.runs.map(key => {
        let row = this.byKey.get(key);
        if (row) changed.push(row);
        else { row = {id: key, run: key, at: this.next++}; this.byKey.set(key, row); added.push(row); }
        return row;
      });
      for (const [id, cells] of answer.columns) {
        let column = this.columns.get(id);
        if (!column) { column = new Array(this.next); this.columns.set(id, column); }
        for (let i = 0; i < rows.length; i++) column[rows[i].at] = cells[i];
      }
      this.version = version;
      this.loaded = true;
      return {added, changed, removed};
    }
  }

  crossboard.runRows = {RUN_COLUMNS, Rows, parse};
})(typeof window === 'undefined' ? globalThis : window);
