"""What a call of SummaryWriter costs the training thread: crossboard's, torch's and tensorboardX's, in one run, alternating.

    python3 dev.py bench summary_writer [ROUNDS]

Each case is one process for each writer and round; within it calls are timed one by one with perf_counter_ns and the median is
taken, so that a stall of the machine does not decide. The table shows the median of the rounds' medians. Bar: add_scalar at least
5 times faster than torch's, also with event files (which the helper thread writes).
"""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile

WRITERS = {
    "crossboard": ("numpy", "from crossboard.loggers.torch import SummaryWriter; w = SummaryWriter('run')"),
    "with event files": ("numpy", "from crossboard.loggers.torch import SummaryWriter; w = SummaryWriter('run', tensorboard=True)"),
    "torch": ("torch", "from torch.utils.tensorboard import SummaryWriter; w = SummaryWriter('run')"),
    "tensorboardX": ("tensorboardX", "from tensorboardX import SummaryWriter; w = SummaryWriter('run')"),
}
CASES = {
    "add_scalar": "lambda step: w.add_scalar('train/loss', 0.5, step)",
    "add_scalar, 10 tags": "lambda step: [w.add_scalar(tag, 0.5, step) for tag in tags]",
    "add_scalar, torch tensor": "lambda step: w.add_scalar('train/loss', value, step)",
    "add_scalar, no step": "lambda step: w.add_scalar('train/loss', 0.5)",
    "add_scalars, 4 keys": "lambda step: w.add_scalars('loss', four, step)",
    "one add_scalar per 5 ms": "lambda step: w.add_scalar('train/loss', 0.5, step)",
}
SCRIPT = r"""
import json, os, sys, time
make, call, paced = sys.argv[1:4]
if "value" in call:
    import torch
    value = torch.tensor(0.5)
tags, four = [f"train/m{i}" for i in range(10)], {"a": 0.5, "b": 0.25, "c": 1.0, "d": 2.0}
exec(make)
call = eval(call)
clock = time.perf_counter_ns
count = 200 if paced == "True" else 3000
for step in range(20): call(step)
times = []
for step in range(20, 20 + count):
    if paced == "True": time.sleep(0.005)
    a = clock(); call(step); times.append(clock() - a)
times.sort()
print("RESULT", json.dumps({"p50": times[len(times) // 2] / 1e3, "p99": times[int(len(times) * .99)] / 1e3}), flush=True)
os._exit(0)
"""


def measure(make: str, case: str) -> dict[str, float] | None:
    """One process: median and 99th percentile of a call, in microseconds; None when the writer failed."""
    with tempfile.TemporaryDirectory() as directory:
        env = {**os.environ, "CROSSBOARD_SEAL": "0", "TF_CPP_MIN_LOG_LEVEL": "3"}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, make, CASES[case], str("per" in case)],
            cwd=directory,
            env=env,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
    line = next((line for line in done.stdout.splitlines() if line.startswith("RESULT")), None)
    result: dict[str, float] | None = json.loads(line[7:]) if line else None
    return result


def main(rounds: int) -> None:
    there = {name: make for name, (module, make) in WRITERS.items() if importlib.util.find_spec(module) is not None}
    for name in sorted(set(WRITERS) - set(there)):
        print(f"{name}: not installed, left out")
    cases = [case for case in CASES if "torch" not in case or importlib.util.find_spec("torch") is not None]
    print(f"\np50 (p99) of a call in microseconds, median of {rounds} alternating rounds\n")
    print(f"{'':<26}" + "".join(f"{name:>22}" for name in there) + f"{'of torch':>12}")
    for case in cases:
        found: dict[str, list[dict[str, float]]] = {name: [] for name in there}
        for _ in range(rounds):
            for name, make in there.items():
                result = measure(make, case)
                if result is not None:
                    found[name].append(result)
        row, medians = f"{case:<26}", {}
        for name, results in found.items():
            if results:
                medians[name] = statistics.median(one["p50"] for one in results)
                row += f"{medians[name]:>12.2f} ({statistics.median(one['p99'] for one in results):>7.1f})"
            else:
                row += f"{'failed':>22}"
        ratio = f"1/{medians['torch'] / medians['crossboard']:.1f}" if {"torch", "crossboard"} <= set(medians) else "-"
        print(row + f"{ratio:>12}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
