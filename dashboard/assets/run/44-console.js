/* The console of a run: a list of lines of which only those on the screen are elements, read stretch by stretch. Find steps from hit to hit; a filter
   lists hits alone; follow keeps the newest line in view. Colours of the terminal are shown, nothing else of it. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {ansi, byId, fill, getJson, h, icon, numbers, parts, state, url} = crossboard;
  const ROW = 19, CHUNK = 400, KEPT = 60, TALLEST = 12e6, MORE = 20, STREAMS = {stdout: 'Printed', stderr: 'Errors', log: 'Logging'};
  let list = null, words = '', only = false, stream = '', rank = '', follow = true;

  /** The lines that are listed: how many, and what is known of them. */
  class List {
    constructor(run) {
      Object.assign(this, {run, found: 0, total: 0, ranks: [], streams: {}, chunks: new Map(), asked: new Set(), places: null, at: -1, version: 0, made: 0, wide: 0});
      this.space = h('div.clspace');
      this.rows = h('div.clrows');
      this.view = h('div.clines', {id: 'console-lines', tabindex: '0', role: 'log', 'aria-label': 'what the program printed', 'aria-live': 'off', onscroll: () => this.scrolled(), onkeydown: event => this.key(event)}, this.space, this.rows);
    }

    get query() { return {run: this.run, ...(only ? {words} : {}), ...(stream ? {stream} : {}), ...(rank ? {rank} : {})}; }
    get scale() { return Math.min(1, TALLEST / Math.max(1, this.found * ROW)); }   // browsers end an element at about 16 million pixels
    get seen() { return Math.max(1, Math.ceil(this.view.clientHeight / ROW)); }
    get first() {
      const {scrollTop, scrollHeight, clientHeight} = this.view;
      if (this.scale === 1) return scrollTop / ROW;
      return scrollHeight > clientHeight ? scrollTop / (scrollHeight - clientHeight) * Math.max(0, this.found - clientHeight / ROW + 1) : 0;
    }
    get atEnd() { return this.view.scrollTop + this.view.clientHeight >= this.view.scrollHeight - ROW; }

    /** Read how many lines there are now; the last ones come along. */
    async refresh(whole = false) {
      if (whole) { this.chunks.clear(); this.asked.clear(); this.found = 0; }
      const mine = ++this.version;
      let answer;
      try { answer = await getJson(`api/console?${new URLSearchParams({...this.query, first: 0, limit: 1})}`); } catch (error) { if (mine === this.version) this.fail(error); return; }
      if (mine !== this.version || list !== this) return;
      this.failed = false;
      const before = this.found;
      Object.assign(this, {found: answer.found, total: answer.total, ranks: answer.ranks, streams: answer.streams});
      if (answer.found > before) { const last = Math.floor(before / CHUNK); this.chunks.delete(last); }   // it was not full
      if (answer.found < before) this.chunks.clear();
      this.space.style.height = `${Math.max(1, this.found * ROW * this.scale)}px`;
      if (words && !only) await this.find(false);
      if (follow) this.toEnd();
      this.draw(true);
      bar();
    }

    toEnd() { this.view.scrollTop = this.view.scrollHeight; }

    /** Bring a listed line to the middle. */
    to(place) {
      const {clientHeight, scrollHeight} = this.view;
      this.view.scrollTop = this.scale === 1 ? place * ROW - clientHeight / 2 + ROW : place / Math.max(1, this.found - clientHeight / ROW + 1) * (scrollHeight - clientHeight);
      this.draw(true);
    }

    scrolled() {
      if (follow && !this.atEnd) { follow = false; bar(); }
      else if (!follow && this.atEnd && this.found * ROW > this.view.clientHeight) { follow = true; bar(); }
      this.draw();
    }

    key(event) {
      const by = {PageDown: this.seen - 1, PageUp: 1 - this.seen, ArrowDown: 1, ArrowUp: -1}[event.key];
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === 'Home') { event.preventDefault(); this.view.scrollTop = 0; }
      else if (event.key === 'End') { event.preventDefault(); this.toEnd(); }
      else if (by && this.scale < 1) { event.preventDefault(); this.to(Math.max(0, Math.round(this.first + by + this.seen / 2))); }
    }

    /** Put the lines that are on the screen, and a few around them, into the page. */
    draw(again = false) {
      const from = Math.max(0, Math.floor(this.first) - MORE), to = Math.min(this.found, Math.ceil(this.first) + this.seen + MORE), name = `${from}|${to}|${this.at}`;
      if (!again && name === this.name) return;
      this.name = name;
      const made = [], lack = new Set(), several = this.ranks.length > 1, hit = this.places && this.at >= 0 ? this.places[this.at] : -1;
      for (let place = from; place < to; place++) {
        const chunk = this.chunks.get(Math.floor(place / CHUNK)), line = chunk && chunk[place % CHUNK];
        if (!line) lack.add(Math.floor(place / CHUNK));
        made.push(line ? this.row(line, several, line.line === hit) : h('div.ln.wait', {}, h('i', {}, '…')));
      }
      this.rows.style.transform = `translateY(${this.scale === 1 ? from * ROW : Math.max(0, this.view.scrollTop - (this.first - from) * ROW)}px)`;
      fill(this.rows, made);
      if (!this.found) fill(this.rows, h('div.msg.page', {}, icon('table'), h('b', {}, this.total ? 'No line holds that' : 'Nothing was captured'), h('p', {}, this.total ? `${numbers.whole(this.total)} lines are here.` : crossboard.run.details().run.source === 'native' ? ['To keep what the program prints: ', h('code', {}, 'crossboard.init(console=True)'), '; to keep what goes through logging: ', h('code', {}, 'crossboard.RunHandler()'), '.'] : 'The files of this run hold no console.')));
      clearTimeout(this.timer);
      if (lack.size) this.timer = setTimeout(() => this.read([...lack]), again ? 0 : 50);
      crossboard.stats.consoleRows = made.length;
    }

    row(line, several, hit) {
      const text = ansi.parse(line.text);
      return h(`div.ln${line.stream === 'stderr' ? '.err' : ''}${hit ? '.hit' : ''}`, {}, h('i.no', {}, numbers.whole(line.line + 1)), h('i', {title: Number.isFinite(line.wall_time) ? numbers.moment(line.wall_time) : null}, Number.isFinite(line.wall_time) ? numbers.clock(line.wall_time) : ''), several ? h('i', {}, `r${line.rank}`) : null, text.flatMap(one => marked(one)));
    }

    async read(chunks) {
      for (const chunk of chunks) {
        if (this.asked.has(chunk)) continue;
        this.asked.add(chunk);
        const mine = JSON.stringify(this.query);
        try {
          const answer = await getJson(`api/console?${new URLSearchParams({...this.query, first: chunk * CHUNK, limit: CHUNK})}`);
          if (list !== this || mine !== JSON.stringify(this.query)) return;
          this.chunks.set(chunk, answer.lines);
          while (this.chunks.size > KEPT) this.chunks.delete(this.chunks.keys().next().value);
          this.draw(true);
        } catch (error) { this.fail(error); return; } finally { this.asked.delete(chunk); }
      }
    }

    /** Look for the words; `move`: go to the nearest hit at or before the end of what is seen. */
    async find(move = true) {
      if (!words || only) { this.places = null; this.at = -1; return; }
      const answer = await getJson(`api/console?${new URLSearchParams({...this.query, words, first: 0, limit: 1, places: 1})}`).catch(() => null);
      if (!answer || list !== this) return;
      this.places = answer.places;
      this.hits = answer.found;
      if (!this.places.length) this.at = -1;
      else if (move) { this.at = this.places.length - 1; await this.show(); }
      bar();
    }

    /** Go on to the next hit, or the one before. */
    async step(by) {
      if (!this.places || !this.places.length) { await this.find(true); return; }
      this.at = (this.at + by + this.places.length) % this.places.length;
      await this.show();
      bar();
    }

    async show() {
      const line = this.places[this.at];
      let place = line;
      if (stream || rank) {   // lines are numbered over all streams and ranks; where this one is listed says the server
        const answer = await getJson(`api/console?${new URLSearchParams({...this.query, end: line, limit: 1})}`).catch(() => null);
        if (answer) place = answer.found;
      }
      follow = false;
      this.to(place);
    }

    fail(error) { this.failed = true; fill(this.rows, h('div.msg.page', {}, icon('alert'), h('b', {}, 'Not read'), h('p', {}, error.message), h('button.btn', {type: 'button', onclick: () => this.refresh(true)}, 'Try again'))); }
  }

  /** A part of a line with the words in it marked. */
  function marked({text, classes}) {
    const needle = words.toLowerCase(), low = text.toLowerCase(), pieces = [];
    let from = 0;
    for (let at = needle ? low.indexOf(needle) : -1; at >= 0 && low.length === text.length; at = low.indexOf(needle, from)) {
      pieces.push(text.slice(from, at), h('mark', {}, text.slice(at, at + needle.length)));
      from = at + needle.length;
    }
    pieces.push(text.slice(from));
    return classes ? h('span', {class: classes}, pieces) : pieces;
  }

  /** What the bar says of the lines. */
  function bar() {
    const count = byId('console-count');
    if (!count || !list) return;
    const hits = list.places;
    count.textContent = !list.total ? '' : only && words || stream || rank ? `${numbers.whole(list.found)} of ${parts.plural(list.total, 'line')}` : parts.plural(list.total, 'line');
    byId('console-hits').textContent = words && !only && hits ? hits.length ? `${numbers.whole(list.at + 1)} of ${numbers.whole(list.hits)} hits` : 'no hit' : '';
    for (const id of ['console-before', 'console-next']) byId(id).disabled = !words || only || !hits || !hits.length;
    byId('console-follow').setAttribute('aria-pressed', String(follow));
    byId('console-save').href = url(`api/console/text?${new URLSearchParams(list.query)}`);
    const chooser = byId('console-rank'), streams = byId('console-stream');
    chooser.hidden = list.ranks.length < 2;
    if (chooser.options.length !== list.ranks.length + 1) fill(chooser, h('option', {value: ''}, 'all ranks'), list.ranks.map(one => h('option', {value: String(one), selected: rank === String(one)}, `rank ${one}`)));
    const names = Object.keys(list.streams).sort();
    streams.hidden = names.length < 2 && !stream;
    if (streams.dataset.names !== names.join()) { streams.dataset.names = names.join(); fill(streams, h('option', {value: ''}, 'everything'), names.map(one => h('option', {value: one, selected: stream === one}, STREAMS[one] || one))); }
  }

  function toolbar() {
    let typing = 0;
    const search = h('input.find', {id: 'console-filter', type: 'search', placeholder: 'Find in the lines', 'aria-label': 'Find in the console', value: words, autocomplete: 'off', spellcheck: 'false',
      oninput: () => { clearTimeout(typing); typing = setTimeout(() => { words = search.value.trim(); if (only) list.refresh(true); else { list.find(true).then(() => { list.draw(true); bar(); }); } }, 150); },
      onkeydown: event => { if (event.key === 'Enter') { event.preventDefault(); list.step(event.shiftKey ? -1 : 1); } }});
    return h('div.pnbar', {}, search,
      h('span.row', {}, h('button.ib', {type: 'button', id: 'console-before', title: 'Hit before (Shift+Enter)', 'aria-label': 'Hit before', onclick: () => list.step(-1)}, icon('up')), h('button.ib', {type: 'button', id: 'console-next', title: 'Next hit (Enter)', 'aria-label': 'Next hit', onclick: () => list.step(1)}, icon('down'))), h('span.dim', {id: 'console-hits', role: 'status'}),
      h('button.btn', {type: 'button', id: 'console-only', 'aria-pressed': String(only), title: 'List only lines that hold the words', onclick: event => { only = !only; event.currentTarget.setAttribute('aria-pressed', String(only)); list.places = null; list.at = -1; list.refresh(true).then(() => words && !only && list.find(true)); }}, 'Only hits'),
      h('select', {id: 'console-stream', hidden: true, 'aria-label': 'Stream', onchange: event => { stream = event.target.value; list.refresh(true); }}), h('select', {id: 'console-rank', hidden: true, 'aria-label': 'Rank', onchange: event => { rank = event.target.value; list.refresh(true); }}),
      h('span.grow'), h('span.dim', {id: 'console-count', role: 'status'}), h('button.btn', {type: 'button', id: 'console-follow', 'aria-pressed': 'true', title: 'Keep the newest line in view', onclick: () => { follow = !follow; if (follow) list.toEnd(); bar(); list.draw(true); }}, 'Follow'), h('a.btn', {id: 'console-save', download: ''}, icon('download'), 'Text'));
  }

  function show(body, details, run, fresh) {
    if (fresh || !list || list.run !== state.run || !byId('console-lines')) {
      if (!list || list.run !== state.run) { words = ''; only = false; stream = ''; rank = ''; }
      follow = true;
      list = new List(state.run);
      fill(body, h('div.conpage', {}, toolbar(), h('section.card.con', {'aria-label': 'console'}, list.view)));
      list.refresh();
      return;
    }
    if (details.console_lines !== list.total || list.failed) list.refresh();
  }

  crossboard.runConsole = {list: () => list, following: () => follow};
  crossboard.runTabs.console = {show, leave: () => { list = null; }, redraw: () => { if (list) list.draw(true); }};
})(window);
