"""The two files of one process of a run: how they are begun, read back by the process itself, and sealed behind it."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Mapping

import numpy as np

from ..store.kinds import Points
from ..store.points import HEADER_SIZE, PointsHeader, decode_records
from ..store.process import this_process
from ..store.records import VERSION, Opened
from ..store.writer import PointsFile, RecordsFile, open_points, open_records
from .identity import Place
from .secrets import masked_arguments


def begin_files(
    place: Place, writer: str, *, role: str, parent: str, automatic_step: int, frameworks: dict[str, str]
) -> tuple[RecordsFile, PointsFile]:
    """Make the files of `writer`, with who it is in the first record. Raises OSError."""
    started = time.time()
    opened = Opened(
        version=VERSION,
        writer=writer,
        attempt=place.attempt,
        rank=place.rank,
        wall_time=started,
        process=this_process(),
        role=role,
        parent=parent,
        launch=place.launch,
        command=masked_arguments(str(word) for word in sys.argv[:100]),
        directory=os.getcwd(),
        python=sys.version.split()[0],
        crossboard=_version(),
        frameworks=frameworks,
        automatic_step=automatic_step,
    )
    records = open_records(place.directory, writer)
    try:
        records.append(opened)
        return records, open_points(place.directory, PointsHeader(writer, place.attempt, place.rank, started), place.way)
    except OSError:
        records.close()
        raise


def _version() -> str:
    """The version of the package that this module is part of, which is imported already."""
    return str(getattr(sys.modules.get(__name__.partition(".")[0]), "__version__", ""))


def read_back(path: str, tags: Mapping[str, tuple[int, int]]) -> dict[str, Points]:
    """Tag -> points in the journal at `path` as it stands. tags: tag -> its id there and its check part."""
    try:
        with open(path, "rb") as file:
            file.seek(HEADER_SIZE)
            records = decode_records(file.read(), first=0).records
    except OSError:
        return {}
    by_id = {number: tag for tag, (number, _) in tags.items()}
    found: dict[str, Points] = {}
    for number in np.unique(records["tag"]).tolist():
        some = records[records["tag"] == number]
        if number in by_id:
            found[by_id[number]] = Points(some["step"], some["wall_time"], some["value"])
    return found


def seal_behind(run_dir: str) -> None:
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
