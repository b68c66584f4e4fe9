"""The replay on the command line: lines, JSON and Arrow; at a speed; cut off by who reads or by Ctrl-C."""

import json
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pytest

from capture.lake.layout import Layout
from capture.lake.roll import Roller

Run = Callable[..., Any]


def started(lake: Path, *arguments: str) -> "subprocess.Popen[bytes]":
    command: Sequence[object] = [sys.executable, "-m", "capture.cli", "replay", *arguments, "--data", lake]
    return subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_a_line_tells_an_event(run: Run, lake: Path) -> None:
    code, out, err = run("replay", "--data", lake)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "2026-01-02T15:00:00.123456Z  trades  AAPL  stream=all_last  price=250.25  size=100  exchange=ARCA",
        "2026-01-02T15:00:01.123456Z  trades  AAPL  stream=all_last  price=250.3  size=100  exchange=ARCA",
        '2026-01-02T15:00:02.123456Z  trades  é|"x  stream=all_last  size=100  exchange=ARCA']


def test_json_has_an_object_with_all_columns_per_line(run: Run, lake: Path) -> None:
    events = [json.loads(line) for line in run("replay", "AAPL", "--data", lake, "--json").out.splitlines()]
    assert [event["price"] for event in events] == [250.25, 250.3]
    assert events[0]["ts"] == "2026-01-02T15:00:00.123456+00:00"
    assert (events[0]["table"], events[0]["initial"]) == ("trades", False)


def test_a_start_begins_with_the_state_and_an_end_ends(run: Run, lake: Path) -> None:
    options = ["replay", "--data", lake, "--json", "--from", "2026-01-02T15:00:01Z", "--until", "2026-01-02T15:00:02Z"]
    events = [json.loads(line) for line in run(*options).out.splitlines()]
    assert [(event["initial"], event["price"]) for event in events] == [(True, 250.25), (False, 250.3)]
    assert len(run(*options, "--no-state").out.splitlines()) == 1
    code, out, err = run(*options, "--tables", "quotes,ticks")
    assert (code, out) == (0, "") and "nothing was recorded" in err


def test_times_without_a_zone_are_utc(run: Run, lake: Path) -> None:
    options = ["replay", "--data", lake, "--no-state", "--from"]
    assert len(run(*options, "2026-01-02T15:00:01").out.splitlines()) == 2
    assert len(run(*options, "2026-01-02T10:00:01-05:00").out.splitlines()) == 2
    assert len(run(*options, "2026-01-02").out.splitlines()) == 3


def test_arrow_is_a_stream_that_others_read(lake: Path) -> None:
    with started(lake, "--format", "arrow", "--tables", "trades,quotes") as process:
        out, err = process.communicate()
    assert (process.returncode, err) == (0, b"")
    table = pa.ipc.open_stream(out).read_all()
    assert table["price"].to_pylist() == [250.25, 250.3, None]
    assert table["bid_price"].null_count == 3
    assert not any(pa.types.is_dictionary(kind) for kind in table.schema.types)


def test_it_keeps_the_recorded_pace_and_cuts_silences(lake: Path, run: Run) -> None:
    begun_s = time.monotonic()
    run("replay", "--data", lake, "--speed", "5")
    assert time.monotonic() - begun_s >= 0.4
    begun_s = time.monotonic()
    run("replay", "--data", lake, "--speed", "0.01", "--cut-silence", "0.001")
    assert time.monotonic() - begun_s < 30


@pytest.mark.parametrize(("options", "says"), [
    (["--speed", "fast"], "write 1, 10, 0.5 or max"),
    (["--speed", "0"], "--speed 0 is no speed"),
    (["--speed", "nan"], "--speed nan is no speed"),
    (["--from", "yesterday"], "--from yesterday is no time: write 2026-11-20T14:30 (UTC)"),
    (["--until", "0001-01-01T00:00+14:00"], "is no time"),
    (["--tables", "payments"], "there is no table payments; there are trades"),
    (["--json", "--format", "arrow"], "contradict"),
    (["--follow", "--until", "2026-01-03"], "what is followed has no end"),
])  # fmt: skip
def test_wrong_usage_is_said(run: Run, lake: Path, options: list[str], says: str) -> None:
    code, out, err = run("replay", "--data", lake, *options)
    assert (code, out) == (2, "")
    assert says in err


@pytest.mark.slow
@pytest.mark.parametrize("form", ["lines", "json", "arrow"])
def test_it_ends_in_peace_when_nobody_reads_on(lake: Path, form: str) -> None:
    with started(lake, "--format", form, "--speed", "1") as process:
        assert process.stdout and process.stderr
        process.stdout.read(1)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.slow
def test_ctrl_c_ends_it_in_peace(lake: Path) -> None:
    with started(lake, "--speed", "0.001") as process:
        assert process.stdout and process.stderr
        assert b"250.25" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("form", ["lines", "json", "arrow"])
def test_what_comes_is_printed_as_it_comes_until_ctrl_c(script: Any, form: str) -> None:
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 101.5).mark()
    with started(script.data, "--follow", "--tables", "trades", "--format", form) as process:
        assert process.stdout and process.stderr
        wanted = {"lines": b"price=%s ", "json": b'"price": %s,', "arrow": b"%s"}[form]
        for price in (101.5, 102.25, 103.75):
            if price != 101.5:
                script.trade(5, price).mark()
                list(Roller(Layout(script.data), "main").roll())
            text = struct.pack("<d", price) if form == "arrow" else str(price).encode()
            read_until(process.stdout, wanted % text)
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == b""
    assert process.returncode == 0


def read_until(stream: IO[bytes], word: bytes) -> None:
    """Read on up to a word; it is waited for as long as it takes."""
    found = b""
    while word not in found:
        more = os.read(stream.fileno(), 65_536)
        assert more, f"the stream ended before {word!r}"
        found += more


def test_it_follows_for_as_long_as_it_is_told(run: Run, lake: Path) -> None:
    code, out, err = run("replay", "--data", lake, "--follow", "--for", "2")
    assert (code, len(out.splitlines()), err) == (0, 3, "")


def test_where_nothing_was_recorded_it_is_said(run: Run, lake: Path) -> None:
    code, out, err = run("replay", "TSLA", "--data", lake)
    assert (code, out) == (0, "")
    assert "ticktape: warning: nothing was recorded of 'TSLA'" in err
    assert "ticktape: nothing was recorded of what is asked for" in err


@pytest.mark.slow
def test_a_closed_stdout_is_said(lake: Path) -> None:
    command = f"{sys.executable} -m capture.cli replay --data {lake} >&-"
    found = subprocess.run(command, shell=True, stderr=subprocess.PIPE, text=True)
    assert found.returncode == 1 and "stdout is closed" in found.stderr
