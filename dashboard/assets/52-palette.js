/* The command palette: one field that finds pages, saved views, actions, runs and tags, and does what is chosen. What was chosen lately comes
   first. Lists are cut to what can be looked over; the last line of a long one narrows the rail or the cards to the words instead. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {byId, commands, fill, h, icon, keys, matching, numbers, plot} = crossboard;
  const RECENT_KEY = 'crossboard-recent', RECENT = 24, RECENT_SHOWN = 5, RECENT_BONUS = 12, PAGE = 8;
  const KINDS = [['page', 'Pages', 8], ['view', 'Saved views', 6], ['action', 'Actions', 8], ['run', 'Runs', 10], ['tag', 'Charts', 10]];
  const ICONS = {page: 'grid', view: 'bookmark', action: 'right', tag: 'chart'};
  let dialog = null, input = null, listbox = null, status = null, hint = null, options = [], at = 0, entries = null, held = null;

  function recent() {
    try { const kept = JSON.parse(localStorage.getItem(RECENT_KEY)); return Array.isArray(kept) ? kept.filter(id => typeof id === 'string') : []; } catch { return []; }
  }
  function remember(id) {
    try { localStorage.setItem(RECENT_KEY, JSON.stringify([id, ...recent().filter(one => one !== id)].slice(0, RECENT))); } catch { /* a private window */ }
  }

  /** [{kind, title, entries, more}]: what is listed for the words. */
  function found(text) {
    const words = matching.wordsOf(text), lately = new Map(recent().map((id, i) => [id, i]));
    if (!words.length) {
      const all = new Map(Object.values(entries).flat().map(one => [one.id, one])), known = [...lately.keys()].map(id => all.get(id)).filter(Boolean).slice(0, RECENT_SHOWN), there = new Set(known.map(one => one.id));
      return [...(known.length ? [{title: 'Chosen lately', entries: known}] : []), ...KINDS.map(([kind, title, most]) => ({title, entries: entries[kind].filter(one => !there.has(one.id)).slice(0, kind === 'action' ? most : Math.ceil(most / 2))}))].filter(part => part.entries.length);
    }
    const parts = KINDS.map(([kind, title, most]) => {
      const {kept, fits, whole} = matching.best(words, entries[kind], most, one => lately.has(one.id) ? RECENT_BONUS - lately.get(one.id) / 3 : 0), rest = whole && fits > kept.length && commands.rest[kind];
      return {title, value: kept.length ? kept[0].value : 0, entries: [...kept.map(one => one.entry), ...(rest ? [rest(text.trim(), fits)] : [])]};
    });
    return parts.filter(part => part.entries.length).sort((a, b) => b.value - a.value);
  }

  function title(words, text) {
    const found = matching.marked(words, text), parts = [];
    for (let i = 0; i < text.length;) {
      let end = i;
      while (end < text.length && found.has(end) === found.has(i)) end++;
      parts.push(found.has(i) ? h('b', {}, text.slice(i, end)) : text.slice(i, end));
      i = end;
    }
    return parts;
  }

  function draw() {
    const parts = found(input.value), words = matching.wordsOf(input.value);
    options = parts.flatMap(part => part.entries);
    at = 0;
    let i = 0;
    fill(listbox, parts.map((part, n) => h('div', {role: 'group', 'aria-labelledby': `palette-part-${n}`}, h('div.pt', {id: `palette-part-${n}`, role: 'presentation'}, part.title), part.entries.map(one => {
      const place = i++;
      return h('div.po', {id: `palette-${place}`, role: 'option', 'aria-selected': 'false', onpointermove: () => point(place), onclick: event => choose(place, event.shiftKey)},
        one.run ? h(`span.sw`, {style: `--c:${plot.look(one.run.slot).colour}`}) : icon(ICONS[one.kind], true), h('span.trunc', {title: one.title}, title(words, one.title)), h('span.grow'),
        h('span.dim.trunc', {}, one.run ? commands.aboutRun(one.run) : one.note), one.key && h('span.pk', {}, keys.written(one.key).map(key => h('kbd', {}, key))));
    }))), options.length ? null : h('p.dim.pn', {}, `Nothing here is called “${input.value.trim()}”`));
    input.setAttribute('aria-expanded', String(options.length > 0));
    status.textContent = options.length ? `${numbers.whole(options.length)} entries` : 'nothing found';
    mark();
  }

  function mark() {
    for (const element of listbox.querySelectorAll('[aria-selected=true]')) element.setAttribute('aria-selected', 'false');
    const one = options[at], element = byId(`palette-${at}`);
    if (element) { element.setAttribute('aria-selected', 'true'); element.scrollIntoView({block: 'nearest'}); input.setAttribute('aria-activedescendant', element.id); if (at === 0) listbox.scrollTop = 0; }
    else input.removeAttribute('aria-activedescendant');
    fill(hint, h('kbd', {}, '↑'), h('kbd', {}, '↓'), 'choose', h('kbd', {}, '↵'), one && one.kind === 'run' ? 'its page' : one && one.kind === 'tag' ? 'its card' : 'do it', one && one.other ? [h('kbd', {}, keys.MAC ? '⇧' : 'Shift'), h('kbd', {}, '↵'), one.other[0]] : null, h('span.grow'), h('kbd', {}, 'Esc'), 'close');
  }

  /** The pointer is on an option; only when it moved, so that scrolling under it changes nothing. */
  function point(place) { if (place !== at) { at = place; mark(); } }

  function choose(place, other = false) {
    const one = options[place];
    if (!one) return;
    remember(one.id);
    close();
    (other && one.other ? one.other[1] : one.work)();
  }

  function key(event) {
    const by = {ArrowDown: 1, ArrowUp: -1, PageDown: PAGE, PageUp: -PAGE}[event.key], n = options.length;
    if (by && n) { event.preventDefault(); at = Math.abs(by) === 1 ? (at + by + n) % n : Math.max(0, Math.min(n - 1, at + by)); mark(); }
    else if (event.key === 'Enter' && !event.isComposing) { event.preventDefault(); choose(at, event.shiftKey); }
    else if (event.key === 'Tab') event.preventDefault();
    else if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') { event.preventDefault(); close(); }
  }

  function build() {
    input = h('input', {id: 'palette-input', type: 'text', role: 'combobox', 'aria-expanded': 'true', 'aria-autocomplete': 'list', 'aria-controls': 'palette-list', 'aria-label': 'Search or do anything', placeholder: 'Search runs, charts, actions …', autocomplete: 'off', spellcheck: 'false', oninput: draw, onkeydown: key});
    listbox = h('div.pl', {id: 'palette-list', role: 'listbox', 'aria-label': 'what was found', onpointerdown: event => event.preventDefault()});
    status = h('div.unseen', {role: 'status'});
    hint = h('div.ph', {'aria-hidden': 'true'});
    dialog = h('dialog.palette', {id: 'palette', 'aria-label': 'Command palette', onclick: event => { if (event.target === dialog) close(); }}, h('div.pi', {}, icon('search'), input), listbox, status, hint);
    dialog.addEventListener('close', () => { entries = null; options = []; fill(listbox); });
    document.body.append(dialog);
  }

  function close() {
    dialog.close();
    if (held && held.isConnected) held.focus({preventScroll: true});   // what is done next is about what was in focus
  }

  function show() {
    if (!dialog) build();
    if (dialog.open) return;
    held = document.activeElement;
    entries = {page: commands.pages(), view: commands.savedViews(), action: commands.actions(), run: commands.runs(), tag: commands.tags()};
    input.value = '';
    dialog.showModal();
    draw();
    input.focus();
  }

  function toggle() { if (dialog && dialog.open) close(); else show(); }

  document.addEventListener('click', event => { if (event.target.closest && event.target.closest('#open-palette')) show(); });

  crossboard.palette = {show, toggle, isOpen: () => Boolean(dialog && dialog.open)};
})(window);
