"""A GraphDef, a MetaGraphDef or a Keras model's JSON as our graph: scopes from the names, operations, edges.

    GraphDef { node = 1: NodeDef { name 1, op 2, input 3*, device 4, attr 5 }*, library = 2 }
    an input is "node", "node:port", or "^node" for a control edge

Field numbers: graph.proto, node_def.proto, attr_value.proto, meta_graph.proto of TensorFlow. Torch's writer puts ``_output_shapes``
into its nodes, TensorFlow seldom does. Functions of the library become scopes of their own, named after the function. Large
attributes (weights inside Const nodes) are told by their size only.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
import numpy as np

from ....store.records import GraphEdge, GraphOperation, GraphPoint, GraphScope, Inline, TensorShape
from .events import DTYPES, Span
from .fields import BYTES, FIXED32, VARINT, NotAMessage, fields, signed, single, text, varint

MOST_IN_RECORD: Final = 2000
"""A graph with more operations lies in a blob."""
MOST_TEXT: Final = 200
MOST_LISTED: Final = 64
MEDIA_TYPE: Final = "application/msgpack"


def graph_of(data: bytes, span: Span, *, tag: str, step: int, wall_time: float) -> GraphPoint:
    """The graph of a GraphDef. Raises NotAMessage."""
    return _graph(data, [span], tag=tag, step=step, wall_time=wall_time)


def graph_of_run(data: bytes, span: Span, *, tag: str, step: int, wall_time: float) -> GraphPoint | None:
    """The graphs of the functions that a RunMetadata tells of, as they were before TensorFlow rearranged them; None where it tells none.

    RunMetadata { partition_graphs = 3, function_graphs = 4: { partition_graphs = 1, pre_optimization_graph = 2 } }. Raises NotAMessage.
    """
    found: list[Span] = []
    for _, _, a, b in (one for one in fields(data, *span) if one[0] == 4 and one[1] == BYTES):
        inside = [(number, (c, d)) for number, wire, c, d in fields(data, a, b) if wire == BYTES]
        before = [part for number, part in inside if number == 2]
        found += before or [part for number, part in inside if number == 1]
    found = found or [(a, b) for number, wire, a, b in fields(data, *span) if number == 3 and wire == BYTES]
    return _graph(data, found, tag=tag, step=step, wall_time=wall_time) if found else None


def _graph(data: bytes, spans: list[Span], *, tag: str, step: int, wall_time: float) -> GraphPoint:
    """The graph of GraphDefs; each in a scope of its own where they are several."""
    operations: list[GraphOperation] = []
    inputs: list[tuple[str, list[str]]] = []
    for place, span in enumerate(spans, start=1):
        for number, wire, a, b in fields(data, *span):
            if number == 1 and wire == BYTES:
                _node(data, (a, b), f"graph_{place}." if len(spans) > 1 else "", operations, inputs)
            elif number == 2 and wire == BYTES:
                for key, kind, c, d in fields(data, a, b):
                    if key == 1 and kind == BYTES:
                        _function(data, (c, d), operations, inputs)
    names = {operation.name: operation for operation in operations}
    edges = []
    for target, said in inputs:
        for port, word in enumerate(said):
            control = word.startswith("^")
            source, _, output = word.lstrip("^").partition(":")
            origin = names.get(_dotted(source))
            if origin is None and "." in target:  # inside a function, names are told without it
                source_inside = f"{target.split('.')[0]}.{_dotted(source)}"
                origin = names.get(source_inside)
            if origin is None:
                continue
            out = int(output.rpartition(":")[2]) if output.rpartition(":")[2].isdecimal() else 0
            tensor = origin.outputs[out] if out < len(origin.outputs) else TensorShape()
            edges.append(GraphEdge(origin.name, target, out, port, tensor, control))
    framework = "torch" if any(one.type.startswith(("aten::", "prim::")) for one in operations) else "tensorflow"
    return _point(framework, _scopes(operations), operations, edges, tag=tag, step=step, wall_time=wall_time)


def of_meta_graph(data: bytes, span: Span) -> Span | None:
    """Where the GraphDef of a MetaGraphDef lies."""
    return next(((a, b) for number, wire, a, b in fields(data, *span) if number == 2 and wire == BYTES), None)


def _point(framework: str, scopes: list[GraphScope], operations: list[GraphOperation], edges: list[GraphEdge], **at: Any) -> GraphPoint:
    if len(operations) <= MOST_IN_RECORD:
        return GraphPoint(**at, framework=framework, scopes=scopes, operations=operations, edges=edges)
    whole = msgspec.msgpack.encode({"scopes": scopes, "operations": operations, "edges": edges})
    return GraphPoint(**at, framework=framework, blob=Inline(whole, MEDIA_TYPE))


def _dotted(name: str) -> str:
    return name.replace("/", ".")


def _scopes(operations: list[GraphOperation]) -> list[GraphScope]:
    """Every scope that an operation stands in, and those around it; a scope's type where torch's writer names it: "Net/Linear[fc1]"."""
    made: dict[str, GraphScope] = {}
    for operation in operations:
        path = operation.scope
        while path and path not in made:
            parent, _, last = path.rpartition(".")
            kind = last.partition("[")[0] if last.endswith("]") else ""
            made[path] = GraphScope(path=path, parent=parent, type=kind)
            path = parent
    return sorted(made.values(), key=lambda scope: scope.path)


def _scope_of(name: str) -> str:
    """The scope of a node by its name; a dot inside a node's own name ("Net/fc/input.3") begins none."""
    return _dotted(name.rpartition("/")[0])


def _node(data: bytes, span: Span, within: str, operations: list[GraphOperation], inputs: list[tuple[str, list[str]]]) -> None:
    name = kind = device = scope = ""
    said: list[str] = []
    attributes: dict[str, Any] = {}
    outputs: list[TensorShape] = []
    for number, wire, a, b in fields(data, *span):
        if wire != BYTES:
            continue
        if number == 1:
            raw = text(data, a, b)
            name, scope = within + _dotted(raw), (within + _scope_of(raw)).rstrip(".")
        elif number == 2:
            kind = text(data, a, b)
        elif number == 3:
            said.append(text(data, a, b))
        elif number == 4:
            device = text(data, a, b)
        elif number == 5:
            key, value = _attribute(data, (a, b))
            if key == "_output_shapes":
                outputs = value if isinstance(value, list) else []
            else:
                attributes[key] = value
    dtype = attributes.get("dtype") or attributes.get("T") or ""
    shaped = [
        TensorShape(one.shape, dtype if isinstance(dtype, str) else "") if isinstance(one, TensorShape) else TensorShape()
        for one in outputs
    ]
    role = "input" if kind in ("Placeholder", "_Arg") else "output" if kind == "_Retval" else "parameter" if kind in _PARAMETERS else "op"
    plain = {key: _shown(value) for key, value in attributes.items()}
    operations.append(GraphOperation(name, scope, kind, role, [], shaped, None, plain, "", device))
    if said:
        inputs.append((name, said))


_PARAMETERS: Final = frozenset(["VariableV2", "VarHandleOp", "Variable", "prim::GetAttr"])


def _function(data: bytes, span: Span, operations: list[GraphOperation], inputs: list[tuple[str, list[str]]]) -> None:
    """A FunctionDef { signature = 1: OpDef { name 1 }, node_def = 3 }."""
    name = ""
    nodes: list[Span] = []
    for number, wire, a, b in fields(data, *span):
        if number == 1 and wire == BYTES:
            name = next((text(data, c, d) for key, kind, c, d in fields(data, a, b) if key == 1 and kind == BYTES), "")
        elif number == 3 and wire == BYTES:
            nodes.append((a, b))
    for node in nodes:
        _node(data, node, f"{name}." if name else "", operations, inputs)


def _attribute(data: bytes, span: Span) -> tuple[str, Any]:
    name, value = "", None
    for number, wire, a, b in fields(data, *span):
        if number == 1 and wire == BYTES:
            name = text(data, a, b)
        elif number == 2 and wire == BYTES:
            value = _attribute_value(data, (a, b))
    return name, value


def _attribute_value(data: bytes, span: Span) -> Any:
    """An AttrValue: s 2, i 3, f 4, b 5, type 6, shape 7, tensor 8, list 1, func 10."""
    for number, wire, a, b in fields(data, *span):
        if number == 1 and wire == BYTES:
            return _list(data, (a, b))
        if number == 8 and wire == BYTES:
            return f"tensor of {b - a} bytes"
        if number == 10 and wire == BYTES:
            return next((text(data, c, d) for key, kind, c, d in fields(data, a, b) if key == 1 and kind == BYTES), "")
        made = _plain(data, number, wire, a, b)
        if made is not None:
            return made
    return None


def _plain(data: bytes, number: int, wire: int, a: int, b: int) -> Any:
    if number == 2 and wire == BYTES:
        return text(data, a, min(b, a + MOST_TEXT))
    if number == 3 and wire == VARINT:
        return signed(a)
    if number == 4 and wire == FIXED32:
        return single(data, a)
    if number == 5 and wire == VARINT:
        return bool(a)
    if number == 6 and wire == VARINT:
        return DTYPES.get(a % 100, f"DT_{a}")
    if number == 7 and wire == BYTES:
        return _shape(data, (a, b))
    return None


def _list(data: bytes, span: Span) -> list[Any]:
    """A list of an AttrValue; numbers come packed or one by one."""
    made: list[Any] = []
    for number, wire, a, b in fields(data, *span):
        if wire == BYTES and number == 4:
            made.extend(np.frombuffer(data[a : a + (b - a) // 4 * 4], "<f4").tolist())
        elif wire == BYTES and number in (3, 5, 6):
            while a < b:
                value, a = varint(data, a, b)
                made.append(_plain(data, number, VARINT, value, 0))
        else:
            made.append(_plain(data, number, wire, a, b))
    return [one for one in made[:MOST_LISTED] if one is not None]


def _shape(data: bytes, span: Span) -> TensorShape:
    sizes: list[int | None] = []
    for number, wire, a, b in fields(data, *span):
        if number == 2 and wire == BYTES:
            size = next((signed(c) for key, kind, c, _ in fields(data, a, b) if key == 1 and kind == VARINT), 0)
            sizes.append(None if size < 0 else size)
        elif number == 3 and wire == VARINT and a:
            return TensorShape()
    return TensorShape(sizes)


def _shown(value: Any) -> Any:
    if isinstance(value, TensorShape):
        return value.shape
    if isinstance(value, list):
        return [_shown(one) for one in value]
    return value


# ------------------------------------------------------------------------------------------------ Keras models


def keras_graph(data: bytes, **at: Any) -> GraphPoint:
    """The graph of a Keras model's JSON (Functional or Sequential), layer by layer; models inside become scopes. Raises NotAMessage."""
    try:
        model = msgspec.json.decode(data, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise NotAMessage(f"a Keras model whose JSON cannot be read: {error}") from None
    operations: list[GraphOperation] = []
    edges: list[GraphEdge] = []
    _layers(model, "", operations, edges)
    return _point("keras", _scopes(operations), operations, edges, **at)


def _layers(model: dict[str, Any], within: str, operations: list[GraphOperation], edges: list[GraphEdge]) -> None:
    config = model.get("config", {})
    layers = config.get("layers", []) if isinstance(config, dict) else []
    before = ""
    for layer in layers if isinstance(layers, list) else []:
        said = layer.get("config", {}) if isinstance(layer, dict) else {}
        name = within + _dotted(str(said.get("name") or layer.get("name") or len(operations)))
        kind = str(layer.get("class_name", ""))
        if isinstance(said.get("layers"), list):
            _layers(layer, name + ".", operations, edges)
        attributes = {key: value for key, value in said.items() if isinstance(value, (bool, int, float, str, list)) and key != "layers"}
        shape = said.get("batch_shape") or said.get("batch_input_shape")
        outputs = [TensorShape(list(shape))] if isinstance(shape, list) else []
        role = "input" if kind == "InputLayer" else "op"
        operations.append(GraphOperation(name, within.rstrip("."), kind, role, [], outputs, None, attributes))
        sources = _sources(layer.get("inbound_nodes", []))
        if not sources and before and "inbound_nodes" not in layer:
            edges.append(GraphEdge(before, name))
        edges.extend(GraphEdge(within + _dotted(source), name, 0, port) for port, source in enumerate(sources))
        before = name


def _sources(nodes: Any) -> list[str]:
    """Names of the layers that feed a layer: Keras 3's ``keras_history``, or the lists of Keras 2."""
    found: list[str] = []

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            history = value.get("config", {}).get("keras_history") if isinstance(value.get("config"), dict) else None
            if isinstance(history, list) and history:
                found.append(str(history[0]))
                return
            for one in value.values():
                walk(one)
        elif isinstance(value, list):
            if len(value) >= 3 and isinstance(value[0], str) and isinstance(value[1], int) and isinstance(value[2], int):
                found.append(value[0])
                return
            for one in value:
                walk(one)

    walk(nodes)
    return list(dict.fromkeys(found))
