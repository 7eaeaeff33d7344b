/* The source chips of the rail: which formats are open here, with how many runs; one narrows the rail to its runs. The formats are those of the
   sources that the server names, not a list of ours. Chosen ones are `state.src`, joined by ".". */
(root => {
  'use strict';
  const crossboard = root.crossboard, {board, byId, fill, h, icon, numbers, state} = crossboard;

  const chosen = () => state.src.split('.').filter(Boolean);

  /** Show only the runs of these formats too, or no longer. */
  function toggle(format) {
    const now = new Set(chosen());
    if (!now.delete(format)) now.add(format);
    const all = formats().map(one => one.format);
    state.set('src', all.every(one => now.has(one)) ? '' : [...now].sort().join('.'));
  }

  /** What is open: [{format, runs, paths, error, damaged}], the fullest first. A path is looked at in every format: one that holds nothing in
      any is told as native. */
  function formats() {
    const sources = board.info && board.info.sources || [], found = new Map(), full = new Set(sources.filter(one => one.runs || one.error).map(one => one.path));
    const of = format => { if (!found.has(format)) found.set(format, {format, runs: 0, paths: [], error: '', damaged: 0}); return found.get(format); };
    for (const one of sources) {
      if (!one.runs && !one.error && (one.format !== 'native' || full.has(one.path))) continue;
      const here = of(one.format);
      here.paths.push(`${one.path}: ${one.error || `${numbers.whole(one.runs)} ${one.runs === 1 ? 'run' : 'runs'}`}`);
      if (one.error) here.error = one.error;
      if (!board.loaded) here.runs += one.runs;
    }
    if (board.loaded) for (const run of board.order) if (run.source) { const here = of(run.source); here.runs++; here.damaged += run.problems && run.problems.length ? 1 : 0; }
    return [...found.values()].sort((a, b) => b.runs - a.runs || (a.format < b.format ? -1 : 1));
  }

  let shown = '';
  function show() {
    const place = byId('rail-sources');
    if (!place) return;
    const list = formats(), on = new Set(chosen()), key = JSON.stringify([list, state.src]);
    for (const format of on) if (!list.some(one => one.format === format)) list.push({format, runs: 0, paths: ['not open here'], error: '', damaged: 0});   // a link from elsewhere
    if (key === shown) return;
    shown = key;
    const held = place.contains(document.activeElement) ? document.activeElement.dataset.format : '';
    fill(place, list.map(({format, runs, paths, error, damaged}) => {
      const wrong = error ? 'cannot be read whole' : damaged ? `${numbers.whole(damaged)} damaged` : '', name = board.formatName(format);
      return h(`button.chip${error ? '.bad' : damaged ? '.warned' : ''}`, {type: 'button', 'data-format': format, 'aria-pressed': String(on.has(format)),
        title: [...paths, damaged && `${numbers.whole(damaged)} ${damaged === 1 ? 'run has a damaged file' : 'runs have damaged files'}; the rest was read`, on.has(format) ? 'Click: no longer only these' : `Click: only the runs of ${name}`].filter(Boolean).join('\n'),
        onclick: () => toggle(format)}, wrong && icon('alert', true), name, h('span.n', {}, numbers.whole(runs)), h('span.unseen', {}, `${runs === 1 ? 'run' : 'runs'}${wrong ? `, ${wrong}` : ''}`));
    }));
    if (held) { const again = [...place.children].find(one => one.dataset.format === held); if (again) again.focus(); }
  }

  board.on('runs board', show);
  state.on('src', show);

  crossboard.sources = {formats, show, toggle};
})(window);
