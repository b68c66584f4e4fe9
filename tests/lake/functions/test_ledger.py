"""The ledger by both methods, against one that goes fill by fill: the broker's, and a queue of lots."""

from collections import defaultdict, deque
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple

import pytest

from capture.gateway.broker.account.position import Position
from capture.gateway.broker.fill import BUY, SELL, Fill
from capture.gateway.broker.security import Security
from capture.query import QueryError

from .accounts import POSITIONS, AccountLake

MULTIPLIERS = {"AAPL": 1, "ESZ6": 50}


class Told(NamedTuple):
    """A fill as it stands in the end."""

    quantity: Decimal
    price: Decimal
    fee: Decimal


def trade(lake: AccountLake, random: Random, account: str, symbol: str) -> list[Told]:
    """Add fills of an instrument as recorders see them, and return them as they stand in the end, in their order."""
    kind: dict[str, Any] = {"account": account, "security_type": "FUT" if symbol == "ESZ6" else "STK",
                            "multiplier": "50" if symbol == "ESZ6" else None}  # fmt: skip
    told = []
    for number in range(random.randint(1, 40)):
        second, family = number * 10.0, f"{account}.{symbol}.{number:02}"
        quantity = random.choice([1, -1]) * Decimal(random.choice(["1", "5", "10", "25", "100", "0.5", "0.0001"]))
        price, fee = Decimal(random.randint(900, 1100)) / 100, Decimal(random.randint(-20, 100)) / 100
        fate = random.choice(["kept", "kept", "kept", "corrected", "busted"])
        for repeat in range(random.randint(1, 3)):  # a reconnect, another recorder
            lake.fill(second + repeat * 3, float(quantity), float(price), f"{family}.01", symbol,
                      recorder=random.choice(["main", "second"]), **kind)
        lake.fee(second + 1, f"{family}.01", float(fee))
        if fate != "kept":
            price += Decimal("0.07")
            quantity = quantity if fate == "corrected" else Decimal(0)
            lake.fill(second + 5, float(quantity), float(price), f"{family}.02", symbol, **kind)
            lake.fee(second + 6, f"{family}.02", float(fee))
        if quantity:
            told.append(Told(quantity, price, fee))
    return told


class Lots:
    """First in, first out, lot by lot."""

    def __init__(self, multiplier: int) -> None:
        self.multiplier = multiplier
        self.lots: deque[list[Decimal]] = deque()  # what is left of each, and what one unit of it cost

    def after(self, told: Told) -> tuple[Decimal, Decimal | None]:
        """Return the cost after a fill, and what it realized."""
        side = 1 if told.quantity > 0 else -1
        left, unit = abs(told.quantity), told.price * self.multiplier + side * told.fee / abs(told.quantity)
        realized: Decimal | None = None
        while left and self.lots and self.lots[0][0] * side < 0:
            some = min(left, abs(self.lots[0][0]))
            realized = (realized or Decimal(0)) + some * side * (self.lots[0][1] - unit)
            self.lots[0][0] += side * some
            left -= some
            if not self.lots[0][0]:
                self.lots.popleft()
        if left:
            self.lots.append([side * left, unit])
        return sum((size * cost for size, cost in self.lots), Decimal(0)), realized


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> tuple[AccountLake, dict[tuple[str, str], list[Told]]]:
    """A lake of twelve accounts, and their fills."""
    lake, random = AccountLake(tmp_path_factory.mktemp("ledger") / "data"), Random(11)
    return lake, {(f"A{number}", symbol): trade(lake, random, f"A{number}", symbol)
                  for number in range(12) for symbol in MULTIPLIERS}  # fmt: skip


def booked(lake: AccountLake, method: str) -> dict[tuple[str, str], list[dict[str, Any]]]:
    found = defaultdict(list)
    for row in lake.lake.ledger(method=method).arrow().to_pylist():
        found[row["account"], row["symbol"]].append(row)
    return found


def test_by_average_cost_it_is_the_broker_s(
    traded: tuple[AccountLake, dict[tuple[str, str], list[Told]]],
) -> None:
    lake, fills = traded
    rows = booked(lake, "average")
    assert rows.keys() == {key for key, told in fills.items() if told}
    for (account, symbol), told in fills.items():
        security = Security(1, symbol, "STK", "USD", Decimal(MULTIPLIERS[symbol]))
        position, total = Position(security), Decimal(0)
        for row, one in zip(rows.get((account, symbol), []), told, strict=True):
            side = BUY if one.quantity > 0 else SELL
            fill = Fill("", 0, security, side, abs(one.quantity), one.price, "", 1, 1, 1, 1)
            position, realized = position.after(fill, one.fee)
            total += realized or 0
            assert row["position"] == pytest.approx(float(position.quantity), abs=1e-9)
            assert row["cost"] == pytest.approx(float(position.cost), abs=1e-6)
            assert row["realized"] == (None if realized is None else pytest.approx(float(realized), abs=1e-6))
            unrealized = float(position.unrealised(one.price)) if position.quantity else 0.0
            assert row["unrealized"] == pytest.approx(unrealized, abs=1e-6)
        if told:
            assert (row["realized_total"] or 0) == pytest.approx(float(total), abs=1e-6)
            assert row["fees"] == pytest.approx(float(sum(one.fee for one in told)), abs=1e-9)


def test_first_in_first_out_it_is_that_of_a_queue_of_lots(
    traded: tuple[AccountLake, dict[tuple[str, str], list[Told]]],
) -> None:
    lake, fills = traded
    rows = booked(lake, "fifo")
    for (account, symbol), told in fills.items():
        lots = Lots(MULTIPLIERS[symbol])
        for row, one in zip(rows.get((account, symbol), []), told, strict=True):
            cost, realized = lots.after(one)
            assert row["cost"] == pytest.approx(float(cost), abs=1e-6)
            assert row["realized"] == (None if realized is None else pytest.approx(float(realized), abs=1e-6))


def test_both_methods_win_the_same_in_the_end(
    traded: tuple[AccountLake, dict[tuple[str, str], list[Told]]],
) -> None:
    lake, _ = traded
    flat: defaultdict[tuple[str, str], list[list[float]]] = defaultdict(list)
    for method in ("average", "fifo"):
        for key, rows in booked(lake, method).items():
            money = [row["realized_total"] for row in rows if row["position"] == 0]
            flat[key].append(money)
    assert any(one for one, _ in flat.values())
    for one, other in flat.values():
        assert one == pytest.approx(other, abs=1e-6)


def test_what_was_held_before_has_no_cost_until_it_is_sold(accounts: AccountLake) -> None:
    accounts.asked(0, POSITIONS)
    accounts.position(1, 10, "MSFT", average_cost=3.0)
    accounts.asked(2, POSITIONS, "completed")
    accounts.fill(20, 10, 5.0, "a.b.01.01", symbol="MSFT")
    accounts.fill(30, -10, 6.0, "a.b.02.01", symbol="MSFT")
    accounts.fill(40, -15, 7.0, "a.b.03.01", symbol="MSFT")
    accounts.fill(50, -3, 7.0, "a.b.04.01")  # sold, and IB listed none: they were there before
    columns = "select symbol, kind, quantity, position, cost, realized, realized_total from ledger(null, null{})"
    opening = [("MSFT", "opening", 10.0, 10.0, None, None, None)]
    assert accounts.lake.sql(columns.format("")).rows() == [
        *opening, ("MSFT", "fill", 10.0, 20.0, None, None, None), ("MSFT", "fill", -10.0, 10.0, None, None, None),
        ("MSFT", "fill", -15.0, -5.0, -35.0, None, None), ("AAPL", "fill", -3.0, -3.0, -21.0, None, None)]
    by_lots = accounts.lake.sql(columns.format(", method := 'fifo'")).rows()
    assert by_lots[1:4] == [
        ("MSFT", "fill", 10.0, 20.0, None, None, None), ("MSFT", "fill", -10.0, 10.0, 50.0, None, None),
        ("MSFT", "fill", -15.0, -5.0, -35.0, 20.0, 20.0)]


def test_fills_of_the_day_before_the_first_answer_are_not_counted_twice(accounts: AccountLake) -> None:
    accounts.asked(50, POSITIONS)
    accounts.fill(10, 100, 5.0, "a.b.01.01")
    accounts.fill(45, 7, 5.0, "a.b.02.01")  # too fresh for IB's positions
    accounts.position(50, 100)
    accounts.asked(51, POSITIONS, "completed")
    accounts.position(60, 107)
    accounts.fill(61, -107, 6.0, "a.b.03.01")
    accounts.fill(20, 100, 5.0, "a.b.04.01", symbol="MSFT")  # and sold before, of what was held: IB lists none
    accounts.fill(25, -130, 5.0, "a.b.05.01", symbol="MSFT")
    found = accounts.lake.sql("select symbol, kind, position from ledger(null, null) order by symbol, filled_ts").rows()
    assert found == [("AAPL", "fill", 100.0), ("AAPL", "fill", 107.0), ("AAPL", "fill", 0.0),
                     ("MSFT", "opening", 30.0), ("MSFT", "fill", 130.0), ("MSFT", "fill", 0.0)]


def test_a_fee_that_is_pending_or_in_another_currency_is_counted_not_added(accounts: AccountLake) -> None:
    for number, currency in ((1, "EUR"), (2, "USD"), (3, "USD")):
        accounts.fill(number, 100, 1.10, f"a.b.0{number}.01", security_type="CASH")
        accounts.fee(number, f"a.b.0{number}.01", None if number == 3 else 2.0, currency=currency)
    found = accounts.lake.sql("select cost, fees, fees_missing, commission_currency from ledger(null, null)").rows()
    assert found == [(110.0, None, 1, "EUR"), (222.0, 2.0, 1, "USD"), (332.0, 2.0, 2, None)]


def test_accounts_and_instruments_are_kept_apart_and_combinations_count_by_legs(accounts: AccountLake) -> None:
    accounts.fill(1, 2, 1.5, "a.b.01.01", security_type="BAG")
    accounts.fill(1, 2, 10.0, "a.b.01.01.01", symbol="MSFT")
    accounts.fill(1, 3, 10.0, "a.b.02.01", account="A2", symbol="MSFT")
    assert accounts.lake.sql("select account, symbol, position from ledger(null, null)").rows() == [
        ("A1", "MSFT", 2.0), ("A2", "MSFT", 3.0)]
    with pytest.raises(QueryError, match="say average or fifo"):
        accounts.lake.ledger(method="lifo").rows()
    with pytest.raises(QueryError, match=r"A3.*A1"):
        accounts.lake.ledger(accounts="A3")


def test_a_price_of_0_ends_a_position(accounts: AccountLake) -> None:
    """An option that expires worthless is closed at 0, which is a price."""
    accounts.fill(1, 2, 5.0, "a.b.01.01", multiplier="100", security_type="OPT")
    accounts.fill(2, -2, 0.0, "a.b.02.01", multiplier="100", security_type="OPT")
    found = accounts.lake.sql("select price, position, realized from ledger(null, null) order by number").rows()
    assert found == [(5.0, 2.0, None), (0.0, 0.0, -1000.0)]
