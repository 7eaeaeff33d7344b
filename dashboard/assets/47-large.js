/* A card opened large: the same card over most of the page, with a legend of its runs that hides, shows and isolates them.

   It is a Card like any other (34-card.js) and not a Plotly chart: so it draws a thousand runs with steps of their own, refetches raw points
   when zoomed, follows live, and shows bands, smoothing, marks and settings as the small one does. Open while `state.large`
   names its tag; E opens, Esc or E closes. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {board, Card, curves, fill, h, icon, joined, numbers, plot, state} = crossboard;
  const LISTED = 200;
  let open = null;   // {card, dialog, legend, sizes}

  const source = tag => crossboard.grid.cards.get(tag);

  /** The runs that have a curve here, in the order of the rail: [{run, last}]; `last`: the last value of each tag of the card, of the lowest rank. */
  function entries(card) {
    const last = new Map();
    for (const {run, tag, rank, y} of card.curves.values()) {
      if (!y.length) continue;
      if (!last.has(run)) last.set(run, new Map());
      const of = last.get(run);
      if (!of.has(tag) || rank < of.get(tag).rank) of.set(tag, {rank, value: y[y.length - 1]});
    }
    return board.matching.filter(run => last.has(run.key)).reverse().map(run => ({run, last: card.tags.filter(tag => last.get(run.key).has(tag)).map(tag => numbers.value(last.get(run.key).get(tag).value))}));
  }

  let shown = '';
  function legend() {
    if (!open) return;
    const list = entries(open.card), key = JSON.stringify([list.slice(0, LISTED).map(({run, last}) => [run.key, run.name, run.slot, last, board.isShown(run)]), list.length, state.only, document.documentElement.dataset.mantineColorScheme]);
    if (key === shown) return;
    shown = key;
    const held = open.legend.contains(document.activeElement) ? document.activeElement.dataset.of : '';
    const {family, tags} = open.card, several = joined.isJoined(family);
    fill(open.legend, several && tags.map(tag => h('li.lgtag', {title: tag}, joined.sample(family, tag), h('span.trunc', {}, tag.replace(/^=/, '')))), list.slice(0, LISTED).map(({run, last}) => h('li.lr', {onpointerenter: () => board.setHighlight(run.key), onpointerleave: () => board.setHighlight('')},
      h('button.run', {type: 'button', 'data-of': `show ${run.key}`, 'aria-pressed': String(board.isShown(run)), title: board.isShown(run) ? `Hide ${run.name}` : `Show ${run.name}`, onclick: () => board.show([run], !board.isShown(run))},
        h('span.sl', {style: `--c:${plot.look(run.slot).colour}`}), h('span.trunc', {}, run.name), h('span.num', {title: last.length > 1 ? 'the last value of each tag' : ''}, last.slice(0, 2).join(' / '), last.length > 2 ? ' …' : '')),
      h('button.ib.sm', {type: 'button', 'data-of': `only ${run.key}`, 'aria-pressed': String(board.only().has(board.markOf(run))), title: 'Only this run; again: all as before', 'aria-label': `Only ${run.name}`, onclick: () => board.isolate(run)}, icon('only', true)))),
      list.length > LISTED ? h('li.dim', {}, `${numbers.whole(list.length - LISTED)} more: the list at the left of the page has them`) : null);
    if (held) { const again = [...open.legend.querySelectorAll('button')].find(one => one.dataset.of === held); if (again) again.focus(); }
  }

  function build(tag) {
    const small = source(tag), card = new Card(tag, small && small.family || undefined), list = h('ul.legend', {'aria-label': 'runs of this chart'});
    const close = h('button.ib', {type: 'button', title: 'Close (Esc)', 'aria-label': 'Close the large chart', onclick: () => state.set('large', '')}, icon('close'));
    const dialog = h('dialog.large', {'aria-label': `${card.name}, large`}, h('div.lg-body', {}, card.element, h('aside.lg-side', {}, h('div.lg-head', {}, h('h2', {}, 'Runs'), close), list)));
    document.body.append(dialog);
    dialog.addEventListener('cancel', event => { event.preventDefault(); if (!crossboard.cardMenu.isOpen(card)) state.set('large', ''); });
    dialog.addEventListener('click', event => { if (event.target === dialog) state.set('large', ''); });
    const sizes = new ResizeObserver(() => { if (card.canvas && (card.plot.clientWidth !== card.width || card.plot.clientHeight !== card.height)) { card.size(); card.redraw(); curves.pump(); } });
    open = {card, dialog, legend: list, sizes};
    shown = '';
    dialog.showModal();
    card.onScreen = true;
    card.place = -1;
    card.mount();
    sizes.observe(card.plot);
    card.element.focus();
    curves.pump();
    legend();
  }

  function tearDown() {
    const {card, dialog, sizes} = open;
    open = null;
    sizes.disconnect();
    crossboard.cardMenu.close(false);
    crossboard.clearCursor();
    board.setHighlight('');
    card.onScreen = false;
    card.unmount();
    dialog.close();
    dialog.remove();
    crossboard.grid.redraw();   // its zoom may have been changed here
    curves.pump();
    const small = source(card.tag);
    if (small) small.element.focus();
  }

  /** Bring the page to what `state.large` says. */
  function sync() {
    const tag = state.run || state.page ? '' : state.large;
    if (open && open.card.tag !== tag) tearDown();
    if (!open && tag && source(tag)) build(tag);
    if (state.sel) crossboard.rangeTable.show();
  }

  state.on('large run', sync);
  board.on('tags', sync);
  board.on('runs visible', legend);
  crossboard.onCardDrawn = card => { if (open && card === open.card) legend(); };

  crossboard.large = {isOpen: card => Boolean(open && open.card === card), toggle(card) { if (card) state.set('large', state.large === card.tag ? '' : card.tag); }};
})(window);
