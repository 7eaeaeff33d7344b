"""Hyperparameters as the hparams plugin keeps them: in the metadata of three tags, without any value.

HParamsPluginData{ experiment = 2, session_start_info = 3, session_end_info = 4 }; a session is the run that holds it. Source:
tensorboard/plugins/hparams/plugin_data.proto and api.proto.
"""

from __future__ import annotations

from typing import Any, Final

from ....store.records import ConfigSet, Ended, Record, SummarySet
from .events import Span
from .fields import BYTES, FIXED64, VARINT, double, fields, text

PLUGIN: Final = "hparams"
_SUCCESS, _FAILURE = 1, 2


def records_of(data: bytes, content: Span, wall_time: float) -> list[Record]:
    """The records that one plugin data message comes to. Raises NotAMessage."""
    made: list[Record] = []
    for number, wire, a, b in fields(data, *content):
        if wire != BYTES:
            continue
        if number == 2:
            said = _experiment(data, (a, b))
            if said:
                made.append(SummarySet(wall_time=wall_time, summary={"hparams": said}))
        elif number == 3:
            config = _session_start(data, (a, b))
            if config:
                made.append(ConfigSet(wall_time=wall_time, config=config))
        elif number == 4:
            status = next((c for key, kind, c, _ in fields(data, a, b) if key == 1 and kind == VARINT), 0)
            ended = next((double(data, c) for key, kind, c, _ in fields(data, a, b) if key == 2 and kind == FIXED64), wall_time)
            if status in (_SUCCESS, _FAILURE):
                made.append(Ended(wall_time=ended or wall_time, status="finished" if status == _SUCCESS else "failed"))
    return made


def _experiment(data: bytes, span: Span) -> dict[str, Any]:
    """What an experiment says of itself: its description, the names of its hyperparameters and metrics."""
    made: dict[str, Any] = {}
    parameters: list[str] = []
    metrics: list[str] = []
    for number, wire, a, b in fields(data, *span):
        if wire != BYTES:
            continue
        if number == 1:
            made["description"] = text(data, a, b)
        elif number == 4:
            parameters.extend(text(data, c, d) for key, kind, c, d in fields(data, a, b) if key == 1 and kind == BYTES)
        elif number == 5:
            names = [(c, d) for key, kind, c, d in fields(data, a, b) if key == 1 and kind == BYTES]
            metrics.extend(text(data, e, f) for c, d in names for key, kind, e, f in fields(data, c, d) if key == 2 and kind == BYTES)
    if parameters:
        made["hparams"] = parameters
    if metrics:
        made["metrics"] = metrics
    return made


def _session_start(data: bytes, span: Span) -> dict[str, Any]:
    config: dict[str, Any] = {}
    for number, wire, a, b in fields(data, *span):
        if number != 1 or wire != BYTES:
            continue
        name, value = "", None
        for key, kind, c, d in fields(data, a, b):
            if key == 1 and kind == BYTES:
                name = text(data, c, d)
            elif key == 2 and kind == BYTES:
                value = _value(data, (c, d))
        config[name] = value
    return config


def _value(data: bytes, span: Span) -> Any:
    """A google.protobuf.Value: null, number, string, bool; lists as they nest."""
    for number, wire, a, b in fields(data, *span):
        if number == 2 and wire == FIXED64:
            value = double(data, a)
            return int(value) if value.is_integer() and abs(value) < 1 << 53 else value
        if number == 3 and wire == BYTES:
            return text(data, a, b)
        if number == 4 and wire == VARINT:
            return bool(a)
        if number == 6 and wire == BYTES:
            return [_value(data, (c, d)) for key, kind, c, d in fields(data, a, b) if key == 1 and kind == BYTES]
    return None
