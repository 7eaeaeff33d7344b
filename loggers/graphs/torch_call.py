"""The graph of anything that computes with torch, from one real call of it.

While it is called, a ``TorchFunctionMode`` sees every function of torch that Python calls (a linear layer is one operation, not
the matrix products below it), and module calls are watched to say in which module. Nothing is compiled, scripted or rewritten, so
dicts, keywords, None, control flow and any output will do; data-dependent branches are shown as this call took them, and
"ToPython" marks where a tensor's value went back into Python. Afterwards everything is as before: see `torch_state`.
"""

from __future__ import annotations

import contextlib
import inspect
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from ..media.value import BadValue
from .build import Captured
from .nested import found
from .torch_state import AsBefore
from .torch_trace import Trace, is_tensor, name_of

UNPACKED: Final = ("DistributedDataParallel", "DataParallel")
SHARDED: Final = ("FullyShardedDataParallel", "FSDPModule")


def capture(model: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> Captured:
    """Call `model`, a torch module or any function of tensors, once.

    Raises:
        BadValue: the call failed, inputs are missing, or the model is sharded over several processes.
    """
    import torch

    model = _unwrapped(model)
    forward = model.forward if isinstance(model, torch.nn.Module) else model
    _want_inputs(model, forward, args, keywords)
    modules = list(model.modules()) if isinstance(model, torch.nn.Module) else []
    try:
        if _is_lazy(modules):
            model, modules = _initialised(model, forward, args, keywords), []
        return _traced(model, modules, forward, args, keywords, grad=False)
    except BadValue:
        raise
    except Exception as error:  # noqa: BLE001  said below
        again = error
    if "grad" in str(again):  # a model that differentiates inside its forward method
        try:
            return _traced(model, modules, forward, args, keywords, grad=True)
        except Exception as error:  # noqa: BLE001  said below
            again = error
    text = (str(again).strip().splitlines() or [""])[0][:300]
    raise BadValue(
        f"{name_of(model)} raised in its call: {type(again).__name__}: {text}. Want the inputs as training gives them, "
        f"got {_described(args, keywords)}; no graph logged"
    ) from again


def _unwrapped(model: Any) -> Any:
    """The module behind torch.compile and data parallel wrappers."""
    while True:
        kind = type(model).__name__
        inner = vars(model).get("_modules", {}) if hasattr(model, "__dict__") else {}
        if kind == "OptimizedModule" and "_orig_mod" in inner:
            model = inner["_orig_mod"]
        elif kind in UNPACKED and "module" in inner:
            model = inner["module"]
        else:
            break
    inside: Iterable[Any] = getattr(model, "modules", tuple)()
    if any(base.__name__ in SHARDED for one in inside for base in type(one).__mro__) and _processes() > 1:
        raise BadValue(
            f"{name_of(model)} is sharded over {_processes()} processes (FSDP), and a call would wait for all of them; "
            "log its graph before it is sharded"
        )
    return getattr(model, "_torchdynamo_orig_callable", model)


def _processes() -> int:
    distributed = sys.modules.get("torch.distributed")
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return 1
    return int(distributed.get_world_size())


def _is_lazy(modules: list[Any]) -> bool:
    from torch.nn.parameter import is_lazy

    return any(is_lazy(one) for module in modules for one in (*module._parameters.values(), *module._buffers.values()))


def _initialised(model: Any, forward: Callable[..., Any], args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """A copy of a model whose first call makes its parameters, after that call; the model itself stays as it is."""
    import copy

    import torch
    from torch.nn.parameter import UninitializedBuffer

    buffers = [one for module in model.modules() for one in module._buffers.values() if isinstance(one, UninitializedBuffer)]
    try:
        fresh: Callable[..., Any] = UninitializedBuffer
        model = copy.deepcopy(model, {id(one): fresh(device=one.device, dtype=one.dtype) for one in buffers})
    except Exception as error:
        raise BadValue(
            f"{name_of(model)} has lazy parameters and cannot be copied ({type(error).__name__}: {error}); call it once, then log its graph"
        ) from error
    inputs = [tensor for _, tensor in _named_inputs(forward, args, keywords)]
    before = AsBefore([], inputs)
    try:
        for tensor in inputs:
            before.before_write(tensor)
        with _eager(), torch.no_grad():
            model(*args, **keywords)
    finally:
        before.restore()
    return model


def _want_inputs(model: Any, forward: Callable[..., Any], args: tuple[Any, ...], keywords: dict[str, Any]) -> None:
    if args or keywords:
        return
    try:
        wanted = [
            one.name
            for one in inspect.signature(forward).parameters.values()
            if one.default is one.empty and one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
        ]
    except (TypeError, ValueError):
        return
    if wanted:
        raise BadValue(
            f"{name_of(model)} is called once to see its graph, and its inputs ({', '.join(wanted)}) are missing; "
            "want run.log_graph(model, batch), with a batch as training gives it"
        )


def _described(args: tuple[Any, ...], keywords: dict[str, Any]) -> str:
    from ..numbers import describe

    return ", ".join([*map(describe, args), *(f"{name}={describe(one)}" for name, one in keywords.items())])[:300] or "none"


def _traced(
    model: Any, modules: list[Any], forward: Callable[..., Any], args: tuple[Any, ...], keywords: dict[str, Any], *, grad: bool
) -> Captured:
    """Call `model`; `modules` are to be as before afterwards."""
    import torch

    inputs = list(_named_inputs(forward, args, keywords))
    before = AsBefore(modules, [tensor for _, tensor in inputs])
    trace = Trace(model, before)
    try:
        before.without_our_hooks()
        for name, tensor in inputs:
            trace.input(name, tensor)
        with contextlib.ExitStack() as stack:
            stack.enter_context(_eager())
            stack.enter_context(torch.enable_grad() if grad else torch.no_grad())
            stack.enter_context(_modules_seen(trace))
            stack.enter_context(_mode(trace))
            result = trace.root(model, args, keywords)
        for name, tensor in found(result, "" if isinstance(result, (Mapping, tuple, list)) else "output", is_tensor):
            trace.output(name or "output", tensor)
        del result
    finally:
        before.restore()
    return trace.done()


def _named_inputs(forward: Callable[..., Any], args: tuple[Any, ...], keywords: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    try:
        bound: Mapping[str, Any] = inspect.signature(forward).bind(*args, **keywords).arguments
    except (TypeError, ValueError):  # the call itself will say what is wrong
        bound = {**{f"input_{index}": one for index, one in enumerate(args)}, **keywords}
    for name, value in bound.items():
        single = value[0] if isinstance(value, tuple) and len(value) == 1 and value[0] is not None else value
        for path, tensor in found(single if name in ("args", "inputs") else value, name, is_tensor):
            yield path.removeprefix("kwargs."), tensor


def _eager() -> contextlib.AbstractContextManager[Any]:
    """What torch.compile compiled runs as it was written."""
    torch = sys.modules["torch"]
    if "torch._dynamo" in sys.modules and hasattr(torch.compiler, "set_stance"):
        stance: contextlib.AbstractContextManager[Any] = torch.compiler.set_stance("force_eager")
        return stance
    return contextlib.nullcontext()


_tracing = threading.local()
_patch = threading.Lock()
_patched: list[Callable[..., Any]] = []
"""What ``torch.nn.Module.__call__`` was, once for each call that is being seen."""


@contextlib.contextmanager
def _modules_seen(trace: Trace) -> Iterator[None]:
    """Hand every call of a module in this thread to `trace`. Not by torch's global hooks: compiled modules warn of them."""
    from torch.nn import Module

    with _patch:
        if not _patched:
            plain = Module.__call__

            def seen(self: Any, *args: Any, **kwargs: Any) -> Any:
                active: Trace | None = getattr(_tracing, "trace", None)
                return plain(self, *args, **kwargs) if active is None else active.module(self, plain, args, kwargs)

            Module.__call__ = seen  # type: ignore[method-assign, unused-ignore]
            _patched.append(plain)
        else:
            _patched.append(_patched[0])
    outer, _tracing.trace = getattr(_tracing, "trace", None), trace
    try:
        yield
    finally:
        _tracing.trace = outer
        with _patch:
            plain = _patched.pop()
            if not _patched:
                Module.__call__ = plain  # type: ignore[method-assign, unused-ignore]


def _mode(trace: Trace) -> contextlib.AbstractContextManager[Any]:
    from torch.overrides import TorchFunctionMode

    class Seen(TorchFunctionMode):  # type: ignore[misc, unused-ignore]
        """Hands every call of a torch function to the trace."""

        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            del types
            return trace.function(func, args, kwargs or {})

    return Seen()
