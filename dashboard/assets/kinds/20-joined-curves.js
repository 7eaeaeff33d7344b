/* The curves of one tag of all shown runs on one plot, and beside it a table: areas of each, and its counts at one threshold.

   The pointer, or the arrow keys, lead along one curve. The others show what they have at the same threshold, or at the same recall. A click
   keeps the place in the address (`at`); while none is chosen each curve shows its highest F1. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {Svg, board, choices, curvePlot, files, fill, h, icon, numbers, oncePerFrame, plot, pr, steps} = crossboard, {rate} = curvePlot;
  const WIDTH = 760, HEIGHT = 500, ROW = 18, MARGIN = 16, REACH = 60;

  class JoinedCurves {
    constructor(tag) {
      Object.assign(this, {tag, tiles: [], lines: [], reading: 0, busy: 0, hover: null, exact: null, lead: 0});
      this.canvas = h('canvas', {tabindex: '0', role: 'application', 'aria-roledescription': 'plot of curves', onpointermove: event => this.point(event), onpointerleave: () => { if (this.hover) { this.hover = null; this.soon(); } }, onclick: event => this.click(event), onkeydown: event => this.key(event)});
      this.table = h('div.kjt', {tabindex: '0', role: 'region', 'aria-label': `areas and counts of ${tag}`});
      this.words = h('span.n'); this.facts = h('span.e'); this.said = h('span.unseen', {'aria-live': 'polite'});
      this.match = choices.buttons('match', 'what the curves share', [['', 'Same threshold', 'The other curves show what they have at the nearest threshold'], ['recall', 'Same recall', 'The other curves show what they have at the nearest recall']]);
      this.clear = h('button.lk', {type: 'button', title: 'Back to the highest F1 of each', onclick: () => this.free()}, 'Best F1');
      const save = (words, title, work) => h('button.lk', {type: 'button', title, onclick: work}, words);
      this.element = h('section.card.kjoin', {'aria-label': `${tag}, curves of all shown runs`}, h('header', {}, this.match.element, this.clear, h('span.grow'),
        save('CSV', 'Every threshold of every run with its counts and rates', () => files.save(files.named(`${tag}-thresholds`, 'csv'), files.csv(curvePlot.table(this.there().map(one => ({run: one.tile.run.name, rank: one.tile.rank, step: one.step, list: one.list})))))),
        save('SVG', 'The plot as a drawing', () => files.save(files.named(tag, 'svg'), this.svg(), 'image/svg+xml')), save('PNG', 'The plot as a picture', async () => files.save(files.named(tag, 'png'), await this.png()))),
      h('div.kjb', {}, h('div.kjc', {}, this.canvas), this.table), h('footer', {}, this.words, this.facts), this.said);
      this.soon = oncePerFrame(() => this.draw());
      this.sizes = new ResizeObserver(this.soon);
      this.sizes.observe(this.canvas);
    }

    get kind() { return choices.get('view'); }
    get settled() { return this.busy === 0; }
    there() { return this.lines.filter(one => one.list && one.list.length); }

    /** Which tiles' points are drawn, in this order. */
    set(tiles) {
      this.tiles = tiles;
      this.read();
    }

    /** Read the point of each at the slider's step and draw them when all are there. */
    async read() {
      const mine = ++this.reading;
      this.busy++;
      const lines = await Promise.all(this.tiles.map(async tile => {
        const {series} = tile;
        try {
          if (!series.known) { await series.refresh(); tile.onChange(); }
          const {places} = tile;
          if (!places.length) return {tile, list: []};
          const place = places[tile.at(places, steps.chosen())], point = await series.content(place);
          if (!point) throw new Error('the point is not there any more');
          const was = this.lines.find(one => one.tile === tile && one.place === place && one.point === point);
          return was || {tile, place, point, list: pr.rates(point), step: series.step[place]};
        } catch (error) {
          return {tile, error, list: []};
        }
      }));
      this.busy--;
      if (mine !== this.reading) return;
      if (lines.some((one, i) => one !== this.lines[i])) this.exact = this.hover = null;
      this.lines = lines;
      for (const one of lines) if (one.place !== undefined) for (const by of [-1, 1]) { const {places} = one.tile, next = places[places.indexOf(one.place) + by]; if (next !== undefined) { const ahead = one.tile.series.content(next); if (ahead.then) ahead.catch(() => {}); } }
      this.draw();
    }

    /** {value, exact}: where the reader is; null while nowhere. */
    cursor() {
      if (this.hover) return this.hover;
      const kept = choices.get('at');
      return kept !== '' && Number.isFinite(+kept) ? {value: +kept, exact: this.exact} : null;
    }

    /** What is drawn of each curve. */
    drawn() {
      const cursor = this.cursor(), recall = choices.get('match') === 'recall', lit = this.there().some(one => board.isLit(one.tile.run.key));
      return this.there().map((one, i) => {
        const exact = cursor && cursor.exact && cursor.exact.tile === one.tile, look = plot.look(one.tile.run.slot), mine = lit ? board.isLit(one.tile.run.key) : false;
        return {...one, colour: look.colour, dash: look.dash, strong: mine, faint: lit && !mine, lead: i === this.lead && Boolean(cursor),
          mark: exact ? cursor.exact.index : cursor ? (recall ? pr.atRecall : pr.atThreshold)(one.list, cursor.value) : pr.bestF1(one.list)};
      });
    }

    draw() {
      const {canvas, kind} = this;
      if (!canvas.isConnected) return;
      const width = canvas.clientWidth, height = canvas.clientHeight, drawn = this.drawn();
      this.match.show();
      this.clear.hidden = !this.cursor();
      if (width < 80 || height < 100) return;
      curvePlot.draw(plot.prepare(canvas, width, height), width, height, drawn, {kind, isoF1: choices.get('iso') !== 'off'});
      this.tell(drawn);
    }

    name(one) { return `${one.tile.run.name}${one.tile.manyRanks ? `, rank ${one.tile.rank}` : ''}${one.point && one.point.label ? `, class ${one.point.label}` : ''}`; }

    /** Table, foot and what a screen reader hears. */
    tell(drawn) {
      const by = new Map(drawn.map(one => [one.tile, one])), areas = drawn.map(one => pr.averagePrecision(one.list)), roc = this.kind === 'roc';
      const head = [['Run', ''], ['step', ''], ['AP', 'Average precision: the sum over thresholds of the gain in recall times the precision there'], ['AUC', 'Area under the ROC curve, by trapezoids'], ['by AP', 'Place by average precision among the shown'], ['threshold', ''], ['precision', ''], ['recall', 'also the true positive rate'], ['FPR', 'false positive rate'], ['F1', ''], ['TP', 'true positives'], ['FP', 'false positives'], ['FN', 'false negatives'], ['TN', 'true negatives']];
      const left = this.table.scrollLeft;
      fill(this.table, h('table', {}, h('thead', {}, h('tr', {}, head.map(([words, title]) => h('th', {scope: 'col', title: title || null}, words)))), h('tbody', {}, this.lines.map(line => {
        const one = by.get(line.tile), look = plot.look(line.tile.run.slot), over = {onpointerenter: () => board.setHighlight(line.tile.run.key), onpointerleave: () => board.setHighlight('')};
        const first = h('th', {scope: 'row', title: this.name(line)}, h('span.kjn', {}, h(`span.sw${look.dashed ? '.ring' : ''}`, {style: `--c:${look.colour}`}), h('span', {}, this.name(line))));
        if (!one) return h('tr', over, first, h('td', {colspan: String(head.length - 1)}, line.error ? `Not shown: ${line.error.message}` : 'No thresholds'));
        const area = pr.averagePrecision(one.list), told = one.list[one.mark];
        return h(`tr${one.lead ? '.lead' : ''}`, over, first, [numbers.whole(one.step), rate(area), rate(pr.rocArea(one.list)), area === area ? String(1 + areas.filter(v => v > area).length) : '',
          ...told ? [numbers.value(told.threshold), rate(told.precision), rate(told.recall), rate(told.fpr), rate(told.f1), ...[told.tp, told.fp, told.fn, told.tn].map(numbers.value)] : ['', '', '', '', '', '', '', '', '']].map(text => h('td', {}, text)));
      }))));
      this.table.scrollLeft = left;
      const cursor = this.cursor(), without = roc ? drawn.filter(one => !pr.roc(one.list).length) : [], sizes = drawn.map(one => one.list.length), lead = drawn[Math.min(this.lead, drawn.length - 1)], told = lead && lead.list[lead.mark];
      fill(this.words, !this.lines.length ? 'Reading' : h('b', {}, cursor ? `${choices.get('match') === 'recall' ? 'recall' : 'threshold'} ${numbers.value(+cursor.value.toPrecision(6))}` : 'at the highest F1 of each'));
      fill(this.facts, sizes.length > 0 && h('span', {}, `${Math.min(...sizes) === Math.max(...sizes) ? numbers.whole(sizes[0]) : `${numbers.whole(Math.min(...sizes))} to ${numbers.whole(Math.max(...sizes))}`} thresholds`),
        h('span', {title: 'Drawn as the areas are reckoned'}, roc ? 'area by trapezoids' : 'steps: the area is AP'), without.length > 0 && h('span.warn', {title: without.map(one => this.name(one)).join('\n')}, icon('alert', true), `${without.length} without a ROC curve: no negatives or no positives among the counts`));
      const words = told ? `${this.name(lead)}: threshold ${numbers.value(told.threshold)}, precision ${rate(told.precision)}, recall ${rate(told.recall)}, false positive rate ${rate(told.fpr)}, F1 ${rate(told.f1)}` : 'nothing to draw';
      this.canvas.setAttribute('aria-label', `${roc ? 'ROC curves' : 'precision over recall'} of ${this.tag}, ${drawn.length} ${drawn.length === 1 ? 'run' : 'runs'}. ${words}. Left and right go along a curve, up and down from curve to curve.`);
      if (document.activeElement === this.canvas && this.said.textContent !== words) this.said.textContent = words;
    }

    /** The cursor at point `index` of the curve `curve` of those that are there. */
    at(curve, index) {
      const one = this.there()[curve], told = one.list[index];
      return {value: choices.get('match') === 'recall' ? told.recall : told.threshold, exact: {tile: one.tile, index}};
    }

    point(event) {
      const box = this.canvas.getBoundingClientRect(), found = curvePlot.nearest(box.width, box.height, this.there(), this.kind, event.clientX - box.left, event.clientY - box.top, event.pointerType === 'touch' ? Infinity : REACH);
      if (!found) { if (this.hover) { this.hover = null; this.soon(); } return; }
      this.lead = found.curve;
      this.hover = this.at(found.curve, found.index);
      this.soon();
    }

    click(event) {
      this.point(event);
      if (this.hover) this.keep(this.hover); else this.free();
    }

    keep(cursor) {
      this.exact = cursor.exact;
      choices.set('at', String(cursor.value));
      this.soon();
    }

    free() { this.exact = this.hover = null; choices.set('at', ''); this.soon(); }

    key(event) {
      const curves = this.there(), way = {ArrowRight: 1, ArrowLeft: -1, PageUp: 10, PageDown: -10, Home: -Infinity, End: Infinity}[event.key], turn = {ArrowDown: 1, ArrowUp: -1}[event.key];
      if (!curves.length || event.altKey || event.ctrlKey || event.metaKey) return;
      if (event.key === 'Escape' && this.cursor()) this.free();
      else if (way === undefined && turn === undefined) return;
      else {
        const marks = this.drawn();
        this.hover = null;
        this.lead = Math.max(0, Math.min(curves.length - 1, this.lead + (turn || 0)));
        const {list} = curves[this.lead], path = curvePlot.along(list, this.kind), here = Math.max(0, path.indexOf(marks[this.lead].mark));
        if (path.length) this.keep(this.at(this.lead, path[Math.max(0, Math.min(path.length - 1, here + (way || 0) * (event.shiftKey ? 10 : 1)))]));
      }
      event.preventDefault();
      event.stopPropagation();
    }

    /** Draw the plot with title and legend, for a file. */
    paint(g, drawn, height) {
      const c = plot.colours(), family = c.font.replace(/^\S+ /, ''), words = (text, x, y, size, colour) => { g.font = `${size}px ${family}`; g.fillStyle = colour; g.textAlign = 'left'; g.textBaseline = 'alphabetic'; g.fillText(text, x, y); };
      const cut = text => text.length > 88 ? `${text.slice(0, 87)}…` : text;
      g.fillStyle = c.surface; g.fillRect(0, 0, WIDTH, height);
      words(cut(this.tag), MARGIN, MARGIN + 12, 15, c.ink);
      g.save(); g.translate(MARGIN, MARGIN + 24);
      curvePlot.draw(g, WIDTH - 2 * MARGIN, HEIGHT, drawn, {kind: this.kind, isoF1: choices.get('iso') !== 'off'});
      g.restore();
      drawn.forEach((one, i) => {
        const y = MARGIN + 24 + HEIGHT + ROW * (i + 1);
        g.strokeStyle = one.colour; g.lineWidth = 2; g.setLineDash(one.dash || []);
        g.beginPath(); g.moveTo(MARGIN, y - 4); g.lineTo(MARGIN + 20, y - 4); g.stroke(); g.setLineDash([]);
        words(cut(`${this.name(one)}, step ${numbers.whole(one.step)}: AP ${rate(pr.averagePrecision(one.list))}, ROC AUC ${rate(pr.rocArea(one.list))}`), MARGIN + 28, y, 11.5, c.ink);
      });
    }

    tall(drawn) { return MARGIN + 24 + HEIGHT + ROW * (drawn.length + 1) + MARGIN; }

    svg() {
      const drawn = this.drawn(), ruler = document.createElement('canvas').getContext('2d'), g = new Svg((text, font) => { ruler.font = font; return ruler.measureText(text); });
      g.font = plot.colours().font;
      this.paint(g, drawn, this.tall(drawn));
      return g.text(WIDTH, this.tall(drawn), this.tag);
    }

    png() {
      const drawn = this.drawn(), canvas = document.createElement('canvas'), height = this.tall(drawn), g = canvas.getContext('2d');
      canvas.width = 2 * WIDTH; canvas.height = 2 * height;
      g.scale(2, 2);
      this.paint(g, drawn, height);
      return new Promise((resolve, reject) => canvas.toBlob(blob => blob ? resolve(blob) : reject(new Error('the browser made no PNG')), 'image/png'));
    }

    close() { this.reading++; this.sizes.disconnect(); }
  }

  crossboard.JoinedCurves = JoinedCurves;
})(window);
