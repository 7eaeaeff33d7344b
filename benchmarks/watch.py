"""What a watched step costs: a network of 100 layers, beside a loop of SummaryWriter.add_histogram and beside wandb.watch.

    python3 dev.py bench watch [ROUNDS] [WIDTH]

Each tool is one process a round; rounds alternate. A look at all weights and gradients is taken in every second step, and the median of
the steps between is taken away from the median of those. `step` is what the training loop waits for; `own thread` the processor time
of its thread in that, which a busy machine changes least; `processor` the time of the whole process, helper threads too, until
everything is written. `other steps` is a whole step without a look: over the bare one it shows the search for the first NaN in every
layer and gradient. wandb.watch does less: 64 buckets by torch.histc, no norms, no update ratio, no NaN. Everything runs with one thread of
torch's, since two on a busy machine wait for each other. Bar (issue "Capture"): a look at least 5 times cheaper than the loop.
"""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile

TOOLS = {"bare": "torch", "crossboard": "torch", "add_histogram": "tensorboard", "wandb.watch": "wandb"}
SCRIPT = r"""
import json, os, sys, time
tool, width = sys.argv[1], int(sys.argv[2])
import torch
torch.manual_seed(0)
torch.set_num_threads(1)
layers = []
for _ in range(100): layers += [torch.nn.Linear(width, width), torch.nn.ReLU()]
model = torch.nn.Sequential(*layers)
optimizer = torch.optim.SGD(model.parameters(), 1e-3)
x = torch.randn(32, width)
settle = lambda: None
look = lambda step: None
if tool == "crossboard":
    import crossboard as cb
    run = cb.init(project="bench", dir="runs")
    run.watch(model, every=2)
    def settle():
        while run._later.items: time.sleep(0.002)
elif tool == "add_histogram":
    from torch.utils.tensorboard import SummaryWriter
    writer = SummaryWriter("tb")
    def look(step):
        for name, one in model.named_parameters():
            writer.add_histogram("weights/" + name, one, step)
            writer.add_histogram("gradients/" + name, one.grad, step)
    settle = writer.flush
elif tool == "wandb.watch":
    import wandb
    run = wandb.init(project="bench", mode="offline", settings=wandb.Settings(silent=True))
    run.watch(model, log="all", log_freq=2)
    look = lambda step: run.log({"loss": 1.0}, step=step)
took, own, spent = {0: [], 1: []}, {0: [], 1: []}, {0: [], 1: []}
for step in range(14):
    watched = step % 2 == 0
    a, t, c = time.perf_counter(), time.thread_time(), time.process_time()
    loss = model(x).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    if watched: look(step)
    optimizer.step()
    b, u = time.perf_counter(), time.thread_time()
    if tool == "crossboard": run.log({"loss": 1.0}, step=step)
    if tool == "crossboard" and watched: run._watches[0][1]._settle()  # else the look would begin to be written in the step behind it
    settle()
    d = time.process_time()
    if step >= 2:
        took[not watched].append(b - a); own[not watched].append(u - t); spent[not watched].append(d - c)
m = lambda v: sorted(v)[len(v) // 2] * 1e3
made = {"step": took, "own": own, "processor": spent}
print("RESULT", json.dumps({name: [m(values[0]), m(values[1])] for name, values in made.items()}), flush=True)
os._exit(0)
"""


def measure(tool: str, width: int) -> dict[str, list[float]] | None:
    """One process: medians in milliseconds of steps with and without a look; None when the tool failed."""
    with tempfile.TemporaryDirectory() as directory:
        env = {**os.environ, "CROSSBOARD_SEAL": "0", "HOME": directory, "WANDB_SILENT": "true"}
        command = [sys.executable, "-c", SCRIPT, tool, str(width)]
        done = subprocess.run(command, cwd=directory, env=env, capture_output=True, text=True, timeout=600, check=False)
    line = next((line for line in done.stdout.splitlines() if line.startswith("RESULT")), None)
    if line is None:
        print(f"{tool}: {done.stderr.strip().splitlines()[-1:]}")
        return None
    result: dict[str, list[float]] = json.loads(line[7:])
    return result


def main(rounds: int, width: int) -> None:
    tools = [tool for tool, module in TOOLS.items() if importlib.util.find_spec(module) is not None]
    values = 100 * (width * width + width)
    print(f"\n100 linear layers of {width}, {values / 1e6:.1f} million weights; milliseconds, median of {rounds} alternating rounds\n")
    found: dict[str, list[dict[str, list[float]]]] = {tool: [] for tool in tools}
    for _ in range(rounds):
        for tool in tools:
            result = measure(tool, width)
            if result is not None:
                found[tool].append(result)

    def median(tool: str, which: str, other: int) -> float:
        return statistics.median(one[which][other] for one in found[tool])

    print(f"{'what a look costs':<20}{'step':>10}{'own thread':>14}{'processor':>14}{'other steps, own thread':>28}")
    for tool in tools:
        if found[tool]:
            # wandb's hooks count in their own way: its look may fall into the other steps
            cost = [abs(median(tool, which, 0) - median(tool, which, 1)) for which in ("step", "own", "processor")]
            other = min(median(tool, "own", 0), median(tool, "own", 1))
            print(f"{tool:<20}{cost[0]:>10.1f}{cost[1]:>14.1f}{cost[2]:>14.1f}{other:>28.2f}", flush=True)
    if found["crossboard"] and found.get("add_histogram"):
        ratios = []
        for which in ("step", "own", "processor"):
            loop, ours = (median(tool, which, 0) - median(tool, which, 1) for tool in ("add_histogram", "crossboard"))
            ratios.append(f"{which} 1/{loop / ours:.1f}")
        print(f"\ncrossboard's look beside the loop of add_histogram: {', '.join(ratios)}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3, int(sys.argv[2]) if len(sys.argv) > 2 else 256)
