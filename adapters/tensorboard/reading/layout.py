"""The layout of custom scalars: which charts of several tags somebody asked for, as our config keeps it.

    Layout { category = 2: Category { title = 1, chart = 2: Chart { title = 1, multiline = 2 { tag = 1* },
             margin = 3 { series = 1: { value = 1, lower = 2, upper = 3 }* } }* }* }

It becomes the entry ``custom_scalars`` of the config, category -> title -> ("Multiline", tags) or ("Margin", value, lower and upper of
each series), which is what SummaryWriter.add_custom_scalars takes and what an export writes again. That a category is closed is not
kept. Source: tensorboard/plugins/custom_scalar/layout.proto.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from ....store.records import ConfigSet
from .events import Span, Value
from .fields import BYTES, fields, text

PLUGIN: Final = "custom_scalars"
KEY: Final = "custom_scalars"


def record_of(data: bytes, value: Value, wall_time: float) -> ConfigSet | None:
    """The config entry of a value of this plugin, None where it holds no layout. Raises NotAMessage."""
    if value.tensor is None or not value.tensor.strings:
        return None
    categories: dict[str, dict[str, list[Any]]] = {}
    for category in _inside(data, value.tensor.strings[0], 2):
        charts = categories.setdefault(_text(data, category, 1), {})
        for chart in _inside(data, category, 2):
            for span in _inside(data, chart, 2):
                charts[_text(data, chart, 1)] = ["Multiline", [text(data, *tag) for tag in _inside(data, span, 1)]]
            for span in _inside(data, chart, 3):
                series = [_text(data, one, number) for one in _inside(data, span, 1) for number in (1, 2, 3)]
                charts[_text(data, chart, 1)] = ["Margin", series]
    return ConfigSet(wall_time=wall_time, config={KEY: categories}) if categories else None


def _inside(data: bytes, span: Span, field: int) -> Iterator[Span]:
    return ((a, b) for number, wire, a, b in fields(data, *span) if number == field and wire == BYTES)


def _text(data: bytes, span: Span, field: int) -> str:
    return "".join(text(data, *found) for found in list(_inside(data, span, field))[-1:])
