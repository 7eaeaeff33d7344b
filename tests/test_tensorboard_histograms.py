"""Histograms of event files stay where they lie until they are asked for, and are then what TensorBoard's form says they are."""

from __future__ import annotations

import struct
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossboard.adapters.tensorboard.reading.histograms import find_histograms
from crossboard.adapters.tensorboard.reading.source import TensorBoardSource
from crossboard.adapters.tensorboard.wire import message, octets, text, whole
from crossboard.store.embedded import EmbeddedStore
from crossboard.store.framing import encode_frame
from crossboard.store.kinds import Kind
from crossboard.store.records import HistogramPoint
from crossboard.store.source import Placed

fuzz = import_module("fuzz_event_files")
NAME = "events.out.tfevents.1.h"
START = message(7, whole(1, 1))


def event(step: int, *parts: bytes, wall: float = 1e9) -> bytes:
    return b"\x09" + struct.pack("<d", wall) + (whole(2, step) if step else b"") + b"".join(parts)


def doubles(number: int, values: Any) -> bytes:
    return octets(number, np.asarray(values, "<f8").tobytes())


def number(field: int, value: float) -> bytes:
    """A double, left out when it is 0, as protobuf does."""
    return bytes([field << 3 | 1]) + struct.pack("<d", value) if value else b""


def first_form(tag: str, step: int, counts: list[float], *, low: float = 0.0, wall: float = 1e9) -> bytes:
    """As torch writes it: limits are the right edges."""
    total = float(sum(counts))
    numbers = number(1, low) + number(2, low + len(counts)) + number(3, total) + number(4, total) + number(5, total)
    proto = numbers + doubles(6, [low + place + 1 for place in range(len(counts))]) + doubles(7, counts)
    return event(step, message(5, message(1, text(1, tag), octets(5, proto))), wall=wall)


def second_form(tag: str, step: int, counts: list[float], *, plugin: str = "histograms", dtype: str = "<f8") -> bytes:
    """As TensorFlow 2 writes it."""
    rows = np.array([(place, place + 1, count) for place, count in enumerate(counts)], dtype)
    shape = b"".join(message(2, whole(1, size)) for size in rows.shape)
    tensor = octets(8, whole(1, 2 if dtype == "<f8" else 1) + octets(2, shape) + octets(4, rows.tobytes()))
    return event(step, message(5, message(1, text(1, tag), tensor, message(9, message(1, text(1, plugin))))))


def scalar(tag: str, step: int) -> bytes:
    return event(step, message(5, message(1, text(1, tag), b"\x15" + struct.pack("<f", 1.0))))


def write(folder: Path, *events: bytes) -> Path:
    path = folder / "run" / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(encode_frame(one) for one in events))
    return path


def opened(folder: Path, cache: Path | None = None, *, read: bool = True) -> EmbeddedStore:
    store = EmbeddedStore([TensorBoardSource(folder)], memory=cache is None, cache=cache)
    if read:
        store.refresh()
    return store


def histograms(store: EmbeddedStore, tag: str | None = None, skip: int = 0) -> list[Placed]:
    return store.records(store.runs()[0].key, Kind.HISTOGRAM, tag=tag, skip=skip)


def told(store: EmbeddedStore) -> list[str]:
    return [one.what for one in store.runs()[0].problems]


# ------------------------------------------------------------------------------------------------------------ finding

steps = st.integers(-(1 << 63), (1 << 63) - 1)
tags = st.one_of(st.sampled_from(["a", "layer0/weight", "é" * 80]), st.text(st.characters(exclude_categories=["Cs"]), max_size=8))
counts = st.lists(st.integers(0, 99).map(float), min_size=1, max_size=6)


@given(
    st.lists(
        st.one_of(
            st.builds(first_form, tags, steps, counts, low=st.sampled_from([0.0, -1.5])),
            st.builds(second_form, tags, steps, counts, dtype=st.sampled_from(["<f8", "<f4"])),
            st.builds(second_form, tags, steps, counts, plugin=st.sampled_from(["scalars", "mine"])),
            st.builds(scalar, tags, steps),
            st.builds(lambda one, place, byte: one[:place] + byte + one[place + 1 :], st.builds(first_form, tags, steps, counts),
                      st.integers(9, 60), st.binary(min_size=1, max_size=1)),
        ),
        max_size=12,
    )
)  # fmt: skip
@settings(deadline=None, max_examples=80)
def test_what_is_found_at_once_is_what_the_slow_decoder_says_of_it(payloads: list[bytes]) -> None:
    fuzz.check(fuzz.input_of([one for one in payloads if len(one) < 1 << 16]))


@given(st.lists(st.tuples(st.booleans(), tags.filter(bool), steps, counts), min_size=1, max_size=20))
@settings(deadline=None, max_examples=50)
def test_every_histogram_as_torch_or_tensorflow_writes_it_stays_in_the_file(some: list[tuple[bool, str, int, list[float]]]) -> None:
    made = [(first_form if first else second_form)(tag, step, count) for first, tag, step, count in some for _ in range(3)]
    data = b"".join(encode_frame(one) for one in made)
    size = np.array([len(one) for one in made])
    start = np.cumsum(size + 16) - size - 4
    found, left = find_histograms(data, start, size, np.arange(len(made)))
    assert left.tolist() == []
    assert [(found.tags[which], step) for which, step in zip(found.tag.tolist(), found.step.tolist(), strict=True)] == [
        (tag, step) for _, tag, step, _ in some for _ in range(3)
    ]


# ----------------------------------------------------------------------------------------------------------- asking


def test_they_are_read_when_they_are_asked_for_also_from_the_cache(tmp_path: Path) -> None:
    made = [form(tag, step, [step, 1.0, 2.0]) for step in range(9) for tag, form in (("a", first_form), ("b", second_form))]
    write(tmp_path / "logs", *made)
    for read in (True, False):
        store = opened(tmp_path / "logs", tmp_path / "cache", read=read)
        assert [(one.key.tag, one.kind, one.count, one.last_step) for one in store.series()] == [
            ("a", Kind.HISTOGRAM, 9, 8),
            ("b", Kind.HISTOGRAM, 9, 8),
        ]
        everything = histograms(store)
        assert [(one.record.tag, one.record.step) for one in everything] == [(tag, step) for step in range(9) for tag in "ab"]  # type: ignore[union-attr]
        for placed in everything:
            record = placed.record
            assert isinstance(record, HistogramPoint)
            low = 0 if record.step else 1  # empty buckets at the ends of the first form say nothing
            kept = [record.step, 1, 2][low if record.tag == "a" else 0 :]
            assert (record.counts, record.count) == (kept, record.step + 3)
            assert len(record.edges) == len(record.counts) + 1
        assert histograms(store, "b") == everything[1::2]
        assert [histograms(store, skip=skip) for skip in range(20)] == [everything[skip:] for skip in range(20)]
        assert told(store) == []
        store.close()


def test_one_that_is_looked_at_at_once_stands_in_its_place_among_them(tmp_path: Path) -> None:
    odd = event(2, message(5, message(1, text(1, "a"), octets(5, number(3, 1.0) + doubles(7, [1.0]) + doubles(6, [1.0])))))
    write(tmp_path, first_form("a", 0, [1.0]), first_form("a", 1, [1.0]), odd, first_form("a", 3, [1.0]))
    store = opened(tmp_path)
    assert [one.record.step for one in histograms(store, "a")] == [0, 1, 2, 3]  # type: ignore[union-attr]


def test_a_session_start_parts_them_into_attempts(tmp_path: Path) -> None:
    write(tmp_path, first_form("a", 0, [1.0]), first_form("a", 1, [1.0]), event(0, START), first_form("a", 1, [1.0], wall=2e9))
    store = opened(tmp_path)
    assert [(one.record.step, one.attempt) for one in histograms(store)] == [(0, 1), (1, 1), (1, 2)]  # type: ignore[union-attr]
    assert store.series()[0].attempts == (1, 2)


def test_a_tag_that_was_something_else_before_stays_that(tmp_path: Path) -> None:
    write(tmp_path, second_form("a", 0, [1.0, 2.0], plugin="mine"), *(second_form("a", step, [1.0, 2.0]) for step in range(1, 6)))
    store = opened(tmp_path)
    assert [(one.kind, one.count) for one in store.series()] == [(Kind.TENSOR, 6)]


def test_a_file_that_grows_brings_more_of_them(tmp_path: Path) -> None:
    path = write(tmp_path / "logs", *(first_form("a", step, [1.0, 2.0]) for step in range(5)))
    store = opened(tmp_path / "logs", tmp_path / "cache")
    store._keeper.checkpoint(store._lock)  # some lie in the catalog then, and some in memory
    with path.open("ab") as file:
        file.write(b"".join(encode_frame(first_form("a", step, [1.0, 2.0])) for step in range(5, 8)))
    store.refresh()
    assert [one.record.step for one in histograms(store, "a")] == list(range(8))  # type: ignore[union-attr]
    store.close()


# ------------------------------------------------------------------------------------------------------ what is wrong


def test_one_that_is_none_is_told_when_it_is_read_and_hides_no_other(tmp_path: Path) -> None:
    bad = first_form("a", 1, [1.0, float("nan")])
    write(tmp_path, first_form("a", 0, [1.0]), bad, first_form("a", 2, [1.0]))
    store = opened(tmp_path)
    before = store.version
    assert told(store) == []
    for _ in range(2):
        assert [one.record.step for one in histograms(store)] == [0, 2]  # type: ignore[union-attr]
        assert told(store) == ["histogram: a histogram whose counts are no numbers; left out"]
    assert store.runs()[0].problems[0].offset == len(encode_frame(first_form("a", 0, [1.0])))
    assert store.version == before + 1, "told once"


@pytest.mark.parametrize("form", [first_form, second_form])
def test_counts_that_are_no_whole_numbers_are_rounded_and_told(tmp_path: Path, form: Any) -> None:
    write(tmp_path, *(form("a", step, [1.25, 2.0, 3.75]) for step in range(4)), *(form("b", step, [1.0]) for step in range(4)))
    store = opened(tmp_path)
    assert [one.record.counts for one in histograms(store, "a")] == [[1, 2, 4]] * 4  # type: ignore[union-attr]
    assert len(histograms(store, "b")) == 4
    assert told(store) == ["histogram 'a': counts that are no whole numbers are rounded"]


@pytest.mark.parametrize("how", ["gone", "other", "shorter"])
def test_a_file_that_is_another_one_meanwhile_gives_nothing_wrong(tmp_path: Path, how: str) -> None:
    path = write(tmp_path, *(first_form("a", step, [1.0, 2.0]) for step in range(6)))
    store = opened(tmp_path)
    if how == "gone":
        path.unlink()
    elif how == "other":
        data = bytearray(path.read_bytes())
        data[-20] ^= 1
        path.write_bytes(data)
    else:
        path.write_bytes(path.read_bytes()[:-30])
    assert len(histograms(store)) == (0 if how == "gone" else 5)
    (problem,) = told(store)
    assert problem.startswith({"gone": "cannot be read: No such file"}.get(how, "histogram: another record than the one that was found"))
