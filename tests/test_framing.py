"""Framing: a torn tail is a state, a changed byte is noticed, and what is whole is always read."""

from __future__ import annotations

import struct

import google_crc32c
from hypothesis import given
from hypothesis import strategies as st

from crossboard.store.framing import FOOTER, HEADER, MAX_PAYLOAD, OVERHEAD, encode_frame, masked_crc, read_frames

PAYLOADS = st.lists(st.binary(max_size=60), max_size=8)


def payloads_of(data: bytes, *, base: int = 0, complete: bool = False) -> list[bytes]:
    frames, _, _ = read_frames(data, path="x.cbr", base=base, complete=complete)
    return [payload for _, payload in frames]


def test_the_checksum_is_the_one_of_tensorflow_record_files() -> None:
    # RFC 3720, B.4: CRC-32C of 32 zero bytes is 0x8A9136AA; masked as in tensorflow/core/lib/hash/crc32c.h
    assert google_crc32c.value(bytes(32)) == 0x8A9136AA
    rotated = (0x8A9136AA >> 15 | 0x8A9136AA << 17) & 0xFFFFFFFF
    assert masked_crc(bytes(32)) == (rotated + 0xA282EAD8) % 2**32


def test_a_frame_is_length_checksum_payload_checksum() -> None:
    frame = encode_frame(b"abc")
    assert len(frame) == OVERHEAD + 3 == 19
    assert frame[:8] == (3).to_bytes(8, "little")
    assert frame[12:15] == b"abc"


def test_an_empty_file_holds_nothing_and_is_no_problem() -> None:
    assert read_frames(b"", path="x.cbr", complete=True) == ([], 0, [])


@given(PAYLOADS, st.integers(0, 1 << 40))
def test_what_is_framed_is_read_with_its_offsets(payloads: list[bytes], base: int) -> None:
    data = b"".join(map(encode_frame, payloads))
    frames, end, problems = read_frames(data, path="x.cbr", base=base, complete=True)
    assert [payload for _, payload in frames] == payloads
    assert [offset for offset, _ in frames] == [base + sum(len(p) + OVERHEAD for p in payloads[:i]) for i in range(len(payloads))]
    assert (end, problems) == (base + len(data), [])


@given(PAYLOADS, st.data())
def test_a_cut_anywhere_loses_only_the_unfinished_record_and_it_comes_when_completed(payloads: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(map(encode_frame, payloads))
    cut = data.draw(st.integers(0, len(whole)))
    head, resume, problems = read_frames(whole[:cut], path="x.cbr")
    tail, end, _ = read_frames(whole[resume:], path="x.cbr", base=resume)
    assert problems == []
    assert [payload for _, payload in head + tail] == payloads
    assert end == len(whole)
    assert len(head) == sum(1 for i in range(len(payloads)) if sum(len(p) + OVERHEAD for p in payloads[: i + 1]) <= cut)


@given(PAYLOADS.filter(bool), st.data())
def test_a_cut_of_a_gone_writer_is_a_problem_at_the_torn_record(payloads: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(map(encode_frame, payloads))
    cut = data.draw(st.integers(1, len(encode_frame(payloads[-1])) - 1))
    frames, end, problems = read_frames(whole[:-cut], path="x.cbr", complete=True)
    assert [payload for _, payload in frames] == payloads[:-1]
    assert [problem.offset for problem in problems] == [end] == [len(whole) - len(encode_frame(payloads[-1]))]
    assert "torn" in problems[0].what


@given(PAYLOADS.filter(bool), st.data())
def test_a_changed_byte_is_noticed_at_its_record_and_every_other_record_is_read(payloads: list[bytes], data: st.DataObject) -> None:
    frames = list(map(encode_frame, payloads))
    whole = bytearray(b"".join(frames))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    hit = next(i for i in range(len(frames)) if at < sum(map(len, frames[: i + 1])))
    got, _, problems = read_frames(bytes(whole), path="x.cbr", complete=True)
    assert [payload for _, payload in got] == payloads[:hit] + payloads[hit + 1 :]
    assert len(problems) == 1
    assert problems[0].offset == sum(map(len, frames[:hit]))


def test_damage_in_the_middle_of_a_growing_file_is_reported_and_the_rest_is_read() -> None:
    frames = [encode_frame(bytes([i]) * 5) for i in range(3)]
    damaged = frames[0] + bytes([frames[1][0] ^ 1]) + frames[1][1:] + frames[2]
    got, end, problems = read_frames(damaged, path="x.cbr")
    assert [payload for _, payload in got] == [b"\0" * 5, b"\2" * 5]
    assert (end, len(problems)) == (len(damaged), 1)


def test_a_length_that_no_writer_of_ours_makes_is_damage_even_with_a_true_checksum() -> None:
    length = struct.pack("<Q", MAX_PAYLOAD + 1)
    bad = length + FOOTER.pack(masked_crc(length)) + b"rest"
    assert len(bad) > HEADER.size
    frames, _, problems = read_frames(bad + encode_frame(b"next"), path="x.cbr", complete=True)
    assert [payload for _, payload in frames] == [b"next"]
    assert problems[0].offset == 0


def test_a_short_write_that_was_never_cut_back_does_not_swallow_what_follows() -> None:
    torn = encode_frame(b"x" * 1000)[:200]
    data = encode_frame(b"first") + torn + encode_frame(b"second")
    frames, end, problems = read_frames(data, path="x.cbr", complete=True)
    assert [payload for _, payload in frames] == [b"first", b"second"]
    assert (end, problems[0].offset) == (len(data), len(encode_frame(b"first")))


def test_a_payload_that_contains_a_whole_frame_is_one_payload() -> None:
    inner = encode_frame(b"inner")
    assert payloads_of(encode_frame(inner), complete=True) == [inner]
