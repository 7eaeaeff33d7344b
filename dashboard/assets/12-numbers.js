/* Numbers as people read them: axis ticks and their labels, exact values, durations, ages. Pure but for two settings of this browser
   (11-settings.js): how many significant digits, and whether clocks show local time or UTC.

   A tick list is an ascending array of axis values. Units: steps have none, `relative` is seconds, `wall` epoch seconds. */
(root => {
  'use strict';
  const crossboard = root.crossboard = root.crossboard || {};
  const MINUS = '−', DAY = 86400, {settings} = crossboard;

  const tidy = v => +v.toPrecision(15);

  /** Round steps (1, 2, 5 times a power of ten) so that about `count` ticks fit into low..high. */
  function linearTicks(low, high, count, integers = false) {
    if (!(high > low) || !Number.isFinite(high - low)) return Number.isFinite(low) ? [low] : [];
    const rough = (high - low) / Math.max(1, count), power = 10 ** Math.floor(Math.log10(rough)), part = rough / power;
    let step = (part < 1.5 ? 1 : part < 3.5 ? 2 : part < 7.5 ? 5 : 10) * power;
    if (integers) step = Math.max(1, step);
    const ticks = [], first = Math.ceil(low / step - 1e-9);
    for (let n = 0; n < 100 && (first + n) * step <= high + step * 1e-9; n++) {   // counted by n: neighbours of a large whole number are one float64
      const tick = tidy((first + n) * step) + 0;
      if (!ticks.length || tick > ticks[ticks.length - 1]) ticks.push(tick);   // so far out that neighbours are one float64
    }
    return ticks;
  }

  /** 1, 2, 5 of each decade inside low..high (both above 0); fewer when there are many decades, more when there is not one. */
  function logTicks(low, high, count) {
    if (!(low > 0) || !(high >= low)) return [];
    const first = Math.floor(Math.log10(low)), last = Math.ceil(Math.log10(high));
    const inside = factors => {
      const ticks = [];
      for (let e = first; e <= last; e++) for (const f of factors) {
        const v = tidy(f * 10 ** e);
        if (v >= low * 0.9999 && v <= high * 1.0001) ticks.push(v);
      }
      return ticks;
    };
    const fine = inside([1, 2, 5]);
    if (fine.length < 2) return linearTicks(low, high, count);
    if (fine.length <= count + 2) return fine;
    const decades = inside([1]), skip = Math.ceil(decades.length / (count + 1));
    return decades.filter((_, i) => (i - decades.length + 1) % skip === 0);
  }

  const SPANS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, DAY, 2 * DAY, 7 * DAY];

  /** Ticks at whole seconds, minutes, hours, days. `shift` seconds are added before rounding (the offset of local time). */
  function timeTicks(low, high, count, shift = 0) {
    const rough = (high - low) / Math.max(1, count);
    if (!(rough > 0)) return Number.isFinite(low) ? [low] : [];
    if (rough < 0.7) return linearTicks(low, high, count);
    const step = SPANS.find(s => s >= rough * 0.9) || Math.ceil(rough / (30 * DAY)) * 30 * DAY;
    const ticks = [];
    for (let i = Math.ceil((low + shift) / step); i * step - shift <= high && ticks.length < 100; i++) ticks.push(i * step - shift);
    return ticks;
  }

  const trim = text => text.includes('.') ? text.replace(/\.?0+$/, '') : text;
  const sign = text => text.replace('-', MINUS);

  /** Return a function that labels the values of `ticks`, all in one way: 0.005, 5k, 1e−4. */
  function axisLabels(ticks) {
    const size = Math.max(...ticks.map(Math.abs), 0);
    let gap = size;
    for (let i = 1; i < ticks.length; i++) gap = Math.min(gap, ticks[i] - ticks[i - 1]);
    const scaled = (unit, suffix) => {
      const digits = Math.max(0, Math.min(6, -Math.floor(Math.log10(gap / unit) + 1e-9)));
      return v => v === 0 ? '0' : sign(trim((v / unit).toFixed(digits))) + suffix;
    };
    if (size === 0) return () => '0';
    if (size >= 1e15 || size < 1e-3) {
      const digits = Math.max(0, Math.min(6, Math.floor(Math.log10(size)) - Math.floor(Math.log10(gap))));
      return v => v === 0 ? '0' : sign(trim(v.toExponential(digits).split('e')[0]) + 'e' + +v.toExponential(digits).split('e')[1]);
    }
    for (const [unit, suffix] of [[1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k']])
      if (size >= unit && (unit > 1e3 || size >= 1e4 || gap % 1000 === 0) && gap >= unit / 100) return scaled(unit, suffix);
    if (gap >= 1) return v => sign(whole(v));
    return scaled(1, '');
  }

  /** Log axes: each label on its own, since they span decades. */
  function logLabel(v) { return axisLabels([v])(v); }

  /** 12600 -> "12,600"; a fraction keeps what it has. */
  function whole(v) { return sign(Math.round(v) === v ? v.toLocaleString('en-US') : trim(v.toPrecision(8))); }

  /** A value in a table or tooltip: five significant digits, or as many as are set; words for what is not a number. */
  function value(v) {
    if (Number.isNaN(v)) return 'NaN';
    if (v === Infinity) return 'inf';
    if (v === -Infinity) return MINUS + 'inf';
    const size = Math.abs(v), digits = settings.get('digits'), power = Math.floor(Math.log10(size));
    if (size === 0) return '0';
    if (size >= 1e7 || size < 1e-4) return sign(v.toExponential(digits - 2).replace('e+', 'e'));
    if (Number.isInteger(v)) return whole(v);
    if (size < 1) return sign(v.toFixed(Math.max(digits - 1, digits - 2 - power)));
    const places = Math.max(0, digits - power);
    return sign(size >= 1e4 ? (+v.toFixed(places)).toLocaleString('en-US', {maximumFractionDigits: places}) : power < digits ? v.toPrecision(digits) : whole(Math.round(v)));
  }

  /** Seconds -> "25 m 51 s", "3 h 5 m", "350 ms". */
  function duration(seconds) {
    const s = Math.abs(seconds), minus = seconds < 0 ? MINUS : '';
    if (s === 0) return '0 s';
    if (s < 1) return minus + trim((s * 1000).toPrecision(3)) + ' ms';
    if (s < 60) return minus + trim(s.toFixed(s < 10 ? 2 : 1)) + ' s';
    const t = Math.round(s), parts = [[Math.floor(t / DAY), 'd'], [Math.floor(t % DAY / 3600), 'h'], [Math.floor(t % 3600 / 60), 'm'], [t % 60, 's']];
    const first = parts.findIndex(([n]) => n);
    return minus + parts.slice(first, first + 2).filter(([n]) => n).map(([n, unit]) => `${n} ${unit}`).join(' ');
  }

  /** Seconds -> the one unit that fits a narrow column: "41m", "3h", "6d". */
  function age(seconds) {
    if (!Number.isFinite(seconds)) return '';
    const s = Math.max(0, seconds);
    return s < 60 ? `${Math.floor(s)}s` : s < 3600 ? `${Math.floor(s / 60)}m` : s < DAY ? `${Math.floor(s / 3600)}h` : s < 365 * DAY ? `${Math.floor(s / DAY)}d` : `${Math.floor(s / 365 / DAY)}y`;
  }

  const two = n => String(n).padStart(2, '0');

  /** Epoch seconds -> a Date whose local fields are what clocks show: local time, or UTC where that is set. */
  function shown(seconds) {
    const d = new Date(seconds * 1000);
    return settings.get('zone') === 'utc' ? new Date(d.getTime() + d.getTimezoneOffset() * 60000) : d;
  }

  /** Epoch seconds -> "14:03:07". */
  function clock(seconds) {
    const d = shown(seconds);
    return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
  }

  /** Epoch seconds -> "2026-11-21 14:03:07". */
  function moment(seconds) {
    const d = shown(seconds);
    return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${clock(seconds)}`;
  }

  /** Ticks and their labels of an x axis of `kind` "step", "relative", "wall" or anything else (a metric). */
  function xAxis(kind, low, high, count, log = false) {
    if (log) {
      const ticks = logTicks(low, high, count), own = ticks.length < 2 || ticks[ticks.length - 1] / ticks[0] >= 9;
      return {ticks, label: kind === 'relative' ? duration : own ? logLabel : axisLabels(ticks)};
    }
    if (kind === 'relative') {
      const ticks = timeTicks(low, high, count);
      return {ticks, label: v => v === 0 ? '0' : duration(v)};
    }
    if (kind === 'wall') {
      const shift = settings.get('zone') === 'utc' ? 0 : -new Date(low * 1000).getTimezoneOffset() * 60, ticks = timeTicks(low, high, count, shift);
      const gap = ticks.length > 1 ? ticks[1] - ticks[0] : high - low;
      return {ticks, label: v => {
        if (gap < 1) return clock(v) + (v % 1).toFixed(2).slice(1);
        const d = shown(v), midnight = d.getHours() + d.getMinutes() + d.getSeconds() === 0;
        if (gap >= DAY || (midnight && gap >= 60)) return `${two(d.getMonth() + 1)}-${two(d.getDate())}`;
        return gap >= 60 ? clock(v).slice(0, 5) : clock(v);
      }};
    }
    const ticks = linearTicks(low, high, count, kind === 'step');
    return {ticks, label: ticks.length ? axisLabels(ticks) : whole};
  }

  /** A position on an x axis, exactly, with its unit in words. */
  function xValue(kind, v) {
    return kind === 'relative' ? duration(v) : kind === 'wall' ? moment(v) : kind === 'step' ? `step ${whole(v)}` : value(v);
  }

  crossboard.numbers = {linearTicks, logTicks, timeTicks, axisLabels, logLabel, whole, value, duration, age, shown, clock, moment, xAxis, xValue};
})(typeof window === 'undefined' ? globalThis : window);
