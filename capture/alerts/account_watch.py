"""Watches accounts for alerts: the ends of all tapes, milliseconds after they were written, and how accounts stand."""

import logging
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb

from capture.lake.layout import LakeMissingError, LakeStateError, Layout
from capture.query.answer import QueryError
from capture.query.lake_reader import LakeReader, open_reader
from capture.tape import TapeError
from capture.trouble import Trouble
from capture.trouble_kinds import GROUPS, KINDS
from capture.wanted.alert_block import AlertBlock

from .account_news import ACCOUNT_TABLES, KEPT_TAGS, AccountBook, OrderBook, fill
from .news_tail import News, NewsTail

ACCOUNT_KINDS = GROUPS["account"]
_NEWEST = """
select * from "{table}" where date >= current_date - 3 and {of}
qualify row_number() over (partition by account, model_code, {key} order by ts desc, seq desc, "row" desc) = 1
"""
# Of each table that says how an account stands: which rows, and of what each is the newest.
_STANDING = {
    "positions": ("true", "instrument_id"), "portfolio": ("true", "instrument_id"),
    "pnl": ("instrument_id is null and ts >= now() - interval 1 day", "recorder"),
    "account_values": (f"tag in {KEPT_TAGS} and segment is null", "tag, currency")}  # fmt: skip

log = logging.getLogger("ticktape.alerts")


class AccountWatch:
    """Watches the accounts of a data folder, from `places` on: they say for each recorder how far its tape is known.

    `kinds` are those that are wanted: for news alone it need not be known how accounts stand.
    """

    def __init__(self, data: Path, places: Mapping[str, Any], kinds: Collection[str] = KINDS) -> None:
        self._layout = Layout(data)
        self._places = {name: (int(mark), int(seq)) for name, (mark, seq) in places.items()}
        self._tails: dict[str, NewsTail] = {}
        self._book, self._orders, self._lock = AccountBook(), OrderBook(), Lock()
        self._faults: set[str] = set()
        self._stood = not any(KINDS[kind].threshold for kind in ACCOUNT_KINDS.intersection(kinds))

    def find_tapes(self) -> None:
        """Take in recorders that are new, and once how accounts stand: what may take long is done here."""
        self._stood = self._stood or self._take_standing()
        for name in self._layout.recorders():
            if name not in self._tails:
                self._tails[name] = NewsTail(self._layout, name, self._places.get(name))

    def poll(self) -> list[Trouble]:
        """Return what happened since; most often nothing, and then soon."""
        return [one for tail in list(self._tails.values()) for news in self._read(tail) if (one := self._news(news))]

    @property
    def places(self) -> dict[str, tuple[int, int]]:
        """How far the tape of each recorder is known."""
        return self._places | {name: tail.place for name, tail in list(self._tails.items()) if tail.place}

    def troubles(self, block: AlertBlock) -> list[Trouble]:
        """Return what is beyond the limits of an alert."""
        with self._lock:
            return list(self._book.troubles(block))

    def _read(self, tail: NewsTail) -> list[News]:
        try:
            return tail.poll()
        except (TapeError, LakeStateError) as error:
            self._say(f"the tape of {tail.recorder} cannot be followed: {error}")
            if tail.place:
                self._places[tail.recorder] = tail.place
            del self._tails[tail.recorder]
            return []

    def _news(self, news: News) -> Trouble | None:
        if news.table == "executions":
            return fill(news.row, news.ts_us)
        if news.table == "orders":
            return self._orders.rejection(news.row, news.ts_us)
        if news.table in ACCOUNT_TABLES:
            with self._lock:
                self._book.take(news.table, news.row)
        return None

    def _take_standing(self) -> bool:
        """Take in the newest rows of the lake; False where it cannot be asked yet."""
        try:
            with open_reader(self._layout.root, LakeReader) as lake, self._lock:
                for table, row in _standing(lake):
                    self._book.take(table, row)
        except LakeMissingError:
            return False
        except (OSError, QueryError, TapeError, duckdb.Error) as error:
            self._say(f"how accounts stand cannot be asked: {error}")
            return False
        return True

    def _say(self, text: str) -> None:
        """Say what is wrong, once."""
        if text not in self._faults:
            log.warning("%s; it is tried again", text)
        self._faults.add(text)


def _standing(lake: LakeReader) -> Iterator[tuple[str, dict[str, Any]]]:
    for table, (of, key) in _STANDING.items():
        for row in lake.sql(_NEWEST.format(table=table, of=of, key=key)).arrow().to_pylist():
            yield table, row
