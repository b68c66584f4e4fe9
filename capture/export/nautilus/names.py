"""How nautilus_trader names instruments, bars, folders and files.

Ids are those that nautilus_trader's own adapter for IB gives by default (its "simplified symbology"), so that a
strategy finds the same instrument in a catalog as live:

| security type | symbol | venue |
|---|---|---|
| STK | local symbol, blanks as hyphens: `BRK-B` | the primary exchange, or the exchange if the contract names one |
| OPT | local symbol without blanks: `AAPL261218C00200000` | the exchange: `SMART` |
| FUT | root, month's letter, last digit of the year: `ESZ6` | the exchange |
| FOP | local symbol: `ESZ6 C6000` | the exchange |
| CASH, CRYPTO | local symbol with a slash: `EUR/USD` | the exchange: `IDEALPRO`, `PAXOS` |
| IND | local symbol behind a caret: `^SPX` | the exchange |
| CFD | IB's symbol, blanks as hyphens; of pairs with a slash | `IBCFD` |
| CMDTY | IB's symbol, blanks as hyphens | `IBCMDTY` |

Where a local symbol has another form, and for all other types, it is the adapter's other one ("raw symbology"):
`{local symbol}={security type}`. A dot in an exchange's name becomes a slash, as the last dot of an id parts the two.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from capture.times import SECOND_US

Details = Mapping[str, Any]  # a row of table `instruments`

SMART = "SMART"
# Exchanges that stand for a kind, as these are traded on SMART like shares of the same name.
VENUES = {"CFD": "IBCFD", "CMDTY": "IBCMDTY"}

MONTHS = {"JAN": "F", "FEB": "G", "MAR": "H", "APR": "J", "MAY": "K", "JUN": "M",
          "JUL": "N", "AUG": "Q", "SEP": "U", "OCT": "V", "NOV": "X", "DEC": "Z"}  # fmt: skip
_FUTURE = re.compile(r"\w{1,3}[FGHJKMNQUVXZ]\d")  # ESZ6
# FDAX DEC 26, and with the year first, as in India: NIFTY26DECFUT
_LONG_FUTURES = (re.compile(rf"(?P<root>\w{{1,4}}) *(?P<month>{'|'.join(MONTHS)}) (?P<year>\d\d)"),
                 re.compile(rf"(?P<root>[A-Z]+)(?P<year>\d\d)(?P<month>{'|'.join(MONTHS)})FUT"))
_FUTURE_OPTION = re.compile(r"\w{1,3}[FGHJKMNQUVXZ]\d [CP]\d{1,4}(\.\d)?")  # ESZ6 C6000
_PAIR = re.compile(r"[A-Z]{3}\.[A-Z]{3}")  # EUR.USD

# Microseconds of nautilus_trader's units of bars that have a length, longest first.
UNITS_US = {"DAY": 86_400 * SECOND_US, "HOUR": 3_600 * SECOND_US, "MINUTE": 60 * SECOND_US, "SECOND": SECOND_US,
            "MILLISECOND": 1_000}  # fmt: skip


def identity(details: Details) -> str:
    """Return the instrument's id, `{symbol}.{venue}`."""
    local, kind = details["symbol"], details["security_type"]
    symbol = _SYMBOLS.get(kind, _none)(details) or f"{local}={kind}"
    return f"{symbol}.{venue(details)}"


def venue(details: Details) -> str:
    """Return the venue: the exchange, where that is SMART the primary one if there is one; of CFDs a word for all."""
    exchange = details["exchange"] or SMART
    if exchange == SMART:
        exchange = details["primary_exchange"] or SMART
    return VENUES.get(details["security_type"], exchange.replace(".", "/"))


def folder(name: str) -> str:
    """Return the name of the folder for an instrument's id or a bar's type: the same without slashes."""
    return name.replace("/", "")


def bar_specification(width_us: int) -> str | None:
    """Return a width as nautilus_trader words it (1-MINUTE), in the longest unit; None for less than a millisecond."""
    for unit, unit_us in UNITS_US.items():
        if width_us > 0 and width_us % unit_us == 0:
            return f"{width_us // unit_us}-{unit}"
    return None


def bar_type(instrument: str, width_us: int, price_type: str) -> str:
    """Return the type of an instrument's bars, `price_type` being LAST, BID, ASK or MID."""
    return f"{instrument}-{bar_specification(width_us)}-{price_type}-EXTERNAL"


def file_name(first_ns: int, last_ns: int) -> str:
    """Return the name of a file by the first and the last `ts_init` in it, in nanoseconds since 1970."""
    return f"{_file_time(first_ns)}_{_file_time(last_ns)}.parquet"


def _file_time(ns: int) -> str:
    seconds, fraction_ns = divmod(ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H-%M-%S}-{fraction_ns:09d}Z"


def _none(details: Details) -> str:
    return ""


def _local(details: Details) -> str:
    return str(details["symbol"])


def _hyphenated(details: Details) -> str:
    return _local(details).replace(" ", "-")


def _pair(details: Details) -> str:
    return _local(details).replace(".", "/")


def _future(details: Details) -> str:
    local = _local(details)
    if _FUTURE.fullmatch(local):
        return local
    match = next((match for form in _LONG_FUTURES if (match := form.fullmatch(local))), None)
    return f"{match['root']}{MONTHS[match['month']]}{match['year'][-1]}" if match else ""


def _future_option(details: Details) -> str:
    return _local(details) if _FUTURE_OPTION.fullmatch(_local(details)) else ""


def _root(details: Details) -> str:
    return str(details["ib_symbol"]).replace(" ", "-")


def _cfd(details: Details) -> str:
    return _pair(details) if _PAIR.fullmatch(_local(details)) else _root(details)


_SYMBOLS: Mapping[str, Callable[[Details], str]] = {
    "STK": _hyphenated,
    "OPT": lambda details: _local(details).replace(" ", ""),
    "FUT": _future,
    "FOP": _future_option,
    "CASH": _pair,
    "CRYPTO": _pair,
    "IND": lambda details: f"^{_local(details)}",
    "CFD": _cfd,
    "CMDTY": _root,
}
