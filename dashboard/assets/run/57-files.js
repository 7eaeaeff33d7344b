/* Files that the page makes by itself: CSV of what is shown, pictures, JSON. */
(root => {
  'use strict';
  const crossboard = root.crossboard = root.crossboard || {};

  /** Rows of values -> CSV (RFC 4180, but lines end with a line feed). No number, NaN among them, is changed; nothing is an empty field. */
  function csv(rows) {
    const cell = value => { const text = value === null || value === undefined ? '' : String(value); return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text; };
    return rows.map(row => row.map(cell).join(',') + '\n').join('');
  }

  /** A file's name from words: letters, figures, dots and hyphens, at most 120. */
  const named = (words, ending) => `${words.replace(/[^\w.-]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 120) || 'crossboard'}.${ending}`;

  crossboard.files = {csv, named};
  if (typeof window === 'undefined') return;
  const {h} = crossboard;

  /** Hand `content` (a text or a Blob) to the browser's downloads. */
  function save(name, content, type = 'text/csv') {
    const blob = content instanceof Blob ? content : new Blob([content], {type}), link = h('a', {href: URL.createObjectURL(blob), download: name, hidden: true});
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    crossboard.say(`Saved ${name}`);
  }

  crossboard.files.save = save;
})(typeof window === 'undefined' ? globalThis : window);
