/* A logged table: rows in pages, numbers to the right, pictures and sounds in their cells. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {fill, h, icon, numbers, url} = crossboard;
  const ROWS = 100, ROWS_LARGE = 1000;
  const isNumber = type => /^(u?int|float|double|halffloat|decimal)/.test(type);

  /** The blobs anywhere in a media cell. */
  function blobs(value) {
    if (!value || typeof value !== 'object') return [];
    if (value.url && value.digest) return [value];
    return Object.values(value).flatMap(blobs);
  }

  function media(value, name) {
    if (value === null) return h('span.dim', {}, 'none');
    if (value.error) return h('span.bad', {title: value.error}, 'damaged');
    const found = blobs(value), caption = value.caption || '';
    if (!found.length) return h('span', {}, JSON.stringify(value));
    return h('span.cellmedia', {}, found.slice(0, 6).map(blob => blob.media_type.startsWith('image/') && blob.media_type !== 'image/svg+xml' ? h('img', {src: url(blob.url), alt: caption || name, loading: 'lazy', title: caption})
      : blob.media_type.startsWith('audio/') ? h('audio', {controls: true, preload: 'none', src: url(blob.url), 'aria-label': caption || name})
        : blob.media_type.startsWith('video/') ? h('video', {controls: true, preload: 'metadata', muted: true, src: url(blob.url), 'aria-label': caption || name})
          : h('a', {href: url(blob.url), download: ''}, `Save ${crossboard.parts.bytes(blob.size)}`)), caption ? h('span.dim', {}, caption) : null);
  }

  function cell(value, column) {
    if (column.media) return h('td', {}, media(value, column.name));
    if (value === null) return h('td.dim', {class: isNumber(column.type) ? 'num dim' : 'dim'}, 'none');
    if (isNumber(column.type)) { const n = +value; return h('td.num', {title: String(value)}, typeof value === 'string' && Number.isInteger(n) && Math.abs(n) > 2 ** 53 ? value : Number.isInteger(n) ? numbers.whole(n) : numbers.value(n)); }
    const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
    return h('td', {title: text.length > 60 ? text.slice(0, 1000) : null}, h('span.trunc', {}, text.slice(0, 500)));
  }

  crossboard.views.table = panel => {
    const holder = h('div.tablebox', {tabindex: '0', role: 'region', 'aria-label': `table ${panel.series.tag}`}), pages = h('div.switches'), element = h('div.vtable', {}, holder, pages), size = panel.large ? ROWS_LARGE : ROWS;
    let place = -1, offset = 0, told = null;

    async function read() {
      const mine = place;
      const answer = await panel.series.more('table', mine, {offset, limit: size});
      if (mine !== place) return;
      told = answer;
      const end = offset + answer.rows.length;
      fill(holder, answer.columns.length ? h('table.t', {}, h('thead', {}, h('tr', {}, h('th.num.rown', {}, 'Row'), answer.columns.map(column => h(isNumber(column.type) && !column.media ? 'th.num' : 'th', {title: column.type}, column.name)))),
        h('tbody', {}, answer.rows.map((row, i) => h('tr', {}, h('td.num.dim', {}, numbers.whole(offset + i)), row.map((value, c) => cell(value, answer.columns[c])))))) : h('p.none', {}, 'A table without columns.'));
      if (answer.columns.length && !answer.total) holder.append(h('p.none', {}, 'No rows.'));
      holder.scrollTop = 0;
      pages.hidden = answer.total <= size;
      const go = by => { offset = Math.max(0, offset + by * size); read().catch(error => panel.fail(error)); };
      fill(pages, h('button.ib.sm', {type: 'button', 'aria-label': 'Earlier rows', disabled: offset === 0, onclick: () => go(-1)}, icon('left', true)), h('span.dim', {}, `rows ${numbers.whole(offset)} to ${numbers.whole(end - 1)}`), h('button.ib.sm', {type: 'button', 'aria-label': 'Later rows', disabled: end >= answer.total, onclick: () => go(1)}, icon('right', true)));
      panel.tellFacts();
    }

    return {
      element,
      async show(point, at) { place = at; offset = 0; await read(); },
      facts: point => [`${numbers.whole(point.rows)} ${point.rows === 1 ? 'row' : 'rows'}, ${point.columns.length} columns`, told && told.total > size && `${numbers.whole(size)} a page`],
    };
  };
})(window);
