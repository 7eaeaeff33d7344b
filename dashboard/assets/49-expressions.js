/* Cards of expressions over tags, as train/loss - val/loss: a button in the page bar makes one, its menu removes it.

   The server parses and computes them (store/expression.py); what it says of a wrong one is shown where it was written. They stand in the URL
   (`state.expr`). To the rest of the page such a card is one of the tag "=EXPRESSION". */
(root => {
  'use strict';
  const crossboard = root.crossboard, {byId, cardMenu, curves, fill, getJson, grid, h, state} = crossboard;
  let box = null;

  /** Ask for an expression, below the button. */
  function show() {
    if (box) { close(); return; }
    const button = byId('add-expression'), error = h('p.bad', {id: 'expression-error', role: 'alert'});
    const field = h('input.number', {id: 'expression', type: 'text', spellcheck: 'false', autocomplete: 'off', placeholder: 'train/loss - val/loss', 'aria-label': 'Expression over tags', 'aria-describedby': 'expression-error', maxlength: 1000});
    box = h('form.menu.expression', {role: 'dialog', 'aria-label': 'Card of an expression', onsubmit: event => { event.preventDefault(); add(field, error); }},
      h('div.mb', {}, field, h('p.dim', {}, 'Tags, numbers, + − * / ( ), abs, log, sqrt. A tag with other signs goes into `backquotes`. Values are taken at equal steps.'), error,
        h('div.line', {}, h('button.btn', {type: 'submit'}, 'Add the card'), h('button.btn', {type: 'button', onclick: close}, 'Cancel'))));
    box.addEventListener('keydown', event => { if (event.key === 'Escape') { event.preventDefault(); event.stopPropagation(); close(); } });
    document.body.append(box);
    const from = button.getBoundingClientRect();
    box.style.left = `${Math.max(8, Math.min(innerWidth - box.offsetWidth - 8, from.left))}px`;
    box.style.top = `${from.bottom + 4}px`;
    field.focus();
  }

  function close() {
    if (!box) return;
    box.remove();
    box = null;
    byId('add-expression').focus();
  }

  async function add(field, error) {
    const text = field.value.trim();
    fill(error);
    const found = await getJson(`api/expression?${new URLSearchParams({text})}`).catch(caught => ({error: caught.message}));
    if (found.error) {
      fill(error, found.error);
      field.setAttribute('aria-invalid', 'true');
      field.focus();
      return;
    }
    close();
    state.expr.add(text);
    state.changed('expr');
    const card = grid.cards.get(`=${text}`);
    if (card) { card.element.scrollIntoView({block: 'nearest'}); card.element.focus(); }
  }

  state.on('expr', () => { grid.build(); curves.pump(); });
  cardMenu.more.push(card => card.tag[0] === '=' && h('div.line', {}, h('button.btn', {id: 'card-remove', type: 'button', onclick: () => { cardMenu.close(false); state.toggle('expr', card.tag.slice(1)); }}, 'Remove this card')));

  crossboard.expressions = {show, button: () => h('button.btn', {id: 'add-expression', type: 'button', 'aria-haspopup': 'dialog', title: 'A card of an expression over tags (N)', onclick: show}, 'Expression')};
})(window);
