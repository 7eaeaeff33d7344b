/* Pictures, and the slider over those that were kept. They come from the board, by version, so that each is fetched once. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {fill, h, icon, numbers, paneViews, url} = crossboard;

  paneViews.image = pane => {
    const holder = h('div.pic'), caption = h('p.pcap'), element = h('div.ppics', {}, holder, caption);
    let pictures = [], place = -1, chosen = null, shown = '';

    async function draw() {
      const one = pictures[place];
      caption.hidden = !one || !one.caption;
      caption.textContent = caption.title = one ? one.caption : '';
      if (!one) { shown = ''; fill(holder, h('p.none', {}, 'No picture.')); return; }
      if (one.error) { shown = ''; fill(holder, h('div.msg', {}, icon('alert'), h('b', {}, 'Not shown'), h('p', {}, one.error))); return; }
      if (shown === one.url) return;
      const image = h('img', {src: url(one.url), alt: one.caption || pane.title || 'picture', title: one.width ? `${one.width} × ${one.height}` : null, draggable: 'false'}), mine = shown = one.url;
      await image.decode().catch(() => {});   // the old picture stays until the new one can be drawn
      if (shown !== mine) return;
      image.addEventListener('click', event => {
        const {left, top, width, height} = image.getBoundingClientRect(), scale = Math.min(width / image.naturalWidth, height / image.naturalHeight);
        const x = (event.clientX - left - (width - image.naturalWidth * scale) / 2) / scale, y = (event.clientY - top - (height - image.naturalHeight * scale) / 2) / scale;
        if (pane.live && x >= 0 && y >= 0 && x < image.naturalWidth && y < image.naturalHeight) pane.send({event_type: 'Click', image_coord: {x, y}});
      });
      if (!image.naturalWidth && !/svg/.test(one.url)) fill(holder, h('div.msg', {}, icon('alert'), h('b', {}, 'Not shown'), h('p', {}, 'The browser could not read this picture.')));
      else fill(holder, image);
      coarse();
    }

    function coarse() {
      const image = holder.querySelector('img');
      if (image && image.naturalWidth) holder.classList.toggle('coarse', Math.min(holder.clientWidth / image.naturalWidth, holder.clientHeight / image.naturalHeight) > 2);
    }

    return {
      element,
      show([{told}]) {
        const follows = chosen === null, selected = told.options.selected;
        pictures = told.pictures;
        const last = pictures.length - 1;
        place = follows ? (Number.isInteger(selected) && selected >= 0 && selected <= last ? selected : last) : Math.min(chosen, last);
        return draw();
      },
      frames: () => pictures.length > 1 ? pictures.length : 0,
      at: () => place,
      choose(next) { place = next; chosen = next === pictures.length - 1 ? null : next; return draw(); },
      facts: () => { const one = pictures[place]; return [one && one.width > 0 && `${numbers.whole(one.width)} × ${numbers.whole(one.height)}`]; },
      resize: coarse,
    };
  };
  paneViews.image_history = paneViews.image_compare = paneViews.image;
})(window);
