"""Graphs of torch models: one real call shows what stands where, and afterwards nothing is different from before."""

from __future__ import annotations

import copy
import dataclasses
import gc
import random
import weakref
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import crossboard as cb
from crossboard.loggers import harmless
from crossboard.loggers.graphs.build import Captured
from crossboard.loggers.graphs.capture import capture
from crossboard.loggers.media.value import BadValue
from crossboard.store.blobs import read_blob
from crossboard.store.errors import CrossboardWarning
from crossboard.store.native import NativeSource
from crossboard.store.records import GraphEdge, GraphOperation, GraphPoint, GraphScope

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")
nn = torch.nn
F = torch.nn.functional
Module: Any = nn.Module


@pytest.fixture(autouse=True)
def said_anew() -> Any:
    harmless.forget_said()
    torch.manual_seed(0)
    yield
    cb.finish()


class Lists(msgspec.Struct):
    scopes: list[GraphScope]
    operations: list[GraphOperation]
    edges: list[GraphEdge]


def logged(run: cb.Run) -> tuple[GraphPoint, Lists]:
    """The only graph that `run`, which is finished here, logged."""
    run.finish()
    (found,) = NativeSource(Path(run.dir).parent.parent).scan()
    records = [placed.record for placed in NativeSource(Path(run.dir).parent.parent).read(found, None).records]
    (point,) = [record for record in records if isinstance(record, GraphPoint)]
    if point.blob is None:
        return point, Lists(point.scopes, point.operations, point.edges)
    assert [point.scopes, point.operations, point.edges] == [[], [], []]
    return point, msgspec.msgpack.decode(read_blob(run.dir, point.blob), type=Lists)


def called(model: Any, *args: Any, **keywords: Any) -> Captured:
    return capture(model, args, keywords)


def types(graph: Captured) -> list[str]:
    return [one.type for one in graph.operations if one.kind == "op"]


def named(graph: Captured | Lists, name: str) -> GraphOperation:
    (found,) = [one for one in graph.operations if one.name == name]
    return found


def scope(graph: Captured | Lists, path: str) -> GraphScope:
    (found,) = [one for one in graph.scopes if one.path == path]
    return found


def sources(graph: Captured | Lists, name: str) -> list[str]:
    """Where the inputs of an operation come from, in the order of its ports."""
    return [edge.source for edge in sorted((one for one in graph.edges if one.target == name), key=lambda one: one.to_port)]


def check_whole(graph: Captured | Lists) -> None:
    """Every edge joins two operations that are there, every operation and scope stands in a scope that is there."""
    operations, paths = {one.name for one in graph.operations}, [one.path for one in graph.scopes]
    assert len(operations) == len(graph.operations)
    assert len(set(paths)) == len(paths)
    assert all(edge.source in operations and edge.target in operations for edge in graph.edges)
    assert all(one.scope in paths for one in graph.operations if one.kind in ("op", "parameter"))
    assert all(one.parent == "" or one.parent in paths[:index] for index, one in enumerate(graph.scopes))
    assert paths.count("") == 0


class Small(Module):
    """conv, norm, relu, pool, linear."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(4, 3)

    def forward(self, x: Any) -> Any:
        x = F.relu(self.norm(self.conv(x)))
        x = self.drop(x.mean((2, 3)))
        return self.head(x)


def test_a_model_is_logged_and_read_back(tmp_path: Path) -> None:
    run = cb.init(dir=tmp_path, strict=True)
    run.log_graph(Small(), torch.zeros(2, 1, 8, 8))
    point, graph = logged(run)
    assert (point.framework, point.tag, point.step) == ("torch", "graph", 0)
    check_whole(graph)
    assert [one.type for one in graph.operations if one.kind == "op"] == ["Conv2d", "BatchNorm", "ReLU", "Mean", "Dropout", "Linear"]
    assert [(one.path, one.parent, one.type, one.parameters) for one in graph.scopes] == [
        ("Small", "", "Small", 0),
        ("Small.conv", "Small", "Conv2d", 40),
        ("Small.norm", "Small", "BatchNorm", 8),
        ("Small.drop", "Small", "Dropout", 0),
        ("Small.head", "Small", "Linear", 15),
    ]
    assert sources(graph, "Small.conv/conv2d") == ["x", "Small.conv/weight", "Small.conv/bias"]
    assert sources(graph, "output") == ["Small.head/linear"]
    (edge,) = [one for one in graph.edges if one.target == "output"]
    assert (edge.tensor.shape, edge.tensor.dtype) == ([2, 3], "float32")


def test_attributes_flops_layouts_and_lines() -> None:
    graph = called(Small(), torch.zeros(2, 1, 8, 8))
    conv = named(graph, "Small.conv/conv2d")
    assert conv.attributes["original"] == "conv2d"
    assert (conv.attributes["layout"], conv.attributes["weight_layout"], conv.attributes["stride"]) == ("NCHW", "OIHW", [2, 2])
    assert scope(graph, "Small.conv").attributes["kernel_size"] == [3, 3]
    assert scope(graph, "Small.norm").attributes["buffers"] == 9
    assert conv.flops == 2 * (2 * 4 * 4 * 4) * 9
    assert named(graph, "Small.head/linear").flops == 2 * 2 * 4 * 3
    assert scope(graph, "Small").flops == graph.flops == sum(one.flops or 0 for one in graph.operations)
    first = Small.forward.__code__.co_firstlineno
    assert conv.source == named(graph, "Small/relu").source == f"tests/test_graph_torch.py:{first + 1}"
    assert scope(graph, "Small").source == f"tests/test_graph_torch.py:{first}"
    assert scope(graph, "Small.conv").source == ""
    assert conv.device == "cpu"


def test_flops_agree_with_torchs_own_counter() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    class Attention(Module):
        def forward(self, q: Any, k: Any, v: Any) -> Any:
            return F.scaled_dot_product_attention(q, k, v)

    q, k = torch.randn(2, 4, 5, 8), torch.randn(2, 4, 7, 8)
    cases: list[tuple[Any, tuple[Any, ...]]] = [
        (nn.Linear(8, 5), (torch.zeros(3, 8),)),
        (nn.Conv2d(4, 6, 3, groups=2), (torch.zeros(2, 4, 8, 8),)),
        (nn.ConvTranspose2d(4, 6, 3, stride=2), (torch.zeros(2, 4, 8, 8),)),
        (nn.Conv1d(4, 6, 3), (torch.zeros(2, 4, 8),)),
    ]
    for model, inputs in cases:
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model(*inputs)
        assert called(model, *inputs).flops == counter.get_total_flops(), model
    assert called(Attention(), q, k, k).flops == 2 * 4 * 5 * 7 * (4 * 8 + 5)  # not counted by torch on a CPU


def test_arguments_are_told_by_their_names() -> None:
    class Many(Module):
        def forward(self, x: Any) -> Any:
            x = F.max_pool2d(x, 2).view(2, -1).permute(1, 0)[:, None, 1:2].to("cpu").to(torch.float64)
            torch.arange(1, 4), torch.zeros(2, 3), torch.einsum("abc->b", x)
            return F.softmax(x, -1).clamp(0, 1)

    attributes = {
        one.name.rpartition("/")[2]: one.attributes for one in called(Many(), torch.zeros(2, 4, 4, 4)).operations if one.kind == "op"
    }
    assert attributes["max_pool2d"]["kernel_size"] == 2
    assert attributes["view"]["shape"] == [2, -1]
    assert attributes["permute"]["dim"] == [1, 0]
    assert attributes["getitem"]["key"] == [":", None, "1:2"]
    assert (attributes["to"]["device"], attributes["to_2"]["dtype"]) == ("cpu", "float64")
    assert (attributes["arange"]["start"], attributes["arange"]["end"]) == (1, 4)
    assert attributes["zeros"]["size"] == [2, 3]
    assert attributes["einsum"]["equation"] == "abc->b"
    assert attributes["softmax"] == {"dim": -1, "original": "softmax"}
    assert (attributes["clamp"]["min"], attributes["clamp"]["max"]) == (0, 1)


def test_lstm_flops_are_its_matrices_once_a_step() -> None:
    graph = called(nn.LSTM(6, 5, num_layers=2, bidirectional=True, batch_first=True), torch.zeros(3, 7, 6))
    (lstm,) = [one for one in graph.operations if one.type == "LSTM"]
    assert lstm.flops == 2 * 3 * 7 * 4 * 5 * 2 * ((6 + 5) + (10 + 5))
    assert lstm.attributes["num_layers"] == 2
    assert lstm.attributes["bidirectional"] is True


# ------------------------------------------------------------------------------------------- what can be called


class Dicts(Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(10, 4)
        self.head = nn.Linear(4, 2)

    def forward(self, batch: dict[str, Any], mask: Any = None, *, scale: float = 1.0, extra: Any = None) -> dict[str, Any]:
        x = self.embed(batch["ids"])
        if extra is not None:
            x = x + extra["deep"][0]
        if mask is not None:
            x = x * mask
        return {"logits": self.head(x) * scale, "hidden": (x, None, "text"), "count": 3}


def test_dicts_keywords_none_and_nested_outputs() -> None:
    batch = {"ids": torch.tensor([[1, 2]]), "names": ["a"]}
    graph = called(Dicts(), batch, None, scale=2.0, extra={"deep": [torch.ones(4)]})
    check_whole(graph)
    assert [one.name for one in graph.operations if one.kind == "input"] == ["batch.ids", "extra.deep.0"]
    assert [one.name for one in graph.operations if one.kind == "output"] == ["logits", "hidden.0"]
    assert sources(graph, "Dicts/add") == ["Dicts.embed/embedding", "extra.deep.0"]
    assert sources(graph, "logits") == ["Dicts/mul"]
    assert named(graph, "Dicts/mul").attributes["other"] == 2.0


@dataclasses.dataclass
class Plain:
    loss: Any
    logits: Any = None


class ModelOutput(OrderedDict[str, Any]):
    """As Hugging Face's: a mapping that is a dataclass as well."""


@pytest.mark.parametrize(
    ("wrap", "want"),
    [
        (lambda x: x, ["output"]),
        (lambda x: (x, x * 2), ["0", "1"]),
        (lambda x: [x], ["0"]),
        (lambda x: Plain(x.sum(), logits=x), ["output.loss", "output.logits"]),
        (lambda x: ModelOutput(loss=x.sum(), past=((x, x), (x, x))), ["loss", "past.0.0", "past.0.1", "past.1.0", "past.1.1"]),
        (lambda _: None, []),
        (lambda _: 3.0, []),
    ],
)
def test_outputs_of_any_form(wrap: Callable[[Any], Any], want: list[str]) -> None:
    class Wrapping(Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(2, 2)

        def forward(self, x: Any) -> Any:
            return wrap(self.head(x))

    graph = called(Wrapping(), torch.zeros(1, 2))
    check_whole(graph)
    assert [one.name for one in graph.operations if one.kind == "output"] == want


def test_control_flow_is_shown_as_it_was_taken_and_where_it_looked() -> None:
    class Branch(Module):
        def forward(self, x: Any) -> Any:
            for _ in range(int(x.sum())):
                x = x.sin()
            return x if x.mean() > 100 else x.cos()

    graph = called(Branch(), torch.ones(3))
    assert types(graph) == ["Sum", "ToPython", "Sin", "Sin", "Sin", "Mean", "Greater", "ToPython", "Cos"]
    assert sources(graph, "Branch/sin_3") == ["Branch/sin_2"]


def test_a_shared_module_is_called_twice_and_counted_once() -> None:
    class Block(Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(4, 4)

        def forward(self, x: Any) -> Any:
            return torch.tanh(self.inner(x))

    class Twice(Module):
        def __init__(self) -> None:
            super().__init__()
            self.block = Block()
            self.again = self.block
            self.tied = nn.Linear(4, 4, bias=False)
            self.tied.weight = self.block.inner.weight

        def forward(self, x: Any) -> Any:
            return self.tied(self.again(self.block(x)))

    model = Twice()
    graph = called(model, torch.zeros(1, 4))
    check_whole(graph)
    assert graph.parameters == graph.trainable == sum(one.numel() for one in model.parameters()) == 20
    paths = ["Twice", "Twice.block", "Twice.block#2", "Twice.block.inner", "Twice.block#2.inner", "Twice.tied"]
    assert [one.path for one in graph.scopes] == paths
    assert scope(graph, "Twice.block#2").attributes["call_of"] == "Twice.block"
    assert scope(graph, "Twice.block#2.inner").parameters == 0
    assert sources(graph, "Twice.block#2.inner/linear") == ["Twice.block/tanh", "Twice.block.inner/weight", "Twice.block.inner/bias"]
    assert sources(graph, "Twice.tied/linear") == ["Twice.block#2/tanh", "Twice.block.inner/weight"]
    assert scope(graph, "Twice.tied").attributes["shared"] == {"weight": "block.inner.weight"}


def test_a_residual_past_an_operation_that_returns_its_input_stays_apart_from_it() -> None:
    class Residual(Module):
        def forward(self, x: Any) -> Any:
            y = x + 1
            return F.dropout(y, 0.5, training=False).contiguous() + y

    graph = called(Residual(), torch.zeros(2))
    assert sources(graph, "Residual/add_2") == ["Residual/contiguous", "Residual/add"]
    assert sources(graph, "Residual/contiguous") == ["Residual/dropout"]


def test_what_is_written_in_place_is_read_from_there() -> None:
    class InPlace(Module):
        def forward(self, x: Any) -> Any:
            y = x * 1
            y[0] = 5
            y[1:].add_(1)
            y += 2
            return torch.relu_(y).neg()

    given = torch.zeros(3)
    graph = called(InPlace(), given)
    check_whole(graph)
    assert sources(graph, "output") == ["InPlace/neg"]
    assert sources(graph, "InPlace/neg") == ["InPlace/relu"]
    assert types(graph) == ["Mul", "SetItem", "Slice", "Add", "Add", "ReLU", "Neg"]
    assert sources(graph, "InPlace/add_2") == ["InPlace/add"]
    assert sources(graph, "InPlace/getitem") == ["InPlace/setitem"]


def test_freed_tensors_make_no_edges() -> None:
    class Freeing(Module):
        def forward(self, x: Any) -> Any:
            for index in range(50):
                x.sin()  # freed at once: what comes next may get its address, and its memory
                with torch._C.DisableTorchFunction():
                    y = torch.full((3,), float(index))
                x = x + y
                del y
            return x

    graph = called(Freeing(), torch.zeros(3))
    sums = [one.name for one in graph.operations if one.type == "Add"]
    constants = [one.name for one in graph.operations if one.type == "Constant"]
    assert len(sums) == len(constants) == 50
    assert [sources(graph, name)[1] for name in sums] == constants


def test_intermediate_tensors_are_let_go() -> None:
    alive: list[Any] = []

    class Watching(Module):
        def forward(self, x: Any) -> Any:
            for _ in range(10):
                x = x * 2
                alive.append(weakref.ref(x))
                assert sum(one() is not None for one in alive) <= 2
            return x

    gc.disable()
    try:
        called(Watching(), torch.zeros(4))
        assert all(one() is None for one in alive)
    finally:
        gc.enable()


def test_what_torch_does_not_see_is_one_opaque_operation() -> None:
    class Outside(Module):
        def forward(self, x: Any) -> Any:
            with torch._C.DisableTorchFunction():
                return x * 2 + 1

    class Net(Module):
        def __init__(self) -> None:
            super().__init__()
            self.outside = Outside()

        def forward(self, x: Any) -> Any:
            return self.outside(x).relu()

    graph = called(Net(), torch.zeros(2))
    opaque = named(graph, "Net.outside/Outside")
    assert opaque.attributes["opaque"] is True
    assert sources(graph, opaque.name) == ["x"]
    assert sources(graph, "Net/relu") == [opaque.name]


def test_a_view_made_out_of_sight_is_known_by_its_memory() -> None:
    class Viewed(Module):
        def forward(self, x: Any) -> Any:
            y = x * 2
            with torch._C.DisableTorchFunction():
                z = y.view(4)
            return z.relu(), y

    assert sources(called(Viewed(), torch.zeros(2, 2)), "Viewed/relu") == ["Viewed/mul"]


def test_what_torch_func_wraps_is_said_to_be_unseen() -> None:
    class Mapped(Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(2, 2)

        def forward(self, x: Any) -> Any:
            return torch.vmap(self.fc)(x)

    graph = called(Mapped(), torch.zeros(3, 2))
    check_whole(graph)
    assert sources(graph, "Mapped.fc/linear")[0] == "Mapped.fc/unseen"
    assert named(graph, "Mapped.fc/unseen").type == "Unseen"


def test_a_watched_model_is_not_heard(tmp_path: Path) -> None:
    run = cb.init(dir=tmp_path, strict=True)
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    run.watch(model, every=1, activations=True)
    hooks = [dict(one._forward_hooks) for one in model]
    tables = [one._forward_hooks for one in model]
    run.log_graph(model, torch.full((1, 2), float("nan")))
    assert [dict(one._forward_hooks) for one in model] == hooks
    assert all(one._forward_hooks is table for one, table in zip(model, tables, strict=True))
    assert any(hooks)
    _, graph = logged(run)
    assert len([one for one in graph.operations if one.kind == "op"]) == 2


def test_parameters_used_directly_and_those_that_are_not_used() -> None:
    class Raw(Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(3))
            self.frozen = nn.Parameter(torch.ones(2), requires_grad=False)
            self.register_buffer("table", torch.ones(3))
            self.mask = torch.ones(3)
            self.idle = nn.Linear(2, 2)

        def forward(self, x: Any) -> Any:
            return x * self.scale.data + self.table - self.mask

    graph = called(Raw(), torch.zeros(3))
    check_whole(graph)
    assert sources(graph, "Raw/mul") == ["x", "Raw/scale"]
    assert sources(graph, "Raw/add") == ["Raw/mul", "Raw/table"]
    assert sources(graph, "Raw/sub") == ["Raw/add", "Raw/constant"]
    assert named(graph, "Raw/table").attributes == {"name": "table", "trainable": False, "buffer": True}
    assert named(graph, "Raw/frozen").attributes == {"name": "frozen", "trainable": False, "unread": True}
    assert (scope(graph, "Raw").parameters, scope(graph, "Raw").trainable) == (5, 3)
    assert named(graph, "Raw.idle/weight").attributes["unread"] is True
    assert scope(graph, "Raw.idle").attributes["called"] is False


def test_containers_of_called_modules_are_scopes_too() -> None:
    class Net(Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList([nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 2), nn.ReLU())])

        def forward(self, x: Any) -> Any:
            for layer in self.layers:
                x = layer(x)
            return x

    graph = called(Net(), torch.zeros(1, 2))
    assert [one.path for one in graph.scopes][1:] == [
        "Net.layers",
        "Net.layers.0",
        "Net.layers.1",
        "Net.layers.1.0",
        "Net.layers.1.1",
    ]
    assert "called" not in scope(graph, "Net.layers").attributes
    assert scope(graph, "Net.layers").flops == graph.flops


def test_a_plain_function_of_tensors_has_a_graph_too() -> None:
    layer = nn.Linear(2, 2)

    def step(x: Any, y: Any) -> Any:
        return F.mse_loss(layer(x), y)

    graph = called(step, torch.zeros(1, 2), y=torch.zeros(1, 2))
    check_whole(graph)
    assert types(graph)[-2:] == ["Linear", "MSELoss"]
    assert [one.path for one in graph.scopes] == ["step", "step.Linear"]


def test_wrappers_are_looked_through() -> None:
    model = nn.Sequential(nn.Linear(2, 2))
    x = torch.zeros(1, 2)
    plain = called(model, x)
    for wrapped in (torch.compile(model), nn.DataParallel(model)):
        assert called(wrapped, x) == plain
    inside = called(nn.Sequential(torch.compile(nn.Linear(2, 2))), x)
    assert [one.path for one in inside.scopes] == ["Sequential", "Sequential.0"]
    assert named(inside, "Sequential.0/linear").flops == 8


def test_a_lazy_module_stays_lazy() -> None:
    model = nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d())
    state = torch.get_rng_state()
    graph = called(model, torch.zeros(2, 5))
    assert graph.parameters == 5 * 3 + 3 + 6
    assert type(model[0]) is nn.LazyLinear
    assert torch.nn.parameter.is_lazy(model[0].weight)
    assert torch.equal(state, torch.get_rng_state())


def test_a_model_that_differentiates_in_its_forward_method() -> None:
    class Energy(Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Linear(2, 1)

        def forward(self, x: Any) -> Any:
            x = x.detach().requires_grad_()
            return torch.autograd.grad(self.net(x).sum(), x, create_graph=True)[0]

    graph = called(Energy(), torch.zeros(3, 2))
    assert "Linear" in types(graph)


# -------------------------------------------------------------------------------------- everything as before


class Meddling(Module):
    """Does in its forward method what it should not."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(3)
        self.weight = nn.Parameter(torch.ones(3))
        self.replaced = nn.Parameter(torch.ones(3))
        self.register_buffer("count", torch.zeros(()))
        self.swapped: Any
        self.register_buffer("swapped", torch.zeros(3))
        self.calls = 0
        self.cache: Any = None
        self.drop = nn.Dropout(0.5)
        self.fails = False

    def forward(self, x: Any) -> Any:
        self.calls += 1
        self.made_here = x
        self.count += 1
        self.swapped = self.swapped + 1
        self.weight.data.mul_(2)
        with torch.no_grad():
            self.weight.add_(1)
        self.replaced.data = torch.zeros(3)
        x.add_(1)
        self.cache = self.drop(self.norm(x)) * self.weight
        self.norm.eval()
        self.weight.requires_grad_(False)
        random.random()
        np.random.rand()
        if self.fails:
            raise RuntimeError("planted")
        return self.cache


@pytest.mark.parametrize("fails", [False, True])
def test_everything_is_as_before_also_when_the_call_raises(fails: bool) -> None:
    model = Meddling()
    model.fails = fails
    model.weight.grad = torch.full((3,), 7.0)
    grad = model.weight.grad
    ran: list[str] = []
    model.norm.register_forward_hook(lambda *_: ran.append("hook"))
    x = torch.randn(5, 3)
    random.seed(1)
    np.random.seed(1)
    before = copy.deepcopy(model.state_dict())
    attributes = {name: dict(vars(one)) for name, one in model.named_modules()}
    module_call = Module.__call__
    buffers = dict(model._buffers)
    given, states = x.clone(), (torch.get_rng_state(), random.getstate(), str(np.random.get_state()))

    if fails:
        with pytest.raises(BadValue, match="Meddling raised in its call: RuntimeError: planted"):
            called(model, x)
    else:
        called(model, x)

    assert ran == ["hook"]
    assert torch.equal(x, given)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert {name: dict(vars(one)) for name, one in model.named_modules()} == attributes
    assert all(model._buffers[name] is one for name, one in buffers.items())
    assert (model.calls, model.cache, hasattr(model, "made_here")) == (0, None, False)
    assert all(one.training for one in model.modules())
    assert all(one.requires_grad for one in model.parameters())
    assert model.weight.grad is grad
    assert model.replaced.grad is None
    assert torch.equal(states[0], torch.get_rng_state())
    assert states[1:] == (random.getstate(), str(np.random.get_state()))
    assert torch.is_grad_enabled()
    assert Module.__call__ is module_call
    assert torch.overrides._get_current_function_mode() is None


def test_training_goes_on_to_the_same_numbers() -> None:
    def train(look: bool) -> list[Any]:
        torch.manual_seed(3)
        model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(0.3), nn.Linear(4, 1))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        for _ in range(5):
            x = torch.randn(8, 4)
            loss = model(x).square().mean()
            if look:
                called(model, x)  # also between forward and backward
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return list(model.state_dict().values())

    for one, other in zip(train(False), train(True), strict=True):
        assert torch.equal(one, other)


def test_no_autograd_graph_is_kept_and_outputs_are_let_go() -> None:
    kept: list[Any] = []

    class Net(Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(2, 2)

        def forward(self, x: Any) -> Any:
            y = self.fc(x)
            kept.append((weakref.ref(y), y.requires_grad))
            return y

    called(Net(), torch.zeros(1, 2))
    ((reference, requires_grad),) = kept
    assert reference() is None
    assert requires_grad is False


# ------------------------------------------------------------------------------------------- through the run


def test_a_model_that_fails_is_a_warning_at_the_users_line_and_training_goes_on(tmp_path: Path) -> None:
    run = cb.init(dir=tmp_path)
    with pytest.warns(
        CrossboardWarning, match=r"'graph': Graph: Linear raised in its call: RuntimeError: mat1 and mat2 .*got torch.Tensor"
    ) as said:
        run.log_graph(nn.Linear(3, 2), torch.zeros(1, 7))
    assert said[0].filename == __file__
    with pytest.warns(CrossboardWarning, match=r"Small is called once .* inputs \(x\) are missing; want run.log_graph"):
        run.log_graph(Small())
    with pytest.warns(CrossboardWarning, match="want a torch module, .* got int"):
        run.log_graph(3)
    run.log_graph(nn.Linear(3, 2), torch.zeros(1, 3))
    assert logged(run)[0].framework == "torch"


def test_strict_raises(tmp_path: Path) -> None:
    run = cb.init(dir=tmp_path, strict=True)
    with pytest.raises(TypeError, match="raised in its call"):
        run.log_graph(nn.Linear(3, 2), torch.zeros(1, 7))


def test_a_disabled_run_does_not_call_the_model() -> None:
    ran: list[int] = []

    def model(x: Any) -> Any:
        ran.append(1)
        return x

    cb.init(mode="disabled").log_graph(model, torch.zeros(1))
    assert ran == []


def test_tag_and_step_and_the_automatic_step_stands_still(tmp_path: Path) -> None:
    run = cb.init(dir=tmp_path, strict=True)
    run.log_graph(nn.Linear(2, 2), torch.zeros(1, 2), tag="model/first")
    run.log({"a": 1.0})
    assert {tag: points.step.tolist() for tag, points in run.own_points().items()} == {"a": [0]}
    point, _ = logged(run)
    assert (point.tag, point.step) == ("model/first", 0)


def test_keyword_inputs_named_like_the_methods_own_go_through_inputs(tmp_path: Path) -> None:
    class Stepped(Module):
        def forward(self, x: Any, step: Any, tag: Any) -> Any:
            return x + step * tag

    class Own(Module):
        def forward(self, inputs: dict[str, Any]) -> Any:
            return inputs["x"] * 2

    x = torch.ones(2)
    run = cb.init(dir=tmp_path / "a", strict=True)
    run.log_graph(Stepped(), x, step=5, inputs={"step": x + 1, "tag": x + 2})
    point, graph = logged(run)
    assert point.step == 5
    assert [one.name for one in graph.operations if one.kind == "input"] == ["x", "step", "tag"]
    run = cb.init(dir=tmp_path / "b", strict=True)
    run.log_graph(Own(), inputs={"x": x})
    assert [one.name for one in logged(run)[1].operations if one.kind == "input"] == ["inputs.x"]


def test_a_large_graph_lies_in_a_blob(tmp_path: Path) -> None:
    run = cb.init(dir=tmp_path, strict=True)
    model = nn.Sequential(*(nn.Linear(2, 2) for _ in range(700)))
    captured = called(model, torch.zeros(1, 2))
    run.log({"graph": cb.Graph(captured)}, step=3)
    point, graph = logged(run)
    assert point.blob is not None
    assert (graph.scopes, graph.operations, graph.edges) == (captured.scopes, captured.operations, captured.edges)
    assert len(graph.operations) == 700 * 3 + 2


def test_a_step_is_not_a_training_step_of_hooks_of_ours() -> None:
    ran: list[str] = []

    def ours(*_: Any) -> None:
        ran.append("ours")

    ours.__module__ = "crossboard.loggers.watching"
    model = nn.Linear(2, 2)
    model.register_forward_hook(ours)
    called(model, torch.zeros(1, 2))
    assert ran == []
    model(torch.zeros(1, 2))
    assert ran == ["ours"]
