"""What clients are told of the account as time goes by: values, positions and P&L, at IB's cadence and after fills."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from capture.gateway.broker.account.account import Account, SinglePnl
from capture.gateway.broker.account.account_values import ledger_and_net_liquidation, summary, values
from capture.gateway.broker.messages import contract
from capture.gateway.broker.reports import Told
from capture.gateway.broker.security import Security
from capture.times import SECOND_US


class Row(NamedTuple):
    """A message about the account: what it is about, so that it is told again only when it changed, and its values."""

    key: tuple[Any, ...]
    name: str
    values: Mapping[str, Any]


NO_POSITION = SinglePnl(Decimal(0), Decimal(0), Decimal(0), None, Decimal(0))
SMART = "SMART"
NO_RIGHT = "0"  # as IB writes it of positions

Rows = Callable[["Asked", Account], Iterable[Row]]


class Kind(NamedTuple):
    """A kind of stream: how often it comes by itself (None: never), and whether rows that did not change come again."""

    rows: Rows
    period_us: int | None = None
    repeats: bool = False


@dataclass(slots=True)
class Asked:
    """What one client asked for: `kind` of KINDS, under a request id (-1 where there is none), with its request."""

    client_id: int
    kind: str
    request_id: int
    request: Mapping[str, Any]
    due_us: int | None = None
    told: dict[tuple[Any, ...], Mapping[str, Any]] = field(default_factory=dict)

    def news(self, account: Account) -> Iterator[Row]:
        """Yield the rows that are to be told now, and take them as told."""
        kind = KINDS[self.kind]
        for row in kind.rows(self, account):
            if kind.repeats or self.told.get(row.key) != row.values:
                self.told[row.key] = row.values
                yield row


def _updates(asked: Asked, account: Account) -> Iterator[Row]:
    """Yield the values of `reqAccountUpdates`, and a row for each position."""
    for one in values(account):
        yield Row((one.key, one.currency), "account_value",
                  {"key": one.key, "value": one.value, "currency": one.currency, "account": account.name})  # fmt: skip
    for row in account.portfolio():
        of = contract(row.security, nothing=NO_RIGHT)
        del of["exchange"]
        of["primary_exchange"] = _primary_exchange(row.security)
        yield Row((row.security.con_id,), "portfolio_value", of | {
            "position": row.position, "market_price": row.price,
            "market_value": row.value, "average_cost": row.average_cost, "unrealized": row.unrealised,
            "realized": row.realised, "account": account.name})  # fmt: skip


def _primary_exchange(security: Security) -> str:
    """Return where an instrument is listed: of one that is listed nowhere, the first place where it trades."""
    places = (security.details.get("valid_exchanges") or "").split(",")
    listed = security.details.get("primary_exchange") or next((one for one in places if one not in ("", SMART)), "")
    return listed or security.exchange


def _updates_multi(asked: Asked, account: Account) -> Iterator[Row]:
    found = values(account)
    for one in ledger_and_net_liquidation(found) if asked.request["ledger"] else found:
        yield Row((one.key, one.currency), "account_update_multi", {
            "request_id": asked.request_id, "account": account.name, "model_code": asked.request["model_code"],
            "key": one.key, "value": one.value, "currency": one.currency})  # fmt: skip


def _summary(asked: Asked, account: Account) -> Iterator[Row]:
    for one in summary(account, asked.request["tags"]):
        yield Row((one.key, one.currency), "account_summary", {
            "request_id": asked.request_id, "account": account.name, "tag": one.key, "value": one.value,
            "currency": one.currency})  # fmt: skip


def _positions(asked: Asked, account: Account) -> Iterator[Row]:
    for row in account.portfolio():
        if not row.position and (row.security.con_id,) not in asked.told:
            continue  # it was closed before anybody asked
        exchange = "" if row.security.is_future else row.security.exchange
        yield Row((row.security.con_id,), "position", contract(row.security, nothing=NO_RIGHT) | {
            "account": account.name, "exchange": exchange, "position": row.position,
            "average_cost": row.average_cost})  # fmt: skip


def _positions_multi(asked: Asked, account: Account) -> Iterator[Row]:
    more = {"request_id": asked.request_id, "model_code": asked.request["model_code"]}
    for row in _positions(asked, account):
        yield Row(row.key, "position_multi", {**row.values, **more})


def _pnl(asked: Asked, account: Account) -> Iterator[Row]:
    found = account.pnl()
    yield Row((), "pnl", {"request_id": asked.request_id, "daily": found.daily, "unrealized": found.unrealised,
                          "realized": found.realised})  # fmt: skip


def _pnl_single(asked: Asked, account: Account) -> Iterator[Row]:
    found = account.pnl_single(asked.request["con_id"]) or NO_POSITION
    yield Row((), "pnl_single", {
        "request_id": asked.request_id, "position": found.position, "daily": found.daily,
        "unrealized": found.unrealised, "realized": found.realised, "value": found.value})  # fmt: skip


THREE_MINUTES_US = 180 * SECOND_US
KINDS = {
    "updates": Kind(_updates, THREE_MINUTES_US),
    "updates_multi": Kind(_updates_multi, THREE_MINUTES_US),
    "summary": Kind(_summary, THREE_MINUTES_US),
    "positions": Kind(_positions),
    "positions_multi": Kind(_positions_multi),
    "pnl": Kind(_pnl, SECOND_US, repeats=True),
    "pnl_single": Kind(_pnl_single, SECOND_US, repeats=True),
}
AFTER_FILLS = ("updates", "updates_multi", "positions", "positions_multi")


class AccountStreams:
    """All that clients asked to be told of the account. `local_minute` writes a moment as IB does in its updates."""

    def __init__(self, account: Account, local_minute: Callable[[int], str]) -> None:
        self.account = account
        self._local_minute = local_minute
        self._asked: dict[tuple[int, str, int], Asked] = {}

    def begin(self, asked: Asked, at_us: int) -> Iterator[Row]:
        """Begin a stream, in place of one that has its name; yield all that comes first in it."""
        self._asked[asked.client_id, asked.kind, asked.request_id] = asked
        self._set_due(asked, at_us)
        yield from asked.news(self.account)

    def end(self, client_id: int, kind: str, request_id: int = -1) -> bool:
        """End a stream, and return whether there was one."""
        return self._asked.pop((client_id, kind, request_id), None) is not None

    def leave(self, client_id: int) -> None:
        """End all streams of a client."""
        self._asked = {key: asked for key, asked in self._asked.items() if asked.client_id != client_id}

    def count(self, client_id: int, kind: str) -> int:
        """Return how many streams of a kind a client has."""
        return sum(asked.client_id == client_id and asked.kind == kind for asked in self._asked.values())

    @property
    def next_us(self) -> int | None:
        """When the next one is due, None where none comes by itself."""
        return min((asked.due_us for asked in self._asked.values() if asked.due_us is not None), default=None)

    def due(self, at_us: int) -> Iterator[Told]:
        """Yield what is due by a moment."""
        for asked in self._asked.values():
            if asked.due_us is not None and asked.due_us <= at_us:
                self._set_due(asked, at_us)
                yield from self._told(asked, at_us)

    def filled(self, at_us: int) -> Iterator[Told]:
        """Yield what fills have changed."""
        for asked in self._asked.values():
            if asked.kind in AFTER_FILLS:
                yield from self._told(asked, at_us)

    def _told(self, asked: Asked, at_us: int) -> Iterator[Told]:
        rows = list(asked.news(self.account))
        for row in rows:
            yield Told(at_us, asked.client_id, row.name, row.values)
        if rows and asked.kind == "updates":
            yield Told(at_us, asked.client_id, "account_update_time", {"time": self._local_minute(at_us)})

    @staticmethod
    def _set_due(asked: Asked, at_us: int) -> None:
        period_us = KINDS[asked.kind].period_us
        asked.due_us = None if period_us is None else at_us + period_us
