"""No answer ever holds anything of after the replayed moment, and none changes with what comes later."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capture import Lake
from capture.gateway.recorded import Recording
from capture.gateway.recorded.store import Store
from tests.gateway.conftest import Sent

from .conftest import AAPL, ESZ6, EURUSD, MSFT, OPTION, SECOND_US, START_US, playing, replay

pytestmark = pytest.mark.slow

CON_IDS = (AAPL, MSFT, ESZ6, EURUSD, OPTION)
MOMENTS = st.integers(START_US, START_US + 129 * SECOND_US)
WHATS = ("TRADES", "MIDPOINT", "BID", "ASK", "BID_ASK")
SIZES = ("1 secs", "5 secs", "10 secs", "30 secs", "1 min", "2 mins", "1 hour", "1 day")
contracts = st.sampled_from(CON_IDS).map(lambda con_id: {"con_id": con_id})
ends = st.sampled_from(["", "20261118-15:00:30", "20261118-15:01:30", "20261118-23:59:59"])

REQUESTS = st.one_of(
    st.builds(dict, name=st.just("req_historical_data"), contract=contracts, end=ends, what=st.sampled_from(WHATS),
              duration=st.sampled_from(["30 S", "120 S", "3600 S", "1 D"]), bar_size=st.sampled_from(SIZES),
              regular_hours=st.booleans(), date_format=st.just(2)),
    st.builds(dict, name=st.just("req_historical_ticks"), contract=contracts, end=ends.filter(bool),
              what=st.sampled_from(["TRADES", "BID_ASK", "MIDPOINT"]), number_of_ticks=st.integers(1, 1000)),
    st.builds(dict, name=st.just("req_historical_ticks"), contract=contracts, start=ends.filter(bool),
              what=st.sampled_from(["TRADES", "BID_ASK", "MIDPOINT"]), number_of_ticks=st.integers(1, 1000)),
    st.builds(dict, name=st.just("req_head_timestamp"), contract=contracts, what=st.sampled_from(WHATS),
              date_format=st.just(2)),
    st.builds(dict, name=st.just("req_histogram"), contract=contracts, period=st.sampled_from(["1 day", "60 seconds"])),
    st.builds(dict, name=st.just("req_contract_details"), contract=contracts),
    st.builds(dict, name=st.just("req_historical_data"), contract=contracts, end=ends, what=st.just("SCHEDULE"),
              duration=st.just("1 D"), bar_size=st.just("1 day"), date_format=st.just(1)),
    st.builds(dict, name=st.just("req_market_data"), contract=contracts, snapshot=st.just(True)),
)  # fmt: skip
ENDS = ("historical_data_end", "historical_schedule", "head_timestamp", "histogram", "contract_details_end",
        "snapshot_end", "error")  # fmt: skip


class CutStore(Store):
    """Reads a lake as if it had been recorded up to a moment only."""

    def __init__(self, lake: Lake, moment_us: int) -> None:
        super().__init__(lake)
        self.moment = pa.scalar(moment_us, pa.int64())

    def query(self, sql: str, parameters: Any = None) -> pa.Table:
        at = datetime.fromtimestamp(self.moment.as_py() // SECOND_US, UTC).isoformat()
        micros = self.moment.as_py() % SECOND_US
        cut = f"timestamptz '{at}' + to_microseconds({micros})"
        for table in ("trades", "quotes", "midpoints", "ticks", "depth", "greeks", "notices"):
            sql = sql.replace(f'from "{table}"', f"from (select * from {table} where ts < {cut})")
        bars = f"""(select * from bars where case when form = 'history' then ts_event + to_seconds(
                        case bar_size when '1 min' then 60 else 5 end) <= {cut} else ts < {cut} end)"""
        return super().query(sql.replace('from "bars"', f"from {bars}"), parameters)


def cut_recording(lake: Lake, moment_us: int, patch: pytest.MonkeyPatch) -> Recording:
    with patch.context() as patched:
        patched.setattr("capture.gateway.recorded.recording.Store", lambda lake: CutStore(lake, moment_us))
        return Recording(lake)


async def answers(recording: Recording, moment_us: int, request: dict[str, Any], sent: Sent | None = None) -> list[Any]:
    """What a client is answered at a moment that stands."""
    async with playing(replay(recording, moment_us, on_rows=sent)) as peer:
        peer.answers.clear()
        values = {name: value for name, value in request.items() if name not in ("name", "contract")}
        peer.send(request["name"], request_id=1, **request["contract"], **values)
        async with asyncio.timeout(120):
            while not any(a.name in ENDS or a.values.get("done") for a in peer.answers):
                peer.events(await peer.reader.read(65536))
        return [(a.name, {k: v for k, v in a.values.items() if k != "time_ms"}) for a in peer.answers
                if not (a.name == "error" and a.values["code"] == 2174)]  # fmt: skip


def latest_us(found: list[Any]) -> int:
    """The latest moment that the rows of answers are about."""
    times = [0]
    for name, values in found:
        if name.startswith("historical_") and "ticks" in values:
            times += [tick["time"] for tick in values["ticks"]]
        if name == "historical_data":
            times += [int(bar["bar_date"]) for bar in values["bars"] if len(bar["bar_date"]) == 10]
        if name == "head_timestamp":
            times.append(int(values["timestamp"]))
    return max(times) * SECOND_US


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(moment_us=MOMENTS, request_=REQUESTS)
def test_answers_hold_nothing_of_later_and_do_not_change_with_it(
    lake: Lake, recording: Recording, monkeypatch: pytest.MonkeyPatch, moment_us: int, request_: dict[str, Any]
) -> None:
    whole = asyncio.run(answers(recording, moment_us, request_))
    assert latest_us(whole) < moment_us
    cut = asyncio.run(answers(cut_recording(lake, moment_us, monkeypatch), moment_us, request_))
    assert whole == cut


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(moment_us=MOMENTS, con_id=st.sampled_from(CON_IDS), smart=st.booleans(), rows=st.integers(1, 12))
def test_a_stream_up_to_a_moment_does_not_depend_on_what_comes_later(
    lake: Lake, recording: Recording, monkeypatch: pytest.MonkeyPatch, moment_us: int, con_id: int, smart: bool,
    rows: int,
) -> None:  # fmt: skip
    cut = cut_recording(lake, moment_us, monkeypatch)
    from_us, generic = (START_US + moment_us) // 2, frozenset({233})
    asks: tuple[Callable[[Recording], pa.Table], ...] = (
        lambda feed: feed.trades(con_id, from_us, moment_us), lambda feed: feed.quotes(con_id, from_us, moment_us),
        lambda feed: feed.midpoints(con_id, from_us, moment_us),
        lambda feed: feed.ticks(con_id, from_us, moment_us, generic, True),
        lambda feed: feed.greeks(con_id, from_us, moment_us, True),
        lambda feed: feed.depth(con_id, from_us, moment_us, rows, smart),
        lambda feed: feed.book(con_id, moment_us, rows, smart),
        lambda feed: feed.closed_bars(con_id, from_us, moment_us, "TRADES", False),
        lambda feed: feed.bar_updates(con_id, from_us, moment_us, 60, "TRADES", False),
        lambda feed: feed.notices(from_us, moment_us))  # fmt: skip
    for ask in asks:
        found = ask(recording)
        assert found.to_pylist() == ask(cut).to_pylist()
        assert not len(found) or pc.max(found["ts"].cast(pa.int64())).as_py() <= moment_us


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(moment_us=MOMENTS, con_id=st.sampled_from(CON_IDS))
def test_contract_details_are_the_newest_that_were_known(
    lake: Lake, recording: Recording, moment_us: int, con_id: int
) -> None:
    (details,) = recording.find(moment_us, con_id=con_id)
    known = lake.sql(f"select symbol, trading_hours from instruments where instrument_id = {con_id} and "
                     f"epoch_us(ts) <= {moment_us} order by ts desc, seq desc limit 1").rows()  # fmt: skip
    assert [(details["local_symbol"], details["trading_hours"])] == known


