"""How it is: each kind of trouble from what was said, its severity, key and cause, and the verdict on all."""

import json
import os
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from capture.data_folder import DAMAGED, VERIFIED
from capture.lake.layout import LakeMissingError, Layout
from capture.trouble import Severity, Subject, Verdict
from capture.trouble_kinds import KINDS, trouble
from capture.watch.condition import Condition, Watcher, look
from capture.watch.lake_state import lake_state

from .conftest import NOW, RESTART, Told, account_stream, ago, recorder, roller, stream

NO_PROCESS = 2**22 + 1  # above what Linux gives to processes
BROKEN = {"usfarm (market data farm)": "broken"}
REFUSED = "no connection to 127.0.0.1:4002: Connection refused"


def kinds(found: Condition) -> list[str]:
    return [one.kind for one in found.told]


def test_a_recorder_whose_streams_flow_is_well(told: Told) -> None:
    found = look(told(), NOW)
    assert (found.verdict, found.troubles) == (Verdict.WELL, ())
    assert found.line == "main: recording, 2 streams flow"


TOLD = {
    "ended": ({"pid": NO_PROCESS}, "recorder-ended", "recorder:main", Severity.ALARM, 1),
    "mute": ({"heard_s": 60.0}, "recorder-mute", "recorder:main", Severity.ALARM, 60),
    "stopped": ({"state": "stopped", "pid": NO_PROCESS}, "nothing-records", None, Severity.ALARM, 1),
    "line lost": ({"state": "backing off", "line_since": ago(30), "trouble": REFUSED, "lost_in": "connecting"},
                  "line-lost", "line:main", Severity.ALARM, 30),
    "login needed": ({"state": "backing off", "line_since": ago(600), "trouble": REFUSED, "lost_in": "connecting"},
                     "login-needed", "line:main", Severity.ALARM, 600),
    "a relay before a gateway without login": (
        {"state": "connecting", "line_since": ago(600), "trouble": "ended before any hello", "lost_in": "greeting"},
        "login-needed", "line:main", Severity.ALARM, 600),
    "line lost in session": ({"state": "greeting", "line_since": ago(600), "trouble": "no answer for 45 s",
                              "lost_in": "recording"}, "line-lost", "line:main", Severity.ALARM, 600),
    "IB's line": ({"ib_line_lost_since": ago(90)}, "ib-line-lost", "line:main", Severity.ALARM, 90),
    "farm": ({"farms": BROKEN, "farms_since": {"usfarm (market data farm)": ago(70)}}, "farm-broken",
             "farm:main usfarm (market data farm)", Severity.ALARM, 70),
    "history farm": ({"farms": {"ushmds (historical data farm)": "broken"}}, "history-farm-broken",
                     "farm:main ushmds (historical data farm)", Severity.WARNING, None),
    "silent": ({"streams": [stream(), stream("MSFT", "silent", message="silent: no row for 40 s")]}, "stream-silent",
               "stream:main MSFT trades", Severity.ALARM, 40),
    "refused": ({"streams": [stream(), stream("MSFT", "refused", message="MSFT trades: no permission", code=354)]},
                "stream-refused", "stream:main MSFT trades", Severity.WARNING, 600),
    "waiting": ({"streams": [stream(), stream("MSFT", "requested")]}, "stream-waiting", "stream:main MSFT trades",
                Severity.WARNING, 600),
    "late": ({"streams": [stream(lag_p50_s=40.0, lag_max_s=60.0)]}, "stream-late", "late:main AAPL trades",
             Severity.WARNING, None),
    "all silent": ({"streams": [stream(state="silent"), stream("MSFT", "silent"), stream("NQ", market="closed")]},
                   "feed-silent", "feed:main", Severity.ALARM, 40),
    "account not known": ({"accounts": [account_stream(), account_stream("orders", "unknown", code=321, message="no")]},
                          "account-unknown", "account:main accounts orders", Severity.WARNING, 600),
    "account missing": ({"unknown_accounts": ["DU7"]}, "account-missing", "account-missing:main", Severity.WARNING,
                        None),
    "roller dead": ({"roller_heard_s": 300.0}, "roller-dead", "roller:main", Severity.WARNING, 300),
    "backfill stuck": ({"history": recorder()["history"] | {"wanted": 3, "still_since": ago(7_200)}},
                       "backfill-stuck", "backfill:main", Severity.WARNING, 7_200),
}  # fmt: skip


@pytest.mark.parametrize(("said", "kind", "key", "severity", "since_s"), TOLD.values(), ids=TOLD)
def test_what_was_said_is_one_trouble_with_a_key_and_a_cause(
    told: Told, said: dict[str, Any], kind: str, key: str | None, severity: Severity, since_s: float | None
) -> None:
    data = told(**said)
    found = look(data, NOW)
    assert kinds(found) == [kind]
    (one,) = found.told
    assert (one.key, one.severity) == (key or f"recorders:{data}", severity)
    assert one.subject is KINDS[kind].subject
    assert one.since == (None if since_s is None else NOW - timedelta(seconds=since_s))
    assert one.cause and one.remedy and "{" not in one.remedy
    assert found.verdict is Verdict.TROUBLE
    assert found.line.startswith(f"{one.name}: {one.cause}")
    assert look(data, NOW + timedelta(seconds=0.5)).told[0].key == one.key


NO_TROUBLE = {
    "a stream asked for just now": {"streams": [stream(), stream("MSFT", "requested", since=ago(60))]},
    "delayed data": {"streams": [stream(lag_p50_s=900.0, lag_max_s=901.0, delayed=True)]},
    "accounts that are known": {"accounts": [account_stream(), account_stream("orders", "empty")]},
    "accounts that were asked for just now": {"accounts": [account_stream("orders", "unknown")]},
    "history that comes": {"history": recorder()["history"] | {"wanted": 3, "still_since": ago(60)}},
    "history that waits since the session began": {
        "history": recorder()["history"] | {"wanted": 3, "still_since": ago(7_200)}, "line_since": ago(60)},
    "a farm that sleeps": {"farms": {"ushmds (historical data farm)": "idle"}},
    "what a recorder of before does not say": {
        "streams": [{name: value for name, value in stream().items() if name not in ("since", "venue", "market")}]},
}  # fmt: skip


@pytest.mark.parametrize("said", NO_TROUBLE.values(), ids=NO_TROUBLE)
def test_what_is_no_trouble(told: Told, said: dict[str, Any]) -> None:
    assert look(told(**said), NOW).troubles == ()


@pytest.mark.parametrize("said", [
    {"state": "backing off", "trouble": REFUSED, "lost_in": "connecting"}, {"ib_line_lost_since": ago(90)},
    {"farms": BROKEN},
], ids=["the gateway restarts", "IB's servers restart", "farms restart"])  # fmt: skip
def test_in_a_restart_window_what_is_lost_is_routine_and_after_it_is_not(told: Told, said: dict[str, Any]) -> None:
    found = look(told(RESTART, **said), RESTART)
    assert [one.severity for one in found.troubles] == [Severity.ROUTINE]
    assert found.verdict is Verdict.WELL
    assert found.line.startswith("routine: main")
    late = RESTART + timedelta(hours=2)
    after = look(told(late, **said), late)
    assert (after.verdict, after.told[0].key) == (Verdict.TROUBLE, found.told[0].key)


@pytest.mark.parametrize("said", [{"ib_line_lost_since": ago(90)}, {"farms": BROKEN}], ids=["IB's line", "a farm"])
def test_streams_that_a_lost_line_or_farm_silences_are_told_by_it(told: Told, said: dict[str, Any]) -> None:
    found = look(told(streams=[stream(state="silent"), stream("MSFT", "silent"), stream("NQ")], **said), NOW)
    (cause,) = found.told
    assert [one.within for one in found.troubles] == [None, cause.key, cause.key]


def test_a_feed_that_is_silent_as_a_whole_is_one_trouble_for_people(told: Told) -> None:
    found = look(told(streams=[stream(f"S{number}", "silent") for number in range(500)]), NOW)
    assert (kinds(found), len(found.troubles)) == (["feed-silent"], 501)


def test_a_full_disk_is_why_a_recorder_says_nothing_and_has_no_session(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1 << 20))
    for said in ({"heard_s": 60.0}, {"state": "backing off", "trouble": "no room for more tape"}):
        found = look(told(**said), NOW)
        assert kinds(found) == ["disk-full"]
        assert "1 MiB are free" in found.line
        assert {one.within for one in found.troubles[1:]} == {found.told[0].key}


@pytest.mark.parametrize(("age_s", "verdict"), [(10, Verdict.UNKNOWN), (600, Verdict.TROUBLE)])
def test_a_recorder_that_starts_is_neither_well_nor_in_trouble(told: Told, age_s: float, verdict: Verdict) -> None:
    found = look(told(started=ago(age_s), state="connecting", line_since=ago(age_s), sessions=0), NOW)
    assert found.verdict is verdict


def test_a_recorder_that_was_stopped_is_no_trouble_while_another_runs(told: Told) -> None:
    told()
    assert look(told(recorder="other", state="stopped", pid=NO_PROCESS), NOW).verdict is Verdict.WELL


def test_a_roller_that_does_not_keep_up_is_told_by_marks_and_by_time(told: Told) -> None:
    data = told(mark=40)
    path = Layout(data).rolled("main")
    path.write_text('{"mark": 15, "gaps": null}')
    (found,) = look(data, NOW).told
    assert (found.kind, found.facts["behind_marks"]) == ("roller-behind", 25)
    path.write_text('{"mark": 39, "gaps": null}')
    assert look(data, NOW).troubles == ()
    os.utime(path, (1, 1))
    assert kinds(look(data, NOW)) == ["roller-behind"]


@pytest.mark.parametrize(("state", "whose"), [("wanted", "the recorder's own queue, for pacing"),
                                              ("requested", "IB has not answered")])  # fmt: skip
def test_who_is_waited_for_is_said_of_a_stream(told: Told, state: str, whose: str) -> None:
    [found] = look(told(streams=[stream(), stream("MSFT", state)]), NOW).told
    assert (found.kind, whose in found.cause) == ("stream-waiting", True)


@pytest.mark.parametrize(("left", "whose"), [({"held_s": 90.0}, "held 90 s more by IB's pacing rule"),
                                             ({"requests": 0}, "all requests that IB allows are spent"),
                                             ({}, "IB does not answer")])  # fmt: skip
def test_who_is_waited_for_is_said_of_history(told: Told, left: dict[str, float], whose: str) -> None:
    history = recorder()["history"] | {"wanted": 3, "still_since": ago(7_200)} | left
    [found] = look(told(history=history), NOW).told
    assert (found.kind, whose in found.cause) == ("backfill-stuck", True)


@pytest.mark.parametrize("name", ["sealer", "checker"])
def test_a_process_that_fails_again_and_again_is_told(told: Told, name: str) -> None:
    for times, code, said in ((2, 1, None), (3, 1, f"the {name} ended with 1, 3 times in a row"),
                              (9, -9, f"the {name} was killed by a signal, 9 times in a row")):  # fmt: skip
        failing = {name: {"times": times, "exit_code": code, "since": ago(200)}}
        data = told(rolling=roller(failing=failing))
        found = look(data, NOW)
        assert [(one.kind, one.cause) for one in found.told] == ([(f"{name}-fails", said)] if said else [])
    assert found.troubles[0].since == NOW - timedelta(seconds=200)
    assert f"--data {data}`" in found.troubles[0].remedy
    assert look(told(rolling=roller(failing=failing), pid=NO_PROCESS), NOW).told[0].kind == "recorder-ended"


def test_a_lake_whose_state_cannot_be_read_is_told_and_its_recorders_all_the_same(told: Told) -> None:
    data = told()
    Layout(data).rolled("main").write_text("torn")
    found = look(data, NOW)
    assert kinds(found) == ["lake-unreadable"]
    assert f"ticktape recover --data {data}" in found.told[0].line
    assert found.recorders[0]["running"]


def live_rows(data: Path, day: str) -> None:
    folder = data / "live" / "trades" / f"date={day}"
    folder.mkdir(parents=True)
    (folder / "main.000000000001.parquet").touch()


def test_a_table_whose_sealed_date_cannot_be_read_is_told(told: Told) -> None:
    data = told()
    live_rows(data, "2026-11-18")
    (data / "sealed").mkdir()
    (data / "sealed" / "trades.parquet").write_text("torn")
    assert kinds(look(data, NOW)) == ["lake-unreadable"]


def test_a_day_that_is_over_must_be_sealed_within_hours(told: Told) -> None:
    data = told()
    live_rows(data, "2026-11-17")
    soon = NOW.replace(hour=5)
    assert look(told(soon, state="recording"), soon).troubles == ()
    found = look(told(), NOW)
    assert (kinds(found), found.told[0].since) == (["sealer-late"], NOW.replace(hour=6))
    assert found.told[0].cause == "2026-11-17 is over and not sealed"


def test_damage_is_told_by_file_with_what_mends_it(told: Told) -> None:
    data = told()
    path = data / "archive" / "trades" / "date=2026-11-16" / "main.000000000001-000000000002.parquet"
    path.parent.mkdir(parents=True)
    path.write_text("damaged")
    said = {"path": str(path.relative_to(data)), "why": "page 3 has another checksum", "repair": "ticktape rebuild",
            "found": ago(60), "changed_ns": path.stat().st_mtime_ns}
    (data / DAMAGED).parent.mkdir()
    (data / DAMAGED).write_text(json.dumps([said]))
    (one,) = look(data, NOW).told
    assert (one.kind, one.key, one.severity) == ("damage-found", f"damage:{path}", Severity.ALARM)
    assert one.line == f"{path}: damaged: page 3 has another checksum; ticktape rebuild"


@pytest.mark.parametrize(("days", "expected"), [(10, []), (60, ["check-overdue"])])
def test_an_archive_that_nobody_reads_is_told(told: Told, days: float, expected: list[str]) -> None:
    data = told()
    path = data / "archive" / "trades" / "date=2026-01-16" / "main.000000000001-000000000002.parquet"
    path.parent.mkdir(parents=True)
    path.write_text("")
    (data / "sealed").mkdir()
    os.utime(path, (NOW.timestamp() - days * 86_400,) * 2)
    assert kinds(look(data, NOW)) == expected


@pytest.mark.parametrize(("findings", "days", "kind"), [
    (0, 1, None), (2, 1, "verify-failed"), (0, 60, "verify-overdue"), (2, 60, "verify-failed")])
def test_what_the_last_verify_found_is_told(told: Told, findings: int, days: float, kind: str | None) -> None:
    data = told()
    (data / VERIFIED).parent.mkdir()
    (data / VERIFIED).write_text(json.dumps({"finished": ago(days * 86_400), "findings": findings}))
    assert kinds(look(data, NOW)) == ([kind] if kind else [])


@pytest.mark.parametrize(("retention", "free_days", "severity"), [
    ({}, 30.0, None), ({}, 3.0, Severity.WARNING), ({}, 0.5, Severity.ALARM), ({"trades": 20}, 3.0, None)],
    ids=["time enough", "days left", "hours left", "as much goes as comes"])  # fmt: skip
def test_a_disk_that_will_be_full_is_told_days_before(
    told: Told, monkeypatch: pytest.MonkeyPatch, retention: dict[str, int], free_days: float, severity: Severity | None
) -> None:
    today = datetime.now(NOW.tzinfo)
    data = told(today, retention=retention, started=ago(100, today), line_since=ago(100, today),
                streams=[stream(since=ago(100, today), last_row=ago(1, today))], flowing=1)
    for days in range(1, 21):
        folder = data / "archive" / "trades" / f"date={(today - timedelta(days=days)).date()}"
        folder.mkdir(parents=True)
        (folder / "main.000000000001-000000000002.parquet").write_bytes(bytes(1 << 20))
    (data / "sealed").mkdir()
    free_bytes = int(free_days * (1 << 20))
    monkeypatch.setattr("capture.watch.condition.no_room", lambda *_: None)
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=free_bytes))
    found = [one for one in look(data, today).told if one.subject is Subject.DISK]
    assert [one.severity for one in found] == ([severity] if severity else [])


def test_a_watcher_walks_the_lake_seldom_and_reads_what_recorders_say_each_time(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, walks = told(), list[Path]()

    def walk(layout: Layout, retention: dict[str, int]) -> dict[str, Any]:
        walks.append(layout.root)
        return lake_state(layout, retention)

    monkeypatch.setattr("capture.watch.condition.lake_state", walk)
    watcher = Watcher(data)
    assert watcher.look(NOW).verdict is Verdict.WELL
    told(state="backing off", line_since=ago(30), trouble=REFUSED)
    assert watcher.look(NOW).verdict is Verdict.TROUBLE
    assert walks == [data]


def test_only_alarms_count_where_only_alarms_are_asked_for(told: Told) -> None:
    found = look(told(roller_heard_s=300.0), NOW)
    assert found.judged(Severity.WARNING)[0] is Verdict.TROUBLE
    assert found.judged(Severity.ALARM)[0] is Verdict.WELL


def test_no_lake_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LakeMissingError):
        look(tmp_path / "none")


def test_kinds_that_share_a_slot_are_about_the_same_thing_and_each_says_what_helps() -> None:
    slots: dict[str, set[Subject]] = {}
    for kind in KINDS.values():
        slots.setdefault(kind.slot, set()).add(kind.subject)
        assert kind.meaning and (kind.remedy or kind.happens)
    assert {slot for slot, subjects in slots.items() if len(subjects) > 1} == set()
    facts = dict.fromkeys(("data", "pid", "host", "port", "repair"), "x")
    assert {trouble(kind, "n", None, "c", facts).kind for kind in KINDS} == set(KINDS)
