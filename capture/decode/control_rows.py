"""Messages that come one at a time, and the tape's own records, to rows of the reference and system tables."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from capture.tape.notes import REFUSED
from capture.wire.context import Context, Request, is_cancel
from capture.wire.last_trade import last_trade
from capture.wire.messages.absent import present
from capture.wire.messages.account_requests import BY_NAME, ends, known_as
from capture.wire.messages.data_types import DATA_TYPES
from capture.wire.messages.naming import symbol_of
from capture.wire.messages.notices import describe
from capture.wire.messages.ticktypes import tick_name
from capture.wire.text.codec import Decoded
from capture.wire.text.handshake import ServerHello
from capture.wire.zones import exchange_zone

from .account_rows import ACCOUNT_MESSAGES, Row, account_row

# Rows that did not arrive as a frame of their own are numbered from here, after every row of the frame before.
FIRST_EVENT_ROW = 1_000_000_000


@dataclass(slots=True)
class Events:
    """Collects rows by table, giving each its place: `ts_us` (UTC), the frame's `seq`, and a `row`.

    `mask` makes rows that name no account, where such are wanted.
    `counts` says how many rows without a frame of their own follow each frame. It goes on across marks, as there may be
    such rows on both sides of one.
    """

    recorder: str
    rows: dict[str, list[Row]] = field(default_factory=dict)
    counts: Counter[int] = field(default_factory=Counter)
    mask: Callable[[Row], Row] | None = None

    def framed(self, table: str, ts_us: int, seq: int, values: Row) -> None:
        """Add a row that a frame gave."""
        self._add(table, ts_us, seq, 0, values)

    def unframed(self, table: str, ts_us: int, seq: int, values: Row) -> None:
        """Add a row that no received frame gave: `seq` is the last frame before it."""
        self._add(table, ts_us, seq, FIRST_EVENT_ROW + self.counts[seq], values)
        self.counts[seq] += 1

    def last_row(self, seq: int) -> int:
        """Return the last `row` that is taken of a frame that was read: rows to come are behind it."""
        return FIRST_EVENT_ROW + self.counts[seq] - 1

    def as_json(self) -> dict[str, Any]:
        """Return as plain values what giving places from a mark on has to know: the newest frame's count."""
        return {"row_counts": [[seq, self.counts[seq]] for seq in sorted(self.counts)[-1:]]}

    def restore(self, state: dict[str, Any]) -> None:
        """Take on the state that `as_json` gave."""
        self.counts = Counter(dict(state["row_counts"]))

    def _add(self, table: str, ts_us: int, seq: int, row: int, values: Row) -> None:
        place = {"ts": ts_us, "seq": seq, "row": row, "recorder": self.recorder}
        self.rows.setdefault(table, []).append(place | (self.mask(values) if self.mask else values))


def message_rows(decoded: Decoded, context: Context) -> list[tuple[str, Row]]:
    """Return the rows, by table, that a received message gives; none for a message that fills no table."""
    if ends(decoded.name):
        request = context.request_of(decoded)
        return [("subscriptions", _subscription(request, "completed"))] if request else []
    if decoded.name in ACCOUNT_MESSAGES:
        return [account_row(decoded, context)]
    handler = _MESSAGES.get(decoded.name)
    return handler(decoded, context) if handler else []


def opened_row(session: Row, hello: ServerHello) -> Row:
    """Return the row of `sessions` for a session whose gateway has answered."""
    return {
        "event": "opened",
        **{name: session.get(name) for name in ("host", "port", "client_id", "software")},
        "server_version": hello.server_version,
        "connection_time": hello.connection_time,
    }


def note_row(note: Row) -> Row:
    """Return the row of `notices` for something the recorder noticed itself."""
    rest = {name: value for name, value in note.items() if name != "note"}
    message = str(note.get("note", "")) + (f" {json.dumps(rest)}" if rest else "")
    return {"source": "recorder", "kind": "note", "message": message}


def asked(decoded: Decoded, context: Context) -> Request | None:
    """Return what a request that was sent stands for, or what it cancels; None for one that asks for no data."""
    if is_cancel(decoded):
        return context.request_of(decoded)
    return context.requests.get(known_as(decoded.name, decoded.values.get("request_id"))
                                if decoded.name in BY_NAME else decoded.values.get("request_id") or 0)


def request_row(decoded: Decoded, context: Context) -> Row | None:
    """Return the row of `subscriptions` for a request that was sent; None for one that asks for no data."""
    request = asked(decoded, context)
    if request is None or request.stream == "reference":
        return None
    if is_cancel(decoded):
        return _subscription(request, "cancelled")
    given = {name: value for name, value in decoded.values.items()
             if value not in (None, "", False, []) and name != "account"}  # which has a column
    return _subscription(request, "requested", parameters=json.dumps({"request": decoded.name, **given}))


def refused_row(note: Row, context: Context) -> Row | None:
    """Return the row of `subscriptions` for a stream that the recorder takes as refused; None for another note."""
    request = context.requests.get(note.get(REFUSED, 0))
    return _subscription(request, "refused", code=note.get("code"), detail=note["note"]) if request else None


def _whose(request: Request | None) -> Row:
    if request is None:
        return {}
    return {"instrument_id": request.instrument_id, "symbol": request.symbol or None, "stream": request.stream}


def _subscription(request: Request, event: str, **more: Any) -> Row:
    whose = _whose(request) | ({"account": request.account} if request.account else {})
    return {"request_id": request.request_id, "event": event, **whose, **more}


def _asked(event: str, *fields: str) -> Callable[[Decoded, Context], list[tuple[str, Row]]]:
    """Return a handler that notes an event in the life of a request, with some fields of the message."""

    def rows(decoded: Decoded, context: Context) -> list[tuple[str, Row]]:
        request = context.requests.get(decoded.values["request_id"] or 0)
        if request is None or request.stream == "reference":
            return []
        return [("subscriptions", _subscription(request, event, **{name: decoded.values[name] for name in fields}))]

    return rows


def _data_type(decoded: Decoded, context: Context) -> list[tuple[str, Row]]:
    request = context.requests.get(decoded.values["request_id"] or 0)
    named = DATA_TYPES.get(decoded.values["data_type"])
    return [("subscriptions", _subscription(request, "data_type", data_type=named))] if request else []


def _reroute(decoded: Decoded, context: Context) -> list[tuple[str, Row]]:
    request = context.requests.get(decoded.values["request_id"] or 0)
    target = f"conid:{decoded.values['con_id']}@{decoded.values['exchange']}"
    return [("subscriptions", _subscription(request, "rerouted", detail=target))] if request else []


def _error(decoded: Decoded, context: Context) -> list[tuple[str, Row]]:
    values = decoded.values
    request_id, code = values["request_id"] if values["request_id"] is not None else -1, values["code"] or 0
    known = describe(code, request_id)
    request = context.requests.get(request_id)
    rows: list[tuple[str, Row]] = [("notices", {
        "request_id": request_id if request_id >= 0 else None,
        **_whose(request),
        "source": "gateway",
        "code": code,
        "kind": known.kind,
        "meaning": known.meaning or None,
        "message": values["message"],
        "ts_event": _milliseconds(values.get("time_ms")),
        "order_reject_json": values.get("order_reject_json") or None,
    })]
    if request is not None and code == 317:
        reset = {"request_id": request_id, **_whose(request), "origin": DATA_TYPES[request.data_type],
                 "operation": "reset"}
        rows.append(("depth", reset))
    if request is not None and known.kind == "terminal" and request.stream != "reference":
        rows.append(("subscriptions", _subscription(request, "refused", code=code, detail=values["message"])))
    return rows


def _milliseconds(time_ms: int | None) -> int | None:
    return time_ms * 1000 if time_ms and 0 < time_ms < 250_000_000_000_000 else None


def _tick_text(*fields: str) -> Callable[[Decoded, Context], list[tuple[str, Row]]]:
    """Return a handler that stores a tick of several fields as one text: the fields as a JSON object."""

    def rows(decoded: Decoded, context: Context) -> list[tuple[str, Row]]:
        values = decoded.values
        request = context.requests.get(values["request_id"] or 0)
        tick_type = values.get("tick_type", 62)
        return [("ticks", {
            "request_id": values["request_id"] or 0,
            **_whose(request),
            "origin": DATA_TYPES[request.data_type if request else 1],
            "tick_type": tick_type,
            "tick_name": tick_name(tick_type),
            "ts_event": None,
            "text": json.dumps({name: values[name] for name in fields}),
        })]

    return rows


def _contract(decoded: Decoded, _context: Context) -> list[tuple[str, Row]]:
    v = decoded.values
    text = v.get("last_trade_date") or v.get("maturity") or ""
    last = last_trade(text, v.get("time_zone_id"), v.get("last_trade_date_only") or "")
    zone = exchange_zone(v.get("time_zone_id"))
    row: Row = {column: v.get(name) if v.get(name) != "" else None for column, name in CONTRACT_COLUMNS.items()}
    row |= {
        "instrument_id": v["con_id"],
        "symbol": symbol_of(v),
        "ib_symbol": v["symbol"],
        "security_type": v["sec_type"],
        "last_trade_date": last.date,
        "last_trade_time": last.time,
        "last_trade_ts": last.ts_us,
        "last_trade": text or None,
        "iana_time_zone": zone.key if zone else None,
        "strike": present("contract_details", "strike", v.get("strike")),
        "underlying_id": present("contract_details", "under_con_id", v.get("under_con_id")),
        "security_ids": json.dumps({pair["tag"]: pair["value"] for pair in v["sec_ids"]}),
        "ineligibility_reasons": json.dumps(
            {reason["id"]: reason["description"] for reason in v.get("ineligibility_reasons", [])}),
    }
    if fund := {name: value for name, value in v.items() if name.startswith("fund_")}:
        row["fund"] = json.dumps(fund)
    return [("instruments", row)]


# Column of `instruments` -> field of the message, where nothing has to be made of it.
CONTRACT_COLUMNS = {
    **{name: name for name in (
        "right", "multiplier", "exchange", "primary_exchange", "currency", "trading_class", "market_name", "min_tick",
        "price_magnifier", "order_types", "valid_exchanges", "market_rule_ids", "long_name", "contract_month",
        "industry", "category", "subcategory", "trading_hours", "liquid_hours", "real_expiration_date", "stock_type",
        "min_size", "size_increment", "suggested_size_increment", "cusip", "coupon", "maturity", "issue_date",
        "ratings", "bond_type", "coupon_type", "convertible", "callable", "puttable", "description",
        "next_option_date", "next_option_type", "next_option_partial", "notes")},
    "time_zone": "time_zone_id",
    "underlying_symbol": "under_symbol",
    "underlying_security_type": "under_sec_type",
    "economic_value_rule": "ev_rule",
    "economic_value_multiplier": "ev_multiplier",
    "aggregated_group": "agg_group",
}  # fmt: skip

_MESSAGES: dict[str, Callable[[Decoded, Context], list[tuple[str, Row]]]] = {
    "contract_details": _contract,
    "bond_details": _contract,
    "error": _error,
    "tick_request_parameters": _asked("acknowledged", "min_tick", "bbo_exchange", "snapshot_permissions"),
    "market_data_type": _data_type,
    "reroute_market_data": _reroute,
    "reroute_market_depth": _reroute,
    "snapshot_end": _asked("completed"),
    "historical_data_end": _asked("completed"),
    "tick_efp": _tick_text(
        "basis_points", "formatted_basis_points", "implied_futures_price", "hold_days", "future_last_trade_date",
        "dividend_impact", "dividends_to_last_trade_date"),
    "tick_news": _tick_text("time_ms", "provider", "article_id", "headline", "extra"),
}  # fmt: skip
