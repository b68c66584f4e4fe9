"""`ticktape gateway --replay`: which options go together, what is said, and the keys that move it."""

import asyncio
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from capture.gateway import AT_ONCE, Clock, Gateway
from capture.gateway.market import Market
from capture.lake.layout import Layout
from capture.lake.roll import Roller
from capture.lake.views import prepare
from tests.conftest import ScriptedTape

keys = import_module("capture.cli.shared.keys")  # type checkers see only the package

Run = Callable[..., Any]
TICKTAPE = [sys.executable, "-m", "capture.cli"]
BEGIN = datetime(2026, 11, 18, 15, 0, tzinfo=UTC)
BEGIN_NS = int(BEGIN.timestamp()) * 1_000_000_000
MINUTE_US = 60_000_000


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with ten minutes of AAPL's trades, one a second."""
    now_ns = BEGIN_NS
    tape = ScriptedTape(tmp_path_factory.mktemp("replay") / "data", now=lambda: now_ns).open()
    tape.answer("contract_details", request_id=1, con_id=265598, symbol="AAPL", local_symbol="AAPL", sec_type="STK",
                exchange="SMART", valid_exchanges="SMART", currency="USD", min_tick=0.01)  # fmt: skip
    tape.ask(2, "req_tick_by_tick", tick_kind="AllLast")
    for second in range(600):
        now_ns = BEGIN_NS + second * 1_000_000_000
        tape.trade(2, 100 + second / 100, time=now_ns // 1_000_000_000)
    tape.mark().writer.close()
    prepare(Layout(tape.data))
    list(Roller(Layout(tape.data), "main").roll())
    return tape.data


@pytest.mark.parametrize(("options", "text"), [
    (("--until", "2026-11-18"), "--until: only for a replay: say from when with --replay"),
    (("--start-paused", "--recorder", "main"), "--start-paused, --recorder: only for a replay"),
    (("--clock", "event"), "--clock: only for a replay"),
    (("--then-live",), "--then-live: only for a replay: say from when with --replay"),
    (("--replay", "2026-11-18", "--then-live", "--until", "15:05"), "--then-live and --until contradict each other"),
    (("--replay", "2026-11-18", "--then-live", "--clock", "event"), "--then-live and --clock event contradict"),
    (("--replay", "2026-11-18", "--seed", "2"), "--seed: only for an invented market"),
    (("--speed", "max"), "--speed is 'max'; write a factor from 0.001 to 1,000,000\n"),
    (("--replay", "2026-11-18", "--speed", "fast"), "'fast'; write a factor from 0.001 to 1,000,000, or max"),
    (("--replay", "2026-11-18", "--speed", "1e300"), "--speed is '1e300'; write a factor"),
    (("--replay", "0001-01-01T00:00+14:00"), "write a time"),
    (("--replay", "+1e300"), "write a time"),
    (("--replay", "yesterday"), "--replay is 'yesterday'; write a time, 2026-11-20T14:30"),
    (("--replay", "2026-12-01"), "the recording goes from 2026-11-18T15:00:00Z to 2026-11-18T15:09:59.000001Z"),
    (("--replay", "15:05", "--until", "15:01"), "nothing to play from 2026-11-18T15:05:00Z until 2026-11-18T15:01:00Z"),
    (("--replay", "2026-11-18", "--instruments", "TSLA"), "'TSLA' was not recorded; recorded instruments: AAPL"),
    (("--replay", "2026-11-18", "--recorder", "b"), "no recorder here is named 'b'; there are: main"),
])  # fmt: skip
def test_what_cannot_be_played_is_told(run: Run, data: Path, options: tuple[str, ...], text: str) -> None:
    where = ("--data", data) if "--replay" in options else ()
    code, out, err = run("gateway", "--port", 0, *where, *options)
    assert (code, out) == (2, "")
    assert text in err


def test_a_folder_without_a_lake_is_told(run: Run, tmp_path: Path) -> None:
    code, _, err = run("gateway", "--replay", "2026-11-18", "--data", tmp_path / "none")
    assert code == 1 and "no lake at" in err


@pytest.mark.slow
def test_a_replay_runs_and_is_moved_by_commands(run: Run, data: Path) -> None:
    command = [*TICKTAPE, "gateway", "--port", "0", "--data", str(data), "--replay", "2026-11-18", "--speed", "60",
               "--until", "15:08", "--start-paused"]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        told = ["gateway", "control", "--port", int(process.stdout.readline().split(":")[1])]
        assert process.stderr.readline() == "ticktape: the recording begins at 2026-11-18T15:00:00Z\n"
        status = run(*told, "status").out
        assert "time: 2026-11-18T15:00:00Z\nstate: paused\nspeed: 60\n" in status
        assert run(*told, "seek", "15:07:30") == (0, "seek: plays from 2026-11-18T15:07:30Z\n", "")
        assert run(*told, "speed", "600") == (0, "speed: 600\n", "")
        assert run(*told, "seek", "16:00").code == 2
        assert run(*told, "resume") == (0, "resume: goes on from 2026-11-18T15:07:30Z\n", "")
        assert process.stderr.readline() == "ticktape: the gateway is up; end it with Ctrl-C\n"
        assert process.stderr.readline() == "ticktape: the replay is at its end; its clients stay connected\n"
        found = json.loads(run(*told, "--json", "status").out)
        assert (found["time"], found["state"]) == ("2026-11-18T15:08:00Z", "ended")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0


@pytest.mark.slow
def test_it_runs_for_some_seconds_from_when_it_is_up_also_without_stdin(data: Path) -> None:
    options = f"gateway --port 0 --replay 2026-11-18 --data {data} --for 0.01 <&-"
    found = subprocess.run(f"{sys.executable} -m capture.cli {options}", shell=True, capture_output=True, text=True)
    assert found.returncode == 0
    assert found.stdout.startswith("127.0.0.1:")
    assert found.stderr.endswith("the gateway is up; end it with Ctrl-C\n")


# Keys


def playing(at_us: int = 10 * MINUTE_US, paused: bool = True) -> Gateway:
    """A gateway that would play what lies between minute 0 and minute 20 of 1970."""
    return Gateway(Market(), clock=Clock(at_us, 1.0, (0, 20 * MINUTE_US), paused))


@pytest.fixture
def ready(monkeypatch: pytest.MonkeyPatch) -> Gateway:
    """A gateway whose commands are run at once, without an event loop."""
    from capture.gateway.control.command_socket import run_command

    gateway = playing()
    monkeypatch.setattr(gateway, "control", lambda name, *given: run_command(gateway, name, given, {}))
    return gateway


def test_keys_move_a_replay(ready: Gateway) -> None:
    assert not keys.press(ready, "\x1b[C\x1b[C") and ready.clock.now_us() == 12 * MINUTE_US
    assert not keys.press(ready, "\x1b[D") and ready.clock.now_us() == 11 * MINUTE_US
    assert not keys.press(ready, " ") and not ready.clock.paused
    assert not keys.press(ready, " x") and ready.clock.paused
    assert keys.press(ready, " q")


def test_a_step_ends_where_the_replay_does(ready: Gateway) -> None:
    keys.press(ready, "\x1b[D" * 15)
    assert ready.clock.now_us() == 0
    keys.press(ready, "\x1b[C" * 30)
    assert ready.clock.now_us() == 20 * MINUTE_US


def test_speed_goes_up_and_down_by_steps(ready: Gateway) -> None:
    keys.press(ready, "+=")
    assert ready.clock.speed == 5.0
    keys.press(ready, "---")
    assert ready.clock.speed == 0.5
    keys.press(ready, "+" * 20)
    assert ready.clock.speed == AT_ONCE
    keys.press(ready, "-" * 30)
    assert ready.clock.speed == 0.1


def test_a_line_says_where_it_is(ready: Gateway) -> None:
    assert keys.line(ready) == (
        "1970-01-01 00:10:00 UTC  paused  speed 1  open orders 0  worth 1000000.00 USD, today 0.00")
    assert len(keys.KEYS) == 6 and "q quit" in keys.HELP


def test_keys_are_for_a_terminal_in_whose_foreground_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "isatty", lambda _: True)
    monkeypatch.setattr(os, "tcgetpgrp", lambda _: os.getpgrp())
    assert keys._has_terminal()
    monkeypatch.setattr(os, "tcgetpgrp", lambda _: os.getpgrp() + 1)
    assert not keys._has_terminal()


def test_a_terminal_that_is_gone_is_no_longer_listened_to(monkeypatch: pytest.MonkeyPatch) -> None:
    async def act() -> None:
        ours, theirs = pty.openpty()
        stdin = SimpleNamespace(fileno=lambda: theirs)
        monkeypatch.setattr(sys, "stdin", stdin)
        with keys._keyboard(playing(), lambda: None):
            os.close(ours)
            await asyncio.sleep(0.05)
            assert not asyncio.get_running_loop().remove_reader(theirs)
        os.close(theirs)

    asyncio.run(act())
