/* How the tags of a card that a person joined are told apart: the first tag as its run is drawn, each further one in another dash, from the
   fifth on in another shade; where many curves are drawn, and dashes would take too long, in shades alone. What is logged in
   a pair of directories takes further dashes for its split. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {board, h, plot} = crossboard;
  const DASHES = 4, PLAIN = 40, DASHED = 240, SPLITS = ['', 'train', 'validation', 'test'];

  const isJoined = family => Boolean(family) && family.by === 'hand';

  /** Which look, from 0, a tag has beside the others of its card. */
  function numberOf(family, tag, split = '') {
    const tags = Object.keys(family.splits), turn = Math.max(0, SPLITS.indexOf(split) - 1);
    return Math.max(0, tags.indexOf(tag)) + tags.length * turn;
  }

  /** Colour and dash of a curve of a joined card of `count` curves: {colour, dash, dashed, apart}; `apart` keeps its dash among many. */
  function look(run, tag, family, count) {
    const number = numberOf(family, tag, board.splitOf(run, tag, null)), {colour, dash} = plot.parts(run.slot);
    if (count > DASHED) return {colour: plot.shaded(colour, number), dash: [], dashed: false, apart: false};
    const made = plot.dashOf(((count > PLAIN ? 0 : dash) + number) % DASHES);
    return {colour: plot.shaded(colour, Math.floor(number / DASHES)), ...made, apart: number > 0};
  }

  /** The sample of a tag's line in the head of its card, in ink: every run has a colour of its own. */
  function sample(family, tag) {
    const number = numberOf(family, tag);
    return h(`span.dash.d${number % DASHES}${number >= DASHES ? '.shade' : ''}`, {'aria-hidden': 'true'});
  }

  /** The title of a joined card: each tag behind a sample of its line. */
  function title(family) {
    return Object.keys(family.splits).map(tag => {
      const name = tag.replace(/^=/, ''), cut = tag[0] === '=' ? 0 : name.lastIndexOf('/') + 1;
      return h('span.jt', {}, sample(family, tag), h('em', {}, name.slice(0, cut)), h('b', {}, name.slice(cut)));
    });
  }

  crossboard.joined = {isJoined, look, sample, title, DASHED};
})(window);
