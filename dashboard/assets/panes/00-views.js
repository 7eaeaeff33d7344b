/* The views of panes, by type, and how they count. `crossboard.paneViews[type](pane)` makes one; `pane` has `key`, `title`, `large`, `tellFacts`.

   A view has `element` and `show(members, {curves})`, which may return a promise, and may have `facts()` (words for the foot), `redraw()`
   (theme changed), `resize()`, `close()`, `frames()` and `choose(place)` (several states). A member is {env, pane, told}: the
   environment {run, name, label}, the line of the list, and what /api/pane told. A type whose `joins(members)` holds shows several
   members as one; else each member gets a view of its own, side by side. */
(root => {
  'use strict';
  root.crossboard.paneViews = {};
  root.crossboard.counted = (n, one, many = `${one}s`) => `${root.crossboard.numbers.whole(n)} ${n === 1 ? one : many}`;
})(window);
