"""Streams that live on after a code taken for their end, end to end: rows keep their names, and nothing is doubled."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from capture.decode.restore import nothing_stored
from capture.lake.layout import Rolled
from capture.lake.ranges import Range, Ranges
from capture.recorder.recorder import Recorder
from capture.session.subscriptions import Life
from capture.wanted.settings import Settings
from tests import virtual_time

START_US = int(datetime(2026, 11, 18, 15, tzinfo=UTC).timestamp() * 1e6)
CODES = {"AAA": 10091, "BBB": 10089, "CCC": 354, "DDD": 399, "EEE": 10168, "FFF": 99_999}
LASTS_S = 205  # as long as it took until rows lost their names


class Session:
    """A recorder in virtual time against a gateway that answers each request with a code, and then with rows."""

    def __init__(self, gateway: Any, settings: Settings) -> None:
        self.gateway, self.settings = gateway, settings
        self.words: list[str] = []
        gateway.contracts = {word: [self.details(word, number)] for number, word in enumerate(CODES, 1)}
        gateway.react = self.react

    def details(self, word: str, con_id: int) -> dict[str, Any]:
        known: dict[str, Any] = self.gateway.contracts["AAPL"][0]
        return {**known, "symbol": word, "local_symbol": word, "con_id": con_id}

    def react(self, request: Any) -> list[tuple[str, dict[str, Any]]]:
        if request.name == "req_current_time":
            return [("current_time", {"time": 1})]
        if request.name != "req_market_data":
            return []
        request_id = request.values["request_id"]
        return [("error", {"request_id": request_id, "code": CODES[request.values["symbol"]], "message": "see there"})]

    async def tick(self, every_s: float) -> None:
        while True:
            await asyncio.sleep(every_s)
            for request in self.gateway.named("req_market_data"):
                self.gateway.send("tick_size", request_id=request.values["request_id"], tick_type=0, size=1)

    async def run(self, every_s: float, also: Any = None) -> Recorder:
        await self.gateway.open()
        own = self.settings.model_copy(update={"port": self.gateway.port})
        recorder = Recorder(own, say=lambda level, text: self.words.append(f"{level}: {text}"), roll=False)
        running = asyncio.create_task(recorder.run())
        ticking = asyncio.create_task(self.tick(every_s))
        await asyncio.sleep(LASTS_S)
        if also:
            await also()
        self.lives = [subscription.life for subscription in recorder.machine.subscriptions.all]
        recorder.stop("enough")
        self.exit_code = await running
        ticking.cancel()
        await self.gateway.close()
        return recorder

    def ranges(self) -> list[Range]:
        return list(Ranges(self.settings.tape_root / self.settings.recorder, Rolled(1), nothing_stored))

    def rows(self, table: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for decoded in self.ranges():
            found += decoded.tables[table].to_pylist() if table in decoded.tables else []
        return found


@pytest.fixture
def session(gateway: Any, settings: Any) -> Session:
    own = settings(instruments=list(CODES), streams=["ticks"], data_type="delayed", roll_interval_s=5)
    return Session(gateway, own)


def test_rows_after_a_code_flow_once_under_their_names_for_ever(session: Session) -> None:
    virtual_time.run(session.run(1.0), START_US)
    assert session.exit_code == 0
    assert session.lives == [Life.FLOWING] * len(CODES)
    assert len(session.gateway.named("req_market_data")) == len(CODES), "nothing is asked for twice"
    ticks = session.rows("ticks")
    counts = Counter((row["symbol"], row["stream"], row["instrument_id"]) for row in ticks)
    assert set(counts) == {(word, "ticks", number) for number, word in enumerate(CODES, 1)}
    assert max(counts.values()) <= LASTS_S, "once each"
    assert min(counts.values()) >= LASTS_S - 10
    assert all(decoded.is_whole for decoded in session.ranges())
    assert not [row for row in session.rows("gaps") if row["code"]]
    assert {row["code"]: row["kind"] for row in session.rows("notices") if row["code"]} == dict.fromkeys(
        CODES.values(), "doubtful")
    assert not [words for words in session.words if "data_type" in words]


def test_a_flood_of_errors_is_a_few_lines_and_all_of_it_is_stored(session: Session) -> None:
    async def flood() -> None:
        for _ in range(50):
            for number in range(40):
                session.gateway.send("error", request_id=900 + number, code=321, message="Error validating request")
                session.gateway.send("error", request_id=-1, code=321, message="Error validating request")
            await asyncio.sleep(0.1)

    before = len(CODES) + 5
    virtual_time.run(session.run(1.0, flood), START_US)
    assert len(session.words) <= before + 2
    assert sum(row["code"] == 321 for row in session.rows("notices")) == 4_000
