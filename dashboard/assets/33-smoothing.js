/* Smoothing of the cards: reads smoothed curves for the cards near the screen, and dresses what a card draws: the smoothed line in front,
   the logged values thin behind it.

   The server smooths all points of a series (store/smoothing.py), never the drawn ones. A card's smoothed curves are read anew when what
   is asked for changes (`wanted`), and what grew of them, while points come, at most twice a second. Until they are there the logged values
   are drawn and the foot says "smoothing"; a request that nobody waits for any more is ended. Bands are not smoothed. What a card has is
   `card.smoothed`: {name, as, x, zoom, version, curves: Map of curve key -> curve}. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {bands, board, cardSettings, columns, curves, h, icon, state} = crossboard;
  const QUIET_MS = 500, FAILED_MS = 3000, AT_ONCE = 6, SETTLE_MS = 60;
  let request = null, timer = 0;

  const on = card => Boolean(card.smoothing) && !bands.on(card);
  const zoomOf = card => card.zoom ? card.zoom.join('~') : '';

  /** What `card` asks for, as a name. */
  const wanted = (card, want = curves.wanted(card)) => `${card.smoothing}|${zoomOf(card)}|${want.signature}`;
  const lacks = card => !card.smoothed || card.smoothed.name !== wanted(card);

  async function read(cards, name) {
    const stop = new AbortController(), [first] = cards, want = curves.wanted(first), zoom = first.zoom, as = first.smoothing;
    const since = !zoom && cards.every(card => !lacks(card)) ? Math.min(...cards.map(card => card.smoothed.version)) : null;
    request = {cards, name, stop};
    for (const card of cards) card.smoothDirty = false;
    let error = null;
    try {
      const tags = cards.flatMap(card => card.tags), more = zoom ? {low: zoom[0], high: zoom[1], points: want.points} : {buckets: want.buckets};
      if (since !== null) more.since = since;
      const head = await curves.read(`api/${zoom ? 'window' : 'curves'}?${curves.query(want, tags, {...more, smoothing: as})}`, stop.signal);
      const found = curves.byTag(head), whole = since === null || head.complete === false;
      for (const card of cards) {
        const map = whole ? new Map() : card.smoothed.curves;
        for (const curve of card.tags.flatMap(tag => found.get(tag) || [])) map.set(curves.curveKey(curve), curve);
        card.smoothed = {name, as, x: want.x, zoom: zoomOf(first), version: head.version, curves: map};
        card.smoothError = '';
        card.redraw();
      }
    } catch (caught) { error = caught; }
    request = null;
    const gone = error && error.name === 'AbortError';
    for (const card of cards) {
      card.smoothAt = gone ? 0 : performance.now() + (error ? FAILED_MS : QUIET_MS);
      if (error) card.smoothDirty = true;
      if (error && !gone) { card.smoothError = error.message; if (card.canvas) card.describe(); }
    }
    curves.pump();
  }

  /** Start the request that is due, and end the one that nobody waits for. */
  function pump() {
    clearTimeout(timer);
    if (request && !request.cards.some(card => curves.near.has(card) && on(card) && wanted(card) === request.name)) request.stop.abort();
    if (request || !board.loaded || document.hidden) return;
    const now = performance.now(), due = [];
    let soonest = Infinity;
    for (const card of curves.near) {
      if (!card.signature || !on(card) || !(lacks(card) || card.smoothDirty)) continue;
      const at = lacks(card) && !card.smoothError ? 0 : card.smoothAt || 0;
      if (at <= now) due.push(card); else soonest = Math.min(soonest, at);
    }
    due.sort((a, b) => (b.onScreen ? 1 : 0) - (a.onScreen ? 1 : 0) || a.place - b.place);
    if (due.length) {
      const name = wanted(due[0]), fresh = lacks(due[0]);
      read(due.filter(card => wanted(card) === name && lacks(card) === fresh).slice(0, Math.min(AT_ONCE, curves.perRequest())), name);
    } else if (soonest < Infinity) timer = setTimeout(pump, Math.max(20, soonest - now));
  }

  /** How many cards still wait for their smoothed curves. */
  const pending = () => [...curves.near].filter(card => !card.hiddenAway && on(card) && lacks(card) && !card.smoothError).length;

  function changed(tags) {
    for (const card of new Set([...crossboard.grid.cards.values(), ...curves.near])) if (!tags || card.tags.some(tag => tag[0] === '=' || tags.has(tag))) card.smoothDirty = true;
  }

  /** True when what the card has may be drawn: smoothed over the same x and window, if not in the newest way. */
  const fits = card => Boolean(card.smoothed) && card.smoothed.x === card.axis && card.smoothed.zoom === zoomOf(card);

  /** What a card draws when its curves are `list`: each by its smoothed one where that is there. What was logged goes to `card.behind`. */
  function dress(card, list) {
    card.behind = [];
    if (!on(card) || !fits(card) || (card.zoom && !card.inWindow)) return list;
    return list.map(one => {
      const made = one.older ? null : card.smoothed.curves.get(curves.curveKey(one.curve));
      if (!made || !made.x.length) return one;
      card.behind.push({...one, dash: [], dashed: false});
      return {...one, curve: made, logged: one.curve};
    });
  }

  /** How the logged values stand behind `count` smoothed lines; `dense`: drawn points a pixel, where lines lie on one another. */
  const style = (count, dense) => ({width: 1, alpha: dense > 0.9 || count > 20 ? 0.1 : count > 4 ? 0.16 : 0.22, dots: 0, bare: true});

  /** The logged point nearest to x: {x, value}; null for what is not smoothed. Of a thinned curve the nearest kept one. */
  function logged(one, x) {
    const i = one.logged ? columns.nearest(one.logged, x) : -1;
    return i < 0 ? null : {x: one.logged.x[i], value: one.logged.y[i]};
  }

  /** What the foot of a card says of it: a list of elements. */
  function describe(card) {
    if (!card.smoothing) return [];
    if (bands.on(card)) return [h('span', {title: 'a mean over runs is drawn as it is'}, 'bands not smoothed')];
    if (card.smoothError) return [h('span.warn', {title: card.smoothError}, icon('clock', true), 'not smoothed')];
    if (lacks(card) || !card.behind.length) return [h('span.pending', {title: `${cardSettings.words(card.smoothing)} over all points`}, 'smoothing …')];
    return [h('span', {title: 'over all points; it starts anew after a gap'}, cardSettings.words(card.smoothing))];
  }

  let settle = 0;
  state.on('smooth cards', () => {   // a slider that is moved asks once it rests
    crossboard.grid.redraw();
    clearTimeout(settle);
    settle = setTimeout(curves.pump, SETTLE_MS);
  });

  crossboard.smoothing = {pump, pending, changed, dress, style, logged, describe};
})(window);
