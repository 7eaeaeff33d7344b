/* The live connection: hears what changed and says which cards must read again.

   News: "change" ({version, runs, removed, tags}), "hello" ({back, version}), "state". `live.connected` is false while the server cannot be heard;
   then what was read stays and `live.lostAt` (epoch seconds) says as of when, `live.nextAt` (epoch seconds, 0 while a try is under way) when it is
   tried again (18-stream-worker.js), and `live.refused` why the server said no, where it did. `live.heard` is false until the server was heard for the first time. How often changes are passed on is a setting (11-settings.js,
   `refresh`): what comes between is merged and told at once; `live.waiting` is true while something waits, `live.now()` tells it. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {announcer, url, board, getJson, settings} = crossboard;
  const news = announcer();
  const live = {connected: true, heard: false, lostAt: 0, nextAt: 0, toldAt: 0, waiting: false, refused: '', on: news.on};
  let port = null, stream = null, held = null, timer = 0, closing = false;

  const NEW_BOARD = 'The board was started again, or by somebody else, and does not know this browser. Run the same crossboard command once more where it ' +
    'runs and open the link that it prints; this page then goes on by itself.';

  function set(connected, refused = '', nextAt = 0) {
    if (live.connected === connected && live.refused === refused && live.nextAt === nextAt && live.heard) return;
    if (live.connected && !connected) live.lostAt = Date.now() / 1000;
    const back = !live.connected && connected;
    Object.assign(live, {connected, refused, nextAt});
    if (connected) live.heard = true;
    news.tell('state', {back});
  }

  /** Put two changes into one, as if the second had come with the first. */
  function merged(a, b) {
    if (!a) return b;
    const runs = new Set([...a.runs || [], ...b.runs || []]), removed = new Set(a.removed || []);
    for (const key of b.runs || []) removed.delete(key);
    for (const key of b.removed || []) { removed.add(key); runs.delete(key); }
    return {version: Math.max(a.version || 0, b.version || 0), runs: [...runs], removed: [...removed], tags: [...new Set([...a.tags || [], ...b.tags || []])], complete: a.complete !== false && b.complete !== false};
  }

  function tell() {
    clearTimeout(timer);
    timer = 0;
    const change = held, waited = live.waiting;
    held = null;
    live.waiting = false;
    live.toldAt = Date.now() / 1000;
    if (change) news.tell('change', change);
    if (waited) news.tell('state', {back: false});
  }

  /** Pass a change on, now or when the next is due. */
  function changed(change) {
    const every = settings.get('refresh');
    held = merged(held, change);
    if (every === 0 || (every > 0 && !timer && Date.now() / 1000 - live.toldAt >= every)) { tell(); return; }
    if (every > 0 && !timer) timer = setTimeout(tell, 1000 * (live.toldAt + every) - Date.now());
    if (!live.waiting) { live.waiting = true; news.tell('state', {back: false}); }
  }

  /** Tell what waits. */
  live.now = tell;
  live.merged = merged;

  settings.on('refresh', () => {
    clearTimeout(timer);
    timer = 0;
    live.toldAt = Date.now() / 1000;
    if (held && settings.get('refresh') >= 0) tell();
    news.tell('state', {back: false});
  });

  /** What the server says to one whom it refuses the stream; '' when it answers after all, or not at all. */
  const whyRefused = () => getJson('api/board').then(() => '', error => error.status === 401 ? NEW_BOARD : error.status === 403 ? error.message : '');

  async function hear({type, data, gone, next}) {
    if (closing) return;
    if (type === 'trying') { set(live.connected, live.refused); return; }
    if (type === 'lost') {
      set(false, gone ? live.refused : '', next / 1000);
      if (gone) { const words = await whyRefused(); if (!live.connected) set(false, words, live.nextAt); }
      return;
    }
    const back = !live.connected;
    set(true);
    if (type === 'hello') { news.tell('hello', {back, version: data.version}); return; }
    if (type === 'progress') { board.loadBoard().catch(() => {}); return; }
    changed(data);
  }

  /** Try again, now. */
  live.retry = () => { if (port) port.postMessage({type: 'retry'}); else if (stream) stream.retry(); };

  const address = () => new URL(url('api/events'), location.href).href;
  function listen() { if (!stream) stream = crossboard.holdStream(address(), hear); }

  /** Open the stream: in the shared worker where there is one, else in this page. */
  live.start = () => {
    addEventListener('pagehide', () => { closing = true; if (port) port.postMessage({type: 'bye'}); });
    addEventListener('pageshow', event => { closing = false; if (event.persisted && port) port.postMessage({type: 'open', url: address()}); });
    addEventListener('online', live.retry);
    document.addEventListener('visibilitychange', () => { if (!document.hidden && !live.connected && !live.refused) live.retry(); });   // its timers were slowed down
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
