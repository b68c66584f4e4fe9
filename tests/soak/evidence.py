"""What a lake holds after days of recording, compared with what was sent, withheld and produced."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from capture.decode.restore import KEYS
from capture.gateway.market import Market
from capture.gateway.market.instruments import INSTRUMENTS
from capture.lake.layout import Layout
from capture.lake.proof.verify import Finding, Verifier

from .books import HOUR_US, Books, Key, Name
from .tally import CONTENT, Tally

Spans = list[tuple[int, int]]

SECOND_US = 1_000_000
FIVE_SECONDS, BAR_US = "5 secs", 5 * SECOND_US
# What is no row of the live stream: the bars before live ones, and that a book was emptied (317).
LEFT_OUT = {"bars": ("form", "history"), "depth": ("operation", "reset")}
# Streams that history can restore to the last row, and what of the market they are.
WHOLE = {"all_last": "trades", "last": "trades", "quotes": "quotes", "midpoints": "midpoints", "bars": "bars"}


def stored(layout: Layout) -> dict[Key, Tally]:
    """Return what the files hold of each live stream."""
    found: defaultdict[Key, Tally] = defaultdict(Tally)
    for table, columns in CONTENT.items():
        for rows in _files(layout, table, columns):
            live = rows.filter(pc.not_equal(rows["origin"], "backfill"))
            if table in LEFT_OUT:
                name, value = LEFT_OUT[table]
                live = live.filter(pc.not_equal(live[name], value))
            for stream, con_id, part in _parts(live):
                found[Key(table, stream, con_id)].add(part, columns)
    return found


def last_rows(layout: Layout, table: str) -> list[dict[str, Any]]:
    """Return all rows of a small table, in the order of arrival."""
    parts = [pq.read_table(path, partitioning=None) for path in sorted(layout.live(table).glob("date=2*/*.parquet"))]
    rows: list[dict[str, Any]] = []
    if parts:
        rows = pa.concat_tables(parts).sort_by([("seq", "ascending"), ("row", "ascending")]).to_pylist()
    return rows


def gaps(layout: Layout) -> list[dict[str, Any]]:
    """Return every gap as it stands at the end."""
    return list({row["gap_id"]: row for row in last_rows(layout, "gaps")}.values())


def unreported(books: Books, found: list[dict[str, Any]]) -> Counter[tuple[str, int, str]]:
    """Return how many rows were withheld outside the gaps, by stream, instrument and fault.

    A stall while the market is closed counts as what it seems: of an option there are sampled rows then, too.
    """
    spans: defaultdict[Name, Spans] = defaultdict(list)
    for gap in found:
        to_us = _micros(gap["to_ts"]) if gap["to_ts"] is not None else 1 << 62
        spans[Name(gap["stream"], gap["instrument_id"])].append((_micros(gap["from_ts"]), to_us))
    lost: Counter[tuple[str, int, str]] = Counter()
    with books.path.open() as file:
        for line in file:
            (_, stream, con_id), reason, times = json.loads(line)
            moments = np.array(times)
            if reason == "stall":
                moments = moments[INSTRUMENTS[con_id].session.is_open(moments // SECOND_US)]
            lost[stream, con_id, reason] += _outside(moments, sorted(spans[Name(stream, con_id)]))
    return +lost


def incomplete(
    layout: Layout, market: Market, books: Books, found: list[dict[str, Any]], until_us: dict[Name, int]
) -> dict[Name, tuple[Tally, Tally]]:
    """Return the streams whose rows, live and from history, are not those of the market: what is stored, and produced.

    A stream is looked at from its first whole second up to the first gap that is still open.
    """
    spans = {}
    for name in books.first:
        if name.stream in WHOLE:
            open_us = [_micros(gap["from_ts"]) for gap in found
                       if Name(gap["stream"], gap["instrument_id"]) == name and gap["state"] != "backfilled"]
            first_us = -(-books.since_us[name] // BAR_US) * BAR_US + BAR_US
            spans[name] = first_us, min([until_us[name], *open_us]) // BAR_US * BAR_US - BAR_US
    there = _held(layout, spans)
    wanted = {name: _produced(market, name, *span) for name, span in spans.items()}
    return {name: (there[name], wanted[name]) for name in spans if there[name] != wanted[name]}


def findings(layout: Layout) -> list[Finding]:
    """Return what `verify` finds."""
    verifier = Verifier(layout, "main")
    for _ in verifier.ranges():
        pass
    return verifier.findings


def _held(layout: Layout, spans: dict[Name, tuple[int, int]]) -> dict[Name, Tally]:
    found: dict[Name, Tally] = {name: Tally() for name in spans}
    for table in KEYS:
        names = [name for name in spans if WHOLE[name.stream] == table]
        for rows in _files(layout, table, [*KEYS[table], *(["form"] if table == "bars" else [])]):
            for name in names:
                found[name].add(_of(rows, name, *spans[name]), list(KEYS[table]))
    return found


def _of(rows: pa.Table, name: Name, from_us: int, to_us: int) -> pa.Table:
    """Return the rows of a stream's instrument in a span, live ones of that stream and those from history."""
    mine = rows.filter(pc.and_(pc.equal(rows["instrument_id"], name.con_id),
                               pc.or_(pc.equal(rows["stream"], name.stream), pc.equal(rows["origin"], "backfill"))))
    times = mine["ts_event"].cast(pa.int64()).to_numpy()
    mine = mine.filter(pa.array((times >= from_us) & (times < to_us)))
    if name.stream == "last":  # history has the trades that only AllLast brings, too
        mine = mine.filter(pc.invert(mine["unreported"]))
    return mine.filter(pc.equal(mine["bar_size"], FIVE_SECONDS)) if name.stream == "bars" else mine


def _produced(market: Market, name: Name, from_us: int, to_us: int) -> Tally:
    table = WHOLE[name.stream]
    found = Tally()
    for start_us in range(from_us, to_us, HOUR_US):
        end_us = min(start_us + HOUR_US, to_us)
        if table == "bars":
            rows = market.bars(name.con_id, start_us, end_us, 5, "TRADES")
            rows = rows.drop_columns([c for c in ("bar_size", "regular_hours") if c in rows.column_names])
            rows = rows.append_column("bar_size", pa.array([FIVE_SECONDS] * len(rows), pa.string()))
            rows = rows.append_column("regular_hours", pa.array([False] * len(rows)))
        else:
            rows = getattr(market, table)(name.con_id, start_us, end_us)
        if name.stream == "last":
            rows = rows.filter(pc.invert(rows["unreported"]))
        found.add(rows, list(KEYS[table]))
    return found


def _files(layout: Layout, table: str, columns: list[str]) -> Iterator[pa.Table]:
    names = dict.fromkeys(["stream", "instrument_id", "origin", *columns])
    for path in sorted(layout.live(table).glob("date=2*/*.parquet")):
        yield pq.read_table(path, columns=list(names), partitioning=None)


def _parts(rows: pa.Table) -> Iterator[tuple[str, int, pa.Table]]:
    for pair in rows.group_by(["stream", "instrument_id"]).aggregate([]).to_pylist():
        mine = pc.and_(pc.equal(rows["stream"], pair["stream"]), pc.equal(rows["instrument_id"], pair["instrument_id"]))
        yield pair["stream"], pair["instrument_id"], rows.filter(mine)


def _outside(times: npt.NDArray[np.int64], spans: Spans) -> int:
    inside = np.zeros(len(times), np.bool_)
    for from_us, to_us in spans:
        inside |= (times >= from_us) & (times <= to_us)
    return int((~inside).sum())


def _micros(moment: Any) -> int:
    return round(float(moment.timestamp()) * 1e6)
