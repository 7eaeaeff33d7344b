"""How the program ended: the exit status that it asked for, so far as a program can know its own.

CPython tells nobody that ``SystemExit`` reached the top. What can be seen: ``sys.exit``, ``exit`` and ``quit``, also when a
script bound them by ``from sys import exit`` before crossboard came; and whether the script's own module ended by an exception
(the frame still says so afterwards) that nobody was told of: that was ``raise SystemExit(...)`` with a status unknown to us.
"""

from __future__ import annotations

import builtins
import dis
import sys
from types import FrameType
from typing import Any, Final

_ENDS: Final = frozenset(dis.opmap[name] for name in ("RETURN_VALUE", "RETURN_CONST", "RETURN_GENERATOR") if name in dis.opmap)
_original: Final = sys.exit
_asked: list[Any] = []
_module_frame: FrameType | None = None


def watch() -> None:
    """Begin to look; once a process."""
    global _module_frame
    sys.exit = _exit
    main = vars(sys.modules["__main__"]) if "__main__" in sys.modules else {}
    for name, value in list(main.items()):
        if value is _original:
            main[name] = _exit
    for name in ("exit", "quit"):
        quitter = getattr(builtins, name, None)
        if quitter is not None and not isinstance(quitter, _Quitter):
            setattr(builtins, name, _Quitter(quitter))
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_code.co_name == "<module>" and frame.f_globals.get("__name__") == "__main__":
            _module_frame = frame
        frame = frame.f_back


def _exit(status: Any = None) -> Any:
    _asked[:] = [status]
    return _original(status)


class _Quitter:
    """``exit`` and ``quit`` as `site` made them, and what they were called with."""

    def __init__(self, quitter: Any) -> None:
        self._quitter = quitter

    def __repr__(self) -> str:
        return repr(self._quitter)

    def __call__(self, code: Any = None) -> Any:
        _asked[:] = [code]
        return self._quitter(code)


def status() -> tuple[bool, Any]:
    """(whether the program ended by an exit, the status it asked for). (True, None) also stands for one that is not known.

    For use while the interpreter ends. A status of 0, None or False says that all went well.
    """
    if not _raised():
        return False, None
    return True, _asked[0] if _asked else None


def _raised() -> bool:
    """Whether the script's module ended by an exception. A script that is not there to be seen counts as if it did."""
    frame = _module_frame
    if frame is None:
        return True
    code, last = frame.f_code.co_code, frame.f_lasti
    return not (0 <= last < len(code) and code[last] in _ENDS)
