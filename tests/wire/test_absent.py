"""IB's words for no value, message by message: each pair of price and size, alone and among many."""

from typing import Any

import pytest

from capture.wire.messages.absent import ABSENT, PAIRED
from capture.wire.messages.shapes import SHAPES
from capture.wire.messages.ticktypes import TICK_TYPES

from .test_rows import row_of

BID, HIGH, CLOSE, MARK, VOLUME = 1, 6, 9, 37, 8
BAR = {"open": 5, "high": 5, "low": 5, "close": 5, "volume": 9, "wap": 5, "trade_count": 2}
BOOK = {"position": 0, "operation": 0, "side": 1, "smart": False, "market_maker": ""}

# A pair as IB may send it, and what is stored of it where a price comes with a size of its own.
PAIRS: list[tuple[Any, Any, Any, Any]] = [
    (-1, 0, None, 0), (0, 0, None, 0), (-1, None, None, None), (0, None, None, None), (-1, -1, None, None),
    (0, -1, None, None), (-1, -7, None, -7), (-1, 3, -1, 3), (0, 3, 0, 3), (5, 0, 5, 0), (5, -1, 5, None),
    (5, None, 5, None), (-2, 0, -2, 0), (-0.5, 3, -0.5, 3), (5, -1553556175, 5, -1553556175)]  # fmt: skip


@pytest.mark.parametrize(("price", "size", "stored_price", "stored_size"), PAIRS)
def test_pairs_of_price_and_size(price: Any, size: Any, stored_price: Any, stored_size: Any) -> None:
    tick = row_of("tick_price", tick_type=BID, price=price, size=size, mask=0)
    trade = row_of("tick_by_tick", kind=1, time=1, price=price, size=size, mask=0, exchange="", conditions="")
    sides = {f"{side}_{name}": value for side in ("bid", "ask") for name, value in (("price", price), ("size", size))}
    quote = row_of("tick_by_tick", kind=3, time=1, mask=0, **sides)
    for row in (tick, trade):
        assert (row["price"], row["size"]) == (stored_price, stored_size)
    for side in ("bid", "ask"):
        assert (quote[f"{side}_price"], quote[f"{side}_size"]) == (stored_price, stored_size)


@pytest.mark.parametrize("tick_type", [HIGH, CLOSE, MARK])
@pytest.mark.parametrize(("price", "size", "stored"), [
    (-1, 0, None), (-1, None, None), (-1, 300, None), (0, 0, 0), (0, None, 0), (-2, 0, -2), (5, 7, 5)])
def test_a_price_without_a_size_of_its_own(tick_type: int, price: Any, size: Any, stored: Any) -> None:
    row = row_of("tick_price", tick_type=tick_type, price=price, size=size, mask=0)
    assert (row["price"], row["size"]) == (stored, None)


@pytest.mark.parametrize(("size", "stored"), [(-1, None), (0, 0), (-1553556175, -1553556175), (-2, -2), (0.5, 0.5)])
def test_sizes_below_0_are_numbers_that_ran_over_and_1_of_them_is_none(size: float, stored: float | None) -> None:
    assert row_of("tick_size", tick_type=VOLUME, size=size)["size"] == stored
    assert row_of("market_depth_l2", price=5, size=size, **BOOK)["size"] == stored
    assert row_of("market_depth", price=5, size=size, position=0, operation=1, side=0)["size"] == stored


@pytest.mark.parametrize(("price", "size", "stored"), [
    (-1, 0, None), (-1, -1, None), (-1, 4, -1), (0, 0, 0), (5, 0, 5)])
def test_a_row_of_a_book_without_price(price: float, size: float, stored: float | None) -> None:
    assert row_of("market_depth_l2", price=price, size=size, **BOOK)["price"] == stored
    assert row_of("market_depth", price=price, size=size, position=0, operation=2, side=0)["price"] == stored


@pytest.mark.parametrize(("tick_type", "value", "stored"), [
    (49, -1, None), (90, -1, None), (49, 0, 0), (49, 2, 2), (31, -1, -1), (24, 0.25, 0.25)])
def test_whether_trading_halts_may_not_be_known(tick_type: int, value: float, stored: float | None) -> None:
    assert row_of("tick_generic", tick_type=tick_type, value=value)["value"] == stored


@pytest.mark.parametrize(("field", "word", "stored"), [
    ("volume", -1, None), ("volume", -0.5, None), ("volume", 0, 0), ("wap", -1, None), ("wap", -1.5, -1.5),
    ("trade_count", -1, None), ("trade_count", 0, 0)])
def test_bars_that_are_not_made_from_trades(field: str, word: float, stored: float | None) -> None:
    assert row_of("real_time_bar", time=1, **{**BAR, field: word})[field] == stored
    assert row_of("historical_data_update", bar_date="1767623400", **{**BAR, field: word})[field] == stored


def test_the_table_names_messages_fields_and_kinds_that_are_there() -> None:
    shapes = {shape.name: shape for shape in SHAPES.values()}
    for name, fields in ABSENT.items():
        if name in shapes:
            shape = shapes[name]
            known = {field.name for field in (*shape.fields(200), *(shape.row_fields(200) if shape.repeat else ()))}
            assert fields.keys() <= known, name
        for rules in fields.values():
            assert {rule.kind for rule in rules} <= {"price", "size", "count", "ratio"}
    assert {number for number, tick in TICK_TYPES.items() if tick.kind == "price"} > PAIRED


def test_like_messages_of_history_and_of_live_streams_have_the_same_words() -> None:
    assert ABSENT["tick_by_tick_last"] == ABSENT["historical_trades"]
    assert ABSENT["tick_by_tick_quote"] == ABSENT["historical_quotes"]
    assert ABSENT["real_time_bar"] == ABSENT["historical_data"] == ABSENT["historical_data_update"]
