"""Whoever keeps a sealer or a checker starts one at a time, when it is time, and ends it."""

import ctypes
import json
import logging
import os
import resource
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from capture.child_process import begin, fail
from capture.lake.layout import Layout
from capture.lake.process_lock import RollerBusyError
from capture.lake.processes import auditor, checker, roller, sealer
from capture.lake.processes.auditor import AuditorKeeper
from capture.lake.processes.checker import CheckerBusyError, CheckerKeeper, check
from capture.lake.processes.roller import End
from capture.lake.processes.sealer import SealerKeeper
from capture.lake.proof import file_round, prune
from capture.lake.proof.audited import write_audited
from capture.lake.proof.prune import PruneError
from capture.lake.roll import Roll, Roller
from capture.lake.sealed import SealerBusyError
from capture.lake.sealing import Sealed, Sealer

STARTED_S = 1_000.0


class Process:
    """A process that runs until it is told otherwise."""

    started: list["Process"]

    def __init__(self, command: list[str], **_: Any) -> None:
        self.command, self.runs, self.done, self.returncode = command, True, [""], 0
        self.started.append(self)

    def poll(self) -> int | None:
        return None if self.runs else self.returncode

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
    now(first_s + 5 * interval_s)
    keeper.look()
    keeper.stop()
    assert [process.done for process in Process.started] == [[""], [""], ["", "terminate", "wait"]]
    command = Process.started[0].command
    assert command[:4] == [sys.executable, "-m", kind.__module__, str(tmp_path)]
    assert command[4:] == [str(os.getpid()) if kind is CheckerKeeper else "{}"]


def test_how_often_in_a_row_a_process_failed_is_known(tmp_path: Path, now: Callable[[float], None]) -> None:
    keeper = CheckerKeeper(Layout(tmp_path))
    seen = []
    for turn, code in enumerate((1, -9, 0, 1, None), 1):  # the last one runs on
        now(turn * checker.LOOK_INTERVAL_S)
        keeper.look()
        seen.append(keeper.failing and (keeper.failing["times"], keeper.failing["exit_code"]))
        if code is not None:
            Process.started[-1].runs, Process.started[-1].returncode = False, code
    assert seen == [None, (1, 1), (2, -9), None, (1, 1)]
    Process.started[-1].runs = False
    keeper.stop()  # ended by us, which is no failure
    assert keeper.failing and keeper.failing["times"] == 1


@pytest.mark.parametrize("due", [[], ["a day"]])
@pytest.mark.parametrize("clearable", [[], [Path("date=2026-01-05")]])
def test_a_sealer_is_started_only_where_there_is_something_to_do(
    tmp_path: Path, now: Callable[[float], None], monkeypatch: pytest.MonkeyPatch, due: list[str], clearable: list[Path]
) -> None:
    monkeypatch.setattr(Sealer, "due", lambda _: due)
    monkeypatch.setattr(Sealer, "clearable", lambda _: clearable)
    SealerKeeper(Layout(tmp_path), '{"trades": 3}').look()
    assert [process.command[4] for process in Process.started] == ['{"trades": 3}'] * bool(due or clearable)


def test_an_audit_is_started_once_a_date_where_accounts_are_recorded(
    tmp_path: Path, now: Callable[[float], None]
) -> None:
    layout = Layout(tmp_path)
    keeper = AuditorKeeper(layout)
    now(auditor.FIRST_LOOK_S)
    keeper.look()
    assert Process.started == [], "there are no accounts"
    for day in ("1970-01-01", "2026-11-18"):
        (layout.live("positions") / f"date={day}").mkdir(parents=True)
    assert keeper.has_work()
    now(auditor.FIRST_LOOK_S + auditor.LOOK_INTERVAL_S)
    keeper.look()
    assert [process.command[1:] for process in Process.started] == [["-m", "capture.watch.audit", str(tmp_path)]]
    write_audited(layout, [], datetime.now(UTC))
    assert not keeper.has_work()
    write_audited(layout, [], datetime.now(UTC) - timedelta(days=1))
    assert keeper.has_work()


class Faults:
    """Stand-ins for what a process does, which fail as told."""

    def __init__(self, **faults: Exception) -> None:
        self.faults, self.done = faults, [""]
        self.given: tuple[Any, ...] = ()

    def does(self, name: str, answer: Any = None) -> Callable[..., Any]:
        def call(*given: Any, **_: Any) -> Any:
            self.done.append(name)
            self.given = given
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
    monkeypatch.setattr(prune, "prune", stage.does("prune", 0))
    assert ran(sealer.main, monkeypatch, tmp_path, *([] if retention is None else [json.dumps(retention)])) == (
        f"ticktape sealer: {says}{'' if says in (None, 'why') else ', and nothing is lost'}" if says else None)
    assert stage.done[1:] == done
    if done[-1] == "prune":
        assert stage.given == (Layout(tmp_path), retention)


@pytest.mark.parametrize(("fault", "says"), [
    (None, None), (CheckerBusyError("another"), None),
    (OSError("gone"), "ticktape checker: gone; files of the archive are not being looked at")])  # fmt: skip
def test_the_checker_process_reads_what_is_due(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception | None, says: str | None
) -> None:
    stage = Faults(**({"check": fault} if fault else {}))
    monkeypatch.setattr(checker, "check", stage.does("check"))
    assert ran(checker.main, monkeypatch, tmp_path, "12") == says
    assert stage.done[1:] == ["check"]
    assert stage.given == (Layout(tmp_path), 12)


def ran(main: Callable[[], object], monkeypatch: pytest.MonkeyPatch, *arguments: object) -> str | None:
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

    monkeypatch.setattr(file_round, "Round", Round)
    check(Layout(tmp_path), os.getppid())
    with pytest.raises(SystemExit):
        check(Layout(tmp_path), os.getppid() + 1)
    assert slept == [3.0, 3.0]


@pytest.mark.parametrize(("fault", "says"), [
    (None, None),
    (OSError("no room"), "ticktape roller: no room; nothing on the tape is lost, and rolling goes on from there"),
])  # fmt: skip
@pytest.mark.parametrize("retention", [(), ('{"trades": 3}',)])
def test_the_roller_process_rolls_what_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception | None, says: str | None,
    retention: tuple[str, ...],
) -> None:
    stage = Faults(**({"run": fault} if fault else {}))
    monkeypatch.setattr(roller, "run", stage.does("run"))
    monkeypatch.setattr(roller, "keep_memory", stage.does("keep_memory"))
    monkeypatch.setattr(signal, "pthread_sigmask", stage.does("unblock"))
    assert ran(roller.main, monkeypatch, tmp_path, "main", 12, *retention) == says
    assert stage.done[1:] == ["keep_memory", "unblock", "run"]
    data, recorder, end, parent, *more = stage.given
    assert (data, recorder, end.told, parent, tuple(more)) == (tmp_path, "main", False, 12, retention)


class Stage:
    """What a roller rolls, starts and waits for, in one order; it is told to end after some looks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, looks: int, busy: int = 0) -> None:
        self.end, self.looks, self.busy, self.now_s = End(), looks, busy, 100.0
        self.done: list[Any] = []
        monkeypatch.setattr(time, "sleep", self.sleep)
        monkeypatch.setattr(time, "monotonic", lambda: self.now_s)
        monkeypatch.setattr(roller, "prepare", lambda _: self.done.append("prepare"))
        monkeypatch.setattr(roller, "roller_lock", self.lock)
        for name in ("Roller", "SealerKeeper", "CheckerKeeper", "AuditorKeeper", "RollCounts"):
            monkeypatch.setattr(roller, name, lambda *_, name=name: Actor(name, self))

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        self.done.append(seconds)
        self.looks -= 1
        if not self.looks:
            self.end.tell(signal.SIGTERM, None)

    @contextmanager
    def lock(self, *_: Any) -> Iterator[None]:
        if self.busy:
            self.busy -= 1
            raise RollerBusyError("another")
        yield


class Actor:
    """One of those, which says what it is asked to do; rolling a range takes two seconds."""

    def __init__(self, name: str, stage: Stage) -> None:
        self.name, self.stage = name, stage

    def roll(self) -> Iterator[Roll]:
        for mark in (1, 2):
            self.stage.now_s += 2
            yield Roll(mark, mark + 1, 3, {"trades": 4})

    @property
    def failing(self) -> str:
        return f"failing {self.name}"

    def fails(self, **failing: str) -> None:
        self.stage.done.append((self.name, "fails", failing))

    def __getattr__(self, called: str) -> Callable[..., None]:
        return lambda *given: self.stage.done.append((self.name, called, *given))


def rolled(begun_s: float) -> list[tuple[Any, ...]]:
    """Return what a roller does for two ranges: each is counted and told, so that one that has much to do shows it."""
    return [done for mark in (1, 2) for done in (
        ("RollCounts", "rolled", Roll(mark, mark + 1, 3, {"trades": 4}), pytest.approx(2.0)),
        ("RollCounts", "tell", pytest.approx(begun_s + 2 * mark)))]


def test_a_roller_rolls_and_looks_after_others_until_it_is_told_to_end_and_then_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(monkeypatch, looks=2)
    roller.run(tmp_path, "main", stage.end, os.getppid())
    assert stage.done == [
        "prepare", roller.POLL_S, *rolled(100.2), ("RollCounts", "tell", pytest.approx(104.2), False),
        ("SealerKeeper", "look"), ("CheckerKeeper", "look"), ("AuditorKeeper", "look"),
        ("RollCounts", "fails", {"sealer": "failing SealerKeeper", "checker": "failing CheckerKeeper",
                                 "auditor": "failing AuditorKeeper"}),
        roller.POLL_S, *rolled(104.4), ("RollCounts", "tell", pytest.approx(108.4), True),
        ("AuditorKeeper", "stop"), ("CheckerKeeper", "stop"), ("SealerKeeper", "stop")]  # fmt: skip


def test_a_roller_whose_recorder_is_gone_rolls_once_and_one_told_to_end_does_not_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(monkeypatch, looks=9)
    roller.run(tmp_path, "main", stage.end, os.getppid() + 1)
    assert stage.done[1:6] == [roller.POLL_S, *rolled(100.2)]
    assert len(stage.done) == 10
    stage = Stage(monkeypatch, looks=9)
    stage.end.tell()
    roller.run(tmp_path, "main", stage.end, os.getppid())
    assert stage.done[:5] == ["prepare", *rolled(100.0)]


@pytest.mark.parametrize(("busy", "looks", "waits", "rolls"), [(3, 99, 3, True), (3, 2, 2, False), (1, 99, 1, True)])
def test_a_roller_waits_for_another_and_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, busy: int, looks: int,
    waits: int, rolls: bool,
) -> None:
    stage = Stage(monkeypatch, looks, busy)
    monkeypatch.setattr(roller, "_roll", lambda *given: stage.done.append(given))
    roller.run(tmp_path, "main", stage.end, os.getppid(), "{}")
    assert stage.done[:waits] == [roller.BUSY_S] * waits
    assert stage.done[waits:] == [(Layout(tmp_path), "main", stage.end, os.getppid(), "{}")] * rolls
    assert [record.getMessage() for record in caplog.records] == ["another"]


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="the C library has no such setting")
def test_memory_that_a_roller_gives_back_stays_with_its_process() -> None:
    size_bytes = 100 << 20
    child = os.fork()
    if not child:
        library = ctypes.CDLL(None)
        library.malloc.restype, library.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
        roller.keep_memory()
        before_bytes = resident_bytes()
        given = library.malloc(ctypes.c_size_t(size_bytes))
        ctypes.memset(given, 1, size_bytes)
        library.free(given)
        os._exit(0 if resident_bytes() - before_bytes > size_bytes * 9 // 10 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_processes_give_way_ignore_the_terminal_and_say_lines(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(os, "nice", lambda niceness: asked.append(niceness))
    monkeypatch.setattr(signal, "signal", lambda *given: asked.append(given))
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        begin("sealer", 7)
        logging.getLogger("ticktape.sealer").warning("two\nlines %d", 5)
        logging.getLogger("ticktape.sealer").info("not said")
    finally:
        root.handlers[:], root.level = handlers, level
    assert asked == [(signal.SIGINT, signal.SIG_IGN), (signal.SIGHUP, signal.SIG_IGN), 7]
    said = capsys.readouterr().err
    assert said.startswith("ticktape sealer: two")
    assert said.count("\n") == 1
    try:
        begin("roller")
    finally:
        root.handlers[:], root.level = handlers, level
    assert asked[-1] == 0
    monkeypatch.setattr(os, "nice", Faults(nice=OSError()).does("nice"))
    try:
        begin("sealer")
    finally:
        root.handlers[:], root.level = handlers, level
    with pytest.raises(SystemExit, match=r"^ticktape sealer: a.{1,9}b$"):
        fail("sealer", "a\nb")


@pytest.mark.parametrize(("name", "where", "does"), [
    ("sealer", Sealer, "seal"), ("checker", file_round.Round, "check"), ("roller", Roller, "roll")])  # fmt: skip
def test_a_module_of_a_process_runs_it_where_it_is_started_and_only_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, where: Any, does: str
) -> None:
    (tmp_path / "sealed").mkdir()
    (tmp_path / "tape" / "main").mkdir(parents=True)
    stage = Faults()
    monkeypatch.setattr(where, does, stage.does(does, []))
    monkeypatch.setattr("capture.lake.views.prepare", lambda _: None)
    monkeypatch.setattr(logging, "basicConfig", lambda **_: None)
    monkeypatch.setattr(signal, "pthread_sigmask", lambda *_: None)
    module = f"capture.lake.processes.{name}"
    monkeypatch.delitem(sys.modules, module)  # of which runpy would warn
    for run_as, done in (("imported", []), ("__main__", [does])):
        given = ["main", 1] if name == "roller" else [1] if name == "checker" else []
        assert ran(partial(runpy.run_module, module, run_name=run_as), monkeypatch, tmp_path, *given) is None
        assert stage.done[1:] == done
