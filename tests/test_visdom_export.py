"""Round trips: crossboard -> Visdom -> crossboard, and the other way round, give back what the format can hold, and say what it cannot."""

from __future__ import annotations

import itertools
import json
import math
import os
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crossboard as cb
from crossboard.adapters.visdom.posting import Server
from crossboard.adapters.visdom.writer import EnvWriter, safe_eid
from crossboard.cli import main
from crossboard.store.embedded import EmbeddedStore
from crossboard.store.errors import CrossboardError
from crossboard.store.kinds import Kind
from crossboard.store.records import FigurePoint, GraphEdge, GraphOperation, GraphPoint, ImagePoint
from crossboard.store.store import Store
from crossboard.visdom_export import FAR, INFINITIES, OLDER, export_visdom
from crossboard.wiring import sources_for

real, reading, handmade = import_module("real_visdom"), import_module("visdom_panes"), import_module("handmade")


def store_over(path: Path) -> Store:
    store = EmbeddedStore(sources_for([path]), memory=True)
    store.refresh()
    return store


def make_runs(root: Path) -> None:
    for seed in range(2):
        config = {"lr": 0.1 * (seed + 1), "net": {"width": 8}, "sizes": [1, 2]}
        with cb.init(dir=root, project="digits", name=f"s{seed}", id=f"run{seed}", config=config, tags=["small"]) as run:
            for step in range(20):
                run.log({"loss": 1 / (step + 1), "odd/nan": [math.nan, 2.0, 0.5][step % 3]}, step=step)
            for step in (3, 6):
                run.log({"weights": cb.Histogram(np.arange(100.0) * step)}, step=step)
                run.log({"picture": cb.Image(np.full((4, 6, 3), 20 * step, np.uint8), caption="" if step == 3 else "later")}, step=step)
            run.log({"note": cb.Text("<b>bold</b>", format="html")}, step=3)
            run.log({"sound": cb.Audio(np.sin(np.arange(800) / 9), sample_rate=8000)}, step=4)
            run.log({"figure": cb.Figure({"data": [{"type": "bar", "x": ["a"], "y": [1]}], "layout": {}})}, step=4)
            run.log({"table": cb.Table({"a": [1, 2], "b": ["<x>", "y"]})}, step=5)
            run.log({"tensor": cb.Tensor(np.zeros(3))}, step=5)


# ------------------------------------------------------------------------------------ crossboard, Visdom, crossboard


def test_every_kind_that_visdom_has_a_pane_for_comes_back(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs")
    store = store_over(tmp_path / "runs")
    report = export_visdom(store, tmp_path / "envs")
    assert (report.runs, report.environments) == (2, 2)
    assert report.left_out["tensors"] == 2
    assert "left out: 2 tensors" in str(report)
    again = cb.open(tmp_path / "envs")
    reread = again.store
    for seed in range(2):
        run, old = again[f"s{seed}"], cb.open(tmp_path / "runs")[f"run{seed}"]
        assert run.status == "finished"
        assert run.config == {"lr": 0.1 * (seed + 1), "net.width": 8, "sizes": "[1, 2]"}
        assert run["loss"].step.tolist() == old["loss"].step.tolist()
        assert run["loss"].value.tolist() == old["loss"].value.tolist()
        assert np.array_equal(run["odd/nan"].value, old["odd/nan"].value, equal_nan=True)
        pictures = [one.record for one in reread.records(run.key, Kind.IMAGE)]
        firsts = [one.record for one in store.records(old.key, Kind.IMAGE)]
        assert [one.tag for one in pictures if isinstance(one, ImagePoint)] == ["picture", "picture"]
        for picture, first in zip(pictures, firsts, strict=True):
            assert isinstance(picture, ImagePoint)
            assert isinstance(first, ImagePoint)
            assert (picture.step, picture.wall_time, picture.images[0].caption) == (first.step, first.wall_time, first.images[0].caption)
            assert (picture.images[0].width, picture.images[0].height) == (6, 4)
            assert reread.blob(run.key, picture.images[0].blob) == store.blob(old.key, first.images[0].blob)
        texts = {getattr(one.record, "tag", ""): one.record for one in reread.records(run.key, Kind.TEXT)}
        assert getattr(texts["note"], "texts", None) == ["<b>bold</b>"]
        assert "<td>&lt;x&gt;</td>" in getattr(texts["table"], "texts", [""])[0]
        [sound] = [one.record for one in reread.records(run.key, Kind.AUDIO)]
        [heard] = [one.record for one in store.records(old.key, Kind.AUDIO)]
        assert getattr(sound, "step", -1) == 4
        assert reread.blob(run.key, getattr(sound, "clips", [])[0].blob) == store.blob(old.key, getattr(heard, "clips", [])[0].blob)
        figures = {one.record.tag: one.record.blob for one in reread.records(run.key, Kind.FIGURE) if isinstance(one.record, FigurePoint)}
        assert json.loads(reread.blob(run.key, figures["figure"]))["data"] == [{"type": "bar", "x": ["a"], "y": [1]}]
        bars = json.loads(reread.blob(run.key, figures["weights"]))["data"][0]
        assert (bars["type"], sum(bars["y"])) == ("bar", 100)
        median = run["weights distribution/50 %"]
        assert median.step.tolist() == [3, 6]
        assert np.allclose(median.value, [3 * 49.5, 6 * 49.5], rtol=0.05)


steps = st.integers(-(2**53) + 1, 2**53 - 1)
values = st.floats(allow_infinity=False)
series = st.lists(st.tuples(steps, values), min_size=1, max_size=8)
tag_names = st.text("abx/ 1(2)é", min_size=1, max_size=6).map(str.strip).filter(bool)


@settings(deadline=None, max_examples=40)
@given(st.dictionaries(tag_names, series, min_size=1, max_size=4), st.booleans())
def test_any_curves_come_back_under_their_tags(curves: dict[str, list[tuple[int, float]]], alone: bool) -> None:
    """But for a tag that reads like the clock of another: it gets a number."""
    curves = {tag: rows for tag, rows in curves.items() if not (tag.endswith(" x") and tag[:-2] in curves)}
    with tempfile.TemporaryDirectory() as root:
        run_dir = handmade.make_run(root, "r1")
        writer = handmade.HandWriter(run_dir)
        for tag, rows in curves.items():
            for step, value in rows:
                writer.log(tag, step, value)
        writer.end()
        report = export_visdom(store_over(Path(root)), Path(root, "envs"), together="" if alone else "all of them")
        assert report.points == sum(map(len, curves.values()))
        assert not +report.left_out
        [again] = cb.open(Path(root, "envs"))
        for tag, rows in curves.items():
            found = again[tag if alone else f"{tag}/r1"]
            assert repr(list(zip(found.step.tolist(), found.value.tolist(), strict=True))) == repr(rows)


def test_what_visdom_cannot_hold_is_counted(tmp_path: Path) -> None:
    for attempt, begin in ((1, 0), (2, 5)):
        with cb.init(dir=tmp_path / "runs", id="r", resume="r" if attempt > 1 else None) as run:
            for step in range(begin, 10):
                run.log({"a": math.inf if step == 9 else float(attempt)}, step=step)
            run.log({"far": 1.0}, step=2**60)
    report = export_visdom(store_over(tmp_path / "runs"), tmp_path / "envs")
    assert report.left_out[OLDER] == 5 + 1
    assert report.left_out[INFINITIES] == 1
    assert report.left_out[FAR] == 1
    [again] = cb.open(tmp_path / "envs")
    assert again["a"].value[:-1].tolist() == [1.0] * 5 + [2.0] * 4
    assert math.isnan(again["a"].value[-1])


def test_a_graph_comes_back_as_a_network_and_a_large_one_as_its_scopes() -> None:
    from crossboard.adapters.visdom.panes import MOST_NODES, network

    small = GraphPoint(
        tag="g", step=0, wall_time=0.0, framework="torch",
        operations=[GraphOperation("in", kind="input"), GraphOperation("net.fc", "net", "Linear")], edges=[GraphEdge("in", "net.fc")],
    )  # fmt: skip
    drawn = network(small, lambda _: b"")
    assert [node["label"] for node in drawn["nodes"]] == ["in", "net.fc"]
    assert [(edge["source"], edge["target"]) for edge in drawn["edges"]] == [(0, 1)]
    many = [GraphOperation(f"net.{layer}.{number}", f"net.layer{layer}") for layer in range(5) for number in range(MOST_NODES)]
    edges = [GraphEdge(a.name, b.name) for a, b in itertools.pairwise(many)]
    large = GraphPoint(tag="g", step=0, wall_time=0.0, framework="torch", operations=many, edges=edges)
    drawn = network(large, lambda _: b"")
    assert [node["label"] for node in drawn["nodes"]] == [f"net.layer{layer}" for layer in range(5)]
    assert [(edge["source"], edge["target"]) for edge in drawn["edges"]] == [(0, 1), (1, 2), (2, 3), (3, 4)]


# --------------------------------------------------------------------------------------- Visdom, crossboard, Visdom

texts = st.text(max_size=8)
number = st.none() | st.integers(-1000, 1000) | st.floats(-1e6, 1e6)
plots = st.lists(
    st.integers(1, 4).flatmap(
        lambda n: st.fixed_dictionaries(
            {"x": st.lists(number, min_size=n, max_size=n), "y": st.lists(number, min_size=n, max_size=n), "name": st.sampled_from("ab1")},
            optional={"type": st.sampled_from(["scatter", "bar"]), "line": st.fixed_dictionaries({"color": texts})},
        )
    ),
    max_size=3,
).map(lambda data: ("plot", {"data": data, "layout": {"title": "t"}}))
any_pane = st.one_of(
    plots,
    texts.map(lambda text: ("text", text)),
    st.fixed_dictionaries({"src": texts, "caption": texts | st.none()}).map(lambda image: ("image", image)),
    st.lists(st.fixed_dictionaries({"name": texts, "value": texts | number})).map(lambda rows: ("properties", rows)),
)


@settings(deadline=None, max_examples=50)
@given(
    st.dictionaries(
        st.text("abc", min_size=1, max_size=3),
        st.tuples(
            any_pane, texts, st.dictionaries(st.sampled_from(["legend", "showlegend", "caption"]), texts | st.booleans(), max_size=2)
        ),
        min_size=1,
        max_size=4,
    )
)
def test_any_environment_comes_back_as_it_was(panes: dict[str, Any]) -> None:
    jsons = {
        window: {
            "command": "window",
            "id": window,
            "title": title,
            "inflate": True,
            "width": None,
            "height": 30,
            "contentID": "c",
            "i": place,
        }
        | {"type": kind, "content": content, **options}
        for place, (window, ((kind, content), title, options)) in enumerate(panes.items())
    }
    saved = {"jsons": jsons, "reload": {window: {"i": window, "x": 1, "y": 2, "w": 3, "h": 4} for window in list(panes)[:1]}}
    with tempfile.TemporaryDirectory() as root:
        Path(root, "old").mkdir()
        Path(root, "old", "main.json").write_text(json.dumps(saved))
        export_visdom(store_over(Path(root, "old")), Path(root, "new"))
        again = json.loads(Path(root, "new", "main.json").read_text())
        assert again["jsons"] == jsons
        assert list(again["jsons"]) == list(jsons)
        assert again["reload"] == saved["reload"]


def test_what_visdom_0_3_0_saved_comes_back_with_its_experiment(tmp_path: Path) -> None:
    golden = Path(__file__).parent / "golden" / "visdom_0.3.0"
    export_visdom(store_over(golden / "sweep_1.json"), tmp_path)
    old, new = (json.loads(path.read_text()) for path in (golden / "sweep_1.json", tmp_path / "sweep_1.json"))
    assert new["jsons"] == old["jsons"]
    key = lambda one: (one["key"], one["step"])  # noqa: E731
    for name in ("env_id", "description", "status", "params", "tags"):
        assert new["experiment"][name] == old["experiment"][name], name
    assert sorted(new["experiment"]["metrics"], key=key) == sorted(old["experiment"]["metrics"], key=key)
    export_visdom(store_over(golden / "main.json"), tmp_path)
    assert json.loads((tmp_path / "main.json").read_text())["jsons"] == json.loads((golden / "main.json").read_text())["jsons"]


# -------------------------------------------------------------------------------------------------- a real Visdom


def test_a_real_visdom_loads_what_was_written_and_takes_what_is_posted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    real.need_0_2()
    make_runs(tmp_path / "runs")
    folder = tmp_path / ".visdom"
    assert main(["export", str(tmp_path / "runs"), "--format", "visdom", "--output", str(folder)]) == 0
    assert "left out: 2 tensors" in capsys.readouterr().err
    with real.serve(folder) as port:
        for name in ("s0", "s1"):
            written = json.loads((folder / f"{name}.json").read_text())["jsons"]
            assert real.panes_of(port, name) == written
        url = f"127.0.0.1:{port}"
        words = ["export", str(tmp_path / "runs"), "--format", "visdom", "--to", url, "--together", "sweep/1", "--group-by", "lr"]
        assert main(words) == 0
        assert f"-> http://{url}" in capsys.readouterr().err
        posted = real.panes_of(port, "sweep_1")
        loss = posted["loss"]["content"]["data"]
        assert [(trace["name"], trace["legendgroup"], trace["x"]) for trace in loss] == [
            (f"s{seed}", str(0.1 * (seed + 1)), list(range(20))) for seed in range(2)
        ]
        assert loss[0]["line"] != loss[1]["line"]
        history = posted["picture (s0)"]
        assert (history["type"], len(history["content"]), history["selected"]) == ("image_history", 2, 1)
        saved = json.loads((folder / "sweep_1.json").read_text())["jsons"]
        assert saved == posted
        assert main([*words[:-4], "--runs", "s0"]) == 0
        alone = real.panes_of(port, "s0")
        for window, pane in written.items():
            if window in alone and pane["type"] in ("plot", "text"):
                assert alone[window]["content"] == json.loads((folder / "s0.json").read_text())["jsons"][window]["content"]
        followed = store_over(folder)
        viz = real.client(port)
        viz.line(np.array([9.0]), np.array([20]), win="loss", env="s1", update="append")
        viz.save(["s1"])
        followed.refresh()
        [loss_of_s1] = [one for one in followed.series(tag="loss") if one.key.run.endswith("s1.json")]
        assert followed.points(loss_of_s1.key).value.tolist()[-2:] == [1 / 20, 9.0]
        followed.close()
    names = {run.name for run in cb.open(folder)}
    assert {"s0", "s1", "sweep_1"} <= names


def test_a_visdom_with_a_login_and_a_base_url_is_posted_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real.need_0_2()
    with cb.init(dir=tmp_path / "runs", name="one") as run:
        run.log({"a": 1.0}, step=0)
    folder = tmp_path / ".visdom"
    folder.mkdir()
    monkeypatch.delenv("VISDOM_USERNAME", raising=False)
    with real.serve(folder, base_url="/board", login=("ada", "secret")) as port:
        words = ["export", str(tmp_path / "runs"), "--format", "visdom", "--to", f"http://127.0.0.1:{port}/board"]
        assert main(words) == 2
        assert "wants a login: give --username" in capsys.readouterr().err
        monkeypatch.setenv("VISDOM_PASSWORD", "wrong")
        assert main([*words, "--username", "ada"]) == 2
        assert "does not take this username and password" in capsys.readouterr().err
        monkeypatch.setenv("VISDOM_PASSWORD", "secret")
        assert main([*words, "--username", "ada"]) == 0
    assert cb.open(folder)["one"]["a"].value.tolist() == [1.0]


def test_nothing_or_no_visdom_that_answers_is_said_clearly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_runs(tmp_path / "runs")
    words = ["export", str(tmp_path / "runs"), "--format", "visdom", "--to"]
    assert main([*words, "http://127.0.0.1:9"]) == 2
    assert "nothing answers at http://127.0.0.1:9" in capsys.readouterr().err
    with pytest.raises(CrossboardError, match="want http://HOST:PORT"):
        Server("ftp://127.0.0.1")
    with pytest.raises(CrossboardError, match="want http://HOST:PORT"):
        Server("http://127.0.0.1:port")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--format", "csv"], "want --output FILE"),
        (["--format", "visdom"], "a directory, or --to URL"),
        (["--format", "visdom", "--output", "-"], "a directory, or --to URL"),
        (["--format", "visdom", "--output", "x", "--to", "y"], "a directory, or --to URL"),
        (["--format", "csv", "--output", "x", "--to", "y"], "go with --format visdom"),
        (["--format", "visdom", "--output", "x", "--group-by", "lr"], "wants --together NAME"),
    ],
)
def test_words_that_do_not_go_together_are_refused(words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["export", str(tmp_path), *words])
    assert said in capsys.readouterr().err


# ------------------------------------------------------------------------------------------------------ the files


def test_an_environment_that_is_there_is_never_replaced(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs")
    (tmp_path / "envs").mkdir()
    (tmp_path / "envs" / "s1.json").write_text("mine")
    (tmp_path / "envs" / "main.json").write_text("{}")
    with pytest.raises(CrossboardError, match=r"s1\.json is there already"):
        export_visdom(store_over(tmp_path / "runs"), tmp_path / "envs")
    assert sorted(os.listdir(tmp_path / "envs")) == ["main.json", "s1.json"]
    with pytest.raises(CrossboardError, match="want a name that is not taken"):
        EnvWriter("s1").write(str(tmp_path / "envs"))
    assert (tmp_path / "envs" / "s1.json").read_text() == "mine"
    assert export_visdom(store_over(tmp_path / "runs"), tmp_path / "envs", runs="s0").environments == 1


@given(st.text(max_size=300))
def test_the_name_of_an_environment_never_leaves_its_directory(name: str) -> None:
    eid = safe_eid(name)
    path = os.path.normpath(os.path.join("/envs", f"{eid}.json"))
    assert os.path.dirname(path) == "/envs"
    assert not eid.startswith(".")
    assert len(f"{eid}.json".encode()) < 256
    assert safe_eid(eid) == eid


def test_runs_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for number in range(2):
        with cb.init(dir=tmp_path / "runs", name="same", id=f"r{number}") as run:
            run.log({"a": 1.0})
    export_visdom(store_over(tmp_path / "runs"), tmp_path / "envs")
    assert sorted(os.listdir(tmp_path / "envs")) == ["same-r0.json", "same-r1.json"]
