"""What an operation costs: floating-point operations of one call, from the shapes of what goes in and out.

A multiply-add counts as two. Biases are not counted, nor is moving data (reshape, slice, concat ...: 0). The figures say which
part of a model is the expensive one; they are no measurement:

| operation | FLOPs |
|---|---|
| linear, matrix product | 2 x outputs x length of the inner axis |
| convolution | 2 x outputs x weights of one output channel (transposed: 2 x inputs x weights of one input channel) |
| attention | 4 x batch x heads x queries x keys x head size (both products), and 5 for each score (softmax) |
| multi-head attention | its four projections and the attention |
| LSTM, GRU, RNN | 2 x gates x hidden x (inputs + hidden) for each step, layer and direction |
| pooling | window for each output |
| normalisation | 5 for each element; softmax 5; activations 1 to 8 (`PER_ELEMENT`); element-wise 1; reductions 1 for each input |

An axis of unknown size counts as 1, so a Keras model with a free batch axis is counted for one example; what stands in a loop
counts once. None: not known.
Source of the convolution and attention counts: torch.utils.flop_counter counts the same products.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

from ...store.records import TensorShape
from .vocabulary import category

PER_ELEMENT: Final[dict[str, int]] = {
    "ReLU": 1,
    "ReLU6": 2,
    "LeakyReLU": 2,
    "PReLU": 2,
    "Threshold": 1,
    "HardTanh": 2,
    "Sigmoid": 4,
    "Tanh": 5,
    "SiLU": 5,
    "GELU": 8,
    "ELU": 4,
    "SELU": 5,
    "Softplus": 4,
    "Softmax": 5,
    "LogSoftmax": 5,
    "Mish": 8,
}
NORMS: Final = frozenset(("BatchNorm", "LayerNorm", "GroupNorm", "InstanceNorm", "RMSNorm", "LocalResponseNorm", "Normalize"))
FREE: Final = frozenset(("Flatten", "Unflatten", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "Embedding", "Pad", "Cropping"))
FREE_CATEGORIES: Final = frozenset(("shape", "source"))
CONVOLUTION: Final = re.compile(r"(Depthwise|Separable)?Conv(Transpose)?[123]d")
GATES: Final = {"LSTM": 4, "GRU": 3, "RNN": 1, "LSTMCell": 4, "GRUCell": 3, "RNNCell": 1}

Shape = list[int]


def of_operation(
    kind: str, inputs: list[TensorShape], outputs: list[TensorShape], attributes: dict[str, Any], *, weights: str
) -> int | None:
    """FLOPs of one operation of the normal name `kind`, or None.

    weights: how weights lie: "torch" (out, in, ...) or anything else (..., in, out). For the torch functions they are the
    second input; layers of Keras have them in ``attributes["kernel"]``, a shape.
    """
    taken, given = [_known(one) for one in inputs], [_known(one) for one in outputs]
    if kind in FREE or category(kind) in FREE_CATEGORIES:
        return 0
    out = given[0] if given else None
    if out is None:
        return None
    many = math.prod(out)
    found = _of_products(kind, taken, out, attributes, torch=weights == "torch")
    if found is not None:
        return found
    if kind in NORMS:
        return 5 * many
    if kind in PER_ELEMENT:
        return PER_ELEMENT[kind] * many
    if category(kind) in ("activation", "elementwise") or kind == "BiasAdd":
        return many
    if category(kind) in ("reduction", "loss"):
        return math.prod(taken[0]) if taken and taken[0] is not None else None
    if "Pool" in kind:
        return _pooling(kind, taken, many, attributes)
    return None


def _known(one: TensorShape) -> Shape | None:
    return None if one.shape is None else [1 if size is None else size for size in one.shape]


def _of_products(kind: str, taken: list[Shape | None], out: Shape, attributes: dict[str, Any], *, torch: bool) -> int | None:
    """What is made of multiply-adds."""
    many = math.prod(out)
    if kind in ("Linear", "MatMul", "AddBatchMatMul"):
        inner = _inner_axis(kind, taken, attributes)
        return None if inner is None else 2 * many * inner
    if CONVOLUTION.fullmatch(kind):
        return _convolution(kind, taken, many, attributes, torch=torch)
    if kind in GATES:
        return _recurrent(kind, taken, out, attributes)
    if kind == "Attention" and len(taken) >= 3:
        query, key, value = taken[:3]
        if query is None or key is None or value is None or min(len(query), len(key), len(value)) < 2:
            return None
        scores = math.prod(query[:-1]) * key[-2]
        return scores * (2 * query[-1] + 2 * value[-1] + 5)
    if kind == "MultiHeadAttention" and taken and taken[0] is not None and len(out) >= 2:
        return _multi_head(taken, out, attributes)
    if kind in ("Einsum", "EinsumDense"):
        return _einsum(taken, attributes)
    return None


def _inner_axis(kind: str, taken: list[Shape | None], attributes: dict[str, Any]) -> int | None:
    kernel = attributes.get("kernel")
    if isinstance(kernel, list) and len(kernel) == 2:
        return int(kernel[0])
    first = taken[0] if taken else None
    called = re.split(r"\W+", str(attributes.get("original", "")))
    if {"addmm", "baddbmm", "addbmm"} & set(called) and len(taken) > 1:
        first = taken[1]
    if kind == "Linear" and not first and len(taken) > 1 and taken[1] is not None:
        return taken[1][-1]
    if not first:
        return None
    return first[-2] if (attributes.get("transpose_a") or attributes.get("adj_x")) and len(first) > 1 else first[-1]


def _convolution(kind: str, taken: list[Shape | None], many: int, attributes: dict[str, Any], *, torch: bool) -> int | None:
    kernel = attributes.get("kernel")

    weight = kernel if isinstance(kernel, list) else taken[1] if len(taken) > 1 else None
    if not weight or len(weight) < 3:
        return None
    if kind.startswith("Separable"):
        return None
    if kind.startswith("Depthwise"):
        return 2 * many * math.prod(weight[:-2])
    if "Transpose" in kind:
        source = taken[2] if "Backprop" in str(attributes.get("original", "")) and len(taken) > 2 else taken[0]
        if source is None:
            return None
        return 2 * math.prod(source) * (math.prod(weight[1:]) if torch else math.prod(weight[:-1]))
    return 2 * many * (math.prod(weight[1:]) if torch else math.prod(weight[:-1]))


def _recurrent(kind: str, taken: list[Shape | None], out: Shape, attributes: dict[str, Any]) -> int | None:
    """Every matrix of a recurrent layer is used once for each step; all are among the inputs, or counted in an attribute."""
    first = taken[0]
    if not first:
        return None
    used = attributes.get("matrix_elements")
    if not isinstance(used, int):
        gates = GATES[kind]
        matrices = [one for one in taken[1:] if one is not None and len(one) == 2 and gates > 0 and one[0] % gates == 0]
        matrices = [one for one in matrices if one[0] // gates in {other[1] for other in matrices} or one[0] // gates == out[-1]]
        used = sum(math.prod(one) for one in matrices)
    steps = math.prod(first[:-1])
    return 2 * used * steps if used else None


def _multi_head(taken: list[Shape | None], out: Shape, attributes: dict[str, Any]) -> int | None:
    query, rest = taken[0], [one for one in taken[1:3] if one is not None]
    assert query is not None
    batch_first = attributes.get("batch_first", True)
    width = out[-1]
    key = rest[0] if rest and len(rest[0]) == len(query) else query
    if len(query) < 2:
        return None
    batch = 1 if len(query) == 2 else query[0] if batch_first else query[1]
    long = query[-2] if batch_first or len(query) == 2 else query[0]
    keys = key[-2] if batch_first or len(key) == 2 else key[0]
    heads = attributes.get("num_heads")
    inside = attributes.get("projected", width)
    inside = inside if isinstance(inside, int) else width
    projections = 2 * batch * (long * query[-1] * inside + 2 * keys * key[-1] * inside + long * inside * width)
    return projections + 4 * batch * long * keys * inside + 5 * batch * (heads if isinstance(heads, int) else 1) * long * keys


def _einsum(taken: list[Shape | None], attributes: dict[str, Any]) -> int | None:
    """2 x the product of all axes, for two operands."""
    equation = str(attributes.get("equation", "")).replace(" ", "")
    kernel = attributes.get("kernel")
    shapes = [taken[0], kernel] if taken and isinstance(kernel, list) else taken
    left = equation.partition("->")[0].split(",")
    if len(left) != 2 or len(shapes) < 2:
        return None
    sizes: dict[str, int] = {}
    for letters, shape in zip(left, shapes, strict=False):
        if shape is None:
            return None
        behind = letters.rpartition("...")[2] if "..." in letters else letters
        if "..." in letters:
            sizes["..."] = max(sizes.get("...", 1), math.prod(shape[: len(shape) - len(behind)]))
            shape = shape[len(shape) - len(behind) :]
        if len(behind) != len(shape):
            return None
        for letter, size in zip(behind, shape, strict=True):
            sizes[letter] = max(sizes.get(letter, 1), size)
    return 2 * math.prod(sizes.values())


def _pooling(kind: str, taken: list[Shape | None], many: int, attributes: dict[str, Any]) -> int | None:
    if kind.startswith(("Global", "Adaptive")):
        return math.prod(taken[0]) if taken and taken[0] is not None else None
    window = attributes.get("kernel_size", attributes.get("pool_size", attributes.get("ksize")))
    dims = re.search(r"([123])d$", kind)
    if isinstance(window, int) and dims:
        return many * int(window ** int(dims[1]))
    if isinstance(window, (list, tuple)) and all(isinstance(one, int) for one in window):
        return many * (math.prod(window) if len(window) > 1 or not dims else int(window[0] ** int(dims[1])))
    return None
