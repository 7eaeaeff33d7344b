/* The files of a run: what each is, how large, when it was last written; to be downloaded. And what the run says lies elsewhere: its checkpoints by name. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {byId, fill, getJson, h, icon, numbers, parts, state, url} = crossboard;
  const SHOWN = 200, NAMED = /checkpoint|ckpt|weights|save_dir|output_dir/i;
  let files = null, words = '', sort = 'name', shown = SHOWN, name = '';

  const ORDERS = {name: (a, b) => a.name.includes('/') - b.name.includes('/') || a.name.localeCompare(b.name, 'en', {numeric: true}), bytes: (a, b) => b.bytes - a.bytes, modified: (a, b) => b.modified - a.modified};

  function list() {
    const place = byId('file-list');
    if (!place || !files) return;
    const found = files.files.filter(one => !words || crossboard.view.matches(words, `${one.name} ${one.what}`)).sort(ORDERS[sort]);
    byId('file-count').textContent = `${found.length < files.files.length ? `${numbers.whole(found.length)} of ` : ''}${parts.plural(files.count)}, ${parts.bytes(files.bytes)}`;
    if (!found.length) { fill(place, h('p.none', {}, files.files.length ? 'No file fits.' : 'No file of this run can be listed from here: its place is not a local directory, or may not be read.')); return; }
    const by = (id, text, numeric) => h(`th${numeric ? '.num' : ''}`, {'aria-sort': sort === id ? id === 'name' ? 'ascending' : 'descending' : null}, h('button.lk.plainlk', {type: 'button', onclick: () => { sort = id; list(); }}, text));
    fill(place, h('table.t', {}, h('thead', {}, h('tr', {}, by('name', 'File'), h('th', {}, 'What'), by('bytes', 'Size', true), by('modified', 'Last written'), h('th', {}, h('span.unseen', {}, 'download')))),
      h('tbody', {}, found.slice(0, shown).map(one => h('tr', {}, h('td.mono', {title: one.name}, h('span.trunc', {}, one.name)), h('td.dim', {}, one.what), h('td.num', {title: `${numbers.whole(one.bytes)} bytes`}, parts.bytes(one.bytes)), h('td.dim', {}, numbers.moment(one.modified)),
        h('td', {}, one.download ? h('a.ib.sm', {href: url(`api/file?${new URLSearchParams({run: state.run, name: one.name})}`), download: '', title: `Download ${one.name}`, 'aria-label': `Download ${one.name}`}, icon('download', true)) : null))))),
    found.length > shown && h('div.row.evmore', {}, h('button.btn', {type: 'button', onclick: () => { shown = Infinity; list(); }}, `Show ${numbers.whole(found.length - shown)} more`)), files.cut && h('p.none', {}, 'There are more files than are listed.'));
  }

  /** Texts of config and summary that name checkpoints. */
  function named(run) {
    return [['summary', run.summary], ['config', run.config]].flatMap(([of, value]) => parts.leaves(value || {}).filter(([path, v]) => typeof v === 'string' && v && NAMED.test(path.join('/'))).map(([path, v]) => [`${of}: ${path.join('.')}`, v]));
  }

  async function show(body, details, run, fresh) {
    const one = {...details.run, ...(run || {})}, now = JSON.stringify([state.run, details.files]);
    if (fresh || !byId('file-list')) {
      files = null; words = ''; shown = SHOWN; name = '';
      const elsewhere = named(one);
      fill(body, h('div.pnbar.stay', {}, h('input.find', {id: 'file-find', type: 'search', placeholder: 'Filter files', 'aria-label': 'Filter files', autocomplete: 'off', spellcheck: 'false', oninput: event => { words = event.target.value.trim(); list(); }}), h('span.dim', {id: 'file-count', role: 'status'}), h('span.grow'), h('span.mono.dim.trunc.fpath', {title: one.path}, one.path), parts.copyButton('Copy path', () => one.path, {id: 'copy-path'})),
        h('section.card.wide', {'aria-label': 'files', tabindex: '0', role: 'region'}, h('div', {id: 'file-list'}, h('p.none', {}, 'Reading'))),
        elsewhere.length > 0 && h('section.card.gapped', {'aria-label': 'named by the run'}, parts.panel('Named by the run', 'not copied: only their names are kept', h('dl.kvs', {}, elsewhere.map(([key, v]) => parts.row(h('span.mono', {}, key), h('span.mono', {}, v)))))));
    }
    if (now === name) return;
    name = now;
    const mine = state.run, answer = await getJson(`api/files?${new URLSearchParams({run: mine})}`).catch(error => ({error}));
    if (state.run !== mine || !byId('file-list')) return;
    if (answer.error) { name = ''; fill(byId('file-list'), h('p.none.bad', {}, answer.error.message)); return; }
    files = answer;
    list();
  }

  crossboard.runTabs.files = {show, leave: () => { files = null; name = ''; }};
})(window);
