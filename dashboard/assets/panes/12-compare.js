/* Environments side by side, as Visdom's compare does it: panes of equal, non-empty title and equal type become one. Pure.

   Beyond Visdom, which leaves them out: panes that only one environment has, and types other than plots. */
(root => {
  'use strict';
  const crossboard = root.crossboard = root.crossboard || {};
  const LONG = 25;

  /** What stands for each environment in names of traces: its name, or its number where one of them is longer than 25 characters
      or two are equal. */
  function labels(names) {
    const fit = names.every(name => name.length <= LONG) && new Set(names).size === names.length;
    return names.map((name, i) => fit ? name : String(i));
  }

  /** The panes of one or several environments, [{key, panes}] -> [{key, members: [{env, pane}]}]; env is a place in the list. Joined
      panes stand where the first of them does; what only a later environment has comes behind. */
  function join(environments) {
    const joined = [], byName = new Map(), many = environments.length > 1;
    environments.forEach(({key, panes}, env) => {
      for (const pane of panes) {
        const name = many && pane.title ? `${pane.type}\n${pane.title}` : '', there = name && byName.get(name);
        if (there && !there.members.some(one => one.env === env)) { there.members.push({env, pane}); continue; }
        const made = {key: name && !there ? `=\n${name}` : `${key}\n${pane.window}`, members: [{env, pane}]};
        if (name && !there) byName.set(name, made);
        joined.push(made);
      }
    });
    return joined;
  }

  /** What of a title meets the filter: {test(title) -> bool, error}. Words in any case, or /a regular expression/. One that is none
      lets everything through, as Visdom does, and says so. */
  function filter(words) {
    const written = /^\/(.*?)(?:\/([imsu]*))?$/s.exec(words);
    if (!words || words === '/') return {test: () => true, error: ''};
    if (!written) {
      const low = words.toLowerCase();
      return {test: title => title.toLowerCase().includes(low), error: ''};
    }
    try {
      const pattern = new RegExp(written[1], 'i' + (written[2] || '').replace('i', ''));
      return {test: title => pattern.test(title), error: ''};
    } catch (error) {
      return {test: () => true, error: error.message};
    }
  }

  /** Environments as Visdom's tree has them: [{name, members}] by what stands before the first "_"; alone ones have the name "". */
  function tree(environments) {
    const groups = new Map();
    for (const one of environments) {
      const cut = one.name.indexOf('_'), name = cut > 0 ? one.name.slice(0, cut) : one.name;
      if (!groups.has(name)) groups.set(name, []);
      groups.get(name).push(one);
    }
    const order = (a, b) => a.localeCompare(b, 'en', {numeric: true});
    return [...groups].sort(([a], [b]) => order(a, b)).map(([name, members]) => ({name: members.length > 1 ? name : '', members: members.sort((a, b) => order(a.name, b.name))}));
  }

  crossboard.paneCompare = {labels, join, filter, tree};
})(typeof window === 'undefined' ? globalThis : window);
