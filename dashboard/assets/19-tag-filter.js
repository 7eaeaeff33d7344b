/* Which tags have a card: those that hold every word that is written in the page bar, or those in which a regular expression is found.

   An expression stands between slashes, /val.*loss/, or is written with the button ".*" pressed (`state.regex`). What is wrong with it is said below
   the field, with the place underlined; meanwhile the last one that was right stays in force. 13-pattern.js says what is taken. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {byId, fill, h, pattern, state, view, WrongPattern} = crossboard;
  let read = null, found = new Map(), lets_ = () => true, wrong = null, box = null;

  /** The expression that is written, null where words are. */
  function expression() {
    const {tags} = state;
    if (tags.length > 2 && tags[0] === '/' && tags[tags.length - 1] === '/') return tags.slice(1, -1);
    return state.regex && tags ? tags : null;
  }

  function compile() {
    const name = `${state.regex}\n${state.tags}`;
    if (read === name) return;
    read = name;
    const text = expression(), words = state.tags;
    try {
      lets_ = text === null ? tag => view.matches(words, tag) : pattern(text);
      wrong = null;
      found = new Map();
    } catch (error) {
      if (!(error instanceof WrongPattern)) throw error;
      wrong = {text, at: error.at, words: error.words};
    }
  }

  /** True when the filter lets a tag through. */
  function lets(tag) {
    compile();
    let answer = found.get(tag);
    if (answer === undefined) found.set(tag, answer = lets_(tag));
    return answer;
  }

  /** Mark in the field, and say below it, what is wrong with the expression. */
  function show() {
    compile();
    const field = byId('tag-filter'), button = byId('tag-regex');
    if (button) button.setAttribute('aria-pressed', String(Boolean(state.regex)));
    if (!field || field.tagName !== 'INPUT') return;
    if (wrong) field.setAttribute('aria-invalid', 'true'); else field.removeAttribute('aria-invalid');
    if (!wrong || state.page) { if (box) box.remove(); box = null; field.removeAttribute('aria-describedby'); return; }
    if (!box) { box = h('div.tagwrong', {id: 'tag-wrong', role: 'status'}); document.body.append(box); field.setAttribute('aria-describedby', 'tag-wrong'); }
    const {text, at, words} = wrong, end = Math.min(text.length, at + 1);
    fill(box, h('code', {}, text.slice(0, at), h('mark', {}, text.slice(at, end) || ' '), text.slice(end)), h('div', {}, `${words}, at character ${at + 1}`));
    const from = field.getBoundingClientRect();
    box.style.left = `${Math.max(8, Math.min(from.left, innerWidth - box.offsetWidth - 8))}px`;
    box.style.top = `${from.bottom + 5}px`;
  }

  document.addEventListener('click', event => {
    if (!event.target.closest || !event.target.closest('#tag-regex')) return;
    state.set('regex', state.regex ? '' : '1');
    byId('tag-filter').focus();
  });
  addEventListener('resize', show);
  state.on('tags regex run', show);

  /** Put words in, in place of what is there. */
  function words(text) {
    state.set('regex', '');
    state.set('tags', text);
    crossboard.page.fields();
  }

  crossboard.tagFilter = {lets, show, words, wrong: () => { compile(); return wrong; }};
})(window);
