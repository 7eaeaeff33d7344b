"""TorchScript modules and functions as graphs: scripted or traced, read as they were compiled; nothing is run.

Calls of submodules and their methods are laid open as scopes. Numbers and lists of numbers are left out, tensors and lists of
tensors flow. Shapes are known where the graph was traced. If and Loop are operations; their blocks are scopes below them.
"""

from __future__ import annotations

import re
from typing import Any, Final

from ...store.records import TensorShape
from . import torch_names as names
from .build import Building, Captured, Origin
from .lines import shown_file
from .vocabulary import category, convolution, layout, normal

_FRAME: Final = re.compile(r'File "([^"]+)", line (\d+)|([^\s"]+\.py)\((\d+)\)')
GATHERED: Final = frozenset(("prim::TupleConstruct", "prim::ListConstruct"))
SCATTERED: Final = frozenset(("prim::TupleUnpack", "prim::ListUnpack"))
BRANCHING: Final = frozenset(("prim::If", "prim::Loop", "prim::CallMethod"))
QUIET: Final = frozenset(("prim::RaiseException", "prim::Print", "prim::Uninitialized", "prim::unchecked_cast", "aten::warn"))


class _Inside:
    """A submodule as a value, and the path of the scope that owns it."""

    def __init__(self, module: Any, path: str) -> None:
        self.module, self.path = module, path


def capture(model: Any) -> Captured:
    """The graph of a ``torch.jit.ScriptModule`` or ``ScriptFunction``."""
    return _Reader(model).read()


class _Reader:
    """Reads one module or function."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._is_module = hasattr(model, "named_modules")
        self._root = str(getattr(model, "original_name", "") or getattr(model, "name", "") or "function")
        self._building = Building("torch")
        self._parameters: dict[int, Origin] = {}
        self._kept: list[Any] = []  # so that no id is used twice
        self._counted: set[int] = set()
        self._calls: dict[str, int] = {}

    def read(self) -> Captured:
        """The whole graph."""
        root = self._building.scope(self._root, type=_type(self._root))
        root.attributes["original"] = self._root
        if self._is_module:
            for name, module in self._model.named_modules():
                self._module(f"{self._root}.{name}" if name else self._root, module)
        known: dict[str, Any] = {}
        values = list(self._model.graph.inputs())
        if self._is_module and values:
            known[values.pop(0).debugName()] = _Inside(self._model, self._root)
        for value in values:
            if _carries_tensors(value):
                name = value.debugName().partition(".")[0]
                number = self._building.operation(name, type="Input", kind="input", outputs=[_shape(value)])
                known[value.debugName()] = (number, 0)
        self._walk(self._model.graph.nodes(), self._root, known)
        for value in self._model.graph.outputs():
            self._output("output", known.get(value.debugName()))
        return self._building.done()

    def _module(self, path: str, module: Any) -> None:
        kind = str(getattr(module, "original_name", type(module).__name__))
        parent = path.rpartition(".")[0]
        scope = self._building.scope(path, parent=parent, type=_type(kind), original=kind)
        for _, tensor in module.named_parameters(recurse=False):
            key = tensor.data_ptr() or id(tensor)
            if key not in self._counted:
                self._counted.add(key)
                scope.parameters += tensor.numel()
                scope.trainable += tensor.numel() if tensor.requires_grad else 0
        buffers = sum(tensor.numel() for _, tensor in module.named_buffers(recurse=False))
        if buffers:
            scope.attributes["buffers"] = buffers

    def _output(self, name: str, value: Any) -> None:
        if isinstance(value, tuple):
            self._building.operation(name, type="Output", kind="output", inputs=[(value, self._building.shape_of(value))])
        elif isinstance(value, list):
            for index, one in enumerate(value):
                self._output(f"{name}.{index}", one)
        elif isinstance(value, dict):
            for key, one in value.items():
                self._output(str(key), one)

    # ------------------------------------------------------------------------------------------------- nodes

    def _walk(self, nodes: Any, path: str, known: dict[str, Any]) -> None:
        for node in nodes:
            outputs = list(node.outputs())
            for value, made in zip(outputs, self._node(node, path, known), strict=False):
                known[value.debugName()] = made

    def _node(self, node: Any, path: str, known: dict[str, Any]) -> list[Any]:
        """What a node gives, one for each of its outputs."""
        kind = node.kind()
        values = [known.get(one.debugName()) for one in node.inputs()]
        if kind == "prim::Constant":
            return [_constant(node, lambda tensor: self._tensor(tensor, path))]
        if kind == "prim::GetAttr":
            return [self._attribute(values[0], node.s("name"))]
        if kind in GATHERED:
            return [values]
        if kind == "prim::DictConstruct":
            return [dict(zip([str(one) for one in values[::2]], values[1::2], strict=False))]
        if kind in SCATTERED and isinstance(values[0], list):
            return values[0]
        if kind in SCATTERED and isinstance(values[0], tuple):
            return [(values[0][0], port) for port in range(node.outputsSize())]
        if kind in ("prim::TupleIndex", "aten::__getitem__") and isinstance(values[0], (list, dict)):
            return [self._item(values[0], values[1])]
        if kind in ("prim::TupleIndex", "aten::__getitem__") and isinstance(values[0], tuple) and isinstance(values[1], int):
            return [(values[0][0], values[1])]
        if kind == "prim::CallMethod" and isinstance(values[0], _Inside):
            return [self._call(node, values[0], node.s("name"), values[1:])]
        if kind in ("prim::If", "prim::Loop"):
            return self._blocks(node, values, path, known)
        if kind == "aten::Bool":
            return values[:1]
        if kind in QUIET:
            return [value if isinstance(value, tuple) else None for value in values[:1]]
        return self._operation(node, values, path)

    def _attribute(self, owner: Any, name: str) -> Any:
        if not isinstance(owner, _Inside):
            return None
        value = getattr(owner.module, name, None)
        if hasattr(value, "dtype") and hasattr(value, "numel"):
            return self._tensor(value, owner.path, name)
        if hasattr(value, "named_parameters"):
            return _Inside(value, f"{owner.path}.{name}")
        return value if isinstance(value, (bool, int, float, str)) else None

    def _tensor(self, tensor: Any, path: str, name: str = "") -> Origin:
        """A parameter, a buffer, or a tensor that was baked in."""
        key = tensor.data_ptr() or id(tensor)
        if key not in self._parameters:
            self._kept.append(tensor)
            static = ".".join(part.partition("#")[0] for part in path.split("."))
            attributes = (
                {"name": f"{static}.{name}".partition(".")[2], "trainable": bool(tensor.requires_grad)} if name else {"origin": "baked in"}
            )
            number = self._building.operation(
                name or "constant",
                type="Parameter" if name else "Constant",
                kind="parameter" if name else "op",
                scope=static if name else path,
                outputs=[names.shape_of(tensor)],
                attributes=attributes,
            )
            self._parameters[key] = (number, 0)
        return self._parameters[key]

    def _item(self, value: Any, index: Any) -> Any:
        try:
            return value[str(index)] if isinstance(value, dict) else value[index]
        except (KeyError, IndexError, TypeError):
            return None

    def _call(self, node: Any, inside: _Inside, method: str, arguments: list[Any]) -> Any:
        """A method of a submodule, laid open; a layer of torch that branches inside is one operation."""
        graph = inside.module._c._get_method(method).graph
        target = inside.path if re.fullmatch(r"forward[_\d]*", method) else f"{inside.path}.{method}"
        count = self._calls[target] = self._calls.get(target, 0) + 1
        path = target if count == 1 else f"{target}#{count}"
        if path not in self._building.scopes:
            first = self._building.scopes.get(target)
            scope = self._building.scope(path, parent=path.rpartition(".")[0], type=first.type if first else "")
            if count > 1:
                scope.attributes.update(call=count, call_of=target)
        kind = str(getattr(inside.module, "original_name", ""))
        if category(_type(kind)) == "layer" and any(one.kind() in BRANCHING for one in graph.nodes()):
            own = (name for name, _ in (*inside.module.named_parameters(recurse=False), *inside.module.named_buffers(recurse=False)))
            weights = [self._attribute(inside, name) for name in own if name != "num_batches_tracked"]
            (made,) = self._operation(node, [*arguments, *weights], path, called=kind)
            return made
        values: dict[str, Any] = {}
        taken = list(graph.inputs())
        values[taken[0].debugName()] = inside
        values.update((value.debugName(), given) for value, given in zip(taken[1:], arguments, strict=False))
        self._walk(graph.nodes(), path, values)
        outputs = [values.get(value.debugName()) for value in graph.outputs()]
        return outputs[0] if len(outputs) == 1 else outputs

    def _blocks(self, node: Any, values: list[Any], path: str, known: dict[str, Any]) -> list[Any]:
        """An If or a Loop, and what stands in it."""
        word = node.kind().rpartition("::")[2]
        loop = word == "Loop"
        flows = [value for value in values if isinstance(value, tuple)]
        inputs = [(one, self._building.shape_of(one)) for one in flows]
        shapes = [_shape(one) for one in node.outputs()]
        kind = "While" if loop else "If"
        number = self._building.operation(word.lower(), type=kind, scope=path, inputs=inputs, outputs=shapes, attributes={"original": word})
        count = self._calls[f"{path}.{word}"] = self._calls.get(f"{path}.{word}", 0) + 1
        inside = f"{path}.{word.lower()}_{count}"
        self._building.scope(inside, parent=path, type=kind)
        for index, block in enumerate(node.blocks()):
            where = inside if loop else f"{inside}.{'else' if index else 'then'}"
            self._building.scope(where, parent=inside if not loop else path)
            local = dict(known)
            if loop:  # the block takes its number and what is carried; the loop takes a length, a condition, and what is carried
                carried = zip(list(block.inputs())[1:], values[2:], strict=False)
                local.update((value.debugName(), given) for value, given in carried)
            self._walk(block.nodes(), where, local)
            for value in block.outputs():
                result = local.get(value.debugName())
                if isinstance(result, tuple) and result[0] != number:
                    self._building.connect(result, number)
        return [(number, port) if _carries_tensors(value) else None for port, value in enumerate(node.outputs())]

    def _operation(self, node: Any, values: list[Any], path: str, *, called: str = "") -> list[Any]:
        outputs = list(node.outputs())
        if not any(_carries_tensors(value) for value in outputs):
            return [None] * len(outputs)
        layer, called = called, called or node.kind()
        if called == "prim::CallFunction":
            called = next(iter(node.inputs())).node().s("name")
        taken: list[Origin] = []
        for value in values:
            taken += _origins(value)
        inputs = [(one, self._building.shape_of(one)) for one in taken]
        attributes = {**({} if layer else _arguments(node, values)), "original": called}
        kind = normal(called)
        if kind == "Convolution" and len(inputs) > 1:
            kind = convolution(len(inputs[1][1].shape or ()), transposed=bool(attributes.get("transposed")))
        order = layout(kind, channels_last=False)
        if order:
            attributes["layout"] = order
        name = called.rpartition("::")[2].strip("_")
        shapes = [_shape(value) for value in outputs]
        number = self._building.operation(
            name, type=kind, scope=path, inputs=inputs, outputs=shapes, attributes=attributes, source=_line(node)
        )
        return [(number, port) for port in range(len(outputs))]


def _type(kind: str) -> str:
    """The normal name of a class, if it is one that torch has: a compiled module does not say whose class it was."""
    return normal(kind) if category(normal(kind)) in ("layer", "activation", "loss") else kind


def _constant(node: Any, keep: Any) -> Any:
    output = node.output()
    if not node.hasAttribute("value"):
        return None
    value = output.toIValue()
    if hasattr(value, "dtype") and hasattr(value, "numel"):
        return keep(value)
    return value if isinstance(value, (bool, int, float, str)) else None


def _origins(value: Any) -> list[Origin]:
    if isinstance(value, tuple):
        return [value]
    parts = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
    return [one for part in parts for one in _origins(part)]


def _arguments(node: Any, values: list[Any]) -> dict[str, Any]:
    """Name -> value of what is no tensor."""
    import torch

    try:
        words = [one.name for one in torch._C.parse_schema(node.schema()).arguments]
    except RuntimeError:  # prim operations have none
        return {}
    plain = {name: value for name, value in zip(words, values, strict=False) if isinstance(value, (bool, int, float, str))}
    lists = {name: value for name, value in zip(words, values, strict=False) if isinstance(value, list) and value}
    return {**plain, **{name: value for name, value in lists.items() if all(isinstance(one, (bool, int, float)) for one in value)}}


def _carries_tensors(value: Any) -> bool:
    return "Tensor" in str(value.type()) or value.type().kind() == "TensorType"


def _shape(value: Any) -> TensorShape:
    kind = value.type()
    if kind.kind() != "TensorType":
        return TensorShape()
    sizes, dtype = kind.sizes(), kind.dtype()
    return TensorShape(shape=list(sizes) if sizes is not None else None, dtype=str(dtype or "").removeprefix("torch."))


def _line(node: Any) -> str:
    for match in _FRAME.findall(str(node.sourceRange())):
        file, line = (match[0], match[1]) if match[0] else (match[2], match[3])
        if "/torch/" not in file.replace("\\", "/"):
            return f"{shown_file(file)}:{line}"
    return ""
