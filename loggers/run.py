"""The run handle: what `init` returns, and what a training program holds.

`Run.log` is the hot path. It takes everything it needs from one attribute, `_hot`, that is replaced as a whole (next segment,
finish, fork), takes a slot, packs 32 bytes and returns; whatever is unusual (another type, a new tag, no room, a tensor on a
device) leaves it for the slow path. Nothing in it takes a lock or makes a system call, and nothing it meets is raised into
training: see `harmless`.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from ..store.kinds import Points
from ..store.points import CHECK_INDEX, CHECK_SALT, CHECK_STEP, CHECK_TAG, HEADER_SIZE, RECORD, PointsHeader, decode_records
from ..store.process import this_process
from ..store.records import (
    VERSION,
    Alert,
    ConfigSet,
    Ended,
    FrameworksSeen,
    InFile,
    Inline,
    MetricDefined,
    Opened,
    Record,
    TagDeclared,
    Warned,
)
from ..store.writer import NO_ROOM, PointsFile, RecordsFile, open_points, open_records
from .config import Config
from .frameworks import frameworks_used
from .harmless import Line, from_signal_handler, users_line, warn
from .helper import SLOW_TICK_S, TICK_S, helper
from .landing import landings_of
from .later import Later
from .launch import new_writer_id
from .media.value import BadValue, Media
from .methods import Methods
from .numbers import Deferred, NotANumber, converters, describe, number_of, step_of
from .summary import Summary
from .system import System

if TYPE_CHECKING:
    from .mirrors import Mirroring

_pack: Final = RECORD.pack_into
_MASK: Final = 0xFFFFFFFF


class Place(NamedTuple):
    """Where a run's writers write, and who they are."""

    directory: str
    id: str
    project: str
    name: str
    attempt: int
    rank: int
    launch: str
    way: str
    network: bool
    durable_s: float | None = None
    strict: bool = False
    created: float = 0.0
    system: frozenset[str] = frozenset()


Hot = tuple[Iterator[int], Any, int, dict[str, tuple[int, int]]]
"""What `Run.log` needs: free slots, the map, its bias (see `store.writer.Hot`), and tag -> id and check part."""
SHUT: Final[Hot] = (NO_ROOM.slots, None, 0, {})
"""Nothing is kept on the hot path: every call goes the slow way."""
before_finish: Final[list[Callable[[Run], None]]] = []
"""Called with a run that is about to finish: what is still under way to it from elsewhere (event files) is to be handed in."""


class Run(Methods):
    """One training, as its program sees it. Made by `init`; usable as a context manager.

    No method raises into training, unless the run was begun with ``strict=True``.
    """

    def __init__(self, place: Place | None, *, disabled: bool = False, automatic_step: int = 0, why_not: str = "") -> None:
        self._place = place
        self._disabled = disabled
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
        self._seen: dict[str, str] = {}
        self._modules = 0
        self._touched = -1
        self._switches = 0
        self._system: System | None = None
        self._switched = 0.0
        self._synced = 0.0
        self._summary: dict[str, Any] = {}
        self._goals: dict[str, str] = {}
        self._watches: list[tuple[Any, Any]] = []
        self.mirrors: list[Mirroring] = []
        self.config = Config(self._config_set)
        self.summary = Summary(self)

    # ------------------------------------------------------------------------------------------ who it is

    @property
    def id(self) -> str:
        """The run's id, the name of its directory; "" when the run is disabled."""
        return self._place.id if self._place is not None else ""

    @property
    def name(self) -> str:
        """The run's name."""
        return self._place.name if self._place is not None else ""

    @property
    def project(self) -> str:
        """The run's project."""
        return self._place.project if self._place is not None else ""

    @property
    def dir(self) -> str:
        """The run's directory; "" when nothing is written."""
        return self._place.directory if self._place is not None else ""

    @property
    def attempt(self) -> int:
        """Number of this launch of the run, from 1."""
        return self._place.attempt if self._place is not None else 1

    @property
    def rank(self) -> int:
        """Rank of this process."""
        return self._place.rank if self._place is not None else 0

    @property
    def disabled(self) -> bool:
        """Whether every call is a no-op."""
        return self._disabled

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
        try:
            slots, buffer, bias, tags = self._hot
            if buffer is None:
                self._log_slowly(metrics, step)
                return
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
        tag = state.get("tag")
        if "tag" not in state:
            self._log_slowly(metrics, step)
            return
        rest: dict[Any, Any] = {}
        reached = False
        for key, value in metrics.items():
            reached = reached or key is tag or key == tag
            if reached:
                rest[key] = value
        self._log_slowly(rest, state.get("step", step), now=state.get("now"))

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
            items: list[tuple[int, float]] = []
            deferred: list[tuple[Any, Any]] = []
            refused: list[tuple[Any, str]] = []
            for tag, value in metrics.items():
                try:
                    if isinstance(value, Media):
                        self._take(tag, value, where, when)
                        continue
                    try:
                        number = number_of(value)
                    except NotANumber:
                        from .media.guess import as_media, hint

                        media = as_media(value)
                        if media is None:
                            raise
                        self._take(tag, media, where, when)
                        continue
                except Deferred:
                    deferred.append((tag, value))
                    continue
                except NotANumber as error:
                    refused.append((tag, f"want one number, got {error}; left out{hint(value)}"))
                    continue
                except BadValue as error:
                    refused.append((tag, f"{type(value).__name__}: {error}; left out"))
                    continue
                except Exception as error:
                    if from_signal_handler(error):
                        if items and self._points is not None:
                            self._points.put_all(items, where, when)
                        raise
                    refused.append((tag, f"want one number, got {describe(value)} ({type(error).__name__}: {error}); left out"))
                    continue
                declared = self._tag(tag)
                if declared is not None:
                    items.append((declared[0], number))
                else:
                    self._lost += 1
            if items and self._points is not None:
                self._points.put_all(items, where, when)
                self._look_at_room()
            if deferred:
                self._land(deferred, where, when)
            for tag, what in refused:
                self._complain(f"log: {tag!r}: {what}", about=f"value {tag}", error=TypeError)

    def _put(self, tag: int, value: float, step: int, now: float) -> None:
        """One point behind the end of a segment."""
        if self._points is not None:
            self._points.put(tag, value, step, now)
            self._look_at_room()
            helper.wake()

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

    def _name(self, tag: Any) -> str:
        """`tag` as a string; said when it was none."""
        if isinstance(tag, str):
            return tag
        name = str(tag)
        self._complain(f"log: tag: want a string, got {describe(tag)}; logged as {name!r}", about=f"tag {name}", error=TypeError)
        return name

    def _tag(self, tag: Any) -> tuple[int, int] | None:
        """Id and check part of `tag`, declared first where it is new; None when it cannot be."""
        if self._points is None and not self._open():
            return None
        known = self._tags.get(tag) if isinstance(tag, str) else None
        if known is not None:
            return known
        with self._lock:
            name = self._name(tag)
            known = self._tags.get(name)
            if known is None:
                number = next(self._tag_numbers)  # taken in one step: a signal handler may declare another tag inside this
                if not self._append(TagDeclared(id=number, tag=name)):
                    return None
                known = self._tags.setdefault(name, (number, number * CHECK_TAG))
            return known

    def _land(self, values: list[tuple[Any, Any]], step: int, now: float) -> None:
        """Read values that lie on a device in the helper thread: copies of them as they are now, with their own step and time."""

        names, line = [tag for tag, _ in values], users_line()

        def failed(error: Exception) -> None:
            self._lost += len(names)
            tags = ", ".join(repr(name) for name in names)
            self._complain(f"log: {tags}: could not be read from the device: {error}; left out", about=f"landing {tags}", at=line)

        try:
            landing = landings_of([value for _, value in values])
        except Exception as error:
            if from_signal_handler(error):
                raise
            failed(error)
            return

        def job() -> None:
            try:
                for tag, array in zip(names, landing.land_all(), strict=True):
                    declared = self._tag(tag)
                    if declared is None or self._points is None:
                        self._lost += 1
                    else:
                        self._points.put(declared[0], float(array.reshape(-1)[0]), step, now)
            except Exception as error:  # noqa: BLE001  a device that fails must not end the helper
                failed(error)

        if not self._later.add(job):
            self._lost += len(values)
            self._complain("log: too many values wait for their device; points dropped", about="queue")

    def _take(self, tag: Any, value: Media, step: int, now: float) -> None:
        """Keep a value that is no number: copied now, encoded and recorded by the helper."""
        name = self._name(tag)
        kind, taken = type(value).__name__, value.take()  # the job must not hold on to the user's own value
        if not self._open():
            self._lost += 1
            return
        target = Deposit(self, name, step, now, users_line())

        def job() -> None:
            try:
                self._keep(taken.encode(target))
            except Exception as error:  # noqa: BLE001  one value that cannot be encoded must not end the helper
                what = str(error) if isinstance(error, BadValue) else f"{type(error).__name__}: {error}"
                self._lost += 0 if isinstance(error, BadValue) else 1
                target.warn(f"{kind}: {what}; left out", about=f"value {name}")

        if not self._later.add(job, size=max(taken.size, 1)):
            self._lost += 1
            text = f"log: {name!r}: {self._later.bytes >> 20} MiB wait to be encoded; it is dropped. Log less often, or smaller"
            self._complain(text, about="media queue")

    def _keep(self, record: Record) -> None:
        """Record something that was logged; counted as lost when that fails."""
        if not self._append(record):
            self._lost += 1

    # --------------------------------------------------------------------------------------- everything else

    def define_metric(self, tag: str, *, goal: str = "", x: str = "", unit: str = "") -> None:
        """Say how `tag` is to be read. goal: "min" or "max" makes its best value part of the summary; x: a tag to draw it over;
        unit: shown beside it. `tag` may hold ``*``."""
        with self._harmless("define_metric"):
            if goal not in ("", "min", "max"):
                raise ValueError(f"define_metric: goal: want 'min', 'max' or '', got {goal!r}")
            self._goals[tag] = goal
            self._record(MetricDefined(wall_time=time.time(), tag=tag, goal=goal, x=x, unit=unit))

    def alert(self, title: str, text: str = "", *, level: str = "info", step: int | None = None, tag: str = "") -> None:
        """Say something that is worth a person's look; it stands on the board. level: "info", "warn" or "error"."""
        with self._harmless("alert"):
            if level not in ("info", "warn", "error"):
                raise ValueError(f"alert: level: want 'info', 'warn' or 'error', got {level!r}")
            at = None if step is None else self._step(step)
            self._record(Alert(wall_time=time.time(), title=str(title), text=str(text), level=level, step=at, tag=tag))

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
                helper.leave(self)
                if self._points is None or self._records is None:
                    return
                self._see_frameworks()
                used = self._points.close()
                ended = Ended(
                    wall_time=time.time(),
                    status=status if status in ("finished", "failed") else "finished",
                    error=error,
                    traceback=traceback,
                    exit_code=exit_code,
                    points=used,
                    dropped=self.dropped,
                )
                self._append(ended)
                self._records.close()
                if self._role == "main":
                    _seal_behind(self.dir)

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
        return self._open()

    def _open(self) -> bool:
        if self._points is not None:
            return True
        if self._place is None or self._disabled or self._finished or self._why_not:
            return False
        with self._lock:
            if self._points is not None:
                return True
            place = self._place
            from .secrets import masked_arguments

            self._writer = new_writer_id(place.attempt, place.rank)
            started = time.time()
            self._seen, self._modules = frameworks_used(), len(sys.modules)
            opened = Opened(
                version=VERSION,
                writer=self._writer,
                attempt=place.attempt,
                rank=place.rank,
                wall_time=started,
                process=this_process(),
                role=self._role,
                parent=self._parent,
                launch=place.launch,
                command=masked_arguments(str(word) for word in sys.argv[:100]),
                directory=os.getcwd(),
                python=sys.version.split()[0],
                crossboard=_version(),
                frameworks=self._seen,
                automatic_step=self._first_step,
            )
            try:
                records = open_records(place.directory, self._writer)
                records.append(opened)
                points = open_points(place.directory, PointsHeader(self._writer, place.attempt, place.rank, started), place.way)
            except OSError as error:
                self._why_not = str(error)
                self._complain(
                    f"init: cannot write to {place.directory}: {error.strerror or error}; training goes on, nothing is logged "
                    "and every point is counted as dropped",
                    about="open",
                    error=OSError,
                )
                return False
            self._records, self._points, self._tags, self._tag_numbers = records, points, {}, itertools.count(1)
            self._look_at_room()
        helper.look_after(self)
        if self._role == "main" and place.system:
            self._system = System(place.system, directory=place.directory, rank=place.rank, created=place.created)
            if self._system.looks_around:
                self._later.add(self._look_around, size=1)
        return True

    def _look_around(self) -> None:
        """Write down what the run knows about itself. In the helper thread."""
        if self._system is not None:
            from ..store.blobs import write_blob

            directory = self.dir
            self._keep(self._system.look_around(lambda data: write_blob(directory, data, extension="txt", media_type="text/plain")))

    def _sample(self) -> None:
        """Keep what the process and its machine use now, when it is time. In the helper thread."""
        if self._system is None or self._points is None:
            return
        step, values = self._system.sample()
        with self._lock:
            if self._finished:  # while this was measured
                return
            for tag, value in values.items():
                declared = self._tag(tag)
                if declared is not None:
                    self._points.put(declared[0], value, step, time.time())

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
        if not self._disabled and not self._finished and self._open():
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

    # ------------------------------------------------------------------------------------- for the helper

    def prepare(self) -> float:
        """Make the next segment when the newest is half used; say when to look again."""
        points = self._points
        if points is None or self._finished:
            return TICK_S
        switches = points.switches
        points.prepare()
        if switches == self._switches:
            return TICK_S
        now = time.monotonic()
        lasted, self._switched = (now - self._switched if self._switches else TICK_S), now
        self._switches = switches
        return max(0.001, min(TICK_S, lasted / 2))

    def tick(self) -> None:
        """Show that the journal lives, notice that its directory is gone, sync where wanted."""
        points, place = self._points, self._place
        if points is None or place is None or self._finished or points.fd < 0:
            return
        state = os.fstat(points.fd)
        if state.st_nlink == 0 or not os.path.exists(place.directory):
            if not points.full:
                points.stop("the run's directory was removed")
                self._hot = SHUT
                text = f"log: {place.directory} was removed; training goes on, points are dropped and counted"
                self._said_full = True
                self._complain(text, about="removed")
            return
        used = points.used
        if used != self._touched:
            self._touched = used
            os.utime(points.fd)
            wanted = place.durable_s if place.durable_s is not None else SLOW_TICK_S if place.network else None
            if wanted is not None and time.monotonic() - self._synced >= wanted:
                self._synced = time.monotonic()
                os.fdatasync(points.fd)
        self._see_frameworks()
        self._sample()

    def _see_frameworks(self) -> None:
        if len(sys.modules) == self._modules:
            return
        self._modules = len(sys.modules)
        seen = frameworks_used()
        new = {name: version for name, version in seen.items() if name not in self._seen}
        with self._lock:
            if new and self._records is not None and self._records.fd >= 0:
                self._seen = seen
                self._append(FrameworksSeen(wall_time=time.time(), frameworks=new))

    def after_fork(self) -> None:
        """In a forked child: what was open belongs to the parent; the first call that logs opens files of its own."""
        self._lock = threading.RLock()
        self._hot = SHUT
        if self._points is not None:
            self._points.forget()
        if self._records is not None:
            self._records.close()
        self._parent, self._role, self._system = self._writer, "fork", None
        self._points = self._records = None
        self._tags = {}
        self._lost, self._later = 0, Later()
        self._first_step = self._next

    def own_points(self) -> dict[str, Points]:
        """Tag -> points that this process logged so far, as they stand in its journal."""
        points = self._points
        if points is None:
            return {}
        try:
            with open(points.path, "rb") as file:
                file.seek(HEADER_SIZE)
                records = decode_records(file.read(), first=0).records
        except OSError:
            return {}
        by_id = {number: tag for tag, (number, _) in self._tags.items()}
        found: dict[str, Points] = {}
        for number in np.unique(records["tag"]).tolist():
            some = records[records["tag"] == number]
            if number in by_id:
                found[by_id[number]] = Points(some["step"], some["wall_time"], some["value"])
        return found


class Deposit:
    """Where an encoded value of a run goes; see `media.value.Target`."""

    def __init__(self, run: Run, tag: str, step: int, wall_time: float, line: Line) -> None:
        self.tag, self.step, self.wall_time = tag, step, wall_time
        self._run, self._line = run, line

    def blob(self, data: bytes, *, extension: str, media_type: str) -> Inline | InFile:
        """Keep `data` in the run's directory."""
        from ..store.blobs import write_blob

        return write_blob(self._run.dir, data, extension=extension, media_type=media_type)

    def warn(self, text: str, *, about: str) -> None:
        """Say `text` at the line that logged the value."""
        self._run._complain(f"log: {self.tag!r}: {text}", about=about, at=self._line)


def _version() -> str:
    """The version of the package that this module is part of, which is imported already."""
    return str(getattr(sys.modules.get(__name__.partition(".")[0]), "__version__", ""))


def _seal_behind(run_dir: str) -> None:
    """Let a process of its own seal the run; nobody waits for it."""
    if os.environ.get("CROSSBOARD_SEAL", "1") == "0":
        return
    import subprocess

    with contextlib.suppress(OSError, ValueError):
        subprocess.Popen(
            [sys.executable, "-m", "crossboard", "seal", "--quiet", run_dir],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=os.path.dirname(run_dir) or "/",
            start_new_session=True,
            env={**os.environ, "CROSSBOARD_MODE": "disabled", "OMP_NUM_THREADS": "1"},
        ).returncode = 0  # nobody waits for it, and it is not to warn that nobody does
