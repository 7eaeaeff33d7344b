"""Graphs that torch made itself, by export, FX or TorchScript: read as they stand, the same layers as a call shows."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import crossboard as cb
from crossboard.loggers.graphs.build import Captured
from crossboard.loggers.graphs.capture import capture
from crossboard.store.records import GraphOperation, GraphScope

pytestmark = pytest.mark.torch
if TYPE_CHECKING:
    import torch
else:
    torch = pytest.importorskip("torch")
nn = torch.nn
F = torch.nn.functional
Module: Any = nn.Module


class Net(Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.fc = nn.Linear(4, 4)
        self.tail = nn.Sequential(nn.Linear(4, 2), nn.ReLU())
        self.scale = nn.Parameter(torch.ones(2))

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        x = F.relu(self.norm(self.conv(x))).mean((2, 3))
        x = self.fc(self.fc(x))
        first, second = x.chunk(2, 1)
        return {"logits": self.tail(x) * self.scale, "halves": torch.cat([second, first], 1)}


class Unwrapped(Module):
    """TorchScript's tracer takes no dicts."""

    def __init__(self) -> None:
        super().__init__()
        self.net = Net()

    def forward(self, x: Any) -> Any:
        return tuple(self.net(x).values())


X = torch.zeros(2, 1, 8, 8)
LAYERS = ["Conv2d", "BatchNorm", "ReLU", "Mean", "Linear", "Linear", "Split", "Linear", "ReLU", "Mul", "Concat"]


def types(graph: Captured) -> list[str]:
    return [one.type for one in graph.operations if one.kind == "op"]


def named(graph: Captured, name: str) -> GraphOperation:
    (found,) = [one for one in graph.operations if one.name == name]
    return found


def scope(graph: Captured, path: str) -> GraphScope:
    (found,) = [one for one in graph.scopes if one.path == path]
    return found


def sources(graph: Captured, name: str) -> list[str]:
    return [edge.source for edge in sorted((one for one in graph.edges if one.target == name), key=lambda one: one.to_port)]


def check_whole(graph: Captured) -> None:
    operations, paths = {one.name for one in graph.operations}, [one.path for one in graph.scopes]
    assert len(operations) == len(graph.operations)
    assert len(set(paths)) == len(paths)
    assert all(edge.source in operations and edge.target in operations for edge in graph.edges)
    assert all(one.scope in paths for one in graph.operations if one.kind in ("op", "parameter"))
    assert all(one.parent == "" or one.parent in paths for one in graph.scopes)


@pytest.fixture(autouse=True)
def quietly() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch's own, of TorchScript
        yield


def exported(model: Any, **options: Any) -> Captured:
    return capture(torch.export.export(model.eval(), (X,), **options))


def test_a_call_an_export_an_fx_graph_and_a_script_show_the_same_layers(tmp_path: Path) -> None:
    model = Net().eval()
    graphs = {
        "call": capture(model, (X,)),
        "export": exported(model),
        "fx": capture(torch.fx.symbolic_trace(model)),
        "script": capture(torch.jit.script(model)),
    }
    for name, graph in graphs.items():
        check_whole(graph)
        assert [one for one in types(graph) if one not in ("Slice", "If")] == LAYERS, name
        assert (graph.parameters, graph.trainable) == (80, 80), name
        assert {one.path: one.type for one in graph.scopes if one.parameters} == {
            "Net": "Net",
            "Net.conv": "Conv2d",
            "Net.norm": "BatchNorm",
            "Net.fc": "Linear",
            "Net.tail.0": "Linear",
        }, name
        assert sources(graph, "logits") == ["Net/mul"], name
        assert sources(graph, "halves") == ["Net/cat"], name
        assert sources(graph, "Net/mul") == ["Net.tail.1/relu", "Net/scale"], name
        assert scope(graph, "Net.norm").attributes["buffers"] == 9
    assert graphs["export"].flops == graphs["call"].flops
    ports = [[edge.from_port for edge in graphs[name].edges if edge.target == "Net/cat"] for name in ("call", "export", "script")]
    assert ports == [[1, 0]] * 3
    with cb.init(dir=tmp_path, strict=True) as run:
        run.log_graph(torch.jit.script(model), tag="script")
        run.log_graph(torch.export.export(model, (X,)), tag="export")


def test_an_exported_program_has_lines_shapes_free_axes_and_edges() -> None:
    graph = exported(Net(), dynamic_shapes={"x": {0: torch.export.Dim("batch", min=2, max=64)}})
    assert named(graph, "x").outputs[0].shape == [None, 1, 8, 8]
    assert named(graph, "Net/cat").outputs[0].shape == [None, 4]
    line = Net.forward.__code__.co_firstlineno
    assert named(graph, "Net/mean").source == f"tests/test_graph_exported.py:{line + 1}"
    assert sources(graph, "Net.conv/conv2d") == ["x", "Net.conv/weight", "Net.conv/bias"]
    assert sources(graph, "Net.fc/linear_2")[1:] == ["Net.fc/weight", "Net.fc/bias"]
    assert named(graph, "Net.norm/running_mean").attributes["buffer"] is True


def test_a_decomposed_program_is_still_made_of_layers() -> None:
    program = torch.export.export(Net().eval(), (X,)).run_decompositions()
    graph = capture(program)
    check_whole(graph)
    assert {"Conv2d", "BatchNorm", "Linear"} <= set(types(graph))
    assert named(graph, "Net.conv/convolution").flops == capture(Net().eval(), (X,)).operations[3].flops == 2 * 2 * 4 * 36 * 9
    assert [one.flops for one in graph.operations if one.type == "Linear"] == [2 * 2 * 4 * 4, 2 * 2 * 4 * 4, 2 * 2 * 4 * 2]


def test_an_fx_graph_with_inputs_is_called() -> None:
    graph = capture(torch.fx.symbolic_trace(Net().eval()), (X,))
    check_whole(graph)
    assert graph.flops == capture(Net().eval(), (X,)).flops
    assert scope(graph, "Net.tail.0").type == "Linear"


def test_what_is_not_known_is_not_counted_as_nothing() -> None:
    graph = capture(torch.fx.symbolic_trace(Net().eval()))
    assert scope(graph, "Net").flops is None
    assert named(graph, "x").outputs[0].shape is None


def test_a_traced_module_has_shapes_and_a_second_call_is_a_scope_of_its_own() -> None:
    tracer: Any = torch.jit.trace
    graph = capture(tracer(Unwrapped().eval(), X))
    check_whole(graph)
    assert types(graph) == LAYERS
    assert graph.flops == capture(Net().eval(), (X,)).flops
    assert scope(graph, "Unwrapped.net.fc#2").attributes["call_of"] == "Unwrapped.net.fc"
    assert scope(graph, "Unwrapped.net.fc#2").parameters == 0
    second = "Unwrapped.net.fc#2/linear"
    assert sources(graph, second) == ["Unwrapped.net.fc/linear", "Unwrapped.net.fc/weight", "Unwrapped.net.fc/bias"]
    assert [one.name for one in graph.operations if one.kind == "output"] == ["output.0", "output.1"]


def test_a_scripted_function_keeps_its_loop_and_its_branch() -> None:
    def loop(x: torch.Tensor, n: int) -> tuple[torch.Tensor, list[torch.Tensor]]:
        for _ in range(n):
            if bool(x.sum() > 0):  # noqa: SIM108
                x = x * 2
            else:
                x = torch.relu(x)
        return x, [x]

    graph = capture(torch.jit.script(loop))
    check_whole(graph)
    assert types(graph) == ["While", "Sum", "Greater", "If", "Mul", "ReLU"]
    assert sources(graph, "loop.loop_1/if") == ["loop.loop_1/gt", "loop.loop_1.if_1.then/mul", "loop.loop_1.if_1.else/relu"]
    assert sources(graph, "loop/loop") == ["x", "loop.loop_1/if"]
    assert [one.name for one in graph.operations if one.kind == "output"] == ["output.0", "output.1.0"]


def test_a_scripted_lstm_is_one_layer() -> None:
    class Recurrent(Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(3, 4)
            self.head = nn.Linear(4, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y: torch.Tensor = self.head(self.lstm(x)[0])
            return y

    model = Recurrent()
    graph = capture(torch.jit.script(model))
    check_whole(graph)
    assert types(graph) == ["LSTM", "Linear"]
    assert graph.parameters == sum(one.numel() for one in model.parameters())
    assert sources(graph, "Recurrent.head/linear")[0] == "Recurrent.lstm/LSTM"
