"""Which frameworks a program trains with: those that its own code holds, else those that were imported at all.

A library may import a framework that the program never asked for (TensorBoard brings TensorFlow into a PyTorch script). So the
program's own modules are looked into, those that do not lie in site-packages or the standard library: a framework counts when
one of their globals is a module of it, or was made in one.
"""

from __future__ import annotations

import os
import sys
from types import ModuleType
from typing import Any, Final

from ..store.kinds import FRAMEWORKS

_NAMES: Final = frozenset(module for module, _ in FRAMEWORKS)
_ALIASES: Final = {"pytorch_lightning": "lightning", "tf_keras": "keras"}
_LIBRARY: Final = os.path.dirname(os.__file__) + os.sep
_INSTALLED: Final = tuple(f"{os.sep}{name}{os.sep}" for name in ("site-packages", "dist-packages"))
_OURS: Final = __name__.partition(".")[0]
MOST_MODULES: Final = 2000


def frameworks_used() -> dict[str, str]:
    """Name -> version of the frameworks that this program uses, "" where a framework does not say its version."""
    imported = {name for name in _NAMES if name in sys.modules}
    imported |= {name for alias, name in _ALIASES.items() if alias in sys.modules}
    if not imported:
        return {}
    held = {name for module in _own_modules() for name in _held_by(module)} & imported
    return {name: _version_of(name) for name, _ in FRAMEWORKS if name in (held or imported)}


def _own_modules() -> list[ModuleType]:
    found = []
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == _OURS or not isinstance(module, ModuleType):
            continue
        file = getattr(module, "__file__", None)
        installed = file is None or file.startswith(_LIBRARY) or any(place in file for place in _INSTALLED)
        if name == "__main__" or not installed:
            found.append(module)
    return found[:MOST_MODULES]


def _held_by(module: ModuleType) -> set[str]:
    names = set()
    for value in list(vars(module).values()):
        home: Any = value.__name__ if isinstance(value, ModuleType) else getattr(type(value), "__module__", "")
        if isinstance(value, type) or callable(value):
            home = getattr(value, "__module__", "") or home
        if isinstance(home, str):
            top = home.partition(".")[0]
            names.add(_ALIASES.get(top, top))
            if home.startswith(("tensorflow.keras", "keras.")):
                names.add("keras")
    return names


def _version_of(name: str) -> str:
    return str(getattr(sys.modules.get(name), "__version__", ""))
