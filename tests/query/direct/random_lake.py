"""A lake whose files and tail are drawn at random: sealed days, live files, rows on the tape only, of two recorders."""

import random
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

import capture
from capture.lake.archive import write_sorted
from capture.lake.layout import EMPTY_DATE, Layout
from capture.lake.parquet_file import write_parquet
from capture.lake.sealed import seal_through
from capture.query.tail import Tail
from capture.query.tail_rows import TailRows
from capture.schemas import TABLES, Table

FIRST = date(2026, 1, 5)
DAYS = [FIRST + timedelta(number) for number in range(4)]
SEALED = DAYS[1]
SYMBOLS = {"AAPL": 265598, "MSFT": 272093, "É": 7, None: None}
RECORDERS = ("main", "other")
STREAMS = {"quotes": ("quotes", "history"), "trades": ("all_last", "last", "history")}
SAYING = ("subscriptions", "gaps")  # what was asked for, and what is missing of it
SESSION_US = 3_600_000_000  # from noon on


class RandomLake:
    """Rows of quotes and trades in files and in a tail; the same for the same seed."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.rng, self.layout, self.seqs = random.Random(seed), Layout(folder), dict.fromkeys(RECORDERS, 0)
        self.files: list[Path] = []
        tails: dict[str, Tail] = {}
        for name in (*STREAMS, *SAYING):
            for folder_of in (self.layout.live(name), self.layout.archive(name)):
                for day in folder_of.glob("date=*"):
                    if not day.name.endswith(EMPTY_DATE):
                        shutil.rmtree(day)
            seal_through(self.layout, name, SEALED)
            if name in SAYING and self.rng.random() < 0.3:
                continue
            for recorder in RECORDERS:
                tail = tails.setdefault(recorder, Tail(self.layout, recorder, mark=50))
                self._fill(TABLES[name], recorder, tail)
        self.lake = capture.open_lake(folder)
        self.lake._tails.update(tails)  # no tape is there from which they would be read anew
        self.heard_s = {recorder: DAYS[-1].toordinal() and self._moment([DAYS[-1]]).timestamp() for recorder in tails}
        self.lake._heard = lambda: self.heard_s  # type: ignore[method-assign]

    def _fill(self, table: Table, recorder: str, tail: Tail) -> None:
        for number, day in enumerate(DAYS):
            for mark in range(self.rng.randrange(3)):
                rows = self.rows(table, recorder, [day], self.rng.randrange(1, 40))
                first = number * 9 + mark
                if day <= SEALED:
                    path = self.layout.archive_file(table.name, str(day), recorder, first, first)
                else:
                    path = self.layout.live_file(table.name, str(day), recorder, first)
                self._write(table, rows, path, sort=day <= SEALED)
        for _ in range(self.rng.randrange(4)):
            rows = self.rows(table, recorder, DAYS[2:], self.rng.randrange(1, 40))
            tail._rows.setdefault(table.name, TailRows(table.name)).add(rows)

    def _write(self, table: Table, rows: pa.Table, path: Path, *, sort: bool) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        unsorted = path.with_suffix(".rows")
        write_parquet(table, rows, unsorted)
        write_sorted(table, [unsorted], path) if sort and self.rng.random() < 0.7 else unsorted.rename(path)
        unsorted.unlink(missing_ok=True)
        self.files.append(path)

    def rows(self, table: Table, recorder: str, days: list[date], count: int) -> pa.Table:
        """Return rows in the order of the tape, now and then of the same moment, with nulls where there may be any."""
        at = sorted(self._moment(days) for _ in range(count))
        return pa.Table.from_pylist([self._row(table, recorder, ts) for ts in at],
                                    schema=pa.schema([(c.name, c.type) for c in table.columns]))

    def _moment(self, days: list[date]) -> datetime:
        midnight = datetime.combine(self.rng.choice(days), datetime.min.time(), UTC)
        return midnight + timedelta(microseconds=12 * SESSION_US + self.rng.randrange(60) * 10_000_000)

    def _row(self, table: Table, recorder: str, ts: datetime) -> dict[str, Any]:
        if table.name in SAYING:
            return self._said(table, recorder, ts)
        rng = self.rng
        self.seqs[recorder] += rng.randrange(3) or 1
        symbol = rng.choice(list(SYMBOLS))
        stream = rng.choice(STREAMS[table.name])
        price = rng.choice((None, *(100 + rng.randrange(9) / 7 for _ in range(6))))
        return {
            "ts": ts, "seq": self.seqs[recorder], "row": 0, "recorder": recorder, "instrument_id": SYMBOLS[symbol],
            "symbol": symbol, "stream": stream, "request_id": 5,
            "origin": "backfill" if stream == "history" else "live",
            "ts_event": rng.choice((None, ts.replace(microsecond=0))), "price": price, "bid_price": price,
            "ask_price": rng.choice((None, 101.0)), "size": rng.choice((None, 1.0, 0.1, 100.0, 3.0)),
            "bid_size": rng.random(), "ask_size": 100.0, "exchange": rng.choice((None, "NASDAQ", "ARCA")),
            "conditions": None, "past_limit": False, "unreported": rng.random() < 0.2, "bid_past_low": False,
            "ask_past_high": False,
        }

    def _said(self, table: Table, recorder: str, ts: datetime) -> dict[str, Any]:
        """Return a row of `subscriptions`, or of `gaps`."""
        rng = self.rng
        self.seqs[recorder] += 1
        symbol = rng.choice(list(SYMBOLS))
        row = {"ts": ts, "seq": self.seqs[recorder], "row": 0, "recorder": recorder, "symbol": symbol,
               "instrument_id": SYMBOLS[symbol], "stream": rng.choice((*STREAMS["trades"], "quotes"))}
        if table.name == "subscriptions":
            return row | {"event": rng.choice(("requested", "requested", "acknowledged", "cancelled", "unwanted")),
                          "request_id": rng.choice((1, 2, 3))}
        since = ts - timedelta(seconds=rng.randrange(3_000), microseconds=rng.randrange(1_000_000))
        return row | {"gap_id": f"{recorder}-{rng.randrange(20)}", "from_ts": since,
                      "to_ts": rng.choice((None, ts, ts)),
                      "state": rng.choice(("open", "closed", "closed", "backfilled")),
                      "reason": "disconnected"}
