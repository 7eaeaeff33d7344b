/* One panel: a tag of one rank, the view of its kind, and in its foot what is shown of how much.

   A panel is light until it comes near the screen. Then it reads which points there are, and shows the one that the step slider
   means; where there is none at that step, the nearest before it, and says so. Answers that come late are not shown.

   A view is made by `crossboard.views[kind](panel)` and has `element`, `show(point, place)` (may return a promise) and may have
   `redraw()` (size or theme changed), `facts(point)` (words for the foot), `changed()` (points came), `close()`. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {fill, h, icon, numbers, state, stats, steps, url} = crossboard;
  const HEIGHTS = {image: 300, audio: 148, video: 320, histogram: 376, text: 300, table: 352, figure: 380, graph: 440, pr_curve: 320, confusion_matrix: 360,
    embedding: 400, mesh: 360, tensor: 360};
  const NOUNS = {image: 'image', audio: 'sound', video: 'video', histogram: 'histogram', text: 'text', table: 'table', figure: 'figure', graph: 'graph',
    pr_curve: 'curve', confusion_matrix: 'matrix', embedding: 'embedding', mesh: 'mesh', tensor: 'tensor'};
  const WIDE = new Set(['table', 'graph']);

  class Panel {
    constructor(series, rank, {large, manyRanks, onChange}) {
      Object.assign(this, {series, rank, large, onChange, near: false, view: null, step: null, shownPlace: -1, wantedPlace: -1, error: null, among: 0, point: null});
      const {tag, kind} = series, cut = tag.lastIndexOf('/') + 1;
      this.body = h('div.vb');
      this.words = h('span.n');
      this.facts = h('span.e');
      this.same = h('span.same');
      this.element = h(`section.card.pn${WIDE.has(kind) ? '.wide' : ''}${large ? '.large' : ''}`, {tabindex: '0', 'aria-label': `${tag}${manyRanks ? `, rank ${rank}` : ''}, ${NOUNS[kind]}`},
        h('header', {}, h('span.t', {title: tag}, h('em', {}, tag.slice(0, cut)), h('b', {}, tag.slice(cut) || tag)), manyRanks && h('span.tag', {}, `rank ${rank}`), h('span.x', {}, this.same,
          h('a.ib.sm.act', {href: url(`api/points?${series.query({kind})}`), target: '_blank', rel: 'noopener', title: 'Which points there are, as JSON', 'aria-label': 'Points as JSON'}, icon('table', true)),
          h('button.ib.sm.act', {type: 'button', title: large ? 'Back to all (Esc)' : 'Open large (E)', 'aria-label': large ? 'Back to all' : `Open ${tag} large`, onclick: () => this.expand()}, icon(large ? 'close' : 'expand', true)))),
        this.body, h('footer', {}, this.words, this.facts));
      this.element.style.setProperty('--high', `${HEIGHTS[kind]}px`);
      this.element.panel = this;
    }

    expand() { state.go({run: state.run, tab: state.tab, tag: this.large ? '' : this.series.tag, step: state.step}); }

    /** Places of this panel in the order of steps. */
    get places() { return this.series.known ? this.series.list(this.rank, state.old.has(this.series.tag)) : []; }

    /** Which of `places` is shown for a step: the last at or before it. */
    at(places, step) { return this.series.at(places, step); }

    makeView() { return crossboard.views[this.series.kind](this); }

    /** What is said where no point lies at the step that was asked for. */
    missing(here, wanted) { return `${here > wanted ? 'first' : 'nearest before'} ${numbers.whole(wanted)}`; }

    mount() {
      if (this.near) return;
      this.near = true;
      if (!this.series.known) {
        this.pending(true);
        this.series.refresh().then(() => { this.pending(false); this.onChange(); this.update(); }, error => { this.pending(false); this.fail(error); });
        this.skeleton = setTimeout(() => { if (!this.view && !this.error) fill(this.body, h('div.skeleton', {'aria-hidden': 'true'}, h('i'), h('i'), h('i'), h('i'))); }, 150);
      } else this.update();
    }

    pending(yes) { stats.waiting = (stats.waiting || 0) + (yes ? 1 : -1); }

    unmount() {
      this.near = false;
      clearTimeout(this.skeleton);
      if (this.view && this.view.close) this.view.close();
      this.view = null;
      this.shownPlace = this.wantedPlace = -1;
      fill(this.body);
    }

    /** Points came. */
    changed() {
      if (this.view && this.view.changed) this.view.changed();
      this.update();
    }

    /** Show the point that the slider means. `again`: also when it is shown already. */
    async update(again = false) {
      if (!this.near || !this.series.known) return;
      const places = this.places, step = steps.chosen();
      if (!places.length) { fill(this.body, h('div.msg', {}, icon('clock'), h('b', {}, 'No points of this rank'))); return; }
      let at = this.at(places, step);
      const here = this.series.step[places[at]];
      let first = at, last = at;
      while (first > 0 && this.series.step[places[first - 1]] === here) first--;
      while (last + 1 < places.length && this.series.step[places[last + 1]] === here) last++;
      this.among = here === this.step ? Math.min(this.among, last - first) : 0;
      this.step = here;
      at = last - this.among;
      this.repeats(last - first + 1);
      const place = places[at];
      this.describe(place, at, places.length, step);
      if (place === this.shownPlace && !again) return;
      this.wantedPlace = place;
      this.pending(true);
      try {
        const point = await this.series.content(place);
        if (this.wantedPlace !== place || !this.near) return;
        if (!point) throw new Error('the point is not there any more');
        if (!this.view) {
          clearTimeout(this.skeleton);
          this.view = this.makeView();
          fill(this.body, this.view.element);
        }
        this.shownPlace = place;
        this.point = point;
        this.error = null;
        await this.view.show(point, place);
        if (this.wantedPlace === place) this.tellFacts();
        for (const one of [places[at + 1], places[at - 1]]) if (one !== undefined) { const ahead = this.series.content(one); if (ahead.then) ahead.catch(() => {}); else if (this.view && this.view.ahead) this.view.ahead(ahead); }
      } catch (error) {
        if (this.wantedPlace === place) this.fail(error);
      } finally {
        this.pending(false);
        stats.shown = (stats.shown || 0) + 1;
      }
    }

    tellFacts() {
      const told = this.view && this.view.facts && this.point ? this.view.facts(this.point) : [];
      fill(this.facts, told.filter(Boolean).map(words => typeof words === 'string' ? h('span', {title: words}, words) : words));
    }

    /** Several points at one step: which of them, and the way to the others. */
    repeats(n) {
      if (n < 2) { fill(this.same); return; }
      const go = by => { this.among = Math.max(0, Math.min(n - 1, this.among + by)); this.update(); };
      fill(this.same, h('button.ib.sm', {type: 'button', 'aria-label': 'Earlier point of this step', onclick: () => go(1), disabled: this.among >= n - 1}, icon('left', true)),
        `${n - this.among} of ${n} here`, h('button.ib.sm', {type: 'button', 'aria-label': 'Later point of this step', onclick: () => go(-1), disabled: this.among <= 0}, icon('right', true)));
    }

    describe(place, at, n, wanted) {
      const {series} = this, noun = NOUNS[series.kind], here = series.step[place];
      const missing = wanted !== null && here !== wanted ? `, ${this.missing(here, wanted)}` : '';
      const replaced = series.replaced(place) ? `, attempt ${series.attempt[place]}` : '';
      fill(this.words, h('b', {}, `step ${numbers.whole(here)}`), missing, replaced, n > 1 ? ` · ${this.large ? `${noun} ` : ''}${numbers.whole(at + 1)} of ${numbers.whole(n)}` : '', this.large ? ` · ${numbers.moment(series.wall[place])}` : '');
      this.words.title = `${this.words.textContent} · ${numbers.moment(series.wall[place])}`;
    }

    fail(error) {
      this.error = error;
      this.shownPlace = -1;
      if (this.view && this.view.close) this.view.close();
      this.view = null;
      fill(this.facts);
      fill(this.body, h('div.msg', {}, icon('alert'), h('b', {}, 'Not shown'), h('p', {}, error.message), h('button.btn', {type: 'button', onclick: () => { this.error = null; fill(this.body); if (this.series.known) this.update(true); else { this.near = false; this.mount(); } }}, 'Try again')));
    }

    redraw() { if (this.view && this.view.redraw) this.view.redraw(); }
  }

  crossboard.views = crossboard.views || {};
  Object.assign(crossboard, {Panel, nouns: NOUNS});
})(window);
