/* The namespace of all scripts, and what every one of them needs: elements, icons, the base path, counters.

   The scripts are loaded in the order of their names and share one object, `window.crossboard`. Each file is one noun.
   `crossboard.stats` is for tests and benchmarks: `drawn` counts finished card drawings, `pending` what still waits to be read
   or drawn, `requests` the data requests, `onDrawn(card)` is called after each drawing when it is set. */
(root => {
  'use strict';
  const crossboard = root.crossboard = root.crossboard || {};

  crossboard.stats = {drawn: 0, pending: 0, requests: 0, points: 0, started: 0, onDrawn: null, lastPixelTime: 0};

  const PATHS = {   // 16 px grid, one stroke
    eye: 'M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8ZM8 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z',
    eyeoff: 'M2.5 2.5l11 11M6.2 3.8A6 6 0 0 1 8 3.5c4 0 6.5 4.5 6.5 4.5a11 11 0 0 1-1.9 2.3M4.1 5.1A11 11 0 0 0 1.5 8S4 12.5 8 12.5a6 6 0 0 0 2.8-.7',
    only: 'M8 13.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11ZM8 9.2a1.2 1.2 0 1 0 0-2.4 1.2 1.2 0 0 0 0 2.4Z',
    search: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10ZM10.7 10.7 14 14',
    right: 'M6 4l4 4-4 4', left: 'M10 4 6 8l4 4', play: 'M5 3.5 12 8l-7 4.500V3.500Z', pause: 'M5.500 3.500v9M10.500 3.500v9', expand: 'M9.500 2.500h4v4M6.500 13.500h-4v-4M13.500 2.500 9 7M2.500 13.500 7 9',
    down: 'M4 6l4 4 4-4', up: 'M4 10l4-4 4 4', close: 'M4 4l8 8M12 4l-8 8',
    home: 'M2.500 7.500 8 3l5.500 4.500M4 6.500V13h8V6.500', bookmark: 'M4.500 2.500h7v11L8 10.800 4.500 13.500Z', pencil: 'M3 13l.6-2.600L10.900 3.100l2 2L5.600 12.400 3 13ZM9.500 4.500l2 2',
    gear: 'M2.500 5h5M11 5h2.500M2.500 11H5M8.500 11h5M9.200 6.700a1.700 1.700 0 1 0 0-3.400 1.700 1.700 0 0 0 0 3.400ZM6.800 12.700a1.700 1.700 0 1 0 0-3.400 1.700 1.700 0 0 0 0 3.400Z',
    sun: 'M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6ZM8 1.5v1.2M8 13.3v1.2M1.5 8h1.2M13.3 8h1.2M3.4 3.4l.9.9M11.7 11.7l.9.9M3.4 12.6l.9-.9M11.7 4.3l.9-.9',
    moon: 'M13.5 9.6A5.8 5.8 0 0 1 6.4 2.5a5.8 5.8 0 1 0 7.1 7.1Z',
    system: 'M8 13.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11ZM8 2.5v11M10 3v10M12 4.4v7.2',
    link: 'M6.7 9.3l2.6-2.6M7.2 5l1.6-1.6a2.7 2.7 0 0 1 3.8 3.8L11 8.8M8.8 11l-1.6 1.6a2.7 2.7 0 0 1-3.8-3.8L5 7.2',
    more: 'M3.500 8h.01M8 8h.01M12.500 8h.01', menu: 'M2.500 4.500h11M2.500 8h11M2.500 11.500h11', pin: 'M6 2.500h4l-.5 4 2.500 2.500H4l2.500-2.500-.5-4ZM8 9v4.500',
    table: 'M8 2v8M4.8 7 8 10.2 11.2 7M2.5 13.5h11',
    restart: 'M13 8a5 5 0 1 1-1.6-3.7M13 2.5v2.8h-2.8',
    alert: 'M8 2.5 14.3 13.5H1.7L8 2.5ZM8 6.5v3M8 11.6h.01', check: 'M3 8.5l3.3 3.3L13 4.8', cross: 'M4.5 4.5l7 7M11.5 4.5l-7 7',
    chart: 'M2 13.5h12M2.5 10l3.5-4 3 2.5L13.500 3', grid: 'M2.5 2.5h4.5v4.5H2.5zM9 2.5h4.5v4.5H9zM2.5 9h4.5v4.5H2.5zM9 9h4.5v4.5H9z',
    more: 'M3 8h1M7.500 8h1M12 8h1', flag: 'M4 14V2.500h8l-2 3 2 3H4', palette: 'M3 3h4v4H3zM9 3h4v4H9zM3 9h4v4H3zM9 9h4v4H9z',
    cols: 'M2.5 3h11v10h-11zM6.2 3v10M9.8 3v10', pin: 'M6 2.500h4M6.700 2.500v4L4.500 9.500h7L9.300 6.500v-4M8 9.500v4', group: 'M2.500 4h11M5.500 8h8M5.500 12h8', plus: 'M8 3v10M3 8h10', trash: 'M3 4.500h10M6.500 4.500v-2h3v2M4.500 4.500l.7 9h5.600l.7-9', download: 'M8 2v8M4.8 7 8 10.2 11.2 7M2.5 13.5h11',
    folder: 'M2 4.5V13h12V5.5H8L6.5 4 2 4.5Z', filter: 'M2 3.5h12L9.5 8.5v4l-3 1v-5L2 3.5Z',
    clock: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 4.8V8l2.2 1.6', copy: 'M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3',
    keys: 'M1.8 4h12.4v8H1.8zM4.5 6.7h.01M7 6.7h.01M9.500 6.7h.01M12 6.7h.01M5 9.5h6', stop: 'M4.500 4.500h7v7h-7z',
  };
  const BRAND = '<svg viewBox="0 0 18 18" width="18" height="18" fill="none"><rect x=".75" y=".75" width="16.5" height="16.5" rx="4" stroke="var(--cb-ink)" stroke-width="1.5"/>' +
    '<path d="M3.8 5.2C7.5 5.2 8 12.8 14.2 12.8" stroke="var(--cb-c2)" stroke-width="1.8" stroke-linecap="round"/>' +
    '<path d="M3.8 12.8C7.5 12.8 9.5 5.2 14.2 5.2" stroke="var(--cb-c1)" stroke-width="1.8" stroke-linecap="round"/></svg>';

  /** Return the icon `name` as an SVG element; `small` is 12 px instead of 14. */
  function icon(name, small) {
    const holder = document.createElement('span');
    holder.innerHTML = name === 'brand' ? BRAND
      : `<svg class="i${small ? ' s' : ''}" viewBox="0 0 16 16" aria-hidden="true"><path d="${PATHS[name]}"/></svg>`;
    return holder.firstChild;
  }

  /** Make an element. h('button.ib', {title: 'x', onclick: f}, children...): strings become text, never HTML. */
  function h(what, attributes, ...children) {
    const [tag, ...classes] = what.split('.');
    const element = document.createElement(tag);
    if (classes.length) element.className = classes.join(' ');
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
      else if (name === 'style') element.style.cssText = value;
      else element.setAttribute(name, value === true ? '' : value);
    }
    element.append(...children.flat().filter(child => child !== null && child !== undefined && child !== false));
    return element;
  }

  /** Replace the children of `element`. */
  function fill(element, ...children) {
    element.replaceChildren(...children.flat().filter(child => child !== null && child !== undefined && child !== false));
  }

  const byId = id => document.getElementById(id);

  let base = null;
  /** Return the URL of a data route below the board's base path: url('api/runs'). */
  function url(path) {
    if (base === null) {
      const config = byId('_dash-config');
      base = config ? JSON.parse(config.textContent).requests_pathname_prefix || '/' : '/';
    }
    return base + path;
  }

  /** A set of listeners for named happenings. */
  function announcer() {
    const listeners = new Map();
    return {
      on(name, listener) {
        for (const one of name.split(' ')) listeners.set(one, [...(listeners.get(one) || []), listener]);
      },
      tell(name, value) { for (const listener of listeners.get(name) || []) listener(value); },
    };
  }

  /** Return a function that runs `work` at most once a frame, however often it is called. */
  function oncePerFrame(work) {
    let asked = false;
    return () => {
      if (asked) return;
      asked = true;
      requestAnimationFrame(() => { asked = false; work(); });
    };
  }

  Object.assign(crossboard, {icon, h, fill, byId, url, announcer, oncePerFrame});
})(typeof window === 'undefined' ? globalThis : window);
