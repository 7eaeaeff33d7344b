/* What is chosen for all views of a kind at once: on a page of a kind it stands in the address (`set=NAME:VALUE`), on the page of a run it
   holds until the board is left. The empty text stands for what is usual. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {h, kindPages, state} = crossboard;
  const kept = new Map(), listeners = [];

  const inAddress = () => !state.run && Boolean(kindPages.of(state.page));
  const get = name => (inAddress() ? state.own : kept).get(name) || '';

  function tell() { for (const listener of listeners) listener(); }

  function set(name, value) {
    if (get(name) === value) return;
    if (inAddress()) { state.choose(name, value); return; }
    if (value) kept.set(name, value); else kept.delete(name);
    tell();
  }

  state.on('own run', tell);

  /** Buttons of which one is pressed: [[value, words, title]]; `named` says what they choose. */
  function buttons(name, named, all) {
    const made = all.map(([value, words, title]) => h('button.lk', {type: 'button', title, onclick: () => set(name, value)}, words));
    const element = h('span.row', {role: 'group', 'aria-label': named}, made), show = () => all.forEach(([value], i) => made[i].setAttribute('aria-pressed', String(get(name) === value)));
    return {element, show};
  }

  /** A list to choose from: [[value, words]], which `options()` gives anew each time. */
  function list(name, named, options) {
    const field = h('select', {'aria-label': named, onchange: () => set(name, field.value)}), element = h('label.pick', {title: named}, field, crossboard.icon('down', true));
    let told = '';
    const show = () => {
      const all = options(), text = JSON.stringify(all);
      if (text !== told) { told = text; field.replaceChildren(...all.map(([value, words]) => h('option', {value}, words))); }
      field.value = get(name);
    };
    return {element, show};
  }

  crossboard.choices = {get, set, buttons, list, on: work => { listeners.push(work); }};
})(window);
