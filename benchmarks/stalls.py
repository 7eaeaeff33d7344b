"""Stalls over 1 ms in 200,000 logging calls, over more than 10 growths of the journal, beside an empty loop.

    python3 dev.py bench stalls [ROUNDS]

Both loops do the same but for the call, alternating. Bar (DESIGN): no more stalls than the empty loop has.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time

import crossboard as cb

CALLS = 200_000
STALL_NS = 1_000_000


def stalls(call: object) -> tuple[int, float]:
    """Calls that took over 1 ms, and the longest in ms."""
    clock = time.perf_counter_ns
    over = longest = 0
    for step in range(CALLS):
        start = clock()
        call({"a": 0.5}, step)  # type: ignore[operator]
        took = clock() - start
        if took > STALL_NS:
            over += 1
        longest = max(longest, took)
    return over, longest / 1e6


def main(rounds: int) -> None:
    os.environ["CROSSBOARD_SEAL"] = "0"
    print(f"{'round':<8}{'empty: over 1 ms':>18}{'longest ms':>12}{'logging: over 1 ms':>20}{'longest ms':>12}{'growths':>9}")
    sums = [0, 0]
    for number in range(rounds):
        empty = stalls(lambda _metrics, _step: None)
        with tempfile.TemporaryDirectory() as directory:
            run = cb.init(dir=directory)
            logged = stalls(run.log)
            growths = run._points.switches if run._points is not None else 0
            cb.finish()
        sums = [sums[0] + empty[0], sums[1] + logged[0]]
        print(f"{number + 1:<8}{empty[0]:>18}{empty[1]:>12.2f}{logged[0]:>20}{logged[1]:>12.2f}{growths:>9}", flush=True)
    print(f"in all: {sums[0]} in the empty loop, {sums[1]} while logging")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
