"""`SummaryWriter.file_writer`, which programs use to write protocol buffers of their own: decoded into the run.

A common use is to log the hyperparameters without torch's extra run:
``writer.file_writer.add_summary(torch.utils.tensorboard.summary.hparams(hparam_dict, metric_dict)[1])``.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..events import ConfigLogged, EventReader, GraphLogged
from ..media.graph import Graph
from ..media.value import Media, Taken, Target

if TYPE_CHECKING:
    from ...store.records import Point
    from .home import Home


class FileWriter:
    """The methods of torch's ``FileWriter``, on the run of a SummaryWriter."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._reader = EventReader()

    def get_logdir(self) -> str:
        """The writer's `log_dir`."""
        return str(self._home.log_dir)

    def add_event(self, event: Any, step: Any = None, walltime: float | None = None) -> None:
        """Log what an Event holds: a protocol buffer, which gets this step and wall time, as torch does it."""
        with self._home._call("add_event"):
            event.wall_time = time.time() if walltime is None else walltime
            if step is not None:
                event.step = int(step)
            self._take(event.SerializeToString())

    def add_summary(self, summary: Any, global_step: Any = None, walltime: float | None = None) -> None:
        """Log what a Summary holds: a protocol buffer, or its bytes. Without a step it is at 0, as in torch."""
        with self._home._call("add_summary"):
            data = summary if isinstance(summary, bytes) else summary.SerializeToString()
            now = struct.pack("<d", time.time() if walltime is None else walltime)
            step = _varint(int(global_step or 0) & 0xFFFF_FFFF_FFFF_FFFF)
            self._take(b"\x09" + now + b"\x10" + step + b"\x2a" + _varint(len(data)) + data)

    def add_graph(self, graph_profile: Any, walltime: float | None = None) -> None:
        """Log a GraphDef, the first of a pair; the second, what a profiler measured, is not kept."""
        self.add_onnx_graph(graph_profile[0], walltime)

    def add_onnx_graph(self, graph: Any, walltime: float | None = None) -> None:
        """Log a GraphDef."""
        with self._home._call("add_graph"):
            self._home.run._log_slowly({"graph": Graph(graph.SerializeToString())}, 0, now=walltime)

    def flush(self) -> None:
        """As `SummaryWriter.flush`."""
        self._home.flush()

    def close(self) -> None:
        """As `SummaryWriter.close`."""
        self._home.close()

    def reopen(self) -> None:
        """Nothing to do: whatever is logged opens the run again."""

    def _take(self, payload: bytes) -> None:
        run = self._home.run
        for one in self._reader.read(payload):
            if isinstance(one, ConfigLogged):
                run.config.update(one.config)
                continue
            value: Any
            if isinstance(one, GraphLogged):
                tag, value = "graph", Graph(one.graph_def)
            else:
                tag, value = one.tag, one.value if isinstance(one.value, float) else Drafted(one.value, len(payload))
            run._log_slowly({tag: value}, one.step, now=one.wall_time)


class Drafted(Media):
    """A value that was decoded from an event; size: bytes that it holds."""

    __slots__ = ("_encode", "_size")

    def __init__(self, encode: Callable[[Target], Point], size: int) -> None:
        self._encode, self._size = encode, size

    def take(self) -> Taken:
        return Taken(self._size, self._encode)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
