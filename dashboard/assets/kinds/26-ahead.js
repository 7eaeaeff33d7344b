/* Reading ahead of the step slider: the pictures of the steps that come next in the direction in which it moved, and a few of those behind it.

   As many steps as fit into what `bitmaps` has room for, at most MOST_STEPS; nearer ones first. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {bitmaps, steps} = crossboard;
  const MOST_STEPS = 160, BEHIND = 0.25, WAIT_MS = 40, AGAIN_MS = 250, STRIDE = 12;
  let before = null, way = 1, timer = 0, planned = null;

  /** The pictures that `tile` would show `by` points on, as things to decode; null where its points still have to be read. */
  function thingsAt(tile, at, by) {
    const place = tile.places[at + by];
    if (place === undefined) return [];
    const content = tile.series.content(place);
    if (content.then) { content.then(soon, () => {}); return null; }
    const cells = tile.view && tile.view.cells ? tile.view.cells() : [];
    return content.images.flatMap((one, i) => { const cell = cells[i]; return cell && cell.w && one.blob.media_type !== 'image/gif' ? [bitmaps.picture(one, Math.max(cell.w, cell.h) * Math.min(3, devicePixelRatio || 1))] : []; });
  }

  function plan() {
    timer = 0;
    planned = {way, step: before};
    const tiles = crossboard.kinds.tiles().filter(tile => tile.near && tile.series.known && tile.series.kind === 'image' && tile.shownPlace >= 0), things = [];
    if (!tiles.length) { bitmaps.prepare([]); return; }
    const at = new Map(tiles.map(tile => [tile, tile.places.indexOf(tile.shownPlace)])), open = new Set(tiles), known = new Set();
    let room = bitmaps.room();
    for (let k = 1; k <= MOST_STEPS && room > 0 && open.size; k++) {
      for (const by of k * BEHIND === Math.floor(k * BEHIND) ? [way * k, -way * k * BEHIND] : [way * k]) for (const tile of open) {
        const found = thingsAt(tile, at.get(tile), by);
        if (!found) { open.delete(tile); continue; }
        for (const thing of found) if (!known.has(thing.key)) { known.add(thing.key); room -= thing.bytes; if (room > 0) things.push(thing); }
      }
    }
    bitmaps.prepare(things);
  }

  function soon(wait = AGAIN_MS) { if (!timer) timer = setTimeout(plan, typeof wait === 'number' ? wait : AGAIN_MS); }

  /** The slider moved. */
  function moved() {
    const now = steps.chosen();
    if (now !== null && before !== null && now !== before) way = now > before ? 1 : -1;
    else if (now === null) way = -1;   // the newest is shown: only what was before it can be wanted
    before = now;
    if (planned && planned.way === way && now !== null && Math.abs(steps.between(planned.step, now)) < STRIDE) return;   // far enough is planned already
    soon(WAIT_MS);
  }

  function stop() { clearTimeout(timer); timer = 0; before = planned = null; way = 1; bitmaps.prepare([]); }

  crossboard.ahead = {moved, soon, stop};
})(window);
