"""A recording that grows while it is played: what it answers is what SQL finds, whatever happened between two looks."""

import os
import random
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from capture import Lake, open_lake
from capture.gateway.recorded import Recording, store
from tests.replay.conftest import subscribe, write
from tests.replay.test_following import Scene

from .conftest import SECOND_US, rows

NEVER = frozenset[int]()
ASKED = ("trades", "quotes", "ticks", "depth")
DAY_ONE_US = int(datetime(2026, 1, 5, 12, tzinfo=UTC).timestamp()) * SECOND_US
Place = tuple[int, int]


class Growing:
    """A recording of a scene that goes on, and what streams of it brought so far."""

    def __init__(self, scene: Scene, lake: Lake) -> None:
        self.scene, self.lake = scene, lake
        self.recording = Recording(lake, grows=True)
        self.begin_us = self.reached_us = self.recording.end_us
        self.streamed: dict[tuple[str, int], list[pa.Table]] = {(table, con_id): [] for table in ASKED
                                                                for con_id in (1, 2)}  # fmt: skip

    def go_on(self) -> None:
        """Take in what came, and hand it out as to clients."""
        known_us = self.recording.grow()
        for (table, con_id), parts in self.streamed.items():
            parts.append(self.ask(table, con_id, self.reached_us, known_us))
        self.reached_us = known_us

    def ask(self, table: str, con_id: int, from_us: int, to_us: int) -> pa.Table:
        more: dict[str, tuple[Any, ...]] = {"ticks": (NEVER, False), "depth": (5, False)}
        return getattr(self.recording, table)(con_id, from_us, to_us, *more.get(table, ()))

    def stored(self, table: str, con_id: int, from_us: int, to_us: int, condition: str = "true") -> list[Place]:
        """The rows of the recorder that is played, in order, as SQL finds them."""
        return [(row["seq"], row["row"]) for row in rows(self.lake, f"""
            select seq, "row" from "{table}" where recorder = 'main' and instrument_id = {con_id} and {condition}
            and epoch_us(ts) >= {from_us} and epoch_us(ts) < {to_us} order by ts, seq, "row" """)]  # fmt: skip


def places(found: pa.Table) -> list[Place]:
    """The places of rows, without the resets of books, which are made."""
    return [(row["seq"], row["row"]) for row in found.select(["seq", "row"]).to_pylist() if row["row"] >= 0]


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """A lake of two recorders, each of which brought a trade; its clock is that of the recording."""
    scene = Scene(tmp_path / "data", random.Random(5))
    monkeypatch.setattr("time.time_ns", lambda: int(scene.now_s * 1e9))
    for name in ("fsync", "fdatasync"):  # no power is cut here
        monkeypatch.setattr(os, name, lambda descriptor: None)
    for tape in scene.tapes.values():
        tape.trade(10, 1.0).mark()
    scene.roll()
    with closing(scene):
        yield scene


@pytest.mark.slow
def test_every_row_is_streamed_once_and_found_again_whatever_happens_between_two_looks(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MOST_BYTES", 20_000)  # windows are dropped and read once more
    for _ in range(15):
        scene.step()
    with open_lake(scene.layout.root) as lake:
        growing = Growing(scene, lake)
        for _ in range(50):
            scene.step()
            for table, con_id in growing.streamed:  # a window is read while there is more than was told
                growing.ask(table, con_id, growing.reached_us - SECOND_US, growing.reached_us)
            if scene.chance.random() < 0.3:
                growing.go_on()
                table, con_id = scene.chance.choice(list(growing.streamed))
                from_us = growing.reached_us - scene.chance.randint(1, 40_000 * SECOND_US)
                to_us = growing.reached_us + scene.chance.choice([0, 60 * SECOND_US])
                found = places(growing.ask(table, con_id, from_us, to_us))
                assert found == growing.stored(table, con_id, from_us, growing.reached_us)
        growing.go_on()
        for (table, con_id), parts in growing.streamed.items():
            found = [place for part in parts for place in places(part)]
            assert found == growing.stored(table, con_id, growing.begin_us, growing.reached_us, "origin <> 'backfill'")
            everything = places(growing.ask(table, con_id, DAY_ONE_US, growing.reached_us))
            assert everything == growing.stored(table, con_id, DAY_ONE_US, growing.reached_us)
            assert len(found) > 3


def test_what_history_restores_is_in_answers_about_the_past(scene: Scene) -> None:
    with open_lake(scene.layout.root) as lake:
        growing = Growing(scene, lake)
        asked = "trades", 1, DAY_ONE_US, DAY_ONE_US + 60 * SECOND_US
        before = places(growing.ask(*asked))
        bars = growing.recording.bars(1, *asked[2:], 60, "TRADES", False, growing.reached_us)
        scene.late()
        assert places(growing.ask(*asked)) == before, "what was not told is not there"
        growing.go_on()
        after = places(growing.ask(*asked))
        assert len(after) == len(before) + 3 and after == growing.stored(*asked)
        more = growing.recording.bars(1, *asked[2:], 60, "TRADES", False, growing.reached_us)
        assert sum(more["trade_count"].to_pylist()) == sum(bars["trade_count"].to_pylist()) + 3


def test_an_instrument_that_is_asked_for_later_can_be_played_from_then_on(scene: Scene) -> None:
    with open_lake(scene.layout.root) as lake:
        recording = Recording(lake, grows=True)
        assert not recording.offers(3, "all_last") and not recording.find(recording.end_us, con_id=3)
        tape = scene.tapes["main"]
        tape.answer("contract_details", request_id=1, con_id=3, symbol="IBM", local_symbol="IBM", sec_type="STK",
                    exchange="SMART", valid_exchanges="SMART", currency="USD", min_tick=0.01)  # fmt: skip
        tape.ask(70, "req_tick_by_tick", con_id=3, symbol="IBM", tick_kind="AllLast")
        scene.now_s += 1
        tape.trade(70, 5.5)
        scene.now_s += 3
        recording.grow()
        assert recording.offers(3, "all_last")
        assert [one["symbol"] for one in recording.find(recording.end_us, con_id=3)] == ["IBM"]
        assert recording.trades(3, DAY_ONE_US, recording.end_us)["price"].to_pylist() == [5.5]


def test_rows_of_a_moment_that_may_bring_more_are_held_back(scene: Scene) -> None:
    with open_lake(scene.layout.root) as lake:
        recording = Recording(lake, grows=True)
        scene.now_s = float(int(scene.now_s) + 10)
        now_us = int(scene.now_s) * SECOND_US
        scene.tapes["main"].trade(10, 5.5)
        scene.tapes["second"].trade(10, 5.5)
        assert recording.grow() == now_us
        scene.tapes["main"].trade(10, 6.5)
        assert not len(recording.trades(1, now_us, now_us + SECOND_US))
        scene.now_s += 1
        assert recording.grow() == now_us + 1
        assert recording.trades(1, now_us, now_us + SECOND_US)["price"].to_pylist() == [5.5, 6.5]


def test_a_recorder_that_is_silent_is_waited_for_two_seconds(scene: Scene) -> None:
    with open_lake(scene.layout.root) as lake:
        recording = Recording(lake, grows=True)
        scene.now_s = float(int(scene.now_s) + 10)
        begin_us = int(scene.now_s) * SECOND_US
        for name in ("main", "second", "third"):
            if name in scene.tapes:
                scene.tapes[name].trade(10, 5.5)
        for _ in range(5):
            scene.now_s += 1
            scene.tapes["main"].trade(10, 6.5)
        assert recording.grow() == begin_us + 3 * SECOND_US
        alone = Recording(lake, "main", grows=True)
        assert alone.end_us == begin_us + 5 * SECOND_US


def test_live_rows_that_come_too_late_for_streams_are_said(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    with open_lake(scene.layout.root) as lake:
        recording = Recording(lake, grows=True)
        scene.now_s += 10
        scene.tapes["main"].trade(10, 5.5)
        now_s = scene.now_s
        scene.now_s += 5
        recording.grow()
        scene.now_s = now_s - 1
        scene.tapes["second"].trade(10, 7.5)
        recording.grow()
        assert "1 rows of trades came more than 2 s after those of other recorders" in caplog.text


def test_books_are_reset_where_the_recorder_began_them_anew(scene: Scene) -> None:
    with open_lake(scene.layout.root) as lake:
        growing = Growing(scene, lake)
        scene.now_s += 1
        scene.tapes["main"].again()
        scene.tapes["main"].open()
        subscribe(scene.tapes["main"])
        for _ in range(3):
            scene.now_s += 1
            growing.go_on()
        assert not any(len(part) for part in growing.streamed["depth", 1])
        while not any(len(part) for part in growing.streamed["depth", 1]):
            write(scene.tapes["main"], scene.chance)
            scene.now_s += 1
            growing.go_on()
        told = growing.streamed["depth", 1][-1]["operation"].to_pylist()
        assert told == ["reset", "insert"]
