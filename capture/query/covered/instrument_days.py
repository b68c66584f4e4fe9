"""Days of instruments: as all rows of a lake give them, or from what is kept and rows of dates that changed since."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from capture.lake.local_days import SCHEMA, local_days_sql, merged, zones_of
from capture.times import DAY

SpanS = tuple[float | None, float | None]  # [from, to) in seconds since 1970, None for no limit


@dataclass(frozen=True, slots=True)
class InstrumentDays:
    """Gives days of a table of market data, as `capture.lake.local_days` describes them.

    `ask` returns the rows of an SQL query with parameters over a table, of some UTC dates, None for all. `kept` returns
    what is kept of the days of a table, and the dates that changed since; without it all is made of rows.
    """

    ask: Callable[[str, Mapping[str, Any], str, set[date] | None], pa.Table]
    kept: Callable[[str], tuple[pa.Table, set[date]]] | None = None

    def of(
        self, table: str, instruments: Collection[int] | None, zones: Mapping[int, str], span_s: SpanS
    ) -> list[dict[str, Any]]:
        """Return the days of some instruments, None for all, given their time zones, by rows of a span's dates."""
        first, last = (None if at_s is None else datetime.fromtimestamp(at_s, UTC).date() for at_s in span_s)
        limits = [among(instruments), *([f"date >= date '{first}'"] if first else []),
                  *([f"date <= date '{last}'"] if last else [])]  # fmt: skip

        def ask(where: str, dates: set[date] | None) -> pa.Table:
            named = ", ".join(f"date '{day}'" for day in sorted(dates or ()))
            conditions = [where, *limits, *([] if dates is None else [f"date in ({named})"])]
            query = local_days_sql(table, table, " and ".join(conditions))
            return self.ask(query, zones_of(zones), table, dates).cast(SCHEMA)

        if self.kept is None:
            return ask("true", None).to_pylist()  # type: ignore[no-any-return]
        kept, changed = self.kept(table)
        # Of a day that touches a date beyond the limits only some rows count.
        kept = kept.filter(_whole(kept, instruments, first, last))
        changed |= {day for day in (first and first - DAY, last and last + DAY) if day}
        return merged(kept, changed, zones, ask).to_pylist()  # type: ignore[no-any-return]


def among(instruments: Collection[int] | None) -> str:
    """Return the condition for some instruments; as constants, by which parts of files are left out."""
    if instruments is None:
        return "instrument_id is not null"
    return f"instrument_id in ({', '.join(map(str, sorted(instruments))) or 'null'})"


def _whole(
    days: pa.Table, instruments: Collection[int] | None, first: date | None, last: date | None
) -> pa.ChunkedArray:
    """Return for each day whether it is of some instruments and lies within limits, both included."""
    wanted = pc.is_valid(days["instrument_id"])
    if instruments is not None:
        wanted = pc.is_in(days["instrument_id"], pa.array(sorted(instruments), pa.int64()))
    if first is not None:
        wanted = pc.and_(wanted, pc.greater_equal(days["first_date"], pa.scalar(first)))
    return wanted if last is None else pc.and_(wanted, pc.less_equal(days["last_date"], pa.scalar(last)))
