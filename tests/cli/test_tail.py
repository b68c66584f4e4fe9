"""`ticktape tail`: rows as they come, each once, across rolls; and it ends as one wishes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from capture import open_lake
from capture.gateway import Gateway
from capture.schemas import TABLES

Run = Callable[..., Any]
TICKTAPE = [sys.executable, "-m", "capture.cli"]


def test_the_last_rows_under_their_columns(run: Run, lake: Path) -> None:
    code, out, err = run("tail", "trades", "--data", lake, "--for", 0, "-n", 2)
    assert (code, err) == (0, "")
    head, first, second = out.splitlines()
    assert head.split() == ["ts", "symbol", "stream", "price", "size", "exchange", "conditions"]
    assert first.split() == ["2026-01-02", "15:00:01.123456", "AAPL", "all_last", "250.3", "100", "ARCA"]
    assert "é|\"x" in second
    out = run("tail", "trades", "AAPL", "--data", lake, "--for", 0, "--columns", "price,size").out
    assert out.split() == ["price", "size", "250.25", "100", "250.3", "100"]


def test_rows_as_json_lines(run: Run, lake: Path) -> None:
    rows = [json.loads(line) for line in run("tail", "trades", "--data", lake, "--for", 0, "--json").out.splitlines()]
    assert [row["price"] for row in rows] == [250.25, 250.3, None]
    assert list(rows[0]) == TABLES["trades"].schema.names
    assert rows[0]["ts"] == "2026-01-02T15:00:00.123456+00:00"


@pytest.mark.parametrize(("words", "told"), [
    (["trade"], "there is no table 'trade'"),
    (["trades", "--columns", "prize"], "trades has no column prize"),
])
def test_wrong_usage(run: Run, lake: Path, words: list[str], told: str) -> None:
    code, _, err = run("tail", *words, "--data", lake)
    assert code == 2
    assert told in err


def test_without_a_lake(run: Run, tmp_path: Path) -> None:
    code, _, err = run("tail", "trades", "--data", tmp_path / "none")
    assert code == 1
    assert "no lake at" in err


def files(data: Path) -> list[Path]:
    return list((data / "live" / "quotes").glob("date=2*/*.parquet"))


def wait_for(condition: Callable[[], bool], timeout_s: float = 90) -> None:
    end_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.05)


@pytest.mark.slow
def test_a_live_recorder_with_frequent_rolls_is_followed_without_repeat_or_loss(
    gateway: Gateway, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    environment = {**os.environ, "TICKTAPE_ROLL_INTERVAL_S": "0.3", "TICKTAPE_PORT": str(gateway.port)}
    record = [*TICKTAPE, "record", "AAPL", "MSFT", "--streams", "trades,quotes", "--data", str(data)]
    recorder = subprocess.Popen(record, env=environment, stderr=subprocess.DEVNULL)
    wait_for(lambda: bool(list((data / "tape" / "main").glob("*.tape"))))
    out, err = tmp_path / "out", tmp_path / "err"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        tail = subprocess.Popen([*TICKTAPE, "tail", "quotes", "-n", "3", "--json", "--data", data],
                                stdout=stdout, stderr=stderr)  # fmt: skip
    wait_for(lambda: out.read_bytes().count(b"\n") > 3)
    begun = len(files(data))
    wait_for(lambda: len(files(data)) > begun + 6)
    recorder.send_signal(signal.SIGINT)
    recorder.wait(60)
    wait_for(lambda: b"recorder main: stopped" in err.read_bytes())
    time.sleep(3)
    tail.send_signal(signal.SIGINT)
    assert tail.wait(60) == 0
    assert b"Traceback" not in err.read_bytes()
    seen = [(row["seq"], row["row"]) for row in map(json.loads, out.read_text().splitlines())]
    with open_lake(data) as lake:
        there = lake.sql('select seq, "row" from quotes where seq >= $first order by all', {"first": seen[0][0]}).rows()
    assert len(there) > 20
    assert sorted(seen) == there


@pytest.mark.slow
def test_who_reads_may_stop(lake: Path) -> None:
    command = f"{' '.join(TICKTAPE)} tail trades --data {lake} --for 1 | head -1"
    ran = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True)
    assert (ran.returncode, "rror" in ran.stderr) == (0, False)
    assert ran.stdout.startswith("ts")
