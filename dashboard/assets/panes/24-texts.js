/* Text panes. What Visdom calls text is any HTML: it is shown only inside a frame without rights. Sounds and videos, which Visdom
   keeps as HTML too, were recovered when they were read and are played by the browser's own players. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {Series, fill, frame, h, paneViews, plot} = crossboard;
  const OWN_LOOK = /<(svg|table|img|font|style|canvas)\b|\bstyle\s*=|\b(bg)?color\s*=/i;

  /** Colours for a text that names none of its own; null for one that was made for white paper. */
  function colours(html) {
    if (OWN_LOOK.test(html)) return null;
    const c = plot.colours();
    return {surface: c.surface, ink: c.ink, scheme: document.documentElement.getAttribute('data-mantine-color-scheme') === 'dark' ? 'dark' : 'light'};
  }

  paneViews.text = pane => {
    const element = h('div.ptext');
    let member = null, player = null, taken = 0, shown = null;

    const media = told => ['audio', 'video'].find(kind => told.kinds[kind]);

    function text(content) {
      player = null;
      taken = frame.quiet(content).taken;
      shown = content;
      const look = colours(content);
      element.classList.toggle('themed', Boolean(look));
      fill(element, content === '' ? h('p.none', {}, 'An empty text.') : frame.page(content, `text of ${pane.title || 'a pane'}`, look));
    }

    async function play(kind) {
      const series = new Series(member.env.run, kind, member.told.tag);
      await series.refresh();
      const point = await series.content(series.total - 1);
      player = crossboard.views[kind]({series, large: pane.large});
      fill(element, player.element);
      player.show(point);
      shown = null;
    }

    return {
      element,
      async show([next]) {
        member = next;
        const {told} = next, kind = media(told);
        if (kind) { await play(kind); return; }
        const content = typeof told.content === 'string' ? told.content : JSON.stringify(told.content, null, 1);
        if (content !== shown) text(content);
      },
      facts: () => [taken > 0 && h('span.warn', {title: 'scripts, forms and what lies outside the text are not shown'}, 'parts left out'), shown !== null && crossboard.counted(shown.length, 'character')],
      redraw() { if (shown !== null) text(shown); },
      close() { if (player && player.close) player.close(); },
    };
  };
})(window);
