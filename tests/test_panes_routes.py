"""The data routes of panes, over a root of handmade environments: what each answers, and that nothing in a pane is taken on trust."""

from __future__ import annotations

import contextlib
import csv
import importlib.util
import io
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from crossboard.dashboard import columns
from crossboard.dashboard.app import create_app
from crossboard.dashboard.pane_curves import part_of_trace
from crossboard.dashboard.panes import MOST_DEPTH, _deeper_than, picture_of
from crossboard.store.embedded import EmbeddedStore
from crossboard.store.panes import open_panes
from crossboard.store.records import Inline, Pane, PaneClosed
from crossboard.store.source import Placed
from crossboard.wiring import sources_for


def load(name: str) -> ModuleType:
    """A helper script of this folder."""
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


MADE = load("panes_made")
POINTS = 30_000


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    made: dict[str, Any] = MADE.make(tmp_path_factory.mktemp("runs"), points=POINTS, many=300)
    return made


@pytest.fixture(scope="module")
def client(environments: dict[str, Any]) -> Iterator[TestClient]:
    root = Path(environments["main"].path).parents[1]
    store = EmbeddedStore(sources_for([str(root)]), memory=True)
    store.refresh()
    with TestClient(create_app(store, ask_for_key=False).server, base_url="http://localhost:8123") as made:
        yield made
    store.close()


@pytest.fixture(scope="module")
def keys(client: TestClient) -> dict[str, str]:
    """Name of an environment -> its run."""
    return {one["name"][:7]: one["run"] for one in client.get("/api/panes").json()["environments"]}


def get(client: TestClient, path: str, **params: Any) -> Any:
    answer = client.get(f"/api/{path}", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def lines(client: TestClient, run: str) -> list[dict[str, Any]]:
    (one,) = get(client, "panes", run=run)["environments"]
    found: list[dict[str, Any]] = one["panes"]
    return found


# ------------------------------------------------------------------------------------------------ which there are


def test_every_run_with_panes_is_an_environment_and_says_how_many_are_open(client: TestClient) -> None:
    told = get(client, "panes")["environments"]
    counts = {one["name"][:7]: one["open"] for one in told}
    assert counts == {"main": 22, "exp_a": 4, "exp_a_n": 2, "exp_b": 5, "many": 300, "million": 1, "one": 1}
    assert not any("panes" in one for one in told)  # the list alone is short, however many panes there are
    assert not any(one["live"] for one in told)  # nobody receives events on this board
    assert {run["name"][:7]: run["panes"] for run in get(client, "runs")["runs"]} == counts


def test_panes_come_in_their_order_with_all_that_lays_them_out_and_without_closed_ones(client: TestClient, keys: dict[str, str]) -> None:
    panes = lines(client, keys["main"])
    assert [pane["window"] for pane in panes][:4] == ["win_loss", "win_image", "win_text", "win_xy"]
    assert "win_closed" not in {pane["window"] for pane in panes}
    by_window = {pane["window"]: pane for pane in panes}
    assert (by_window["win_image"]["width"], by_window["win_image"]["height"]) == (360, 280)
    assert by_window["win_loss"]["traces"] == [
        {"index": 0, "tag": "training loss/train", "attempt": 1, "x": ""},
        {"index": 1, "tag": "training loss/valid", "attempt": 1, "x": ""},
    ]
    assert by_window["win_audio"]["kinds"] == {"audio": 1}
    assert by_window["win_history"]["options"] == {"selected": 3, "show_slider": True}
    placed = {pane["window"]: pane["place"] for pane in lines(client, keys["exp_a_n"])}
    assert placed == {"w": {}, "placed": {"i": "placed", "x": 50, "y": 0, "w": 50, "h": 20}}


def test_several_environments_are_told_in_the_order_asked_for_and_all_as_csv(client: TestClient, keys: dict[str, str]) -> None:
    told = get(client, "panes", run=[keys["exp_b"], keys["exp_a"]])["environments"]
    assert [one["name"] for one in told] == ["exp_b", "exp_a"]
    rows = list(csv.DictReader(io.StringIO(client.get("/api/panes", params={"run": keys["exp_b"], "format": "csv"}).text)))
    assert [(row["environment"], row["title"], row["type"], row["traces"]) for row in rows][-1] == ("exp_b", "gradient norm", "plot", "1")


def test_a_new_record_of_a_window_is_another_version_and_a_second_reading_of_the_same_is_not(tmp_path: Path) -> None:
    env = MADE.Environment(tmp_path, "grows")
    env.pane("a", "text", "one", "first")
    env.pane("b", "text", "two", "second")
    with contextlib.closing(EmbeddedStore(sources_for([str(tmp_path)]), memory=True)) as store:
        store.refresh()
        with TestClient(create_app(store, ask_for_key=False).server, base_url="http://localhost:8123") as client:
            (run,) = [one["run"] for one in get(client, "panes")["environments"]]
            first = {pane["window"]: pane["version"] for pane in lines(client, run)}
            etag = client.get("/api/panes", params={"run": run}).headers["etag"]
            assert client.get("/api/panes", params={"run": run}, headers={"If-None-Match": etag}).status_code == 304
            env.pane("a", "text", "one, and more", "first", order=1)
            store.refresh()
            assert client.get("/api/panes", params={"run": run}, headers={"If-None-Match": etag}).status_code == 200
            second = {pane["window"]: pane["version"] for pane in lines(client, run)}
            assert second["a"] != first["a"]
            assert second["b"] == first["b"]
            assert get(client, "pane", run=run, window="a")["content"] == "one, and more"
            env.close("a")
            store.refresh()
            assert [pane["window"] for pane in lines(client, run)] == ["b"]
            assert client.get("/api/pane", params={"run": run, "window": "a"}).status_code == 404


records = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 5), st.booleans()),
    max_size=12,
)


@given(records, st.randoms())
@settings(max_examples=60, deadline=None)
def test_which_windows_are_open_does_not_depend_on_the_order_in_which_files_are_read(told: list[tuple[str, int, bool]], order: Any) -> None:
    """With wall times that all differ, any order of arrival gives the same."""
    placed = [
        Placed(
            Pane(wall_time=time + i / 100, window=window, type="text", content=Inline(b'""', "application/json"), order=i)
            if stays
            else PaneClosed(wall_time=time + i / 100, window=window),
            "w",
            1,
            0,
        )
        for i, (window, time, stays) in enumerate(told)
    ]
    wanted = [one.record for one in open_panes(placed)]
    shuffled = list(placed)
    order.shuffle(shuffled)
    assert [one.record for one in open_panes(shuffled)] == wanted
    newest: dict[str, Any] = {}
    for one in sorted(placed, key=lambda one: one.record.wall_time):  # type: ignore[union-attr]
        newest[one.record.window] = one.record  # type: ignore[union-attr]
    assert {record.window for record in wanted} == {name for name, record in newest.items() if isinstance(record, Pane)}  # type: ignore[union-attr]


# ----------------------------------------------------------------------------------------------------- contents


def test_a_plot_is_told_without_addresses_of_other_places_and_says_where_they_were(client: TestClient, keys: dict[str, str]) -> None:
    told = get(client, "pane", run=keys["main"], window="win_scatter")
    assert told["taken_out"] == ["layout.images[0].source"]
    assert "127.0.0.1:9" not in client.get("/api/pane", params={"run": keys["main"], "window": "win_scatter"}).text
    assert told["content"]["caption"] == "two classes"


def test_bare_nan_and_infinity_are_gaps(client: TestClient, keys: dict[str, str]) -> None:
    (trace,) = get(client, "pane", run=keys["main"], window="win_nan")["content"]["data"]
    assert trace["y"] == [1, None, 2, None, 3, 2.5]


def test_pictures_are_bytes_of_their_own_inert_and_kept_as_long_as_the_version_stands(client: TestClient, keys: dict[str, str]) -> None:
    told = get(client, "pane", run=keys["main"], window="win_history")
    assert told["content"] is None
    assert [(one["caption"], one["width"], one["height"]) for one in told["pictures"]] == [
        (f"step {step}", 128, 96) for step in (0, 500, 1000, 1500)
    ]
    answer = client.get("/" + told["pictures"][2]["url"])
    assert answer.headers["content-type"] == "image/png"
    assert answer.content.startswith(b"\x89PNG")
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    other = client.get("/api/pane-picture", params={"run": keys["main"], "window": "win_history", "place": 0, "v": "0" * 16})
    assert other.headers["cache-control"] == "private, no-cache"
    whole = get(client, "pane", run=keys["main"], window="win_history", whole=1)["content"]
    assert whole[1]["src"].startswith("data:image/png;base64,")


def test_what_is_said_of_a_pane_is_inert_when_it_is_opened_by_its_own_url(client: TestClient, keys: dict[str, str]) -> None:
    answer = client.get("/api/pane", params={"run": keys["main"], "window": "win_hostile"}, headers={"Accept": "text/html"})
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert "<script>" in answer.json()["content"]


@pytest.mark.parametrize(
    ("window", "error"),
    [
        ("win_outside", "an address of another place, 'http://127.0.0.1:9/other.png', is not loaded"),
        ("win_bomb", "3,600,000,000 pixels, at most 100,000,000 are shown"),
    ],
)
def test_a_picture_that_is_not_shown_says_why(client: TestClient, keys: dict[str, str], window: str, error: str) -> None:
    told = get(client, "pane", run=keys["main"], window=window)
    assert [one["error"] for one in told["pictures"]] == [error]
    assert client.get("/api/pane-picture", params={"run": keys["main"], "window": window}).status_code == 404


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (None, "no picture"),
        ({"src": 7}, "no picture"),
        ({"src": "data:text/html,<script>alert(1)</script>"}, "another place"),
        ({"src": "data:image/tiff;base64,AAAA"}, "type image/tiff are not shown"),
        ({"src": "data:image/png;base64,AAAA"}, "damaged"),
        ({"src": "data:image/png;base64,!!!!"}, "damaged"),
        ({"src": "javascript:alert(1)"}, "another place"),
    ],
)
def test_only_embedded_pictures_of_known_types_are_shown(frame: Any, words: str) -> None:
    assert words in picture_of(frame).error


def test_a_deeply_nested_content_is_refused_and_the_rest_of_the_environment_is_read(client: TestClient, keys: dict[str, str]) -> None:
    answer = client.get("/api/pane", params={"run": keys["main"], "window": "win_deep"})
    assert answer.status_code == 422
    assert answer.json()["error"] == "pane 'deeply nested': nested deeper than 100 in its run's records"
    assert len(lines(client, keys["main"])) == 22


@given(
    st.recursive(
        st.none() | st.integers(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    )
)
def test_depth_is_counted_as_it_is(value: Any) -> None:
    def depth(one: Any) -> int:
        inside = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        return 1 + max(map(depth, inside), default=0) if isinstance(one, (list, dict)) else 0

    real = depth(value)
    assert not _deeper_than(value, real)
    assert real == 0 or _deeper_than(value, real - 1)
    assert real < MOST_DEPTH


def test_a_large_content_is_refused_with_its_size(client: TestClient, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crossboard.dashboard.panes.MOST_BYTES", 40)
    answer = client.get("/api/pane", params={"run": keys["exp_b"], "window": "win_loss_12"})
    assert answer.status_code == 413
    assert "bytes, at most 40 are shown" in answer.json()["error"]


@pytest.mark.parametrize(
    ("path", "params", "status", "words"),
    [
        ("pane", {"window": "nope"}, 404, "no open window 'nope'"),
        ("pane", {}, 400, "window is missing"),
        ("panes", {"run": "native:/nowhere"}, 404, "native:/nowhere"),
        ("panes", {"find": "x"}, 400, "find"),
        ("pane-picture", {"window": "win_history", "place": 9}, 404, "place 9: the window has 4 pictures"),
        ("pane-picture", {"window": "win_text"}, 404, "no picture"),
        ("pane-curves", {"window": "win_loss", "low": 3, "high": 1}, 400, "low 3.0 is above high 1.0"),
    ],
)
def test_a_wrong_question_is_answered_with_what_was_wanted(
    client: TestClient, keys: dict[str, str], path: str, params: dict[str, Any], status: int, words: str
) -> None:
    answer = client.get(f"/api/{path}", params={"run": keys["main"], **params} if path != "panes" else params)
    assert answer.status_code == status, answer.text
    assert words in answer.json()["error"]


# ------------------------------------------------------------------------------------------------------- curves


def curves(client: TestClient, run: str, window: str, **more: Any) -> tuple[dict[str, Any], list[Any]]:
    answer = client.get("/api/pane-curves", params={"run": run, "window": window, **more}, headers={"Accept": columns.MEDIA_TYPE})
    assert answer.status_code == 200, answer.text
    return columns.decode(answer.content)


def test_the_curves_of_a_plot_come_trace_by_trace_over_the_step_or_over_their_own_x(client: TestClient, keys: dict[str, str]) -> None:
    head, drawn = curves(client, keys["main"], "win_xy")
    assert [one["index"] for one in head["traces"]] == [0, 1]
    assert [one["x"] for one in head["traces"]] == ["weights over time/w1 x", "weights over time/w2 x"]
    np.testing.assert_array_equal(drawn[1][0], np.linspace(-1, 3, 120))
    np.testing.assert_array_equal(drawn[1][1], np.cos(np.arange(120) / 19))
    _, over_steps = curves(client, keys["main"], "win_loss")
    np.testing.assert_array_equal(over_steps[0][0], np.arange(200))


def test_many_points_are_thinned_with_their_extremes_and_a_window_has_them_all(client: TestClient, keys: dict[str, str]) -> None:
    head, ((x, y),) = curves(client, keys["million"], "win_large", points=400)
    (told,) = head["curves"]
    assert (told["total"], told["raw"]) == (POINTS, False)
    assert len(x) <= 400
    assert y.max() == 9.0
    head, ((x, _),) = curves(client, keys["million"], "win_large", low=9_990, high=10_010, points=400)
    (told,) = head["curves"]
    assert (told["total"], told["raw"]) == (21, True)
    np.testing.assert_array_equal(x, np.arange(9_989, 10_012))  # and a neighbour on either side


def test_a_trace_whose_series_is_not_there_is_told_as_such(tmp_path: Path) -> None:
    env = MADE.Environment(tmp_path, "broken")
    env.line("w", "t", {"a": [1.0, 2.0]})
    env.pane("lost", "plot", {"data": [{}], "layout": {}}, "lost", traces=[MADE.PaneTrace(index=0, tag="never logged", attempt=1)])
    with contextlib.closing(EmbeddedStore(sources_for([str(tmp_path)]), memory=True)) as store:
        store.refresh()
        with TestClient(create_app(store, ask_for_key=False).server, base_url="http://localhost:8123") as client:
            (run,) = [one["run"] for one in get(client, "panes")["environments"]]
            head, ((x, _),) = curves(client, run, "lost")
            assert len(x) == 0
            assert "no scalar series 'never logged'" in head["traces"][0]["error"]


def test_each_attempt_is_a_drawing_of_its_own(tmp_path: Path) -> None:
    """A curve that was drawn anew is another attempt, whose older points are not cut by the newer one's first step."""
    env = MADE.Environment(tmp_path, "again")
    env.log("t/a", range(5), range(5))
    env.pane("w", "plot", {"data": [{}], "layout": {}}, "t", traces=[MADE.PaneTrace(index=0, tag="t/a", attempt=1)])
    second = MADE.HAND.HandWriter(env.path, "w2", process=MADE.HAND.dead(), attempt=2)
    for step in range(2, 4):
        second.log("t/a", step, 10.0 + step)
    with contextlib.closing(EmbeddedStore(sources_for([str(tmp_path)]), memory=True)) as store:
        store.refresh()
        with TestClient(create_app(store, ask_for_key=False).server, base_url="http://localhost:8123") as client:
            (run,) = [one["run"] for one in get(client, "panes")["environments"]]
            _, ((x, y),) = curves(client, run, "w")
            assert (x.tolist(), y.tolist()) == ([0, 1, 2, 3, 4], [0, 1, 2, 3, 4])


values = st.lists(st.tuples(st.floats(-50, 50) | st.just(math.nan), st.floats(-50, 50) | st.just(math.nan)), min_size=1, max_size=80)


@given(values, st.integers(4, 60), st.floats(-60, 60), st.floats(0, 60))
@settings(max_examples=200, deadline=None)
def test_a_thinned_trace_shows_nothing_that_is_not_there(points: list[tuple[float, float]], most: int, low: float, width: float) -> None:
    """Points in arrival order, both extremes of those inside kept, gaps where a point has no x or no y, everything counted."""
    x, y = (np.array(column, np.float64) for column in zip(*points, strict=True))
    drawn = part_of_trace(x, y, low=low, high=low + width, max_points=most)
    inside = (x >= low) & (x <= low + width)
    assert drawn.total == np.count_nonzero(inside)
    assert drawn.unmatched == np.count_nonzero(np.isnan(x))
    finite = inside & np.isfinite(y)
    shown = (drawn.x >= low) & (drawn.x <= low + width) & np.isfinite(drawn.y)
    if finite.any():
        assert drawn.y[shown].min() == y[finite].min()
        assert drawn.y[shown].max() == y[finite].max()
    pairs = {(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)}
    assert {(a, b) for a, b in zip(drawn.x.tolist(), drawn.y.tolist(), strict=True) if b == b} <= pairs
    assert np.isfinite(drawn.x).all()
    if drawn.raw:
        assert np.count_nonzero(shown) == np.count_nonzero(finite)


def test_strokes_are_not_joined(client: TestClient) -> None:
    """Visdom draws stems and arrows as one line with a gap after each: with the gaps thinned away they would be a zigzag."""
    del client
    stems = 4000
    x = np.repeat(np.linspace(0, 1, stems), 3)
    y = np.tile([0.0, 1.0, math.nan], stems)
    x[2::3] = math.nan
    drawn = part_of_trace(x, y, max_points=500)
    assert drawn.raw
    assert np.count_nonzero(np.isnan(drawn.y)) == stems
