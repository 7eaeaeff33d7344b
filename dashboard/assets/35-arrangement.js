/* How cards are arranged by a person: moved inside their section, pinned into the section "Pinned" at the top, joined into one and split again.

   All of it stands in the URL (`state.moves`, `state.top`, `state.joined`, 15-places.js); `reset` takes moves and pins back. After each change
   the page is built anew and what held the focus holds it again. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {board, places, state} = crossboard;
  const PINNED = '*';

  /** The charts by section, in order: Map of name -> list. What is pinned stands in PINNED and not in its own section. */
  function sections(charts, sectionOf) {
    const found = new Map(), byKey = new Map(charts.map(chart => [chart.key, chart])), pinned = state.top.filter(key => byKey.has(key)), top = new Set(pinned);
    if (pinned.length) found.set(PINNED, pinned.map(key => byKey.get(key)));
    const natural = new Map();
    for (const chart of charts) {
      const name = sectionOf(chart);
      if (!natural.has(name)) natural.set(name, []);
      natural.get(name).push(chart.key);
    }
    for (const [name, keys] of natural) {
      const list = (state.moves.length ? places.arranged(keys, state.moves) : keys).filter(key => !top.has(key));
      if (list.length) found.set(name, list.map(key => byKey.get(key)));
    }
    return found;
  }

  const chartOf = key => board.charts().find(chart => chart.key === key);
  const isPinned = key => state.top.includes(key);

  /** True when a person moved a card of a section, or pinned one into it. */
  const isArranged = (name, charts) => name === PINNED || (state.moves.length > 0 && charts.some(chart => state.moves.some(([card]) => card === chart.key)));

  /** The keys of the section that `key` is shown in, as they stand on the page. */
  function shown(key) {
    const {grid} = crossboard, card = grid.cards.get(key), body = card && card.element.parentElement;
    return body ? [...body.children].map(element => element.card.tag) : [];
  }

  /** Build the page after a change and give the focus back; `key`: the card that it was about. */
  function changed(names, key, words) {
    const {grid, cardMenu, curves} = crossboard, was = document.activeElement, held = was && was.closest && was.closest('.cc') && was.closest('.cc').card;
    for (const name of names) state.changed(name);
    grid.build();
    const card = grid.cards.get(key);
    if (held && card && (held === card || !grid.cards.has(held.tag))) (card.element.contains(was) ? was : card.element).focus({preventScroll: true});
    if (card) card.element.scrollIntoView({block: 'nearest'});
    cardMenu.refresh();
    curves.pump();
    if (words) crossboard.say(words);
  }

  function told(key) {
    const list = shown(key), chart = chartOf(key);
    return `${chart ? chart.title : key}: place ${list.indexOf(key) + 1} of ${list.length}${isPinned(key) ? ', pinned' : ''}`;
  }

  /** Put a card before another of its section (''; last). `pinned`: into the pinned section, or out of it into its own. */
  function place(key, before, pinned = isPinned(key)) {
    const chart = chartOf(key);
    if (!chart || key === before) return;
    const names = ['top'];
    if (pinned) state.top = places.arranged(isPinned(key) ? state.top : [...state.top, key], [[key, before]]);
    else {
      state.top = state.top.filter(one => one !== key);
      const {sectionOf} = crossboard.grid, keys = board.charts().filter(one => sectionOf(one) === sectionOf(chart)).map(one => one.key), here = new Set(keys);
      const wanted = places.arranged(places.arranged(keys, state.moves), [[key, before]]);
      state.moves = [...state.moves.filter(([card]) => !here.has(card)), ...places.movesFor(keys, wanted)];
      names.push('moves');
    }
    changed(names, key);
    crossboard.say(told(key));
  }

  /** Move a card by one place among those that are shown: 1 to the right, -1 to the left; -Infinity to the first place. */
  function move(key, way) {
    const list = shown(key), from = list.indexOf(key), to = Math.max(0, from + way);
    if (from < 0 || to === from || to >= list.length) return;
    const after = way > 0 ? list[to + 1] : list[to];
    if (after !== undefined) place(key, after); else placeBehind(key, list[to]);
  }

  /** Put a card behind another: before the one that follows it in the section, shown or not. */
  function placeBehind(key, other, pinned = isPinned(key)) {
    const {sectionOf} = crossboard.grid, chart = chartOf(other), all = pinned ? state.top
      : places.arranged(board.charts().filter(one => sectionOf(one) === sectionOf(chart)).map(one => one.key), state.moves);
    const list = all.filter(one => one !== key), next = list[list.indexOf(other) + 1];
    place(key, next || '', pinned);
  }

  function pin(key) {
    if (!chartOf(key)) return;
    const yes = !isPinned(key);
    state.top = yes ? [...state.top, key] : state.top.filter(one => one !== key);
    changed(['top'], key, yes ? 'Pinned to the top' : 'No longer pinned');
  }

  /** All cards where they stand by themselves. */
  function reset() {
    state.moves = [];
    state.top = [];
    changed(['moves', 'top'], '', 'Every card stands in its own place again');
    const first = document.querySelector('.sec:not(.closed) .cc');   // the button that was pressed is gone
    if (first && document.activeElement === document.body) first.focus({preventScroll: true});
  }

  /* ---- joining */
  const PER_CARD = ['cards', 'zoom'], SETS = ['log', 'old'];

  /** Let `to` have what is set for `from`, and `gone` nothing any more; the same for its place. */
  function handOver(from, to, gone) {
    for (const name of PER_CARD) { const own = state[name].get(from); for (const key of gone) state[name].delete(key); if (own !== undefined && to) state[name].set(to, own); }
    for (const name of SETS) { const had = state[name].has(from); for (const key of gone) state[name].delete(key); if (had && to) state[name].add(to); }
    const renamed = key => key === from ? to : key;
    state.top = state.top.map(renamed).filter(key => key && (key === to || !gone.includes(key)));
    state.moves = state.moves.filter(([card]) => card === from || !gone.includes(card)).map(([card, before]) => [renamed(card), renamed(before)]).filter(([card]) => card);
    if (gone.includes(state.large)) state.large = to || '';
    if (state.sel && gone.includes(state.sel.tag)) state.sel = null;
  }

  /** Why two cards cannot be one; '' when they can. */
  function cannotJoin(key, onto) {
    const [one, other] = [chartOf(key), chartOf(onto)];
    if (!one || !other || one.key === other.key) return 'not another card';
    return new Set([...one.tags, ...other.tags]).size > places.MOST_JOINED ? `a card holds ${places.MOST_JOINED} tags at most` : '';
  }

  const ALL = ['joined', 'cards', 'zoom', 'log', 'old', 'top', 'moves', 'large', 'sel'];

  /** Join the card `key` into the card `onto`: one card with the tags of both, where `onto` stood. Returns its key. */
  function join(key, onto) {
    if (cannotJoin(key, onto)) return '';
    const [one, other] = [chartOf(key), chartOf(onto)], tags = [...new Set([...other.tags, ...one.tags])], made = places.joinKey(tags), before = order(other);
    state.joined = [...state.joined.filter(list => !list.some(tag => tags.includes(tag))), tags];
    handOver(onto, made, [key, onto]);
    restore(before, new Map([[key, []], [onto, [made]]]), made);
    changed(ALL, made, `${other.title} and ${one.title} are one card`);
    focusOn(made);
    return made;
  }

  /** Take a tag out of a joined card, or, without one, split it into its tags. */
  function split(key, tag = '') {
    const chart = chartOf(key);
    if (!chart || !chart.family || chart.family.by !== 'hand') return;
    const left = tag ? chart.tags.filter(one => one !== tag) : [], stays = left.length > 1 ? [places.joinKey(left)] : left, before = order(chart);
    state.joined = state.joined.filter(list => !list.includes(chart.tags[0]));
    if (left.length > 1) state.joined.push(left);
    const first = stays[0] || chart.tags[0];
    handOver(key, first, [key]);
    restore(before, new Map([[key, tag ? [...stays, tag] : chart.tags]]), first);
    changed(ALL, first, tag ? `${tag} has a card of its own again` : 'Split');
    focusOn(first);
  }

  function focusOn(key) {
    const card = crossboard.grid.cards.get(key);
    if (card && !card.element.contains(document.activeElement)) card.element.focus({preventScroll: true});
  }

  /** The order of a chart's section before a change: null where nothing was moved in it. */
  function order(chart) {
    if (!state.moves.length) return null;
    const {sectionOf} = crossboard.grid, keys = board.charts().filter(one => sectionOf(one) === sectionOf(chart)).map(one => one.key), list = places.arranged(keys, state.moves);
    return list.join('\n') === keys.join('\n') ? null : list;
  }

  /** Bring a section whose charts changed back into its order; `became`: what stands where a chart stood. */
  function restore(before, became, member) {
    if (!before) return;
    const {sectionOf} = crossboard.grid, charts = board.charts(), home = charts.find(chart => chart.key === member);
    if (!home) return;
    const keys = charts.filter(chart => sectionOf(chart) === sectionOf(home)).map(chart => chart.key), here = new Set(keys);
    const known = [...new Set(before.flatMap(key => became.get(key) || [key]))].filter(key => here.has(key)), missing = keys.filter(key => !known.includes(key));
    state.moves = [...state.moves.filter(([card]) => !here.has(card) && !became.has(card)), ...places.movesFor(keys, [...known, ...missing])];
  }

  state.on('joined', () => { for (const card of [...crossboard.curves.near]) card.redraw(); });

  crossboard.arrangement = {PINNED, sections, isPinned, isArranged, shown, place, placeBehind, move, pin, reset, join, split, cannotJoin, chartOf};
})(window);
