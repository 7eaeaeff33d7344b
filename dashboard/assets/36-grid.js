/* The grid: sections by the tag's prefix, a card a tag, and which of them are near the screen.

   All cards of open sections exist as light elements of fixed height; only those within 300 px of the screen hold canvases.
   Far cards keep their data until KEPT of them do. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {arrangement, board, byId, Card, curves, fill, h, icon, numbers, state, tagFilter} = crossboard;
  const MARGIN = '300px 0px', KEPT = 60;
  const FIRST = ['train', 'training', 'val', 'valid', 'validation', 'eval', 'test'], LAST = ['system', 'sys'];

  const cards = new Map(), sections = new Map(), held = new Set();
  let nearObserver = null, screenObserver = null, sizes = null;

  const prefix = tag => tag.includes('/') ? tag.slice(0, tag.indexOf('/')) : '';
  const rank = name => name === arrangement.PINNED ? -2 : name === 'expressions' ? -1 : FIRST.includes(name) ? FIRST.indexOf(name) : LAST.includes(name) ? 1000 : name === '' ? 500 : 100;

  function observe() {
    const root = byId('scroll');
    nearObserver = new IntersectionObserver(entries => {
      for (const {target: {card}, isIntersecting} of entries) {
        if (isIntersecting) { card.mount(); held.delete(card); sizes.observe(card.plot); }
        else if (card.canvas) { card.unmount(); sizes.unobserve(card.plot); held.add(card); }
      }
      for (const card of held) { if (held.size <= KEPT) break; card.forget(); held.delete(card); }
      curves.pump();
    }, {root, rootMargin: MARGIN});
    screenObserver = new IntersectionObserver(entries => {
      for (const {target: {card}, isIntersecting} of entries) card.onScreen = isIntersecting;
      curves.pump();
    }, {root});
    sizes = new ResizeObserver(entries => {
      for (const {target} of entries) {
        const {card} = target.parentElement;
        if (card.canvas && (target.clientWidth !== card.width || target.clientHeight !== card.height)) { card.size(); card.redraw(); }
      }
    });
  }

  function section(name) {
    if (sections.has(name)) return sections.get(name);
    const count = h('span'), body = h('div.cards', {id: `section-${sections.size}`}), mark = h('span.icon');
    const title = name === arrangement.PINNED ? 'Pinned' : name || 'no prefix', button = h('button.sech', {type: 'button', 'aria-controls': body.id, onclick: () => state.toggle('closed', name || '/')},
      mark, h('b', {}, title), count), reset = h('button.lk.reset', {type: 'button', title: 'Every card of the page in its own place, none pinned', onclick: arrangement.reset}, 'Reset order');
    const element = h('section.sec', {'aria-label': title, 'data-pinned': name === arrangement.PINNED}, h('h2', {}, button), reset, body);
    const made = {name, element, body, button, reset, count, mark, tags: ''};
    sections.set(name, made);
    return made;
  }

  /** The tags that the open run, or its pair, has; null when no run is open. */
  const ofRun = () => !state.run ? null : new Set(board.runs.has(state.run) ? board.pairOf(board.runs.get(state.run)).flatMap(run => Object.keys(run.metrics)) : []);

  const sectionOf = chart => chart.section ?? prefix(chart.title);

  /** The charts that meet the filter, by section in the order of the page: [[section, [chart, ...]], ...], and of how many tags. */
  function ordered() {
    const bySection = new Map(), alone = ofRun();
    let shown = 0;
    for (const [name, charts] of arrangement.sections(board.charts(), sectionOf)) {
      const list = charts.filter(chart => (!alone || chart.tags.some(tag => alone.has(tag))) && (!state.tags || [chart.title, ...chart.tags].some(tagFilter.lets)));
      shown += list.reduce((n, chart) => n + chart.tags.length, 0);
      if (list.length) bySection.set(name, list);
    }
    return {shown, sections: [...bySection].sort(([a], [b]) => rank(a) - rank(b))};
  }

  /** Before there is a layout: the charts that will be on the first screen, and about how wide their cards will be. */
  function firstScreen() {
    const wide = innerWidth >= 2200, narrow = innerWidth <= 760, room = narrow ? innerWidth - 20 : (innerWidth - 280) / (wide ? 2 : 1) - 32;
    const columns = Math.max(1, Math.floor((room + 10) / 354)), lines = Math.ceil((innerHeight - 84 + 300) / (wide ? 313 : 222));
    const charts = ordered().sections.filter(([name]) => !state.closed.has(name || '/')).flatMap(([, list]) => list);
    return {charts: charts.slice(0, columns * lines * (wide ? 2 : 1)), width: (room - 10 * (columns - 1)) / columns - 2};
  }

  function drop(key) {
    const card = cards.get(key);
    nearObserver.unobserve(card.element); screenObserver.unobserve(card.element);
    card.unmount(); held.delete(card); cards.delete(key); card.element.remove();
  }

  /** Lay out sections and cards for the tags that meet the filter. Existing cards stay where they are. */
  function build() {
    if (!nearObserver) observe();
    const root = byId('sections'), {shown, sections: list} = ordered(), names = list.map(([name]) => name), bySection = new Map(list), wanted = [];
    let place = 0;
    for (const name of names) {
      const part = section(name), charts = bySection.get(name), closed = state.closed.has(name || '/');
      wanted.push(part.element);
      part.count.textContent = `${numbers.whole(charts.length)} ${charts.length === 1 ? 'chart' : 'charts'}`;
      part.button.setAttribute('aria-expanded', String(!closed));
      fill(part.mark, icon(closed ? 'right' : 'down', true));
      part.element.classList.toggle('closed', closed);
      part.body.hidden = closed;
      part.reset.hidden = !arrangement.isArranged(name, charts);
      const row = charts.map(({key, tags, family}) => {
        if (cards.has(key) && cards.get(key).tags.join('\n') !== tags.join('\n')) drop(key);
        if (!cards.has(key)) {
          const card = new Card(key, family);
          crossboard.cardMenu.sized(card);
          cards.set(key, card);
          nearObserver.observe(card.element);
          screenObserver.observe(card.element);
        }
        const card = cards.get(key);
        card.family = family;
        card.place = place++;
        return card;
      });
      const key = charts.map(chart => `${chart.key}\t${chart.tags}`).join('\n');
      if (part.tags !== key) { part.tags = key; fill(part.body, row.map(card => card.element)); }
    }
    for (const [name, part] of sections) if (!bySection.has(name)) part.tags = '';   // its cards may stand elsewhere by now
    if (wanted.length !== root.childElementCount || wanted.some((element, i) => root.children[i] !== element)) fill(root, wanted);
    const here = new Set(board.charts().map(chart => chart.key));
    for (const key of cards.keys()) if (!here.has(key)) drop(key);
    grid.shown = shown;
    byId('app').classList.toggle('many', names.length > 1);
  }

  function redraw() { for (const card of curves.near) card.redraw(); }

  /** How many tags there are to filter: all, or the open run's. */
  const known = () => state.run ? ofRun().size : board.tags.length;

  /** The card that holds the focus, else the one under the pointer. */
  function current() {
    const focused = document.activeElement && document.activeElement.closest('.cc');
    const hovered = document.querySelector('.cc:hover');
    return (focused || hovered || {}).card || null;
  }

  /** Move the focus to the next (1) or previous (-1) card of an open section. */
  function walk(way) {
    const all = [...document.querySelectorAll('.sec:not(.closed) .cc')], now = current(), i = now ? all.indexOf(now.element) : way > 0 ? -1 : 0;
    const next = all[Math.max(0, Math.min(all.length - 1, i + way))];
    if (next) { next.focus({focusVisible: true}); next.scrollIntoView({block: 'nearest'}); }
  }

  const grid = crossboard.grid = {cards, build, firstScreen, sectionOf, redraw, current, walk, known, shown: 0};
})(window);
