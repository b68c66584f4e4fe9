"""Units in SQL are those of the one valuation function."""

import math

import duckdb
import pytest

from capture.functions import creations
from capture.risk.holding import Holding
from capture.risk.valuation import KINDS, PARTS_OF_CURRENCIES, money_currency, unit_value


def test_every_kind_and_currency_is_worth_the_same_in_sql() -> None:
    connection = duckdb.connect()
    for statement in creations():
        connection.execute(statement)
    for kind in (*KINDS, "NEW"):
        for currency in ("USD", *PARTS_OF_CURRENCIES):
            for multiplier, magnifier in ((1.0, 1), (50.0, 100), (0.1, 1)):
                holding = Holding("", 1, "", kind, currency, 1.0, multiplier, magnifier)
                [(unit, money)] = connection.execute(
                    "select unit_value($1, $2, $3, $4), money_currency($4)",
                    [kind, str(multiplier), magnifier, currency]).fetchall()  # fmt: skip
                expected = unit_value(holding)
                assert unit is None if math.isnan(expected) else unit == pytest.approx(expected)
                assert money == money_currency(holding)
    assert connection.execute("select unit_value('FUT', '', 1, 'USD'), unit_value('STK', null, null, 'USD')"
                              ).fetchall() == [(None, 1.0)]  # fmt: skip
