/* Sounds and videos of a step, in the browser's own players. Nothing plays by itself. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {fill, h, numbers, url} = crossboard;
  const bytes = n => crossboard.parts.bytes(n);

  const save = (blob, what) => h('p.none', {}, h('a', {href: url(blob.url), download: ''}, `Save ${bytes(blob.size)}`), ` · ${what} of a type that is not played here`);

  crossboard.views.audio = panel => {
    const element = h('div.vsound');
    return {
      element,
      show(point) {
        fill(element, point.clips.map((clip, i) => h('div.clip', {}, clip.blob.media_type.startsWith('audio/')
          ? h('audio', {controls: true, preload: 'metadata', src: url(clip.blob.url), 'aria-label': clip.caption || `${panel.series.tag}, sound ${i + 1}`}) : save(clip.blob, 'sound'),
        h('p.cap', {title: clip.caption}, clip.caption ? h('b', {}, clip.caption) : null, h('span.dim', {}, `${clip.caption ? ' · ' : ''}${clip.sample_rate ? `${numbers.duration(clip.frames / clip.sample_rate)} · ${numbers.whole(clip.sample_rate)} Hz · ` : ''}${clip.channels === 1 ? 'mono' : clip.channels === 2 ? 'stereo' : `${clip.channels} channels`}`)))));
      },
      facts: point => [point.clips.length > 1 && `${point.clips.length} sounds`, bytes(point.clips.reduce((n, one) => n + one.blob.size, 0))],
    };
  };

  crossboard.views.video = panel => {
    const element = h('div.vvideo');
    return {
      element,
      show(point) {
        const {blob} = point, name = point.caption || panel.series.tag;
        fill(element, blob.media_type.startsWith('video/') ? h('video', {controls: true, loop: true, muted: true, playsinline: true, preload: 'metadata', src: url(blob.url), 'aria-label': name})
          : blob.media_type.startsWith('image/') && blob.media_type !== 'image/svg+xml' ? h('img', {src: url(blob.url), alt: name}) : save(blob, 'video'), point.caption ? h('p.cap', {}, point.caption) : null);
      },
      facts: point => [`${point.width} × ${point.height}`, point.frames && point.fps ? `${numbers.whole(point.frames)} frames, ${numbers.value(+point.fps)} a second` : '', bytes(point.blob.size)],
      close() { const player = element.querySelector('video'); if (player) { player.pause(); player.removeAttribute('src'); player.load(); } },
    };
  };
})(window);
