/* The page of figures: the figures of a tag with one range, and the whole range again. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {choices, h} = crossboard;
  let own = null;

  /** The whole range again of the figure in focus or under the pointer, else of all. */
  function reset() {
    const one = crossboard.kinds.current();
    for (const tile of one ? [one] : crossboard.kinds.tiles()) if (tile.view && tile.view.reset) tile.view.reset();
  }

  function bar(place) {
    const link = h('button.btn', {type: 'button', id: 'figures-link', title: 'The figures of a tag have one range: zoom one, and all follow (L)', onclick: () => choices.set('link', choices.get('link') ? '' : '1')}, 'Linked ranges');
    place.append(link, h('button.lk', {type: 'button', title: 'The whole range of all figures (Z)', onclick: () => crossboard.kinds.tiles().forEach(tile => { if (tile.view && tile.view.reset) tile.view.reset(); })}, 'Whole range'));
    own = {show: () => link.setAttribute('aria-pressed', String(choices.get('link') === '1'))};
    own.show();
  }

  crossboard.kindTools = crossboard.kindTools || {};
  crossboard.kindTools.figures = {
    bar,
    chosen() { if (own) own.show(); return false; },
    keys: () => [['L', 'One range for the figures of a tag, or each its own', () => choices.set('link', choices.get('link') ? '' : '1')], ['Z', 'The whole range of the figure in focus, else of all', reset], ['+ −', 'Picture in focus: nearer, farther; 0: all of it; the arrow keys move it', null]],
    leave() { own = null; },
  };
})(window);
