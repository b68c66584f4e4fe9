"""Level 1 as a state: after every tick, and as of a moment, against a dict that is kept tick by tick."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

import capture
from capture.functions.level1 import _SAID as SAID
from capture.wire.messages.ticktypes import LIVE_OF_DELAYED, SIZE_OF_PRICE, TICK_TYPES

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
MS = timedelta(milliseconds=1)
COLUMNS = list(SAID)
PRICES = [1, 2, 4, 6, 7, 9, 14, 37, 66, 67, 68, 75]
SIZES = [0, 3, 5, 8, 69, 70, 71, 74, 22]
COLUMN_OF = {number: column for column, (number, _, _) in SAID.items()}

State = dict[str, float | None]


class Kept:
    """A tape with level 1 on it, a millisecond for each message, and what a client makes of it."""

    def __init__(self, kind: Any, data: Any) -> None:
        self.at = NOON
        self.script = kind(data, now=lambda: int(self.at.timestamp() * 1e6) * 1000)
        self.script.open().ask(3, "req_market_data")
        self.state: State = {}
        self.rows: list[tuple[datetime, str, State]] = []

    def begin(self) -> None:
        self.script.close("dropped").open().ask(3, "req_market_data")
        self.state = {}

    def say(self, name: str, tick_type: int, values: dict[str, Any], said: State) -> None:
        self.at += MS
        self.script.answer(name, request_id=3, tick_type=tick_type, **values)
        self.state = self.state | said
        whole: State = dict.fromkeys(COLUMNS) | self.state
        self.rows.append((self.at, TICK_TYPES[tick_type].name, whole))

    def price(self, tick_type: int, price: float, size: float) -> None:
        live = LIVE_OF_DELAYED.get(tick_type, tick_type)
        paired = tick_type in SIZE_OF_PRICE
        none = (price in (-1, 0) and size <= 0) if paired else price == -1
        said: State = {COLUMN_OF[live]: None if none else price} if live in COLUMN_OF else {}
        if live in SIZE_OF_PRICE and (none or size != -1):
            said[COLUMN_OF[SIZE_OF_PRICE[live]]] = None if size == -1 else size
        self.say("tick_price", tick_type, {"price": price, "size": size, "mask": 0}, said)

    def size(self, tick_type: int, size: float) -> None:
        live = LIVE_OF_DELAYED.get(tick_type, tick_type)
        said: State = {COLUMN_OF[live]: None if size == -1 else size} if live in COLUMN_OF else {}
        self.say("tick_size", tick_type, {"size": size}, said)

    def random(self, random: Random, count: int) -> None:
        for _ in range(count):
            if random.random() < 0.6:
                pairs = [(100.5, 3), (101, 0), (-1, 0), (0, 0), (-1, 7), (-1, -1), (5, -1)]
                self.price(random.choice(PRICES), *random.choice(pairs))
            else:
                self.size(random.choice(SIZES), random.choice([0, 4, 500, -1]))


@pytest.fixture
def kept(script: Any) -> Iterator[Kept]:
    """Three hundred ticks by three requests; the second began with a new session, the third while there was another."""
    made = Kept(type(script), script.data.parent / "kept")
    random = Random(2)
    made.random(random, 100)
    made.begin()
    made.random(random, 100)
    made.at += MS
    made.begin()
    made.random(random, 100)
    yield made
    made.script.writer.close()


def found(rows: list[dict[str, Any]]) -> list[tuple[datetime, str, State]]:
    return [(row["ts"], row["tick_name"], {name: row[name] for name in COLUMNS}) for row in rows]


def test_the_state_after_each_tick_is_what_a_client_keeps(kept: Kept) -> None:
    with capture.open_lake(kept.script.data) as lake:
        whole = lake.sql("from level1('AAPL', null, null)").arrow().to_pylist()
        assert found(whole) == kept.rows
        assert {row["origin"] for row in whole} == {"live", "delayed"}
        assert [row["seq"] for row in whole] == sorted(row["seq"] for row in whole)
        for begin, end in ((50, 60), (100, 103), (150, 290)):
            times = NOON + begin * MS, NOON + end * MS
            part = lake.sql("from level1('AAPL', $1, $2)", list(times)).arrow().to_pylist()
            assert found(part) == [row for row in kept.rows if times[0] <= row[0] < times[1]]
        assert lake.sql("from level1('MSFT', null, null)").rows() == []
        assert lake.sql("from level1('AAPL', null, null, recorded_by := 'other')").rows() == []


def test_the_state_as_of_a_moment_is_that_of_the_last_tick(kept: Kept) -> None:
    with capture.open_lake(kept.script.data) as lake:
        assert lake.sql("from level1_at('AAPL', $1)", [kept.rows[99][0]]).rows() == []
        for number in (0, 40, 98, 100, 101, 199, 250, 299):
            ts, _, state = kept.rows[number]
            (row,) = lake.sql("from level1_at('AAPL', $1)", [ts + MS / 2]).arrow().to_pylist()
            assert {name: row[name] for name in COLUMNS} == state, number
            assert row["updated_ts"] == ts
            assert row["age_s"] == pytest.approx(0.0005, abs=1e-6)
            assert row["stale"] is (number == 199), number
        assert lake.sql("from level1_at('AAPL', $1)", [NOON]).rows() == []


def test_what_was_known_before_a_gap_does_not_count_after_it(script: Any) -> None:
    made = Kept(type(script), script.data.parent / "lost")
    made.price(1, 100, 5)
    made.price(2, 101, 6)
    made.script.answer("error", request_id=-1, code=1100, message="lost")
    made.at += 10 * MS
    with capture.open_lake(made.script.data) as lake:
        (row,) = lake.sql("from level1_at('AAPL', $1)", [made.at]).arrow().to_pylist()
        assert (row["bid_price"], row["ask_price"], row["stale"]) == (100, 101, True)
        made.price(2, 102, 7)
        (row,) = lake.sql("from level1_at('AAPL', $1)", [made.at]).arrow().to_pylist()
        assert (row["bid_price"], row["ask_price"], row["stale"]) == (None, 102, False)
        last = lake.sql("from level1('AAPL', null, null)").arrow().to_pylist()[-1]
        assert (last["bid_price"], last["ask_price"], last["ask_size"]) == (None, 102, 7)
    made.script.writer.close()
