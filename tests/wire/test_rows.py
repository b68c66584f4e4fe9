"""What the columns of stored rows mean: flags out of masks, nulls for sentinels, whose data a row is."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.wire.context import Context
from capture.wire.read_rows import decode
from capture.wire.table_rows import bar_times
from capture.wire.text.codec import Codec, answer_codec, request_codec
from capture.wire.text.framing import boundaries, frame

pytestmark = pytest.mark.usefixtures("module_both_ways")
MANY = 40  # more frames than are decoded one by one
ANSWERS: Codec = answer_codec(200)
CONTRACT = {"con_id": 265598, "symbol": "AAPL"}


def rows_of(payloads: list[bytes], context: Context | None = None) -> list[dict[str, Any]]:
    """Return the rows in the order of their frames."""
    data = b"".join(map(frame, payloads))
    batch = decode(data, boundaries(data), context or Context(200))
    assert not batch.bad
    found = []
    for rows in batch.rows:
        columns = {name: column.to_pylist() for name, column in rows.columns.items()}
        for i, number in enumerate(rows.frames.tolist()):
            found.append((number, int(rows.places[i]), {name: values[i] for name, values in columns.items()}))
    return [row for _, _, row in sorted(found, key=lambda item: item[:2])]


def row_of(name: str, **values: Any) -> dict[str, Any]:
    """Return the row of one answer, after checking that it is the same alone and among many."""
    payload = ANSWERS.encode(name, {"request_id": 1, **values})
    (alone,) = rows_of([payload])
    assert rows_of([payload] * MANY) == [alone] * MANY
    return alone


@pytest.mark.parametrize(
    ("tick_type", "price", "size", "stored_price", "stored_size"),
    [
        (1, 101.25, 300, 101.25, 300),
        (1, -1, 0, None, 0),
        (2, 0, 0, None, 0),
        (4, 0, None, None, None),
        (68, 0, 0, None, 0),
        (1, -1, 5, -1, 5),
        (2, -37.63, 2, -37.63, 2),  # negative prices are real where there is a size
        (6, 103, 0, 103, None),
        (6, 0, 0, 0, None),
        (9, -1, 0, None, None),
        (9, -1, 7, None, None),  # the size beside it says nothing
        (50, None, None, None, None),
        (1, 101.25, None, 101.25, None),
    ],
)
def test_price_ticks(tick_type: int, price: Any, size: Any, stored_price: Any, stored_size: Any) -> None:
    row = row_of("tick_price", tick_type=tick_type, price=price, size=size, mask=0)
    assert (row["price"], row["size"]) == (stored_price, stored_size)


@pytest.mark.parametrize("mask", range(8))
def test_the_mask_of_a_price_tick(mask: int) -> None:
    row = row_of("tick_price", tick_type=1, price=1, size=1, mask=mask)
    flags = [row["can_auto_execute"], row["past_limit"], row["pre_open"]]
    assert flags == [bool(mask & 1), bool(mask & 2), bool(mask & 4)]


@pytest.mark.parametrize("mask", range(4))
def test_the_mask_of_quotes_stands_the_other_way_round_in_history(mask: int) -> None:
    quote = {"time": 1767623401, "bid_price": 1, "ask_price": 2, "bid_size": 1, "ask_size": 1, "mask": mask}
    live = row_of("tick_by_tick", kind=3, **quote)
    history = row_of("historical_quotes", ticks=[quote], done=True)
    assert (live["bid_past_low"], live["ask_past_high"]) == (bool(mask & 1), bool(mask & 2))
    assert (history["bid_past_low"], history["ask_past_high"]) == (bool(mask & 2), bool(mask & 1))


@pytest.mark.parametrize("mask", range(4))
def test_the_mask_of_trades_is_the_same_in_history(mask: int) -> None:
    trade = {"time": 1767623401, "price": 1, "size": 1, "mask": mask, "exchange": "", "conditions": "T"}
    live, history = row_of("tick_by_tick", kind=1, **trade), row_of("historical_trades", ticks=[trade], done=True)
    for row in (live, history):
        assert (row["past_limit"], row["unreported"]) == (bool(mask & 1), bool(mask & 2))
        assert (row["exchange"], row["conditions"]) == (None, "T")
    assert (live["origin"], history["origin"]) == ("live", "backfill")


def test_a_halt_has_no_price_and_its_flag() -> None:
    halt = row_of("tick_by_tick", kind=2, time=1767623401, price=0, size=0, mask=1)
    resumed = row_of("tick_by_tick", kind=2, time=1767623401, price=0, size=0, mask=0)
    free = row_of("tick_by_tick", kind=2, time=1767623401, price=0, size=5, mask=0)
    assert [(row["price"], row["size"], row["past_limit"]) for row in (halt, resumed, free)] == [
        (None, 0, True),
        (None, 0, False),
        (0, 5, False),
    ]


@pytest.mark.parametrize(
    ("price", "size", "stored"), [(-1, 0, None), (0, 0, None), (-1, 3, -1), (0, 3, 0), (5, 0, 5), (None, 0, None)]
)
def test_a_quote_without_a_side(price: Any, size: Any, stored: Any) -> None:
    bid = row_of("tick_by_tick", kind=3, time=1, bid_price=price, bid_size=size, ask_price=7, ask_size=7, mask=0)
    ask = row_of("tick_by_tick", kind=3, time=1, bid_price=7, bid_size=7, ask_price=price, ask_size=size, mask=0)
    assert (bid["bid_price"], bid["ask_price"]) == (stored, 7)
    assert (ask["bid_price"], ask["ask_price"]) == (7, stored)


GREEKS = {
    "implied_volatility": -1,
    "delta": -2,
    "option_price": -1,
    "dividend_value": -1,
    "gamma": -2,
    "vega": -2,
    "theta": -2,
    "underlying_price": -1,
}


@pytest.mark.parametrize(("name", "absent"), GREEKS.items())
def test_a_greek_that_is_not_available(name: str, absent: int) -> None:
    rest = {other: 0.5 for other in GREEKS if other != name}
    row = row_of("tick_option", tick_type=13, price_based=None, **rest, **{name: absent})
    assert {other: row[other] for other in GREEKS} == {**rest, name: None}
    assert row["price_based"] is None
    kept = row_of("tick_option", tick_type=13, price_based=1, **rest, **{name: 0.25})
    assert (kept[name], kept["price_based"]) == (0.25, True)


def test_greeks_that_are_negative_by_nature_are_kept() -> None:
    row = row_of("tick_option", tick_type=13, price_based=0, **{**GREEKS, "delta": -1, "theta": -1, "option_price": -2})
    assert (row["delta"], row["theta"], row["option_price"], row["gamma"]) == (-1, -1, -2, None)


@pytest.mark.parametrize("size", [-1553556175, 0.001, 7500000, 123456789.123456])
def test_sizes_come_back_digit_for_digit(size: float) -> None:
    assert row_of("tick_size", tick_type=8, size=size)["size"] == size


@pytest.mark.parametrize(
    "word", [b"", b"2147483647", b"9223372036854775807", b"-9223372036854775808", b"1.7976931348623157E308", b"NaN"]
)
def test_markers_of_no_size_are_null(word: bytes) -> None:
    payload = b"2\x006\x001\x008\x00" + word + b"\0"
    assert (
        [row["size"] for row in rows_of([payload] * MANY)]
        == [row["size"] for row in rows_of([payload])] * MANY
        == [None] * MANY
    )


@pytest.mark.parametrize(
    ("tick_type", "name", "origin"),
    [
        (1, "BID", "live"),
        (66, "DELAYED_BID", "delayed"),
        (88, "DELAYED_LAST_TIMESTAMP", "delayed"),
        (110, "ODD_LOT_ASK_EXCH", "live"),
        (111, "tick_111", "live"),
        (999, "tick_999", "live"),
        (1_000_000, "tick_1000000", "live"),
        (-3, "tick_-3", "live"),
    ],
)
def test_tick_types_have_names_and_delayed_ones_are_delayed(tick_type: int, name: str, origin: str) -> None:
    row = row_of("tick_string", tick_type=tick_type, text="x")
    assert (row["tick_type"], row["tick_name"], row["origin"]) == (tick_type, name, origin)


def asked(**requests: dict[str, Any]) -> Context:
    context = Context(200)
    for number, (name, values) in enumerate(requests.items(), 1):
        context.sent(request_codec(200).encode(name, {**CONTRACT, "request_id": number, **values}))
    return context


def test_the_data_type_counts_from_its_frame_on_and_for_its_request_alone() -> None:
    context = asked(req_market_data={}, req_tick_by_tick={"tick_kind": "Last"})
    bid = [ANSWERS.encode("tick_price", request_id=id_, tick_type=1, price=1, size=1, mask=0) for id_ in (1, 2, 1)]
    types = [ANSWERS.encode("market_data_type", request_id=1, data_type=kind) for kind in (3, 2, 4, 1, 9)]
    payloads = [*bid * 20, types[0], *bid * 20, types[1], *bid, types[2], *bid, types[4], *bid, types[3], *bid]
    rows = rows_of(payloads, context)
    first = [row["origin"] for row in rows if row["request_id"] == 1]
    origins = ("frozen", "delayed_frozen", "delayed_frozen", "live")
    assert first == ["live"] * 40 + ["delayed"] * 40 + [origin for origin in origins for _ in range(2)]
    assert {row["origin"] for row in rows if row["request_id"] == 2} == {"live"}
    rows_of([types[0]], context)
    assert rows_of([bid[0]], context)[0]["origin"] == "delayed"  # also in the reads to come


def test_rows_say_whose_data_they_are() -> None:
    context = asked(
        req_market_data={"local_symbol": "AAPL.X"},
        req_historical_data={"bar_size": "1 min", "what": "TRADES", "regular_hours": True},
    )
    bar = {"bar_date": "20260105", "open": 1, "high": 1, "low": 1, "close": 1, "volume": 0, "wap": 0, "trade_count": 0}
    known, unknown, history = rows_of(
        [
            ANSWERS.encode("tick_size", request_id=1, tick_type=0, size=1),
            ANSWERS.encode("tick_size", request_id=77, tick_type=0, size=1),
            ANSWERS.encode("historical_data", request_id=2, bars=[bar]),
        ],
        context,
    )
    assert (known["instrument_id"], known["symbol"], known["stream"]) == (265598, "AAPL.X", "ticks")
    assert (unknown["instrument_id"], unknown["symbol"], unknown["stream"], unknown["request_id"]) == (
        None,
        None,
        None,
        77,
    )
    assert (history["bar_size"], history["what"], history["regular_hours"], history["origin"]) == (
        "1 min",
        "TRADES",
        True,
        "backfill",
    )


def test_rows_of_an_ended_request_are_still_its_rows() -> None:
    context = asked(req_market_data={})
    context.requests[1].end()
    assert rows_of([ANSWERS.encode("tick_size", request_id=1, tick_type=0, size=1)], context)[0]["symbol"] == "AAPL"


@pytest.mark.parametrize("absent", [-1, -1.0])
def test_bars_not_made_from_trades(absent: float) -> None:
    row = row_of(
        "real_time_bar", time=1767623400, open=1, high=2, low=-1, close=1, volume=absent, wap=absent, trade_count=-1
    )
    assert [row[name] for name in ("low", "volume", "wap", "trade_count")] == [-1, None, None, None]
    assert row["ts_event"] == datetime(2026, 1, 5, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize("seconds", [0, -5, None, 300_000_000_000, 2**62])
def test_times_that_are_none(seconds: int | None) -> None:
    assert row_of("tick_by_tick", kind=4, time=seconds, price=1)["ts_event"] is None


DAY = datetime(2026, 1, 5, tzinfo=UTC)
HALF_PAST = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)


def times(dates: list[str] | pa.Array, zone: str | None = "UTC", slot: int = 0, again: bool = False) -> list[Any]:
    found = bar_times(pa.array(dates), np.full(len(dates), slot), zone, again=again)
    return [moment.astimezone(UTC) if moment else None for moment in found.to_pylist()]


# The night in which New York's clocks go back from 02:00 to 01:00.
NIGHT = [f"20261101 {clock}:00 US/Eastern" for clock in ("00:30", "01:00", "01:30", "01:00", "01:30", "02:00")]
HALF_HOURS = [datetime(2026, 11, 1, 4, 30, tzinfo=UTC) + timedelta(minutes=30) * n for n in range(6)]


def test_the_second_hour_of_a_night_in_which_clocks_go_back_is_an_hour_later() -> None:
    assert times(NIGHT) == HALF_HOURS
    once = [NIGHT[n] for n in (0, 2, 5)]
    assert times(once) == [HALF_HOURS[0], None, HALF_HOURS[5]]  # nothing tells which of the two it is
    assert times([NIGHT[1], NIGHT[3]]) == [HALF_HOURS[1], HALF_HOURS[3]]
    assert times([NIGHT[1], NIGHT[3]], again=True) == [None, None]  # two updates of one bar
    assert times(NIGHT, slot=-1)[1:5] == [None] * 4  # rows of nobody tell nothing of each other
    named = [night.replace("US/Eastern", f"Eastern {season} Time")
             for night, season in zip(NIGHT[1:5], ["Daylight"] * 2 + ["Standard"] * 2, strict=True)]
    assert times(named) == HALF_HOURS[1:5]
    assert [times([one])[0] for one in named] == HALF_HOURS[1:5]


def test_the_hours_of_one_request_tell_nothing_of_anothers() -> None:
    dates = [date for date in NIGHT for _ in range(2)]
    found = bar_times(pa.array(dates), np.arange(len(dates)) % 2, None).to_pylist()
    assert found == [moment for moment in HALF_HOURS for _ in range(2)]


def test_a_date_without_zone_is_in_the_zone_that_the_gateways_hello_names() -> None:
    assert times(["20260105  09:30:00"], "US/Eastern") == [HALF_PAST]
    assert times(["20260105  15:30:00"], "Central European Standard Time") == [HALF_PAST]
    assert times(["20260105  14:30:00"], "British Summer Time") == [HALF_PAST]  # greeted in summer
    assert times(["20260105  14:30:00", "20260105"], None) == [None, DAY]
    assert times(["20260105  14:30:00"], "Zeitzone") == [None]


@pytest.mark.parametrize(
    ("date", "moment"),
    [
        ("1767623400", HALF_PAST),
        ("20260105", DAY),
        ("20260105  14:30:00", HALF_PAST),
        ("20260105 09:30:00 US/Eastern", HALF_PAST),
        ("20260105 15:30:00 Europe/Amsterdam", HALF_PAST),
        ("20260105-14:30:00", HALF_PAST),
        ("20260105-14:30:00Z", HALF_PAST),
        ("20260105 09:30:00 Eastern Standard Time", HALF_PAST),
        ("20260105 16:30:00 Israel Standard Time", HALF_PAST),
        ("20260105 15:30:00 Central European Standard Time", HALF_PAST),
        ("20260105 14:30:00 GMT", HALF_PAST),
        ("20260105 15:30:00 British Summer Time", None),  # in January there is none
        ("20260105 22:30:00 CST", None),  # of Chicago, or of China
        ("", None),
        ("-123456789", None),
        ("0x12345678", None),
        ("2026-01-05", None),
    ],
)
def test_bar_dates(date: str, moment: datetime | None) -> None:
    assert times([date]) == [moment]
    assert times([date, "20260105"]) == [moment, DAY]
    assert times(pa.array(["x", date]).slice(1)) == [moment]


@pytest.mark.parametrize(("operation", "side"), [(0, 0), (1, 1), (2, 0)])
def test_depth(operation: int, side: int) -> None:
    plain = row_of("market_depth", position=3, operation=operation, side=side, price=0, size=0)
    named = row_of(
        "market_depth_l2", position=3, operation=operation, side=side, price=0, size=0, market_maker="", smart=True
    )
    for row in (plain, named):
        assert (row["operation"], row["side"]) == (["insert", "update", "delete"][operation], ["ask", "bid"][side])
        assert (row["position"], row["price"], row["size"]) == (3, 0, 0)
    assert (named["market_maker"], named["smart"]) == (None, True)
    assert plain.keys().isdisjoint({"market_maker", "smart"})


@given(st.integers(1, 15).flatmap(lambda n: st.tuples(st.integers(0, 10**n - 1), st.integers(0, 18))))
def test_sizes_of_up_to_15_digits_come_back_digit_for_digit(number: tuple[int, int]) -> None:
    digits, places = number
    sent = Decimal(digits).scaleb(-places)
    payload = "\0".join(["2", "6", "1", "0", f"{sent:f}", ""]).encode()
    for copies in (1, MANY):
        assert {Decimal(repr(row["size"])) for row in rows_of([payload] * copies)} == {sent}


def test_a_size_of_more_digits_is_rounded_to_the_nearest_double() -> None:
    payload = b"\0".join([b"2", b"6", b"1", b"0", b"123456789.0123456789", b""])
    for copies in (1, MANY):
        assert {row["size"] for row in rows_of([payload] * copies)} == {123456789.0123456789}
    assert Decimal(repr(123456789.0123456789)) != Decimal("123456789.0123456789")
