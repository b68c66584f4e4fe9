"""Whoever keeps a sealer or a checker starts one at a time, when it is time, and ends it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from capture.lake.layout import Layout
from capture.lake.processes import checker, sealer
from capture.lake.processes.checker import CheckerBusyError, CheckerKeeper, check
from capture.lake.processes.sealer import SealerKeeper
from capture.lake.proof.prune import PruneError
from capture.lake.sealed import SealerBusyError
from capture.lake.sealing import Sealed, Sealer

STARTED_S = 1_000.0


class Process:
    """A process that runs until it is told otherwise."""

    started: list["Process"]

    def __init__(self, command: list[str], **_: Any) -> None:
        self.command, self.runs, self.done = command, True, [""]
        self.started.append(self)

    def poll(self) -> int | None:
        return None if self.runs else 0

    def terminate(self) -> None:
        self.done.append("terminate")

    def wait(self) -> None:
        self.done.append("wait")


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the monotonic clock, in seconds since a keeper is made."""
    clock = [STARTED_S]
    Process.started = []
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(subprocess, "Popen", Process)

    def go(to_s: float) -> None:
        clock[0] = STARTED_S + to_s

    return go


@pytest.mark.parametrize(("kind", "first_s", "interval_s"), [
    (CheckerKeeper, checker.FIRST_LOOK_S, checker.LOOK_INTERVAL_S), (SealerKeeper, 0.0, sealer.LOOK_INTERVAL_S),
])  # fmt: skip
def test_one_process_at_a_time_is_started_when_it_is_time(
    tmp_path: Path, now: Callable[[float], None], monkeypatch: pytest.MonkeyPatch, kind: Any, first_s: float,
    interval_s: float,
) -> None:
    monkeypatch.setattr(Sealer, "due", lambda _: ["a day"])
    keeper = kind(Layout(tmp_path))
    keeper.stop()  # nothing to end
    looks = [(first_s - 1, 0), (first_s, 1), (first_s + interval_s - 1, 1), (first_s + 3 * interval_s, 1)]
    for at_s, count in looks if first_s else looks[1:]:
        now(at_s)
        keeper.look()
        assert len(Process.started) == count, at_s
    Process.started[0].runs = False
    now(first_s + 4 * interval_s)
    keeper.look()
    keeper.look()
    assert len(Process.started) == 2
    Process.started[1].runs = False
    keeper.look()
    assert len(Process.started) == 2  # it is not time yet
    keeper.stop()
    assert [process.done for process in Process.started] == [[""], ["", "terminate", "wait"]]
    command = Process.started[0].command
    assert command[:4] == [sys.executable, "-m", kind.__module__, str(tmp_path)]
    assert command[4:] == [str(os.getpid()) if kind is CheckerKeeper else "{}"]


@pytest.mark.parametrize("due", [[], ["a day"]])
@pytest.mark.parametrize("clearable", [[], [Path("date=2026-01-05")]])
def test_a_sealer_is_started_only_where_there_is_something_to_do(
    tmp_path: Path, now: Callable[[float], None], monkeypatch: pytest.MonkeyPatch, due: list[str], clearable: list[Path]
) -> None:
    monkeypatch.setattr(Sealer, "due", lambda _: due)
    monkeypatch.setattr(Sealer, "clearable", lambda _: clearable)
    SealerKeeper(Layout(tmp_path), '{"trades": 3}').look()
    assert [process.command[4] for process in Process.started] == ['{"trades": 3}'] * bool(due or clearable)


class Faults:
    """Stand-ins for what a process does, which fail as told."""

    def __init__(self, **faults: Exception) -> None:
        self.faults, self.done = faults, [""]

    def does(self, name: str, answer: Any = None) -> Callable[..., Any]:
        def call(*_: Any, **__: Any) -> Any:
            self.done.append(name)
            if name in self.faults:
                raise self.faults[name]
            return answer

        return call


@pytest.mark.parametrize(("retention", "faults", "done", "says"), [
    (None, {}, ["seal", "clear"], None),
    ({}, {}, ["seal", "clear"], None),
    ({"trades": 3}, {}, ["seal", "clear", "prune"], None),
    ({"trades": 3}, {"seal": SealerBusyError("another")}, ["seal"], None),
    ({"trades": 3}, {"prune": PruneError("why")}, ["seal", "clear", "prune"], "why"),
    ({}, {"seal": OSError("no room")}, ["seal"], "no room; the date stays as it is"),
])  # fmt: skip
def test_the_sealer_process_seals_clears_and_prunes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, retention: Any, faults: dict[str, Exception], done: list[str],
    says: str | None,
) -> None:
    stage = Faults(**faults)
    monkeypatch.setattr(Sealer, "seal", stage.does("seal", [Sealed(date(2026, 1, 5))]))
    monkeypatch.setattr(Sealer, "clear", stage.does("clear", 0))
    monkeypatch.setattr(sealer, "prune", stage.does("prune", 0))
    assert ran(sealer.main, monkeypatch, tmp_path, *([] if retention is None else [json.dumps(retention)])) == (
        f"ticktape sealer: {says}{'' if says in (None, 'why') else ', and nothing is lost'}" if says else None)
    assert stage.done[1:] == done


@pytest.mark.parametrize(("fault", "says"), [
    (None, None), (CheckerBusyError("another"), None),
    (OSError("gone"), "ticktape checker: gone; files of the archive are not being looked at")])  # fmt: skip
def test_the_checker_process_reads_what_is_due(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception | None, says: str | None
) -> None:
    stage = Faults(**({"check": fault} if fault else {}))
    monkeypatch.setattr(checker, "check", stage.does("check"))
    assert ran(checker.main, monkeypatch, tmp_path, "1") == says
    assert stage.done[1:] == ["check"]


def ran(main: Callable[[], None], monkeypatch: pytest.MonkeyPatch, *arguments: object) -> str | None:
    """Return what a process that is run here says at its end; None where it just ends."""
    monkeypatch.setattr(sys, "argv", ["", *map(str, arguments)])
    monkeypatch.setattr(os, "nice", lambda _: 0)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    try:
        main()
    except SystemExit as left:
        return str(left.code)
    return None


def test_a_checker_whose_roller_is_gone_ends_at_its_next_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sealed").mkdir()
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)

    class Round:
        def __init__(self, _: Layout, pace: Callable[[int], None]) -> None:
            self.pace = pace

        def check(self) -> list[Any]:
            self.pace(3 * checker.BYTES_PER_S)
            return []

    monkeypatch.setattr(checker, "Round", Round)
    check(Layout(tmp_path), os.getppid())
    with pytest.raises(SystemExit):
        check(Layout(tmp_path), os.getppid() + 1)
    assert slept == [3.0, 3.0]
