"""`ticktape backfill`, against a gateway with an invented market."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from capture import open_lake
from capture.gateway import Gateway

backfill = import_module("capture.cli.recording.backfill")  # type checkers see only the package

Run = Callable[..., Any]


@pytest.mark.parametrize(("arguments", "hint"), [
    (["AAPL"], "--from and --until"),
    (["--from", "2026-01-01"], "name them"),
    (["AAPL", "--from", "yesterday", "--until", "2026-01-02"], "no time such as"),
    (["AAPL", "--from", "2026-01-02", "--until", "2026-01-01"], "no span of the past"),
    (["AAPL", "--from", "2026-01-02", "--until", "2999-01-01"], "no span of the past"),
    (["AAPL", "--from", "2026-01-02", "--until", "2026-01-03", "--what", "tirades"], "allowed are trades"),
    (["AAPL", "--from", "2026-01-02", "--until", "2026-01-03", "--what", "bars:7 mins"], "allowed are trades"),
    (["A!", "--from", "2026-01-02", "--until", "2026-01-03"], "names no instrument"),
])
def test_wrong_usage_is_told_and_2(run: Run, arguments: list[str], hint: str) -> None:
    code, out, err = run("backfill", *arguments)
    assert (code, out) == (2, "")
    assert hint in err
    assert "Traceback" not in err


def text(at_s: float) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%S}"


@pytest.mark.slow
def test_a_span_is_fetched_once_and_a_second_time_adds_nothing(run: Run, gateway: Gateway, tmp_path: Path) -> None:
    data, now_s = tmp_path / "data", time.time() - 3_600
    span = ["--from", text(now_s), "--until", text(now_s + 60), "--what", "trades,bars:1 min"]
    counted = []
    for _ in range(2):
        code, _, err = run("backfill", "AAPL", *span, "--port", gateway.port, "--data", data)
        assert code == 0, err
        assert "rows of history fetched" in err
        with open_lake(data) as lake:
            counted.append(lake.sql("select (select count(*) from trades), (select count(*) from bars), "
                                    "(select count(*) from undecoded)").rows()[0])  # fmt: skip
            edges = lake.sql("select epoch(min(ts_event)), epoch(max(ts_event)) from trades").rows()[0]
    from_us = int(now_s) * 1_000_000
    assert counted[0] == counted[1]
    assert counted[0][0] == len(gateway.state.feed.trades(265598, from_us, from_us + 60_000_000))
    assert counted[0][1:] == (1, 0)
    assert int(now_s) <= edges[0] <= edges[1] <= int(now_s) + 59
    assert list((data / "tape" / "main" / "backfill").iterdir()) == []
    assert (data / "tape" / "main" / "pacing.json").exists()


@pytest.mark.slow
def test_what_history_does_not_have_is_told_and_3(run: Run, gateway: Gateway, tmp_path: Path) -> None:
    options = ["--from", "2026-01-02", "--until", "2026-01-03", "--port", gateway.port, "--data", tmp_path / "data"]
    code, _, err = run("backfill", "IND:SPX@CBOE", *options)
    assert code == 3
    assert "nothing there" in err


@pytest.mark.slow
def test_without_gaps_there_is_nothing_to_do(run: Run, gateway: Gateway, tmp_path: Path) -> None:
    assert run("backfill", "--port", gateway.port, "--data", tmp_path / "data").code == 0


@pytest.mark.slow
def test_a_running_recorder_does_the_work(run: Run, gateway: Gateway, tmp_path: Path) -> None:
    data, now_s = tmp_path / "data", time.time() - 3_600
    options = ["--port", str(gateway.port), "--data", str(data)]
    command = [sys.executable, "-m", "capture.cli", "record", "AAPL", "--streams", "trades", *options, "--for", "60"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as recorder:
        try:
            while not (data / "tape" / "main" / "status.json").exists():
                time.sleep(0.1)
            code, _, err = run("backfill", "AAPL", "--from", text(now_s), "--until", text(now_s + 30), *options)
            assert code == 0, err
            assert "is running and fetches it" in err
            with open_lake(data) as lake:
                found = lake.sql("select count(*) from trades where origin = 'backfill'").rows()[0][0]
        finally:
            recorder.terminate()
    from_us = int(now_s) * 1_000_000
    assert found == len(gateway.state.feed.trades(265598, from_us, from_us + 30_000_000)) > 0


@pytest.mark.slow
def test_an_interrupted_command_goes_on_where_it_was(run: Run, gateway: Gateway, tmp_path: Path) -> None:
    data, now_s = tmp_path / "data", int(time.time()) - 3_600
    span = ["AAPL", "--from", text(now_s), "--until", text(now_s + 1_200)]
    span += ["--port", str(gateway.port), "--data", str(data)]
    with subprocess.Popen([sys.executable, "-m", "capture.cli", "backfill", *span], stderr=subprocess.PIPE) as process:
        while not _begun(data, now_s):
            assert process.poll() is None
            time.sleep(0.05)
        process.kill()
    code, _, err = run("backfill", *span)
    assert code == 0, err
    with open_lake(data) as lake:
        found = lake.sql("select count(*) from trades").rows()[0][0]
    assert found == len(gateway.state.feed.trades(265598, now_s * 1_000_000, (now_s + 1_200) * 1_000_000))


def _begun(data: Path, from_s: int) -> bool:
    wishes = (data / "tape" / "main" / "backfill").glob("*.json")
    return any(json.loads(wish.read_text())["next_s"] > from_s for wish in wishes)


def test_the_time_left_does_not_climb() -> None:
    left = backfill.TimeLeft()
    assert left.text(30, known=False) == "how long that takes is not known yet"
    assert [left.text(each, known=True) for each in (600, 900, 300)] == [
        "by IB's limits 10 min more", "by IB's limits at least 10 min more", "by IB's limits 5 min more"]


def test_redirected_progress_is_a_line_only_when_something_changed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "LINE_INTERVAL_S", 0.0)
    texts = iter([("1 left", "; 9 s"), ("1 left", "; 9 s"), ("1 left", "; 8 s"), ("0 left", "")])
    show = backfill._paced(lambda: next(texts))
    for _ in range(4):
        show()
    assert capsys.readouterr().err == "ticktape: 1 left; 9 s\nticktape: 0 left\n"


def test_the_word_of_before_for_a_spans_end_means_what_it_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert backfill._until_of("2026-01-05T14:01:00") == "2026-01-05T14:01:01+00:00"
    assert "--to was replaced by --until" in capsys.readouterr().err
    assert backfill._until_of(None) is None
