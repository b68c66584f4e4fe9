"""Read a data folder as LEAN does: fields by their places, prices divided, times from local midnight.

LEAN is written in C# and cannot run here. This does what the readers of its ticks, trade bars and quote bars do, and
finds files by the names that its engine asks for.
"""

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

Row = dict[str, Any]

SCALED = ("equity", "option")
LONG = ("hour", "daily")


@dataclass
class Entry:
    """A file in a zip; `names` are the parts of its name, times of `rows` local."""

    security: str
    market: str
    resolution: str
    tick_type: str
    zip_path: str
    name: str
    ticker: str
    day: datetime | None
    rows: list[Row] = field(default_factory=list)


def read(folder: Path) -> Iterator[Entry]:
    """Yield all entries of all zips, by path, each with its rows."""
    for path in sorted(folder.rglob("*.zip")):
        with zipfile.ZipFile(path) as zipped:
            for name in zipped.namelist():
                entry = entry_of(path.relative_to(folder), name)
                entry.rows = [line(entry, text) for text in zipped.read(name).decode("ascii").splitlines()]
                yield entry


def entry_of(path: Path, name: str) -> Entry:
    """Return what an entry of a zip is, by its path: security/market/resolution[/ticker]/zip."""
    security, market, resolution, *folders, zip_name = path.parts
    stem = zip_name.removesuffix(".zip").split("_")
    if resolution in LONG:
        assert not folders
        # An option's zip has year, tick type and style behind the ticker, one of a future or crypto the tick type.
        tick_type = next((one for one in stem[1:] if not one.isdigit() and one != "american"), _usual(security))
        return Entry(security, market, resolution, tick_type, str(path), name, stem[0], None)
    [ticker] = folders
    day = datetime.strptime(stem[0], "%Y%m%d")
    return Entry(security, market, resolution, stem[1], str(path), name, ticker, day)


def _usual(security: str) -> str:
    return "quote" if security in ("forex", "cfd") else "trade"


def line(entry: Entry, text: str) -> Row:
    """Return a row of a line."""
    return _LINES[entry.resolution == "tick", entry.tick_type](entry, text.split(","))


def _scaled(entry: Entry, text: str) -> Decimal:
    return _decimal(text) / (10_000 if entry.security in SCALED else 1)


def _decimal(text: str) -> Decimal:
    """Return a number as LEAN reads it: digits and a point, at most 64 bits of them, and 0 for no text."""
    assert set(text) <= set("-.0123456789"), text
    assert abs(int(text.replace(".", "").replace("-", "") or 0)) < 2**63
    return Decimal(text or 0)


def _at(entry: Entry, text: str) -> datetime:
    """Return a time: of ticks milliseconds with fractions, of short bars whole ones, of long bars a date."""
    if entry.resolution in LONG:
        return datetime.strptime(text, "%Y%m%d %H:%M")
    assert entry.day is not None
    milliseconds = _decimal(text) if entry.resolution == "tick" else int(text)
    return entry.day + timedelta(microseconds=int(milliseconds * 1_000))


def _trade_tick(entry: Entry, csv: list[str]) -> Row:
    row = {"time": _at(entry, csv[0]), "price": _scaled(entry, csv[1]), "size": _decimal(csv[2])}
    if entry.security == "crypto":
        return row | {"suspicious": len(csv) >= 4 and csv[3] == "1"}
    assert len(csv) == 6
    return row | {"exchange": csv[3], "condition": csv[4], "suspicious": csv[5] == "1"}


def _quote_tick(entry: Entry, csv: list[str]) -> Row:
    if entry.security == "forex":
        assert len(csv) == 3
        return {"time": _at(entry, csv[0]), "bid_price": _decimal(csv[1]), "ask_price": _decimal(csv[2])}
    row = {"time": _at(entry, csv[0]), "bid_price": _scaled(entry, csv[1]), "bid_size": _decimal(csv[2]),
           "ask_price": _scaled(entry, csv[3]), "ask_size": _decimal(csv[4])}  # fmt: skip
    if entry.security == "crypto":
        return row | {"suspicious": len(csv) >= 6 and csv[5] == "1"}
    # Only shares have a condition between exchange and mark.
    assert len(csv) == (8 if entry.security == "equity" else 7)
    return row | {"exchange": csv[5], "suspicious": csv[-1] == "1"}


def _trade_bar(entry: Entry, csv: list[str]) -> Row:
    assert len(csv) == 6
    prices = {name: _scaled(entry, csv[1 + i]) for i, name in enumerate(("open", "high", "low", "close"))}
    return {"time": _at(entry, csv[0]), **prices, "volume": _decimal(csv[5])}


def _quote_bar(entry: Entry, csv: list[str]) -> Row:
    assert len(csv) == 11
    row: Row = {"time": _at(entry, csv[0])}
    for side, first in (("bid", 1), ("ask", 6)):
        texts = csv[first:first + 4]
        for name, text in zip(("open", "high", "low", "close"), texts, strict=True):
            row[f"{side}_{name}"] = _scaled(entry, text) if any(texts) else None
        row[f"{side}_size"] = _decimal(csv[first + 4])
    return row


_LINES: dict[tuple[bool, str], Callable[[Entry, list[str]], Row]] = {
    (True, "trade"): _trade_tick, (True, "quote"): _quote_tick,
    (False, "trade"): _trade_bar, (False, "quote"): _quote_bar,
}  # fmt: skip
