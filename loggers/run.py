"""The run handle: what `init` returns, and what a training program holds.

`Run.log` is the hot path. It takes everything it needs from one attribute, `_hot`, that is replaced as a whole (next segment,
finish, fork), takes a slot, packs 32 bytes and returns; whatever is unusual (another type, a new tag, no room, a tensor on a
device) leaves it for the slow path. Nothing in it takes a lock or makes a system call, and nothing it meets is raised into
training: see `harmless`.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from ..store.kinds import Points
from ..store.points import CHECK_INDEX, CHECK_SALT, CHECK_STEP, CHECK_TAG, RECORD
from ..store.records import Alert, ConfigSet, Ended, MetricDefined, Record, TagDeclared, Warned
from ..store.writer import NO_ROOM, PointsFile, RecordsFile
from .config import Config
from .files import begin_files, read_back, seal_behind
from .harmless import Line, from_signal_handler, warn
from .helper import helper
from .identity import Identity, Place
from .later import Later
from .launch import new_writer_id
from .methods import Methods
from .numbers import Deferred, converters, describe, step_of
from .sorting import Sorted
from .summary import Summary
from .upkeep import Upkeep

if TYPE_CHECKING:
    from .mirrors import Mirroring

_pack: Final = RECORD.pack_into
_MASK: Final = 0xFFFFFFFF


Hot = tuple[Iterator[int], Any, int, dict[str, tuple[int, int]]]
"""What `Run.log` needs: free slots, the map, its bias (see `store.writer.Hot`), and tag -> id and check part."""
SHUT: Final[Hot] = (NO_ROOM.slots, None, 0, {})
"""Nothing is kept on the hot path: every call goes the slow way."""
before_finish: Final[list[Callable[[Run], None]]] = []
"""Called with a run that is about to finish: what is still under way to it from elsewhere (event files) is to be handed in."""


class _Refused(Exception):
    """What is raised of a point that is dealt with already: under strict, where there is no room for it."""

    def __init__(self, why: Exception) -> None:
        super().__init__(str(why))
        self.why = why


class Run(Identity, Methods):
    """One training, as its program sees it. Made by `init`; usable as a context manager.

    No method raises into training, unless the run was begun with ``strict=True``.
    """

    def __init__(self, place: Place | None, *, disabled: bool = False, automatic_step: int = 0, why_not: str = "") -> None:
        super().__init__(place, disabled=disabled)
        self._why_not = why_not
        self._strict = place.strict if place is not None else False
        self._lock = threading.RLock()
        self._tags: dict[str, tuple[int, int]] = {}
        self._tag_numbers = itertools.count(1)
        self._hot: Hot = SHUT
        self._next = automatic_step
        self._first_step = automatic_step
        self._points: PointsFile | None = None
        self._records: RecordsFile | None = None
        self._writer = ""
        self._parent = ""
        self._role = "main"
        self._finished = False
        self._lost = 0
        self._later = Later()
        self._said_full = False
        self._upkeep: Upkeep | None = None
        self._summary: dict[str, Any] = {}
        self._goals: dict[str, str] = {}
        self._watches: list[tuple[Any, Any]] = []
        self.mirrors: list[Mirroring] = []
        self._config = Config(self._config_set)
        self._summed = Summary(self)

    # ------------------------------------------------------------------------------------------ who it is

    @property
    def finished(self) -> bool:
        """Whether `finish` was called."""
        return self._finished

    @property
    def config(self) -> Config:
        """The config: read it as a mapping, set entries, `update` it, or assign a whole one, which is merged in."""
        return self._config

    @config.setter
    def config(self, config: Any) -> None:
        self._config.update(config)

    @property
    def summary(self) -> Summary:
        """What the run came to so far: last, min and max of each tag, and what was set. Assigning a mapping sets its entries."""
        return self._summed

    @summary.setter
    def summary(self, entries: Mapping[str, Any]) -> None:
        self._summed.update(entries)

    @property
    def dropped(self) -> int:
        """Points that could not be kept so far (no room, removed directory)."""
        return self._lost + (self._points.dropped if self._points is not None else 0)

    def __repr__(self) -> str:
        state = "disabled" if self._disabled else "finished" if self._finished else "open"
        return f"<crossboard run {self.name!r} ({state}) in {self.dir or 'no directory'}>"

    # ------------------------------------------------------------------------------------------ numbers

    def log(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Keep one number for each tag in `metrics`.

        Args:
            metrics: tag -> a Python or NumPy number, a bool, or a tensor of one element of any framework. NaN and infinities
                are kept. Or a value of `media` (an Image, a Histogram ...): it is copied, and encoded in the background.
                A figure of matplotlib or Plotly, a PIL image or a list of them, a DataFrame needs no wrapping.
                A value that is anything else is named in one warning and left out; the others are kept.
            step: any whole number within int64, in any order; repeats are kept. None: one more than the largest so far.
        """
        slots, buffer, bias, tags = self._hot
        if buffer is None:  # outside of what follows: what is raised here (strict) must not be logged a second time
            self._log_slowly(metrics, step)
            return
        try:
            now = time.time()
            if step is None:
                step = self._next
                self._next = step + 1
            elif type(step) is not int:
                step = self._step(step)
            if step >= self._next:
                self._next = step + 1
            salt = step * CHECK_STEP + CHECK_SALT
            for tag, value in metrics.items():
                if type(value) is not float:
                    value = converters[type(value)](value)
                number, mix = tags[tag]
                slot = next(slots, -1)
                if slot < 0:
                    self._put(number, value, step, now)
                    continue
                _pack(buffer, (slot << 5) + bias, value, step, now, (slot * CHECK_INDEX + salt + mix) & _MASK, number)
        except Exception as error:  # noqa: BLE001  whatever it was: the slow path sorts it out, and training goes on
            self._after(error, metrics, step, locals())

    def _after(self, error: Exception, metrics: Any, step: Any, state: dict[str, Any]) -> None:
        """Log again, slowly, what the hot path did not get to: `state` is its local variables where it left off."""
        if from_signal_handler(error):
            raise error
        named, tag, where, now = "tag" in state, state.get("tag"), state.get("step", step), state.get("now")
        state.clear()  # it holds the error, which holds the frame, which holds it: a ring around the map
        if not named:
            self._log_slowly(metrics, step)
            return
        rest: dict[Any, Any] = {}
        reached = False
        for key, value in metrics.items():
            reached = reached or key is tag or key == tag
            if reached:
                rest[key] = value
        if isinstance(error, _Refused):
            del rest[tag]
        self._log_slowly(rest, where, now=now)
        if isinstance(error, _Refused):
            raise error.why from None

    def _log_slowly(self, metrics: Any, step: Any, *, now: float | None = None) -> None:
        """`log` for everything unusual."""
        if self._disabled:
            return
        with self._harmless("log"):
            when = time.time() if now is None else now
            if not isinstance(metrics, Mapping):
                text = f"log: want a mapping of tags to numbers, got {describe(metrics)}; nothing logged"
                self._complain(text, about="metrics", error=TypeError)
                return
            if self._finished:
                self._lost += len(metrics)
                self._complain("log: this run is finished; points dropped. Call crossboard.init for a new run", about="finished")
                return
            if not -(1 << 63) <= self._next < 1 << 63:  # the hot path had moved it on before the step proved too large
                self._next = 1 + max((int(points.step.max()) for points in self.own_points().values()), default=-1)
            where = self._next if step is None else self._step(step)
            self._next = max(self._next, where + 1)
            Sorted(self, where, when).keep(metrics)

    def _put(self, tag: int, value: float, step: int, now: float) -> None:
        """One point behind the end of a segment."""
        if self._points is not None:
            self._points.put(tag, value, step, now)
            helper.wake()
            try:
                self._look_at_room()
            except Exception as error:  # noqa: BLE001  raised on by `_after`
                raise _Refused(error) from None

    def _put_all(self, items: list[tuple[int, float]], step: int, now: float) -> None:
        """Points of one slow call: (tag id, value)."""
        if items and self._points is not None:
            self._points.put_all(items, step, now)
            self._look_at_room()

    def _look_at_room(self) -> None:
        """Take over the newest segment, and say once that there is no room."""
        points = self._points
        assert points is not None
        hot = points.hot
        self._hot = (hot.slots, hot.buffer, hot.bias, self._tags) if hot.buffer is not None else SHUT
        if points.full and not self._said_full:
            self._said_full = True
            self._complain(
                f"log: no room for points ({points.full}); training goes on, points are dropped and counted until there "
                f"is room again in {self.dir}",
                about="room",
                error=OSError,
            )
        elif not points.full:
            self._said_full = False

    def _step(self, step: Any) -> int:
        try:
            return step_of(step)
        except Deferred:
            text = f"log: step: want a whole number, got {describe(step)} on a device; the automatic step {self._next} is used"
            self._complain(text, about="step", error=TypeError)
        except Exception as error:  # noqa: BLE001  NotANumber, or a foreign type's own error
            text = f"log: step: want a whole number within 64 bits, got {error}; the automatic step {self._next} is used"
            self._complain(text, about="step", error=TypeError)
        return self._next

    def _tag(self, tag: str) -> tuple[int, int] | None:
        """Id and check part of `tag`, declared first where it is new; None when it cannot be."""
        if self._points is None and not self.open():
            return None
        known = self._tags.get(tag)
        if known is not None:
            return known
        with self._lock:
            known = self._tags.get(tag)
            if known is None:
                number = next(self._tag_numbers)  # taken in one step: a signal handler may declare another tag inside this
                if not self._append(TagDeclared(id=number, tag=tag)):
                    return None
                known = self._tags.setdefault(tag, (number, number * CHECK_TAG))
            return known

    def _keep(self, record: Record) -> None:
        """Record something that was logged; counted as lost when that fails."""
        if not self._append(record):
            self._lost += 1

    # --------------------------------------------------------------------------------------- everything else

    def define_metric(self, tag: str, *, goal: str = "", x: str = "", unit: str = "") -> None:
        """Say how `tag` is to be read. goal: "min" or "max" makes its best value part of the summary; x: a tag to draw it over;
        unit: shown beside it. `tag` may hold ``*``."""
        with self._harmless("define_metric"):
            tag, x, unit = self._text("define_metric: tag", tag), self._text("define_metric: x", x), self._text("define_metric: unit", unit)
            if goal not in ("", "min", "max"):
                self._complain(f"define_metric: goal: want 'min', 'max' or '', got {goal!r}; none is kept", about="goal", error=ValueError)
                goal = ""
            self._goals[tag] = goal
            self._record(MetricDefined(wall_time=time.time(), tag=tag, goal=goal, x=x, unit=unit))

    def alert(self, title: str, text: str = "", *, level: str = "info", step: int | None = None, tag: str = "") -> None:
        """Say something that is worth a person's look; it stands on the board. level: "info", "warn" or "error"."""
        with self._harmless("alert"):
            title, text, tag = self._text("alert: title", title), self._text("alert: text", text), self._text("alert: tag", tag)
            if level not in ("info", "warn", "error"):
                said = f"alert: level: want 'info', 'warn' or 'error', got {level!r}; it is kept as 'warn'"
                self._complain(said, about="level", error=ValueError)
                level = "warn"
            at = None if step is None else self._step(step)
            self._record(Alert(wall_time=time.time(), title=title, text=text, level=level, step=at, tag=tag))

    def _text(self, argument: str, value: Any) -> str:
        """`value` as text: a record that holds anything else could not be read."""
        if value is None or isinstance(value, str):
            return value or ""
        made = str(value)
        self._complain(f"{argument}: want a string, got {describe(value)}; {made!r} is used", about=argument, error=TypeError)
        return made

    def finish(self, status: str = "finished", *, error: str = "", traceback: str = "", exit_code: int | None = None) -> None:
        """End the run: wait for what is still on a device, cut its files, record the end. A second call does nothing.

        status: "finished" or "failed".
        """
        if self._finished or self._disabled:
            self._finished = True
            return
        with self._harmless("finish"):
            for settle in list(before_finish):
                settle(self)
            given_up = self._later.wait()
            if given_up:
                self._lost += given_up
                self._complain(f"finish: {given_up} values did not come from their device; counted as dropped", about="land")
            for mirroring in self.mirrors:
                mirroring.finish(status)
            with self._lock:
                self._finished = True
                self._hot = SHUT
                if self._upkeep is None or self._points is None or self._records is None:
                    return
                helper.leave(self._upkeep)
                self._upkeep.see_frameworks()
                used = self._points.close()
                ended = Ended(
                    wall_time=time.time(),
                    status=status if status in ("finished", "failed") else "finished",
                    error=str(error),
                    traceback=str(traceback),
                    exit_code=exit_code if isinstance(exit_code, int) else None,
                    points=used,
                    dropped=self.dropped,
                )
                self._append(ended)
                self._records.close()
                if self._role == "main":
                    seal_behind(self.dir)

    def __enter__(self) -> Run:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            self.finish()
        else:
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """End the run as failed by `error`."""
        code = error.code if isinstance(error, SystemExit) else None
        if isinstance(error, SystemExit) and code in (None, 0):
            self.finish()
            return
        import traceback as tracebacks

        said = "".join(tracebacks.format_exception_only(type(error), error)).strip().splitlines()
        text = "".join(tracebacks.format_exception(type(error), error, error.__traceback__))[-20_000:]
        self.finish("failed", error=said[-1] if said else "", traceback=text, exit_code=code if isinstance(code, int) else None)

    # -------------------------------------------------------------------------------------------- the files

    def open(self) -> bool:
        """Make this process's two files. False, and said once, when that is not possible."""
        if self._points is not None:
            return True
        if self._place is None or self._disabled or self._finished or self._why_not:
            return False
        with self._lock:
            if self._points is not None:
                return True
            place = self._place
            self._writer = new_writer_id(place.attempt, place.rank)
            upkeep = Upkeep(self, place, whole=self._role == "main")
            try:
                records, points = begin_files(
                    place,
                    self._writer,
                    role=self._role,
                    parent=self._parent,
                    automatic_step=self._first_step,
                    frameworks=upkeep.frameworks,
                )
            except OSError as error:
                self._why_not = str(error)
                self._complain(
                    f"init: cannot write to {place.directory}: {error.strerror or error}; training goes on, nothing is logged "
                    "and every point is counted as dropped",
                    about="open",
                    error=OSError,
                )
                return False
            self._upkeep, self._records, self._points = upkeep, records, points
            self._tags, self._tag_numbers = {}, itertools.count(1)
            self._look_at_room()
        helper.look_after(upkeep)
        if upkeep.looks_around:
            self._later.add(upkeep.look_around, size=1)
        return True

    def _stop(self, text: str, *, why: str) -> None:
        """Keep no further points: the journal is gone."""
        points = self._points
        if points is not None and not points.full:
            points.stop(why)
            self._hot = SHUT
            self._said_full = True
            self._complain(f"log: {text}; training goes on, points are dropped and counted", about="removed")

    def _append(self, record: Record) -> bool:
        """Append to the records file; say once when that fails."""
        if self._records is None:
            return False
        try:
            self._records.append(record)
        except OSError as error:
            text = f"log: cannot write to {self._records.path}: {error.strerror or error}; training goes on, it is dropped"
            self._complain(text, about="records", error=OSError)
            return False
        return True

    def _record(self, record: Record) -> None:
        """Record what a call said of the run; said when that is too late."""
        if self._disabled:
            return
        if self._finished:
            what = {Alert: "alert", ConfigSet: "config", MetricDefined: "define_metric"}.get(type(record), "summary")
            self._complain(f"{what}: this run is finished; dropped. Call crossboard.init for a new run", about=f"finished {what}")
        elif self.open():
            self._append(record)

    def _config_set(self, entries: dict[str, Any]) -> None:
        with self._harmless("config"):
            self._record(ConfigSet(wall_time=time.time(), config=entries))

    def _complain(self, text: str, *, about: str, error: type[Exception] | None = None, at: Line | None = None) -> None:
        """Say what is wrong at the user's line, and to the board."""
        where = warn(text, about=about, error=error if self._strict else None, at=at)
        if where and self._records is not None and self._records.fd >= 0:
            with contextlib.suppress(OSError):
                self._records.append(Warned(wall_time=time.time(), text=text, where=where))

    @contextlib.contextmanager
    def _harmless(self, call: str) -> Iterator[None]:
        """Let nothing of ours out into training; under strict, everything."""
        try:
            yield
        except Exception as error:
            # a warning is raised only where the user asked for that
            if self._strict or isinstance(error, Warning) or from_signal_handler(error):
                raise
            self._complain(f"{call}: {type(error).__name__}: {error}", about=f"{call} {type(error).__name__}")

    # ----------------------------------------------------------------------------------------- for the others

    def after_fork(self) -> None:
        """In a forked child: what was open belongs to the parent; the first call that logs opens files of its own."""
        self._lock = threading.RLock()
        self._hot = SHUT
        if self._points is not None:
            self._points.forget()
        if self._records is not None:
            self._records.close()
        self._parent, self._role, self._upkeep = self._writer, "fork", None
        self._points = self._records = None
        self._tags = {}
        self._lost, self._later = 0, Later()
        self._first_step = self._next

    def own_points(self) -> dict[str, Points]:
        """Tag -> points that this process logged so far, as they stand in its journal."""
        return read_back(self._points.path, self._tags) if self._points is not None else {}
