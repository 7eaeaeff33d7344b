/* The comparison as one PNG: the panes as they are shown, with the names of runs and tags, the steps, and the numbers of the difference. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {compared, h, pixels, plot, shots} = crossboard;
  const MARGIN = 16, HEAD = 44, FOOT = 26, GAP = 12;

  const cut = (g, text, room) => { let t = text; while (t.length > 1 && g.measureText(t).width > room) t = t.slice(0, -2) + '…'; return t; };

  /** A canvas with all panes, at the screen's resolution. */
  function canvas() {
    const {stage} = crossboard, {holders, items} = stage, now = compared.choices(), unit = Math.min(3, devicePixelRatio || 1), wide = holders[0].px.width, high = holders[0].px.height, many = Math.min(holders.length, Math.max(1, Math.floor(4200 / wide))), rows = Math.ceil(holders.length / many);
    const made = document.createElement('canvas'), u = n => Math.round(n * unit), cell = {w: wide, h: u(HEAD) + high + u(FOOT)};
    made.width = 2 * u(MARGIN) + many * cell.w + (many - 1) * u(GAP);
    made.height = 2 * u(MARGIN) + rows * cell.h + (rows - 1) * u(GAP);
    const g = made.getContext('2d'), colours = plot.colours(), family = getComputedStyle(document.body).fontFamily;
    g.fillStyle = colours.surface; g.fillRect(0, 0, made.width, made.height);
    const write = (text, x, y, room, colour, weight = 400, size = 12) => { g.font = `${weight} ${u(size)}px ${family}`; g.fillStyle = colour; g.fillText(cut(g, text, room), x, y); };
    holders.forEach((holder, i) => {
      const x = u(MARGIN) + i % many * (cell.w + u(GAP)), y = u(MARGIN) + Math.floor(i / many) * (cell.h + u(GAP)), {what} = holder, list = what === 'difference' ? [] : what === 'both' ? [0, 1] : [what];
      if (what === 'difference') {
        write('Difference of A and B', x, y + u(14), cell.w, colours.ink, 600);
        write(now.diff === 'signed' ? `A − B, × ${now.gain}, the channel that differs most` : `|A − B|, × ${now.gain}, the channel that differs most`, x, y + u(32), cell.w, colours.ink3, 400, 11);
        write(stage.numberWords(1).map(one => typeof one === 'string' ? one : one.join(' ')).join(' · '), x, y + u(HEAD) + high + u(18), cell.w, colours.ink2, 400, 11);
      } else {
        write(list.map(k => `${shots.LETTERS[k].toUpperCase()}  ${items[k].run ? items[k].run.name : ''}`).join(what === 'both' && now.view === 'swipe' ? '  |  ' : '  over  '), x, y + u(14), cell.w, colours.ink, 600);
        write(list.map(k => `${items[k].shot.tag}${items[k].shot.number ? `, image ${items[k].shot.number + 1}` : ''}, step ${items[k].step}${items[k].film ? `, frame ${items[k].film.index + 1}` : ''}`).join(' | '), x, y + u(32), cell.w, colours.ink3, 400, 11);
        write(list.map(k => (items[k].picture && items[k].picture.caption) || '').filter(Boolean).join(' | '), x, y + u(HEAD) + high + u(18), cell.w, colours.ink2, 400, 11);
      }
      const part = document.createElement('canvas'), p = part.getContext('2d');
      part.width = cell.w; part.height = high;
      p.drawImage(holder.px, 0, 0);
      if (holder.px.style.filter) { const data = p.getImageData(0, 0, cell.w, high); pixels.toneInPlace(data.data, now.light, now.contrast); p.putImageData(data, 0, 0); }
      p.drawImage(holder.over, 0, 0);
      g.drawImage(part, x, y + u(HEAD));
    });
    return made;
  }

  async function save() {
    const blob = await new Promise((resolve, reject) => canvas().toBlob(made => made ? resolve(made) : reject(new Error('the browser made no PNG')), 'image/png'));
    const {items} = crossboard.stage, name = `${items.map(item => `${item.run ? item.run.name : 'run'}-${item.step}`).join('-').replace(/[^\w.-]+/g, '-').slice(0, 120)}-compared.png`;
    const link = h('a', {href: URL.createObjectURL(blob), download: name, hidden: true});
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    crossboard.say(`Saved ${name}`);
  }

  crossboard.comparisonPicture = {canvas, save};
})(window);
