import asyncio
import errno
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from capture.data_folder import STATUS
from capture.recorder.recorder import Recorder
from capture.recorder.resume import resume, take
from capture.recorder.roller_process import RollerKeeper
from capture.session.phases import State
from capture.session.subscriptions import Life
from capture.status_model import read_status
from capture.tape import Kind, Record, TapeError, TapeFull, TapeWriter, read_from, segments
from capture.tape.notes import WANTED
from capture.wanted.settings import Settings
from capture.wire.line import Line
from tests.conftest import ScriptedTape

TAPE_FORMAT = Path(__file__).parents[2] / "docs" / "tape-format.md"

Gateway = Any  # the scripted gateway of conftest.py
MakeSettings = Callable[..., Settings]
Talk = Callable[[Recorder], Awaitable[None]]


class Session:
    """A recorder run against the gateway while a test talks through it."""

    def __init__(self, gateway: Gateway, settings: Settings) -> None:
        self.gateway, self.settings = gateway, settings
        self.words: list[tuple[str, str]] = []
        self.folder = settings.tape_root / settings.recorder

    def run(self, talk: Talk, for_s: float = 10, roll: bool = False) -> int:
        return asyncio.run(self._run(talk, for_s, roll))

    def records(self, kind: Kind | None = None) -> list[Record]:
        return [record for record in read_from(self.folder, 1) if kind in (None, record.kind)]

    def status(self) -> dict[str, Any]:
        return read_status(self.folder / STATUS)

    async def _run(self, talk: Talk, for_s: float, roll: bool) -> int:
        await self.gateway.open()
        settings = self.settings.model_copy(update={"port": self.gateway.port})
        recorder = Recorder(settings, say=lambda *words: self.words.append(words), roll=roll)
        running = asyncio.create_task(recorder.run(for_s))
        try:
            await talk(recorder)
            return await running
        finally:
            await self.gateway.close()


async def until(condition: Callable[[], Any], timeout_s: float = 120) -> None:  # far longer than a busy machine takes
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - a test looks at what it cannot wait for
            await asyncio.sleep(0.005)


def tick(gateway: Gateway, request_id: int, number: int) -> None:
    gateway.send("tick_by_tick", request_id=request_id, kind=2, time=number, price=number, size=1, mask=0)


def test_every_byte_is_on_the_tape_and_the_status_says_so(gateway: Gateway, settings: MakeSettings) -> None:
    session = Session(gateway, settings())

    async def talk(recorder: Recorder) -> None:
        await until(lambda: len(gateway.named("req_tick_by_tick")) == 2)
        for number in range(500):
            tick(gateway, 2, number)
        await until(lambda: recorder._journal.line.seq == 505)
        recorder.stop("enough")

    assert session.run(talk) == 0
    kinds = [record.kind for record in session.records()]
    assert kinds[:4] == [Kind.MARK, Kind.OPENED, Kind.SENT, Kind.RECEIVED]
    assert kinds[-2:] == [Kind.CLOSED, Kind.MARK]
    assert session.records(Kind.CLOSED)[0].json() == {"reason": "enough"}
    opened = session.records(Kind.OPENED)[0].json()
    (documented,) = re.findall(r"^\| 3 \| OPENED \|.*", TAPE_FORMAT.read_text("utf-8"), re.MULTILINE)
    assert list(opened) == re.findall(r"`(\w+)`", documented)
    assert (opened["client_id"], opened["oldest"], opened["newest"]) == (17, 157, 200)
    line = Line()
    frames = sum(len(line.received(record.body)) for record in session.records(Kind.RECEIVED))
    assert frames == 505
    status = session.status()
    assert (status["state"], status["frames"], status["pid"]) == ("stopped", 505, os.getpid())
    assert [stream["state"] for stream in status["streams"]] == ["flowing", "requested"]
    assert status["streams"][0]["instrument_id"] == 265598
    assert ("info", "requesting 2 of 2 wanted streams") in session.words


def test_a_lost_line_is_taken_up_again(gateway: Gateway, settings: MakeSettings) -> None:
    session = Session(gateway, settings())

    async def talk(recorder: Recorder) -> None:
        await until(lambda: len(gateway.named("req_tick_by_tick")) == 2)
        tick(gateway, 2, 1)
        await gateway.drop()
        await until(lambda: len(gateway.named("req_tick_by_tick")) == 4)
        recorder.stop("enough")

    assert session.run(talk) == 3
    assert gateway.sessions == 2
    assert len(gateway.named("req_contract_details")) == 1, "contracts are kept over reconnects"
    assert [record.kind for record in session.records() if record.kind in (Kind.OPENED, Kind.CLOSED)] == [
        Kind.OPENED, Kind.CLOSED] * 2  # fmt: skip
    seqs = [record.json()["seq"] for record in session.records(Kind.MARK)]
    assert seqs == sorted(seqs)


def test_a_frame_of_impossible_length_ends_the_connection_and_it_is_made_anew(
    gateway: Gateway, settings: MakeSettings
) -> None:
    session = Session(gateway, settings())

    async def talk(recorder: Recorder) -> None:
        await until(lambda: len(gateway.named("req_tick_by_tick")) == 2)
        gateway.send_bytes(b"\xff\xff\xff\xffrubbish")
        await until(lambda: gateway.sessions == 2)
        recorder.stop("enough")

    assert session.run(talk) == 3
    assert "out of step" in session.records(Kind.CLOSED)[0].json()["reason"]
    assert b"rubbish" in b"".join(record.body for record in session.records(Kind.RECEIVED)), "the tape has it all"


def test_unknown_and_malformed_frames_harm_nothing(gateway: Gateway, settings: MakeSettings) -> None:
    session = Session(gateway, settings())

    async def talk(recorder: Recorder) -> None:
        await until(lambda: len(gateway.named("req_tick_by_tick")) == 2)
        for payload in (b"999\0x\0", b"4\0-1\0x\0", b"no end", b"\xff\xfe\0", b"4\0\0\0\0\0\0"):
            gateway.send_bytes(len(payload).to_bytes(4, "big") + payload)
        tick(gateway, 2, 1)
        await until(lambda: recorder._journal.line.seq == 11)
        recorder.stop("enough")

    assert session.run(talk) == 0


def test_a_refused_port_is_said_with_host_and_port(settings: MakeSettings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    words: list[str] = []
    recorder = Recorder(
        settings(port=port, connect_timeout_s=0.3), say=lambda _, text: words.append(text), roll=False)
    assert asyncio.run(recorder.run()) == 1
    assert f"no connection to 127.0.0.1:{port}: " in words[0]


@pytest.mark.parametrize(
    ("says", "words"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "is not TWS or IB Gateway: it said b'HTTP/1.1 400"),
        (b"\0\0\0\x0a150\x0020200101", "said no hello within 0.2 s"),
        (b"\0\0\0\x0d150\x0020200101\0", "speaks version 150, ticktape 157 to 200: update TWS"),
        (b"\0\0\0\x0d220\x0020200101\0", "speaks version 220"),
        (b"\0\0\0\x0e-1\x00other:4002\0", "redirects to other:4002"),
        (b"", "Trusted IPs"),
    ],
    ids=["http", "unfinished", "old", "new", "redirect", "silent"],
)
def test_what_is_no_gateway_is_said(settings: MakeSettings, says: bytes, words: str) -> None:
    said: list[str] = []

    async def main() -> int:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(100)
            writer.write(says)
            if not says:
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        own = settings(
            port=server.sockets[0].getsockname()[1], connect_timeout_s=0.1, handshake_timeout_s=0.2)
        try:
            return await Recorder(own, say=lambda _, text: said.append(text), roll=False).run(for_s=5)
        finally:
            server.close()

    assert asyncio.run(main()) == 1
    assert words in said[0]


def full(*_: Any) -> int:
    raise TapeFull("no room for the next record")


@pytest.mark.slow
@pytest.mark.parametrize("write", ["received", "mark", "sync"])
def test_on_a_full_disk_it_waits_for_room_and_goes_on(
    gateway: Gateway, settings: MakeSettings, monkeypatch: pytest.MonkeyPatch, write: str
) -> None:
    session = Session(gateway, settings(sync_interval_s=0.1, roll_interval_s=0.1))

    async def talk(recorder: Recorder) -> None:
        await until(lambda: len(gateway.named("req_tick_by_tick")) == 2)
        with monkeypatch.context() as patch:
            for name in {write, "note", "closed", "sent", "opened"}:
                patch.setattr(TapeWriter, name, full)
            tick(gateway, 2, 1)
            await until(lambda: recorder.machine.state is State.BACKING_OFF)
            await asyncio.sleep(0.1)
        assert "no room" in recorder.machine.trouble
        await until(lambda: len(gateway.named("req_tick_by_tick")) == 4)
        tick(gateway, 1, 2)
        await until(lambda: recorder.machine.subscriptions.all[0].life is Life.FLOWING)
        recorder.stop("enough")

    assert session.run(talk, for_s=240) == 3
    assert [level for level, text in session.words if "no room" in text] == ["error", "warning"], "then, and at the end"
    closed = [record.json()["reason"] for record in session.records(Kind.CLOSED)]
    assert closed == ["no room for the next record", "enough"]
    assert session.status()["state"] == "stopped"
    replayed_from_the_beginning(session.folder)


def test_it_stops_before_the_disk_is_full(
    gateway: Gateway, settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session(gateway, settings())

    async def talk(recorder: Recorder) -> None:
        await until(lambda: len(gateway.named("req_tick_by_tick")) == 2)
        monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=15 << 20))
        await until(lambda: recorder.machine.state is State.BACKING_OFF)
        recorder.stop("enough")

    assert session.run(talk) == 3
    assert "15 MiB are free" in session.records(Kind.CLOSED)[0].json()["reason"]
    assert "15 MiB are free" in session.status()["trouble"]


def test_before_there_is_room_nothing_is_begun(
    gateway: Gateway, settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session(gateway, settings(connect_timeout_s=0.2))
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=63 << 20))

    async def talk(recorder: Recorder) -> None:
        await asyncio.sleep(0.5)
        assert recorder.machine.state is State.BACKING_OFF, "it does not give up"
        recorder.stop("enough")

    assert session.run(talk) == 1
    assert gateway.sessions == 0


@pytest.mark.slow
def test_a_disk_slower_than_the_feed_slows_the_gateway(
    gateway: Gateway, settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session(gateway, settings())
    append, behind_bytes = TapeWriter.received, []

    def slow(self: TapeWriter, data: bytes) -> int:
        time.sleep(0.02)
        behind_bytes.append(gateway.unsent_bytes())
        return append(self, data)

    async def talk(recorder: Recorder) -> None:
        await until(lambda: len(gateway.named("req_tick_by_tick")) == 2)
        monkeypatch.setattr(TapeWriter, "received", slow)
        payload = b"99\0" b"2\0" b"2\0" b"1767623401\0" b"101.26\0" b"100\0" b"0\0" b"NASDAQ\0" b"\0"
        gateway.send_bytes((len(payload).to_bytes(4, "big") + payload) * 400_000)
        await until(lambda: recorder._journal.line.seq == 400_005)
        recorder.stop("enough")

    assert session.run(talk, for_s=240) == 0
    assert max(behind_bytes) > 1_000_000, "what the disk cannot take stays with the gateway"


def test_a_folder_that_cannot_be_written_is_named(settings: MakeSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    own = settings()

    def read_only(path: Path, *_: Any) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr("capture.tape.writer.publish", read_only)
    with pytest.raises(TapeError, match=r"cannot write .*data/tape/main.*Read-only file system.*name a place"):
        asyncio.run(Recorder(own, say=lambda *_: None, roll=False).run())


def test_a_stream_that_goes_dead_is_requested_again_and_flows(
    gateway: Gateway, settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capture.recorder.recorder.HOUSEKEEPING_S", 0.05)
    monkeypatch.setattr("capture.status_model.LEAST_INTERVAL_S", 0.05)
    monkeypatch.setattr("capture.session.liveness.SHORTEST_S", 0.5)
    monkeypatch.setattr("capture.session.liveness.ANSWER_S", 0.5)
    session = Session(gateway, settings(market_data_lines=0))

    async def talk(recorder: Recorder) -> None:
        trades, quotes = recorder.machine.subscriptions.all
        await until(lambda: len(gateway.named("req_tick_by_tick")) == 2)
        while not gateway.named("cancel_tick_by_tick"):
            tick(gateway, 3, 1)
            if trades.flow._arrivals < 8:
                tick(gateway, 2, 1)
            await asyncio.sleep(0.005)
        assert trades.life is Life.SILENT
        assert quotes.life is Life.FLOWING
        await until(lambda: session.status()["streams"][0]["state"] == "silent")
        recorder.stop("enough")

    assert session.run(talk) == 3, "it was silent to the end"
    (note,) = [note for note in session.records(Kind.NOTE) if note.json()["note"] != WANTED]
    assert note.json()["silent_request_id"] == 2
    status = session.status()
    assert (status["wanted"], status["acknowledged"], status["flowing"]) == (2, 2, 1)
    assert status["streams"][1]["last_row"] > status["streams"][0]["last_row"]
    assert status["streams"][1]["rows_per_second"] > 1


def test_segments_rotate_and_finished_ones_are_compressed(gateway: Gateway, settings: MakeSettings) -> None:
    session = Session(gateway, settings(segment_size_bytes=1 << 16))

    async def talk(recorder: Recorder) -> None:
        await until(lambda: len(gateway.named("req_tick_by_tick")) == 2)
        for number in range(4000):
            tick(gateway, 2, number)
        await until(lambda: any(segment.compressed for segment in segments(session.folder)))
        recorder.stop("enough")

    assert session.run(talk) == 0
    assert [segment.compressed for segment in segments(session.folder)] == [True, False]
    line = Line()
    assert sum(len(line.received(record.body)) for record in session.records(Kind.RECEIVED)) == 4005


RECORD = """
import asyncio, sys
from capture.session.request_pacing import RequestPacing
from capture.session.phases import State
from capture.recorder.recorder import Recorder
from capture.wanted.settings import Settings
settings = Settings(data=sys.argv[1], port=int(sys.argv[2]), roll_interval_s=0.05, sync_interval_s=0.05,
                    record=[{"instruments": ["AAPL"], "streams": ["trades"]}])
sys.exit(asyncio.run(Recorder(settings, roll=sys.argv[3] == "roll").run()))
"""


def spawn(data: Path, port: int, roll: str = "") -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", RECORD, str(data), str(port), roll], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)


def replayed_from_the_beginning(folder: Path) -> int:
    """Return the last frame's number as counted from the first mark on, at which no mark in between lied."""
    line = Line()
    for record in read_from(folder, 1):
        if record.kind is Kind.MARK:
            assert record.json() == line.as_mark(record.json()["mark"])
        take(line, record)
    return line.seq


@pytest.mark.slow
def test_killed_recorders_lose_nothing_that_they_had_read(gateway: Gateway, settings: MakeSettings) -> None:
    own = settings()
    folder = own.tape_root / own.recorder
    seqs = [0]

    async def main() -> None:
        await gateway.open()
        for life in range(4):
            process = spawn(own.data, gateway.port)
            await until(lambda: gateway.named("req_tick_by_tick"))
            gateway.requests.clear()
            for number in range(300 + 77 * life):
                tick(gateway, 2, number)
                if number % 10 == 0:
                    await asyncio.sleep(0.001)
            process.kill()
            process.communicate()
            line, mark = resume(folder)
            assert line.seq > seqs[-1]
            assert mark > 1
            assert replayed_from_the_beginning(folder) == line.seq
            seqs.append(line.seq)
        await gateway.close()

    asyncio.run(main())
    closed = [record.json()["reason"] for record in read_from(folder, 1) if record.kind is Kind.CLOSED]
    assert closed == ["the recorder ended without closing the session"] * 3


@pytest.mark.slow
@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_stop_it_cleanly_and_the_roller_finishes(
    gateway: Gateway, settings: MakeSettings, name: signal.Signals
) -> None:
    own = settings()

    async def main() -> "subprocess.Popen[bytes]":
        await gateway.open()
        process = spawn(own.data, gateway.port, "roll")
        await until(lambda: gateway.named("req_tick_by_tick"))
        tick(gateway, 2, 1)
        await asyncio.sleep(0.3)
        process.send_signal(name)
        await asyncio.to_thread(process.wait, 120)
        await gateway.close()
        return process

    process = asyncio.run(main())
    assert process.stderr is not None
    said = process.stderr.read().decode()
    assert process.returncode == 0, said
    assert f"stopped: received {name.name}" in said
    assert "Traceback" not in said
    rolled = json.loads((own.tape_root / own.recorder / "rolled.json").read_text())
    marks = [record.json()["mark"] for record in read_from(own.tape_root / own.recorder, 1) if record.kind is Kind.MARK]
    assert marks[-1] in rolled.values()
    assert list((own.data / "live" / "trades").glob("date=2*/*.parquet"))


@pytest.mark.slow
def test_a_roller_that_dies_is_started_again(gateway: Gateway, settings: MakeSettings) -> None:
    session = Session(gateway, settings())

    async def talk(recorder: Recorder) -> None:
        await until(lambda: (session.folder / "rolled.json").exists() or (session.folder / "roller.lock").exists())
        keeper = recorder._roller
        await until(lambda: keeper._process is not None)
        assert keeper._process is not None
        first = keeper._process.pid
        keeper._process.kill()
        await until(lambda: keeper._process is not None and keeper._process.pid != first)
        await asyncio.sleep(1)
        recorder.stop("enough")

    assert session.run(talk, for_s=240, roll=True) == 0
    assert any("the roller ended (-9)" in text for _, text in session.words)
    assert any("the roller ended" in record.json()["note"] for record in session.records(Kind.NOTE))


@pytest.mark.slow
def test_a_roller_that_is_told_to_end_while_it_begins_rolls_up_to_the_last_mark(settings: MakeSettings) -> None:
    own = settings()
    reports: list[str] = []

    async def main() -> None:
        tape = ScriptedTape(own.data, own.recorder)
        tape.open().mark()
        tape.writer.close()
        keeper = RollerKeeper(own, reports.append)
        keeping = asyncio.create_task(keeper.keep())
        await until(lambda: keeper._process is not None)
        await keeper.stop(keeping)

    asyncio.run(main())
    assert reports == []
    assert json.loads((own.tape_root / own.recorder / "rolled.json").read_text())["mark"] == 2
