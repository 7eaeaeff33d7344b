/* What stands over an embedding while t-SNE or UMAP of it is not there: how to install it, a button, how far it is, what went wrong.

   `crossboard.reducing(view, place)`: fills `place`. `ask()` looks how far the computation of the view's point is, `start()` begins it, `close()`. `view`
   has {series, place, request(): the parameters, ready(): it is done}. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {failure, fill, getJson, h, numbers, stats, url} = crossboard, AGAIN_MS = 500, SOON = 2000;

  crossboard.reducing = (view, place) => {
    let timer = 0, asked = '';

    const query = (also = {}) => view.series.query({place: view.place, ...view.request(), ...also});
    async function post(also) {
      stats.requests++;
      const answer = await fetch(url(`api/reduction?${query(also)}`), {method: 'POST', headers: {Accept: 'application/json'}, credentials: 'same-origin'});
      if (!answer.ok) throw await failure(answer);
      return answer.json();
    }

    function follow(told) {
      clearTimeout(timer);
      const {name, package: needs, installed} = told.methods[view.request().method], busy = told.state === 'running' || told.state === 'waiting';
      place.hidden = false;
      if (told.state === 'done') { place.hidden = true; fill(place); view.ready(); return; }
      if (!installed) fill(place, h('b', {}, `${name} needs ${needs}`), h('p', {}, 'It is not installed beside the board.'), h('pre', {tabindex: '0', 'aria-label': 'how to install it'}, `pip install ${needs}`));
      else if (busy) {
        fill(place, h('b', {}, told.state === 'waiting' ? `${name} waits for another` : name), h('progress', {max: '1', 'aria-label': `${name}, share that is done`, ...(told.share === null ? {} : {value: String(told.share)})}),
          h('p', {}, [told.share !== null && `${Math.floor(100 * told.share)} %`, told.words, told.seconds > 0 && `${numbers.whole(Math.round(told.seconds))} s`].filter(Boolean).join(' · ')), h('button.btn', {type: 'button', onclick: stop}, 'Cancel'));
        timer = setTimeout(look, AGAIN_MS);
      } else fill(place, h('b', {}, told.state === 'failed' ? `${name} failed` : told.state === 'stopped' ? `${name} was cancelled` : `${name} is not computed yet`),
        h('p', {}, told.state === 'failed' ? told.error : `${numbers.whole(Math.min(told.rows, +view.request().most || Infinity))} vectors${told.rows > SOON ? '; this may take minutes' : ''}.`), h('button.btn', {type: 'button', onclick: start}, told.state === 'none' ? 'Compute' : 'Compute again'));
    }

    async function run(work) {
      const mine = (asked = query());
      try {
        const told = await work();
        if (asked === mine && query() === mine) follow(told);
      } catch (error) {
        if (asked === mine) { place.hidden = false; fill(place, h('b', {}, 'Not computed'), h('p', {}, error.message), h('button.btn', {type: 'button', onclick: start}, 'Try again')); }
      }
    }
    const look = () => run(() => getJson(`api/reduction?${query()}`));
    const start = () => run(() => post());
    const stop = () => run(() => post({stop: 1}));

    return {ask: look, start, close() { clearTimeout(timer); asked = ''; place.hidden = true; fill(place); }};
  };
})(window);
