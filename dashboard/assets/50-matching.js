/* How well typed words fit a name: the fuzzy search of the palette. Pure.

   Each word must be found: as a part of the name, best at the beginning of a piece of it, or letter by letter where the letters begin pieces or stand
   close together ("rsgd" in "resnet20-sgd"). Case does not count. */
(root => {
  'use strict';
  const crossboard = root.crossboard = root.crossboard || {};
  const LONGEST_GAP = 3;

  const isPiece = (low, i) => i === 0 || !/[a-z0-9]/.test(low[i - 1]) || (/[0-9]/.test(low[i]) && !/[0-9]/.test(low[i - 1]));

  /** The places of the letters of `word` in `low`, each as early as it can stand; null where one is missing or stands too far from the one before. */
  function letters(word, low) {
    const places = [];
    let from = 0;
    for (const letter of word) {
      let i = low.indexOf(letter, from);
      if (places.length) while (i >= 0 && i - from >= LONGEST_GAP && !isPiece(low, i)) i = low.indexOf(letter, i + 1);
      if (i < 0) return null;
      places.push(i);
      from = i + 1;
    }
    return isPiece(low, places[0]) ? places : null;
  }

  /** How well one word fits: 0 not at all, more is better. */
  function fit(word, low) {
    let i = low.indexOf(word);
    if (i < 0) return word.length > 1 && word.length <= 24 && letters(word, low) ? 20 : 0;
    for (let at = i; at >= 0 && !isPiece(low, i); at = low.indexOf(word, at + 1)) if (isPiece(low, at)) i = at;
    return (i === 0 ? 100 : isPiece(low, i) ? 80 : 45) + (word.length === low.length ? 40 : 0) - Math.min(15, i / 8);
  }

  /** How well all words fit a name in lower case: 0 when one does not. Of two that fit alike the shorter name is better. */
  function score(words, low) {
    let sum = 0;
    for (const word of words) {
      const one = fit(word, low);
      if (!one) return 0;
      sum += one;
    }
    return sum / (words.length || 1) - Math.min(10, low.length / 20);
  }

  /** The words of a text. */
  const wordsOf = text => text.toLowerCase().split(/\s+/).filter(Boolean);

  /** Which letters of a name were found, as a set of places. */
  function marked(words, text) {
    const low = text.toLowerCase(), found = new Set();
    for (const word of words) {
      let i = low.indexOf(word);
      for (let at = i; at >= 0 && !isPiece(low, i); at = low.indexOf(word, at + 1)) if (isPiece(low, at)) i = at;
      if (i >= 0) for (let n = 0; n < word.length; n++) found.add(i + n);
      else for (const place of letters(word, low) || []) found.add(place);
    }
    return found;
  }

  const holds = (words, low) => words.every(word => low.includes(word));

  /** The best `most` of `entries` ({low}), best first, how many fit, and whether they hold the words as they are: what is found letter by letter counts
      only where nothing does. `more(entry)`: what is added to the score of one that fits. */
  function best(words, entries, most, more = () => 0) {
    const found = among(words, entries, most, more, true);
    return found.fits ? found : among(words, entries, most, more, false);
  }

  function among(words, entries, most, more, whole) {
    const kept = [];
    let fits = 0, least = -Infinity;
    for (const entry of entries) {
      let value = !whole || holds(words, entry.low) ? score(words, entry.low) : 0;
      if (!value) continue;
      fits++;
      value += more(entry);
      if (kept.length >= most && value <= least) continue;
      let at = kept.length;
      while (at > 0 && kept[at - 1].value < value) at--;
      kept.splice(at, 0, {entry, value});
      if (kept.length > most) kept.pop();
      least = kept[kept.length - 1].value;
    }
    return {kept, fits, whole};
  }

  crossboard.matching = {best, marked, score, wordsOf};
})(typeof window === 'undefined' ? globalThis : window);
