/* Shots: what is taken into the comparison, lettered A, B, C and so on, and kept in the URL.

   A shot is an image or a video of a run under a tag, by its number in the point. It follows the step slider, or is held at a step of its own, so that two steps of
   one run can be compared. `set=a:MARK~RANK~NUMBER~STEP~KIND~TAG`, STEP empty where it follows. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {board, state, steps} = crossboard;
  const LETTERS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
  let text = null, parsed = [];

  function parse(value) {
    const [mark, rank, number, step, kind, ...tag] = value.split('~');
    if (!tag.length || !/^\d+$/.test(rank) || !/^\d+$/.test(number) || !/^(-?\d{1,16})?$/.test(step) || !['image', 'video'].includes(kind)) return null;
    return {mark, rank: +rank, number: +number, step, kind, tag: tag.join('~')};
  }
  const format = shot => [shot.mark, shot.rank, shot.number, shot.step, shot.kind, shot.tag].join('~');

  /** The chosen shots in the order of their letters. */
  function list() {
    const now = LETTERS.map(letter => state.own.get(letter) || '').join('\n');
    if (now !== text) { text = now; parsed = LETTERS.map(letter => parse(state.own.get(letter) || '')).filter(Boolean); }
    return parsed;
  }

  function put(shots) {
    LETTERS.forEach((letter, i) => { if (shots[i]) state.own.set(letter, format(shots[i])); else state.own.delete(letter); });
    state.changed('own');
  }

  const runOf = shot => [...board.runs.values()].find(run => run.mark === shot.mark) || null;
  const same = (shot, panel, number) => shot.mark === panel.run.mark && shot.rank === panel.rank && shot.kind === panel.series.kind && shot.tag === panel.series.tag && shot.number === number;

  /** Take a picture of a tile into the comparison, or out of it. A held one of the same place stays. */
  function toggle(panel, number) {
    const shots = list(), at = shots.findIndex(shot => same(shot, panel, number) && !shot.step);
    if (at >= 0) { put(shots.filter((_, i) => i !== at)); return; }
    if (shots.length === LETTERS.length) { crossboard.say(`${LETTERS.length} are compared already; take one out first`); return; }
    put([...shots, {mark: panel.run.mark, rank: panel.rank, number, step: '', kind: panel.series.kind, tag: panel.series.tag}]);
    crossboard.say(`${panel.run.name}, ${panel.series.tag} is ${LETTERS[shots.length].toUpperCase()}`);
  }

  const change = (i, what) => put(list().map((shot, k) => k === i ? {...shot, ...what} : shot));
  const remove = i => put(list().filter((_, k) => k !== i));
  const swap = (i = 0, k = 1) => { const shots = [...list()]; if (shots.length > Math.max(i, k)) { [shots[i], shots[k]] = [shots[k], shots[i]]; put(shots); } };
  /** The same picture twice: as it stands now, and as the slider goes. */
  const double = (i, step) => { const shots = list(); put([...shots.slice(0, i), {...shots[i], step: String(step)}, {...shots[i], step: ''}, ...shots.slice(i + 1)].slice(0, LETTERS.length)); };
  /** Another picture of the same points, for all shots. */
  const turn = by => { const shots = list(), least = Math.min(...shots.map(shot => shot.number)); if (least + by >= 0) put(shots.map(shot => shot.kind === 'image' ? {...shot, number: shot.number + by} : shot)); };
  const lettersOf = (panel, number) => list().flatMap((shot, i) => same(shot, panel, number) ? [LETTERS[i].toUpperCase()] : []);

  /** The place of a shot among its series' points: the nearest to its step, or to the slider's. -1 where there is none. */
  function placeOf(shot, series) {
    const places = series.known ? series.list(shot.rank, state.old.has(shot.tag)) : [], wanted = shot.step ? +shot.step : steps.chosen();
    return places.length ? places[crossboard.Tile.prototype.at.call({series}, places, wanted)] : -1;
  }

  crossboard.shots = {LETTERS, parse, format, list, put, runOf, toggle, change, remove, swap, double, turn, lettersOf, placeOf};
})(window);
