"""Which streams can be recorded: words to the requests that ask for them, as a table."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from capture.suggestion import hint, near
from capture.wire.messages.live_streams import TABLE_OF_STREAM, TICK_KIND_OF_STREAM, WHAT_OF_STREAM

from .instrument import Contract


class StreamError(ValueError):
    """A stream's word is not known or its parameter not allowed; the text says what is."""


class Parameter(NamedTuple):
    """What may stand after a colon in a stream's word: the request's field it sets, and what is allowed.

    `default` is taken where the word does not say; None where it must.
    """

    name: str
    default: Any
    pattern: str
    allowed: str
    convert: Callable[[str], Any] = str


@dataclass(frozen=True)
class Kind:
    """One kind of stream: its word, the name its rows carry, the table they fill, and its request.

    `direct`: asked at one exchange, so a contract routed by SMART is asked for at its primary exchange. `prompt`: its
    rows begin at once while the market is open. `cadence_s`: they come by the clock. `frail`: it is known to stay dead,
    or to go on from a wrong state, when IB keeps it over an outage. `once`: it ends by itself.
    """

    word: str
    stream: str
    table: str
    meaning: str
    request: str
    cancel: str
    values: dict[str, Any] = field(default_factory=dict)
    parameters: tuple[Parameter, ...] = ()
    direct: bool = False
    prompt: bool = True
    cadence_s: float | None = None
    frail: bool = False
    once: bool = False


# Bar size -> how much history comes before the live bars: little, so that it costs IB little, and never less than
# one bar. IB allows each bar size only some units of duration.
BAR_DURATIONS = {
    "5 secs": "1800 S", "10 secs": "3600 S", "15 secs": "3600 S", "30 secs": "7200 S", "1 min": "3600 S",
    "2 mins": "1 D", "3 mins": "1 D", "5 mins": "1 D", "10 mins": "1 D", "15 mins": "1 D", "20 mins": "1 D",
    "30 mins": "2 D", "1 hour": "2 D", "2 hours": "1 W", "3 hours": "1 W", "4 hours": "1 W", "8 hours": "1 M",
    "1 day": "1 M", "1W": "1 Y", "1M": "1 Y",
}  # fmt: skip

_WHAT = Parameter("what", "TRADES", "TRADES|MIDPOINT|BID|ASK", "TRADES, MIDPOINT, BID or ASK")
# Historical bars of crypto pairs are made from aggregated trades, under a name of their own.
_HISTORY_WHAT = Parameter("what", "TRADES", "TRADES|MIDPOINT|BID|ASK|AGGTRADES",
                          "TRADES, MIDPOINT, BID, ASK or, for crypto, AGGTRADES")
_ROWS = Parameter("rows", 10, r"[1-9]\d?", "1 to 99 rows", int)
_GENERIC = Parameter("generic_ticks", "", r"(?:mdoff|\d+(?::[\w+]+)?)(?:,(?:mdoff|\d+(?::[\w+]+)?))*",
                     "generic tick ids of IB with commas, such as 233,236")  # fmt: skip
_BAR_SIZE = Parameter("bar_size", None, "|".join(BAR_DURATIONS), ", ".join(BAR_DURATIONS))


def _tick_by_tick(word: str, stream: str, meaning: str) -> Kind:
    table = TABLE_OF_STREAM[stream]
    values = {"tick_kind": TICK_KIND_OF_STREAM[stream], "number_of_ticks": 0, "ignore_size": False}
    return Kind(word, stream, table, meaning, "req_tick_by_tick", "cancel_tick_by_tick", values,
                prompt=table != "trades")


# fmt: off  (a table: one kind a few lines)
KINDS = (
    _tick_by_tick("trades", "all_last", "every trade, also those that do not move the last price"),
    _tick_by_tick("last", "last", "every trade that moves the last price"),
    _tick_by_tick("quotes", "quotes", "every change of the best bid and ask"),
    _tick_by_tick("midpoints", "midpoints", "every change of the midpoint"),
    Kind("ticks", "ticks", "ticks", "level 1 as IB samples it (4 to 10 times a second); generic ticks after the colon",
         "req_market_data", "cancel_market_data", {"snapshot": False}, (_GENERIC,)),
    Kind("depth", "depth", "depth", "the order book of one exchange, so many rows",
         "req_market_depth", "cancel_market_depth", {"smart": False}, (_ROWS,), direct=True, frail=True),
    Kind("smart_depth", "smart_depth", "depth", "the order book over all exchanges, so many rows",
         "req_market_depth", "cancel_market_depth", {"smart": True}, (_ROWS,), frail=True),
    Kind("bars", "bars", "bars", "5-second bars as they close",
         "req_real_time_bars", "cancel_real_time_bars", {"bar_size_s": 5, "regular_hours": False}, (_WHAT,),
         cadence_s=5.0, frail=True),
    Kind("live_bars", "live_bars", "bars", "bars of any size, updated every few seconds",
         "req_historical_data", "cancel_historical_data",
         {"regular_hours": False, "date_format": 2, "keep_up_to_date": True}, (_BAR_SIZE, _HISTORY_WHAT), frail=True),
)
# fmt: on
_BY_WORD = {kind.word: kind for kind in KINDS}

SNAPSHOT = Kind("snapshot", "snapshot", "ticks", "level 1 once",
                "req_market_data", "cancel_market_data", {"snapshot": True}, once=True)  # fmt: skip


# What is asked for where nobody says: of each instrument what it can have.
DEFAULT = ("trades", "quotes", "ticks")
# Kind of security -> its name, and what IB does not have of it, as history words it.
LACKING = {
    "CASH": ("currency pairs", frozenset({"TRADES"})),
    "CMDTY": ("spot commodities", frozenset({"TRADES"})),
    "IND": ("indices", frozenset({"BID", "ASK", "BID_ASK", "MIDPOINT"})),
}


@dataclass(frozen=True)
class Stream:
    """A wanted stream: its word as the user wrote it, its kind, and the fields of its request besides the contract."""

    word: str
    kind: Kind
    values: dict[str, Any] = field(compare=False)

    def request(self, request_id: int, contract: Contract) -> tuple[str, dict[str, Any]]:
        """Return name and values of the request."""
        if self.kind.direct and contract.exchange == "SMART" and contract.primary_exchange:
            contract = replace(contract, exchange=contract.primary_exchange)
        return self.kind.request, {"request_id": request_id, **contract.values(), **self.values}

    def cancellation(self, request_id: int) -> tuple[str, dict[str, Any]]:
        """Return name and values of the request that ends it."""
        smart = {"smart": self.values["smart"]} if "smart" in self.values else {}
        return self.kind.cancel, {"request_id": request_id, **smart}


def lacking(contract: Contract, stream: Stream) -> str | None:
    """Return in words why IB cannot have a stream of a contract, None where it may."""
    plural, whats = LACKING.get(contract.sec_type, ("", frozenset()))
    what = WHAT_OF_STREAM.get(stream.kind.stream, stream.values.get("what"))
    return f"IB has no {_WORDS[what]} of {plural}" if what in whats else None


_WORDS = {"TRADES": "trades", "BID_ASK": "quotes", "MIDPOINT": "midpoints", "BID": "bids", "ASK": "asks"}


def default_streams(contract: Contract) -> list[str]:
    """Return the words of what is recorded of a contract where nobody says."""
    return [word for word in DEFAULT if lacking(contract, parse_stream(word)) is None]


def allowed_streams() -> str:
    """Return the stream words with their meanings, one per line, for help and error texts."""
    forms = {_form(kind): kind.meaning for kind in KINDS}
    width = max(map(len, forms))
    return "\n".join(f"{form:{width}}  {meaning}" for form, meaning in forms.items())


def parse_stream(word: str) -> Stream:
    """Return the stream that a word such as `trades`, `depth:20` or `live_bars:1 min:MIDPOINT` names.

    Raises StreamError.
    """
    name, *rest = word.split(":", 1)
    kind = _BY_WORD.get(name)
    if kind is None:
        meant = f"; {hint(name, _BY_WORD)}" if near(name, _BY_WORD) else ""
        raise StreamError(f"{word!r} is no stream{meant}\nallowed are:\n{allowed_streams()}")
    given = rest[0].split(":", max(len(kind.parameters) - 1, 0)) if rest else []
    if len(given) > len(kind.parameters):
        raise StreamError(f"{word!r}: {name} takes nothing after a colon")
    given += [""] * (len(kind.parameters) - len(given))
    values = kind.values | {p.name: _value(word, p, text) for p, text in zip(kind.parameters, given, strict=True)}
    if "bar_size" in values:
        values["duration"] = BAR_DURATIONS[values["bar_size"]]
    return Stream(word, kind, values)


def _value(word: str, parameter: Parameter, text: str) -> Any:
    if not text and parameter.default is not None:
        return parameter.default
    if not re.fullmatch(parameter.pattern, text, re.ASCII):
        raise StreamError(f"{word!r}: {parameter.name} is {text!r}; allowed: {parameter.allowed}")
    return parameter.convert(text)


def _form(kind: Kind) -> str:
    forms = (":{}" if parameter.default is None else "[:{}]" for parameter in kind.parameters)
    return kind.word + "".join(form.format(p.name.upper()) for form, p in zip(forms, kind.parameters, strict=True))
