"""Orders on a recording: steps of time change nothing, and over its gaps and halts nothing fills."""

from random import Random
from typing import Any

import pyarrow as pa
import pytest

from capture import Lake
from capture.gateway import Clock
from capture.gateway.broker.interest import Interest
from capture.gateway.feed import Break
from capture.gateway.passage.passage import Passage
from capture.gateway.recorded import Recording
from capture.gateway.trading import Trading
from capture.lake.sql_text import NEWEST_GAPS
from tests.gateway.broker.scene import wanted
from tests.gateway.trading_days import Request, play, requests

from .conftest import AAPL, BROKEN_S, MSFT, OPTION, QUIET_S, SECOND_US, START_US, rows

pytestmark = pytest.mark.slow

END_US = START_US + round(QUIET_S - 2) * SECOND_US


def clock(recording: Recording) -> Clock:
    return Clock(START_US + 5 * SECOND_US, span=(recording.begin_us, recording.end_us))


@pytest.mark.parametrize("seed", range(3))
def test_reports_on_a_recording_do_not_depend_on_how_time_is_cut(
    recording: Recording, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = requests(recording, (AAPL, MSFT), START_US + 10 * SECOND_US, END_US - SECOND_US, seed, 40)
    whole = play(recording, clock(recording), orders, END_US)
    random = Random(seed)
    cuts = [random.randrange(START_US + 5 * SECOND_US, END_US) for _ in range(100)]
    assert play(recording, clock(recording), orders, END_US, cuts) == whole
    monkeypatch.setattr(Passage, "_interest", lambda *_: Interest(quotes=True, trades=True))
    assert play(recording, clock(recording), orders, END_US, cuts) == whole
    assert any(" execution_details " in line for line in whole)


def one_order(recording: Recording, con_id: int, at_us: int, **values: Any) -> Request:
    [details] = recording.find(at_us, con_id=con_id)
    names = ("con_id", "symbol", "sec_type", "currency", "exchange")
    return Request(at_us, 1, details, wanted(**{name: details[name] for name in names} | values))


def gap(lake: Lake, con_id: int) -> tuple[int, int]:
    """The first gap of an instrument's ticks: from when its last row came to when the next did."""
    [found] = rows(lake, f"""
        select epoch_us(from_ts + to_microseconds((coalesce(lag_s, 0) * 1e6)::bigint)) as from_us,
            epoch_us(to_ts) as to_us
        from {NEWEST_GAPS} where instrument_id = {con_id} and stream = 'ticks' and state = 'closed'
        order by from_ts limit 1""")
    return found["from_us"], found["to_us"]


def test_over_a_gap_nothing_fills_and_that_is_said(broken: Recording, broken_lake: Lake) -> None:
    from_us, to_us = gap(broken_lake, OPTION)
    end_us = START_US + round(BROKEN_S - 5) * SECOND_US
    before = one_order(broken, OPTION, from_us - 2 * SECOND_US, order_type="LMT", limit_price=1.0)
    told = play(broken, clock(broken), [before], end_us)
    warnings = [line for line in told if " error " in line]
    assert warnings and all("'code': 399" in line and "gap" in line and "lost its place" in line for line in warnings)
    assert warnings[0].startswith(f"{to_us} ")
    inside = one_order(broken, OPTION, (from_us + to_us) // 2, order_type="MKT")
    told = play(broken, clock(broken), [inside], end_us)
    [first] = [line for line in told if " error " in line][:1]
    assert first.startswith(f"{inside.at_us} ") and "nothing fills before that is over" in first
    fills = [int(line.split()[0]) for line in told if " execution_details " in line]
    assert fills and min(fills) >= to_us


def test_gaps_of_a_recording_are_breaks_of_its_instruments(broken: Recording, broken_lake: Lake) -> None:
    from_us, to_us = gap(broken_lake, OPTION)
    every = broken.breaks(OPTION, broken.begin_us, broken.end_us)
    assert any(one.from_us <= from_us + 1 and one.to_us >= to_us and not one.is_halt for one in every)
    assert all(one.from_us < one.to_us for one in every) and list(every) == sorted(every)
    assert broken.breaks(OPTION, every[0].to_us, every[0].to_us + 1) in ([], [every[0]])
    assert not any(one.is_halt for one in every)


def test_a_halted_instrument_takes_no_new_order_and_fills_none(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    halt = Break(START_US + 30 * SECOND_US, START_US + 60 * SECOND_US, True)
    monkeypatch.setattr(recording, "breaks", lambda con_id, from_us, to_us: [halt] if con_id == AAPL else [])
    inside = one_order(recording, AAPL, START_US + 40 * SECOND_US, order_type="MKT")
    assert any("'code': 154" in line for line in play(recording, clock(recording), [inside], END_US))
    early = one_order(recording, AAPL, START_US + 29 * SECOND_US, order_type="MKT", total_quantity=1_000_000,
                      order_reference="")  # fmt: skip

    def enough(trading: Trading) -> None:
        monkeypatch.setattr(trading.paper.till, "refusal", lambda *_: None)

    told = play(recording, clock(recording), [early], END_US, before=enough)
    fills = [int(line.split()[0]) for line in told if " execution_details " in line]
    assert fills and not [at_us for at_us in fills if halt.from_us <= at_us < halt.to_us]
    assert any(line.startswith(f"{halt.to_us} error") and "trading is halted" in line for line in told)


def test_halts_are_told_by_ticks(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    marks = [(10, 0), (20, 1), (30, 2), (40, 0), (50, 1)]
    found = pa.table({
        "instrument_id": [AAPL] * 5, "recorder": ["main"] * 5,
        "ts_us": [at_us for at_us, _ in marks], "is_halted": [value > 0 for _, value in marks]})  # fmt: skip
    real = recording._store.query

    def query(sql: str, parameters: Any = None) -> pa.Table:
        return found if "is_halted" in sql else real(sql, parameters)

    monkeypatch.setattr(recording._store, "query", query)
    recording._breaks.forget()
    try:
        assert recording.breaks(AAPL, 0, 45) == [Break(20, 40, True)]
        assert [one.from_us for one in recording.breaks(AAPL, 0, 100)] == [20, 50]
        assert recording.breaks(MSFT, 0, 100) == []
    finally:
        monkeypatch.undo()
        recording._breaks.forget()
