"""Train with DistributedDataParallel in several processes on the CPU (gloo): every rank logs, all to one run.

`python examples/ddp_gloo.py` starts itself under torchrun with two processes; `torchrun --nproc-per-node=4 examples/ddp_gloo.py`
does as well. On the board each rank's loss is a series of its own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

import torch
import torch.distributed as dist
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.parallel import DistributedDataParallel

import crossboard as cb


def main(argv: list[str] | None = None) -> None:
    """Train once, or start the processes that do."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--dir", help="where the run is written (default: CROSSBOARD_DIR or ./runs)")
    args = parser.parse_args(argv)
    if "RANK" not in os.environ:
        given = sys.argv[1:] if argv is None else argv
        launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={args.processes}"]
        raise SystemExit(subprocess.call([sys.executable, *launcher, __file__, *given]))

    dist.init_process_group("gloo")
    rank, world = dist.get_rank(), dist.get_world_size()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    images, labels = load_digits(return_X_y=True)
    x, y = torch.tensor(images / 16.0, dtype=torch.float32), torch.tensor(labels, dtype=torch.int64)
    mine = torch.arange(rank, len(x), world)  # each rank has its own part of the data
    model = DistributedDataParallel(nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)))
    loss_of = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    run = cb.init(project="digits", name=f"ddp seed {args.seed}", group="ddp", config={**vars(args), "world": world}, dir=args.dir)
    for step in range(args.steps):
        batch = mine[torch.randint(len(mine), (32,))]
        loss = loss_of(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()  # gradients are averaged over the ranks
        optimizer.step()
        run.log({"train/loss": loss}, step=step)
        if step % 20 == 19 and rank == 0:
            with torch.no_grad():
                run.log({"acc": (model.module(x).argmax(1) == y).float().mean()}, step=step)
    run.finish()
    if rank == 0:
        print(f"ddp seed {args.seed}: {args.steps} steps in {world} processes, accuracy {run.summary['acc']['last']:.3f}")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
