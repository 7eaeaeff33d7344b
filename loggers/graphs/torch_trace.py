"""One call of a torch model, while it runs: which functions it calls, in which module, on what. See `torch_call`.

Tensors are known by identity and only while they live (a weak reference says so), so that the address of a freed tensor never
makes an edge. A tensor that came by a way that is not seen (an extension, a wrapper) is known by its memory, when the tensor
that it shares it with lives; else, if a module returns it, the module counts as one opaque operation.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from typing import Any, Final

from . import torch_names as names
from .build import Building, Captured, Origin
from .lines import line_of_call, line_of_method
from .nested import flat, found
from .torch_state import AsBefore, memory_of
from .vocabulary import layout, normal, refined

TO_PYTHON: Final = frozenset(("__bool__", "__int__", "__float__", "__index__", "__complex__", "item", "tolist", "numpy", "__array__"))
SAME_TENSOR: Final = frozenset(("data", "detach", "detach_", "requires_grad_", "as_subclass", "alias", "__deepcopy__", "real_if_close"))
"""What comes out is what went in, as far as a graph is concerned."""
TENSOR_PROPERTIES: Final = frozenset(("T", "mT", "H", "mH", "real", "imag"))
WITH_WEIGHTS: Final = {"Linear": "out,in", "Conv1d": "OIW", "Conv2d": "OIHW", "Conv3d": "OIDHW"}


def is_tensor(value: Any) -> bool:
    """Whether `value` is a torch tensor."""
    return isinstance(value, sys.modules["torch"].Tensor)


def name_of(model: Any) -> str:
    """What a graph calls a model: the name of a function, the class of a module."""
    return str(getattr(model, "__name__", None) or type(model).__name__)


class Trace:
    """One call, while it runs."""

    def __init__(self, model: Any, before: AsBefore) -> None:
        import torch

        self._before = before
        self._building = Building("torch")
        self._origins: dict[int, tuple[weakref.ref[Any], Origin]] = {}
        self._by_memory: dict[int, tuple[weakref.ref[Any], Origin]] = {}
        self._stack: list[tuple[Any, str]] = []
        self._calls: dict[str, int] = {}
        self._called: set[str] = set()
        self._parameters: dict[int, tuple[str, str, Any, bool]] = {}  # id -> scope, name, tensor, whether a buffer
        self._read: dict[int, Origin] = {}
        self._root = name_of(model)
        self._modules: dict[int, str] = {}
        self._keys: dict[str, tuple[str, ...]] = {}
        if isinstance(model, torch.nn.Module):
            self._register(model)
        else:
            self._building.scope(self._root, type=self._root)

    # ------------------------------------------------------------------------------------------- modules

    def _register(self, model: Any) -> None:
        """Every module a scope, in the order of the model; every parameter to its first owner."""
        first_names: dict[int, str] = {}
        for name, module in model.named_modules():
            clean = names.without_wrappers(name)
            path = f"{self._root}.{clean}" if clean else self._root
            self._modules[id(module)] = path
            if type(module).__name__ == "OptimizedModule":
                continue
            parent = path.rpartition(".")[0] if clean else ""
            scope = self._building.scope(
                path,
                parent=self._parent_of(parent),
                type=names.normal_type(module),
                original=names.type_name(module),
                source=line_of_method(module, "forward"),
            )
            scope.attributes.update(names.module_attributes(module))
            shared, buffers = {}, 0
            for key, tensor in module._parameters.items():
                if tensor is None:
                    continue
                if id(tensor) in first_names:
                    shared[key] = first_names[id(tensor)]
                    continue
                first_names[id(tensor)] = f"{clean}.{key}".lstrip(".")
                self._parameters[id(tensor)] = (path, key, tensor, False)
                scope.parameters += tensor.numel()
                scope.trainable += tensor.numel() if tensor.requires_grad else 0
            for key, tensor in module._buffers.items():
                if tensor is not None and id(tensor) not in self._parameters:
                    self._parameters[id(tensor)] = (path, key, tensor, True)
                    buffers += tensor.numel()
            if buffers:
                scope.attributes["buffers"] = buffers
            if shared:
                scope.attributes["shared"] = shared

    def _parent_of(self, parent: str) -> str:
        """`parent`, made if it is no module of its own (a name with a dot in it)."""
        if parent and parent not in self._building.scopes:
            self._building.scope(parent, parent=self._parent_of(parent.rpartition(".")[0]))
        return parent

    def root(self, model: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """The call itself."""
        if id(model) in self._modules:
            return model(*args, **keywords)
        self._stack.append((model, self._root))
        try:
            return model(*args, **keywords)
        finally:
            self._stack.clear()

    def module(self, module: Any, call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a module, and see what it calls as its own."""
        above = self._stack[-1][1] if self._stack else ""
        path = above if type(module).__name__ == "OptimizedModule" else self._path_of(module, above)
        self._stack.append((module, path))
        try:
            result = call(module, *args, **kwargs)
        finally:
            self._stack.pop()
        own = {id(one) for one in vars(module).values()}
        unknown = [one for _, one in found(result, "", is_tensor) if self._origin(one) is None and id(one) not in own]
        if unknown:
            self._opaque(module, path, args, kwargs, unknown)
        return result

    def _path_of(self, module: Any, above: str) -> str:
        """The path of the scope for a call of `module` inside of `above`."""
        static = self._modules.get(id(module))
        if static is None:
            static = base = f"{above or self._root}.{type(module).__name__}"
        else:
            base = self._moved(static, above)
        count = self._calls[base] = self._calls.get(base, 0) + 1
        path = base if count == 1 else f"{base}#{count}"
        if path not in self._building.scopes:
            self._again(module, path, static, count)
        self._called.add(path)
        return path

    def _moved(self, static: str, above: str) -> str:
        """The path of a module inside a second call of one that encloses it: "net.block#2.fc" for "net.block.fc"."""
        plain_above = _static(above)
        if above != plain_above and static.startswith(plain_above + "."):
            return above + static[len(plain_above) :]
        return static

    def _again(self, module: Any, path: str, static: str, count: int) -> None:
        """A scope for another call of a module, or for a module that is not of the model."""
        parent = path.rpartition(".")[0]
        if parent and parent not in self._building.scopes:
            plain = parent.rpartition("#")[0] if parent.rpartition(".")[2].count("#") else parent
            self._again(None, parent, plain, 0)
        scope = self._building.scope(path, parent=parent)
        if module is not None:
            scope.type = names.normal_type(module)
            scope.attributes["original"] = names.type_name(module)
            scope.attributes.update(names.module_attributes(module))
            scope.source = line_of_method(module, "forward")
        if count > 1:
            scope.attributes["call"] = count
        if path != static:
            scope.attributes["call_of"] = static

    def _opaque(self, module: Any, path: str, args: Any, kwargs: Any, outputs: list[Any]) -> None:
        """A module whose result came by a way that is not seen."""
        taken: list[Any] = []
        flat([args, kwargs], is_tensor, taken)
        number = self._building.operation(
            names.type_name(module).rpartition(".")[2],
            type=names.normal_type(module),
            scope=path,
            inputs=[(self._origin(one), names.shape_of(one)) for one in taken],
            outputs=[names.shape_of(one) for one in outputs],
            attributes={"original": names.type_name(module), "opaque": True},
            source=line_of_method(module, "forward"),
            device=_device(outputs),
        )
        for port, tensor in enumerate(outputs):
            self._came_from(tensor, (number, port))

    # ------------------------------------------------------------------------------------------ functions

    def function(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a function of torch, and see what it takes and gives."""
        name = names.function_name(function)
        getter = getattr(function, "__name__", "") == "__get__"
        if getter and name not in TENSOR_PROPERTIES and name != "data":
            return function(*args, **kwargs)
        if getattr(function, "__name__", "") == "__set__":
            return self._set(name, function, args)
        writes = _writes(name, args, kwargs)
        for tensor in writes:
            self._before.before_write(tensor)
        taken: list[Any] = []
        flat((args, kwargs), is_tensor, taken)
        if not writes:
            result = function(*args, **kwargs)
            if taken and _is_plain_tensor(result) and any(one is result for one in taken):
                result = result.view_as(result)  # a tensor of its own, so that what read the input and what reads this stay apart
        else:
            origins = [(self._origin(one), names.shape_of(one)) for one in taken]
            result = function(*args, **kwargs)
        given: list[Any] = []
        flat(result, is_tensor, given)
        if name in SAME_TENSOR:
            for one in given:
                self._same(taken, one)
            return result
        if not given and not writes and name not in TO_PYTHON:
            return result
        if not writes:
            origins = [(self._origin(one), names.shape_of(one)) for one in taken]
        if writes and all(self._is_buffer(one) for one in writes) and all(self._is_buffer(one) for one in taken):
            return result  # a counter of the module, such as num_batches_tracked
        self._operation(name, function, args, kwargs, taken, origins, given, writes)
        return result

    def _set(self, name: str, function: Any, args: tuple[Any, ...]) -> Any:
        """An assignment to an attribute of a tensor: ``tensor.data = other``."""
        if name == "data":
            self._before.before_write(args[0])
        origin = self._origin(args[1]) if name == "data" and is_tensor(args[1]) else None
        result = function(*args)
        if origin is not None:
            self._came_from(args[0], origin)
        return result

    def _operation(
        self,
        name: str,
        function: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        taken: list[Any],
        origins: list[tuple[Origin | None, Any]],
        given: list[Any],
        writes: list[Any],
    ) -> None:
        path = self._stack[-1][1] if self._stack else self._root
        attributes = names.arguments(function, args, kwargs, is_tensor)
        attributes["original"] = name
        kind = refined("ToPython" if name in TO_PYTHON else normal(name), _as_lists(attributes))
        order = layout(kind, channels_last=False)
        if order:
            attributes["layout"] = order
        if kind in WITH_WEIGHTS and len(taken) > 1:
            attributes["weight_layout"] = WITH_WEIGHTS[kind]
        if kind == "MultiHeadAttention":  # torch has (length, batch, features) here, whatever the module takes
            attributes["batch_first"] = False
        inputs = [
            (origin if origin is not None else self._constant(tensor), shape)
            for tensor, (origin, shape) in zip(taken, origins, strict=True)
        ]
        number = self._building.operation(
            name.strip("_") or name,
            type=kind,
            scope=path,
            inputs=inputs,
            outputs=[names.shape_of(one) for one in (given or writes)],
            attributes=attributes,
            source=line_of_call("capture"),
            device=_device(given or taken),
        )
        for port, tensor in enumerate(given or writes):
            self._came_from(tensor, (number, port))
        for tensor in writes:
            self._came_from(tensor, (number, 0))
            base = getattr(tensor, "_base", None)
            if base is not None:
                self._came_from(base, (number, 0))

    def _constant(self, tensor: Any) -> Origin:
        """A tensor that was not seen to be made: one from before the call, or one that torch.func wrapped ("Unseen")."""
        path = self._stack[-1][1] if self._stack else self._root
        wrapped = _is_wrapped(tensor)
        number = self._building.operation(
            "unseen" if wrapped else "constant",
            type="Unseen" if wrapped else "Constant",
            scope=path,
            outputs=[names.shape_of(tensor)],
            attributes={"origin": "not seen in this call"},
            device=_device([tensor]),
        )
        self._came_from(tensor, (number, 0))
        return number, 0

    # ---------------------------------------------------------------------------------- where tensors come from

    def _came_from(self, tensor: Any, origin: Origin) -> None:
        if id(tensor) in self._parameters and self._parameters[id(tensor)][3]:
            return  # a buffer that is written stays a buffer
        reference = weakref.ref(tensor)
        self._origins[id(tensor)] = (reference, origin)
        memory = memory_of(tensor)
        if memory:
            self._by_memory[memory] = (reference, origin)

    def _origin(self, tensor: Any) -> Origin | None:
        reference, origin = self._origins.get(id(tensor), (None, None))
        if reference is not None and reference() is tensor:
            return origin
        if id(tensor) in self._parameters and self._parameters[id(tensor)][2] is tensor:
            return self._parameter(tensor)
        memory = memory_of(tensor)
        reference, origin = self._by_memory.get(memory, (None, None))
        alive = reference() if reference is not None and memory else None
        if alive is not None and memory_of(alive) == memory:
            return origin
        return None

    def _same(self, taken: list[Any], result: Any) -> None:
        origin = self._origin(taken[0]) if taken else None
        if origin is not None:
            self._came_from(result, origin)

    def _is_buffer(self, tensor: Any) -> bool:
        known = self._parameters.get(id(tensor))
        return known is not None and known[2] is tensor and known[3]

    def _parameter(self, tensor: Any, *, unread: bool = False) -> Origin:
        number = self._read.get(id(tensor))
        if number is None:
            path, key, _, buffer = self._parameters[id(tensor)]
            name = f"{path}.{key}".partition(".")[2]
            attributes: dict[str, Any] = {"name": name, "trainable": bool(tensor.requires_grad)}
            attributes.update({"buffer": True} if buffer else {}, **({"unread": True} if unread else {}))
            number = self._read[id(tensor)] = (
                self._building.operation(
                    key,
                    type="Parameter",
                    kind="parameter",
                    scope=path,
                    outputs=[names.shape_of(tensor)],
                    attributes=attributes,
                    device=_device([tensor]),
                ),
                0,
            )
        return number

    # ------------------------------------------------------------------------------------- what goes in and out

    def input(self, name: str, tensor: Any) -> None:
        """A tensor that the model is given."""
        known = self._origins.get(id(tensor))
        if known is not None:
            self._building.attributes_of(known[1][0]).setdefault("also", []).append(name)
            return
        shape = names.shape_of(tensor)
        number = self._building.operation(name, type="Input", kind="input", outputs=[shape], device=_device([tensor]))
        self._came_from(tensor, (number, 0))

    def output(self, name: str, tensor: Any) -> None:
        """A tensor that the model gives."""
        inputs = [(self._origin(tensor), names.shape_of(tensor))]
        self._building.operation(name, type="Output", kind="output", inputs=inputs, device=_device([tensor]))

    def done(self) -> Captured:
        """The graph; parameters that nothing read, and modules that were not called, say so."""
        for tensor in [one[2] for key, one in self._parameters.items() if not one[3] and key not in self._read]:
            self._parameter(tensor, unread=True)
        live = set(self._called)
        for path in self._called:
            while path:
                live.add(path)
                path = self._building.scopes[path].parent
        for path, scope in self._building.scopes.items():
            if path not in live and self._modules:
                scope.attributes["called"] = False
        self._building.sort_scopes(_static)
        return self._building.done()


def _static(path: str) -> str:
    """A scope's path as the model has it, without the numbers of calls."""
    return ".".join(part.partition("#")[0] for part in path.split("."))


def _is_wrapped(tensor: Any) -> bool:
    functorch = getattr(sys.modules["torch"]._C, "_functorch", None)
    return bool(getattr(functorch, "is_functorch_wrapped_tensor", lambda _: False)(tensor))


def _is_plain_tensor(value: Any) -> bool:
    torch = sys.modules["torch"]
    return type(value) in (torch.Tensor, torch.nn.Parameter)


def _writes(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    """The tensors that a call changes in place."""
    written: list[Any] = []
    dunder = name.startswith("__")
    if (name.endswith("_") and not dunder and name not in SAME_TENSOR) or kwargs.get("inplace") is True:
        flat(args[:1] or [kwargs.get("input")], is_tensor, written)
    elif name == "__setitem__" or (dunder and name.startswith("__i") and name.endswith("__") and name not in NOT_IN_PLACE):
        flat(args[:1], is_tensor, written)
    if kwargs.get("out") is not None:
        flat(kwargs["out"], is_tensor, written)
    return written


NOT_IN_PLACE: Final = frozenset(("__index__", "__int__", "__invert__", "__iter__", "__init__"))


def _as_lists(attributes: dict[str, Any]) -> dict[str, Any]:
    return {name: list(one) if isinstance(one, tuple) else one for name, one in attributes.items()}


def _device(tensors: list[Any]) -> str:
    return str(tensors[0].device) if tensors else ""
