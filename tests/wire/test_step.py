"""A stream that lost its step finds it again at the first place where frames follow one another."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from capture.wire.text.framing import STEP_FRAME_BYTES, find_step, frame

HEADS = frozenset({b"1", b"99"})
KNOWN = [b"1\x006\x005\x00", b"99\x005\x003\x00" + b"7" * 300 + b"\0"]
FRAMES = st.lists(st.sampled_from(KNOWN), min_size=3, max_size=9)


@given(FRAMES, st.integers(1, 8))
def test_it_begins_with_the_first_whole_frame(payloads: list[bytes], cut: int) -> None:
    frames = [frame(payload) for payload in [b"1\x006\x0012345\x00", *payloads]]
    data = b"".join(frames)[cut:]
    assert find_step(data, HEADS) == (len(frames[0]) - cut, True)


@given(st.binary(max_size=400))
def test_what_is_given_up_could_not_have_become_a_frame(noise: bytes) -> None:
    at, found = find_step(noise, HEADS)
    assert not found
    assert at <= len(noise)
    later, _ = find_step(noise + frame(b"1\0x\0") * 4, HEADS)
    assert later >= at


@given(st.binary(max_size=60), FRAMES, st.lists(st.integers(0, 3_000), max_size=6))
@settings(deadline=None)
def test_it_is_the_same_place_in_whatever_pieces_the_bytes_come(
    noise: bytes, payloads: list[bytes], cuts: list[int]
) -> None:
    data = noise + b"".join(map(frame, payloads))
    whole, found = find_step(data, HEADS)
    gone, pending = 0, b""
    for begin, end in pairwise([0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]):
        pending += data[begin:end]
        at, there = find_step(pending, HEADS)
        gone, pending = gone + at, pending[at:]
        if there:
            break
    assert (gone, there) == (whole, found)


def test_neither_unknown_messages_nor_long_frames_make_a_step() -> None:
    assert find_step(frame(b"5\0") * 9, HEADS)[1] is False
    long = frame(b"1\0" + bytes(STEP_FRAME_BYTES))
    assert find_step(long * 3, HEADS)[1] is False
    assert find_step(frame(b"1\0") * 2, HEADS) == (0, False)
