/* What can be done with the selected runs: show only them on the charts, hide, tag, archive, delete, export; and the word about it,
   with undo. Each action asks the server once for all runs and says for which it could not be done, and why. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {board, byId, failure, fill, h, icon, numbers, state, url} = crossboard;
  const runs = n => `${numbers.whole(n)} ${n === 1 ? 'run' : 'runs'}`;

  /** POST JSON; throws an Error with the server's words. */
  async function post(path, body) {
    crossboard.stats.requests++;
    const answer = await fetch(url(path), {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body), credentials: 'same-origin'});
    if (!answer.ok) throw await failure(answer);
    return answer.json();
  }

  /** Say what was done, with a button to undo it where that can be; `bad` for what failed. */
  function say(words, {undo = null, bad = false} = {}) {
    crossboard.toasts.tell(words, {bad, about: 'runs', id: 'runs-undo', offer: undo && ['Undo', undo]});
  }

  /** The reasons of a refusal, one of each kind. */
  function why(refused) {
    const first = refused[0], same = refused.filter(one => one.error === first.error).length;
    return `${refused.length === 1 ? `“${first.name || first.id}”` : runs(refused.length)} could not be changed: ${first.error}${same < refused.length ? `, and other reasons` : ''}. ${first.next ? `${first.next[0].toUpperCase()}${first.next.slice(1)}.` : ''}`;
  }

  /** Edit several runs in one way; `words`: what to say when it is done. */
  async function edit(keys, change, words, undo = null) {
    try {
      const {written, refused} = await post('api/edit', {runs: keys, ...change});
      if (refused.length) say(`${written ? `${words(written)}. ` : ''}${why(refused)}`, {bad: true});
      else say(words(written), {undo});
      return written;
    } catch (error) { say(error.message, {bad: true}); return 0; }
  }

  function dialog(title, body, buttons) {
    const place = byId('runs-dialog');
    fill(place, h('div.kh', {}, h('h2', {id: 'runs-dialog-title'}, title), h('button.ib', {type: 'button', 'aria-label': 'Close', onclick: () => place.close()}, icon('close'))), body, h('div.db', {}, buttons));
    place.onclick = event => { if (event.target === place) place.close(); };
    if (!place.open) place.showModal();
    return place;
  }

  const bytes = n => n < 1e3 ? `${n} B` : n < 1e6 ? `${(n / 1e3).toFixed(1)} kB` : n < 1e9 ? `${(n / 1e6).toFixed(1)} MB` : `${(n / 1e9).toFixed(2)} GB`;

  /** Ask which of these runs can go and where to, show it, and delete them when that is wanted. */
  async function remove(keys, after) {
    let plan;
    try { plan = await post('api/delete', {runs: keys, dry_run: true}); } catch (error) { say(error.message, {bad: true}); return; }
    const {deleted, refused} = plan, trash = [...new Set(deleted.map(one => one.trash))], size = deleted.reduce((sum, one) => sum + one.bytes, 0), close = () => byId('runs-dialog').close();
    const row = (name, words, more) => h('li', {}, h('b.trunc', {title: name}, name), h('span.dim.trunc', {title: more || words}, words));
    dialog(deleted.length ? `Delete ${runs(deleted.length)}?` : 'Nothing can be deleted',
      h('div.dl', {}, deleted.length > 0 && [h('p', {}, `${bytes(size)} in ${numbers.whole(deleted.reduce((sum, one) => sum + one.files, 0))} files go to the trash of ${trash.length === 1 ? 'their root' : `${trash.length} roots`}: `, trash.map(one => h('code', {}, `${one}/.crossboard-trash`)), '. They can be restored for 30 days, or until ', h('code', {}, 'crossboard gc'), ' is run there.'),
        h('ul.dlist', {tabindex: '0', 'aria-label': 'what goes'}, deleted.slice(0, 200).map(one => row(one.name, `${bytes(one.bytes)} · ${one.path}`)), deleted.length > 200 ? h('li', {}, `and ${runs(deleted.length - 200)} more`) : null)],
      refused.length > 0 && [h('p', {}, h('b', {}, `${runs(refused.length)} ${refused.length === 1 ? 'stays' : 'stay'}:`)), h('ul.dlist', {tabindex: '0', 'aria-label': 'what stays'}, refused.slice(0, 200).map(one => row(one.name, one.error, `${one.error}. ${one.next}`)))]),
      [h('button.btn', {type: 'button', onclick: close}, deleted.length ? 'Cancel' : 'Close'),
        deleted.length > 0 && h('button.btn.pri', {type: 'button', id: 'runs-delete-now', onclick: async () => { close(); await removeNow(deleted.map(one => one.run), after); }}, `Delete ${runs(deleted.length)}`)]);
    (byId('runs-delete-now') || byId('runs-dialog').querySelector('.db button')).focus();
  }

  async function removeNow(keys, after) {
    try {
      const {deleted, refused} = await post('api/delete', {runs: keys});
      if (refused.length) say(`${deleted.length ? `${runs(deleted.length)} deleted. ` : ''}${why(refused)}`, {bad: true});
      else say(`${runs(deleted.length)} deleted`, {undo: () => restore(deleted.map(one => one.id), after)});
    } catch (error) { say(error.message, {bad: true}); }
    after();
  }

  async function restore(ids, after) {
    try {
      const {restored, refused} = await post('api/restore', {ids});
      if (refused.length) say(`${restored.length ? `${runs(restored.length)} restored. ` : ''}${why(refused)}`, {bad: true});
      else say(`${runs(restored.length)} restored`);
    } catch (error) { say(error.message, {bad: true}); }
    after();
  }

  /** List what lies in the trash, each with a button to restore it. */
  async function trash(after) {
    let told;
    try { told = (await crossboard.getJson('api/trash')).deleted; } catch (error) { say(error.message, {bad: true}); return; }
    const close = () => byId('runs-dialog').close();
    dialog(told.length ? `${runs(told.length)} in the trash` : 'The trash is empty',
      h('div.dl', {}, h('p', {}, 'Runs stay here for 30 days, or until ', h('code', {}, 'crossboard gc'), ' is run.'), h('ul.dlist', {tabindex: '0', 'aria-label': 'deleted runs'}, told.slice(0, 500).map(one => h('li', {}, h('b.trunc', {title: one.name}, one.name), h('span.dim.trunc', {title: one.path}, `${numbers.moment(one.deleted).slice(0, 16)} · ${bytes(one.bytes)} · ${one.path}`),
        h('button.btn', {type: 'button', 'aria-label': `Restore ${one.name}`, onclick: () => { close(); restore([one.id], after); }}, 'Restore'))))),
      [h('button.btn', {type: 'button', onclick: close}, 'Close'), told.length > 1 && h('button.btn', {type: 'button', onclick: () => { close(); restore(told.map(one => one.id), after); }}, 'Restore all')]);
  }

  /** Ask for tags to add to the runs, and which of theirs to take away. */
  function tags(keys, tagsOf, after) {
    const counts = new Map(), away = new Set();
    for (const key of keys) for (const tag of tagsOf(key)) counts.set(tag, (counts.get(tag) || 0) + 1);
    const field = h('input.text', {id: 'runs-tags-add', type: 'text', 'aria-label': 'Tags to add, separated by commas', placeholder: 'baseline, paper', autocomplete: 'off', spellcheck: 'false'});
    const close = () => byId('runs-dialog').close();
    const form = h('form', {id: 'runs-tags', method: 'dialog', onsubmit: async event => {
      event.preventDefault();
      const add = [...new Set(field.value.split(',').map(one => one.trim()).filter(Boolean))];
      close();
      if (!add.length && !away.size) return;
      const change = {...(add.length ? {add_tags: add} : {}), ...(away.size ? {remove_tags: [...away]} : {})};
      if (await edit(keys, change, n => `Tags of ${runs(n)} changed`)) after();
    }}, h('label', {for: 'runs-tags-add'}, 'Add tags'), field,
    counts.size ? h('div.tg', {}, h('span.dim', {}, 'Take away'), [...counts].sort().map(([tag, n]) => h('button.tag', {type: 'button', 'aria-pressed': 'false', onclick: event => { const on = !away.delete(tag) && Boolean(away.add(tag)); event.currentTarget.setAttribute('aria-pressed', String(on)); }}, tag, h('span.dim', {}, numbers.whole(n))))) : null);
    dialog(`Tags of ${runs(keys.length)}`, form, [h('button.btn', {type: 'button', onclick: close}, 'Cancel'), h('button.btn.pri', {type: 'submit', form: 'runs-tags'}, 'Apply')]);
    field.focus();
  }

  /** The bar of the selected rows. `host`: {selected(): keys, tagsOf, archivedOf, clear, changed, exportLink}. */
  function bar(host) {
    const place = byId('runs-bulk'), keys = host.selected();
    place.hidden = !keys.length;
    if (!keys.length) return;
    const of = keys.map(key => board.runs.get(key)).filter(Boolean), shown = of.some(run => board.shown.has(run.key)), archived = keys.every(host.archivedOf);
    const held = document.activeElement && place.contains(document.activeElement) ? document.activeElement.id : '';
    fill(place, h('b', {}, `${numbers.whole(keys.length)} selected`), h('span.sep'),
      h('button.btn.pri', {type: 'button', id: 'bulk-charts', title: 'Show only these on the charts (C)', onclick: () => charts(of)}, icon('chart'), h('span', {}, 'Show only these'), h('kbd', {'aria-hidden': 'true'}, 'C')),
      h('button.btn.quiet', {type: 'button', id: 'bulk-hide', title: 'On the charts (H)', onclick: () => hide(of, !shown)}, icon(shown ? 'eyeoff' : 'eye'), h('span', {}, shown ? 'Hide' : 'Show')),
      h('button.btn.quiet', {type: 'button', id: 'bulk-tag', title: 'Add or take away tags', onclick: () => tags(keys, host.tagsOf, host.changed)}, icon('plus'), h('span', {}, 'Tag')),
      h('button.btn.quiet', {type: 'button', id: 'bulk-archive', title: archived ? 'List them again' : 'Out of the lists; nothing is deleted', onclick: () => archive(keys, !archived, host)}, icon('folder'), h('span', {}, archived ? 'Unarchive' : 'Archive')),
      h('button.btn.quiet', {type: 'button', id: 'bulk-delete', title: 'Into the trash', onclick: () => remove(keys, host.changed)}, icon('trash'), h('span', {}, 'Delete')),
      h('button.ib', {type: 'button', id: 'bulk-clear', title: 'Clear the selection (Esc)', 'aria-label': 'Clear the selection', onclick: host.clear}, icon('close')));
    if (held && byId(held)) byId(held).focus({preventScroll: true});
  }

  function charts(of) {
    if (!of.length) return;
    board.isolateAll(of);
    state.go({});
    state.changed('only');
  }

  function hide(of, yes) {
    board.show(of, !yes);
    say(`${runs(of.length)} ${yes ? 'hidden on' : 'shown on'} the charts`, {undo: () => board.show(of, yes)});
  }

  async function archive(keys, yes, host) {
    const back = () => archive(keys, !yes, host);
    if (await edit(keys, {archived: yes}, n => `${runs(n)} ${yes ? 'archived' : 'listed again'}`, back)) host.changed();
  }

  crossboard.runActions = {archive, bar, charts, edit, hide, post, remove, say, trash, tags};
})(window);
