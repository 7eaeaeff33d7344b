/* A card dragged by its title: dropped on the middle of another card the two become one, dropped near its left or right edge the card stands
   before or behind it, if both are of one section or it is the section of pinned cards. Escape lets go. Fingers scroll; they have the menu. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {arrangement, byId, h} = crossboard;
  const FROM_PX = 6, EDGE = 0.25, SCROLL_AT = 56, SCROLL_BY = 14, DROPS = ['join', 'before', 'after'];
  let drag = null;   // {card, pointer, from: [x, y], ghost, over, how}

  const sectionOf = card => card.element.parentElement;
  const pinnedBody = body => Boolean(body && body.closest('[data-pinned]'));

  /** What a drop at a point of the screen would do: {card, how} or null. */
  function aim(x, y) {
    const element = document.elementFromPoint(x, y), hit = element && element.closest('.sec .cc');
    if (!hit || hit.card === drag.card) return null;
    const {card} = hit, box = hit.getBoundingClientRect(), part = (x - box.left) / box.width;
    const beside = sectionOf(card) === sectionOf(drag.card) || pinnedBody(sectionOf(card)) || (arrangement.isPinned(drag.card.tag) && home(drag.card) === home(card));
    const joins = !arrangement.cannotJoin(drag.card.tag, card.tag), edge = part < EDGE ? 'before' : part > 1 - EDGE ? 'after' : '';
    if (edge && beside) return {card, how: edge};
    if (joins) return {card, how: 'join'};
    return beside ? {card, how: part < 0.5 ? 'before' : 'after'} : null;
  }
  const home = card => { const chart = arrangement.chartOf(card.tag); return chart && crossboard.grid.sectionOf(chart); };

  function mark(found) {
    if (drag.over) drag.over.element.classList.remove(...DROPS.map(how => `drop-${how}`));
    drag.over = found && found.card;
    drag.how = found && found.how;
    if (found) found.card.element.classList.add(`drop-${found.how}`);
    drag.ghost.lastChild.textContent = !found ? '' : found.how === 'join' ? ' · join' : ' · move';
  }

  let scrolling = 0;
  function scroll() {
    scrolling = 0;
    if (!drag || !drag.ghost) return;
    const place = byId('scroll'), box = place.getBoundingClientRect(), [x, y] = drag.at, by = y < box.top + SCROLL_AT ? -SCROLL_BY : y > box.bottom - SCROLL_AT ? SCROLL_BY : 0;
    if (!by) return;
    place.scrollTop += by;
    mark(aim(x, y));
    scrolling = requestAnimationFrame(scroll);
  }

  function move(event) {
    if (!drag || event.pointerId !== drag.pointer) return;
    const {clientX: x, clientY: y} = event;
    if (!drag.ghost) {
      if (Math.hypot(x - drag.from[0], y - drag.from[1]) < FROM_PX) return;
      crossboard.cardMenu.close(false);
      crossboard.clearCursor();
      drag.ghost = h('div.dragghost', {'aria-hidden': 'true'}, h('b', {}, drag.card.name), h('span.dim'));
      document.body.append(drag.ghost);
      document.documentElement.classList.add('dragging');
      drag.card.element.classList.add('dragged');
      getSelection().removeAllRanges();
    }
    event.preventDefault();
    drag.at = [x, y];
    drag.ghost.style.transform = `translate(${Math.max(0, Math.min(x + 12, innerWidth - drag.ghost.offsetWidth - 4))}px,${Math.min(y + 14, innerHeight - 40)}px)`;
    mark(aim(x, y));
    if (!scrolling) scrolling = requestAnimationFrame(scroll);
  }

  function end(event) {
    if (!drag || (event && event.pointerId !== drag.pointer)) return;
    const {card, ghost, over, how} = drag, dropped = Boolean(event && event.type === 'pointerup' && ghost && over);
    if (ghost) { mark(null); ghost.remove(); }
    card.element.classList.remove('dragged');
    document.documentElement.classList.remove('dragging');
    drag = null;
    if (!dropped) return;
    card.element.focus({preventScroll: true});
    const pinned = pinnedBody(sectionOf(over));
    if (how === 'join') arrangement.join(card.tag, over.tag);
    else if (how === 'before') arrangement.place(card.tag, over.tag, pinned);
    else arrangement.placeBehind(card.tag, over.tag, pinned);
  }

  document.addEventListener('pointerdown', event => {
    const title = event.target.closest && event.target.closest('.sec .cc .t');
    if (event.button || event.pointerType === 'touch' || !title || event.target.closest('button')) return;
    drag = {card: title.closest('.cc').card, pointer: event.pointerId, from: [event.clientX, event.clientY], at: null, ghost: null, over: null, how: ''};
  });
  document.addEventListener('pointermove', move);
  document.addEventListener('pointerup', end);
  document.addEventListener('pointercancel', end);
  document.addEventListener('keydown', event => { if (drag && drag.ghost && event.key === 'Escape') { event.preventDefault(); event.stopPropagation(); end(null); } }, true);
})(window);
