"""Messages about accounts, orders and executions to rows of the account tables."""

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from capture.wire.context import Context, Request
from capture.wire.ib_times import parse_time_us
from capture.wire.text.codec import Decoded, Values

Row = dict[str, Any]

_SEGMENT = re.compile(r"(.+)-([SCP])")
PENDING = -1.0  # of a commission: IB does not know it yet

CONTRACT_COLUMNS = {
    "instrument_id": "con_id", "ib_symbol": "symbol", "security_type": "sec_type", "last_trade_date": "last_trade_date",
    "strike": "strike", "right": "right", "multiplier": "multiplier", "exchange": "exchange", "currency": "currency",
    "trading_class": "trading_class"}  # fmt: skip


def account_row(decoded: Decoded, context: Context) -> tuple[str, Row]:
    """Return the table of a message about accounts, and its row there."""
    kind = ACCOUNT_MESSAGES[decoded.name]
    request = context.request_of(decoded)
    row = {"stream": kind.stream, "request_id": request.request_id if request else _reply(decoded.values)}
    return kind.table, row | kind.columns(decoded.values, request, context)


def _reply(values: Values) -> int | None:
    """Return the request id of a reply to a request that is not known; None where none is named, or -1."""
    request_id = values.get("request_id")
    return request_id if request_id is not None and request_id >= 0 else None


def _owner(v: Values, request: Request | None) -> Row:
    asked = request or Request(0, "", "", None, "")
    return {"account": v.get("account") or asked.account, "model_code": v.get("model_code") or asked.model_code}


def _contract(v: Values) -> Row:
    row = {column: _some(v.get(name)) for column, name in CONTRACT_COLUMNS.items()}
    row["exchange"] = row["exchange"] or _some(v.get("primary_exchange"))
    is_option = v.get("right") in ("C", "P", "CALL", "PUT")
    row |= {"symbol": _some(v.get("local_symbol")) or row["ib_symbol"], "instrument_id": row["instrument_id"] or None,
            "strike": v.get("strike") if is_option else None, "right": (v["right"] or "")[:1] if is_option else None}
    return row


def _some(value: Any) -> Any:
    return None if value == "" else value


def _above_0(value: float | None) -> float | None:
    return value if value else None


def _value(v: Values, request: Request | None, _context: Context) -> Row:
    key = v.get("key") or v.get("tag") or ""
    parted = _SEGMENT.fullmatch(key)
    return _owner(v, request) | {
        "key": key, "tag": parted[1] if parted else key, "segment": parted[2] if parted else None,
        "currency": _some(v["currency"]), "value": _some(v["value"]), "number": _number(v["value"])}


def _number(text: str | None) -> float | None:
    """Return a text as a number, None where it is none: IB's largest float, an infinity and NaN among these."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if abs(number) < 1e300 else None


def _portfolio(v: Values, request: Request | None, _context: Context) -> Row:
    figures = {name: v[name] for name in (
        "position", "market_price", "market_value", "average_cost", "unrealized", "realized")}
    return _owner(v, request) | _contract(v) | figures


def _position(v: Values, request: Request | None, _context: Context) -> Row:
    return _owner(v, request) | _contract(v) | {"position": v["position"], "average_cost": v["average_cost"]}


def _profits(v: Values, request: Request | None, _context: Context) -> Row:
    of = {"instrument_id": request.instrument_id, "symbol": request.symbol or None} if request else {}
    said = {name: v.get(name) for name in ("position", "daily", "unrealized", "realized")}
    return _owner(v, request) | of | said | {"market_value": v.get("value")}


# Column of `orders` -> field of the messages, where nothing has to be made of it.
ORDER_COLUMNS = {name: name for name in (
    "permanent_id", "order_id", "client_id", "action", "total_quantity", "cash_quantity", "order_type", "limit_price",
    "auxiliary_price", "trail_stop_price", "trailing_percent", "time_in_force", "good_till_date",
    "outside_regular_hours", "oca_group", "order_reference", "status", "filled", "remaining", "average_fill_price",
    "last_fill_price", "why_held", "warning_text", "reject_reason", "completed_status", "completed_time",
    "parent_id")}  # fmt: skip
_NOT_IN_REST = frozenset({*ORDER_COLUMNS, *CONTRACT_COLUMNS.values(), "account", "model_code", "filled_quantity",
                          "local_symbol", "message_version"})  # fmt: skip
# What has no value where it is 0.
_NONE_AT_0 = ("permanent_id", "parent_id", "cash_quantity", "average_fill_price", "last_fill_price", "trail_stop_price")


def _order(message: str) -> Callable[[Values, Request | None, Context], Row]:
    def columns(v: Values, request: Request | None, context: Context) -> Row:
        row = _owner(v, request) | _contract(v)
        row |= {column: _some(v.get(name)) for column, name in ORDER_COLUMNS.items()}
        row |= {name: _above_0(row[name]) for name in _NONE_AT_0}
        rest = {name: value for name, value in v.items()
                if name not in _NOT_IN_REST and value not in (None, "", False, 0, [])}
        zone = context.zone or "UTC"
        return row | {
            "message": message, "rest": json.dumps(rest) if rest else None,
            "filled": v["filled_quantity"] if "filled_quantity" in v else row["filled"],
            "ts_event": parse_time_us(row["completed_time"], zone) if row["completed_time"] else None}

    return columns


def _execution(v: Values, request: Request | None, context: Context) -> Row:
    family, _, last = v["execution_id"].rpartition(".")
    plain = {name: _some(v.get(name)) for name in (
        "execution_id", "order_id", "client_id", "side", "shares", "price", "cumulative_quantity", "average_price",
        "execution_exchange", "liquidation", "order_reference", "pending_price_revision", "submitter")}
    is_numbered = bool(family) and last.isascii() and last.isdigit() and len(last) < 9
    return _owner(v, request) | _contract(v) | plain | {
        "execution_family": family if is_numbered else v["execution_id"],
        "revision": int(last) if is_numbered else None,
        "permanent_id": v["permanent_id"] or None,
        "time": v["time"],
        "ts_event": parse_time_us(v["time"], context.zone or ""),
        "last_liquidity": v["last_liquidity"] or None,
        "economic_value_rule": _some(v["ev_rule"]),
        "economic_value_multiplier": v["ev_multiplier"],
    }  # fmt: skip


def _commission(v: Values, _request: Request | None, _context: Context) -> Row:
    sent = v["commission"]
    return {
        "execution_id": v["execution_id"], "currency": _some(v["currency"]), "commission_sent": sent,
        "commission": None if sent == PENDING else sent, "realized": v["realized"], "bond_yield": v["yield"],
        "yield_redemption_date": v["yield_redemption_date"] or None}


class Filled(NamedTuple):
    """What a message fills: a table, of a stream, and how the columns of its row are made."""

    table: str
    stream: str
    columns: Callable[[Values, Request | None, Context], Row]


ACCOUNT_MESSAGES = {
    "account_value": Filled("account_values", "values", _value),
    "account_summary": Filled("account_values", "values", _value),
    "account_update_multi": Filled("account_values", "values", _value),
    "portfolio_value": Filled("portfolio", "values", _portfolio),
    "position": Filled("positions", "positions", _position),
    "position_multi": Filled("positions", "positions", _position),
    "pnl": Filled("pnl", "pnl", _profits),
    "pnl_single": Filled("pnl", "pnl", _profits),
    **{name: Filled("orders", "orders", _order(name)) for name in (
        "open_order", "order_status", "completed_order", "order_bound")},
    "execution_details": Filled("executions", "executions", _execution),
    "commission_report": Filled("commissions", "executions", _commission),
}  # fmt: skip
STREAM_OF_ACCOUNT_TABLE = {filled.table: filled.stream for filled in ACCOUNT_MESSAGES.values()}
