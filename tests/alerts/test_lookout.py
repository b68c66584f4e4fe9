"""What there is to tell at a moment: the watch's troubles, and those that only alerts know."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from capture.alerts import lookout
from capture.alerts.alert_limits import of_coverage, open_gaps, unrestored
from capture.alerts.alive import Alive
from capture.alerts.desk import Desk
from capture.alerts.lookout import Lookout, plain
from capture.trouble import Severity
from capture.trouble_kinds import KINDS
from capture.wanted.alert_block import AlertBlock
from capture.watch.condition import look
from tests.watch.conftest import NOW, RESTART, Told, ago, recorder, stream
from tests.watch.conftest import told as told  # a fixture

from .conftest import block


def kinds(data: Path, own: AlertBlock, now: datetime = NOW) -> list[tuple[str | None, str, str]]:
    _, sights = Lookout(data, [own]).look(now)
    return [(name, one["kind"], one["name"]) for name, one in sights]


def test_troubles_that_another_one_causes_are_not_told(told: Told) -> None:
    silent = [stream(name, "silent", message="silent") for name in ("A", "B", "C")]
    found = kinds(told(streams=silent), block(what=["feed-silent", "stream-silent"]))
    assert found == [(None, "feed-silent", "main")]


def test_without_a_lake_it_says_that_nothing_records(tmp_path: Path) -> None:
    assert [kind for _, kind, _ in kinds(tmp_path / "none", block())] == ["nothing-records"]


@pytest.mark.parametrize(("given", "state", "expected"), [
    ({"silent_above_s": 30}, {"last_row": ago(40)}, ["silent-above"]),
    ({"silent_above_s": 60}, {"last_row": ago(40)}, []),
    ({"silent_above_s": 30}, {"last_row": ago(40), "market": "closed"}, []),
    ({"silent_above_s": 30}, {"last_row": None, "since": ago(40)}, ["silent-above"]),
    ({"silent_above_s": 30}, {"last_row": None, "since": ago(40), "state": "refused"}, []),
    ({"lag_above_s": 2}, {"lag_p50_s": 2.5}, ["lag-above"]),
    ({"lag_above_s": 3}, {"lag_p50_s": 2.5}, []),
    ({"lag_above_s": 2}, {"lag_p50_s": 900.0, "delayed": True}, []),
    ({"lag_above_s": 2}, {"lag_p50_s": None}, []),
    ({"disk_below_gb": 1e9}, {}, ["disk-below"]),
    ({"disk_below_gb": 1e-9}, {}, []),
    ({}, {"last_row": ago(4000), "lag_p50_s": 4.0}, []),
])  # fmt: skip
def test_limits_are_those_of_the_alert(
    told: Told, given: dict[str, Any], state: dict[str, Any], expected: list[str]
) -> None:
    what = [name for name, kind in KINDS.items() if kind.threshold in given] or ["line-lost"]
    found = kinds(told(streams=[stream(**state)]), block(what=what, **given))
    own = [(name, kind) for name, kind, _ in found if kind != "stream-refused"]
    assert own == [("test", kind) for kind in expected]


def test_a_limit_of_one_alert_is_not_told_by_another(told: Told, tmp_path: Path) -> None:
    limits_s = {"strict": 1, "lax": 9}
    strict, lax = (block(name=name, what=["lag-above"], lag_above_s=lag_s) for name, lag_s in limits_s.items())
    desk = Desk([strict, lax], tmp_path)
    _, sights = Lookout(told(streams=[stream(lag_p50_s=3.0)]), [strict, lax]).look(NOW)
    desk.look(NOW.timestamp(), sights)
    assert {name: list(rule.ledger.entries) for name, rule in desk.rules.items()} == {
        "strict": ["lag:main AAPL trades"], "lax": []}  # fmt: skip


def test_in_a_restart_window_silence_is_routine(told: Told) -> None:
    state = {"streams": [stream(last_row=ago(400, RESTART))], "written": ago(1, RESTART)}
    _, sights = Lookout(told(RESTART, **state), [block(what=["silent-above"], silent_above_s=60)]).look(RESTART)
    assert [(one["kind"], one["severity"]) for _, one in sights] == [("silent-above", "routine")]


def gap(state: str = "open", stream: str = "all_last", to_s: float | None = None, **more: Any) -> dict[str, Any]:
    return {"recorder": "main", "symbol": "AAPL", "instrument_id": 1, "stream": stream, "gap_id": "main.all_last.1.7",
            "state": state, "from_ts": NOW - timedelta(seconds=7200), "reason": "it broke",
            "to_ts": None if to_s is None else NOW - timedelta(seconds=to_s), **more}  # fmt: skip


@pytest.mark.parametrize(("one", "expected"), [
    (gap("closed", "positions", to_s=3700), 0),
    (gap("open"), 0), (gap("backfilled", to_s=5000), 0), (gap("closed", to_s=60), 0), (gap("closed", to_s=3700), 1),
    (gap("unavailable", to_s=60), 1), (gap("unavailable", to_s=90_000), 0), (gap("closed", "depth", to_s=3700), 0),
])  # fmt: skip
def test_a_gap_that_history_could_fill_and_did_not_is_told(one: dict[str, Any], expected: int) -> None:
    assert len(list(unrestored([one], NOW))) == expected


def test_a_gap_of_which_another_trouble_tells_is_not_told_again(told: Told) -> None:
    own = {"streams": [stream(stream="all_last"), stream("MSFT")]}
    calm = look(told(**own), NOW)
    [found] = open_gaps([gap(), gap("closed", to_s=9)], calm.recorders, calm.troubles, NOW)
    assert (found.kind, found.name, found.severity) == ("gap-open", "main AAPL all_last", Severity.ALARM)
    silent = look(told(streams=[stream(state="silent", stream="all_last"), stream("MSFT")]), NOW)
    lost = look(told(state="backing off", line_since=ago(60), trouble="lost", lost_in="recording"), NOW)
    for other in (silent, lost):
        assert list(open_gaps([gap()], other.recorders, other.troubles, NOW)) == []
    assert len(list(open_gaps([gap(recorder="second")], lost.recorders, lost.troubles, NOW))) == 1


def test_a_gap_outside_trading_hours_or_in_a_restart_window_is_routine(told: Told) -> None:
    closed = look(told(streams=[stream(market="closed"), stream("MSFT", instrument_id=2)]), NOW)
    restarting = look(told(restart_windows=["daily 10:00-12:00 America/New_York"]), NOW)
    for found, instrument_id, severity in ((closed, 1, "routine"), (closed, 2, "alarm"), (restarting, 1, "routine")):
        [one] = open_gaps([gap(instrument_id=instrument_id)], found.recorders, found.troubles, NOW)
        assert one.severity == severity


@pytest.mark.parametrize(("share", "expected_s", "count"), [
    (0.98, 5000, 1), (0.995, 5000, 0), (0.5, 60, 0), (None, 0, 0)])  # fmt: skip
def test_coverage_below_the_given_share_is_told(share: float | None, expected_s: float, count: int) -> None:
    row = {"symbol": "AAPL", "instrument_id": 1, "stream": "all_last", "day": "2026-11-18", "share": share,
           "expected_s": expected_s, "down_s": 100.0, "unknown_s": 0.0, "reasons": ["lost"]}  # fmt: skip
    assert len(list(of_coverage(block(coverage_below=0.99), [row]))) == count
    assert list(of_coverage(block(), [row])) == []


def test_what_the_lake_cannot_say_is_said_once_and_the_rest_goes_on(
    told: Told, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> Any:
        raise OSError("no lake today")

    monkeypatch.setattr(lookout, "stored_gaps", broken)
    monkeypatch.setattr(lookout, "LAKE_INTERVAL_S", 0.0)
    watch = Lookout(told(state="stopped"), [block()])
    for _ in range(3):
        assert [one["kind"] for _, one in watch.look(NOW)[1]] == ["nothing-records"]
    assert caplog.text.count("no lake today") == 1


def test_gaps_and_coverage_are_asked_of_the_lake(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Lake:
        def coverage(self, start: datetime) -> list[dict[str, Any]]:
            asked.append("coverage")
            return [{"symbol": "AAPL", "instrument_id": 1, "stream": "all_last", "day": day, "share": share,
                     "expected_s": 5000.0, "down_s": 9.0, "unknown_s": 0.0, "reasons": []}
                    for day, share in (("2026-11-17", 0.1), ("2026-11-18", 0.9))]  # fmt: skip

        def close(self) -> None:
            asked.append("close")

    def gaps(*_: Any) -> list[dict[str, Any]]:
        asked.append("gaps")
        return [gap()]

    monkeypatch.setattr(lookout, "open_reader", lambda *_: Lake())
    monkeypatch.setattr(lookout, "stored_gaps", gaps)
    watch = Lookout(told(), [block(coverage_below=0.99)])
    for _ in range(2):
        found = [(one["kind"], one["name"]) for _, one in watch.look(NOW)[1]]
        assert found == [("coverage-below", "AAPL all_last 2026-11-18"), ("gap-open", "main AAPL all_last")]
    watch.close()
    assert asked == ["gaps", "coverage", "close"]  # once a minute
    Lookout(told(), [block(what=["line-lost"])]).look(NOW)
    assert len(asked) == 3


def test_a_trouble_becomes_plain_values(told: Told) -> None:
    found = look(told(state="backing off", line_since=ago(60), trouble="lost", lost_in="recording"), NOW)
    one = json.loads(json.dumps(plain(found.told[0])))
    assert (one["kind"], one["key"], one["since"]) == ("line-lost", "line:main", ago(60))
    assert one["text"].startswith("main: lost; ")


# The sign of life (D30, D31)

MINUTE = timedelta(seconds=60)


def said(rows: int = 10, **more: Any) -> list[dict[str, Any]]:
    return [{**recorder(streams=[stream(rows=rows, market=more.pop("market", "liquid"))], **more), "running": True}]


def test_the_sign_of_life_is_given_once_a_minute_while_rows_come() -> None:
    alive = Alive()
    at_s = [NOW.timestamp() + 2 * step for step in range(150) if alive.due(NOW.timestamp() + 2 * step, said(10 + step))]
    assert [second - at_s[0] for second in at_s] == [0, 60, 120, 180, 240]


@pytest.mark.parametrize(("state", "given"), [
    ({}, False), ({"market": "closed"}, True), ({"market": None}, False),
    ({"restart_windows": ["daily 10:00-12:00 America/New_York"]}, True),
])  # fmt: skip
def test_without_new_rows_the_sign_is_given_only_where_none_are_expected(state: dict[str, Any], given: bool) -> None:
    alive = Alive()
    assert alive.due(NOW.timestamp(), said(**state))
    assert alive.due((NOW + MINUTE).timestamp(), said(**state)) is given


def test_without_a_recorder_that_runs_no_sign_is_given_though_markets_are_closed() -> None:
    dead = [{**one, "running": False} for one in said(market="closed")]
    assert not Alive().due(NOW.timestamp(), dead)
    assert not Alive().due(NOW.timestamp(), [])


def test_a_recorder_that_began_anew_counts_its_rows_from_nothing() -> None:
    alive = Alive()
    assert alive.due(NOW.timestamp(), said(1000))
    assert alive.due((NOW + MINUTE).timestamp(), said(5, started=ago(10)))
