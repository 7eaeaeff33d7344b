"""Model graphs as values: `Graph`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from ...store.records import GraphPoint
from .value import Media, Taken, Target

MOST_INLINE: Final = 2000
"""A graph of more operations or scopes, or of twice as many edges, lies in a blob."""
BYTES_EACH: Final = 600
"""About what an operation takes in memory, with its edges."""


class Graph(Media):
    """The graph of a model: modules or layers, operations, what flows between them, parameters and FLOPs.

    Args:
        model: a torch module (or torch.compile's, DDP's): it is called once with the inputs, under no_grad, in the mode it is in;
            its buffers, random generators, gradients, hooks and modes are afterwards as before. A ``torch.export`` program, FX
            graph or TorchScript module or function: read as it is. A Keras model of any backend: its own graph of layers;
            a subclassed one needs inputs, unless it was built. A ``tf.function`` with its inputs, a concrete function, a GraphDef
            (object or bytes). A function of tensors with its inputs. Or what `loggers.graphs.capture.capture` gave.
        inputs, keywords: what the model is called with, in any nesting.

    Errors: a model that raises in its call, or one without inputs, is a warning at the line that logged it; training goes on.
    The call happens in the logging call itself; it is encoded later.
    """

    __slots__ = ("_inputs", "_keywords", "_model")

    def __init__(self, model: Any, /, *inputs: Any, **keywords: Any) -> None:
        self._model, self._inputs, self._keywords = model, inputs, keywords

    def take(self) -> Taken:
        """Call the model and see its graph."""
        from ..graphs.capture import capture

        captured = capture(self._model, self._inputs, self._keywords)
        size = BYTES_EACH * (len(captured.operations) + len(captured.scopes))

        def encode(target: Target) -> GraphPoint:
            scopes, operations, edges = captured.scopes, captured.operations, captured.edges
            blob = None
            if max(len(operations), len(scopes), len(edges) // 2) > MOST_INLINE:
                data = msgspec.msgpack.encode({"scopes": scopes, "operations": operations, "edges": edges})
                blob = target.blob(data, extension="msgpack", media_type="application/msgpack")
                scopes, operations, edges = [], [], []
            return GraphPoint(
                tag=target.tag,
                step=target.step,
                wall_time=target.wall_time,
                framework=captured.framework,
                scopes=scopes,
                operations=operations,
                edges=edges,
                blob=blob,
            )

        return Taken(size, encode)


def keyword_inputs(model: Any, keywords: dict[str, Any]) -> dict[str, Any]:
    """`keywords` with those in ``inputs={...}`` among them, unless the model's own call has an argument `inputs`."""
    more = keywords.get("inputs")
    if not isinstance(more, Mapping) or not all(isinstance(name, str) for name in more):
        return keywords
    for name in ("forward", "call", "__call__"):
        try:
            named = "inputs" in inspect.signature(getattr(model, name)).parameters
        except (AttributeError, TypeError, ValueError):
            continue
        if named:
            return keywords
        break
    return {**{name: one for name, one in keywords.items() if name != "inputs"}, **more}
