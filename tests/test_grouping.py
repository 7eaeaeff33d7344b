"""Which runs belong together: by group, framework, a config key, or everything but the seed."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossboard.store.kinds import RunInfo
from crossboard.store.statistics.grouping import choices, flat, group_runs, is_seed


def run(key: str, config: dict[str, Any] | None = None, **more: Any) -> RunInfo:
    fields = {"project": "p", "source": "native", "framework": "torch", **more}
    return RunInfo(key=key, id=key, name=key, path="", status="finished", started=0.0, updated=0.0, config=config or {}, **fields)


SWEEP = [run(f"{lr}-{seed}", {"lr": lr, "opt": {"name": "adam"}, "seed": seed}) for lr in (0.1, 0.01, 1e-3) for seed in (1, 2)]


def labels(runs: list[RunInfo], by: str) -> dict[str, list[str]]:
    return {group.label: list(group.runs) for group in group_runs(runs, by).groups}


def test_seeds_of_one_config_are_together_and_named_by_what_differs() -> None:
    assert labels(SWEEP, "seed") == {
        "lr = 0.001": ["0.001-1", "0.001-2"],
        "lr = 0.01": ["0.01-1", "0.01-2"],
        "lr = 0.1": ["0.1-1", "0.1-2"],
    }


def test_a_run_without_a_config_or_key_or_group_is_in_no_group() -> None:
    bare = run("bare")
    for by in ("seed", "group", "config:lr"):
        assert group_runs([*SWEEP, bare], by).alone.count("bare") == 1
    assert group_runs([bare, run("only", {"seed": 1}), run("seeds", {"seed": 2})], "seed").groups[0].runs == ("only", "seeds")


def test_nested_keys_are_dotted_and_equal_values_of_other_types_are_equal() -> None:
    assert labels([run("a", {"m": {"depth": 2}}), run("b", {"m": {"depth": 2.0}})], "config:m.depth") == {"m.depth = 2": ["a", "b"]}
    assert flat({"a": {"b": {"c": 1}}, "d": {}}) == {"a.b.c": 1, "d": {}}


def test_projects_are_never_mixed_and_then_said() -> None:
    assert labels([run("a", {"lr": 1}), run("b", {"lr": 1}, project="q")], "config:lr") == {"p: lr = 1": ["a"], "q: lr = 1": ["b"]}


def test_groups_and_frameworks() -> None:
    runs = [
        run("a", group="cnn"),
        run("b", group="cnn", framework="keras"),
        run("c", framework=""),
        run("d", framework="", source="tensorboard"),
    ]
    assert labels(runs, "group") == {"cnn": ["a", "b"]}
    assert labels(runs, "framework") == {"keras": ["b"], "python": ["c"], "tensorboard": ["d"], "torch": ["a"]}


@pytest.mark.parametrize("key", ["seed", "SEED", "random_state", "data_seed", "train.seed", "globalSeed", "np-seed"])
def test_keys_that_name_a_seed(key: str) -> None:
    assert is_seed(key)


@pytest.mark.parametrize("key", ["speed", "seeds", "seed.lr", "linseed", "n_seeds", "reseed_every"])
def test_keys_that_do_not(key: str) -> None:
    assert not is_seed(key)


def test_labels_of_one_grouping_are_unique_even_when_values_are_cut() -> None:
    long = "x" * 100
    found = labels([run("a", {"k": long + "1"}), run("b", {"k": long + "2"})], "config:k")
    assert len(found) == 2


def test_the_ways_to_group_are_those_that_bring_runs_together() -> None:
    more = [run(f"other-{i}", {"lr": 0.1, "unique": i, "same": True}, group="g") for i in range(3)]
    found = {one.by: (one.groups, one.largest, one.alone) for one in choices([*SWEEP, *more])}
    assert found["config:lr"] == (3, 5, 0)
    assert found["group"] == (1, 3, 6)
    assert found["framework"] == (1, 9, 0)
    assert set(found) == {"seed", "group", "framework", "config:lr"}  # "unique" brings none together, "same" and "opt.name" tell none apart


def test_an_unknown_way_is_refused_with_the_ones_there_are() -> None:
    for by in ("lr", "config:", ""):
        with pytest.raises(ValueError, match="want seed, group, framework or config:KEY"):
            group_runs(SWEEP, by)


values = st.one_of(st.integers(0, 2), st.sampled_from(["a", "1", None, True, 0.5]))
configs = st.dictionaries(st.sampled_from(["lr", "seed", "depth"]), values, max_size=3)


@given(st.lists(st.tuples(configs, st.sampled_from(["", "g"])), max_size=8), st.sampled_from(["seed", "group", "framework", "config:lr"]))
def test_every_run_is_in_one_place_and_order_changes_nothing(made: list[tuple[dict[str, Any], str]], by: str) -> None:
    runs = [run(str(i), config, group=group) for i, (config, group) in enumerate(made)]
    found = group_runs(runs, by)
    assert sorted([key for group in found.groups for key in group.runs] + list(found.alone)) == sorted(one.key for one in runs)
    assert len({group.label for group in found.groups}) == len({group.key for group in found.groups}) == len(found.groups)
    shuffled = list(runs)
    random.Random(0).shuffle(shuffled)
    assert group_runs(shuffled, by) == found
