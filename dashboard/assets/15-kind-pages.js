/* The pages of kinds: which there are, and of which kinds each is.

   {page, title, kinds, noun, key}: `page` is its name in the URL (page=images), `noun` what one thing on it is called, `key` the letter that
   opens it after G. How a thing of a kind is logged stands in run/49-kinds.js. */
(root => {
  'use strict';
  const crossboard = root.crossboard = root.crossboard || {};

  const PAGES = [
    {page: 'images', title: 'Images', kinds: ['image', 'video'], noun: 'image', key: 'I'},
    {page: 'text', title: 'Text', kinds: ['text'], noun: 'text', key: 'X'},
    {page: 'tables', title: 'Tables', kinds: ['table'], noun: 'table', key: 'T'},
    {page: 'audio', title: 'Audio', kinds: ['audio'], noun: 'sound', key: 'A'},
    {page: 'curves', title: 'Curves', kinds: ['pr_curve', 'confusion_matrix'], noun: 'curve', key: 'U'},
    {page: 'figures', title: 'Figures', kinds: ['figure'], noun: 'figure', key: 'F'},
    {page: 'points', title: 'Embeddings', kinds: ['embedding', 'mesh'], noun: 'cloud of points', key: 'E'},
    {page: 'tensors', title: 'Tensors', kinds: ['tensor'], noun: 'tensor', key: 'N'},
  ];
  const byName = new Map(PAGES.map(one => [one.page, one]));

  crossboard.kindPages = {all: PAGES, of: page => byName.get(page) || null};
})(typeof window === 'undefined' ? globalThis : window);
