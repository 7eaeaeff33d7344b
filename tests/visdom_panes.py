"""Visdom's panes put together again from what a reader gives: records, series and blobs.

Test modules load this one by path, since pytest's importlib mode has no package of tests.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from crossboard.adapters.visdom.source import VisdomSource
from crossboard.adapters.visdom.traces import rejoin
from crossboard.store.records import Pane, PaneTrace
from crossboard.store.source import Batch, FoundRun


def nulled(value: Any) -> Any:
    """`value` with null for what is not finite, as browsers are sent it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: nulled(one) for key, one in value.items()}
    return [nulled(one) for one in value] if isinstance(value, list) else value


def read_one(path: Path) -> tuple[VisdomSource, FoundRun, Batch]:
    source = VisdomSource(path)
    [run] = source.scan()
    return source, run, source.read(run, None)


def records_of(batch: Batch, kind: type[Any]) -> list[Any]:
    return [placed.record for placed in batch.records if isinstance(placed.record, kind)]


def panes_of(source: VisdomSource, run: FoundRun, batch: Batch) -> dict[str, dict[str, Any]]:
    """The panes as Visdom keeps them, put together again from records, series and blobs."""
    series = {(strand.tag, strand.attempt): strand.points for strand in batch.strands}

    def numbers(trace: PaneTrace) -> tuple[Any, Any]:
        points = series[trace.tag, trace.attempt or 1]
        return (series[trace.x, trace.attempt or 1].value if trace.x else points.step), points.value

    found = {}
    for pane in records_of(batch, Pane):
        content = rejoin(json.loads(source.blob(run, pane.content)), pane.traces, numbers)
        head = {"command": "window", "id": pane.window, "title": pane.title, "type": pane.type, "i": pane.order}
        found[pane.window] = {**head, "width": pane.width, "height": pane.height, "content": content, **pane.options}
    return found
