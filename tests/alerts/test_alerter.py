"""The alerter as a process: it tells of a recorder that is gone, survives kills, and is the only one that tells."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from capture.alerts import alive
from capture.alerts.alert_log import read_log, read_state
from capture.alerts.alerter import Alerter, End
from capture.alerts.mutes import Mute, write_mutes
from capture.data_folder import ALERT_LOCK
from capture.lake.process_lock import locked
from capture.wanted.alert_block import AlertBlock, Telling, spelled
from tests.watch.conftest import Told, ago, stream
from tests.watch.conftest import told as told  # a fixture

from .conftest import SECRET, Hook, block, texts_below, until

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts alerters, with all that they say in a file."""
    started = []

    def begin(data: Path, *blocks: AlertBlock, ping: str = "", parent: int | None = None) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "capture.alerts.alerter", str(data), str(parent or os.getpid())]
        with (tmp_path / "said").open("ab") as said:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=said)
        started.append(process)
        assert process.stdin is not None
        process.stdin.write(spelled(Telling(list(blocks), SecretStr(ping), time.time())))
        process.stdin.close()
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait()


def lost(data: Path, told: Told, **more: Any) -> None:
    """Let the recorder say that its line is lost, now and for an hour."""
    now = datetime.now(UTC)
    said = {"state": "backing off", "line_since": ago(10, now), "trouble": "lost", "lost_in": "recording"} | more
    told(now, heard_s=-3600.0, roller_heard_s=-3600.0, data=data, restart_windows=[], written=ago(1, now),
         started=ago(9000, now), **said)  # fmt: skip


def own(hook: Hook, **more: Any) -> AlertBlock:
    return block(**{"what": ["line-lost", "nothing-records", "recorder-ended"], "webhook": hook.url, **more})


@pytest.mark.slow
def test_an_alerter_tells_and_is_killed_and_tells_nothing_twice(
    start: Start, hook: Hook, told: Told, tmp_path: Path
) -> None:
    data = tmp_path / "lake"
    lost(data, told)
    hook.hold.set()
    process = start(data, own(hook))
    until(lambda: hook.messages)  # it has sent, and has no answer
    process.kill()
    process.wait()
    hook.hold.clear()
    process = start(data, own(hook))
    until(lambda: read_log(data)[0]["sent"])
    assert len({message["id"] for message in hook.messages}) == 1  # the same again, by its id
    sent = len(hook.messages)
    process.kill()
    process.wait()
    process = start(data, own(hook))
    until(lambda: (read_state(data)["ledgers"]["test"]["looked_s"] or 0) > time.time() - 1)
    assert len(hook.messages) == sent <= 2
    lost(data, told, state="recording", trouble=None)
    until(lambda: len(hook.messages) > sent)
    process.terminate()
    assert process.wait(60) == 0
    assert [message["status"] for message in hook.messages[sent:]] == ["resolved"]
    assert [row["status"] for row in read_log(data)] == ["firing", "resolved"]
    assert SECRET not in texts_below(tmp_path)


@pytest.mark.slow
def test_one_waits_while_another_tells_and_takes_over(start: Start, hook: Hook, told: Told, tmp_path: Path) -> None:
    data = tmp_path / "lake"
    lost(data, told)
    (data / "alerts").mkdir()
    with locked(data / ALERT_LOCK, fcntl.LOCK_EX):
        start(data, own(hook))
        until(lambda: "waits for its turn" in (tmp_path / "said").read_text())
        assert hook.messages == []
    until(lambda: hook.messages)


@pytest.mark.slow
def test_an_alerter_whose_recorder_was_killed_tells_so(hook: Hook, told: Told, tmp_path: Path) -> None:
    """A recorder cannot tell of its own death, nor whoever ends with it."""
    data = tmp_path / "lake"
    recorder = subprocess.Popen([sys.executable, "-c", f"""
import subprocess, sys, os
process = subprocess.Popen([sys.executable, "-m", "capture.alerts.alerter", {str(data)!r}, str(os.getpid())],
                           stdin=subprocess.PIPE)
process.stdin.write(sys.stdin.buffer.read()); process.stdin.close()
print(process.pid, flush=True)
process.wait()
"""], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert recorder.stdin is not None and recorder.stdout is not None
    lost(data, told, state="recording", trouble=None, pid=recorder.pid, streams=[stream()])
    recorder.stdin.write(spelled(Telling([own(hook)], SecretStr(""), time.time())))
    recorder.stdin.close()
    pid = int(recorder.stdout.readline())
    until(lambda: (data / "alerts" / "state.json").exists())
    assert hook.messages == []
    recorder.kill()
    recorder.wait()
    recorder.stdout.close()
    until(lambda: hook.messages)
    [one] = hook.messages[0]["troubles"]
    assert (one["kind"], one["name"]) == ("recorder-ended", "main")
    os.kill(pid, signal.SIGTERM)


@pytest.fixture
def alerter(hook: Hook, tmp_path: Path) -> Iterator[Alerter]:
    """An alerter in this process, that looks when it is told to; its data folder is `lake`."""
    here = Alerter(tmp_path / "lake", Telling([own(hook)], SecretStr(""), 0.0))
    yield here
    here.close()


def test_a_mute_holds_back_and_its_end_closes_what_was_told(
    alerter: Alerter, hook: Hook, told: Told, tmp_path: Path
) -> None:
    """D41, with real files."""
    data = tmp_path / "lake"
    lost(data, told)
    alerter.look()
    until(lambda: hook.messages)
    write_mutes(data, [Mute("main", time.time() + 3600)])
    lost(data, told, state="recording", trouble=None)
    alerter.look()
    assert [row["status"] for row in read_log(data)] == ["firing"]
    write_mutes(data, [])
    alerter.look()
    until(lambda: len(hook.messages) > 1)
    assert hook.messages[1]["status"] == "resolved"


def test_the_sign_of_life_is_asked_for_while_rows_come(hook: Hook, told: Told, tmp_path: Path) -> None:
    data = tmp_path / "lake"
    lost(data, told, state="recording", trouble=None, streams=[stream(market="liquid", rows=7)])
    here = Alerter(data, Telling([], SecretStr(hook.url), 0.0))
    here.look()
    until(lambda: hook.requests)
    here.look()
    here.close()
    assert [(method, body) for method, _, _, body in hook.requests] == [("GET", b"")]


def test_a_sign_of_life_that_is_not_taken_is_said_once_without_its_address(
    hook: Hook, told: Told, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "lake"
    hook.answers = [500, 500]
    monkeypatch.setattr(alive, "PERIOD_S", 0.0)
    here = Alerter(data, Telling([], SecretStr(hook.url), 0.0))
    for rows in (1, 2):
        lost(data, told, state="recording", trouble=None, streams=[stream(market="liquid", rows=rows)])
        here.look()
        until(lambda: len(hook.requests) == rows)  # noqa: B023  # called at once
    here.close()
    assert caplog.text.count("the sign of life was not taken: HTTP 500") == 1
    assert SECRET not in caplog.text


def test_an_action_that_fails_is_said_without_its_secret(
    alerter: Alerter, hook: Hook, told: Told, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lost(tmp_path / "lake", told)
    hook.answers = [500]
    alerter.look()
    until(lambda: read_log(tmp_path / "lake")[0]["sent"])
    assert "HTTP 500; it is tried again" in caplog.text
    assert SECRET not in texts_below(tmp_path) + caplog.text
    assert hook.messages[0] == hook.messages[1]


def test_the_end_comes_when_told_and_some_time_after_its_recorder_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    end = End(os.getppid(), 50.0)
    assert not end.has_come()
    now_s = time.monotonic()
    monkeypatch.setattr(os, "getppid", lambda: 1)
    for after_s, has_come in ((0.0, False), (49.0, False), (51.0, True)):
        monkeypatch.setattr(time, "monotonic", lambda at_s=now_s + after_s: at_s)
        assert end.has_come() is has_come
    told = End(None, 0.0)
    assert not told.has_come()
    told.tell()
    assert told.has_come()


def test_looking_that_fails_is_said_once_and_tried_again(
    alerter: Alerter, hook: Hook, told: Told, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = tmp_path / "lake"
    lost(data, told)
    status = data / "tape" / "main" / "status.json"
    good = status.read_text()
    status.unlink()
    status.mkdir()  # as nobody would
    for _ in range(2):
        alerter.step()
        assert alerter._looking is not None
        until(alerter._looking.done)
        alerter.step()
        alerter._due_s = 0.0
    status.rmdir()
    status.write_text(good)
    os.utime(status, (time.time() + 3600,) * 2)
    alerter.step()
    until(lambda: hook.messages)
    assert caplog.text.count("troubles cannot be looked for: IsADirectoryError") == 1
