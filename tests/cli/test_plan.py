import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., Any]


def test_what_fits_is_said(run: Run) -> None:
    code, out, err = run("plan", "AAPL", "--streams", "trades,quotes,ticks")
    assert (code, err) == (0, "")
    assert "fits" in out
    assert "too many" not in out


def test_what_does_not_fit_is_named_with_what_happens_instead(run: Run) -> None:
    Path("ticktape.toml").write_text("""
market_data_lines = 200
[[record]]
instruments = ["AAPL", "MSFT", "SPY", "QQQ"]
streams = ["quotes", "trades", "midpoints", "depth"]
""")
    out = run("plan").out
    assert "2 too many" in out
    assert "refused by IB with code 10190" in out
    plan = json.loads(run("plan", "--json").out)
    assert (plan["market_data_lines"], plan["fits"]) == (200, False)
    limits = {limit["limit"]: limit for limit in plan["limits"]}
    assert (limits["tick-by-tick"]["wanted"], limits["tick-by-tick"]["allowed"]) == (12, 10)
    assert limits["tick-by-tick"]["misfits"] == ["QQQ trades", "QQQ midpoints"]
    assert limits["market depth"]["misfits"] == ["QQQ depth"]
    assert json.loads(run("plan", "--lines", 1000, "--json").out)["fits"]


def test_nothing_wanted_is_told(run: Run) -> None:
    code, _, err = run("plan")
    assert code == 2
    assert "nothing to record" in err
