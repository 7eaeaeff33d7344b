"""Values of a run that arrive later than their call: tensors on a device, and media that are encoded.

The logging call copies them as they are now; the helper thread brings them over or encodes them, and keeps them with the step and
the wall time of the call. `later` bounds and counts what is under way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .harmless import Line, from_signal_handler, users_line
from .landing import landings_of
from .media.value import BadValue, Media

if TYPE_CHECKING:
    from ..store.records import InFile, Inline
    from .run import Run


def land(run: Run, values: list[tuple[Any, Any]], step: int, now: float) -> None:
    """Keep numbers, (tag, tensor), that lie on a device."""
    names, line = [tag for tag, _ in values], users_line()

    def failed(error: Exception) -> None:
        run._lost += len(names)
        tags = ", ".join(repr(name) for name in names)
        run._complain(f"log: {tags}: could not be read from the device: {error}; left out", about=f"landing {tags}", at=line)

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
                declared = run._tag(tag)
                if declared is None or run._points is None:
                    run._lost += 1
                else:
                    run._points.put(declared[0], float(array.reshape(-1)[0]), step, now)
        except Exception as error:  # noqa: BLE001  a device that fails must not end the helper
            failed(error)

    if not run._later.add(job):
        run._lost += len(values)
        run._complain("log: too many values wait for their device; points dropped", about="queue")


def take(run: Run, name: str, value: Media, step: int, now: float) -> None:
    """Keep a value that is no number under the tag `name`."""
    kind, taken = type(value).__name__, value.take()  # the job must not hold on to the user's own value
    if not run.open():
        run._lost += 1
        return
    target = Deposit(run, name, step, now, users_line())

    def job() -> None:
        try:
            run._keep(taken.encode(target))
        except Exception as error:  # noqa: BLE001  one value that cannot be encoded must not end the helper
            what = str(error) if isinstance(error, BadValue) else f"{type(error).__name__}: {error}"
            run._lost += 0 if isinstance(error, BadValue) else 1
            target.warn(f"{kind}: {what}; left out", about=f"value {name}")

    if not run._later.add(job, size=max(taken.size, 1)):
        run._lost += 1
        text = f"log: {name!r}: {run._later.bytes >> 20} MiB wait to be encoded; it is dropped. Log less often, or smaller"
        run._complain(text, about="media queue")


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
