"""Graphs of Keras models and TensorFlow functions: the layers as they are connected, the same names as in torch, nothing left behind."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import crossboard as cb
from crossboard.loggers import harmless
from crossboard.loggers.graphs.build import Captured
from crossboard.loggers.graphs.capture import capture
from crossboard.loggers.media.value import BadValue
from crossboard.store.errors import CrossboardWarning
from crossboard.store.native import NativeSource
from crossboard.store.records import GraphOperation, GraphPoint, GraphScope

pytestmark = pytest.mark.tensorflow


@pytest.fixture(autouse=True)
def said_anew(monkeypatch: pytest.MonkeyPatch) -> Any:
    harmless.forget_said()
    yield
    cb.finish()


@pytest.fixture
def keras() -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return pytest.importorskip("keras")


@pytest.fixture
def tf() -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return pytest.importorskip("tensorflow")


def called(model: Any, *args: Any, **keywords: Any) -> Captured:
    return capture(model, args, keywords)


def types(graph: Captured) -> list[str]:
    return [one.type for one in graph.operations if one.kind == "op"]


def named(graph: Captured, name: str) -> GraphOperation:
    (found,) = [one for one in graph.operations if one.name == name]
    return found


def scope(graph: Captured, path: str) -> GraphScope:
    (found,) = [one for one in graph.scopes if one.path == path]
    return found


def sources(graph: Captured, name: str) -> list[str]:
    """Where data flows in from, in the order of the ports."""
    return [edge.source for edge in sorted((one for one in graph.edges if one.target == name), key=lambda one: one.to_port)]


def check_whole(graph: Captured) -> None:
    """Every edge joins two operations that are there, every operation and scope stands in a scope that is there."""
    operations, paths = {one.name for one in graph.operations}, [one.path for one in graph.scopes]
    assert len(operations) == len(graph.operations)
    assert len(set(paths)) == len(paths)
    assert all(edge.source in operations and edge.target in operations for edge in graph.edges)
    assert all(one.scope in paths for one in graph.operations if one.kind in ("op", "parameter"))
    assert all(one.parent == "" or one.parent in paths for one in graph.scopes)


def cnn(keras: Any, **options: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((12, 12, 3)),
            layers.Conv2D(8, 3, activation="relu", name="first"),
            layers.BatchNormalization(name="norm"),
            layers.MaxPooling2D(2, name="pool"),
            layers.Conv2D(4, 3, activation="relu", name="second"),
            layers.Flatten(name="flat"),
            layers.Dropout(0.5, name="drop"),
            layers.Dense(10, activation="softmax", name="head"),
        ],
        **options,
    )


# ----------------------------------------------------------------------------------------------------- Keras


def test_a_sequential_model_needs_no_inputs(keras: Any, tmp_path: Path) -> None:
    run = cb.init(dir=tmp_path, strict=True)
    run.log_graph(cnn(keras))
    run.finish()
    (found,) = NativeSource(tmp_path).scan()
    (point,) = [one.record for one in NativeSource(tmp_path).read(found, None).records if isinstance(one.record, GraphPoint)]
    assert point.framework == "keras"
    graph = Captured(point.framework, point.scopes, point.operations, point.edges)
    check_whole(graph)
    assert types(graph) == ["Conv2d", "ReLU", "BatchNorm", "MaxPool2d", "Conv2d", "ReLU", "Flatten", "Dropout", "Linear", "Softmax"]
    assert [(one.path, one.type, one.parameters) for one in graph.scopes] == [
        ("Sequential", "Sequential", 0),
        ("Sequential.first", "Conv2d", 224),
        ("Sequential.norm", "BatchNorm", 16),
        ("Sequential.pool", "MaxPool2d", 0),
        ("Sequential.second", "Conv2d", 292),
        ("Sequential.flat", "Flatten", 0),
        ("Sequential.drop", "Dropout", 0),
        ("Sequential.head", "Linear", 370),
    ]
    assert scope(graph, "Sequential.norm").attributes["buffers"] == 16
    conv = named(graph, "Sequential.first/conv2d")
    assert (conv.attributes["layout"], conv.attributes["weight_layout"], conv.attributes["original"]) == ("NHWC", "HWIO", "Conv2D")
    assert conv.outputs[0].shape == [None, 10, 10, 8]
    assert conv.flops == 2 * 10 * 10 * 8 * 27
    assert sources(graph, conv.name) == ["input", "Sequential.first/kernel", "Sequential.first/bias"]
    assert sources(graph, "output") == ["Sequential.head/softmax"]


@pytest.mark.torch
def test_the_same_network_in_torch_and_keras_has_the_same_types_and_counts(keras: Any) -> None:
    import torch
    from torch import nn

    theirs = nn.Sequential(
        nn.Conv2d(3, 8, 3),
        nn.ReLU(),
        nn.BatchNorm2d(8),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 4, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(36, 10),
        nn.Softmax(-1),
    )
    one, other = called(theirs, torch.zeros(1, 3, 12, 12)), called(cnn(keras))
    assert types(one) == types(other)
    assert one.parameters == other.parameters
    assert one.trainable == other.trainable
    layers = {"Conv2d", "BatchNorm", "MaxPool2d", "Flatten", "Dropout", "Linear"}
    assert [scope.type for scope in one.scopes if scope.type in layers] == [scope.type for scope in other.scopes if scope.type in layers]
    assert [scope.parameters for scope in one.scopes if scope.parameters] == [
        scope.parameters for scope in other.scopes if scope.parameters
    ]
    assert one.flops == other.flops
    layouts = [
        [operation.attributes.get("layout") for operation in graph.operations if operation.type == "Conv2d"] for graph in (one, other)
    ]
    assert layouts == [["NCHW", "NCHW"], ["NHWC", "NHWC"]]


@pytest.mark.torch
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN"])
def test_recurrent_layers_cost_the_same_in_both(keras: Any, kind: str) -> None:
    import torch

    theirs = getattr(torch.nn, {"SimpleRNN": "RNN"}.get(kind, kind))(6, 5, batch_first=True)
    ours = keras.Sequential([keras.layers.Input((7, 6)), getattr(keras.layers, kind)(5, return_sequences=True)])
    one = [operation for operation in called(theirs, torch.zeros(1, 7, 6)).operations if operation.type == theirs.mode.partition("_")[0]]
    other = [operation for operation in called(ours).operations if operation.type == one[0].type]
    assert one[0].flops == other[0].flops is not None


def test_a_functional_model_with_branches_shared_layers_and_a_model_inside(keras: Any) -> None:
    layers = keras.layers
    inner = keras.Sequential([layers.Input((4,)), layers.Dense(4, name="deep")], name="inner")
    left, right = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    shared = layers.Dense(4, name="shared")
    merged = layers.Add(name="merge")([shared(left), shared(right)])
    scaled = keras.ops.tanh(inner(merged)) * 2.0
    model = keras.Model({"left": left, "right": right}, {"a": scaled, "b": layers.Dense(1, name="out")(scaled)}, name="two")
    graph = called(model)
    check_whole(graph)
    assert [one.name for one in graph.operations if one.kind == "input"] == ["left", "right"]
    assert [one.name for one in graph.operations if one.kind == "output"] == ["a", "b"]
    assert sources(graph, "Functional.merge/add") == ["Functional.shared/dense", "Functional.shared#2/dense"]
    assert sources(graph, "Functional.shared#2/dense") == ["right", "Functional.shared/kernel", "Functional.shared/bias"]
    assert sources(graph, "Functional.inner.deep/dense")[0] == "Functional.merge/add"
    assert sources(graph, "a") == sources(graph, "Functional.out/dense")[:1] == ["Functional/multiply"]
    assert graph.parameters == model.count_params()
    assert scope(graph, "Functional.shared#2").parameters == 0


def subclassed(keras: Any) -> Any:
    layers = keras.layers

    class Block(layers.Layer):  # type: ignore[misc, name-defined, unused-ignore]
        def __init__(self, width: int) -> None:
            super().__init__(name="block")
            self.dense = layers.Dense(width, name="dense")
            self.norm = layers.LayerNormalization(name="norm")

        def build(self, shape: Any) -> None:
            self.scale = self.add_weight(shape=(shape[-1],), name="scale")
            self.dense.build(shape)
            self.norm.build(shape)

        def call(self, x: Any) -> Any:
            return self.norm(x + self.dense(keras.ops.relu(x)) * self.scale)

    class Net(keras.Model):  # type: ignore[misc, name-defined, unused-ignore]
        def __init__(self) -> None:
            super().__init__(name="net")
            self.embed = layers.Embedding(10, 8, name="embed")
            self.block = Block(8)
            self.attention = layers.MultiHeadAttention(2, 4, name="attention")
            self.out = layers.Dense(3, name="out")
            self.idle = layers.Dense(3, name="idle")

        def call(self, batch: Any, training: bool = False) -> Any:
            x = self.block(self.block(self.embed(batch["ids"])))
            x = self.attention(x, x)
            self.add_loss(keras.ops.mean(x))
            return {"logits": self.out(x), "hidden": x}

    return Net()


def test_a_subclassed_model_is_looked_into(keras: Any) -> None:
    model = subclassed(keras)
    graph = called(model, {"ids": np.ones((2, 5), "int32")})
    check_whole(graph)
    assert types(graph) == [
        "Embedding",
        *["ReLU", "Linear", "Mul", "Add", "LayerNorm"] * 2,
        "MultiHeadAttention",
        "Mean",
        "Linear",
    ]
    assert graph.parameters == model.count_params() == 80 + (72 + 16 + 8) + 4 * 72 + 27
    assert sources(graph, "Net.block#2/add")[0] == "Net.block.norm/layer_normalization"
    assert sources(graph, "Net.block#2/multiply") == ["Net.block#2.dense/dense", "Net.block/scale"]
    assert sources(graph, "logits") == ["Net.out/dense"]
    assert scope(graph, "Net.attention.query").parameters == 72
    assert "called" not in scope(graph, "Net.attention.query").attributes
    assert scope(graph, "Net.idle").attributes["called"] is False
    line = type(model).call.__code__.co_firstlineno
    assert scope(graph, "Net").source == f"tests/test_graph_tensorflow.py:{line}"
    assert named(graph, "Net.out/dense").source == f"tests/test_graph_tensorflow.py:{line + 4}"


def test_a_model_that_is_not_built_yet_is_seen_once(keras: Any) -> None:
    layers = keras.layers

    class Variational(keras.Model):  # type: ignore[misc, name-defined, unused-ignore]
        def __init__(self) -> None:
            super().__init__(name="vae")
            self.encoder = keras.Sequential([layers.Dense(4, activation="relu", name="deep"), layers.Dense(4, name="both")], name="encoder")
            self.seed = keras.random.SeedGenerator(1)

        def call(self, x: Any) -> Any:
            mean, spread = keras.ops.split(self.encoder(x), 2, axis=-1)
            self.add_loss(keras.ops.mean(spread))
            return mean + keras.ops.exp(spread) * keras.random.normal(keras.ops.shape(mean), seed=self.seed)

    graph = called(Variational(), np.ones((2, 3), "float32"))
    check_whole(graph)
    assert types(graph) == ["Linear", "ReLU", "Linear", "Split", "Mean", "Exp", "Mul", "Add"]
    assert [one.path for one in graph.scopes] == [f"Variational{name}" for name in ("", ".encoder", ".encoder.deep", ".encoder.both")]
    assert sources(graph, "Variational/split") == ["Variational.encoder.both/dense"]
    assert sources(graph, "Variational.encoder.deep/dense")[0] == "x"
    assert graph.parameters == 16 + 20


def test_wrappers_of_layers_are_what_they_wrap(keras: Any) -> None:
    layers = keras.layers
    one = called(keras.Sequential([layers.Input((5, 8)), layers.TimeDistributed(layers.Dense(3, activation="relu"))]))
    assert types(one) == ["Linear", "ReLU"]
    assert one.parameters == 27
    assert one.operations[-1].inputs[0].shape == [None, 5, 3]
    assert [each.flops for each in one.operations if each.type == "Linear"] == [2 * 5 * 8 * 3]
    both = called(keras.Sequential([layers.Input((5, 8)), layers.Bidirectional(layers.LSTM(4))]))
    assert types(both) == ["LSTM"]
    assert types(called(keras.Sequential([layers.Input((5, 8, 8, 1)), layers.ConvLSTM2D(2, 3)]))) == ["ConvLSTM2D"]


def test_nothing_is_left_behind_at_a_model(keras: Any) -> None:
    model = subclassed(keras)
    batch = {"ids": np.ones((2, 5), "int32")}
    model(batch)
    layers = model._flatten_layers()
    before = [(len(one._inbound_nodes), len(one._outbound_nodes), len(one._losses)) for one in layers]
    weights = [one.numpy().tolist() for one in model.variables]
    seen = keras.Operation.symbolic_call, keras.Layer.symbolic_call
    first = keras.ops.relu(keras.Input((2,)))._keras_history.operation.name
    called(model, batch)
    second = keras.ops.relu(keras.Input((2,)))._keras_history.operation.name
    assert [(len(one._inbound_nodes), len(one._outbound_nodes), len(one._losses)) for one in layers] == before
    assert [one.numpy().tolist() for one in model.variables] == weights
    assert seen == (keras.Operation.symbolic_call, keras.Layer.symbolic_call)
    assert int(second.rpartition("_")[2]) == 1 + int(first.rpartition("_")[2] if "_" in first else 0)  # automatic names go on


def test_frozen_layers_are_parameters_that_are_not_trained(keras: Any) -> None:
    model = cnn(keras)
    model.get_layer("first").trainable = False
    graph = called(model)
    assert graph.parameters - graph.trainable == 224
    assert scope(graph, "Sequential.first").trainable == 0


def test_a_layer_of_raw_tensorflow_is_one_opaque_operation(keras: Any, tf: Any) -> None:
    class Raw(keras.layers.Layer):  # type: ignore[misc, name-defined, unused-ignore]
        def call(self, x: Any) -> Any:
            return tf.nn.relu(x) * 2

    model = keras.Sequential([keras.layers.Input((4,)), Raw(name="raw"), keras.layers.Dense(2, name="head")])
    graph = called(model)
    check_whole(graph)
    raw = named(graph, "Sequential.raw/raw")
    assert raw.attributes["opaque"] is True
    assert sources(graph, raw.name) == ["input"]
    assert sources(graph, "Sequential.head/dense")[0] == raw.name


def test_a_model_of_raw_tensorflow_is_traced(keras: Any, tf: Any) -> None:
    class Raw(keras.Model):  # type: ignore[misc, name-defined, unused-ignore]
        def __init__(self) -> None:
            super().__init__(name="raw")
            self.dense = keras.layers.Dense(3, name="dense")

        def call(self, x: Any) -> Any:
            return tf.nn.relu(self.dense(x))

    graph = called(Raw(), np.ones((2, 4), "float32"))
    check_whole(graph)
    assert graph.framework == "tensorflow"
    assert graph.parameters == graph.trainable == 15
    assert [one.type for one in graph.scopes if one.parameters] == ["Linear"]
    assert types(graph).count("ReLU") == 1


def test_a_model_that_cannot_be_called_is_a_warning(keras: Any, tmp_path: Path) -> None:
    class Broken(keras.Model):  # type: ignore[misc, name-defined, unused-ignore]
        def call(self, x: Any) -> Any:
            raise ValueError("planted")

    run = cb.init(dir=tmp_path)
    with pytest.warns(CrossboardWarning, match="Broken does not say what it takes; want run.log_graph") as said:
        run.log_graph(Broken())
    assert said[0].filename == __file__
    with pytest.raises(BadValue, match="Broken raised in its call: ValueError: "):
        called(Broken(), np.ones((1, 2)))
    with pytest.raises(BadValue, match="Sequential does not say what it takes"):
        called(keras.Sequential([keras.layers.Dense(2)]))


@pytest.mark.torch
@pytest.mark.parametrize("backend", ["torch"])
def test_another_backend_of_keras_gives_the_same_graph(keras: Any, backend: str) -> None:
    script = """
import keras, numpy as np
from importlib.util import module_from_spec, spec_from_file_location
spec = spec_from_file_location("claims", {file!r}); claims = module_from_spec(spec); spec.loader.exec_module(claims)
assert keras.backend.backend() == {backend!r}
for graph in (claims.called(claims.cnn(keras)), claims.called(claims.subclassed(keras), {{"ids": np.ones((2, 5), "int32")}})):
    claims.check_whole(graph)
    print(graph.parameters, graph.flops, *claims.types(graph), *(f"{{e.source}}>{{e.target}}" for e in graph.edges))
"""
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    code = script.format(file=__file__, backend=backend)
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert answer.returncode == 0, answer.stderr[-2000:]
    here = [called(cnn(keras)), called(subclassed(keras), {"ids": np.ones((2, 5), "int32")})]
    want = [" ".join([str(one.parameters), str(one.flops), *types(one), *(f"{e.source}>{e.target}" for e in one.edges)]) for one in here]
    assert answer.stdout.splitlines() == want


# ------------------------------------------------------------------------------------------------ TensorFlow


def test_a_function_with_a_loop_a_branch_and_a_function_inside(tf: Any) -> None:
    weight = tf.Variable(tf.ones((4, 3)), name="w")

    @tf.function  # type: ignore[untyped-decorator, unused-ignore]
    def inner(x: Any) -> Any:
        return tf.nn.relu(x)

    @tf.function  # type: ignore[untyped-decorator, unused-ignore]
    def outer(x: Any, y: Any) -> Any:
        for _ in tf.range(3):
            x = x * 2.0
        if tf.reduce_sum(x) > 0:
            x = inner(x)
        first, second = tf.split(tf.matmul(x, weight) + y, [1, 2], axis=1)
        return {"first": first, "rest": (second,)}

    graph = called(outer, tf.ones((2, 4)), tf.ones(3))
    check_whole(graph)
    assert [one.name for one in graph.operations if one.kind == "input"] == ["x", "y"]
    assert [(one.name, one.inputs[0].shape) for one in graph.operations if one.kind == "output"] == [("first", [2, 1]), ("rest.0", [2, 2])]
    assert (graph.parameters, graph.trainable) == (12, 12)
    assert sources(graph, "outer/MatMul") == ["outer/cond/Identity", "outer/w"]
    (relu,) = [one for one in graph.operations if one.type == "ReLU"]
    assert relu.scope.startswith("outer.cond.then_branch")
    (branch,) = [one for one in graph.operations if one.type == "If"]
    (loop,) = [one for one in graph.operations if one.type == "While"]
    assert sources(graph, relu.name) == [loop.name]
    assert loop.name in sources(graph, branch.name)
    assert named(graph, "outer/MatMul").flops == 2 * 2 * 4 * 3
    ports = {edge.target: edge.from_port for edge in graph.edges if edge.source == "outer/split"}
    assert sorted(ports.values()) == [0, 1]


def test_layers_in_a_traced_model_are_recognised(keras: Any, tf: Any) -> None:
    model = cnn(keras, name="model")
    graph = called(tf.function(lambda x: model(x)), tf.ones((2, 12, 12, 3)))  # noqa: PLW0108, RUF100  a function of its own
    check_whole(graph)
    kinds = {one.path.rpartition(".")[2].rpartition("_")[0] or one.path: one.type for one in graph.scopes}
    assert [one.type for one in graph.scopes if one.parameters] == ["Conv2d", "BatchNorm", "Conv2d", "Linear"], kinds
    plain = called(model)
    assert (graph.parameters, graph.trainable) == (plain.parameters, plain.trainable)
    convolutions = [[one.flops for one in each.operations if one.type == "Conv2d"] for each in (graph, plain)]
    assert convolutions[0] == [2 * (one or 0) for one in convolutions[1]]  # a batch of two here, of one there


def test_a_concrete_function_and_a_signature_need_no_inputs(tf: Any) -> None:
    @tf.function(input_signature=[tf.TensorSpec((None, 2), tf.float32)])  # type: ignore[untyped-decorator, unused-ignore]
    def twice(x: Any) -> Any:
        return x * 2.0

    for model in (twice, twice.get_concrete_function()):
        graph = called(model)
        assert "Mul" in types(graph)
        assert [one.outputs[0].shape for one in graph.operations if one.kind == "input"] == [[None, 2]]
    with pytest.raises(BadValue, match="could not be traced: TypeError"):
        called(tf.function(lambda x: x * 2))


def test_a_tf_module_and_a_plain_function_are_traced_with_inputs(tf: Any) -> None:
    class Scale(tf.Module):  # type: ignore[misc, name-defined, unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.factor = tf.Variable(2.0, name="factor")
            self.fixed = tf.Variable(2.0, name="fixed", trainable=False)

        def __call__(self, x: Any) -> Any:
            return x * self.factor + self.fixed

    graph = called(Scale(), tf.ones(3))
    assert (graph.parameters, graph.trainable) == (1, 1)
    assert scope(graph, "Scale").attributes["buffers"] == 1
    assert types(called(lambda x: tf.nn.relu(x), tf.ones(3)))[0] == "ReLU"


def test_a_graph_def_as_object_and_as_bytes(tf: Any) -> None:
    graph = tf.Graph()
    with graph.as_default():
        x = tf.compat.v1.placeholder(tf.float32, (None, 4), name="x")
        with tf.name_scope("layer"):
            kernel = tf.constant(np.ones((4, 2), "float32"), name="kernel")
            y = tf.nn.bias_add(tf.matmul(x, kernel, name="product"), tf.constant([1.0, 2.0]), name="sum")
        tf.nn.relu(y, name="out")
    definition = graph.as_graph_def(add_shapes=True)
    captured = called(definition)
    check_whole(captured)
    assert called(definition.SerializeToString()) == captured
    assert types(called(graph)) == types(captured)
    assert scope(captured, "GraphDef.layer").type == "Linear"
    assert sources(captured, "GraphDef/out") == ["GraphDef.layer/sum"]
    assert named(captured, "GraphDef.layer/product").flops == 2 * 2 * 4
    with pytest.raises(BadValue, match="want a GraphDef, got 3 bytes"):
        called(b"\xff\xff\xff")


def test_a_loop_of_tensorflow_1_keeps_its_backward_edge(tf: Any) -> None:
    text = """
node { name: "start" op: "Const" attr { key: "dtype" value { type: DT_FLOAT } } }
node { name: "enter" op: "Enter" input: "start" attr { key: "T" value { type: DT_FLOAT } } attr { key: "frame_name" value { s: "f" } } }
node { name: "merge" op: "Merge" input: "enter" input: "next" attr { key: "T" value { type: DT_FLOAT } } attr { key: "N" value { i: 2 } } }
node { name: "body" op: "Neg" input: "merge" input: "^start" attr { key: "T" value { type: DT_FLOAT } } }
node { name: "next" op: "NextIteration" input: "body" attr { key: "T" value { type: DT_FLOAT } } }
"""
    text_format = importlib.import_module("google.protobuf.text_format")

    graph = called(text_format.Parse(text, tf.compat.v1.GraphDef()))
    check_whole(graph)
    edges = {(one.source.rpartition("/")[2], one.target.rpartition("/")[2], one.control) for one in graph.edges}
    assert edges == {
        ("start", "enter", False),
        ("enter", "merge", False),
        ("next", "merge", False),
        ("merge", "body", False),
        ("start", "body", True),
        ("body", "next", False),
    }
