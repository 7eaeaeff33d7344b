"""Configs as people have them -> nested mappings of plain values.

Taken: mappings (also OmegaConf-like ones, which are mappings by duck), dataclasses, ``argparse.Namespace`` and other simple
objects with a ``__dict__``, pydantic models, lists, tuples, sets, numbers, strings, paths, enums, NumPy numbers and small
arrays.
Anything else is kept as its ``repr``; nothing raises.
"""

from __future__ import annotations

import dataclasses
import enum
import os
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Set
from typing import Any, Final

import numpy as np

DEEPEST: Final = 20
LONGEST: Final = 1000


def plain(value: Any, *, depth: int = 0) -> Any:
    """Return `value` as nested dicts, lists, strings, numbers, booleans and None."""
    try:
        return _plain(value, depth)
    except Exception:  # noqa: BLE001  a foreign object may do anything when it is looked into
        return _text(value)


def _text(value: Any) -> str:
    try:
        return repr(value)[:LONGEST]
    except Exception:  # noqa: BLE001  even its repr
        return f"<{type(value).__name__}>"


def _plain(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, (bool, str)):
        return value if not isinstance(value, enum.Enum) else value.value
    if isinstance(value, enum.Enum):
        return _plain(value.value, depth)
    if isinstance(value, int):
        return int(value) if -(1 << 63) <= value < 1 << 64 else str(value)
    if isinstance(value, float):
        return float(value)
    if depth > DEEPEST:
        return _text(value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, np.generic):
        return _plain(value.item(), depth)
    if isinstance(value, np.ndarray):
        return _plain(value.tolist(), depth) if value.size <= LONGEST else f"array of shape {value.shape} and dtype {value.dtype}"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name, None), depth=depth + 1) for field in dataclasses.fields(value)}
    if isinstance(value, (Mapping, MutableMapping)) or (hasattr(value, "keys") and hasattr(value, "__getitem__")):
        return {str(key): plain(value[key], depth=depth + 1) for key in value.keys()}  # noqa: SIM118  a mapping by duck may not iterate
    if type(value).__name__ in ("Namespace", "SimpleNamespace"):
        return {name: plain(one, depth=depth + 1) for name, one in vars(value).items()}
    if isinstance(value, (list, tuple, Set)) or type(value).__name__ == "ListConfig":
        return [plain(one, depth=depth + 1) for one in value]
    if hasattr(value, "model_dump"):
        return plain(value.model_dump(), depth=depth + 1)
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{type(value).__name__} of shape {tuple(value.shape)} and dtype {value.dtype}"
    if hasattr(value, "__dict__") and not callable(value) and "__repr__" not in vars(type(value)):
        return {name: plain(one, depth=depth + 1) for name, one in vars(value).items() if not name.startswith("_")}
    return _text(value)


def config_of(config: Any) -> dict[str, Any]:
    """Return `config` as a nested dict; a value that is no mapping of any kind becomes {"config": value}."""
    if config is None:
        return {}
    made = plain(config)
    return made if isinstance(made, dict) else {"config": made}


class _Part(dict[str, Any]):
    """A mapping inside a config, as it is now: what is set in it is set in the config, too."""

    def __init__(self, values: Mapping[str, Any], write: Callable[[dict[str, Any]], None]) -> None:
        super().__init__(values)
        self._write = write

    def __getitem__(self, key: str) -> Any:
        return _part(super().__getitem__(key), lambda entries: self.update({key: entries}))

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def __ior__(self, entries: Any) -> _Part:  # type: ignore[override,misc]  # takes what `update` takes
        self.update(entries)
        return self

    def __delitem__(self, key: str) -> None:
        raise TypeError("config: entries can be replaced, not removed: what was logged stays logged")

    def setdefault(self, key: str, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]

    def update(self, *configs: Any, **entries: Any) -> None:
        from ..store.fold import merge

        for config in (*configs, entries):
            made = config_of(config)
            if made:
                merged = dict(self)
                merge(merged, made)
                super().update(merged)
                self._write(made)


def _part(value: Any, write: Callable[[dict[str, Any]], None]) -> Any:
    return _Part(value, write) if isinstance(value, dict) else value


class Config(MutableMapping[str, Any]):
    """The config of a run: a mapping, also by attribute; what is set is written into the run at once.

    ``run.config.lr = 1e-3``, ``run.config["lr"]``, ``run.config.update({...})``. Values are kept in plain form.
    """

    def __init__(self, write: Any) -> None:
        object.__setattr__(self, "_write", write)
        object.__setattr__(self, "_values", {})

    _values: dict[str, Any]

    def __getitem__(self, key: str) -> Any:
        return _part(self._values[key], lambda entries: self.update({key: entries}))

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def __delitem__(self, key: str) -> None:
        raise TypeError("config: entries can be replaced, not removed: what was logged stays logged")

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"config has no entry {name!r}; it has {', '.join(self._values) or 'none'}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self.update({name: value})

    def __repr__(self) -> str:
        return f"Config({self._values!r})"

    def update(self, *configs: Any, **entries: Any) -> None:
        """Merge configs of any kind that `init` takes, then `entries`; nested mappings are merged key by key."""
        from ..store.fold import merge

        for config in (*configs, entries):
            made = config_of(config)
            if made:
                merge(self._values, made)
                self._write(made)

    def as_dict(self) -> dict[str, Any]:
        """A deep copy as plain values."""
        copied: dict[str, Any] = plain(self._values)
        return copied
