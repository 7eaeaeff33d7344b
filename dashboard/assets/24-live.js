/* The live connection: hears what changed and says which cards must read again.

   News: "change" ({version, runs, removed, tags}), "state". `live.connected` is false while the server cannot be heard; then
   what was read stays and `live.lostAt` (epoch seconds) says as of when. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {announcer, url, board, getJson} = crossboard;
  const news = announcer();
  const live = {connected: true, heard: false, lostAt: 0, refused: '', on: news.on};
  let port = null, stream = null, retry = 0;

  function set(connected, refused = '') {
    if (live.connected === connected && live.refused === refused && live.heard) return;
    if (live.connected && !connected) live.lostAt = Date.now() / 1000;
    const back = !live.connected && connected;
    Object.assign(live, {connected, refused});
    news.tell('state', {back});
  }

  async function hear({type, data, gone}) {
    if (type === 'lost') {
      if (closing) return;
      set(false, live.refused);
      if (gone) {
        const words = await getJson('api/board').then(() => '', error => error.status === 401 || error.status === 403 ? error.message : '');
        set(false, words);
      }
      clearTimeout(retry);
      retry = setTimeout(() => live.retry(), 2000);
      return;
    }
    clearTimeout(retry);
    const back = !live.connected;
    set(true);
    live.heard = true;
    if (type === 'hello') { news.tell('hello', {back, version: data.version}); return; }
    if (type === 'progress') { board.loadBoard().catch(() => {}); return; }
    news.tell('change', data);
  }

  live.retry = () => {
    if (port) port.postMessage({type: 'retry'});
    else if (!stream || stream.readyState === 2) listen();
  };

  function listen() {
    if (stream) stream.close();
    stream = new EventSource(url('api/events'));
    for (const type of ['hello', 'change', 'progress'])
      stream.addEventListener(type, event => hear({type, data: JSON.parse(event.data || '{}')}));
    stream.onerror = () => hear({type: 'lost', gone: stream.readyState === 2});
  }

  let closing = false;
  /** Open the stream: in the shared worker where there is one, else in this page. */
  live.start = () => {
    addEventListener('pagehide', () => { closing = true; if (port) port.postMessage({type: 'bye'}); });
    addEventListener('pageshow', event => { closing = false; if (event.persisted && port) port.postMessage({type: 'open', url: new URL(url('api/events'), location.href).href}); });
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
