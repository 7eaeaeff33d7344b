"""Arguments that are not what they should be, and text that is no UTF-8: the run is kept, and every file of it can be read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import crossboard as cb
from crossboard.store.embedded import EmbeddedStore
from crossboard.store.errors import CrossboardWarning
from crossboard.store.kinds import Kind
from crossboard.store.native import NativeSource
from crossboard.store.verify import verify

NO_TEXT = "caf\udce9"
"""The bytes caf\\xe9 as Python shows them."""


pytestmark = pytest.mark.usefixtures("said_anew")


def all_is_whole(root: Path) -> bool:
    return {report.state for report in verify(root)} == {"whole"}


def opened(root: Path) -> EmbeddedStore:
    store = EmbeddedStore([NativeSource(root)], memory=True)
    store.refresh()
    return store


def said_by(call: Callable[[], Any]) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [str(one.message) for one in caught if issubclass(one.category, CrossboardWarning)]


@pytest.mark.parametrize("argument", ["project", "name", "group", "tags", "notes"])
def test_none_is_as_good_as_nothing(tmp_path: Path, argument: str) -> None:
    given: dict[str, Any] = {"project": "p", "name": "n", argument: None}
    assert said_by(lambda: cb.init(dir=tmp_path, **given).log({"a": 1.0})) == []
    cb.finish()
    (info,) = opened(tmp_path).runs()
    assert (info.group, info.tags, info.notes) == ("", (), "")


@pytest.mark.parametrize(
    ("given", "want", "said"),
    [
        ({"name": 3}, {"name": "3"}, "init: name: want a string, got int; '3' is used"),
        ({"project": b"digits"}, {"project": "digits"}, "init: project: want a string, got bytes of length 6; 'digits' is used"),
        ({"notes": 2.5}, {"notes": "2.5"}, "init: notes: want a string, got float; '2.5' is used"),
        ({"tags": 7}, {"tags": ("7",)}, "init: tags: want strings, got int"),
        ({"mode": "dryrun"}, {}, "init: mode: want 'disabled' or nothing, got 'dryrun'; the run is logged as usual"),
        ({"durable_s": "often"}, {}, "init: durable_s: want seconds, got 'often'; the journal is not synced"),
    ],
)
def test_an_argument_of_another_type_is_said_and_costs_no_run(tmp_path: Path, given: Any, want: Any, said: str) -> None:
    assert said_by(lambda: cb.init(dir=tmp_path, **given).log({"a": 1.0})) == [said]
    cb.finish()
    store = opened(tmp_path)
    (info,) = store.runs()
    assert {name: getattr(info, name) for name in want} == want
    assert [one.key.tag for one in store.series()] == ["a"]
    assert all_is_whole(tmp_path)


@pytest.mark.parametrize("given", [{"name": 3}, {"tags": 7}, {"mode": "dryrun"}, {"durable_s": -1}])
def test_under_strict_it_is_an_error(tmp_path: Path, given: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=f"init: {next(iter(given))}: want "):
        cb.init(dir=tmp_path, strict=True, **given)


def test_a_run_is_resumed_by_a_path_object(tmp_path: Path) -> None:
    first = cb.init(dir=tmp_path, project="p", name="old")
    cb.init(dir=tmp_path, project="p", name="newer").finish()
    again = cb.init(dir=tmp_path, project="p", resume=Path(first.dir))
    assert (again.id, again.attempt) == (first.id, 2)


def test_text_that_is_no_utf8_is_kept_as_escapes_everywhere(tmp_path: Path) -> None:
    def program() -> None:
        run = cb.init(dir=tmp_path, project=NO_TEXT, name=NO_TEXT, group=NO_TEXT, tags=[NO_TEXT], notes=NO_TEXT, config={NO_TEXT: NO_TEXT})
        run.log({"before": 1.0, NO_TEXT: 2.0, "after": 3.0})
        run.log_image("image", np.zeros((4, 4), np.uint8), caption=NO_TEXT)
        run.log_table("table", [{NO_TEXT: NO_TEXT}])
        run.summary[NO_TEXT] = NO_TEXT
        run.alert(NO_TEXT, NO_TEXT)
        run.define_metric(NO_TEXT, goal="min")
        run.finish(error=NO_TEXT)
        assert run.dropped == 0

    shown = "caf\\udce9"
    said = said_by(program)
    assert [text for text in said if "kept as their text" not in text] == []
    store = opened(tmp_path)
    (info,) = store.runs()
    assert (info.project, info.name, info.group, info.tags, info.notes, info.error) == (shown, shown, shown, (shown,), shown, shown)
    assert info.config == {shown: shown}
    assert info.summary == {shown: shown}
    scalars = {one.key.tag for one in store.series(kind=Kind.SCALAR)}
    assert scalars == {"before", shown, "after"}
    assert store.metrics(info.key)[shown].best == 2.0
    assert [one.key.tag for one in store.series(kind=Kind.TABLE)] == ["table"]
    assert all_is_whole(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_program_in_a_place_and_with_arguments_that_are_no_utf8_is_logged(tmp_path: Path) -> None:
    place = os.fsencode(tmp_path) + b"/caf\xe9"
    os.mkdir(place)
    program = "import crossboard as cb; cb.init(dir='runs', project='p').log({'a': 1.0})"
    done = subprocess.run([sys.executable, "-c", program, b"--data=/d\xe9"], cwd=place, capture_output=True, check=True)
    assert b"is kept there, but a board opens it only once that is renamed" in done.stderr
    os.rename(place, tmp_path / "plain")
    store = opened(tmp_path / "plain" / "runs")
    assert [one.key.tag for one in store.series()] == ["a"]
    assert all_is_whole(tmp_path / "plain" / "runs")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_run_whose_directory_is_no_utf8_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    for name in ("one", "two"):
        cb.init(dir=tmp_path, project=name, name=name).log({"a": 1.0})
        cb.finish()
    os.rename(tmp_path / "one", os.fsencode(tmp_path) + b"/caf\xe9")
    store = EmbeddedStore([NativeSource(tmp_path)], cache=tmp_path.parent / "cache")
    store.refresh()
    assert [info.name for info in store.runs()] == ["two"]
    (source,) = store.sources()
    assert source.error.startswith(f"want names that are UTF-8 text; left out, rename it to have it read: {tmp_path}/caf\\udce9/")
    store.close()


class Unnameable:
    def __str__(self) -> str:
        raise RuntimeError("no name")


@pytest.mark.parametrize("strict", [False, True])
def test_a_tag_that_cannot_be_one_costs_no_other_metric(tmp_path: Path, strict: bool) -> None:
    run = cb.init(dir=tmp_path, strict=strict)
    metrics: Any = {"before": 1.0, Unnameable(): 2.0, 3: 4.0, "after": 5.0}
    if strict:
        with pytest.raises(TypeError, match="Unnameable"):
            run.log(metrics)
    else:
        said = said_by(lambda: run.log(metrics))
        assert len(said) == 2
        assert said[0].startswith("log: tag of ")
        assert said[1] == "log: tag: want a string, got int; logged as '3'"
    assert {tag: points.value.tolist() for tag, points in run.own_points().items()} == {"before": [1.0], "3": [4.0], "after": [5.0]}


def test_alerts_and_metrics_of_other_types_can_be_read_back(tmp_path: Path) -> None:
    run = cb.init(dir=tmp_path)

    def program() -> None:
        run.alert(404, None, level="critical", tag=5)  # type: ignore[arg-type]
        run.define_metric(3, goal="maximum", x=4)  # type: ignore[arg-type]
        run.finish(error=ValueError("bad"), exit_code="3")  # type: ignore[arg-type]

    assert said_by(program) == [
        "alert: title: want a string, got int; '404' is used",
        "alert: tag: want a string, got int; '5' is used",
        "alert: level: want 'info', 'warn' or 'error', got 'critical'; it is kept as 'warn'",
        "define_metric: tag: want a string, got int; '3' is used",
        "define_metric: x: want a string, got int; '4' is used",
        "define_metric: goal: want 'min', 'max' or '', got 'maximum'; none is kept",
    ]
    assert all_is_whole(tmp_path)
    store = opened(tmp_path)
    (info,) = store.runs()
    alerts = [placed.record for placed in store.records(info.key, Kind.EVENT) if type(placed.record).__name__ == "Alert"]
    assert [(one.title, one.text, one.level, one.tag) for one in alerts] == [("404", "", "warn", "5")]  # type: ignore[union-attr]
    assert info.error == "bad"


def test_a_config_or_a_summary_that_is_assigned_is_kept(tmp_path: Path) -> None:
    run = cb.init(dir=tmp_path, config={"lr": 0.1})
    run.config = {"seed": 3}
    run.summary = {"note": "good"}
    run.finish()
    (info,) = opened(tmp_path).runs()
    assert info.config == {"lr": 0.1, "seed": 3}
    assert info.summary == {"note": "good"}


def test_what_is_set_inside_a_nested_config_is_kept(tmp_path: Path) -> None:
    run = cb.init(dir=tmp_path, config={"optimizer": {"name": "adam", "betas": {"one": 0.9}}, "seed": 1})
    optimizer = run.config["optimizer"]
    optimizer["lr"] = 0.1
    optimizer["betas"]["two"] = 0.999
    assert optimizer == {"name": "adam", "betas": {"one": 0.9, "two": 0.999}, "lr": 0.1}
    run.config.optimizer.update(name="sgd", extra=(1, 2))
    assert run.config.optimizer.setdefault("lr", 5) == 0.1
    run.config.optimizer |= {"momentum": 0.5}
    wanted = {"name": "sgd", "betas": {"one": 0.9, "two": 0.999}, "lr": 0.1, "extra": [1, 2], "momentum": 0.5}
    assert run.config["optimizer"] == wanted
    assert json.loads(json.dumps(run.config["optimizer"])) == wanted
    with pytest.raises(TypeError, match="replaced, not removed"):
        del run.config["optimizer"]["lr"]
    run.finish()
    (info,) = opened(tmp_path).runs()
    assert info.config == {"optimizer": wanted, "seed": 1}
