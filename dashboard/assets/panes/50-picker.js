/* The choice of environments: a button that says which, and a list by the first "_" of their names, as Visdom's tree has it. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {fill, h, icon, numbers, paneCompare} = crossboard;
  const FILTER_FROM = 9;

  /** Make the picker. choose(keys): what was chosen. */
  function picker(choose) {
    const words = h('span.trunc'), button = h('button.btn.envpick', {type: 'button', id: 'env-pick', 'aria-haspopup': 'dialog', 'aria-expanded': 'false', onclick: () => open(list.hidden)}, icon('grid'), words, icon('down', true));
    const field = h('input.find', {type: 'search', placeholder: 'Filter environments', 'aria-label': 'Filter environments', autocomplete: 'off', spellcheck: 'false', oninput: () => show()}), rows = h('div.prows'), foot = h('p.dim.pfoot', {}, 'Tick several to compare them.');
    const list = h('div.envmenu', {id: 'env-list', role: 'dialog', 'aria-label': 'environments', hidden: true, onkeydown: keys}, h('div.pfind', {}, field), rows, foot), element = h('div.pickbox', {}, button, list);
    let all = [], chosen = [], shown = '';

    function open(yes) {
      if (list.hidden === !yes) return;
      list.hidden = !yes;
      button.setAttribute('aria-expanded', String(yes));
      if (!yes) { if (list.contains(document.activeElement)) button.focus(); return; }
      field.value = '';
      show(true);
      (all.length >= FILTER_FROM ? field : rows.querySelector('[aria-current=true]') || rows.querySelector('button') || button).focus();
    }

    function keys(event) {
      const by = {ArrowDown: 1, ArrowUp: -1}[event.key];
      if (event.key === 'Escape') { event.stopPropagation(); event.preventDefault(); open(false); return; }
      if (!by) return;
      event.preventDefault();
      const stops = [...rows.querySelectorAll('button')], at = stops.indexOf(document.activeElement), next = stops[Math.max(0, Math.min(stops.length - 1, at + by))];
      if (next) next.focus();
    }

    function row(one, group) {
      const on = chosen.includes(one.run), cut = group ? group.length + 1 : 0, place = all.filter(other => other.name === one.name).length > 1 ? one.project + (one.source === 'native' ? '' : `, ${one.source}`) : '';
      const box = h('input', {type: 'checkbox', 'aria-label': `compare ${one.name}`, onchange: () => choose(on ? chosen.filter(key => key !== one.run) : [...chosen, one.run])});
      box.checked = on;
      return h('div.prow', {}, box, h('button.lk.trunc', {type: 'button', 'aria-current': on ? 'true' : null, title: one.name, onclick: () => { choose([one.run]); open(false); }}, cut ? h('span.dim', {}, one.name.slice(0, cut)) : null, one.name.slice(cut), place ? h('span.dim', {}, ` · ${place}`) : null),
        one.status === 'running' ? h('span.pulse', {title: 'live'}) : null, h('span.dim.num', {title: 'open panes'}, numbers.whole(one.open)));
    }

    function show(again = false) {
      const low = field.value.trim().toLowerCase(), found = all.filter(one => !low || one.name.toLowerCase().includes(low));
      const name = JSON.stringify([found.map(one => [one.run, one.name, one.open, one.status]), chosen, low]);
      if (list.hidden || (name === shown && !again)) return;
      shown = name;
      const held = rows.contains(document.activeElement) ? document.activeElement.getAttribute('aria-label') || document.activeElement.title : '';
      field.parentElement.hidden = all.length < FILTER_FROM;
      fill(rows, found.length ? paneCompare.tree(found).map(group => group.name ? h('div.pgroup', {role: 'group', 'aria-label': group.name}, h('p.pgh', {}, h('b', {}, group.name), h('span.dim', {}, String(group.members.length))), group.members.map(one => row(one, group.name))) : row(group.members[0], '')) : h('p.none', {}, `No environment matches “${field.value.trim()}”.`));
      if (held) for (const one of rows.querySelectorAll('input, button')) if ((one.getAttribute('aria-label') || one.title) === held) one.focus({preventScroll: true});
    }

    document.addEventListener('click', event => { if (!list.hidden && event.target.isConnected && !element.contains(event.target)) open(false); });

    return {
      element, open,
      set(environments, keys_) {
        all = environments;
        chosen = keys_;
        const names = chosen.map(key => (all.find(one => one.run === key) || {name: key}).name);
        words.textContent = names.length > 3 ? `${names.length} environments` : names.join(' + ') || 'No environment';
        button.title = names.join(' + ');
        show();
      },
    };
  }

  crossboard.envPicker = picker;
})(window);
