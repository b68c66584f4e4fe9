"""Programs with the clients of others, in environments of their own, run to their end against a market and a replay."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from capture.gateway import Gateway, running
from capture.gateway.dispatch import HANDLERS
from capture.gateway.market import Market
from capture.gateway.recorded import Recording
from tests.foreign import run, run_node

from .conftest import AAPL, ESZ6, MSFT, OPTION, SECOND_US, START_US, replay

pytestmark = pytest.mark.slow

PROGRAMS = Path(__file__).parents[1] / "programs"
NAUTILUS = ("nautilus-ibapi==10.30.1", "nautilus_trader==1.221.0", "defusedxml")
SPEED = 3.0  # of the market: 5-second bars come sooner


@pytest.fixture(params=["market", "replay"])
def gateway(request: pytest.FixtureRequest) -> Gateway:
    """A gateway that invents, and one that plays what was recorded, neither started yet; both have no live MSFT."""
    if request.param == "market":
        return Gateway(Market(), start_us=START_US, speed=SPEED, unsubscribed=frozenset({MSFT}))
    recording: Recording = request.getfixturevalue("recording")
    return replay(recording, START_US + 20 * SECOND_US, paused=False, unsubscribed=frozenset({MSFT}))


def last_line(text: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(text.splitlines()[-1])
    return told


def test_ibs_newest_client_gets_an_answer_to_everything(gateway: Gateway) -> None:
    with running(gateway):
        told = last_line(run(("ibapi-latest==10.51.1",), PROGRAMS / "official.py", gateway.port))
    assert told["failed"] == []
    assert told["version"] == 200 and told["filled"]
    assert told["codes"] == [[22, 10172], [30, 10276]]
    assert told["details"] == ["AAPL", "AAPL  261218C00250000"] and told["bars"] >= 4


@pytest.mark.parametrize("module", ["ib_insync", "ib_async"])
def test_notebooks_without_orders_run_to_their_end(gateway: Gateway, module: str) -> None:
    requirements = {"ib_insync": ("ib_insync==0.9.86",), "ib_async": ("ib_async==2.1.0",)}[module]
    with running(gateway):
        told = last_line(run(requirements, PROGRAMS / "insync.py", module, gateway.port))
    errors = told.pop("errors")
    assert [code for _, code in errors] == [162]  # of the scan that was cancelled
    assert told.pop("future")[0] == "ESZ6"
    assert told == {
        "qualify": [AAPL], "positions": 0, "account": ["BuyingPower", "NetLiquidation"], "values": True,
        "open": [0, 0, 0], "pnl": True, "details": ["AAPL"], "continuous": ["ESZ6"], "matching": ["AAPL"],
        "chain": ["AMEX"], "option": ["AAPL  261218C00250000"], "ticker": [OPTION], "volatility": 0.3, "head": "20",
        "bars": True, "schedule": True, "histogram": True, "live bars": True, "kept up to date": True, "ticks": True,
        "tick-by-tick": True, "past ticks": True, "exchanges": True, "depth": True, "news": [0, 0], "scan": True,
        "scans": True, "order": "Filled"}  # fmt: skip


def test_stoqey_ib_gets_what_its_users_ask_for(gateway: Gateway) -> None:
    with running(gateway):
        told = last_line(run_node(("@stoqey/ib@1.6.10", "rxjs"), PROGRAMS / "stoqey.cjs", gateway.port))
    nothing = {"positions": 0, "pnl": 0, "single": 0, "executions": 0, "orders": 0}
    assert {name: told.pop(name) for name in nothing} == nothing
    assert told.pop("accounts") == ["DU1234567"] and told.pop("details") == ["AAPL"]
    assert told.pop("option") == ["AAPL  261218C00250000"] and told.pop("summary") == 1
    assert len(told) == 14 and set(told.values()) == {True}, told


def test_nautilus_trader_connects_reconciles_and_waits_where_there_is_nothing(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: Counter[str] = Counter()
    request = HANDLERS["req_tick_by_tick"]

    def counted(peer: Any, values: Any) -> Any:
        asked[f"{values['con_id']} {values['tick_kind']}"] += 1
        return request(peer, values)

    monkeypatch.setitem(HANDLERS, "req_tick_by_tick", counted)
    with running(gateway):
        told = last_line(run(NAUTILUS, PROGRAMS / "nautilus_node.py", gateway.port, 100))
    assert (told["instrument"], told["account"], told["orders"], told["positions"]) == (4, 1, 0, 0)
    for name in ("quote AAPL", "trade AAPL", "quote ESZ6", "trade ESZ6", "bar AAPL", "bars of history", "book"):
        assert told[name] > 0, name
    # What says that there is no MSFT must not make the client ask again at once, as 10189 does.
    assert asked == {f"{con_id} AllLast": 1 for con_id in (AAPL, ESZ6, MSFT)}
