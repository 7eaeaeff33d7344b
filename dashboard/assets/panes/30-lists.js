/* Panes that are lists: properties, which can be set where a program listens, experiments, and whatever type is not known, as its JSON. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {fill, h, icon, numbers, paneEvents, paneViews} = crossboard;
  const MOST_ROWS = 1000, MOST_JSON = 20000;

  const words = value => value === null || value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);

  /** What a property is set to, read only. */
  function value(one) {
    if (one.type === 'checkbox') return h('span.row', {}, icon(one.value ? 'check' : 'cross', true), one.value ? 'on' : 'off');
    if (one.type === 'button') return h('span.tag', {}, words(one.value) || 'button');
    if (one.type === 'select') return h('span', {title: (Array.isArray(one.values) ? one.values : []).map(words).join(', ')}, words(Array.isArray(one.values) ? one.values[one.value] : one.value), h('span.dim', {}, ` of ${Array.isArray(one.values) ? one.values.length : 0}`));
    return words(one.value) || h('span.dim', {}, 'empty');
  }

  const row = (name, ...inside) => h('div.kv', {}, h('dt', {}, name), h('dd', {}, inside));

  paneViews.properties = pane => {
    const element = h('div.plist', {tabindex: '0', role: 'region', 'aria-label': `properties ${pane.title}`});
    let n = 0;
    return {
      element,
      show([{told}]) {
        const list = (Array.isArray(told.content) ? told.content : []).filter(one => one && typeof one === 'object');
        n = list.length;
        fill(element, n ? h('dl.kvs', {}, list.map((one, i) => row(words(one.name) || `property ${i + 1}`, (pane.live && paneEvents.control(one, words(one.name) || `property ${i + 1}`, set => pane.send({event_type: 'PropertyUpdate', propertyId: i, value: set}))) || value(one)))) : h('p.none', {}, 'No properties.'));
      },
      facts: () => [crossboard.counted(n, 'property', 'properties')],
    };
  };

  paneViews.experiment = pane => {
    const element = h('div.plist', {tabindex: '0', role: 'region', 'aria-label': `experiment ${pane.title}`});
    let n = 0;
    return {
      element,
      show([{told}]) {
        const one = told.content && typeof told.content === 'object' && !Array.isArray(told.content) ? told.content : {}, listed = name => (Array.isArray(one[name]) ? one[name] : []).filter(Boolean);
        const metrics = listed('metrics'), time = seconds => Number.isFinite(seconds) ? numbers.moment(seconds) : 'not known';
        n = metrics.length;
        fill(element,
          h('dl.kvs', {}, one.name ? row('Name', words(one.name)) : null, one.description ? row('Description', words(one.description)) : null, row('Status', words(one.status) || 'not known'), row('Began', time(one.created_at)), one.finished_at ? row('Ended', time(one.finished_at)) : null,
            listed('tags').map(tag => row(words(tag.key), words(tag.value)))),
          listed('params').length ? [h('h3.kg', {}, 'Parameters'), h('dl.kvs', {}, listed('params').map(param => row(words(param.key), words(param.value))))] : [],
          metrics.length ? [h('h3.kg', {}, 'Metrics'), h('table.t', {}, h('thead', {}, h('tr', {}, h('th', {}, 'Metric'), h('th.num', {}, 'Step'), h('th.num', {}, 'Value'))),
            h('tbody', {}, metrics.slice(-MOST_ROWS).map(metric => h('tr', {}, h('td', {}, words(metric.key)), h('td.num', {}, words(metric.step)), h('td.num', {}, Number.isFinite(metric.value) ? numbers.value(metric.value) : words(metric.value))))))] : []);
      },
      facts: () => [n > MOST_ROWS ? `the newest ${numbers.whole(MOST_ROWS)} of ${numbers.whole(n)} metrics` : crossboard.counted(n, 'metric')],
    };
  };

  paneViews.unknown = pane => {
    const element = h('div.plist', {tabindex: '0', role: 'region', 'aria-label': `content of ${pane.title || 'a pane'}`});
    let size = 0;
    return {
      element,
      show([{told}]) {
        const text = JSON.stringify(told.content, null, 2) || '';
        size = text.length;
        fill(element, h('p.note', {}, `Panes of type “${told.type}” are not drawn here. This is what it holds.`), h('pre.plain', {}, text.slice(0, MOST_JSON)));
      },
      facts: () => [size > MOST_JSON ? `the first ${numbers.whole(MOST_JSON)} of ${numbers.whole(size)} characters` : crossboard.counted(size, 'character')],
    };
  };
})(window);
