/* The live connection: hears what changed and says which cards must read again.

   News: "change" ({version, runs, removed, tags}), "state". `live.connected` is false while the server cannot be heard; then
   what was read stays and `live.lostAt` (epoch seconds) says as of when, and `live.nextAt` (epoch seconds) when it is tried again: after 1, 2, 4, 8,
   then every 15 s. `live.heard` is false until the server was heard for the first time. How often changes are passed on is a setting (11-settings.js,
   `refresh`): what comes between is merged and told at once; `live.waiting` is true while something waits, `live.now()` tells it. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {announcer, url, board, getJson, settings} = crossboard;
  const news = announcer(), LONGEST_S = 15;
  const live = {connected: true, heard: false, lostAt: 0, nextAt: 0, toldAt: 0, waiting: false, refused: '', on: news.on};
  let port = null, stream = null, retry = 0, tries = 0, held = null, timer = 0;

  function set(connected, refused = '') {
    if (live.connected === connected && live.refused === refused && live.heard) return;
    if (live.connected && !connected) live.lostAt = Date.now() / 1000;
    const back = !live.connected && connected;
    Object.assign(live, {connected, refused});
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

  async function hear({type, data, gone}) {
    if (type === 'lost') {
      if (closing) return;
      clearTimeout(retry);
      const wait = Math.min(LONGEST_S, 2 ** tries++);
      live.nextAt = Date.now() / 1000 + wait;
      set(false, live.refused);
      retry = setTimeout(() => live.retry(), 1000 * wait);
      if (gone) {
        const words = await getJson('api/board').then(() => '', error => error.status === 401 || error.status === 403 ? error.message : '');
        if (!live.connected) set(false, words);
      }
      return;
    }
    clearTimeout(retry);
    tries = 0;
    const back = !live.connected;
    set(true);
    if (type === 'hello') { news.tell('hello', {back, version: data.version}); return; }
    if (type === 'progress') { board.loadBoard().catch(() => {}); return; }
    changed(data);
  }

  /** Try again, now. */
  live.retry = () => {
    live.nextAt = 0;
    news.tell('state', {back: false});
    if (port) port.postMessage({type: 'retry'});
    else if (!stream || stream.readyState !== 1) listen();
  };

  function listen() {
    if (stream) stream.close();
    const mine = stream = new EventSource(url('api/events'));
    for (const type of ['hello', 'change', 'progress'])
      mine.addEventListener(type, event => hear({type, data: JSON.parse(event.data || '{}')}));
    mine.onerror = () => { if (mine !== stream) return; const gone = mine.readyState === 2; mine.close(); hear({type: 'lost', gone}); };
  }

  let closing = false;
  /** Open the stream: in the shared worker where there is one, else in this page. */
  live.start = () => {
    addEventListener('pagehide', () => { closing = true; if (port) port.postMessage({type: 'bye'}); });
    addEventListener('pageshow', event => { closing = false; if (event.persisted && port) port.postMessage({type: 'open', url: new URL(url('api/events'), location.href).href}); });
    document.addEventListener('visibilitychange', () => { if (!document.hidden && !live.connected && !live.refused) live.retry(); });   // its timers were slowed down
    if (typeof SharedWorker === 'function' && crossboard.workerUrl) {
      try {
        const worker = new SharedWorker(crossboard.workerUrl, 'crossboard ' + location.host + url(''));
        worker.onerror = () => { if (port) { port = null; listen(); } };
        port = worker.port;
        port.onmessage = ({data}) => hear(data);
        port.postMessage({type: 'open', url: new URL(url('api/events'), location.href).href});
        return;
      } catch { port = null; }
    }
    listen();
  };

  crossboard.live = live;
})(window);
