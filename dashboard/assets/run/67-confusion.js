/* Confusion matrix: rows are what was true, columns what was called. Counts, or rates of each row.

   The colour is the rate within the row either way, so that a rare class is seen as well as a common one. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {fill, h, numbers, plot, ramp} = crossboard, AS_TABLE = 26;
  const READABLE = 4.6;   // contrast of a number to its cell; WCAG asks for 4.5
  let asRates = false;

  /** Relative luminance, as WCAG 2 defines it. */
  const luminance = rgb => rgb.map(v => v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);

  /** Colour of a cell and of the number in it: where neither ink can be read on the ramp's middle, the next darker tone. */
  function inked(share) {
    const {ink, inverse} = plot.colours(), parse = text => { const n = parseInt(text.slice(1), 16); return [n >> 16, n >> 8 & 255, n & 255]; }, inks = [['var(--cb-ink)', luminance(parse(ink))], ['var(--cb-ink-inv)', luminance(parse(inverse))]];
    for (let at = share; ; at += 0.01) {
      const rgb = ramp.rgb(at), own = luminance(rgb), [best, contrast] = inks.map(([name, other]) => [name, (Math.max(own, other) + 0.05) / (Math.min(own, other) + 0.05)]).sort((a, b) => b[1] - a[1])[0];
      if (contrast >= READABLE || at >= 1) return `background:rgb(${rgb.join()});color:${best}`;
    }
  }

  crossboard.views.confusion_matrix = panel => {
    const holder = h('div.cmbox', {tabindex: '0', role: 'region', 'aria-label': `confusion matrix ${panel.series.tag}`}), button = h('button.lk', {type: 'button'}, 'Rates'), read = h('span.dim'), element = h('div.vcm', {}, holder, h('div.switches', {}, read, button));
    let point = null;

    const sum = list => list.reduce((n, v) => n + (+v || 0), 0);

    function draw() {
      const {labels, counts} = point, n = counts.length, totals = counts.map(sum);
      button.setAttribute('aria-pressed', String(asRates));
      if (!n) { fill(holder, h('p.none', {}, 'An empty matrix.')); return; }
      const name = i => labels[i] === undefined ? String(i) : labels[i];
      if (n <= AS_TABLE) {
        // cells of one size, as large as the panel has room for; a long name takes no more width than its column
        const w = Math.max(34, Math.min(72, (holder.clientWidth - 130) / n)), high = Math.max(26, Math.min(48, (holder.clientHeight - 32) / n));
        fill(holder, h('table.cm', {style: `--w:${Math.floor(w)}px;--h:${Math.floor(high)}px`}, h('thead', {}, h('tr', {}, h('th.corner', {scope: 'col'}, 'true \\ called'), counts[0].map((_, j) => h('th', {scope: 'col', title: name(j)}, h('span', {}, name(j)))))), h('tbody', {}, counts.map((row, i) => h('tr', {}, h('th', {scope: 'row', title: name(i)}, h('span', {}, name(i))),
          row.map((v, j) => { const rate = totals[i] ? +v / totals[i] : 0; return h('td', {style: inked(rate * 0.85), title: `${name(i)} called ${name(j)}: ${numbers.value(+v)}, ${(100 * rate).toFixed(1)} % of ${numbers.value(totals[i])}`}, asRates ? totals[i] ? (rate ? rate.toFixed(2) : '0') : '' : numbers.value(+v)); }))))));
        read.textContent = '';
        return;
      }
      const canvas = h('canvas', {role: 'img', 'aria-label': `confusion matrix of ${n} classes; the row is the true class`});
      fill(holder, canvas);
      const side = Math.max(120, Math.min(holder.clientWidth - 24, holder.clientHeight - 4));
      canvas.style.cssText = `width:${side}px;height:${side}px;display:block`;
      const g = crossboard.plot.prepare(canvas, side, side);
      ramp.image(g, n, n, (j, i) => ramp.rgb(totals[i] ? +counts[i][j] / totals[i] : 0), 0, 0, side, side);
      canvas.onpointermove = event => {
        const box = canvas.getBoundingClientRect(), j = Math.min(n - 1, Math.floor((event.clientX - box.left) / side * n)), i = Math.min(n - 1, Math.floor((event.clientY - box.top) / side * n));
        if (i >= 0 && j >= 0) read.textContent = `${name(i)} called ${name(j)}: ${numbers.value(+counts[i][j])}${totals[i] ? `, ${(100 * counts[i][j] / totals[i]).toFixed(1)} %` : ''}`;
      };
      canvas.onpointerleave = () => { read.textContent = ''; };
    }

    button.onclick = () => { asRates = !asRates; draw(); };
    return {
      element,
      show(next) { point = next; draw(); },
      facts: shown => { const all = sum(shown.counts.map(sum)), right = sum(shown.counts.map((row, i) => row[i] || 0)); return [`${shown.counts.length} classes`, `${numbers.value(all)} examples`, all > 0 && `${(100 * right / all).toFixed(2)} % right`]; },
      redraw() { if (point) draw(); },
    };
  };
})(window);
