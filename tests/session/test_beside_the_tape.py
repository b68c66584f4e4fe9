"""What is beside the tape may fail without ending a recording; only the tape itself ends it."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from capture.log_lines import say_line
from capture.recorder.history_desk import HistoryDesk, Wish
from capture.recorder.recorder import Recorder
from capture.recorder.status import StatusFile
from capture.session.history_pacing import MOST_IN_WINDOW, WINDOW_S
from capture.session.machine import Machine
from capture.session.phases import State
from capture.session.subscriptions import Life
from capture.tape import Kind, TapeError, TapeFull, TapeWriter, read_from
from capture.wanted.settings import Settings
from tests import virtual_time

Gateway = Any  # the scripted gateway of conftest.py
MakeSettings = Callable[..., Settings]
START_S = int(datetime(2026, 11, 18, 15, tzinfo=UTC).timestamp())
FROM_S = START_S - 7200
GOOD = Wish("AAPL", "trades", FROM_S, FROM_S + 60, FROM_S)


class Scene:
    """A recorder in virtual time that records trades of AAPL, of which one comes every second."""

    def __init__(self, gateway: Gateway, settings: Settings) -> None:
        self.gateway, self.settings = gateway, settings
        self.folder = settings.tape_root / settings.recorder
        self.words: list[tuple[str, str]] = []
        gateway.react = self.react

    def react(self, request: Any) -> list[tuple[str, dict[str, Any]]]:
        if request.name == "req_current_time":
            return [("current_time", {"time": START_S})]
        if request.name != "req_historical_ticks":
            return []
        return [("historical_trades", {"request_id": request.values["request_id"], "ticks": [], "done": True})]

    def run(self, talk: Callable[[Recorder], Awaitable[None]], say: Callable[[str, str], None] | None = None) -> int:
        async def main() -> int:
            await self.gateway.open()
            own = self.settings.model_copy(update={"port": self.gateway.port})
            recorder = Recorder(own, say=say or (lambda *words: self.words.append(words)), roll=False)
            running = asyncio.create_task(recorder.run())
            feeding = asyncio.create_task(self.feed())
            talking = asyncio.create_task(self.talk(recorder, talk))
            try:
                return await running
            finally:
                feeding.cancel()
                await self.gateway.close()
                if not talking.done():
                    talking.cancel()
                await asyncio.wait([talking])
                if not talking.cancelled() and (error := talking.exception()):
                    raise error

        code: int = virtual_time.run(main(), START_S * 1_000_000)
        return code

    async def talk(self, recorder: Recorder, talk: Callable[[Recorder], Awaitable[None]]) -> None:
        try:
            await talk(recorder)
        finally:
            recorder.stop("enough")

    async def feed(self) -> None:
        for number in range(1, 1_000_000):
            await asyncio.sleep(1)
            with suppress(Exception):  # a client that just comes or goes takes nothing
                for request in self.gateway.named("req_tick_by_tick")[-1:]:
                    self.gateway.send("tick_by_tick", request_id=request.values["request_id"], kind=2, time=START_S,
                                      price=number, size=1, mask=0)  # fmt: skip

    def said(self, text: str) -> int:
        return sum(text in words for _, words in self.words)

    def asked(self) -> list[str]:
        return [request.values["start"] for request in self.gateway.named("req_historical_ticks")]


@pytest.fixture
def scene(gateway: Gateway, settings: MakeSettings) -> Scene:
    return Scene(gateway, settings(streams=["trades"]))


BAD_WISHES: dict[str, bytes] = {
    "garbage": b"{", "empty": b"", "no object": b"[1]", "no text": b"\xff\xfe\x00", "deep": b"[" * 100_000,
    "unknown field": json.dumps({"instrument": "AAPL", "when": 1}).encode(), "too few fields": b"{}",
    **{f"{name} {value!r:.12}": json.dumps(asdict(GOOD) | {name: value}).encode() for name, value in (
        ("instrument", "no such word"), ("what", "rumours"), ("from_s", "yesterday"), ("to_s", 1e300), ("next_s", -1),
        ("to_s", 1 << 60), ("state", "unheard of"), ("rows", None), ("instrument", ["AAPL"]))},
}  # fmt: skip


@pytest.mark.parametrize("content", BAD_WISHES.values(), ids=BAD_WISHES)
def test_an_unreadable_wish_is_said_once_and_tried_again_and_the_rest_goes_on(scene: Scene, content: bytes) -> None:
    path = scene.folder / "backfill" / "0.json"
    HistoryDesk(scene.settings).wish(GOOD)
    path.write_bytes(content)

    async def talk(recorder: Recorder) -> None:
        await asyncio.sleep(60)
        assert recorder.machine.subscriptions.all[0].life is Life.FLOWING
        assert scene.asked(), "the wish that can be read is fulfilled"
        assert scene.said(f"{path}: ") == 1
        path.write_text(json.dumps({"instrument": "AAPL", "what": "midpoints", "from_s": FROM_S, "to_s": FROM_S + 9,
                                    "next_s": FROM_S}))  # fmt: skip
        before = len(scene.asked())
        await asyncio.sleep(60)
        assert len(scene.asked()) > before
        assert scene.said(f"{path}: this works again") == 1

    assert scene.run(talk) == 0
    notes = [record.json()["note"] for record in read_from(scene.folder, 1) if record.kind is Kind.NOTE]
    assert sum(str(path) in note for note in notes) == 2


def test_a_wish_that_is_a_folder_or_may_not_be_read_ends_nothing(scene: Scene) -> None:
    (scene.folder / "backfill" / "0.json").mkdir(parents=True)

    async def talk(recorder: Recorder) -> None:
        await asyncio.sleep(30)
        assert recorder.machine.subscriptions.all[0].life is Life.FLOWING

    assert scene.run(talk) == 0
    assert scene.said("0.json: IsADirectoryError") == 1


@pytest.mark.parametrize("content", [
    "", "[]", "{}", '{"mark": 1, "gaps": {"waiting": [1]}}', '{"mark": "x", "gaps": 0}',
    '{"mark": 1, "gaps": {"waiting": [{"gap_id": "g", "instrument_id": 5}]}}'])
def test_an_unreadable_list_of_gaps_ends_nothing(scene: Scene, content: str) -> None:
    async def talk(recorder: Recorder) -> None:
        await asyncio.sleep(5)
        (scene.folder / "rolled.json").write_text(content)
        await asyncio.sleep(30)
        assert recorder.machine.subscriptions.all[0].life is Life.FLOWING
        assert scene.said("rolled.json") == 1

    assert scene.run(talk) == 0


@pytest.mark.parametrize("content", [
    "", "[]", '{"sent": [[1]], "held_until_s": 0}', '{"sent": [], "held_until_s": "x"}',
    '{"sent": [], "held_until_s": 0, "live": [[1, ["x"]], ["req_real_time_bars", 5]]}'])
def test_with_an_unreadable_memory_of_pacing_history_waits_until_ib_has_forgotten(scene: Scene, content: str) -> None:
    HistoryDesk(scene.settings).wish(GOOD)
    (scene.folder / "pacing.json").write_text(content)

    async def talk(recorder: Recorder) -> None:
        await asyncio.sleep(30)
        assert recorder.machine.subscriptions.all[0].life is Life.FLOWING
        assert not scene.asked()
        assert WINDOW_S - 40 < recorder.machine.history.pacing.budget(time.time())["held_s"] <= WINDOW_S - 30

    assert scene.run(talk) == 0
    assert scene.said("pacing.json") == 1


def test_history_pacing_is_remembered_over_a_restart(scene: Scene) -> None:
    HistoryDesk(scene.settings).wish(GOOD)
    sent = [[START_S - WINDOW_S + 30, f"identity {n}", "source", 1] for n in range(MOST_IN_WINDOW)]
    (scene.folder / "pacing.json").write_text(json.dumps({"sent": sent, "held_until_s": 0.0}))

    async def talk(recorder: Recorder) -> None:
        await asyncio.sleep(30)
        assert not scene.asked(), "the ten minutes of the run before are not over"
        await asyncio.sleep(30)
        assert scene.asked()

    assert scene.run(talk) == 0
    saved = json.loads((scene.folder / "pacing.json").read_text())
    assert saved["sent"], "and what was asked now is written down for the next run"


def test_what_another_recorder_asks_history_for_meanwhile_counts_too(scene: Scene) -> None:
    other = scene.folder.parent / "other" / "pacing.json"

    async def talk(recorder: Recorder) -> None:
        await asyncio.sleep(10)
        other.parent.mkdir()
        sent = [[time.time() - WINDOW_S + 30, f"identity {n}", "source", 1] for n in range(MOST_IN_WINDOW)]
        other.write_text(json.dumps({"sent": sent, "held_until_s": 0.0}))
        await asyncio.sleep(2)
        HistoryDesk(scene.settings).wish(GOOD)
        await asyncio.sleep(20)
        assert not scene.asked(), "the other has used up the account's ten minutes"
        await asyncio.sleep(40)
        assert scene.asked()

    assert scene.run(talk) == 0
    assert not scene.said("pacing.json")


def test_live_requests_are_written_down_for_the_next_run(gateway: Gateway, settings: MakeSettings) -> None:
    scene = Scene(gateway, settings(streams=["bars"]))

    async def talk(recorder: Recorder) -> None:
        await asyncio.sleep(10)

    scene.run(talk)
    (_, paced) = HistoryDesk(scene.settings).load_pacing()
    ((name, (at_s,)),) = paced
    assert name == "req_real_time_bars"
    assert START_S <= at_s <= START_S + 2


def test_files_beside_the_tape_that_cannot_be_made_end_nothing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise ValueError("Out of range float values")

    async def talk(recorder: Recorder) -> None:
        await asyncio.sleep(5)
        monkeypatch.setattr(StatusFile, "news", broken)
        monkeypatch.setattr(HistoryDesk, "files", broken)
        monkeypatch.setattr("capture.recorder.compressor.compress_closed", broken)
        recorder._compress()
        await asyncio.sleep(30)
        assert recorder.machine.subscriptions.all[0].life is Life.FLOWING
        monkeypatch.undo()
        await asyncio.sleep(5)

    assert scene.run(talk) == 0
    assert (scene.said("status: ValueError"), scene.said("status: this works again")) == (1, 1)
    assert (scene.said("history: ValueError"), scene.said("history: this works again")) == (1, 1)
    assert scene.said("could not be compressed") == 1


@pytest.mark.parametrize("error", [BrokenPipeError(32, "Broken pipe"), ValueError("I/O operation on closed file")])
def test_nobody_who_listens_is_no_reason_to_stop(scene: Scene, error: Exception) -> None:
    def deaf(*_: str) -> None:
        raise error

    async def talk(recorder: Recorder) -> None:
        await asyncio.sleep(30)
        assert recorder.machine.subscriptions.all[0].life is Life.FLOWING

    assert scene.run(talk, say=deaf) == 0


def test_what_is_said_to_a_closed_stderr_is_lost(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    closed = (tmp_path / "log").open("w")
    closed.close()
    monkeypatch.setattr("sys.stderr", closed)
    say_line("info", "hello")


def test_a_fault_of_our_own_begins_a_new_session(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async def talk(recorder: Recorder) -> None:
        await asyncio.sleep(20)
        handle = Machine.handle

        def faulty(self: Machine, event: Any, now_s: float) -> Any:
            if any(message.name == "current_time" for message in getattr(event, "messages", ())):
                raise KeyError("odd")
            return handle(self, event, now_s)

        monkeypatch.setattr(Machine, "handle", faulty)
        scene.gateway.send("current_time", time=START_S)
        await asyncio.sleep(20)
        assert recorder.machine.state is State.RECORDING
        assert recorder.machine.subscriptions.all[0].life is Life.FLOWING

    assert scene.run(talk) == 3, "what came meanwhile is missing"
    assert scene.gateway.sessions == 2
    assert scene.said("a fault of ticktape itself") == 2, "when it happens, and at the end as what was not whole"


TAPE_METHODS = ("received", "sent", "mark", "note", "opened", "sync", "rotate", "closed")


@pytest.mark.parametrize("method", TAPE_METHODS)
def test_a_full_tape_is_said_and_recording_goes_on_when_there_is_room(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    full = [False]
    write = getattr(TapeWriter, method)

    def limited(self: TapeWriter, *arguments: Any) -> Any:
        if full[0]:
            raise TapeFull("no room for the next record")
        return write(self, *arguments)

    monkeypatch.setattr(TapeWriter, method, limited)
    scene.settings.segment_size_bytes = 1 << 16

    async def talk(recorder: Recorder) -> None:
        await asyncio.sleep(40)
        full[0] = True
        if method in ("opened", "closed", "sent", "note"):
            recorder._report("something to note")
            await scene.gateway.drop()
        recorder.settings.segment_size_bytes = recorder._journal._segment_size_bytes = 1
        await asyncio.sleep(120)
        assert bool(scene.said("no room for the next record")) == (method != "note"), "what is only noted ends nothing"
        full[0] = False
        recorder._journal._segment_size_bytes = 1 << 20
        await asyncio.sleep(120)
        assert recorder.machine.state is State.RECORDING
        assert recorder.machine.subscriptions.all[0].life is Life.FLOWING

    assert scene.run(talk) == 3


@pytest.mark.parametrize("method", [name for name in TAPE_METHODS if name not in ("opened", "closed")])
def test_a_tape_that_cannot_be_written_ends_the_recording(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    async def talk(recorder: Recorder) -> None:
        await asyncio.sleep(40)

        def broken(*_: Any) -> None:
            raise TapeError("cannot write")

        monkeypatch.setattr(TapeWriter, method, broken)
        recorder._journal._segment_size_bytes = 1
        if method == "note":
            recorder._report("something to note")
        if method == "sent":
            recorder.guarded(recorder._write, b"a request")
        await asyncio.sleep(60)

    with pytest.raises(TapeError, match="cannot write"):
        scene.run(talk)
