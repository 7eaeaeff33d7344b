"""Watching a torch module: what it logs is what the module had, training is not changed by it, and the first NaN is named exactly."""

from __future__ import annotations

import copy
import gc
import json
import math
import os
import pickle
import socket
import subprocess
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import crossboard as cb
from crossboard.loggers import harmless
from crossboard.store.errors import CrossboardWarning
from crossboard.store.native import NativeSource
from crossboard.store.records import Alert, HistogramPoint, SummarySet

torch: Any = pytest.importorskip("torch")
pytestmark = pytest.mark.torch
nn: Any = torch.nn


@pytest.fixture(autouse=True)
def said_anew() -> Any:
    harmless.forget_said()
    torch.manual_seed(0)
    yield
    cb.finish()
    assert no_hook_on_optimizers()


@pytest.fixture
def run(tmp_path: Path) -> cb.Run:
    return cb.init(dir=tmp_path, strict=True)


class Seen:
    """What a run kept."""

    def __init__(self, run: cb.Run) -> None:
        run.finish()
        self.numbers = {tag: dict(zip(at.step.tolist(), at.value.tolist(), strict=True)) for tag, at in run.own_points().items()}
        (found,) = NativeSource(Path(run.dir).parent.parent).scan()
        self.records = [placed.record for placed in NativeSource(Path(run.dir).parent.parent).read(found, None).records]
        self.histograms = {(one.tag, one.step): one for one in self.records if isinstance(one, HistogramPoint)}
        self.alerts = [one for one in self.records if isinstance(one, Alert)]

    def __getitem__(self, tag: str) -> dict[int, float]:
        return self.numbers[tag]


def no_hook_on_optimizers() -> bool:
    from torch.optim import optimizer

    return not optimizer._global_optimizer_pre_hooks and not optimizer._global_optimizer_post_hooks


def hooks_on(model: Any) -> int:
    return sum(len(one._forward_hooks) + len(one._forward_pre_hooks) + len(one._backward_hooks) for one in model.modules())


def small() -> Any:
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))


def train(model: Any, run: cb.Run, steps: int, *, optimizer: Any = None, each: Callable[[int], None] | None = None, size: int = 4) -> None:
    optimizer = optimizer or torch.optim.SGD([one for one in model.parameters() if one.requires_grad], 0.1)
    generator = torch.Generator().manual_seed(7)
    for step in range(steps):
        if each is not None:
            each(step)
        loss = model(torch.randn(16, size, generator=generator)).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        run.log({"loss": loss.detach()}, step=step)


def forward(model: Any, times: int) -> None:
    for _ in range(times):
        model(torch.randn(2, 4))


# ------------------------------------------------------------------------------------------------------- what is logged


def test_a_look_is_what_the_model_had_at_that_step(run: cb.Run) -> None:
    model = small()
    weights: dict[int, Any] = {}
    gradients: dict[int, Any] = {}
    run.watch(model, every=3, bins=16)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for step in range(7):
        weights[step] = model[0].weight.detach().clone()
        loss = model(torch.randn(16, 4)).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        gradients[step] = model[0].weight.grad.clone()
        optimizer.step()
        run.log({"loss": loss.detach()}, step=step * 10)
    seen = Seen(run)
    assert sorted(step for tag, step in seen.histograms if tag == "weights/0.weight") == [0, 30, 60]
    for step in (0, 3, 6):
        point = seen.histograms["weights/0.weight", step * 10]
        edges = np.array(point.edges)
        assert point.counts == np.histogram(weights[step].double().numpy(), bins=edges)[0].tolist()
        assert len(point.counts) == 16
        assert seen.histograms["gradients/0.weight", step * 10].max == gradients[step].max().item()
        assert seen["weight_norm/0.weight"][step * 10] == pytest.approx(weights[step].norm().item(), rel=1e-5)
        assert seen["gradient_norm/0.weight"][step * 10] == pytest.approx(gradients[step].norm().item(), rel=1e-5)
        moved = 0.1 * gradients[step].norm() / weights[step].norm()
        assert seen["update_ratio/0.weight"][step * 10] == pytest.approx(moved.item(), rel=1e-3)
    flow = math.hypot(seen["gradient_norm/0.weight"][30], seen["gradient_norm/0.bias"][30])
    assert seen["gradient_flow/0"][30] == pytest.approx(flow)
    whole = math.hypot(*(seen[f"gradient_norm/{name}"][30] for name, _ in model.named_parameters()))
    assert seen["health/gradient_norm"][30] == pytest.approx(whole)
    assert seen["health/nonfinite_gradients"][30] == 0


def test_watching_changes_nothing_in_training(tmp_path: Path) -> None:
    results = []
    for watched in (False, True):
        torch.manual_seed(1)
        model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 1))
        with cb.init(dir=tmp_path / str(watched), strict=True) as run:
            if watched:
                run.watch(model, every=2, activations=True)
            train(model, run, 10, optimizer=torch.optim.Adam(model.parameters(), 0.01))
        results.append({name: value.clone() for name, value in model.state_dict().items()})
    assert all(torch.equal(results[0][name], results[1][name]) for name in results[0])


def test_the_automatic_step_is_not_moved(run: cb.Run) -> None:
    model = small()
    run.watch(model, every=1)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for _ in range(3):
        model(torch.randn(2, 4)).sum().backward()
        optimizer.step()
        run.log({"loss": 1.0})
    seen = Seen(run)
    assert list(seen["loss"]) == [0, 1, 2]
    assert list(seen["health/gradient_norm"]) == [0, 1, 2]


@pytest.mark.parametrize("behind", [True, False])
def test_a_look_stands_at_the_step_its_own_loop_logs(run: cb.Run, behind: bool) -> None:
    model = small()
    run.watch(model, every=2, activations=True)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for step in range(100, 105):
        loss = model(torch.randn(2, 4)).sum()
        loss.backward()
        if not behind:
            run.log({"loss": loss.detach()}, step=step)
        optimizer.step()
        if behind:
            run.log({"loss": loss.detach()}, step=step)
    seen = Seen(run)
    assert list(seen["update_ratio/0.weight"]) == list(seen["dead_units/1"]) == [100, 102, 104]


def test_a_step_of_the_users_own_is_used(run: cb.Run) -> None:
    model = small()
    now = iter((5, 6))
    run.watch(model, every=1, step=lambda: next(now))
    train(model, run, 2)
    assert list(Seen(run)["health/weight_norm"]) == [5, 6]


def test_what_is_not_wanted_is_not_logged(run: cb.Run) -> None:
    model = small()
    run.watch(model, every=1, parameters=False)
    train(model, run, 2)
    tags = set(Seen(run).numbers)
    assert {tag.partition("/")[0] for tag in tags} == {"loss", "gradient_norm", "gradient_flow", "health"}


def test_a_name_tells_two_models_apart(run: cb.Run) -> None:
    one, two = small(), small()
    run.watch(one, every=1, name="generator")
    run.watch(two, every=1, name="critic")
    train(one, run, 1)
    train(two, run, 1)
    seen = Seen(run)
    assert {"weight_norm/generator.0.weight", "weight_norm/critic.0.weight", "health/critic.weight_norm"} <= set(seen.numbers)


def test_dead_and_saturated_units_are_counted(run: cb.Run) -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 4), nn.Tanh(), nn.Unflatten(1, (2, 2, 1)), nn.Conv2d(2, 4, 1), nn.ReLU())
    with torch.no_grad():
        model[0].bias[:2] = -1e6
        model[2].weight[0], model[2].bias[0] = 0.0, 50.0
        model[5].weight[1:], model[5].bias[1:] = 0.0, -1.0
    run.watch(model, every=1, activations=True)
    train(model, run, 1)
    seen = Seen(run)
    assert seen["dead_units/1"][0] == 2 / 8
    assert seen["saturated_units/3"][0] == 1 / 4
    assert seen["dead_units/6"][0] >= 3 / 4
    assert seen.histograms["activations/1", 0].count == 16 * 8
    assert seen.histograms["activations/1", 0].min == 0.0


# ------------------------------------------------------------------------------------------------------------- first NaN


class Between(nn.Module):
    """Divides by zero between two layers, or in the backward pass only, when told so."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.middle, self.last = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 1)
        self.where = ""

    def forward(self, x: Any) -> Any:
        x = self.first(x)
        if self.where == "forward":
            x = x / (x * 0)
        if self.where == "backward":
            x = x + (x * 0).clamp(min=0).sqrt()  # the slope of a root at 0 is infinite
        x = self.last(self.middle(x))
        return x * math.nan if self.where == "loss" else x


def told(seen: Seen) -> dict[str, Any]:
    found = [one.summary["first_nonfinite"] for one in seen.records if isinstance(one, SummarySet) and "first_nonfinite" in one.summary]
    assert len(found) == len(seen.alerts) <= 1
    return found[0] if found else {}


@pytest.mark.parametrize(
    ("where", "want"),
    [
        ("forward", {"pass": "forward", "what": "input", "name": "middle"}),
        ("backward", {"pass": "backward", "what": "gradient", "name": "first.bias"}),
        ("loss", {"pass": "backward", "what": "gradient", "name": "last.bias"}),
    ],
)
def test_the_first_nan_is_named_with_its_step(run: cb.Run, where: str, want: dict[str, Any]) -> None:
    model = Between()

    def spoil(step: int) -> None:
        model.where = where if step == 5 else ""

    run.watch(model, every=100)
    train(model, run, 9, each=spoil)
    seen = Seen(run)
    assert told(seen) == {**want, "step": 5, "update": 6}
    assert (seen.alerts[0].level, seen.alerts[0].step) == ("error", 5)
    assert f"at step 5 (update 6) in the {want['pass']} pass" in seen.alerts[0].text


def test_an_infinite_weight_is_seen_in_its_layers_output(run: cb.Run) -> None:
    model = small()
    run.watch(model)

    def spoil(step: int) -> None:
        if step == 3:
            with torch.no_grad():
                model[2].weight[0, 0] = math.inf

    train(model, run, 6, each=spoil)
    assert told(Seen(run)) == {"pass": "forward", "what": "output", "name": "2", "step": 3, "update": 4}


def test_nan_in_the_data_is_seen_as_the_first_layers_input(run: cb.Run) -> None:
    model = small()
    run.watch(model)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for step in range(3):
        batch = torch.full((2, 4), math.nan if step == 1 else 1.0)
        model(batch).sum().backward()
        optimizer.step()
        run.log({"loss": 1.0}, step=step)
    seen = Seen(run)
    assert told(seen) == {"pass": "forward", "what": "input", "name": "0", "step": 1, "update": 2}
    assert "came in with the data" in seen.alerts[0].text


def test_a_program_that_stops_at_the_nan_has_it_named(tmp_path: Path) -> None:
    model = Between()
    run = cb.init(dir=tmp_path)
    run.watch(model)

    def work() -> None:
        train(model, run, 2)
        model.where = "forward"
        loss = model(torch.randn(2, 4)).sum()
        if not math.isfinite(loss.item()):
            raise FloatingPointError

    with pytest.raises(FloatingPointError), run:
        work()
    assert told(Seen(run)) == {"pass": "forward", "what": "input", "name": "middle", "step": 1, "update": 3}


def test_sampled_looks_for_it_in_looks_only(run: cb.Run) -> None:
    model = Between()

    def spoil(step: int) -> None:
        model.where = "backward" if step == 1 else ""

    run.watch(model, every=4, nan="sampled")
    train(model, run, 9, each=spoil)
    assert told(Seen(run))["step"] == 4


def test_without_nan_nothing_is_told(run: cb.Run) -> None:
    model = small()
    run.watch(model, every=2)
    train(model, run, 5)
    assert told(Seen(run)) == {}


def test_large_finite_values_are_no_trouble(run: cb.Run) -> None:
    model = small()
    run.watch(model)
    with torch.no_grad():
        model[0].weight.fill_(1e30)
        model[2].weight.fill_(1e3)
    optimizer = torch.optim.SGD(model.parameters(), 0.0)
    model(torch.ones(2, 4)).sum().backward()
    optimizer.step()
    assert told(Seen(run)) == {}


# ------------------------------------------------------------------------------------------------------ kinds of models


def test_tied_weights_are_looked_at_once(run: cb.Run) -> None:
    model = nn.Sequential(nn.Embedding(8, 4), nn.Linear(4, 8, bias=False))
    model[1].weight = model[0].weight
    run.watch(model, every=1)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    model(torch.arange(8)).pow(2).sum().backward()
    optimizer.step()
    seen = Seen(run)
    assert [tag for tag in seen.numbers if tag.startswith("weight_norm/")] == ["weight_norm/0.weight"]


def test_frozen_layers_are_looked_at_once_and_have_no_gradients(run: cb.Run) -> None:
    model = small()
    model[0].requires_grad_(False)
    run.watch(model, every=1)
    train(model, run, 3)
    seen = Seen(run)
    assert list(seen["weight_norm/0.weight"]) == [0]
    assert list(seen["weight_norm/2.weight"]) == [0, 1, 2]
    assert "gradient_norm/0.weight" not in seen.numbers


def test_a_layer_that_thaws_is_looked_at_from_then_on(run: cb.Run) -> None:
    model = small()
    model[0].requires_grad_(False)
    run.watch(model, every=1)
    optimizer = torch.optim.SGD(model[2].parameters(), 0.1)
    train(model, run, 2, optimizer=optimizer)
    model[0].requires_grad_(True)
    optimizer.add_param_group({"params": list(model[0].parameters())})
    for step in (2, 3):
        model(torch.randn(2, 4)).sum().backward()
        optimizer.step()
        run.log({"loss": 0.0}, step=step)
    assert list(Seen(run)["gradient_norm/0.weight"]) == [2, 3]


def test_gradients_are_seen_whole_when_they_are_accumulated(run: cb.Run) -> None:
    model = small()
    run.watch(model, every=1, activations=True)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    batches = torch.randn(4, 8, 4)
    for batch in batches:
        (model(batch).pow(2).mean() / 4).backward()
    want = model[0].weight.grad.norm().item()
    optimizer.step()
    seen = Seen(run)
    assert seen["gradient_norm/0.weight"] == {0: pytest.approx(want, rel=1e-5)}
    assert seen.histograms["activations/0", 0].count == 8 * 8


def test_a_closure_is_looked_at_behind_the_step(run: cb.Run) -> None:
    model = small()
    run.watch(model, every=1)
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=2)
    batch = torch.randn(8, 4)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = model(batch).pow(2).mean()
        loss.backward()
        return loss

    for step in range(2):
        optimizer.step(closure)
        run.log({"loss": 0.0}, step=step)
    assert list(Seen(run)["gradient_norm/0.weight"]) == [0, 1]


def test_two_optimizers_are_counted_each_on_its_own(run: cb.Run) -> None:
    model = small()
    run.watch(model, every=2)
    first, second = torch.optim.SGD(model[0].parameters(), 0.1), torch.optim.SGD(model[2].parameters(), 0.1)
    other = torch.optim.SGD(small().parameters(), 0.1)
    for step in range(5):
        model(torch.randn(2, 4)).sum().backward()
        first.step()
        other.step()
        if step % 2 == 0:
            second.step()
        run.log({"loss": 0.0}, step=step)
    seen = Seen(run)
    assert list(seen["weight_norm/0.weight"]) == [0, 2, 4]
    assert list(seen["weight_norm/2.weight"]) == [0, 4]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_mixed_precision_gradients_are_seen_unscaled(run: cb.Run, dtype: str) -> None:
    model = small()
    run.watch(model, every=1, activations=True)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    wants = []
    for step in range(3):
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=getattr(torch, dtype)):
            loss = model(torch.randn(16, 4)).pow(2).mean()
        scaler.scale(loss).backward()
        wants.append(model[0].weight.grad.norm().item() / 1024.0)
        scaler.step(optimizer)
        scaler.update()
        run.log({"loss": loss.detach()}, step=step)
    seen = Seen(run)
    assert list(seen["gradient_norm/0.weight"].values()) == pytest.approx(wants, rel=1e-4)
    assert told(seen) == {}


def test_a_fused_optimizer_is_seen_unscaled_and_its_overflow_is_no_trouble(run: cb.Run) -> None:
    model = small()
    run.watch(model, every=1)
    optimizer = torch.optim.Adam(model.parameters(), 0.01, fused=True)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    want = 0.0
    for step in range(2):
        optimizer.zero_grad()
        scaler.scale(model(torch.randn(16, 4)).pow(2).mean()).backward()
        if step == 0:
            want = model[0].weight.grad.norm().item() / 1024.0
        else:
            model[0].weight.grad[0, 0] = math.inf
        scaler.step(optimizer)
        scaler.update()
        run.log({"loss": 0.0}, step=step)
    seen = Seen(run)
    assert seen["gradient_norm/0.weight"][0] == pytest.approx(want, rel=1e-5)
    assert told(seen) == {}


def test_odd_parameters_are_looked_at(run: cb.Run) -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(10, 3, sparse=True)
            self.wave = nn.Parameter(torch.randn(3, dtype=torch.complex64))
            self.wide = nn.Parameter(torch.randn(3, dtype=torch.float64))
            self.short = nn.Parameter(torch.randn(3, dtype=torch.bfloat16))
            self.none = nn.Parameter(torch.zeros(0))

        def forward(self, x: Any) -> Any:
            return (self.table(x) * self.wave.abs() * self.wide * self.short).sum() + self.none.sum()

    model = Odd()
    run.watch(model, every=1, activations=True)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    model(torch.tensor([1, 1, 2])).backward()
    want = model.table.weight.grad.to_dense().norm().item()
    optimizer.step()
    seen = Seen(run)
    assert seen["gradient_norm/table.weight"][0] == pytest.approx(want, rel=1e-5)
    assert {"weight_norm/wave", "weight_norm/wide", "weight_norm/short", "update_ratio/short"} <= set(seen.numbers)


def test_a_loop_without_an_optimizer_says_where_it_steps(run: cb.Run) -> None:
    model = small()
    watched = run.watch(model, every=1)
    for step in range(2):
        model(torch.randn(8, 4)).pow(2).mean().backward()
        with watched.step(), torch.no_grad():
            for parameter in model.parameters():
                parameter -= 0.1 * parameter.grad
                parameter.grad = None
        run.log({"loss": 0.0}, step=step)
    seen = Seen(run)
    assert list(seen["gradient_norm/0.weight"]) == [0, 1]
    assert all(value > 0 for value in seen["update_ratio/0.weight"].values())


def test_a_loop_without_an_optimizer_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from crossboard.loggers.watch import torch_layers

    monkeypatch.setattr(torch_layers, "UNSEEN", 5)
    model = small()
    run = cb.init(dir=tmp_path)
    run.watch(model)
    with pytest.warns(CrossboardWarning, match=r"5 forward passes, and no optimizer of torch.optim stepped"):
        forward(model, 8)


def test_layers_of_all_shapes_of_output_are_heard(run: cb.Run) -> None:
    class Many(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(4, 3, batch_first=True)
            self.attend = nn.MultiheadAttention(3, 1, batch_first=True)
            self.index = nn.Identity()

        def forward(self, x: Any) -> Any:
            out, _ = self.lstm(x)
            self.index(torch.arange(3))
            self.index({"a": [out], "b": None})
            return self.attend(out, out, out)[0]

    model = Many()
    run.watch(model, every=1, activations=True)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    model(torch.randn(2, 5, 4)).sum().backward()
    optimizer.step()
    seen = Seen(run)
    assert {"activations/lstm", "activations/attend", "activations/index"} <= {tag for tag, _ in seen.histograms}


def test_evaluation_and_recomputation_are_not_heard(run: cb.Run) -> None:
    from torch.utils.checkpoint import checkpoint

    model = small()
    run.watch(model, every=1, activations=True)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    model.eval()
    model(torch.full((2, 4), math.nan))
    model.train()
    with torch.no_grad():
        model(torch.full((2, 4), math.nan))
    checkpoint(model, torch.randn(16, 4, requires_grad=True), use_reentrant=False).sum().backward()
    optimizer.step()
    seen = Seen(run)
    assert seen.histograms["activations/0", 0].count == 16 * 8
    assert told(seen) == {}


def test_torch_func_is_let_alone(run: cb.Run) -> None:
    model = small()
    run.watch(model, every=1, activations=True)
    parameters = dict(model.named_parameters())

    def loss(values: Any, x: Any) -> Any:
        return torch.func.functional_call(model, values, (x,)).sum()

    per_example = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(parameters, torch.randn(6, 4))
    assert per_example["0.weight"].shape == (6, 8, 4)


# ------------------------------------------------------------------------------------------------------- torch.compile


@pytest.mark.parametrize("way", ["before", "after", "in place"])
def test_a_compiled_model_has_no_break_and_its_optimizer_side_is_complete(run: cb.Run, way: str) -> None:
    import torch._dynamo

    torch._dynamo.reset()
    model = Between()
    graphs = []

    def backend(graph: Any, inputs: Any) -> Any:
        graphs.append(graph)
        return graph.forward

    if way == "before":
        run.watch(model, every=2)
    if way == "in place":
        model.compile(backend=backend, fullgraph=True)
        compiled: Any = model
    else:
        compiled = torch.compile(model, backend=backend, fullgraph=True)
    if way != "before":
        run.watch(compiled, every=2)
    train(compiled, run, 5, optimizer=torch.optim.SGD(model.parameters(), 0.1))
    seen = Seen(run)
    assert len(graphs) == 1
    assert list(seen["gradient_norm/first.weight"]) == [0, 2, 4]
    assert ("weights/first.weight", 4) in seen.histograms


def test_a_nan_in_a_compiled_model_is_found_in_its_gradients(run: cb.Run) -> None:
    import torch._dynamo

    torch._dynamo.reset()
    model = small()
    run.watch(model)
    compiled = torch.compile(model, backend="aot_eager")

    def spoil(step: int) -> None:
        if step == 2:
            with torch.no_grad():
                model[2].weight[0, 0] = math.inf

    train(compiled, run, 4, optimizer=torch.optim.SGD(model.parameters(), 0.1), each=spoil)
    seen = Seen(run)
    assert told(seen)["step"] == 2
    assert told(seen)["pass"] == "backward"
    assert "Layers were not listened to" in seen.alerts[0].text


def test_activations_of_a_compiled_model_are_heard_in_uncompiled_steps(run: cb.Run) -> None:
    import torch._dynamo

    torch._dynamo.reset()
    model = small()
    run.watch(model, every=2, activations=True)
    compiled = torch.compile(model, backend="aot_eager")
    train(compiled, run, 6, optimizer=torch.optim.SGD(model.parameters(), 0.1))
    seen = Seen(run)
    assert sorted(step for tag, step in seen.histograms if tag == "activations/1") == [2, 4]
    from torch._dynamo.eval_frame import _stance

    assert _stance.stance == "default"


def test_a_compiled_optimizer_step_does_no_harm(run: cb.Run) -> None:
    import torch._dynamo

    torch._dynamo.reset()
    model = small()
    run.watch(model, every=1)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    step = torch.compile(optimizer.step, backend="eager")
    before = model[0].weight.detach().clone()
    for _ in range(3):
        optimizer.zero_grad()
        model(torch.randn(2, 4)).sum().backward()
        step()
    assert not torch.equal(before, model[0].weight)


# ------------------------------------------------------------------------------------------------------ begin and end


def test_unwatch_leaves_no_hook_and_no_reference(run: cb.Run) -> None:
    model = small()
    watched = run.watch(model, every=1, activations=True)
    assert watched.hooks == hooks_on(model) == 3
    train(model, run, 2)
    run.unwatch(model)
    assert hooks_on(model) == watched.hooks == 0
    assert no_hook_on_optimizers()
    train(model, run, 2)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None
    assert list(Seen(run)["health/weight_norm"]) == [0, 1]


def test_watching_twice_replaces(run: cb.Run) -> None:
    model = small()
    run.watch(model, every=1)
    run.watch(model, every=2)
    assert hooks_on(model) == 3
    train(model, run, 4)
    assert list(Seen(run)["health/weight_norm"]) == [0, 2]


def test_a_model_that_goes_away_is_let_go(run: cb.Run) -> None:
    model = small()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    run.watch(model, every=1, activations=True)
    train(model, run, 2, optimizer=optimizer)
    gone, weight = weakref.ref(model), weakref.ref(model[0].weight)
    del model, optimizer
    gc.collect()
    assert gone() is None
    run.log({"loss": 0.0})
    cb.finish()
    gc.collect()
    assert weight() is None


def test_the_end_of_the_run_ends_it(run: cb.Run) -> None:
    model = small()
    run.watch(model, every=1)
    train(model, run, 1)
    run.finish()
    assert hooks_on(model) == 0
    assert no_hook_on_optimizers()


def test_a_watched_model_can_be_copied_and_pickled(run: cb.Run, tmp_path: Path) -> None:
    model = small()
    run.watch(model, every=1)
    twin = copy.deepcopy(model)
    batch = torch.randn(2, 4)
    assert torch.equal(twin(batch), model(batch))
    data = pickle.dumps(model)
    code = (
        "import pickle, sys, torch\n"
        f"model = pickle.load(open({str(tmp_path / 'model')!r}, 'rb'))\n"
        "model(torch.ones(2, 4)).sum().backward()\n"
        "assert not any(name.startswith('crossboard') for name in sys.modules)\n"
    )
    (tmp_path / "model").write_bytes(data)
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_a_disabled_run_touches_nothing(tmp_path: Path) -> None:
    model = small()
    run = cb.init(dir=tmp_path, mode="disabled")
    watched = run.watch(model)
    assert hooks_on(model) == 0
    with watched.step():
        pass
    watched.close()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"every": 0}, "every: want a whole number of steps >= 1, got 0"),
        ({"nan": "always"}, "nan: want 'every', 'sampled' or '', got 'always'"),
        ({"bins": 0}, "bins: want 1 to 4096"),
        ({"ranks": "zero"}, "ranks: want 'first' or 'all'"),
        ({"step": 3}, "step: want a function"),
    ],
)
def test_wrong_arguments_are_said(tmp_path: Path, arguments: dict[str, Any], said: str) -> None:
    run = cb.init(dir=tmp_path)
    with pytest.warns(CrossboardWarning, match=f"watch: ValueError: {said}"):
        watched = run.watch(small(), **arguments)
    with watched.step():
        pass


def test_what_is_no_model_is_said(tmp_path: Path) -> None:
    run = cb.init(dir=tmp_path)
    with pytest.warns(CrossboardWarning, match="watch: TypeError: want a torch module or a Keras model, got list"):
        run.watch([small()])


def test_errors_in_hooks_never_reach_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from crossboard.loggers.watch import torch_layers, torch_part

    def fail(*arguments: Any, **options: Any) -> Any:
        raise RuntimeError("no such operation")

    model = small()
    run = cb.init(dir=tmp_path)
    run.watch(model, every=1, activations=True)
    monkeypatch.setattr(torch_layers, "not_finite", fail)
    monkeypatch.setattr(torch_part, "counting", fail)
    with pytest.warns(CrossboardWarning, match="watch: RuntimeError: no such operation; training goes on") as caught:
        train(model, run, 3)
    assert len(caught) == 1
    assert caught[0].filename == __file__


# ------------------------------------------------------------------------------------------------------ several processes

DDP = """
import json, sys, torch
import torch.distributed as dist
import crossboard as cb
dist.init_process_group("gloo")
rank = dist.get_rank()
for ranks in ("first", "all"):
    torch.manual_seed(0)
    inner = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
    model = torch.nn.parallel.DistributedDataParallel(inner)
    run = cb.init(project="p", name=ranks, dir=sys.argv[1], strict=True)
    run.watch(model, every=2, ranks=ranks)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    torch.manual_seed(rank)
    for step in range(4):
        optimizer.zero_grad()
        model(torch.randn(8, 4)).pow(2).mean().backward()
        optimizer.step()
        run.log({"loss": 0.0}, step=step)
    run.finish()
    norms = run.own_points().get("gradient_norm/0.weight")
    print("NORMS", json.dumps([ranks, [] if norms is None else norms.value.tolist()]))
dist.destroy_process_group()
"""


@pytest.mark.slow
def test_in_a_distributed_training_the_ranks_that_are_wanted_watch(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    processes = []
    for rank in range(2):
        env = {"RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_RANK": str(rank), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        env = {**os.environ, **env, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-c", DDP, str(tmp_path)]
        processes.append(subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    norms: list[dict[str, list[float]]] = []
    for process in processes:
        out, problems = process.communicate(timeout=200)
        assert process.returncode == 0, problems
        norms.append(dict(json.loads(line[6:]) for line in out.splitlines() if line.startswith("NORMS")))
    assert len(norms[0]["first"]) == len(norms[0]["all"]) == 2
    assert norms[1]["first"] == []
    assert norms[1]["all"] == pytest.approx(norms[0]["all"])
