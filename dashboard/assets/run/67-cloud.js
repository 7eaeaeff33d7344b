/* What is known of the vectors of an embedding: where each lies on the picture, and what its metadata says of it.

   /api/embedding brings a column of numbers for each axis and each name of metadata; a column with `words` holds places in these, so that a
   word is kept, compared and looked for once however often it stands there. Pure. */
(root => {
  'use strict';
  const crossboard = root.crossboard = root.crossboard || {}, FEW = 12;
  const natural = (a, b) => String(a).localeCompare(String(b), 'en', {numeric: true});

  class Column {
    constructor(name, values, words) {
      Object.assign(this, {name, values, words});
      const numbers = words && words.map(word => word.trim() === '' ? NaN : Number(word));
      /** The numbers, where all that is known is one; else null. */
      this.numbers = !words ? values : words.length && numbers.every(v => v === v) ? values.map(place => place === place ? numbers[place] : NaN) : null;
      this.distinct = words ? words.length : null;
    }

    /** What is known of row i: a text, a number, or null. */
    at(i) { const v = this.values[i]; return v !== v && this.words ? null : this.words ? this.words[v] : v === v ? v : null; }
    text(i) { const v = this.at(i); return v === null ? '' : String(v); }

    /** How many different values there are, up to FEW + 1. */
    get kinds() {
      if (this.distinct === null) { const seen = new Set(); for (const v of this.values) { seen.add(v); if (seen.size > FEW) break; } this.distinct = seen.size; }
      return this.distinct;
    }
    get isClasses() { return !this.numbers || this.kinds <= FEW; }

    /** The classes in natural order, [{word, n}]; and which of them each row is, -1 where nothing is known. */
    classes() {
      if (this.found) return this.found;
      const words = this.words || [...new Set(this.values)].filter(v => v === v), order = words.map((_, i) => i).sort((a, b) => natural(words[a], words[b])), place = new Map();
      order.forEach((code, i) => place.set(this.words ? code : words[code], i));
      const of = Int32Array.from(this.values, v => v === v ? place.get(v) : -1), list = order.map(code => ({word: String(words[code]), n: 0}));
      for (const one of of) if (one >= 0) list[one].n++;
      return (this.found = {list, of, unknown: of.reduce((n, one) => n + (one < 0), 0)});
    }
  }

  class Cloud {
    /** `head` and `floats` as `columns.open` gives them. */
    constructor({head, floats}) {
      this.head = head;
      const columns = head.columns.map(one => ({...one, values: floats.subarray(one.at, one.at + one.n)})), axes = columns.filter(one => one.axis);
      this.n = head.told;
      this.columns = columns.filter(one => !one.axis).map(one => new Column(one.name, one.values, one.words));
      this.positions = new Float32Array(3 * this.n);
      axes.forEach(({values}, k) => { for (let i = 0; i < this.n; i++) this.positions[3 * i + k] = values[i]; });
      Object.assign(this, crossboard.space.settle(this.positions));
      this.shown = this.finite.reduce((n, one) => n + one, 0);
      this.flat = axes.length < 3;
    }

    column(name) { return this.columns.find(one => one.name === name) || null; }

    /** The column that is shown in colours when none was chosen: the first of few classes. */
    get likely() { return this.columns.find(one => one.kinds > 1 && one.kinds <= FEW) || null; }

    /** Colours of the rows by `column` (null: one colour), rgba, and what they mean. `palette`: lists of [r, g, b]; `ramp(share)`. */
    paint(column, {palette, ramp, other}) {
      const rgba = new Uint8Array(4 * this.n).fill(255), put = (i, [r, g, b]) => { rgba[4 * i] = r; rgba[4 * i + 1] = g; rgba[4 * i + 2] = b; };
      if (!column) { for (let i = 0; i < this.n; i++) put(i, palette[0]); return {rgba, kind: 'one'}; }
      if (column.isClasses) {
        const {list, of, unknown} = column.classes();
        for (let i = 0; i < this.n; i++) put(i, of[i] < 0 ? other : palette[of[i] % palette.length]);
        return {rgba, kind: 'classes', list, of, unknown, repeats: list.length > palette.length};
      }
      let low = Infinity, high = -Infinity;
      for (const v of column.numbers) if (v - v === 0) { if (v < low) low = v; if (v > high) high = v; }
      for (let i = 0; i < this.n; i++) { const v = column.numbers[i]; put(i, v - v === 0 ? ramp(0.22 + 0.78 * (high > low ? (v - low) / (high - low) : 0.5)) : other); }
      return {rgba, kind: 'numbers', low, high};
    }

    /** Which rows hold `text` in any column, or match it as a regular expression; {hit: a byte a row, count, error}. Case does not count. */
    search(text, asExpression) {
      const hit = new Uint8Array(this.n);
      let holds;
      if (asExpression) {
        let expression;
        try { expression = new RegExp(text, 'iu'); } catch (error) { return {hit, count: 0, error: error.message}; }
        holds = word => expression.test(word);
      } else { const low = text.toLowerCase(); holds = word => word.toLowerCase().includes(low); }
      for (const column of this.columns) {
        if (column.words) {
          const found = column.words.map(holds);
          for (let i = 0; i < this.n; i++) if (found[column.values[i]]) hit[i] = 1;
        } else for (let i = 0; i < this.n; i++) if (!hit[i] && column.values[i] === column.values[i] && holds(String(column.values[i]))) hit[i] = 1;
      }
      return {hit, count: hit.reduce((n, one) => n + one, 0), error: ''};
    }

    /** Rows as text, comma separated: their number, then the metadata. */
    csv(rows) {
      const quote = cell => /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
      return [['row', ...this.columns.map(one => one.name)], ...rows.map(i => [String(i), ...this.columns.map(one => one.text(i))])].map(line => line.map(quote).join(',')).join('\n') + '\n';
    }
  }

  /** Ascending rows as text, "1-5.9", and back. */
  const ranges = {
    format(rows) {
      const parts = [];
      for (let i = 0; i < rows.length; i++) { let j = i; while (j + 1 < rows.length && rows[j + 1] === rows[j] + 1) j++; parts.push(j > i ? `${rows[i]}-${rows[j]}` : `${rows[i]}`); i = j; }
      return parts.join('.');
    },
    parse(text, n) {
      const rows = [];
      for (const part of text.split('.')) {
        const [, low, high = low] = (/^(\d{1,9})(?:-(\d{1,9}))?$/.exec(part) || []).map((one, i) => i && one !== undefined ? +one : undefined);
        if (low !== undefined && high < n) for (let i = low; i <= high; i++) rows.push(i);
      }
      return rows;
    },
  };

  Object.assign(crossboard, {Cloud, ranges});
})(typeof window === 'undefined' ? globalThis : window);
