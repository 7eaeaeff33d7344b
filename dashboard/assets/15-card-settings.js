/* What is set for one card alone. Pure.

   In the URL each card that has settings of its own is one parameter, itself a query: card=tag=train/loss&logx=1&range=robust. Its fields:
     x=step|relative|wall|metric:TAG   instead of the page's x axis
     logx=1                            a log x axis
     range=robust|LOW:HIGH             the y axis: 1st to 99th percentile of the drawn values, or as given; else all of them
     smooth=none|KIND:WEIGHT           instead of the page's smoothing
     size=S|L                          else M
     marks=off                         no marks of alerts, restarts and the first NaN
   A field that is not understood is left out. */
(root => {
  'use strict';
  const crossboard = root.crossboard = root.crossboard || {};

  const isX = text => ['step', 'relative', 'wall'].includes(text) || (text.startsWith('metric:') && text.length > 7);

  /** {kind, weight} of "ema:0.6", "gaussian:4" or "mean:25"; null for anything else. */
  function smoothing(text) {
    const [, kind, digits] = /^(ema|gaussian|mean):(\d{1,7}(?:\.\d{1,6})?)$/.exec(text) || [], weight = +digits;
    if (!kind) return null;
    return (kind === 'ema' ? weight > 0 && weight < 1 : weight >= (kind === 'mean' ? 2 : 0.1) && weight <= 1e6) ? {kind, weight} : null;
  }

  /** [low, high] of "0.1:2"; null for anything else. */
  function range(text) {
    const parts = text.split(':'), [low, high] = parts.map(Number);
    return parts.length === 2 && parts.every(part => part.trim()) && Number.isFinite(low) && Number.isFinite(high) && low < high ? [low, high] : null;
  }

  const FIELDS = {
    x: isX,
    logx: text => text === '1',
    range: text => text === 'robust' || range(text) !== null,
    smooth: text => text === 'none' || smoothing(text) !== null,
    size: text => text === 'S' || text === 'L',
    marks: text => text === 'off',
  };

  /** Map of tag -> settings from the values of the parameter. */
  function parse(texts) {
    const cards = new Map();
    for (const text of texts) {
      const q = new URLSearchParams(text), tag = q.get('tag'), own = {};
      for (const [name, fits] of Object.entries(FIELDS)) if (q.has(name) && fits(q.get(name))) own[name] = q.get(name);
      if (tag && Object.keys(own).length) cards.set(tag, own);
    }
    return cards;
  }

  function format(cards) {
    return [...cards].sort(([a], [b]) => a < b ? -1 : 1).map(([tag, own]) => new URLSearchParams({tag, ...own}).toString());
  }

  /** "EMA 0.6", "Gaussian, sigma 4", "mean of 25". */
  function words(text) {
    const {kind, weight} = smoothing(text) || {};
    return kind === 'ema' ? `EMA ${weight}` : kind === 'gaussian' ? `Gaussian, sigma ${weight}` : kind ? `mean of ${weight}` : '';
  }

  crossboard.cardSettings = {parse, format, smoothing, range, words, isX, FIELDS: Object.keys(FIELDS)};
})(typeof window === 'undefined' ? globalThis : window);
