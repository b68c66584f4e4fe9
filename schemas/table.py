"""One stored table: its columns, sort key and version, and the columns that tables share (D16)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from .columns import DELTA, Column, integer, text, time

if TYPE_CHECKING:
    import pyarrow as pa


class Subject(StrEnum):
    """What the rows of a table are about."""

    MARKET = "market"  # an instrument, as a stream brings it
    REFERENCE = "reference"  # an instrument, as IB describes it
    ACCOUNT = "account"  # an account of the user's, and its orders
    LINE = "line"  # the line to IB, and what was asked over it


@dataclass(frozen=True)
class Table:
    """A stored table, with all that others have to know of it.

    `version` grows by one with every change of its columns; files say theirs in metadata. `subject` is what its rows
    are about. `shown` are the columns that tell most of a row in a terminal's width. `state_key`: of what, beside
    recorder, instrument and stream, the last row is part of the state at a moment; None where rows are no state.
    `equal_by` are the columns by which a row of IB's history is the same as one that came live, given instrument and
    second; none where IB has no such history. `bars` names the research function that makes bars of its rows.
    `over_sql` is the moment by which what a live row tells was over by IB's time, as SQL that is null where IB gave
    none. A table that says what rows of others mean, and which are missing, is `kept_for_ever`.
    """

    name: str
    meaning: str
    columns: tuple[Column, ...]
    sort_key: tuple[str, ...]
    subject: Subject
    shown: tuple[str, ...]
    version: int = 1
    state_key: tuple[str, ...] | None = None
    equal_by: tuple[str, ...] = ()
    bars: str | None = None
    over_sql: str | None = None
    kept_for_ever: bool = False

    @property
    def schema(self) -> "pa.Schema":
        """The table's Arrow schema, in column order, with nullability and the version as metadata."""
        import pyarrow as pa  # late: a recorder needs no schema

        fields = [pa.field(c.name, c.type, nullable=c.nullable) for c in self.columns]
        return pa.schema(fields, metadata={"ticktape.table": self.name, "ticktape.version": str(self.version)})

    @property
    def open_names(self) -> list[str]:
        """The names of the columns that are not personal, in order."""
        return [column.name for column in self.columns if not column.personal]

    def column(self, name: str) -> Column:
        """Return a column by name. Raises KeyError when the table has none of that name."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"table {self.name} has no column {name}")


# A row's place: `(recorder, seq, row)` names it, `(ts, recorder, seq, row)` orders it (D9).
PLACE = (
    time("ts", "the row's place in time: when it was received, or for backfilled rows IB's own event time"),
    Column("seq", "int64", "number of the received frame on its recorder's tape, from the first frame on, across "
           "restarts; for what did not arrive as a frame, the number of the last frame before it", encoding=DELTA),
    integer("row", "place of the row within its frame: 0 but for frames that carry several rows; rows that did not "
            "arrive as a frame count up from 1,000,000,000 after each frame"),
    text("recorder", "name of the recorder whose tape holds the frame"),
)

# Whose data a row is. Nullable in tables whose rows may concern the whole line rather than one instrument.
INSTRUMENT = (
    Column("instrument_id", "int64", "IB's contract id (conId)", null="the request named no contract id"),
    text("symbol", "IB's local symbol (AAPL, ESZ6, EUR.USD); of bonds the CUSIP", null="the request named none"),
)

# What a row of market data answers to (D11).
PROVENANCE = (
    text("stream", "the subscription it came from: all_last, last, quotes, midpoints, ticks, depth, smart_depth, bars, "
         "live_bars, snapshot, history, reference; a word per kind of request, so that "
         "sampled and tick-by-tick data never mix unseen",
         null="the request is not on the tape"),
    integer("request_id", "IB request id; new for every subscription within a session", null="never"),
    text("origin", "live, delayed, frozen or delayed_frozen as IB says it; backfill for rows from IB's history"),
)

MARKET = (*PLACE, *INSTRUMENT, *PROVENANCE)
MARKET_SORT_KEY = ("symbol", "ts", "seq", "row")
SYSTEM_SORT_KEY = ("ts", "seq", "row")
EVENT_TIME = time("ts_event", "IB's own time of the event; tick-by-tick times are whole seconds", "IB sent no time")
