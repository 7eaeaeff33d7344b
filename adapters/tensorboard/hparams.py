"""Hyperparameters and layouts of custom scalars as TensorBoard's plugins want them.

Field numbers: tensorboard/plugins/hparams/{api,plugin_data}.proto, tensorboard/plugins/custom_scalar/layout.proto,
google/protobuf/struct.proto. The hparams plugin keeps its data in the metadata of three tags; their tensors are empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from .messages import numbers, strings, tensor_value
from .wire import double, message, text, varint, whole

_STRING: Final = 1
_BOOL: Final = 2
_FLOAT64: Final = 3
STATUSES: Final = {"finished": 1, "failed": 2}
"""Status of a run -> tensorboard.hparams.Status."""


def flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, bool | float | str]:
    """Nested entries under names joined by dots; what is no number, string or bool as its text. None is left out."""
    made: dict[str, bool | float | str] = {}
    for key, value in config.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            made.update(flat(value, f"{name}."))
        elif isinstance(value, (bool, str)):
            made[name] = value
        elif isinstance(value, (int, float)):
            made[name] = float(value)
        elif value is not None:
            made[name] = str(value)
    return made


def _value(value: bool | float | str) -> bytes:
    """The fields of a google.protobuf.Value; its oneof is written also where it is zero."""
    if isinstance(value, bool):
        return varint(4 << 3) + varint(int(value))
    if isinstance(value, str):
        return message(3, value.encode("utf-8", "backslashreplace"))
    return double(2, value) or varint(2 << 3 | 1) + bytes(8)


def _summary_value(tag: str, content: bytes) -> bytes:
    return tensor_value(tag, "hparams", numbers(np.empty(0, np.float32)), content)


def experiment(hparams: Mapping[str, bool | float | str], metrics: Iterable[str], discrete: Mapping[str, Sequence[Any]]) -> bytes:
    """What there is to compare. discrete: all values that a hyperparameter may have, where that is known."""
    infos = []
    for name, value in hparams.items():
        kind = _BOOL if isinstance(value, bool) else _STRING if isinstance(value, str) else _FLOAT64
        among = discrete.get(name)
        domain = message(5, *(message(1, _value(one if isinstance(one, (bool, str)) else float(one))) for one in among)) if among else b""
        infos.append(message(4, text(1, name), whole(4, kind), domain))
    wanted = [message(5, message(1, text(2, metric))) for metric in metrics]
    return _summary_value("_hparams_/experiment", message(2, *infos, *wanted))


def session_start(hparams: Mapping[str, bool | float | str], wall_time: float) -> bytes:
    """The values of this run."""
    entries = [message(1, text(1, name), message(2, _value(value))) for name, value in hparams.items()]
    return _summary_value("_hparams_/session_start_info", message(3, *entries, double(5, wall_time)))


def session_end(status: str, wall_time: float) -> bytes:
    """How it ended. status: one of `STATUSES`."""
    return _summary_value("_hparams_/session_end_info", message(4, whole(1, STATUSES.get(status, 0)), double(2, wall_time)))


def layout(categories: Mapping[str, Mapping[str, Sequence[Any]]]) -> bytes:
    """Charts of several tags: category -> title -> ("Multiline", tags) or ("Margin", [value, lower, upper]), the three of a second
    band behind them."""
    made = []
    for category, charts in categories.items():
        inside = []
        for title, chart in charts.items():
            form, tags = chart[0], [str(tag) for tag in chart[1]]
            if form == "Margin":
                series = [tags[place : place + 3] for place in range(0, len(tags), 3)]
                drawn = message(3, *(message(1, *(text(number, tag) for number, tag in enumerate(one, 1))) for one in series))
            else:
                drawn = message(2, *(text(1, tag) for tag in tags))
            inside.append(message(2, text(1, title), drawn))
        made.append(message(2, text(1, category), *inside))
    return tensor_value("custom_scalars__config__", "custom_scalars", strings([b"".join(made)], ()))
