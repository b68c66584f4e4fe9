"""What IB says of accounts becomes rows: whose, of which request, with IB's words for no value as nulls."""

import json
from typing import Any

import pytest

import capture
from capture.lake.layout import Layout
from capture.lake.roll import Roller
from capture.wire.text.framing import frame
from tests.conftest import ScriptedTape

CONTRACT = {"con_id": 7, "symbol": "AAPL", "sec_type": "STK", "last_trade_date": "", "strike": 0.0, "right": "?",
            "multiplier": "", "exchange": "", "currency": "USD", "local_symbol": "AAPL",
            "trading_class": "NMS"}  # fmt: skip
OPTION = CONTRACT | {"con_id": 8, "sec_type": "OPT", "last_trade_date": "20261218", "strike": 150.0, "right": "C",
                     "multiplier": "100", "local_symbol": "AAPL  261218C00150000", "trading_class": "AAPL"}  # fmt: skip


def rows(script: ScriptedTape, sql: str) -> list[dict[str, Any]]:
    script.mark().close()
    list(Roller(Layout(script.data), "main").roll())
    with capture.open_lake(script.data) as lake:
        found: list[dict[str, Any]] = lake.sql(sql).arrow().to_pylist()
        return found


def test_values_have_a_tag_a_segment_and_a_number(script: ScriptedTape) -> None:
    script.open().request("req_account_updates", subscribe=True, account="A1")
    for key, value, currency in (("NetLiquidation", "1000.5", "USD"), ("EquityWithLoanValue-S", "7", "USD"),
                                 ("AccountType", "INDIVIDUAL", ""), ("Cushion", "1.7976931348623157E308", "")):
        script.answer("account_value", key=key, value=value, currency=currency, account="A1")
    script.answer("account_download_end", account="A1")
    found = rows(script, "select account, tag, segment, currency, value, number, request_id from account_values "
                         "order by seq")
    assert [tuple(row.values())[:-1] for row in found] == [
        ("A1", "NetLiquidation", None, "USD", "1000.5", 1000.5), ("A1", "EquityWithLoanValue", "S", "USD", "7", 7.0),
        ("A1", "AccountType", None, None, "INDIVIDUAL", None),
        ("A1", "Cushion", None, None, "1.7976931348623157E308", None)]
    assert {row["request_id"] for row in found} == {-6}


def test_what_was_asked_for_and_was_sent_whole_is_known(script: ScriptedTape) -> None:
    script.open().request("req_positions").answer("positions_end")
    script.request("req_executions", request_id=9, client_id=0, time="20260102-00:00:00", last_days=None, dates=[])
    found = rows(script, "select stream, event, request_id from subscriptions order by seq, row")
    assert [tuple(row.values()) for row in found] == [
        ("positions", "requested", -61), ("positions", "completed", -61), ("executions", "requested", 9)]


def test_positions_say_whose_and_of_what(script: ScriptedTape) -> None:
    script.open().request("req_positions")
    script.answer("position", account="A1", position=-2.5, average_cost=101.0, **CONTRACT)
    script.answer("position", account="A2", position=1.0, average_cost=510.0, **OPTION)
    found = rows(script, "select account, instrument_id, symbol, security_type, strike, \"right\", multiplier, "
                         "position, average_cost from positions order by seq")
    assert [tuple(row.values()) for row in found] == [
        ("A1", 7, "AAPL", "STK", None, None, None, -2.5, 101.0),
        ("A2", 8, "AAPL  261218C00150000", "OPT", 150.0, "C", "100", 1.0, 510.0)]


def test_profits_are_of_the_account_or_position_that_was_asked_for(script: ScriptedTape) -> None:
    script.open().request("req_pnl", request_id=3, account="A1", model_code="M")
    script.request("req_pnl_single", request_id=4, account="A1", model_code="", con_id=7)
    script.answer("pnl", request_id=3, daily=1.5, unrealized=None, realized=0.0)
    script.answer("pnl_single", request_id=4, position=10.0, daily=1.5, unrealized=2.0, realized=None, value=1000.0)
    found = rows(script, "select account, model_code, instrument_id, position, daily, unrealized, realized, "
                         "market_value from pnl order by seq")
    assert [tuple(row.values()) for row in found] == [
        ("A1", "M", None, None, 1.5, None, 0.0, None), ("A1", None, 7, 10.0, 1.5, 2.0, None, 1000.0)]


def test_profits_of_a_position_have_its_symbol(script: ScriptedTape) -> None:
    script.open().request("req_positions").answer("position", account="A1", position=1.0, average_cost=5.0, **CONTRACT)
    script.request("req_pnl_single", request_id=4, account="A1", model_code="", con_id=7).mark()
    script.answer("pnl_single", request_id=4, position=1.0, daily=1.0, unrealized=2.0, realized=None, value=5.0)
    assert rows(script, "select symbol from pnl") == [{"symbol": "AAPL"}]


def test_an_execution_has_a_family_and_a_time(script: ScriptedTape) -> None:
    script.open()
    of = {"account": "A1", "execution_exchange": "NASDAQ", "side": "BOT", "shares": 0.5, "price": 100.0,
          "permanent_id": 77, "client_id": 3, "order_id": 5, "cumulative_quantity": 0.5, "average_price": 100.0,
          "last_liquidity": 0, "ev_rule": "", "ev_multiplier": None, "pending_price_revision": False}  # fmt: skip
    for execution_id, time in (("00a1.00b2.01.01", "20260102 10:00:00 US/Eastern"), ("00a1.00b2.01.02",
                               "20260102-15:00:00"), ("odd", "20260102 10:00:00 Nowhere/Else")):  # fmt: skip
        script.answer("execution_details", request_id=-1, execution_id=execution_id, time=time, **of, **CONTRACT)
    found = rows(script, "select execution_family, revision, epoch_us(ts_event) as at_us, request_id, stream, "
                         "last_liquidity from executions order by seq")
    at_us = 1_767_366_000_000_000
    assert [tuple(row.values()) for row in found] == [
        ("00a1.00b2.01", 1, at_us, None, "executions", None), ("00a1.00b2.01", 2, at_us, None, "executions", None),
        ("odd", None, None, None, "executions", None)]


@pytest.mark.parametrize(("sent", "known"), [(1.0, 1.0), (-0.35, -0.35), (-1.0, None), (None, None), (0.0, 0.0)])
def test_a_commission_that_is_not_known_yet_is_null(
    script: ScriptedTape, sent: float | None, known: float | None
) -> None:
    script.open().answer("commission_report", execution_id="a.01", commission=sent, currency="USD", realized=None)
    [row] = rows(script, "select commission, commission_sent, realized from commissions")
    assert tuple(row.values()) == (known, sent, None)


def test_orders_keep_what_has_no_column(script: ScriptedTape) -> None:
    script.open()
    script.answer("open_order", order_id=5, action="BUY", total_quantity=3.0, order_type="LMT", limit_price=10.0,
                  time_in_force="DAY", permanent_id=77, client_id=3, account="A1", status="Submitted",
                  display_size=100, all_or_none=True, **CONTRACT)  # fmt: skip
    script.answer("order_status", order_id=5, status="Filled", filled=3.0, remaining=0.0, average_fill_price=9.5,
                  permanent_id=77, parent_id=0, last_fill_price=9.5, client_id=3, why_held="")  # fmt: skip
    found = rows(script, "select message, permanent_id, limit_price, status, filled, remaining, parent_id, why_held, "
                         "rest from orders order by seq")
    assert json.loads(found[0].pop("rest"))["display_size"] == 100
    assert [tuple(row.values()) for row in found] == [
        ("open_order", 77, 10.0, "Submitted", None, None, None, None),
        ("order_status", 77, None, "Filled", 3.0, 0.0, None, None, None)]


def test_a_frame_that_cannot_be_read_is_kept(script: ScriptedTape) -> None:
    script.open().receive(frame(b"61\x003\x00A1\x00not a number\x00"))
    [row] = rows(script, "select message_id, reason from undecoded")
    assert row["message_id"] == 61
