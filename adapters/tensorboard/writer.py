"""Event files that TensorBoard opens, written from points and records.

One `EventFileWriter` writes one file of one TensorBoard run, which is a directory:

    events.out.tfevents.<seconds, 10 digits>.<host>.<pid>.<number><suffix>

It serves as the mirror of a run that trains (`loggers.mirrors`) and as the end of an export alike. Nothing is sampled; steps
and wall times are written as they are. Any thread may call.
"""

from __future__ import annotations

import itertools
import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np

from ...store.errors import CrossboardError
from ...store.fold import merge
from ...store.framing import FOOTER, HEADER, masked_crc
from ...store.kinds import Points
from ...store.records import ConfigSet, EmbeddingPoint, GraphPoint, Point, Record
from . import hparams, messages
from .graphs import graph_def
from .projector import Projector
from .values import BlobReader, NotCarried, lost_of, values_of
from .wire import double, text, varint, whole

HELD: Final = 1 << 18
"""Bytes that may wait for `flush`."""
LAYOUT_KEY: Final = "custom_scalars"
"""The config entry that holds the layout of custom scalars: category -> title -> (form, tags)."""
_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_numbers: Final = itertools.count()


class EventFileWriter:
    """Writes one new event file in `directory`, which is made where it is missing.

    suffix: of the file's name. purge_step: TensorBoard then hides what earlier files of this directory hold of this step and
    later ones.

    What TensorBoard has no form for is left out, and counted in `left_out`: what it is -> how many.

    Raises OSError: the file cannot be made or written. What was taken until then stays, and is tried again.
    """

    def __init__(self, directory: str | os.PathLike[str], *, suffix: str = "", purge_step: int | None = None) -> None:
        self.directory = os.path.abspath(os.fspath(directory))
        self.left_out: Counter[str] = Counter()
        self._lock = threading.RLock()
        self._held = bytearray()
        self._heads: dict[str, bytes] = {}
        self._forms: dict[str, str] = {}
        self._config: dict[str, Any] = {}
        self._said_hparams = False
        self._projector = Projector(self.directory)
        os.makedirs(self.directory, exist_ok=True)
        now = time.time()
        name = f"events.out.tfevents.{int(now):010d}.{socket.gethostname()}.{os.getpid()}.{next(_numbers):06d}{suffix}"
        self.path = os.path.join(self.directory, name)
        self._fd = os.open(self.path, _FLAGS, 0o644)
        if purge_step is None:
            self._add(messages.file_version(now))
        else:
            self._add(messages.file_version(now, purge_step), messages.session_start(now, purge_step))
        self.flush()

    # ---------------------------------------------------------------------------------------------------- scalars

    def form(self, tag: str, form: str) -> None:
        """How scalars of `tag` are written from now on: "simple" (float32, the default, what every TensorBoard reads fastest),
        "tensor" (float32 in a tensor), or "double" (float64 in a tensor, which TensorBoard's fast loader does not read)."""
        with self._lock:
            self._forms[tag] = form

    def scalar(self, tag: str, value: float, step: int, wall_time: float) -> None:
        """Add one scalar. A value beyond float32 becomes an infinity."""
        with np.errstate(over="ignore"):
            packed = np.float32(value).tobytes()
        with self._lock:
            self._add(self._scalar(tag, value, packed, step, wall_time))

    def points(self, tag: str, points: Points) -> None:
        """Add scalars of one tag, in their order."""
        with np.errstate(over="ignore"):
            packed = points.value.astype("<f4").tobytes()
        rows = zip(points.value.tolist(), points.step.tolist(), points.wall_time.tolist(), strict=True)
        with self._lock:
            for place, (value, step, wall_time) in enumerate(rows):
                self._add(self._scalar(tag, value, packed[4 * place : 4 * place + 4], step, wall_time))

    def _scalar(self, tag: str, value: float, packed: bytes, step: int, wall_time: float) -> bytes:
        form = self._forms.get(tag, "simple")
        if form != "simple":
            array = np.float64(value) if form == "double" else np.frombuffer(packed, "<f4")[0]
            return messages.summary(wall_time, step, [messages.tensor_value(tag, "scalars", messages.numbers(np.asarray(array)))])
        head = self._heads.get(tag)
        if head is None:
            name = text(1, tag)
            size = len(name) + 5
            head = varint(5 << 3 | 2) + varint(1 + len(varint(size)) + size) + varint(1 << 3 | 2) + varint(size) + name + varint(2 << 3 | 5)
            self._heads[tag] = head
        return double(1, wall_time) + whole(2, step) + head + packed

    # --------------------------------------------------------------------------------------------- everything else

    def point(self, point: Point, blob: BlobReader) -> None:
        """Add a point that is no scalar. blob: gives the bytes behind the point's blobs.

        Raises OSError, and what `blob` raises; nothing is written then.
        """
        try:
            if isinstance(point, EmbeddingPoint):
                with self._lock:
                    self._projector.write(point, blob)
                return
            if isinstance(point, GraphPoint):
                made = graph_def(point, blob(point.blob) if point.blob is not None else None)
                event = messages.graph(point.wall_time, point.step, made)
            else:
                event = messages.summary(point.wall_time, point.step, values_of(point, blob))
        except NotCarried as error:
            with self._lock:
                self.left_out[str(error)] += 1
            return
        with self._lock:
            self._add(event)
            self.left_out.update(lost_of(point))

    def record(self, record: Record, blob: BlobReader) -> None:
        """Add whatever of `record` TensorBoard has a form for: points, the layout of custom scalars, and, at the end, the config.

        A point whose blob is gone or damaged is left out and counted. Raises OSError.
        """
        if isinstance(record, ConfigSet):
            self._merge(record)
        elif isinstance(record, Point):
            try:
                self.point(record, blob)
            except CrossboardError:
                with self._lock:
                    self.left_out["points whose data is gone or damaged"] += 1

    def _merge(self, record: ConfigSet) -> None:
        with self._lock:
            merge(self._config, record.config)
            if LAYOUT_KEY in record.config and isinstance(self._config[LAYOUT_KEY], dict):
                self.layout(self._config[LAYOUT_KEY], record.wall_time)

    def layout(self, categories: Mapping[str, Mapping[str, Sequence[Any]]], wall_time: float) -> None:
        """Say which charts of several tags there are: category -> title -> ("Multiline", tags) or ("Margin", [value, lower, upper])."""
        with self._lock:
            self._add(messages.summary(wall_time, 0, [hparams.layout(categories)]))

    def hparams(
        self,
        config: Mapping[str, Any],
        metrics: Iterable[str],
        wall_time: float,
        *,
        step: int = 0,
        discrete: Mapping[str, Sequence[Any]] | None = None,
        status: str = "finished",
    ) -> None:
        """Say what the hyperparameters of this run are, and which scalars they are to be compared by.

        TensorBoard takes the first such word of a run. discrete: all values that a hyperparameter may have.
        """
        values = hparams.flat(config)
        said = [
            hparams.experiment(values, metrics, discrete or {}),
            hparams.session_start(values, wall_time),
            hparams.session_end(status, wall_time),
        ]
        with self._lock:
            self._said_hparams = True
            self._add(*(messages.summary(wall_time, step, [one]) for one in said))

    def experiment(
        self, config: Mapping[str, Any], metrics: Iterable[str], wall_time: float, *, discrete: Mapping[str, Sequence[Any]]
    ) -> None:
        """Say what all runs of this log directory are to be compared by, without being one of them."""
        with self._lock:
            self._said_hparams = True
            self._add(messages.summary(wall_time, 0, [hparams.experiment(hparams.flat(config), metrics, discrete)]))

    # --------------------------------------------------------------------------------------------------- the file

    def _add(self, *events: bytes) -> None:
        for event in events:
            self._held += b"".join((_head(len(event)), event, FOOTER.pack(masked_crc(event))))
        if len(self._held) >= HELD:
            self.flush()

    def flush(self) -> None:
        """Write out what was taken. Raises OSError; what did not fit stays, and a part of it is never left in the file."""
        with self._lock:
            if self._held and self._fd >= 0:
                done = os.write(self._fd, self._held)
                if done != len(self._held):
                    os.ftruncate(self._fd, os.fstat(self._fd).st_size - done)
                    raise OSError(28, f"only {done} of {len(self._held)} bytes fitted", self.path)
                self._held.clear()

    def close(self, status: str = "finished") -> None:
        """Write the config as hyperparameters, unless `hparams` said some, and close the file. A second call does nothing.

        status: how the run ended, "finished" or "failed".
        """
        with self._lock:
            if self._fd < 0:
                return
            values = hparams.flat({key: value for key, value in self._config.items() if key != LAYOUT_KEY})
            if values and not self._said_hparams:
                now = time.time()
                for one in (hparams.session_start(values, now), hparams.session_end(status, now)):
                    self._add(messages.summary(now, 0, [one]))
            try:
                self.flush()
            finally:
                os.close(self._fd)
                self._fd = -1

    def __enter__(self) -> EventFileWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@lru_cache(1024)
def _head(length: int) -> bytes:
    """The head of a frame (`store.framing`); most events of a file are of a few lengths."""
    return HEADER.pack(length, masked_crc(length.to_bytes(8, "little")))
