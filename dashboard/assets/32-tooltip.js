/* The tooltip of the curve cards: at the cursor's right, at its left when there is no room, below or above it on
   a screen that has room on neither side; never over the cursor. */
(root => {
  'use strict';
  const {h, fill, numbers} = root.crossboard;
  const ROWS = 7, NOTES = 4;
  let box = null;

  const place = (axis, x) => axis === 'wall' ? numbers.clock(x) : axis === 'relative' ? numbers.duration(x) : numbers.whole(x);

  /** Show rows [{colour, dashed, name, detail, x, value, interval, logged: null or {x, value}}] (nearest first) at page position left, top. axis: kind of the x values;
      notes: [{words, text, name, colour, kind}], what happened there. */
  function show({left, top, axis, x, aside, rows, notes = []}) {
    if (!box) { box = h('div.tip', {'aria-hidden': 'true'}); }
    const above = document.querySelector('dialog.large[open]') || document.body;
    if (box.parentNode !== above) above.append(box);
    const shown = rows.slice(0, ROWS), more = rows.length - shown.length;
    fill(box,
      h('div.h', {}, h('b', {}, numbers.xValue(axis, x)), h('span', {}, aside || '')),
      shown.map((row, i) => h(`div.r${i === 0 ? '.near' : ''}${row.logged ? '.two' : ''}`, {},
        h(`span.sl${row.dashed ? '.dash' : ''}`, {style: `--c:${row.colour}`}),
        h('span.nn.trunc', {}, row.name, row.detail ? h('span.dim', {}, ` · ${row.detail}`) : null),
        h('span.at', {}, row.x === x ? '' : `at ${place(axis, row.x)}`),
        h('b', {}, numbers.value(row.value)),
        row.logged ? h('span.lg', {}, numbers.value(row.logged.value), row.logged.x === row.x ? null : ` at ${place(axis, row.logged.x)}`) : null,
        row.interval ? h('span.iv', {}, row.interval) : null)),
      notes.slice(0, NOTES).map(note => h('div.mk', {}, h(`i.${note.kind}`, {style: `--c:${note.colour}`}), h('span', {}, h('b', {}, note.words), h('span.dim', {}, ` · ${note.name}`), note.text ? h('span.tx', {}, note.text) : null))),
      notes.length > NOTES ? h('div.mk', {}, h('i'), h('span.dim', {}, `${numbers.whole(notes.length - NOTES)} more happened here`)) : null,
      more > 0 || shown.some(row => row.logged) ? h('div.f', {}, h('span', {}, shown.some(row => row.logged) ? 'nearest first: smoothed, then logged value' : 'nearest first'), more > 0 ? h('span', {}, `${numbers.whole(more)} more`) : null) : null);
    box.hidden = false;
    const {offsetWidth: width, offsetHeight: height} = box, room = innerWidth - 8;
    const fitsRight = left + 18 + width <= room, fitsLeft = left - 18 - width >= 8;
    const x0 = fitsRight ? left + 18 : fitsLeft ? left - 18 - width : Math.max(8, Math.min(left - width / 2, room - width));
    const y0 = fitsRight || fitsLeft ? top - 18 : top + 24 + height <= innerHeight - 8 ? top + 24 : top - 24 - height;
    box.style.left = `${x0}px`;
    box.style.top = `${Math.max(8, Math.min(y0, innerHeight - 8 - height))}px`;
  }

  function hide() { if (box) box.hidden = true; }

  root.crossboard.tooltip = {show, hide};
})(window);
