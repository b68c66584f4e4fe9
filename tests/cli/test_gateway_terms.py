"""Options of `ticktape gateway` that say on which terms its account trades."""

from collections.abc import Callable
from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest

from capture.gateway import Gateway
from capture.gateway.broker.exchange.matching import Fills
from capture.gateway.broker.floor import Rules
from capture.gateway.trading import Terms

gateway_verb = import_module("capture.cli.playing.gateway")

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
                  "--order-latency-ms", 1.5)  # fmt: skip
    assert (found.cash, found.account_type) == (Decimal("25000.50"), "cash")
    assert (found.rules, found.latency_us) == (Rules(Fills.STRICT, 2), 1_500)


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
