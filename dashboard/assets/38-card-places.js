/* Where a card stands and what it is joined with, in its menu: move, pin, "Join with …" with a list that filters while it is typed, take a tag out,
   split. What these do is in 35-arrangement.js; 38-card-drag.js does the same by pointer. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {arrangement, board, cardMenu, fill, h, icon, joined, state, view} = crossboard;
  const LISTED = 100;

  const named = name => name.replace(/^=/, '');
  const inDialog = card => Boolean(card.element.closest('dialog'));

  function button(id, words, title, work, off = false) { return h('button.btn', {id, type: 'button', title, disabled: off, onclick: work}, words); }

  function places(card) {
    if (inDialog(card)) return null;
    const list = arrangement.shown(card.tag), at = list.indexOf(card.tag), pinned = arrangement.isPinned(card.tag);
    return h('div.line', {role: 'group', 'aria-label': 'place'}, h('span.dim', {}, 'Place'),
      button('card-first', 'First', 'First of its section (F)', () => arrangement.move(card.tag, -Infinity), at <= 0),
      button('card-left', 'Left', 'One place to the left (<)', () => arrangement.move(card.tag, -1), at <= 0),
      button('card-right', 'Right', 'One place to the right (>)', () => arrangement.move(card.tag, 1), at < 0 || at === list.length - 1),
      h('button.btn', {id: 'card-pin', type: 'button', 'aria-pressed': String(pinned), title: 'Stands in the section “Pinned” at the top (P)', onclick: () => { arrangement.pin(card.tag); }}, pinned ? 'Unpin' : 'Pin'));
  }

  function together(card) {
    if (inDialog(card)) return null;
    const byHand = joined.isJoined(card.family);
    return h('div.tagrows', {role: 'group', 'aria-label': 'tags of this card'}, byHand && card.tags.map(tag => h('div.tagrow', {}, joined.sample(card.family, tag), h('span.trunc', {title: named(tag)}, named(tag)),
      h('button.ib.sm', {type: 'button', title: 'Take out of this card', 'aria-label': `Take ${named(tag)} out of this card`, onclick: () => { cardMenu.close(false); arrangement.split(card.tag, tag); }}, icon('close', true)))),
    h('div.line', {}, button('card-join', 'Join with …', 'Draw another card’s tags here too (+)', () => { cardMenu.close(false); pick(card); }),
      byHand && button('card-split', 'Split', 'A card for each tag again', () => { cardMenu.close(false); arrangement.split(card.tag); })));
  }

  cardMenu.more.unshift(places, together);

  /* ---- the list of cards to join with */
  let open = null;   // {card, box}

  function close(back) {
    if (!open) return;
    const {card, box} = open;
    open = null;
    box.remove();
    if (back && card.element.isConnected) card.element.focus();
  }

  /** Ask what to join a card with. */
  function pick(card) {
    close(false);
    if (!card || inDialog(card)) return;
    let rows = [], at = 0;
    const list = h('ul.joinlist', {id: 'join-list', role: 'listbox', 'aria-label': 'cards'}), told = h('p.dim', {role: 'status'});
    const field = h('input.number', {id: 'join-with', type: 'text', role: 'combobox', autocomplete: 'off', spellcheck: 'false', placeholder: 'Filter cards', 'aria-label': `Join ${card.name} with`, 'aria-expanded': 'true', 'aria-controls': 'join-list', 'aria-autocomplete': 'list'});
    const box = h('div.menu.joinmenu', {role: 'dialog', 'aria-label': `Join ${card.name} with another card`}, h('div.mh', {}, h('b.trunc', {}, `Join ${card.name} with`), h('button.ib.sm', {type: 'button', 'aria-label': 'Close', onclick: () => close(true)}, icon('close', true))), h('div.mb', {}, field, list, told));

    function choose(chart) {
      close(false);
      arrangement.join(chart.key, card.tag);
    }
    function mark(next) {
      at = Math.max(0, Math.min(rows.length - 1, next));
      [...list.children].forEach((row, i) => row.setAttribute('aria-selected', String(i === at && rows.length > 0)));
      if (rows.length) { field.setAttribute('aria-activedescendant', `join-${at}`); list.children[at].scrollIntoView({block: 'nearest'}); } else field.removeAttribute('aria-activedescendant');
    }
    function filter() {
      const all = board.charts().filter(chart => chart.key !== card.tag && !arrangement.cannotJoin(chart.key, card.tag)), fits = all.filter(chart => [chart.title, ...chart.tags].some(text => view.matches(field.value, text)));
      rows = fits.slice(0, LISTED);
      fill(list, rows.length ? rows.map((chart, i) => h('li.trunc', {id: `join-${i}`, role: 'option', title: chart.tags.map(named).join('\n'), onclick: () => choose(chart)}, chart.title, chart.tags.length > 1 && chart.family.by !== 'hand' ? h('span.dim', {}, ` · ${chart.tags.length} tags`) : null))
        : h('li.none', {role: 'option', 'aria-disabled': 'true', 'aria-selected': 'false'}, all.length ? 'No card matches' : arrangement.chartOf(card.tag).tags.length >= crossboard.places.MOST_JOINED ? `A card holds ${crossboard.places.MOST_JOINED} tags at most` : 'There is no other card'));
      fill(told, fits.length > rows.length ? `${fits.length - rows.length} more: type to narrow` : `${fits.length} of ${all.length} cards`);
      mark(0);
    }
    field.addEventListener('input', filter);
    box.addEventListener('keydown', event => {
      const by = {ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8}[event.key];
      if (by) { event.preventDefault(); mark(at + by); }
      if (event.key === 'Enter' && event.target === field && rows.length) { event.preventDefault(); event.stopPropagation(); choose(rows[at]); }
      if (event.key === 'Escape') { event.preventDefault(); event.stopPropagation(); close(true); }
    });
    box.addEventListener('focusout', event => { if (open && open.box === box && event.relatedTarget && !box.contains(event.relatedTarget)) close(false); });
    document.body.append(box);
    open = {card, box};
    filter();
    const from = card.element.getBoundingClientRect();
    box.style.left = `${Math.max(8, Math.min(from.left + 8, innerWidth - box.offsetWidth - 8))}px`;
    box.style.top = `${Math.max(8, Math.min(from.top + 32, innerHeight - box.offsetHeight - 8))}px`;
    field.focus();
  }

  document.addEventListener('pointerdown', event => { if (open && !open.box.contains(event.target)) close(false); });
  state.on('run', () => close(false));

  crossboard.cardPlaces = {pick, close};
})(window);
