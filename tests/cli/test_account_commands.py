"""`ticktape account`, `orders` and `fills`: what is known of accounts, without their numbers unless they are named."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from capture.cli import app
from tests.conftest import ScriptedTape
from tests.lake.test_account_tables import CONTRACT

runner = CliRunner()
EXECUTION = {"execution_exchange": "NASDAQ", "side": "BOT", "price": 100.0, "permanent_id": 77, "client_id": 3,
             "order_id": 5, "cumulative_quantity": 1.0, "average_price": 100.0, "last_liquidity": 0, "ev_rule": "",
             "ev_multiplier": None, "pending_price_revision": False, "shares": 1.0, "request_id": -1,
             "time": "20260102-15:00:00"}  # fmt: skip


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A day of two accounts, and the moment at which all of it was written."""
    folder: Path = tmp_path_factory.mktemp("account") / "data"
    tape = ScriptedTape(folder).open().request("req_positions")
    for account in ("U222", "U111"):
        tape.answer("position", account=account, position=-2.5, average_cost=101.0, **CONTRACT)
    tape.answer("positions_end").request("req_account_updates", subscribe=True, account="U222")
    tape.answer("account_value", key="NetLiquidation", value="1000.5", currency="USD", account="U222")
    tape.answer("account_value", key="AccountCode", value="U222", currency="", account="U222")
    tape.answer("open_order", order_id=5, action="BUY", total_quantity=1.0, order_type="LMT", limit_price=10.0,
                time_in_force="DAY", permanent_id=77, client_id=3, account="U222", status="Submitted", **CONTRACT)
    for account in ("U222", "U111"):
        tape.answer("execution_details", execution_id=f"{account[1:]}.01.01", account=account, **EXECUTION, **CONTRACT)
    tape.mark()
    yield str(folder), now()
    tape.writer.close()


@pytest.fixture
def data(tape: tuple[str, str]) -> str:
    return tape[0]


def now() -> str:
    """The moment, for --at: however slow the machine is, a line that was heard before was heard just then."""
    return datetime.now(UTC).isoformat()


def run(*words: str) -> str:
    result = runner.invoke(app, words)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("command", ["account", "orders", "fills"])
def test_account_numbers_are_left_out_unless_they_are_named(data: str, command: str) -> None:
    for words in ((command, "--data", data), (command, "--data", data, "--json")):
        assert "U222" not in run(*words)
        assert "U111" not in run(*words)
        assert "account 1" in run(*words)
        named = run(*words, "--accounts", "U222")
        assert "U222" in named
        assert "account 2" not in named
        assert "U222" in run(*words, "--accounts", "all")
        assert "U222" not in run(*words, "--accounts", "account 1")


def test_an_export_names_accounts_in_no_text_unless_it_names_whose_they_are(data: str, tmp_path: Path) -> None:
    def exported(name: str, *words: str) -> str:
        run("export", "account_values", "--data", data, "-o", str(tmp_path / name), *words)
        return (tmp_path / name).read_text()

    assert "U222" not in exported("left-out.csv")
    assert "account 1" in exported("again.csv")
    assert "U222" in exported("named.csv", "--columns", "ts,account,key,value")


@pytest.mark.parametrize("rate", ["usd=0.04", "=0.04", "USD=", "0.04"])
def test_interest_that_would_be_of_no_currency_is_refused(data: str, rate: str) -> None:
    with pytest.raises(ValueError, match=r"USD=0\.0375"):
        runner.invoke(app, ["stress", "--data", data, "--rate", rate], catch_exceptions=False)


def test_value_at_risk_without_days_is_empty_and_betas_are_shown_where_asked_for(data: str) -> None:
    assert " nan" not in run("margin", "--value-at-risk", "--data", data)
    assert "beta" not in run("exposure", "--data", data)


def test_margin_over_more_than_was_recorded_begins_where_accounts_do(tape: tuple[str, str]) -> None:
    data, written = tape
    result = runner.invoke(app, ["margin", "--data", data, "--at", written, "--over", "2d", "--every", "1d", "--json"])
    assert result.exit_code == 0, result.output
    assert len(json.loads(result.stdout)["margin"]) == 1
    assert "2 of 3 moments are left out" in result.stderr


def test_margin_of_a_time_before_all_accounts_is_an_error(data: str) -> None:
    with pytest.raises(ValueError, match="nothing of accounts was recorded by 2020"):
        runner.invoke(app, ["margin", "--data", data, "--at", "2020-01-03", "--over", "2d", "--every", "1d"],
                      catch_exceptions=False)  # fmt: skip


def test_an_account_that_is_not_there_is_told_with_those_that_are(data: str) -> None:
    with pytest.raises(ValueError, match=r"U22.*U222"):
        runner.invoke(app, ["fills", "--data", data, "--accounts", "U22"], catch_exceptions=False)


def test_what_they_show(tape: tuple[str, str]) -> None:
    data, written = tape
    account = json.loads(run("account", "--data", data, "--json", "--at", written))
    assert {(row["account"], row["position"], row["complete"]) for row in account["positions"]} == {
        ("account 1", -2.5, True), ("account 2", -2.5, True)}
    assert [(row["tag"], row["value"], row["number"]) for row in account["values"]] == [
        ("AccountCode", "account 1", None), ("NetLiquidation", "1000.5", 1000.5)]
    [fill] = json.loads(run("fills", "--data", data, "--json", "--accounts", "account 2"))
    assert fill["shares"] == 1.0
    [order] = json.loads(run("orders", "--data", data, "--json"))
    assert (order["state"], order["filled"]) == ("open", 2.0)
    assert json.loads(run("fills", "AAPL", "--data", data, "--json", "--until", "2026-01-01")) == []


def test_check_positions_ends_with_3_where_there_is_a_difference(script: ScriptedTape) -> None:
    words = ["check-positions", "--data", str(script.data), "--json"]
    script.open().request("req_positions").answer("position", account="U1", position=5.0, average_cost=1.0, **CONTRACT)
    script.answer("positions_end")
    agreed = runner.invoke(app, [*words, "--at", now()])
    [cost] = json.loads(agreed.stdout)["differences"]  # what it cost before the recording nobody knows
    assert (agreed.exit_code, cost["why"]) == (0, "before recording began")
    script.answer("position", account="U1", position=7.0, average_cost=1.0, **CONTRACT)
    result = runner.invoke(app, [*words, "--at", now()])
    [found] = json.loads(result.stdout)["differences"]
    assert (result.exit_code, found["account"], found["why"], found["difference"]) == (3, "account 1", "transfer", 2.0)
    before = runner.invoke(app, [*words[:-1], "--at", "2020-01-01"])
    assert (before.exit_code, "0 positions compared, 1 not known" in before.stdout) == (1, True)
    assert "nothing was compared" in before.stderr


def test_orders_are_told_as_they_stood_at_a_moment(tape: tuple[str, str]) -> None:
    data, written = tape
    assert len(json.loads(run("orders", "--data", data, "--json", "--at", written))) == 1
    assert json.loads(run("orders", "--data", data, "--json", "--at", "2020-01-01")) == []
    with pytest.raises(ValueError, match="leave one of them away"):
        runner.invoke(app, ["orders", "--data", data, "--at", written, "--until", written], catch_exceptions=False)
