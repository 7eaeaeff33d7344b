"""Places in source code: the line of the user's model that an operation comes from."""

from __future__ import annotations

import os
import sys
import sysconfig
from functools import cache
from types import FrameType
from typing import Any, Final

FRAMEWORKS: Final = ("torch", "keras", "tensorflow", "optree")
_STANDARD: Final = tuple({sysconfig.get_paths()[name] + os.sep for name in ("stdlib", "platstdlib")})


@cache
def shown_file(file: str) -> str:
    """`file` as a reader knows it: relative to the working directory or to where it was imported from."""
    for root in (os.getcwd(), *sorted({os.path.abspath(path or ".") for path in sys.path}, key=len, reverse=True)):
        if file.startswith(root + os.sep) and "site-packages" not in file[len(root) :]:
            return file[len(root) + 1 :].replace(os.sep, "/")
    return os.path.basename(file)


@cache
def _is_library(file: str) -> bool:
    homes = (os.path.dirname(os.path.abspath(getattr(sys.modules.get(name), "__file__", None) or "/")) for name in FRAMEWORKS)
    roots = tuple(home + os.sep for home in homes if home != "/")
    return file.startswith((*roots, "<")) or (file.startswith(_STANDARD) and "site-packages" not in file)


def line_of_call(stop_at: str) -> str:
    """ "file.py:line" of the innermost frame that is of no framework, up to the function named `stop_at` in this package.

    Where all frames are a framework's own (a plain Sequential), its innermost forward method.
    """
    frame: FrameType | None = sys._getframe(1)
    fallback = ""
    while frame is not None:
        code = frame.f_code
        if code.co_name == stop_at and frame.f_globals.get("__package__") == __package__:
            break
        file = code.co_filename
        if frame.f_globals.get("__package__") != __package__:
            if not _is_library(file):
                return f"{shown_file(file)}:{frame.f_lineno}"
            if not fallback and code.co_name == "forward":
                fallback = f"{shown_file(file)}:{frame.f_lineno}"
        frame = frame.f_back
    return fallback


def line_of_method(model: Any, name: str) -> str:
    """ "file.py:line" where a model's own forward or call method begins; "" for those of a framework."""
    code = getattr(getattr(type(model), name, None), "__code__", None)
    if code is None or _is_library(code.co_filename):
        return ""
    return f"{shown_file(code.co_filename)}:{code.co_firstlineno}"
