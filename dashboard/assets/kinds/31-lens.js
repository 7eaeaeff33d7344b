/* The lens: which part of the compared pictures is shown and how large, the same for all panes.

   It looks at a frame, {width, height} in pixels of the pictures. `zoom` is in device pixels a picture's pixel (1: true pixels), or null: all of it fits. Pure
   but for where it is kept: `set=zoom:PERCENT`, `set=at:X,Y` (the middle, in pixels). */
(root => {
  'use strict';
  const crossboard = root.crossboard = root.crossboard || {};
  const LEAST = 0.02, MOST = 64;

  class Lens {
    constructor() { Object.assign(this, {zoom: null, x: 0, y: 0}); }

    /** Pixels on the screen for a pixel of the frame in a pane of width by height device pixels. */
    scale(frame, width, height) { return this.zoom === null ? Math.min(width / frame.width, height / frame.height) : this.zoom; }

    /** Where the frame lies in a pane: {scale, left, top}. */
    place(frame, width, height) {
      const scale = this.scale(frame, width, height), x = this.zoom === null ? frame.width / 2 : this.x, y = this.zoom === null ? frame.height / 2 : this.y;
      return {scale, left: width / 2 - x * scale, top: height / 2 - y * scale};
    }

    /** Change the zoom so that what lies at (px, py) of a pane stays there. */
    zoomTo(zoom, frame, width, height, px = width / 2, py = height / 2) {
      const was = this.place(frame, width, height), next = Math.max(LEAST, Math.min(MOST, zoom)), fx = (px - was.left) / was.scale, fy = (py - was.top) / was.scale;
      this.zoom = next;
      this.x = fx + (width / 2 - px) / next;
      this.y = fy + (height / 2 - py) / next;
      this.hold(frame);
    }

    pan(dx, dy, frame, width, height) {
      const {scale, left, top} = this.place(frame, width, height);
      if (this.zoom === null) { this.zoom = scale; this.x = (width / 2 - left) / scale; this.y = (height / 2 - top) / scale; }
      this.x -= dx / scale; this.y -= dy / scale;
      this.hold(frame);
    }

    /** The middle stays inside the frame. */
    hold(frame) { this.x = Math.max(0, Math.min(frame.width, this.x)); this.y = Math.max(0, Math.min(frame.height, this.y)); }

    fit() { this.zoom = null; }

    read(zoom, at) {
      const percent = +zoom, [x, y] = (at || '').split(',').map(Number);
      this.zoom = percent > 0 ? Math.max(LEAST, Math.min(MOST, percent / 100)) : null;
      if (Number.isFinite(x) && Number.isFinite(y)) { this.x = x; this.y = y; }
    }
    get words() { return this.zoom === null ? ['', ''] : [String(+(this.zoom * 100).toFixed(2)), `${+this.x.toFixed(1)},${+this.y.toFixed(1)}`]; }
  }

  crossboard.Lens = Lens;
})(typeof window === 'undefined' ? globalThis : window);
