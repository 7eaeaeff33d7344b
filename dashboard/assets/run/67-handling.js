/* How a picture of points in space is handled: dragged, enlarged, picked from, framed; by pointer and by keys.

   `handle(canvas, on)`; on: {camera(), large(), tool(): move|box|lasso, draw(moving), hover(x, y), picked(x, y, more), framed(path), settled()}. A drag
   turns a camera in space and moves a flat one; with Ctrl or the right button it moves both. With Shift it frames. The wheel enlarges
   once the picture has the focus, so that it does not hold up a page that is scrolled over it. */
(root => {
  'use strict';
  const crossboard = root.crossboard, STEP = 24, STILL = 4;
  const TURNS = {ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP]};

  crossboard.handle = (canvas, on) => {
    let drag = null, path = null, quiet = 0;
    const place = event => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
    const size = () => [canvas.clientWidth, canvas.clientHeight];
    const soon = () => { clearTimeout(quiet); quiet = setTimeout(() => { on.draw(false); on.settled(); }, 160); };

    function act(camera, dx, dy, moves) { if (camera.flat || moves) camera.move(dx, dy, ...size()); else camera.turn(dx, dy); }

    canvas.addEventListener('pointerdown', event => {
      if (event.button > 2) return;
      canvas.setPointerCapture(event.pointerId);
      canvas.focus({preventScroll: true, focusVisible: false});
      const [x, y] = place(event), tool = event.shiftKey ? 'box' : event.button === 2 || event.ctrlKey ? 'move' : on.tool();
      drag = {x, y, fromX: x, fromY: y, far: 0, tool, moves: event.button === 2 || event.ctrlKey, more: event.shiftKey};
      path = tool === 'move' ? null : [[x, y]];
    });
    canvas.addEventListener('pointermove', event => {
      const [x, y] = place(event);
      if (!drag) { on.hover(x, y); return; }
      drag.far = Math.max(drag.far, Math.hypot(x - drag.fromX, y - drag.fromY));
      if (drag.far < STILL) return;
      if (drag.tool === 'move') act(on.camera(), x - drag.x, y - drag.y, drag.moves);
      else path = drag.tool === 'box' ? [[drag.fromX, drag.fromY], [x, drag.fromY], [x, y], [drag.fromX, y]] : [...path, [x, y]];
      Object.assign(drag, {x, y});
      on.draw(true);
    });
    const end = event => {
      if (!drag) return;
      const was = drag, framed = path;
      drag = path = null;
      if (event.type === 'pointerup') { if (was.far < STILL) on.picked(was.x, was.y, was.more); else if (framed) on.framed(framed); }
      on.draw(false);
      if (was.far >= STILL && !framed) on.settled();
    };
    canvas.addEventListener('pointerup', end);
    canvas.addEventListener('pointercancel', end);
    canvas.addEventListener('pointerleave', () => { if (!drag) on.hover(-1, -1); });
    canvas.addEventListener('contextmenu', event => event.preventDefault());
    canvas.addEventListener('dblclick', () => { on.camera().reset(); on.draw(false); on.settled(); });
    canvas.addEventListener('wheel', event => {
      if (!on.large() && !event.ctrlKey && document.activeElement !== canvas) return;
      event.preventDefault();
      const [x, y] = place(event), [width, height] = size();
      on.camera().enlarge(Math.exp(-event.deltaY / 300), x - width / 2, y - height / 2, width, height);
      on.draw(true);
      soon();
    }, {passive: false});
    canvas.addEventListener('keydown', event => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const by = TURNS[event.key], camera = on.camera();
      if (by) act(camera, ...by, event.shiftKey);
      else if ('+=-'.includes(event.key)) camera.enlarge(event.key === '-' ? 1 / 1.25 : 1.25, 0, 0, ...size());
      else if (event.key === '0') camera.reset();
      else return;
      event.preventDefault();
      on.draw(true);
      soon();
    });

    return {dragging: () => Boolean(drag && drag.far >= STILL), path: () => path, close: () => clearTimeout(quiet)};
  };
})(window);
