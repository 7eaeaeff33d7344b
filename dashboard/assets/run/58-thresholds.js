/* A classifier at every threshold: precision, recall, rates and areas, all from counts. Pure.

   Precision is TP / (TP + FP), recall (true positive rate) TP / (TP + FN), the false positive rate FP / (FP + TN), F1 the harmonic mean of
   precision and recall. Where the lower part of a fraction is 0 there is no such rate: NaN, and the curve has no point there. */
(root => {
  'use strict';
  const crossboard = root.crossboard = root.crossboard || {};
  const COUNTS = ['true_positives', 'false_positives', 'true_negatives', 'false_negatives'], there = v => v === v;

  /** Counts -> [{threshold, precision, recall, fpr, f1, tp, fp, tn, fn}], in the order of thresholds; NaN where there is no such rate. */
  function rates(point) {
    return point.thresholds.map((threshold, i) => {
      const [tp, fp, tn, fn] = COUNTS.map(name => +point[name][i]);
      const precision = tp + fp > 0 ? tp / (tp + fp) : NaN, recall = tp + fn > 0 ? tp / (tp + fn) : NaN, fpr = fp + tn > 0 ? fp / (fp + tn) : NaN;
      return {threshold: +threshold, precision, recall, fpr, f1: precision + recall > 0 ? 2 * precision * recall / (precision + recall) : precision === 0 || recall === 0 ? 0 : NaN, tp, fp, tn, fn};
    });
  }

  /** Those with precision and recall, by rising recall; among equal ones the highest threshold first. */
  const byRecall = list => list.filter(one => there(one.precision) && there(one.recall)).sort((a, b) => a.recall - b.recall || b.threshold - a.threshold);

  /** Average precision: the sum over thresholds of the gain in recall times the precision there (as scikit-learn has it); NaN without positives. */
  function averagePrecision(list) {
    const rising = list.filter(one => there(one.recall)).sort((a, b) => a.recall - b.recall || b.threshold - a.threshold);
    let before = 0, sum = rising.length ? 0 : NaN;
    for (const one of rising) { if (there(one.precision)) sum += (one.recall - before) * one.precision; before = one.recall; }
    return sum;
  }

  /** [{fpr, recall, threshold}] by rising rates, from (0, 0) to (1, 1): an end that no threshold reaches is added and has no threshold.
      Empty where positives or negatives are missing, since then one of the rates is none. */
  function roc(list) {
    const rising = list.filter(one => there(one.fpr) && there(one.recall)).sort((a, b) => a.fpr - b.fpr || a.recall - b.recall || b.threshold - a.threshold);
    if (!rising.length) return [];
    const first = rising[0], last = rising[rising.length - 1];
    if (first.fpr > 0 || first.recall > 0) rising.unshift({fpr: 0, recall: 0, threshold: NaN});
    if (last.fpr < 1 || last.recall < 1) rising.push({fpr: 1, recall: 1, threshold: NaN});
    return rising;
  }

  /** Area under the ROC curve by the trapezoid rule (as scikit-learn has it); NaN where there is no such curve. */
  function rocArea(list) {
    const curve = roc(list);
    let sum = curve.length ? 0 : NaN;
    for (let i = 1; i < curve.length; i++) sum += (curve[i].fpr - curve[i - 1].fpr) * (curve[i].recall + curve[i - 1].recall) / 2;
    return sum;
  }

  /** The share of positives among all examples: what precision a classifier has that calls everything positive. NaN without examples. */
  function prevalence(list) {
    const one = list.find(({tp, fp, tn, fn}) => tp + fp + tn + fn > 0);
    return one ? (one.tp + one.fn) / (one.tp + one.fp + one.tn + one.fn) : NaN;
  }

  const least = (list, far) => { let best = -1, near = Infinity; list.forEach((one, i) => { const away = far(one); if (away < near) { near = away; best = i; } }); return best; };

  /** Which of `list` is nearest to a threshold, to a recall (of equals the more precise), or has the highest F1; -1 when none is. */
  const atThreshold = (list, threshold) => least(list, one => Math.abs(one.threshold - threshold));
  function atRecall(list, recall) {
    const near = least(list, one => Math.abs(one.recall - recall));
    if (near < 0) return near;
    return list.reduce((best, one, i) => one.recall === list[near].recall && one.precision > list[best].precision ? i : best, near);
  }
  const bestF1 = list => least(list, one => there(one.f1) ? -one.f1 : Infinity);

  /** What a curve looks like as lines: [x, y] pairs. Precision holds back to the recall before it, so that the area below is the average precision. */
  function line(list, kind) {
    if (kind === 'roc') return roc(list).map(one => [one.fpr, one.recall]);
    const pairs = [];
    let before = 0;
    for (const one of byRecall(list)) { pairs.push([before, one.precision], [one.recall, one.precision]); before = one.recall; }
    return pairs;
  }

  crossboard.pr = {rates, averagePrecision, roc, rocArea, prevalence, atThreshold, atRecall, bestF1, line};
})(typeof window === 'undefined' ? globalThis : window);
