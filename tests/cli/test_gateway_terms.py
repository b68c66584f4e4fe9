"""Options of `ticktape gateway` that say on which terms its account trades."""

from collections.abc import Callable
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from capture.gateway import Gateway
from capture.gateway.broker.exchange.matching import Fills
from capture.gateway.broker.exchange.rules import Rules
from capture.gateway.broker.fees.schedule import SCHEDULES
from capture.gateway.market import Market
from capture.gateway.trading import Terms

gateway_verb = import_module("capture.cli.playing.gateway")

START_US = 1_795_000_000_000_000
Run = Callable[..., Any]


@pytest.fixture
def terms(run: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Terms]:
    """Returns the terms of the gateway that options would run."""
    served: list[Gateway] = []
    monkeypatch.setattr(gateway_verb, "_serve", lambda gateway, *_, **__: served.append(gateway))

    def of(*options: object) -> Terms:
        assert run("gateway", *options).code == 0
        return served[-1].state.terms

    return of


def test_without_options_they_are_those_of_an_ib_paper_account(terms: Callable[..., Terms]) -> None:
    assert terms() == Terms()
    assert (Terms().cash, Terms().account_type, Terms().rules.fills) == (Decimal(1_000_000), "margin", Fills.QUEUE)


def test_options_become_terms(terms: Callable[..., Terms]) -> None:
    found = terms("--cash", "25000.50", "--account-type", "cash", "--fills", "strict", "--penetration-ticks", 2,
                  "--order-latency-ms", 1.5, "--master-client-id", 3)  # fmt: skip
    assert (found.cash, found.account_type) == (Decimal("25000.50"), "cash")
    assert (found.rules, found.latency_us) == (Rules(Fills.STRICT, 2), 1_500)
    assert found.master_client_id == 3


def test_positions_and_fees_come_from_files(terms: Callable[..., Terms], tmp_path: Path) -> None:
    (tmp_path / "held.csv").write_text("instrument,position,average_cost\nAAPL,100,251.30\nESZ6,-2,\n")
    (tmp_path / "fees.toml").write_text('like = "tiered"\n[[commission]]\nproduct = "STK"\nper = "unit"\nrate = 0.01\n')
    found = terms("--positions", tmp_path / "held.csv", "--fees", tmp_path / "fees.toml")
    held = {row.instrument.word: row.position for row in found.positions}
    assert held == {"AAPL": Decimal(100), "ESZ6": Decimal(-2)}
    (own,) = [row for row in found.fees.commissions if row.product == "STK"]
    assert own.tiers[0].rates[0][1] == Decimal("0.01")
    assert terms("--fees", "tiered").fees is SCHEDULES["tiered"]


def test_the_account_begins_with_its_positions(terms: Callable[..., Terms], tmp_path: Path) -> None:
    held = tmp_path / "held.csv"
    held.write_text("instrument,position,average_cost\nAAPL,100,251.30\nESZ6,-2,\n")
    market = Market()
    account = Gateway(market, terms=terms("--positions", held), start_us=START_US).state.trading.account
    aapl, future = (account.ledger.positions[con_id] for con_id in (265598, 649180695))
    assert (aapl.quantity, aapl.average_cost) == (Decimal(100), Decimal("251.30"))
    bid_ask = market.quotes(649180695, START_US - 60_000_000, START_US).to_pylist()[-1]
    assert future.average_cost == 50 * (Decimal(str(bid_ask["bid_price"])) + Decimal(str(bid_ask["ask_price"]))) / 2
    assert account.ledger.cash == {"USD": Decimal(1_000_000)}


@pytest.mark.parametrize(("rows", "text"), [
    ("instrument,position\nNOPE,1\n", "held.csv line 2, key instrument: 'NOPE' is no instrument of this market"),
    ("instrument,position\n\nAAPL,1\nconid:265598,1\n", "line 4, key instrument: 'conid:265598' is the instrument of"),
    ("instrument,position,account\nAAPL,1,U1\n", "line 2, key account: 'U1' is no account here: write DU1234567"),
    ("instrument,position\nAAPL,much\n", "line 2, key position: 'much' is no number"),
    ("", "is empty: begin with a line instrument,position,average_cost"),
])  # fmt: skip
def test_positions_that_cannot_be_are_told_with_their_line(run: Run, tmp_path: Path, rows: str, text: str) -> None:
    (tmp_path / "held.csv").write_text(rows)
    code, out, err = run("gateway", "--port", 0, "--positions", tmp_path / "held.csv")
    assert (code, out) == (2, "")
    assert text in err


def test_fees_that_cannot_be_read_are_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "fees.toml").write_text('[[commission]]\nproduct = "STK"\nrate = "much"\n')
    code, _, err = run("gateway", "--port", 0, "--fees", tmp_path / "fees.toml")
    assert code == 2 and "fees.toml line 3, key commission.rate" in err
    code, _, err = run("gateway", "--port", 0, "--fees", "cheap")
    assert code == 2 and "cheap does not exist: name the file of fees, or write fixed or tiered" in err


@pytest.mark.parametrize(("options", "text"), [
    (("--cash", "-1"), "'-1' is no amount: write 1000000 or 25000.50"),
    (("--cash", "nan"), "'nan' is no amount"),
    (("--cash", "1e400"), "is no amount"),
    (("--account-type", "ira"), "'ira' is not one of 'margin', 'cash', 'portfolio'"),
    (("--fills", "always"), "'always' is not one of 'strict', 'queue', 'touch'"),
    (("--penetration-ticks", "2"), "--penetration-ticks: only with --fills strict"),
    (("--order-latency-ms", "-1"), "--order-latency-ms': Input should be greater than or equal to 0"),
])  # fmt: skip
def test_wrong_terms_are_told(run: Run, options: tuple[str, ...], text: str) -> None:
    code, out, err = run("gateway", *options)
    assert (code, out) == (2, "")
    assert text in " ".join(err.split())


def test_a_damaged_state_is_told(run: Run, tmp_path: Path) -> None:
    state = tmp_path / "account"
    Gateway(Market(), terms=Terms(state=state)).state.trading.close()
    damaged = b"0" + state.read_bytes()[1:]
    state.write_bytes(damaged)
    code, out, err = run("gateway", "--port", 0, "--state", state)
    assert (code, out) == (1, "")
    assert f"{state} line 1 is damaged" in err and "`ticktape gateway --state`" in err
    assert state.read_bytes() == damaged
    code, _, err = run("gateway", "--port", 0, "--state", state, "--cash", 1)
    assert code == 2 and "has its own" in err
    code, _, err = run("gateway", "--port", 0, "--state", tmp_path / "none" / "account")
    assert code == 1 and "none/account" in err
