"""A recorder of accounts and gateways that a test scripts: advisors, several clients, silence, refusals; over TCP."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import capture
from capture.lake.layout import Layout
from capture.lake.roll import Roller
from capture.lake.views import prepare
from capture.recorder.recorder import Recorder
from capture.wanted.account_settings import Accounts
from capture.wanted.settings import Settings
from capture.wire.text.codec import Decoded
from tests import virtual_time

pytestmark = pytest.mark.slow

START_US = 1_795_000_000_000_000  # some weekday in November 2026
STOCK = {"con_id": 7, "symbol": "AAPL", "sec_type": "STK", "currency": "USD", "local_symbol": "AAPL"}
ADVISED = ("F100", "U1", "U2")
Answers = list[tuple[str, dict[str, Any]]]
Gateway = Any  # the scripted gateway of conftest.py


def position(account: str, quantity: float, **more: Any) -> tuple[str, dict[str, Any]]:
    return "position", {"account": account, "position": quantity, "average_cost": 1.0, **STOCK, **more}


def fill(request_id: int, number: int, account: str = "U1", client_id: int = 5) -> Answers:
    of = {"execution_exchange": "ARCA", "side": "BOT", "shares": 1.0, "price": 2.0, "permanent_id": 70 + number,
          "order_id": number, "cumulative_quantity": 1.0, "average_price": 2.0, "last_liquidity": 1,
          "ev_rule": "", "ev_multiplier": None, "pending_price_revision": False}  # fmt: skip
    named = {"execution_id": f"00a.00b.{number:02}.01"}
    whose = {"account": account, "client_id": client_id, "time": "20261118-15:00:00"}
    return [("execution_details", {"request_id": request_id, **named, **whose, **STOCK, **of}),
            ("commission_report", {**named, "commission": 1.0, "currency": "USD", "realized": None})]


class Books:
    """What a scripted gateway knows of its accounts, and how it answers; `mute` are requests that it never answers."""

    def __init__(self, *accounts: str, mute: tuple[str, ...] = ()) -> None:
        self.accounts, self.mute = accounts, mute
        self.positions = dict.fromkeys(accounts, 10.0)
        self.fills: list[tuple[int, str, int]] = [(1, accounts[-1], 5), (2, accounts[-1], 6)]
        self.held_updates = ""

    def __call__(self, request: Decoded) -> Answers:
        values, name = request.values, request.name
        if name in self.mute:
            return []
        answer: Callable[[dict[str, Any]], Answers] | None = getattr(self, name, None)
        return answer(values) if answer else []

    def req_current_time(self, _values: dict[str, Any]) -> Answers:
        return [("current_time", {"time": 1})]

    def req_account_updates(self, values: dict[str, Any]) -> Answers:
        replaced = [("error", {"request_id": -1, "code": 2100, "message": "unsubscribed from account data"})]
        before, self.held_updates = self.held_updates, values["account"]
        whose = {"account": values["account"]}
        return [*(replaced if before not in ("", values["account"]) else []),
                ("account_value", {"key": "NetLiquidation", "value": "5", "currency": "USD", **whose}),
                ("portfolio_value", {**whose, "position": self.positions[values["account"]], **STOCK}),
                ("account_download_end", whose)]

    def req_account_updates_multi(self, values: dict[str, Any]) -> Answers:
        of = {"request_id": values["request_id"]}
        return [("account_update_multi", {**of, "account": values["account"], "model_code": "", "key": "NetLiquidation",
                                          "value": "5", "currency": "USD"}), ("account_update_multi_end", of)]

    def req_positions(self, _values: dict[str, Any]) -> Answers:
        return [*(position(*each) for each in self.positions.items()), ("positions_end", {})]

    def req_positions_multi(self, values: dict[str, Any]) -> Answers:
        of, account = {"request_id": values["request_id"]}, values["account"]
        row = {**position(account, self.positions[account])[1], **of, "model_code": ""}
        return [("position_multi", row), ("positions_multi_end", of)]

    def req_pnl(self, values: dict[str, Any]) -> Answers:
        return [("pnl", {"request_id": values["request_id"], "daily": 1.0})]

    def req_pnl_single(self, values: dict[str, Any]) -> Answers:
        return [("pnl_single", {"request_id": values["request_id"], "position": 10.0, "daily": 1.0, "value": 5.0})]

    def req_all_open_orders(self, _values: dict[str, Any]) -> Answers:
        of = {"account": self.accounts[-1], "action": "BUY", "status": "Submitted", **STOCK}
        orders = [("open_order", {"order_id": 1, "client_id": client, "permanent_id": 90 + client, **of})
                  for client in (5, 6)]
        return [*orders, ("open_orders_end", {})]

    def req_completed_orders(self, _values: dict[str, Any]) -> Answers:
        return [("completed_orders_end", {})]

    def req_executions(self, values: dict[str, Any]) -> Answers:
        found = [one for number, account, client in self.fills if values["account"] in ("", account)
                 for one in fill(values["request_id"], number, account, client)]
        return [*found, ("executions_end", {"request_id": values["request_id"]})]


def recorded(
    data: Path, gateway: Gateway, books: Books, accounts: Accounts, lasts_s: float = 30.0, drop: bool = False
) -> tuple[int, list[str], dict[tuple[str, str], str]]:
    """Record for a while in virtual time; return the exit code, what was said, and what was known at the end."""
    words: list[str] = []
    states: dict[tuple[str, str], str] = {}

    async def scene() -> int:
        login = {"accounts": ",".join(books.accounts)}
        gateway.start = [("managed_accounts", login), ("next_valid_id", {"order_id": 1})]
        gateway.react = books
        await gateway.open()
        own = Settings(data=data, port=gateway.port, accounts=accounts)
        recorder = Recorder(own, say=lambda level, text: words.append(f"{level}: {text}"), roll=False)
        running = asyncio.create_task(recorder.run())
        try:
            await asyncio.sleep(lasts_s)
            if drop:
                await gateway.drop()
                await asyncio.sleep(lasts_s)
            states.update({(one.stream, one.account): str(one.known) for one in recorder.machine.accounts.streams})
            recorder.stop("enough")
            return await running
        finally:
            await gateway.close()

    code: int = virtual_time.run(scene(), START_US)
    layout = Layout(data)
    prepare(layout)
    list(Roller(layout, "main").roll())
    return code, words, states


def ask(data: Path, sql: str) -> list[tuple[Any, ...]]:
    with capture.open_lake(data) as lake:
        return [tuple(row.values()) for row in lake.sql(sql).arrow().to_pylist()]


def test_an_advisor_has_values_and_positions_of_each_account(gateway: Gateway, tmp_path: Path) -> None:
    data = tmp_path / "data"
    code, words, states = recorded(data, gateway, Books(*ADVISED), Accounts(), 200.0)
    assert (code, [text for text in words if "unsubscribed" in text]) == (0, [])
    assert set(states.values()) == {"rows"}
    assert ask(data, "select distinct account from account_values order by 1") == [(each,) for each in ADVISED]
    assert ask(data, "select distinct account from portfolio order by 1") == [(each,) for each in ADVISED], "in turns"
    assert ask(data, "select distinct account, position from positions order by 1") == [
        (each, 10.0) for each in ADVISED]
    assert ask(data, "select distinct account from pnl where instrument_id = 7 order by 1") == [
        (each,) for each in ADVISED]
    assert ask(data, "select count(*) from gaps where state <> 'open'") == [(0,)]


def test_of_an_advisor_only_the_named_account_is_asked_for(gateway: Gateway, tmp_path: Path) -> None:
    data = tmp_path / "data"
    recorded(data, gateway, Books(*ADVISED), Accounts(accounts=["U1"]), 700.0)
    for table in ("account_values", "portfolio", "positions", "pnl"):
        assert ask(data, f"select distinct account from {table}") == [("U1",)], table
    assert ask(data, "select count(*) from executions") == [(0,)], "the fills are U2's"


def test_fills_and_orders_of_several_clients_are_seen_and_again_after_a_drop(gateway: Gateway, tmp_path: Path) -> None:
    data, books = tmp_path / "data", Books("U1")
    code, _, states = recorded(data, gateway, books, Accounts(), 30.0, drop=True)
    assert (code, set(states.values())) == (3, {"rows"})
    assert ask(data, "select execution_id, client_id, count(*) from executions group by 1, 2 order by 1") == [
        ("00a.00b.01.01", 5, 2), ("00a.00b.02.01", 6, 2)]  # fmt: skip
    assert ask(data, "select distinct permanent_id, order_id, client_id from orders order by 1") == [
        (95, 1, 5), (96, 1, 6)]  # fmt: skip
    closed = ask(data, "select distinct stream from gaps where state = 'closed' order by 1")
    assert closed == [("executions",), ("orders",), ("pnl",), ("positions",), ("values",)]


def test_executions_that_are_never_answered_are_said_and_nothing_else_suffers(gateway: Gateway, tmp_path: Path) -> None:
    data, books = tmp_path / "data", Books("U1", mute=("req_executions", "req_pnl_single"))
    code, words, states = recorded(data, gateway, books, Accounts(), 200.0)
    assert code == 3
    assert len([text for text in words if "executions of all accounts was not answered" in text]) == 1
    assert len([text for text in words if "position in contract 7 was not answered" in text]) == 1
    assert states == {("values", "U1"): "rows", ("positions", ""): "rows", ("pnl", "U1"): "rows",
                      ("orders", ""): "rows", ("executions", ""): "unknown"}  # fmt: skip
    assert all(request.values["time"] for request in gateway.named("req_executions"))
    assert ask(data, "select count(*) from executions") == [(0,)]
    assert ask(data, "select count(*) from subscriptions where stream = 'executions' and event = 'completed'") == [(0,)]
    missed = ask(data, "select distinct stream, reason from gaps where state = 'open' and reason like '%not answered%'")
    assert sorted(stream for stream, _ in missed) == ["executions", "pnl"]


def test_an_account_that_is_not_ours_is_an_error_and_the_rest_is_recorded(gateway: Gateway, tmp_path: Path) -> None:
    data = tmp_path / "data"
    code, words, _ = recorded(data, gateway, Books("U1"), Accounts(accounts=["U1", "U9"]))
    assert code == 3
    assert [text for text in words if "U9; it has U1" in text and text.startswith("error: ")]
    assert ask(data, "select count(*) > 0 from positions") == [(True,)]
