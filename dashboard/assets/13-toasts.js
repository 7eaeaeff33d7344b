/* Toasts: words about what happened that no other place of the page says. A run failed, an edit could not be kept, a deletion can be undone;
   never what a chart, the banner or a button can say.

   At most three stand there, the newest lowest; a fourth takes the place of the oldest that asks for nothing. They go by themselves, unless
   something went wrong or the pointer or the focus is on them. D takes the newest away, U does what it offers. They stand above every bar at the
   foot of the page, and what scrolls ends above them: they cover no control. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {h, icon} = crossboard;
  const MOST = 3, SAID_MS = 12000, OFFERED_MS = 48000, LOOK_MS = 400, EDGE = 16;
  const BARS = ['runs-bulk', 'runs-foot', 'run-steps'];
  let place = null, shown = [], looking = 0;

  /** Above the bars that stand at the foot of the page now. */
  function settle() {
    const narrow = innerWidth <= 760, bars = [...BARS.map(id => document.getElementById(id)), narrow && document.querySelector('.nav')];
    let clear = 0;
    for (const bar of bars) {
      const {top, height} = bar ? bar.getBoundingClientRect() : {height: 0};   // one that is hidden has no height
      if (height && top > innerHeight / 2) clear = Math.max(clear, innerHeight - top);
    }
    place.style.bottom = `${clear + (narrow ? 8 : clear ? 10 : EDGE)}px`;
    document.documentElement.style.setProperty('--cb-toasts', shown.length ? `${place.offsetHeight + EDGE}px` : '0px');
  }

  /** Where they can be reached: in the dialog that is open above the page, else in the page. */
  function host() {
    const dialog = [...document.querySelectorAll('dialog[open]')].pop() || document.body;
    if (place.parentElement !== dialog) dialog.append(place);
  }

  function stand() {
    if (!place) {
      place = h('div.toasts', {id: 'toasts', role: 'region', 'aria-label': 'notices', 'aria-live': 'polite'});
      document.body.append(place);
      addEventListener('resize', settle);
      document.addEventListener('close', () => { if (shown.length) host(); }, true);   // a dialog closed: out of it
    }
    host();
    const wanted = shown.map(one => one.element);
    for (const element of [...place.children]) if (!wanted.includes(element)) element.remove();
    for (const element of wanted) if (element.parentElement !== place) place.append(element);
    settle();
    clearInterval(looking);
    looking = shown.length ? setInterval(settle, LOOK_MS) : 0;
  }

  /** Take one away; the newest where none is named. True when there was one. */
  function dismiss(one = shown[shown.length - 1]) {
    if (!one || !shown.includes(one)) return false;
    const held = one.element.contains(document.activeElement);
    clearTimeout(one.timer);
    shown = shown.filter(other => other !== one);
    stand();
    if (held && one.before && one.before.isConnected) one.before.focus();
    return true;
  }

  /** Do what the newest offers, such as an undo. True when one offered something. */
  function act() {
    const one = [...shown].reverse().find(other => other.offer);
    if (!one) return false;
    dismiss(one);
    one.offer[1]();
    return true;
  }

  function wait(one) {
    clearTimeout(one.timer);
    if (!one.bad) one.timer = setTimeout(() => { if (one.element.matches(':hover, :focus-within')) wait(one); else dismiss(one); }, one.offer ? OFFERED_MS : SAID_MS);
  }

  /** Say `words`. bad: something went wrong, it stays until it is taken away. offer: [words of a button, work]. about: what it is about; a later one
      about the same takes its place. id: of the button. */
  function tell(words, {bad = false, offer = null, about = '', id = null} = {}) {
    const same = about && shown.find(one => one.about === about);
    if (same) dismiss(same);
    if (shown.length >= MOST) dismiss(shown.find(one => !one.offer && !one.bad) || shown[0]);
    const one = {words, bad, offer, about, timer: 0, before: document.activeElement};
    one.element = h(`div.toast${bad ? '.bad' : ''}`, {}, icon(bad ? 'alert' : 'check'), h('span.tw', {}, words),
      offer && h('button.btn', {type: 'button', id, title: `${offer[0]} (U)`, onclick: () => { dismiss(one); offer[1](); }}, offer[0]),
      h('button.ib.sm', {type: 'button', title: 'Close (D)', 'aria-label': 'Close', onclick: () => dismiss(one)}, icon('close', true)));
    shown = [...shown, one];
    stand();
    wait(one);
    return one;
  }

  crossboard.toasts = {tell, dismiss, act, stands: about => shown.some(one => one.about === about), shown: () => shown.map(one => one.words)};
})(window);
