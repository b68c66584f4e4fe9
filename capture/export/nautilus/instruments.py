"""Definitions of instruments for a catalog of nautilus_trader, from IB's contract details.

Where IB says nothing: fees and margins are 0; a contract counts as tradable from ever on; it expires at the end of the
last trading day, if IB names no time. The whole of the details is in the definition's `info`.

Coins that are traded for cash are a CurrencyPair, which is nautilus_trader's class for spot pairs, though its adapter
for IB makes an inverse perpetual of them, whose profits and losses would be others.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from capture.lake.parquet_file import write_rows
from capture.times import microseconds
from capture.wire.zones import exchange_zone

from .names import Details, file_name, folder, identity
from .numbers import decimals_of

# Security type -> nautilus_trader's class. Bonds, funds, warrants and combinations have none that would fit.
CLASSES = {"STK": "Equity", "FUT": "FuturesContract", "OPT": "OptionContract", "FOP": "OptionContract",
           "CASH": "CurrencyPair", "CRYPTO": "CurrencyPair", "IND": "IndexInstrument", "CFD": "Cfd",
           "CMDTY": "Commodity"}  # fmt: skip
FOLDERS = {"Equity": "equity", "FuturesContract": "futures_contract", "OptionContract": "option_contract",
           "CurrencyPair": "currency_pair", "IndexInstrument": "index_instrument", "Cfd": "cfd",
           "Commodity": "commodity"}  # fmt: skip
WHOLE_SIZES = ("Equity", "FuturesContract", "OptionContract")  # their sizes have no decimals
EXPIRING = ("FuturesContract", "OptionContract")

# An underlying's security type -> class of assets.
_ASSETS = {"STK": "EQUITY", "IND": "INDEX", "FUT": "INDEX", "CASH": "FX", "BOND": "DEBT", "CMDTY": "COMMODITY",
           "CRYPTO": "CRYPTOCURRENCY"}  # fmt: skip
_RIGHTS = {"C": "CALL", "P": "PUT"}

_SHORT, _SHORTER, _LONG = (pa.dictionary(index, pa.string()) for index in (pa.int16(), pa.int8(), pa.int64()))
_LIMITS = ("max_quantity", "min_quantity", "max_notional", "min_notional", "max_price", "min_price")
_RATES = ("margin_init", "margin_maint", "maker_fee", "taker_fee")
_TYPES = {
    **dict.fromkeys(("id", "strike_price"), _LONG),
    **dict.fromkeys(("asset_class", "option_kind"), _SHORTER),
    **dict.fromkeys(("currency", "base_currency", "quote_currency", "underlying", "exchange", "price_increment",
                     "size_increment", "multiplier", "lot_size", *_LIMITS), _SHORT),
    **dict.fromkeys(("raw_symbol", "isin", *_RATES), pa.string()),
    **dict.fromkeys(("price_precision", "size_precision"), pa.uint8()),
    **dict.fromkeys(("activation_ns", "expiration_ns", "ts_event", "ts_init"), pa.uint64()),
    "info": pa.binary(),
}
_STEPS = ("price_precision", "size_precision", "price_increment", "size_increment")
_HEAD, _TAIL = ("id", "raw_symbol"), (*_RATES, "info", "ts_event", "ts_init")
_COLUMNS = {
    "Equity": (*_HEAD, "currency", "price_precision", "price_increment", "lot_size", "isin", *_TAIL),
    "FuturesContract": (*_HEAD, "underlying", "asset_class", "exchange", "currency", *_STEPS, "multiplier", "lot_size",
                        "activation_ns", "expiration_ns", *_TAIL),
    "OptionContract": (*_HEAD, "underlying", "asset_class", "exchange", "option_kind", "strike_price", "currency",
                       "activation_ns", "expiration_ns", *_STEPS, "multiplier", "lot_size", *_TAIL),
    "CurrencyPair": (*_HEAD, "base_currency", "quote_currency", *_STEPS, "multiplier", "lot_size", *_LIMITS, *_TAIL),
    "IndexInstrument": (*_HEAD, "currency", "price_precision", "price_increment", "size_precision", "size_increment",
                        "info", "ts_event", "ts_init"),
    "Cfd": (*_HEAD, "asset_class", "base_currency", "quote_currency", *_STEPS, "lot_size", *_LIMITS, *_TAIL),
    "Commodity": (*_HEAD, "asset_class", "quote_currency", *_STEPS, "lot_size", *_LIMITS, *_TAIL),
}


@dataclass(frozen=True, slots=True)
class Instrument:
    """An instrument of a catalog: IB's details, and how many decimals its prices and sizes have."""

    details: Details
    price_decimals: int
    size_decimals: int

    @classmethod
    def of(cls, details: Details, measured: tuple[int, int]) -> "Instrument":
        """Return the instrument whose prices and sizes need so many decimals; its steps may have more."""
        steps = [details["min_size"], details["size_increment"]]
        if cls(details, 0, 0).kind in WHOLE_SIZES:
            steps = []
        return cls(details, max(measured[0], decimals_of(details["min_tick"])),
                   max(measured[1], *map(decimals_of, steps), 0))

    @property
    def kind(self) -> str | None:
        """nautilus_trader's class, None where there is none that fits."""
        return CLASSES.get(self.details["security_type"])


def write_definition(root: Path, instrument: Instrument) -> str | None:
    """Write an instrument's definition into a catalog; return why that cannot be, None where it was done."""
    kind, details = instrument.kind, instrument.details
    if kind is None:
        return f"definitions of {details['security_type']}, for which nautilus_trader has no class"
    if _lacks(kind, details):
        return "definitions for which IB sent no currency, last trading day, strike or right"
    row = {name: _VALUES[name](instrument) if name in _VALUES else None for name in _COLUMNS[kind]}
    schema = pa.schema([(name, _TYPES[name]) for name in _COLUMNS[kind]], metadata={"class": kind})
    home = root / "data" / FOLDERS[kind] / folder(identity(details))
    home.mkdir(parents=True, exist_ok=True)
    received_ns = _ts(instrument)
    write_rows(pa.Table.from_pylist([row], schema), home / file_name(received_ns, received_ns))
    return None


def expiration_ns(details: Details) -> int | None:
    """Return when a contract is last traded, in nanoseconds since 1970: the end of the day in its zone without a time.

    None where IB sent no day.
    """
    day = str(details["last_trade_date"] or "")[:8]
    if len(day) < len("20261218") or not day.isdigit():
        return None
    if at := details.get("last_trade_ts"):
        return microseconds(at) * 1_000
    begin = datetime.strptime(day, "%Y%m%d").replace(tzinfo=exchange_zone(details["time_zone"]) or UTC)
    digits = str(details["last_trade_time"] or "").split(":")
    if len(digits) > 1 and all(one.isdigit() for one in digits[:2]):
        length = timedelta(hours=int(digits[0]), minutes=int(digits[1]))
    else:
        length = timedelta(days=1)
    # Of the calendar, whatever the clock does that day.
    return int((begin + length).timestamp()) * 1_000_000_000


def _lacks(kind: str, details: Details) -> bool:
    """Return whether something is missing without which there is no such instrument."""
    if kind in EXPIRING and expiration_ns(details) is None:
        return True
    is_option = kind == "OptionContract"
    return not details["currency"] or (is_option and (details["right"] not in _RIGHTS or details["strike"] is None))


def _text(value: float, decimals: int) -> str:
    """Return a number with so many decimals, or as many more as it needs."""
    return f"{value:.{max(decimals, decimals_of(value))}f}"


def _step(step: float | None, decimals: int) -> str:
    return _text(step or 10.0**-decimals, decimals)


def _size_step(instrument: Instrument) -> str:
    decimals = _size_decimals(instrument)
    return _step(instrument.details["size_increment"] if decimals else 1.0, decimals)


def _size_decimals(instrument: Instrument) -> int:
    return 0 if instrument.kind in WHOLE_SIZES else instrument.size_decimals


def _lot(instrument: Instrument) -> str | None:
    if instrument.kind not in WHOLE_SIZES:
        return None
    lot = instrument.details["suggested_size_increment"] or 1.0
    return str(int(lot)) if instrument.kind == "Equity" and lot >= 1 and lot == int(lot) else "1"


def _multiplier(instrument: Instrument) -> str:
    """Return what a price step of 1 is worth; prices stay as IB sends them, also where they are 100th of the currency.
    """
    if instrument.kind == "CurrencyPair":
        return "1"
    worth = Decimal(instrument.details["multiplier"] or "1") / (instrument.details["price_magnifier"] or 1)
    return f"{worth.normalize():f}"


def _base(instrument: Instrument) -> str | None:
    """Return the currency that is bought; CFDs on shares buy none."""
    details = instrument.details
    is_pair = instrument.kind == "CurrencyPair" or details["symbol"] == f"{details['ib_symbol']}.{details['currency']}"
    return str(details["ib_symbol"]) if is_pair else None


def _asset(instrument: Instrument) -> str:
    if instrument.kind == "Commodity":
        return "COMMODITY"
    return _ASSETS.get(instrument.details["underlying_security_type"] or "", "EQUITY")


def _info(instrument: Instrument) -> bytes:
    known = {name: value for name, value in instrument.details.items() if value is not None}
    return json.dumps(known, default=datetime.isoformat, ensure_ascii=False, separators=(",", ":")).encode()


def _detail(name: str) -> Callable[[Instrument], Any]:
    return lambda instrument: instrument.details[name]


def _ts(instrument: Instrument) -> int:
    return microseconds(instrument.details["ts"]) * 1_000


# Column -> its value. Columns that are missing here are null.
_VALUES: Mapping[str, Callable[[Instrument], Any]] = {
    "id": lambda instrument: identity(instrument.details),
    "raw_symbol": _detail("symbol"),
    "currency": _detail("currency"),
    "quote_currency": _detail("currency"),
    "base_currency": _base,
    "underlying": lambda one: one.details["underlying_symbol"] or one.details["ib_symbol"],
    "asset_class": _asset,
    "option_kind": lambda instrument: _RIGHTS[instrument.details["right"]],
    "strike_price": lambda instrument: _text(instrument.details["strike"], instrument.price_decimals),
    "price_precision": lambda instrument: instrument.price_decimals,
    "price_increment": lambda one: _step(one.details["min_tick"], one.price_decimals),
    "size_precision": _size_decimals,
    "size_increment": _size_step,
    "multiplier": _multiplier,
    "lot_size": _lot,
    "isin": lambda instrument: json.loads(instrument.details["security_ids"]).get("ISIN") or None,
    "activation_ns": lambda instrument: 0,
    "expiration_ns": lambda instrument: expiration_ns(instrument.details),
    **dict.fromkeys(_RATES, lambda instrument: "0"),
    "info": _info,
    "ts_event": _ts,
    "ts_init": _ts,
}
