/* Reads curves for the cards that are near the screen: one request for all that need the same, as binary columns.

   A card asks by being in `curves.near` and having `card.want()`. It is read whole when its signature (x axis, buckets, runs)
   is new, and with `since` when the live stream says that its tag changed. A zoomed card reads /api/window instead.
   What a card gets: `card.take(Map of curve key -> curve)`, `card.takeWindow(...)`, `card.fail(error)`. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {board, columns, failure, state, stats, url} = crossboard;
  const POINTS_A_CARD = 150000;   // drawn points of a card of a thousand runs; few enough to draw in a third of a second
  const LISTED_RUNS = 60;         // up to so many runs are named in a request, else all are read
  const AT_ONCE = 2;              // requests under way
  const QUIET_MS = 200;           // least time between two live readings of a card; longer where reading and drawing is slow

  const near = new Set();
  let underWay = 0, timer = 0;

  const curveKey = curve => `${curve.run}\n${curve.rank}\n${curve.tag}`;

  /** The runs to name in a request: all when there are few, the drawn ones when they are few, else none (which means all). */
  function listed() {
    return board.order.length > LISTED_RUNS && board.visible.length <= LISTED_RUNS ? board.visible.map(run => run.key) : [];
  }

  function wanted(card) {
    const runs = listed();
    const among = runs.length || board.order.length || 1, rounded = 2 ** Math.ceil(Math.log2(among));
    const fit = crossboard.settings.get('points') / 4 || Math.ceil(Math.max(120, card.width || 340) / 2 / 40) * 40;
    const buckets = Math.max(24, Math.min(fit, Math.floor(POINTS_A_CARD / 4 / rounded)));
    const x = card.x || state.x;
    return {x, buckets, runs, points: Math.max(200, Math.min(2000, Math.floor(POINTS_A_CARD / rounded))),
      signature: `${x}|${buckets}|${runs.join()}`};
  }

  async function read(path, signal) {
    stats.requests++;
    const answer = await fetch(url(path), {headers: {Accept: 'application/vnd.crossboard.columns'}, credentials: 'same-origin', signal});
    if (!answer.ok) throw await failure(answer);
    return columns.parse(await answer.arrayBuffer());
  }

  function query(want, tags, more = {}) {
    const q = new URLSearchParams();
    for (const tag of tags) q.append('tag', tag);
    for (const run of want.runs) q.append('run', run);
    q.set('x', want.x);
    for (const [name, value] of Object.entries(more)) q.set(name, value);
    return q.toString();
  }

  function byTag(head) {
    const tags = new Map();
    for (const curve of head.curves) {
      if (!tags.has(curve.tag)) tags.set(curve.tag, []);
      tags.get(curve.tag).push(curve);
    }
    return tags;
  }

  const perRequest = () => board.order.length > 200 ? 2 : 24;   // cards; many runs in parts, so that the first can be drawn early

  let ahead = [];
  /** Ask for the curves of `charts` before their cards exist (Dash is still laying out the page); `width` is what a card will have. */
  function prefetch(charts, width) {
    const want = wanted({width}), step = perRequest();
    for (let i = 0; i < charts.length && ahead.length < AT_ONCE; i += step) {
      const part = charts.slice(i, i + step).flatMap(chart => chart.tags), head = read(`api/curves?${query(want, part, {buckets: want.buckets})}`);
      head.catch(() => {});   // the card asks again, and says what is wrong
      ahead.push({signature: want.signature, tags: new Set(part), head});
    }
    setTimeout(() => { ahead = []; }, 10000);
  }
  const fromAhead = (tags, signature) => ahead.find(one => one.signature === signature && tags.every(tag => one.tags.has(tag)));

  /** Read whole curves, or what came since `since`, for cards of one signature. */
  async function readCurves(cards, want, since) {
    const more = {buckets: want.buckets};
    if (since !== null) more.since = since;
    const early = since === null && fromAhead(cards[0].tags, want.signature);
    if (early) for (const card of cards) for (const tag of card.tags) early.tags.delete(tag);
    const head = early ? await early.head : await read(`api/curves?${query(want, cards.flatMap(card => card.tags), more)}`);
    const tags = byTag(head), whole = since === null || head.complete === false;   // not complete: the server forgot so far back and sent all
    for (const card of cards) {
      const fresh = card.tags.flatMap(tag => tags.get(tag) || []);
      let curves = whole ? new Map() : card.curves;
      for (const curve of fresh) {
        const key = curveKey(curve), merged = columns.merge(whole ? null : curves.get(key), curve);
        if (!merged) { curves = null; break; }
        curves.set(key, merged);
      }
      if (!curves) { card.signature = ''; continue; }     // the page lacks what should stay: read it whole
      card.take(curves, want.signature, head.version, whole || fresh.length > 0, want.x);
    }
  }

  async function readWindow(card, want) {
    const [low, high] = card.zoom;
    const head = await read(`api/window?${query(want, card.tags, {low, high, points: want.points})}`);
    card.takeWindow(new Map(head.curves.map(curve => [curveKey(curve), curve])), `${want.signature}|${low}|${high}`, head.version);
  }

  async function readOlder(card, want) {
    const runs = board.visible.filter(run => run.attempts > 1).slice(0, LISTED_RUNS).map(run => run.key);
    const head = runs.length ? await read(`api/attempts?${query({...want, runs}, card.tags)}`) : {curves: []};
    card.takeOlder(head.curves, `${want.x}|${runs.join()}`);
  }

  function start(cards, work, staysDirty = false) {
    underWay++;
    const began = performance.now();
    for (const card of cards) { card.reading = true; card.dirty = staysDirty && card.dirty; }
    work.then(() => null, error => error).then(error => {
      underWay--;
      const took = performance.now() - began;
      for (const card of cards) {
        card.reading = false;
        card.readAt = began;
        card.pause = Math.min(3000, Math.max(QUIET_MS, 1.2 * took));
        if (error) card.fail(error);
      }
      pump();
    });
  }

  /** Start the requests that are due. Called whenever something was announced, came near, or ended. */
  function pump() {
    clearTimeout(timer);
    if (!board.loaded) return;   // how many runs there are decides how much is asked for
    const now = performance.now();
    let soonest = Infinity;
    const due = new Map();
    const waiting = [...near].filter(card => !card.reading && !card.hiddenAway && (card.retryAt || 0) <= now)
      .sort((a, b) => (b.onScreen ? 1 : 0) - (a.onScreen ? 1 : 0) || a.place - b.place);
    for (const card of near) if (!card.reading && (card.retryAt || 0) > now) soonest = Math.min(soonest, card.retryAt);
    for (const card of waiting) {
      if (underWay >= AT_ONCE) break;
      const want = wanted(card), whole = card.signature !== want.signature;
      const windowName = card.zoom ? `${want.signature}|${card.zoom[0]}|${card.zoom[1]}` : '';
      const fresh = now - (card.readAt || -1e9) >= (card.pause || 0);
      if (card.zoom && card.windowSignature !== windowName && !whole) { start([card], readWindow(card, want), true); continue; }
      if (card.showOlder && !card.olderFailed && !whole && card.olderSignature !== olderName(want)) { start([card], readOlder(card, want), true); continue; }
      if (!whole && (!card.dirty || document.hidden)) continue;   // a hidden page catches up when it is looked at
      if (!whole && !fresh) { soonest = Math.min(soonest, card.readAt + card.pause); continue; }
      if (!whole && card.zoom) { start([card], Promise.all([readWindow(card, want), readCurves([card], want, card.version)])); continue; }
      const early = whole ? ahead.indexOf(fromAhead(card.tags, want.signature)) : -1;
      const name = `${want.signature}|${whole}|${early >= 0 ? early : card.onScreen ? 'on' : 'near'}`;
      if (!due.has(name)) due.set(name, {want, whole, cards: []});
      due.get(name).cards.push(card);
    }
    for (const {want, whole, cards} of due.values()) {
      const atMost = perRequest();
      for (let i = 0; i < cards.length && underWay < AT_ONCE; i += atMost) {
        const part = cards.slice(i, i + atMost);
        start(part, readCurves(part, want, whole ? null : Math.min(...part.map(card => card.version))));
      }
    }
    crossboard.bands.pump();
    crossboard.smoothing.pump();
    crossboard.marks.pump();
    stats.pending = [...near].filter(card => !card.hiddenAway && (card.reading || card.waitsForDrawing || card.signature === '')).length + crossboard.bands.pending() + crossboard.smoothing.pending() + crossboard.marks.pending();
    if (soonest < Infinity) timer = setTimeout(pump, Math.max(10, soonest - now));
  }

  const olderName = want => `${want.x}|${board.visible.filter(run => run.attempts > 1).slice(0, LISTED_RUNS).map(run => run.key).join()}`;

  /** Mark the cards of `tags` as changed (all when it is null). */
  function changed(tags) {
    for (const card of new Set([...crossboard.grid.cards.values(), ...near])) if (!tags || card.tags.some(tag => tag[0] === '=' || tags.has(tag))) card.dirty = true;
    crossboard.bands.changed(tags);
    crossboard.smoothing.changed(tags);
    crossboard.rangeTable.changed(tags);
    pump();
  }

  document.addEventListener('visibilitychange', () => { if (!document.hidden) pump(); });

  crossboard.curves = {near, pump, prefetch, changed, wanted, curveKey, read, query, byTag, perRequest, removed(keys) {
    if (!keys.length) return;
    const gone = new Set(keys);
    for (const card of new Set([...crossboard.grid.cards.values(), ...near]))
      for (const [key, curve] of card.curves) if (gone.has(curve.run)) { card.curves.delete(key); card.redraw(); }
  }};
})(window);
