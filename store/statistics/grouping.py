"""Which runs belong together: by their group, framework, one key of the config, or by everything but the seed.

    by             a group holds
    "seed"         the runs of one group and framework whose configs are equal but for the seed: the seeds of one variant
    "group"        the runs of one group
    "framework"    the runs of one framework (or, for plain Python and foreign formats, of one format)
    "config:KEY"   the runs whose config has the same value at KEY; KEY is dotted for nested values ("optimizer.lr")

Runs of different projects are never in one group. A run that has no such thing (no group, no such key; for "seed": no config at
all) is in no group: to bring together what is only alike in lacking something would be a claim that nobody made.

A key is a seed by its name: its last part is "seed" or ends in it ("data_seed", "globalSeed"), or is "random_state".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..kinds import RunInfo

CONFIG: Final = "config:"
PLAIN: Final = ("seed", "group", "framework")
_CAMEL: Final = re.compile(r"(?<=[a-z])Seed$")
_LABEL: Final = 60
_NAMED: Final = 4
"""Keys of a variant that its label names at most."""


@dataclass(frozen=True, slots=True)
class RunGroup:
    """One group. key: stable, unique among all groupings of a board; label: for people, unique in its grouping; runs: keys, sorted."""

    key: str
    label: str
    runs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grouping:
    """The groups, in natural order of their labels, and the keys of the runs that are in none, sorted."""

    by: str
    groups: tuple[RunGroup, ...]
    alone: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to group: how many groups there would be, the largest of them, and how many runs would be in none."""

    by: str
    groups: int
    largest: int
    alone: int


def checked_by(by: str) -> str:
    """Return `by`. Raises ValueError for one that there is not."""
    if by in PLAIN or (by.startswith(CONFIG) and len(by) > len(CONFIG)):
        return by
    raise ValueError(f"by: want {', '.join(PLAIN)} or config:KEY, got {by!r:.80}")


def is_seed(key: str) -> bool:
    """Whether a key of a config names a seed."""
    last = key.rpartition(".")[2]
    return last.lower() in ("seed", "random_state") or last.lower().endswith(("_seed", "-seed", " seed")) or bool(_CAMEL.search(last))


def flat(config: Mapping[str, Any]) -> dict[str, Any]:
    """`config` with dotted keys for nested mappings; an empty mapping stays as a value."""
    return dict(_flat(config, ""))


def _flat(config: Mapping[str, Any], above: str) -> Iterator[tuple[str, Any]]:
    for key, value in config.items():
        name = f"{above}{key}"
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{name}.")
        else:
            yield name, value


def text_of(value: Any) -> str:
    """`value` in one form, so that equal values have equal texts: 1 and 1.0 are one, keys of mappings are sorted."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    if isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def group_runs(runs: Sequence[RunInfo], by: str) -> Grouping:
    """Put `runs` into groups; their order changes nothing.

    Raises:
        ValueError: `by` is none of those of the module.
    """
    ordered = sorted(runs, key=lambda run: run.key)
    configs = {run.key: flat(run.config) for run in ordered} if by == "seed" or by.startswith(CONFIG) else {}
    return _grouped(ordered, by, _value_of(by, configs), configs)


def choices(runs: Sequence[RunInfo]) -> list[Choice]:
    """The ways to group `runs` that bring at least two of them together and make more than one group, or are "seed", "group"
    or "framework" and bring any together. The plain ones first, then config keys that are no seeds, those with the fewest groups first."""
    ordered = sorted(runs, key=lambda run: run.key)
    configs = {run.key: flat(run.config) for run in ordered}
    keys = sorted({key for config in configs.values() for key in config if not is_seed(key)})
    found = [_choice(ordered, by, configs) for by in PLAIN]
    of_config = [one for key in keys if (one := _choice(ordered, CONFIG + key, configs)).groups > 1]
    of_config.sort(key=lambda one: (one.groups, one.by))
    return [one for one in (*found, *of_config) if one.largest > 1]


def _choice(runs: Sequence[RunInfo], by: str, configs: Mapping[str, Mapping[str, Any]]) -> Choice:
    value_of = _value_of(by, configs)
    sizes: dict[tuple[str, str], int] = {}
    alone = 0
    for run in runs:
        value = value_of(run)
        if value is None:
            alone += 1
        else:
            sizes[run.project, value] = sizes.get((run.project, value), 0) + 1
    return Choice(by, len(sizes), max(sizes.values(), default=0), alone)


def _value_of(by: str, configs: Mapping[str, Mapping[str, Any]]) -> Callable[[RunInfo], str | None]:
    """What must be equal for two runs to be in one group; None: in no group."""
    checked_by(by)
    if by == "group":
        return lambda run: run.group or None
    if by == "framework":
        return lambda run: run.framework or ("python" if run.source == "native" else run.source)
    if by == "seed":
        return lambda run: _variant(run, configs[run.key])
    key = by[len(CONFIG) :]
    return lambda run: text_of(configs[run.key][key]) if key in configs[run.key] else None


def _variant(run: RunInfo, config: Mapping[str, Any]) -> str | None:
    if not config:
        return None
    rest = {key: text_of(value) for key, value in config.items() if not is_seed(key)}
    return json.dumps([run.group, run.framework, rest], sort_keys=True, ensure_ascii=False)


def _grouped(
    runs: Sequence[RunInfo], by: str, value_of: Callable[[RunInfo], str | None], configs: Mapping[str, Mapping[str, Any]]
) -> Grouping:
    together: dict[tuple[str, str], list[RunInfo]] = {}
    alone = []
    for run in runs:
        value = value_of(run)
        if value is None:
            alone.append(run.key)
        else:
            together.setdefault((run.project, value), []).append(run)
    names = _variant_labels([found[0] for found in together.values()], configs) if by == "seed" else {}
    several = len({project for project, _ in together}) > 1
    labels: dict[tuple[str, str], str] = {}
    taken: set[str] = set()
    for project, value in together:
        plain = names.get(together[project, value][0].key, "") if by == "seed" else _label(by, value)
        label = unique(f"{project}: {plain}" if several else plain, taken)
        labels[project, value] = label
    groups = [
        RunGroup(json.dumps([by, project, value], ensure_ascii=False), labels[project, value], tuple(run.key for run in found))
        for (project, value), found in together.items()
    ]
    return Grouping(by, tuple(sorted(groups, key=lambda one: _natural(one.label))), tuple(alone))


def _label(by: str, value: str) -> str:
    shown = value if len(value) <= _LABEL else value[: _LABEL - 1] + "…"
    return f"{by[len(CONFIG) :]} = {shown}" if by.startswith(CONFIG) else shown


def _variant_labels(runs: Sequence[RunInfo], configs: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """What tells the variants apart, of which `runs` are one each: group and framework where they differ, then the config keys that do."""
    parts: dict[str, list[str]] = {run.key: [] for run in runs}
    for values in ({run.key: run.group for run in runs}, {run.key: run.framework for run in runs}):
        if len(set(values.values())) > 1:
            for key, value in values.items():
                parts[key] += [value] if value else []
    texts = {run.key: {key: text_of(value) for key, value in configs[run.key].items() if not is_seed(key)} for run in runs}
    keys = sorted({key for config in texts.values() for key in config})
    varied = [key for key in keys if len({config.get(key) for config in texts.values()}) > 1]
    for name, config in texts.items():
        own = [_label(CONFIG + key, config[key]) for key in varied if key in config]
        parts[name] += own[:_NAMED] + ([f"{len(own) - _NAMED} more"] if len(own) > _NAMED else [])
    return {run.key: ", ".join(parts[run.key]) or run.group or run.project or "all runs" for run in runs}


def unique(label: str, taken: set[str]) -> str:
    """`label`, with a number behind it when it is in `taken`; what is returned is added there."""
    number, found = 1, label
    while found in taken:
        number += 1
        found = f"{label} ({number})"
    taken.add(found)
    return found


def _natural(text: str) -> list[tuple[int, float, str]]:
    """Sort key with numbers in numeric order, fractions and exponents too: lr = 0.001 before lr = 0.01."""
    parts = re.split(r"(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)", text)
    return [(0, float(part), "") if i % 2 else (1, 0.0, part) for i, part in enumerate(parts) if part]
