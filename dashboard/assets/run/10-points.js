/* The points of one tag that are no scalars, as /api/points gives them: first which there are, then what they hold.

   A point is named by its place, its number in order of arrival. `series.list(rank, older)` gives places in the order of steps;
   unless `older`, without the tails that a later attempt replaced (law 3). Contents are read in chunks of neighbours, so that
   moving a slider asks rarely, and the least recently used are dropped. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {getJson} = crossboard;
  const CHUNK = {text: 8, graph: 8, histogram: 16, pr_curve: 8, confusion_matrix: 1}, KEPT = 2000, CELLS = 8e6;   // a matrix of 1,000 classes has a million cells

  class Series {
    constructor(run, kind, tag) {
      Object.assign(this, {run, kind, tag, version: 0, step: [], wall: [], rank: [], attempt: [], attempts: [], total: 0, known: false});
      this.contents = new Map();
      this.asked = new Map();
      this.lists = new Map();
      this.busy = this.after = null;
    }

    query(more) { return new URLSearchParams({run: this.run, tag: this.tag, ...more}).toString(); }

    /** Read which points came; resolves to true when some did. A reading under way may have begun before they came: then once more. */
    refresh() {
      if (this.busy) return this.after || (this.after = this.busy.catch(() => {}).then(() => { this.after = null; return this.refresh(); }));
      const since = this.known ? {since: this.version} : {};
      this.busy = getJson(`api/points?${this.query({kind: this.kind, ...since})}`).then(answer => {
        const from = answer.complete ? answer.first : 0, before = this.total, first = !this.known;
        if (!answer.complete) { this.contents.clear(); this.asked.clear(); }
        for (const [name, key] of [['step', 'step'], ['wall', 'wall_time'], ['rank', 'rank'], ['attempt', 'attempt']]) {
          this[name].length = Math.min(this[name].length, from);
          for (const value of answer[key]) this[name].push(value);
        }
        Object.assign(this, {version: answer.version, attempts: answer.attempts, total: this.step.length, known: true});
        this.lists.clear();
        return first || !answer.complete || this.total !== before;
      }).finally(() => { this.busy = null; });
      return this.busy;
    }

    /** True when a later attempt of its rank began at or below the point's step. */
    replaced(place) {
      return this.attempts.some(one => one.rank === this.rank[place] && one.attempt > this.attempt[place] && one.first_step <= this.step[place]);
    }

    /** Places of one rank, ascending by step, arrival among equal steps. */
    list(rank, older) {
      const name = `${rank}|${older}`;
      if (!this.lists.has(name)) {
        const resumed = this.attempts.filter(one => one.rank === rank).length > 1, places = [];
        for (let place = 0; place < this.total; place++) if (this.rank[place] === rank && (older || !resumed || !this.replaced(place))) places.push(place);
        this.lists.set(name, places.sort((a, b) => this.step[a] - this.step[b] || a - b));
      }
      return this.lists.get(name);
    }

    /** Where in `places` the last point at or before `step` stands; 0 when all come later, the last one when step is null. */
    at(places, step) {
      if (step === null) return places.length - 1;
      let low = 0, high = places.length;
      while (low < high) { const middle = (low + high) >> 1; if (this.step[places[middle]] <= step) low = middle + 1; else high = middle; }
      return Math.max(0, low - 1);
    }

    /** What the point at `place` holds; a value when it is there already, else a promise. */
    content(place) {
      const there = this.contents.get(place);
      if (there) { this.contents.delete(place); this.contents.set(place, there); return there; }
      const size = CHUNK[this.kind] || 32, first = Math.floor(place / size) * size, name = `${first}`;
      if (!this.asked.has(name)) this.asked.set(name, this.read(first, first + size).finally(() => this.asked.delete(name)));
      return this.asked.get(name).then(() => this.contents.get(place) || this.read(place, place + 1).then(() => this.contents.get(place)));
    }

    async read(first, end) {
      const answer = await getJson(`api/points?${this.query({kind: this.kind, first, end})}`);
      for (const point of answer.points) this.contents.set(point.place, point);
      const cells = this.kind === 'confusion_matrix' && answer.points.length ? Math.max(1, answer.points[0].counts.length ** 2) : 1, most = Math.max(4, Math.min(KEPT, Math.floor(CELLS / cells)));
      for (const place of this.contents.keys()) { if (this.contents.size <= most) break; this.contents.delete(place); }
    }

    /** Something of this point that has a route of its own: series.more('graph', place). */
    more(route, place, also = {}) { return getJson(`api/${route}?${this.query({place, ...also})}`); }
  }

  crossboard.Series = Series;
})(window);
