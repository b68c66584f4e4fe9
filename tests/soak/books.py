"""What a gateway sent and withheld over days, kept as counts and sums; moments go to a file."""

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from capture.gateway import Gateway
from capture.gateway.shared_state import Peer
from capture.gateway.subscription import Subscription

from .tally import CONTENT, Tally

BOOKS = ("depth", "smart_depth")
SAMPLED = ("ticks", "greeks")  # tables whose rows depend on when they were asked for
FAMILIES = ("tick_by_tick", "market_data", "market_depth", "real_time_bars", "historical_data")
HOUR_US = 3_600_000_000


class Key(NamedTuple):
    """A stream of an instrument, and the table it fills."""

    table: str
    stream: str
    con_id: int


class Name(NamedTuple):
    """A stream of an instrument."""

    stream: str
    con_id: int


class Books:
    """Keeps account of one gateway; `settle` now and then, so that memory stays small.

    `sent` is all that was sent, `begun` the part of it that begins books, which no stretch of the market has,
    `withheld` what was not sent meanwhile. `since_us` is when each stream first flowed, `first` its subscription then.
    """

    def __init__(self, folder: Path) -> None:
        self.sent: defaultdict[Key, Tally] = defaultdict(Tally)
        self.begun: defaultdict[Key, Tally] = defaultdict(Tally)
        self.withheld: defaultdict[Key, Tally] = defaultdict(Tally)
        self.reasons: Counter[str] = Counter()
        self.first: dict[Name, Subscription] = {}
        self.since_us: dict[Name, int] = {}
        self.path = folder / "withheld.jsonl"
        self.gateway: Gateway
        self._waiting: defaultdict[Key, list[pa.Table]] = defaultdict(list)
        self._books_since: dict[Key, int | None] = {}

    def take(self, client_id: int, request_id: int, stream: str, table: str, rows: pa.Table) -> None:
        """Be the gateway's `on_rows`."""
        if stream == "history":
            return
        client = self.gateway.state.client(client_id)
        assert client is not None
        subscription = subscription_of(client, request_id, stream)
        key = Key(table, stream, subscription.details["con_id"])
        self._waiting[key].append(rows)
        if stream in BOOKS and self._books_since.get(key) != subscription.since_us:
            self._books_since[key] = subscription.since_us
            self.begun[key].add(beginning(rows, subscription.since_us or 0), CONTENT[table])

    def begin(self) -> None:
        """Take note of when the streams began that flow by now for the first time."""
        for client in self.gateway.state.clients:
            for one in client.subscriptions.values():
                name = Name(one.stream, one.details["con_id"])
                if one.since_us is not None and name not in self.first:
                    self.since_us[name], self.first[name] = one.since_us, one

    def settle(self) -> None:
        """Count what was sent and withheld since."""
        waiting, self._waiting = self._waiting, defaultdict(list)
        for key, parts in waiting.items():
            self.sent[key].add(pa.concat_tables(parts, promote_options="default"), CONTENT[key.table])
        with self.path.open("a") as file:
            for one in self.gateway.state.ledger.settle():
                for table, rows in one.rows():
                    key = Key(table, one.subscription.stream, one.subscription.details["con_id"])
                    self.withheld[key].add(rows, CONTENT[table])
                    self.reasons[one.reason] += len(rows)
                    if len(rows):
                        file.write(json.dumps([key, one.reason, micros(rows)]) + "\n")

    def accounted(self, key: Key) -> Tally:
        """Return the rows of the market that were sent or withheld."""
        both, begun = self.sent[key] + self.withheld[key], self.begun[key]
        return both + Tally(-begun.count, -begun.total)

    def produced(self, until_us: dict[Name, int]) -> dict[Key, Tally]:
        """Return what the market produced of each stream since it began, of those of which it does not matter when."""
        found: defaultdict[Key, Tally] = defaultdict(Tally)
        for name, one in self.first.items():
            for from_us in range(self.since_us[name], until_us[name], HOUR_US):
                for table, rows in one.fetch(from_us, min(from_us + HOUR_US, until_us[name]), False):
                    if table not in SAMPLED:
                        found[Key(table, *name)].add(rows, CONTENT[table])
        return found


def subscription_of(client: Peer, request_id: int, stream: str) -> Subscription:
    """Return the subscription that a request id stands for."""
    found = (client.subscriptions.get((family, request_id)) for family in FAMILIES)
    return next(one for one in found if one is not None and one.stream == stream)


def beginning(rows: pa.Table, since_us: int) -> pa.Table:
    """Return the rows at the head that give a book as it stood when it began, none where they are not there."""
    gives = pc.and_(pc.equal(rows["ts"].cast(pa.int64()), since_us), pc.equal(rows["operation"], "insert"))
    others = np.flatnonzero(~gives.to_numpy())
    return rows.slice(0, int(others[0]) if len(others) else len(rows))


def micros(rows: pa.Table) -> list[int]:
    """Return when rows came, or should have."""
    found: list[int] = rows["ts"].cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_pylist()
    return found
