"""Groups of which one cancels, or reduces, the others."""

from decimal import Decimal

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from capture.gateway.kept.account_records import order_of, order_record

from .scene import Scene
from .trading import SHARE

CANCEL, REDUCE_WITH_BLOCK, REDUCE = 1, 2, 3


def group(scene: Scene, kind: int, *sizes: float) -> list[int]:
    """Place purchases a cent apart, in a group of a type."""
    return [scene.place("LMT", 10 - place / 100, oca_group="g", oca_type=kind, total_quantity=size)
            for place, size in enumerate(sizes)]  # fmt: skip


@pytest.mark.parametrize(("kind", "left"), [(CANCEL, []), (REDUCE_WITH_BLOCK, [30, 60]), (REDUCE, [30, 60])])
def test_a_part_of_one_ends_or_reduces_the_others(kind: int, left: list[int]) -> None:
    scene = Scene()
    one, *others = group(scene, kind, 100, 50, 100)
    scene.quote(9.99, 10.00, ask_size=40)
    assert [order.remaining for order in scene.paper.orders.open()] == [60, *left]
    assert scene.order(one).filled == 40
    assert scene.statuses(*others) == ["Submitted" if left else "Cancelled"] * 2


@pytest.mark.parametrize("kind", [CANCEL, REDUCE_WITH_BLOCK, REDUCE])
def test_one_that_is_filled_ends_the_others_and_nobody_can_join_any_more(kind: int) -> None:
    scene = Scene()
    one, other = group(scene, kind, 100, 100)
    scene.said()
    scene.quote(9.99, 10.00)
    assert scene.said() == ["EX 100@10", "OO Filled", "OS Filled 100/0", "CR", "OS Cancelled 0/100", "ER 202"]
    late = scene.place("LMT", 9, oca_group="g", oca_type=kind)
    assert scene.said() == ["ER 201", "OO Inactive", "OS Inactive 0/100"]
    assert scene.statuses(one, other, late) == ["Filled", "Cancelled", "Inactive"]


def test_a_change_of_price_does_not_give_back_what_the_group_took() -> None:
    scene = Scene()
    _, other = group(scene, REDUCE, 100, 100)
    scene.quote(9.99, 10.00, ask_size=60)
    scene.place("LMT", 9.98, order_id=other, oca_group="g", oca_type=REDUCE, total_quantity=100)
    assert scene.order(other).quantity == 40


def test_group_and_type_cannot_be_changed() -> None:
    scene = Scene()
    one, _ = group(scene, REDUCE, 100, 100)
    scene.said()
    scene.place("LMT", 9, order_id=one, oca_group="h", oca_type=REDUCE)
    scene.place("LMT", 9, order_id=one, oca_group="g", oca_type=CANCEL)
    assert scene.said() == ["ER 10326", "ER 10327"]


def test_a_day_later_the_name_of_a_group_is_free_again() -> None:
    scene = Scene()
    group(scene, REDUCE, 100, 100)
    scene.quote(9.99, 10.00)
    scene.paper.forget()
    assert scene.statuses(group(scene, REDUCE, 100)[0]) == ["Submitted"]


def test_a_restart_does_not_let_a_group_fill_once_more() -> None:
    scene, after = Scene(), Scene()
    group(scene, REDUCE, 100, 100)
    scene.quote(9.99, 10.00, ask_size=60)
    for order in scene.paper.orders.open():
        again = order_of(order_record(order)["order"], {SHARE.con_id: SHARE}, {})
        after.paper.identities.permanent_id()
        after.paper.identities.use(0, order.order_id)
        after.paper.resume(again, after.wait(), False, False)
    after.place("LMT", 9.98, order_id=2, oca_group="g", oca_type=REDUCE, total_quantity=100)
    assert after.order(2).quantity == 40


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([CANCEL, REDUCE_WITH_BLOCK, REDUCE]),
       st.lists(st.tuples(st.integers(1, 300), st.sampled_from(["BUY", "SELL"]), st.integers(995, 1005)),
                min_size=2, max_size=5),
       st.lists(st.tuples(st.integers(994, 1006), st.integers(1, 80), st.integers(1, 80), st.booleans()),
                max_size=25))  # fmt: skip
def test_no_group_fills_beyond_its_size(
    kind: int, members: list[tuple[int, str, int]], market: list[tuple[int, int, int, bool]]
) -> None:
    scene = Scene()
    ids = [scene.place("LMT", cents / 100, oca_group="g", oca_type=kind, total_quantity=size, action=action)
           for size, action, cents in members]  # fmt: skip
    for cents, bid_size, ask_size, trades in market:
        if trades:
            scene.trade(cents / 100, bid_size)
        else:
            scene.quote(cents / 100, (cents + 1) / 100, bid_size, ask_size)
        shares = [scene.order(each).filled / size for each, (size, *_) in zip(ids, members, strict=True)]
        assert sum(shares) <= 1
        if kind == CANCEL:
            assert sum(share > 0 for share in shares) <= 1
        for each in ids:
            order = scene.order(each)
            assert order.filled == sum((quantity for quantity, _ in scene.filled(each)), Decimal(0)) <= order.quantity
