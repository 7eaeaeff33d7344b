/* What the tabs of a run are made of: panels, rows, trees of keys, sizes, and how a config is written as YAML. The pure parts need no page. */
(root => {
  'use strict';
  const crossboard = root.crossboard = root.crossboard || {}, {h, numbers, view} = crossboard;
  const LONG = 400;

  const panel = (title, note, ...inside) => [h('header.pnh', {}, h('h2', {}, title), note ? h('span.e', {}, note) : null), ...inside.flat()];
  const row = (name, value, tone = '') => h('div.kv', {}, h('dt', {}, name), h(`dd${tone ? `.${tone}` : ''}`, {}, value));
  const plural = (n, one = 'file', many = `${one}s`) => `${numbers.whole(n)} ${n === 1 ? one : many}`;
  const bytes = n => n < 1000 ? `${n} bytes` : n < 1e6 ? `${(n / 1e3).toPrecision(3)} kB` : n < 1e9 ? `${(n / 1e6).toPrecision(3)} MB` : `${(n / 1e9).toPrecision(3)} GB`;

  /** A button that does its work and says for a moment how that went: copyButton('Copy', () => text). */
  function copyButton(words, textOf, attributes = {}) {
    const button = h('button.btn', {type: 'button', ...attributes, onclick: () => crossboard.page.copyText(textOf()).then(done => {
      button.textContent = done ? 'Copied' : 'Not copied';
      setTimeout(() => { button.textContent = words; }, 1600);
    })}, words);
    return button;
  }

  const isBranch = v => v !== null && typeof v === 'object' && !Array.isArray(v) && Object.keys(v).length > 0;

  /** A value in words: text as it is, numbers exactly, the rest as JSON. */
  function plain(value) {
    if (value === null || value === undefined) return 'none';
    return typeof value === 'object' ? JSON.stringify(value) : String(value);
  }

  /** A nested mapping as [path, value] of each leaf, in order; a list is a leaf. A path is a list of names. */
  function leaves(value, path = []) {
    return Object.entries(value || {}).flatMap(([name, v]) => isBranch(v) ? leaves(v, [...path, name]) : [[[...path, name], v]]);
  }

  const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

  /** Two mappings leaf by leaf: [{path, here, there, what}] in the order of the first, then what only the second has; what: same, changed, added (only here), removed. */
  function differences(here, there) {
    const other = new Map(leaves(there).map(([path, v]) => [path.join('\n'), v])), rows = leaves(here).map(([path, v]) => {
      const key = path.join('\n'), has = other.has(key), theirs = other.get(key);
      other.delete(key);
      return {path, here: v, there: theirs, what: !has ? 'added' : same(v, theirs) ? 'same' : 'changed'};
    });
    return [...rows, ...leaves(there).filter(([path]) => other.has(path.join('\n'))).map(([path, v]) => ({path, here: undefined, there: v, what: 'removed'}))];
  }

  /** A text as YAML 1.2 has it: plain where nothing else could be read into it, else in double quotes. */
  function yamlText(text) {
    const safe = /^[A-Za-z_/.][\w ./@%+=-]*$/.test(text) && !/\s$|^[.]?\d|^(?:true|false|null|yes|no|on|off|y|n|~|\.inf|\.nan)$/i.test(text);
    return safe ? text : JSON.stringify(text);
  }

  const yamlAtom = v => v === null || v === undefined ? 'null' : typeof v === 'string' ? yamlText(v) : typeof v !== 'number' || Number.isFinite(v) ? JSON.stringify(v).replace(/^(-?\d+)e/, '$1.0e') : Number.isNaN(v) ? '.nan' : v > 0 ? '.inf' : '-.inf';

  /** A JSON value as YAML. */
  function yaml(value, indent = '') {
    if (Array.isArray(value)) {
      if (!value.length) return '[]';
      if (value.every(v => v === null || typeof v !== 'object')) return `[${value.map(yamlAtom).join(', ')}]`;
      return value.map(v => `\n${indent}- ${yaml(v, `${indent}  `).replace(/^\n\s*/, '')}`).join('');
    }
    if (value === null || typeof value !== 'object') return yamlAtom(value);
    const entries = Object.entries(value);
    if (!entries.length) return '{}';
    return entries.map(([name, v]) => { const inside = yaml(v, `${indent}  `); return `\n${indent}${yamlText(name)}:${inside[0] === '\n' ? '' : ' '}${inside}`; }).join('');
  }

  /** Rows of a nested mapping with headings; only those that hold `words`. `mark(path)`: what a leaf differs in, "" for nothing. Returns how many rows were made. */
  function nested(list, value, {path = [], depth = 0, words = '', searched = false, mark = null} = {}) {
    let made = 0;
    const entries = Object.entries(value), inner = entries.filter(([, v]) => isBranch(v));
    for (const [name, v] of entries.filter(one => !inner.includes(one))) {
      const text = plain(v), full = [...path, name].join('.'), differs = mark && mark([...path, name]);
      if (words && !view.matches(words, searched ? `${full} ${text}` : full)) continue;
      const shown = text.length > LONG ? text.slice(0, LONG) + ' …' : text;
      list.push(h('div.kv', {style: `--depth:${depth}`}, h('span.k.mono', {title: full}, name), h(`span.v${text.length > 60 ? '.long' : ''}`, {title: differs || (text.length > LONG ? text.slice(0, 2000) : null)}, differs ? h('mark', {}, shown) : shown)));
      made++;
    }
    for (const [name, v] of inner) {
      const inside = [], n = nested(inside, v, {path: [...path, name], depth: depth + 1, words, searched, mark});
      if (n) { list.push(h('div.kg', {style: `--depth:${depth}`}, h('span.mono', {}, name)), ...inside); made += n; }
    }
    return made;
  }

  const quoted = one => /^[\w@%+=:,./-]+$/.test(one) ? one : `'${one.replaceAll("'", `'"'"'`)}'`;

  /** The first run-wide words of why a run is as it is: [tone, what, more]; null where its status needs none. */
  function why(run, writers) {
    if (run.status === 'failed') {
      const ended = writers.filter(one => one.status === 'failed'), one = ended[ended.length - 1] || {};
      const last = String(one.traceback || '').trim().split('\n').pop();
      return ['bad', one.error || last || run.error || 'it ended with an error', one.exit_code ? `exit code ${one.exit_code}` : ''];
    }
    if (run.status === 'killed') {
      const open = writers.filter(one => !one.status && one.pid), one = open[open.length - 1] || {};
      return ['warn', one.pid ? `process ${one.pid} on ${one.host} is gone` : 'its process is gone', 'proven by boot, process number and start time; every point whose call returned is here'];
    }
    if (run.status === 'silent') return ['warn', Number.isFinite(run.updated) && run.updated ? `its last sign of life was at ${numbers.moment(run.updated)}` : 'no sign of life', 'whether it still runs cannot be told from this machine'];
    return null;
  }

  crossboard.runTabs = crossboard.runTabs || {};
  crossboard.parts = {panel, row, plural, bytes, copyButton, plain, leaves, differences, yaml: value => yaml(value).replace(/^\n/, '') + '\n', nested, quoted, why, isBranch};
})(typeof window === 'undefined' ? globalThis : window);
