/* The config of a run: on the overview as a tree, on a tab of its own beside that of another run, leaf by leaf. The URL's `tag` is the key of the other run. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {board, byId, fill, h, icon, numbers, parts, plot, state} = crossboard;
  const SIGNS = {added: '+', removed: '−', changed: '~', same: ''}, WORDS = {added: 'only here', removed: 'only there', changed: 'differs'}, MOST_RUNS = 500;
  let words = '', only = false, short = '';

  const baseline = run => state.base ? board.order.find(one => one.mark === state.base && one.key !== run.key) || null : null;

  function go(run, other) { state.go({run: run.key, tab: 'config', tag: other ? other.key : ''}); }

  /** The panel on the overview: values that the baseline has otherwise are marked. */
  function overview(run) {
    const config = run.config || {}, all = parts.leaves(config).length, base = baseline(run), rows = base ? parts.differences(config, base.config || {}) : [];
    const differ = new Map(rows.filter(one => one.what === 'changed' || one.what === 'added').map(one => [one.path.join('\n'), one])), apart = rows.filter(one => one.what !== 'same').length;
    const mark = base && (path => { const one = differ.get(path.join('\n')); return one ? one.what === 'added' ? `${base.name} has none` : `${base.name}: ${parts.plain(one.there)}` : ''; });
    const body = h('div.kvs'), note = h('span.e');
    const list = () => {
      const made = [], n = parts.nested(made, config, {words: short, searched: true, mark});
      fill(body, made.length ? made : h('p.none', {}, all ? `No key or value holds “${short}”.` : run.source === 'native' ? 'No config was given: crossboard.init(config={...}).' : 'None.'));
      fill(note, short ? `${n} of ${all} keys` : all ? parts.plural(all, 'key') : '', base && all ? [', ', h('button.lk.differ', {type: 'button', title: `Beside ${base.name}, the baseline`, onclick: () => go(run, base)}, `${numbers.whole(apart)} differ from `, base.name)] : null,
        all ? h('button.lk', {type: 'button', id: 'config-open', title: 'All keys; copy; difference to another run', onclick: () => go(run, base)}, 'Compare') : null);
    };
    const field = all > 8 ? h('div.pfind', {}, h('input.find', {id: 'config-filter', type: 'search', value: short, placeholder: 'Search keys and values', 'aria-label': 'Search the config', autocomplete: 'off', spellcheck: 'false', oninput: event => { short = event.target.value.trim(); list(); }})) : null;
    list();
    return [h('header.pnh', {}, h('h2', {}, 'Config'), note), field, body];
  }

  /** The runs that can stand beside this one: the baseline, those of its group, then the others, newest first. */
  function others(run) {
    const base = baseline(run), rest = board.order.filter(one => one.key !== run.key && one !== base), near = rest.filter(one => run.group && one.group === run.group);
    return [base, ...near, ...rest.filter(one => !near.includes(one)).reverse()].filter(Boolean);
  }

  function value(v, what) {
    if (v === undefined) return h('span.dim', {}, 'not there');
    const text = parts.plain(v), shown = text.length > 2000 ? `${text.slice(0, 2000)} …` : text;
    return what === 'same' ? shown : h('mark', {class: what}, shown);
  }

  function table(run, other, place, count) {
    const rows = other ? parts.differences(run.config || {}, other.config || {}) : parts.leaves(run.config || {}).map(([path, here]) => ({path, here, what: 'same'}));
    const listed = rows.filter(one => (!only || !other || one.what !== 'same') && (!words || crossboard.view.matches(words, `${one.path.join('.')} ${parts.plain(one.here)} ${other ? parts.plain(one.there) : ''}`)));
    const apart = rows.filter(one => one.what !== 'same').length;
    count.textContent = [listed.length < rows.length ? `${numbers.whole(listed.length)} of ${parts.plural(rows.length, 'key')}` : parts.plural(rows.length, 'key'), other && (apart ? `${numbers.whole(apart)} differ` : 'all the same')].filter(Boolean).join(', ');
    if (!listed.length) { fill(place, h('p.none', {}, !rows.length ? run.source === 'native' ? 'No config was given: crossboard.init(config={...}).' : 'The run has no config.' : words ? `No key or value holds “${words}”.` : 'All keys are the same.')); return; }
    let heading = '';
    const body = [];
    for (const one of listed) {
      const above = one.path.slice(0, -1).join('.'), depth = one.path.length - 1;
      if (above !== heading) { heading = above; if (above) body.push(h('tr.cgroup', {}, h('th', {colspan: other ? '4' : '2', scope: 'colgroup', style: `--depth:${depth - 1}`}, h('span.mono', {}, above)))); }
      body.push(h('tr', {}, other && h('td.csign', {title: WORDS[one.what] || null}, h('span', {class: one.what, 'aria-label': WORDS[one.what] || 'the same'}, SIGNS[one.what])), h('td.ckey.mono', {title: one.path.join('.'), style: `--depth:${depth}`}, one.path[depth]),
        h('td.cval', {}, value(one.here, one.what === 'removed' ? 'same' : one.what)), other && h('td.cval', {}, value(one.there, one.what === 'added' ? 'same' : one.what))));
    }
    const named = one => h('span.row', {}, h('span.sw', {style: `--c:${plot.look(one.slot || 0).colour}`}), h('span.trunc', {title: one.name}, one.name));
    fill(place, h('table.t.ctable', {}, h('thead', {}, h('tr', {}, other && h('th', {}, h('span.unseen', {}, 'difference')), h('th', {}, 'Key'), h('th', {}, other ? named(run) : 'Value'), other && h('th', {}, named(other)))), h('tbody', {}, body)));
  }

  function show(body, details, run, fresh) {
    const one = {...details.run, ...(run || {})}, other = state.tag && board.runs.get(state.tag) || null, name = JSON.stringify([one.config, other && other.config, other && other.name, one.name]);
    if (!fresh && body.dataset.config === name && byId('config-table')) return;
    body.dataset.config = name;
    if (fresh || !byId('config-table')) {
      const list = others(one);
      fill(body, h('div.pnbar.stay', {},
        h('input.find', {id: 'config-find', type: 'search', placeholder: 'Keys and values', 'aria-label': 'Search the config', value: words, autocomplete: 'off', spellcheck: 'false', oninput: event => { words = event.target.value.trim(); again(); }}),
        h('label.row.pickrun', {}, h('span.dim', {}, 'Beside'), h('select', {id: 'config-other', 'aria-label': 'Run to compare with', onchange: event => go(one, board.runs.get(event.target.value))}, h('option', {value: ''}, 'no other run'), list.slice(0, MOST_RUNS).map(each => h('option', {value: each.key, selected: other === each}, `${each.mark === state.base ? 'baseline: ' : ''}${each.name}`)), other && list.indexOf(other) >= MOST_RUNS ? h('option', {value: other.key, selected: true}, other.name) : null)),
        other && h('button.btn', {type: 'button', id: 'config-only', 'aria-pressed': String(only), onclick: event => { only = !only; event.currentTarget.setAttribute('aria-pressed', String(only)); again(); }}, 'Only what differs'),
        h('span.dim', {id: 'config-count', role: 'status'}), h('span.grow'), parts.copyButton('Copy JSON', () => JSON.stringify(one.config || {}, null, 2), {id: 'copy-json'}), parts.copyButton('Copy YAML', () => parts.yaml(one.config || {}), {id: 'copy-yaml'})),
      state.tag && !other ? h('p.none', {}, 'The other run of this link is not on the board.') : null,
      h('section.card.wide', {id: 'config-table', 'aria-label': 'config', tabindex: '0', role: 'region'}));
    }
    again = () => table(one, other, byId('config-table'), byId('config-count'));
    again();
  }
  let again = () => {};

  crossboard.runConfig = {overview, baseline, count: run => parts.leaves(run.config || {}).length};
  crossboard.runTabs.config = {show, leave: () => { short = ''; }};
})(window);
