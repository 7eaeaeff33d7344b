/* Editing a run in place: its name, tags, group and notes. What is written goes where the Runs page writes it; the last change can be undone. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {board, byId, failure, fill, h, icon, state, toasts, url} = crossboard;
  let open = '', again = () => {};

  /** Write `change` ({name: ..., tags: ...}) of run `key`; `words`: what to say when it is done, `undo`: the change that takes it back. */
  async function write(key, change, words, undo = null) {
    open = '';
    crossboard.stats.requests++;
    try {
      const answer = await fetch(url('api/edit'), {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify({run: key, ...change}), credentials: 'same-origin'});
      if (!answer.ok) throw await failure(answer);
      const details = crossboard.run.details();
      for (const one of [board.runs.get(key), state.run === key && details && details.run]) if (one) Object.assign(one, change);
      toasts.tell(words, {about: `edit ${key}`, id: 'run-undo', offer: undo && ['Undo', () => write(key, undo, 'Taken back')]});
      board.tell('runs');
    } catch (error) { toasts.tell(`Not changed: ${error.message}`, {bad: true, about: `edit ${key}`}); }
    again();
  }

  /** A one-line field; `done(text)` on Enter or when it is left, nothing on Escape. */
  function field(id, label, value, done, more = {}) {
    let ended = false;
    const end = text => { if (!ended) { ended = true; open = ''; if (text !== null && text !== value) done(text); else again(); } };
    const input = h('input.find', {id, value, 'aria-label': label, autocomplete: 'off', spellcheck: 'false', maxlength: '500', ...more, onkeydown: event => {
      if (event.key === 'Enter') { event.preventDefault(); end(input.value.trim()); }
      else if (event.key === 'Escape') { event.preventDefault(); event.stopPropagation(); end(null); }
    }, onblur: () => end(input.value.trim())});
    return input;
  }

  function begin(what) {
    open = what;
    again();
    const input = byId(`edit-${what}`);
    if (input) { input.focus(); if (input.select && what !== 'notes') input.select(); }
  }

  /** The name: a heading, or a field. */
  function name(run) {
    if (open === 'name') return field('edit-name', 'Name of the run', run.name, text => text && write(run.key, {name: text}, 'Renamed', {name: run.name}));
    return [h('h1', {title: `${run.name}\nDouble click or F2 to rename`, ondblclick: () => begin('name')}, run.name), h('button.ib.sm.edit', {type: 'button', id: 'rename', title: 'Rename (F2)', 'aria-label': 'Rename the run', onclick: () => begin('name')}, icon('pencil', true))];
  }

  /** The tags, each with a way out, and a way in. */
  function tags(run) {
    const all = run.tags || [], known = [...new Set(board.order.flatMap(one => one.tags || []))].filter(tag => !all.includes(tag)).sort().slice(0, 200);
    const take = tag => write(run.key, {tags: all.filter(one => one !== tag)}, `Tag ${tag} taken away`, {tags: all});
    return [...all.map(tag => h('span.tag.own', {title: tag}, h('span.trunc', {}, tag), h('button.ib.sm', {type: 'button', title: `Take ${tag} away`, 'aria-label': `Take tag ${tag} away`, onclick: () => take(tag)}, icon('close', true)))),
      ...open === 'tags' ? [field('edit-tags', 'Tags to add, separated by commas', '', text => { const more = text.split(',').map(one => one.trim()).filter(one => one && !all.includes(one)); if (more.length) write(run.key, {tags: [...all, ...more]}, 'Tagged', {tags: all}); else again(); }, {list: 'known-tags', placeholder: 'baseline, paper', size: '14'}), h('datalist', {id: 'known-tags'}, known.map(tag => h('option', {value: tag})))]
        : [h('button.ib.sm', {type: 'button', id: 'add-tag', title: 'Add tags', 'aria-label': 'Add tags', onclick: () => begin('tags')}, icon('plus', true))]];
  }

  /** The group: its name, or a field. */
  function group(run) {
    if (open === 'group') return field('edit-group', 'Group of the run', run.group || '', text => write(run.key, {group: text}, text ? 'Grouped' : 'Taken out of its group', {group: run.group || ''}), {size: '16'});
    return h('button.lk.plainlk', {type: 'button', id: 'regroup', title: 'Change the group', onclick: () => begin('group')}, run.group || 'none');
  }

  /** The notes: Markdown as elements, or a text field. */
  function notes(run) {
    const {panel} = crossboard.parts;
    if (open !== 'notes') return [h('header.pnh', {}, h('h2', {}, 'Notes'), h('button.lk', {type: 'button', id: 'edit-the-notes', onclick: () => begin('notes')}, run.notes ? 'Edit' : 'Write')),
      run.notes ? h('div.note', {}, crossboard.markdown.nodes(run.notes)) : h('p.none', {}, 'None. What was tried, and what came of it, in Markdown.')];
    const area = h('textarea.notes', {id: 'edit-notes', rows: '8', maxlength: '100000', 'aria-label': 'Notes, in Markdown', onkeydown: event => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) { event.preventDefault(); save(); }
      else if (event.key === 'Escape') { event.preventDefault(); event.stopPropagation(); cancel(); }
    }});
    area.value = run.notes || '';
    const save = () => { if (area.value === (run.notes || '')) cancel(); else write(run.key, {notes: area.value}, 'Notes kept', {notes: run.notes || ''}); }, cancel = () => { open = ''; again(); };
    return panel('Notes', 'Markdown', h('div.noteform', {}, area, h('div.row', {}, h('button.btn.pri', {type: 'button', id: 'save-notes', title: 'Ctrl+Enter', onclick: save}, 'Save'), h('button.btn', {type: 'button', onclick: cancel}, 'Cancel'))));
  }

  crossboard.runEdit = {begin, group, name, notes, tags, open: () => open, close: () => { open = ''; }, onChange: work => { again = work; }};
})(window);
