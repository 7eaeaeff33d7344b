/* A menu that opens beside something: one at a time, walked by the arrow keys, closed by Escape, Tab or a click elsewhere. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {byId, h, icon} = crossboard;
  let held = null;

  /** Close the open menu; `refocus`: the focus goes back to where it was. */
  function close(refocus = false) {
    const open = byId('runs-menu');
    if (open) open.remove();
    if (refocus && held && held.isConnected) held.focus();
    held = null;
  }

  /** Open a menu at `anchor`. Items are [words, work, icon, checked]; without work a heading, "-" a line; `checked` undefined: no check mark. */
  function popup(anchor, items, label) {
    close();
    held = document.activeElement;
    const at = anchor.getBoundingClientRect(), place = h('div.pmenu', {id: 'runs-menu', role: 'menu', 'aria-label': label, onkeydown: event => {
      const all = [...place.querySelectorAll('[role^=menuitem]')], by = {ArrowDown: 1, ArrowUp: -1}[event.key];
      if (by) { event.preventDefault(); all[(all.indexOf(document.activeElement) + by + all.length) % all.length].focus(); }
      if (event.key === 'Escape' || event.key === 'Tab') { event.preventDefault(); event.stopPropagation(); close(true); }
    }}, items.map(([words, work, mark, on]) => words === '-' ? h('hr') : !work ? h('div.mh', {}, words)
      : h('button', {type: 'button', role: on === undefined ? 'menuitem' : 'menuitemcheckbox', 'aria-checked': on === undefined ? null : String(on), tabindex: '-1', onclick: () => { close(true); work(); }}, on === undefined ? mark ? icon(mark, true) : h('span.i12') : on ? icon('check', true) : h('span.i12'), h('span.trunc', {}, words))));
    byId('runs-page').append(place);
    const box = place.getBoundingClientRect(), page = byId('runs-page').getBoundingClientRect();
    place.style.left = `${Math.max(4, Math.min(at.left, innerWidth - box.width - 8) - page.left)}px`;
    place.style.top = `${Math.max(4, Math.min(at.bottom + 3, innerHeight - box.height - 8) - page.top)}px`;
    const first = place.querySelector('[role^=menuitem]');
    if (first) first.focus();
  }

  document.addEventListener('pointerdown', event => { if (byId('runs-menu') && !byId('runs-menu').contains(event.target)) close(); }, true);

  crossboard.runMenu = {close, popup};
})(window);
