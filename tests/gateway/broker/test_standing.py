"""Orders sorted by what of the market can reach them: always as they are, and never all of them looked at."""

import random
from collections.abc import Callable

import pytest

from capture.gateway.broker.exchange.displayed import Quote
from capture.gateway.broker.exchange.matching import Fills, Resting
from capture.gateway.broker.exchange.rules import Rules
from capture.gateway.broker.orders.order import Order
from capture.gateway.broker.orders.standing import Standing

from .scene import Scene
from .trading import SHARE

KINDS = ("LMT", "LMT", "LMT", "STP", "PEG MID", "REL", "MKT")


def placed(scene: Scene, rng: random.Random, order_id: int = 0) -> None:
    """Place an order of any kind, or change one to it."""
    kind, action = rng.choice(KINDS), rng.choice(("BUY", "SELL"))
    price = round(10 + rng.randrange(-5, 6) / 100, 2)
    scene.place(kind, price if kind != "STP" else None, order_id=order_id, action=action, total_quantity=100,
                auxiliary_price=price if kind == "STP" else None,
                discretionary_amount=rng.choice((0.0, 0.0, 0.02)) if kind == "LMT" else 0.0,
                time_in_force=rng.choice(("DAY", "DAY", "GTC", "OPG")) if kind == "LMT" else "DAY")  # fmt: skip


def require_sorted(scene: Scene) -> None:
    there, orders = scene.paper.orders.standing(SHARE.con_id), scene.paper.orders.open()
    stands = [one for one in orders if one.resting is not None and not one.type.peg and not one.is_for_auction
              and one.reach == one.limit]  # fmt: skip

    def wanted(buys: bool) -> list[Order]:
        return sorted((one for one in stands if one.buys is buys),
                      key=lambda one: ((-1 if buys else 1) * (one.limit or 0.0), one.rank))  # fmt: skip

    assert [one.order for one in there.bids] == wanted(True) and [one.order for one in there.asks] == wanted(False)
    assert all(one.resting is one.order.resting for one in (*there.bids, *there.asks))
    rest = sorted((one for one in orders if one not in stands), key=lambda one: one.rank)
    assert [one.order for one in there.others] == rest
    assert scene.paper.orders.at(SHARE.con_id) == sorted(orders, key=lambda one: one.rank)


@pytest.mark.parametrize("seed", range(20))
def test_orders_are_sorted_as_they_are_whatever_happens(seed: int) -> None:
    rng = random.Random(seed)
    scene = Scene(Rules(rng.choice(tuple(Fills))))

    def change() -> None:
        own = scene.paper.orders.open()
        if own:
            placed(scene, rng, rng.choice(own).order_id)

    def cancel() -> None:
        own = scene.paper.orders.open()
        if own:
            scene.cancel(rng.choice(own).order_id)

    def quote() -> None:
        bid = 10 + rng.randrange(-4, 4) / 100
        scene.quote(round(bid, 2), round(bid + rng.randrange(1, 4) / 100, 2), bid_size=rng.choice((50, 300)))

    def trade() -> None:
        scene.trade(round(10 + rng.randrange(-4, 5) / 100, 2), 100)

    steps: tuple[Callable[[], None], ...] = (lambda: placed(scene, rng), change, cancel, quote, trade)
    for _ in range(150):
        rng.choices(steps, (3, 3, 1, 4, 2))[0]()
        require_sorted(scene)


def test_a_quote_looks_only_at_the_orders_that_it_reaches(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene()
    scene.quote(9.99, 10.01)
    for number in range(300):
        scene.place("LMT", round(9.9 - number / 100, 2))
    looked: list[float] = []
    whole = Resting.concerns

    def concerns(resting: Resting, quote: Quote) -> bool:
        looked.append(resting.limit)
        return whole(resting, quote)

    monkeypatch.setattr(Resting, "concerns", concerns)
    scene.quote(9.89, 10.01)
    assert looked == [9.9, 9.89, 9.88]  # the last of these tells that no other is reached


def test_an_order_that_left_is_nowhere() -> None:
    scene, empty = Scene(), Standing()
    one = scene.place("LMT", 9.0)
    scene.quote(9.99, 10.01)
    scene.cancel(one)
    there = scene.paper.orders.standing(SHARE.con_id)
    assert (there.others, there.bids, there.asks, len(there)) == (empty.others, empty.bids, empty.asks, 0)
