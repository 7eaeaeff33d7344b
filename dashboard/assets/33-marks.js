/* What happened to a run, marked on its curves: alerts (a hollow diamond), the start of a newer attempt (an open circle with a dotted stem), and
   where a curve was NaN or infinite first (a dotted stem over the triangle that 30-plot.js draws).

   Alerts and restarts come from /api/marks, for the drawn runs that have any: most boards ask for nothing. The first NaN is found in the
   curve itself, whose thinned form keeps it. `state.marks`, or `own.marks` of a card, is "off" where a person wants none; the triangles and gaps stay, since
   they say what a curve is. What a card has is `card.marks`: {name, list, leftOut}; what it drew is `card.marked`: [{px, py, words, ...}]. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {board, curves, getJson, h, icon, numbers, plot, state} = crossboard;
  const MOST_RUNS = 60, FEW = 40, NEAR_PX = 7, APART_PX = 8, FAILED_MS = 5000, AT_ONCE = 24;
  const LEVELS = {info: 'alert', warn: 'warning', error: 'error'};
  let busy = false, notBefore = 0, timer = 0;

  const on = card => state.marks !== 'off' && card.own.marks !== 'off';

  let runsOf = null, runs = [], name = '';
  /** The drawn runs that have something to mark, the newest first, and their name. */
  function eventful() {
    if (runsOf !== board.visible || name === '') {
      runsOf = board.visible;
      runs = board.visible.filter(run => run.alerts || run.attempts > 1).reverse();
      name = `|${runs.slice(0, MOST_RUNS).map(run => `${run.mark}:${run.alerts}:${run.attempts}`).join()}`;
    }
    return runs;
  }
  board.on('runs visible', () => { name = ''; pump(); });

  const wanted = card => { eventful(); return card.x + name; };
  const lacks = card => Boolean(eventful().length) && (!card.marks || card.marks.name !== wanted(card));

  async function read(cards) {
    const q = new URLSearchParams(), {x} = cards[0], asked = wanted(cards[0]);
    for (const tag of new Set(cards.flatMap(card => card.tags))) q.append('tag', tag);
    for (const run of eventful().slice(0, MOST_RUNS)) q.append('run', run.key);
    q.set('x', x);
    busy = true;
    try {
      const {marks, left_out: leftOut} = await getJson(`api/marks?${q}`);
      for (const card of cards) {
        card.marks = {name: asked, x, leftOut: Object.values(leftOut).reduce((n, some) => n + some, 0), list: marks.filter(mark => card.tags.includes(mark.tag))};
        card.redraw();
      }
    } catch { notBefore = performance.now() + FAILED_MS; }
    busy = false;
    curves.pump();
  }

  /** Start the request that is due: for the cards near the screen that have their curves. */
  function pump() {
    clearTimeout(timer);
    if (busy || !board.loaded || document.hidden || state.marks === 'off' || !eventful().length) return;
    const due = [...curves.near].filter(card => card.signature && on(card) && lacks(card)).sort((a, b) => (b.onScreen ? 1 : 0) - (a.onScreen ? 1 : 0) || a.place - b.place);
    if (!due.length) return;
    if (performance.now() < notBefore) { timer = setTimeout(pump, notBefore - performance.now() + 10); return; }
    read(due.filter(card => card.x === due[0].x).slice(0, AT_ONCE));
  }

  /** The first value of a curve that is not finite: {x, value}, null where there is none. */
  function firstLost(curve) {
    if (!curve || (!curve.nan && !curve.pos_inf && !curve.neg_inf)) return null;
    const {x, y} = curve;
    let found = -1;
    for (let i = 0; i < y.length; i++) if (y[i] - y[i] !== 0 && (found < 0 || x[i] < x[found])) found = i;
    return found < 0 ? null : {x: x[found], value: y[found]};
  }

  const placeIn = (card, x) => card.axis === 'wall' ? numbers.clock(x) : numbers.xValue(card.axis, x);

  /** Everything that is to be marked on a card: [{kind, x, one, words, title, ...}]; `one` is the entry whose curve it is on. */
  function found(card) {
    const entries = (card.members || card.drawn).filter(one => !one.older && !one.thin), byCurve = new Map(), byRun = new Map(), list = [], told = card.marks && card.marks.x === card.axis ? card.marks.list : [];
    if (told.length) for (const one of entries) {
      byCurve.set(`${one.curve.run}\n${one.curve.rank}\n${one.curve.tag}`, one);
      byRun.set(`${one.curve.run}\n${one.curve.tag}`, one);
    }
    if (entries.length <= 6 * FEW) for (const one of entries) {
      const whole = card.curves.get(curves.curveKey(one.curve)) || one.curve, lost = firstLost(whole);
      const of = card.tags.length > 1 ? ` of ${one.curve.tag.replace(/^=/, '')}` : '';
      if (lost) list.push({kind: 'lost', x: lost.x, value: lost.value, one, name: one.run.name, words: `first ${lost.value !== lost.value ? 'NaN' : 'infinite value'}${of}, ${placeIn(card, lost.x)}`});
    }
    for (const mark of told) {
      const one = byCurve.get(`${mark.run}\n${mark.rank}\n${mark.tag}`) || byRun.get(`${mark.run}\n${mark.tag}`);
      if (!one || !board.shown.has(mark.run)) continue;
      const run = board.runs.get(mark.run), said = mark.kind === 'alert' ? [LEVELS[mark.level] || 'alert', mark.title].join(': ') : `attempt ${mark.attempt} begins`;
      list.push({...mark, one, name: run.name, words: `${said}, ${mark.kind === 'alert' && mark.step !== null ? `step ${numbers.whole(mark.step)}` : placeIn(card, mark.x)}`, text: mark.text || ''});
    }
    return list.sort((a, b) => a.x - b.x);
  }

  /** Where a mark stands on its curve: the y of the line at x, between its two points; null where it has none there. */
  function heightAt({curve}, x, at) {
    const i = crossboard.columns.nearest(curve, x), v = i < 0 ? NaN : curve.y[i];
    if (v - v !== 0 || (at.log && v <= 0)) return null;
    let y = at.Y(v);
    const j = curve.x[i] < x ? i + 1 : i - 1, w = curve.y[j];
    if (curve.sorted && j >= 0 && j < curve.x.length && curve.x[j] !== curve.x[i] && w - w === 0 && !(at.log && w <= 0) && (x - curve.x[i]) * (x - curve.x[j]) <= 0)
      y += (at.Y(w) - y) * (at.X(x) - at.X(curve.x[i])) / (at.X(curve.x[j]) - at.X(curve.x[i]) || 1);
    return y;
  }

  const within = (y, at) => Math.max(at.top, Math.min(at.bottom, y));

  function diamond(g, x, y, r) {
    g.beginPath();
    g.moveTo(x, y - r); g.lineTo(x + r, y); g.lineTo(x, y + r); g.lineTo(x - r, y);
    g.closePath();
  }

  function stem(g, x, from, to) {
    g.setLineDash([1.5, 2]); g.lineWidth = 1;
    g.beginPath(); g.moveTo(x, from); g.lineTo(x, to); g.stroke();
    g.setLineDash([]);
  }

  /** Draw the marks of a card at `at`, that of the card or of a picture of it. Returns all of them with their `px`. */
  function draw(g, at, card) {
    const marked = [];
    if (!on(card)) return marked;
    const c = plot.colours(), last = new Map(), many = card.drawn.length > FEW;
    for (const mark of found(card)) {
      if (!(mark.x >= at.x0 && mark.x <= at.x1) || (at.logx && mark.x <= 0)) continue;
      const px = at.X(mark.x), height = heightAt(mark.one, mark.x, at), group = `${mark.kind}${mark.one.curve.run}${mark.one.curve.tag}`;
      marked.push({...mark, px});
      if ((many && mark.kind === 'lost') || px - (last.get(group) ?? -99) < APART_PX) continue;   // the tooltip has it all the same
      last.set(group, px);
      g.save();
      g.strokeStyle = mark.one.colour; g.fillStyle = c.surface; g.lineJoin = 'miter';
      if (mark.kind === 'lost') {
        const up = mark.value === Infinity;
        if (card.members) {   // its own curve is not drawn, nor is the triangle on it
          const y = up ? at.top + 6 : at.bottom, tip = mark.value === -Infinity ? 7 : -7;
          g.fillStyle = mark.one.colour;
          g.beginPath(); g.moveTo(px - 4, y + (tip > 0 ? -tip : 0)); g.lineTo(px + 4, y + (tip > 0 ? -tip : 0)); g.lineTo(px, tip > 0 ? y : y + tip); g.fill();
        }
        stem(g, px, up ? at.top + 8 : mark.value === -Infinity ? at.bottom - 8 : at.bottom - 9, up ? Math.min(at.bottom, at.top + 30) : Math.max(at.top, at.bottom - 32));
      } else if (mark.kind === 'restart') {
        const y = height === null ? at.bottom - 5 : within(height, at);
        stem(g, px, Math.min(at.bottom, y + 4), at.bottom);
        g.lineWidth = 1.4;
        g.beginPath(); g.arc(px, y, 3.2, 0, 6.2832); g.fill(); g.stroke();
      } else {
        const own = mark.of === mark.tag || !mark.of, y = height === null ? at.top + 5 : within(height, at);
        g.lineWidth = mark.level === 'error' ? 2 : 1.4; g.globalAlpha = own ? 1 : 0.7;
        diamond(g, px, y, own ? 4.5 : 3.4);
        g.fill(); g.stroke();
      }
      g.restore();
    }
    return marked;
  }

  /** The marks within a few pixels of plot position `px`, or at x exactly: [{words, text, name, colour, kind}]. */
  const notes = (card, px, x) => once((card.marked || []).filter(mark => Math.abs(mark.px - px) <= NEAR_PX || mark.x === x))
    .map(({words, text = '', name, one, kind}) => ({words, text: text.slice(0, 200), name, colour: one.colour, kind}));

  /** The same mark on several curves of a run once. */
  const once = list => [...new Map(list.map(mark => [`${mark.kind}\n${mark.one.run.key}\n${mark.words}\n${mark.wall_time}`, mark])).values()];

  /** What the foot of a card says of them. */
  function describe(card) {
    if (!on(card)) return [];
    const all = once((card.marked || []).filter(mark => mark.kind === 'alert')), said = [], {leftOut = 0} = card.marks || {};
    if (all.length) said.push(h('span', {title: all.slice(0, 8).map(mark => `${mark.name}: ${mark.words}`).join('\n') + (leftOut ? `\n${numbers.whole(leftOut)} older ones are on the run's page` : '')}, icon('flag', true), `${numbers.whole(all.length)} ${all.length === 1 ? 'alert' : 'alerts'}`));
    if (eventful().length > MOST_RUNS) said.push(h('span', {title: `${numbers.whole(eventful().length)} drawn runs have alerts or restarts; those of the newest ${MOST_RUNS} are marked`}, `marks of ${MOST_RUNS} runs`));
    return said;
  }

  /** How many cards still wait for their marks. */
  const pending = () => state.marks === 'off' || !board.loaded || !eventful().length || performance.now() < notBefore ? 0 : [...curves.near].filter(card => !card.hiddenAway && on(card) && lacks(card)).length;

  state.on('marks', () => { crossboard.grid.redraw(); pump(); });

  crossboard.marks = {on, pump, pending, draw, notes, describe};
})(window);
