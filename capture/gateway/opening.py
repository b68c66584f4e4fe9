"""What an account holds as it begins: the rows of a user's file, as positions in instruments that the feed knows."""

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any

from capture.gateway.broker.account.position import Position
from capture.gateway.broker.exchange.displayed import exact
from capture.gateway.broker.security import Security, security
from capture.gateway.given import PositionRow

from .feed import Feed

Prices = Callable[[int], float | None]  # by contract id, None where nobody knows


def opening_positions(
    rows: Iterable[PositionRow], feed: Feed, at_us: int, account: str, prices: Prices
) -> Iterator[Position]:  # fmt: skip
    """Yield the positions that rows say. Raises GivenFileError, of the first that cannot be."""
    lines: dict[int, int] = {}
    for row in rows:
        if row.account not in ("", account):
            raise row.fault(f"{row.account!r} is no account here: write {account}, or leave it empty", "account")
        of = security(_details(row, feed, at_us))
        first = lines.setdefault(of.con_id, row.line)
        if first != row.line:
            raise row.fault(f"{row.instrument.word!r} is the instrument of line {first}: join both")
        yield Position.held(of, row.position, _cost(row, of, prices))


def _details(row: PositionRow, feed: Feed, at_us: int) -> dict[str, Any]:
    contract = {name: value for name, value in row.instrument.contract.values().items() if value}
    found = feed.find(at_us, **contract)
    if len(found) != 1:
        many = f"means {len(found)} instruments: name one by conid:" if found else "is no instrument of this market"
        raise row.fault(f"{row.instrument.word!r} {many}")
    return found[0]


def _cost(row: PositionRow, of: Security, prices: Prices) -> Decimal:
    if row.average_cost is not None:
        return row.average_cost
    price = prices(of.con_id)
    if price is None:
        raise row.fault(f"no price of {row.instrument.word!r} is known at the start: say what it cost", "average_cost")
    return exact(price) * of.multiplier
