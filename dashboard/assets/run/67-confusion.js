/* Confusion matrix: rows are what was true, columns what was called. Counts, shares, differences; its classes; what is confused most.

   A small one is a table, a large one a canvas (66-matrix-canvas.js). The colour of counts is the share of the row, so that a rare class is
   seen as well as a common one; of a difference its size against the largest, added and removed in their colours and with their signs. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {MatrixCanvas, choices, files, fill, h, matrices, matrixChoices, numbers, plot, ramp, state, steps} = crossboard;
  const AS_TABLE = 26, PAIRS = 100, CLASSES = 200, TONES = 256;
  const READABLE = 4.6;   // contrast of a number to its cell; WCAG asks for 4.5
  const open = new Set();

  /** Relative luminance, as WCAG 2 defines it. */
  const luminance = rgb => rgb.map(v => v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);

  /** Colour of a cell and of the number in it, {rgb, ink}: where neither ink can be read on the ramp's middle, the next stronger tone. */
  function inked(share, tone) {
    const {ink, inverse} = plot.colours(), parse = text => { const n = parseInt(text.slice(1), 16); return [n >> 16, n >> 8 & 255, n & 255]; }, inks = [[ink, luminance(parse(ink))], [inverse, luminance(parse(inverse))]], way = share < 0 ? -1 : 1;
    for (let at = Math.abs(share); ; at += 0.01) {
      const rgb = tone(way * Math.min(1, at)), own = luminance(rgb), [best, contrast] = inks.map(([colour, other]) => [colour, (Math.max(own, other) + 0.05) / (Math.min(own, other) + 0.05)]).sort((a, b) => b[1] - a[1])[0];
      if (contrast >= READABLE || at >= 1) return {rgb, ink: best};
    }
  }

  const percent = (v, of) => of > 0 ? `${(100 * v / of).toFixed(1)} %` : 'none';

  /** All that is drawn of a point, with what is taken off it. */
  function model(point, reference) {
    const kind = choices.get('values'), less = reference && reference.point ? matrices.aligned(point, reference.point) : null;
    const counts = less ? less.first : matrices.grid(point.counts), labels = less ? less.labels : matrices.names(point.labels, counts.n), sums = matrices.sums(counts), shown = matrices.shares(counts, kind);
    const other = less ? matrices.shares(less.second, kind) : null, values = less ? matrices.difference(shown, other) : shown, {n} = values;
    const used = choices.get('empty') ? new Set([...matrices.used(counts), ...less ? matrices.used(less.second) : []]) : null, keep = Array.from({length: n}, (_, i) => i).filter(i => !used || used.has(i));
    let most = 0;
    for (const v of values.values) if (Math.abs(v) > most) most = Math.abs(v);
    const tone = less ? ramp.difference : ramp.rgb, byRow = !kind && !less;
    const share = (i, j) => { const v = values.values[i * n + j]; return byRow ? (sums.rows[i] > 0 ? v / sums.rows[i] : 0) : less || kind === 'all' ? (most > 0 ? v / most : 0) : v; };
    const number = v => v !== v ? '' : kind ? (v === 0 ? '0' : Math.abs(v).toFixed(kind === 'all' && most < 0.1 ? 3 : 2).replace(/^0\./, '.')) : numbers.value(Math.abs(v)), signed = v => v !== v ? '' : less && v !== 0 ? `${v > 0 ? '+' : '−'}${number(v)}` : number(v);
    const text = (i, j) => signed(values.values[i * n + j]);
    const told = (i, j) => {
      const v = counts.values[i * n + j], head = `${labels[i]} called ${labels[j]}: `;
      if (less) return `${head}${text(i, j) || 'none'} (${number(shown.values[i * n + j]) || 'none'} − ${number(other.values[i * n + j]) || 'none'})`;
      return `${head}${numbers.value(v)}, ${percent(v, sums.rows[i])} of its row, ${percent(v, sums.columns[j])} of its column`;
    };
    return {kind, less, counts, labels, sums, values, keep, n, tone, share, text, told, signed, reference};
  }

  crossboard.views.confusion_matrix = panel => {
    const own = state.run ? h('span.row.mown') : null, controls = own ? matrixChoices.controls(own) : null;
    const holder = h('div.cmbox'), read = h('span.dim.mread', {role: 'status'}), note = h('span.mnote');
    const element = h('div.vcm', {}, own, holder, h('div.switches', {}, read, h('span.grow'), note, h('button.lk', {type: 'button', title: 'What is shown, as CSV', onclick: () => { if (made) files.save(files.named(`${panel.series.tag}-${panel.step}-${choices.get('part') || 'cells'}`, 'csv'), files.csv(rows())); }}, 'CSV')));
    let point = null, made = null, canvas = null, asked = 0, wide = 0, focusedOn = '';

    const matching = () => { const text = choices.get('label').toLowerCase(); return text ? made.keep.map((_, at) => at).filter(at => made.labels[made.keep[at]].toLowerCase().includes(text)) : []; };
    const sorting = () => { const [by, way] = (choices.get('by') || 'place:up').split(':'); return {by, down: way === 'down'}; };

    function classes() {
      const now = matrices.classes(made.counts, made.labels);
      if (!made.less) return now;
      const before = matrices.classes(made.less.second, made.labels);
      return now.map((one, i) => ({...one, ...Object.fromEntries(['precision', 'recall', 'f1', 'support', 'called'].map(name => [name, one[name] - before[i][name]]))}));
    }

    const chosenClasses = () => { const {by, down} = sorting(), text = choices.get('label').toLowerCase(), keep = new Set(made.keep); return matrices.ordered(classes().filter(one => keep.has(one.place) && one.label.toLowerCase().includes(text)), by, down); };
    function chosenPairs() {
      const text = choices.get('label').toLowerCase(), found = matrices.pairs(made.values, text ? made.n * made.n : PAIRS);
      return (text ? found.filter(one => made.labels[one.truth].toLowerCase().includes(text) || made.labels[one.called].toLowerCase().includes(text)) : found).slice(0, PAIRS);
    }

    /** What is shown, as rows of a CSV file. */
    function rows() {
      const part = choices.get('part');
      if (part === 'classes') return [['label', 'precision', 'recall', 'f1', 'support', 'called'], ...chosenClasses().map(one => [one.label, one.precision, one.recall, one.f1, one.support, one.called])];
      if (part === 'pairs') return [['true', 'called', 'value'], ...chosenPairs().map(one => [made.labels[one.truth], made.labels[one.called], one.value])];
      return [['true \\ called', ...made.keep.map(j => made.labels[j])], ...made.keep.map(i => [made.labels[i], ...made.keep.map(j => made.values.values[i * made.n + j])])];
    }

    function drawClasses() {
      const all = chosenClasses(), {by, down} = sorting(), heads = [['label', 'Class'], ['precision', 'Precision'], ['recall', 'Recall'], ['f1', 'F1'], ['support', 'Examples'], ['called', 'Called']];
      const rate = v => v !== v ? '' : made.less && v !== 0 ? `${v > 0 ? '+' : '−'}${Math.abs(v).toFixed(4)}` : v.toFixed(4), whole = v => made.less && v > 0 ? `+${numbers.value(v)}` : numbers.value(v), hue = v => made.less && v ? v > 0 ? '.plus' : '.minus' : '';
      fill(holder, h('table.mlist', {}, h('thead', {}, h('tr', {}, heads.map(([name, words]) => h('th', {scope: 'col', 'aria-sort': by === name ? down ? 'descending' : 'ascending' : null}, h('button', {type: 'button', onclick: () => choices.set('by', by !== name ? `${name}:${name === 'label' ? 'up' : 'down'}` : down === (name === 'label') ? '' : `${name}:${down ? 'up' : 'down'}`)}, words, by === name ? down ? ' ↓' : ' ↑' : ''))))),
        h('tbody', {}, all.slice(0, wide || CLASSES).map(one => h('tr', {}, h('th', {scope: 'row', title: one.label}, h('span', {}, one.label)), [one.precision, one.recall, one.f1].map(v => h(`td${hue(v)}`, {}, rate(v))), [one.support, one.called].map(v => h(`td${hue(v)}`, {}, whole(v))))))),
        !all.length && h('p.none', {}, 'No label matches.'), !wide && all.length > CLASSES && h('button.btn', {type: 'button', onclick: () => { wide = all.length; draw(); }}, `Show all ${numbers.whole(all.length)}`));
    }

    function drawPairs() {
      const all = chosenPairs();
      fill(holder, all.length ? h('table.mlist', {}, h('thead', {}, h('tr', {}, h('th', {scope: 'col'}, 'True'), h('th', {scope: 'col'}, 'called'), h('th', {scope: 'col'}, {'': 'Examples', row: 'of its row', col: 'of its column', all: 'of all'}[made.kind]))), h('tbody', {}, all.map(one => h('tr', {}, h('th', {scope: 'row', title: made.labels[one.truth]}, h('span', {}, made.labels[one.truth])), h('td.name', {title: made.labels[one.called]}, h('span', {}, made.labels[one.called])),
        h(`td${made.less ? one.value > 0 ? '.plus' : '.minus' : ''}`, {title: made.told(one.truth, one.called)}, made.signed(one.value)))))) : h('p.none', {}, choices.get('label') ? 'No label matches.' : 'Nothing is confused.'));
    }

    function drawTable() {
      const {keep, labels, tone, share, text, told} = made, n = keep.length, found = new Set(matching()), w = Math.max(made.less && made.kind ? 36 : 32, Math.min(72, (holder.clientWidth - 120) / n)), high = Math.max(26, Math.min(48, (holder.clientHeight - 32) / n));
      // cells of one size, as large as the panel has room for; a long name takes no more width than its column
      const cell = (i, j) => { const {rgb, ink} = inked((share(i, j) || 0) * 0.85, tone); return h('td', {style: `background:rgb(${rgb.join()});color:${ink}`, title: told(i, j), 'data-at': `${i} ${j}`}, text(i, j)); };
      fill(holder, h('table.cm', {style: `--w:${Math.floor(w)}px;--h:${Math.floor(high)}px`, onpointerover: event => { const at = event.target.closest('td'); read.textContent = at ? at.title : ''; }, onpointerleave: () => { read.textContent = ''; }},
        h('thead', {}, h('tr', {}, h('th.corner', {scope: 'col'}, 'true \\ called'), keep.map((j, at) => h(`th${found.has(at) ? '.found' : ''}`, {scope: 'col', title: labels[j]}, h('span', {}, labels[j]))))),
        h('tbody', {}, keep.map((i, at) => h('tr', {}, h(`th${found.has(at) ? '.found' : ''}`, {scope: 'row', title: labels[i]}, h('span', {}, labels[i])), keep.map(j => cell(i, j)))))));
    }

    function drawCanvas() {
      const {keep, labels, share, tone, text} = made, words = `confusion matrix ${panel.series.tag} of ${keep.length} classes; the row is the true class. Arrow keys go from cell to cell.`;
      if (!canvas) canvas = new MatrixCanvas(words, (i, j) => { read.textContent = i === undefined ? '' : made.told(made.keep[i], made.keep[j]); });
      if (canvas.element.parentElement !== holder) fill(holder, canvas.element);
      const found = matching(), label = choices.get('label'), tones = Array.from({length: 2 * TONES + 1}, (_, i) => tone((i - TONES) / TONES));   // a million cells take theirs from few
      canvas.set({n: keep.length, name: i => labels[keep[i]], found, text: (i, j) => text(keep[i], keep[j]), ink: (i, j) => inked((share(keep[i], keep[j]) || 0) * 0.85, tone).ink,
        colour: (i, j) => { const v = share(keep[i], keep[j]); return v === v ? tones[TONES + Math.round(TONES * Math.max(-1, Math.min(1, v)))] : null; }});
      if (label !== focusedOn) { focusedOn = label; if (found.length) canvas.show(found[0]); }
    }

    async function draw() {
      const mine = ++asked;
      if (controls) controls.show();
      if (!point || !element.isConnected) return;
      const waiting = holder.firstChild ? 0 : setTimeout(() => fill(holder, h('p.none', {}, 'Reading what to compare with')), 150);
      const reference = await matrixChoices.reference(panel).catch(error => ({words: `no difference: ${error.message}`}));
      clearTimeout(waiting);
      if (mine !== asked || !point) return;
      made = model(point, reference);
      const part = choices.get('part'), large = !part && made.keep.length > AS_TABLE;
      holder.classList.toggle('mtall', Boolean(part));
      for (const [name, value] of [['tabindex', '0'], ['role', 'region'], ['aria-label', `confusion matrix ${panel.series.tag}`]]) if (large) holder.removeAttribute(name); else holder.setAttribute(name, value);
      read.textContent = '';
      const less = reference ? `${reference.words}${made.less && made.less.alone ? `; ${made.less.alone} classes only in one` : ''}` : '';
      fill(note, less); note.title = less;
      if (!made.keep.length) fill(holder, h('p.none', {}, made.n ? 'No class has examples.' : 'An empty matrix.'));
      else if (part === 'classes') drawClasses();
      else if (part === 'pairs') drawPairs();
      else if (large) drawCanvas();
      else drawTable();
      panel.tellFacts();
    }

    open.add(draw);
    return {
      element,
      show(next) { point = next; return draw(); },
      facts: shown => { const {all, right} = matrices.sums(matrices.grid(shown.counts)), n = made ? made.n : shown.counts.length, hidden = made ? made.n - made.keep.length : 0; return [`${numbers.whole(n)} classes${hidden ? `, ${numbers.whole(hidden)} empty hidden` : ''}`, `${numbers.value(all)} examples`, all > 0 && `${(100 * right / all).toFixed(2)} % right`]; },
      redraw() { if (point) draw(); },
      close() { open.delete(draw); },
    };
  };
  choices.on(() => open.forEach(draw => draw()));
  steps.onMove(() => { if (choices.get('minus')) open.forEach(draw => draw()); });
})(window);
