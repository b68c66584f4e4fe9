from collections import defaultdict
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.gateway.broker.account.ledger import Ledger, UnknownExecutionError
from capture.gateway.broker.account.position import Position
from capture.gateway.broker.fill import Fill
from capture.gateway.broker.security import Security
from tests.gateway.broker.trading import CALL, EVERY, FUTURE, NOON_US, PAIR, SHARE, D, fill


def ledger(*positions: Position, **cash: str) -> Ledger:
    return Ledger("USD", {"USD": D(100_000)} | {currency: D(amount) for currency, amount in cash.items()}, positions)


def test_average_cost_of_shares_has_the_commission_in_it() -> None:
    book = ledger()
    assert book.book(fill(SHARE, "100", "10"), D(1)) == (None, D(100), D("10.01"))
    assert book.cash == {"USD": D(100_000) - 1001}


def test_average_cost_of_an_option_is_the_premium_of_a_contract_and_its_commission() -> None:
    assert ledger().book(fill(CALL, "2", "1.5"), D("1.30")).average_cost == D("150.65")


def test_average_cost_of_a_short_is_what_came_in() -> None:
    assert ledger().book(fill(SHARE, "-100", "10"), D(1)) == (None, D(-100), D("9.99"))


def test_a_closing_fill_realises_less_both_commissions() -> None:
    book = ledger()
    book.book(fill(SHARE, "100", "10"), D(1))
    assert book.book(fill(SHARE, "-40", "11"), D(1)).realised == D(440) - D("400.40") - 1
    assert book.book(fill(SHARE, "-60", "9"), D(1)) == (D(540) - D("600.60") - 1, D(0), D(0))
    assert book.realised_today() == {"USD": D(-23)}
    assert book.cash["USD"] == D(100_000) - 23


def test_a_flip_through_zero_shares_the_commission_by_quantity() -> None:
    book = ledger()
    book.book(fill(SHARE, "100", "10"), D(1))
    assert book.book(fill(SHARE, "-400", "11"), D(4)) == (D(98), D(-300), D("10.99"))


def test_a_future_moves_no_cash_but_its_fee_until_it_is_settled() -> None:
    book = ledger()
    book.book(fill(FUTURE, "2", "6000"), D("1.24"))
    assert book.cash["USD"] == D("99998.76")
    assert book.positions[5].average_cost == D("30000.62")
    assert book.positions[5].futures_pnl(D(6010)) == 100
    assert book.settle_future(5, D(6010), NOON_US) == 100
    book.new_day()
    assert book.positions[5].futures_pnl(D(6010)) == 0
    book.book(fill(FUTURE, "-2", "6005"), D("1.24"))
    assert book.settle_future(5, D(6005), NOON_US) == -50
    assert book.cash["USD"] == D("100047.52") == 100_000 + book.realised_ever()["USD"]


def test_a_pair_of_currencies_moves_both() -> None:
    book = ledger()
    book.book(fill(PAIR, "20000", "1.10"), D(2))
    assert book.cash == {"USD": D(77_998), "EUR": D(20_000)}


def test_a_dividend_is_received_on_what_is_held_and_paid_on_what_is_short() -> None:
    book = ledger(Position.held(SHARE, D(100), D(10)))
    assert book.receive_dividend(1, D("0.26"), NOON_US) == 26
    assert book.receive_dividend(2, D("0.26"), NOON_US) == 0
    assert book.cash["USD"] == 100_026
    assert [(entry.kind, entry.amount) for entry in book.entries] == [("dividend", D(26))]
    book.book(fill(SHARE, "-300", "10"), D(0))
    assert book.receive_dividend(1, D("0.26"), NOON_US) == -52


def test_a_bust_of_an_opening_fill_makes_the_closing_one_an_opening_one() -> None:
    book = ledger()
    book.book(fill(SHARE, "100", "10", "a"), D(1))
    book.book(fill(SHARE, "-100", "11", "b"), D(1))
    assert book.bust("a") == (None, D(-100), D("10.99"))
    assert book.executions["b"].realised is None
    assert book.realised_today() == {"USD": D(0)}


def test_a_correction_replaces_and_does_not_add() -> None:
    book = ledger()
    book.book(fill(SHARE, "100", "10", "a.01"), D(1))
    book.book(fill(SHARE, "-100", "11", "b.01"), D(1))
    assert book.correct("a.01", fill(SHARE, "100", "9", "a.02"), D(1)) == (None, D(0), D(0))
    assert list(book.executions) == ["a.02", "b.01"]
    assert book.executions["b.01"].realised == D(198)
    assert book.cash["USD"] == 100_198


def test_an_execution_of_another_day_or_of_nobody_cannot_be_taken_back() -> None:
    book = ledger()
    book.book(fill(SHARE, "100", "10", "a"), D(1))
    book.new_day()
    with pytest.raises(UnknownExecutionError, match="'a'"):
        book.bust("a")
    with pytest.raises(UnknownExecutionError):
        book.correct("zz", fill(SHARE, "100", "10", "b"), D(1))
    assert book.positions[1].quantity == 100


def test_a_snapshot_can_be_restored_more_than_once() -> None:
    book = ledger()
    book.book(fill(SHARE, "100", "10", "a"), D(1))
    before = book.snapshot()
    for _ in range(2):
        book.book(fill(SHARE, "-250", "12", "b"), D(1))
        book.receive_dividend(1, D(1), NOON_US)
        book.bust("a")
        book.restore(before)
        assert (book.cash["USD"], book.positions[1].quantity, list(book.executions), book.entries) == (
            D(98_999), D(100), ["a"], [])  # fmt: skip


PRICES = st.decimals("0.01", "9000", places=2)
TRADES = st.tuples(st.sampled_from(EVERY), st.decimals("-500", "500", places=4).filter(bool), PRICES,
                   st.decimals("-1", "20", places=4))  # fmt: skip
STEPS = st.lists(st.tuples(st.sampled_from(["book"] * 6 + ["bust", "correct", "settle", "day"]), TRADES,
                           st.integers(0, 1_000)), max_size=60)  # fmt: skip


class Obvious:
    """Keeps every execution that still holds, and adds them up anew each time."""

    def __init__(self) -> None:
        self.held: dict[str, tuple[Fill, Decimal]] = {}

    def quantity(self, con_id: int) -> Decimal:
        return sum((each.signed for each, _ in self.held.values() if each.security.con_id == con_id), D(0))

    def paid(self, security: Security) -> Decimal:
        """All that was paid for an instrument, fees included, less what came in."""
        held = [(each, fee) for each, fee in self.held.values() if each.security == security]
        return sum((each.side * each.value + fee for each, fee in held), D(0))


def step(book: Ledger, obvious: Obvious, kind: str, trade: tuple[Security, Decimal, Decimal, Decimal], pick: int,
         name: str) -> None:  # fmt: skip
    security, quantity, price, fee = trade
    today = list(book.executions)
    if kind == "book":
        each = fill(security, quantity, price, name)
        book.book(each, fee)
        obvious.held[name] = each, fee
    elif kind == "day":
        book.new_day()
    elif kind == "settle" and 5 in book.positions:
        book.settle_future(5, price, NOON_US)
    elif today and kind == "bust":
        book.bust(today[pick % len(today)])
        del obvious.held[today[pick % len(today)]]
    elif today and kind == "correct":
        old = today[pick % len(today)]
        each = fill(obvious.held.pop(old)[0].security, quantity, price, name)
        book.correct(old, each, fee)
        obvious.held[name] = each, fee


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_identities_hold_after_every_step(
    steps: list[tuple[str, tuple[Security, Decimal, Decimal, Decimal], int]],
) -> None:
    book, obvious = Ledger("USD", {"USD": D(0)}), Obvious()
    for number, (kind, trade, pick) in enumerate(steps):
        step(book, obvious, kind, trade, pick, f"x{number}")
        check(book, obvious, trade[2])


def check(book: Ledger, obvious: Obvious, price: Decimal) -> None:
    paid: defaultdict[str, Decimal] = defaultdict(Decimal)
    for security in EVERY:
        position = book.positions.get(security.con_id, Position(security))
        assert position.quantity == obvious.quantity(security.con_id)
        if security.is_future:  # what it has won since it began is in cash, or yet to be settled
            paid["USD"] += obvious.paid(security) + position.futures_pnl(price) - position.worth(price)
        else:
            paid[security.currency] += obvious.paid(security)
    paid["EUR"] -= obvious.quantity(PAIR.con_id)
    assert {currency: -amount for currency, amount in book.cash.items()} == {c: paid[c] for c in book.cash}
    costs: defaultdict[str, Decimal] = defaultdict(Decimal)
    for position in book.positions.values():
        costs[position.security.currency] += position.cost
    spent = {c: sum((obvious.paid(s) for s in EVERY if s.currency == c), D(0)) for c in ("USD", "EUR")}
    for currency, realised in book.realised_ever().items():
        assert realised == costs[currency] - spent[currency]


@settings(max_examples=200, deadline=None)
@given(STEPS)
def test_busts_and_corrections_leave_what_would_be_there_had_they_been_so_from_the_first(
    steps: list[tuple[str, tuple[Security, Decimal, Decimal, Decimal], int]],
) -> None:
    book, obvious = Ledger("USD", {"USD": D(0)}), Obvious()
    for number, (kind, trade, pick) in enumerate(steps):
        if kind not in ("day", "settle"):
            step(book, obvious, kind, trade, pick, f"x{number}")
    fresh = Ledger("USD", {"USD": D(0)})
    for execution in book.executions.values():
        assert fresh.book(execution.fill, execution.fee).realised == execution.realised
    kept = {con_id: position for con_id, position in book.positions.items() if con_id in fresh.positions}
    assert kept == fresh.positions
    assert all(not position.quantity and not position.cost for con_id, position in book.positions.items()
               if con_id not in kept)  # fmt: skip
