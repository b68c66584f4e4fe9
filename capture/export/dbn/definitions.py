"""Contract details as DBN's `definition` records: what IB's columns are called there, and what does not fit."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from capture.export.job import Job
from capture.times import EPOCH
from capture.wire.zones import exchange_zone

US = timedelta(microseconds=1)
SMALL_MAX, WHOLE_MAX = 2**31 - 2, 2**32 - 2  # of DBN's i32 and u32; the number after each says that there is none
PRICE_MAX = 2**63 - 1

# Exchanges by their MIC (ISO 10383), as DBN's field holds four letters; IB's own name where it is as short.
MIC = {
    "AEB": "XAMS", "AMEX": "XASE", "ARCA": "ARCX", "BATS": "BATS", "BEX": "XBOS", "BYX": "BATY", "CBOE": "XCBO",
    "CBOT": "XCBT", "CFE": "XCBF", "CHX": "XCHI", "CME": "XCME", "COMEX": "XCEC", "DRCTEDGE": "EDGX", "EDGEA": "EDGA",
    "EUREX": "XEUR", "IBIS": "XETR", "IEX": "IEXG", "LSE": "XLON", "LTSE": "LTSE", "MEMX": "MEMX", "NASDAQ": "XNAS",
    "NYMEX": "XNYM", "NYSE": "XNYS", "NYSENAT": "XCIS", "PEARL": "EPRL", "PSX": "XPHL", "SBF": "XPAR", "SEHK": "XHKG",
    "TSE": "XTSE", "TSEJ": "XTKS",
}  # fmt: skip
# IB's security types, options with their right -> DBN's instrument class; others have none.
CLASSES = {"STK": "K", "FUT": "F", "CONTFUT": "F", "OPT C": "C", "OPT P": "P", "FOP C": "C", "FOP P": "P", "BOND": "B",
           "BILL": "B", "CASH": "X", "CMDTY": "Y", "IND": "I"}  # fmt: skip
NO_CLASS = b" "
# Field of DBN -> the column, and how many bytes the field holds.
TEXTS = {"raw_symbol": ("symbol", 70), "asset": ("ib_symbol", 10), "security_type": ("security_type", 6),
         "currency": ("currency", 3), "group": ("trading_class", 20),
         "underlying": ("underlying_symbol", 20)}  # fmt: skip
EXCHANGE_BYTES = 4


class Definitions:
    """Makes records of rows of `instruments`, one row after the other: there are few."""

    def __init__(self, dbn: Any, job: Job) -> None:
        self._dbn, self._job = dbn, job
        self._seen: set[int] = set()
        self._class_at: int = np.dtype(dbn.InstrumentDefMsg._dtypes).fields["instrument_class"][1]

    def encode(self, batch: pa.RecordBatch) -> bytes:
        """Return the records of rows, all of which have a contract id of 32 bits."""
        return b"".join(self._record(row) for row in batch.to_pylist())

    def _record(self, row: Mapping[str, Any]) -> bytes:
        dbn = self._dbn
        known = row["instrument_id"] in self._seen
        self._seen.add(row["instrument_id"])
        letter = CLASSES.get(" ".join(filter(None, (row["security_type"], row["right"]))))
        action = dbn.SecurityUpdateAction.MODIFY if known else dbn.SecurityUpdateAction.ADD
        record = bytes(dbn.InstrumentDefMsg(
            **self._ids(row), **self._texts(row), **self._numbers(row), **dates(row), security_update_action=action,
            instrument_class=dbn.InstrumentClass(letter or "K"), publisher_id=0))
        if letter is None:  # the constructor must be given one
            at = self._class_at
            record = record[:at] + NO_CLASS + record[at + 1:]
        return record

    def _ids(self, row: Mapping[str, Any]) -> dict[str, int]:
        underlying = row["underlying_id"] or 0
        if underlying > WHOLE_MAX:
            self._job.lose("contract ids of underlyings beyond 32 bits, left out", 1)
        at_ns = nanoseconds(row["ts"])
        return {"instrument_id": row["instrument_id"], "raw_instrument_id": row["instrument_id"],
                "underlying_id": underlying if underlying <= WHOLE_MAX else 0, "ts_event": at_ns, "ts_recv": at_ns}

    def _texts(self, row: Mapping[str, Any]) -> dict[str, str]:
        found = {field: self._short(row[column], column, size) for field, (column, size) in TEXTS.items()}
        exchange = row["primary_exchange"] if row["exchange"] in (None, "", "SMART") else row["exchange"]
        found["exchange"] = self._short(MIC.get(exchange or "", exchange), "exchange", EXCHANGE_BYTES)
        return found | {"strike_price_currency": found["currency"] if row["strike"] else ""}

    def _short(self, text: str | None, column: str, size: int) -> str:
        if len((text or "").encode()) > size:
            self._job.lose(f"texts of {column} longer than {size} bytes, left out", 1)
            return ""
        return text or ""

    def _numbers(self, row: Mapping[str, Any]) -> dict[str, int | None]:
        multiplier = number(row["multiplier"])
        if row["multiplier"] and multiplier is None:
            self._job.lose("multipliers that are no numbers, left out", 1)
        magnifier = row["price_magnifier"] or 1
        return {
            "min_price_increment": self._price(row["min_tick"]),
            "display_factor": self._price(1 / magnifier),
            "strike_price": self._price(row["strike"] or None),
            # Whole ones are in both; the quantity holds fractions too.
            "unit_of_measure_qty": self._price(multiplier),
            "contract_multiplier": whole(multiplier, SMALL_MAX),
            "min_trade_vol": self._size(row["min_size"], "min_size", WHOLE_MAX),
            "min_lot_size": self._size(row["size_increment"], "size_increment", SMALL_MAX),
        }

    def _size(self, value: float | None, column: str, most: int) -> int | None:
        found = whole(value, most)
        if value is not None and found is None:
            self._job.lose(f"values of {column} that are no whole numbers, left out", 1)
        return found

    def _price(self, value: float | None) -> int:
        """Return a number as DBN counts prices."""
        if value is None:
            return PRICE_MAX
        scale: int = self._dbn.FIXED_PRICE_SCALE
        units = round(value * scale)
        if not abs(units) < PRICE_MAX:
            self._job.lose("numbers too large for a price field, left out", 1)
            return PRICE_MAX
        if units / scale != value:
            self._job.lose("prices with more than nine decimals, rounded", 1)
        return units


def dates(row: Mapping[str, Any]) -> dict[str, int]:
    """Return DBN's fields of when a contract ends: the day, and the moment if a day is known, else none.

    IB writes YYYYMMDD, for some contracts the month only. Without a time of day or its zone it is midnight UTC.
    """
    written = re.match(r"(\d{4})(\d\d)(\d\d)?", row["last_trade_date"] or "")
    if not written:
        return {}
    year, month = int(written[1]), int(written[2])
    if not written[3]:
        return {"maturity_year": year, "maturity_month": month}
    day = datetime(year, month, int(written[3]), tzinfo=UTC)
    at = row.get("last_trade_ts") or _moment(day, row["last_trade_time"], row["time_zone"])
    return {"maturity_year": year, "maturity_month": month, "maturity_day": int(written[3]),
            "expiration": nanoseconds(at)}


def _moment(day: datetime, time_of_day: str | None, zone: str | None) -> datetime:
    where = exchange_zone(zone)
    try:
        return datetime.combine(day, time.fromisoformat(time_of_day or ""), where) if where else day
    except ValueError:
        return day


def number(text: str | None) -> float | None:
    """Return the number that a text is, None for none."""
    try:
        return float(text or "")
    except ValueError:
        return None


def whole(value: float | None, most: int) -> int | None:
    """Return a number that is whole and from 0 to `most`, None for another."""
    return int(value) if value is not None and 0 <= value <= most and value == int(value) else None


def nanoseconds(at: datetime) -> int:
    """Return a time in nanoseconds since 1970."""
    return (at - EPOCH) // US * 1_000

