"""What is to be done with a module as soon as it is imported, now or later, without importing it."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from .harmless import warn


class LateImports(MetaPathFinder):
    """Calls ``then(module)`` once for each module of `wanted`, by its full name: at once when it is there, else after its import.

    An import that fails, fails as before; a `then` that fails is warned of.
    """

    def __init__(self, wanted: dict[str, Callable[[ModuleType], object]]) -> None:
        self._wanted = dict(wanted)
        self._busy = threading.local()

    def start(self) -> None:
        """Begin to look."""
        sys.meta_path.insert(0, self)
        for name in list(self._wanted):
            module = sys.modules.get(name)
            if module is not None and not getattr(getattr(module, "__spec__", None), "_initializing", False):
                self._then(name, module)

    def stop(self) -> None:
        """Look no more."""
        self._wanted.clear()
        with contextlib.suppress(ValueError):
            sys.meta_path.remove(self)

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """What the other finders find, with a loader that tells us."""
        if fullname not in self._wanted or getattr(self._busy, "now", False):
            return None
        self._busy.now = True
        try:
            for finder in list(sys.meta_path):
                if finder is self or not hasattr(finder, "find_spec"):
                    continue
                spec = finder.find_spec(fullname, path, target)
                if spec is not None:
                    if hasattr(spec.loader, "exec_module"):
                        spec.loader = _Telling(spec.loader, lambda module: self._then(fullname, module))
                    return spec
            return None
        finally:
            self._busy.now = False

    def _then(self, name: str, module: ModuleType) -> None:
        then = self._wanted.pop(name, None)
        if then is None:
            return
        try:
            then(module)
        except Exception as error:  # noqa: BLE001  an import of the user's must not fail for us
            warn(f"capture: {name} is not what it was known as ({type(error).__name__}: {error}); left alone", about=f"late {name}")


class _Telling(Loader):
    """A loader that gives way to the one it stands for before the module's own code runs."""

    def __init__(self, loader: Any, then: Callable[[ModuleType], None]) -> None:
        self._loader, self._told = loader, then

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        made: ModuleType | None = self._loader.create_module(spec) if hasattr(self._loader, "create_module") else None
        return made

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._told(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)
