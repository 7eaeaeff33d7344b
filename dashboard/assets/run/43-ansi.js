/* Colours and weights of a terminal as classes: SGR of ECMA-48 ("ESC [ 1;31 m"), and nothing else. Pure.

   A line becomes parts of text with class names; every other escape sequence and control character is left out, so that no line can move, hide or fake
   another one. The 16 colours, the 256 and true colours all become the nearest of eight that the design has, so that each can be read in light and dark. */
(root => {
  'use strict';
  const crossboard = root.crossboard = root.crossboard || {};
  const NAMES = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];

  /** The nearest of the eight names to a colour, 0..255 each. */
  function nearest(r, g, b) {
    const most = Math.max(r, g, b), least = Math.min(r, g, b);
    if (most - least < 40) return most > 128 ? 'white' : 'black';
    const middle = (most + least) / 2;
    return NAMES[(r > middle ? 1 : 0) + (g > middle ? 2 : 0) + (b > middle ? 4 : 0)];
  }

  function of256(n) {
    if (n < 16) return NAMES[n % 8];
    if (n >= 232) return n > 243 ? 'white' : 'black';
    const level = v => v ? 55 + 40 * v : 0, at = n - 16;
    return nearest(level(Math.floor(at / 36)), level(Math.floor(at / 6) % 6), level(at % 6));
  }

  /** Change `style` by the numbers of one sequence. */
  function apply(style, codes) {
    for (let i = 0; i < codes.length; i++) {
      const code = codes[i];
      if (code === 0) for (const name of Object.keys(style)) delete style[name];
      else if (code === 1) style.bold = true; else if (code === 2) style.faint = true; else if (code === 3) style.italic = true; else if (code === 4) style.under = true; else if (code === 7) style.inverse = true; else if (code === 9) style.struck = true;
      else if (code === 22) { delete style.bold; delete style.faint; } else if (code === 23) delete style.italic; else if (code === 24) delete style.under; else if (code === 27) delete style.inverse; else if (code === 29) delete style.struck;
      else if (code === 38 || code === 48) {
        const where = code === 38 ? 'fore' : 'back';
        if (codes[i + 1] === 5 && codes[i + 2] <= 255) { style[where] = of256(codes[i + 2]); i += 2; }
        else if (codes[i + 1] === 2 && i + 4 < codes.length) { style[where] = nearest(codes[i + 2], codes[i + 3], codes[i + 4]); i += 4; }
        else return;   // not whole: what comes after would be read wrong
      }
      else if (code >= 30 && code <= 37) style.fore = NAMES[code - 30]; else if (code >= 90 && code <= 97) style.fore = NAMES[code - 90];
      else if (code >= 40 && code <= 47) style.back = NAMES[code - 40]; else if (code >= 100 && code <= 107) style.back = NAMES[code - 100];
      else if (code === 39) delete style.fore; else if (code === 49) delete style.back;
    }
  }

  function classes(style) {
    const list = ['bold', 'faint', 'italic', 'under', 'inverse', 'struck'].filter(name => style[name]).map(name => `a-${name}`);
    if (style.fore) list.push(`a-${style.fore}`);
    if (style.back) list.push(`a-on-${style.back}`);
    return list.join(' ');
  }

  const PARTS = /\x1b\[([0-9;:]*)m|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]P^_X][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?|[\x00-\x08\x0b-\x1f\x7f-\x9f]|[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

  /** A line -> [{text, classes}]. */
  function parse(line) {
    const out = [], style = {};
    let from = 0;
    const put = to => { if (to > from) { const text = line.slice(from, to), names = classes(style), last = out[out.length - 1]; if (last && last.classes === names) last.text += text; else out.push({text, classes: names}); } };
    for (const found of line.matchAll(PARTS)) {
      put(found.index);
      from = found.index + found[0].length;
      if (found[1] !== undefined) apply(style, found[1] === '' ? [0] : found[1].split(/[;:]/).map(Number));
    }
    put(line.length);
    return out;
  }

  /** The text alone. */
  const bare = line => parse(line).map(one => one.text).join('');

  crossboard.ansi = {parse, bare, nearest};
})(typeof window === 'undefined' ? globalThis : window);
