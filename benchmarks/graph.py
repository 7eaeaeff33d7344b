"""What a model's graph costs, beside torch's SummaryWriter.add_graph on the same model, alternating, each in a process of its own.

    python3 dev.py bench graph [ROUNDS]

"call" is what training waits for, "written" is until the file is closed; the first call of a process, with all its imports, is
what is timed. Beside them one plain forward pass. Models are in evaluation mode (add_graph fails on dropout) and torch uses one
thread. Bars: a 12-layer transformer of width 512 in under 2 s, a net of 1,000 layers in under 20 s.
"""

from __future__ import annotations

import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile

LIMIT_S = 120
MODELS = ("transformer, 12 layers, d = 512", "1,000 layers (Linear, ReLU)", "residual net, 1,000 convolutions")
SCRIPT = r"""
import json, sys, time, warnings
warnings.simplefilter("ignore")
tool, which = sys.argv[1], int(sys.argv[2])
import torch
from torch import nn
torch.set_num_threads(1)

class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolutions = nn.ModuleList(nn.Conv2d(4, 4, 3, padding=1) for _ in range(1000))
        self.norms = nn.ModuleList(nn.BatchNorm2d(4) for _ in range(1000))
    def forward(self, x):
        for convolution, norm in zip(self.convolutions, self.norms):
            x = x + torch.relu(norm(convolution(x)))
        return x

if which == 0:
    model, x = nn.TransformerEncoder(nn.TransformerEncoderLayer(512, 8, 2048, batch_first=True), 12), torch.zeros(1, 32, 512)
elif which == 1:
    model, x = nn.Sequential(*(layer for _ in range(500) for layer in (nn.Linear(64, 64), nn.ReLU()))), torch.zeros(1, 64)
else:
    model, x = Residual(), torch.zeros(2, 4, 8, 8)
model.eval()
clock, cpu = time.perf_counter, time.process_time
with torch.no_grad():
    model(x)
    start = clock()
    model(x)
    forward = clock() - start
if tool == "crossboard":
    import crossboard as cb
    run = cb.init(project="bench", dir="runs")
    start, used = clock(), cpu()
    run.log_graph(model, x)
    call, used = clock() - start, cpu() - used
    run.finish()
    assert run.dropped == 0
else:
    from torch.utils.tensorboard import SummaryWriter
    writer = SummaryWriter("tb")
    start, used = clock(), cpu()
    writer.add_graph(model, x)
    call, used = clock() - start, cpu() - used
    writer.close()
print(json.dumps([forward, call, used, clock() - start]))
"""


def measure(tool: str, which: int) -> list[float] | str:
    """Seconds of a forward pass, of the call, of the processor in it, and until it is written; or why there are none."""
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-c", SCRIPT, tool, str(which)]
        try:
            answer = subprocess.run(command, capture_output=True, text=True, check=False, cwd=directory, timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            return f"more than {LIMIT_S} s"
    if answer.returncode:
        said = [line for line in answer.stderr.splitlines() if "Error" in line]
        return (said or ["no word"])[-1].strip()[:80]
    return [float(one) for one in json.loads(answer.stdout.strip().splitlines()[-1])]


def main(rounds: int) -> None:
    if importlib.util.find_spec("torch") is None:
        sys.exit("graph: torch is not installed")
    tools = ("crossboard", "SummaryWriter") if importlib.util.find_spec("tensorboard") else ("crossboard",)
    print(f"{'model':<36}{'tool':<16}{'forward ms':>12}{'call ms':>12}{'of CPU':>12}{'written ms':>12}")
    for which, model in enumerate(MODELS):
        found: dict[str, list[list[float]]] = {tool: [] for tool in tools}
        failed: dict[str, str] = {}
        for _ in range(rounds):
            for tool in tools:
                one = measure(tool, which)
                if isinstance(one, str):
                    failed[tool] = one
                else:
                    found[tool].append(one)
        for tool in tools:
            if found[tool]:
                medians = [1e3 * statistics.median(column) for column in zip(*found[tool], strict=True)]
                print(f"{model:<36}{tool:<16}" + "".join(f"{one:>12.0f}" for one in medians), flush=True)
            if tool in failed:
                print(f"{model:<36}{tool:<16} failed: {failed[tool]}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
