/* The part of the page bar that brings runs together: by what, which statistic, which band. Filled into #bands. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {band, byId, fill, groups, h, icon, numbers, state} = crossboard;
  const NAMES = {seed: 'seeds of one config', group: 'group', framework: 'framework'};
  const BANDS = [['t', 't interval 95 %'], ['bca', 'BCa 95 %'], ['std', 'std'], ['minmax', 'min to max'], ['iqr', 'IQR'], ['none', 'no band']];

  const nameOf = by => NAMES[by] || by.replace(/^config:/, '');

  function pick(id, label, options, value, change) {
    return h('label.pick', {}, h('span', {}, label), h('select', {id, 'aria-label': label, onchange: event => change(event.target.value)},
      options.map(([name, words, off]) => h('option', {value: name, selected: name === value, disabled: Boolean(off)}, words))), icon('down', true));
  }

  function ways() {
    const there = groups.choices.map(one => [one.by, `${nameOf(one.by)} (${numbers.whole(one.groups)})`]);
    if (state.bands && !groups.choices.some(one => one.by === state.bands)) there.push([state.bands, nameOf(state.bands)]);
    return [['', 'no groups'], ...there];
  }

  function setStatistic(name) {
    if (name !== 'mean' && band.OF_MEAN.includes(state.band)) state.set('band', 'bca');
    state.set('stat', name);
    show();
  }

  let shown = '';
  function show() {
    const place = byId('bands');
    if (!place) return;
    const key = JSON.stringify([ways(), state.bands, state.stat, state.band, state.interp, state.x]);
    if (key === shown && place.childElementCount) return;
    shown = key;
    const held = place.contains(document.activeElement) ? document.activeElement.id : '';
    fill(place, pick('bands-by', 'Group by', ways(), state.bands, by => state.set('bands', by)),
      state.bands && pick('bands-statistic', 'Statistic', Object.entries(band.STATISTICS), state.stat, setStatistic),
      state.bands && pick('bands-kind', 'Band', BANDS.map(([name, words]) => [name, words, state.stat !== 'mean' && band.OF_MEAN.includes(name)]), state.band, kind => { state.set('band', kind); show(); }),
      state.bands && state.x === 'step' && h('button.btn', {id: 'bands-interpolate', type: 'button', 'aria-pressed': String(Boolean(state.interp)), title: 'Also take values on the line between two points of a run, where the runs logged at different steps', onclick: () => { state.set('interp', state.interp ? '' : '1'); show(); }}, 'Interpolate'));
    if (held && byId(held)) byId(held).focus();
  }

  groups.on('choices groups', show);
  state.on('bands stat band interp x run', show);

  crossboard.bandsBar = {BANDS, nameOf, setStatistic, show};
})(window);
