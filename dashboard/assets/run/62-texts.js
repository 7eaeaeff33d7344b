/* Texts of a step: markdown as elements, plain text as it is, HTML only in a frame without rights. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {fill, frame, h, markdown, numbers} = crossboard;
  const raw = new Set();   // tags that are shown as they were written

  crossboard.views.text = panel => {
    const inside = h('div.texts', {tabindex: '0', role: 'region', 'aria-label': `text of ${panel.series.tag}`}), switches = h('div.switches'), element = h('div.vtext', {}, inside, switches);
    let point = null;

    const one = (text, format) => format === 'markdown' && !raw.has(panel.series.tag) ? h('div.md', {}, markdown.nodes(text)) : format === 'html' && !raw.has(panel.series.tag) ? frame.page(text, `HTML text of ${panel.series.tag}`) : h('pre.plain', {}, text);

    function draw() {
      const {texts, shape, format} = point, grid = shape.length === 2 && shape[0] * shape[1] === texts.length && shape[1] > 1;
      if (!texts.length) fill(inside, h('p.none', {}, 'No text in this point.'));
      else if (grid) fill(inside, h('div.wide', {}, h('table.t.grid', {}, h('tbody', {}, Array.from({length: shape[0]}, (_, r) => h('tr', {}, Array.from({length: shape[1]}, (_, c) => h('td', {}, one(texts[r * shape[1] + c], format)))))))));
      else fill(inside, texts.map(text => h(`div.onetext${texts.length > 1 ? '.ruled' : ''}`, {}, text === '' ? h('p.none', {}, 'An empty text.') : one(text, format))));
      switches.hidden = format === 'plain';
      fill(switches, h('button.lk', {type: 'button', 'aria-pressed': String(raw.has(panel.series.tag)), onclick: () => { if (!raw.delete(panel.series.tag)) raw.add(panel.series.tag); draw(); }}, 'As written'));
    }

    return {
      element,
      show(next) { point = next; draw(); inside.scrollTop = 0; },
      facts: shown => [shown.format === 'html' && shown.texts.some(text => frame.quiet(text).taken) && h('span.warn', {title: 'scripts, forms and what lies outside the text are not shown'}, 'parts left out'), shown.format, shown.texts.length > 1 && `${numbers.whole(shown.texts.length)} texts`, `${numbers.whole(shown.texts.reduce((n, text) => n + text.length, 0))} characters`],
    };
  };
})(window);
