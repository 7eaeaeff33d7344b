"""What a node of a TensorFlow graph says: where it stands, what it gives, its attributes.

Format: tensorflow/core/framework/node_def.proto, attr_value.proto, types.proto.
"""

from __future__ import annotations

import contextlib
import sys
from typing import Any, Final

from ...store.records import TensorShape
from .vocabulary import ACTIVATIONS, category

_FIRST_DTYPES: Final = "float32 float64 int32 uint8 int16 int8 string complex64 int64 bool qint8 quint8 qint32 bfloat16"
_MORE_DTYPES: Final = "qint16 quint16 uint16 complex128 float16 resource variant uint32 uint64"
DTYPES: Final = dict(enumerate(f"{_FIRST_DTYPES} {_MORE_DTYPES}".split(), 1))
"""tensorflow/core/framework/types.proto."""
LAYER_TYPES: Final = {"MatMul": "Linear", "BatchNorm": "BatchNorm", "LayerNorm": "LayerNorm", "Embedding": "Embedding"}
BESIDE: Final = frozenset(
    ("BiasAdd", "Add", "Identity", "Reshape", "Shape", "Constant", "Cast", "Unsqueeze", "Squeeze", "Transpose", "Assign", "Sub", "Mul")
)
"""What may stand beside the operation that makes a scope a layer."""


def place_of(nodes: dict[str, Any], node: Any) -> tuple[list[str], str]:
    """The scopes that a node stands in, and its name there.

    "dense/BiasAdd/ReadVariableOp" belongs to the operation "dense/BiasAdd", which is no scope; so does a read in
    "dense/Cast/ReadVariableOp", of a cast that was not needed.
    """
    parts = node.name.split("/")
    scopes, last = parts[:-1], parts[-1]
    for length in range(1, len(parts)):
        if "/".join(parts[:length]) in nodes:
            return parts[: length - 1], "/".join(parts[length - 1 :])
    if node.op == "ReadVariableOp" and scopes and scopes[-1][:1].isupper():
        return scopes[:-1], f"{scopes[-1]}/{last}"
    return scopes, last


def in_order(nodes: dict[str, Any]) -> list[Any]:
    """Nodes behind what they need, as far as there is no loop; else in the order of the graph."""
    ordered: list[Any] = []
    state: dict[str, int] = {}
    for first in nodes:
        stack = [(first, False)]
        while stack:
            name, after = stack.pop()
            if after:
                state[name] = 2
                ordered.append(nodes[name])
                continue
            if state.get(name):
                continue
            state[name] = 1
            stack.append((name, True))
            needed = [one.lstrip("^").partition(":")[0] for one in reversed(nodes[name].input)]
            stack += [(one, False) for one in needed if one in nodes and not state.get(one)]
    return ordered


def _definition(op: str) -> Any:
    """What TensorFlow knows of an operation, where it is loaded."""
    if "tensorflow" not in sys.modules:
        return None
    with contextlib.suppress(Exception):
        from tensorflow.python.framework import op_def_registry

        return op_def_registry.get(op)
    return None


def _many(node: Any, argument: Any) -> int:
    """How many tensors an argument of an operation stands for."""
    if argument.number_attr:
        return int(node.attr[argument.number_attr].i)
    if argument.type_list_attr:
        return len(node.attr[argument.type_list_attr].list.type)
    return 1


def port_of(node: Any, rest: str) -> int:
    """The port in "port" or "output:index"."""
    if not rest:
        return 0
    if rest.isdigit():
        return int(rest)
    output, _, index = rest.partition(":")
    place = int(index) if index.isdigit() else 0
    definition = _definition(node.op) if node is not None else None
    for argument in definition.output_arg if definition is not None else ():
        if argument.name == output:
            break
        place += _many(node, argument)
    return place


def output_shapes(node: Any) -> list[TensorShape]:
    """Shape and dtype of each output, as far as the node or TensorFlow says."""
    shapes: list[list[int | None] | None] = []
    for one in node.attr["_output_shapes"].list.shape if "_output_shapes" in node.attr else ():
        shapes.append(shape_of(one))
    dtypes: list[str] = []
    definition = _definition(node.op)
    for argument in definition.output_arg if definition is not None else ():
        if argument.type_list_attr:
            dtypes += [DTYPES.get(one, "") for one in node.attr[argument.type_list_attr].list.type]
            continue
        number = argument.type or node.attr[argument.type_attr].type
        dtypes += [DTYPES.get(number, "")] * _many(node, argument)
    if not dtypes:
        known = next(
            (node.attr[name].type for name in ("DstT", "dtype", "T", "output_type") if name in node.attr and node.attr[name].type), 0
        )
        dtypes = [DTYPES.get(known, "")] * max(len(shapes), 1)
    shapes += [None] * (len(dtypes) - len(shapes))
    return [TensorShape(shape=shape, dtype=dtype) for shape, dtype in zip(shapes, dtypes, strict=False)]


def shape_of(one: Any) -> list[int | None] | None:
    """A TensorShapeProto: None for an unknown axis, and for an unknown rank."""
    return None if one.unknown_rank else [None if dim.size < 0 else int(dim.size) for dim in one.dim]


def attributes_of(node: Any) -> dict[str, Any]:
    """Plain attributes of a node, its full name, and how its data and weights lie."""
    made: dict[str, Any] = {"name": node.name}
    for name, value in node.attr.items():
        if name.startswith("_") or name in ("T", "value", "shared_name", "container"):
            continue
        plain = _plain(value)
        if plain is not None:
            made[name] = plain
    if "data_format" in made and made["data_format"] in ("NHWC", "NCHW", "NDHWC", "NCDHW", "NWC", "NCW"):
        made["layout"] = made["data_format"]
    if node.op in ("Conv2D", "Conv3D"):
        made["weight_layout"] = {"Conv2D": "HWIO", "Conv3D": "DHWIO"}[node.op]
    if node.op == "MatMul":
        made["weight_layout"] = "out,in" if made.get("transpose_b") else "in,out"
    return made


def _plain(value: Any) -> Any:
    which = value.WhichOneof("value")
    if which in ("i", "f", "b"):
        return getattr(value, which)
    if which == "s":
        return value.s.decode("utf-8", "replace")
    if which == "type":
        return DTYPES.get(value.type, str(value.type))
    if which == "shape":
        return shape_of(value.shape)
    if which == "func":
        return value.func.name
    if which == "list":
        for name in ("i", "f", "b"):
            if getattr(value.list, name):
                return list(getattr(value.list, name))
    return None


def layer_type(types: list[str], *, has_weights: bool) -> str:
    """What layer a scope is, from what stands in it; "" for none."""
    makers = [one for one in types if one in LAYER_TYPES or one.startswith(("Conv", "Depthwise"))]
    rest = [one for one in types if one not in makers and one not in BESIDE and one not in ACTIVATIONS]
    if len(types) == 1 and category(types[0]) == "layer":
        return types[0]
    if len(makers) != 1 or rest or not (has_weights or "Constant" in types):
        return ""
    return LAYER_TYPES.get(makers[0], makers[0])
