/* One pane: a card at its place, the view of its type, and in its foot what is shown of how much.

   A pane is light until it comes near the screen; far from it, it is emptied again. What it shows is read anew when the list says
   that it is another version, its curves when points of their tags came. Answers that come late are not shown. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {fill, getJson, h, icon, paneEvents, paneViews, stats, url} = crossboard;
  const AT_ONCE = 3, QUIET_MS = 200, HEAVY = new Set(['plot', 'plot_history', 'embeddings']);

  /** What is under way and what waits, for plots and for everything else: a text does not wait behind thirty plots. */
  const lanes = {heavy: {waiting: [], underWay: 0}, light: {waiting: [], underWay: 0}};
  /** Run `work` when fewer than AT_ONCE others of its lane are under way; those on screen first. */
  function inTurn(pane, work) {
    const lane = lanes[HEAVY.has(pane.type) ? 'heavy' : 'light'];
    return new Promise((resolve, reject) => { lane.waiting.push({pane, work, resolve, reject}); pump(lane); });
  }
  function pump(lane) {
    while (lane.underWay < AT_ONCE && lane.waiting.length) {
      const at = Math.max(0, lane.waiting.findIndex(one => one.pane.onScreen)), [{work, resolve, reject}] = lane.waiting.splice(at, 1);
      lane.underWay++;
      work().then(resolve, reject).finally(() => { lane.underWay--; pump(lane); });
    }
  }

  /** Several members of a type that is not joined, side by side. */
  function beside(pane, make) {
    const element = h('div.pbeside'), parts = new Map();
    return {
      element,
      async show(members, how) {
        for (const [id, part] of parts) if (!members.some(one => one.id === id)) { if (part.view.close) part.view.close(); part.holder.remove(); parts.delete(id); }
        const each = members.map(member => {
          if (!parts.has(member.id)) {
            const view = make(pane), holder = h('div.pside', {}, h('p.pcap.who', {title: member.env.name}, member.env.name), h('div.vb', {}, view.element));
            parts.set(member.id, {view, holder});
          }
          return parts.get(member.id);
        });
        each.forEach(({holder}, i) => { if (element.children[i] !== holder) element.insertBefore(holder, element.children[i] || null); });
        await Promise.all(each.map(({view}, i) => view.show([members[i]], how)));
      },
      facts: () => [[...parts.values()].map(part => part.view.facts ? part.view.facts().filter(word => typeof word !== 'string') : [])].flat(2),
      redraw() { for (const {view} of parts.values()) if (view.redraw) view.redraw(); },
      resize() { for (const {view} of parts.values()) if (view.resize) view.resize(); },
      close() { for (const {view} of parts.values()) if (view.close) view.close(); },
    };
  }

  class Pane {
    /** `page`: {expand(pane)}. */
    constructor(key, page) {
      Object.assign(this, {key, page, members: [], near: false, onScreen: false, view: null, large: false, error: null, dirty: true, curvesDirty: true, busy: false, readAt: -1e9, shownVersion: '', title: '', line: null});
      this.name = h('span.t');
      this.tags = h('span.ptags');
      this.body = h('div.vb');
      this.words = h('span.n');
      this.slider = h('div.pslide', {hidden: true});
      this.json = h('a.ib.sm.act', {target: '_blank', rel: 'noopener', title: 'What it holds, as JSON', 'aria-label': 'Content as JSON'}, icon('table', true));
      this.grow = h('button.ib.sm.act', {type: 'button', onclick: () => page.expand(this)});
      this.shut = h('button.ib.sm.act', {type: 'button', title: 'Close the window', hidden: true, onclick: () => this.send({event_type: 'Close'})}, icon('close', true));
      this.type_ = h('button.ib.sm.act', {type: 'button', title: 'Send keys to the program', 'aria-label': 'Send keys to the program', 'aria-pressed': 'false', hidden: true, onclick: () => this.typing(!this.types)}, icon('keys', true));
      this.head = h('header', {}, this.name, this.tags, h('span.x', {}, this.type_, this.json, this.grow, this.shut));
      this.element = h('section.card.pane', {tabindex: '0'}, this.head, this.body, this.slider, h('footer', {}, this.words));
      this.element.pane = this;
      this.element.addEventListener('keydown', event => this.key_(event));
      this.element.addEventListener('focusout', event => { if (this.types && !this.element.contains(event.relatedTarget)) this.typing(false); });
      this.expanded(false);
      this.tellFacts = this.tellFacts.bind(this);
    }

    get type() { return this.line.type; }
    /** The run and window, or what stands for several, in the URL. */
    get window() { return this.members[0].pane.window; }

    expanded(yes) {
      this.large = yes;
      fill(this.grow, icon(yes ? 'close' : 'expand', true));
      this.grow.title = yes ? 'Back to all (Esc)' : 'Open large (E)';
      this.grow.setAttribute('aria-label', yes ? 'Back to all' : `Open ${this.title || 'this pane'} large`);
      this.element.classList.toggle('large', yes);
    }

    /** Take the lines of the list that this pane stands for: [{env, pane}]. `only`: the environment's name where others lack it; `among`: how many are
        compared. */
    take(members, only, among) {
      const before = new Map(this.members.map(one => [one.id, one]));
      this.members = members.map(({env, pane}) => {
        const id = `${env.run}\n${pane.window}`, old = before.get(id);
        return old ? Object.assign(old, {env, pane}) : {id, env, pane, told: null};
      });
      const {pane} = this.line = {pane: this.members[0].pane, type: this.members[0].pane.type}, type = this.line.type;
      const version = this.members.map(one => `${one.id} ${one.pane.version} ${Object.values(one.pane.kinds).join()} ${one.env.label}`).join('|');
      if (version !== this.version) { this.version = version; this.dirty = true; }
      this.title = pane.title;
      const words = pane.title || pane.window;
      if (this.said !== `${words}|${only}|${this.members.length} of ${among}|${type}`) {
        this.said = `${words}|${only}|${this.members.length} of ${among}|${type}`;
        fill(this.name, pane.title ? h('b', {}, pane.title) : h('em', {}, pane.window));
        this.name.title = words;
        fill(this.tags, only ? h('span.tag', {title: `only in ${only}`}, `only ${only}`) : null, this.members.length > 1 && this.members.length < among ? h('span.tag', {title: `in ${this.members.map(one => one.env.name).join(', ')}`}, `${this.members.length} of ${among}`) : null);
        this.element.setAttribute('aria-label', `${words}, ${type.replace('_', ' ')}${only ? `, only in ${only}` : ''}`);
        this.expanded(this.large);
      }
      const one = this.members.length === 1 && this.members[0];
      this.json.href = url(`api/pane?${new URLSearchParams({run: this.members[0].env.run, window: this.members[0].pane.window})}`);
      this.live = Boolean(one && one.env.live);
      this.shut.hidden = this.type_.hidden = !this.live;
      if (!this.live && this.types) this.typing(false);
      this.shut.setAttribute('aria-label', `Close ${words}`);
    }

    /** Tell the programs that listen; what the foot says of it stays until something new is shown. */
    send(event) {
      if (!this.live) return Promise.resolve(0);
      return paneEvents.send(this.members[0].env.run, this.window, event).then(n => { this.heard = n ? '' : 'no program listens'; this.tellFacts(); return n; },
        error => { this.heard = error.message; this.tellFacts(); return 0; });
    }

    /** Keys go to the program from now on, or no more. */
    typing(yes) {
      this.types = yes;
      this.type_.setAttribute('aria-pressed', String(yes));
      this.element.classList.toggle('types', yes);
      if (yes) this.element.focus();
      this.heard = '';
      this.tellFacts();
    }

    key_(event) {
      if (!this.types || event.ctrlKey || event.metaKey || event.altKey || event.key === 'Tab') return;
      event.preventDefault();
      event.stopPropagation();
      if (event.key === 'Escape') this.typing(false);
      else if (!['Shift', 'CapsLock', 'Control', 'Alt', 'Meta'].includes(event.key)) this.send({event_type: 'KeyPress', key: event.key, key_code: event.keyCode});
    }

    /** Points of these tags came. */
    points(tags) {
      if (this.members.some(one => one.pane.traces.some(trace => tags.has(trace.tag) || tags.has(trace.x)) || (one.pane.tag && tags.has(one.pane.tag)))) { this.curvesDirty = true; this.follow(); }
    }

    mount() {
      if (this.near) return;
      this.near = true;
      this.skeleton = setTimeout(() => { if (!this.view && !this.error) fill(this.body, h('div.skeleton', {'aria-hidden': 'true'}, h('i'), h('i'), h('i'), h('i'))); }, 150);
      this.follow();
    }

    unmount() {
      this.near = false;
      clearTimeout(this.skeleton);
      clearTimeout(this.later);
      this.drop();
      this.dirty = this.curvesDirty = true;
      for (const one of this.members) one.told = null;
      fill(this.body);
    }

    drop() {
      if (this.view && this.view.close) this.view.close();
      this.view = null;
      this.slider.hidden = true;
      this.slides = 0;
    }

    /** Show what is due, or run `also` in turn. Calls while one is under way are folded into one more. */
    async follow(also = null) {
      if (also) this.also = also;
      if (!this.near || this.busy || document.hidden && this.view) return;
      if (!this.dirty && !this.curvesDirty && !this.also) return;
      const wait = this.readAt + (this.pause || QUIET_MS) - performance.now();
      if (this.view && !this.also && wait > 0) { clearTimeout(this.later); this.later = setTimeout(() => this.follow(), wait); return; }
      this.busy = true;
      stats.waiting = (stats.waiting || 0) + 1;
      const began = this.readAt = performance.now();
      try { await inTurn(this, () => this.update()); } catch (error) { if (this.near) this.fail(error); } finally {
        this.busy = false;
        stats.waiting--;
        this.pause = Math.min(3000, Math.max(QUIET_MS, 1.2 * (performance.now() - began)));
      }
      if (!this.error) this.follow();
    }

    async update() {
      if (!this.near) return;
      const {also} = this;
      this.also = null;
      if (also && this.view) { await also(); this.tellFacts(); if (!this.dirty && !this.curvesDirty) return; }
      const curves = this.curvesDirty || this.dirty;
      this.dirty = this.curvesDirty = false;
      let another = !this.view;
      for (const member of this.members) {
        const name = `${member.pane.version} ${Object.values(member.pane.kinds).join()}`;
        if (member.told && member.toldName === name) continue;
        const told = await getJson(`api/pane?${new URLSearchParams({run: member.env.run, window: member.pane.window})}`);
        if (member.told && member.told.type !== told.type) this.drop();
        Object.assign(member, {told, toldName: name});
        another = true;
      }
      if (!this.near) return;
      this.error = null;
      if (this.view && this.viewOf !== this.shape()) this.drop();
      if (!this.view) {
        clearTimeout(this.skeleton);
        const make = paneViews[this.type] || paneViews.unknown;
        this.view = this.joined() ? make(this) : beside(this, make);
        this.viewOf = this.shape();
        fill(this.body, this.view.element);
      }
      await this.view.show(this.members, {curves: curves || another});
      this.tellFacts();
      this.slides_();
      stats.shown = (stats.shown || 0) + 1;
    }

    /** What a view was made for: another type, or one member instead of several, needs another view. */
    shape() { return `${this.type}|${this.joined()}`; }

    /** True when one view shows all members. */
    joined() { const {joins} = paneViews[this.type] || {}; return this.members.length === 1 || Boolean(joins && joins(this.members)); }

    slides_() {
      const n = this.view && this.view.frames ? this.view.frames() : 0;
      this.slider.hidden = n < 2;
      if (n < 2) { this.slides = 0; return; }
      if (this.slides !== n) {
        this.slides = n;
        this.range = h('input', {type: 'range', min: '0', max: String(n - 1), step: '1', 'aria-label': `state of ${this.title || 'the pane'}`, oninput: event => { this.view.choose(+event.target.value); this.tellFrame(); }});
        this.range.value = String(n - 1);
        this.count = h('span.dim');
        fill(this.slider, this.range, this.count);
      }
      if (this.view.at) this.range.value = String(this.view.at());
      this.tellFrame();
    }

    tellFrame() {
      const at = +this.range.value, n = this.slides;
      this.range.style.setProperty('--at', `${n > 1 ? 100 * at / (n - 1) : 100}%`);
      this.range.setAttribute('aria-valuetext', `${at + 1} of ${n}`);
      this.count.textContent = `${at + 1} of ${n}`;
      this.tellFacts();
    }

    tellFacts() {
      const told = [this.types && h('b', {}, 'keys go to the program, Esc ends it'), this.heard && h('span.warn', {}, this.heard), ...(this.view && this.view.facts ? this.view.facts() : [])].filter(Boolean);
      fill(this.words, told.flatMap((word, i) => i ? [' · ', word] : [word]));
      this.words.title = this.words.textContent;
    }

    fail(error) {
      this.error = error;
      this.drop();
      clearTimeout(this.skeleton);
      fill(this.words);
      const gone = error.status === 404;
      fill(this.body, h('div.msg', {}, icon('alert'), h('b', {}, gone ? 'Not there any more' : 'Not shown'), h('p', {}, error.message), gone ? null : h('button.btn', {type: 'button', onclick: () => { this.error = null; this.dirty = true; fill(this.body); this.follow(); }}, 'Try again')));
    }

    redraw() { if (this.view && this.view.redraw) this.view.redraw(); }
    resize() { if (this.view && this.view.resize) this.view.resize(); }
  }

  document.addEventListener('visibilitychange', () => { if (!document.hidden && crossboard.panes) crossboard.panes.catchUp(); });
  crossboard.Pane = Pane;
})(window);
