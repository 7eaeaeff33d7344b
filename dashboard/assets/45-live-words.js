/* The live indicator of the top bar: connecting, live with how many run, paused, or not live with the seconds until the next try and a button. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {board, byId, fill, h, live, numbers, settings} = crossboard;
  let ticking = 0, shown = '';

  const running = () => board.order.filter(run => run.status === 'running').length;
  const button = (id, words, title, work) => h('button.lk', {type: 'button', id, title, onclick: work}, words);

  /** {mark, words, more, title, act}: what is said, `more` only where there is room. */
  function state() {
    if (!live.connected) {
      const wait = Math.ceil(live.nextAt - Date.now() / 1000), words = wait > 0 ? ` · again in ${wait} s` : ' · connecting';
      return {mark: 'ring', words: 'Not live', more: words, title: `The board's server cannot be heard. What is shown is as of ${numbers.clock(live.lostAt)}.`, act: ['live-now', 'Now', 'Try to connect now', () => live.retry()]};
    }
    if (!live.heard) return {mark: 'ring', words: 'Connecting', more: '', title: 'Waiting for the board\'s server'};
    const n = running(), every = settings.get('refresh');
    if (every < 0) return {mark: 'pulse.still', words: 'Paused', more: ` · as of ${numbers.clock(live.toldAt || Date.now() / 1000)}`, title: 'Live updates are paused in the settings of this browser', act: live.waiting ? ['live-now', 'Update', 'Show what came since', () => live.now()] : null};
    return {mark: n ? 'pulse' : 'pulse.still', words: 'Live', more: n ? ` · ${numbers.whole(n)} running${every ? ` · every ${every} s` : ''}` : '', title: every ? `Updated every ${every} s, as set in this browser` : n ? 'New points are drawn as they come' : 'No run is running; new ones appear by themselves'};
  }

  function show() {
    const place = byId('live');
    if (!place) return;
    clearTimeout(ticking);
    ticking = live.connected ? 0 : setTimeout(show, 500);
    if (live.connected && live.heard && !board.loaded) return;
    const now = state(), key = JSON.stringify([now.mark, now.words, now.more, now.act && now.act[1]]);
    if (key === shown) return;
    shown = key;
    place.title = now.title;
    const held = document.activeElement && document.activeElement.id === 'live-now';
    fill(place, h(`span.${now.mark}`), h('span', {}, now.words, now.more ? h('span', {}, now.more) : null), now.act && button(...now.act));
    if (held && byId('live-now')) byId('live-now').focus();
  }

  board.on('runs', show);
  live.on('state', show);
  settings.on('zone', () => { shown = ''; show(); });

  crossboard.liveWords = {show, running};
})(window);
