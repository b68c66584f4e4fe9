"""What functions make of IB's statements: corrections, conversions, splits, assignments, and fills beside them."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from capture.lake.statements.imported import import_statements
from capture.lake.statements.originals import originals
from tests.statements.flex import ME, OTHER, action, cash, position, several, statement, trade, transfer, written

from .accounts import AccountLake
from .conftest import NOON

Ask = Callable[..., list[tuple[Any, ...]]]
ANY = "null, null"


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AccountLake]:
    """A lake that nothing was recorded into."""
    lake = AccountLake(tmp_path_factory.mktemp("statements") / "data")
    yield lake
    lake.close()


@pytest.fixture
def ask(opened: AccountLake) -> Iterator[Ask]:
    """Import statements, and ask; they are gone when the test is over."""
    def asked(query: str, *statements: bytes) -> list[tuple[Any, ...]]:
        import_statements(opened.layout, statements)
        return opened.lake.sql(query).rows()

    _ = opened.lake
    yield asked
    for original in originals(opened.layout):
        original.path.unlink()


CANCEL = {"transactionType": "TradeCancel", "notes": "Ca", "buySell": "BUY (Ca.)", "tradeID": ""}
FILLS = f"select quantity, commission, trade_id from statement_fills({ANY})"


def booked_again(fees: tuple[str, str, str], **cancel: str) -> bytes:
    """A trade that IB cancelled and booked again, with the fees that it gives the three rows."""
    first, cancelled, second = fees
    return written(
        trade("100", 5000, tradeID="7", ibCommission=first),
        trade("101", -5000, **CANCEL | {"ibCommission": cancelled, "origTradeID": "7"} | cancel),
        trade("102", 5000, tradeID="7", ibCommission=second))  # fmt: skip


@pytest.mark.parametrize("fees", [("-6", "6", "-6"), ("-6", "0", "0"), ("0", "0", "-6")])
@pytest.mark.parametrize("cancel", [{"origTransactionID": "100"}, {}], ids=["by its booking", "by its trade"])
def test_a_trade_that_was_cancelled_and_booked_again_counts_once_and_so_does_its_fee(
    ask: Ask, fees: tuple[str, str, str], cancel: dict[str, str]
) -> None:
    assert ask(FILLS, booked_again(fees, **cancel)) == [(5000.0, -6.0, "7")]
    assert ask("select sum(quantity), count(*) from statement_trades") == [(5000.0, 3)]  # all three are kept


def test_a_correction_that_changes_the_quantity_counts_with_what_the_cancelled_booking_cost(ask: Ask) -> None:
    made = written(trade("1", 2, 0.73, tradeID="7", ibCommission="-1.5"),
                   trade("2", -2, 0.73, **CANCEL | {"origTradeID": "7"}),
                   trade("3", 1, 0.73, tradeID="7", ibCommission="0.5"))  # fmt: skip
    assert ask(FILLS, made) == [(1.0, -1.0, "7")]


def test_a_trade_that_was_cancelled_for_good_leaves_nothing_but_a_fee_that_stayed(ask: Ask) -> None:
    made = written(trade("1", 10, tradeID="7", ibCommission="-1"),
                   trade("2", -10, **CANCEL | {"origTradeID": "7", "ibCommission": "1"}),
                   trade("3", 20, tradeID="8", ibCommission="-2"),
                   trade("4", -20, **CANCEL | {"origTradeID": "8", "ibCommission": "0"}))  # fmt: skip
    assert ask(FILLS, made) == [(0.0, -2.0, "8")]


def test_a_cancelling_booking_of_what_no_statement_has_stays_as_its_opposite(ask: Ask) -> None:
    """What was booked before the first statement is in the position that it began with."""
    cancel = CANCEL | {"origTradeID": "7", "origTransactionID": "100"}
    assert ask(FILLS, written(trade("101", -5000, **cancel), trade("102", 5000, tradeID="7"))) == [
        (-5000.0, 0.0, None), (5000.0, 0.0, "7")]


def test_of_two_equal_fills_of_a_trade_one_cancel_takes_one(ask: Ask) -> None:
    made = written(trade("1", 10, tradeID="7"), trade("2", 10, tradeID="7"),
                   trade("3", -10, **CANCEL | {"origTradeID": "7"}), trade("4", 9, tradeID="7"))  # fmt: skip
    assert [row[0] for row in ask(FILLS, made)] == [10.0, 9.0]


def test_two_accounts_with_the_same_ids_are_two(ask: Ask) -> None:
    """One file, two statements, one pattern of ids: the account comes first in every key."""
    rows = [trade("100", 5, tradeID="7"), trade("101", -5, **CANCEL | {"origTradeID": "7"})]
    made = several(statement(rows[:1]), statement(rows, account=OTHER))
    assert ask(f"select account, quantity from statement_fills({ANY})", made) == [(ME, 5.0)]
    assert ask("select account, count(*) from statement_trades group by account order by account") == [
        (ME, 1), (OTHER, 2)]


PAIR = {"assetCategory": "CASH", "symbol": "EUR.USD", "conid": "12087792", "currency": "USD"}


def test_automatic_conversions_are_cash_and_no_trades(ask: Ask) -> None:
    """IB converts 0.15 EUR on its own, with AFx among its codes; a conversion that was ordered stays a trade."""
    made = written(
        trade("1", 0.15, 1.1, notes="P;AFx", **PAIR),
        trade("2", 1000, 1.1, ibCommission="-2", ibCommissionCurrency="EUR", **PAIR),
        trade("3", 10, currency="EUR", notes="P"), trade("4", 7, notes="AFxX"))  # fmt: skip
    assert ask(f"select symbol, quantity, currency, notes from statement_fills({ANY}) order by transaction_id",
               made) == [("EUR.USD", 1000.0, "USD", None), ("AAPL", 10.0, "EUR", "P"), ("AAPL", 7.0, "USD", "AFxX")]
    assert ask(f"select kind, currency, amount from statement_money({ANY}) order by kind, currency, amount") == [
        ("automatic conversion", "EUR", 0.15), ("automatic conversion", "USD", -0.165), ("conversion", "EUR", 1000.0),
        ("conversion", "USD", -1100.0), ("conversion fee", "EUR", -2.0)]


def test_a_reversal_of_a_dividend_keeps_its_sign(ask: Ask) -> None:
    made = written(cash("1", "0.70"), cash("2", "-0.70"), cash("3", "0.76"), cash("4", "-0.06", "Withholding Tax"),
                   cash("5", "-0.70"))  # fmt: skip
    assert ask(f"select round(sum(amount), 9), count(*) from statement_money({ANY})", made) == [(0.0, 5)]


SPLITS = "select symbol, old_symbol, quantity_before, quantity_after, ratio from statement_splits()"
HELD = "select symbol, quantity, ib_quantity from statement_holdings('2026-11-30')"
OLD = {"symbol": "AAPL.OLD", "conid": "265598"}
NEW = {"symbol": "AAPL", "conid": "999"}


@pytest.mark.parametrize("sign", [1, -1], ids=["long", "short"])
def test_a_reverse_split_is_applied_once_however_often_it_is_imported(ask: Ask, sign: int) -> None:
    """Two rows, joined by the action's id: another contract, and another quantity; of a short the signs are turned."""
    rows = [trade("1", 100 * sign, dateTime="20261110;100000"), action("2", str(-100 * sign), **OLD),
            action("3", str(10 * sign), **NEW)]  # fmt: skip
    first, again = written(*rows), written(*rows, position(str(10 * sign), "20261120", **NEW),
                                           generated="20261121;050000")  # fmt: skip
    for statements in ([first], [first], [again], [again, first]):
        assert ask(SPLITS, *statements) == [("AAPL", "AAPL.OLD", 100.0 * sign, 10.0 * sign, 0.1)]
        assert ask("select quantity, price from statement_trades") == [(100.0 * sign, 10.0)]  # as it was traded
        assert [row[:2] for row in ask(HELD)] == [("AAPL", 10.0 * sign)]
    assert ask(HELD) == [("AAPL", 10.0 * sign, 10.0 * sign)]


@pytest.mark.parametrize("sign", [1, -1], ids=["long", "short"])
@pytest.mark.parametrize("by", ["trades", "positions"])
def test_a_forward_split_is_one_row_whose_ratio_follows_from_what_was_held(ask: Ask, sign: int, by: str) -> None:
    held = (trade("1", 100 * sign, dateTime="20261110;100000") if by == "trades"
            else position(str(100 * sign), "20261117"))  # fmt: skip
    assert ask(SPLITS, written(held, action("2", str(300 * sign), type="FS"))) == [
        ("AAPL", "AAPL", 100.0 * sign, 400.0 * sign, 4.0)]


def test_of_a_forward_split_of_which_nobody_knows_what_was_held_the_ratio_is_null(ask: Ask) -> None:
    assert ask(SPLITS, written(action("2", "300", type="FS"))) == [("AAPL", "AAPL", None, None, None)]


PUT = {"assetCategory": "OPT", "symbol": "AAPL  261218P00050000", "conid": "5", "multiplier": "100", "strike": "50",
       "putCall": "P", "underlyingConid": "265598", "underlyingSymbol": "AAPL"}  # fmt: skip
PROFITS = f"select underlying, profit, realized, is_open from statement_profits({ANY})"


def assigned(option: str, shares: str) -> bytes:
    """A put sold for 2, assigned at 50; the shares sold at 49. Who realizes the premium of 200 is the question."""
    return written(trade("1", -1, 2, **PUT), trade("2", 1, 0, fifoPnlRealized=option, notes="A", **PUT),
                   trade("3", 100, 50, notes="A"), trade("4", -100, 49, fifoPnlRealized=shares, ibCommission="-1"))


def test_after_an_assignment_the_sum_is_the_same_whoever_realizes_the_premium(ask: Ask) -> None:
    """IB moves the premium into the cost of the shares, and the option's profit is 0: 99 in sum, and not 299."""
    assert ask(PROFITS, assigned("0", "99")) == [("AAPL", 99.0, 99.0, False)]
    assert ask("select quantity, price, realized from statement_trades where notes = 'A' order by key") == [
        (1.0, 0.0, 0.0), (100.0, 50.0, 0.0)]  # as IB sent it


def test_booked_with_the_option_the_premium_gives_the_same_sum(ask: Ask) -> None:
    assert ask(PROFITS, assigned("200", "-101")) == [("AAPL", 99.0, 99.0, False)]


def test_profit_is_null_while_a_position_is_left(ask: Ask) -> None:
    assert ask(PROFITS, written(trade("1", 100), trade("2", -50, 12, fifoPnlRealized="100"))) == [
        ("AAPL", None, 100.0, True)]


BESIDE = ("select quantity, commission, execution_id, source from fills_with_statement(null, null) "
          "order by execution_id nulls last")  # fmt: skip


def test_closed_days_come_from_statements_and_today_from_the_socket_each_fill_once(accounts: AccountLake) -> None:
    mine = {"account": ME}
    accounts.fill(1, 100, 10.0, "a.b.01.01", **mine)
    accounts.fill(2, 30, 10.0, "a.b.02.01", **mine)  # IB cancelled it
    accounts.fill(3, 20, 10.0, "a.b.03.01", **mine)  # corrected: the statement has .02
    accounts.fill(86_400, 7, 10.0, "a.b.04.01", **mine)  # of today
    accounts.fee(86_401, "a.b.04.01", 1.0)
    import_statements(accounts.layout, [written(
        trade("1", 100, ibExecID="a.b.01.01", ibCommission="-1"),
        trade("2", 30, ibExecID="a.b.02.01", tradeID="7"), trade("3", -30, **CANCEL | {"origTradeID": "7"}),
        trade("4", 21, ibExecID="a.b.03.02", ibCommission="0.35"),
        trade("5", 50, ibExecID="a.b.05.01"),  # which the recorder missed
        trade("6", 100, 50, notes="A", transactionType="BookTrade"))])  # fmt: skip
    assert accounts.lake.sql(BESIDE).rows() == [
        (100.0, 1.0, "a.b.01.01", "both"), (21.0, -0.35, "a.b.03.02", "both"), (7.0, 1.0, "a.b.04.01", "socket"),
        (50.0, 0.0, "a.b.05.01", "statement"), (100.0, 0.0, None, "statement")]
    assert accounts.lake.sql(f"select count(*) from fills({ANY})").rows() == [(4,)]  # which knows no statement


def test_a_fill_with_a_date_alone_has_the_time_that_was_told(accounts: AccountLake) -> None:
    accounts.fill(1, 100, 10.0, "a.b.01.01", account=ME, ts_event=NOON)
    import_statements(accounts.layout, [written(trade("1", 100, ibExecID="a.b.01.01", dateTime="20261118"))])
    query = "select epoch(filled_ts) from fills_with_statement('2026-11-18T11:00', '2026-11-18T13:00')"
    assert accounts.lake.sql(query).rows() == [(NOON.timestamp(),)]


def test_methods_take_symbols_and_accounts_that_statements_alone_have(opened: AccountLake, ask: Ask) -> None:
    ask("select 1", several(statement([trade("1", 5), trade("2", 6, symbol="MSFT")]),
                            statement([trade("1", 7)], account=OTHER)))  # fmt: skip
    found = opened.lake.statement_fills(symbols="MSFT", accounts=[ME]).rows()
    assert [row[0] for row in found] == [ME]
    assert len(opened.lake.fills_with_statement(symbols=["AAPL"], accounts=OTHER).rows()) == 1


def test_what_statements_moved_is_compared_with_what_they_count(ask: Ask) -> None:
    made = written(trade("1", 100), transfer("2", "50"), action("3", "-10", type="TC"), position("135"))
    assert ask(HELD, made) == [("AAPL", 140.0, 135.0)]
