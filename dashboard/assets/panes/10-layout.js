/* Where panes stand: Visdom's own rules, so that an environment looks here as it does there.

   Visdom's grid has 100 columns over the whole width, rows of 5 px and gaps of 10 px. A pane is as large as it was dragged to
   (`place`), else as its width and height say, else as its type's default; panes go row by row in their order and then up as far as
   nothing is in the way. In order: by row and column where every pane was placed, else as they were made. Ours to add: the room
   of a card's head and foot, and of a caption and slider, a least width, and one column on narrow screens. Pure: no page, no state. */
(root => {
  'use strict';
  const crossboard = root.crossboard = root.crossboard || {};
  const COLUMNS = 100, ROW = 5, GAP = 10, LEAST = 240, NARROW = 720, FRAME = 3;   // FRAME: rows for our head and foot
  const HISTORY = 4, PICTURE = 2, SIZES = {plot: [30, 24], plot_history: [30, 24], embeddings: [30, 24], network: [25, 24], properties: [20, 20]}, OTHER = [20, 20];

  const number = value => typeof value === 'number' && Number.isFinite(value);

  /** The size of a pane in columns and rows of a grid `width` pixels wide, our head and foot included. */
  function sizeOf(pane, width) {
    const column = (width - GAP) / COLUMNS, place = pane.place || {}, [wide, tall] = SIZES[pane.type] || OTHER;
    const w = number(place.w) && place.w > 0 ? place.w : pane.width > 0 ? (pane.width + GAP) / column : wide;
    const h = number(place.h) && place.h > 0 ? place.h : pane.height > 0 ? Math.ceil((pane.height + 14 + GAP) / (ROW + GAP)) : tall;
    return [Math.min(COLUMNS, Math.max(w, (LEAST + GAP) / column)), Math.min(400, Math.max(4, h)) + FRAME + (pane.type === 'image_history' ? HISTORY : pane.type === 'image' ? PICTURE : 0)];
  }

  /** Panes in the order in which they are laid out. */
  function ordered(panes) {
    const placed = panes.length && panes.every(({place}) => place && number(place.x) && number(place.y));
    return placed ? [...panes].sort((a, b) => a.place.y - b.place.y || a.place.x - b.place.x || 0) : panes;
  }

  /** Boxes {left, top, width, height} in pixels for `panes` (in their order), and how tall all of them are. */
  function boxes(panes, width) {
    if (width < NARROW) return stacked(panes, width);
    const column = (width - GAP) / COLUMNS, cells = [];
    let x = 0;
    for (const pane of panes) {
      const [w, h] = sizeOf(pane, width);
      if (x > 0 && x + w > COLUMNS + 1e-9) x = 0;
      let y = 0;
      for (const one of cells) if (one.x < x + w - 1e-9 && x < one.x + one.w - 1e-9) y = Math.max(y, one.y + one.h);
      cells.push({x, y, w, h});
      x += w;
    }
    const found = cells.map(({x, y, w, h}) => ({left: Math.round(GAP + x * column), top: GAP + y * (ROW + GAP), width: Math.floor(w * column - GAP), height: h * (ROW + GAP) - GAP}));
    return {boxes: found, tall: found.reduce((most, one) => Math.max(most, one.top + one.height), 0) + 2 * GAP};
  }

  function stacked(panes, width) {
    let top = GAP;
    const found = panes.map(pane => {
      const [, h] = sizeOf(pane, 1000), box = {left: GAP, top, width: Math.max(0, width - 2 * GAP), height: Math.min(560, h * (ROW + GAP) - GAP)};
      top += box.height + GAP;
      return box;
    });
    return {boxes: found, tall: top + GAP};
  }

  crossboard.paneLayout = {boxes, ordered, sizeOf, NARROW};
})(typeof window === 'undefined' ? globalThis : window);
