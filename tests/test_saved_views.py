"""Saved views: named addresses, kept for the user, listed for the sources they were made of, and never written into one."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from crossboard.dashboard.app import create_app
from crossboard.dashboard.saved_views import FILE, MOST, SavedViews
from crossboard.store.embedded import EmbeddedStore
from crossboard.wiring import sources_for

HERE = ("/data/runs",)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "runs"
    made.mkdir()
    return made


def board(root: Path, file: Path, **more: Any) -> TestClient:
    store = EmbeddedStore(sources_for([root]), memory=True)
    store.refresh()
    return TestClient(
        create_app(store, ask_for_key=False, views=file, **more).server, base_url="http://localhost:8123", follow_redirects=False
    )


@pytest.fixture
def client(root: Path, tmp_path: Path) -> Iterator[TestClient]:
    with board(root, tmp_path / FILE) as made:
        yield made


def told(client: TestClient) -> list[tuple[str, str]]:
    return [(one["name"], one["search"]) for one in client.get("/api/views").json()["views"]]


def post(client: TestClient, **body: Any) -> dict[str, Any]:
    answer = client.post("/api/views", json=body)
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_a_view_is_kept_renamed_replaced_deleted_and_brought_back(client: TestClient, root: Path) -> None:
    view = post(client, name="losses", search="?tags=loss&x=relative")["id"]
    assert told(client) == [("losses", "?tags=loss&x=relative")]
    post(client, id=view, name="all losses")
    post(client, id=view, search="?tags=loss")
    assert told(client) == [("all losses", "?tags=loss")]
    post(client, id=view, deleted=True)
    assert told(client) == []
    post(client, id=view, deleted=False)
    assert told(client) == [("all losses", "?tags=loss")]
    assert list(root.iterdir()) == []  # no source was written to


def test_it_is_there_for_every_board_over_the_same_paths_and_for_no_other(client: TestClient, root: Path, tmp_path: Path) -> None:
    post(client, name="mine", search="?x=wall")
    with board(root, tmp_path / FILE) as again:
        assert told(again) == [("mine", "?x=wall")]
        post(again, name="from there", search="")
    assert [name for name, _ in told(client)] == ["mine", "from there"]
    (tmp_path / "other").mkdir()
    with board(tmp_path / "other", tmp_path / FILE) as other:
        assert told(other) == []


@pytest.mark.parametrize("base", ["", "/proxy/8123"])
def test_an_address_that_says_nothing_opens_the_default_view(root: Path, tmp_path: Path, base: str) -> None:
    with board(root, tmp_path / FILE, base_path=base) as client:
        client.base_url = client.base_url.join(f"{base}/")
        assert client.get("").status_code == 200
        view = client.post("api/views", json={"name": "first", "search": "?x=relative&smooth=ema%3A0.6"}).json()["id"]
        assert client.get("").status_code == 200  # it is only kept
        assert client.post("api/views", json={"id": view, "default": True}).json()["default"] == view
        sent = client.get("")
        assert (sent.status_code, sent.headers["location"]) == (303, f"{base}/?x=relative&smooth=ema%3A0.6")
        assert client.get("?x=step").status_code == 200
        client.post("api/views", json={"id": view, "deleted": True})
        assert client.get("").status_code == 200
        client.post("api/views", json={"id": view, "deleted": False})
        assert client.get("").status_code == 303
        client.post("api/views", json={"id": view, "default": False})
        assert client.get("").status_code == 200


def test_only_the_view_that_was_made_the_default_last_is_it(client: TestClient) -> None:
    one, two = (post(client, name=name, search="?x=wall")["id"] for name in ("one", "two"))
    post(client, id=one, default=True)
    assert post(client, id=two, default=True)["default"] == two
    assert post(client, id=two, default=False)["default"] == one
    assert post(client, id=two, deleted=True)["default"] == one


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ([], 400, "want a JSON object"),
        ({}, 400, "no field to change"),
        ({"name": "n"}, 400, "a new view wants a name and a search"),
        ({"name": "n", "search": "?x", "more": 1}, 400, "unknown fields more"),
        ({"name": "", "search": "?x"}, 400, "name: want a text"),
        ({"name": " ", "search": "?x"}, 400, "name: want a text"),
        ({"name": "n" * 201, "search": "?x"}, 400, "name: want a text"),
        ({"name": "a\nb", "search": "?x"}, 400, "name: want a text"),
        ({"name": "n", "search": "x"}, 400, "search: want the query part"),
        ({"name": "n", "search": "//evil.example"}, 400, "search: want the query part"),
        ({"name": "n", "search": "?a\r\nSet-Cookie: b"}, 400, "search: want the query part"),
        ({"name": "n", "search": "?a#b"}, 400, "search: want the query part"),
        ({"name": "n", "search": "?" + "x" * 20_000}, 400, "search: want the query part"),
        ({"name": "n", "search": "?x", "default": 1}, 400, "default: want true or false"),
        ({"id": 7, "name": "n"}, 400, "want a JSON object"),
        ({"id": "0" * 12, "name": "n"}, 404, "no view"),
    ],
)
def test_what_is_no_view_is_refused_with_words_and_nothing_is_kept(
    client: TestClient, tmp_path: Path, body: Any, status: int, words: str
) -> None:
    answer = client.post("/api/views", json=body)
    assert answer.status_code == status
    assert words in answer.json()["error"]
    assert answer.json()["next"]
    assert not (tmp_path / FILE).exists()


def test_a_foreign_page_can_neither_read_nor_write_views(client: TestClient) -> None:
    headers = {"Origin": "http://evil.example"}
    assert client.get("/api/views", headers=headers).status_code == 403
    assert client.post("/api/views", json={"name": "n", "search": "?x"}, headers=headers).status_code == 403
    assert client.post("/api/views", content=b'{"name": "n", "search": "?x"}', headers={"Content-Type": "text/plain"}).status_code == 415
    assert told(client) == []


@pytest.mark.skipif(os.name != "posix", reason="permissions of files are POSIX's")
def test_a_file_that_cannot_be_written_is_told_with_its_name(root: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with board(root, tmp_path / "file" / FILE) as client:
        answer = client.post("/api/views", json={"name": "n", "search": "?x"})
        assert answer.status_code == 403
        assert "file" in answer.json()["error"]
        assert "CROSSBOARD_DATA" in answer.json()["next"]
        assert told(client) == []


def test_there_is_an_end_to_how_many_there_can_be(tmp_path: Path, root: Path) -> None:
    line = {"version": 1, "sources": [str(root)], "wall_time": 1.0, "name": "n", "search": "?x"}
    (tmp_path / FILE).write_text("".join(json.dumps({**line, "id": f"{i:012x}"}) + "\n" for i in range(MOST)))
    with board(root, tmp_path / FILE) as client:
        answer = client.post("/api/views", json={"name": "one more", "search": "?x"})
        assert answer.status_code == 409
        post(client, id="0" * 12, deleted=True)
        post(client, name="one more", search="?x")


def test_lines_that_are_cut_foreign_or_newer_cost_only_themselves(tmp_path: Path) -> None:
    file = tmp_path / FILE
    view = SavedViews(file).write(HERE, {"name": "whole", "search": "?a"})["id"]
    with file.open("ab") as out:
        out.write(
            b"[]\n" + json.dumps({"version": 2, "sources": list(HERE), "id": view, "wall_time": 1e12, "name": "newer"}).encode() + b"\n"
        )
        out.write(b'{"version": 1, "sources": ["/data/runs"], "id": "')
    views = SavedViews(file)
    assert [one["name"] for one in views.told(HERE)["views"]] == ["whole"]
    views.write(HERE, {"id": view, "name": "renamed"})
    assert [one["name"] for one in SavedViews(file).told(HERE)["views"]] == ["renamed"]
    file.unlink()
    assert views.told(HERE)["views"] == []


CHANGES = st.fixed_dictionaries(
    {"id": st.sampled_from(["a", "b"]), "wall_time": st.integers(0, 50).map(float)},
    optional={
        "name": st.sampled_from(["one", "two"]),
        "search": st.sampled_from(["", "?x=wall"]),
        "deleted": st.booleans(),
        "default": st.booleans(),
    },
)


@given(changes=st.lists(CHANGES, max_size=12, unique_by=lambda one: one["wall_time"]), cut=st.integers(0, 12), data=st.data())
@settings(max_examples=60, deadline=None)
def test_the_newest_of_each_field_holds_in_whatever_order_and_pieces_lines_come(
    tmp_path_factory: pytest.TempPathFactory, changes: list[dict[str, Any]], cut: int, data: st.DataObject
) -> None:
    file = tmp_path_factory.mktemp("views") / FILE
    lines = [json.dumps({"version": 1, "sources": list(HERE), **one}) + "\n" for one in data.draw(st.permutations(changes))]
    views = SavedViews(file)
    file.write_text("".join(lines[:cut]))
    views.told(HERE)
    with file.open("a") as out:
        out.writelines(lines[cut:])
    fields: dict[str, dict[str, Any]] = {}
    for one in sorted(changes, key=lambda change: float(change["wall_time"])):
        fields.setdefault(one["id"], {}).update(
            {name: (one["wall_time"], value) for name, value in one.items() if name not in ("id", "wall_time")}
        )
    there = {
        name: {key: value for key, (_, value) in view.items()}
        for name, view in fields.items()
        if "name" in view and "search" in view and not view.get("deleted", (0, False))[1]
    }
    answer = views.told(HERE)
    assert {one["id"]: (one["name"], one["search"]) for one in answer["views"]} == {
        name: (view["name"], view["search"]) for name, view in there.items()
    }
    chosen = [(fields[name]["default"][0], name) for name, view in there.items() if view.get("default")]
    assert answer["default"] == (max(chosen)[1] if chosen else "")
    assert views.opened(HERE) == (there[answer["default"]]["search"] if chosen else "")


def test_several_boards_at_once_lose_nothing(tmp_path: Path) -> None:
    boards = [SavedViews(tmp_path / FILE) for _ in range(3)]
    for number, views in zip(range(9), itertools.cycle(boards), strict=False):
        views.write(HERE, {"name": f"view {number}", "search": "?x"})
    for views in boards:
        assert sorted(one["name"] for one in views.told(HERE)["views"]) == [f"view {number}" for number in range(9)]
