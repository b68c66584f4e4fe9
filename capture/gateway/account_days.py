"""Where a day of the account ends: at midnight of the gateway's zone, as executions and P&L that clients ask for."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from capture.times import microseconds, moment_of

from .broker.account.account import Account
from .broker.account.account_values import end_day
from .broker.paper import Paper


class AccountDays:
    """Ends each day: futures are settled, prices become closes, and what was done of orders is forgotten.

    `next_us` is when the one that goes on ends. `dividend` says what shares of a contract id pay from a moment, on a
    date written 20261118: who holds them as the day before ends receives it then, and who is short pays it.
    """

    def __init__(
        self, account: Account, paper: Paper, time_zone: str, at_us: int,
        dividend: Callable[[int, int, str], Decimal | None],
    ) -> None:  # fmt: skip
        self._account = account
        self._dividend = dividend
        self._paper = paper
        self._zone = ZoneInfo(time_zone)
        self.next_us = midnight_after(at_us, self._zone)

    def end(self) -> None:
        """End the day; prices must be those of its end."""
        end_day(self._account, self.next_us)
        self._paper.forget()
        self._receive_dividends(f"{moment_of(self.next_us).astimezone(self._zone):%Y%m%d}")
        self.next_us = midnight_after(self.next_us, self._zone)

    def _receive_dividends(self, date: str) -> None:
        for con_id, position in list(self._account.ledger.positions.items()):
            shares = position.quantity if position.security.sec_type == "STK" else 0
            amount = self._dividend(con_id, self.next_us, date) if shares else None
            if amount:
                self._account.ledger.receive_dividend(con_id, amount, self.next_us)

    def catch_up(self, from_us: int, at_us: int) -> None:
        """End the days that ended while no gateway was there, at the prices that were known last."""
        if from_us < at_us:
            self.next_us = midnight_after(from_us, self._zone)
        while self.next_us <= at_us:
            self.end()

    def begin_again(self, at_us: int) -> None:
        """Be in the day of another moment, before anything was ordered."""
        self.next_us = midnight_after(at_us, self._zone)


def midnight_after(at_us: int, zone: ZoneInfo) -> int:
    """Return the first midnight of a zone after a moment."""
    day = moment_of(at_us).astimezone(zone).date() + timedelta(days=1)
    return microseconds(datetime.combine(day, time(), zone))
