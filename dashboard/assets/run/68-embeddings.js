/* Embeddings: principal components, t-SNE or UMAP, in two or three dimensions, coloured and labelled by metadata.

   What is chosen is the same for all embeddings of a page (`marked.own`): dim, axes, method, setting, most, colour, label, off, search,
   regex, tool, sprites, linked, k, metric, and what is marked. The bar over them is in 72-point-tools.js. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {Cloud, Scene, columns, failure, fill, h, handle, marked, numbers, oncePerFrame, plot, ramp, reducing, space, state, stats, url} = crossboard, {own} = marked;
  const LABELS = 48, TRIED = 4000, SPRITES = 300, NEAR = 14, MOST = '20000', METHODS = ['pca', 'tsne', 'umap'], SETTINGS = {tsne: 30, umap: 15}, STRIDE = 7919;

  const rgb = hex => { const n = parseInt(hex.slice(1), 16); return [n >> 16, n >> 8 & 255, n & 255]; };
  const isDeep = () => own('dim') === '3';
  const method = () => METHODS.includes(own('method')) ? own('method') : 'pca';
  const off = () => new Set(own('off').split('~').filter(Boolean).map(word => { try { return decodeURIComponent(word); } catch { return word; } }));

  /** Which components are the axes: three different ones of ten. */
  function axes() {
    const list = own('axes').split(',').map(Number);
    return list.length === 3 && list.every(v => Number.isInteger(v) && v >= 1 && v <= 10) && new Set(list).size === 3 ? list : [1, 2, 3];
  }

  /** The parameters of /api/embedding and /api/reduction that the choices mean. */
  function request() {
    const name = method();
    if (name === 'pca') return {axes: axes().slice(0, isDeep() ? 3 : 2).map(v => v - 1).join()};
    const setting = Math.max(2, Math.min(500, Math.round(+own('setting')) || SETTINGS[name]));
    return {method: name, dimensions: isDeep() ? '3' : '2', setting: String(setting), most: /^\d{3,6}$/.test(own('most')) ? own('most') : MOST};
  }

  async function read(series, place) {
    stats.requests++;
    const answer = await fetch(url(`api/embedding?${series.query({place, ...request()})}`), {headers: {Accept: 'application/vnd.crossboard.columns'}, credentials: 'same-origin'});
    if (!answer.ok) throw await failure(answer);
    return new Cloud(columns.open(await answer.arrayBuffer()));
  }

  crossboard.views.embedding = panel => {
    const canvas = h('canvas', {role: 'img', tabindex: '0'}), tip = h('div.read', {'aria-hidden': 'true'}), cover = h('div.cover', {hidden: true, role: 'status'}), legend = h('div.legend.flow', {role: 'group', 'aria-label': 'legend'}), element = h('div.vemb', {}, h('div.ec', {}, canvas, tip, cover), legend);
    const scene = new Scene(), cameras = {deep: new space.Camera(), flat: new space.Camera(true)};
    const view = {series: panel.series, panel, place: -1, cloud: null, request, ready: () => { load().catch(fail); }, draw: () => paint(), camera, screen, compute: () => computing.start(), canvas};
    const computing = reducing(view, cover);
    let painted = null, seen = null, found = null, told = '', looks = '', sheet = null, sheetOf = '', hovered = null, moving = false, closed = false, near = [];

    function camera() { return own('linked') ? marked.cameras[isDeep() ? 'embedding' : 'flat'] : cameras[isDeep() ? 'deep' : 'flat']; }
    const linked = one => one && view.cloud && one.n === view.cloud.n ? one : null;

    const fail = error => { if (!closed) panel.fail(error); };

    /* ---- reading */
    async function load() {
      const place = view.place, asked = JSON.stringify(request()), name = `${place}|${asked}`;
      computing.close();
      let cloud;
      try { cloud = await read(panel.series, place); } catch (error) {
        if (error.status !== 409 || method() === 'pca') throw error;
        if (place !== view.place || closed) return;
        told = name; view.cloud = null; scene.close(); found = seen = null;
        fill(legend); paint();
        await computing.ask();
        return;
      }
      if (place !== view.place || asked !== JSON.stringify(request()) || closed) return;
      told = name;
      view.cloud = cloud;
      found = seen = null; looks = '';
      scene.set({positions: cloud.positions});
      const {sprite} = cloud.head;
      if (sprite && sheetOf !== sprite.blob.digest) { sheetOf = sprite.blob.digest; sheet = new Image(); sheet.onload = () => paint(); sheet.src = url(sprite.blob.url); } else if (!sprite) sheet = null;
      dress();
      panel.tellFacts();
      marked.tell('read');
    }

    /** Something was chosen. */
    function chosen() {
      if (view.place < 0 || panel.shownPlace < 0) return;
      if (told !== `${view.place}|${JSON.stringify(request())}`) load().catch(fail);
      else dress();
    }

    /* ---- colours and marks */
    function colourOf() { const name = own('colour'); return name === '-' ? null : view.cloud.column(name) || view.cloud.likely; }

    function dress() {
      const {cloud} = view;
      if (!cloud) return;
      const column = colourOf(), name = `${column ? column.name : ''}|${document.documentElement.dataset.mantineColorScheme}`, c = plot.colours();
      if (!painted || looks !== name) {
        looks = name;
        painted = cloud.paint(column, {palette: c.runs.map(rgb), ramp: ramp.rgb, other: rgb(c.ink3)});
        if (painted.kind === 'one' && panel.run) for (let i = 0, tint = rgb(plot.look(panel.run.slot).colour); i < cloud.n; i++) painted.rgba.set(tint, 4 * i);
        scene.set({colours: painted.rgba});
      }
      explain(column);
      mark();
    }

    function explain(column) {
      const out = off();
      if (painted.kind === 'numbers') { fill(legend, h('span.dim', {}, column.name), h('span', {}, numbers.value(painted.low)), h('span.scale', {style: `background:linear-gradient(90deg,${[0.22, 0.48, 0.74, 1].map(ramp.css).join()})`}), h('span', {}, numbers.value(painted.high))); return; }
      if (painted.kind !== 'classes') { fill(legend); return; }
      const colours = plot.colours().runs, held = document.activeElement && legend.contains(document.activeElement) ? document.activeElement.dataset.word : null;
      fill(legend, h('span.dim', {}, column.name), painted.list.slice(0, 60).map(({word, n}, i) => h('button.lk', {type: 'button', 'data-word': word, 'aria-pressed': String(!out.has(word)), title: `${word}: ${numbers.whole(n)} rows; hide or show`, onclick: () => {
        const now = off();
        if (!now.delete(word)) now.add(word);
        state.choose('off', [...now].map(encodeURIComponent).join('~'));
      }}, h('i', {style: `background:${colours[i % colours.length]}`}), h('span.trunc', {}, word || 'empty'))), painted.unknown > 0 && h('span.dim', {}, `${numbers.whole(painted.unknown)} not known`),
      painted.list.length > 60 && h('span.dim', {}, `${numbers.whole(painted.list.length - 60)} more`), painted.repeats && h('span.dim', {}, 'colours repeat'));
      if (held !== null) for (const button of legend.querySelectorAll('button')) if (button.dataset.word === held) button.focus({preventScroll: true});
    }

    /** A byte a row: hidden, faint, plain or strong. */
    function mark() {
      const {cloud} = view, flags = new Uint8Array(cloud.n), out = off(), selection = linked(marked.selected()), text = own('search'), alone = selection && own('alone');
      const name = `${text}|${own('regex')}`;
      if (!text) found = null; else if (!found || found.name !== name) found = {name, ...cloud.search(text, Boolean(own('regex')))};
      view.found = found;
      const chosenRows = selection && new Uint8Array(cloud.n), hides = painted.kind === 'classes' && out.size ? painted.list.map(one => out.has(one.word)) : null;
      if (selection) for (const row of selection.rows) chosenRows[row] = 1;
      for (let i = 0; i < cloud.n; i++) {
        if (!cloud.finite[i] || (hides && hides[painted.of[i]]) || (alone && !chosenRows[i])) continue;
        flags[i] = found && !found.error ? found.hit[i] && (!selection || alone || chosenRows[i]) ? 3 : 1 : selection && !alone ? chosenRows[i] ? 3 : 1 : 2;
      }
      scene.set({flags});
      view.flags = flags;
      neighbours();
      paint();
    }

    function neighbours() {
      const pick = linked(marked.picked());
      near = [];
      if (!pick) return;
      const answer = marked.neighbours(view, pick.row);
      if (answer.rows) near = answer.rows.slice(0, marked.k()); else answer.catch(() => {});
    }

    /* ---- drawing */
    /** Where every point falls, kept until something moves. */
    function screen() {
      const width = canvas.clientWidth, height = canvas.clientHeight, matrix = camera().matrix(width, height, view.cloud.extent), name = `${matrix.join()}|${width}|${height}`;
      if (!seen || seen.name !== name) seen = {name, matrix, at: space.projected(matrix, width, height, view.cloud.positions, view.cloud.n, seen ? seen.at : undefined)};
      return seen;
    }

    const paint = oncePerFrame(() => {
      if (closed || !canvas.isConnected) return;
      const {cloud} = view, width = canvas.clientWidth, height = canvas.clientHeight, g = plot.prepare(canvas, width, height), c = plot.colours();
      if (!cloud || !width || !height) return;
      const eye = camera(), matrix = eye.matrix(width, height, cloud.extent), size = (cloud.shown > 50000 ? 2.2 : cloud.shown > 4000 ? 3 : cloud.shown > 800 ? 4.2 : 5.6) * Math.min(3, Math.max(1, eye.zoom ** 0.4));
      if (!cloud.shown) { g.fillStyle = c.ink3; g.textAlign = 'center'; g.fillText('no finite vector', width / 2, height / 2); describe(); return; }
      axesLines(g, width, height, matrix, c);
      scene.draw(g, width, height, {matrix, turning: eye.axes(), mode: 'points', size, alpha: cloud.shown > 2000 ? 0.62 : 0.85, deep: isDeep(), sharp: !moving});
      if (sheet && sheet.complete && sheet.naturalWidth && own('sprites') !== 'off') pictures(g, width, height, eye);
      const pick = linked(marked.picked());
      if (own('label') || pick || near.length || hovered !== null) words(g, width, height, pick, c);
      if (hand.path()) frame(g, hand.path(), c);
      describe();
      stats.painted = (stats.painted || 0) + 1;
    });

    /** The directions of the components through the mean of the vectors. */
    function axesLines(g, width, height, matrix, c) {
      const zero = view.cloud.middle.map(v => -v / view.cloud.radius), ends = [];
      for (let k = 0; k < (isDeep() ? 3 : 2); k++) for (const end of [-1.2, 1.2]) { const at = [...zero]; at[k] = end; ends.push(...at); }
      const at = space.projected(matrix, width, height, Float32Array.from(ends), ends.length / 3);
      g.strokeStyle = c.grid; g.lineWidth = 1; g.beginPath();
      for (let i = 0; i < at.length; i += 4) { g.moveTo(at[i], at[i + 1]); g.lineTo(at[i + 2], at[i + 3]); }
      g.stroke();
    }

    /** The sprite of each point, where few enough are in sight. */
    function pictures(g, width, height, eye) {
      const {cloud} = view, {at} = screen(), [w, high] = cloud.head.sprite_size, across = Math.floor(sheet.naturalWidth / w), list = [];
      if (!(w > 0 && high > 0) || !across) return;
      for (let i = 0; i < cloud.n && list.length <= SPRITES; i++) if (view.flags[i] > 1 && at[2 * i] > -w && at[2 * i] < width + w && at[2 * i + 1] > -high && at[2 * i + 1] < height + high) list.push(i);
      if (list.length > SPRITES) return;
      const side = Math.max(14, Math.min(72, 20 * Math.sqrt(eye.zoom))), wide = side * w / Math.max(w, high), tall = side * high / Math.max(w, high);
      g.imageSmoothingEnabled = side < Math.max(w, high);
      for (const i of list) { const y = Math.floor(i / across) * high; if (y + high <= sheet.naturalHeight) g.drawImage(sheet, i % across * w, y, w, high, at[2 * i] - wide / 2, at[2 * i + 1] - tall / 2, wide, tall); }
    }

    /** Labels, few and none over another: the picked row and its neighbours first. */
    function words(g, width, height, pick, c) {
      const {cloud} = view, {at} = screen(), column = cloud.column(own('label')), taken = [], ring = (i, r, colour) => { g.strokeStyle = colour; g.lineWidth = 2; g.beginPath(); g.arc(at[2 * i], at[2 * i + 1], r, 0, 6.2832); g.stroke(); };
      g.textAlign = 'left'; g.textBaseline = 'middle'; g.lineJoin = 'round';
      const put = (i, strong) => {
        const x = at[2 * i], y = at[2 * i + 1];
        if (!(x > -4 && x < width + 4 && y > 2 && y < height - 2)) return false;
        const word = column ? column.text(i) : strong ? `${i}` : '', text = word.length > 32 ? `${word.slice(0, 31)}…` : word;
        if (!text) return false;
        const wide = g.measureText(text).width, left = x + 8 + wide > width ? x - 8 - wide : x + 8, box = [left - 3, y - 7, left + wide + 3, y + 7];
        if (!strong && taken.some(one => one[0] < box[2] && one[2] > box[0] && one[1] < box[3] && one[3] > box[1])) return false;
        taken.push(box);
        g.strokeStyle = c.surface; g.lineWidth = 3; g.strokeText(text, left, y);
        g.fillStyle = strong ? c.ink : c.ink2; g.fillText(text, left, y);
        return true;
      };
      for (const i of near) if (view.flags[i]) ring(i, 5, c.ink2);
      if (pick && view.flags[pick.row]) { ring(pick.row, 7, c.focus); put(pick.row, true); }
      if (hovered !== null && view.flags[hovered]) ring(hovered, 6, c.ink);
      let drawn = 0;
      for (const i of near) if (view.flags[i] && drawn < LABELS && put(i, false)) drawn++;
      if (!column) return;
      const strongOnly = found || linked(marked.selected());
      for (let tried = 0, i = 0; tried < Math.min(cloud.n, moving ? TRIED / 4 : TRIED) && drawn < LABELS; tried++, i = (i + STRIDE) % cloud.n) if (view.flags[i] > (strongOnly ? 2 : 1) && put(i, false)) drawn++;
    }

    function frame(g, path, c) {
      g.beginPath();
      path.forEach(([x, y], i) => { if (i) g.lineTo(x, y); else g.moveTo(x, y); });
      g.closePath();
      g.fillStyle = c.focusSoft; g.fill();
      g.strokeStyle = c.focus; g.lineWidth = 1; g.stroke();
    }

    function describe() {
      const {cloud} = view, name = method() === 'pca' ? `components ${cloud.head.axes.map(v => v + 1).join(' and ')}` : cloud.head.methods[method()].name;
      canvas.setAttribute('aria-label', `${cloud.shown} of ${cloud.head.rows} vectors, ${name}${found ? `, ${found.count} found` : ''}; arrow keys ${isDeep() ? 'turn' : 'move'}, plus and minus enlarge, 0 resets`);
    }

    /* ---- pointing */
    function nearest(x, y) {
      if (!view.cloud || x < 0) return null;
      const {at} = screen();
      let best = null, far = NEAR * NEAR;
      for (let i = 0; i < view.cloud.n; i++) { if (!view.flags[i]) continue; const d = (at[2 * i] - x) ** 2 + (at[2 * i + 1] - y) ** 2; if (d < far) { far = d; best = i; } }
      return best;
    }

    let pointed = null;
    const point = oncePerFrame(() => {
      const row = pointed && nearest(...pointed), {cloud} = view;
      if (row === hovered || !cloud) return;
      hovered = row;
      tip.textContent = row === null ? '' : [`row ${numbers.whole(row)}`, ...cloud.columns.slice(0, 4).map(column => `${column.name} ${column.text(row)}`)].join(' · ');
      paint();
    });

    const hand = handle(canvas, {
      camera, large: () => panel.large, tool: () => own('tool') || 'move',
      draw(yes) { moving = yes; if (own('linked')) marked.tell('moved'); else paint(); },
      settled() { moving = false; paint(); if (own('linked')) state.choose('look', camera().moved ? camera().format() : ''); },
      hover(x, y) { pointed = [x, y]; point(); },
      picked(x, y) { const row = nearest(x, y), pick = linked(marked.picked()); if (row !== null) marked.pick(view, pick && pick.row === row ? null : row); else if (pick) marked.pick(view, null); },
      framed(path) {
        if (!view.cloud) return;
        const {at} = screen(), rows = [];
        for (let i = 0; i < view.cloud.n; i++) if (view.flags[i] && space.inside(path, at[2 * i], at[2 * i + 1])) rows.push(i);
        marked.select(view, rows);
      },
    });
    view.chosen = chosen;
    view.marked = () => { if (view.cloud && painted) { neighbours(); mark(); } };
    marked.views.add(view);

    return {
      element,
      async show(point, at) { view.place = at; await load(); },
      facts: () => {
        const {cloud} = view;
        if (!cloud) return [];
        const {head} = cloud;
        const rows = numbers.whole(head.rows), why = head.method === 'pca' ? `principal components ${head.axes.map(v => v + 1).join(', ')}${head.exact ? '' : ', nearly exact'}` : '';
        return [head.told < head.rows ? h('span.warn', {}, `first ${numbers.whole(head.told)} of ${rows} vectors`) : h('span', {title: `${rows} vectors of ${numbers.whole(head.dimensions)} dimensions`}, `${rows} × ${numbers.whole(head.dimensions)}`), found && (found.error ? h('span.warn', {}, 'no expression') : `${numbers.whole(found.count)} found`),
          head.method === 'pca' ? h('span', {title: why}, `variance ${head.variance.map(share => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`).join(', ')}${head.exact ? '' : ', nearly'}`) : head.methods[head.method].name, head.left_out > 0 && h('span.warn', {}, head.method === 'pca' ? `${numbers.whole(head.left_out)} not finite` : `${numbers.whole(head.left_out)} left out`)];
      },
      redraw() { looks = ''; dress(); },
      close() { closed = true; hand.close(); computing.close(); scene.close(); marked.views.delete(view); marked.tell('read'); },
    };
  };

  /** Take over what the URL says. */
  function chosen() {
    if (own('linked')) for (const name of ['embedding', 'flat']) { const camera = marked.cameras[name]; if (own('look') !== (camera.moved ? camera.format() : '')) camera.parse(own('look')); }
    for (const view of [...marked.views]) view.chosen();
  }
  marked.on('chosen', chosen);
  marked.on('marked', () => { for (const view of marked.views) view.marked(); });
  marked.on('moved', () => { for (const view of marked.views) view.draw(); });
  crossboard.scenes.on('lost back', () => { for (const view of marked.views) view.draw(); });
  crossboard.embeddings = {SETTINGS, chosen, axes, isDeep, method, request};
})(window);
