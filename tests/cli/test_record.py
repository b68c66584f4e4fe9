import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from capture.gateway import Gateway
from capture.status_model import LEAST_INTERVAL_S
from capture.tape.recording_lock import FolderLock

Run = Callable[..., Any]
record = import_module("capture.cli.recording.record")  # type checkers see only the package
TICKTAPE = [sys.executable, "-m", "capture.cli"]


@pytest.mark.parametrize(("text", "words"), [
    ("trades", ["trades"]),
    ("trades,ticks:233,236,depth:20", ["trades", "ticks:233,236", "depth:20"]),
    ("live_bars:1 min:MIDPOINT, bars", ["live_bars:1 min:MIDPOINT", "bars"]),
    ("trades,foo", ["trades,foo"]),
])
def test_streams_are_split_between_words(text: str, words: list[str]) -> None:
    assert record.split_words(text) == words


@pytest.mark.parametrize(("arguments", "hint"), [
    (["A!"], "names no instrument"),
    (["AAPL", "--streams", "tirades"], "allowed are"),
    (["BRK.B"], "did you mean 'BRK B'?"),
    (["AAPL", "--streams", "", "--port", "1"], "--streams names no stream"),
    (["--streams", " "], "--streams names no stream"),
    (["AAPL", "--port", "0"], "--port: "),
    (["AAPL", "--client-id", "-1"], "--client-id: "),
    (["AAPL", "--streams", "tirades"], "--streams: "),
    (["AAPL", "--recorder", "a/b"], "--recorder: 'a/b' is no name of a recorder: letters, digits"),
    (["--streams", "trades"], "ticktape.toml"),
    ([], "nothing to record"),
    (["--config", "missing.toml"], "ticktape init"),
])
def test_wrong_settings_are_told_and_2(run: Run, arguments: list[str], hint: str) -> None:
    code, out, err = run("record", *arguments)
    assert (code, out) == (2, "")
    assert hint in err
    assert "Traceback" not in err


@pytest.mark.parametrize(("toml", "place", "hint"), [
    ("port = 4002\nclient_id = -1\n", "line 2", "client_id"),
    ("prot = 4002\n", "line 1", "port"),
    ("port = \n", "line 1", "not TOML"),
    ('[[record]]\ninstruments = ["AAPL"]\nstreams = ["tirades"]\n', "line 3", "trades"),
])
def test_a_mistake_in_the_file_is_named_by_line_and_key(run: Run, toml: str, place: str, hint: str) -> None:
    Path("ticktape.toml").write_text(toml)
    code, _, err = run("record")
    assert code == 2
    assert place in err
    assert hint in err


@pytest.fixture
def stranger() -> Iterator[int]:
    """The port of a server that is no gateway."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        def greet() -> None:
            try:
                while True:
                    connection, _ = server.accept()
                    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
            except OSError:
                pass

        threading.Thread(target=greet, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.slow
def test_not_a_gateway_at_the_port(run: Run, stranger: int) -> None:
    code, _, err = run("record", "AAPL", "--port", stranger)
    assert code == 1
    assert "not TWS or IB Gateway" in err
    assert "Traceback" not in err


@pytest.mark.slow
def test_nobody_at_the_port(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKTAPE_CONNECT_TIMEOUT_S", "0.2")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    code, _, err = run("record", "AAPL", "--port", port)
    assert code == 1
    assert err.count(f"127.0.0.1:{port}") == 1
    assert "4002" in err
    assert err.endswith("ticktape: error: stopped: there was no session, for the reason said above\n")


@pytest.mark.slow
def test_an_instrument_that_nobody_knows(run: Run, gateway: Gateway) -> None:
    code, _, err = run("record", "NOSUCH", "--port", gateway.port, "--for", 20)
    assert code == 1
    assert "NOSUCH" in err


def test_a_second_recorder_of_the_same_name(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "tape" / "main"
    folder.mkdir(parents=True)
    lock = FolderLock(folder)
    code, _, err = run("record", "AAPL")
    lock.release()
    assert code == 1
    assert f"process {os.getpid()} is recording" in err
    assert "--recorder" in err


def test_a_file_where_the_folder_should_be(run: Run) -> None:
    Path("data").write_text("")
    code, _, err = run("record", "AAPL")
    assert code == 1
    assert "data" in err
    assert "Traceback" not in err


@pytest.mark.slow
def test_recording_then_asking(run: Run, gateway: Gateway) -> None:
    code, out, err = run("record", "AAPL", "ESZ6", "--streams", "trades,quotes", "--port", gateway.port, "--for", 3)
    assert (code, out) == (0, ""), err
    assert "requesting 4 of 4 wanted streams" in err
    query = "select symbol, stream from trades union select symbol, stream from quotes order by all"
    rows = json.loads(run("sql", query, "--json").out)
    assert [(row["symbol"], row["stream"]) for row in rows] == [
        ("AAPL", "all_last"), ("AAPL", "quotes"), ("ESZ6", "all_last"), ("ESZ6", "quotes")]
    status = json.loads(run("status", "--json").out)
    recorder = status["recorders"][0]
    assert (recorder["condition"], recorder["running"], recorder["behind_marks"]) == ("stopped", False, 0)
    assert all(stream["last_row_age_s"] < 60 for stream in recorder["streams"])
    assert status["disk"]["tape_bytes"] > 0
    assert "main: stopped" in run("status").out


@pytest.mark.slow
def test_a_refused_stream_is_3_and_the_others_go_on(run: Run, gateway: Gateway) -> None:
    code, _, err = run("record", "AAPL", "NOSUCH", "--streams", "quotes", "--port", gateway.port, "--for", 3)
    assert code == 3
    assert "NOSUCH" in err
    assert json.loads(run("sql", "select count(*) > 0 as some from quotes", "--json").out) == [{"some": True}]
    assert run("sql", "select meaning from notices where code = 200", "--format", "csv").out.count("\n") == 2


@pytest.mark.slow
def test_a_recorder_is_seen_and_asked_while_it_runs(run: Run, gateway: Gateway, tmp_path: Path) -> None:
    terminal, its_stderr = pty.openpty()
    command = [*TICKTAPE, "record", "AAPL", "--streams", "quotes,depth", f"--port={gateway.port}"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=its_stderr) as process:
        os.close(its_stderr)
        try:
            recorder = _wait_for_rows(run)
            count = json.loads(run("sql", "select count(*) as n from quotes", "--json").out)[0]["n"]
            time.sleep(2 * LEAST_INTERVAL_S + 2)  # for the drawing to have seen two statuses
        finally:
            process.send_signal(signal.SIGINT)
        drawn = _read_all(terminal)
    assert process.returncode == 0
    assert (recorder["condition"], recorder["pid"]) == ("recording", process.pid)
    assert [stream["word"] for stream in recorder["streams"]] == ["quotes", "depth"]
    assert count > 0
    # What was on the tape was answered before any file held it.
    assert re.search(r"frames, [1-9][\d,]*/s", drawn)


@pytest.mark.slow
def test_a_killed_recorder_is_known_to_be_gone(run: Run, gateway: Gateway, tmp_path: Path) -> None:
    command = [*TICKTAPE, "record", "AAPL", "--streams", "quotes", f"--port={gateway.port}"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
        _wait_for_rows(run)
        process.kill()
    recorder = json.loads(run("status", "--json").out)["recorders"][0]
    assert (recorder["condition"], recorder["running"]) == ("ended without stopping", False)


def _wait_for_rows(run: Run) -> dict[str, Any]:
    """Return the state of the one recorder as soon as rows of its first stream were seen."""
    deadline_s = time.monotonic() + 20
    while time.monotonic() < deadline_s:
        ran = run("status", "--json")
        for recorder in json.loads(ran.out)["recorders"] if ran.code == 0 else []:
            if recorder["running"] and recorder["streams"] and recorder["streams"][0]["rows_per_second"] > 0:
                return dict(recorder)
        time.sleep(0.2)
    raise AssertionError(f"no row was recorded: {ran}")


def _read_all(terminal: int) -> str:
    parts = []
    try:
        while part := os.read(terminal, 65_536):
            parts.append(part)
    except OSError:  # how a terminal ends on Linux
        pass
    os.close(terminal)
    return b"".join(parts).decode()
