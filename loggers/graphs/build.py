"""A graph while it is made, and what comes out of it.

A graph has scopes (modules, layers, name scopes; a tree), operations that stand in them, and edges between operations.

- A scope's path is its parent's path, a dot, and its own name; the first scope is the model itself, named for its class. The
  second call of a module is a scope of its own, ``path#2``, without parameters: they are counted where it was called first.
- An operation's name is its scope's path, a slash, and what it is called there. Names of operations and paths of scopes are
  two sets of names. Inputs and outputs of the model stand in scope "", outside of the model.
- Each parameter that some operation reads is an operation of kind "parameter" in the scope that owns it. It is no attribute,
  since a weight that two layers share is then seen as what it is, one source with two edges, and a parameter that a forward
  method uses itself has a place to stand; a viewer leaves the kind out where it is in the way.
- A scope's FLOPs are those of one call, of what is nested in it too; its parameters are those directly in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from ...store.records import GraphEdge, GraphOperation, GraphScope, TensorShape
from . import flops
from .vocabulary import normal

MOST_ATTRIBUTES: Final = 40
MOST_TEXT: Final = 200
MOST_ITEMS: Final = 32

Origin = tuple[int, int]
"""Where a tensor comes from: number of the operation, and which of its outputs."""


@dataclass(frozen=True, slots=True)
class Captured:
    """A graph that is ready to be logged: ``run.log({"graph": crossboard.Graph(captured)})``.

    framework    "torch", "keras" or "tensorflow"
    scopes, operations, edges   see `build` and the schemas in `store.records`
    """

    framework: str
    scopes: list[GraphScope]
    operations: list[GraphOperation]
    edges: list[GraphEdge]

    @property
    def parameters(self) -> int:
        """Number of scalars in all parameters; shared ones counted once."""
        return sum(scope.parameters for scope in self.scopes)

    @property
    def trainable(self) -> int:
        """Number of scalars that an optimizer would change."""
        return sum(scope.trainable for scope in self.scopes)

    @property
    def flops(self) -> int:
        """Floating-point operations of one call, as far as they are known."""
        return sum(operation.flops or 0 for operation in self.operations)


@dataclass(slots=True)
class _Scope:
    path: str
    parent: str
    type: str = ""
    parameters: int = 0
    trainable: int = 0
    attributes: dict[str, Any] = field(default_factory=dict)
    source: str = ""


@dataclass(slots=True)
class _Operation:
    name: str
    scope: str
    type: str
    kind: str
    inputs: list[TensorShape]
    outputs: list[TensorShape]
    attributes: dict[str, Any]
    source: str
    device: str
    flops: int | None


class Building:
    """A graph while it is made."""

    def __init__(self, framework: str) -> None:
        self.framework = framework
        self.scopes: dict[str, _Scope] = {}
        self._operations: list[_Operation] = []
        self._edges: list[tuple[int, int, int, int, bool]] = []
        self._names: dict[str, int] = {}

    def scope(self, path: str, *, parent: str = "", type: str = "", original: str = "", source: str = "") -> _Scope:  # noqa: A002
        """The scope at `path`, made when it is new."""
        found = self.scopes.get(path)
        if found is None:
            found = self.scopes[path] = _Scope(path, parent, type or (normal(original) if original else ""), source=source)
            if original:
                found.attributes["original"] = original
        return found

    def operation(
        self,
        name: str,
        *,
        type: str,  # noqa: A002
        scope: str = "",
        kind: str = "op",
        inputs: Iterable[tuple[Origin | None, TensorShape]] = (),
        outputs: Iterable[TensorShape] = (),
        attributes: dict[str, Any] | None = None,
        source: str = "",
        device: str = "",
        layout: str = "",
        count: bool = True,
    ) -> int:
        """Add an operation and an edge for each input whose origin is known; return its number.

        name: what it is called in its scope; a number is added where that is taken. count: whether it costs FLOPs.
        layout: of weights, "torch" or "keras"; see `flops`.
        """
        number = len(self._operations)
        given, results = list(inputs), list(outputs)
        shapes = [shape for _, shape in given]
        attributes = attributes if attributes is not None else {}
        cost = flops.of_operation(type, shapes, results, attributes, weights=layout or self.framework) if count and kind == "op" else None
        self._operations.append(
            _Operation(
                self._free(f"{scope}/{name}" if scope else name), scope, type, kind, shapes, results, attributes, source, device, cost
            )
        )
        for port, (origin, _) in enumerate(given):
            if origin is not None:
                self._edges.append((origin[0], origin[1], number, port, False))
        return number

    def attributes_of(self, number: int) -> dict[str, Any]:
        """The attributes of an operation, to be added to."""
        return self._operations[number].attributes

    def shape_of(self, origin: Origin | None) -> TensorShape:
        """What comes from there."""
        if origin is None:
            return TensorShape()
        outputs = self._operations[origin[0]].outputs
        return outputs[origin[1]] if origin[1] < len(outputs) else TensorShape()

    def connect(self, origin: Origin, target: int, *, control: bool = False) -> None:
        """Add an edge to an operation that is there already, as its last input."""
        operation = self._operations[target]
        if control:
            self._edges.append((origin[0], 0, target, 0, True))
            return
        self._edges.append((origin[0], origin[1], target, len(operation.inputs), False))
        operation.inputs.append(self.shape_of(origin))

    def mark(self) -> tuple[int, int, int]:
        """Where the graph stands now, for `back_to`."""
        return len(self.scopes), len(self._operations), len(self._edges)

    def back_to(self, mark: tuple[int, int, int]) -> None:
        """Forget all that was added since `mark`."""
        scopes, operations, edges = mark
        for path in list(self.scopes)[scopes:]:
            del self.scopes[path]
        for operation in self._operations[operations:]:
            self._names.pop(operation.name, None)
        del self._operations[operations:]
        del self._edges[edges:]

    def types_in(self, path: str) -> list[str]:
        """The types of what stands directly in the scope at `path`."""
        return [operation.type for operation in self._operations if operation.scope == path and operation.kind == "op"]

    def sort_scopes(self, static: Callable[[str], str]) -> None:
        """Put the scope of a later call behind that of the first. static: the path of the first one, from any."""
        places = {path: index for index, path in enumerate(self.scopes)}
        self.scopes = dict(sorted(self.scopes.items(), key=lambda one: (places.get(static(one[0]), places[one[0]]), places[one[0]])))

    def done(self) -> Captured:
        """The graph as it stands."""
        costs: dict[str, int] = {}
        unknown: set[str] = set()
        for operation in self._operations:
            path = operation.scope
            while path in self.scopes and operation.kind == "op":
                if operation.flops is None:
                    unknown.add(path)
                else:
                    costs[path] = costs.get(path, 0) + operation.flops
                path = self.scopes[path].parent
        scopes = [
            GraphScope(
                path=one.path,
                parent=one.parent,
                type=one.type,
                parameters=one.parameters,
                trainable=one.trainable,
                flops=None if one.path in unknown and not costs.get(one.path) else costs.get(one.path),
                attributes=plain_attributes(one.attributes),
                source=one.source,
            )
            for one in self.scopes.values()
        ]
        operations = [
            GraphOperation(
                name=one.name,
                scope=one.scope,
                type=one.type,
                kind=one.kind,
                inputs=one.inputs,
                outputs=one.outputs,
                flops=one.flops,
                attributes=plain_attributes(one.attributes),
                source=one.source,
                device=one.device,
            )
            for one in self._operations
        ]
        edges = [
            GraphEdge(
                source=operations[origin].name,
                target=operations[target].name,
                from_port=from_port,
                to_port=to_port,
                tensor=TensorShape() if control else self.shape_of((origin, from_port)),
                control=control,
            )
            for origin, from_port, target, to_port, control in self._edges
        ]
        return Captured(self.framework, scopes, operations, edges)

    def _free(self, name: str) -> str:
        count = self._names.get(name, 0) + 1
        self._names[name] = count
        while count > 1:
            numbered = f"{name}_{count}"
            if numbered not in self._names:
                self._names[numbered] = 1
                return numbered
            count += 1
        return name


def plain_attributes(attributes: dict[str, Any]) -> dict[str, Any]:
    """`attributes` as MessagePack can hold them: at most `MOST_ATTRIBUTES`; what is not plain is left out."""
    kept: dict[str, Any] = {}
    for key, value in attributes.items():
        made = plain(value)
        if made is not msgspec.UNSET and len(kept) < MOST_ATTRIBUTES:
            kept[str(key)] = made
    return kept


def plain(value: Any, depth: int = 0) -> Any:
    """`value` as numbers, strings, lists and dicts, cut to a sensible length; `msgspec.UNSET` where it is nothing of that."""
    if value is None or isinstance(value, (bool, str, int, float)):
        return _plain_one(value)
    if isinstance(value, dict) and depth < 3:
        made = {str(key): plain(one, depth + 1) for key, one in list(value.items())[:MOST_ITEMS]}
        return {key: one for key, one in made.items() if one is not msgspec.UNSET}
    if isinstance(value, (list, tuple, range)) and depth < 3:
        items = [plain(one, depth + 1) for one in list(value)[:MOST_ITEMS]]
        return msgspec.UNSET if any(one is msgspec.UNSET for one in items) else items
    if isinstance(value, slice):
        parts = (value.start, value.stop) if value.step is None else (value.start, value.stop, value.step)
        return ":".join("" if one is None else str(one) for one in parts)[:MOST_TEXT]
    if value is Ellipsis:
        return "..."
    text = str(value) if type(value).__module__ == "torch" and type(value).__name__ in PLAIN_OF_TORCH else ""
    return text.removeprefix("torch.") if text else msgspec.UNSET


PLAIN_OF_TORCH: Final = frozenset(("dtype", "device", "layout", "memory_format"))


def _plain_one(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, str):
        return value if len(value) <= MOST_TEXT else value[: MOST_TEXT - 1] + "…"
    if isinstance(value, int):
        return int(value) if -(1 << 63) <= value < 1 << 64 else str(value)[:MOST_TEXT]
    return float(value)


def elements(shape: TensorShape) -> int | None:
    """How many scalars; a free axis counts as 1. None where the shape is unknown."""
    return None if shape.shape is None else math.prod(1 if size is None else size for size in shape.shape)
