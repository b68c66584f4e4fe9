"""References of orders that say what becomes of them: off by default, and at any hour."""

from decimal import Decimal

import pytest

from capture.gateway.broker.scripts import WORDS, ScriptError

from .rehearsal import NOON_US, SECOND_US, Rehearsal

NIGHT_US = NOON_US + 14 * 3_600 * SECOND_US  # 06:00Z: the market is closed


def test_references_mean_nothing_unless_they_are_to() -> None:
    room = Rehearsal()
    order = room.placed(order_reference="test:fill=10,reject=201,nonsense")
    assert (str(order.status), order.filled) == ("Submitted", Decimal(0))


@pytest.mark.parametrize(("reference", "text"), [
    ("test:", "these are: test:reject=CODE, test:fill=QUANTITY"),
    ("test:nonsense", "'nonsense' is no test"),
    ("test:fill", "write test:fill=QUANTITY"),
    ("test:fill=much", "write test:fill=QUANTITY"),
    ("test:fill=-1", "write test:fill=QUANTITY"),
    ("test:bust=1", "write test:bust"),
    ("test:fill=1,nan=1", "'nan=1' is no test"),
    ("test:fill=nan", "write test:fill=QUANTITY"),
])  # fmt: skip
def test_what_cannot_be_read_is_told_and_nothing_is_placed(reference: str, text: str) -> None:
    room = Rehearsal(reads_scripts=True)
    with pytest.raises(ScriptError) as error:
        room.place(order_reference=reference)
    assert text in str(error.value)
    assert room.paper.orders.open() == []


def test_all_words_are_read() -> None:
    scripts = Rehearsal(reads_scripts=True).scripts
    text = ",".join(f"{word}=1" if number else word for word, number in WORDS.items())
    assert scripts.read(f"test:{text}").keys() == WORDS.keys()


def test_reject() -> None:
    room = Rehearsal(reads_scripts=True)
    order = room.placed(order_reference="test:reject=201")
    assert order.status == "Inactive" and room.told("error", code=201)


def test_fill_a_part_also_while_the_market_is_closed() -> None:
    room = Rehearsal(reads_scripts=True)
    room.at_us = NIGHT_US
    order = room.placed(order_reference="test:fill=10")
    assert (order.filled, order.remaining) == (Decimal(10), Decimal(90))
    assert room.told("execution_details")[-1]["order_reference"] == "test:fill=10"


def test_a_change_is_not_played_once_more() -> None:
    room = Rehearsal(reads_scripts=True)
    order = room.placed(order_reference="test:fill=10")
    room.place(order_reference="test:fill=10", limit_price=97.0)
    assert order.filled == 10


def test_more_than_there_is_cannot_fill_and_is_told() -> None:
    room = Rehearsal(reads_scripts=True)
    order = room.placed(order_reference="test:fill=1000")
    assert order.filled == 0
    assert "100 remain" in room.told("error", code=399)[-1]["message"]


def test_a_late_commission() -> None:
    room = Rehearsal(reads_scripts=True)
    room.placed(order_reference="test:late-commission=5,fill=10")
    room.advance(4)
    assert room.told("execution_details") and room.told("commission_report") == []
    room.advance(1)
    assert len(room.told("commission_report")) == 1
    room.placed(2, order_reference="test:fill=10")
    assert len(room.told("commission_report")) == 2


def test_a_correction_and_a_bust_of_the_first_execution() -> None:
    for words, shares in (("fill=10,correct=97.5", 10), ("fill=10,bust", 0)):
        room = Rehearsal(reads_scripts=True)
        order = room.placed(order_reference=f"test:{words}")
        told = room.told("execution_details")
        assert [one["execution_id"][-2:] for one in told] == ["01", "02"]
        assert told[-1]["shares"] == shares == order.filled


def test_a_fill_after_the_cancel() -> None:
    room = Rehearsal(reads_scripts=True)
    order = room.placed(order_reference="test:fill-after-cancel")
    room.paper.cancel(room.at_us, 1, 1)
    assert (str(order.status), order.remaining) == ("Cancelled", Decimal(0))
    assert room.since("error") == ["error", "execution_details", "open_order", "order_status", "commission_report"]
