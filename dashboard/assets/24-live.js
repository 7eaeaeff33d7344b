/* The live connection: hears what changed and says which cards must read again.

   News: "change" ({version, runs, removed, tags}), "hello" ({back, version}), "state". `live.connected` is false while the server cannot be
   heard; then what was read stays and `live.lostAt` (epoch seconds) says as of when, `live.next` (epoch ms, 0 while one is under way) when
   the next try is, and `live.refused` why the server said no, where it did. `live.heard`: at least once. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {announcer, url, board, getJson} = crossboard;
  const news = announcer();
  const live = {connected: true, heard: false, lostAt: 0, next: 0, refused: '', on: news.on};
  let port = null, held = null, closing = false;

  const NEW_BOARD = 'The board was started again, or by somebody else, and does not know this browser. Run the same crossboard command once more where it ' +
    'runs and open the link that it prints; this page then goes on by itself.';

  function set(changes) {
    if (changes.connected === false && live.connected) live.lostAt = Date.now() / 1000;
    if (Object.entries(changes).every(([name, value]) => live[name] === value) && live.heard) return;
    Object.assign(live, changes);
    news.tell('state');
  }

  /** What the server says to one whom it refuses the stream; '' when it answers after all, or not at all. */
  const whyRefused = () => getJson('api/board').then(() => '', error => error.status === 401 ? NEW_BOARD : error.status === 403 ? error.message : '');

  async function hear({type, data, gone, next}) {
    if (closing) return;
    if (type === 'trying') { set({next: 0}); return; }
    if (type === 'lost') {
      set({connected: false, next, refused: gone ? live.refused : ''});
      if (gone) { const refused = await whyRefused(); if (!live.connected) set({refused}); }
      return;
    }
    const back = !live.connected;
    set({connected: true, next: 0, refused: ''});
    live.heard = true;
    if (type === 'hello') news.tell('hello', {back, version: data.version});
    else if (type === 'progress') board.loadBoard().catch(() => {});
    else news.tell('change', data);
  }

  live.retry = () => { if (port) port.postMessage({type: 'retry'}); else if (held) held.retry(); };

  const address = () => new URL(url('api/events'), location.href).href;
  function listen() { if (!held) held = crossboard.holdStream(address(), hear); }

  /** Open the stream: in the shared worker where there is one, else in this page. */
  live.start = () => {
    addEventListener('pagehide', () => { closing = true; if (port) port.postMessage({type: 'bye'}); });
    addEventListener('pageshow', event => { closing = false; if (event.persisted && port) port.postMessage({type: 'open', url: address()}); });
    addEventListener('online', live.retry);
    if (typeof SharedWorker === 'function' && crossboard.workerUrl) {
      try {
        const worker = new SharedWorker(crossboard.workerUrl, 'crossboard ' + location.host + url(''));
        worker.onerror = () => { port = null; listen(); };
        port = worker.port;
        port.onmessage = ({data}) => hear(data);
        port.postMessage({type: 'open', url: address()});
        return;
      } catch { port = null; }
    }
    listen();
  };

  crossboard.live = live;
})(window);
