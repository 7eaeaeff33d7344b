/* The event stream, held open: one for all tabs of a browser, in a shared worker that passes on what it says.

   Browsers allow six connections to a host, so a stream in every tab would starve the seventh. Dash also loads this file as
   a page script; there it only leaves its own address and `holdStream` for `24-live.js`, which needs it where there are no shared workers.

   Worker to page: {type: "hello"|"change"|"progress", data: object}, {type: "lost", gone: bool, next: epoch ms} (gone: the server was
   there and said no; next: when it is tried again), {type: "trying"}. Page to worker: {type: "open", url}, {type: "retry"}, {type: "bye"}.

   A lost stream is tried again after 0.5 s, 1 s, 2 s ... at most 15 s. The server breaks every silence of its own with a "beat"; a
   stream that is silent for longer than two and a half of these, as after a night's sleep of the machine or behind a tunnel
   that fell over, is lost too, although no error came. */
(scope => {
  'use strict';
  const FIRST_MS = 500, LONGEST_MS = 15000, REFUSED_MS = 5000, ANSWER_MS = 12000, LOOK_MS = 2000;

  /** Hold the stream at `address` open and tell what comes. Returns {retry, isOpen}. */
  function holdStream(address, tell) {
    let stream = null, open = false, tries = 0, timer = 0, heard = 0, patience = ANSWER_MS;

    function start() {
      clearTimeout(timer);
      if (stream) stream.close();
      open = false;
      heard = Date.now();
      patience = ANSWER_MS;
      const mine = stream = new EventSource(address);
      const on = (type, then) => mine.addEventListener(type, event => {
        if (mine !== stream) return;
        heard = Date.now();
        then(JSON.parse(event.data || '{}'));
      });
      on('hello', data => {
        open = true;
        tries = 0;
        patience = 2500 * (data.beat || 15);
        tell({type: 'hello', data});
      });
      for (const type of ['change', 'progress']) on(type, data => tell({type, data}));
      on('beat', () => {});
      mine.onerror = () => { if (mine === stream) lose(mine.readyState === 2); };
    }

    function lose(gone) {
      stream.close();
      stream = null;
      open = false;
      const wait = Math.min(LONGEST_MS, (gone ? REFUSED_MS : FIRST_MS) * 2 ** tries++);
      tell({type: 'lost', gone, next: Date.now() + wait});
      clearTimeout(timer);
      timer = setTimeout(() => { tell({type: 'trying'}); start(); }, wait);
    }

    setInterval(() => { if (stream && Date.now() - heard > patience) lose(false); }, LOOK_MS);
    start();
    return {
      isOpen: () => open,
      /** Try now, unless it is open; what was waited for so far no longer counts. */
      retry() { if (!open) { tries = 0; tell({type: 'trying'}); start(); } },
    };
  }

  if (typeof SharedWorkerGlobalScope === 'undefined' || !(scope instanceof SharedWorkerGlobalScope)) {
    scope.crossboard = scope.crossboard || {};
    scope.crossboard.holdStream = holdStream;
    if (scope.document && scope.document.currentScript) scope.crossboard.workerUrl = scope.document.currentScript.src;
    return;
  }
  const ports = new Set();
  let held = null, last = null, version = 0;

  function send(message) {
    last = message;
    if (message.data && message.data.version) version = message.data.version;
    for (const port of ports) port.postMessage(message);
  }

  scope.onconnect = ({ports: [port]}) => {
    ports.add(port);
    port.addEventListener('close', () => ports.delete(port));
    port.onmessage = ({data}) => {
      if (data.type === 'bye') ports.delete(port);
      if (data.type === 'open') {
        ports.add(port);
        if (!held) held = holdStream(data.url, send);
        else if (held.isOpen() && version) port.postMessage({type: 'hello', data: {version}});
        else { if (last) port.postMessage(last); held.retry(); }
      }
      if (data.type === 'retry' && held) held.retry();
    };
    port.start();
  };
})(self);
