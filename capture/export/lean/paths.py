"""Where LEAN looks for an instrument's data: its kind of security, market, time zone and names of files.

As LEAN's data folder and its databases of market hours and symbols have it in August 2026.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from capture.export.folder_names import is_folder_name

STYLE = "american"  # of options on shares; IB does not say it

# Security type -> the bars and ticks that LEAN reads of it, trades and quotes.
_ALL = ("tick", "second", "minute", "hour", "daily")
_READ: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "equity": {"trade": _ALL, "quote": _ALL[:3]},
    "option": {"trade": _ALL, "quote": _ALL},
    "future": {"trade": _ALL, "quote": _ALL},
    "crypto": {"trade": _ALL, "quote": _ALL},
    "forex": {"trade": (), "quote": _ALL},
    "index": {"trade": _ALL[1:], "quote": ()},
}
# IB's exchange -> LEAN's market, and the time zone of its data.
_FUTURES = {
    "CME": ("cme", "UTC"), "CBOT": ("cbot", "UTC"), "NYMEX": ("nymex", "UTC"), "COMEX": ("comex", "UTC"),
    "CFE": ("cfe", "UTC"), "NYBOT": ("ice", "UTC"), "IPE": ("ice", "UTC"), "SGX": ("sgx", "UTC"),
    "EUREX": ("eurex", "Europe/Berlin"), "HKFE": ("hkfe", "Asia/Hong_Kong"), "KSE": ("krx", "Asia/Seoul"),
}  # fmt: skip
_INDICES = {
    "EUREX": ("eurex", "Europe/Berlin"), "HKFE": ("hkfe", "Asia/Hong_Kong"), "KSE": ("krx", "Asia/Seoul"),
    "OSE.JPN": ("ose", "Asia/Tokyo"),
}  # fmt: skip
NEW_YORK = "America/New_York"
CHICAGO = "America/Chicago"
# Roots whose data have another time zone than those of their market.
_OTHER_ZONES = {("ice", "dx"): NEW_YORK}
# Of indices of the USA those in New York's time; the others are in Chicago's.
_NEW_YORK_INDICES = frozenset((
    "aex", "rut", "bkx", "brr", "brti", "bxd", "bxm", "bxn", "bxr", "cex", "cll", "comp", "cor1m", "cor1y", "cor30d",
    "cor3m", "cor6m", "cor9m", "djciagc", "djcicc", "djcigc", "djcigr", "djciik", "djcikc", "djcisb", "djcisi", "djr",
    "djx", "drg", "xda", "xdb", "xeo", "xmi", "xndx", "xsp", "dux", "dvs", "ftw5000", "dwcf", "dxl", "evz", "fvx",
    "gvz", "hgx", "mid", "midg", "midv", "mrut", "nya", "nyfang", "nyxbt", "oex", "osx", "ovx", "put", "rua", "rui",
    "rvx", "set", "sgx", "skew", "spsibi", "svx", "tnx", "tyx", "ukx", "uty", "vif", "vin", "vix1d", "vix1y", "vix3m",
    "vix6m", "vix9d", "voli", "vpd", "vpn", "vvix", "vwa", "vwb", "vxd", "vxn", "vxo", "vxslv", "vxth", "vxtlt", "xau",
    "dji", "dwcpf", "util", "dxy", "rls", "smlg", "spgsci", "vaf", "vro", "djinet", "dtx", "sp600", "spsv",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kind:
    """What is written: tick, second, minute, hour or daily, and trade or quote."""

    resolution: str
    tick_type: str

    @property
    def long(self) -> bool:
        """Whether bars of many days are in one file."""
        return self.resolution in ("hour", "daily")


@dataclass(frozen=True, slots=True)
class Place:
    """Where an instrument's data are: `ticker` is that of its folder, `contract` which one of a future or an option."""

    security: str
    market: str
    zone: str
    ticker: str
    contract: str = ""


def place_of(details: Mapping[str, Any] | None, kind: Kind) -> Place | str:
    """Return where LEAN looks for data of such a kind, or why it does not."""
    place = _found(details)
    if isinstance(place, Place) and not is_folder_name(place.ticker):
        return "its name can be none of a file"
    if isinstance(place, Place) and kind.resolution not in _READ[place.security][kind.tick_type]:
        what = "ticks" if kind.resolution == "tick" else f"{kind.resolution} bars"
        return f"LEAN reads no {kind.tick_type} {what} of the security type {place.security}"
    return place


def zone_of(details: Mapping[str, Any] | None) -> str:
    """Return the time zone of an instrument's data; UTC where LEAN has none."""
    found = _found(details)
    return found.zone if isinstance(found, Place) else "UTC"


def zip_path(place: Place, kind: Kind, day: date) -> str:
    """Return the path of the zip that holds what happened on a local day."""
    folder = f"{place.security}/{place.market}/{kind.resolution}"
    style = f"_{STYLE}" if place.security == "option" else ""
    if not kind.long:
        return f"{folder}/{place.ticker}/{day:%Y%m%d}_{kind.tick_type}{style}.zip"
    year = f"_{day:%Y}" if place.security == "option" else ""
    tick_type = "" if place.security in ("equity", "forex", "index") else f"_{kind.tick_type}"
    return f"{folder}/{place.ticker}{year}{tick_type}{style}.zip"


def entry_name(place: Place, kind: Kind, day: date) -> str:
    """Return the name of an instrument's file in such a zip."""
    if place.security == "equity" and kind.resolution == "tick":
        return f"{day:%Y%m%d}_{place.ticker}_{kind.tick_type.title()}_Tick.csv"
    names = [place.ticker] if kind.long else [f"{day:%Y%m%d}", place.ticker, kind.resolution]
    if place.contract or not kind.long:
        names.append(kind.tick_type)
    if place.contract:
        names.append(place.contract)
    return "_".join(names) + ".csv"


def _found(details: Mapping[str, Any] | None) -> Place | str:
    if details is None:
        return "its contract details were not recorded"
    security_type = details["security_type"]
    if security_type not in _PLACES:
        return f"LEAN has no place for contracts of type {security_type}"
    return _PLACES[security_type](details)


def _share(details: Mapping[str, Any]) -> Place | str:
    if details["currency"] != "USD":
        return "of shares LEAN's folders here are those of the USA, in USD"
    return Place("equity", "usa", NEW_YORK, _ticker(details["ib_symbol"]))


def _option(details: Mapping[str, Any]) -> Place | str:
    if details["underlying_security_type"] != "STK" or details["currency"] != "USD":
        return "of options LEAN's folders here are those on shares, in USD"
    strike, right, expiry = details["strike"], details["right"], _expiry(details)
    if strike is None or right not in _RIGHTS or expiry is None:
        return "its details lack strike, right or expiration date"
    contract = f"{STYLE}_{_RIGHTS[right]}_{_deci_cents(strike)}_{expiry}"
    return Place("option", "usa", NEW_YORK, _ticker(details["underlying_symbol"] or details["ib_symbol"]), contract)


def _future(details: Mapping[str, Any]) -> Place | str:
    exchange, month = details["exchange"], details["contract_month"]
    if exchange not in _FUTURES:
        return f"LEAN does not know futures of {exchange}"
    if not month:
        return "its details lack the contract month"
    market, zone = _FUTURES[exchange]
    root = _ticker(details["trading_class"] or details["ib_symbol"])
    return Place("future", market, _OTHER_ZONES.get((market, root), zone), root, month)


def _index(details: Mapping[str, Any]) -> Place | str:
    ticker = _ticker(details["ib_symbol"])
    if details["exchange"] in _INDICES:
        return Place("index", *_INDICES[details["exchange"]], ticker)
    if details["currency"] != "USD":
        return f"LEAN does not know indices of {details['exchange']}"
    return Place("index", "usa", NEW_YORK if ticker in _NEW_YORK_INDICES else CHICAGO, ticker)


def _pair(security: str, market: str) -> Callable[[Mapping[str, Any]], Place]:
    """Return what finds pairs of currencies, or of crypto and currency, of which all data are in UTC."""
    return lambda details: Place(security, market, "UTC", _ticker(details["ib_symbol"] + details["currency"]))


_RIGHTS = {"C": "call", "P": "put"}
# IB's type of a contract -> what finds its place.
_PLACES: Mapping[str, Callable[[Mapping[str, Any]], Place | str]] = {
    "STK": _share, "OPT": _option, "FUT": _future, "IND": _index,
    "CASH": _pair("forex", "oanda"), "CRYPTO": _pair("crypto", "coinbase"),
}  # fmt: skip


def _ticker(symbol: str) -> str:
    """Return a symbol as LEAN's files have it: BRK B is brk.b."""
    return symbol.lower().replace(" ", ".").replace("/", "")


def _expiry(details: Mapping[str, Any]) -> str | None:
    for sent in (details["real_expiration_date"], details["last_trade_date"]):
        if sent and len(sent) == len("20261120") and sent.isdigit():
            return str(sent)
    return None


def _deci_cents(strike: float) -> str:
    return f"{(Decimal(str(strike)) * 10_000).normalize():f}"
