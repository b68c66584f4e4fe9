"""Positions that an account begins with: a CSV of instrument, position and average cost, and of the account if any.

```text
instrument,position,average_cost
AAPL,100,251.30
OPT:AAPL:20261218:250:C,-2,412.5
conid:495512563,1,30123.60
```

Instruments are words as everywhere (docs/instruments.md). The average cost is IB's: of one share or one contract, with
its multiplier; it may be left empty, and is then the price at the start. Lines that begin with # are passed over.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from capture.suggestion import unknown
from capture.wanted.instrument import Instrument, InstrumentError, parse_instrument

from .given_file import GivenFileError, read_text

NEEDED = ("instrument", "position")
COLUMNS = (*NEEDED, "average_cost", "account")
_LIMIT = Decimal(10) ** 12


@dataclass(frozen=True, slots=True)
class PositionRow:
    """A row: so much of an instrument, below zero is short; `average_cost` is None and `account` empty if not given."""

    path: Path
    line: int
    instrument: Instrument
    position: Decimal
    average_cost: Decimal | None
    account: str

    def fault(self, text: str, key: str = "instrument") -> GivenFileError:
        """Return the error that something about this row is wrong, as that nobody knows its instrument."""
        return _fault(self.path, self.line, key, text)


def load_positions(path: Path) -> list[PositionRow]:
    """Return the rows of a file in its order. Raises GivenFileError, of the first line that is wrong."""
    lines = read_text(path, "positions").splitlines()
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip() and not line.startswith("#")]
    if not numbered:
        raise GivenFileError(f"{path} is empty: begin with a line {','.join(COLUMNS[:3])}")
    header = _cells(path, *numbered[0])
    _check_header(path, numbered[0][0], header)
    rows: dict[tuple[str, str], PositionRow] = {}
    for row in _rows(path, header, numbered[1:]):
        earlier = rows.setdefault((row.account, row.instrument.word), row)
        if earlier is not row:
            raise row.fault(f"{row.instrument.word!r} is in line {earlier.line} already: join both")
    return list(rows.values())


def _check_header(path: Path, line: int, header: list[str]) -> None:
    for name in header:
        if name not in COLUMNS:
            raise _fault(path, line, name, unknown("column", name, COLUMNS))
    for name in NEEDED:
        if name not in header:
            raise _fault(path, line, name, f"there is no such column: begin with a line {','.join(COLUMNS[:3])}")
    if len(set(header)) < len(header):
        raise _fault(path, line, ",".join(header), "a column is there twice: name each once")


def _rows(path: Path, header: list[str], numbered: list[tuple[int, str]]) -> Iterator[PositionRow]:
    for line, text in numbered:
        values = _cells(path, line, text)
        if len(values) != len(header):
            raise _fault(path, line, ",".join(header), f"write {len(header)} values, not {len(values)}: {text!r:.60}")
        yield _row(path, line, dict(zip(header, values, strict=True)))


def _cells(path: Path, line: int, text: str) -> list[str]:
    try:
        return [value.strip() for value in next(csv.reader([text]))]
    except csv.Error as error:
        raise _fault(path, line, ",".join(COLUMNS[:3]), f"no CSV: {error}") from None


def _row(path: Path, line: int, values: dict[str, str]) -> PositionRow:
    try:
        instrument = parse_instrument(values["instrument"])
    except InstrumentError as error:
        raise _fault(path, line, "instrument", str(error)) from None
    position = _number(path, line, "position", values["position"])
    if not position:
        raise _fault(path, line, "position", "0 is no position: leave the line out")
    cost = values.get("average_cost", "")
    return PositionRow(path, line, instrument, position, _number(path, line, "average_cost", cost) if cost else None,
                       values.get("account", ""))  # fmt: skip


def _number(path: Path, line: int, key: str, text: str) -> Decimal:
    try:
        number = Decimal(text)
        possible = number.is_finite() and abs(number) < _LIMIT
    except InvalidOperation:
        possible = False
    if not possible:
        raise _fault(path, line, key, f"{text!r} is no number below {_LIMIT:,}: write one such as 100 or -2.5")
    return number


def _fault(path: Path, line: int, key: str, text: str) -> GivenFileError:
    return GivenFileError(f"{path} line {line}, key {key}: {text}")
