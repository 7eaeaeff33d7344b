/* What is marked in the embeddings, told below them: the metadata of the picked row, its nearest neighbours in each embedding that
   has as many rows, and the selected rows as a table to copy or to save. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {board, byId, fill, h, icon, marked, numbers, say, state} = crossboard, {own} = marked;
  const LISTED = 200, SIDES = 4;
  let dock = null, told = '';

  const nameOf = view => { const run = view.panel.run || board.runs.get(view.series.run); return run ? run.name : view.series.run; };

  function save(view, rows) {
    const name = `${view.series.tag.replace(/[^\w.-]+/g, '-')}-${rows.length}-rows.csv`, link = h('a', {href: URL.createObjectURL(new Blob([view.cloud.csv(rows)], {type: 'text/csv'})), download: name, hidden: true});
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    say(`Saved ${name}`);
  }

  async function copy(view, rows, button) {
    const done = await crossboard.page.copyText(view.cloud.csv(rows));
    button.textContent = done ? 'Copied' : 'Refused';
    say(done ? 'Table copied' : 'The table could not be copied');
    setTimeout(() => { button.textContent = 'Copy CSV'; }, 1600);
  }

  /** Which other embeddings the same rows are marked in, and which have another number of rows. */
  function linkWords(mine, n) {
    const others = [...marked.views].filter(view => view.cloud), fit = mine.length - 1, not = others.filter(view => view.cloud.n !== n);
    return [fit > 0 && `also marked in ${numbers.whole(fit)} other ${fit === 1 ? 'embedding' : 'embeddings'} of ${numbers.whole(n)} rows`, not.length > 0 && `not in ${numbers.whole(not.length)} with another number of rows`].filter(Boolean).join(', ');
  }

  /** The picked row: its metadata and its neighbours. */
  function row(pick, mine) {
    const [first] = mine, {cloud} = first, sides = mine.slice(0, SIDES), lists = sides.map(view => marked.neighbours(view, pick.row)), k = marked.k();
    const sets = lists.map(one => one.rows ? new Set(one.rows.slice(0, k)) : null), column = cloud.column(own('label')) || cloud.columns[0];
    lists.forEach(one => { if (one.catch) one.catch(() => {}); });
    const slider = h('input', {type: 'range', min: '1', max: String(marked.MOST_K), value: String(k), 'aria-label': 'how many neighbours', style: `--at:${100 * (k - 1) / (marked.MOST_K - 1)}%`, oninput: event => state.choose('k', +event.target.value === marked.K ? '' : event.target.value)});
    return h('div.pone', {}, h('div.pmeta', {}, h('h3', {}, `Row ${numbers.whole(pick.row)}`), h('dl', {tabindex: '0', 'aria-label': 'metadata of the row'}, cloud.columns.length ? cloud.columns.map(one => h('div', {}, h('dt', {}, one.name), h('dd', {}, one.text(pick.row) || '—'))) : h('div', {}, h('dt', {}, 'metadata'), h('dd', {}, 'none logged')))),
      h('div.pnear', {}, h('div.row', {}, h('h3', {}, 'Nearest'), slider, h('output', {}, String(k)), h('select', {'aria-label': 'distance', onchange: event => state.choose('metric', event.target.value === 'cosine' ? '' : event.target.value)}, ['cosine', 'euclidean'].map(name => h('option', {value: name, selected: name === marked.metric() ? '' : null}, name))), h('span.dim', {}, `of the ${numbers.whole(cloud.head.dimensions)} logged dimensions`)),
        h('div.plists', {tabindex: '0', 'aria-label': 'nearest neighbours', role: 'region'}, sides.map((view, s) => h('div', {}, sides.length > 1 && h('div.trunc.dim', {title: `${nameOf(view)}, ${view.series.tag}`}, nameOf(view)), lists[s].rows ? lists[s].finite ? h('ol', {}, lists[s].rows.slice(0, k).map((other, i) => {
          const shared = sides.length > 1 && sets.every(set => !set || set.has(other));
          return h('li', {}, h(`button.lk.trunc${shared ? '.shared' : ''}`, {type: 'button', title: shared ? 'near in all of these' : '', onclick: () => marked.pick(first, other)}, `${other}${column ? `  ${(view.cloud.column(column.name) || {text: () => ''}).text(other)}` : ''}`), h('span.num', {}, numbers.value(+lists[s].distance[i].toPrecision(4))));
        })) : h('p.dim', {}, 'this row is not finite') : h('p.dim', {}, 'reading')))) ));
  }

  /** The selected rows as a table. */
  function table(selection, mine) {
    const [first] = mine, {cloud} = first, {rows} = selection;
    return h('div.psel', {}, h('div.row', {}, h('h3', {}, `${numbers.whole(rows.length)} ${rows.length === 1 ? 'row' : 'rows'} selected`), h('button.lk', {type: 'button', id: 'points-alone', 'aria-pressed': String(Boolean(own('alone'))), onclick: () => state.choose('alone', own('alone') ? '' : '1')}, 'Only these'), h('button.lk', {type: 'button', onclick: event => copy(first, rows, event.currentTarget)}, 'Copy CSV'), h('button.lk', {type: 'button', id: 'points-csv', onclick: () => save(first, rows)}, 'Save CSV'), h('button.lk', {type: 'button', id: 'points-clear', onclick: () => marked.select(first, [])}, 'Clear'),
      h('span.dim.trunc', {}, rows.length > LISTED ? `the first ${numbers.whole(LISTED)} stand here; the CSV has all` : ''), own('rows').endsWith('~many') && h('span.dim', {}, 'too many for a link')),
    h('div.ptable', {tabindex: '0', role: 'region', 'aria-label': 'selected rows'}, h('table.t', {}, h('thead', {}, h('tr', {}, h('th', {}, 'row'), cloud.columns.map(one => h('th', {}, h('span.trunc', {title: one.name}, one.name))))), h('tbody', {}, rows.slice(0, LISTED).map(i => h('tr', {}, h('td', {}, h('button.lk', {type: 'button', onclick: () => marked.pick(first, i)}, String(i))), cloud.columns.map(one => h(`td${one.words ? '' : '.num'}`, {}, h('span.trunc', {title: one.text(i)}, one.text(i))))))))));
  }

  function show() {
    const pick = marked.picked(), selection = marked.selected(), mine = pick ? marked.linked(pick.n, pick) : [], chosen = selection ? marked.linked(selection.n, pick) : [];
    const there = mine.length || chosen.length;
    if (!there) { if (dock) { dock.hidden = true; told = ''; } return; }
    if (!dock) { dock = h('section.pdock', {id: 'points-dock', 'aria-label': 'marked rows'}); byId('run-steps').before(dock); }
    const held = document.activeElement && dock.contains(document.activeElement) ? document.activeElement : null, tops = [...dock.querySelectorAll('[role=region]')].map(one => one.scrollTop);
    if (held && held.type === 'range' && pick) {   // the slider is being moved: it stays what it is
      const fresh = row(pick, mine);
      dock.querySelector('.plists').replaceWith(fresh.querySelector('.plists'));
      dock.querySelector('.pnear output').textContent = String(marked.k());
      held.style.setProperty('--at', `${100 * (marked.k() - 1) / (marked.MOST_K - 1)}%`);
      return;
    }
    dock.hidden = false;
    const at = held ? [...dock.querySelectorAll('button, select, input')].indexOf(held) : -1, first = (mine.length ? mine : chosen)[0];
    fill(dock, h('header.row', {}, h('b.trunc', {title: `${nameOf(first)}, ${first.series.tag}`}, `${nameOf(first)}, ${first.series.tag}`), h('span.dim.trunc', {}, linkWords(mine.length ? mine : chosen, first.cloud.n)), h('span.grow'), h('button.ib.sm', {type: 'button', 'aria-label': 'Close', title: 'Nothing marked (C)', onclick: () => { marked.select(first, []); state.choose('row', ''); }}, icon('close', true))),
      h('div.pbody', {}, mine.length ? row(pick, mine) : null, chosen.length ? table(selection, chosen) : null));
    [...dock.querySelectorAll('[role=region]')].forEach((one, i) => { one.scrollTop = tops[i] || 0; });
    if (at >= 0) { const again = dock.querySelectorAll('button, select, input')[at]; if (again) again.focus({preventScroll: true}); }
  }

  function leave() { if (dock) { dock.remove(); dock = null; } }

  marked.on('chosen marked read', () => { if (dock || own('row') || own('rows')) show(); });
  crossboard.pointDock = {show, leave};
})(window);
