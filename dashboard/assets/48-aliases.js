/* The dialog "Tags that are one metric": what is joined now and why the rest is not, the choice what is, and the rules themselves.

   The rules are kept by the server, in a file of the user's (`/api/aliases`); what is joined in this view is in the URL. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {board, byId, failure, fill, getJson, h, icon, numbers, say, state, url} = crossboard;
  const JOINS = [['', 'Where sure'], ['all', 'All rules'], ['off', 'Nothing']], MARKS = {train: 'train', validation: 'validation', test: 'test', '': 'by directory'};
  let dialog = null, told = null, error = '', saved = '';

  function families() {
    if (!told) return h('p.dim', {}, error || 'Reading');
    const drawn = new Set(board.families.map(family => family.title));
    const row = one => h('tr', {}, h('th', {scope: 'row'}, one.title), h('td', {}, Object.entries(one.splits).map(([tag, split]) => h('div', {}, h('code', {}, tag), h('span.dim', {}, ` ${MARKS[split]}`)))),
      h('td', {}, drawn.has(one.title) ? 'one chart' : h('span.dim', {}, one.why || 'apart')));
    const pairs = told.pairs ? `${numbers.whole(told.pairs)} ${told.pairs === 1 ? 'pair of run directories' : 'pairs of run directories'}${state.join === 'off' ? ', drawn apart' : ', drawn in one colour'}. ` : '';
    return [h('p.dim', {}, pairs, told.families.length ? '' : 'No tags here are one metric by these rules.'),
      told.families.length ? h('div.wide', {tabindex: '0', role: 'region', 'aria-label': 'families of tags'}, h('table.t', {}, h('thead', {}, h('tr', {}, h('th', {}, 'Title'), h('th', {}, 'Tags'), h('th', {}, 'Drawn'))), h('tbody', {}, told.families.map(row)))) : null];
  }

  function draw() {
    const rules = dialog.querySelector('textarea'), text = rules ? rules.value : told ? told.rules : '';
    const area = h('textarea.mono', {id: 'alias-rules', rows: '12', spellcheck: 'false', autocomplete: 'off', disabled: !told, 'aria-describedby': 'alias-error'});
    area.value = text;
    fill(dialog, h('div.kh', {}, h('h2', {id: 'aliases-title'}, 'Tags that are one metric'), h('button.ib', {type: 'button', 'aria-label': 'Close', onclick: () => dialog.close()}, icon('close'))),
      h('div.joins', {role: 'radiogroup', 'aria-label': 'what is drawn as one'}, h('span.mid', {}, 'Draw as one'), JOINS.map(([value, words]) => h('label', {}, h('input', {type: 'radio', name: 'join', value, checked: state.join === value, onchange: () => { state.set('join', value); words_(); }}), words))),
      h('div.fams', {}, families()),
      h('label.mid', {for: 'alias-rules'}, 'Rules'), area,
      h('p.dim', {}, 'TAG in DIRECTORY -> TITLE : train, validation or test. A star stands for any letters; the first rule that fits counts; ? joins only under “All rules”. Sources are never changed.'),
      h('p.bad', {id: 'alias-error', role: 'status'}, told && told.error ? `The rules in ${told.path} are not in force: ${told.error}` : error),
      h('div.row', {}, h('button.btn', {type: 'button', id: 'alias-save', disabled: !told || !told.path, onclick: () => save(area.value)}, 'Save rules'),
        h('button.btn', {type: 'button', id: 'alias-reset', disabled: !told || !told.path || told.built_in, onclick: () => save('')}, 'Back to the built-in rules'),
        h('span.dim.grow.trunc', {title: told ? told.path : ''}, saved || (told ? told.path ? `Kept in ${told.path}` : 'This board keeps no rules: start it with --aliases FILE' : ''))));
  }

  async function read() {
    try { told = await getJson('api/aliases'); error = ''; } catch (problem) { error = problem.message; }
    if (dialog.open) draw();
  }

  async function save(rules) {
    saved = '';
    try {
      const answer = await fetch(url('api/aliases'), {method: 'POST', credentials: 'same-origin', headers: {'Content-Type': 'application/json', Accept: 'application/json'}, body: JSON.stringify({rules})});
      if (!answer.ok) throw await failure(answer);
      saved = rules.trim() ? 'Saved' : 'The built-in rules are in force';
      error = '';
      say(saved);
      const area = dialog.querySelector('textarea');
      if (!rules.trim() && area) area.remove();
      await Promise.all([board.loadRuns(true), board.loadTags()]);
      await read();
    } catch (problem) {
      error = problem.message;
      draw();
    }
  }

  /** Say in the page bar what is joined. */
  function words_() {
    const button = byId('open-aliases'), chosen = (JOINS.find(([value]) => value === state.join) || JOINS[0])[1];
    if (button) button.textContent = `Joined: ${chosen.toLowerCase()}`;
  }

  function show() {
    if (!dialog) {
      dialog = h('dialog.keys.aliases', {'aria-labelledby': 'aliases-title'});
      dialog.onclick = event => { if (event.target === dialog) dialog.close(); };
      document.body.append(dialog);
      board.on('tags', () => { if (dialog.open) { const place = dialog.querySelector('.fams'); if (place) fill(place, families()); } });
    }
    told = null; error = saved = '';
    fill(dialog);
    draw();
    dialog.showModal();
    read().then(() => { const area = dialog.querySelector('textarea'); if (area && told) area.value = told.rules; });
  }

  document.addEventListener('click', event => { if (event.target.closest && event.target.closest('#open-aliases')) show(); });
  state.on('join', words_);
  board.on('tags', words_);

  crossboard.aliases = {show};
})(window);
