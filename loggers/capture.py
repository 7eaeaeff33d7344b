"""`capture`: what a program logs with other tools' writers lands in its run, too.

    import crossboard as cb
    cb.capture()

From then on the calls of these also reach the run, in any order of imports, and without importing any of them:

- ``torch.utils.tensorboard.SummaryWriter`` and ``tensorboardX.SummaryWriter``: each public ``add_*``, through
  `crossboard.loggers.torch.SummaryWriter`;
- ``tf.summary``, also inside compiled functions and as Keras's TensorBoard callback uses it: the event file that TensorFlow writes
  is read as it grows (`eventfile`), so no graph changes. Writers that stood before are followed on Linux;
- ``visdom.Visdom``: every pane (`panes`).

Their own output, return values and exceptions are what they were. Tags: those of the call. A program often has several writers; a
directory called train, val, test ... is put before the tag, ``train/loss``, and of further directories (Visdom: environments)
the last part of their name.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import inspect
import os
import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType, TracebackType
from typing import Any, Final

from . import session
from .eventfile import Destination, EventTail, making
from .harmless import users_line, warn
from .lateimports import LateImports
from .panes import CALLS, Panes, claims
from .run import Run

SPLITS: Final = frozenset(("train", "training", "val", "valid", "validation", "eval", "evaluation", "test", "testing", "dev"))
"""Directories of these names stand before the tags of what is written there."""
_inside: Final = threading.local()
_active: Capture | None = None
_lock: Final = threading.RLock()


def capture(run: Run | None = None) -> Capture:
    """Let the calls of SummaryWriter, `tf.summary` and Visdom land in a run, too, from now on.

    Args:
        run: which one; default: the current run of each call. With none, one is begun when the first call comes.

    Returns:
        The handle: ``stop()`` ends it, leaving its ``with`` block does, too. A second call returns the one that is active.
    """
    global _active
    with _lock:
        if _active is None:
            _active = Capture(run)
            _active._start()
        elif run is not None:
            _active._given = run
        return _active


class Capture:
    """An active capture; see `capture`."""

    def __init__(self, run: Run | None) -> None:
        self._given = run
        self._patched: list[tuple[Any, str, Any, Any]] = []
        self._writers: weakref.WeakKeyDictionary[Any, tuple[Run, Any]] = weakref.WeakKeyDictionary()
        self._tails: list[EventTail] = []
        self._directories = Prefixes(SPLITS)
        self._panes = Panes(self._run, Prefixes(frozenset()).of)
        self._began: Run | None = None
        self._late = LateImports(
            {
                "torch.utils.tensorboard.writer": self._take_writer,
                "tensorboardX.writer": self._take_writer,
                "tensorflow.python.ops.gen_summary_ops": self._take_tensorflow,
                "visdom": self._take_visdom,
            }
        )

    @property
    def active(self) -> bool:
        """Whether calls still land in the run."""
        return _active is self

    def stop(self) -> None:
        """End it: what was captured is in the run, every class is as it was. A second call does nothing."""
        global _active
        with _lock:
            if _active is not self:
                return
            _active = None
        self._late.stop()
        for owner, name, before, ours in reversed(self._patched):
            if vars(owner).get(name) is ours:  # else somebody patched on top of it: ours stays below and passes on
                setattr(owner, name, before)
        atexit.unregister(self._at_exit)
        for tail in self._tails:
            try:
                tail.settle()
            finally:
                tail.close()

    def __enter__(self) -> Capture:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<crossboard capture ({'active' if self.active else 'stopped'})>"

    # --------------------------------------------------------------------------------------------------- inside

    def _start(self) -> None:
        atexit.register(self._at_exit)
        self._late.start()

    def _run(self, *, begin: bool = True) -> Run | None:
        """Where calls land now. begin: begin a run when there is none."""
        with _lock:
            run = self._given if self._given is not None else session.current()
            if run is None and begin:
                run = self._began = session.init()
            return run

    def _at_exit(self) -> None:
        """Hand in what TensorFlow has written; a run that was begun only for it ends here."""
        for tail in list(self._tails):
            with contextlib.suppress(Exception):
                tail.settle()
        if self._began is not None and not self._began._finished:
            session._at_exit()

    def _patch(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        before = vars(owner)[name]
        ours = make(before)
        setattr(owner, name, ours)
        self._patched.append((owner, name, before, ours))

    @contextlib.contextmanager
    def _harmless(self, call: str) -> Iterator[None]:
        """Let nothing of ours out into a call of theirs."""
        try:
            with _deeper():
                yield
        except Exception as error:
            if isinstance(error, Warning):  # where the user asked for warnings as errors
                raise
            warn(f"capture: {call}: {type(error).__name__}: {error}", about=f"capture {call} {type(error).__name__}")

    # ------------------------------------------------------------------------------------------- SummaryWriter

    def _take_writer(self, module: ModuleType) -> None:
        kind = module.SummaryWriter
        for name, method in list(vars(kind).items()):
            if name.startswith("add_") and inspect.isfunction(method):
                self._patch(kind, name, functools.partial(self._teed, name=name))

    def _teed(self, before: Any, name: str) -> Any:
        signature = inspect.signature(before)

        @functools.wraps(before)
        def called(writer: Any, *args: Any, **kwargs: Any) -> Any:
            if not self.active or _depth():
                return before(writer, *args, **kwargs)
            with _deeper():
                answer = before(writer, *args, **kwargs)
            with self._harmless(name):
                given = signature.bind(writer, *args, **kwargs).arguments
                given.pop(next(iter(signature.parameters)))
                self._write(writer, name, dict(given))
            return answer

        return called

    def _write(self, writer: Any, name: str, given: dict[str, Any]) -> None:
        """Call `name` of the writer of ours that stands for `writer`."""
        run = self._run()
        if run is None or run.disabled:
            return
        known = self._writers.get(writer)
        if known is None or known[0] is not run:
            from .torch import SummaryWriter

            known = self._writers[writer] = run, SummaryWriter(run=run)
        ours = getattr(known[1], name, None)
        if ours is None:
            run._complain(f"capture: {name}: nothing in crossboard stands for it; not captured", about=f"capture {name}")
            return
        directory = getattr(writer, "log_dir", None) or getattr(writer, "logdir", None)
        prefix = self._directories.of(os.path.abspath(directory)) if directory else ""
        for tag in ("tag", "main_tag"):
            if prefix and tag in given:
                given[tag] = f"{prefix}{given[tag]}"
        given.update(given.pop("kwargs", {}))
        ours(**given)

    # ---------------------------------------------------------------------------------------------- tf.summary

    def _take_tensorflow(self, module: ModuleType) -> None:
        self._follow_older(module)
        self._patch(module, "create_summary_file_writer", self._creating)
        self._patch(module, "close_summary_writer", self._closing)

    def _creating(self, before: Any) -> Any:
        signature = inspect.signature(before)

        @functools.wraps(before)
        def called(*args: Any, **kwargs: Any) -> Any:
            if not self.active or getattr(making, "ours", False):
                return before(*args, **kwargs)
            given: Mapping[str, Any] = {}
            there: set[str] = set()
            with self._harmless("tf.summary.create_file_writer"):
                given = signature.bind(*args, **kwargs).arguments
                there = set(_event_files(_directory(given["logdir"])))
            answer = before(*args, **kwargs)
            with self._harmless("tf.summary.create_file_writer"):
                directory = _directory(given["logdir"])
                new = sorted(set(_event_files(directory)) - there)
                for path in new:
                    self._follow(path, directory, given["writer"])
                if not new:
                    text = f"capture: want event files in a directory of this machine, got {directory}; what goes there is not captured"
                    warn(text, about=f"capture {directory}")
            return answer

        return called

    def _closing(self, before: Any) -> Any:
        @functools.wraps(before)
        def called(*args: Any, **kwargs: Any) -> Any:
            answer = before(*args, **kwargs)
            if self.active:
                resource = args[0] if args else kwargs.get("writer")
                for tail in [one for one in self._tails if isinstance(one, _Followed) and one.resource() is resource]:
                    with self._harmless("tf.summary close"):
                        tail.poll()
                        tail.close()
            return answer

        return called

    def _follow(self, path: str, directory: str, resource: Any) -> None:
        for older in [one for one in self._tails if isinstance(one, _Followed) and one.older]:
            older.settle()  # what was written before names its place before
        self._begin(_Followed(path, self._run, resource=resource, line=users_line(), prefix=self._directories.of(directory)))

    def _begin(self, tail: _Followed) -> None:
        self._tails = [one for one in self._tails if one.reading]
        self._tails.append(tail.start())

    def _follow_older(self, module: ModuleType) -> None:
        """Follow the event files that TensorFlow has open already, from where they end now. Linux only.

        Some of them may have been forgotten long ago: only one that is written to takes a place among the directories.
        """
        kind = getattr(sys.modules.get("tensorflow.python.ops.summary_ops_v2"), "_ResourceSummaryWriter", None)
        if kind is None or not os.path.isdir("/proc/self/fd"):
            return
        older = [one for one in gc.get_objects() if issubclass(type(one), kind)]
        for writer in older:
            with contextlib.suppress(Exception):  # closed already
                writer.flush()
        resources = [getattr(writer, "_resource", None) for writer in older]
        for path in _open_event_files():
            # which of them writes this file nobody says: each is asked to write out what it holds
            prefix = functools.partial(self._directories.of, os.path.dirname(path))
            size = os.path.getsize(path)
            self._begin(_Followed(path, self._run, resource=_All(resources), line=users_line(), prefix=prefix, at=size))
        del module

    # -------------------------------------------------------------------------------------------------- visdom

    def _take_visdom(self, module: ModuleType) -> None:
        kind = module.Visdom
        self._patch(kind, "_send", self._sending)
        for name in CALLS:
            if name in vars(kind):
                self._patch(kind, name, functools.partial(self._drawing, name=name))

    def _sending(self, before: Any) -> Any:
        signature = inspect.signature(before)

        @functools.wraps(before)
        def called(viz: Any, *args: Any, **kwargs: Any) -> Any:
            if not self.active or _depth():
                return before(viz, *args, **kwargs)
            with _deeper():
                answer = before(viz, *args, **kwargs)
            with self._harmless("visdom"):
                given = signature.bind(viz, *args, **kwargs)
                given.apply_defaults()
                self._panes.sent(given.arguments["msg"], given.arguments["endpoint"])
            return answer

        return called

    def _drawing(self, before: Any, name: str) -> Any:
        signature = inspect.signature(before)

        @functools.wraps(before)
        def called(viz: Any, *args: Any, **kwargs: Any) -> Any:
            given: dict[str, Any] = {}
            if self.active and not _depth():
                with contextlib.suppress(TypeError):  # then the call itself says so
                    given = dict(signature.bind(viz, *args, **kwargs).arguments)
            if not given or not claims(name, given):
                return before(viz, *args, **kwargs)
            with _deeper():
                answer = before(viz, *args, **kwargs)
            with self._harmless(f"visdom.{name}"):
                self._panes.called(name, viz, given, answer)
            return answer

        return called


class Prefixes:
    """What stands before the tags of each place: nothing for the first one."""

    def __init__(self, splits: frozenset[str]) -> None:
        self._splits = splits
        self._known: dict[str, str] = {}
        self._bases: dict[str, str] = {}
        self._lock = threading.Lock()

    def of(self, place: str) -> str:
        """The prefix of `place`, a path or a name; the same for ever. Any thread may ask."""
        with self._lock:
            if place not in self._known:
                base, _, last = place.rpartition(os.sep)
                if last.lower() in self._splits:
                    self._known[place] = f"{self._base(base)}{last}/"
                else:
                    self._known[place] = self._base(place)
            return self._known[place]

    def _base(self, place: str) -> str:
        if place not in self._bases:
            name = last = place.rpartition(os.sep)[2]
            number = 1
            while f"{name}/" in self._bases.values():
                number += 1
                name = f"{last}-{number}"
            self._bases[place] = f"{name}/" if self._bases else ""
        return self._bases[place]


class _All:
    """Several writers' resources in the place of one."""

    def __init__(self, resources: list[Any]) -> None:
        self.resources = resources


class _Followed(EventTail):
    """The event file of one of the program's own writers, until that is closed or let go of."""

    def __init__(self, path: str, run: Destination, *, resource: Any, **options: Any) -> None:
        self._several = resource if isinstance(resource, _All) else None
        self.older = self._several is not None
        self.resource: Callable[[], Any] = (lambda: None) if self._several else weakref.ref(resource)
        super().__init__(path, run, flush=self._write_out, **options)

    def _write_out(self) -> None:
        import tensorflow as tf
        from tensorflow.python.ops import gen_summary_ops

        if self._several is None:
            resource = self.resource()
            if resource is not None:
                with tf.device("cpu:0"):
                    gen_summary_ops.flush_summary_writer(resource)
            return
        for resource in self._several.resources:
            with contextlib.suppress(Exception), tf.device("cpu:0"):  # one that is closed keeps none of the others from it
                gen_summary_ops.flush_summary_writer(resource)

    def tick(self) -> None:
        """As in `EventTail`; ends with its writer."""
        if self._several is None and self.resource() is None:
            self.poll()
            self.close()
            return
        super().tick()


def _depth() -> int:
    return int(getattr(_inside, "depth", 0))


@contextlib.contextmanager
def _deeper() -> Iterator[None]:
    """Inside, calls that another captured call makes are not captured once more."""
    _inside.depth = _depth() + 1
    try:
        yield
    finally:
        _inside.depth -= 1


def _directory(logdir: Any) -> str:
    """The directory in a string tensor. Raises when it has no value (a graph of TensorFlow 1)."""
    raw = logdir.numpy() if hasattr(logdir, "numpy") else logdir
    return os.path.abspath(os.fsdecode(raw))


def _event_files(directory: str) -> list[str]:
    """The event files in `directory` whose names say that this process made them."""
    try:
        names = os.listdir(directory)
    except OSError:
        return []
    return [os.path.join(directory, name) for name in names if "tfevents" in name and f".{os.getpid()}." in name]


def _open_event_files() -> list[str]:
    """Event files of TensorFlow 2's kind that this process has open."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            path = os.readlink(f"/proc/self/fd/{name}")
            if "tfevents" in path and path.endswith(".v2") and os.path.exists(path) and "crossboard-events-" not in path:
                found.add(path)
    return sorted(found)
