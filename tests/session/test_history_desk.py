"""History is asked for a gap once all that comes live of its last seconds has come: it would come twice else."""

import json
from pathlib import Path
from typing import Any

import pytest

from capture.recorder.history_desk import OTHERS_S, QUIET_S, HistoryDesk
from capture.session.history_jobs import SETTLE_S
from capture.session.history_pacing import Ask, HistoryPacing
from capture.session.lateness import Timed
from capture.session.subscriptions import Subscription
from capture.wanted.instrument import Contract, parse_instrument
from capture.wanted.settings import Settings
from capture.wanted.streams import parse_stream

END = 1_767_623_409
TO = END + 2  # with the margin
GAP = {"gap_id": "main.x", "instrument_id": 265598, "stream": "all_last", "detail": "",
       "from_ts": (END - 9) * 1_000_000, "to_ts": END * 1_000_000}  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path) -> HistoryDesk:
    folder = tmp_path / "tape" / "main"
    folder.mkdir(parents=True)
    (folder / "rolled.json").write_text(json.dumps({"mark": 1, "gaps": {"waiting": [GAP]}}))
    return HistoryDesk(Settings(data=tmp_path))


def stream(word: str, con_id: int, *events_s: float, late_s: float = 0.0) -> Subscription:
    made = Subscription(parse_instrument("AAPL"), parse_stream(word), Contract(con_id))
    made.lateness.look([Timed(event_s, event_s + late_s) for event_s in events_s], 0.0)
    return made


def begins_s(desk: HistoryDesk, *streams: Any) -> float:
    (job,) = desk.jobs(streams)
    return job.begin_s


def test_where_nothing_comes_live_it_is_asked_for_at_once(desk: HistoryDesk) -> None:
    assert begins_s(desk) == begins_s(desk, stream("quotes", 265598)) == TO + SETTLE_S


def test_a_stream_that_came_past_the_gaps_end_need_not_be_waited_for(desk: HistoryDesk) -> None:
    assert begins_s(desk, stream("trades", 265598, TO + 1)) == TO + SETTLE_S


@pytest.mark.parametrize("events", [(), (END,), (TO,)])
def test_a_stream_that_lags_is_waited_for(desk: HistoryDesk, events: tuple[float, ...]) -> None:
    late = stream("trades", 265598, *events, late_s=200.0)
    assert begins_s(desk, late, stream("trades", 2, TO + OTHERS_S)) == TO + QUIET_S + (200 if events else 0)


def test_a_stream_is_quiet_where_others_came_far_beyond(desk: HistoryDesk) -> None:
    assert begins_s(desk, stream("trades", 265598, END), stream("trades", 2, TO + OTHERS_S + 1)) == TO + SETTLE_S


def test_what_other_recorders_asked_of_the_account_counts(desk: HistoryDesk, tmp_path: Path) -> None:
    for name, at_s in (("main", 5.0), ("other", 3.0), ("third", 9.0)):
        pacing = HistoryPacing()
        pacing.sent(Ask(name, "AAPL"), at_s)
        (tmp_path / "tape" / name).mkdir(exist_ok=True)
        (tmp_path / "tape" / name / "pacing.json").write_text(json.dumps(pacing.as_json()))
    (tmp_path / "tape" / "torn").mkdir()
    (tmp_path / "tape" / "torn" / "pacing.json").write_text("{")
    pacing, live = desk.load_pacing()
    assert [at_s for at_s, *_ in pacing.as_json()["sent"]] == [3.0, 5.0, 9.0]
    assert (live, list(desk.faults)) == ((), [str(tmp_path / "tape" / "torn" / "pacing.json")])
