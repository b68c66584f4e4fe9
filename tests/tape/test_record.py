"""The bytes of headers and records."""

from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.tape.record import (
    BODY_LIMIT_BYTES,
    MARKER,
    Header,
    Kind,
    Record,
    count_records,
    find_records,
    pack,
    pack_header,
    unpack_header,
)

TIMES = st.integers(0, 2**64 - 1)
# Bodies full of pieces of records are the ones that could lead a search for records astray.
PIECES = st.lists(st.sampled_from([MARKER, b"\xf5", b"\0" * 9]), max_size=20).map(b"".join)
BODIES = st.one_of(st.binary(max_size=200), PIECES)
RECORDS = st.lists(st.builds(Record, st.sampled_from(Kind), TIMES, TIMES, BODIES), max_size=8)


def packed(records: list[Record]) -> bytes:
    return b"".join(pack(record.kind, record.wall_ns, record.mono_ns, record.body) for record in records)


def found(buffer: bytes, *, more: bool = False) -> list[Record]:
    return [record for _, _, record in find_records(buffer, 0, more=more) if record]


@given(RECORDS, st.booleans())
def test_records_come_back_as_they_were(records: list[Record], more: bool) -> None:
    assert found(packed(records), more=more) == records


@given(RECORDS, st.integers(0, 2000))
def test_records_split_anywhere_come_back_whole(records: list[Record], cut: int) -> None:
    buffer = packed(records)
    *first, (resume, _, _) = find_records(buffer[:cut], 0, more=True)
    rest = found(buffer[resume:])
    assert [record for _, _, record in first] + rest == records


@given(RECORDS, st.binary(max_size=60))
def test_bytes_between_records_are_passed_over(records: list[Record], noise: bytes) -> None:
    joined = b"".join(noise + packed([record]) for record in records)
    assert found(joined) == records


def test_the_layout_is_the_documented_one() -> None:
    covered = bytes.fromhex("02000000 02 0201000000000000 0403000000000000 6869")
    checksum = crc32(covered).to_bytes(4, "little")
    assert pack(Kind.SENT, 0x0102, 0x0304, b"hi") == b"\xf5\xfa" + checksum + covered
    fields = bytes.fromhex("f55449434b544150 0100 0400 0700000000000000 0900000000000000") + b"demo"
    assert pack_header(Header("demo", 7, 9)) == fields + crc32(fields).to_bytes(4, "little")


def test_unknown_kinds_are_skipped_and_are_no_damage() -> None:
    buffer = pack(Kind.SENT, 1, 1, b"a") + pack(99, 2, 2, b"new") + pack(Kind.SENT, 3, 3, b"b")
    spans = [(start, end) for start, end, _ in find_records(buffer, 0, more=False)][:-1]
    assert [end for _, end in spans[:-1]] == [start for start, _ in spans[1:]]
    assert [record.body for record in found(buffer)] == [b"a", b"b"]


def test_a_damaged_length_does_not_make_the_reader_wait_for_ever() -> None:
    damaged = bytearray(pack(Kind.SENT, 1, 1, b"a"))
    damaged[9] = 0xFF
    assert found(bytes(damaged) + pack(Kind.SENT, 2, 2, b"b"), more=True)[0].body == b"b"


def test_a_body_over_the_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="split it"):
        pack(Kind.RECEIVED, 0, 0, bytes(BODY_LIMIT_BYTES + 1))


@given(st.text("demo-é", max_size=30), TIMES, TIMES, st.binary(max_size=40))
def test_headers_come_back_and_say_their_size(name: str, mark: int, seq: int, after: bytes) -> None:
    packed_header = pack_header(Header(name, mark, seq))
    assert unpack_header(packed_header + after) == (Header(name, mark, seq), len(packed_header))


@given(st.data())
def test_damaged_and_cut_headers_are_recognised(data: st.DataObject) -> None:
    whole = pack_header(Header("demo", 1, 2))
    at = data.draw(st.integers(0, len(whole) - 1))
    damaged = bytearray(whole)
    damaged[at] ^= data.draw(st.integers(1, 255))
    assert unpack_header(bytes(damaged)) is None
    assert unpack_header(whole[:at]) is None


def test_what_a_record_may_hold_at_most_is_packed_and_found() -> None:
    whole = pack(Kind.RECEIVED, 1, 2, bytes(BODY_LIMIT_BYTES))
    assert len(found(whole)[0].body) == BODY_LIMIT_BYTES
    *_, (resume, end, last) = find_records(whole[:-1], 0, more=True)
    assert (resume, end, last) == (0, 0, None), "it is waited for"
    assert [one[0] for one in find_records(whole[:-1], 0, more=False)] == [len(whole) - 2]


def test_where_a_search_goes_on_once_more_bytes_are_there() -> None:
    one, two = pack(Kind.SENT, 1, 1, b"a"), pack(Kind.SENT, 2, 2, b"bc")
    for left in range(1, len(two)):
        *_, (resume, _, _) = find_records(one + two[:left], 0, more=True)
        assert resume == len(one)
        assert found(one + two[:left], more=left % 2 == 0) == [Record(Kind.SENT, 1, 1, b"a")]
    assert [span[:2] for span in find_records(one + two, 0, more=True)] == [
        (0, len(one)), (len(one), len(one + two)), (len(one + two), 0)]
    assert next(span[:2] for span in find_records(one + two, 3, more=True)) == (len(one), len(one + two))
    assert list(find_records(b"x" * 9, 4, more=True)) == [(8, 0, None)], "the marker may have begun"
    assert list(find_records(b"", 0, more=True)) == [(0, 0, None)]


def test_records_are_counted_by_their_lengths_where_these_lead_to_the_end() -> None:
    records = [pack(Kind.SENT, 1, 1, b"x" * size) for size in (0, 1, 30)]
    data = b"".join(records)
    assert [count_records(part) for part in (b"", records[0], data, data[:-1], data + b"x", b"x" + data)] == [
        0, 1, 3, None, None, None]
    spoiled = bytearray(data)
    spoiled[len(records[0]) + 2] ^= 1  # a checksum
    assert count_records(bytes(spoiled)) == 3
