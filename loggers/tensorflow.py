"""TensorFlow's `tf.summary` writing into a run, also from inside `tf.function`.

    writer = cb.tensorflow.writer(run)
    with writer.as_default(step=step):
        tf.summary.scalar("loss", loss)

The writer is TensorFlow's own: its ops write an event file in a temporary directory, which the helper thread reads into the run
(`eventfile`) and which is removed with the writer. So everything that `tf.summary` can do works, at TensorFlow's cost: name scopes,
`record_if`, steps that are variables, compiled functions, devices.

What arrives: scalars (float32, as `tf.summary.scalar` makes them), histograms (TensorFlow's buckets), images and sounds byte for
byte, text, PR curves, meshes, hyperparameters (into the config), graphs (`tf.summary.graph`), and whatever else
`tf.summary.write` takes as a tensor with the name of its plugin. Steps and wall times are those of the calls.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import shutil
import tempfile
import threading
import weakref
from types import TracebackType
from typing import Any, Final

from .eventfile import FLUSH_S, EventTail, making
from .harmless import users_line
from .helper import helper
from .run import Run

MOST_QUEUED: Final = 100
"""So many events may wait in TensorFlow's queue before it writes them out."""
_open: Final[dict[int, _Behind]] = {}


def writer(run: Run | None = None, *, prefix: str = "") -> Any:
    """Return a `tf.summary.SummaryWriter` whose summaries land in `run`.

    Args:
        run: default: the current run; one is begun when there is none.
        prefix: put before every tag, such as "val/".

    `flush` and `close` return when everything that was written is in the run; leaving ``as_default`` does not wait, what it wrote
    is in the run within about a second, and in any case before the run finishes. What is written later is dropped,
    counted and warned of. A run that is disabled gives a writer that does nothing. Raises ImportError without TensorFlow.
    """
    import tensorflow as tf

    if run is None:
        from .session import current, init

        run = current() or init()
    if run.disabled:
        return _writer_class()(None)
    with run._harmless("tensorflow.writer"), tf.init_scope():
        if not tf.executing_eagerly():
            raise RuntimeError("want TensorFlow 2 (eager execution); in a graph of TensorFlow 1 write event files and open them instead")
        return _writer_class()(_Behind(tf, run, prefix))
    return _writer_class()(None)


class _Behind:
    """What stands behind a writer: TensorFlow's own one, its file and who reads it."""

    def __init__(self, tf: Any, run: Run, prefix: str) -> None:
        self.directory = tempfile.mkdtemp(prefix="crossboard-events-")
        making.ours = True
        try:
            self.real = tf.summary.create_file_writer(self.directory, max_queue=MOST_QUEUED, flush_millis=int(FLUSH_S * 1000))
            self.real.flush()
            (name,) = os.listdir(self.directory)
        except BaseException:
            shutil.rmtree(self.directory, ignore_errors=True)
            raise
        finally:
            making.ours = False
        path = os.path.join(self.directory, name)
        self.run = run
        self.tail = EventTail(path, self.goes_to, flush=self.real.flush, line=users_line(), prefix=prefix, own=True).start()
        self.closed = False
        self.pid = os.getpid()
        if not _open:
            atexit.unregister(_close_all)
            atexit.register(_close_all)
        _open[id(self)] = self

    def goes_to(self, *, begin: bool = True) -> Run:
        """Always the same run."""
        del begin
        return self.run

    def close(self) -> None:
        """Hand in what is left, and clean up. Any thread; a second call does nothing."""
        if self.closed or self.pid != os.getpid():  # a forked child has no part in it
            return
        self.closed = True
        with contextlib.suppress(Exception):  # the interpreter may be ending, the file system full
            self.real.close()
        try:
            self.tail.poll()
        finally:
            self.tail.close()
            _open.pop(id(self), None)
            shutil.rmtree(self.directory, ignore_errors=True)


def _close_all() -> None:
    for behind in list(_open.values()):
        behind.close()


@functools.cache
def _writer_class() -> Any:
    """The class of our writers; TensorFlow wants a subclass of its own."""
    import tensorflow as tf

    class RunWriter(tf.summary.SummaryWriter):
        """A `tf.summary` writer into a run; see `writer`."""

        def __init__(self, behind: _Behind | None) -> None:
            self._behind = behind
            self._leaving = threading.local()
            if behind is None:
                return
            self._resource = behind.real._resource  # what the ops of tf.summary write to
            self._mesh = getattr(behind.real, "_mesh", None)
            # a writer that is let go of: not here, where any lock may be held
            weakref.finalize(self, helper.do, behind.close).atexit = False

        def as_default(self, step: Any = None) -> Any:
            """As TensorFlow's; nothing is recorded inside when the writer is closed, or its run disabled."""
            if self._behind is None:
                return _Nowhere()
            if self._behind.closed:
                self._behind.tail.say_late("this writer is closed; nothing is recorded")
                return _Nowhere()
            return _Default(super().as_default(step), self._leaving)

        def init(self) -> Any:
            """As TensorFlow's."""
            return self._behind.real.init() if self._behind is not None else None

        def flush(self) -> Any:
            """Wait until everything that was written is in the run."""
            if self._behind is None:
                return None
            done = self._behind.real.flush()
            if tf.executing_eagerly() and not getattr(self._leaving, "now", False):
                self._behind.tail.poll()
            return done

        def close(self) -> Any:
            """Wait until everything that was written is in the run; nothing can be written after."""
            if self._behind is None:
                return None
            if not tf.executing_eagerly():
                return self._behind.real.close()
            self._behind.close()
            return None

    return RunWriter


class _Default:
    """``as_default`` whose end, which flushes, does not wait for the run."""

    def __init__(self, inner: Any, leaving: threading.local) -> None:
        self._inner, self._leaving = inner, leaving

    def __enter__(self) -> Any:
        return self._inner.__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> Any:
        self._leaving.now = True
        try:
            return self._inner.__exit__(kind, error, trace)
        finally:
            self._leaving.now = False


class _Nowhere:
    """``as_default`` of a writer that records nothing: inside there is no default writer."""

    def __init__(self) -> None:
        from tensorflow.python.ops import summary_ops_v2

        self._state = summary_ops_v2._summary_state
        self._before: Any = None

    def __enter__(self) -> None:
        self._before, self._state.writer = self._state.writer, None

    def __exit__(self, *error: object) -> None:
        self._state.writer = self._before
