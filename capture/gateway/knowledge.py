"""What the paper broker asks besides quotes and trades: told out of a gateway's feed, and out of the account."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation

import pyarrow as pa
import pyarrow.compute as pc

from capture.gateway.broker.account.account import Account
from capture.gateway.broker.account.account_values import numbers
from capture.gateway.broker.account.figures import figures
from capture.gateway.broker.course.facts import Facts
from capture.gateway.broker.exchange.displayed import exact
from capture.gateway.broker.security import Security, security
from capture.times import HOUR_US, MINUTE_US

from .feed import Feed
from .passage.lanes import load

LAST, VOLUME, PREVIOUS_CLOSE = (4, 68), (8, 74), (9, 75)  # IB's tick types, live and delayed
DIVIDENDS, DIVIDENDS_ASKED = 59, frozenset({456})  # past and next 12 months, and date and amount of the next one
LAST_STRETCHES_US = (MINUTE_US, HOUR_US, 24 * HOUR_US)  # in which the last trade of a session is looked for
UNDELIVERED = ("IND",)  # kinds of underlying that nobody can have


class Knowledge:
    """Answers for a broker. A figure is what was known just before the moment; the days' ones are kept for an hour."""

    def __init__(self, feed: Feed, account: Account, now_us: Callable[[], int]) -> None:
        self._feed = feed
        self._account = account
        self._now_us = now_us
        self._closes: dict[int, tuple[int, float | None]] = {}  # by contract id: in which hour it was asked, and was

    @property
    def facts(self) -> Facts:
        """All answers."""
        return Facts(self.knows, self.security, self.price, self.volume, self.previous_close, self.official_close,
                     self.official_open, self.position, self.cushion)  # fmt: skip

    def knows(self, con_id: int, at_us: int) -> bool:
        """Return whether there is an instrument."""
        return bool(self._feed.find(at_us, con_id=con_id))

    def security(self, con_id: int) -> Security | None:
        """Return an instrument that can change hands, None for an unknown one, or an index."""
        found = self._feed.find(self._now_us(), con_id=con_id) if con_id else []
        return None if not found or found[0]["sec_type"] in UNDELIVERED else security(found[0])

    def price(self, con_id: int, at_us: int) -> float | None:
        """Return the last price of an instrument."""
        return self.official_close(con_id, at_us)

    def volume(self, con_id: int, at_us: int) -> float | None:
        """Return how much was traded of it today."""
        return self._tick(con_id, at_us, VOLUME, "size")

    def previous_close(self, con_id: int, at_us: int) -> float | None:
        """Return at what it closed before today."""
        hour = at_us // HOUR_US
        asked, close = self._closes.get(con_id, (0, None))
        if asked != hour:
            close = self._tick(con_id, at_us, PREVIOUS_CLOSE, "price")
            self._closes[con_id] = hour, close
        return close

    def _tick(self, con_id: int, at_us: int, types: tuple[int, ...], column: str) -> float | None:
        ticks = self._feed.ticks(con_id, at_us - 1, at_us, frozenset(), True)
        found = ticks.filter(pc.is_in(ticks["tick_type"], pa.array(types, ticks["tick_type"].type)))[column].drop_null()
        return float(found[-1].as_py()) if len(found) else None

    def dividend(self, con_id: int, at_us: int, date: str) -> Decimal | None:
        """Return what a share pays from a date on, as IB told before a moment; None where it told of none."""
        ticks = self._feed.ticks(con_id, at_us - 1, at_us, DIVIDENDS_ASKED, True)
        told = ticks.filter(pc.equal(ticks["tick_type"], DIVIDENDS))["text"].drop_null()
        when, amount = ["", "", *(told[-1].as_py().split(",") if len(told) else ())][-2:]
        return _amount(amount) if when == date else None

    def official_close(self, con_id: int, at_us: int) -> float | None:
        """Return the price of the last trade before a moment, of what is not traded its last level or its quote."""
        for stretch_us in LAST_STRETCHES_US:
            prices = load(self._feed, con_id, at_us - stretch_us, at_us).prices
            if len(prices):
                return float(prices[-1])
        last = self._tick(con_id, at_us, LAST, "price")
        known = self._account.known_price(con_id) if last is None else None
        return last if known is None else float(known)

    def official_open(self, con_id: int, at_us: int) -> float | None:
        """Return the first price of the quarter of an hour before a moment."""
        prices = load(self._feed, con_id, at_us - HOUR_US // 4, at_us).prices
        return float(prices[0]) if len(prices) else self.official_close(con_id, at_us)

    def position(self, con_id: int) -> Decimal:
        """Return what the account holds of it."""
        held = self._account.ledger.positions.get(con_id)
        return held.quantity if held else Decimal(0)

    def cushion(self, at_us: int) -> float | None:
        """Return the account's excess liquidity, in percent of its net liquidation, at the prices of that moment."""
        for con_id in self._account.valued():
            price = load(self._feed, con_id, at_us, at_us + 1).price_at(at_us)
            if price is not None:
                self._account.mark(con_id, exact(price), at_us)
        of = numbers(figures(self._account))
        net = of["NetLiquidation"]
        return float(100 * of["ExcessLiquidity"] / net) if net else None


def _amount(text: str) -> Decimal | None:
    """Return an amount of money that is written, None where it is none."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None
