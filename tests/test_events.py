"""The live view: what a stream says, how news is merged, when the store is refreshed, and that everything ends at once."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossboard.dashboard import events
from crossboard.dashboard.events import News, Newsroom, Versions
from crossboard.store.embedded import EmbeddedStore
from crossboard.store.kinds import Points, SeriesKey
from crossboard.store.source import Batch, FoundRun, Strand
from crossboard.store.store import Changes


def put(store: EmbeddedStore, run: str, tag: str = "loss", count: int = 1) -> None:
    """Append `count` points to a run."""
    points = Points(np.arange(count), np.full(count, time.time()), np.ones(count))
    strand = Strand(tag, 0, 1, "w", points)
    store.append(FoundRun(run, f"/x/{run}", "p", run, run, 1e9), Batch(b"", [strand]), source="native")


class Counting(EmbeddedStore):
    """An embedded store that notes when it is refreshed, and can be made to fail or to be slow at it."""

    def __init__(self) -> None:
        super().__init__(memory=True)
        self.refreshed: list[float] = []
        self.failure: Exception | None = None
        self.during: Callable[[], None] | None = None

    def refresh(self) -> int:
        self.refreshed.append(time.monotonic())
        if self.failure is not None:
            raise self.failure
        if self.during is not None:
            self.during()
        return super().refresh()


def told(chunk: bytes) -> list[tuple[str, Any]]:
    """The messages in a stretch of a stream."""
    messages = []
    for block in chunk.decode().split("\n\n"):
        if block and not block.startswith(":"):
            event, data = block.split("\n")
            messages.append((event.removeprefix("event: "), orjson.loads(data.removeprefix("data: "))))
    return messages


async def changes_of(
    stream: AsyncIterator[bytes], until: Callable[[dict[str, Any]], bool], *, seconds: float = 10.0
) -> list[dict[str, Any]]:
    """Read `stream` until a change meets `until`; return the changes."""

    async def read() -> list[dict[str, Any]]:
        found = []
        async for chunk in stream:
            for event, data in told(chunk):
                if event == "change":
                    found.append(data)
                    if until(data):
                        return found
        raise AssertionError(f"the stream ended after {found}")

    return await asyncio.wait_for(read(), seconds)


@pytest.fixture
def store() -> Counting:
    return Counting()


# ----------------------------------------------------------------------------------------------------- what is told


def test_a_stream_says_hello_and_then_what_changed(store: Counting) -> None:
    put(store, "a")
    newsroom = Newsroom(store)
    newsroom.start()

    async def listen() -> None:
        stream = newsroom.stream(None)
        (hello,) = told(await anext(stream))
        assert hello[0] == "hello"
        assert set(hello[1]) == {"version", "board", "beat"}
        await asyncio.sleep(0.5)
        put(store, "b", "train/loss")
        newsroom.wake()
        found = await changes_of(stream, lambda change: "b" in change["runs"])
        assert found[-1]["tags"] == ["train/loss"]
        assert found[-1]["complete"] is True
        assert found[-1]["version"] == newsroom.versions.now()
        store.remove("b")
        newsroom.wake()
        assert (await changes_of(stream, lambda change: bool(change["removed"])))[-1]["removed"] == ["b"]

    try:
        asyncio.run(listen())
    finally:
        newsroom.stop()


def test_a_page_that_comes_back_hears_what_it_missed(store: Counting) -> None:
    newsroom = Newsroom(store)
    put(store, "a")
    version = newsroom.versions.now()
    put(store, "b")

    async def listen(since: int) -> dict[str, Any]:
        stream = newsroom.stream(since)
        await anext(stream)
        return (await changes_of(stream, lambda _: True))[0]

    missed = asyncio.run(listen(version))
    assert (missed["runs"], missed["complete"]) == (["b"], True)
    for unknown in (0, version - 10_000_000, version + 10_000_000):
        assert asyncio.run(listen(unknown))["complete"] is False


def test_news_is_told_while_a_long_refresh_is_still_under_way(store: Counting) -> None:
    release = threading.Event()

    def read_long() -> None:
        put(store, "early")
        release.wait(20)

    store.during = read_long
    newsroom = Newsroom(store)

    async def listen() -> None:
        stream = newsroom.stream(None)
        await anext(stream)
        newsroom.start()
        await changes_of(stream, lambda change: "early" in change["runs"] or not change["complete"])
        assert not newsroom.first_read.is_set()

    try:
        asyncio.run(listen())
    finally:
        release.set()
        newsroom.stop()


def test_at_most_five_messages_a_second(store: Counting) -> None:
    newsroom = Newsroom(store)
    newsroom.start()

    async def listen() -> int:
        stream = newsroom.stream(None)
        await anext(stream)
        messages = 0
        end = time.monotonic() + 2.0

        async def write() -> None:
            while time.monotonic() < end:
                put(store, "a")
                newsroom.wake()
                await asyncio.sleep(0.01)

        writing = asyncio.create_task(write())
        while time.monotonic() < end:
            await anext(stream)
            messages += 1
        await writing
        return messages

    try:
        assert 2 <= asyncio.run(listen()) <= 11
    finally:
        newsroom.stop()


def test_silence_is_broken_by_a_beat_whose_time_hello_says(store: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_S", 0.05)
    newsroom = Newsroom(store)

    async def listen() -> list[tuple[str, Any]]:
        stream = newsroom.stream(None)
        return told(await anext(stream)) + told(await anext(stream))

    (hello, said), beat = asyncio.run(listen())
    assert (hello, said["beat"]) == ("hello", 0.05)
    assert beat == ("beat", {})


def test_a_hundred_streams_hear_the_same_and_leave_nothing_behind(store: Counting) -> None:
    newsroom = Newsroom(store)
    newsroom.start()

    async def listen() -> None:
        streams = [newsroom.stream(None) for _ in range(100)]
        for stream in streams:
            await anext(stream)
        assert newsroom.clients == 100
        put(store, "a")
        newsroom.wake()
        found = await asyncio.gather(*(changes_of(stream, lambda change: "a" in change["runs"]) for stream in streams))
        assert {one[-1]["version"] for one in found} == {newsroom.versions.now()}
        for stream in streams:
            await stream.aclose()  # type: ignore[attr-defined]
        assert newsroom.clients == 0

    try:
        asyncio.run(listen())
    finally:
        newsroom.stop()


def test_streams_and_threads_end_at_once_when_the_board_stops(store: Counting) -> None:
    newsroom = Newsroom(store)
    newsroom.start()

    async def listen() -> list[bytes]:
        stream = newsroom.stream(None)
        await anext(stream)
        threading.Timer(0.3, newsroom.end_streams).start()
        return [chunk async for chunk in stream]

    start = time.monotonic()
    asyncio.run(asyncio.wait_for(listen(), 5))
    newsroom.stop()
    assert time.monotonic() - start < 4
    assert not [
        thread
        for thread in threading.enumerate()
        if thread.name in ("crossboard-refresher", "crossboard-teller") and thread in newsroom._threads
    ]


# ------------------------------------------------------------------------------------------------- when it refreshes


def test_a_quiet_store_is_refreshed_ever_more_rarely_and_a_change_makes_it_quick_again(
    store: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "PAUSE_BUSY_S", 0.02)
    monkeypatch.setattr(events, "PAUSE_QUIET_S", 0.4)
    monkeypatch.setattr(events, "STAYS_BUSY_S", 0.3)
    newsroom = Newsroom(store)
    newsroom.start()
    try:
        time.sleep(2.5)
        gaps = np.diff(store.refreshed)
        assert gaps[-1] > 0.2
        assert np.median(gaps[:5]) < 0.2
        before = len(store.refreshed)
        put(store, "a")
        newsroom.wake()
        time.sleep(0.3)
        assert len(store.refreshed) - before >= 3
    finally:
        newsroom.stop()


def test_a_refresh_that_fails_is_told_and_tried_again(store: Counting, caplog: pytest.LogCaptureFixture) -> None:
    store.failure = OSError("disk on fire")
    newsroom = Newsroom(store)
    newsroom.start()
    try:
        end = time.monotonic() + 10
        while len(store.refreshed) < 3 and time.monotonic() < end:
            time.sleep(0.02)
        assert newsroom.failed == "OSError: disk on fire"
        store.failure = None
        while newsroom.failed and time.monotonic() < end:
            time.sleep(0.02)
        assert newsroom.failed == ""
    finally:
        newsroom.stop()
    assert [record.message for record in caplog.records] == ["refresh failed; trying again"]  # once, not at each try


# ---------------------------------------------------------------------------------------------------------- merging


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["append", "remove"]), st.booleans()), max_size=12))
def test_merged_news_says_what_one_look_over_all_of_it_says(steps: list[tuple[str, str, bool]]) -> None:
    store = EmbeddedStore(memory=True)
    versions = Versions(store)
    for run in "abc":
        put(store, run)
    start = looked = versions.now()
    merged = News()
    for run, what, look in steps:
        if what == "append":
            put(store, run)
        else:
            store.remove(run)
        if look:
            merged.merge(versions.changes_since(looked))
            looked = versions.now()
    merged.merge(versions.changes_since(looked))
    whole = News()
    whole.merge(versions.changes_since(start))
    there = {run.key for run in store.runs()}
    assert merged.version == whole.version == versions.now()
    assert merged.removed == whole.removed == {"a", "b", "c"} - there
    assert merged.runs == whole.runs
    assert merged.complete


def test_a_run_that_went_and_came_back_is_there() -> None:
    news = News()
    news.merge(Changes(1, removed=frozenset({"a"})))
    news.merge(Changes(2, runs=frozenset({"a"}), series=frozenset({SeriesKey("a", "loss")})))
    assert (news.runs, news.removed, news.tags, news.version) == ({"a"}, set(), {"loss"}, 2)
