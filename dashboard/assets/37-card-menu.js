/* The menu of a card: what is set for it alone, behind one button. It floats; Esc or a click elsewhere closes it, and the focus goes back. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {board, Card, cardSettings, curves, fill, h, icon, state} = crossboard;
  let open = null;   // {card, box}

  /** Set one of a card's own settings; '' takes it away. */
  Card.prototype.set = function set(name, value) {
    const own = {...this.own};
    if (value) own[name] = value; else delete own[name];
    if (name === 'x' && state.zoom.delete(this.tag)) { this.windowCurves = null; this.windowSignature = ''; }   // a window of steps means nothing in seconds
    if (Object.keys(own).length) state.cards.set(this.tag, own); else state.cards.delete(this.tag);
    state.changed('cards');
    this.redraw();
    curves.pump();
  };

  /** Bring a card to the size that is set for it. */
  function sized(card) { for (const name of ['S', 'L']) card.element.classList.toggle(`size-${name}`, card.own.size === name); }

  /** True when a card has anything that its menu can set. */
  const isSet = card => card.log || Object.keys(card.own).length > 0;

  function pick(id, label, options, value, change) {
    return h('label.pick', {}, h('span', {}, label), h('select', {id, onchange: event => change(event.target.value)}, options.map(([name, words]) => h('option', {value: name, selected: name === value}, words))), icon('down', true));
  }

  function check(id, label, on, change, off = '') {
    return h('label.check', {title: off}, h('input', {id, type: 'checkbox', checked: on, disabled: Boolean(off), onchange: event => change(event.target.checked)}), label);
  }

  function fixed(card) {
    const at = card.at || {y0: 0, y1: 1}, now = cardSettings.range(card.own.range || '') || [+at.y0.toPrecision(4), +at.y1.toPrecision(4)];
    const apply = () => {
      const [low, high] = ['card-low', 'card-high'].map(id => document.getElementById(id).value.trim()), bad = !cardSettings.range(`${low}:${high}`);
      document.getElementById('card-low').setAttribute('aria-invalid', String(bad));
      if (!bad) card.set('range', `${+low}:${+high}`);
    };
    const field = (id, label, value) => h('label.pick', {}, h('span', {}, label), h('input.number', {id, type: 'text', inputmode: 'decimal', value, 'aria-label': `y ${label}`, onchange: apply}));
    return h('div.line', {}, field('card-low', 'from', now[0]), field('card-high', 'to', now[1]));
  }

  /** What the menu holds. `parts` of other nouns (downloads, size) are added by `more`. */
  const more = [];
  function content(card) {
    const kind = card.own.range && card.own.range !== 'robust' ? 'fixed' : card.own.range || '', tags = board.tags.map(tag => [`metric:${tag}`, tag]);
    const other = card.own.x && !['step', 'relative', 'wall', ...tags.map(([x]) => x)].includes(card.own.x) ? [[card.own.x, card.own.x.slice(7)]] : [];
    return [
      h('div.line', {}, check('card-logy', 'Log y', card.log, () => { state.toggle('log', card.tag); }), check('card-logx', 'Log x', Boolean(card.own.logx), yes => card.set('logx', yes ? '1' : ''), card.x === 'wall' ? 'a wall clock has no log axis' : '')),
      pick('card-range', 'y range', [['', 'all values'], ['robust', '1st to 99th percentile'], ['fixed', 'from … to …']], kind, name => {
        const at = card.at || {y0: 0, y1: 1};
        card.set('range', name === 'fixed' ? `${+at.y0.toPrecision(4)}:${+at.y1.toPrecision(4)}` : name);
        refresh();
      }),
      kind === 'fixed' && fixed(card),
      pick('card-x', 'x axis', [['', 'as the page'], ['step', 'step'], ['relative', 'relative'], ['wall', 'wall'], ...other, ...tags], card.own.x || '', x => { card.set('x', x); refresh(); }),
      crossboard.linesBar.control('card-smooth', card.own.smooth || '', [['', 'as the page'], ['none', 'no smoothing']], (value, again) => { card.set('smooth', value); if (again) refresh(); }),
      pick('card-size', 'size', [['S', 'small'], ['', 'medium'], ['L', 'large, two columns']], card.own.size || '', name => card.set('size', name)),
      h('div.line', {}, check('card-marks', 'Marks', card.own.marks !== 'off' && state.marks !== 'off', yes => { if (yes && state.marks) state.set('marks', ''); card.set('marks', yes ? '' : 'off'); }),
        h('button.lk', {id: 'card-marks-all', type: 'button', title: 'Alerts, starts of newer attempts, the first NaN of a curve', onclick: () => { state.set('marks', state.marks ? '' : 'off'); refresh(); }}, state.marks ? 'show on all cards' : 'hide on all cards')),
      ...more.map(make => make(card)).filter(Boolean),
      h('div.line.end', {}, h('button.btn', {type: 'button', id: 'card-reset', disabled: !isSet(card), onclick: () => reset(card)}, 'Reset this card')),
    ];
  }

  function reset(card) {
    state.log.delete(card.tag);
    state.cards.delete(card.tag);
    state.changed('log');
    state.changed('cards');
    card.redraw();
    curves.pump();
    refresh();
  }

  function refresh() {
    if (!open) return;
    const held = document.activeElement && open.box.contains(document.activeElement) ? document.activeElement.id : '';
    fill(open.box.lastElementChild, content(open.card));
    place();
    const again = held && document.getElementById(held);
    if (again && !again.disabled) again.focus(); else if (held) open.box.querySelector('select, input').focus();
  }

  function place() {
    const {card, box} = open, from = (card.notes.querySelector('[data-act=menu]') || card.element).getBoundingClientRect();
    const left = Math.max(8, Math.min(innerWidth - box.offsetWidth - 8, from.right - box.offsetWidth)), below = from.bottom + 4;
    box.style.left = `${left}px`;
    box.style.top = `${Math.max(8, below + box.offsetHeight <= innerHeight - 8 ? below : Math.max(8, innerHeight - 8 - box.offsetHeight))}px`;
  }

  function close(back = true) {
    if (!open) return;
    const {card, box} = open;
    open = null;
    box.remove();
    card.actionsName = '';
    card.actions();
    if (back) (card.notes.querySelector('[data-act=menu]') || card.element).focus();
  }

  function show(card) {
    const same = open && open.card === card;
    close(same);
    if (same) return;
    const box = h('div.menu', {role: 'dialog', 'aria-label': `settings of ${card.name}`}, h('div.mh', {}, h('b.trunc', {title: card.tags.join('\n')}, card.name), h('button.ib.sm', {type: 'button', 'aria-label': 'Close', onclick: () => close()}, icon('close', true))), h('div.mb', {}));
    open = {card, box};
    box.addEventListener('keydown', event => {
      if (event.key === 'Escape') { event.preventDefault(); event.stopPropagation(); close(); }
      if (event.key !== 'Tab') return;
      const all = [...box.querySelectorAll('button:not(:disabled), input:not(:disabled), select, a[href]')], first = all[0], end = all[all.length - 1];
      if (event.shiftKey && document.activeElement === first) { event.preventDefault(); end.focus(); }
      else if (!event.shiftKey && document.activeElement === end) { event.preventDefault(); first.focus(); }
    });
    (card.element.closest('dialog') || document.body).append(box);   // above a modal dialog, that dialog only
    fill(box.lastElementChild, content(card));
    place();
    card.actionsName = '';
    card.actions();
    box.querySelector('.mb input').focus();
  }

  document.addEventListener('pointerdown', event => { if (open && !open.box.contains(event.target) && !(event.target.closest && event.target.closest('[data-act=menu]'))) close(false); });
  addEventListener('resize', () => close(false));
  state.on('run', () => close(false));
  state.on('cards', () => {
    for (const card of crossboard.grid.cards.values()) sized(card);
    for (const card of curves.near) card.redraw();
  });

  crossboard.cardMenu = {show, sized, close, refresh, isSet, more, isOpen: card => Boolean(open && open.card === card)};
})(window);
