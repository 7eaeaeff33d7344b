/* Where cards stand that a person moved, and which tags a person joined into one card. Pure.

   A move is [card, before]: the card stands before that one, or last where `before` is empty. Moves are done one after the other on the
   cards in their natural order; one of a card that is not there is passed over. So a link holds what was moved and nothing else, and a new
   tag finds its own place. In the URL a move is a query, move=card=train/loss&before=train/acc; a join is one too, with=tag=a&tag=b. */
(root => {
  'use strict';
  const crossboard = root.crossboard = root.crossboard || {};
  const MOST_JOINED = 8;

  /** `keys` with `moves` done. */
  function arranged(keys, moves) {
    const list = [...keys];
    for (const [card, before] of moves) {
      const from = list.indexOf(card);
      if (from < 0 || (before && (before === card || !list.includes(before)))) continue;
      list.splice(from, 1);
      list.splice(before ? list.indexOf(before) : list.length, 0, card);
    }
    return list;
  }

  /** The fewest moves that bring `keys` into the order `wanted`, which holds the same ones. */
  function movesFor(keys, wanted) {
    const place = new Map(keys.map((key, i) => [key, i])), ends = [], came = new Array(wanted.length).fill(-1);   // the longest rising part may stay
    wanted.forEach((key, i) => {
      let low = 0, high = ends.length;
      while (low < high) { const middle = (low + high) >> 1; if (place.get(wanted[ends[middle]]) < place.get(key)) low = middle + 1; else high = middle; }
      came[i] = low ? ends[low - 1] : -1;
      ends[low] = i;
    });
    const stays = new Set();
    for (let i = ends.length ? ends[ends.length - 1] : -1; i >= 0; i = came[i]) stays.add(i);
    const moves = [];
    for (let i = wanted.length - 1; i >= 0; i--) if (!stays.has(i)) moves.push([wanted[i], wanted[i + 1] || '']);
    return moves;
  }

  const parseMoves = texts => texts.map(text => new URLSearchParams(text)).filter(q => q.get('card')).map(q => [q.get('card'), q.get('before') || '']);
  const formatMoves = moves => moves.map(([card, before]) => new URLSearchParams(before ? {card, before} : {card}).toString());

  /** Lists of tags that are joined, each tag in one of them at most. */
  function parseJoins(texts) {
    const taken = new Set(), joins = [];
    for (const text of texts) {
      const tags = [...new Set(new URLSearchParams(text).getAll('tag'))].filter(tag => tag && !taken.has(tag)).slice(0, MOST_JOINED);
      if (tags.length < 2) continue;
      for (const tag of tags) taken.add(tag);
      joins.push(tags);
    }
    return joins;
  }
  const formatJoins = joins => joins.map(tags => new URLSearchParams(tags.map(tag => ['tag', tag])).toString());

  /** The name of the card of joined tags. */
  const joinKey = tags => `with:${tags.join(' + ')}`;

  /** The charts of the page with those of `joins` in place of the charts whose tags they take. A chart is {key, title, tags, family, section};
      one of joined tags has a family with `by: 'hand'`. A join of which fewer than two tags are there is left alone. */
  function withJoins(charts, joins) {
    if (!joins.length) return charts;
    const there = new Map(charts.flatMap(chart => chart.tags.map(tag => [tag, chart]))), taken = new Map(), made = [];
    for (const all of joins) {
      const tags = all.filter(tag => there.has(tag));
      if (tags.length > 1) for (const tag of tags) taken.set(tag, tags);
    }
    for (const chart of charts) {
      const left = chart.tags.filter(tag => !taken.has(tag));
      if (left.length === chart.tags.length) made.push(chart);
      else if (left.length > 1) made.push({...chart, tags: left, family: {...chart.family, splits: Object.fromEntries(left.map(tag => [tag, chart.family.splits[tag]]))}});
      else if (left.length) made.push({key: left[0], title: left[0], tags: left, family: null});
      for (const tag of chart.tags) {
        const tags = taken.get(tag);
        if (!tags || tags[0] !== tag) continue;
        const title = tags.map(one => one.replace(/^=/, '')).join(', ');
        made.push({key: joinKey(tags), title, tags, section: chart.section ?? (tag.includes('/') ? tag.slice(0, tag.indexOf('/')) : ''),
          family: {title, by: 'hand', splits: Object.fromEntries(tags.map(one => [one, '']))}});
      }
    }
    return made;
  }

  crossboard.places = {MOST_JOINED, arranged, movesFor, parseMoves, formatMoves, parseJoins, formatJoins, joinKey, withJoins};
})(typeof window === 'undefined' ? globalThis : window);
