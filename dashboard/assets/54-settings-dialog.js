/* The dialog of this browser's settings (11-settings.js): each works at once, and all can be taken back. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {board, byId, curves, fill, h, icon, linesBar, numbers, page, plot, say, settings, state} = crossboard;
  const EXAMPLE = 0.0123456789, LARGER = 1234.56789;
  let dialog = null, kept = true;

  function set(name, value) {
    kept = settings.set(name, value);
    draw();
  }

  function select(id, label, options, value, change) {
    return h('label.pick', {}, h('select', {id, 'aria-label': label, onchange: event => change(event.target.value)}, options.map(([name, words]) => h('option', {value: String(name), selected: name === value}, words))), icon('down', true));
  }

  /** The colours in their order, each a button: the arrow keys, or a drag, move one. */
  function colours() {
    const order = settings.get('colours');
    const move = (i, to) => { if (to < 0 || to >= order.length || i === to) return; const next = order.slice(); next.splice(to, 0, ...next.splice(i, 1)); set('colours', next); byId(`colour-${to}`).focus(); say(`Colour ${order[i] + 1} is number ${to + 1}`); };
    return h('span.swrow', {role: 'group', 'aria-label': 'order of colours'}, order.map((colour, i) => h('button.swpick', {id: `colour-${i}`, type: 'button', draggable: 'true', 'aria-label': `colour ${colour + 1}, number ${i + 1}; arrow keys move it`, title: 'Drag, or ← →',
      onkeydown: event => { const by = {ArrowLeft: -1, ArrowRight: 1}[event.key]; if (by) { event.preventDefault(); move(i, i + by); } },
      ondragstart: event => { event.dataTransfer.setData('text/plain', String(i)); event.dataTransfer.effectAllowed = 'move'; }, ondragover: event => event.preventDefault(), ondrop: event => { event.preventDefault(); const from = Number(event.dataTransfer.getData('text/plain')); if (Number.isInteger(from)) move(from, i); }},
    h('span.sw', {style: `--c:${plot.colours().runs[colour]}`}))));
  }

  function draw() {
    const held = dialog.contains(document.activeElement) ? document.activeElement.id : '';
    const line = (name, what, control, words = '') => h('div.st-row', {}, h('div', {}, h('b', {}, what), words && h('div.dim', {}, words)), control);
    const any = settings.FIELDS.some(settings.isSet) || page.theme() !== 'system';
    fill(dialog, h('div.kh', {}, h('h2', {id: 'settings-title'}, 'Settings of this browser'), h('button.ib', {type: 'button', 'aria-label': 'Close', onclick: () => dialog.close()}, icon('close'))),
      h('div.sts', {tabindex: '0', role: 'region', 'aria-label': 'settings'},
        line('theme', 'Theme', select('set-theme', 'Theme', [['system', 'as the system'], ['light', 'light'], ['dark', 'dark']], page.theme(), name => { page.setTheme(name); draw(); })),
        line('digits', 'Digits', select('set-digits', 'Significant digits', [3, 4, 5, 6, 7, 8, 9].map(n => [n, `about ${n} digits`]), settings.get('digits'), n => set('digits', +n)), `In tables and tooltips: ${numbers.value(EXAMPLE)} and ${numbers.value(LARGER)}. Exports have all.`),
        line('zone', 'Clocks', select('set-zone', 'Clocks', [['local', 'local time'], ['utc', 'UTC']], settings.get('zone'), zone => set('zone', zone)), `Now ${numbers.moment(Date.now() / 1000)}`),
        line('refresh', 'Live updates', select('set-refresh', 'Live updates', [[0, 'as points come'], [5, 'every 5 s'], [30, 'every 30 s'], [-1, 'paused']], settings.get('refresh'), n => set('refresh', +n)), settings.get('refresh') < 0 ? 'The top bar says when something came' : ''),
        line('x', 'x axis to begin with', select('set-x', 'x axis to begin with', [['step', 'step'], ['relative', 'relative time'], ['wall', 'wall time']], settings.get('x'), x => set('x', x)), 'Where a link or a saved view says nothing about the charts'),
        line('smooth', 'Smoothing to begin with', linesBar.control('set-smooth', settings.get('smooth'), [['', 'none']], (value, chosen) => { kept = settings.set('smooth', value); if (chosen) draw(); })),
        line('points', 'Points drawn of a curve', select('set-points', 'Points drawn of a curve', [[0, 'as the card is wide'], [400, 'about 400'], [1000, 'about 1,000'], [4000, 'about 4,000']], settings.get('points'), n => set('points', +n)), 'Extremes are kept whatever is chosen; with many runs on a card it is fewer'),
        line('colours', 'Order of colours', colours(), 'Runs take them from the left; a colour given by hand stays')),
      h('div.row.stf', {}, h('button.btn', {type: 'button', id: 'settings-reset', disabled: !any, onclick: () => { settings.reset(); page.setTheme('system'); kept = true; draw(); say('All settings are as they were at first'); }}, 'Reset all'), h('span.grow'), h('span.dim', {}, kept ? 'Kept in this browser' : 'This browser keeps nothing: lost when the page closes')));
    if (held && byId(held)) byId(held).focus();
  }

  function show() {
    if (!dialog) {
      dialog = h('dialog.keys.settings', {id: 'settings', 'aria-labelledby': 'settings-title'});
      dialog.onclick = event => { if (event.target === dialog) dialog.close(); };
      document.body.append(dialog);
    }
    draw();
    dialog.showModal();
    byId('set-theme').focus();
  }

  /* ---- what a change does to the page */
  settings.on('digits zone', () => page.redrawAll());
  settings.on('colours', () => { board.recolour(); page.redrawAll(); });
  settings.on('points', () => { curves.pump(); });
  settings.on('x smooth', () => { if (settings.isSet('x') || settings.isSet('smooth')) state.plain = '?x=step'; });
  settings.on('digits zone refresh points colours x smooth', () => { if (dialog && dialog.open) draw(); });
  document.addEventListener('click', event => { if (event.target.closest && event.target.closest('#open-settings')) show(); });

  crossboard.settingsDialog = {show};
})(window);
