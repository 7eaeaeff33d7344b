"""Edits of runs in foreign sources: kept beside them, shown as if the source held them, never in the source and never in the cache."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossboard.store.embedded import EmbeddedStore
from crossboard.store.fold import EDITABLE
from crossboard.store.records import Edited
from crossboard.store.side_edits import FILE, SideEdits
from crossboard.store.side_lines import data_root
from crossboard.store.source import Batch, FoundRun

KEY = "tensorboard:/logs/a"


def found(key: str = KEY) -> FoundRun:
    return FoundRun(key, key.partition(":")[2], "logs", "a", "a", 100.0)


def foreign(edits: SideEdits) -> EmbeddedStore:
    store = EmbeddedStore(memory=True, edits=edits)
    store.append(found(), Batch(b""), source="tensorboard")
    return store


def test_an_edit_is_told_at_once_and_by_every_store_that_comes_later(tmp_path: Path) -> None:
    store = foreign(SideEdits(tmp_path / FILE))
    before = store.version
    store.edit(KEY, Edited(wall_time=5.0, name="ours", tags=["x", "y"], notes="n", archived=True, color="c11"))
    run = store.run(KEY)
    assert (run.name, run.tags, run.notes, run.archived, run.color) == ("ours", ("x", "y"), "n", True, "c11")
    assert KEY in store.changes_since(before).runs
    assert foreign(SideEdits(tmp_path / FILE)).run(KEY).name == "ours"


def test_what_another_board_edits_is_taken_in_at_the_next_refresh(tmp_path: Path) -> None:
    here, there = foreign(SideEdits(tmp_path / FILE)), foreign(SideEdits(tmp_path / FILE))
    there.edit(KEY, Edited(wall_time=5.0, notes="from there"))
    assert here.run(KEY).notes == ""
    here.refresh()
    assert here.run(KEY).notes == "from there"


def test_the_cache_holds_nothing_of_it_and_deleting_the_file_forgets_it(tmp_path: Path) -> None:
    store = foreign(SideEdits(tmp_path / FILE))
    store.edit(KEY, Edited(wall_time=5.0, name="ours"))
    (tmp_path / FILE).unlink()
    store.refresh()
    assert store.run(KEY).name == "a"


def test_a_native_run_is_refused_since_its_edits_are_records_of_its_own(tmp_path: Path) -> None:
    store = EmbeddedStore(memory=True, edits=SideEdits(tmp_path / FILE))
    store.append(found("native:/runs/p/a"), Batch(b""), source="native")
    with pytest.raises(ValueError, match="want a foreign one"):
        store.edit("native:/runs/p/a", Edited(wall_time=1.0, name="x"))
    assert not (tmp_path / FILE).exists()


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b"]),
            st.floats(0, 100),
            st.dictionaries(st.sampled_from(["name", "notes", "group"]), st.text(max_size=8), min_size=1),
        ),
        max_size=12,
    )
)
def test_the_newest_edit_wins_per_field_however_the_file_is_read(
    tmp_path_factory: pytest.TempPathFactory, edits: list[tuple[str, float, dict[str, str]]]
) -> None:
    path = tmp_path_factory.mktemp("edits") / FILE
    live, writer = SideEdits(path), SideEdits(path)
    wanted: dict[str, dict[str, tuple[float, str]]] = {}
    for run, wall, fields in edits:
        writer.append(run, Edited(wall_time=wall, **fields))  # type: ignore[arg-type]
        live.refresh()
        for name, value in fields.items():
            mine = wanted.setdefault(run, {})
            if name not in mine or wall >= mine[name][0]:
                mine[name] = (wall, value)
    at_once = SideEdits(path)
    at_once.refresh()
    for run in ("a", "b"):
        assert live.of(run) == at_once.of(run) == {name: value for name, (_, value) in wanted.get(run, {}).items()}


def test_a_line_that_is_not_whole_yet_is_read_when_it_is(tmp_path: Path) -> None:
    path = tmp_path / FILE
    SideEdits(path).append("a", Edited(wall_time=1.0, name="whole"))
    data = path.read_bytes()
    path.write_bytes(data + data[:-9])
    reader = SideEdits(path)
    assert reader.refresh() == {"a"}
    with path.open("ab") as file:
        file.write(data[-9:].replace(b'"t"', b'"t"'))
    assert reader.refresh() == {"a"}
    assert reader.unreadable == 0


def test_lines_of_a_newer_version_and_lines_that_are_no_edits_are_left_out_and_counted(tmp_path: Path) -> None:
    path = tmp_path / FILE
    newer = {"version": 2, "run": "a", "edit": {"t": "edited", "wall_time": 1.0, "name": "newer"}}
    path.write_text(f"{json.dumps(newer)}\nno json\n")
    SideEdits(path).append("a", Edited(wall_time=2.0, notes="ours"))
    reader = SideEdits(path)
    reader.refresh()
    assert reader.of("a") == {"notes": "ours"}
    assert reader.unreadable == 2


def test_a_torn_last_line_does_not_swallow_the_next_edit(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_text('{"version": 1, "run": "a", "ed')
    SideEdits(path).append("a", Edited(wall_time=2.0, notes="ours"))
    reader = SideEdits(path)
    reader.refresh()
    assert reader.of("a") == {"notes": "ours"}


def test_the_file_lies_in_the_data_directory_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CROSSBOARD_DATA", str(tmp_path / "one"))
    assert data_root() == tmp_path / "one"
    monkeypatch.delenv("CROSSBOARD_DATA")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert data_root() == tmp_path / "crossboard"
    assert SideEdits().path == tmp_path / "crossboard" / FILE


def test_every_field_that_can_be_edited_is_one_of_the_record() -> None:
    assert set(EDITABLE) <= set(Edited.__struct_fields__)
