"""Metrics: what Prometheus wants of them, their values, and that no instrument makes a series."""

import os
import re
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from prometheus_client.parser import text_string_to_metric_families as parsed

from capture.data_folder import STATUS
from capture.recorder.journal import Journal
from capture.recorder.status import describe_recorder
from capture.session.machine import Machine
from capture.status_model import write_status
from capture.wanted.hours import parse_hours
from capture.wanted.instrument import Contract
from capture.wanted.settings import Settings
from capture.watch.condition import look
from capture.watch.metrics import METRICS, exposition
from tests.debian import program

from .conftest import NOW, Told, ago, recorder, roller, stream

MOST_SERIES = 500


def values(text: str) -> dict[tuple[str, ...], float]:
    """Return each sample by its name and the values of its labels, in the order of their names."""
    return {(sample.name, *sample.labels.values()): sample.value
            for family in parsed(text) for sample in family.samples}


def test_prometheus_takes_them(told: Told) -> None:
    text = exposition(look(told(), NOW))
    ran = subprocess.run([program("promtool"), "check", "metrics"], input=text, capture_output=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"", b"")


def test_they_say_what_was_said(told: Told) -> None:
    silent = stream("SAP", "silent", venue="IBIS", last_row=ago(50), rows_per_second=0.0, lag_p50_s=2.5, lag_max_s=7.0)
    closed = stream("ES", venue="CME", market="closed", last_row=ago(5_000), rows_per_second=0.0, rows=3)
    found = values(exposition(look(told(streams=[stream(last_row=ago(10)), silent, closed]), NOW)).decode())
    expected = {
        ("ticktape_well",): 0.0, ("ticktape_troubles", "stream-silent", "alarm"): 1.0,
        ("ticktape_troubles", "line-lost", "alarm"): 0.0, ("ticktape_troubles_by_severity", "alarm"): 1.0,
        ("ticktape_recorder_up", "main"): 1.0, ("ticktape_recorder_session", "main"): 1.0,
        ("ticktape_recorder_sessions_total", "main"): 1.0, ("ticktape_recorder_frames_total", "main"): 100.0,
        ("ticktape_recorder_heard_timestamp_seconds", "main"): NOW.timestamp() - 1,
        ("ticktape_farm_up", "usfarm (market data farm)", "main"): 1.0,
        ("ticktape_venue_row_age_seconds", "main", "NASDAQ"): 8.0,
        ("ticktape_stream_row_age_seconds", "main", "trades"): 8.0,
        ("ticktape_streams", "main", "flowing"): 2.0, ("ticktape_streams", "main", "silent"): 1.0,
        ("ticktape_streams", "main", "refused"): 0.0,
        ("ticktape_stream_rows_total", "main", "trades"): 23.0,
        ("ticktape_stream_rows_per_second", "main", "trades"): 2.0,
        ("ticktape_stream_lag_median_seconds", "main", "trades"): 2.5,
        ("ticktape_stream_lag_most_seconds", "main", "trades"): 7.0,
        ("ticktape_expected_open", "main", "NASDAQ"): 1.0, ("ticktape_expected_open", "main", "CME"): 0.0,
        ("ticktape_venue_silent_streams", "main", "IBIS"): 1.0,
        ("ticktape_venue_rows_per_second", "main", "NASDAQ"): 2.0,
        ("ticktape_coverage_ratio", "main"): pytest.approx(2 / 3), ("ticktape_gap_changes_total", "main", "open"): 1.0,
        ("ticktape_roller_rows_total", "main", "trades"): 50.0, ("ticktape_roller_rolling_seconds_total", "main"): 1.5,
        ("ticktape_roller_through_timestamp_seconds", "main"): NOW.timestamp() - 20,
        ("ticktape_history_requests_left", "main"): 60.0, ("ticktape_disk_used_bytes", "archive"): 0.0,
    }  # fmt: skip
    assert {key: found.get(key) for key in expected} == expected


def test_a_recorder_that_does_not_run_expects_nothing_of_a_venue(told: Told) -> None:
    found = values(exposition(look(told(heard_s=60.0), NOW)).decode())
    assert found["ticktape_recorder_up", "main"] == 0.0
    assert not any(key[0].startswith(("ticktape_venue", "ticktape_expected")) for key in found)


def test_a_chain_of_options_makes_no_more_series_than_a_share_and_names_no_contract(told: Told) -> None:
    kinds = ("all_last", "bid_ask", "level1", "mid_point", "depth", "real_time_bars", "live_bars")
    chain = [stream(f"conid:{700_000_000 + number}", symbol=f"SPXW  271119C0{number:05}000", stream=kinds[number % 7],
                    venue=f"VENUE{number % 60}") for number in range(4_000)]  # fmt: skip
    rows = {f"table{number}": 1 for number in range(40)}
    farms = {f"farm{number} (market data farm)": "fine" for number in range(12)}
    text = exposition(look(told(streams=chain, farms=farms, rolling=roller(rows=rows)), NOW)).decode()
    assert len(values(text)) <= MOST_SERIES
    assert not re.search(r"70000\d|SPXW|conid|strike|expiry", text)


def test_each_metric_is_there_of_a_recorder_that_says_all(told: Told) -> None:
    named = {metric.full_name for metric in METRICS}
    assert len(named) == len(METRICS)
    sampled = {name for name, *_ in values(exposition(look(told(), NOW)).decode())}
    lacking = {"ticktape_disk_growth_bytes_per_second", "ticktape_disk_until_full_seconds", "ticktape_verify_findings",
               "ticktape_account_cushion_ratio", "ticktape_account_timestamp_seconds",  # nobody asked for them
               "ticktape_verify_timestamp_seconds", "ticktape_archive_unread_timestamp_seconds"}  # of an empty lake
    assert named - sampled == lacking
    assert sampled <= named


def test_they_tell_no_path_no_address_and_no_account(told: Told) -> None:
    data = told(trouble="U1234567 is logged in elsewhere", state="backing off", unknown_accounts=["U…567"])
    text = exposition(look(data, NOW)).decode()
    assert 'kind="line-lost",severity="alarm"} 1.0' in text
    assert not re.search(rf"{re.escape(str(data))}|127\.0\.0\.1|4002|U…|U123", text)


def test_units_are_in_the_names() -> None:
    for metric in METRICS:
        assert metric.name.endswith("_total") == (metric.type == "counter"), metric.name
        assert not re.search(r"_(ms|us|minutes|days|kb|mb|percent)\b", metric.name)


def test_looking_and_telling_cost_little(told: Told) -> None:
    data = told(streams=[stream(f"S{number}") for number in range(1_000)])
    look(data, NOW)
    begun_s = time.process_time()
    exposition(look(data, NOW))
    assert time.process_time() - begun_s < 1.0


def test_what_a_recorder_of_before_does_not_say_is_left_out(told: Told) -> None:
    said = recorder()
    for name in ("history", "farms", "line_since", "restart_windows"):
        del said[name]
    data = told()
    write_status(data / "tape" / "main" / STATUS, said)
    os.utime(data / "tape" / "main" / STATUS, (NOW.timestamp(),) * 2)
    found = values(exposition(look(data, NOW)).decode())
    assert ("ticktape_history_jobs_waiting", "main") not in found
    assert found["ticktape_recorder_up", "main"] == 1.0


# Each venue's hours as IB says them, and by a clock on its wall.
NEW_YORK, BERLIN = ZoneInfo("America/New_York"), ZoneInfo("Europe/Berlin")
VENUES = {"NYSE": ("US/Eastern", NEW_YORK, 930, 1600), "EUREX": ("MET", BERLIN, 800, 2200)}


@pytest.mark.parametrize(("first", "days"), [("2027-03-12", 17), ("2027-10-29", 11)], ids=["spring", "autumn"])
def test_venues_are_expected_open_by_their_own_clocks_when_these_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str, days: int
) -> None:
    start = datetime.fromisoformat(first).replace(tzinfo=UTC)
    settings = Settings.model_validate({"data": tmp_path, "record": [
        {"instruments": ["conid:1", "conid:2"], "streams": ["trades"]}]})  # fmt: skip
    journal, machine = Journal.open(settings), Machine(settings, settings.wanted())
    for subscription, (venue, (zone, _, begin, end)) in zip(machine.subscriptions.all, VENUES.items(), strict=True):
        subscription.contract = Contract(con_id=1, exchange=venue)
        subscription.hours = parse_hours(_sessions(start, days, begin, end), None, zone)
    wrong = []
    for moment in (start + timedelta(minutes=30 * number) for number in range(1, 48 * days)):
        monkeypatch.setattr("time.time", moment.timestamp)
        streams = describe_recorder(machine, journal, start)["streams"]
        wrong += [(moment, stream["venue"]) for stream in streams
                  if (stream["market"] != "closed") != _is_open(moment, *VENUES[str(stream["venue"])][1:])]
    monkeypatch.undo()
    journal.tape.close()
    assert wrong == []


def _sessions(start: datetime, days: int, begin: int, end: int) -> str:
    def of(day: datetime) -> Iterator[str]:
        date = f"{day:%Y%m%d}"
        yield f"{date}:{begin:04}-{date}:{end:04}" if day.weekday() < 5 else f"{date}:CLOSED"

    return ";".join(part for number in range(-1, days + 1) for part in of(start + timedelta(days=number)))


def _is_open(moment: datetime, zone: ZoneInfo, begin: int, end: int) -> bool:
    local = moment.astimezone(zone)
    return local.weekday() < 5 and begin <= local.hour * 100 + local.minute < end
