/* What is shown of all confusion matrices: counts or which shares, cells or classes or what is confused most, and minus which other matrix. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {choices, h, numbers, state, steps} = crossboard;
  const VALUES = [['', 'Counts'], ['row', 'By row (recall)'], ['col', 'By column (precision)'], ['all', 'Share of all']];
  const PARTS = [['', 'Cells'], ['classes', 'Classes'], ['pairs', 'Most confused']];

  /** Tiles of matrices on the page of curves. */
  const tiles = () => !state.run && crossboard.kinds ? crossboard.kinds.tiles().filter(tile => tile.series.kind === 'confusion_matrix') : [];

  function differences() {
    const minus = choices.get('minus'), runs = new Map(tiles().map(tile => [tile.run.mark, tile.run.name])), all = [['', 'No difference'], ['step:first', 'minus own first step']];
    const marked = new Set();
    for (const step of [steps.chosen(), minus.startsWith('step:') && minus !== 'step:first' ? +minus.slice(5) : null]) if (step !== null && !marked.has(step)) { marked.add(step); all.push([`step:${step}`, `minus own step ${numbers.whole(step)}`]); }
    for (const [mark, name] of runs) all.push([`run:${mark}`, `minus ${name}`]);
    if (minus && !all.some(([value]) => value === minus)) all.push([minus, 'minus a run that is not shown']);
    return all;
  }

  /** The controls, put into `place`; `show()` brings them up to date. */
  function controls(place) {
    const values = choices.list('values', 'numbers of the cells', () => VALUES), part = choices.list('part', 'what is shown of a matrix', () => PARTS), minus = choices.list('minus', 'difference to another matrix', differences);
    let typing = 0;
    const find = h('input.find.labelfind', {type: 'search', placeholder: 'Find a label', 'aria-label': 'Find a label', autocomplete: 'off', spellcheck: 'false', oninput: () => { clearTimeout(typing); typing = setTimeout(() => choices.set('label', find.value.trim()), 120); }});
    const empty = h('button.lk', {type: 'button', title: 'Leave out classes without examples that were never called', onclick: () => choices.set('empty', choices.get('empty') ? '' : 'hide')}, 'Hide empty');
    place.append(values.element, part.element, minus.element, empty, find);
    return {show() { values.show(); part.show(); minus.show(); empty.setAttribute('aria-pressed', String(Boolean(choices.get('empty')))); if (document.activeElement !== find) find.value = choices.get('label'); }};
  }

  /** Choose the next of "values" or "part". */
  function next(name) {
    const all = (name === 'part' ? PARTS : VALUES).map(([value]) => value);
    choices.set(name, all[(all.indexOf(choices.get(name)) + 1) % all.length]);
  }

  async function pointOf(panel, step) {
    if (!panel.series.known) { await panel.series.refresh(); panel.onChange(); }
    const {places} = panel;
    if (!places.length) return null;
    const place = places[step === -Infinity ? 0 : panel.at(places, step)];
    return {place, step: panel.series.step[place], point: await panel.series.content(place)};
  }

  /** What is taken off the matrix of `panel`: null, or {point, words}, or {words} where there is nothing to take off. */
  async function reference(panel) {
    const minus = choices.get('minus');
    if (minus.startsWith('step:')) {
      const found = await pointOf(panel, minus === 'step:first' ? -Infinity : +minus.slice(5));
      return found && found.place !== panel.shownPlace ? {point: found.point, words: `minus step ${numbers.whole(found.step)}`} : {words: 'this is the step that others are compared with'};
    }
    if (!minus.startsWith('run:')) return null;
    const mine = tiles().filter(tile => tile.series.tag === panel.series.tag), other = mine.find(tile => tile.run.mark === minus.slice(4) && tile.rank === panel.rank) || mine.find(tile => tile.run.mark === minus.slice(4));
    if (!other) return {words: 'no difference: the other run is not shown, or has no such matrix'};
    if (other === panel) return {words: 'the others are compared with this'};
    const found = await pointOf(other, steps.chosen());
    return found && found.point ? {point: found.point, words: `minus ${other.run.name}, step ${numbers.whole(found.step)}`} : {words: `no difference: ${other.run.name} has no such matrix`};
  }

  crossboard.matrixChoices = {controls, next, reference};
})(window);
