import pytest

from capture.session.plan import make_plan
from capture.wanted.instrument import Instrument, parse_instrument
from capture.wanted.streams import Stream, parse_stream


def wanted(count: int, *streams: str) -> list[tuple[Instrument, Stream]]:
    return [(parse_instrument(f"conid:{number}"), parse_stream(word))
            for number in range(1, count + 1) for word in streams]  # fmt: skip


def allowed(lines: int) -> list[int | None]:
    return [share.allowed for share in make_plan([], lines, 40).shares]


@pytest.mark.parametrize(("lines", "limits"), [
    (10, [10, 1, 3, 50]), (100, [100, 5, 3, 50]), (400, [400, 20, 4, 50]), (1100, [1100, 55, 11, 50]),
    (10_000, [10_000, 500, 60, 50]), (0, [None] * 4)])
def test_what_lines_allow(lines: int, limits: list[int | None]) -> None:
    assert allowed(lines) == limits


def test_misfits_are_the_last_in_the_order_of_the_settings() -> None:
    plan = make_plan(wanted(4, "trades", "quotes", "ticks"), 100, 40)
    assert not plan.fits
    assert [(share.wanted, share.misfits) for share in plan.shares] == [
        (4, ()), (8, ("conid:3 quotes", "conid:4 trades", "conid:4 quotes")), (0, ()), (0, ())]
    assert "code 10190" in plan.shares[1].instead
    assert "conid:3 quotes" in plan.shares[1].instead


def test_bars_take_lines_and_depth_counts_instruments() -> None:
    streams = wanted(4, "ticks", "bars", "depth", "smart_depth", "live_bars:1 min")
    lines, _, depth, history = make_plan(streams, 7, 40).shares
    assert (lines.wanted, lines.misfits) == (8, ("conid:4 bars",))
    assert (depth.wanted, depth.misfits) == (4, ("conid:4 depth", "conid:4 smart_depth"))
    assert history.wanted == 4
    assert make_plan(wanted(3, "depth", "smart_depth"), 100, 40).fits


@pytest.mark.parametrize(("bars", "start_s"), [(60, 1.5), (61, 600), (180, 1200)])
def test_how_long_it_takes_to_request_bars(bars: int, start_s: float) -> None:
    assert make_plan(wanted(bars, "bars"), 0, 40).start_s == start_s
