"""The files of a run as they lie on disk, to be listed and downloaded.

Only what lies inside the run's own directory (or is the one file that the run is) can be had, only regular files, and never through
a symbolic link. The directory of a foreign run may be any, a home directory too: there only the files that the run is made of can be
downloaded; of the others, but for hidden ones, name and size are told. Whatever a file is, it is sent as bytes to be saved.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from starlette.responses import FileResponse

from ..store.kinds import RunInfo
from .replies import Refused
from .safety import SOURCE_POLICY

MOST_FILES: Final = 5000
DEEPEST: Final = 4


def what_is(name: str, *, native: bool) -> str:
    """What a file of a run holds, in words; by its name alone. "" where that says nothing."""
    stem, dot, ending = name.rpartition(".")
    if native:
        if name == "run.json":
            return "identity"
        if name.startswith("points-"):
            return {"cbj": "scalars, journal", "parquet": "scalars, sealed", "sealing": "being sealed"}.get(ending, "")
        if name.startswith("records-"):
            return "everything else that was logged"
        if name.startswith("media/"):
            return "media"
    if ".tfevents." in name:
        return "TensorBoard events"
    if dot and stem and ending in ("ckpt", "pt", "pth", "safetensors", "keras", "h5", "index"):
        return "checkpoint"
    return {"json": "JSON", "yaml": "YAML", "yml": "YAML", "toml": "TOML", "txt": "text", "log": "text", "csv": "CSV", "md": "text"}.get(
        ending, ""
    )


def may_go(name: str, *, native: bool) -> bool:
    """Whether the file `name` of a directory can be downloaded."""
    return native or ".tfevents." in name


def listed(run: RunInfo) -> dict[str, Any]:
    """The files of `run`: `{files: [{name, bytes, modified, what, download}], count, bytes, cut}`, by name; `cut`: there are more than
    `MOST_FILES`."""
    native = run.source == "native"
    files: list[dict[str, Any]] = []
    cut = False
    root = run.path
    if os.path.isfile(root):
        try:
            found = os.stat(root)
        except OSError:
            return {"files": [], "count": 0, "bytes": 0, "cut": False}
        name = os.path.basename(root)
        files.append(_told(name, found, native=native) | {"download": True})
    else:
        waiting = [("", 0)]
        while waiting and not cut:
            below, depth = waiting.pop()
            try:
                entries = sorted(os.scandir(os.path.join(root, below)), key=lambda entry: entry.name)
            except OSError:
                continue  # it went away, or may not be read
            for entry in entries:
                name = f"{below}{entry.name}"
                try:
                    if entry.is_dir(follow_symlinks=False):
                        # event files of another run may lie below a foreign run's directory: they are not this run's
                        if native and depth < DEEPEST:
                            waiting.append((f"{name}/", depth + 1))
                        continue
                    if not entry.is_file(follow_symlinks=False) or (not native and entry.name.startswith(".")):
                        continue
                    found = entry.stat(follow_symlinks=False)
                except OSError:
                    continue
                if len(files) >= MOST_FILES:
                    cut = True
                    break
                files.append(_told(name, found, native=native))
    files.sort(key=lambda one: (one["name"].count("/"), one["name"]))
    return {"files": files, "count": len(files), "bytes": sum(one["bytes"] for one in files), "cut": cut}


def _told(name: str, found: os.stat_result, *, native: bool) -> dict[str, Any]:
    return {
        "name": name,
        "bytes": found.st_size,
        "modified": found.st_mtime,
        "what": what_is(name, native=native),
        "download": may_go(name, native=native),
    }


def opened(run: RunInfo, name: str) -> FileResponse:
    """The file `name` of `run`, as a download. Raises Refused for a name that `listed` does not offer, or where the file is gone."""
    native = run.source == "native"
    if os.path.isfile(run.path):
        path, known = Path(run.path), name == os.path.basename(run.path)
    else:
        path = Path(run.path, name)
        parts = name.split("/")
        known = bool(name) and "\0" not in name and not os.path.isabs(name) and all(part not in ("", ".", "..") for part in parts)
        known = known and may_go(name, native=native) and (len(parts) == 1 or (native and len(parts) <= DEEPEST + 1))
        known = known and not any(os.path.islink(os.path.join(run.path, *parts[:n])) for n in range(1, len(parts) + 1))
    try:
        fits = known and stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        fits = False
    if not fits:
        raise Refused(404, f"no file {name!r:.200} in run {run.name!r:.200}", "/api/files?run=... lists the files there are")
    shown = os.path.basename(name)
    headers = {
        "Content-Security-Policy": SOURCE_POLICY,
        "Cache-Control": "no-store",
        "Content-Disposition": f"attachment; filename*=utf-8''{quote(shown.encode('utf-8', 'surrogateescape'), safe='')}",
    }
    return FileResponse(path, media_type="application/octet-stream", headers=headers)
