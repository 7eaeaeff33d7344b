"""What one logging call costs, beside trackio, torch's SummaryWriter and wandb offline, in one run, alternating.

    python3 dev.py bench log_call [ROUNDS]

Each case is one process for each tool and round; within it calls are timed one by one with perf_counter_ns and the median is
taken, so that a stall of the machine does not decide. The table shows the median of the rounds' medians. Bars (DESIGN): one
metric <= 1.3 us and <= 1/7 of trackio's; np.float32 and a torch scalar <= 3 us; ten metrics <= 4 us; one call per 5 ms
<= 1/4 of trackio's.
"""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile

TOOLS = {"crossboard": "crossboard", "trackio": "trackio", "SummaryWriter": "torch", "wandb offline": "wandb"}
CASES = ("one metric", "one metric, step=None", "ten metrics", "np.float32", "torch scalar", "one call per 5 ms")
SCRIPT = r"""
import json, os, sys, time
tool, case = sys.argv[1:3]
import numpy as np
width = 10 if case == "ten metrics" else 1
value = 0.5
if case == "np.float32": value = np.float32(0.5)
if case == "torch scalar":
    import torch
    value = torch.tensor(0.5)
metrics = {f"train/m{i}": value for i in range(width)}
if tool == "crossboard":
    import crossboard as cb
    run = cb.init(project="bench", dir="runs")
    call = (lambda step: run.log(metrics)) if case.endswith("None") else (lambda step: run.log(metrics, step=step))
elif tool == "trackio":
    import trackio
    trackio.init(project="bench")
    metrics = {k: float(v) for k, v in metrics.items()} if case in ("torch scalar", "np.float32") else metrics
    call = (lambda step: trackio.log(metrics)) if case.endswith("None") else (lambda step: trackio.log(metrics, step=step))
elif tool == "SummaryWriter":
    from torch.utils.tensorboard import SummaryWriter
    w = SummaryWriter("tb")
    def call(step):
        for k, v in metrics.items(): w.add_scalar(k, v, step)
else:
    import wandb
    run = wandb.init(project="bench", mode="offline", settings=wandb.Settings(silent=True))
    call = (lambda step: run.log(metrics)) if case.endswith("None") else (lambda step: run.log(metrics, step=step))
paced = case == "one call per 5 ms"
count = {"crossboard": 20000, "trackio": 3000, "SummaryWriter": 2000, "wandb offline": 600}[tool] if not paced else 200
clock = time.perf_counter_ns
for step in range(20): call(step)
times = []
for step in range(20, 20 + count):
    if paced: time.sleep(0.005)
    a = clock(); call(step); times.append(clock() - a)
times.sort()
print("RESULT", json.dumps({"p50": times[len(times) // 2] / 1e3, "p99": times[int(len(times) * .99)] / 1e3}), flush=True)
os._exit(0)
"""


def measure(tool: str, case: str) -> dict[str, float] | None:
    """One process: median and 99th percentile of a call, in microseconds; None when the tool failed."""
    with tempfile.TemporaryDirectory() as directory:
        env = {**os.environ, "CROSSBOARD_SEAL": "0", "HOME": directory, "TRACKIO_DIR": directory, "WANDB_SILENT": "true"}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, tool, case], cwd=directory, env=env, capture_output=True, text=True, timeout=180, check=False
        )
    line = next((line for line in done.stdout.splitlines() if line.startswith("RESULT")), None)
    result: dict[str, float] | None = json.loads(line[7:]) if line else None
    return result


def main(rounds: int) -> None:
    tools = {tool: module for tool, module in TOOLS.items() if importlib.util.find_spec(module) is not None}
    for tool in sorted(set(TOOLS) - set(tools)):
        print(f"{tool}: not installed, left out")
    cases = [case for case in CASES if case != "torch scalar" or importlib.util.find_spec("torch") is not None]
    print(f"\np50 (p99) of a call in microseconds, median of {rounds} alternating rounds\n")
    print(f"{'':<24}" + "".join(f"{tool:>22}" for tool in tools) + f"{'of trackio':>14}")
    for case in cases:
        found: dict[str, list[dict[str, float]]] = {tool: [] for tool in tools}
        for _ in range(rounds):
            for tool in tools:
                result = measure(tool, case)
                if result is not None:
                    found[tool].append(result)
        row = f"{case:<24}"
        medians = {}
        for tool, results in found.items():
            if results:
                medians[tool] = statistics.median(one["p50"] for one in results)
                row += f"{medians[tool]:>12.2f} ({statistics.median(one['p99'] for one in results):>6.1f})"
            else:
                row += f"{'failed':>22}"
        ratio = f"1/{medians['trackio'] / medians['crossboard']:.1f}" if {"trackio", "crossboard"} <= set(medians) else "-"
        print(row + f"{ratio:>14}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
