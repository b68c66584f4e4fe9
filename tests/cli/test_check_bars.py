"""`ticktape check-bars`."""

import json
from collections.abc import Callable
from typing import Any

Run = Callable[..., Any]
BEGIN_S = 1_767_623_400


def test_agreement_and_differences_are_shown(run: Run, script: Any) -> None:
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast")
    script.ask(6, "req_real_time_bars", bar_size_s=5, what="TRADES", regular_hours=False)
    for second in (0, 5, 10):
        script.trade(5, 10.0, time=BEGIN_S + second)
    for second, volume in ((0, 100), (5, 300)):
        script.answer("real_time_bar", request_id=6, time=BEGIN_S + second, open=10, high=10, low=10, close=10, wap=10,
                      volume=volume, trade_count=1)
    code, out, err = run("check-bars", "--data", script.data)
    assert (code, err) == (0, "")
    head, series, _, columns, difference = out.splitlines()
    assert head.split()[:5] == ["symbol", "bars", "of", "form", "ticks"]
    assert series.split()[:13] == [
        "AAPL", "5", "secs", "TRADES", "closed", "all_last", *"2101000"]
    assert "volume, IB / ours" in columns
    assert difference.split()[-3:] == ["300", "/", "100"]
    found = json.loads(run("check-bars", "AAPL", "--width", "5 secs", "--data", script.data, "--json").out)
    assert [row["volume_differs"] for row in found["series"]] == [1]
    assert [row["ts"] for row in found["differences"]] == ["2026-01-05T14:30:05+00:00"]
    assert json.loads(run("check-bars", "MSFT", "--data", script.data, "--json").out) == {
        "series": [], "differences": []}  # fmt: skip
    assert json.loads(run("check-bars", "--from", "2026-01-05T14:30:05", "--data", script.data, "--json").out)["series"]


def test_a_time_that_is_none_is_told(run: Run, script: Any) -> None:
    code, out, err = run("check-bars", "--until", "soon", "--data", script.open().data)
    assert (code, out) == (2, "")
    assert err.startswith("ticktape: --until soon is no time: write 2026-11-20T14:30 (UTC)")
