"""The account functions of a lake by short names, with now for the moment and everything for the rest."""

from datetime import UTC, datetime

from capture.query.answer import Answer
from capture.query.arguments import Symbols
from capture.query.functions import Functions
from capture.query.selection import Moment


class AccountQuestions(Functions):
    """What accounts hold, ordered and won: the research functions about them, as one asks for them."""

    def account(self, at: Moment | None = None, *, accounts: Symbols = None) -> Answer:
        """Return the values of accounts as of a moment (default: now): see `account_at`."""
        return self.account_at(_now(at), accounts=accounts)

    def positions(self, at: Moment | None = None, *, accounts: Symbols = None) -> Answer:
        """Return what accounts hold as of a moment (default: now): see `positions_at`."""
        return self.positions_at(_now(at), accounts=accounts)

    def orders(
        self, start: Moment | None = None, end: Moment | None = None, *, symbols: Symbols = None,
        accounts: Symbols = None,
    ) -> Answer:
        """Return orders as they stand before `end`, each with its life: see `order_lives`."""
        return self.order_lives(start, end, symbols=symbols, accounts=accounts)

    def pnl(
        self, start: Moment, end: Moment | None = None, *, symbols: Symbols = None, accounts: Symbols = None
    ) -> Answer:
        """Return what was won from a moment on, up to another (default: now): see `pnl_between`."""
        return self.pnl_between(start, end, symbols=symbols, accounts=accounts)


def _now(at: Moment | None) -> Moment:
    return datetime.now(UTC) if at is None else at
