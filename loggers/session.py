"""The program's side of a run's life: `init`, the current run, and what happens when the program ends.

How a program ends decides the status: it returns or leaves a ``with`` block, ``sys.exit(0)``: finished; an exception that
nobody caught, or ``sys.exit`` with anything else: failed, with its text; ``os._exit``, a signal, a crash: no end is recorded,
and a reader that can prove the death says killed. A bare ``raise SystemExit(3)`` tells nobody its status (see `ending`):
finished. Every point whose call returned is kept in each case.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Final

from ..store.errors import CrossboardError
from ..store.filesystem import way_of
from ..store.records import encodable
from ..store.rundir import VERSION, RunFile, claim_attempt, file_name, find_runs, is_run_dir, is_text, read_run_file, write_run_file
from . import ending
from .config import config_of
from .harmless import after_fork as warn_after_fork
from .harmless import users_line, warn
from .helper import helper
from .identity import Place
from .launch import Launch, launch_of, new_run_id, scattered
from .numbers import describe
from .run import Run
from .system import parts_wanted

_open_runs: list[Run] = []
_current: Run | None = None
_begun: Final[dict[tuple[str, str, str, str], int]] = {}
_hooks: Final = threading.Lock()
_hooked = False


def init(
    project: str | None = None,
    name: str | None = None,
    config: Any = None,
    dir: str | os.PathLike[str] | None = None,  # noqa: A002  the word people look for
    group: str | None = "",
    tags: Iterable[str] | None = (),
    notes: str | None = "",
    resume: bool | str | os.PathLike[str] | None = None,
    mode: str | None = None,
    strict: bool = False,
    durable_s: float | None = None,
    system: bool = True,
    id: str | None = None,  # noqa: A002  as above
    console: bool = False,
    mirror: str | None = None,
) -> Run:
    """Begin a run, or a new attempt of one; it becomes the current run, and a current one is finished first.

    Args:
        project: a named group of runs; default: the name of the working directory.
        name: for people, need not be unique; default: the program's name and a few letters of the id.
        config: hyperparameters: a mapping (nested), a dataclass, an argparse namespace, an OmegaConf config.
        dir: the root under which runs lie; default: CROSSBOARD_DIR, else ``runs`` in the working directory.
        group, tags, notes: shown and searched on the board.
        resume: True continues the newest run of this name (of the project when no name is given), a string the run with
            that id or path. The automatic step goes on behind the largest step there.
        mode: "disabled" makes every call a no-op; so does CROSSBOARD_MODE=disabled.
        strict: raise what would only be warned of.
        durable_s: sync the journal to the disk about every so many seconds, against power loss.
        system: write down what the run knows about itself (command line, git, packages, machine) and what it uses every ten
            seconds; secrets are masked. CROSSBOARD_SYSTEM=0 turns it off, or names the parts that are wanted (`system`).
        id: the run's id, the name of its directory; where there is a run with it, that one is continued.
        console: keep what the program prints on stdout and stderr, too (see `console`).
        mirror: "tensorboard" also writes event files into the run's directory, which TensorBoard opens.

    Returns:
        The run. Without ``strict`` nothing is raised: when the directory cannot be written, one warning says so and the run
        counts its points as dropped.
    """
    global _current
    try:
        if _current is not None and _current in _open_runs:
            _current.finish()
            _open_runs.remove(_current)
        run = _begin(project, name, config, dir, group, tags, notes, resume, mode, strict, durable_s, system, run_id=id or "")
    except (OSError, CrossboardError, ValueError, TypeError) as error:
        if strict:
            raise
        warn(f"init: {error}; training goes on, nothing is logged and every point is counted as dropped", about="init")
        run = Run(None, why_not=str(error))
    _current = run
    if not run.disabled:
        _open_runs.append(run)
        _hook()
    if mirror is not None:
        with run._harmless("mirror"):
            _mirror(run, mirror)
    if console:
        with run._harmless("console"):
            from .console import capture_console

            capture_console(run)
    return run


def _mirror(run: Run, name: str) -> None:
    """Let `run` also be written in another tool's format."""
    from .mirrors import Mirroring, makers

    if name not in makers:
        raise ValueError(f"mirror: want one of {', '.join(sorted(makers)) or 'none'}, got {name!r}")
    if run.dir and not run.disabled:
        Mirroring(run, makers[name](run.dir), users_line())


def begin_beside(
    call: str,
    *,
    project: str | None = None,
    name: str | None = None,
    config: Any = None,
    at: str | None = None,
    mode: str | None = None,
    strict: bool = False,
) -> Run:
    """Begin a run beside the current one, which stays the current one and goes on.

    call: named in warnings. at: the run's own directory; a run that is there already gets a new attempt. None: as in `init`.
    Everything else is as in `init`.
    """
    try:
        run = _begin(project, name, config, None, "", (), "", None, mode, strict, None, True, at)
    except (OSError, CrossboardError, ValueError, TypeError) as error:
        if strict:
            raise
        warn(f"{call}: {error}; training goes on, nothing is logged and every point is counted as dropped", about="init")
        run = Run(None, why_not=str(error))
    if not run.disabled:
        _open_runs.append(run)
        _hook()
    return run


def let_go(run: Run) -> None:
    """Forget a run of `begin_beside` that is finished."""
    if run in _open_runs:
        _open_runs.remove(run)


def _begin(
    project: str | None,
    name: str | None,
    config: Any,
    root: str | os.PathLike[str] | None,
    group: str | None,
    tags: Iterable[str] | None,
    notes: str | None,
    resume: bool | str | os.PathLike[str] | None,
    mode: str | None,
    strict: bool,
    durable_s: float | None,
    system: bool,
    at: str | None = None,
    run_id: str = "",
) -> Run:
    mode = mode if mode is not None else os.environ.get("CROSSBOARD_MODE", "")
    if mode not in ("", "online", "offline", "disabled"):
        _say(f"init: mode: want 'disabled' or nothing, got {mode!r}; the run is logged as usual", "mode", strict, ValueError)
    if mode == "disabled":
        run = Run(None, disabled=True)
        run.config.update(config_of(config))
        return run
    base = os.path.abspath(os.fsdecode(root if root is not None else os.environ.get("CROSSBOARD_DIR") or "runs"))
    project, name, group, notes = (
        _text(argument, value, strict) for argument, value in (("project", project), ("name", name), ("group", group), ("notes", notes))
    )
    project = project or encodable(os.path.basename(os.getcwd())) or "project"
    if not is_text(base):
        text = f"init: {encodable(base)} is no UTF-8 text: the run is kept there, but a board opens it only once that is renamed"
        _say(text, "name of the root", strict, CrossboardError)
    if durable_s is not None and (not isinstance(durable_s, (int, float)) or not durable_s >= 0):
        text = f"init: durable_s: want seconds, got {durable_s!r}; the journal is not synced"
        _say(text, "argument durable_s", strict, ValueError)
        durable_s = None
    if isinstance(resume, os.PathLike):
        resume = os.fspath(resume)
    launch = _nth(launch_of(), base, project, name or "")
    if run_id:
        launch = launch._replace(run_id=run_id)
    if scattered():
        text = (
            "init: torchrun gave the machines of this training no common id, so each machine is a run of its own; start it with "
            "--rdzv-id=NAME, or set CROSSBOARD_RUN_ID to the same text on all of them"
        )
        warn(text, about="launch", error=CrossboardError if strict else None)
    if at is None:
        directory, identity, continues = _directory_of(base, project, name or None, resume, launch, strict)
    else:
        continues = is_run_dir(at)
        directory, identity = at, read_run_file(at) if continues else None
    if identity is None:
        run_id = os.path.basename(directory)
        identity = RunFile(
            version=VERSION,
            id=run_id,
            project=project,
            name=name or _default_name(run_id),
            created=time.time(),
            group=group,
            tags=_texts("tags", tags, strict),
            notes=notes,
            launch=launch.key,
        )
    identity = write_run_file(directory, identity)
    attempt = claim_attempt(directory, launch.key, attempt=launch.attempt)
    way, network = way_of(directory)
    place = Place(
        directory=directory,
        id=identity.id,
        project=identity.project,
        name=identity.name,
        attempt=attempt,
        rank=launch.rank,
        launch=launch.key,
        way=way,
        network=network,
        durable_s=durable_s,
        strict=strict,
        created=identity.created,
        system=parts_wanted(system),
    )
    run = Run(place, automatic_step=_next_step(directory) if continues or attempt > 1 else 0)
    if strict and not run.open():
        raise OSError(f"cannot write to {directory}")
    run.open()
    made = config_of(config)
    if made:
        run.config.update(made)
    return run


def _say(text: str, about: str, strict: bool, error: type[Exception]) -> None:
    warn(text, about=about, error=error if strict else None)


def _text(argument: str, value: Any, strict: bool) -> str:
    """`value` as text that can be written, None as ""; said when it was none."""
    if value is None:
        return ""
    if not isinstance(value, str):
        made = os.fsdecode(value) if isinstance(value, (bytes, os.PathLike)) else str(value)
        _say(f"init: {argument}: want a string, got {describe(value)}; {made!r} is used", f"argument {argument}", strict, TypeError)
        value = made
    return encodable(value)


def _texts(argument: str, value: Any, strict: bool) -> list[str]:
    """`value`, one string or several of them, as a list; said when it is something else."""
    if value is None or isinstance(value, str):
        return [encodable(value)] if value else []
    if not isinstance(value, Iterable):
        _say(f"init: {argument}: want strings, got {describe(value)}", f"argument {argument}", strict, TypeError)
        value = [value]
    return [encodable(str(one)) for one in value]


def _nth(launch: Launch, base: str, project: str, name: str) -> Launch:
    """`launch` as the next run of the same project and name that this process begins under it.

    A program that a launcher started may train several times, one run after the other; all ranks count alike.
    """
    if not launch.job:
        return launch
    before = _begun.get((launch.job, base, project, name), 0)
    _begun[launch.job, base, project, name] = before + 1
    return launch._replace(job=f"{launch.job}+{before}", key=f"{launch.key}+{before}") if before else launch


def _directory_of(
    base: str, project: str, name: str | None, resume: bool | str | None, launch: Launch, strict: bool
) -> tuple[str, RunFile | None, bool]:
    """The run's directory, its identity when it is there already, and whether an older run is continued."""
    folder = os.path.join(base, file_name(project))
    wanted = launch.run_id
    if isinstance(resume, str) and resume:
        if is_run_dir(resume):
            return os.path.abspath(resume), read_run_file(resume), True
        wanted = resume
    elif resume:
        found = _newest(base, project, name)
        if found is not None:
            return found, read_run_file(found), True
    if wanted:
        directory = os.path.join(folder, file_name(wanted))
        if is_run_dir(directory):
            return directory, read_run_file(directory), True
        elsewhere = next((one for one in find_runs(base) if os.path.basename(one) == wanted), None)
        if elsewhere is not None:
            return elsewhere, read_run_file(elsewhere), True
        if isinstance(resume, str) and resume:
            text = f"init: resume: no run {resume!r} under {base}; a new run gets that id"
            warn(text, about="resume", error=CrossboardError if strict else None)
        return directory, None, False
    return os.path.join(folder, new_run_id(launch.job, project=project, name=name or "")), None, False


def _newest(base: str, project: str, name: str | None) -> str | None:
    """The newest run of `project` called `name`, or of any name."""
    candidates: list[tuple[float, str]] = []
    for directory in find_runs(base):
        try:
            identity = read_run_file(directory)
        except CrossboardError:
            continue
        if identity.project == project and name in (None, identity.name):
            candidates.append((identity.created, directory))
    return max(candidates)[1] if candidates else None


def _default_name(run_id: str) -> str:
    main = sys.modules.get("__main__")
    file = getattr(main, "__file__", "") or ""
    stem = os.path.splitext(os.path.basename(file))[0] if file else "run"
    return f"{'run' if stem in ('__main__', '-c', '') else stem}-{run_id[-4:]}"


def _next_step(directory: str) -> int:
    """One more than the largest step in the run, 0 when there is none."""
    from ..store.native import NativeSource

    source = NativeSource(directory)
    largest = -1
    for run in source.scan():
        cursor, more = None, True
        while more:
            batch = source.read(run, cursor)
            cursor, more = batch.cursor, batch.more
            for strand in batch.strands:
                largest = max(largest, int(strand.points.step.max()))
    return largest + 1


# ---------------------------------------------------------------------------------------- the current run


def current() -> Run | None:
    """The run that `init` began last and that is not finished."""
    return _current if _current is not None and not _current._finished else None


def _run_or_say(call: str) -> Run | None:
    run = _current
    if run is None:
        if os.environ.get("CROSSBOARD_MODE") != "disabled":
            warn(f"{call}: no run was begun in this process; nothing logged. Call crossboard.init first", about=f"no run {call}")
        return None
    return run


def log(metrics: Mapping[str, Any], step: int | None = None) -> None:
    """`Run.log` of the current run."""
    run = _run_or_say("log")
    if run is not None:
        run.log(metrics, step)


def alert(title: str, text: str = "", *, level: str = "info", step: int | None = None, tag: str = "") -> None:
    """`Run.alert` of the current run."""
    run = _run_or_say("alert")
    if run is not None:
        run.alert(title, text, level=level, step=step, tag=tag)


def define_metric(tag: str, *, goal: str = "", x: str = "", unit: str = "") -> None:
    """`Run.define_metric` of the current run."""
    run = _run_or_say("define_metric")
    if run is not None:
        run.define_metric(tag, goal=goal, x=x, unit=unit)


def finish(status: str = "finished") -> None:
    """`Run.finish` of the current run, if there is one."""
    global _current
    if _current is not None:
        _current.finish(status)
        if _current in _open_runs:
            _open_runs.remove(_current)
        _current = None


# ----------------------------------------------------------------------------------- how the program ends


def _hook() -> None:
    """Notice the end of the program; once a process."""
    global _hooked
    with _hooks:
        if _hooked:
            return
        _hooked = True
    atexit.register(_at_exit)
    before = sys.excepthook

    def excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        for run in list(_open_runs):
            run.fail(error)
        before(kind, error, trace)

    sys.excepthook = excepthook
    ending.watch()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_after_fork)


def _at_exit() -> None:
    raised, status = ending.status()
    for run in list(_open_runs):
        if not raised or status in (None, 0, False):
            run.finish()
        else:
            number = status if isinstance(status, int) else 1
            run.finish("failed", error=f"exit status {status}", exit_code=number)


def _after_fork() -> None:
    helper.after_fork()
    warn_after_fork()
    for run in _open_runs:
        run.after_fork()


__all__ = ["Run", "alert", "current", "define_metric", "finish", "init", "log"]
