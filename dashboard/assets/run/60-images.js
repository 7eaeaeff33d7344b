/* Images of a step: tiles that fill the panel, with boxes, class maps and captions drawn over them.

   Tiny pictures are enlarged without smoothing. The neighbours of the shown step are loaded ahead, so that the slider does not
   wait; pictures keep their URL for ever, so the browser keeps them. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {fill, frame, h, icon, plot, png, url} = crossboard, SVG = icon('close').namespaceURI;
  const masks = new Map(), KEPT_MASKS = 200;
  const layers = {boxes: true, masks: true};

  function svg(name, attributes, ...children) {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  }

  const colourOf = (names, name) => plot.look(Math.max(0, names.indexOf(name)) % 12).colour;

  /** The boxes of a picture that is drawn `scale` CSS pixels a pixel: words stay as large as other words of the page. */
  function boxesOf(picture, scale) {
    const names = [...new Set(picture.boxes.map(box => box.label || box.group))];
    return svg('svg', {viewBox: `0 0 ${picture.width} ${picture.height}`, class: 'boxes', 'aria-hidden': 'true', preserveAspectRatio: 'xMidYMid meet'}, ...picture.boxes.map(box => {
      const colour = colourOf(names, box.label || box.group), words = [box.label, box.score === null ? '' : (+box.score).toFixed(2)].filter(Boolean).join(' ');
      const size = 11 / scale, wide = (words.length * 0.6 + 0.8) * size, top = box.top - size * 1.3 >= 0 ? box.top - size * 1.3 : box.top;
      return svg('g', {}, svg('rect', {x: box.left, y: box.top, width: Math.max(0, box.width), height: Math.max(0, box.height), fill: 'none', stroke: colour, 'stroke-width': '1.5', 'vector-effect': 'non-scaling-stroke'}),
        ...(words ? [svg('rect', {x: box.left, y: top, width: wide, height: size * 1.3, fill: colour}), Object.assign(svg('text', {x: box.left + size * 0.35, y: top + size, 'font-size': size, style: 'fill:var(--cb-ink-inv)'}), {textContent: words})] : []));
    }));
  }

  /** The class map as a coloured, half transparent canvas; class 0 is left clear. */
  async function maskInto(canvas, mask) {
    if (!masks.has(mask.blob.digest)) {
      if (masks.size > KEPT_MASKS) masks.delete(masks.keys().next().value);
      masks.set(mask.blob.digest, fetch(url(mask.blob.url), {credentials: 'same-origin'}).then(answer => answer.ok ? answer.arrayBuffer() : Promise.reject(new Error(`a mask: the server said ${answer.status}`))).then(png.values));
    }
    const {width, height, values} = await masks.get(mask.blob.digest);
    canvas.width = width; canvas.height = height;
    const data = new ImageData(width, height), known = new Map();
    for (let i = 0; i < values.length; i++) {
      const one = values[i];
      if (!one) continue;
      if (!known.has(one)) { const n = parseInt(plot.look((one - 1) % 12).colour.slice(1), 16); known.set(one, [n >> 16, n >> 8 & 255, n & 255]); }
      const [r, g, b] = known.get(one);
      data.data[4 * i] = r; data.data[4 * i + 1] = g; data.data[4 * i + 2] = b; data.data[4 * i + 3] = 140;
    }
    canvas.getContext('2d').putImageData(data, 0, 0);
    return [...new Set(values)].sort((a, b) => a - b);
  }

  /** How many columns make `n` tiles of this shape largest in a box. */
  function columnsFor(n, width, height, shape) {
    let best = 1, size = 0;
    for (let columns = 1; columns <= n; columns++) {
      const rows = Math.ceil(n / columns), tile = Math.min((width - 6 * (columns - 1)) / columns, ((height - 6 * (rows - 1)) / rows) * shape);
      if (tile > size + 0.5) { size = tile; best = columns; }
    }
    return Math.max(best, Math.min(n, Math.floor(width / 400) || 1, best));
  }

  crossboard.views.image = panel => {
    const list = h('div.tiles'), switches = h('div.switches', {hidden: true}), element = h('div.vimg', {}, list, switches);
    let point = null;

    function tile(picture, number) {
      const name = picture.caption || `${panel.series.tag}, image ${number + 1}`, type = picture.blob.media_type;
      let inside;
      if (type === 'image/svg+xml') inside = frame.drawing(picture.blob.url, name);
      else if (!type.startsWith('image/')) inside = h('p.none', {}, h('a', {href: url(picture.blob.url)}, `${crossboard.parts.bytes(picture.blob.size)} of a type that is not shown`));
      else inside = h('img', {src: url(picture.blob.url), alt: name, title: `${picture.width} × ${picture.height}${picture.caption ? `\n${picture.caption}` : ''}`, decoding: 'async', draggable: 'false', onerror: () => holder.append(h('p.none', {}, 'This picture cannot be shown.'))});
      const holder = h('div.pic', {}, inside);
      holder.picture = picture;
      if (layers.masks) for (const mask of picture.masks) {
        const canvas = h('canvas.mask', {'aria-hidden': 'true'});
        holder.append(canvas);
        maskInto(canvas, mask).then(seen => {
          const names = seen.filter(one => one).map(one => [one, mask.labels[one] || String(one)]);
          if (names.length && (panel.large || point.images.length === 1)) holder.append(h('div.legend', {}, names.slice(0, 8).map(([one, words]) => h('span', {}, h('i', {style: `background:${plot.look((one - 1) % 12).colour}`}), words)), names.length > 8 ? `${names.length - 8} more` : ''));
        }, error => { canvas.remove(); holder.append(h('p.none', {}, error.message)); });
      }
      return h('figure.tile', {}, holder, picture.caption ? h('figcaption', {title: picture.caption}, picture.caption) : null);
    }

    function arrange() {
      if (!point) return;
      const n = point.images.length, {clientWidth, clientHeight} = element, shape = Math.max(0.2, Math.min(5, point.images.reduce((sum, one) => sum + one.width / Math.max(1, one.height), 0) / Math.max(1, n)));
      const captions = point.images.some(one => one.caption) ? 18 : 0, columns = columnsFor(n, Math.max(50, clientWidth - 16), Math.max(50, clientHeight - 12), shape), rows = Math.ceil(n / columns);
      list.style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`;
      const tall = Math.max(48, Math.floor((clientHeight - 12 - 6 * (rows - 1)) / rows) - captions);
      list.style.setProperty('--tall', `${tall}px`);
      for (const holder of list.querySelectorAll('.pic')) {
        const {picture} = holder, scale = Math.min(((clientWidth - 16) - 6 * (columns - 1)) / columns / picture.width, tall / picture.height), old = holder.querySelector('.boxes');
        holder.classList.toggle('coarse', scale > 2);
        if (old) old.remove();
        if (layers.boxes && picture.boxes.length && scale > 0) holder.append(boxesOf(picture, scale));
      }
    }

    function draw() {
      fill(list, point.images.length ? point.images.map(tile) : h('p.none', {}, 'No image in this point.'));
      const has = {boxes: point.images.some(one => one.boxes.length), masks: point.images.some(one => one.masks.length)};
      switches.hidden = !has.boxes && !has.masks;
      fill(switches, ['boxes', 'masks'].filter(name => has[name]).map(name => h('button.lk', {type: 'button', 'aria-pressed': String(layers[name]), onclick: () => { layers[name] = !layers[name]; draw(); }}, name[0].toUpperCase() + name.slice(1))));
      arrange();
    }

    return {
      element,
      async show(next) {
        const first = next.images.find(one => one.blob.media_type.startsWith('image/') && one.blob.media_type !== 'image/svg+xml');
        if (point && first) { const ready = new Image(); ready.src = url(first.blob.url); await ready.decode().catch(() => {}); }   // the old picture stays until the new one can be drawn
        point = next;
        draw();
      },
      ahead(next) { for (const one of next.images.slice(0, 12)) if (one.blob.media_type !== 'image/svg+xml') new Image().src = url(one.blob.url); },
      facts: shown => { const one = shown.images[0]; return [shown.images.length > 1 && `${shown.images.length} images`, one && `${one.width} × ${one.height}`]; },
      redraw: arrange,
    };
  };
})(window);
