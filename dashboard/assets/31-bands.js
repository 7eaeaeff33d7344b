/* The bands of the cards: reads them for the cards near the screen, and dresses what a card draws: one line with a band a group, its
   members thin where the band has ended, and all of them when it is pointed at.

   On while `state.bands` names a way to group (22-groups.js); not on a run page and not over another metric. A card's bands are read
   anew when what is asked for changes (`wanted`), and, while points come, at most once a second. Until they are there the members are
   drawn, and the foot says what is pending. What a card has is `card.bands`: {name, head, groups: Map of key -> group}. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {band, board, curves, failure, groups, h, icon, joined, numbers, plot, state, stats, url} = crossboard;
  const QUIET_MS = 1000, FAILED_MS = 3000, MANY = 200, MOST_POINTS = 40000;
  let request = null, timer = 0, selection = '', selected = null;

  const on = card => Boolean(state.bands) && !state.run && !(card ? card.x : state.x).startsWith('metric:') && groups.by === state.bands;

  /** The runs that are drawn, in as few marks as it takes. */
  function chosen() {
    if (selected === board.visible) return selection;
    const shown = board.visible, hidden = board.order.length - shown.length;
    selected = shown;
    if (!hidden) selection = '';
    else if (shown.length <= hidden) selection = `only=${shown.map(run => run.mark).join('.') || '-'}`;
    else selection = `without=${board.order.filter(run => !board.isShown(run)).map(run => run.mark).join('.')}`;
    return selection;
  }
  board.on('visible', () => { selected = null; });

  /** What `card` asks for, as the query without its tag. */
  function wanted(card) {
    const q = new URLSearchParams({by: state.bands, statistic: state.stat, band: state.band, x: card.x, at: 'shared', members: '0'});
    q.set('buckets', Math.ceil(Math.max(120, card.width || 340) / 2 / 40) * 40);
    q.set('interpolate', card.x !== 'step' || state.interp ? '1' : '0');
    if (card.zoom) { q.set('low', card.zoom[0]); q.set('high', card.zoom[1]); }
    return `${q}${chosen() ? `&${chosen()}` : ''}`;
  }

  /** The name of a group's line on a card: a joined card has one for each of its tags. */
  const nameOf = (key, tag) => `${key}\n${tag}`;

  async function read(cards, name) {
    const stop = new AbortController(), began = performance.now();
    request = {cards, name, stop};
    for (const card of cards) card.bandsDirty = false;
    let error = null;
    try {
      stats.requests++;
      const tags = cards.flatMap(card => card.tags).map(tag => `tag=${encodeURIComponent(tag)}`).join('&');
      const answer = await fetch(url(`api/groups?${tags}&${name}`), {headers: {Accept: 'application/vnd.crossboard.columns'}, credentials: 'same-origin', signal: stop.signal});
      if (!answer.ok) throw await failure(answer);
      const head = band.parse(await answer.arrayBuffer());
      for (const card of cards) {
        const mine = head.groups.filter(group => card.tags.includes(group.tag));
        card.bands = {name, head, groups: new Map(mine.map(group => [nameOf(group.key, group.tag), group]))};
        card.bandsError = '';
        card.redraw();
      }
    } catch (caught) { error = caught; }
    request = null;
    const now = performance.now(), gone = error && error.name === 'AbortError';
    for (const card of cards) {
      card.bandsAt = gone ? -Infinity : now + (error ? FAILED_MS : Math.max(QUIET_MS, 1.2 * (now - began)));
      if (error) card.bandsDirty = true;
      if (error && !gone) { card.bandsError = error.message; if (card.canvas) card.describe(); }
    }
    curves.pump();
  }

  const lacks = card => !card.x.startsWith('metric:') && (!card.bands || card.bands.name !== wanted(card));

  /** Start the request that is due, and end the one that nobody waits for. */
  function pump() {
    clearTimeout(timer);
    if (request && (!on(request.cards[0]) || !request.cards.some(card => curves.near.has(card) && wanted(card) === request.name))) request.stop.abort();
    if (!state.bands || request || !board.loaded || document.hidden) return;
    const now = performance.now(), due = [];
    let soonest = Infinity;
    for (const card of curves.near) {
      if (!card.signature || !on(card) || !(lacks(card) || card.bandsDirty)) continue;
      const at = lacks(card) && !card.bandsError ? 0 : card.bandsAt || 0;
      if (at <= now) due.push(card); else soonest = Math.min(soonest, at);
    }
    due.sort((a, b) => (b.onScreen ? 1 : 0) - (a.onScreen ? 1 : 0) || a.place - b.place);
    if (due.length) {
      const name = wanted(due[0]);
      read(due.filter(card => wanted(card) === name).slice(0, board.order.length > MANY ? 1 : 6), name);
    } else if (soonest < Infinity) timer = setTimeout(pump, Math.max(20, soonest - now));
  }

  /** How many cards still wait for their bands. */
  const pending = () => state.bands && !state.run && !groups.error ? [...curves.near].filter(card => !card.hiddenAway && (groups.by !== state.bands || (on(card) && lacks(card) && !card.bandsError))).length : 0;

  function changed(tags) {
    for (const card of new Set([...crossboard.grid.cards.values(), ...curves.near])) if (!tags || card.tags.some(tag => tag[0] === '=' || tags.has(tag))) card.bandsDirty = true;
  }

  /** True when what the card has may be drawn: the same groups over the same x and window, if not of the newest choice. */
  function fits(card) {
    const {bands} = card;
    if (!bands || bands.head.by !== state.bands || bands.head.x !== card.x) return false;
    const asked = new URLSearchParams(bands.name), zoom = card.zoom;
    return zoom ? asked.get('low') === String(zoom[0]) && asked.get('high') === String(zoom[1]) : !asked.has('low');
  }

  /** What a card draws when its members are `list`: a line with its band for each group, and what is left of its members. */
  function dress(card, list) {
    card.members = null;
    if (!on(card)) return list;
    card.members = list;
    const have = fits(card) ? card.bands.groups : new Map(), found = [], tails = [], of = new Map();
    for (const one of list) {
      const group = groups.of.get(one.curve.run), key = group && nameOf(group.key, one.curve.tag);
      if (!group) found.push(one);
      else if (of.has(key)) of.get(key).push(one);
      else of.set(key, [one]);
    }
    card.mixed = [...of.values()].some(members => new Set(members.map(one => board.splitOf(one.run, one.curve.tag, null))).size > 1);
    for (const [key, members] of of) {
      const made = have.get(key), thin = members.map(one => ({...one, thin: true, dash: [], dashed: false}));
      const single = new Set(members.map(one => one.curve.run)).size === 1;
      if (single) { found.push(...members); continue; }
      if (!made || !made.curve.x.length) { tails.push(...thin); continue; }
      const {run, split, curve: {tag}} = members[0], byHand = joined.isJoined(card.family), {x0, x1} = made.curve;
      const {colour, dash, dashed} = byHand ? joined.look(run, tag, card.family, of.size) : plot.look(run.slot, card.mixed ? '' : split);
      for (const one of thin) for (const piece of [band.part(one.curve, -Infinity, x0), band.part(one.curve, x1, Infinity)]) if (piece) tails.push({...one, curve: piece});
      found.push({curve: made.curve, run: {key, name: groups.of.get(run.key).label, ranks: 1, attempts: 1}, split: card.mixed ? '' : split, colour, dash, dashed, older: false, band: made, members: thin});
    }
    return [...tails, ...found];
  }

  /** Draw the members of the group that is pointed at, below its line; none where that would take too long at every move. */
  function drawMembers(g, at, {members = []}) {
    if (!members.length || members.reduce((n, one) => n + one.curve.x.length, 0) > MOST_POINTS) return;
    plot.draw(g, {...at, xTicks: [], yTicks: []}, members, {...plot.style(members.length, false), alpha: members.length > 20 ? 0.25 : 0.6, dots: 0, bare: true});
  }

  /** Where the groups of a card are as CSV, every point; "" where it draws none. */
  function csv(card) {
    if (!on(card)) return '';
    const q = new URLSearchParams(wanted(card));
    q.set('buckets', 100000);
    return url(`api/groups?${card.tags.map(tag => `tag=${encodeURIComponent(tag)}`).join('&')}&${q}&format=csv`);
  }

  /** The curves that an axis must hold: those drawn and the edges of their bands. */
  const extents = drawn => drawn.flatMap(one => one.band ? [one.curve, one.band.low, one.band.high] : [one.curve]);

  /** What the foot of a card says: {words, parts (the same as elements), facts}; null when it draws no groups. */
  function describe(card) {
    const said = state.bands && !state.run ? foot(card) : null;
    if (!said) return null;
    const words = [said.words, said.sample].filter(Boolean).join(' · ');
    return {words, parts: words && h('span.foot', {}, h('span', {}, said.words), said.sample && h('span.trunc', {}, ` · ${said.sample}`)), facts: said.facts};
  }

  function foot(card) {
    if (card.x.startsWith('metric:')) return {words: '', facts: [h('span', {title: 'groups have no common x there: it need not grow'}, 'no bands over a metric')]};
    if (groups.error || card.bandsError) return {words: '', facts: [h('span.warn', {title: groups.error || card.bandsError}, icon('clock', true), 'no bands')]};
    const waits = !on(card) || lacks(card), words = band.STATISTICS[state.stat];
    if (!on(card) || !fits(card)) return {words: `${words} of the groups pending`, facts: []};
    const {head} = card.bands, drawn = card.drawn.filter(one => one.band), list = drawn.map(one => one.band), facts = [];
    const apart = [...card.bands.groups.values()].filter(group => group.members > 1 && !group.total && !group.curve.x.length);
    for (const one of band.cautions(head, list)) facts.push(h('span', {title: one.title}, icon('alert', true), one.words));
    if (card.mixed) facts.push(h('span', {title: 'the directories of one training are runs of their own, and the way to group that is chosen puts them into one group'}, icon('alert', true), 'train and validation in one band'));
    if (apart.length) facts.push(h('span', {title: card.x === 'step' && !state.interp ? 'Their runs logged at different steps. “Interpolate” in the bar takes values between two points of a run.' : 'Their runs do not overlap.'}, icon('alert', true), `${numbers.whole(apart.length)} ${apart.length === 1 ? 'group shares' : 'groups share'} no ${card.x === 'step' ? 'step' : 'time'}`));
    const shown = list.reduce((n, group) => n + group.n, 0), total = list.reduce((n, group) => n + group.total, 0), every = Math.max(1, ...list.map(group => group.every));
    const sample = list.every(group => group.raw) ? `all ${numbers.whole(total)} points` : `${numbers.whole(Math.min(shown, total))} of ${numbers.whole(total)} points, extremes kept`;
    const said = list.length ? band.words(head, list) : apart.length ? 'single runs' : 'no group of several runs here';
    return {words: waits ? `${said}, newer pending` : said, sample: list.length ? `${sample}${every > 1 ? ` of every ${numbers.whole(every)}th` : ''}` : '', facts};
  }

  state.on('bands stat band interp', () => { crossboard.grid.redraw(); curves.pump(); });
  groups.on('groups', () => { crossboard.grid.redraw(); curves.pump(); });

  crossboard.bands = {on, pump, pending, changed, dress, drawMembers, csv, extents, describe};
})(window);
