"""What logging adds to the step time of a small training, and whether it makes the program wait for its device.

    python3 dev.py bench step_time [ROUNDS]

On CUDA where there is one, else on the processor (it says which). Each way of logging is measured in blocks of steps that alternate with
blocks of the bare step, in one process: three numbers a step that lie on the device (loss, accuracy, norm of the gradients), a
histogram every 20 steps, and `watch` with a look every 60. On CUDA the device is waited for at the end of a block, and then a trace of
torch.profiler counts the calls that wait for the device (cudaStreamSynchronize, cudaDeviceSynchronize, cudaEventSynchronize,
and copies that wait) in the training thread, with and without logging: the counts must be equal.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any

import torch as torch_

import crossboard as cb

torch: Any = torch_
BLOCK = 60
WAITS = ("cudaStreamSynchronize", "cudaDeviceSynchronize", "cudaEventSynchronize", "cudaMemcpy", "aten::item", "aten::_local_scalar_dense")


def training(device: str) -> tuple[Any, Callable[[], dict[str, Any]]]:
    """A small network, and its step: what it returns lies on the device."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(*(layer for _ in range(6) for layer in (torch.nn.Linear(256, 256), torch.nn.ReLU()))).to(device)
    optimizer = torch.optim.SGD(model.parameters(), 1e-3)
    x, y = torch.randn(128, 256, device=device), torch.randint(0, 256, (128,), device=device)

    def step() -> dict[str, Any]:
        scores = model(x)
        loss = torch.nn.functional.cross_entropy(scores, y)
        optimizer.zero_grad()
        loss.backward()
        norm = torch.stack(torch._foreach_norm([one.grad for one in model.parameters()])).norm()
        optimizer.step()
        return {"loss": loss, "accuracy": (scores.argmax(1) == y).float().mean(), "norm": norm}

    return model, step


def block(step: Callable[[], dict[str, Any]], log: Callable[[dict[str, Any], int], None], device: str, begin: int) -> float:
    """Seconds of a block of steps: on the processor those of the training thread, which a busy machine changes least."""
    clock = time.perf_counter if device == "cuda" else time.thread_time
    began = clock()
    for number in range(begin, begin + BLOCK):
        log(step(), number)
    if device == "cuda":
        torch.cuda.synchronize()
    return clock() - began


def waits(step: Callable[[], dict[str, Any]], log: Callable[[dict[str, Any], int], None], begin: int) -> dict[str, int]:
    """How often the training thread waited for the device in a block, by the name of the call."""
    from torch.profiler import ProfilerActivity, profile

    torch.cuda.synchronize()
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as trace:
        for number in range(begin, begin + BLOCK):
            log(step(), number)
        marked = threading.get_native_id()
    counts: dict[str, int] = {}
    for event in trace.profiler.kineto_results.events():
        if event.name() in WAITS and event.start_thread_id() in (marked, threading.get_ident(), 1):
            counts[event.name()] = counts.get(event.name(), 0) + 1
    return counts


def main(rounds: int) -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    name = torch.cuda.get_device_name() if device == "cuda" else "the processor, one thread of torch's: no CUDA here, so no trace of waits"
    if device == "cpu":
        torch.set_num_threads(1)
    print(f"\non {name}\n")
    os.environ["CROSSBOARD_SEAL"] = "0"
    with tempfile.TemporaryDirectory() as directory:
        run = cb.init(project="bench", dir=directory)
        model, step = training(device)

        def nothing(values: dict[str, Any], number: int) -> None:
            pass

        def numbers(values: dict[str, Any], number: int) -> None:
            run.log(values, step=number)

        def histogram(values: dict[str, Any], number: int) -> None:
            run.log(values, step=number)
            if number % 20 == 0:
                run.log({"weights": cb.Histogram(model[0].weight)}, step=number)

        ways = {
            "3 numbers a step": (numbers, False),
            "and a histogram every 20": (histogram, False),
            "3 numbers, and watch": (numbers, True),
        }
        for _ in range(3):
            block(step, nothing, device, 0)
        at = 0
        print(f"{'':<28}{'bare step':>12}{'with logging':>15}{'ratio':>8}")
        for way, (log, watch) in ways.items():
            bare, logged = [], []
            for _ in range(rounds):
                bare.append(block(step, nothing, device, at))
                if watch:
                    run.watch(model, every=BLOCK)
                logged.append(block(step, log, device, at))
                if watch:
                    run.unwatch(model)
                at += BLOCK
            one, other = statistics.median(bare) / BLOCK * 1e3, statistics.median(logged) / BLOCK * 1e3
            print(f"{way:<28}{one:>9.3f} ms{other:>12.3f} ms{other / one:>8.3f}", flush=True)
        if device == "cuda":
            print("\ncalls of the training thread that wait for the device, in a block of steps")
            for way, (log, watch) in {"bare": (nothing, False), **ways}.items():
                if watch:
                    run.watch(model, every=50)
                found = waits(step, log, at)
                run.unwatch()
                at += BLOCK
                print(f"{way:<28}{found or 'none'}", flush=True)
        run.finish()
        print(f"\n{run.dropped} points dropped")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
