"""Experiments of Visdom 0.3.0: parameters, metrics with a step, tags and an end, one an environment.

    {"env_id", "name", "description", "status": "running" | "finished" | "failed", "created_at", "finished_at": epoch seconds or null,
     "params": [{"key", "value", "dtype"}], "metrics": [{"key", "value", "step", "timestamp"}], "tags": [{"key", "value"}]}

Source: ``visdom/experiments/models.py`` and ``ExperimentLogHandler`` of 0.3.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .parts import BadMessage

Metric = tuple[str, float, "int | None", float]
_ENDS: Final = ("finished", "failed")


def experiment_message(
    there: dict[str, Any] | None, message: Mapping[str, Any], eid: str, now: float
) -> tuple[dict[str, Any], tuple[Metric, ...]]:
    """Do a message to ``/experiments/log``: return the experiment, and the metrics that are new.

    Raises:
        BadMessage: 400 for what is none, 404 where there is no experiment to finish, 409 where it is finished.
    """
    action = message.get("action", "log")
    if action not in ("log", "metrics", "finish"):
        raise BadMessage(f"unknown action {action!r}")
    params, tags, metrics = (_mapping(message, field) for field in ("params", "tags", "metrics"))
    if action == "metrics" and not metrics:
        raise BadMessage("'metrics' must be a non-empty object")
    if action == "finish" and there is None:
        raise BadMessage(f"no experiment logged for env {eid!r}", 404)
    if there is not None and there.get("status") in _ENDS:
        what = "finish" if action == "finish" else "log to"
        raise BadMessage(f"experiment {eid!r} is {there['status']}; cannot {what} a terminal experiment", 409)
    if action == "finish":
        status = message.get("status", "finished")
        if status not in _ENDS:
            raise BadMessage(f"finish status must be 'finished' or 'failed', got {status!r}")
        assert there is not None
        return {**there, "status": status, "finished_at": now}, ()
    made = there if there is not None else new_experiment(eid, now)
    if action == "metrics":
        return _measured(made, metrics, message.get("step"), now)
    for field in ("name", "description"):
        if message.get(field) is not None:
            made[field] = message[field]
    for key, value in params.items():
        _put(made["params"], {"key": key, "value": value, "dtype": _dtype(value)})
    for key, value in tags.items():
        _put(made["tags"], {"key": key, "value": value})
    return made, ()


def new_experiment(eid: str, now: float) -> dict[str, Any]:
    """An experiment that begins `now`, epoch seconds."""
    return {
        "env_id": eid,
        "name": eid,
        "description": "",
        "status": "running",
        "created_at": now,
        "finished_at": None,
        "params": [],
        "metrics": [],
        "tags": [],
    }


def _measured(made: dict[str, Any], metrics: Mapping[str, Any], step: Any, now: float) -> tuple[dict[str, Any], tuple[Metric, ...]]:
    if step is not None and (isinstance(step, bool) or not isinstance(step, int)):
        raise BadMessage(f"step: want a whole number or nothing, got {step!r}")
    for key, value in metrics.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise BadMessage(f"metrics: {key!r}: want a number, got {value!r:.60}")
    made["metrics"] += [{"key": key, "value": value, "step": step, "timestamp": now} for key, value in metrics.items()]
    return made, tuple((key, float(value), step, now) for key, value in metrics.items())


def _mapping(message: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    value = message.get(field)
    if value is not None and not isinstance(value, Mapping):
        raise BadMessage(f"'{field}' must be an object")
    return value or {}


def _put(items: list[dict[str, Any]], item: dict[str, Any]) -> None:
    """Replace the item of that key, or add it."""
    for place, there in enumerate(items):
        if there["key"] == item["key"]:
            items[place] = item
            return
    items.append(item)


def _dtype(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return {int: "int", float: "float"}.get(type(value), "str")
