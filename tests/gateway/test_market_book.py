"""The invented order book: its operations lead from one state to another, and its top is the quote."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.gateway.market import Market

SECOND = 1_000_000
START = 1_764_003_600_000_000
AAPL, ES, EUR, BTC, SPX, CALL = 265598, 649180695, 12087792, 479624278, 416904, 700046493
MARKET = Market()
Row = tuple[float, float, str | None]
Book = dict[str, list[Row]]


def apply(book: Book, operations: pa.Table, rows: int) -> Book:
    """Apply operations strictly, as list insert, replace and remove."""
    for operation in operations.to_pylist():
        side, position = book[operation["side"]], operation["position"]
        row = (operation["price"], operation["size"], operation["market_maker"])
        assert 0 <= position <= len(side) - (operation["operation"] != "insert")
        match operation["operation"]:
            case "insert":
                side.insert(position, row)
            case "update":
                side[position] = row
            case "delete":
                del side[position]
        assert len(side) <= rows
    return book


def book_at(market: Market, con_id: int, at_us: int, rows: int, smart: bool) -> Book:
    return apply({"ask": [], "bid": []}, market.book(con_id, at_us, rows, smart), rows)


@settings(max_examples=30, deadline=None)
@given(
    con_id=st.sampled_from([AAPL, ES, EUR, BTC]),
    start=st.integers(0, 3600 * SECOND),
    length=st.integers(0, 45 * SECOND),
    rows=st.integers(1, 12),
    smart=st.booleans(),
    always_open=st.booleans(),
)
def test_operations_lead_from_one_book_to_the_other(
    con_id: int, start: int, length: int, rows: int, smart: bool, always_open: bool
) -> None:
    market = Market(always_open=always_open)
    from_us, to_us = START + start, START + start + length
    depth = market.depth(con_id, from_us, to_us, rows, smart)
    book = apply(book_at(market, con_id, from_us, rows, smart), depth, rows)
    assert book == book_at(market, con_id, to_us, rows, smart)
    assert [len(side) for side in book.values()] == [rows, rows]


def test_a_book_survives_the_close_and_opens_with_operations() -> None:
    market = Market(always_open=False)
    friday, monday = START - 3 * 86_400 * SECOND + 10 * 3_600 * SECOND, START - 7 * 3_600 * SECOND
    assert market.depth(AAPL, friday, friday + 3_600 * SECOND).num_rows == 0
    book = apply(book_at(market, AAPL, friday, 10, True), market.depth(AAPL, friday, monday, 10, True), 10)
    assert book == book_at(market, AAPL, monday, 10, True)


@pytest.mark.parametrize("con_id", [AAPL, ES, BTC])
@pytest.mark.parametrize("smart", [True, False])
def test_the_top_of_the_book_is_the_quote_and_prices_get_worse_below(con_id: int, smart: bool) -> None:
    at_us = START + 17 * SECOND
    quote = MARKET.quotes(con_id, START, at_us).to_pylist()[-1]
    book = book_at(MARKET, con_id, at_us, 10, smart)
    assert book["bid"][0][:2] == (quote["bid_price"], quote["bid_size"])
    assert book["ask"][0][:2] == (quote["ask_price"], quote["ask_size"])
    bids, asks = ([row[0] for row in book[side]] for side in ("bid", "ask"))
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert all(size > 0 for side in book.values() for _, size, _ in side)


def test_smart_books_name_exchanges_several_per_price_and_plain_ones_none() -> None:
    smart, plain = (book_at(MARKET, AAPL, START, 10, smart)["bid"] for smart in (True, False))
    assert {maker for _, _, maker in plain} == {None}
    assert smart[0][0] == smart[1][0]
    assert smart[0][2] != smart[1][2]
    assert {row["smart"] for row in MARKET.depth(AAPL, START, START + SECOND, 10, True).to_pylist()} == {True}


def test_a_new_book_is_inserts_from_the_top() -> None:
    rows = MARKET.book(ES, START, 5).to_pylist()
    assert [(row["side"], row["position"], row["operation"]) for row in rows] == [
        (side, position, "insert") for side in ("ask", "bid") for position in range(5)
    ]


@pytest.mark.parametrize("con_id", [SPX, CALL])
def test_indices_and_options_have_no_book(con_id: int) -> None:
    assert MARKET.book(con_id, START).num_rows == 0
    assert MARKET.depth(con_id, START, START + 60 * SECOND).num_rows == 0
