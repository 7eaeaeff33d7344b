/* The column panel: every column there can be, found by words; shown, pinned, grouped by; and those that are equal for all runs, with
   what they all are. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {byId, fill, h, icon, numbers, runCells, runGroups, view} = crossboard;
  const NAMES = {run: 'Run', config: 'Config', summary: 'Summary', metric: 'Metrics'}, MOST = 300;
  const ORDER = ['last', 'min', 'min_step', 'max', 'max_step', 'best', 'best_step', 'last_step', 'count', 'non_finite'];
  let words = '', body = null;

  /** What stands at the right of a column's name. */
  function note(about, total) {
    if (about.id === 'archived') return about.equal === false ? 'none' : about.equal ? 'all' : 'some';
    if ('equal' in about) return `equal ${runCells.text(about.id, about.equal).slice(0, 40)}`;
    if (about.group === 'metric' || about.distinct >= 1000) return `${numbers.whole(about.filled)} of ${numbers.whole(total)}`;
    return `${numbers.whole(about.distinct)} ${about.distinct === 1 ? 'value' : 'values'}${about.filled < total ? `, ${numbers.whole(about.filled)} of ${numbers.whole(total)}` : ''}`;
  }

  function item(about, host) {
    const shown = host.shown(about.id), pinned = host.pinned(about.id), full = runCells.fullTitle(about), grouped = host.by().includes(about.id);
    const box = h('input', {type: 'checkbox', id: `col ${about.id}`, onchange: event => host.show(about.id, event.target.checked)});
    box.checked = shown;
    box.disabled = about.id === 'name';
    return h('div.ci', {}, h('label', {for: `col ${about.id}`, title: full}, box, h(`span.trunc${shown ? '' : '.mid'}`, {}, full)), h('span.n', {title: note(about, host.total())}, note(about, host.total())),
      about.group !== 'metric' && about.id !== 'name' && h('button.ib.sm', {type: 'button', 'aria-pressed': String(grouped), title: grouped ? 'Stop grouping by it' : 'Group by it', 'aria-label': `Group by ${full}`, onclick: () => host.groupBy(about.id, !grouped)}, icon('group', true)),
      about.id !== 'name' && h('button.ib.sm', {type: 'button', 'aria-pressed': String(pinned), title: pinned ? 'Unpin' : 'Pin at the left', 'aria-label': `Pin ${full}`, onclick: () => host.pin(about.id, !pinned)}, icon('pin', true)));
  }

  /** Bring the list to what the table says. */
  function refresh(host) {
    if (!body || byId('runs-columns').hidden) return;
    const held = document.activeElement && body.contains(document.activeElement) ? [document.activeElement.id, document.activeElement.getAttribute('aria-label')] : null, scrolled = body.scrollTop;
    const rank = one => one.group === 'metric' ? ORDER.indexOf(one.statistic) : 0, parts = [];
    for (const group of ['run', 'config', 'summary', 'metric']) {
      const all = host.all().filter(one => one.group === group);
      const found = all.filter(one => !words || view.matches(words, `${runCells.fullTitle(one)} ${one.name}`)).sort((a, b) => group === 'run' ? 0 : ('equal' in a) - ('equal' in b) && group !== 'metric' ? ('equal' in a) - ('equal' in b) : runGroups.collator.compare(a.name, b.name) || rank(a) - rank(b));
      if (!found.length) continue;
      const equal = all.filter(one => 'equal' in one).length;
      parts.push(h('h3', {}, NAMES[group], group === 'config' ? h('span', {}, ` · ${numbers.whole(all.length - equal)} differ, ${numbers.whole(equal)} equal`) : null), ...found.slice(0, MOST).map(one => item(one, host)),
        found.length > MOST ? h('p.dim', {}, `${numbers.whole(found.length - MOST)} more: find them by name`) : null);
    }
    fill(body, parts.length ? parts : h('p.dim', {}, `No column matches “${words}”`));
    body.scrollTop = scrolled;
    if (held) { const again = (held[0] && byId(held[0])) || [...body.querySelectorAll('[aria-label]')].find(one => one.getAttribute('aria-label') === held[1]); if (again) again.focus({preventScroll: true}); }
  }

  function open(host, yes) {
    const place = byId('runs-columns');
    place.hidden = !yes;
    if (!yes) return;
    body = h('div.cl', {tabindex: '-1'});
    const field = h('input', {id: 'runs-column-find', type: 'search', placeholder: 'Find a column', 'aria-label': 'Find a column', autocomplete: 'off', spellcheck: 'false', oninput: event => { words = event.target.value.trim(); refresh(host); }});
    field.value = words;
    fill(place, h('div.h', {}, h('h2', {}, 'Columns'), h('span.grow'), h('button.lk', {type: 'button', title: 'The columns that the page chooses', onclick: () => host.reset()}, 'Reset'), h('button.ib.sm', {type: 'button', title: 'Close', 'aria-label': 'Close the column panel', onclick: () => host.panel(false)}, icon('close', true))),
      h('div.find', {}, h('span.qfield.small', {}, icon('search'), field)), body);
    refresh(host);
  }

  crossboard.runColumns = {open, refresh};
})(window);
