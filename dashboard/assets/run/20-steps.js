/* The step slider below a tab: it moves every view of the tab at once.

   Its ticks are the steps at which any of the tab's points lie. Where several runs are shown each of the first two has a lane of ticks in
   its colour. While no step is chosen the newest points are shown, and new ones
   take their place as they come; a chosen step stays, and the URL holds it. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {byId, fill, h, icon, numbers, state} = crossboard;
  const A_SECOND = 2.5;
  let pace = A_SECOND, ready = null;
  let all = [], lanes = [], built = null, playing = 0, listeners = [];

  const chosen = () => state.step === '' ? null : +state.step;

  /** The tick at or before a step. */
  function place(step) {
    if (step === null) return all.length - 1;
    let low = 0, high = all.length;
    while (low < high) { const middle = (low + high) >> 1; if (all[middle] <= step) low = middle + 1; else high = middle; }
    return Math.max(0, low - 1);
  }

  /** Choose a step (null: the newest, from now on). */
  function choose(step) {
    const text = step === null ? '' : String(step);
    if (state.step === text) return;
    state.step = text;
    state.changed('step');
    show();
    for (const listener of listeners) listener();
  }

  function move(by) {
    if (!all.length) return;
    const next = place(chosen()) + by;
    choose(next >= all.length - 1 && by > 0 && !playing ? all[all.length - 1] : all[Math.max(0, Math.min(all.length - 1, next))]);
  }

  function play(on = !playing) {
    clearInterval(playing);
    playing = 0;
    if (on && all.length > 1) {
      if (place(chosen()) >= all.length - 1) choose(all[0]);
      playing = setInterval(() => { if (ready && !ready()) return; if (place(chosen()) >= all.length - 1) play(false); else move(1); }, 1000 / pace);
    }
    show();
  }

  /** How many steps a second play shows, and what says that the last one stands (else the next is not shown yet). */
  function setPace(perSecond = A_SECOND, isReady = null) {
    const other = perSecond !== pace;
    pace = perSecond;
    ready = isReady;
    if (playing && other) { play(false); play(true); }
  }

  function build() {
    const range = h('input', {type: 'range', min: '0', step: '1', 'aria-label': 'step', oninput: event => choose(all[+event.target.value])});
    const ticks = h('canvas', {'aria-hidden': 'true'}), words = h('b'), note = h('span.dim');
    const button = h('button.ib', {type: 'button', onclick: () => play()});
    const newest = h('button.btn', {type: 'button', title: 'Show the newest, and follow', onclick: () => { play(false); choose(null); }}, 'Newest');
    const held = h('span.at', {}, words, note);
    fill(byId('run-steps'), h('button.ib', {type: 'button', title: 'Previous step ([)', 'aria-label': 'Previous step', onclick: () => move(-1)}, icon('left')), button,
      h('button.ib', {type: 'button', title: 'Next step (])', 'aria-label': 'Next step', onclick: () => move(1)}, icon('right')), held, h('span.track', {}, ticks, range), newest);
    new ResizeObserver(drawTicks).observe(range);
    built = {ticks, range, words, note, button, newest};
  }

  function show() {
    const bar = byId('run-steps');
    if (!bar) return;
    bar.hidden = all.length < 2 || !(state.run || crossboard.kindPages.of(state.page));
    if (bar.hidden) return;
    if (!built) build();
    const now = place(chosen());
    built.range.max = String(all.length - 1);
    built.range.value = String(now);
    built.range.style.setProperty('--at', `${all.length > 1 ? 100 * now / (all.length - 1) : 100}%`);
    built.range.setAttribute('aria-valuetext', `step ${numbers.whole(all[now])}, ${now + 1} of ${all.length}`);
    built.words.textContent = `step ${numbers.whole(all[now])}`;
    built.note.textContent = `${numbers.whole(now + 1)} of ${numbers.whole(all.length)}${state.step === '' ? ', following' : ''}`;
    built.newest.disabled = state.step === '';
    fill(built.button, icon(playing ? 'pause' : 'play'));
    built.button.title = playing ? 'Stop' : 'Play';
    built.button.setAttribute('aria-label', built.button.title);
  }

  /** The lanes: the first run's ticks above the track, the second's below. */
  function drawTicks() {
    if (!built) return;
    const {ticks, range} = built, wide = range.clientWidth, high = 34, ratio = devicePixelRatio || 1, context = ticks.getContext('2d');
    ticks.width = Math.round(wide * ratio); ticks.height = high * ratio;
    if (!wide || all.length < 2) return;
    context.scale(ratio, ratio);
    lanes.slice(0, 2).forEach((lane, i) => {
      context.fillStyle = lane.colour;
      let last = -Infinity;
      for (const step of lane.steps) {
        const x = 7 + (wide - 14) * place(step) / (all.length - 1);
        if (x - last < 1) continue;
        last = x;
        context.fillRect(Math.round(x) - 0.5, i ? high - 6 : 0, 1, 6);
      }
    });
  }

  /** Say which steps there are (ascending, each once), and of several runs {colour, steps} each. */
  function set(steps, runs = []) {
    const before = all.length;
    all = steps; lanes = runs;
    show();
    if (built && (runs.length || before)) drawTicks();
  }

  /** How many ticks a step lies behind another; null: the newest. */
  const between = (from, to) => place(to) - place(from);

  crossboard.steps = {between, chosen, choose, move, pace: setPace, play, set, show, stop: () => { if (playing) play(false); }, onMove: work => { listeners.push(work); }};
})(window);
