"""Coverage-guided fuzzing of the event file reader: frames, events and what every plugin keeps.

    python -m venv fuzz && fuzz/bin/pip install atheris numpy msgspec google-crc32c
    PYTHONPATH=src python tests/fuzz_event_files.py --seeds CORPUS LOGDIR...      real event files, cut into seeds
    PYTHONPATH=src fuzz/bin/python tests/fuzz_event_files.py CORPUS -max_total_time=1200 -timeout=20 -rss_limit_mb=3000 -max_len=8192

atheris (PyPI) has wheels for Linux; what stands after the corpus goes to libFuzzer. An input that fails is written as ``crash-<hash>``
and run again by naming it in the place of the corpus.

    input := b"F" bytes of a file  |  b"P" a projector's list  |  anything else: (length u16, payload)*, each put into a whole frame

What must hold of each input: nothing is raised, the numbers and the histograms that are found all at once are those of the slow
decoder, every record can be kept (it encodes), and a file that is read in small pieces says what it says in one.
"""

from __future__ import annotations

import hashlib
import importlib
import sys
from pathlib import Path
from typing import Any

from crossboard.adapters.tensorboard.reading.storage import FileState
from crossboard.store.framing import encode_frame, read_frames

NAME = "events.out.tfevents.1.h"


class OneFile:
    """A file in memory, as storage. Implements `storage.Storage` and `storage.Bytes`."""

    by_offset = True

    def __init__(self, data: bytes) -> None:
        self.data, self.size = data, len(data)

    def state(self, path: str) -> FileState:
        return FileState(self.size, 0.0, "")

    def open(self, path: str) -> OneFile:
        return self

    def read(self, size: int, offset: int) -> bytes:
        return self.data[offset : offset + size]

    def close(self) -> None: ...


def file_of(data: bytes) -> bytes:
    """The event file that an input stands for."""
    if data[:1] == b"F":
        return data[1:]
    frames, at = [], 1
    while at + 2 <= len(data):
        length = int.from_bytes(data[at : at + 2], "little")
        frames.append(encode_frame(data[at + 2 : at + 2 + length]))
        at += 2 + length
    return b"".join(frames)


def input_of(payloads: list[bytes]) -> bytes:
    """An input that stands for these payloads."""
    return b"E" + b"".join(len(one).to_bytes(2, "little") + one for one in payloads)


def read(data: bytes, budget: int) -> tuple[list[bytes], dict[Any, bytes], list[str]]:
    """(records as bytes, columns by strand, problems) of a file that is read at most `budget` bytes at a time."""
    import numpy as np

    from crossboard.adapters.tensorboard.reading.histograms import read_points
    from crossboard.adapters.tensorboard.reading.runs import Reading, RunCursor
    from crossboard.store.records import encode_record

    state, offset = RunCursor(), -1
    records: list[bytes] = []
    columns: dict[Any, list[bytes]] = {}
    problems: list[str] = []
    while offset != (offset := state.files[NAME].offset if NAME in state.files else 0):
        reading = Reading("/logs", state, {}, OneFile(data), {})
        reading.read_file(NAME, budget)
        batch = reading.batch((NAME,), more=False)
        held = [(placed.offset, encode_record(placed.record)) for placed in batch.records]
        problems += [str(problem) for problem in batch.problems]
        for unread in batch.unread:
            found, met = read_points("/logs", unread, OneFile(data))
            assert {one.offset for one in found} | {one.offset for one in met if one.offset >= 0} == set(unread.offset.tolist())
            held += [(placed.offset, encode_record(placed.record)) for placed in found]
            problems += [str(problem) for problem in met]
        records += [one for _, one in sorted(held, key=lambda pair: pair[0])]
        for one in batch.strands:
            some = np.stack([one.points.step.view(np.int64), one.points.wall_time.view(np.int64), one.points.value.view(np.int64)], axis=1)
            columns.setdefault((one.tag, one.attempt, one.writer), []).append(some.tobytes())
    return records, {key: b"".join(parts) for key, parts in columns.items()}, problems


def check(data: bytes) -> None:
    """Raise where one of the promises does not hold."""
    from crossboard.adapters.tensorboard.reading.events import array_of, event_of
    from crossboard.adapters.tensorboard.reading.frames import find_frames
    from crossboard.adapters.tensorboard.reading.histograms import find_histograms
    from crossboard.adapters.tensorboard.reading.scalars import find_numbers

    if data[:1] == b"P":
        check_list(data[1:])
        return
    whole = file_of(data)
    found = find_frames(whole, path="x", base=0)
    plain, end, _ = read_frames(whole, path="x")
    assert [(at, payload) for at, payload in plain] == [
        (start - 12, whole[start : start + size]) for start, size in zip(found.start.tolist(), found.size.tolist(), strict=True)
    ]
    assert found.end == end
    found_numbers, left = find_numbers(whole, found.start, found.size)
    assert sorted([*left.tolist(), *(record for one in found_numbers for record in one.record.tolist())]) == list(range(len(found.start)))
    for numbers in found_numbers:
        for place, record in enumerate(numbers.record.tolist()):
            start, size = int(found.start[record]), int(found.size[record])
            event = event_of(whole, start, start + size)
            (value,) = event.values
            slow = value.simple if value.simple is not None else float(array_of(whole, value.tensor).reshape(-1)[0])  # type: ignore[arg-type]
            fast = float(numbers.value[place])
            assert (event.step, value.tag, repr(slow)) == (int(numbers.step[place]), numbers.tag, repr(fast))
            assert (value.plugin or "") == numbers.plugin
            assert repr(event.wall_time) == repr(float(numbers.wall_time[place]))
    histograms, rest = find_histograms(whole, found.start, found.size, left)
    assert sorted([*rest.tolist(), *histograms.record.tolist()]) == left.tolist()
    for place, record in enumerate(histograms.record.tolist()):
        start, size = int(found.start[record]), int(found.size[record])
        event = event_of(whole, start, start + size)
        (value,) = event.values
        assert value.histogram is not None
        assert (event.step, value.tag) == (int(histograms.step[place]), histograms.tags[int(histograms.tag[place])])
        assert repr(event.wall_time) == repr(float(histograms.wall_time[place]))
    assert read(whole, 1 << 30)[:2] == read(whole, 1)[:2]


def check_list(data: bytes) -> None:
    """A projector's list is read, or refused in the one way."""
    from crossboard.adapters.tensorboard.reading.fields import NotAMessage
    from crossboard.adapters.tensorboard.reading.projector import embeddings_of

    try:
        assert all(isinstance(one.name, str) for one in embeddings_of(data))
    except NotAMessage:
        return


def seeds(corpus: Path, logdirs: list[str]) -> int:
    """Write inputs made of the event files below `logdirs`: an event each, and files as they are where they are short."""
    corpus.mkdir(parents=True, exist_ok=True)
    made = 0
    for list_ in [file for logdir in logdirs for file in sorted(Path(logdir).rglob("projector_config.pbtxt"))]:
        one = b"P" + list_.read_bytes()
        (corpus / hashlib.sha256(one).hexdigest()[:16]).write_bytes(one)
        made += 1
    for file in [file for logdir in logdirs for file in sorted(Path(logdir).rglob("*tfevents*")) if file.is_file()]:
        frames, _, _ = read_frames(file.read_bytes(), path=str(file))
        payloads = [payload for _, payload in frames if len(payload) < 4000]
        inputs = [input_of([payload]) for payload in payloads[:2000]] + [
            input_of(payloads[n : n + 8]) for n in range(0, min(len(payloads), 200), 8)
        ]
        if file.stat().st_size < 4000:
            inputs.append(b"F" + file.read_bytes())
        for one in inputs:
            (corpus / hashlib.sha256(one).hexdigest()[:16]).write_bytes(one)
            made += 1
    return made


def main() -> None:
    if sys.argv[1:2] == ["--seeds"]:
        print(f"{seeds(Path(sys.argv[2]), sys.argv[3:])} seeds in {sys.argv[2]}")
        return
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["crossboard.adapters.tensorboard.reading"]):
        for name in (
            "events",
            "fields",
            "frames",
            "graphs",
            "histograms",
            "hparams",
            "layout",
            "points",
            "projector",
            "runs",
            "scalars",
            "source",
        ):
            importlib.import_module(f"crossboard.adapters.tensorboard.reading.{name}")
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
