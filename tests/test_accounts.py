"""An account recorded beside clients that trade: what the broker knows is in SQL, over drops, kills and restarts."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from capture.data_folder import STATUS
from capture.gateway import Gateway
from capture.gateway.market import Market
from capture.gateway.trading import Terms
from capture.lake.layout import Layout
from capture.session.accounts.errand import DEADLINE_S, REFUSED_FIRST_S
from capture.status_model import read_status
from capture.wanted.account_settings import Accounts
from tests.accounts_recorded import RECORDER, START_US, Paper, ask, play
from tests.gateway.conftest import Peer
from tests.test_everything_sent_is_stored import roll

pytestmark = pytest.mark.slow

EXECUTIONS = "select distinct execution_id, shares, price from executions order by 1"
NEWEST_POSITIONS = "select symbol, arg_max(position, seq) from positions group by symbol"
STREAMS = ("values", "positions", "pnl", "orders", "executions")


def ledger(paper: Paper) -> list[tuple[Any, ...]]:
    """The broker's executions of the day."""
    return sorted((one["execution"], one["quantity"], one["price"]) for one in paper.gateway.control("executions"))


def settled(paper: Paper) -> "asyncio.Future[None]":
    """Wait until every stream is known."""
    async def wait() -> None:
        async with asyncio.timeout(3 * DEADLINE_S):
            while "unknown" in paper.states().values() or not paper.states():  # noqa: ASYNC110 - a test looks
                await asyncio.sleep(0.5)

    return asyncio.ensure_future(wait())


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A paper day: two clients trade, before, while and after it is recorded, over a drop and a restart."""
    data, known = tmp_path_factory.mktemp("day") / "data", dict[str, Any]()

    async def act(paper: Paper) -> None:
        one, two = await Peer.connect(paper.gateway, 1), await Peer.connect(paper.gateway, 2)
        await paper.fill(one, 1, 100)  # before anybody records
        paper.begin()
        await settled(paper)
        await paper.fill(two, 1, 50)
        await paper.fill(one, 2, 30, "SELL")
        two.send("place_order", order_id=9, action="BUY", total_quantity=7, order_type="LMT", limit_price=1.0,
                 transmit=True, con_id=265598, exchange="SMART")  # fmt: skip
        await two.until("order_status", order_id=9, status="Submitted")
        await asyncio.sleep(90)
        paper.gateway.control("drop")
        one, two = await Peer.connect(paper.gateway, 1), await Peer.connect(paper.gateway, 2)
        await paper.fill(one, 3, 11)  # while the recorder may be away
        await settled(paper)
        await asyncio.sleep(60)
        await paper.end()
        await paper.fill(two, 10, 5)  # while nobody records
        paper.begin()
        await settled(paper)
        await asyncio.sleep(30)
        known.update(ledger=ledger(paper), account=paper.gateway.control("account"), states=paper.states(),
                     orders=paper.gateway.control("orders"), codes=[*paper.codes], words=[*paper.words])
        await one.close()
        await two.close()

    play(data, act)
    return data, known


Day = tuple[Path, dict[str, Any]]


def test_every_fill_is_there_as_the_broker_has_it(day: Day) -> None:
    data, known = day
    assert len(known["ledger"]) == 5
    assert ask(data, EXECUTIONS) == known["ledger"]
    assert ask(data, "select count(distinct execution_id) from commissions where commission is not null") == [(5,)]


def test_the_newest_position_is_the_brokers(day: Day) -> None:
    data, known = day
    [held] = known["account"]["positions"]
    assert ask(data, NEWEST_POSITIONS) == [(held["instrument"], held["position"])]
    [(cost,)] = ask(data, "select arg_max(average_cost, seq) from positions")
    assert cost == pytest.approx(held["average_cost"])


def test_the_newest_values_are_the_brokers(day: Day) -> None:
    data, known = day
    newest = ask(data, "select arg_max(value, seq) from account_values where key = 'TotalCashValue'")
    assert newest == [(known["account"]["total_cash"],)]
    assert ask(data, "select count(*) > 5, count(distinct instrument_id) from pnl where instrument_id is not null") == [
        (True, 1)]


def test_orders_of_other_clients_are_seen_by_asking(day: Day) -> None:
    data, known = day
    [open_] = known["orders"]
    assert (open_["client_id"], open_["order_id"]) == (2, 9)
    last = ask(data, "select permanent_id, arg_max(status, seq) from orders where status is not null group by 1")
    assert dict(last)[open_["order"]] == "Submitted"
    done = ask(data, "select distinct permanent_id, filled from orders where message = 'completed_order'")
    assert sorted(filled for _, filled in done) == [5, 11, 30, 50, 100]


def test_all_streams_are_known_in_the_end(day: Day) -> None:
    _, known = day
    assert {stream: state for (stream, _), state in known["states"].items()} == dict.fromkeys(STREAMS, "rows")
    assert known["codes"] == [3], "the line was lost"


def test_what_was_missed_is_a_gap_until_it_was_asked_for_again(day: Day) -> None:
    data, _ = day
    newest = ask(data, """select stream, state, reason from (
        select *, row_number() over (partition by gap_id order by seq desc, "row" desc) as n from gaps) where n = 1
        and instrument_id is null order by from_ts""")
    for stream in STREAMS:
        states = [state for name, state, _ in newest if name == stream]
        assert states == ["closed", "closed", "open"], (stream, newest)  # the drop, the restart, the end
    assert ask(data, "select count(*) from undecoded") == [(0,)]


def test_completed_says_of_each_request_that_all_was_sent(day: Day) -> None:
    data, _ = day
    found = ask(data, """select stream, count(*) filter (event = 'completed') > 2 from subscriptions
        where event in ('requested', 'completed') group by stream order by stream""")
    assert found == [("executions", True), ("orders", True), ("pnl", False), ("positions", True), ("values", True)]


def test_read_only_api_is_recorded_and_the_rest_goes_on(tmp_path: Path) -> None:
    async def act(paper: Paper) -> None:
        peer = await Peer.connect(paper.gateway, 1)
        await paper.fill(peer, 1)
        paper.gateway.control("read-only")
        paper.begin()
        await asyncio.sleep(60)
        known = {stream: state for (stream, _), state in paper.states().items()}
        assert known == dict.fromkeys(STREAMS, "rows") | {"orders": "unknown"}
        paper.gateway.control("clear", "read-only")
        await asyncio.sleep(REFUSED_FIRST_S + 5)
        assert "unknown" not in paper.states().values(), "it is asked for again, as the setting may be changed"
        await peer.close()

    paper = play(tmp_path / "data", act)
    assert len([text for text in paper.words if "Read-Only" in text]) == 1
    assert ask(tmp_path / "data", "select count(*) >= 2 from notices where code = 321") == [(True,)]
    refused = ask(tmp_path / "data", "select distinct stream, code from subscriptions where event = 'refused'")
    assert refused == [("orders", 321)]
    assert paper.codes == [0], "it was mended meanwhile"


def test_the_master_client_gets_orders_of_others_pushed(tmp_path: Path) -> None:
    async def act(paper: Paper) -> None:
        peer = await Peer.connect(paper.gateway, 1)
        paper.begin()
        await settled(paper)
        await paper.fill(peer, 1)
        await asyncio.sleep(5)
        await peer.close()

    play(tmp_path / "data", act, terms=replace(Terms(), master_client_id=RECORDER),
         accounts=Accounts(streams=["orders", "executions"]))  # fmt: skip
    pushed = ask(tmp_path / "data", "select message, request_id from orders order by seq")
    assert [message for message, _ in pushed].count("order_status") >= 2
    assert ask(tmp_path / "data", "select count(distinct execution_id), bool_or(request_id is null) from executions"
               ) == [(1, True)]


def test_under_another_time_zone_fill_times_are_the_same(tmp_path: Path) -> None:
    """Fill times of dash form are UTC, those with a zone are of that zone, wherever this machine stands."""
    text = ("import json, sys; from pathlib import Path; import tests.test_accounts as t; data = Path(sys.argv[1]); "
            "t.play(data, t.one_fill); "
            "print(json.dumps(t.ask(data, 'select epoch_us(ts_event), epoch_us(ts) from executions limit 1')))")
    told = subprocess.run([sys.executable, "-c", text, str(tmp_path / "data")], text=True, check=True,
                          env=os.environ | {"TZ": "Asia/Tokyo"}, capture_output=True, timeout=300).stdout
    [(event_us, came_us)] = json.loads(told)
    assert 0 <= came_us - event_us < 10_000_000


async def one_fill(paper: Paper) -> None:
    peer = await Peer.connect(paper.gateway, 1)
    await paper.fill(peer, 1)
    paper.begin()
    await settled(paper)
    await peer.close()


def test_a_killed_recorder_has_every_fill_once_it_runs_again(tmp_path: Path) -> None:
    """In real time: a process is killed after it recorded a fill, misses one, and is started again."""
    data = tmp_path / "data"

    async def scene() -> list[tuple[Any, ...]]:
        async with Gateway(Market(), limits=None, start_us=START_US) as gateway:
            paper, peer = Paper(data, gateway), await Peer.connect(gateway, 1)
            first = await started(data, gateway.port)
            await paper.fill(peer, 1, 100)
            first.kill()
            first.wait()
            await paper.fill(peer, 2, 50)
            second = await started(data, gateway.port)
            second.send_signal(signal.SIGINT)
            assert await asyncio.to_thread(second.wait) == 0
            await peer.close()
            return ledger(paper)

    known = asyncio.run(scene())
    roll(Layout(data))
    assert len(known) == 2
    assert ask(data, EXECUTIONS) == known
    assert ask(data, NEWEST_POSITIONS) == [("AAPL", 150)]


async def started(data: Path, port: int) -> "subprocess.Popen[bytes]":
    """Start a recorder of accounts, and return once it knows every stream of its account."""
    own = {"TICKTAPE_ACCOUNTS": "{}", "TICKTAPE_DATA": str(data), "TICKTAPE_PORT": str(port)}
    command = [sys.executable, "-m", "capture.cli", "record"]
    process = await asyncio.to_thread(subprocess.Popen, command, env=os.environ | own, cwd=data.parent,
                                      stderr=subprocess.DEVNULL)
    async with asyncio.timeout(240):
        while not _known(data, process.pid):
            assert process.poll() is None, "the recorder ended"
            await asyncio.sleep(0.1)
    return process


def _known(data: Path, pid: int) -> bool:
    said = read_status(data / "tape" / "main" / STATUS)
    states = [stream["state"] for stream in said.get("accounts", ())]
    return said.get("pid") == pid and len(states) == len(STREAMS) and "unknown" not in states
