"""One name for what the frameworks call by many: the vocabulary, and what an operation costs."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossboard.loggers.graphs import flops, vocabulary
from crossboard.loggers.graphs.build import MOST_ATTRIBUTES, Building, plain_attributes
from crossboard.store.records import GraphScope, TensorShape

SAME = [
    ("Linear", "Linear torch.nn.Linear linear aten::linear Dense keras.layers.Dense addmm"),
    ("Conv2d", "Conv2d conv2d Conv2D aten::conv2d torch.nn.functional.conv2d"),
    ("ConvTranspose2d", "ConvTranspose2d conv_transpose2d Conv2DTranspose Conv2DBackpropInput"),
    ("BatchNorm", "BatchNorm1d BatchNorm2d batch_norm BatchNormalization FusedBatchNormV3 native_batch_norm"),
    ("LayerNorm", "LayerNorm layer_norm LayerNormalization native_layer_norm"),
    ("ReLU", "ReLU relu relu_ Relu aten::relu_ keras.layers.ReLU"),
    ("GELU", "GELU gelu Gelu"),
    ("SiLU", "SiLU silu swish Swish"),
    ("MaxPool2d", "MaxPool2d max_pool2d MaxPooling2D MaxPool max_pool2d_with_indices"),
    ("AvgPool2d", "AvgPool2d avg_pool2d AveragePooling2D AvgPool"),
    ("MultiHeadAttention", "MultiheadAttention multi_head_attention_forward MultiHeadAttention"),
    ("Attention", "scaled_dot_product_attention Attention"),
    ("Embedding", "Embedding embedding"),
    ("Add", "add add_ __add__ __iadd__ __radd__ AddV2 Add aten::add_"),
    ("MatMul", "matmul bmm mm __matmul__ BatchMatMulV2 MatMul"),
    ("Concat", "cat concat ConcatV2 Concatenate concatenate"),
    ("Reshape", "view reshape Reshape view_as"),
    ("Transpose", "permute transpose t T mT Transpose"),
    ("Slice", "__getitem__ StridedSlice getitem GetItem"),
    ("Sub", "sub Subtract __rsub__ Sub"),
    ("And", "__rand__ __and__ LogicalAnd logical_and"),
    ("Random", "rand randn RandomUniform"),
]


@pytest.mark.parametrize(("want", "names"), SAME)
def test_names_of_one_thing_are_one_name(want: str, names: str) -> None:
    assert {name: vocabulary.normal(name) for name in names.split()} == dict.fromkeys(names.split(), want)


@pytest.mark.parametrize(
    ("name", "want"), [("my_op", "MyOp"), ("vendor::fancy_thing_", "FancyThing"), ("MyLayer", "MyLayer"), ("__odd__", "Odd"), ("_", "_")]
)
def test_a_name_that_is_not_in_the_table_only_gets_a_shape(name: str, want: str) -> None:
    assert vocabulary.normal(name) == want


def test_no_name_stands_for_two_things() -> None:
    owners: dict[str, set[str]] = {}
    for entries in vocabulary.CATEGORIES.values():
        for normal, others in entries.items():
            for name in (normal, *others.split()):
                owners.setdefault(vocabulary.squashed(name), set()).add(normal)
    assert {name: found for name, found in owners.items() if len(found) > 1} == {}


def test_a_normal_name_stays_what_it_is() -> None:
    normal = [name for entries in vocabulary.CATEGORIES.values() for name in entries]
    assert {name: vocabulary.normal(name) for name in normal} == {name: name for name in normal}
    assert all(vocabulary.category(name) for name in normal)


@pytest.mark.torch
def test_every_layer_of_torch_that_keras_has_too_is_in_the_table() -> None:
    import torch

    layers = {name for name, one in vars(torch.nn).items() if inspect.isclass(one) and issubclass(one, torch.nn.Module)}
    unknown = {name for name in layers if not vocabulary.known(name)}
    containers = {"Container", "DataParallel", "Module", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"}
    of_torch_alone = {"ChannelShuffle", "CrossMapLRN2d", "FeatureAlphaDropout", "RNNBase", "RNNCellBase"}
    assert {name for name in unknown if "pool" not in name.lower() and "Loss" not in name} <= containers | of_torch_alone


@pytest.mark.tensorflow
def test_the_layers_of_keras_are_in_the_table() -> None:
    keras = pytest.importorskip("keras")
    core = [
        name for name in dir(keras.layers) if name.startswith(("Conv", "Dense", "MaxPool", "Average", "Global", "LSTM", "GRU", "Dropout"))
    ]
    core += [
        "BatchNormalization",
        "LayerNormalization",
        "GroupNormalization",
        "RMSNormalization",
        "Flatten",
        "Embedding",
        "Add",
        "Multiply",
    ]
    core += [
        "Concatenate",
        "Softmax",
        "ReLU",
        "LeakyReLU",
        "PReLU",
        "ELU",
        "MultiHeadAttention",
        "ZeroPadding2D",
        "UpSampling2D",
        "Reshape",
    ]
    assert [name for name in core if not vocabulary.known(name) and not name.startswith(("ConvLSTM", "Conv2DLSTM"))] == []


@pytest.mark.parametrize(
    ("name", "last", "want"),
    [
        ("Conv2d", False, "NCHW"),
        ("Conv2d", True, "NHWC"),
        ("MaxPool1d", True, "NWC"),
        ("ConvTranspose3d", False, "NCDHW"),
        ("Linear", True, ""),
    ],
)
def test_layouts(name: str, last: bool, want: str) -> None:
    assert vocabulary.layout(name, channels_last=last) == want


def test_adaptive_pooling_to_one_value_is_global_pooling() -> None:
    assert vocabulary.refined("AdaptiveAvgPool2d", {"output_size": [1, 1]}) == "GlobalAvgPool2d"
    assert vocabulary.refined("AdaptiveAvgPool2d", {"output_size": 1}) == "GlobalAvgPool2d"
    assert vocabulary.refined("AdaptiveAvgPool2d", {"output_size": [7, 7]}) == "AdaptiveAvgPool2d"


def cost(kind: str, inputs: list[Any], outputs: list[Any], weights: str = "torch", **attributes: Any) -> int | None:
    return flops.of_operation(
        kind, [TensorShape(shape=one) for one in inputs], [TensorShape(shape=one) for one in outputs], attributes, weights=weights
    )


@pytest.mark.parametrize(
    ("got", "want"),
    [
        (cost("Linear", [[3, 8], [5, 8], [5]], [[3, 5]]), 2 * 3 * 5 * 8),
        (cost("Linear", [[None, 8]], [[None, 5]], "keras", kernel=[8, 5]), 2 * 5 * 8),
        (cost("MatMul", [[2, 3, 4], [2, 4, 5]], [[2, 3, 5]]), 2 * 2 * 3 * 5 * 4),
        (cost("MatMul", [[4, 3], [4, 5]], [[3, 5]], "tensorflow", transpose_a=True), 2 * 3 * 5 * 4),
        (cost("Linear", [[5], [3, 8], [8, 5]], [[3, 5]], original="aten.addmm.default"), 2 * 3 * 5 * 8),
        (cost("Conv2d", [[1, 3, 9, 9], [6, 3, 3, 3]], [[1, 6, 7, 7]]), 2 * 6 * 49 * 27),
        (cost("Conv2d", [[1, 9, 9, 3], [3, 3, 3, 6]], [[1, 7, 7, 6]], "tensorflow"), 2 * 6 * 49 * 27),
        (cost("DepthwiseConv2d", [[1, 9, 9, 3], [3, 3, 3, 1]], [[1, 7, 7, 3]], "tensorflow"), 2 * 3 * 49 * 9),
        (cost("ConvTranspose2d", [[1, 4, 8, 8], [4, 6, 3, 3]], [[1, 6, 17, 17]]), 2 * 4 * 64 * 54),
        (cost("Einsum", [[2, 3, 4], [2, 4, 5]], [[2, 3, 5]], equation="bij,bjk->bik"), 2 * 2 * 3 * 4 * 5),
        (cost("EinsumDense", [[None, 7, 4]], [[None, 7, 5]], "keras", equation="...x,xy->...y", kernel=[4, 5]), 2 * 7 * 4 * 5),
        (cost("MaxPool2d", [[1, 3, 8, 8]], [[1, 3, 4, 4]], kernel_size=2), 4 * 48),
        (cost("MaxPool2d", [[1, 8, 8, 3]], [[1, 4, 4, 3]], "tensorflow", ksize=[1, 2, 2, 1]), 4 * 48),
        (cost("ReLU", [[2, 3]], [[2, 3]]), 6),
        (cost("Softmax", [[2, 3]], [[2, 3]]), 30),
        (cost("LayerNorm", [[2, 3], [3], [3]], [[2, 3]]), 30),
        (cost("Sum", [[2, 3]], [[]]), 6),
        (cost("Reshape", [[2, 3]], [[6]]), 0),
        (cost("Dropout", [[2, 3]], [[2, 3]]), 0),
        (cost("Add", [[2, 3]], [None]), None),
        (cost("MyOp", [[2, 3]], [[2, 3]]), None),
        (cost("Linear", [None, None], [[2, 3]]), None),
    ],
)
def test_costs(got: int | None, want: int | None) -> None:
    assert got == want


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.builds(object) | st.just(slice(1, None)),
    lambda inner: st.lists(inner, max_size=5) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=3), inner, max_size=5),
    max_leaves=30,
)


@given(st.dictionaries(st.text(max_size=5), ANYTHING, max_size=60))
def test_any_attributes_can_be_written(attributes: dict[str, Any]) -> None:
    made = plain_attributes(attributes)
    assert len(made) <= MOST_ATTRIBUTES
    msgspec.msgpack.decode(msgspec.msgpack.encode(GraphScope(path="a", attributes=made)), type=GraphScope)


@given(st.lists(st.sampled_from(["add", "add_2", "add_3", "mul"]), max_size=30))
def test_names_of_operations_never_clash(names: list[str]) -> None:
    building = Building("torch")
    building.scope("Net", type="Net")
    for name in names:
        building.operation(name, type="Add", scope="Net")
    made = [one.name for one in building.done().operations]
    assert len(set(made)) == len(names)


def test_what_was_added_since_a_mark_can_be_forgotten() -> None:
    building = Building("torch")
    building.scope("Net", type="Net")
    first = building.operation("input", type="Input", kind="input", outputs=[TensorShape(shape=[2])])
    building.operation("add", type="Add", scope="Net", inputs=[((first, 0), TensorShape(shape=[2]))], outputs=[TensorShape(shape=[2])])
    before = building.done()
    mark = building.mark()
    building.scope("Net.more", parent="Net")
    building.operation("add", type="Add", scope="Net.more", inputs=[((first, 0), TensorShape())])
    building.back_to(mark)
    assert building.done() == before
