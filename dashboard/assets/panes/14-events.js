/* What a person does to the pane of a live environment, sent to the programs that listen (`register_event_handler` of Visdom's client):
   keys, clicks on pictures, properties that are set, chosen points, and closing. Only a board that receives Visdom's protocol has
   live environments. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {failure, h, url} = crossboard;

  /** Send an event of a window; resolves to how many programs heard it. */
  async function send(run, window, event) {
    const answer = await fetch(url('api/pane-event'), {method: 'POST', headers: {'Content-Type': 'application/json', Accept: 'application/json'}, credentials: 'same-origin', body: JSON.stringify({run, event: {target: window, ...event}})});
    if (!answer.ok) throw await failure(answer);
    return (await answer.json()).listeners || 0;
  }

  /** A control for a property, that says what it was set to. tell(value) */
  function control(one, name, tell) {
    const words = value => value === null || value === undefined ? '' : String(value), label = {'aria-label': name};
    if (one.type === 'button') return h('button.btn', {type: 'button', title: name, onclick: () => tell('clicked')}, words(one.value) || name);
    if (one.type === 'checkbox') {
      const box = h('input', {type: 'checkbox', ...label, onchange: () => tell(box.checked)});
      box.checked = Boolean(one.value);
      return box;
    }
    if (one.type === 'select') {
      const list = h('select', {...label, onchange: () => tell(list.value)}, (Array.isArray(one.values) ? one.values : []).map((value, i) => h('option', {value: i}, words(value))));   // Visdom tells the place, as text
      list.value = words(one.value);
      return list;
    }
    if (one.type !== 'text' && one.type !== 'number') return null;
    const before = words(one.value), field = h('input.pset', {type: 'text', inputmode: one.type === 'number' ? 'decimal' : null, value: before, autocomplete: 'off', spellcheck: 'false', ...label,
      onkeydown: event => { if (event.key === 'Enter') field.blur(); },
      onchange: () => { if (one.type === 'number' && !/^-?\d*\.?\d*(e-?\d+)?$/i.test(field.value)) { field.value = before; return; } tell(field.value); }});
    return field;
  }

  crossboard.paneEvents = {send, control};
})(window);
