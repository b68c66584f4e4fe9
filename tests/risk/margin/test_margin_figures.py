"""Figures of margin: dated, with their source, and a user's own before them."""

from datetime import date

import numpy as np
import pytest

from capture.risk.margin.dated import Certainty
from capture.risk.margin.margin_figures import FIGURE_SCHEMA, FIGURES, KINDS, Figure, figures_on
from capture.risk.margin.risk_groups import FUNDS, GROUP_SCHEMA, LISTED, PRODUCTS, Own, RiskGroups
from capture.risk.margin.span_figures import MonthSpread, ScanRange, span_figures_on
from capture.risk.revaluation import MOST_LOST

DAY = date(2026, 11, 30)


@pytest.mark.parametrize(("kind", "moves"), [
    ("high_cap_index", [-8, -6.4, -4.8, -3.2, -1.6, 1.2, 2.4, 3.6, 4.8, 6]),
    ("broad_index", [-10, -8, -6, -4, -2, 2, 4, 6, 8, 10]),
    ("narrow_index", [-15, -12, -9, -6, -3, 3, 6, 9, 12, 15]),
    ("equity", [-15, -12, -9, -6, -3, 3, 6, 9, 12, 15])])  # fmt: skip
def test_ten_equidistant_moves_of_each_kind(kind: str, moves: list[float]) -> None:
    assert figures_on(DAY).moves(kind) * 100 == pytest.approx(moves)


def test_a_leveraged_fund_moves_by_its_leverage_and_never_below_nothing() -> None:
    figures = figures_on(DAY)
    assert figures.moves("high_cap_index", 3) * 100 == pytest.approx([-24, -19.2, -14.4, -9.6, -4.8, 3.6, 7.2, 10.8,
                                                                      14.4, 18])  # fmt: skip
    assert figures.moves("high_cap_index", -1) == pytest.approx(-figures.moves("high_cap_index"))
    assert figures.moves("equity", 10).min() == -MOST_LOST


def test_every_figure_says_whence_it_is_since_when_and_how_sure() -> None:
    table = figures_on(DAY).table()
    assert table.schema == FIGURE_SCHEMA
    assert table.num_rows == len({figure.key for figure in FIGURES})
    assert all(row["source"] and row["certainty"] in set(Certainty) for row in table.to_pylist())
    assert {row["key"]: row["certainty"] for row in table.to_pylist()}["volatility.shift"] == "unverified"


def test_a_figure_holds_from_its_date_and_an_own_one_comes_first() -> None:
    own = [Figure("moves.equity.down", -0.3, date(2020, 1, 1), "mine", Certainty.OWN),
           Figure("moves.equity.down", -0.4, date(2027, 1, 1), "mine", Certainty.OWN)]  # fmt: skip
    assert figures_on(date(2019, 1, 1), own)["moves.equity.down"] == -0.15
    assert figures_on(DAY, own)["moves.equity.down"] == -0.3
    assert figures_on(date(2028, 1, 1), own)["moves.equity.down"] == -0.4
    assert figures_on(date(1990, 1, 1))["moves.equity.down"] == -0.15  # the oldest that there is


def test_kinds_of_product_groups_have_moves_and_offsets() -> None:
    figures = figures_on(DAY)
    assert {product.kind for product in PRODUCTS} < set(KINDS)
    for kind in KINDS:
        assert 0 <= figures[f"offsets.product.{kind}"] <= 1
        assert np.all(np.diff(figures.moves(kind)) > 0)


def test_funds_are_listed_once_and_follow_their_index() -> None:
    assert len({fund.symbol for fund in FUNDS}) == len(FUNDS)
    assert LISTED.place("SPY").class_group == LISTED.place("SPX").class_group == LISTED.place("SDS").class_group
    assert LISTED.place("SDS").leverage == -2
    assert LISTED.place("QQQ") == LISTED.place("NDX")
    assert LISTED.place("QQQ").product != LISTED.place("SPY").product
    assert LISTED.place("QQQ").portfolio == LISTED.place("SPY").portfolio
    assert LISTED.place("AAPL") == ("AAPL", "equity", "", "", 1.0)


def test_own_groups_come_first() -> None:
    groups = RiskGroups([Own("TSLL", "TSLA", leverage=2), Own("SPY", "SPY alone"), Own("ABC", "SPX"),
                         Own("DEF", "DEF", product="technology"),
                         Own("GHI", "GHI", product="mine", kind="broad_index")])
    assert groups.place("TSLL") == ("TSLA", "equity", "", "", 2.0)
    assert groups.place("SPY") == ("SPY alone", "equity", "", "", 1.0)
    assert groups.place("ABC") == ("SPX", "high_cap_index", "broad", "US indices", 1.0)
    assert groups.place("DEF") == ("DEF", "narrow_index", "technology", "", 1.0)
    assert groups.place("GHI") == ("GHI", "broad_index", "mine", "", 1.0)
    assert groups.place("IVV") == LISTED.place("IVV")


def test_the_table_of_groups_says_whence_they_are() -> None:
    table = RiskGroups([Own("TSLL", "TSLA", leverage=2)]).table()
    assert table.schema == GROUP_SCHEMA
    rows = {row["symbol"]: row for row in table.to_pylist()}
    assert len(rows) == len(FUNDS) + 1
    assert (rows["TSLL"]["class_group"], rows["TSLL"]["certainty"], rows["TSLL"]["valid_from"]) == ("TSLA", "own", None)
    assert (rows["SDS"]["leverage"], rows["SDS"]["certainty"]) == (-2, "unverified")
    assert rows["SDS"]["valid_from"]


def test_scan_ranges_are_found_by_any_size_of_a_commodity_and_by_month() -> None:
    own = [ScanRange("ES", 30_000, 50, month="202612", symbols=("MES",), valid_from=date(2026, 1, 1)),
           ScanRange("CL", 8_000, 1000, valid_from=date(2027, 1, 1))]  # fmt: skip
    figures = span_figures_on(DAY, own, [MonthSpread("ES", 1, valid_from=date(2026, 1, 1))])
    asked = [(symbol, month) for symbol in ("ES", "MES", "CL") for month in ("", "202612")]
    found = {(symbol, month): figures.range_of(symbol, month) for symbol, month in asked}
    assert {key: row.points for key, row in found.items() if row} == {
        ("ES", ""): 440, ("MES", ""): 440, ("ES", "202612"): 600, ("MES", "202612"): 600, ("CL", ""): 6,
        ("CL", "202612"): 6}  # fmt: skip
    assert figures.range_of("XYZ") is None
    assert [row.charge for row in figures.month_spreads if row.commodity == "ES"] == [1]
