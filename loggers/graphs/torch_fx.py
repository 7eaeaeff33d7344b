"""Graphs that torch made itself: ``torch.export`` programs and FX graph modules, read as they stand; nothing is run.

Scopes come from the module stack that each node carries, or from the module that it calls. Shapes are those of the example
inputs, with a free axis where the program has one; an FX graph that was only traced symbolically has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from ...store.records import TensorShape
from . import torch_names as names
from .build import Building, Captured, Origin
from .lines import shown_file
from .nested import flat, found
from .vocabulary import convolution, layout, normal, refined

COUNTER: Final = "num_batches_tracked"
_FRAME: Final = re.compile(r'File "([^"]+)", line (\d+)')


def capture_exported(program: Any) -> Captured:
    """The graph of a ``torch.export.ExportedProgram``."""
    reader = _Reader(program.graph, _type_of_root(program.graph) or "ExportedProgram")
    signature = program.graph_signature
    lifted = {
        **signature.inputs_to_parameters,
        **signature.inputs_to_buffers,
        **getattr(signature, "inputs_to_lifted_tensor_constants", {}),
    }
    reader.parameters(program.named_parameters(), program.named_buffers())
    constants = ((name, one) for name, one in program.constants.items() if hasattr(one, "dtype"))
    reader.parameters((), constants)
    return reader.read(lifted, None, _named_outputs(program, list(signature.user_outputs)))


def capture_fx(module: Any) -> Captured:
    """The graph of a ``torch.fx.GraphModule``."""
    reader = _Reader(module.graph, type(module).__name__)
    reader.parameters(module.named_parameters(), module.named_buffers())
    return reader.read({}, module, None)


class _Place(int):
    """Which of the outputs of a program stands here."""


def _named_outputs(program: Any, outputs: list[Any]) -> dict[str, str]:
    """Node -> the name by which a user reaches what it gives."""
    from torch.utils import _pytree

    try:
        result = _pytree.tree_unflatten([_Place(index) for index in range(len(outputs))], program.call_spec.out_spec)
    except (AttributeError, TypeError, ValueError):  # another version of torch keeps it elsewhere
        return {str(name): f"output.{index}" for index, name in enumerate(outputs)}
    return {str(outputs[place]): name for name, place in found(result, "", lambda one: isinstance(one, _Place))}


def _type_of_root(graph: Any) -> str:
    for node in graph.nodes:
        for path, kind in (node.meta.get("nn_module_stack") or {}).values():
            if not _clean(path):
                return _type_name(kind)
    return ""


def _clean(path: str) -> str:
    """A module's dotted name from what a tracer wrote: "L['self'].layers._modules['0']" is "layers.0"."""
    path = re.sub(r"^L(\['self'\]|__self__)\.?", "", str(path))
    path = re.sub(r"\._modules\['([^']+)'\]|\['([^']+)'\]", lambda one: "." + (one[1] or one[2]), path)
    return re.sub(r"@(\d+)", lambda one: f"#{int(one[1]) + 1}", path.strip("."))


def _type_name(kind: Any) -> str:
    return kind.rpartition(".")[2] if isinstance(kind, str) else kind.__name__


class _Reader:
    """Reads one graph of FX."""

    def __init__(self, graph: Any, root: str) -> None:
        self._graph = graph
        self._root = root
        self._building = Building("torch")
        self._building.scope(root, type=root).attributes["original"] = root
        self._origins: dict[Any, Origin] = {}
        self._unmade: dict[Any, str] = {}
        self._parts: dict[Any, list[Origin]] = {}
        self._tensors: dict[str, tuple[Any, bool]] = {}
        self._made: dict[int, Origin] = {}
        self._counted: set[int] = set()

    def parameters(self, parameters: Iterable[tuple[str, Any]], buffers: Iterable[tuple[str, Any]]) -> None:
        """Count parameters and buffers in the scopes that own them."""
        for some, is_buffer in ((parameters, False), (buffers, True)):
            for name, tensor in some:
                self._tensors[name] = (tensor, is_buffer)
                if id(tensor) in self._counted:
                    continue
                self._counted.add(id(tensor))
                scope = self._building.scopes[self._scope(name.rpartition(".")[0])]
                if is_buffer:
                    scope.attributes["buffers"] = scope.attributes.get("buffers", 0) + tensor.numel()
                else:
                    scope.parameters += tensor.numel()
                    scope.trainable += tensor.numel() if tensor.requires_grad else 0

    def read(self, lifted: dict[str, str], module: Any, outputs: dict[str, str] | None) -> Captured:
        """The graph.

        lifted: placeholder -> the parameter that it stands for; module: what get_attr and call_module look in; outputs:
        node -> name of what the model gives, None: all that the graph gives.
        """
        modules = dict(module.named_modules()) if module is not None else {}
        for node in self._graph.nodes:
            if node.op == "placeholder":
                if node.name in lifted:
                    self._unmade[node] = lifted[node.name]
                else:
                    number = self._building.operation(str(node.target), type="Input", kind="input", outputs=_shapes(node)[:1])
                    self._origins[node] = (number, 0)
            elif node.op == "get_attr":
                if str(node.target) in self._tensors:
                    self._unmade[node] = str(node.target)
            elif node.op == "output":
                self._outputs(node, outputs)
            else:
                self._operation(node, modules)
        for name, (tensor, is_buffer) in self._tensors.items():
            if not is_buffer and id(tensor) not in self._made:
                self._building.attributes_of(self._parameter(name, [])[0])["unread"] = True
        return self._building.done()

    def _operation(self, node: Any, modules: dict[str, Any]) -> None:
        inside = modules.get(str(node.target)) if node.op == "call_module" else None
        path = self._stack(node)
        if _name(node) == "getitem" and node.args[0] in self._parts and isinstance(node.args[1], int):
            self._origins[node] = self._parts[node.args[0]][node.args[1]]
            return
        taken: list[Any] = []
        flat((node.args, node.kwargs), _is_node, taken)
        inputs = [(origin, self._building.shape_of(origin)) for origin in map(self._origin, taken)]
        attributes = _attributes(node)
        if inside is not None:
            path = self._scope(str(node.target), inside)
            attributes = {**names.module_attributes(inside), "original": names.type_name(inside)}
            own = [
                f"{node.target}.{key}" for table in (inside._parameters, inside._buffers) for key, one in table.items() if one is not None
            ]
            origins = [self._parameter(one, []) for one in own if one in self._tensors]
            inputs += [(origin, self._building.shape_of(origin)) for origin in origins]
        kind = names.normal_type(inside) if inside is not None else refined(normal(_name(node)), attributes)
        if kind == "Convolution" and len(inputs) > 1:
            kind = convolution(len(inputs[1][1].shape or ()), transposed=bool(attributes.get("transposed")))
        order = layout(kind, channels_last=False)
        if order:
            attributes["layout"] = order
        shapes = _shapes(node)
        number = self._building.operation(
            type(inside).__name__.lower() if inside is not None else _name(node),
            type=kind,
            scope=path,
            inputs=inputs,
            outputs=shapes,
            attributes=attributes,
            source=_line(node),
        )
        self._origins[node] = (number, 0)
        if isinstance(node.meta.get("val"), (tuple, list)):
            self._parts[node] = [(number, port) for port in range(len(shapes))]

    def _outputs(self, node: Any, outputs: dict[str, str] | None) -> None:
        for name, one in found(node.args[0], "", _is_node):
            said = name if outputs is None else outputs.get(one.name, "") or "output"
            if outputs is None or one.name in outputs:
                origin = self._origin(one)
                inputs = [(origin, self._building.shape_of(origin))]
                self._building.operation(said or "output", type="Output", kind="output", inputs=inputs)

    def _origin(self, node: Any) -> Origin | None:
        if node in self._unmade:
            self._origins[node] = self._parameter(self._unmade.pop(node), _shapes(node))
        return self._origins.get(node)

    def _parameter(self, name: str, shapes: list[TensorShape]) -> Origin:
        tensor, is_buffer = self._tensors.get(name, (None, True))
        known = self._made.get(id(tensor)) if tensor is not None else None
        if known is None:
            attributes: dict[str, Any] = {"name": name, "trainable": bool(getattr(tensor, "requires_grad", False)) and not is_buffer}
            if is_buffer:
                attributes["buffer"] = True
            number = self._building.operation(
                name.rpartition(".")[2],
                type="Parameter",
                kind="parameter",
                scope=self._scope(name.rpartition(".")[0]),
                outputs=[names.shape_of(tensor)] if tensor is not None else shapes[:1],
                attributes=attributes,
            )
            known = (number, 0)
            if tensor is not None:
                self._made[id(tensor)] = known
        return known

    def _stack(self, node: Any) -> str:
        """The scope that a node stands in."""
        path = self._root
        for where, kind in (node.meta.get("nn_module_stack") or {}).values():
            clean = _clean(where)
            if clean:
                path = self._scope(clean)
                scope = self._building.scopes[path]
                own = isinstance(kind, str) and not kind.startswith("torch.")
                scope.type = _type_name(kind) if own else normal(_type_name(kind))
                scope.attributes.setdefault("original", _type_name(kind))
        return path

    def _scope(self, name: str, module: Any = None) -> str:
        path = self._root
        for part in name.split(".") if name else ():
            parent, path = path, f"{path}.{part}"
            self._building.scope(path, parent=parent)
        if module is not None:
            scope = self._building.scopes[path]
            scope.type = names.normal_type(module)
            scope.attributes.update(names.module_attributes(module), original=names.type_name(module))
        return path


def _is_node(one: Any) -> bool:
    return hasattr(one, "op") and hasattr(one, "target") and hasattr(one, "meta")


def _name(node: Any) -> str:
    """The simple name of what a node calls."""
    schema = getattr(node.target, "_schema", None)
    if schema is not None:
        return str(schema.name).rpartition("::")[2]
    return str(node.target).rpartition(".")[2] if isinstance(node.target, str) else names.function_name(node.target)


def _attributes(node: Any) -> dict[str, Any]:
    schema = getattr(node.target, "_schema", None)
    if schema is None:
        function = getattr(_tensor_type(), node.target, None) if isinstance(node.target, str) else node.target
        made = names.arguments(function, node.args, node.kwargs, _is_node) if callable(function) else {}
        if _name(node) == "getitem" and "b" in made:
            made["key"] = made.pop("b")
        return {**made, "original": _name(node)}
    words = [one.name for one in schema.arguments]
    made = {words[index]: one for index, one in enumerate(node.args) if index < len(words)}
    made.update(node.kwargs)
    return {**{name: one for name, one in made.items() if one is not None and not _holds_node(one)}, "original": str(node.target)}


def _tensor_type() -> Any:
    import torch

    return torch.Tensor


def _holds_node(one: Any) -> bool:
    return any(map(_holds_node, one)) if isinstance(one, (list, tuple)) else _is_node(one)


def _shapes(node: Any) -> list[TensorShape]:
    value = node.meta.get("val", node.meta.get("tensor_meta"))
    tensors = list(value) if isinstance(value, (list, tuple)) and not hasattr(value, "dtype") else [value]
    return [names.shape_of(one) if hasattr(one, "dtype") and hasattr(one, "shape") else TensorShape() for one in tensors]


def _line(node: Any) -> str:
    """The innermost line of the user's own in the stack trace that a node carries."""
    for file, line in reversed(_FRAME.findall(str(node.meta.get("stack_trace") or ""))):
        if f"{'/'}torch{'/'}" not in file.replace("\\", "/"):
            return f"{shown_file(file)}:{line}"
    return ""
