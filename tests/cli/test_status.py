import json
import os
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
import pytest

from capture.data_folder import STATUS
from capture.lake.layout import Layout
from capture.lake.proof.file_round import Round
from capture.lake.roll import Roller
from capture.lake.sealing import Sealer
from capture.lake.views import prepare
from capture.recorder.journal import Journal
from capture.recorder.status import describe_recorder
from capture.session.lateness import Timed
from capture.session.machine import Machine
from capture.session.phases import State as Lines
from capture.status_model import write_status
from capture.wanted.settings import Settings
from capture.wire.context import Request

Run = Callable[..., Any]
NO_PROCESS = 2**22 + 1  # above what Linux gives to processes


def test_a_lake_without_recorders_shows_its_disk(run: Run, lake: Path) -> None:
    code, out, err = run("status", "--data", lake)
    assert (code, err) == (0, "")
    assert out.startswith("disk: ")
    assert "no recorder has started here" in out
    found = json.loads(run("status", "--data", lake, "--json").out)
    assert found["recorders"] == []
    assert found["disk"]["used_bytes"] == sum(found["disk"][f"{name}_bytes"] for name in ("tape", "live", "archive"))
    assert found["disk"]["live_bytes"] > 0


def test_rows_without_instrument_are_counted_in_status_and_verify_and_after_a_rebuild(run: Run, script: Any) -> None:
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 1.5).trade(77, 2.5).trade(77, 2.5).mark()
    layout = Layout(script.data)
    prepare(layout)
    list(Roller(layout, "main").roll())
    script.trade(77, 3.5).mark().writer.close()
    list(Roller(layout, "main").roll())  # by another process, which goes on counting
    told = "3 rows name no instrument (trades 3): a fault of ticktape, please report it"
    for verb, place in ((["status"], "out"), (["verify"], "err"), (["rebuild", "--replace"], ""), (["status"], "out")):
        ran = run(*verb, "--data", script.data)
        assert ran.code == 0
        assert not place or told in getattr(ran, place), verb
    for asked in ("status", "verify"):
        (found,) = json.loads(run(asked, "--data", script.data, "--json").out)["recorders"]
        assert found["rows_without_instrument"] == {"trades": 3}
    part = json.loads(run("verify", "--data", script.data, "--from", 2, "--json").out)["recorders"][0]
    assert part["rows_without_instrument"] == {"trades": 1}


def test_damaged_files_of_the_archive_are_shown_until_they_change(run: Run, script: Any) -> None:
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 250.25).mark().writer.close()
    layout = Layout(script.data)
    prepare(layout)
    list(Roller(layout, "main").roll())
    list(Sealer(layout, settle_s=0, now_s=lambda: time.time() + 3 * 86_400).seal())
    assert re.search(r"^archive: \d+ files, none read yet$", run("status", "--data", script.data).out, re.M)
    (path,) = layout.archive("trades").glob("date=2*/*.parquet")
    whole = path.read_bytes()
    first = pq.read_metadata(path).row_group(0).column(0)
    at = first.data_page_offset + first.total_compressed_size - 1  # behind the page's head, which nobody reads whole
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    list(Round(layout, lambda _: None).check())
    out = run("status", "--data", script.data).out
    assert f"alarm: {path}: damaged: " in out
    assert re.search(r"^archive: (\d+) files, \1 of them read since 2", out, re.M)
    found = json.loads(run("status", "--data", script.data, "--json").out)["archive"]
    assert [one["path"] for one in found["damaged"]] == [str(path)]
    assert found["not_read_yet"] == 0
    path.write_bytes(whole)
    assert json.loads(run("status", "--data", script.data, "--json").out)["archive"]["damaged"] == []


def test_no_lake(run: Run) -> None:
    code, out, err = run("status")
    assert (code, out) == (1, "")
    assert "no lake at" in err


def test_a_recorder_is_shown_with_its_streams_and_its_roller(run: Run, script: Any) -> None:
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 250.25).mark().writer.close()
    settings = Settings.model_validate({
        "data": script.data, "record": [{"instruments": ["AAPL"], "streams": ["trades", "depth:5"]}]})
    journal = Journal.open(settings)
    described = describe_recorder(Machine(settings, settings.wanted()), journal, datetime.now(UTC))
    write_status(script.data / "tape" / "main" / STATUS, described)
    journal.tape.close()
    code, out, err = run("status", "--data", script.data)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith(f"main: disconnected · process {os.getpid()} · 127.0.0.1:4002 client 17 · 2 frames on ")
    assert lines[1].startswith(f"roller: {journal.mark_number - 1} marks behind")
    assert lines[2] == "streams: 2 wanted, 0 acknowledged, 0 flowing"
    assert [line.split() for line in lines[4:6]] == [
        ["AAPL", "trades", "wanted", "0.0"], ["AAPL", "depth:5", "wanted", "0.0"]]
    found = json.loads(run("status", "--data", script.data, "--json").out)["recorders"][0]
    assert (found["running"], found["behind_marks"]) == (True, journal.mark_number - 1)


@pytest.mark.parametrize(("data_type", "late_s", "warns"), [(1, 40, True), (1, 1, False), (3, 900, False)])
def test_lag_is_shown_and_warned_of_unless_data_is_delayed(
    run: Run, script: Any, data_type: int, late_s: float, warns: bool
) -> None:
    settings = Settings.model_validate({
        "data": script.data, "record": [{"instruments": ["AAPL"], "streams": ["trades"]}]})
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast")
    script.answer("market_data_type", request_id=5, data_type=data_type).mark().writer.close()
    journal, machine = Journal.open(settings), Machine(settings, settings.wanted())
    journal.line.context.requests[5] = Request(5, "req_tick_by_tick", "all_last", 1, "AAPL", data_type=data_type)
    machine.subscriptions.requested(machine.subscriptions.all[0], 5, 0.0)
    machine.state = Lines.RECORDING
    machine.subscriptions.all[0].lateness.look([Timed(1000 - late_s, 1000.25)], 0.0)
    write_status(script.data / "tape" / "main" / STATUS, describe_recorder(machine, journal, datetime.now(UTC)))
    out = run("status", "--data", script.data).out
    stream = json.loads(run("status", "--data", script.data, "--json").out)["recorders"][0]["streams"][0]
    journal.tape.close()
    assert f"{late_s + 0.25:,.1f} to {late_s + 0.25:,.1f} s" in out
    assert (f"warning: main AAPL trades: rows come {late_s} s after" in out) == warns == stream["late"]
    assert (stream["lag_p50_s"], stream["lag_max_s"]) == (late_s + 0.25, late_s + 0.25)


@pytest.mark.parametrize(("free_mib", "why"), [(0, "0 MiB are free on the disk"), (500, "hangs")])
def test_an_old_status_is_said_to_be_old(
    run: Run, script: Any, monkeypatch: pytest.MonkeyPatch, free_mib: int, why: str
) -> None:
    settings = Settings.model_validate({
        "data": script.data, "record": [{"instruments": ["AAPL"], "streams": ["trades"]}]})
    script.writer.close()
    journal = Journal.open(settings)
    described = describe_recorder(Machine(settings, settings.wanted()), journal, datetime.now(UTC))
    journal.tape.close()
    described["written"] = (datetime.now(UTC) - timedelta(seconds=75)).isoformat()
    write_status(script.data / "tape" / "main" / STATUS, described)
    os.utime(script.data / "tape" / "main" / "status.json", (time.time() - 75, time.time() - 75))
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=free_mib << 20))
    out = run("status", "--data", script.data).out
    assert out.startswith("main: does not answer")
    (found,) = json.loads(run("status", "--data", script.data, "--json").out)["recorders"]
    assert re.match(rf"status.json was last written \d+ s ago, what it says is of then; .*{why}", found["stale"])
    assert re.search(why, out)


def said_of(script: Any, **more: Any) -> None:
    stream = {"instrument": "AAPL", "symbol": "AAPL", "word": "trades", "state": "flowing", "rows_per_second": 2.0,
              "message": "", "last_row": None}
    others = [stream | {"word": word, "state": "refused", "message": f"AAPL {word}: no permission (code 354)"}
              for word in ("quotes", "depth")]
    write_status(script.data / "tape" / script.recorder / STATUS, {
        "state": "recording", "pid": NO_PROCESS, "written": datetime.now(UTC).isoformat(), "host": "127.0.0.1",
        "port": 4002, "client_id": 1, "frames": 1, "tape_bytes": 1, "wanted": 3, "acknowledged": 1, "flowing": 1,
        "streams": [stream, *others]} | more)


@pytest.mark.parametrize(("more", "condition"), [({}, "ended without stopping"), ({"state": "stopped"}, "stopped")])
def test_no_stream_of_a_recorder_that_ended_flows(run: Run, script: Any, more: dict[str, Any], condition: str) -> None:
    said_of(script, **more)
    out = run("status", "--data", script.data).out
    assert out.startswith(f"main: {condition}")
    assert "flowing" not in out.replace("0 flowing", "")
    found = json.loads(run("status", "--data", script.data, "--json").out)["recorders"][0]
    assert (found["flowing"], found["streams"][0]["state"], found["streams"][1]["state"]) == (0, "stopped", "refused")


def test_a_refusal_is_said_once(run: Run, script: Any) -> None:
    said_of(script, pid=os.getpid())
    out = run("status", "--data", script.data).out
    assert re.search(r"^warning: main AAPL depth, main AAPL quotes: no permission \(code 354\); ", out, re.M)


def test_who_took_a_snapshot_is_no_recorder_once_it_ended(run: Run, script: Any) -> None:
    script.writer.close()
    snapshot = type(script)(script.data, "snapshot")
    snapshot.writer.close()
    said_of(snapshot, state="stopped", recorder="snapshot")
    assert [one["recorder"] for one in json.loads(run("status", "--data", script.data, "--json").out)["recorders"]] == [
        "main"]
    said_of(snapshot, pid=os.getpid())
    assert len(json.loads(run("status", "--data", script.data, "--json").out)["recorders"]) == 2


def test_who_recorded_but_said_nothing_has_started(run: Run, script: Any) -> None:
    script.open().writer.close()
    assert run("status", "--data", script.data).out.startswith("main: ended before it said anything")


def test_a_health_check_is_a_line_and_an_exit_code(run: Run, script: Any) -> None:
    script.writer.close()
    said_of(script, pid=os.getpid())
    code, out, err = run("status", "--data", script.data, "--check")
    assert (code, err, out.count("\n")) == (1, "", 1)
    assert re.fullmatch(r"trouble: main AAPL depth: no permission \(code 354\); .* \(and 1 more\)\n", out)
    assert run("status", "--data", script.data, "--check", "--least", "alarm") == (
        0, "well: main: recording, 1 streams flow\n", "")
    said_of(script)
    assert run("status", "--data", script.data, "--check", "--least", "alarm").code == 1
    found = json.loads(run("status", "--data", script.data, "--check", "--json").out)
    assert found == {"verdict": "trouble", "line": "main: ended without stopping; start it again; what it had received "
                                                   "is on the tape"}


def test_what_counts_is_for_a_check(run: Run, script: Any) -> None:
    assert run("status", "--data", script.data, "--least", "alarm").code == 2
