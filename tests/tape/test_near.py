"""One function says what was probably meant by a name that is none."""

import pytest

from capture.suggestion import hint, near, unknown

KNOWN = ["AAPL", "MSFT", "BRK B", "Aapl", "EUR.USD"]


@pytest.mark.parametrize(("name", "meant"), [
    ("aapl", ["AAPL", "Aapl"]), ("MFST", ["MSFT"]), ("brk.b", ["BRK B"]), ("eurusd", ["EUR.USD"]), ("ZZZZ", []),
    ("", []), ("brk-b", ["BRK B"])])
def test_near_names_differ_in_case_or_by_little(name: str, meant: list[str]) -> None:
    assert near(name, KNOWN) == meant


def test_what_there_is_is_listed_where_nothing_is_near() -> None:
    assert unknown("table", "orders", ["trades", "trades", "quotes"]) == (
        "there is no table 'orders'; there are trades, quotes")
    assert hint("price", []) == "there are none"
    assert hint("x", map(str, range(1000)), "it has").endswith(", 39, … (1,000 in all)")
