/* What a card says in words: its foot, the actions in its head, and the message in place of curves. Methods of Card (34-card.js). */
(root => {
  'use strict';
  const crossboard = root.crossboard, {h, fill, icon, bands, board, Card, curves, joined, marks, numbers, smoothing, state, url} = crossboard;

  function rangeWords(axis, [low, high]) {
    const words = v => axis === 'wall' ? numbers.clock(v) : axis === 'relative' ? numbers.duration(v) : numbers.whole(high - low >= 10 ? Math.round(v) : v);
    return `${words(low)}–${words(high)}`;
  }

  Object.assign(Card.prototype, {
    /** The title: the prefix grey; of several tags how many there are, or, where a person joined them, which. It is what a card is dragged by. */
    titled() {
      const {family, name, tag, tags} = this, byHand = joined.isJoined(family), cut = tag[0] === '=' ? 0 : name.lastIndexOf('/') + 1;
      return h('span.t', {title: tags.join('\n')}, byHand ? joined.title(family) : [h('em', {}, name.slice(0, cut)), h('b', {}, name.slice(cut) || name)],
        family && !byHand && h('button.lk', {type: 'button', title: `One chart of ${tags.join(', ')}`, onclick: () => crossboard.aliases.show()}, `${tags.length} tags`));
    },

    /** Say in the foot what is drawn and what is wrong with it. */
    describe() {
      let shown = 0, total = 0, nan = 0, inf = 0, raw = true, unmatched = 0, curvesDrawn = 0;
      for (const {curve, older} of this.drawn) {
        if (older) continue;
        curvesDrawn++;
        raw = raw && curve.raw;
        total += curve.total;
        shown += Math.min(curve.n, curve.total);
        nan += curve.nan;
        inf += curve.pos_inf + curve.neg_inf;
        unmatched += curve.unmatched || 0;
      }
      const whole = numbers.whole;
      let words = raw ? (total === 1 ? '1 point' : `all ${whole(total)} points`) : `${whole(shown)} of ${whole(total)} points, extremes kept`;
      if (this.zoom && !this.inWindow) words = 'reading the points of this window';
      if (!curvesDrawn) words = this.zoom && !this.inWindow ? words : this.drawn.length ? 'older attempts only' : board.visible.length ? 'no points here' : 'no run is shown';
      const grouped = bands.describe(this), facts = grouped ? grouped.facts : [];
      if (grouped && curvesDrawn) words = grouped.words || words;
      fill(this.count, grouped && grouped.words === words ? grouped.parts : words);
      this.count.title = grouped ? words : '';
      const splits = new Set(this.drawn.map(one => one.split)), dashed = ['validation', 'test'].filter(split => splits.has(split));
      if (dashed.length) facts.push(h('span', {title: 'the same run in the same colour'}, `${dashed.join(' and ')} dashed`));
      if (this.error) facts.push(h('span.warn', {title: this.error.message}, icon('clock', true), 'not the newest'));
      if (nan) facts.push(h('span', {title: `${whole(nan)} points are NaN`}, icon('alert', true), `NaN ${whole(nan)}`));
      if (inf) facts.push(h('span', {title: `${whole(inf)} points are infinite`}, icon('alert', true), `inf ${whole(inf)}`));
      const {outside, low, left} = this.at && this.left || {}, robust = this.own.range === 'robust';
      const lacks = (n, words, title) => { if (n) facts.push(h('span', {title: `${whole(n)} of the drawn points: ${title}`}, icon('alert', true), `${whole(n)} ${words}`)); };
      lacks(outside, robust ? 'outside 1–99 %' : 'outside', robust ? 'the y axis spans the 1st to the 99th percentile of the drawn values' : 'the y axis spans what was set for this card');
      lacks(low, 'at y ≤ 0', 'a log axis has no place for 0 and below');
      lacks(left, 'at x ≤ 0', 'a log axis has no place for 0 and below');
      if (joined.isJoined(this.family) && this.entered > joined.DASHED) facts.push(h('span', {title: 'many curves: dashes would be slow to draw, so each tag is another shade of its run'}, 'tags by shade'));
      facts.push(...marks.describe(this));
      if (this.own.x) facts.push(h('span', {title: 'this card has an x axis of its own'}, `x: ${this.own.x.replace(/^metric:/, '')}`));
      facts.push(...smoothing.describe(this));
      if (unmatched) facts.push(this.tag[0] === '=' ? h('span', {title: 'steps that not every tag of the expression has'}, `${whole(unmatched)} unmatched`) : h('span', {}, `${whole(unmatched)} without x`));
      if (this.showOlder && this.olderSignature) facts.push(h('span', {}, icon('restart', true), this.older.length ? 'older attempts dotted' : 'no older attempt here'));
      fill(this.facts, facts);
      if (this.canvas) this.canvas.setAttribute('aria-label', `${this.name}: ${curvesDrawn} ${curvesDrawn === 1 ? 'curve' : 'curves'}, ${words}`);
    },

    /** The actions of the head; made anew only when they change. */
    actions() {
      const zoom = this.zoom, resumed = board.visible.some(run => run.attempts > 1) || this.showOlder;
      const csv = bands.csv(this) || url(`api/curves?${new URLSearchParams([...this.tags.map(tag => ['tag', tag]), ['x', this.x], ['format', 'csv']])}`);
      const {cardMenu, large} = crossboard, big = large.isOpen(this), set = cardMenu.isSet(this), open = cardMenu.isOpen(this);
      const name = `${zoom}|${this.log}|${this.showOlder}|${resumed}|${csv}|${set}|${open}|${big}`;
      if (this.actionsName === name && this.notes.childElementCount) return;
      this.actionsName = name;
      const held = this.notes.contains(document.activeElement) ? document.activeElement.dataset.act : null;
      fill(this.notes,
        h('a.ib.sm.act', {href: csv, 'data-act': 'data', download: `${this.name.replaceAll('/', '-')}.csv`, title: 'Points as CSV', 'aria-label': 'Points as CSV'}, icon('table', true)),
        resumed && h('button.ib.sm.act', {type: 'button', 'data-act': 'old', 'aria-pressed': String(this.showOlder), title: 'Older attempts, dotted', 'aria-label': 'Older attempts', onclick: () => state.toggle('old', this.tag)}, icon('restart', true)),
        h('button.lk.act', {type: 'button', 'data-act': 'log', 'aria-pressed': String(this.log), title: 'Log y axis (L)', onclick: () => state.toggle('log', this.tag)}, 'log'),
        h('button.ib.sm.act', {type: 'button', 'data-act': 'menu', 'aria-haspopup': 'dialog', 'aria-expanded': String(open), 'aria-pressed': String(set), title: `Settings of this card (M)${set ? ': some are set' : ''}`, 'aria-label': 'Settings of this card', onclick: () => cardMenu.show(this)}, icon('more', true)),
        !state.run && h('button.ib.sm.act', {type: 'button', 'data-act': 'large', 'aria-pressed': String(big), title: big ? 'Close (E)' : 'Open large (E)', 'aria-label': big ? 'Close the large chart' : 'Open large', onclick: () => large.toggle(this)}, icon('expand', true)),
        zoom && h('button.pill', {type: 'button', 'data-act': 'zoom', title: 'Show the whole range again (Z)', 'aria-label': `Zoomed to ${rangeWords(this.axis, zoom)}: show the whole range`, onclick: () => this.reset()}, rangeWords(this.axis, zoom), icon('close', true)));
      if (held) { const again = this.notes.querySelector(`[data-act=${held}]`); if (again) again.focus(); }
    },

    /** Show a message in the plot instead of curves; null takes it away. */
    message(what) {
      if (this.shownMessage === what && (what === null || this.plot.querySelector('.msg, .skeleton'))) return;
      this.shownMessage = what;
      const old = this.plot.querySelector('.msg, .skeleton');
      if (old) old.remove();
      if (!what) return;
      if (what === 'skeleton') { this.plot.append(h('div.skeleton', {'aria-hidden': 'true'}, h('i'), h('i'), h('i'), h('i'))); return; }
      let parts;
      if (what === 'none') {
        const hidden = [...this.curves.values()].map(curve => board.runs.get(curve.run)).filter(run => run && !board.isShown(run));
        const names = [...new Set(hidden)];
        parts = board.visible.length ? ['chart', 'No shown run has this tag', names.length ? `${names.length === 1 ? '1 hidden run has' : `${names.length} hidden runs have`} it: ${names.slice(0, 2).map(run => run.name.slice(0, 40)).join(', ')}${names.length > 2 ? ' …' : ''}.` : 'Runs that log it appear here.', names.length && ['Show', () => board.show(names, true)]]
          : ['eyeoff', 'No run is shown', 'Choose runs at the left, or show all of them.', ['Show all', () => board.show(board.matching, true)]];
      }
      if (what === 'log') parts = ['alert', 'A log axis needs a value above 0', 'No value of the shown runs is above 0.', ['Use a linear axis', () => state.toggle('log', this.tag)]];
      if (what === 'logx') parts = ['alert', 'A log axis needs an x above 0', 'No point of the shown runs has one.', ['Use a linear axis', () => this.set('logx', '')]];
      if (what === 'failed') parts = ['clock', 'Not read yet', this.error.message, ['Try again', () => { this.retryAt = 0; this.signature = ''; curves.pump(); }]];
      const [picture, head, text, button] = parts;
      this.plot.append(h('div.msg', {}, icon(picture), h('b', {}, head), h('p', {}, text), button && h('button.btn', {type: 'button', onclick: button[1]}, button[0])));
    },
  });

  crossboard.rangeWords = rangeWords;
})(window);
