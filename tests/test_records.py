"""Record schemas: each comes back as it went, version 1 is read for ever, and what is newer is refused in clear words.

tests/golden/root_v1 was made once by tests/golden/make_root_v1.py, panes_v1 by make_panes_v1.py when records of panes were added.
"""

from __future__ import annotations

import importlib.util
import math
import os
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossboard.store.blobs import read_blob, write_blob
from crossboard.store.embedded import EmbeddedStore
from crossboard.store.errors import Damaged, FormatTooNew, NotFound
from crossboard.store.fold import RunState
from crossboard.store.framing import encode_frame, read_frames
from crossboard.store.kinds import Kind, SeriesKey
from crossboard.store.native import NativeSource
from crossboard.store.records import (
    KIND_OF,
    MEDIA_EXTENSIONS,
    VERSION,
    Ended,
    Foreign,
    ImagePoint,
    InFile,
    Inline,
    Opened,
    Record,
    Sealed,
    TagDeclared,
    decode_record,
    encode_record,
)
from crossboard.store.source import Batch, FoundRun

GOLDEN = Path(__file__).parent / "golden"
RUN = Path("digits", "golden-1")


def maker(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, GOLDEN / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAKER: Any = maker("make_root_v1")
PANES: Any = maker("make_panes_v1")


def read_all(root: Path) -> tuple[FoundRun, Batch]:
    source = NativeSource(root)
    [run] = source.scan()
    return run, source.read(run, None)


def points_of(batch: Batch) -> dict[tuple[str, str], list[tuple[int, float, float]]]:
    found: dict[tuple[str, str], list[tuple[int, float, float]]] = {}
    for strand in batch.strands:
        rows = zip(strand.points.step.tolist(), strand.points.wall_time.tolist(), strand.points.value.tolist(), strict=True)
        found.setdefault((strand.writer, strand.tag), []).extend(rows)
    return found


# ------------------------------------------------------------------------------------------- the golden root


def test_the_golden_roots_hold_every_schema_and_every_kind() -> None:
    _, batch = read_all(GOLDEN / "root_v1")
    _, panes = read_all(GOLDEN / "panes_v1")
    seen = {type(placed.record) for placed in batch.records + panes.records}
    assert seen == set(get_args(Record)) == {*KIND_OF, TagDeclared}
    assert {KIND_OF[one] for one in seen - {TagDeclared}} | {Kind.SCALAR} == set(Kind)
    assert (batch.problems, panes.problems) == ([], [])


def test_the_golden_records_say_what_version_1_wrote() -> None:
    _, batch = read_all(GOLDEN / "root_v1")
    got = [placed.record for placed in batch.records if placed.writer == "a1r0" and not isinstance(placed.record, Sealed)]
    assert got == MAKER.every_kind()


def test_the_golden_points_are_read_from_journals_and_from_the_sealed_file() -> None:
    run, batch = read_all(GOLDEN / "root_v1")
    points = points_of(batch)
    t0 = MAKER.T0
    assert [row[:2] for row in points["a1r0", "train/loss"]] == [(-1, t0 + 1), (0, t0 + 2), (0, t0 + 1.5), (2**40, t0 + 3)]
    values = [row[2] for row in points["a1r0", "train/loss"]]
    assert (values[:2], math.isnan(values[2]), values[3]) == ([2.5, 1.25], True, math.inf)
    assert points["a1r0", "val/acc"] == [(2, t0 + 4, -math.inf)]
    assert points["a2r0", "train/loss"] == [(1, t0 + 200, 0.5), (2, t0 + 210, 0.25), (2, t0 + 220, 0.125)]
    assert points["a2r1", "train/loss"] == [(1, t0 + 200, 0.75)]
    assert len(points) == 4
    assert {(strand.writer, strand.attempt, strand.rank) for strand in batch.strands} == {
        ("a1r0", 1, 0),
        ("a2r0", 2, 0),
        ("a2r1", 2, 1),
    }
    assert (run.project, run.id, run.name, run.group, run.tags) == ("digits", "golden-1", "first of its kind", "golden", ("small", "old"))


def test_the_golden_records_of_panes_say_what_was_written() -> None:
    _, batch = read_all(GOLDEN / "panes_v1")
    got = [placed.record for placed in batch.records if placed.writer == "w1"]
    assert [one for one in got if not isinstance(one, (Opened, Ended, Sealed))] == PANES.panes()


def test_the_golden_attempts_of_tag_ids_are_read_from_journals_and_from_the_sealed_file() -> None:
    _, batch = read_all(GOLDEN / "panes_v1")
    got = [(one.writer, one.tag, one.attempt, one.points.step.tolist(), one.points.value.tolist()) for one in batch.strands]
    assert got == [
        ("w1", "training/loss", 1, [0, 1, 2], [1.0] * 3),
        ("w1", "training/loss", 2, [1, 2, 3], [2.0] * 3),
        ("w1", "training/loss x", 2, [1, 2, 3], [0.5] * 3),
        ("w2", "acc", 1, [0, 1], [1.0, 1.5]),
        ("w2", "acc", 3, [1], [2.5]),
    ]
    store = EmbeddedStore([NativeSource(GOLDEN / "panes_v1")], memory=True)
    store.refresh()
    [run] = store.runs()
    assert store.points(SeriesKey(run.key, "training/loss")).value.tolist() == [1.0, 2.0, 2.0, 2.0]
    assert store.points(SeriesKey(run.key, "acc")).value.tolist() == [1.0, 2.5]
    assert store.series(run=run.key, tag="acc")[0].attempts == (1, 3)
    store.close()


def test_the_golden_run_folds_to_what_people_were_shown() -> None:
    run, batch = read_all(GOLDEN / "root_v1")
    state = RunState(key=run.key, source="native")
    state.found(run)
    for placed in batch.records:
        state.apply(placed)
    state.hear(batch.writers)
    info = state.info(now=MAKER.T0 + 1e6)
    assert (info.name, info.tags, info.notes, info.hidden) == ("golden", ("kept",), "written by the program", False)
    assert (info.attempts, info.ranks, info.dropped, info.framework) == (2, 2, 2, "keras")
    assert info.config == {"lr": 0.1, "model": {"width": 64, "depth": None}, "layers": [1, 2]}
    assert info.summary == {"best_epoch": 2}
    assert info.started == MAKER.T0 + 100


def test_the_golden_blobs_are_read_where_they_lie() -> None:
    run, batch = read_all(GOLDEN / "root_v1")
    [image] = [placed.record for placed in batch.records if isinstance(placed.record, ImagePoint)]
    source = NativeSource(GOLDEN / "root_v1")
    assert source.blob(run, image.images[0].blob) == MAKER.PICTURE
    assert source.blob(run, image.images[1].blob) == MAKER.SMALL


@pytest.mark.parametrize(
    ("module", "root", "whole"),
    [(MAKER, "root_v1", ("records-a2r0.cbr", "records-board.cbr")), (PANES, "panes_v1", ("records-w2.cbr",))],
)
def test_todays_crossboard_still_writes_version_1_byte_for_byte(tmp_path: Path, module: Any, root: str, whole: tuple[str, ...]) -> None:
    module.make_root(tmp_path)
    made = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    kept = {path.relative_to(GOLDEN / root) for path in (GOLDEN / root).rglob("*") if path.is_file()}
    assert made == kept
    for name in made:
        if name.suffix in (".cbj", ".json", ".png") or name.name in whole:
            assert (tmp_path / name).read_bytes() == (GOLDEN / root / name).read_bytes(), name


def bump_run_file(run: Path) -> None:
    path = run / "run.json"
    path.write_text(path.read_text().replace('"version": 1', '"version": 2'))


def bump_opened(run: Path) -> None:
    path = run / "records-a2r0.cbr"
    frames, _, _ = read_frames(path.read_bytes(), path="x")
    first = msgspec.msgpack.decode(frames[0][1])
    first["version"] = VERSION + 1
    rest = b"".join(encode_frame(payload) for _, payload in frames[1:])
    path.write_bytes(encode_frame(msgspec.msgpack.encode(first)) + rest)


def bump_schema(run: Path) -> None:
    with (run / "records-a2r0.cbr").open("ab") as file:
        file.write(encode_frame(msgspec.msgpack.encode({"t": "hologram", "tag": "x", "step": 1})))


def bump_points(run: Path) -> None:
    path = run / "points-a2r0.cbj"
    data = bytearray(path.read_bytes())
    data[8] = 2
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("bump", [bump_run_file, bump_opened, bump_schema, bump_points])
def test_a_newer_file_is_refused_by_name_and_every_other_file_is_read(tmp_path: Path, bump: Any) -> None:
    shutil.copytree(GOLDEN / "root_v1", tmp_path / "root")
    bump(tmp_path / "root" / RUN)
    _, batch = read_all(tmp_path / "root")
    [problem] = [problem for problem in batch.problems if "upgrade crossboard" in problem.what]
    assert os.path.basename(problem.path) in ("run.json", "records-a2r0.cbr", "points-a2r0.cbj")
    assert len(points_of(batch)["a1r0", "train/loss"]) == 4
    assert len(points_of(batch)["a2r1", "train/loss"]) == 1


# -------------------------------------------------------------------------------------------------- records

texts = st.text(max_size=20)
jsonable = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(texts, jsonable, max_size=4), st.floats(allow_nan=False))
def test_a_config_comes_back_as_it_was_given(config: dict[str, Any], wall_time: float) -> None:
    from crossboard.store.records import ConfigSet

    record = ConfigSet(wall_time=wall_time, config=config)
    assert decode_record(encode_record(record), path="r.cbr", offset=0) == record


def test_unknown_fields_are_skipped_so_that_a_field_can_be_added() -> None:
    payload = msgspec.msgpack.encode({"t": "tag", "id": 4, "tag": "loss", "unit_of_the_future": "m"})
    assert decode_record(payload, path="r.cbr", offset=0) == TagDeclared(id=4, tag="loss")


def test_an_unknown_schema_is_too_new_and_says_where() -> None:
    with pytest.raises(FormatTooNew, match=r"'hologram'.*upgrade crossboard to\s+read it at byte 77 of r\.cbr"):
        decode_record(msgspec.msgpack.encode({"t": "hologram"}), path="r.cbr", offset=77)


@pytest.mark.parametrize(
    "payload", [b"", b"\xc1", b"\x93\x01", msgspec.msgpack.encode([1]), msgspec.msgpack.encode({"t": "tag", "id": "one", "tag": "x"})]
)
def test_anything_else_is_damage_and_says_where(payload: bytes) -> None:
    with pytest.raises(Damaged, match=r"at byte 12 of r\.cbr"):
        decode_record(payload, path="r.cbr", offset=12)


def test_a_newer_records_version_is_refused() -> None:
    first = MAKER.every_kind()[0]
    assert isinstance(first, Opened)
    with pytest.raises(FormatTooNew, match=r"records version 2, this crossboard reads up to 1; upgrade crossboard"):
        decode_record(encode_record(msgspec.structs.replace(first, version=2)), path="r.cbr", offset=0)


# ---------------------------------------------------------------------------------------------------- blobs


def test_small_blobs_lie_inside_the_record_and_large_ones_by_content(tmp_path: Path) -> None:
    run = os.fspath(tmp_path)
    assert write_blob(run, b"x" * 4096, extension="bin", media_type="x/y") == Inline(b"x" * 4096, "x/y")
    blob = write_blob(run, b"x" * 4097, extension="bin", media_type="x/y")
    assert isinstance(blob, InFile)
    assert write_blob(run, b"x" * 4097, extension="bin", media_type="x/y") == blob
    assert [path.name for path in (tmp_path / "media").iterdir()] == [f"{blob.sha256}.bin"]
    assert read_blob(run, blob) == b"x" * 4097


def test_a_changed_or_missing_blob_is_said(tmp_path: Path) -> None:
    run = os.fspath(tmp_path)
    blob = write_blob(run, b"x" * 5000, extension="png", media_type="image/png")
    assert isinstance(blob, InFile)
    path = tmp_path / "media" / f"{blob.sha256}.png"
    path.write_bytes(b"x" * 4999 + b"y")
    with pytest.raises(Damaged, match="are not the 5000 written"):
        read_blob(run, blob)
    path.unlink()
    with pytest.raises(NotFound, match="are gone"):
        read_blob(run, blob)


@pytest.mark.parametrize(("digest", "extension"), [("../../etc/passwd", "png"), ("a" * 64, "exe"), ("A" * 64, "png"), ("a" * 64, "../x")])
def test_a_blob_never_leads_out_of_the_media_folder(tmp_path: Path, digest: str, extension: str) -> None:
    with pytest.raises(Damaged, match="want a SHA-256"):
        read_blob(os.fspath(tmp_path), InFile(digest, extension, 1, "image/png"))
    assert extension not in MEDIA_EXTENSIONS or digest != "a" * 64


def test_foreign_bytes_are_read_in_place_and_unpacked(tmp_path: Path) -> None:
    import base64
    import gzip

    data = gzip.compress(b"packed")
    path = tmp_path / "other.bin"
    path.write_bytes(b"head" + data + base64.b64encode(b"text"))
    assert read_blob("", Foreign(os.fspath(path), 0, 4, "x/y")) == b"head"
    assert read_blob("", Foreign(os.fspath(path), 4, len(data), "x/y", "gzip")) == b"packed"
    assert read_blob("", Foreign(os.fspath(path), 4 + len(data), 8, "x/y", "base64")) == b"text"
    with pytest.raises(Damaged, match="want 99 bytes"):
        read_blob("", Foreign(os.fspath(path), 0, 99, "x/y"))
