"""How often do the intervals hold the true value? A simulation with a fixed seed; `docs/statistics.md` publishes what it prints.

    python benchmarks/coverage.py [--groups 20000]

For each number of runs n, `--groups` groups of n values are drawn, from a normal distribution and from a skewed one (exponential), and the
interval of each is asked whether it holds the true mean, median or interquartile mean. Nominal: 95 %.
"""

from __future__ import annotations

import argparse
import math

import numpy as np

from crossboard.store.statistics.centres import Statistic
from crossboard.store.statistics.intervals import Kind, interval

SIZES = (3, 5, 10, 20, 50)
ASKED: list[tuple[Statistic, Kind]] = [("mean", "t"), ("mean", "bca"), ("median", "bca"), ("iqm", "bca")]


def iqm_of_exponential() -> float:
    """The mean of -log(1 - p) over 1/4 < p < 3/4, from its antiderivative (1 - p) log(1 - p) - (1 - p)."""

    def below(p: float) -> float:
        return (1 - p) * math.log(1 - p) - (1 - p)

    return 2 * (below(0.75) - below(0.25))


def coverage(statistic: Statistic, kind: Kind, value: np.ndarray[tuple[int, int], np.dtype[np.float64]], truth: float) -> float:
    low, high = interval(value, kind, statistic=statistic)
    return float(((low <= truth) & (truth <= high)).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groups", type=int, default=20_000)
    groups = parser.parse_args().groups
    skewed = {"mean": 1.0, "median": math.log(2), "iqm": iqm_of_exponential()}
    print(f"{'values':>12} {'interval':>12} " + " ".join(f"n = {n:>3}" for n in SIZES))
    for name in ("normal", "exponential"):
        for statistic, kind in ASKED:
            cells = []
            for n in SIZES:
                rng = np.random.default_rng(n)
                value = rng.normal(size=(groups, n)) if name == "normal" else rng.exponential(size=(groups, n))
                cells.append(coverage(statistic, kind, value, 0.0 if name == "normal" else skewed[statistic]))
            print(f"{name:>12} {f'{kind} of {statistic}':>12} " + " ".join(f"{100 * cell:>5.1f} %" for cell in cells))


if __name__ == "__main__":
    main()
