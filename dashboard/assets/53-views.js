/* Saved views: the dialog that names the present address, and lists, opens, renames, replaces and deletes what was named. They are kept by the server for
   its user (/api/views, dashboard/saved_views.py), so every browser has them; a view is an address, and opens as a copied link does.

   The default view is what opens where the address says nothing. The theme is a matter of the browser and no part of a view. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {byId, failure, fill, getJson, h, icon, numbers, say, state, toasts, url, view} = crossboard;
  let told = null, error = '', dialog = null, renaming = '', asked = null;

  const list = () => told ? told.views : [];
  const opensFirst = () => told ? told.default : '';

  /** The address of a view without what is the browser's own. */
  function plain(search) {
    const here = view.parse(search);
    here.theme = '';
    return view.format(here) || '?x=step';
  }

  /** The view that is open now: the one of this very address. */
  const current = () => list().find(one => plain(one.search) === plain(state.search()));

  function take(answer) {
    told = answer;
    error = '';
    if (told.default) state.plain = '?x=step';   // an address that says nothing would open the default view
  }

  async function read() {
    try { take(await getJson('api/views')); } catch (problem) { error = problem.message; }
    if (dialog && dialog.open) draw();
  }
  /** Read what is kept, once; again with `anew`. */
  function known(anew = false) { if (!asked || anew) asked = read(); return asked; }

  /** Ask for a change; true when it was kept. What could not be is said. */
  async function change(body) {
    try {
      const answer = await fetch(url('api/views'), {method: 'POST', credentials: 'same-origin', headers: {'Content-Type': 'application/json', Accept: 'application/json'}, body: JSON.stringify(body)});
      if (!answer.ok) throw await failure(answer);
      take(await answer.json());
      if (dialog && dialog.open) draw();
      return true;
    } catch (problem) {
      toasts.tell(`The view was not changed: ${problem.message}`, {bad: true, about: 'view'});
      return false;
    }
  }

  async function save(name) {
    const same = list().find(one => one.name === name);
    if (same) { await replace(same); byId('view-name').value = ''; return; }
    if (await change({name, search: plain(state.search())})) { say(`View “${name}” saved`); byId('view-name').value = ''; draw(); }
  }

  /** Let a view be the present address from now on. */
  async function replace(one) {
    const was = one.search;
    if (await change({id: one.id, search: plain(state.search())})) toasts.tell(`View “${one.name}” replaced`, {about: `view ${one.id}`, id: 'view-undo', offer: ['Undo', () => change({id: one.id, search: was})]});
  }

  async function remove(one) {
    const first = one.id === opensFirst();
    if (!await change({id: one.id, deleted: true})) return;
    toasts.tell(`View “${one.name}” deleted`, {about: `view ${one.id}`, id: 'view-undo', offer: ['Undo', async () => { if (await change({id: one.id, deleted: false})) say(`View “${one.name}” is back${first ? ', and opens first' : ''}`); }]});
  }

  /** Open a view; the back button comes back here. */
  function open(one) {
    const theme = new URLSearchParams(location.search).get('theme'), q = new URLSearchParams(one.search);
    if (theme) q.set('theme', theme);
    location.assign(location.pathname + (theme ? `?${q}` : one.search));
  }

  /** What a view is about, in a few words. */
  function words(search) {
    const here = view.parse(search), q = new URLSearchParams(search), parts = [];
    parts.push(here.run ? 'a run' : here.page === 'runs' ? 'Runs' : here.page === 'panes' ? 'Panes' : 'Charts');
    if (here.project) parts.push(here.project);
    if (here.runs || (here.table && here.table.q)) parts.push(here.runs || here.table.q);
    if (here.only) parts.push(`only ${here.only.split('.').length} ${here.only.includes('.') ? 'runs' : 'run'}`);
    if (here.tags) parts.push(`tags ${here.tags}`);
    if (here.bands) parts.push(`by ${here.bands.replace(/^config:/, '')}`);
    if (here.x !== 'step') parts.push(here.x.replace(/^metric:/, 'x: '));
    if (here.smooth) parts.push(crossboard.cardSettings.words(here.smooth));
    const more = [...new Set(q.keys())].length - parts.length + (here.run || here.page ? 0 : 1);
    return parts.join(' · ') + (more > 0 && parts.length < 2 ? ` · ${numbers.whole(more)} ${more === 1 ? 'choice' : 'choices'}` : '');
  }

  function row(one) {
    const here = current() === one, first = one.id === opensFirst();
    if (renaming === one.id) {
      const field = h('input.text', {id: 'view-rename', type: 'text', maxlength: 200, value: one.name, 'aria-label': `New name of ${one.name}`, autocomplete: 'off', onkeydown: event => { if (event.key === 'Escape') { event.preventDefault(); event.stopPropagation(); stop(); } }});
      const stop = () => { renaming = ''; draw(); };
      return h('li', {}, h('form.vr', {onsubmit: async event => { event.preventDefault(); const name = field.value.trim(); renaming = ''; if (name && name !== one.name) await change({id: one.id, name}); draw(); }}, field, h('button.btn', {type: 'submit'}, 'Rename'), h('button.btn', {type: 'button', onclick: stop}, 'Cancel')));
    }
    const act = (name, mark, title, work, more = {}) => h('button.ib.sm', {type: 'button', title, 'aria-label': `${title}: ${one.name}`, 'data-act': name, onclick: work, ...more}, icon(mark, true));
    return h(`li${here ? '.here' : ''}`, {'data-view': one.id}, h('a.vo', {href: one.search || '?', 'aria-current': here ? 'true' : null, onclick: event => { if (event.ctrlKey || event.metaKey || event.shiftKey) return; event.preventDefault(); open(one); }},
      h('b.trunc', {title: one.name}, one.name), h('span.dim.trunc', {title: one.search}, here ? 'open now' : words(one.search))),
    act('default', 'home', first ? 'Opens first; click: no longer' : 'Open first, where the address says nothing', () => change({id: one.id, default: !first}), {'aria-pressed': String(first)}),
    act('replace', 'restart', 'Replace by the present view', () => replace(one), {disabled: here}),
    act('rename', 'pencil', 'Rename', () => { renaming = one.id; draw(); byId('view-rename').select(); }), act('delete', 'trash', 'Delete', () => remove(one)));
  }

  function draw() {
    const held = dialog.contains(document.activeElement) ? document.activeElement : null, at = held && held.closest('li') ? [held.closest('li').dataset.view, held.dataset.act] : null, typed = byId('view-name') ? byId('view-name').value : '', inField = held && held.id === 'view-name';
    const all = list(), here = current();
    fill(dialog, h('div.kh', {}, h('h2', {id: 'views-title'}, 'Saved views'), h('button.ib', {type: 'button', 'aria-label': 'Close', onclick: () => dialog.close()}, icon('close'))),
      h('form.vs', {onsubmit: event => { event.preventDefault(); const name = byId('view-name').value.trim(); if (name) save(name); }}, h('input.text', {id: 'view-name', type: 'text', maxlength: 200, placeholder: here ? `This view is “${here.name}”; another name` : 'Name this view', 'aria-label': 'Name of this view', autocomplete: 'off', value: typed}), h('button.btn.pri', {type: 'submit', id: 'view-save'}, 'Save')),
      error ? h('p.bad', {role: 'status'}, error) : null,
      !told ? h('p.dim', {}, error ? '' : 'Reading') : all.length ? h('ul.vl', {'aria-label': 'views'}, all.map(row)) : h('p.dim', {}, 'No view is saved yet. A view keeps all that the address says: page, filters, shown runs, axes, smoothing, cards.'),
      told && h('p.dim.trunc', {title: told.path}, `Of these sources, for you, in every browser. Kept in ${told.path || 'no file: there is no home directory'}`));
    if (inField) byId('view-name').focus();
    else if (at) { const row = [...dialog.querySelectorAll('li')].find(one => one.dataset.view === at[0]), again = row && row.querySelector(`[data-act="${at[1]}"]`); (again && !again.disabled ? again : byId('view-name')).focus(); }
  }

  function show() {
    if (!dialog) {
      dialog = h('dialog.keys.views', {id: 'views', 'aria-labelledby': 'views-title'});
      dialog.onclick = event => { if (event.target === dialog) dialog.close(); };
      document.body.append(dialog);
    }
    state.write();
    renaming = '';
    draw();
    dialog.showModal();
    byId('view-name').focus();
    known(true);
  }

  document.addEventListener('click', event => { if (event.target.closest && event.target.closest('#open-views')) show(); });

  crossboard.views = {change, current, known, list, open, opensFirst, plain, show, words};
})(window);
