/* One event stream for all tabs of a browser: a shared worker that holds it and passes on what it says.

   Browsers allow six connections to a host, so a stream in every tab would starve the seventh. Dash also loads this file as
   a page script; there it only leaves its own address for `24-live.js` and does nothing else.

   Worker to page: {type: "hello"|"change"|"progress", data: object}, {type: "lost", gone: bool} (gone: the browser had given up, the
   server may have refused). Page to worker: {type: "open", url}, {type: "retry"}. */
(scope => {
  'use strict';
  if (typeof SharedWorkerGlobalScope === 'undefined' || !(scope instanceof SharedWorkerGlobalScope)) {
    scope.crossboard = scope.crossboard || {};
    if (scope.document && scope.document.currentScript) scope.crossboard.workerUrl = scope.document.currentScript.src;
    return;
  }
  const ports = new Set();
  let stream = null, address = '', last = null, version = 0;

  function send(message) {
    last = message;
    if (message.data && message.data.version) version = message.data.version;
    for (const port of ports) port.postMessage(message);
  }

  function open() {
    if (stream) stream.close();
    const mine = stream = new EventSource(address);
    for (const type of ['hello', 'change', 'progress'])
      mine.addEventListener(type, event => send({type, data: JSON.parse(event.data || '{}')}));
    mine.onerror = () => {   // a page says when to try again
      if (mine !== stream) return;
      const gone = mine.readyState === 2;
      mine.close();
      send({type: 'lost', gone});
    };
  }

  scope.onconnect = ({ports: [port]}) => {
    ports.add(port);
    port.addEventListener('close', () => ports.delete(port));
    port.onmessage = ({data}) => {
      if (data.type === 'bye') ports.delete(port);
      if (data.type === 'open') {
        address = data.url;
        if (!stream) open();
        else if (stream.readyState === 2) open();
        else if (last) port.postMessage(last.type === 'lost' || !version ? last : {type: 'hello', data: {version}});
      }
      if (data.type === 'retry' && address && (!stream || stream.readyState !== 1)) open();
    };
    port.start();
  };
})(self);
