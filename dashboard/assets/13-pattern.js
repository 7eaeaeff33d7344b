/* A regular expression that no text makes slow: the time it takes grows with the length of the text times that of the
   expression, and no faster. Pure.

   The browser's own engine goes back and tries again, and `(a+)+$` over forty letters ends the page. This one follows all ways at once
   (K. Thompson, Regular expression search algorithm, CACM 11(6), 1968). Taken are letters, ".", classes as [a-z_] and [^/], \d \w \s \D \W
   \S, \b \B, ^ $, groups ( ) and (?: ), "|", and * + ? {2} {2,} {2,5} behind any of these. Not taken: references back, looking ahead or
   behind. Case does not count. An expression is found anywhere in a text. */
(root => {
  'use strict';
  const crossboard = root.crossboard = root.crossboard || {};
  const LONGEST = 400, MOST_STEPS = 600, MOST_TIMES = 200, MOST_KEPT = 500;
  const SET = 0, SPLIT = 1, ASSERT = 2, MATCH = 3;

  /** What is wrong with an expression: `at`, the character where it is, from 0, and `words`. */
  class WrongPattern extends Error {
    constructor(words, at) { super(`${words}, at character ${at + 1}`); Object.assign(this, {words, at}); }
  }

  const isWord = c => /^\w$/.test(c);
  const SHORT = {d: c => /\d/.test(c), w: isWord, s: c => /\s/.test(c)};
  const PLAIN = {t: '\t', n: '\n', r: '\r', f: '\f', v: '\v'};

  /** The tree of an expression: {set} | {all: [..]} | {any: [..]} | {times, low, high, at} | {edge}. */
  function parse(text) {
    let i = 0, depth = 0;
    const wrong = (words, at = i) => { throw new WrongPattern(words, at); };

    /** What stands behind a backslash: a letter, or a class of letters. */
    function escaped(inClass) {
      const at = i - 1, c = text[i++];
      if (c === undefined) wrong('nothing behind the backslash', at);
      if (SHORT[c]) return SHORT[c];
      if (SHORT[c.toLowerCase()]) { const not = SHORT[c.toLowerCase()]; return one => !not(one); }
      if (PLAIN[c]) return PLAIN[c];
      if (!inClass && (c === 'b' || c === 'B')) return {edge: c};
      if (/[1-9k]/.test(c)) wrong('a reference back is not taken', at);
      if (/[a-zA-Z0]/.test(c)) wrong(`\\${c} means nothing here`, at);
      return c;
    }

    function oneOf() {
      const at = i - 1, tests = [], not = text[i] === '^';
      if (not) i++;
      for (let first = true; ; first = false) {
        if (i >= text.length) wrong('the class is not closed by ]', at);
        let c = text[i++];
        if (c === ']' && !first) break;
        if (c === '\\') c = escaped(true);
        if (text[i] === '-' && i + 1 < text.length && text[i + 1] !== ']') {
          const from = i - 1;
          i++;
          let to = text[i++];
          if (to === '\\') to = escaped(true);
          if (typeof c !== 'string' || typeof to !== 'string') wrong('a range wants a letter on both sides', from);
          if (c > to) wrong(`the range ${c}-${to} runs backwards`, from);
          const low = c, high = to;
          tests.push(one => one >= low && one <= high);
        } else if (typeof c === 'string') { const letter = c; tests.push(one => one === letter); } else tests.push(c);
      }
      const has = c => tests.some(test => test(c)), any = c => has(c) || has(c.toLowerCase()) || has(c.toUpperCase());
      return {set: not ? c => !any(c) : any};
    }

    function atom() {
      const at = i, c = text[i++];
      if (c === '(') {
        if (text[i] === '?') { if (text[i + 1] !== ':') wrong('this kind of group is not taken; only ( ) and (?: ) are', at); i += 2; }
        if (++depth > 50) wrong('groups lie too deep', at);
        const inside = either();
        if (text[i] !== ')') wrong('the group is not closed by )', at);
        i++; depth--;
        return inside;
      }
      if (c === '[') return oneOf();
      if (c === '.') return {set: () => true};
      if (c === '^' || c === '$') return {edge: c};
      if (c === '*' || c === '+' || c === '?') wrong('nothing to repeat', at);
      const made = c === '\\' ? escaped(false) : c;
      if (typeof made === 'function') return {set: made};
      if (typeof made === 'object') return made;
      const low = made.toLowerCase(), high = made.toUpperCase();
      return {set: one => one === made || one === low || one === high};
    }

    function repeated() {
      let part = atom(), last = null;
      for (;;) {
        const at = i, [all, least, comma, most] = /^\{(\d{1,6})(,(\d{0,6}))?\}/.exec(text.slice(i)) || [], c = text[i];
        let low = 0, high = Infinity;
        if (all) { low = +least; high = comma === undefined ? low : most ? +most : Infinity; i += all.length; }
        else if (c === '*') i++;
        else if (c === '+') { low = 1; i++; }
        else if (c === '?') { high = 1; i++; }
        else return part;
        if (part.edge) wrong('nothing to repeat', at);
        if (part.times && part === last) wrong('nothing to repeat', at);
        if (low > high) wrong(`{${low},${high}} runs backwards`, at);
        if (low > MOST_TIMES || (high > MOST_TIMES && high < Infinity)) wrong(`more than ${MOST_TIMES} times`, at);
        if (text[i] === '?') i++;   // as few as possible: the same texts
        last = part = {times: part, low, high, at};
      }
    }

    function row() {
      const all = [];
      while (i < text.length && text[i] !== '|' && text[i] !== ')') all.push(repeated());
      return {all};
    }

    function either() {
      const any = [row()];
      while (text[i] === '|') { i++; any.push(row()); }
      return any.length > 1 ? {any} : any[0];
    }

    if (text.length > LONGEST) wrong(`longer than ${LONGEST} characters`, LONGEST);
    const tree = either();
    if (i < text.length) wrong('this ) closes nothing');
    return tree;
  }

  /** The steps of a tree: [kind, what, next, other]. */
  function compile(tree) {
    const steps = [];
    const step = (...parts) => { steps.push(parts); if (steps.length > MOST_STEPS) throw new WrongPattern('too much is repeated', 0); return steps.length - 1; };
    /** Write down `node` so that it goes on at step `next`; returns where it begins. Backwards, from the end of the expression. */
    function write(node, next) {
      if (node.set) return step(SET, node.set, next);
      if (node.edge) return step(ASSERT, node.edge, next);
      if (node.all) return node.all.reduceRight((to, one) => write(one, to), next);
      if (node.any) return node.any.map(one => write(one, next)).reduce((one, other) => step(SPLIT, null, one, other));
      let to = next;
      try {
        if (node.high === Infinity) { const loop = step(SPLIT, null, -1, next); steps[loop][2] = write(node.times, loop); to = loop; }
        else for (let n = node.low; n < node.high; n++) to = step(SPLIT, null, write(node.times, to), next);
        for (let n = 0; n < node.low; n++) to = write(node.times, to);
      } catch (error) { if (error instanceof WrongPattern && !error.at) throw new WrongPattern(error.words, node.at); throw error; }
      return to;
    }
    const end = step(MATCH);
    return {steps, begin: write(tree, end)};
  }

  /** A function that says whether an expression is found in a text. Throws WrongPattern. */
  function pattern(text) {
    const {steps, begin} = compile(parse(text)), seen = new Int32Array(steps.length).fill(-1), stack = [];
    let stamp = 0;
    const word = c => c !== undefined && isWord(c);
    const holds = (edge, line, i) => edge === '^' ? i === 0 : edge === '$' ? i === line.length : (word(line[i - 1]) !== word(line[i])) === (edge === 'b');

    /** Add to `list` the steps that want a letter and are reached from `from` at place i; true when the end is reached. */
    function reach(list, from, line, i) {
      stack.push(from);
      while (stack.length) {
        const at = stack.pop();
        if (seen[at] === stamp) continue;
        seen[at] = stamp;
        const [kind, what, next, other] = steps[at];
        if (kind === MATCH) { stack.length = 0; return true; }
        if (kind === SET) list.push(at);
        else if (kind === SPLIT) stack.push(other, next);
        else if (holds(what, line, i)) stack.push(next);
      }
      return false;
    }

    /* what was reached once is kept: {steps, ways: Map of letter and what follows -> what is reached next}; null: found */
    let known = new Map();
    function stateOf(list) {
      const name = list.sort((a, b) => a - b).join();
      if (known.size > MOST_KEPT) known = new Map();
      if (!known.has(name)) known.set(name, {list, ways: new Map()});
      return known.get(name);
    }

    function advance(now, line, i) {
      stamp++;
      const reached = [];
      for (const at of now) if (steps[at][1](line[i - 1]) && reach(reached, steps[at][2], line, i)) return null;
      return reach(reached, begin, line, i) ? null : stateOf(reached);
    }

    return line => {
      let state = advance([], line, 0);
      for (let i = 1; state && i <= line.length; i++) {
        const way = line[i - 1] + (i === line.length ? '' : word(line[i]) ? 'w' : '-');
        let next = state.ways.get(way);
        if (next === undefined) state.ways.set(way, next = advance(state.list, line, i));
        state = next;
      }
      return !state;
    };
  }

  Object.assign(crossboard, {pattern, WrongPattern});
})(typeof window === 'undefined' ? globalThis : window);
