"""A recorded book holds what IB tells of: the rows that were asked for."""

import pytest

from capture.gateway.recorded.books import Book


@pytest.mark.parametrize(("most", "prices"), [(2, [3, 2]), (3, [3, 2, 1]), (10, [3, 2, 1])])
def test_a_recorded_book_has_at_most_the_rows_that_were_asked_for(most: int, prices: list[float]) -> None:
    book = Book()
    for price in (1.0, 2.0, 3.0):
        book.apply({"operation": "insert", "side": "bid", "position": 0, "price": price}, most)
    assert [row["price"] for row in book.sides["bid"]] == prices
    book.apply({"operation": "delete", "side": "bid", "position": 0}, most)
    assert [row["price"] for row in book.sides["bid"]] == prices[1:]
    for operation in ("insert", "update", "delete"):
        book.apply({"operation": operation, "side": "bid", "position": most, "price": 9.0}, most)
    assert [row["price"] for row in book.sides["bid"]] == prices[1:]
