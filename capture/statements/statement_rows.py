"""Elements of a Flex query become rows, with every attribute in a column or in `rest`; signs stay as IB sends them."""

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from hashlib import blake2s, sha256
from typing import Any

import pyarrow as pa

from .flex_dates import When, when
from .flex_sections import ACCOUNT, BASE_SUM, OF_TAG, SUMS, SUMS_OF, VALUES, VALUES_TAG, Section
from .flex_xml import Element, StatementError, read_xml
from .latest import Row

_NOTHING = ("", "--", "N/A")  # how IB writes that there is none
_HEAD = (ACCOUNT, "fromDate", "toDate")
_NO_ID = "0"  # of the booking that is cancelled: none is
_MOST = 1 << 63  # of a whole number that is stored
_OF_DAY = ("report_date", "expiry", "trade_date", "settle_date")


@dataclass(slots=True)
class Parsed:
    """What a file says: rows by table, and what of it is in none.

    `unknown` counts attributes that IB is not known to send (they are in `rest`), `unread` elements that are no rows of
    any table, `unreadable` values that are no number or no date where there should be one (they are in `rest` too).
    `statements` are accounts with the first and last date of each statement, as texts.
    """

    sha256: str
    generated_ts: datetime | None = None
    statements: list[tuple[str, ...]] = field(default_factory=list)
    rows: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    unknown: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)
    unreadable: Counter[str] = field(default_factory=Counter)


def parse(data: bytes, *, strict: bool = False) -> Parsed:
    """Return the rows of a Flex query's XML. Raises StatementError for what is none.

    With `strict` an attribute that IB is not known to send is an error, too.
    """
    reading = _Reading(Parsed(sha256(data).hexdigest()))
    document = read_xml(data)
    for statement in document.statements:
        reading.parsed.statements.append(tuple(statement.get(name, "") for name in _HEAD))
        reading.parsed.generated_ts = when(statement.get("whenGenerated", "")).moment
    for element in document.elements:
        reading.add(element)
    if strict and reading.parsed.unknown:
        raise StatementError(f"unknown attributes: {', '.join(sorted(reading.parsed.unknown))}")
    return reading.parsed


@dataclass(slots=True)
class _Reading:
    parsed: Parsed
    same: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def add(self, element: Element) -> None:
        said = {name: text for name, text in element.attributes.items() if text not in _NOTHING}
        if element.tag == VALUES_TAG:
            for row in self._values(element, said):
                self.parsed.rows[VALUES.table.name].append(row)
            return
        section = OF_TAG.get(element.tag)
        if section is None or _is_sum(element.tag, said):
            level = said.get("levelOfDetail")
            self.parsed.unread[element.tag if section is None else f"{element.tag} {level or BASE_SUM}"] += 1
            return
        row = self._row(section, element, dict(said))
        row["key"] = self._key(section, row, said)
        self.parsed.rows[section.table.name].append(row)

    def _row(self, section: Section, element: Element, said: dict[str, str]) -> Row:
        """Return a row but for its key; takes out of `said` what is in a column."""
        row: Row = dict.fromkeys(section.types)
        row |= {"account": _account(element, said), "statement": self.parsed.sha256,
                "generated_ts": when(element.statement.get("whenGenerated", "")).moment, **section.fixed}
        row["ts"], row["dated_by"] = self._moment(section, element, said)
        for name in said.keys() - section.known:
            self.parsed.unknown[f"{section.tag}.{name}"] += 1
        for column, attribute in section.columns.items():
            if (text := said.pop(attribute, None)) is not None:
                row[column] = self._value(section, column, text)
                if row[column] is None and not (column.startswith("original_") and text == _NO_ID):
                    said[attribute] = text
                    self.parsed.unreadable[f"{section.tag}.{attribute}"] += 1
        said.pop(ACCOUNT, None)
        row["rest"] = json.dumps(said, sort_keys=True, ensure_ascii=False) if said else None
        return row

    def _value(self, section: Section, column: str, text: str) -> Any:
        kind = section.types[column]
        if column in _OF_DAY:
            day = when(text).day
            return day.isoformat() if day else None
        if kind == pa.string():
            return None if column.startswith("original_") and text == _NO_ID else text
        try:
            number = int(text) if kind == pa.int64() else float(text)
        except ValueError:
            return None
        return number if math.isfinite(number) and (kind != pa.int64() or -_MOST <= number < _MOST) else None

    def _moment(self, section: Section, element: Element, said: dict[str, str]) -> tuple[datetime, str]:
        """Return when it happened, and what says so; a time of day before a date alone."""
        found = [self._when(section.tag, said, name) for name in section.dates if name in said]
        for one in found:
            if one.moment:
                return one.moment, "time"
        days = [(one.day, "date") for one in found]
        days.append((when(said.get("reportDate", "")).day, "report_date"))
        days += [(when(element.statement.get(name, "")).day, "statement") for name in ("toDate", "whenGenerated")]
        for day, dated_by in days:
            if day:
                return _midnight(day), dated_by
        raise StatementError(f"a {section.tag} has no date that can be read, nor has its statement: choose yyyyMMdd as "
                             "date format in the Flex query")

    def _when(self, tag: str, said: dict[str, str], name: str) -> When:
        found = when(said[name], said.get("tradeTime", "") if name == "tradeDate" else "")
        if found.day is None:
            self.parsed.unreadable[f"{tag}.{name}"] += 1
        return found

    def _key(self, section: Section, row: Row, said: dict[str, str]) -> str:
        parts = [row[name] for name in section.key]
        if None not in parts:
            return ":".join([*map(str, parts), *([row["model_code"]] if row["model_code"] else [])])
        # Of several that say the same each is one: in a later statement there are as many.
        whole = blake2s(json.dumps(said, sort_keys=True).encode(), digest_size=16).hexdigest()
        place = (section.tag, row["account"], whole)
        self.same[place] += 1
        return f"{section.fixed.get('kind', section.tag)}:{whole}:{self.same[place]}"

    def _values(self, element: Element, said: dict[str, str]) -> Iterator[Row]:
        """Yield a row for each part of what an account is worth."""
        told = VALUES.known
        row = self._row(VALUES, element, {name: text for name, text in said.items() if name in told})
        for part in sorted(said.keys() - told):
            amount = self._value(VALUES, "amount", said[part])
            self.parsed.unreadable[f"{VALUES.tag}.{part}"] += amount is None
            rest = row["rest"] if amount is not None else json.dumps({part: said[part]}, ensure_ascii=False)
            made = row | {"part": part, "amount": amount, "rest": rest}
            yield made | {"key": self._key(VALUES, made, said)}
        self.parsed.unreadable += Counter()  # without zeros


def _account(element: Element, said: dict[str, str]) -> str:
    account = said.get(ACCOUNT) or element.statement.get(ACCOUNT)
    if not account:
        raise StatementError(f"a {element.tag} names no account: choose Account ID in the Flex query")
    return account


def _is_sum(tag: str, said: dict[str, str]) -> bool:
    return said.get("levelOfDetail") in SUMS_OF.get(tag, SUMS) or said.get("currency") == BASE_SUM


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
