"""A model graph as a TensorFlow GraphDef.

Field numbers: tensorflow/core/framework/{graph,node_def,attr_value}.proto. Scopes become name scopes: "Net.layer.0/linear" is
the node "Net/layer/0/linear".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from ...store.records import GraphEdge, GraphOperation, GraphPoint, GraphScope
from .messages import shape_of
from .wire import message, text, whole

PRODUCER: Final = 22
"""The version of the GraphDef that torch writes, too."""


class _Lists(msgspec.Struct):
    scopes: list[GraphScope] = []
    operations: list[GraphOperation] = []
    edges: list[GraphEdge] = []


def graph_def(point: GraphPoint, blob: bytes | None) -> bytes:
    """Return `point` as a serialized GraphDef. blob: the bytes of ``point.blob``, where it has one."""
    lists = msgspec.msgpack.decode(blob, type=_Lists) if blob is not None else _Lists(point.scopes, point.operations, point.edges)
    names: dict[str, str] = {}
    taken: set[str] = set()
    for operation in lists.operations:
        scope, slash, own = operation.name.rpartition("/")
        name = wanted = (scope.replace(".", "/") + slash + own).strip("/") or "node"
        number = 1
        while name in taken:
            number += 1
            name = f"{wanted}_{number}"
        taken.add(name)
        names[operation.name] = name
    inputs: dict[str, list[tuple[int, str]]] = {}
    for edge in lists.edges:
        source = names.get(edge.source)
        if source is None or edge.target not in names:
            continue
        port = f"^{source}" if edge.control else f"{source}:{edge.from_port}" if edge.from_port else source
        inputs.setdefault(edge.target, []).append((1 << 30 if edge.control else edge.to_port, port))
    nodes = [_node(one, names[one.name], [port for _, port in sorted(inputs.get(one.name, []))]) for one in lists.operations]
    return b"".join((*nodes, message(4, whole(1, PRODUCER))))


def _node(operation: GraphOperation, name: str, inputs: list[str]) -> bytes:
    kinds: Mapping[str, str] = {"input": "Placeholder", "output": "Identity", "parameter": "VariableV2"}
    attributes: dict[str, Any] = {**operation.attributes}
    if operation.source:
        attributes["source"] = operation.source
    shapes = [message(7, _shape(one.shape)) for one in operation.outputs]
    said = [
        message(5, text(1, key), message(2, message(2, str(value).encode("utf-8", "backslashreplace"))))
        for key, value in attributes.items()
    ]
    if shapes:
        said.append(message(5, text(1, "_output_shapes"), message(2, message(1, *shapes))))
    kind = kinds.get(operation.kind, "") or operation.type or "NoOp"
    return message(1, text(1, name), text(2, kind), *(text(3, one) for one in inputs), text(4, operation.device), *said)


def _shape(sizes: list[int | None] | None) -> bytes:
    return whole(3, 1) if sizes is None else shape_of(sizes)
