"""Log a value, finish the run, and read the record and its blobs back through the store, as the board does."""

from __future__ import annotations

import io
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import crossboard as cb
from crossboard.loggers import harmless
from crossboard.loggers.helper import helper
from crossboard.store.embedded import EmbeddedStore
from crossboard.store.errors import CrossboardWarning
from crossboard.store.kinds import Kind
from crossboard.store.native import NativeSource
from crossboard.store.records import KIND_OF


def wait_for(gate: threading.Event) -> None:
    assert gate.wait(60)


class Kept:
    """What a run under `root` kept of values logged under the tag "it", at steps 0, 1, ..., and what was said."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.said: list[str] = []
        self.lines: list[str] = []
        self._store: EmbeddedStore | None = None

    def log(self, *values: Any, strict: bool = False, after: Any = None) -> Kept:
        """Log; `after` is called when the logging calls have returned, and before anything is encoded."""
        harmless.forget_said()
        gate = threading.Event()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", CrossboardWarning)
            run = cb.init(dir=self.root, name="kept", strict=strict)
            try:
                if after is not None:
                    helper.do(lambda: wait_for(gate), quick=False)
                for step, value in enumerate(values):
                    run.log({"it": value, "beside": float(step)}, step=step)
                if after is not None:
                    after()
            finally:
                gate.set()
                run.finish()
        self.said = [str(one.message) for one in caught if issubclass(one.category, CrossboardWarning)]
        self.lines = [one.filename for one in caught if issubclass(one.category, CrossboardWarning)]
        return self

    @property
    def store(self) -> EmbeddedStore:
        if self._store is None:
            self._store = EmbeddedStore([NativeSource(self.root)], memory=True)
            self._store.refresh()
        return self._store

    @property
    def key(self) -> str:
        (info,) = self.store.runs()
        return info.key

    def all(self, kind: Kind) -> list[Any]:
        """Every record of `kind` under "it", in order."""
        return [placed.record for placed in self.store.records(self.key, kind, tag="it")]

    def one(self, kind: Kind) -> Any:
        """The only one; nothing may have been said."""
        assert self.said == []
        (record,) = self.all(kind)
        assert (record.step, KIND_OF[type(record)]) == (0, kind)
        return record

    @property
    def kinds(self) -> list[str]:
        """Kinds under "it"."""
        return [kind.value for kind in Kind if kind not in (Kind.SCALAR, Kind.CONFIG, Kind.EVENT) and self.all(kind)]

    def bytes(self, blob: Any) -> bytes:
        return self.store.blob(self.key, blob)

    def array(self, blob: Any, dtype: Any, *shape: int) -> NDArray[Any]:
        return np.frombuffer(self.bytes(blob), dtype).reshape(shape)

    def arrow(self, blob: Any) -> Any:
        import pyarrow

        return pyarrow.ipc.open_stream(self.bytes(blob)).read_all()

    def pixels(self, blob: Any) -> NDArray[Any]:
        from PIL import Image

        return np.asarray(Image.open(io.BytesIO(self.bytes(blob))))
