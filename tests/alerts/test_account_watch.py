"""Alerts of accounts: each fill and rejection once, over restarts and reconnects; limits by how accounts stand."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from capture.account_alias import KEY, alias, short_name
from capture.alerts.account_news import AccountBook, rejection
from capture.alerts.account_watch import AccountWatch
from capture.alerts.alert_log import read_log
from capture.alerts.alerter import Alerter
from capture.lake.layout import Layout
from capture.lake.roll import Roller
from capture.schemas import ORDERS
from capture.wanted.alert_block import Telling
from tests import conftest
from tests.conftest import ScriptedTape
from tests.lake.test_account_tables import CONTRACT

from .conftest import Hook, block, texts_below, until

ACCOUNT = "DU1234567"


def executed(script: ScriptedTape, execution_id: str, account: str = ACCOUNT, **more: Any) -> ScriptedTape:
    now = datetime.now(UTC).strftime("%Y%m%d-%H:%M:%S")
    return script.answer("execution_details", **{
        "request_id": -1, "execution_id": execution_id, "time": now, "account": account, "execution_exchange": "NASDAQ",
        "side": "BOT", "shares": 100.0, "price": 227.1, "permanent_id": 77, "client_id": 3, "order_id": 5,
        "cumulative_quantity": 300.0, "average_price": 227.0, "last_liquidity": 1, "ev_rule": "", "ev_multiplier": None,
        "pending_price_revision": False, **CONTRACT, **more})  # fmt: skip


def ordered(script: ScriptedTape, status: str, **more: Any) -> ScriptedTape:
    return script.answer("open_order", **{
        "order_id": 5, "action": "BUY", "total_quantity": 3.0, "order_type": "LMT", "limit_price": 10.0,
        "time_in_force": "DAY", "permanent_id": 78, "client_id": 3, "account": ACCOUNT, "status": status, **CONTRACT,
        **more})  # fmt: skip


def watch(script: ScriptedTape, *kinds: str) -> AccountWatch:
    found = AccountWatch(script.data, {}, kinds or ("fill", "order-rejected"))
    found.find_tapes()
    found.poll()
    return found


def texts(found: AccountWatch) -> list[str]:
    return [f"{one.kind} {one.name}: {one.cause}" for one in found.poll()]


@pytest.fixture
def script(tmp_path: Path) -> Iterator[ScriptedTape]:
    tape = ScriptedTape(tmp_path / "data", now=time.time_ns)
    yield tape
    tape.writer.close()


def test_a_fill_is_news_as_soon_as_it_is_on_the_tape(script: ScriptedTape) -> None:
    script.open()
    found = watch(script)
    assert found.poll() == []
    executed(script, "00a1.00b2.01.01")
    executed(script, "00a1.00b2.01.02", shares=0.5)
    assert texts(found) == [
        "fill AAPL: BOT 100 at 227.1 on NASDAQ, 300 of the order so far",
        "fill AAPL: BOT 0.5 at 227.1 on NASDAQ, 300 of the order so far, correction 2"]  # fmt: skip
    assert found.poll() == []


def test_a_rejection_is_news_and_other_words_of_orders_are_not(script: ScriptedTape) -> None:
    found = watch(script.open())
    ordered(script, "PreSubmitted")
    ordered(script, "Inactive", reject_reason="the price is too far away")
    script.answer("order_status", order_id=6, status="Inactive", filled=0.0, remaining=3.0, average_fill_price=0.0,
                  permanent_id=80, parent_id=0, last_fill_price=0.0, client_id=3, why_held="")  # fmt: skip
    ordered(script, "Submitted", permanent_id=81)
    script.answer("order_status", order_id=6, status="Inactive", filled=0.0, remaining=3.0, average_fill_price=0.0,
                  permanent_id=81, parent_id=0, last_fill_price=0.0, client_id=3, why_held="")  # fmt: skip
    assert texts(found) == ["order-rejected AAPL: BUY 3 LMT: the price is too far away",
                            "order-rejected order 80: order 0: Inactive", "order-rejected AAPL: BUY 3 LMT: Inactive"]
    row = dict.fromkeys(column.name for column in ORDERS.columns) | {"symbol": "AAPL", "permanent_id": 79}
    assert rejection(row | {"status": "Cancelled", "completed_status": "Cancelled by Trader"}, 0) is None
    ended = rejection(row | {"status": "Cancelled", "completed_status": "Rejected by System"}, 0)
    assert ended is not None
    assert ended.cause == "order 0: Rejected by System"


def test_market_data_between_is_passed_over(script: ScriptedTape) -> None:
    found = watch(script.open().ask(1, "req_tick_by_tick", tick_kind="AllLast"))
    for _ in range(1000):
        script.trade(1, 5.0)
    executed(script, "a.01")
    for _ in range(1000):
        script.trade(1, 5.0)
    assert len(texts(found)) == 1


def test_segments_sessions_and_half_frames_are_followed(script: ScriptedTape) -> None:
    found = watch(script.open())
    executed(script, "a.01")
    script.close().mark().open()
    executed(script, "b.01")
    script.marks += 1
    script.writer.rotate(script.line.as_mark(script.marks))
    executed(script, "c.01")
    assert len(texts(found)) + len(texts(found)) == 3


def test_a_restart_goes_on_where_it_was_also_when_all_was_rolled_and_told_twice(script: ScriptedTape) -> None:
    found = watch(script.open())
    executed(script, "a.01")
    assert len(texts(found)) == 1
    places = found.places
    executed(script, "b.01")
    script.mark()
    executed(script, "c.01")
    script.mark()
    list(Roller(Layout(script.data), "main").roll())
    again = AccountWatch(script.data, {name: list(place) for name, place in places.items()}, ["fill"])  # as in JSON
    again.find_tapes()
    assert [one.key for one in again.poll()] == ["fill:b.01", "fill:c.01"]


def test_a_recorder_that_begins_later_is_followed(script: ScriptedTape) -> None:
    found = watch(script.open())
    second = ScriptedTape(script.data, "second", now=time.time_ns)
    second.open()
    found.find_tapes()
    found.poll()
    executed(second, "z.01")
    assert len(texts(found)) == 1
    second.writer.close()


def test_masked_accounts_are_told_by_their_alias(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "00112233445566778899aabbccddeeff"
    monkeypatch.setattr(conftest, "SESSION", conftest.SESSION | {KEY: key})
    script = ScriptedTape(tmp_path / "data", now=time.time_ns)
    script.open().answer("managed_accounts", accounts=f"{ACCOUNT},")
    found = watch(script)
    executed(script, "a.01")
    [one] = found.poll()
    script.writer.close()
    assert one.facts["account"] == alias(ACCOUNT, key)
    assert short_name(alias(ACCOUNT, key)) == alias(ACCOUNT, key)


def position(held: float, symbol: str = "AAPL", instrument_id: int = 7) -> dict[str, Any]:
    return {"account": ACCOUNT, "model_code": None, "instrument_id": instrument_id, "symbol": symbol, "position": held}


def value(tag: str, number: float | None, **more: Any) -> dict[str, Any]:
    return {"account": ACCOUNT, "model_code": None, "tag": tag, "segment": None, "currency": "USD", "number": number,
            **more}  # fmt: skip


def profit(daily: float | None, **more: Any) -> dict[str, Any]:
    return {"account": ACCOUNT, "model_code": None, "daily": daily, **more}


LIMITS = {"position_above": 100, "day_loss_above": 500, "margin_cushion_below": 0.1, "exposure_above": 1e6}


@pytest.mark.parametrize(("rows", "told"), [
    ([("positions", position(100))], []),
    ([("positions", position(101))], ["AAPL: 101 are held, the limit is 100"]),
    ([("positions", position(-200))], ["AAPL: -200 are held, the limit is 100"]),
    ([("positions", position(200)), ("portfolio", position(0))], []),
    ([("positions", position(200) | {"model_code": "M"})], []),
    ([("positions", position(200)), ("positions", position(300, "MSFT", 8))],
     ["AAPL: 200 are held, the limit is 100", "MSFT: 300 are held, the limit is 100"]),
    ([("pnl", profit(-500.0))], []),
    ([("pnl", profit(-500.5))], ["DU…567: 500.50 are lost today, the limit is 500"]),
    ([("pnl", profit(-900.0)), ("pnl", profit(None))], ["DU…567: 900.00 are lost today, the limit is 500"]),
    ([("pnl", profit(-900.0, instrument_id=7))], []),
    ([("pnl", profit(-900.0)), ("pnl", profit(10.0))], []),
    ([("account_values", value("Cushion", 0.09))], ["DU…567: the margin cushion is 9.0%, the limit is 10.0%"]),
    ([("account_values", value("Cushion", 0.11))], []),
    ([("account_values", value("ExcessLiquidity", 50.0)), ("account_values", value("NetLiquidation", 1000.0))],
     ["DU…567: the margin cushion is 5.0%, the limit is 10.0%"]),
    ([("account_values", value("ExcessLiquidity", 50.0))], []),
    ([("account_values", value("ExcessLiquidity", 0.0)), ("account_values", value("NetLiquidation", 0.0))], []),
    ([("account_values", value("Cushion", 0.0, segment="S"))], []),
    ([("account_values", value("GrossPositionValue", 2e6))],
     ["DU…567: positions are worth 2,000,000 USD gross, the limit is 1,000,000"]),
    ([("account_values", value("GrossPositionValue", None))], []),
])  # fmt: skip
def test_limits_of_an_account(rows: list[tuple[str, dict[str, Any]]], told: list[str]) -> None:
    book = AccountBook()
    for table, row in rows:
        book.take(table, row)
    found = list(book.troubles(block(**LIMITS)))
    assert [f"{one.name}: {one.cause}" for one in found] == told
    assert list(book.troubles(block())) == []


@pytest.mark.slow
def test_how_an_account_stands_is_known_from_the_lake_and_then_from_the_tape(script: ScriptedTape) -> None:
    script.open().request("req_positions").request("req_pnl", request_id=3, account=ACCOUNT, model_code="")
    script.answer("position", account=ACCOUNT, position=200.0, average_cost=5.0, **CONTRACT)
    script.answer("pnl", request_id=3, daily=-600.0, unrealized=None, realized=0.0).mark()
    list(Roller(Layout(script.data), "main").roll())
    limits = block(**LIMITS)
    found = watch(script, *limits.kinds)
    assert {one.kind for one in found.troubles(limits)} == {"position-above", "day-loss-above"}
    script.answer("position", account=ACCOUNT, position=0.0, average_cost=0.0, **CONTRACT)
    found.poll()
    assert [one.kind for one in found.troubles(limits)] == ["day-loss-above"]


def test_a_fill_is_told_once_over_restarts_and_reconnects(script: ScriptedTape, hook: Hook) -> None:
    script.open()
    begun_s, limits = time.time(), block(what=["fill", "order-rejected"], webhook=hook.url)
    executed(script, "0.01", time="20260102-15:00:00")  # long before the alert
    executed(script, "a.01")  # before the alerter has begun

    def alerter() -> Alerter:
        made = Alerter(script.data, Telling([limits], SecretStr(""), begun_s))
        made.look()
        made.step()
        return made

    first = alerter()
    until(lambda: hook.messages)
    first.close()
    executed(script, "b.01")
    second = alerter()
    until(lambda: len(hook.messages) == 2)
    executed(script, "a.01")  # asked for again, after a reconnect
    executed(script, "c.01")
    second.step()
    until(lambda: len(hook.messages) == 3)
    second.close()
    assert [[one["key"] for one in message["troubles"]] for message in hook.messages] == [
        ["fill:a.01"], ["fill:b.01"], ["fill:c.01"]]  # fmt: skip
    assert {row["status"] for row in read_log(script.data)} == {"happened"}
    assert ACCOUNT not in (script.data / "alerts" / "log.jsonl").read_text()
    assert ACCOUNT in texts_below(script.data / "tape")


def test_without_an_alert_of_accounts_no_tape_is_followed(script: ScriptedTape) -> None:
    here = Alerter(script.data, Telling([block(what=["line-lost"])], SecretStr(""), 0.0))
    assert here.idle_s > 0.1
    here.step()
    here.close()
