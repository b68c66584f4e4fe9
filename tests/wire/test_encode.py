"""Columnar encoding: what is encoded decodes to the same rows, and reads as the codec would have written it."""

from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.gateway.market import Market
from capture.schemas import TABLES
from capture.wire.context import Context, Request
from capture.wire.encode import NO_FRAMES, Frames, encode, merge
from capture.wire.messages.ticktypes import SIZE_OF_PRICE, TICK_TYPES
from capture.wire.read_rows import decode
from capture.wire.text.codec import answer_codec
from capture.wire.text.protocol_error import LocalProtocolError

AAPL = 265598
NOW_US = 1_760_000_000_000_000

VERSIONS = st.integers(157, 200)
NUMBERS = st.floats(-1e12, 1e12, allow_nan=False).filter(lambda x: x not in (-2, -1, 0, 2147483647))
COUNTS = st.integers(0, 2**31 - 2)
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=12)
TIMES = st.integers(1, 4_000_000_000).map(lambda s: s * 1_000_000)
SIZES = st.none() | NUMBERS | st.just(0.0)
PRICES = st.none() | NUMBERS
FLAGS = st.booleans()
REQUEST_IDS = st.sampled_from([1, 7, 1_234_567])


Strategy = st.SearchStrategy[Any]


def rows_of(table: str, **columns: Strategy) -> Strategy:
    names: dict[str, Strategy] = {"request_id": REQUEST_IDS} | columns
    return st.tuples(st.just(table), st.lists(st.fixed_dictionaries(names), max_size=20))


def tick(**columns: Strategy) -> Strategy:
    absent = ("price", "size", "value", "text", "can_auto_execute", "past_limit", "pre_open")
    fixed = dict.fromkeys(absent, st.none())
    names: dict[str, Strategy] = {"request_id": REQUEST_IDS, "tick_type": st.integers(0, 300)} | fixed | columns
    return st.fixed_dictionaries(names).map(_finish_tick)


def _finish_tick(row: dict[str, Any]) -> dict[str, Any]:
    known = TICK_TYPES.get(row["tick_type"])
    row["tick_name"] = known.name if known else f"tick_{row['tick_type']}"
    if row["can_auto_execute"] is not None and row["tick_type"] not in SIZE_OF_PRICE:
        row["size"] = None  # only bid, ask and last come with a size
    return row


TICKS = st.one_of(
    tick(price=PRICES, size=SIZES, can_auto_execute=FLAGS, past_limit=FLAGS, pre_open=FLAGS),
    tick(size=SIZES), tick(value=NUMBERS), tick(text=TEXTS))
BAR: dict[str, Strategy] = {
    **dict.fromkeys(("open", "high", "low", "close"), NUMBERS),
    "volume": st.none() | st.floats(0, 1e12), "wap": PRICES, "trade_count": st.none() | COUNTS}
GREEKS = dict.fromkeys(("implied_volatility", "option_price", "dividend_value", "underlying_price"),
                       st.none() | st.floats(0, 1e6))
BOOK: dict[str, Strategy] = {"position": COUNTS, "operation": st.sampled_from(["insert", "update", "delete"]),
        "side": st.sampled_from(["bid", "ask"]), "price": NUMBERS, "size": NUMBERS}

ROWS = st.one_of(
    rows_of("trades", stream=st.sampled_from(["last", "all_last"]), ts_event=st.none() | TIMES, price=PRICES,
            size=SIZES, exchange=st.none() | TEXTS, conditions=st.none() | TEXTS, past_limit=FLAGS, unreported=FLAGS),
    rows_of("quotes", ts_event=TIMES, bid_price=PRICES, ask_price=PRICES, bid_size=SIZES, ask_size=SIZES,
            bid_past_low=FLAGS, ask_past_high=FLAGS),
    rows_of("midpoints", ts_event=TIMES, price=PRICES),
    st.tuples(st.just("ticks"), st.lists(TICKS, max_size=20)),
    rows_of("greeks", tick_type=st.integers(10, 13), price_based=st.none() | FLAGS, **GREEKS,
            **dict.fromkeys(("delta", "gamma", "vega", "theta"), PRICES)),
    rows_of("depth", **BOOK, market_maker=st.none(), smart=st.none()),
    rows_of("depth", **BOOK, market_maker=st.none() | TEXTS, smart=FLAGS),
    rows_of("bars", form=st.just("closed"), ts_event=TIMES, bar_date=st.none(), **BAR),
)


def arrow(table: str, rows: list[dict[str, Any]]) -> pa.Table:
    fields = {column.name: column.type for column in TABLES[table].columns}
    schema = pa.schema([(name, fields[name]) for name in rows[0]])
    return pa.Table.from_pylist(rows, schema)


def decoded(frames: Frames, version: int) -> list[dict[str, Any]]:
    """The rows of all frames, in the frames' order."""
    context = Context(version, {i: Request(i, "req_tick_by_tick", "all_last", AAPL, "AAPL") for i in (1, 7, 1_234_567)})
    batch = decode(frames.data, frames.starts, context)
    assert not batch.bad and not batch.messages and not batch.extra
    found: dict[int, dict[str, Any]] = {}
    for rows in batch.rows:
        columns = {name: column.to_pylist() for name, column in rows.columns.items()}
        for place, frame in enumerate(rows.frames.tolist()):
            found[frame] = {name: values[place] for name, values in columns.items()}
    return [found[frame] for frame in range(len(frames))]


@given(ROWS, VERSIONS)
@settings(deadline=None, max_examples=300)
def test_decoding_gives_the_rows_that_were_encoded(
    given_rows: tuple[str, list[dict[str, Any]]], version: int
) -> None:
    table, rows = given_rows
    if not rows:
        return
    wanted = arrow(table, rows)
    frames = encode(table, wanted, version)
    found = decoded(frames, version)
    assert len(found) == len(rows)
    for row, expected in zip(found, wanted.to_pylist(), strict=True):
        for name in expected.keys() - {"stream"}:  # the stream is that of the request
            assert row.get(name) == expected[name], name


@pytest.mark.parametrize("form", ["closed", "update"])
def test_bars_by_form(form: str) -> None:
    rows = arrow("bars", [{"request_id": 7, "form": form, "ts_event": 1_700_000_000_000_000, "bar_date": "1700000000",
                           "open": 1.0, "high": 2.5, "low": 0.5, "close": 2.0, "volume": 10.0, "wap": 1.25,
                           "trade_count": 3}])
    (row,) = decoded(encode("bars", rows, 200), 200)
    assert (row["form"], row["open"], row["high"], row["low"], row["close"]) == (form, 1.0, 2.5, 0.5, 2.0)
    assert (row["volume"], row["wap"], row["trade_count"]) == (10.0, 1.25, 3)


def market_rows() -> dict[str, pa.Table]:
    market = Market()
    second = 1_000_000
    return {
        "trades": market.trades(AAPL, NOW_US, NOW_US + 30 * second),
        "quotes": market.quotes(AAPL, NOW_US, NOW_US + 30 * second),
        "midpoints": market.midpoints(AAPL, NOW_US, NOW_US + 30 * second),
        "depth": market.depth(AAPL, NOW_US, NOW_US + 10 * second, 5, True),
        "ticks": market.ticks(AAPL, NOW_US, NOW_US + 10 * second, frozenset({233}), True),
    }


@pytest.mark.parametrize("table", ["trades", "quotes", "midpoints", "depth", "ticks"])
@pytest.mark.parametrize("version", [157, 178, 200])
def test_market_rows_are_written_as_the_codec_writes_them(table: str, version: int) -> None:
    rows = market_rows()[table]
    streams = pa.array(["all_last"] * len(rows))
    rows = rows.append_column("request_id", pa.array([7] * len(rows))).append_column("stream", streams)
    frames = encode(table, rows, version)
    codec = answer_codec(version)
    for start, end in pairwise(frames.starts.tolist()):
        payload = frames.data[start + 4 : end]
        message = codec.decode(payload)
        assert codec.encode(message.name, message.values) == payload


def test_a_nul_in_a_text_is_refused() -> None:
    row = {"request_id": 1, "ts_event": 0, "price": 1.0, "size": 1.0, "exchange": "A\0B", "conditions": "",
           "past_limit": False, "unreported": False, "stream": "last"}
    with pytest.raises(LocalProtocolError, match="NUL"):
        encode("trades", arrow("trades", [row]), 200)


def test_the_reset_of_a_book_and_bars_of_history_are_refused() -> None:
    reset = {"request_id": 1, "position": None, "operation": "reset", "side": None, "price": 0.0, "size": 0.0,
             "market_maker": None, "smart": None}
    with pytest.raises(LocalProtocolError, match="reset"):
        encode("depth", arrow("depth", [reset]), 200)
    with pytest.raises(LocalProtocolError, match="history"):
        encode("bars", arrow("bars", [{"request_id": 1, "form": "history"}]), 200)


def frames_of(payloads: list[bytes]) -> Frames:
    data = b"".join(len(p).to_bytes(4, "big") + p for p in payloads)
    return Frames(data, np.cumsum([0, *(4 + len(p) for p in payloads)]))


@given(st.lists(st.lists(st.tuples(st.integers(0, 9), st.binary(min_size=1, max_size=9)), max_size=8), max_size=4))
def test_merging_is_a_stable_sort_by_key(parts: list[list[tuple[int, bytes]]]) -> None:
    frames = [frames_of([payload for _, payload in part]) for part in parts]
    merged = merge(frames, [np.array([key for key, _ in part], np.int64) for part in parts])
    ordered = sorted((item for part in parts for item in part), key=lambda item: item[0])
    expected = frames_of([payload for _, payload in ordered])
    assert merged.data == expected.data
    assert merged.starts.tolist() == expected.starts.tolist()


def test_nothing_encodes_to_nothing() -> None:
    rows = market_rows()["quotes"].slice(0, 0)
    assert len(encode("quotes", rows.append_column("request_id", pa.array([], pa.int32())), 200)) == 0
    assert merge([], []) is NO_FRAMES
