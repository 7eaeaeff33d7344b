/* What happened to a run, newest first: alerts, warnings, how attempts began and ended, what was sealed, what a person changed. Each leads to its step. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {byId, fill, getJson, h, icon, numbers, parts, state} = crossboard;
  const SORTS = [['', 'All'], ['alert', 'Alerts'], ['warning', 'Warnings'], ['status', 'Status'], ['edited', 'Edits']], STATUS = ['started', 'ended', 'sealed'], SHOWN = 300, MOST = 10000;
  let events = [], sort = '', words = '', shown = SHOWN, name = '', total = 0;

  const fits = (one, of) => !of || one.what === of || (of === 'status' && STATUS.includes(one.what));
  const tone = one => one.level === 'error' ? 'bad' : one.level === 'warn' ? 'warn' : '';
  const picture = one => ({started: 'play', ended: one.level === 'error' ? 'cross' : 'check', sealed: 'folder', edited: 'pencil', warning: 'alert'})[one.what] || (one.level === 'info' ? 'flag' : 'alert');

  /** Where an event leads: its tag's chart around its step. */
  function link(one) {
    if (one.step === null) return null;
    return h('button.lk.plainlk', {type: 'button', title: one.tag ? `The chart of ${one.tag} around this step` : 'The charts', onclick: () => crossboard.run.chart(one.tag, one.step)}, `step ${numbers.whole(one.step)}`);
  }

  function list() {
    const place = byId('event-list');
    if (!place) return;
    const found = events.filter(one => fits(one, sort) && (!words || crossboard.view.matches(words, `${one.title} ${one.text} ${one.tag} ${one.what}`))).reverse(), ranks = events.some(one => one.rank), attempts = new Set(events.map(one => one.attempt)).size > 1;
    byId('event-count').textContent = found.length < events.length ? `${numbers.whole(found.length)} of ${parts.plural(events.length, 'event')}` : parts.plural(total, 'event');
    for (const button of byId('event-sorts').children) button.setAttribute('aria-pressed', String(button.dataset.sort === sort));
    if (!found.length) { fill(place, h('p.none', {}, events.length ? 'No event fits.' : 'Nothing happened yet.', !events.some(one => one.what === 'alert') && (sort === 'alert' || !events.length) ? [' Raise one from the training: ', h('code', {}, 'run.alert("loss is high", level="warn", step=step)'), '.'] : null)); return; }
    fill(place, found.slice(0, shown).map(one => h('div.find1.ev', {}, h(`span.st${tone(one) ? `.${tone(one)}` : ''}`, {title: one.level}, icon(picture(one))), h('div.grow', {}, h('div.ft', {}, one.title), one.text ? h('div.dim.fx', {}, one.text) : null),
      h('div.evwhere', {}, link(one), one.tag ? h('span.dim.trunc', {title: one.tag}, one.tag) : null), h('div.evwhen', {}, h('span', {}, Number.isFinite(one.wall_time) ? numbers.moment(one.wall_time) : ''), h('span.dim', {}, [attempts && one.attempt ? `attempt ${one.attempt}` : '', ranks ? `rank ${one.rank}` : ''].filter(Boolean).join(', '))))),
    found.length > shown && h('div.row.evmore', {}, h('button.btn', {type: 'button', onclick: () => { shown += SHOWN; list(); }}, `Show ${numbers.whole(Math.min(SHOWN, found.length - shown))} more`)), total > events.length && h('p.none', {}, `The newest ${numbers.whole(events.length)} of ${numbers.whole(total)} are here; /api/log has them all.`));
  }

  async function show(body, details, run, fresh) {
    const one = {...details.run, ...(run || {})}, now = JSON.stringify([state.run, details.alerts, details.warnings, details.edits, details.sealed.length, details.writers_in_all, details.writers.map(w => w.status), one.status]);
    if (fresh || !byId('event-list')) {
      name = ''; shown = SHOWN; words = ''; sort = '';
      fill(body, h('div.pnbar.stay', {}, h('input.find', {id: 'event-find', type: 'search', placeholder: 'Filter events', 'aria-label': 'Filter events', autocomplete: 'off', spellcheck: 'false', oninput: event => { words = event.target.value.trim(); list(); }}),
        h('span.row', {id: 'event-sorts', role: 'group', 'aria-label': 'which events'}, SORTS.map(([id, text]) => h('button.lk', {type: 'button', 'data-sort': id, onclick: () => { sort = id; shown = SHOWN; list(); }}, text, ' ', h('span.n.dim')))), h('span.grow'), h('span.dim', {id: 'event-count', role: 'status'})),
      h('section.card', {'aria-label': 'events'}, h('div', {id: 'event-list'})));
    }
    if (now === name) return;
    const mine = state.run, answer = await getJson(`api/log?${new URLSearchParams({run: mine, what: 'all', limit: MOST})}`).catch(error => ({error}));
    if (state.run !== mine || !byId('event-list')) return;
    if (answer.error) { fill(byId('event-list'), h('p.none.bad', {}, answer.error.message)); return; }
    name = now;
    events = answer.events;
    total = answer.total;
    for (const button of byId('event-sorts').children) { const n = events.filter(each => fits(each, button.dataset.sort)).length; button.querySelector('.n').textContent = n ? numbers.whole(n) : ''; }
    list();
  }

  crossboard.runTabs.events = {show, leave: () => { events = []; name = ''; }};
})(window);
