"""Dividends that a recording knows of: who holds shares as the day before ends receives them."""

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from capture.gateway.account_days import AccountDays
from capture.gateway.broker.account.account import Account
from capture.gateway.broker.account.ledger import Ledger
from capture.gateway.broker.account.position import Position
from capture.gateway.knowledge import Knowledge

from .broker.scene import Scene
from .broker.trading import CALL, NOON_US, SHARE


class Told:
    """A feed in which IB told of a dividend of 0.26 on Friday."""

    def __init__(self, text: str | None = "1,1.04,20261127,0.26") -> None:
        self.text = text

    def ticks(self, *_asked: Any) -> pa.Table:
        return pa.table({"tick_type": pa.array([4, 59], pa.int32()), "text": pa.array([None, self.text], pa.string())})


def days(feed: Any, shares: int) -> tuple[AccountDays, Ledger]:
    held = [Position.held(SHARE, Decimal(shares), Decimal(10)), Position.held(CALL, Decimal(1), Decimal(400))]
    ledger = Ledger("USD", {"USD": Decimal(0)}, held)
    account = Account("DU1", "margin", ledger)
    known = Knowledge(feed, account, lambda: NOON_US)
    return AccountDays(account, Scene().paper, "US/Eastern", NOON_US, known.dividend), ledger


@pytest.mark.parametrize(("shares", "received"), [(100, "26"), (-100, "-26"), (0, "0")])
def test_shares_that_are_held_receive_it_on_its_date_and_once(shares: int, received: str) -> None:
    each, ledger = days(Told(), shares)
    each.end()  # of Wednesday
    assert ledger.cash["USD"] == 0
    each.end()
    assert ledger.cash["USD"] == Decimal(received)
    each.end()
    assert ledger.cash["USD"] == Decimal(received)


@pytest.mark.parametrize("text", ["", "0.83", "1,1.04,,", "1,1.04,20261127,soon", "1,1.04,20261127,NaN", None])
def test_what_cannot_be_read_pays_nothing(text: str | None) -> None:
    each, ledger = days(Told(text), 100)
    each.end()
    each.end()
    assert ledger.cash["USD"] == 0
