"""Since when something is as it is: in a recorder's status, for whoever watches."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from capture.recorder.journal import Journal
from capture.recorder.since import Since
from capture.recorder.status import describe_recorder
from capture.session.events import Lost, Started
from capture.session.machine import Machine
from capture.session.phases import State
from capture.status_model import RecorderStatus, RollerStatus, StreamStatus
from capture.wanted.settings import Settings
from tests.watch import conftest as told


def test_it_is_the_moment_of_the_last_change(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter(datetime(2026, 1, 2, 3, 4, second, tzinfo=UTC) for second in range(10))

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return next(moments)

    monkeypatch.setattr("capture.recorder.since.datetime", Clock)
    since = Since()
    first = since.when("line", "lost")
    assert (first, since.when("line", "lost")) == ("2026-01-02T03:04:00+00:00",) * 2
    assert since.when("line", "there") == "2026-01-02T03:04:01+00:00"
    assert since.when("farm", "there") == "2026-01-02T03:04:02+00:00"
    assert since.when("line", "lost") == "2026-01-02T03:04:03+00:00"


def test_a_status_says_where_the_line_was_lost_and_since_when_ib_lost_its_own(tmp_path: Path) -> None:
    settings = Settings.model_validate({
        "data": tmp_path, "connect_timeout_s": 0, "record": [{"instruments": ["AAPL"], "streams": ["trades"]}]})
    journal, machine, since = Journal.open(settings), Machine(settings, settings.wanted()), Since()
    begin = datetime.now(UTC)

    def said() -> RecorderStatus:
        return describe_recorder(machine, journal, begin, since)

    assert (said()["lost_in"], said()["ib_line_lost_since"]) == (None, None)
    machine.handle(Started(begin.timestamp()), 0.0)
    machine.handle(Lost("Connection refused"), 1.0)
    assert (said()["state"], said()["lost_in"]) == (State.BACKING_OFF, "connecting")
    machine.upstream.out = True
    lost = said()["ib_line_lost_since"]
    assert lost is not None and lost == said()["ib_line_lost_since"]
    machine.upstream.out = False
    assert said()["ib_line_lost_since"] is None
    journal.tape.close()


def test_what_tests_of_watching_have_recorders_say_is_what_recorders_say() -> None:
    models = ((told.recorder(), RecorderStatus), (told.stream(), StreamStatus), (told.roller(), RollerStatus))
    for said, model in models:
        assert said.keys() == get_type_hints(model).keys()
