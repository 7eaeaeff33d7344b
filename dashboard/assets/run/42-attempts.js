/* Attempts and ranks as a timeline: a bar each, over steps or over time. What the charts show is solid; what a later attempt replaced is dashed. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {h, numbers, parts, plot, state} = crossboard;
  const MOST_RANKS = 8;
  let by = 'step';

  /** How an attempt of a rank ended, in words. */
  function ending(writer, last, run) {
    if (writer.status) return `${writer.status}${writer.exit_code ? `, exit ${writer.exit_code}` : ''}`;
    return last ? (run && run.status) || '' : 'no end recorded';
  }

  /** The bars: one for each attempt and rank, `{attempt, rank, low, high, cut, words}` in steps or seconds. */
  function bars(details, run) {
    const list = details.attempts, rows = [];
    list.forEach((one, i) => {
      for (const each of one.ranks.slice(0, MOST_RANKS)) {
        const later = list.slice(i + 1).flatMap(other => other.ranks.filter(r => r.rank === each.rank)), replacing = later.filter(r => r.first_step <= each.last_step).sort((a, b) => a.first_step - b.first_step)[0];
        const writer = details.writers.find(w => w.attempt === one.attempt && w.rank === each.rank) || details.writers.find(w => w.attempt === one.attempt) || {};
        const from = writer.opened || each.first_time, to = writer.ended || each.last_time, share = replacing ? (replacing.first_step - each.first_step) / Math.max(1, each.last_step - each.first_step) : 1;
        rows.push({attempt: one.attempt, rank: each.rank, ranks: one.rank_count, first: each === one.ranks[0], replaced: Boolean(replacing), step: [each.first_step, replacing ? replacing.first_step : each.last_step, each.last_step],
          time: from && to ? [from, from + Math.max(0, Math.min(1, share)) * (to - from), to] : null, ending: ending(writer, i === list.length - 1, run), host: writer.host || '', opened: writer.opened, points: each.points, lasted: from && to ? to - from : null});
      }
    });
    return rows;
  }

  function draw(details, run, again) {
    const list = details.attempts, several = list.some(one => one.rank_count > 1);
    if (list.length < 2 && !several) return null;
    const rows = bars(details, run), timed = rows.every(one => one.time), axis = timed ? by : 'step';
    const low = Math.min(...rows.map(one => one[axis][0])), high = Math.max(...rows.map(one => one[axis][2])), span = Math.max(axis === 'step' ? 1 : 1e-3, high - low), at = v => 100 * (v - low) / span;
    const colour = plot.look(run ? run.slot : 0).colour, label = v => axis === 'step' ? numbers.whole(v) : numbers.moment(v).slice(5, 16);
    const made = rows.map(one => {
      const [from, cut, to] = one[axis], step = one.step;
      const words = [`${one.ending} at ${numbers.whole(step[2])}`, one.opened && numbers.moment(one.opened).slice(5, 16), one.lasted !== null && `for ${numbers.duration(one.lasted)}`, one.host].filter(Boolean).join(' · ');
      const said = `attempt ${one.attempt}${several ? `, rank ${one.rank}` : ''}: steps ${numbers.whole(step[0])} to ${numbers.whole(step[2])}${one.replaced ? `, shown up to ${numbers.whole(step[1])}, the rest was replaced` : ', shown'}. ${words}`;
      return h('div.att', {title: said}, h('span.an', {}, one.first ? String(one.attempt) : ''), several ? h('span.an', {}, `r${one.rank}`) : null, h('span.ab', {role: 'img', 'aria-label': said},
        h('i', {style: `left:${at(from)}%;width:${Math.max(0.4, at(cut) - at(from))}%;background:${colour}`}), one.replaced && h('i.tail', {style: `left:${at(cut)}%;width:${Math.max(0, at(to) - at(cut))}%;border-color:${colour}`})), h('span.aw', {}, words));
    });
    const more = Math.max(...list.map(one => one.rank_count)) - MOST_RANKS;
    const choose = name => h('button.lk', {type: 'button', 'aria-pressed': String(axis === name), onclick: () => { by = name; again(); }}, name === 'step' ? 'Steps' : 'Time');
    const old = list.length > 1 && run && Object.keys(run.metrics || {}).length > 0 && h('button.lk', {type: 'button', id: 'older-on-charts', title: 'Older attempts dotted on the charts of this run', onclick: () => { for (const tag of Object.keys(run.metrics)) state.old.add(tag); state.go({run: run.key, tab: 'charts'}); state.changed('old'); }}, 'Older ones on the charts');
    return [h('header.pnh', {}, h('h2', {}, several ? 'Attempts and ranks' : 'Attempts'), h('span.e', {}, timed ? [choose('step'), choose('time')] : null)),
      h(`div.atts${several ? '.ranked' : ''}`, {}, made, h('div.att.axis', {}, h('span.an'), several ? h('span.an') : null, h('span.ab', {}, h('span', {}, label(low)), h('span', {}, label(high))), h('span.aw', {}, axis))),
      h('p.attnote', {}, `${list.length > 1 ? 'Solid is shown: the newest attempt from where it starts. Dashed was replaced; nothing is deleted.' : 'Ranks never cut one another.'}${more > 0 ? ` ${parts.plural(more, 'more rank')} not drawn here.` : ''} `, old || null)];
  }

  crossboard.attempts = {draw, axis: () => by, bars};
})(window);
