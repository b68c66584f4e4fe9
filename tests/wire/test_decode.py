"""Whole reads to rows: whatever stands beside a frame, it becomes the same rows as alone."""

import struct
from collections import Counter
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from capture.schemas import TABLES
from capture.wire.context import Context
from capture.wire.frame_kinds import control_frames, message_keys
from capture.wire.history_summary import PAST
from capture.wire.messages.answers import ANSWERS, UNREAD
from capture.wire.messages.message import Field, Kind
from capture.wire.messages.shapes import MASS_IDS, SHAPES, Shape
from capture.wire.read_rows import Batch, decode
from capture.wire.text.codec import answer_codec, message_id, request_codec
from capture.wire.text.framing import boundaries, frame

pytestmark = pytest.mark.usefixtures("module_both_ways")

NUMBERS = [b"0", b"1", b"-1", b"-2", b"101.25", b"1.0E-4", b"-1553556175", b"7500000", b"0.001"]
ODD_NUMBERS = [
    b"",
    b"2147483647",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"1.7976931348623157E308",
    b"NaN",
    b"nan",
    b"Infinity",
    b"-Infinity",
    b"1e300",
    b"5.",
    b".5",
    b"-0",
    b"007",
]
# Words that are no numbers, though one reader or another may take them for one.
NO_NUMBERS = [
    b"x",
    b"+5",
    b" 7",
    b"7 ",
    b"0x1F",
    b"1_0",
    b"1,5",
    b"-nan",
    b"inf",
    b"1e999",
    b"-1e999",
    b"--1",
    b"\xff",
    b"99999999999999999999",
    b"2147483648",
    b"-2147483649",
    "١".encode(),
    b"true",
    b"1.0f",
    b"1e5",
    b"0.0",
    b"1e-400",
]
TEXTS = [b"", b"NASDAQ", b"T I", "Zürich".encode(), "市場".encode(), b"\\u00e9", b"\xff\xfe", b"\xe2\x82", b"a" * 300]
DATES = [
    b"1767623400",
    b"20260105",
    b"20260105  14:30:00",
    b"20260105 09:30:00 US/Eastern",
    b"20260105-14:30:00Z",
    b"2026010514",
    b"-123456789",
    b"0x12345678",
    b"+123456789",
    b"never",
    b"",
    "20260105 14:30:00 Mitteleuropäische Zeit".encode(),
]
POOLS = {
    Kind.INT: ([b"0", b"1", b"2", b"17", b"-1"], [b"", b"2147483647", b"-2147483648", b"007"]),
    Kind.LONG: (
        [b"1767623400", b"1767623401", b"0"],
        [b"", b"9223372036854775807", b"-5", b"300000000000", b"9223372036854775806"],
    ),
    Kind.BOOL: ([b"0", b"1"], [b"", b"2", b"-1", b"2147483647"]),
    Kind.FLOAT: (NUMBERS, ODD_NUMBERS),
    Kind.DECIMAL: (NUMBERS, ODD_NUMBERS),
    Kind.TEXT: (TEXTS[:6], TEXTS),
}
BY_NAME = {
    "request_id": ([b"1", b"2", b"3", b"4", b"77", b"-1"], [b"", b"0000000000001"]),
    "tick_type": (
        [b"0", b"1", b"2", b"4", b"6", b"45", b"48", b"66", b"74", b"13", b"80", b"111"],
        [b"-3", b"5000", b""],
    ),
    "operation": ([b"0", b"1", b"2"], [b"3", b"-1", b""]),
    "side": ([b"0", b"1"], [b"2", b"-1", b""]),
    "position": ([b"0", b"1", b"19"], [b"", b"-1"]),
    "bar_date": (DATES[:2], DATES),
}
CONTROL = [
    b"58\x001\x001\x003\x00",
    b"58\x001\x001\x001\x00",
    b"58\x001\x002\x002\x00",
    b"58\x001\x0077\x003\x00",
    b"58\x001\x001\x009\x00",
    b"58\x001\x00\x003\x00",
    b"58\x001\x002\x00\x00",
    b"9\x001\x001\x00",
    b"9\x001\x00x\x00",
    b"81\x001\x000.01\x009c0001\x003\x00",
    b"3\x00whatever\x00",
    b"250\x00x\x00",
    b"x",
    b"\0",
    b"1",
    b"99",
    b"99\0",
    b"99\x001\0",
    b"007\x00x\0",
    b"58",
    b"01\x006\x001\x001\x005\x005\x000\x00",
    b"99\x001\x000\x00",
    b"99\x001\x009\x001767623400\x00",
    b"99\x001\x00-1\x00",
    b"99\x001\x00-9999\x001\x00",
    b"99\x001\x00\x001767623400\x005\x00",
    b"1\x006\x001",
    b"\xff\x00",
    b"99\x000000000000123\x001\x001767623400\x001\x001\x000\x00\x00\x00",
]


def context(version: int = 200) -> Context:
    """Return a session with the requests 1 to 4 of different kinds."""
    known = Context(version)
    codec = request_codec(version)
    contract = {"con_id": 265598, "symbol": "AAPL", "local_symbol": "AAPL", "sec_type": "STK"}
    for payload in (
        codec.encode("req_market_data", contract, request_id=1),
        codec.encode("req_tick_by_tick", contract, request_id=2, tick_kind="AllLast"),
        codec.encode(
            "req_historical_data", contract, request_id=3, bar_size="1 min", what="TRADES", regular_hours=True
        ),
        codec.encode("req_market_depth", request_id=4, symbol="ES", smart=True),
    ):
        known.sent(payload)
    return known


def _word(random: Random, field: Field, oddity: float) -> bytes:
    common, odd = BY_NAME.get(field.name) or POOLS[field.kind]
    return random.choice(odd if random.random() < oddity else common)


def _frame_of(random: Random, shape: Shape, version: int, oddity: float) -> list[bytes]:
    def words(fields: tuple[Field, ...]) -> list[bytes]:
        return [
            str(dict(shape.given)[f.name]).encode() if f.name in dict(shape.given) else _word(random, f, oddity)
            for f in fields
        ]

    fields = [str(shape.message.id).encode(), *words(shape.fields(version))]
    if shape.repeat:
        count = random.choice([0, 1, 1, 2, 5])
        fields += [str(count).encode()] + [word for _ in range(count) for word in words(shape.row_fields(version))]
        fields += [random.choice([b"0", b"1"])] * len(shape.tail(version))
    return fields


def _spoilt(random: Random, fields: list[bytes]) -> bytes:
    what = random.randrange(5)
    if what == 0:
        fields = fields[: random.randrange(1, len(fields) + 1)]
    elif what == 1:
        fields = [*fields, *random.choices([b"", b"x", b"1"], k=random.randrange(1, 4))]
    elif what == 4:
        return b"\0".join(fields)  # the last NUL is missing
    else:
        fields[random.randrange(len(fields))] = random.choice([*NO_NUMBERS, *ODD_NUMBERS, *TEXTS])
    return b"\0".join(fields) + b"\0"


def payloads_of(seed: int, version: int) -> list[bytes]:
    """Return random payloads: mostly of a few shapes, some of them odd or spoilt, control messages between."""
    random = Random(seed)
    oddity, spoil = random.choice([(0, 0), (0.05, 0.01), (0.02, 0.1), (0.3, 0.3)])
    shapes = random.sample(list(SHAPES.values()), random.choice([1, 3, len(SHAPES)]))
    payloads = []
    for _ in range(random.choice([1, 5, 40, 80])):
        if random.random() < 0.1:
            payloads.append(random.choice(CONTROL))
            continue
        fields = _frame_of(random, random.choice(shapes), version, oddity)
        payloads.append(_spoilt(random, fields) if random.random() < spoil else b"\0".join(fields) + b"\0")
    return [payload or b"\0" for payload in payloads]


def read(payloads: list[bytes], known: Context) -> Batch:
    data = b"".join(map(frame, payloads))
    starts = boundaries(data)
    assert len(starts) == len(payloads) + 1
    return decode(data, starts, known)


Found = dict[int, list[tuple[Any, ...]]]


def found(batch: Batch) -> Found:
    """Return what each frame became: its rows in order of their places, its message, or its fault."""
    by_frame: Found = {}
    for rows in batch.rows:
        names = list(rows.columns)
        values = [rows.columns[name].to_pylist() for name in names]
        assert {len(column) for column in values} <= {len(rows.frames)}
        for i, (number, place) in enumerate(zip(rows.frames.tolist(), rows.places.tolist(), strict=True)):
            row = {name: column[i] for name, column in zip(names, values, strict=True) if column[i] is not None}
            by_frame.setdefault(number, []).append(("row", rows.table, place, row))
    for number, decoded in batch.messages:
        by_frame.setdefault(number, []).append(("message", decoded.name, decoded.values))
    for number, payload, reason in batch.bad:
        by_frame.setdefault(number, []).append(("bad", payload, reason))
    for things in by_frame.values():
        things.sort(key=lambda thing: thing[2] if thing[0] == "row" else 0)
    return by_frame


def assert_once_each(payloads: list[bytes], by_frame: Found, version: int) -> None:
    """Check that every frame became one thing: rows of different places, a message or a fault; or holds nothing."""
    for number, payload in enumerate(payloads):
        things = by_frame.get(number)
        if things is None:
            assert _holds_nothing(payload, version), payload
            continue
        places = [thing[2] for thing in things if thing[0] == "row"]
        assert places == list(range(len(places)))
        assert len(things) == len(places) or (len(things) == 1 and not places), (payload, things)


def _holds_nothing(payload: bytes, version: int) -> bool:
    if message_id(payload) in UNREAD:
        return True
    values = answer_codec(version).decode(payload).values
    return values.get("kind") == 0 or values.get("ticks") == [] or values.get("bars") == []


@given(st.integers(0, 2**32), st.sampled_from([157, 178, 196, 200]))
@settings(deadline=None, max_examples=25)
def test_a_frame_becomes_the_same_whatever_stands_beside_it(seed: int, version: int) -> None:
    check_a_read(payloads_of(seed, version), version)


@pytest.mark.slow
@given(st.integers(2**32, 2**64))
@settings(deadline=None, max_examples=300)
def test_a_frame_becomes_the_same_whatever_stands_beside_it_longer(seed: int) -> None:
    check_a_read(payloads_of(seed, 200), 200)


def check_a_read(payloads: list[bytes], version: int) -> None:
    together, alone = context(version), context(version)
    batch = read(payloads, together)
    by_frame = found(batch)
    assert_once_each(payloads, by_frame, version)
    extra: Counter[str] = Counter()
    # Beside a frame of the same shape that cannot be read, each is decoded by itself and not by columns.
    beside = found(read([one for payload in payloads for one in (payload, _spoiler(payload))], context(version)))
    for number, payload in enumerate(payloads):
        single = read([payload], alone)
        extra.update(single.extra)
        assert found(single).get(0) == by_frame.get(number), payload
        assert beside.get(2 * number) == by_frame.get(number), payload
    assert dict(extra) == batch.extra
    assert together == alone


def _spoiler(payload: bytes) -> bytes:
    """Return a frame that falls into the same group and has as many fields, none of them readable."""
    fields = payload.split(b"\0")[:-1]
    keep = 3 if fields[:1] == [b"99"] else 1
    return b"\0".join([*fields[:keep], *[b"?"] * (len(fields) - keep)]) + b"\0" if fields else b"?\0"


@given(st.integers(0, 2**32), st.data())
@settings(deadline=None, max_examples=25)
def test_a_read_cut_in_two_gives_the_same_rows(seed: int, data: st.DataObject) -> None:
    payloads = payloads_of(seed, 200)
    cut = data.draw(st.integers(0, len(payloads)))
    whole, parts = context(), context()
    expected = found(read(payloads, whole))
    first, second = found(read(payloads[:cut], parts)), found(read(payloads[cut:], parts))
    assert {**first, **{number + cut: things for number, things in second.items()}} == expected
    assert whole == parts


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=60))
@settings(deadline=None)
@example([])
@example([b"1"])
@example([b"99\x001", b"99\x001\x003"])
def test_random_bytes_raise_nothing_and_none_is_dropped(payloads: list[bytes]) -> None:
    by_frame = found(read(payloads, context()))
    assert_once_each(payloads, by_frame, 200)


@given(
    st.lists(st.tuples(st.sampled_from(sorted(MASS_IDS)), st.lists(st.binary(max_size=4), max_size=14)), max_size=60)
)
@settings(deadline=None)
def test_random_fields_raise_nothing_and_none_is_dropped(frames: list[tuple[int, list[bytes]]]) -> None:
    payloads = [b"\0".join([str(id_).encode(), *fields]) + b"\0" for id_, fields in frames]
    by_frame = found(read(payloads, context()))
    assert_once_each(payloads, by_frame, 200)


def test_one_bad_frame_among_many_leaves_the_rest_unharmed_and_is_named_once() -> None:
    good = b"1\x006\x001\x001\x00101.25\x00300\x001\x00"
    bad = {
        40: b"1\x006\x001\x001\x00x\x00300\x001\x00",
        41: b"1\x006\x001\x001\x00",
        99: b"1\x006\x001\x001\x001\x001\x001\x00x\x00",
    }
    batch = read([bad.get(i, good) for i in range(200)], context())
    assert [(number, payload) for number, payload, _ in batch.bad] == [(40, bad[40]), (41, bad[41])]
    assert batch.extra == {"tick_price": 1}
    numbers = sorted(number for rows in batch.rows for number in rows.frames.tolist())
    assert numbers == [i for i in range(200) if i not in (40, 41)]


@pytest.mark.parametrize("count", [b"2147483647", b"-1", b"1000001", b"x"])
def test_an_answer_from_history_that_counts_no_rows_is_kept_as_bad(count: bytes) -> None:
    payload = b"98\x003\x00" + count + b"\x001\x00"
    batch = read([payload], context())
    assert [bad[1] for bad in batch.bad] == [payload]
    assert not batch.rows


def test_an_answer_from_history_with_an_empty_count_has_no_rows() -> None:
    assert read([b"98\x003\x00\x001\x00"], context()) == Batch(answered=[3])


def test_messages_and_faults_are_in_order() -> None:
    payloads = [CONTROL[i % 9] for i in range(90)]
    batch = read(payloads, context())
    assert [number for number, _ in batch.messages] == [i for i in range(90) if i % 9 != 8]
    assert [number for number, _, _ in batch.bad] == [i for i in range(90) if i % 9 == 8]


@pytest.mark.parametrize("seed", range(40))
def test_control_frames_are_those_that_are_not_of_the_masses_and_those_of_history(seed: int) -> None:
    payloads = payloads_of(seed, 200)
    data = b"".join(map(frame, payloads))
    starts = boundaries(data)
    steering = {
        i for i, payload in enumerate(payloads)
        if (message_id(payload) or 0) in {m.id for m in ANSWERS} - MASS_IDS | PAST.keys()
    }
    ways = [set(control_frames(data, starts, keys)) for keys in (None, message_keys(data, starts))]
    assert all(steering <= found for found in ways)
    with_rows = {number for rows in decode(data, starts, context()).rows for number in rows.frames.tolist()}
    masses = {number for number in with_rows - steering if payloads[number][:1] != b"0"}
    assert not any(masses & found for found in ways)


def test_all_columns_are_of_the_tables_types() -> None:
    for seed in range(30):
        for rows in read(payloads_of(seed, 200), context()).rows:
            for name, column in rows.columns.items():
                stored = TABLES[rows.table].column(name)
                assert column.cast(stored.type).null_count == column.null_count
                assert stored.nullable or not column.null_count, name


def test_an_empty_read_is_an_empty_batch() -> None:
    assert decode(b"", np.array([0], np.int64), context()) == Batch()


def test_a_long_answer_from_history_keeps_its_order() -> None:
    bars = b"".join(b"%d\x001\x002\x001\x002\x00%d\x001.5\x003\x00" % (1767623400 + 5 * i, i) for i in range(5_000))
    data = struct.pack(">I", len(bars) + 10) + b"17\x003\x005000\x00" + bars
    (rows,) = decode(data, boundaries(data), context()).rows
    assert rows.places.tolist() == list(range(5_000))
    assert rows.columns["volume"].to_pylist() == list(range(5_000))
    assert rows.columns["bar_size"].to_pylist() == ["1 min"] * 5_000
