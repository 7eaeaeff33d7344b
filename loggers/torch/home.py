"""The run that a SummaryWriter logs into, from its beginning to `close` and beyond."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from .. import session
from ..harmless import users_line, warn
from ..mirrors import EventMirror, Mirroring, makers
from ..numbers import number_of
from ..run import Run
from .places import give_back, name_of, name_without, place_of, share

if TYPE_CHECKING:
    from .file_writer import FileWriter

Writer = TypeVar("Writer", bound="Home")


class Home:
    """What `writer.SummaryWriter` is made with, and the run behind it: one of its own, or one that is open.

    Args:
        log_dir: the directory of the run (see `places`); a run that is there already goes on as a new attempt. None: into the run
            that `crossboard.init` began, where there is one; else a new run where `init` would put it.
        comment: behind the name of the new run, when there is no `log_dir`.
        purge_step: a new attempt takes over from the first step it logs, without being told; this is where points without a step
            begin then, and what event files say to TensorBoard.
        max_queue, flush_secs: taken and not needed: nothing waits.
        filename_suffix: of event files.
        run: log into this run; it is not finished by `close`.
        tensorboard: also write event files, into `log_dir`, or into the run's directory where there is none.
        project, name, config, strict: of the run that it begins, as in `crossboard.init`.
        logdir, write_to_disk, comet_config: tensorboardX's; ``write_to_disk=False`` logs nothing, comet is not supported.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] | None = None,
        comment: str = "",
        purge_step: int | None = None,
        max_queue: int = 10,
        flush_secs: float = 120,
        filename_suffix: str = "",
        *,
        run: Run | None = None,
        tensorboard: bool = False,
        project: str | None = None,
        name: str | None = None,
        config: Any = None,
        strict: bool = False,
        logdir: str | os.PathLike[str] | None = None,
        write_to_disk: bool = True,
        comet_config: Any = None,
    ) -> None:
        given = logdir if log_dir is None else log_dir
        remote = isinstance(given, str) and "://" in given
        if remote or not isinstance(given, (str, os.PathLike, type(None))):
            text = f"SummaryWriter: log_dir: want a local path, got {str(given)[:100]!r}; the run goes where it goes without log_dir"
            warn(text, about="log_dir", error=ValueError if strict else None)
            given = None
        if comet_config is not None and not (isinstance(comet_config, Mapping) and comet_config.get("disabled")):
            warn("SummaryWriter: comet_config: nothing is sent to Comet", about="comet", error=ValueError if strict else None)
        self.purge_step, self.max_queue, self.flush_secs, self.filename_suffix = purge_step, max_queue, flush_secs, filename_suffix
        self._given = str(given) if given else ""
        self._comment, self._config, self._strict = "" if comment is None else str(comment), config, strict
        self._project, self._name = (None if one is None else str(one) for one in (project, name))
        self._mode = None if write_to_disk else "disabled"
        self._run = run
        self._place = ""
        self._tensorboard = tensorboard
        self._mirroring: Mirroring | None = None
        self._counters: dict[str, Iterator[int]] = {}
        self._default: tuple[Any, Any] = (None, None)
        self._hparams: list[tuple[str, dict[str, Any], dict[str, Any]]] = []
        self._metrics_step = -1
        self._purged = False
        self._file_writer: FileWriter | None = None
        self._grouped: dict[str, int] = {}
        self._begin()
        self.log_dir: Any = given if given else self.run.dir

    # ---------------------------------------------------------------------------------------------- its run

    def _begin(self) -> None:
        """Find or begin the run, and the mirror."""
        current = self._run if self._run is not None else session.current() if not self._given and not self._place else None
        if current is not None and self._mode is None:
            self.run, self._owns = current, False
        elif self._given or self._place:
            place = self._place = self._place or place_of(self._given)
            self.run, self._owns = share(place, lambda: self._new(place, self._name or name_of(self._given or place))), True
        else:
            self.run, self._owns = self._new(None, self._name or name_without(self._comment)), True
            if self.run.dir:
                self._place = self.run.dir
                share(self._place, lambda: self.run)
        first = self.purge_step if type(self.purge_step) is int else self.run._first_step
        self._first = first
        self._log, self._plain = self.run.log, self._default == (None, None)
        self._closed = False
        if self._tensorboard:
            self._mirror()

    def _new(self, place: str | None, name: str | None) -> Run:
        return session.begin_beside(
            "SummaryWriter", project=self._project, name=name, config=self._config, at=place, mode=self._mode, strict=self._strict
        )

    def _mirror(self) -> None:
        """Have event files written, until the run finishes. A run that is mirrored into the same directory already is left at that."""
        directory = os.path.abspath(self._given or self.run.dir)
        if self.run.disabled or not self.run.dir:
            return
        with self.run._harmless("SummaryWriter: tensorboard"):
            self._mirroring = next((one for one in self.run.mirrors if getattr(one.mirror, "directory", "") == directory), None)
            if self._mirroring is None:
                purge = self.purge_step if type(self.purge_step) is int and not self._purged else None
                self._purged = True
                mirror = makers["tensorboard"](directory, suffix=self.filename_suffix, purge_step=purge)
                self._mirroring = Mirroring(self.run, mirror, users_line())

    @property
    def _events(self) -> EventMirror | None:
        """The event file, where one is written."""
        return cast(EventMirror, self._mirroring.mirror) if self._mirroring is not None else None

    def get_logdir(self) -> Any:
        """The directory that was given, or that of the run."""
        return self.log_dir

    @property
    def logdir(self) -> Any:
        """`log_dir`, as tensorboardX calls it."""
        return self.log_dir

    @property
    def file_writer(self) -> FileWriter:
        """Takes protocol buffers, for programs that make their own."""
        if self._file_writer is None:
            from .file_writer import FileWriter

            self._file_writer = FileWriter(self)
        return self._file_writer

    def _get_file_writer(self) -> FileWriter:
        """As many programs call it."""
        return self.file_writer

    @contextlib.contextmanager
    def _call(self, name: str) -> Iterator[Run]:
        """The run, open again after a `close`; nothing gets out into training."""
        if self._closed:
            self._begin()
        with self.run._harmless(name):
            yield self.run

    def _when(self, tag: str, step: Any, walltime: Any) -> tuple[Any, float | None]:
        """Step and wall time of a point."""
        default_step, default_time = self._default
        step = default_step if step is None else step
        walltime = default_time if walltime is None else walltime
        if step is None:
            counter = self._counters.get(tag)
            if counter is None:
                counter = self._counters.setdefault(tag, itertools.count(self._first))
            step = next(counter)
        return step, None if walltime is None else float(number_of(walltime))

    def _keep(self, tag: Any, values: Mapping[Any, Any], step: Any, walltime: Any) -> None:
        """Log `values` at one step; `tag` is whose counter it is."""
        at, now = self._when(tag, step, walltime)
        self.run._log_slowly(values, at, now=now)

    # ----------------------------------------------------------------------------------------------------- ends

    @contextlib.contextmanager
    def use_metadata(self, *, global_step: int | None = None, walltime: float | None = None) -> Iterator[Home]:
        """Within it, step and wall time of every call that does not say them."""
        before, self._default = self._default, (global_step, walltime)
        self._plain = False
        try:
            yield self
        finally:
            self._default = before
            self._plain = before == (None, None) and not self._closed

    def flush(self) -> None:
        """Wait until everything is in the run's files, and in the event files."""
        if self._closed:
            return
        with self.run._harmless("flush"):
            self.run._later.wait()
            for mirroring in self.run.mirrors:
                mirroring.pull()

    def close(self) -> None:
        """Flush, and finish the run that this writer began, unless another writer still uses it. A call afterwards opens it again, as a
        new attempt."""
        self._end(None)

    def _end(self, error: BaseException | None) -> None:
        if self._closed:
            return
        self.flush()
        self._closed, self._plain = True, False
        with self.run._harmless("close"):
            if self._owns and give_back(self._place):
                if error is None:
                    self.run.finish()
                else:
                    self.run.fail(error)
                session.let_go(self.run)
            self._mirroring = None

    def __enter__(self: Writer) -> Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end(error)
