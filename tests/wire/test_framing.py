"""Frames out of bytes, whatever pieces they come in and whatever they hold."""

import struct
from itertools import pairwise
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from capture.wire.text.framing import MAX_FRAME_BYTES, Splitter, boundaries, corruption, frame
from capture.wire.text.protocol_error import LocalProtocolError

pytestmark = pytest.mark.usefixtures("module_both_ways")

# Payloads that could lead a search for frame starts astray: NULs in runs, things that look like lengths.
FALSE_STARTS = st.lists(
    st.sampled_from(
        [b"\0", b"\0\0\0\x01", b"\0\0\0\0\x05", b"\0\0\x01\0", b"1\x006\x00", b"\xff\xff\xff\xff", b"\0" * 7]
    ),
    min_size=1,
    max_size=30,
).map(b"".join)
TEXTS = st.lists(st.integers(0, 10**6).map(lambda n: f"{n}\0".encode()), min_size=1, max_size=12).map(b"".join)
LONG = st.integers(250, 2_000).map(lambda n: b"17\0" + b"7\0" * (n // 2))
PAYLOADS = st.one_of(TEXTS, TEXTS, FALSE_STARTS, LONG, st.binary(min_size=1, max_size=300))
STREAMS = st.lists(PAYLOADS, max_size=60)
ENDS = st.one_of(
    st.just(b""), st.just(b"\0"), st.just(b"\0\0\0"), st.binary(max_size=3), PAYLOADS.map(lambda p: frame(p)[:-1])
)
WRONG_LENGTHS = st.one_of(st.just(0), st.integers(MAX_FRAME_BYTES + 1, 2**32 - 1))


def starts_by_hand(data: bytes) -> list[int]:
    at, starts = 0, [0]
    while at + 4 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        if not 0 < length <= MAX_FRAME_BYTES or at + 4 + length > len(data):
            break
        at += 4 + length
        starts.append(at)
    return starts


def pieces_of(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


@given(STREAMS, ENDS, st.integers(0, 80))
@settings(deadline=None)
@example([b"\0"] * 600, b"", 0)
@example([b"\0" * 255, b"\0" * 256, b"\0" * 257] * 10, b"\0\0\0", 0)
@example([b"x" * 5_000], b"", 0)  # not one short frame
def test_boundaries_are_those_of_a_plain_walk(payloads: list[bytes], end: bytes, copies: int) -> None:
    data = b"".join(frame(payload) for payload in payloads * (1 + copies // 20)) + end
    assert boundaries(data).tolist() == starts_by_hand(data)
    assert corruption(data[boundaries(data)[-1] :]) is None or end


@given(STREAMS, WRONG_LENGTHS, STREAMS)
@settings(deadline=None)
def test_boundaries_stop_at_a_length_that_is_none(before: list[bytes], length: int, after: list[bytes]) -> None:
    good = b"".join(map(frame, before))
    data = good + struct.pack(">I", length) + b"".join(map(frame, after))
    assert boundaries(data).tolist() == starts_by_hand(data)
    assert boundaries(data)[-1] == len(good)
    assert f"{length:,}" in (corruption(data[len(good) :]) or "")


@given(st.binary(max_size=6_000))
@settings(deadline=None)
def test_boundaries_of_random_bytes_are_those_of_a_plain_walk(data: bytes) -> None:
    assert boundaries(data).tolist() == starts_by_hand(data)


@pytest.mark.parametrize("seed", range(60))
def test_boundaries_of_long_runs_of_nuls_are_those_of_a_plain_walk(seed: int) -> None:
    random = Random(seed)
    pieces = [b"\0", b"\0\0\0", b"\0\0\0\x01", b"\0\0\0\x02\0\0", b"x\0", b"\xff"]
    data = b"".join(random.choices(pieces, k=2_000))
    framed = frame(b"9\0") + frame(data) + frame(b"9\0") * 50
    assert boundaries(data).tolist() == starts_by_hand(data)
    assert boundaries(framed).tolist() == starts_by_hand(framed)


@given(STREAMS, ENDS, st.lists(st.integers(0), max_size=20))
@settings(deadline=None)
def test_a_stream_cut_anywhere_gives_the_same_frames(payloads: list[bytes], end: bytes, cuts: list[int]) -> None:
    splitter = Splitter()
    data = b"".join(map(frame, payloads)) + end
    found = [payload for piece in pieces_of(data, cuts) for payload in splitter.feed(piece)]
    whole = starts_by_hand(data)
    assert found == [data[a + 4 : b] for a, b in pairwise(whole)]
    assert splitter.pending == data[whole[-1] :]


@given(st.lists(TEXTS, min_size=1, max_size=5), WRONG_LENGTHS)
@settings(deadline=None)
def test_byte_by_byte_corruption_is_told_after_the_good_frames(payloads: list[bytes], length: int) -> None:
    splitter, found = Splitter(), []
    good = b"".join(map(frame, payloads))
    for byte in good:
        found += splitter.feed(bytes([byte]))
        assert splitter.corrupt is None
    for byte in struct.pack(">I", length):
        assert splitter.corrupt is None
        assert splitter.feed(bytes([byte])) == []
    assert found == payloads
    assert "out of step" in (splitter.corrupt or "")
    assert splitter.feed(frame(b"9\0")) == []  # nothing is found in what follows
    assert splitter.corrupt is not None


def test_the_longest_frame_passes_and_a_longer_one_does_not() -> None:
    longest = frame(bytes(MAX_FRAME_BYTES))
    assert boundaries(longest).tolist() == [0, len(longest)]
    assert corruption(longest[:4]) is None
    for payload in (b"", bytes(MAX_FRAME_BYTES + 1)):
        with pytest.raises(LocalProtocolError, match=f"a frame of {len(payload)} bytes"):
            frame(payload)
