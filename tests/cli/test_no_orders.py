"""No order can leave: what the product may send, who in it speaks to gateways, and what every command does send."""

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_group

from capture import cli
from capture.gateway import Gateway
from capture.wanted.account_settings import Accounts, permission_for
from capture.wire.connection import ClientConnection, ServerConnection
from capture.wire.messages.account_requests import ACCOUNT_REQUESTS
from capture.wire.messages.message import Permission
from capture.wire.messages.order_requests import ORDER_REQUESTS
from capture.wire.messages.requests import REQUESTS
from capture.wire.text.codec import Decoded
from capture.wire.text.handshake import ServerHello
from capture.wire.text.protocol_error import LocalProtocolError

ROOT = Path(__file__).parents[2]
Run = Callable[..., Any]

# What reads accounts; written out, so that nothing comes to it unseen.
READS_ACCOUNTS = {
    "req_open_orders", "req_account_updates", "req_all_open_orders", "req_positions", "req_account_summary",
    "cancel_account_summary", "cancel_positions", "req_positions_multi", "cancel_positions_multi",
    "req_account_updates_multi", "cancel_account_updates_multi", "req_pnl", "cancel_pnl", "req_pnl_single",
    "cancel_pnl_single", "req_completed_orders", "req_executions"}  # fmt: skip
CHANGES = {"place_order", "cancel_order", "cancel_all_orders", "exercise_options", "req_auto_open_orders",
           "replace_financial_advisor"}  # fmt: skip

# What each command is told here. Those that go on until they are stopped, and speak to no gateway, only say their help.
ARGUMENTS: dict[str, tuple[object, ...]] = {
    "record": ("AAPL", "--streams", "trades", "--for", 6), "snapshot": ("AAPL",), "backfill": ("AAPL", "--from",
    "2026-11-18T15:00", "--until", "2026-11-18T15:01", "--what", "bars:1 min"), "alerts": ("--help",),
    "demo": ("--help",), "gateway": ("--help",), "metrics": ("--help",), "serve": ("--help",), "service": ("--help",),
    "tail": ("--help",), "replay": ("--help",), "notebook": ("--help",), "sql": ("select 1",)}  # fmt: skip


@pytest.mark.parametrize("accounts", [None, Accounts()], ids=["market data", "accounts too"])
@pytest.mark.parametrize("name", sorted({message.name for message in (*REQUESTS, *ORDER_REQUESTS)}))
def test_the_recorders_connection_sends_what_reads_and_nothing_else(name: str, accounts: Accounts | None) -> None:
    connection = ClientConnection(permission=permission_for(accounts))
    connection.accept(ServerHello(200, "20261118 15:00:00 GMT"))
    permissions = {message.name: message.permission for message in (*ORDER_REQUESTS, *REQUESTS)}
    is_allowed = bool(permissions[name] & Permission.MARKET_DATA) or (accounts is not None and name in READS_ACCOUNTS)
    try:
        connection.send(name)
        was_sent = True
    except LocalProtocolError as error:
        was_sent = "none that this connection may send" not in str(error)
    assert was_sent == is_allowed
    assert not (was_sent and name in CHANGES)


def test_what_reads_accounts_is_what_was_written_down() -> None:
    assert {one.name for one in ACCOUNT_REQUESTS if one.permission & Permission.ACCOUNT} == READS_ACCOUNTS
    recorders = Permission.MARKET_DATA | Permission.ACCOUNT
    only = {one.name for one in REQUESTS if one.permission & Permission.ORDERS and not one.permission & recorders}
    assert only >= CHANGES - {"replace_financial_advisor"}
    assert not {one.name for one in REQUESTS if one.permission & recorders} & CHANGES
    assert not permission_for(Accounts()) & (Permission.ORDERS | Permission.PROGRAM)


def test_only_the_recorder_speaks_to_gateways_and_with_its_permission_alone() -> None:
    paths = (*(ROOT / "capture").rglob("*.py"), *(ROOT / "cli").rglob("*.py"))
    found = [(path.name, [ast.unparse(keyword) for keyword in node.keywords])
             for path in paths for node in ast.walk(ast.parse(path.read_text("utf-8")))
             if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "ClientConnection"]
    assert found == [("recorder.py", ["permission=permission_for(self.machine.accounts.settings)"])]


@pytest.mark.slow
def test_every_command_sends_what_reads_and_nothing_else(
    run: Run, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: dict[str, set[str]] = {}
    now = ""
    receive = ServerConnection.receive

    def listening(connection: ServerConnection, data: bytes) -> Any:
        events = receive(connection, data)
        heard.setdefault(now, set()).update(event.name for event in events if isinstance(event, Decoded))
        return events

    monkeypatch.setattr(ServerConnection, "receive", listening)
    monkeypatch.setenv("TICKTAPE_PORT", str(gateway.port))
    monkeypatch.setenv("TICKTAPE_ACCOUNTS", "{}")
    commands = sorted(get_group(cli.app).commands, key=lambda name: (name != "record", name))
    assert ARGUMENTS.keys() <= set(commands)
    for now in commands:
        run(now, *ARGUMENTS.get(now, ()))
    permissions = {message.name: message.permission for message in REQUESTS}
    reads = {name for name, permission in permissions.items() if permission & Permission.MARKET_DATA} | READS_ACCOUNTS
    assert {name: sent - reads for name, sent in heard.items()} == {name: set() for name in heard}
    assert heard["record"] >= {"req_positions", "req_executions", "req_pnl", "req_tick_by_tick"}
    assert {"record", "snapshot", "backfill"} == set(heard)
    assert not (heard["snapshot"] | heard["backfill"]) & READS_ACCOUNTS, "who looks once asks for no account"
