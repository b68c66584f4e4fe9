"""A recorder and its roller killed at random moments under load: nothing read from the socket is lost or doubled.

Real processes, killed by SIGKILL. Between gateway and recorder lies a proxy that keeps what it forwarded. After every
restart `verify` has to be clean, before the recorder is let on. `KILLS` says how many kills, `KILLS_SEED` which ones.
"""

import asyncio
import os
import random
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from capture import open_lake
from capture.decode.restore import KEYS
from capture.gateway.market import Market
from capture.lake.process_lock import roller_lock
from capture.schemas import TABLES
from capture.tape.recording_lock import recording_lock

from .kills.evidence import Evidence, place
from .kills.process import gateway, processes_of
from .kills.scene import DEADLINE_S, Recording, Scene, recording_in

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

KILLS = int(os.environ.get("KILLS", "12"))
SEED = int(os.environ.get("KILLS_SEED", "20261122"))
MOST_IN_A_LAKE = 10  # verifying after each kill reads the whole lake
MOST_IN_HISTORY = 5  # IB allows 60 requests in 10 minutes, and so does the recorder
LOADED_AT_ONCE = 2
ONE_READ_BYTES = 256 << 10  # what asyncio reads at once
AAPL = 265598
LOAD: dict[str, Any] = {"instruments": ["AAPL", "ESZ6"], "streams": "trades,quotes,depth:5"}
LOAD_RATE, QUIET_RATE = 40.0, 4.0  # about 4,000 rows/s; and as much as history can bring back within IB's limits
QUIET: dict[str, Any] = {"instruments": ["AAPL"], "streams": "trades,quotes"}


def shares(kills: int, most: int) -> list[int]:
    """Return kills for each of as many lakes as it takes."""
    lakes = -(-kills // most)
    return [kills // lakes + (number < kills % lakes) for number in range(lakes)]


IN_HISTORY = max(KILLS // 10, 3)
LAKES = {
    **{f"history {number}": share for number, share in enumerate(shares(IN_HISTORY, MOST_IN_HISTORY))},
    **{f"load {number}": share for number, share in enumerate(shares(KILLS - IN_HISTORY, MOST_IN_A_LAKE))},
}


async def play_all(folder: Path, loaded: int, quiet: int) -> dict[str, Recording | BaseException]:
    rooms = {"load": asyncio.Semaphore(LOADED_AT_ONCE), "history": asyncio.Semaphore(1)}

    async def one(number: int, name: str) -> Recording:
        backfills = name.startswith("history")
        async with rooms[name.split()[0]]:
            recording = recording_in(folder / name.replace(" ", "_"), backfills)
            with (recording.layout.root.parent / "words").open("w") as words:
                scene = Scene(recording, LAKES[name], random.Random(f"{SEED} {name}"), number, words)
                return await scene.play(quiet if backfills else loaded, **(QUIET if backfills else LOAD))

    found = await asyncio.gather(*(one(*item) for item in enumerate(LAKES, 1)), return_exceptions=True)
    return dict(zip(LAKES, found, strict=True))


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Recording | BaseException]]:
    """A recording of each lake, or why there is none."""
    print(f"\nKILLS={KILLS} KILLS_SEED={SEED}")
    folder, started_s = tmp_path_factory.mktemp("kills"), time.monotonic()
    with gateway(SEED, LOAD_RATE) as loaded, gateway(SEED, QUIET_RATE) as quiet:
        found = asyncio.run(play_all(folder, loaded, quiet))
    print(figures([one for one in found.values() if isinstance(one, Recording)], time.monotonic() - started_s))
    yield found


@pytest.fixture(params=LAKES)
def recording(recordings: dict[str, Recording | BaseException], request: pytest.FixtureRequest) -> Recording:
    """The recording of a lake, which had to be verified clean after each restart."""
    found = recordings[request.param]
    if isinstance(found, BaseException):
        raise found
    return found


@pytest.fixture
def found(recording: Recording) -> Evidence:
    """What the tape and the files of a lake hold."""
    return recording.evidence


def test_verify_was_clean_after_every_restart(recording: Recording) -> None:
    assert recording.findings == []
    assert recording.verified > recording.kills.total() - recording.kills["start"] - recording.kills["roller"]
    assert recording.exit_codes == [0, 0]
    assert recording.rows > 100
    words = (recording.layout.root.parent / "words").read_text()
    assert "Traceback" not in words
    assert "is recording to" not in words


def test_a_session_on_the_tape_is_what_was_forwarded_up_to_the_kill(recording: Recording, found: Evidence) -> None:
    connections = [connection for run in recording.runs for connection in run]
    assert len(connections) == len(found.sessions)
    for session, connection in zip(found.sessions, connections, strict=True):
        assert connection.received.startswith(session.received)


def test_what_was_read_from_the_socket_is_on_the_tape(recording: Recording) -> None:
    assert all(0 <= missing <= ONE_READ_BYTES for missing in unwritten(recording))


@pytest.mark.parametrize("table", ["trades", "quotes", "depth"])
def test_every_frame_is_one_row(recording: Recording, found: Evidence, table: str) -> None:
    assert found.rows_of_frames(table) == found.frames[table]
    assert found.frames[table] or recording.backfills


def test_no_row_is_there_twice(recording: Recording, found: Evidence) -> None:
    assert {table: found.repeated(table) for table in TABLES if found.repeated(table)} == {}
    with open_lake(recording.layout.root) as lake:
        counted = lake.sql(" union all ".join(f"select '{table}', count(*) from {table}" for table in TABLES)).rows()
    assert dict(counted) == {table: found.files[table].num_rows for table in TABLES}


def test_a_killed_recorder_leaves_a_gap_and_a_killed_roller_none(found: Evidence) -> None:
    opened = found.opened_gaps()
    assert set(opened.values()) <= {1}
    assert found.broken() <= opened.keys()
    assert {seq for _, _, seq in opened} <= {session.last_seq for session in found.killed}
    ends = {session.last_seq for session in found.sessions}
    others = [gap for gap in found.gaps() if place(gap)[2] not in ends and not gap["reason"].startswith("silent")]
    assert others == []


def test_nothing_is_left_behind(recording: Recording) -> None:
    ends_s = time.monotonic() + DEADLINE_S
    while processes_of(recording.layout.root) and time.monotonic() < ends_s:
        time.sleep(0.1)
    assert processes_of(recording.layout.root) == []
    with recording_lock(recording.layout.tape / "main"), roller_lock(recording.layout, "main"):
        pass
    left = list(recording.layout.root.rglob(".*.tmp"))
    assert not [path for path in left if path.is_relative_to(recording.layout.tape)], "an hour later they are swept"
    assert len(left) <= recording.kills["roller"] + recording.kills["both"], "each left the file it was writing"


def test_history_brings_back_what_kills_cost(recording: Recording, found: Evidence) -> None:
    if not recording.backfills:
        pytest.skip("more than IB's history gives within its limits")
    times = found.files["quotes"]["ts_event"].cast(pa.int64()).to_pylist()
    begin_us, end_us = min(times) + 1_000_000, recording.filled_us  # the first second may not be whole
    market = Market(seed=SEED, rate=QUIET_RATE)
    for table in ("trades", "quotes"):
        wanted = rows(getattr(market, table)(AAPL, begin_us, end_us), table, begin_us, end_us)
        assert wanted.total() > 10
        restored = rows(found.files[table], table, begin_us, end_us)
        assert restored == wanted, (table, restored - wanted, wanted - restored)
        assert "backfill" in found.files[table]["origin"].to_pylist()


def rows(table: pa.Table, name: str, from_us: int, to_us: int) -> Counter[tuple[Any, ...]]:
    """Return the rows of a table whose event is in a range, as IB's history tells them apart."""
    times = table["ts_event"].cast(pa.int64())
    inside = table.filter(pc.and_(pc.greater_equal(times, from_us), pc.less(times, to_us)))
    return Counter(tuple(None if value == "" else value for value in row.values())
                   for row in inside.select(KEYS[name]).to_pylist())  # fmt: skip


def unwritten(recording: Recording) -> list[int]:
    """Return how many bytes each recorder that was frozen before it was killed had read and not yet written."""
    found, sessions = [], iter(recording.evidence.sessions)
    for number, run in enumerate(recording.runs):
        own = [next(sessions) for _ in run]
        if number in recording.consumed:
            found.append(recording.consumed[number] - len(own[-1].received))
    return found


def unread(recording: Recording) -> list[int]:
    """Return how many bytes had been sent to each killed recorder and are not on the tape."""
    found, sessions = [], iter(recording.evidence.sessions)
    for number, run in enumerate(recording.runs):
        own = [next(sessions) for _ in run]
        if number in recording.forwarded and own:
            found.append(recording.forwarded[number] - len(own[-1].received))
    return found


def figures(recordings: list[Recording], elapsed_s: float) -> str:
    """Return what all of it came to."""
    kills = sum((recording.kills for recording in recordings), Counter[str]())
    lines = [f"{kills.total()} kills in {len(recordings)} lakes and {elapsed_s:.0f} s: "
             + ", ".join(f"{number} {kind}" for kind, number in sorted(kills.items()))]  # fmt: skip
    lines += [f"{name}: {sum(getattr(recording, name) for recording in recordings):,}"
              for name in ("verified", "frames", "rows", "torn", "leftovers")]  # fmt: skip
    lines.append(f"sessions: {sum(len(recording.evidence.sessions) for recording in recordings)}, of them killed: "
                 f"{sum(len(recording.evidence.killed) for recording in recordings)}")  # fmt: skip
    for what, of_one in (("read, not written, bytes", unwritten), ("sent, not written, bytes", unread),
                         ("restart, seconds", lambda recording: recording.restarts_s)):  # fmt: skip
        numbers = [number for recording in recordings for number in of_one(recording)]
        if numbers:
            lines.append(f"{what}: {len(numbers)} measured, {sum(number > 0 for number in numbers)} above 0, "
                         f"median {statistics.median(numbers):.4g}, most {max(numbers):.6g}")  # fmt: skip
    return "\n".join(lines)
