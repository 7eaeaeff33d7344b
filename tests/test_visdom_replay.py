"""The log of Visdom's client: read directly, it is what a server has after it was replayed into one; followed while it grows."""

from __future__ import annotations

import json
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crossboard as cb
from crossboard.adapters.visdom import replay
from crossboard.adapters.visdom.source import VisdomSource
from crossboard.store.embedded import EmbeddedStore
from crossboard.store.kinds import Kind, SeriesKey
from crossboard.store.records import ImagePoint, Pane
from crossboard.store.source import Batch

GOLDEN = Path(__file__).parent / "golden"


real = import_module("real_visdom")
reading = import_module("visdom_panes")


def line(endpoint: str, **message: Any) -> bytes:
    return json.dumps([endpoint, {"eid": "main", "win": "w", "opts": {}, "layout": {}, **message}]).encode() + b"\n"


def curve(x: list[Any], y: list[Any], name: str = "1") -> list[Any]:
    return [{"type": "scatter", "name": name, "x": x, "y": y}]


PICTURE = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="


def frame(caption: str) -> list[Any]:
    return [{"type": "image_history", "content": {"src": PICTURE, "caption": caption}}]


# ------------------------------------------------------------------------------------------------- a real server


def test_a_log_is_read_as_what_a_real_server_has_after_replaying_it(tmp_path: Path) -> None:
    real.need_0_2()
    folder = tmp_path / ".visdom"
    folder.mkdir()
    log = tmp_path / "log" / "messages.jsonl"
    log.parent.mkdir()
    real.draw_all(real.client(offline=True, log_to_filename=str(log)))
    other = real.client(offline=True, log_to_filename=str(log), env="of/another")
    other.line([1.0, 2.0], [0, 1], win="w", opts={"title": "loss"})
    other.line([3.0], [2], win="w", update="append")
    with real.serve(folder) as port:
        real.client(port).replay_log(str(log))
        want = {env: real.panes_of(port, env) for env in ("main", "of_another")}
    source = VisdomSource(log.parent)
    runs = {run.id: run for run in source.scan()}
    assert set(runs) == set(want)
    for env, panes in want.items():
        batch = source.read(runs[env], None)
        assert batch.problems == []
        got = reading.panes_of(source, runs[env], batch)
        assert list(got) == list(panes)
        for window, pane in panes.items():
            assert {**got[window], "contentID": ""} == {**reading.nulled(pane), "contentID": ""}, window


def test_a_log_of_visdom_0_3_0_is_read_as_it_answered() -> None:
    """But for what 0.3.0 counts itself: versions and comments of panes."""
    source = VisdomSource(GOLDEN / "visdom_0.3.0" / "log.jsonl")
    [run] = source.scan()
    got = reading.panes_of(source, run, source.read(run, None))
    want = json.loads((GOLDEN / "visdom_0.3.0" / "answers" / "main.answer").read_text())
    assert list(got) == list(want)
    for window, pane in want.items():
        for one in (got[window], pane):
            for name in ("contentID", "version", "comment"):
                one.pop(name, None)
            if isinstance(one["content"], dict) and one["content"].get("caption") is None:
                one["content"].pop("caption", None)
        assert got[window] == pane, window


# ----------------------------------------------------------------------------------------------------- following

messages = st.one_of(
    st.builds(
        lambda w, y: line("events", win=w, data=curve(list(range(len(y))), y), opts={"title": w}),
        st.sampled_from("ab"),
        st.lists(st.integers(0, 9), min_size=1, max_size=3),
    ),
    st.builds(
        lambda w, x, y: line("update", win=w, append=True, data=curve([x], [y])),
        st.sampled_from("ab"),
        st.integers(0, 9) | st.just(0.5),
        st.integers(0, 9),
    ),
    st.builds(
        lambda w, n: line("update", win=w, append=True, name=n, data=curve([1], [2], n)), st.sampled_from("ab"), st.sampled_from("mn")
    ),
    st.builds(
        lambda w, n: line("update", win=w, delete=True, name=n, data=curve([1], [2], n)), st.sampled_from("ab"), st.sampled_from("mn")
    ),
    st.builds(lambda t: line("update", win="t", append=True, data=[{"type": "text", "content": t}]), st.sampled_from("xy")),
    st.builds(lambda c: line("update", win="h", append=True, data=frame(c)), st.sampled_from("xy")),
    st.builds(lambda e: line("events", eid=e, win="other", data=[{"type": "text", "content": e}]), st.sampled_from(["e", "f/g"])),
    st.sampled_from([b"\n", b"no JSON\n", b"[1, 2]\n", b'["events", {"win": "w"}]\n']),
)


def shown(store: EmbeddedStore) -> Any:
    """All that a store shows, without times."""
    found = {}
    for run in store.runs():
        keys = [one.key for one in store.series(run=run.key, kind=Kind.SCALAR)]
        series = {key.tag: (store.points(key).step.tolist(), store.points(key).value.tolist()) for key in keys}
        panes: dict[str, Any] = {}
        for placed in store.records(run.key, Kind.CONFIG):
            if isinstance(placed.record, Pane):
                one = placed.record
                panes[one.window] = (one.title, one.order, one.traces, json.loads(store.blob(run.key, one.content)))
        images = [
            (one.record.step, one.record.images[0].caption)
            for one in store.records(run.key, Kind.IMAGE)
            if isinstance(one.record, ImagePoint)
        ]
        texts = [getattr(one.record, "texts", None) for one in store.records(run.key, Kind.TEXT)]
        found[run.id] = (series, panes, images, texts)
    return found


@settings(deadline=None, max_examples=40)
@given(st.lists(messages, min_size=1, max_size=12), st.data())
def test_a_log_followed_at_any_pace_shows_what_is_read_at_once(lines: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=5)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log")
        path.write_bytes(b"")
        followed = EmbeddedStore([VisdomSource(path)], memory=True)
        for begin, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
            with path.open("ab") as file:
                file.write(whole[begin:end])
            followed.refresh()
            followed.refresh()
        anew = EmbeddedStore([VisdomSource(path)], memory=True)
        anew.refresh()
        assert shown(followed) == shown(anew)
        assert [set(map(str, one.problems)) for one in followed.runs()] == [set(map(str, one.problems)) for one in anew.runs()]
        followed.close()
        anew.close()


def test_what_only_adds_comes_by_itself_and_what_does_not_says_restart(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(line("events", data=curve([0, 1], [5, 6]), opts={"title": "loss"}))
    source = VisdomSource(log)
    [run] = source.scan()
    first = source.read(run, None)
    assert not first.restart

    def then(added: bytes, cursor: bytes) -> Batch:
        with log.open("ab") as file:
            file.write(added)
        batch = source.read(run, cursor)
        assert source.read(run, cursor) == batch, "read twice from one cursor"
        return batch

    second = then(line("update", append=True, data=curve([2], [7])), first.cursor)
    assert (second.restart, [one.points.value.tolist() for one in second.strands]) == (False, [[7.0]])
    third = then(line("update", win="h", append=True, data=frame("a")), second.cursor)
    fourth = then(line("update", win="h", append=True, data=frame("b")), third.cursor)
    assert (fourth.restart, fourth.strands) == (False, [])
    assert [one.record.step for one in fourth.records if isinstance(one.record, ImagePoint)] == [1]
    fifth = then(line("events", data=curve([0], [1]), opts={"title": "loss"}), fourth.cursor)
    assert fifth.restart
    assert [one.points.value.tolist() for one in fifth.strands] == [[1.0]]
    assert then(b"", fifth.cursor).strands == []


def test_a_board_that_starts_again_shows_what_it_had_and_reads_on(tmp_path: Path) -> None:
    folder = tmp_path / "envs"
    folder.mkdir()
    log = folder / "log"
    log.write_bytes(
        line("events", data=curve([0, 1], [5, 6]), opts={"title": "loss"}) + line("update", win="h", append=True, data=frame("a"))
    )
    (folder / "main.json").write_text((GOLDEN / "visdom_0.3.0" / "main.json").read_text())
    store = EmbeddedStore([VisdomSource(folder)], cache=tmp_path / "cache")
    store.refresh()
    before = repr(shown(store))
    store.close()
    store = EmbeddedStore([VisdomSource(folder)], cache=tmp_path / "cache")
    assert repr(shown(store)) == before
    store.refresh()
    assert repr(shown(store)) == before
    with log.open("ab") as file:
        file.write(line("update", append=True, data=curve([2], [7])))
    store.refresh()
    [info] = [one for one in store.series(tag="loss") if "#" in one.key.run]
    assert store.points(info.key).value.tolist() == [5.0, 6.0, 7.0]
    [picture] = store.records(info.key.run, Kind.IMAGE)
    assert isinstance(picture.record, ImagePoint)
    assert store.blob(info.key.run, picture.record.images[0].blob)[:4] == b"\x89PNG"
    store.close()


def test_a_log_that_is_replaced_is_read_anew(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(line("events", data=curve([0, 1], [5, 6]), opts={"title": "loss"}))
    source = VisdomSource(log)
    [run] = source.scan()
    cursor = source.read(run, None).cursor
    for made in (
        line("events", data=curve([0], [1]), opts={"title": "l"}),
        line("events", data=curve([0, 1], [8, 6]), opts={"title": "loss"}),
    ):
        log.write_bytes(made)
        batch = source.read(run, cursor)
        cursor = batch.cursor
        assert batch.restart
        assert len(batch.strands) == 1


def test_a_line_that_is_no_message_is_said_with_its_place_and_hides_no_other(tmp_path: Path) -> None:
    log = tmp_path / "log"
    good = line("events", data=curve([0, 1], [5, 6]), opts={"title": "loss"})
    bad = [b'["events", {"win": "w", "data": [}]\n', b"[" * 1000 + b"\n", b'["save", {}]\n', line("update", data=[{"x": 1}])]
    log.write_bytes(good + b"".join(bad) + line("update", append=True, data=curve([2], [7])))
    _, run, batch = reading.read_one(log)
    assert batch.strands[0].points.value.tolist() == [5.0, 6.0, 7.0]
    assert len(batch.problems) == len(bad)
    offset = len(good)
    for problem, text in zip(batch.problems, bad, strict=True):
        assert problem.path == str(log)
        assert offset <= problem.offset < offset + len(text)
        offset += len(text)
    assert run.name == "main (log)"


def test_a_line_that_is_too_long_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "PIECE", 64)
    monkeypatch.setattr(replay, "MOST_LINE", 1000)
    log = tmp_path / "log"
    long = line("events", win="long", data=[{"type": "text", "content": "x" * 5000}])
    log.write_bytes(line("events", data=curve([0], [5])) + long + line("update", append=True, data=curve([1], [6])))
    _, _, batch = reading.read_one(log)
    assert batch.strands[0].points.value.tolist() == [5.0, 6.0]
    assert "a line of more than 1,000 bytes" in batch.problems[0].what


def test_a_log_stands_beside_environments_and_other_runs(tmp_path: Path) -> None:
    (tmp_path / "main.json").write_text(json.dumps({"jsons": {}, "reload": {}}))
    (tmp_path / "notes.txt").write_text("events and updates\n")
    (tmp_path / "log").write_bytes(line("events", data=curve([0, 1], [5, 6]), opts={"title": "loss"}))
    runs = cb.open(tmp_path)
    assert sorted(run.name for run in runs) == ["main", "main (log)"]
    store = runs.store
    [info] = store.series(tag="loss")
    assert store.points(SeriesKey(info.key.run, "loss")).value.tolist() == [5.0, 6.0]
