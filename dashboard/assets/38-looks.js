/* How a run looks: the colour that a person gave it, colour and dash by the values of config keys, and the baseline.

   Without any of these a run keeps its own slot, and in a way to group its group's. A chosen look is a slot below zero (`plot.look`). A config
   value keeps the colour it got first. The baseline is one run, `state.base`: its line is dashed 4-3, and its value stands as a line of
   reference on each card. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {board, byId, failure, fill, groups, h, numbers, plot, railGroups, runFilter, state, url} = crossboard;
  const COLOURS = 12, DASHES = 4, BASE_DASH = 4;
  const places = new Map();   // config key -> text of a value -> place

  const chosen = (colour, dash) => -(1 + colour + COLOURS * dash);

  /** Which colour (0 to 11) a person gave a run; -1: none. */
  function given(run) {
    const found = /^c(\d{1,2})$/.exec((run.color && run.color.chosen) || '');
    return found && +found[1] >= 1 && +found[1] <= COLOURS ? +found[1] - 1 : -1;
  }

  /** The text of a run's value under a config key. */
  function valueOf(run, key) {
    const value = runFilter.configOf(run, key);
    return value === undefined ? 'not set' : railGroups.textOf(value);
  }

  /** The places of the values of a config key, in the order of the values where they came together. */
  function placesOf(key) {
    if (!places.has(key)) places.set(key, new Map());
    const have = places.get(key), fresh = [...new Set(board.order.map(run => valueOf(run, key)))].filter(text => !have.has(text));
    for (const text of fresh.sort((a, b) => (a === 'not set') - (b === 'not set') || railGroups.compare(a, b))) have.set(text, have.size);
    return have;
  }

  /** The slots of `runs`; `automatic(run)`: what a run has by itself. Called when runs or choices changed. */
  function assign(runs, automatic) {
    const grouped = Boolean(groups.by), colours = state.colour && !grouped ? placesOf(state.colour) : null, dashes = state.dash && !grouped ? placesOf(state.dash) : null;
    for (const run of runs) {
      const own = automatic(run), plain = plot.parts(own), lead = board.leadOf(run) || run;   // a pair looks alike
      let {colour, dash} = plain;
      if (colours) { const place = colours.get(valueOf(lead, state.colour)); colour = plot.nth(place); dash = Math.floor(place / COLOURS) % DASHES; }
      else if (!grouped && given(lead) >= 0) { colour = given(lead); dash = 0; }
      if (dashes) dash = dashes.get(valueOf(lead, state.dash)) % DASHES;
      if (lead.mark === state.base) dash = BASE_DASH;
      run.slot = colour === plain.colour && dash === plain.dash ? own : chosen(colour, dash);
    }
  }

  /** Give runs a colour (0 to 11), or back to automatic (-1), as an edit that other boards show too. */
  async function give(runs, colour) {
    try {
      const answer = await fetch(url('api/edit'), {method: 'POST', headers: {'Content-Type': 'application/json'}, credentials: 'same-origin',
        body: JSON.stringify({runs: runs.map(run => run.key), color: colour < 0 ? '' : `c${colour + 1}`})});
      if (!answer.ok) throw await failure(answer);
      const {refused} = await answer.json();
      if (refused.length) throw new Error([refused[0].error, refused[0].next].filter(Boolean).join('. '));
      await board.loadRuns();
    } catch (error) {
      crossboard.toasts.tell(`The colour was not kept: ${error.message}`, {bad: true, about: 'colour'});
    }
  }

  /** The twelve colours and "automatic", to choose for `runs`: rows of a menu. */
  function swatches(runs) {
    const now = given(runs[0]), pick = colour => { crossboard.runMenu.close(true); give(runs, colour); };
    return h('div.swatches', {role: 'group', 'aria-label': 'colour'}, Array.from({length: COLOURS}, (_, i) => h('button.swpick', {type: 'button', role: 'menuitemradio', tabindex: '-1', 'aria-checked': String(i === now), 'aria-label': `colour ${i + 1}`, title: `Colour ${i + 1}`, onclick: () => pick(i)},
      h('span.sw', {style: `--c:${plot.colours().runs[i]}`}))), h('button.auto', {type: 'button', role: 'menuitemradio', tabindex: '-1', 'aria-checked': String(now < 0), onclick: () => pick(-1)}, 'Automatic'));
  }

  /** Which value has which colour and dash, said in the rail. */
  function legend() {
    const place = byId('rail-legend'), rows = [], there = key => new Set((board.matching || []).map(run => valueOf(run, key)));
    if (!place) return;
    const part = (key, mark) => {
      const here = there(key), list = [...placesOf(key)].filter(([text]) => here.has(text));
      rows.push(h('div.lgh', {}, h('b.trunc', {}, key), h('span', {}, mark === 'colour' ? 'colour' : 'dash')), h('ul', {}, list.slice(0, 24).map(([text, i]) => h('li', {title: `${key}: ${text}`},
        mark === 'colour' ? h(`span.sw${i >= COLOURS ? '.ring' : ''}`, {style: `--c:${plot.colours().runs[plot.nth(i)]}`}) : h(`span.dash.d${i % DASHES}`), h('span.trunc', {}, text))), list.length > 24 && h('li', {}, `and ${numbers.whole(list.length - 24)} more`)));
    };
    const grouped = Boolean(state.bands);
    if (!grouped && state.colour) part(state.colour, 'colour');
    if (!grouped && state.dash) part(state.dash, 'dash');
    if (grouped && (state.colour || state.dash)) rows.push(h('div.lgh', {}, h('span', {}, 'groups have colours of their own')));
    fill(place, rows);
  }

  /** The values of the baseline on a card, one for each of its tags: [{run, tag, value, words}]. The other run of a pair counts too; of an expression the
      last value that is drawn. */
  function references(card) {
    const base = state.base && board.order.find(one => one.mark === state.base), found = [];
    for (const run of base ? board.pairOf(base) : []) for (const tag of card.tags) {
      const metric = (run.metrics || {})[tag], best = metric && metric.best !== null && metric.best !== undefined, value = metric ? Number(best ? metric.best : metric.last) : lastDrawn(card, run, tag);
      if (Number.isFinite(value)) found.push({run, tag, value, words: `${run.name}${card.tags.length > 1 ? `, ${tag.replace(/^=/, '')}` : ''}, ${best ? 'best' : 'last'} ${numbers.value(value)}`});
    }
    return found;
  }

  function lastDrawn(card, run, tag) {
    const curve = tag[0] === '=' ? [...card.curves.values()].find(one => one.run === run.key && one.tag === tag) : null;
    let i = curve ? curve.y.length - 1 : -1;
    while (i >= 0 && curve.y[i] - curve.y[i] !== 0) i--;
    return i < 0 ? NaN : curve.y[i];
  }

  /** Draw the baseline's values across a card, where its y axis reaches that far. Names that would lie on one another give way downwards. */
  function drawReference(g, at, card) {
    const c = plot.colours(), taken = [];
    for (const found of references(card)) {
      if (!at.yTicks.length || (at.log && found.value <= 0)) continue;
      const y = Math.round(at.Y(found.value)) + 0.5;
      if (!(y >= at.top && y <= at.bottom)) continue;
      let {words} = found;
      g.save();
      g.strokeStyle = c.ink3; g.lineWidth = 1; g.setLineDash([4, 3]);
      g.beginPath(); g.moveTo(at.left, y); g.lineTo(at.right, y); g.stroke();
      g.setLineDash([]);
      const over = y - 4 > at.top + 8 ? y - 4 : y + 13, place = [over, y + 13].find(one => one < at.bottom && taken.every(other => Math.abs(other - one) > 11));
      if (place !== undefined) {
        taken.push(place);
        g.fillStyle = c.ink2; g.textAlign = 'left'; g.textBaseline = 'alphabetic';
        while (words.length > 12 && g.measureText(words).width > at.right - at.left - 8) words = `${words.slice(0, -2).trimEnd()}…`;
        g.lineJoin = 'round'; g.strokeStyle = c.surface; g.lineWidth = 3;
        g.strokeText(words, at.left + 4, place);
        g.fillText(words, at.left + 4, place);
      }
      g.restore();
    }
  }

  let shown = '';
  /** Draw all cards anew when a run looks otherwise than it did. */
  function redraw() {
    const now = board.order.map(run => run.slot).join('.') + state.base;
    legend();
    if (now === shown) return;
    shown = now;
    if (board.loaded && crossboard.grid) crossboard.grid.redraw();
  }

  board.on('runs', redraw);
  state.on('colour dash base', () => { board.recolour(); redraw(); });
  state.on('bands', legend);

  crossboard.looks = {assign, chosen, drawReference, give, given, legend, references, swatches, valueOf};
})(window);
