"""What the frames so far say about those to come: the protocol version, and what each request id asked for."""

import base64
import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from capture.wire.messages.account_requests import BY_NAME, asked_by, cancelled_by, ends, known_as
from capture.wire.messages.data_types import DATA_TYPES
from capture.wire.messages.live_streams import LIVE_STREAMS, STREAM_OF_TICK_KIND
from capture.wire.messages.message import Permission
from capture.wire.messages.naming import symbol_asked, symbol_of
from capture.wire.messages.notices import describe
from capture.wire.text.codec import Codec, Decoded, Values, request_codec

DETAILS = frozenset({"contract_details", "bond_details"})
HELD = frozenset({"position", "position_multi", "portfolio_value"})

# Cancel -> the requests it ends.
CANCELS = frozenset({
    "cancel_market_data", "cancel_tick_by_tick", "cancel_market_depth", "cancel_real_time_bars",
    "cancel_historical_data", "cancel_head_timestamp", "cancel_histogram", "cancel_fundamental_data"})  # fmt: skip



SUBSCRIPTIONS_LOST = 1101
# A gateway that lags sends rows of a cancelled request for minutes: ten, where marks come every 30 s (D35).
LATE_MARKS = 20


@dataclass(slots=True)
class Request:
    """What a request id stands for in a session: the stream and whose data it is.

    `instrument_id` is None where the request named no contract id; `bar_size`, `what` and `regular_hours` are set for
    bars; `data_type` is IB's number of the market data type, 1 (live) until IB says otherwise. `marks_since_end` counts
    the marks since the end or the last row after it, None while the request lives: late rows may still come. A live
    stream ends with a cancel only; it is `doubted` when IB said something that may mean its end. Of a request about
    accounts `account` is whose, None where it is about all of them, and its id may be below 0 (see `known_as`).
    """

    request_id: int
    name: str
    stream: str
    instrument_id: int | None
    symbol: str
    bar_size: str | None = None
    what: str | None = None
    regular_hours: bool | None = None
    data_type: int = 1
    marks_since_end: int | None = None
    doubted: bool = False
    account: str | None = None
    model_code: str | None = None

    def end(self) -> None:
        """Take note that the request is over."""
        if self.marks_since_end is None:
            self.marks_since_end = 0

    def doubt(self) -> None:
        """Take note that IB said that the request is over, or something like it."""
        self.doubted = True
        if self.stream not in LIVE_STREAMS and not self.is_lasting:
            self.end()

    @property
    def is_lasting(self) -> bool:
        """Whether it is about accounts and lasts until it is cancelled."""
        return self.name in BY_NAME and BY_NAME[self.name].lasting


@dataclass(slots=True)
class Context:
    """State that decoding carries from frame to frame within a session.

    `zone` is the one that the gateway's hello names: that of dates which name none. None where it names none. `names`
    are the symbols, by contract id, that contract details gave and no request can say; they outlast the session.
    So do `accounts`, which are those that were named.
    """

    server_version: int | None = None
    requests: dict[int, Request] = field(default_factory=dict)
    zone: str | None = None
    names: dict[int, str] = field(default_factory=dict)
    accounts: tuple[str, ...] = ()

    def after(self) -> "Context":
        """Return what is known when a session begins, or is over."""
        return Context(names=self.names, accounts=self.accounts)

    def sent(self, payload: bytes) -> Decoded:
        """Take note of a request that was sent, and return it decoded. Raises MalformedFrameError."""
        decoded = self._codec().decode(payload)
        if is_cancel(decoded):
            if ended := self.request_of(decoded):
                ended.end()
        elif decoded.name in BY_NAME:
            about = _about_account(decoded.name, decoded.values)
            about.symbol = self.names.get(about.instrument_id or 0, about.symbol)
            self.requests.pop(about.request_id, None)  # the newest is the last
            self.requests[about.request_id] = about
        elif decoded.message.permission & Permission.MARKET_DATA and (
                request := request_of(decoded.name, decoded.values)):  # fmt: skip
            request.symbol = self.names.get(request.instrument_id or 0, request.symbol)
            self.requests[request.request_id] = request
        return decoded

    def received(self, decoded: Decoded) -> None:
        """Take note of a message that changes what later frames mean."""
        values = decoded.values
        if decoded.name == "error" and values["code"] == SUBSCRIPTIONS_LOST:
            self._lost()
        if decoded.name in DETAILS and values["con_id"] is not None:
            self._name(values)
        if decoded.name in HELD and (name := symbol_asked(values)):
            self.names.setdefault(values["con_id"], name)  # requests for its profits name the contract id alone
        if named := _accounts(decoded).difference(self.accounts):
            self.accounts = (*self.accounts, *sorted(named))
        request = self.request_of(decoded)
        if request is None:
            return
        if decoded.name == "market_data_type" and values["data_type"] in DATA_TYPES:
            request.data_type = values["data_type"]
        elif decoded.name in _COMPLETIONS or ends(decoded.name) or values.get("done", False):
            self.answered(request.request_id)
        elif decoded.name == "error" and describe(values["code"] or 0, request.request_id).kind in _ENDING:
            request.doubt()

    def request_of(self, decoded: Decoded) -> Request | None:
        """Return the request that a cancel, or a message received, belongs to; None where none is known.

        Of several that an answer without an id may belong to, it is the newest.
        """
        if cancelled := cancelled_by(decoded.name, decoded.values.get("subscribe")):
            return self.requests.get(known_as(cancelled.name, decoded.values.get("request_id")))
        if "request_id" in decoded.values:
            return self.requests.get(decoded.values["request_id"] or 0)
        if asked := {known_as(name) for name in asked_by(decoded.name)}:
            return next((request for id_, request in reversed(self.requests.items()) if id_ in asked), None)
        return None

    def answered(self, request_id: int) -> None:
        """Take note that the last rows came of a request for history: it is over, unless it is kept up to date."""
        request = self.requests.get(request_id)
        if request is not None and request.stream != "live_bars" and not request.is_lasting:
            request.doubt()

    def rows_came(self, request_ids: Iterable[int]) -> None:
        """Keep what these requests stand for, as rows came for them, even of those that are over."""
        for request_id in request_ids:
            request = self.requests.get(request_id)
            if request is not None and request.marks_since_end:
                request.marks_since_end = 0

    def forget_ended(self) -> None:
        """Drop the requests that were over LATE_MARKS ago, so that the state of months stays small."""
        kept = {id_: request for id_, request in self.requests.items()
                if (request.marks_since_end or 0) < LATE_MARKS}  # fmt: skip
        for request in kept.values():
            if request.marks_since_end is not None:
                request.marks_since_end += 1
        self.requests = kept

    def _name(self, details: Values) -> None:
        """Remember what an instrument is called, unless its requests say it: the state of months stays small."""
        symbol = symbol_of(details)
        if symbol != symbol_asked(details):
            self.names[details["con_id"]] = symbol
        else:
            self.names.pop(details["con_id"], None)

    def _lost(self) -> None:
        """IB gave up all streams, and will be asked for them anew."""
        for request in self.requests.values():
            if request.stream in LIVE_STREAMS:
                request.doubted = True
                request.end()

    def as_json(self) -> dict[str, Any]:
        """Return the state as plain values for a mark on the tape."""
        return {"server_version": self.server_version, "zone": self.zone,
                "names": {str(con_id): name for con_id, name in self.names.items()},
                "accounts": list(self.accounts), "requests": _packed(self.requests.values())}

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> "Context":
        """Return the state that `as_json` gave."""
        requests = _unpacked(state.get("requests", []))
        by_id = {request.request_id: request for request in requests}
        names = {int(con_id): name for con_id, name in state.get("names", {}).items()}
        return cls(state.get("server_version"), by_id, state.get("zone"), names, tuple(state.get("accounts", ())))

    def _codec(self) -> Codec:
        if self.server_version is None:
            raise ValueError("a request was sent before the gateway's hello")
        return request_codec(self.server_version)


_COMPLETIONS = frozenset({"snapshot_end", "historical_data_end", "contract_details_end"})
_ENDING = frozenset({"terminal", "doubtful"})


def is_cancel(decoded: Decoded) -> bool:
    """Return whether a request ends another."""
    return decoded.name in CANCELS or cancelled_by(decoded.name, decoded.values.get("subscribe")) is not None


def _accounts(decoded: Decoded) -> set[str]:
    """Return the accounts that a message names as such."""
    if decoded.name == "managed_accounts":
        return {name.strip() for name in (decoded.values["accounts"] or "").split(",") if name.strip()}
    named = decoded.values.get("account")
    return {named} if named else set()


def _about_account(name: str, values: Values) -> Request:
    """Return what a request about accounts stands for."""
    number, instrument_id = known_as(name, values.get("request_id")), values.get("con_id") or None
    return Request(number, name, BY_NAME[name].stream, instrument_id, "", account=values.get("account") or None,
                   model_code=values.get("model_code") or None)


def request_of(name: str, values: Values) -> Request | None:
    """Return what a request of these fields stands for; None for one that has no id or asks for no instrument."""
    stream = _stream(name, values) if "con_id" in values else None
    if values.get("request_id") is None or stream is None:
        return None
    request = Request(values["request_id"], name, stream, values["con_id"] or None,
                      values["local_symbol"] or values["symbol"])
    if stream in ("bars", "live_bars", "history"):
        request.bar_size = values.get("bar_size") or ("5 secs" if stream == "bars" else None)
        request.what = values.get("what")
        request.regular_hours = values["regular_hours"]
    return request


def _stream(name: str, values: Values) -> str | None:
    match name:
        case "req_market_data":
            return "snapshot" if values["snapshot"] else "ticks"
        case "req_tick_by_tick":
            return STREAM_OF_TICK_KIND.get(values["tick_kind"])
        case "req_market_depth":
            return "smart_depth" if values["smart"] else "depth"
        case "req_real_time_bars":
            return "bars"
        case "req_historical_data":
            return "live_bars" if values["keep_up_to_date"] else "history"
        case "req_historical_ticks" | "req_head_timestamp" | "req_histogram":
            return "history"
        case _:
            return "reference"


def _packed(requests: Iterable[Request]) -> str:
    """Return requests as text: as JSON objects, those of 5,000 streams would make marks as large as the data."""
    rows = [[getattr(request, name) for name in Request.__slots__] for request in requests]
    text = json.dumps({"columns": Request.__slots__, "rows": rows}, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode())).decode()


def _unpacked(packed: str | list[dict[str, Any]]) -> list[Request]:
    """Return the requests that were packed; marks of before hold them as objects."""
    if not isinstance(packed, str):
        return [Request(**request) for request in packed]
    table = json.loads(zlib.decompress(base64.b64decode(packed)))
    return [Request(**dict(zip(table["columns"], row, strict=True))) for row in table["rows"]]
