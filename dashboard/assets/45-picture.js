/* A card as a file: its points as CSV and JSON from the data routes, its picture as SVG or PNG.

   Both pictures are drawn by the same code as the card (30-plot.js), at a size of their own, with title, axis labels, what the foot says and a
   legend of runs. For SVG it is given `Svg`, which knows what drawing code asks of a canvas and writes it down: lines are paths, text is text. */
(root => {
  'use strict';
  const crossboard = root.crossboard = root.crossboard || {};
  const WIDTH = 960, PLOT = 480, MARGIN = 16, LEGEND = 60, ROW = 18, SCALE = 2;

  const escaped = text => String(text).replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '').replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
  const digits = v => String(+v.toFixed(2));

  /** Writes down what is drawn on it as SVG. Knows the part of CanvasRenderingContext2D that 30-plot.js, 31-range.js, 33-marks.js, 38-looks.js and 27-band.js use; circles are whole. */
  class Svg {
    constructor(measure) {
      Object.assign(this, {measure, parts: [], path: [], clips: 0, stack: [], dx: 0, dy: 0, open: 0, dash: [],
        fillStyle: '#000', strokeStyle: '#000', lineWidth: 1, globalAlpha: 1, lineJoin: 'miter', lineCap: 'butt', textAlign: 'left', textBaseline: 'alphabetic', font: '10px sans-serif'});
    }
    at(x, y) { return `${digits(x + this.dx)} ${digits(y + this.dy)}`; }
    save() {
      const {fillStyle, strokeStyle, lineWidth, globalAlpha, lineJoin, lineCap, textAlign, textBaseline, font, dx, dy, open, dash} = this;
      this.stack.push({fillStyle, strokeStyle, lineWidth, globalAlpha, lineJoin, lineCap, textAlign, textBaseline, font, dx, dy, open, dash});
    }
    restore() {
      const was = this.stack.pop();
      for (; this.open > was.open; this.open--) this.parts.push('</g>');
      Object.assign(this, was);
    }
    translate(x, y) { this.dx += x; this.dy += y; }
    beginPath() { this.path = []; }
    moveTo(x, y) { if (Number.isFinite(x + y)) this.path.push(`M${this.at(x, y)}`); }
    lineTo(x, y) { if (Number.isFinite(x + y)) this.path.push(`${this.path.length ? 'L' : 'M'}${this.at(x, y)}`); }
    closePath() { if (this.path.length) this.path.push('Z'); }
    rect(x, y, w, hgt) { this.path.push(`M${this.at(x, y)}h${digits(w)}v${digits(hgt)}h${digits(-w)}Z`); }
    arc(x, y, r) { if (Number.isFinite(x + y)) this.path.push(`M${this.at(x - r, y)}a${digits(r)} ${digits(r)} 0 1 0 ${digits(2 * r)} 0a${digits(r)} ${digits(r)} 0 1 0 ${digits(-2 * r)} 0`); }
    clip() {
      this.clips++;
      this.parts.push(`<clipPath id="clip${this.clips}"><path d="${this.path.join('')}"/></clipPath><g clip-path="url(#clip${this.clips})">`);
      this.open++;
    }
    setLineDash(dash) { this.dash = dash; }
    opacity() { return this.globalAlpha < 1 ? ` opacity="${digits(this.globalAlpha)}"` : ''; }
    stroke() {
      if (this.path.length) this.parts.push(`<path d="${this.path.join('')}" fill="none" stroke="${escaped(this.strokeStyle)}" stroke-width="${this.lineWidth}" stroke-linejoin="${this.lineJoin}" stroke-linecap="${this.lineCap}"${this.dash.length ? ` stroke-dasharray="${this.dash.join(' ')}"` : ''}${this.opacity()}/>`);
    }
    fill() { if (this.path.length) this.parts.push(`<path d="${this.path.join('')}" fill="${escaped(this.fillStyle)}"${this.opacity()}/>`); }
    fillRect(x, y, w, hgt) { this.parts.push(`<rect x="${digits(x + this.dx)}" y="${digits(y + this.dy)}" width="${digits(w)}" height="${digits(hgt)}" fill="${escaped(this.fillStyle)}"${this.opacity()}/>`); }
    letters(text, x, y, paint) {
      const anchor = {left: 'start', center: 'middle', right: 'end'}[this.textAlign] || 'start', [, weight, size, family] = /^(\d+ )?([\d.]+)px (.*)$/.exec(this.font) || [];
      const shift = this.textBaseline === 'middle' ? 0.35 * size : 0;
      this.parts.push(`<text x="${digits(x + this.dx)}" y="${digits(y + this.dy + shift)}" font-size="${size}" font-family="${escaped(family)}"${weight ? ` font-weight="${weight.trim()}"` : ''} text-anchor="${anchor}" ${paint}>${escaped(text)}</text>`);
    }
    fillText(text, x, y) { this.letters(text, x, y, `fill="${escaped(this.fillStyle)}"`); }
    strokeText(text, x, y) { this.letters(text, x, y, `fill="none" stroke="${escaped(this.strokeStyle)}" stroke-width="${this.lineWidth}" stroke-linejoin="${this.lineJoin}"`); }
    measureText(text) { return this.measure(text, this.font); }
    text(width, height, title) {
      return `<svg xmlns="${SVG_NAME}" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"><title>${escaped(title)}</title>${this.parts.join('\n')}</svg>\n`;
    }
  }
  const SVG_NAME = 'http' + '://www.w3.org/2000/svg';   // a name, not an address: nothing is fetched

  crossboard.Svg = Svg;
  if (typeof window === 'undefined') return;
  const {board, cardMenu, h, plot, range, smoothing, url} = crossboard;

  const xWords = axis => axis === 'relative' ? 'time since the run began' : axis === 'wall' ? 'time' : axis.replace(/^metric:/, '');

  /** The runs or groups of a card's legend, each once: [{name, colour, dash}]. */
  function legend(card) {
    const found = new Map();
    for (const one of card.drawn) {
      const several = new Set(card.drawn.map(other => other.curve.tag)).size > 1, name = [one.run.name, several && !one.band && one.curve.tag, one.run.ranks > 1 && `rank ${one.curve.rank}`].filter(Boolean).join(', ');
      if (!one.thin && !one.older && !found.has(name)) found.set(name, {name, colour: one.colour, dash: one.dash});
    }
    return [...found.values()];
  }

  /** How large the picture of a card is, and its legend's columns. */
  function plan(card) {
    const entries = legend(card), shown = entries.slice(0, LEGEND), columns = Math.max(1, Math.min(4, shown.length)), lines = Math.ceil(shown.length / columns) + (entries.length > LEGEND ? 1 : 0);
    return {entries, shown, columns, width: WIDTH, height: MARGIN + 46 + PLOT + 22 + lines * ROW + MARGIN};
  }

  /** Draw the picture of a card on a canvas context or an Svg. */
  function paint(g, card, {entries, shown, columns, width, height}) {
    const c = plot.colours(), {at} = card, family = c.font.replace(/^\S+ /, ''), words = (text, x, y, size, colour, strong = '') => { g.font = `${strong}${size}px ${family}`; g.fillStyle = colour; g.fillText(text, x, y); };
    const cut = (text, room, size) => { g.font = `${size}px ${family}`; let t = text; while (t.length > 1 && g.measureText(t).width > room) t = t.slice(0, -2) + '…'; return t; };
    g.fillStyle = c.surface; g.fillRect(0, 0, width, height);
    g.textAlign = 'left'; g.textBaseline = 'alphabetic';
    words(cut(card.name, width - 2 * MARGIN, 15), MARGIN, MARGIN + 14, 15, c.ink, '600 ');
    words(cut([card.count.textContent, ...[...card.facts.children].map(one => one.textContent), at.log && 'log y', at.logx && 'log x'].filter(Boolean).join(' · '), width - 2 * MARGIN, 11), MARGIN, MARGIN + 34, 11, c.ink3);
    g.font = c.font;
    g.save();
    g.translate(MARGIN, MARGIN + 46);
    const own = plot.geometry({width: width - 2 * MARGIN, height: PLOT, x: [at.x0, at.x1], y: [at.y0, at.y1], log: at.log, logx: at.logx, axis: card.axis});
    if (!at.yTicks.length) own.yTicks = [];
    const bare = {...own, xTicks: [], yTicks: []}, style = plot.style(card.drawn.length, Boolean(card.zoom));
    if (card.behind.length) plot.draw(g, own, card.behind, smoothing.style(card.behind.length, 0));
    plot.draw(g, card.behind.length ? bare : own, card.drawn, {...style, filled: true});
    if (card.left && card.left.outside) range.marks(g, card.drawn.concat(card.behind), own);
    crossboard.looks.drawReference(g, own, card);
    crossboard.marks.draw(g, own, card);
    g.restore();
    g.textAlign = 'right'; g.textBaseline = 'alphabetic';
    words(xWords(card.axis), width - MARGIN - 12, MARGIN + 46 + PLOT + 14, 11, c.ink2);
    g.textAlign = 'left';
    words(cut(`y: ${card.name}`, width / 2, 11), MARGIN, MARGIN + 46 + PLOT + 14, 11, c.ink2);
    const top = MARGIN + 46 + PLOT + 22 + ROW, room = (width - 2 * MARGIN) / columns;
    shown.forEach(({name, colour, dash}, i) => {
      const x = MARGIN + room * (i % columns), y = top + ROW * Math.floor(i / columns);
      g.strokeStyle = colour; g.lineWidth = 2; g.setLineDash(dash || []);
      g.beginPath(); g.moveTo(x, y - 4); g.lineTo(x + 20, y - 4); g.stroke();
      g.setLineDash([]);
      words(cut(name, room - 36, 11), x + 26, y, 11, c.ink);
    });
    if (entries.length > shown.length) words(`and ${entries.length - shown.length} more`, MARGIN, top + ROW * Math.ceil(shown.length / columns), 11, c.ink3);
  }

  /** The picture as SVG, a text. */
  function svg(card) {
    const made = plan(card), ruler = document.createElement('canvas').getContext('2d'), g = new Svg((text, font) => { ruler.font = font; return ruler.measureText(text); });
    g.font = plot.colours().font;
    paint(g, card, made);
    return g.text(made.width, made.height, card.name);
  }

  /** The picture as a PNG Blob, twice as many pixels as its size. */
  function png(card) {
    const made = plan(card), canvas = document.createElement('canvas');
    canvas.width = made.width * SCALE; canvas.height = made.height * SCALE;
    const g = canvas.getContext('2d');
    g.scale(SCALE, SCALE);
    paint(g, card, made);
    return new Promise((resolve, reject) => canvas.toBlob(blob => blob ? resolve(blob) : reject(new Error('the browser made no PNG')), 'image/png'));
  }

  const fileName = (card, ending) => `${card.name.replace(/[^\w.-]+/g, '-')}.${ending}`;

  function save(card, blob, ending) {
    const link = h('a', {href: URL.createObjectURL(blob), download: fileName(card, ending), hidden: true});
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    crossboard.say(`Saved ${fileName(card, ending)}`);
  }

  const NAMED = 300;   // a longer list of runs has no room in an address: then all runs

  /** Where the points of a card are, every point up to 100,000 buckets of four a curve: of the shown runs, over its x, inside its window. */
  function data(card, form) {
    const q = new URLSearchParams(), few = board.visible.length < board.order.length && board.visible.length <= NAMED;
    for (const tag of card.tags) q.append('tag', tag);
    if (few) for (const run of board.visible) q.append('run', run.key);
    q.set('x', card.x);
    if (card.zoom) { q.set('low', card.zoom[0]); q.set('high', card.zoom[1]); q.set('points', 1000000); } else q.set('buckets', 100000);
    q.set('format', form);
    return url(`api/${card.zoom ? 'window' : 'curves'}?${q}`);
  }

  cardMenu.more.push(card => h('div.line', {role: 'group', 'aria-label': 'download'}, h('span.dim', {}, 'Save'),
    h('a.btn', {id: 'card-csv', href: data(card, 'csv'), download: fileName(card, 'csv'), title: 'Logged points of the shown runs'}, 'CSV'),
    h('a.btn', {id: 'card-json', href: data(card, 'json'), download: fileName(card, 'json'), title: 'Logged points of the shown runs'}, 'JSON'),
    h('button.btn', {id: 'card-svg', type: 'button', disabled: !card.at, onclick: () => save(card, new Blob([svg(card)], {type: 'image/svg+xml'}), 'svg')}, 'SVG'),
    h('button.btn', {id: 'card-png', type: 'button', disabled: !card.at, onclick: async () => save(card, await png(card), 'png')}, 'PNG')));

  crossboard.picture = {svg, png, data};
})(typeof window === 'undefined' ? globalThis : window);
