"""The graph of a TensorFlow function, or of a GraphDef: its nodes, with every function that they call laid open as a scope.

Name scopes are scopes: node "dense/MatMul" is "MatMul" in scope "dense" below the graph's own. A variable is an operation of
kind "parameter" in the scope that reads it first; reading it is no operation of its own. A scope that multiplies by a weight and
adds a bias is a Linear layer, so that it can be laid beside one of torch or Keras. Which variables are frozen and which are
running means TensorFlow does not say: those that are not trainable are counted as ``attributes["buffers"]``.

Format: tensorflow/core/framework/graph.proto, function.proto, node_def.proto. In a graph an input is "node", "node:port" or
"^node" (control); in a function it is "argument" or "node:output:index".
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from ...store.records import TensorShape
from ..media.value import BadValue
from .build import Building, Captured, Origin, elements
from .nested import found
from .tensorflow_nodes import DTYPES, attributes_of, in_order, layer_type, output_shapes, place_of, port_of, shape_of
from .vocabulary import normal

MOMENTS: Final = frozenset(("moving_mean", "moving_variance"))
DEEPEST: Final = 30
MOST_OPERATIONS: Final = 100_000
CALLS: Final = ("PartitionedCall", "StatefulPartitionedCall")
BRANCHES: Final = {
    "If": ("then_branch", "else_branch"),
    "StatelessIf": ("then_branch", "else_branch"),
    "While": ("cond", "body"),
    "StatelessWhile": ("cond", "body"),
}
PARAMETERS: Final = ("VarHandleOp", "VariableV2", "Variable")
LEFT_OUT: Final = ("NoOp",)


def capture_function(model: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> Captured:
    """The graph of a ``tf.function``, a concrete function, a ``tf.Graph``, or of anything TensorFlow can trace with inputs.

    Raises:
        BadValue: it cannot be traced with these inputs.
    """
    name = _name(model)
    if hasattr(model, "as_graph_def"):
        return _Flattened(model.as_graph_def(add_shapes=True), name, "tensorflow").done()
    concrete = model
    if not (hasattr(model, "structured_input_signature") and hasattr(model, "graph")):
        tensorflow = sys.modules["tensorflow"]
        try:
            traced = model if hasattr(model, "get_concrete_function") else tensorflow.function(model)
            concrete = traced.get_concrete_function(*args, **keywords)
        except Exception as error:
            said = (str(error).strip().splitlines() or [""])[0][:300]
            raise BadValue(
                f"{name} could not be traced: {type(error).__name__}: {said}. Want the inputs as training gives them; no graph logged"
            ) from error
    flattened = _Flattened(concrete.graph.as_graph_def(add_shapes=True), name, "tensorflow", _variables(concrete))
    outputs = [path for path, _ in found(concrete.structured_outputs, "", _is_spec)]
    for index, tensor in enumerate(concrete.graph.outputs):
        said = outputs[index] if index < len(outputs) and len(outputs) == len(concrete.graph.outputs) else f"output.{index}"
        flattened.output(said or "output", tensor.name)
    return flattened.done()


def capture_graph_def(graph: Any) -> Captured:
    """The graph in a GraphDef: the object, or its bytes.

    Raises:
        BadValue: the bytes are no GraphDef, or neither TensorFlow nor TensorBoard is there to read them.
    """
    if isinstance(graph, (bytes, bytearray, memoryview)):
        data = bytes(graph)
        try:
            graph = _graph_def_type().FromString(data)
        except BadValue:
            raise
        except Exception as error:
            raise BadValue(f"want a GraphDef, got {len(data)} bytes that are none ({error})") from error
    return _Flattened(graph, "GraphDef", "tensorflow").done()


def _graph_def_type() -> Any:
    if "tensorflow" not in sys.modules:
        with contextlib.suppress(ImportError):
            from tensorboard.compat.proto.graph_pb2 import GraphDef as OfTensorBoard

            return OfTensorBoard
    try:
        from tensorflow.core.framework.graph_pb2 import GraphDef
    except ImportError:
        raise BadValue("the bytes of a GraphDef are read with TensorFlow or TensorBoard, and neither is installed") from None
    return GraphDef


def _name(model: Any) -> str:
    for one in (model, getattr(model, "python_function", None)):
        name = getattr(one, "__name__", None)
        if isinstance(name, str) and name.isidentifier():
            return name
    return "function" if hasattr(model, "get_concrete_function") or hasattr(model, "structured_input_signature") else type(model).__name__


def _is_spec(one: Any) -> bool:
    return hasattr(one, "shape") and hasattr(one, "dtype")


@dataclass(eq=False)
class _Variable:
    """A variable, which becomes a parameter of the scope that reads it first."""

    name: str
    shape: TensorShape
    trainable: bool | None
    origin: Origin | None = None


Source = Origin | _Variable | None


def _variables(concrete: Any) -> dict[str, _Variable]:
    """Name of the placeholder that stands for a variable -> the variable."""
    try:
        by_handle = {id(one.handle): one for one in concrete.graph.variables if hasattr(one, "handle")}
    except AssertionError:  # of a loaded function whose variables are gone
        by_handle = {}
    found_ = {}
    for outside, inside in concrete.graph.captures:
        variable = by_handle.get(id(outside))
        if variable is not None:
            shape = TensorShape(shape=[None if size is None else int(size) for size in variable.shape], dtype=variable.dtype.name)
            name = str(getattr(variable, "path", variable.name)).partition(":")[0]
            found_[inside.op.name] = _Variable(name, shape, bool(variable.trainable))
    return found_


@dataclass
class _Body:
    """A graph or a function that is being laid open.

    prefix   path of the scope that it stands in
    known    what each node, or argument, gives: by port, or the number of its operation
    """

    prefix: str
    is_function: bool
    known: dict[str, list[Source] | int] = field(default_factory=dict)
    nodes: dict[str, Any] = field(default_factory=dict)


class _Flattened:
    """A GraphDef as one graph."""

    def __init__(self, graph: Any, name: str, framework: str, variables: dict[str, _Variable] | None = None) -> None:
        self._building = Building(framework)
        self._library = {one.signature.name: one for one in graph.library.function}
        self._variables = variables or {}
        self._weights: dict[str, set[str]] = {}
        self._later: list[tuple[_Body, str, int]] = []
        self._root = name
        self._building.scope(name, type=name)
        self._body = _Body(name, is_function=False)
        self._lay_open(self._body, graph.node, depth=0)
        self._connect_loops()

    def output(self, name: str, tensor: str) -> None:
        """A result of the graph; tensor: "node:port"."""
        origin = self._origin(self._source(self._body, tensor), self._root)
        self._building.operation(name, type="Output", kind="output", inputs=[(origin, self._building.shape_of(origin))])

    def done(self) -> Captured:
        """The graph; scopes that are layers get their type."""
        for path, scope in self._building.scopes.items():
            if not scope.type:
                weights = self._weights.get(path, set())
                scope.type = "BatchNorm" if weights >= MOMENTS else layer_type(self._building.types_in(path), has_weights=bool(weights))
        return self._building.done()

    # ------------------------------------------------------------------------------------------------- nodes

    def _lay_open(self, body: _Body, nodes: Iterable[Any], *, depth: int) -> None:
        body.nodes = {node.name: node for node in nodes}
        for node in in_order(body.nodes):
            if node.op not in LEFT_OUT:
                self._node(body, node, depth)

    def _node(self, body: _Body, node: Any, depth: int) -> None:
        is_resource = node.op == "Placeholder" and DTYPES.get(node.attr["dtype"].type) == "resource"
        if node.op in PARAMETERS or is_resource or (not body.is_function and node.name in self._variables):
            body.known[node.name] = [self._variables.get(node.name) or _variable_of(node)]
            return
        scopes, last = place_of(body.nodes, node)
        path = self._scope_of(body.prefix, scopes)
        sources = [(one, self._source(body, one)) for one in node.input if not one.startswith("^")]
        if node.op == "ReadVariableOp" and sources and isinstance(sources[0][1], _Variable):
            body.known[node.name] = [self._origin(sources[0][1], path)]
            return
        called = node.attr["f"].func.name if node.op in CALLS else node.op if node.op in self._library else ""
        if called in self._library and depth < DEEPEST and len(self._building._operations) < MOST_OPERATIONS:
            body.known[node.name] = self._call(called, f"{path}.{last}", path, [source for _, source in sources], depth)
            return
        origins = [self._origin(source, path) for _, source in sources]
        shapes = output_shapes(node)
        kind = "input" if node.op in ("Placeholder", "PlaceholderWithDefault") and not body.is_function else "op"
        attributes = {"original": node.op, **attributes_of(node)}
        if kind == "input":
            path = ""
        number = self._building.operation(
            last if kind == "op" else node.name,
            type=normal(node.op),
            kind=kind,
            scope=path,
            inputs=[(origin, self._building.shape_of(origin)) for origin in origins],
            outputs=shapes,
            attributes=attributes,
            device=node.device,
        )
        body.known[node.name] = number
        for text, source in sources:
            if source is None and text.partition(":")[0] in body.nodes:
                self._later.append((body, text, number))
        for one in node.input:
            before = body.known.get(one[1:]) if one.startswith("^") else None
            if isinstance(before, int):
                self._building.connect((before, 0), number, control=True)
        for branch in BRANCHES.get(node.op, ()):
            self._branch(node, branch, number, f"{path}.{last}", path, [source for _, source in sources], depth)

    def _call(self, function: str, path: str, parent: str, arguments: list[Source], depth: int) -> list[Source]:
        """Lay a called function open; return what it gives."""
        definition = self._library[function]
        scope = self._building.scope(path, parent=parent)
        scope.attributes.setdefault("function", function)
        body = _Body(path, is_function=True)
        for argument, source in zip(definition.signature.input_arg, arguments, strict=False):
            body.known[argument.name] = [source]
        self._lay_open(body, definition.node_def, depth=depth + 1)
        return [self._source(body, definition.ret[one.name]) for one in definition.signature.output_arg]

    def _branch(self, node: Any, branch: str, number: int, path: str, parent: str, sources: list[Source], depth: int) -> None:
        """A branch of an If, or a part of a While; what it gives flows into that operation."""
        function = node.attr[branch].func.name
        if function not in self._library or depth >= DEEPEST:
            return
        self._building.scope(path, parent=parent, type=normal(node.op))
        arguments = sources[1:] if "If" in node.op else sources
        for source in self._call(function, f"{path}.{branch}", path, arguments, depth):
            origin = self._origin(source, path)
            if origin is not None and origin[0] != number:
                self._building.connect(origin, number)

    def _connect_loops(self) -> None:
        """Inputs that come from a node further on: loops of TensorFlow 1."""
        for body, text, number in self._later:
            origin = self._origin(self._source(body, text), body.prefix)
            if origin is not None:
                self._building.connect(origin, number)

    # ---------------------------------------------------------------------------------------------- what flows

    def _source(self, body: _Body, text: str) -> Source:
        name, _, rest = text.partition(":")
        known = body.known.get(name)
        if known is None:
            return None
        port = port_of(body.nodes.get(name), rest)
        if isinstance(known, int):
            return known, port
        return known[port] if port < len(known) else None

    def _origin(self, source: Source, path: str) -> Origin | None:
        """Where `source` comes from; a variable that is met for the first time becomes a parameter of the scope at `path`."""
        if not isinstance(source, _Variable):
            return source
        if source.origin is None:
            attributes: dict[str, Any] = {"name": source.name}
            if source.trainable is not None:
                attributes["trainable"] = source.trainable
            number = self._building.operation(
                source.name.rpartition("/")[2],
                type="Parameter",
                kind="parameter",
                scope=path,
                outputs=[source.shape],
                attributes=attributes,
            )
            source.origin = (number, 0)
            self._weights.setdefault(path, set()).add(source.name.rpartition("/")[2])
            self._count(source, path)
        return source.origin

    def _count(self, variable: _Variable, path: str) -> None:
        scope = self._building.scopes[path]
        size = elements(variable.shape) or 0  # 0: the graph does not say
        if variable.trainable is False:
            scope.attributes["buffers"] = scope.attributes.get("buffers", 0) + size
        else:
            scope.parameters += size
            scope.trainable += size if variable.trainable else 0

    def _scope_of(self, prefix: str, names: list[str]) -> str:
        path = prefix
        for name in names:
            parent, path = path, f"{path}.{name}"
            self._building.scope(path, parent=parent)
        return path


def _variable_of(node: Any) -> _Variable:
    name = node.attr["shared_name"].s.decode("utf-8", "replace") if "shared_name" in node.attr else ""
    shape = TensorShape(shape=shape_of(node.attr["shape"].shape), dtype=DTYPES.get(node.attr["dtype"].type, ""))
    return _Variable(name or node.name, TensorShape() if node.op == "Placeholder" else shape, None)
