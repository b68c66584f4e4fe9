"""What an account's rows tell: fills and rejections as news, positions, losses and margin as troubles."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from capture.account_alias import short_name
from capture.times import moment_of
from capture.trouble import Trouble
from capture.trouble_kinds import trouble
from capture.wanted.alert_block import AlertBlock

_REJECTED = frozenset({"Inactive", "Rejected"})
# Values of an account that are kept: whole numbers of a currency, and a share of 1.
GROSS, EXCESS, NET, CUSHION = "GrossPositionValue", "ExcessLiquidity", "NetLiquidation", "Cushion"
KEPT_TAGS = (GROSS, EXCESS, NET, CUSHION)
ACCOUNT_TABLES = frozenset({"executions", "orders", "positions", "portfolio", "pnl", "account_values"})

MOST_ORDERS = 10_000
_OF_ORDER = ("account", "instrument_id", "symbol", "ib_symbol", "action", "total_quantity", "order_type", "limit_price")

Row = Mapping[str, Any]


def fill(row: Row, ts_us: int) -> Trouble:
    """Return the news of a row of `executions`; a correction is news of its own."""
    at = _moment(row["ts_event"] or ts_us)
    again = f", correction {row['revision']}" if (row["revision"] or 1) > 1 else ""
    done = f", {row['cumulative_quantity']:,.12g} of the order so far" if row["cumulative_quantity"] else ""
    where = f" on {row['execution_exchange']}" if row["execution_exchange"] else ""
    return _told("fill", str(row["execution_id"]), row, at,
                 f"{row['side']} {row['shares']:,.12g} at {row['price']:,.12g}{where}{done}{again}", _symbol(row))


class OrderBook:
    """The orders that were told of, of which a status alone says neither instrument nor quantity."""

    def __init__(self) -> None:
        self._orders: dict[object, dict[str, Any]] = {}

    def rejection(self, row: Row, ts_us: int) -> Trouble | None:
        """Return the news of a row of `orders` by which IB rejects an order, or makes it inactive; None for another."""
        key = _order_key(row)
        known = self._orders.pop(key, {})  # and put in again: the newest are the last
        whole = known | {column: value for column, value in row.items() if value is not None}
        self._orders[key] = {column: whole.get(column) for column in _OF_ORDER}
        while len(self._orders) > MOST_ORDERS:
            del self._orders[next(iter(self._orders))]
        return rejection(dict(row) | {column: whole.get(column) for column in _OF_ORDER}, ts_us)


def _order_key(row: Row) -> object:
    return row["permanent_id"] or (row["client_id"], row["order_id"])


def rejection(row: Row, ts_us: int) -> Trouble | None:
    """Return the news of a row of `orders` by which IB rejects an order, or makes it inactive; None for another."""
    status, why = row["status"], row["reject_reason"] or row["warning_text"]
    is_rejected = status in _REJECTED or row["reject_reason"] or "reject" in (row["completed_status"] or "").lower()
    if not is_rejected:
        return None
    order = f"{row['action'] or 'order'} {row['total_quantity'] or 0:,.12g} {row['order_type'] or ''}".strip()
    said = why or row["completed_status"] or status
    return _told("order-rejected", str(_order_key(row)), row, _moment(row["ts_event"] or ts_us), f"{order}: {said}",
                 _symbol(row) or f"order {row['permanent_id'] or row['order_id']}")


class AccountBook:
    """How accounts stand, by the newest row of each position, profit and value."""

    def __init__(self) -> None:
        self._positions: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._profits: dict[str, dict[str, Any]] = {}
        self._values: dict[str, dict[str, Any]] = {}

    def take(self, table: str, row: Row) -> None:
        """Take a row in; rows of models within an account are not of the whole account."""
        account = row.get("account")
        if account is None or row.get("model_code"):
            return
        if table in ("positions", "portfolio") and row["position"] is not None:
            key = (account, row["instrument_id"])
            self._positions[key] = {name: row[name] for name in ("account", "symbol", "instrument_id", "position")}
        elif table == "pnl" and row.get("instrument_id") is None and row["daily"] is not None:
            self._profits[account] = {"account": account, "daily": row["daily"]}
        elif table == "account_values" and row["tag"] in KEPT_TAGS and not row["segment"] and row["number"] is not None:
            self._values.setdefault(account, {})[row["tag"]] = (row["number"], row["currency"])

    def troubles(self, block: AlertBlock) -> Iterator[Trouble]:
        """Yield what is beyond the limits of an alert."""
        for held in self._positions.values():
            if block.position_above is not None and abs(held["position"]) > block.position_above:
                cause = f"{held['position']:,.12g} are held, the limit is {block.position_above:,.12g}"
                yield _told("position-above", f"{short_name(held['account'])} {held['symbol']}", held, None, cause,
                            str(held["symbol"]))
        for account, profit in self._profits.items():
            if block.day_loss_above is not None and -profit["daily"] > block.day_loss_above:
                yield _told("day-loss-above", short_name(account), profit, None,
                            f"{-profit['daily']:,.2f} are lost today, the limit is {block.day_loss_above:,.12g}")
        for account, values in self._values.items():
            yield from _margin(block, account, values)
            yield from _exposure(block, account, values)


def _margin(block: AlertBlock, account: str, values: Mapping[str, tuple[float, str | None]]) -> Iterator[Trouble]:
    share = _cushion(values)
    if block.margin_cushion_below is not None and share is not None and share < block.margin_cushion_below:
        yield _told("margin-cushion-below", short_name(account), {"account": account, "cushion": share}, None,
                    f"the margin cushion is {share:.1%}, the limit is {block.margin_cushion_below:.1%}")


def _exposure(block: AlertBlock, account: str, values: Mapping[str, tuple[float, str | None]]) -> Iterator[Trouble]:
    gross, currency = values.get(GROSS, (0.0, None))
    if block.exposure_above is not None and gross > block.exposure_above:
        facts = {"account": account, "gross": gross, "currency": currency}
        yield _told("exposure-above", short_name(account), facts, None, f"positions are worth {gross:,.0f} "
                    f"{currency or ''} gross, the limit is {block.exposure_above:,.12g}")


def _cushion(values: Mapping[str, tuple[float, str | None]]) -> float | None:
    """Return excess liquidity over net liquidation: IB's own figure, else by both; None where it is not known."""
    if CUSHION in values:
        return values[CUSHION][0]
    net, excess = values.get(NET), values.get(EXCESS)
    return excess[0] / net[0] if net and excess and net[0] > 0 else None


def _told(kind: str, of: str, row: Row, since: datetime | None, cause: str, name: str | None = None) -> Trouble:
    """Return a trouble whose key is of something, and which people know by another name where one is given."""
    facts = {column: value for column, value in row.items() if value is not None}
    return replace(trouble(kind, of, since, cause, facts), name=name or of)


def _symbol(row: Row) -> str:
    return str(row["symbol"] or row["ib_symbol"] or row["instrument_id"] or "")


def _moment(at_us: int) -> datetime:
    return moment_of(at_us).astimezone(UTC)
