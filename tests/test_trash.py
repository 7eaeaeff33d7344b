"""Deleted runs: moved into the trash of their root, restored as they were, removed by gc or after 30 days; a live run stays."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

import crossboard as cb
from crossboard.store.errors import Damaged, NotFound
from crossboard.store.rundir import TRASH
from crossboard.store.trash import KEPT_DAYS, CannotDelete, delete, deleted_runs, remove_old, restore, root_of, trashes, why_not
from crossboard.store.waste import collect


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    with cb.init(project="p", name="one", dir=tmp_path) as run:
        run.log({"loss": 1.0}, step=0)
    return Path(run.dir)


def contents(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()}


def gone(run_dir: Path, root: Path) -> str:
    return delete(str(run_dir), key="k", name="one", root=str(root), user="ada").id


def test_a_deleted_run_lies_in_the_trash_of_its_root_and_comes_back_as_it_was(tmp_path: Path, run_dir: Path) -> None:
    before = contents(run_dir)
    identity = gone(run_dir, tmp_path)
    assert not run_dir.exists()
    assert contents(tmp_path / TRASH / identity / "run") == before
    [listed] = deleted_runs(str(tmp_path))
    assert (listed.id, listed.file.name, listed.file.path, listed.file.user) == (identity, "one", str(run_dir), "ada")
    assert listed.file.size == sum(map(len, before.values()))
    assert len(cb.open(tmp_path)) == 0
    restore(identity, root=str(tmp_path))
    assert contents(run_dir) == before
    assert not (tmp_path / TRASH).exists()
    assert len(cb.open(tmp_path)) == 1


def test_a_run_that_is_still_written_to_stays_and_the_reason_is_said(tmp_path: Path) -> None:
    run = cb.init(project="p", dir=tmp_path)
    run.log({"loss": 1.0}, step=0)
    with pytest.raises(CannotDelete, match=r"writer .* has not ended"):
        gone(Path(run.dir), tmp_path)
    assert Path(run.dir).is_dir()
    run.finish()
    gone(Path(run.dir), tmp_path)


def test_a_writer_on_another_machine_keeps_its_run_until_it_was_silent_for_a_day(tmp_path: Path, run_dir: Path) -> None:
    strange = run_dir / "records-elsewhere.cbr"
    strange.write_bytes(b"")
    now = time.time()
    assert "has not ended" in why_not(str(run_dir), now=now)
    assert why_not(str(run_dir), now=now + 25 * 3600) == ""


def test_what_is_no_run_of_ours_is_never_moved(tmp_path: Path) -> None:
    (tmp_path / "p" / "notes").mkdir(parents=True)
    with pytest.raises(CannotDelete, match=r"no run\.json"):
        gone(tmp_path / "p" / "notes", tmp_path)


def test_a_read_only_root_is_refused(tmp_path: Path, run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crossboard.store.trash.os.access", lambda path, _: Path(path) != run_dir.parent)  # root may write anywhere
    with pytest.raises(CannotDelete, match="may not be written"):
        gone(run_dir, tmp_path)
    assert run_dir.is_dir()


def test_a_file_system_that_refuses_leaves_the_run_and_no_trash(tmp_path: Path, run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr("crossboard.store.trash.os.rename", refuse)
    with pytest.raises(CannotDelete, match="another file system"):
        gone(run_dir, tmp_path)
    assert run_dir.is_dir()
    assert not (tmp_path / TRASH).exists()


def test_nothing_is_restored_over_what_lies_there_now(tmp_path: Path, run_dir: Path) -> None:
    identity = gone(run_dir, tmp_path)
    run_dir.mkdir()
    with pytest.raises(CannotDelete, match="something lies where the run lay"):
        restore(identity, root=str(tmp_path))
    assert deleted_runs(str(tmp_path))


def test_a_trash_cannot_put_a_run_outside_its_root(tmp_path: Path, run_dir: Path) -> None:
    identity = gone(run_dir, tmp_path)
    file = tmp_path / TRASH / identity / "deleted.json"
    for place in ("/tmp/elsewhere", str(tmp_path / "p" / ".." / ".." / "out"), str(tmp_path)):
        file.write_text(json.dumps({**json.loads(file.read_text()), "path": place}))
        with pytest.raises(Damaged, match="want a place below"):
            restore(identity, root=str(tmp_path))


@pytest.mark.parametrize("identity", ["", "..", "../p", "20261128-150000-0000000", "20261128-150000-00000000/../x"])
def test_an_id_is_never_taken_for_a_path(tmp_path: Path, identity: str) -> None:
    with pytest.raises(NotFound, match="deleted run"):
        restore(identity, root=str(tmp_path))


def test_what_has_lain_there_for_thirty_days_is_removed(tmp_path: Path, run_dir: Path) -> None:
    gone(run_dir, tmp_path)
    now = time.time()
    assert remove_old(str(tmp_path), now=now + (KEPT_DAYS - 1) * 86400) == []
    assert len(remove_old(str(tmp_path), now=now + (KEPT_DAYS + 1) * 86400)) == 1
    assert not (tmp_path / TRASH).exists()


def test_gc_empties_the_trash_and_a_dry_run_only_names_it(tmp_path: Path, run_dir: Path) -> None:
    gone(run_dir, tmp_path)
    [named] = [one for one in collect(tmp_path, dry_run=True) if "deleted run" in one.what]
    assert named.size > 0
    assert deleted_runs(str(tmp_path))
    list(collect(tmp_path))
    assert not (tmp_path / TRASH).exists()


def test_the_trash_of_a_project_that_was_opened_by_itself_is_found_from_its_root(tmp_path: Path, run_dir: Path) -> None:
    gone(run_dir, run_dir.parent)
    assert list(trashes(str(tmp_path))) == [str(run_dir.parent)]


def test_the_root_of_a_run_is_the_nearest_source_above_it() -> None:
    assert root_of("/a/p/run", ["/a", "/a/p", "/b"]) == "/a/p"
    assert root_of("/a/p/run", ["/a/p/run"]) == "/a/p"
    assert root_of("/ab/p/run", ["/a"]) == "/ab/p"
