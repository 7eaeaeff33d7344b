/* The query field, of the run rail and of the Runs page: the run query of store/runquery.py, the same as the command line takes. It completes
   fields and values, and marks where a query does not parse, with the parser's words. What matches is asked of the server, which
   alone knows the language. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {fill, h, icon} = crossboard;
  const collator = new Intl.Collator('en', {numeric: true, sensitivity: 'base'});
  const WAIT_MS = 220, WRITING_MS = 1200, MOST = 9, WORD = /(?:`[^`]*|[^\s()=<>!~,"'`]*)$/, PLAIN = /^[^\s()=<>!~,"'`]+$/, AFTER_SIGN = /(`[^`]+`(?:\.\w+)?|[^\s()=<>!~,"'`]+)\s*(?:=|==|!=|~|contains|matches)\s*["']?$/i;
  const STATISTICS = ['min', 'max', 'best', 'last', 'count', 'last_step'];

  /** A field as it is written in a query. */
  function written(name) { return PLAIN.test(name) && !/^(and|or|not|in|contains|matches)$/i.test(name) ? name : name.includes('`') ? '' : `\`${name}\``; }

  /** Every field that a query can name: {insert, note}. `about`: what /api/runs/columns says. */
  function fields(about) {
    const found = new Map();
    for (const one of about) {
      const name = one.group === 'metric' ? one.name : one.group === 'summary' ? `summary.${one.name}` : one.name;
      const insert = one.group === 'run' ? (['started', 'duration', 'updated'].includes(one.id) ? '' : one.id) : written(name);
      if (!insert || found.has(insert)) continue;
      found.set(insert, {insert, note: one.group === 'run' ? 'run' : one.group});
      if (one.group === 'metric') for (const statistic of STATISTICS) if (statistic !== 'best' || about.some(other => other.id === `metric.${one.name}.best`)) found.set(`${insert}.${statistic}`, {insert: `${insert}.${statistic}`, note: 'metric'});
    }
    return [...found.values()];
  }

  /** What could stand at the caret: [{insert, note}], and how many characters before it they replace. Pure. */
  function completions(text, caret, all, valuesOf) {
    const before = text.slice(0, caret), sign = AFTER_SIGN.exec(before.replace(WORD, ''));
    const part = WORD.exec(before)[0], low = part.replace('`', '').toLowerCase();
    if (sign) {
      const values = valuesOf(sign[1].replaceAll('`', '')).filter(value => value.toLowerCase().includes(low));
      return {length: part.length, list: values.slice(0, MOST).map(value => ({insert: PLAIN.test(value) ? value : JSON.stringify(value), note: 'value'}))};
    }
    if (!part) return {length: 0, list: []};
    const name = one => one.insert.replaceAll('`', '').toLowerCase();
    const rank = one => name(one).startsWith(low) ? 0 : name(one).split(/[./_]/).some(piece => piece.startsWith(low)) ? 1 : name(one).includes(low) ? 2 : 3;
    const list = all.map(one => [rank(one), one]).filter(([r, one]) => r < 3 && one.insert !== part).sort((a, b) => a[0] - b[0] || a[1].insert.length - b[1].insert.length || collator.compare(a[1].insert, b[1].insert));
    return {length: part.length, list: list.slice(0, MOST).map(([, one]) => one)};
  }

  class QueryField {
    /** `apply(text, keys)`: a query holds for these runs (null: all); `about()`, `valuesOf(field)` feed the completion. `id` names the input,
        `words` are {label, placeholder, key}. A text of which `plain(text)` is true is no query: it is applied without being asked for. A text
        of which `holds(text, listed)` is true waits for Enter; `listed`: completions are shown. */
    constructor({id, words, apply, about, valuesOf, plain = () => false, entered = () => {}, refused = () => {}, holds = () => false}) {
      Object.assign(this, {id, apply, about, valuesOf, plain, refused, holds, list: [], at: -1, asked: 0, timer: 0, applied: ''});
      this.input = h('input', {id, type: 'text', role: 'combobox', 'aria-expanded': 'false', 'aria-autocomplete': 'list', 'aria-controls': `${id}-list`, 'aria-label': words.label, 'aria-describedby': `${id}-words`,
        placeholder: words.placeholder, autocomplete: 'off', spellcheck: 'false', oninput: () => this.typed(), onkeydown: event => this.key(event), onclick: () => this.complete(), onscroll: () => this.scrolled(), onfocus: entered, onblur: () => setTimeout(() => { if (document.activeElement !== this.input) this.close(); }, 120)});
      this.mirror = h('span.qmirror', {'aria-hidden': 'true'});
      this.options = h('ul.qlist', {id: `${id}-list`, role: 'listbox', 'aria-label': 'what could stand here', hidden: true});
      this.words = h('div.qwords', {id: `${id}-words`, role: 'status', hidden: true});
      this.clear = h('button.ib.sm', {type: 'button', title: 'Clear the query', 'aria-label': 'Clear the query', hidden: true, onclick: () => { this.set(''); this.input.focus(); }}, icon('close', true));
      this.element = h('div.qfield', {}, icon('search'), h('span.qin', {}, this.mirror, this.input), this.clear, words.key && h('kbd', {'aria-hidden': 'true'}, words.key), this.options, this.words);
    }

    /** Put a query in and ask for it at once. */
    set(text) { this.input.value = text; this.clear.hidden = !text; this.close(); return this.ask(); }

    typed() {
      this.clear.hidden = !this.input.value;
      this.mark(null);
      this.complete();
      clearTimeout(this.timer);
      this.timer = setTimeout(() => { if (!this.holds(this.input.value.trim(), this.list.length > 0)) this.ask(); }, this.list.length ? WRITING_MS : WAIT_MS);   // a field that is being written is no word to look for yet
    }

    async ask(again = false) {
      clearTimeout(this.timer);
      const text = this.input.value.trim(), mine = ++this.asked;
      if (!text) { this.mark(null); this.applied = ''; this.apply('', null); return; }
      if (this.plain(text)) { this.mark(null); this.applied = text; this.apply(text, null); return; }
      let body;
      try { body = await crossboard.getJson(`api/runs/match?${new URLSearchParams({query: text})}`); } catch { return; }   // not connected: what was found stands, the banner says it
      if (mine !== this.asked) return;
      if (!body.wrong) { this.mark(null); this.applied = text; this.apply(text, new Set(body.runs)); }
      else if (!again) { this.mark(body.wrong); this.refused(text); }
    }

    /** Show where the query is wrong, or nothing. */
    mark(wrong) {
      this.element.classList.toggle('wrong', Boolean(wrong));
      this.words.hidden = !wrong;
      if (wrong) this.input.setAttribute('aria-invalid', 'true'); else this.input.removeAttribute('aria-invalid');
      if (!wrong) { fill(this.mirror); this.words.textContent = ''; return; }
      const raw = this.input.value, lead = raw.length - raw.trimStart().length, at = Math.min(raw.length, lead + wrong.at), end = at + Math.max(1, (/^(\s*)(\S*)/.exec(raw.slice(at)) || ['', '', ' '])[0].length);
      fill(this.mirror, raw.slice(0, at), h('mark', {}, raw.slice(at, end) || ' '));
      this.words.textContent = `${wrong.what[0].toUpperCase()}${wrong.what.slice(1)}. ${this.applied ? `Shown is “${this.applied}”.` : 'All runs are shown.'}`;
      this.scrolled();
    }

    scrolled() { this.mirror.style.transform = `translateX(${-this.input.scrollLeft}px)`; }

    complete() {
      const {list, length} = completions(this.input.value, this.input.selectionStart, fields(this.about()), this.valuesOf);
      Object.assign(this, {list, length, at: -1});
      this.draw();
    }

    draw() {
      this.options.hidden = !this.list.length || document.activeElement !== this.input;
      this.input.setAttribute('aria-expanded', String(!this.options.hidden));
      if (this.at >= 0) this.input.setAttribute('aria-activedescendant', `${this.id}-${this.at}`); else this.input.removeAttribute('aria-activedescendant');
      fill(this.options, this.list.map((one, i) => h('li', {id: `${this.id}-${i}`, role: 'option', 'aria-selected': String(i === this.at), onpointerdown: event => { event.preventDefault(); this.take(i); }}, h('span.trunc', {}, one.insert), h('span.dim', {}, one.note))));
    }

    close() { this.list = []; this.at = -1; this.draw(); }

    take(i) {
      const one = this.list[i], caret = this.input.selectionStart, {value} = this.input, from = caret - this.length;
      const rest = value.slice(caret).replace(/^[^\s()=<>!~,"'`]*/, ''), insert = one.insert + (rest || one.note === 'value' ? '' : ' ');
      this.input.value = value.slice(0, from) + insert + rest;
      this.input.setSelectionRange(from + insert.length, from + insert.length);
      this.close();
      this.typed();
    }

    key(event) {
      const by = {ArrowDown: 1, ArrowUp: -1}[event.key];
      if (by && this.list.length) { event.preventDefault(); this.at = (this.at + by + this.list.length + (this.at < 0 && by < 0 ? 1 : 0)) % this.list.length; this.draw(); return; }
      if ((event.key === 'Enter' || event.key === 'Tab') && this.at >= 0) { event.preventDefault(); this.take(this.at); return; }
      if (event.key === 'Enter') { this.close(); this.ask(); return; }
      if (event.key === 'Escape' && this.list.length) { event.preventDefault(); event.stopPropagation(); this.close(); }
    }
  }

  crossboard.runQuery = {QueryField, completions, fields, written};
})(typeof window === 'undefined' ? globalThis : window);
