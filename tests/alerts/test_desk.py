"""The desk, its couriers and its files: each message told by each action, once, over failures, kills and full disks."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from capture.alerts import alert_log, deliveries
from capture.alerts.alert_log import AlertLog, read_log, read_state
from capture.alerts.courier import Couriers
from capture.alerts.desk import Desk, Rule
from capture.alerts.mutes import Mute, changed, read_mutes, write_mutes
from capture.data_folder import ALERT_LOG, ALERT_LOG_BEFORE, ALERT_STATE

from .conftest import SECRET, Hook, block, texts_below, trouble, until

NOW_S = 1_760_000_000.0


def statuses(hook: Hook) -> list[str]:
    return [message["status"] for message in hook.messages]


def test_a_trouble_and_its_end_are_sent_and_in_the_log(hook: Hook, tmp_path: Path) -> None:
    desk = Desk([block(webhook=hook.url)], tmp_path)
    couriers = Couriers(desk)
    now_s = time.time() - 10
    desk.look(now_s, [(None, trouble())])
    desk.look(now_s + 5, [])
    couriers.stop(30)
    assert statuses(hook) == ["firing", "resolved"]
    first = hook.messages[0]
    assert (first["alert"], first["text"], hook.messages[1]["text"]) == (
        "test", "main: it broke", "over: main: it broke")  # fmt: skip
    rows = read_log(tmp_path)
    assert [(row["status"], row["kind"], row["name"]) for row in rows] == [
        ("firing", "line-lost", "main"), ("resolved", "line-lost", "main")]  # fmt: skip
    assert [list(row["sent"].values()) for row in rows] == [["HTTP 200"]] * 2
    assert read_state(tmp_path)["outbox"] == []
    assert SECRET not in texts_below(tmp_path)


def test_troubles_that_begin_together_are_one_message(hook: Hook, tmp_path: Path) -> None:
    desk = Desk([block(webhook=hook.url)], tmp_path)
    couriers = Couriers(desk)
    desk.look(time.time(), [(None, trouble("stream-silent", f"main S{n} trades")) for n in range(1000)])
    couriers.stop(30)
    assert [len(message["troubles"]) for message in hook.messages] == [1000]
    assert len(read_log(tmp_path)) == 1000


def test_a_failure_is_tried_again_later_each_time_and_holds_back_what_follows(hook: Hook, tmp_path: Path) -> None:
    hook.answers = [500, 500]
    desk = Desk([block(webhook=hook.url)], tmp_path)
    [action] = desk.actions
    desk.look(NOW_S, [(None, trouble())])
    desk.look(NOW_S, [])
    waits = []
    for now_s in (NOW_S, NOW_S + 1, NOW_S + 3):
        assert desk.next(action, now_s - 0.5) is None or now_s == NOW_S
        delivery = desk.next(action, now_s)
        assert delivery is not None
        assert delivery.message["status"] == "firing"
        if now_s < NOW_S + 3:
            desk.failed(delivery, "HTTP 500", now_s)
            waits.append(desk.next_due_s(action))
        else:
            desk.sent(delivery, "HTTP 200")
    assert waits == [NOW_S + 1, NOW_S + 3]
    [row, _] = read_log(tmp_path)
    assert (row["sent"], row["failed"]) == ({action: "HTTP 200"}, {})
    following = desk.next(action, NOW_S + 3)
    assert following is not None
    assert following.message["status"] == "resolved"


def test_what_is_never_taken_is_given_up_in_the_end_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk([block()], tmp_path)
    [action] = desk.actions
    desk.look(NOW_S, [(None, trouble())])
    now_s, tries = NOW_S, 0
    while delivery := desk.next(action, now_s):
        desk.failed(delivery, "HTTP 500", now_s)
        tries += 1
        now_s = desk.next_due_s(action) or 0.0
    assert tries == pytest.approx(deliveries.EXPIRES_S / deliveries.LONGEST_WAIT_S, abs=10)
    assert read_log(tmp_path)[0]["failed"] == {action: "HTTP 500; given up"}
    assert "given up" in caplog.text
    assert (tmp_path / ALERT_LOG).read_text().count("HTTP 500") == 2  # the first, and that it is given up


def test_an_action_that_fails_does_not_hold_up_the_others(hook: Hook, tmp_path: Path) -> None:
    desk = Desk([block(webhook=hook.url, command=["false"])], tmp_path)
    couriers = Couriers(desk)
    desk.look(time.time(), [(None, trouble())])
    until(lambda: hook.messages and read_log(tmp_path)[0]["failed"])
    couriers.stop(30)
    [row] = read_log(tmp_path)
    assert list(row["failed"].values()) == ["it ended with 1"]
    assert list(row["sent"].values()) == ["HTTP 200"]


def test_more_than_anybody_reads_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "MOST_WAITING", 3)
    desk = Desk([block()], tmp_path)
    for number in range(5):
        desk.look(NOW_S + number, [(None, trouble(name=f"line {number}"))])
    assert len(read_state(tmp_path)["outbox"]) == 3
    lost = [row["name"] for row in read_log(tmp_path) if "too many wait; given up" in row["failed"].values()]
    assert lost  # the oldest, and they are in the list


def restarted(desk: Desk, data: Path) -> Desk:
    return Desk([rule.block for rule in desk.rules.values()], data)


def test_a_restart_sends_what_waited_and_nothing_twice(hook: Hook, tmp_path: Path) -> None:
    desk = Desk([block(webhook=hook.url)], tmp_path)
    desk.look(NOW_S, [(None, trouble())])
    desk = restarted(desk, tmp_path)  # killed before it was sent
    Couriers(desk).stop(30)
    assert statuses(hook) == ["firing"]
    for now_s in (NOW_S + 10, NOW_S + 20):
        desk = restarted(desk, tmp_path)
        desk.look(now_s, [(None, trouble())])
        Couriers(desk).stop(30)
    assert statuses(hook) == ["firing"]


def test_what_arrived_is_not_sent_again_though_the_state_of_before_is_there(hook: Hook, tmp_path: Path) -> None:
    desk = Desk([block(webhook=hook.url)], tmp_path)
    desk.look(NOW_S, [(None, trouble())])
    before = (tmp_path / ALERT_STATE).read_text()
    Couriers(desk).stop(30)
    (tmp_path / ALERT_STATE).write_text(before)  # as a kill between log and state leaves it
    desk = restarted(desk, tmp_path)
    Couriers(desk).stop(30)
    assert statuses(hook) == ["firing"]


def test_a_message_that_was_kept_and_not_logged_is_logged_by_the_next(tmp_path: Path) -> None:
    desk = Desk([block()], tmp_path)
    desk.look(NOW_S, [(None, trouble())])
    (tmp_path / ALERT_LOG).unlink()  # as a kill between state and log leaves it
    restarted(desk, tmp_path)
    assert [row["name"] for row in read_log(tmp_path)] == ["main"]


def test_an_action_that_the_settings_name_no_more_is_given_up(tmp_path: Path) -> None:
    Desk([block(command=["one"])], tmp_path).look(NOW_S, [(None, trouble())])
    desk = Desk([block(command=["two"])], tmp_path)
    assert desk.next_due_s("test: 1. command one") is None
    assert "settings name it no more" in str(read_log(tmp_path)[0]["failed"])


@pytest.mark.parametrize("text", ["", "{", "[]", '{"ledgers": {"gone": {"entries": {}}}, "places": {}}'])
def test_state_of_a_power_cut_or_of_other_settings_does_no_harm(tmp_path: Path, text: str) -> None:
    AlertLog(tmp_path)
    (tmp_path / ALERT_STATE).write_text(text)
    (tmp_path / ALERT_LOG).write_text('{"event": "told", "at":')
    desk = Desk([block()], tmp_path)
    desk.look(NOW_S, [(None, trouble())])
    assert len(read_state(tmp_path)["outbox"]) == 1


def test_a_full_disk_is_told_all_the_same(
    hook: Hook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk([block(webhook=hook.url)], tmp_path)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(alert_log, "publish", full)
    monkeypatch.setattr("os.write", full)
    couriers = Couriers(desk)
    desk.look(time.time(), [(None, trouble("disk-full"))])
    couriers.stop(30)
    assert statuses(hook) == ["firing"]
    assert caplog.text.count("No space left on device") == 1


def happened(key: str, since: str | None = None, **more: Any) -> dict[str, Any]:
    return trouble("fill", key, "routine", since=since, **more)


def test_what_happens_is_told_once_however_often_it_is_seen(hook: Hook, tmp_path: Path) -> None:
    desk = Desk([block(webhook=hook.url)], tmp_path)
    desk.happened(NOW_S, [(None, happened("a")), (None, happened("b"))])
    desk.happened(NOW_S, [(None, happened("a"))])
    desk = restarted(desk, tmp_path)
    desk.happened(NOW_S, [(None, happened("b")), (None, happened("c"))])
    Couriers(desk).stop(30)
    assert [[one["name"] for one in message["troubles"]] for message in hook.messages] == [["a", "b"], ["c"]]
    assert statuses(hook) == ["happened"] * 2


def test_what_happened_before_an_alert_was_there_is_not_told_by_it(tmp_path: Path) -> None:
    desk = Desk([block()], tmp_path)
    desk.happened(time.time(), [(None, happened("old", "2020-01-01T00:00:00+00:00")),
                                (None, happened("new", "2099-01-01T00:00:00+00:00"))])  # fmt: skip
    assert [row["name"] for row in read_log(tmp_path)] == ["new"]


def test_what_happens_while_muted_is_in_the_list_and_told_by_nobody(tmp_path: Path) -> None:
    desk = Desk([block()], tmp_path)
    desk.mutes = [Mute("fill", NOW_S + 60)]
    desk.happened(NOW_S, [(None, happened("a"))])
    desk.mutes = []
    desk.happened(NOW_S + 90, [(None, happened("a"))])
    assert [(row["name"], row["status"]) for row in read_log(tmp_path)] == [("a", "muted")]
    assert read_state(tmp_path)["outbox"] == []


STREAM = {"recorder": "main", "instrument": "conid:8314", "symbol": "IBM", "word": "trades", "stream": "all_last"}


@pytest.mark.parametrize(("what", "is_muted"), [
    ("IBM", True), ("ibm trades", True), ("conid:8314", True), ("trades", True), ("main", True), ("all", True),
    ("stream-silent", True), ("MSFT", False), ("IBM quotes", False), ("other", False), ("IB", False),
])  # fmt: skip
def test_a_mute_covers_what_it_names(what: str, is_muted: bool) -> None:
    one = trouble("stream-silent", "main conid:8314 trades", facts=STREAM)
    assert Mute(what, NOW_S).covers(one, NOW_S - 1) is is_muted
    assert not Mute(what, NOW_S).covers(one, NOW_S)


def test_mutes_replace_each_other_and_end(tmp_path: Path) -> None:
    assert read_mutes(tmp_path) == []
    write_mutes(tmp_path, changed([], "IBM", NOW_S + 60, NOW_S))
    write_mutes(tmp_path, changed(read_mutes(tmp_path), "ibm", NOW_S + 90, NOW_S))
    write_mutes(tmp_path, changed(read_mutes(tmp_path), "MSFT", NOW_S + 10, NOW_S))
    assert read_mutes(tmp_path) == [Mute("ibm", NOW_S + 90), Mute("MSFT", NOW_S + 10)]
    assert changed(read_mutes(tmp_path), "IBM", None, NOW_S + 20) == []
    (tmp_path / "alerts" / "mutes.json").write_text("{")
    assert read_mutes(tmp_path) == []


@pytest.mark.parametrize(("chosen", "expected"), [
    ({}, True), ({"instruments": ["IBM"]}, True), ({"instruments": ["MSFT"]}, False), ({"streams": ["trades"]}, True),
    ({"streams": ["quotes"]}, False), ({"instruments": ["IBM"], "streams": ["quotes"]}, False),
    ({"what": ["line-lost"]}, False), ({"what": ["recording"]}, True),
])  # fmt: skip
def test_an_alert_chooses_by_kind_instrument_and_stream(chosen: dict[str, Any], expected: bool) -> None:
    one = trouble("stream-silent", "main conid:8314 trades", facts=STREAM)
    assert Rule(block(**chosen)).tells(one) is expected


def test_what_is_of_no_instrument_is_told_whatever_instruments_are_chosen() -> None:
    assert Rule(block(instruments=["IBM"], streams=["trades"])).tells(trouble("line-lost"))


def test_the_log_is_bounded_and_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_log, "MOST_BYTES", 2_000)
    desk = Desk([block()], tmp_path)
    for number in range(41):
        desk.happened(NOW_S, [(None, happened(f"{number}"))])
    names = [row["name"] for row in read_log(tmp_path)]
    assert names == [str(number) for number in range(41)][-len(names):]
    assert (tmp_path / ALERT_LOG_BEFORE).stat().st_size < 3_000
    assert (tmp_path / ALERT_LOG).stat().st_mode & 0o777 == 0o600
    assert all(json.loads(line) for line in (tmp_path / ALERT_LOG).read_text().splitlines())


class Killed(BaseException):
    """As SIGKILL: nothing after it is done."""


class Life:
    """A desk that is killed at one of its writes to disk, and begins anew; what it sends arrives at once."""

    def __init__(self, data: Path, killed_at: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.data, self.left, self.arrived = data, killed_at, list[tuple[str, dict[str, Any]]]()
        for name in ("told", "outcome", "save"):
            monkeypatch.setattr(AlertLog, name, self._writing(getattr(AlertLog, name)))
        self.desk = self._begun()

    def _begun(self) -> Desk:
        return Desk([block()], self.data, NOW_S)

    def _writing(self, write: Any) -> Any:
        def written(*given: Any) -> None:
            for done in (False, True):  # before it is written, and after
                self.left -= 1
                if not self.left:
                    raise Killed
                if not done:
                    write(*given)

        return written

    def do(self, act: Any) -> None:
        """Do something, and once more where it was killed by it."""
        for _ in range(2):
            try:
                act(self.desk)
                self.send()
            except Killed:
                self.desk = self._begun()
            else:
                return

    def send(self) -> None:
        [action] = self.desk.actions
        while delivery := self.desk.next(action, NOW_S + 1e6):
            self.arrived += [(delivery.message["id"], one | {"status": delivery.message["status"]})
                             for one in delivery.message["troubles"]]  # fmt: skip
            self.desk.sent(delivery, "taken")


@pytest.mark.parametrize("killed_at", range(1, 40))
def test_a_kill_at_any_write_loses_nothing_and_tells_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    life = Life(tmp_path, killed_at, monkeypatch)
    life.do(lambda desk: desk.look(NOW_S, [(None, trouble())]))
    life.do(lambda desk: desk.happened(NOW_S + 1, [(None, happened("a"))]))
    life.do(lambda desk: desk.look(NOW_S + 2, []))
    life.do(lambda desk: desk.happened(NOW_S + 3, [(None, happened("a")), (None, happened("b"))]))
    by_id = dict(life.arrived)  # who must not hear twice looks at the id
    assert [(one["status"], one["key"]) for one in by_id.values()] == [
        ("firing", "line-lost:main"), ("happened", "fill:a"), ("resolved", "line-lost:main"), ("happened", "fill:b")]
    assert len(life.arrived) <= len(by_id) + 1
    assert sorted({row["id"] for row in read_log(tmp_path) if row["sent"]}) == sorted(by_id)
