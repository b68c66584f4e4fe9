import asyncio
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from capture.session.machine import Machine
from capture.session.phases import State
from capture.wanted.settings import Settings

progress = import_module("capture.cli.shared.progress")  # type checkers see only the package


def test_rates_are_per_second_since_the_look_before() -> None:
    pulse = progress.Pulse()
    pulse.take(10.0, 1_000, 0)
    assert (pulse.frames_per_second, pulse.silent_s(10.0)) == (0, None)
    pulse.take(12.0, 1_100, 5_000)
    assert (pulse.frames_per_second, pulse.bytes_per_second) == (50, 2_500)
    pulse.take(12.0, 1_100, 5_000)
    assert (pulse.frames_per_second, pulse.bytes_per_second) == (50, 2_500), "the recorder has said nothing since"


def test_silence_counts_from_the_last_new_byte() -> None:
    pulse = progress.Pulse()
    for now_s, received_bytes in ((0, 0), (1, 100), (2, 100), (3, 100)):
        pulse.take(now_s, 0, received_bytes)
    assert pulse.silent_s(3.5) == pytest.approx(2.5)
    assert pulse.bytes_per_second == 0


def test_bytes_that_came_before_each_writing_are_no_silence_however_old_the_last_one_is() -> None:
    pulse = progress.Pulse()
    for now_s, received_bytes in ((0, 0), (5, 100), (10, 200)):
        pulse.take(now_s, 0, received_bytes)
    assert pulse.silent_s(14.9) == 0


def test_the_time_shown_is_that_in_the_present_state_and_ends_with_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    settings = Settings(data=tmp_path)
    machine, lines = Machine(settings, []), progress.Lines(settings)
    lines.looks = 1
    machine.state = State.GREETING
    states = [State.GREETING, State.RECORDING, State.RECORDING, State.STOPPED]
    now_s = 0.0

    def look(*_: Any) -> dict[str, Any]:
        nonlocal now_s
        now_s += 10
        machine.state = states.pop(0)
        return {"running": True, "streams": [], "frames": 0, "received_bytes": 0, "tape_bytes": 0,
                "behind_marks": 0, "written": "2026-01-05T14:30:00+00:00"}

    monkeypatch.setattr(progress, "own_state", look)
    monkeypatch.setattr(progress, "LOOK_INTERVAL_S", 0)
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: now_s, time=lambda: now_s))
    asyncio.run(asyncio.wait_for(lines.watch(machine), 120))
    said = [line.split(" · ")[0] for line in capsys.readouterr().err.splitlines()]
    assert said == [f"ticktape: {text}" for text in (
        "greeting for 10 s", "greeting for 20 s", "recording for 10 s", "recording for 20 s")], "a look takes 10 s"
