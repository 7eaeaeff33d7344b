/* A tile: what one run has under a tag, among those of the other runs.

   It is a panel of the run page with the run's colour and name in its head. It shows the point nearest to the chosen step, the earlier of
   two that are as near, and says which that is. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {Panel, board, fill, h, icon, numbers, plot, state, view} = crossboard;

  crossboard.kindTools = crossboard.kindTools || {};

  class Tile extends Panel {
    /** `run`: as the board has it. `open`: what Enter or E does, opens the tag alone. */
    constructor(series, rank, {run, manyRanks, onChange, open}) {
      super(series, rank, {large: false, manyRanks, onChange});
      this.open = open;
      this.run = run;
      this.manyRanks = manyRanks;
      this.element.classList.add('ktile');
      this.element.addEventListener('pointerenter', () => board.setHighlight(this.run.key));
      this.element.addEventListener('pointerleave', () => board.setHighlight(''));
      this.element.addEventListener('focusin', () => board.setHighlight(this.run.key));
      this.page = h('a.ib.sm.act', {onclick: event => { if (!event.ctrlKey && !event.metaKey && !event.shiftKey) { event.preventDefault(); state.go(this.place()); } }}, icon('right', true));
      this.element.querySelector('header .x').append(this.page);
      this.dress(run);
    }

    /** Where the same point stands on the page of its run. */
    place() { return {run: this.run.key, tab: this.series.kind, tag: this.series.tag, step: state.step}; }

    /** Put the run's colour and name into the head. */
    dress(run) {
      this.run = run;
      const look = plot.look(run.slot), told = `${look.colour}${look.dashed}${run.name}`;
      if (told === this.told) return;
      this.told = told;
      fill(this.element.querySelector('header .t'), h(`span.sw${look.dashed ? '.ring' : ''}`, {style: `--c:${look.colour}`}), h('b', {}, run.name));
      this.element.querySelector('header .t').title = `${run.name}\n${run.path || ''}`;
      this.element.setAttribute('aria-label', `${run.name}, ${this.series.tag}${this.manyRanks ? `, rank ${this.rank}` : ''}`);
      this.page.title = `On the page of ${run.name}`;
      this.page.setAttribute('aria-label', this.page.title);
      this.page.href = view.format({...view.fresh(), ...this.place(), theme: state.theme});
    }

    expand() { this.open(); }

    at(places, step) {
      const before = this.series.at(places, step), there = this.series.step, next = before + 1;
      if (step === null || next >= places.length) return before;
      return Math.abs(there[places[next]] - step) < Math.abs(step - there[places[before]]) ? this.series.at(places, there[places[next]]) : before;
    }

    /** The page's own view of the kind, else that of the run page. */
    makeView() { const {kind} = this.series, own = (crossboard.kindTools[state.page] || {}).views || {}; return (own[kind] || crossboard.views[kind])(this); }

    describe(place, at, n, wanted) {
      super.describe(place, at, n, wanted);
      const away = wanted !== null && this.series.step[place] !== wanted;
      if (this.away !== away) { this.away = away; this.element.classList.toggle('away', away); }
    }

    missing(here, wanted) { return `nearest to ${numbers.whole(wanted)}`; }
  }

  crossboard.Tile = Tile;
})(window);
