/* A frame for what could hold scripts: HTML and SVG that a run logged.

   The frame has no rights (an empty `sandbox`: no scripts, no forms, no links out of it, an origin of its own) and its document
   begins with a policy of its own that loads nothing; styles inside it and data: images are all that works. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {h, url} = crossboard;
  const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:";

  const head = more => `<!doctype html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${POLICY}"><meta name="referrer" content="no-referrer"><style>${more}</style>`;

  const ACTIVE = 'script, iframe, frame, object, embed, base, link, meta, form', OUTSIDE = /^\s*(?!data:image\/)(?:[a-z][a-z0-9+.-]*:|\/)/i;

  /** `html` without what would run, load or lead elsewhere, and how many such things there were. The frame would stop them all; they
     are taken out so that nothing even tries. */
  function quiet(html) {
    const page = new DOMParser().parseFromString(html.replace(/<[a-z][^>]*>/gi, tag => tag.replace(/\son(?=[a-z]+\s*=)/gi, ' on-')), 'text/html');   // a handler is reported as soon as it is parsed
    let taken = 0;
    for (const one of page.querySelectorAll(ACTIVE)) { one.remove(); taken++; }
    for (const one of page.querySelectorAll('*')) for (const {name, value} of [...one.attributes]) {
      if (/^on/i.test(name) || name === 'srcset' || ((name === 'src' || name === 'href' || name === 'xlink:href' || name === 'background' || name === 'poster') && OUTSIDE.test(value))) { one.removeAttribute(name); taken++; }
    }
    return {html: page.head.innerHTML + page.body.innerHTML, taken};
  }

  /** HTML in a frame; on white, as its authors saw it, or in the `colours` {surface, ink, scheme} of the page. */
  function page(html, title, colours) {
    const frame = h('iframe.sandbox', {sandbox: '', title, referrerpolicy: 'no-referrer', loading: 'lazy'}), {surface, ink, scheme} = colours || {surface: '#fff', ink: '#000', scheme: 'light'};
    frame.srcdoc = head(`html{color-scheme:${scheme}}body{margin:${colours ? '2px 12px 8px' : '8px'};font:13px/1.45 system-ui,sans-serif;background:${surface};color:${ink};overflow-wrap:anywhere}svg[viewBox]{max-width:100%;max-height:calc(100vh - 16px);height:auto}`) + quiet(html).html;
    return frame;
  }

  /** An SVG by its URL, as a picture inside a frame. */
  function drawing(path, title) {
    const frame = h('iframe.sandbox', {sandbox: '', title, referrerpolicy: 'no-referrer'});
    fetch(url(path), {credentials: 'same-origin'}).then(answer => answer.ok ? answer.blob() : Promise.reject(new Error(`the server said ${answer.status}`))).then(blob => new Promise((resolve, reject) => {
      const reader = new FileReader();
      reader.onload = () => resolve(String(reader.result));
      reader.onerror = () => reject(reader.error);
      reader.readAsDataURL(new Blob([blob], {type: 'image/svg+xml'}));
    })).then(data => {
      frame.srcdoc = head('html,body{height:100%;margin:0;background:#fff}img{width:100%;height:100%;object-fit:contain}') + `<img alt="" src="${data}">`;
    }, error => { frame.replaceWith(h('p.none', {}, error.message)); });
    return frame;
  }

  crossboard.frame = {page, drawing, quiet};
})(window);
