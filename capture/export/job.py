"""An export under way: what was asked for, of which lake, and what its format could not hold."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Self

from capture.query import LakeReader, QueryError
from capture.query.selection import Instruments, symbols_and_ids
from capture.replay.row_filter import US, Wanted
from capture.schemas import Table

_NEWEST = """
select * exclude (date) from instruments where ts < coalesce($end, 'infinity'::timestamptz)
  and date <= coalesce($end::timestamptz::date, 'infinity'::date)
qualify row_number() over (partition by instrument_id order by ts desc, seq desc, "row" desc) = 1
"""


@dataclass
class Job:
    """What is exported, and `losses`: what the output lacks, in words, with how many rows or values it concerns.

    `table`, `instruments` (None: all), `start`, `end` (UTC, `end` not included, None: no limit), `stream`, `recorder`
    and `columns` say which rows; `once`, `every`, `whole` and `unreported` are explained where rows are made of them,
    in `capture.export.source`. Without `restored`, rows that came from IB's history are left out. `min_coverage` is a
    share of 1.
    """

    lake: LakeReader
    table: Table
    instruments: Instruments | None = None
    start: datetime | None = None
    end: datetime | None = None
    stream: str | None = None
    recorder: str | None = None
    columns: Sequence[str] | None = None
    once: bool = False
    every: str | None = None
    whole: bool = False
    unreported: bool | None = None
    restored: bool = True
    min_coverage: float | None = None
    losses: Counter[str] = field(default_factory=Counter)
    whole_job: Self | None = field(default=None, repr=False)

    def lose(self, what: str, count: int) -> None:
        """Take down that so many rows or values could not be written as they are; nothing where there are none."""
        if count:
            self.losses[what] += int(count)

    def part(self, **changes: Any) -> Self:
        """Return a job for a part of this one: with its details, and its losses among those of this one."""
        return replace(self, whole_job=self.whole_job or self, **changes)

    @property
    def personal(self) -> frozenset[str]:
        """The columns of its table that say whose an account is: they are written where they are named."""
        return frozenset(self.table.schema.names) - frozenset(self.table.open_names)

    @property
    def what(self) -> str:
        """What is exported, as a word for names of files: trades, trades-every-1-minute."""
        return self.table.name if self.every is None else _slug(f"{self.table.name} every {self.every}")

    @property
    def wanted(self) -> Wanted:
        """Which rows of its table it is made of."""
        return Wanted((self.table,), None, self.instruments, (self.stream,) if self.stream else None,
                      (self.recorder,) if self.recorder else None, self.start, self.end)

    @property
    def where(self) -> str:
        """The SQL condition for these rows."""
        return self.wanted.where(self.table, self.start, self.end)

    @cached_property
    def near(self) -> LakeReader:
        """The lake as it is to be asked for rows of the job's time only: files of other dates are left alone."""
        return self.lake.within(self.start, self.end)

    @cached_property
    def extent(self) -> tuple[datetime, datetime]:
        """The times of the first and the last row. Raises QueryError where there is no row."""
        [(first, last)] = self.near.sql(f'select min(ts), max(ts) from "{self.table.name}" where {self.where}').rows()
        if first is None:
            raise QueryError(f"nothing was recorded of what is asked for{self._there()}")
        return first, last

    @property
    def span(self) -> tuple[datetime, datetime]:
        """The time of the rows, [from, to): that which was asked for, where that has an end, else as far as rows go.

        Raises QueryError where there is no row.
        """
        first, last = self.extent
        return self.start or first, self.end or last + US

    def _there(self) -> str:
        """Return which instruments a table does have, in words."""
        if "symbol" not in self.table.schema.names:
            return ""
        found = [symbol for (symbol,) in self.lake.sql(
            f'select distinct symbol from "{self.table.name}" where symbol is not null order by 1 limit 11').rows()]
        digits = next((f"; a contract id is named conid:{word}" for word in self.named if word.isdecimal()), "")
        there = f"; {self.table.name} has {', '.join(found[:10])}{' …' * (len(found) > 10)}" if found else ""
        return digits + there

    @cached_property
    def details(self) -> Mapping[int, Mapping[str, Any]]:
        """Contract details by contract id: a row of `instruments` each, the newest by the end of the export.

        What was recorded later counts where there is nothing older. Instruments whose details IB never sent are not in
        it. Those of a part are those of the whole.
        """
        if self.whole_job is not None:
            return self.whole_job.details
        rows = self.lake.sql(_NEWEST, {"end": None}).arrow().to_pylist()
        if self.end is not None:
            rows += self.lake.sql(_NEWEST, {"end": self.end}).arrow().to_pylist()
        return {row["instrument_id"]: row for row in rows}

    @property
    def ids(self) -> list[int]:
        """The contract ids that are named."""
        return [] if self.instruments is None else symbols_and_ids(self.instruments)[1]

    @cached_property
    def named(self) -> list[str]:
        """The symbols that are named."""
        return [] if self.instruments is None else symbols_and_ids(self.instruments)[0]

    @cached_property
    def symbols(self) -> list[str] | None:
        """The symbols that are meant, those of contract ids too; None for all."""
        if self.instruments is None:
            return None
        query = "select distinct symbol from subscriptions where list_contains($ids, instrument_id) and symbol not null"
        known = [symbol for (symbol,) in self.lake.sql(query, {"ids": self.ids}).rows()] if self.ids else []
        return list(dict.fromkeys((*self.named, *known)))


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")
