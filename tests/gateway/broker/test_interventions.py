"""What a hand from outside does to orders: fills, corrections and busts reach the order, the ledger and the client."""

from decimal import Decimal
from typing import Any

import pytest

from capture.gateway.broker.interventions import InterventionError, bust, correct, double, fill
from capture.gateway.broker.orders.order import Order
from capture.gateway.broker.report_holds import Hold

from .rehearsal import DETAILS, Rehearsal

D = Decimal
FIRST = "0000e0d5.00000001.01.01"


def filled(room: Rehearsal, quantity: int | None = None, price: float | None = None, **values: Any) -> Order:
    order = room.placed(**values)
    fill(room.paper, order, room.at_us, None if quantity is None else D(quantity), price)
    return order


def agree(room: Rehearsal, order: Order) -> None:
    """The ledger, the order and what the client would be answered say the same."""
    held = room.till.ledger.positions[DETAILS["con_id"]].quantity
    executions = room.paper.executions.done.values()
    assert held == order.filled == sum(one.details["shares"] for one in executions)
    status = room.told("order_status", permanent_id=order.permanent_id)[-1]
    assert (status["filled"], status["average_fill_price"]) == (order.filled, order.average_price)


def test_a_fill_on_demand_is_told_as_any_other() -> None:
    room = Rehearsal()
    order = filled(room, 30)
    assert room.since("execution_details") == ["execution_details", "open_order", "order_status", "commission_report"]
    assert (str(order.status), order.filled, order.last_price) == ("Submitted", D(30), D(98))
    agree(room, order)
    fill(room.paper, order, room.at_us)
    assert (order.status, room.told("execution_details")[-1]["shares"]) == ("Filled", 70)
    agree(room, order)


def test_a_partly_filled_order_goes_on_in_the_market() -> None:
    room = Rehearsal()
    order = filled(room, 30)
    room.quote(97.0, 98.0)
    assert order.status == "Filled"
    agree(room, order)


@pytest.mark.parametrize(("values", "price"), [
    ({}, 98), ({"order_type": "MKT", "limit_price": None}, 100), ({"order_type": "MKT", "action": "SELL"}, 99)])
def test_without_a_price_it_fills_at_its_limit_or_the_quote(values: dict[str, Any], price: int) -> None:
    room = Rehearsal()
    room.quote()
    order = filled(room, **values)
    assert order.average_price == price


def test_a_stop_that_waits_fills_on_demand() -> None:
    room = Rehearsal()
    order = filled(room, 40, 105.0, order_type="STP", auxiliary_price=105.0, limit_price=None)
    assert (str(order.status), order.why_held, order.average_price) == ("Submitted", "", D(105))


def test_a_fill_after_the_cancel_leaves_it_cancelled() -> None:
    room = Rehearsal()
    order = room.placed()
    room.paper.cancel(room.at_us, 1, 1)
    fill(room.paper, order, room.at_us, D(60))
    assert room.since("execution_details") == ["execution_details", "open_order", "order_status", "commission_report"]
    assert room.told("error")[-1]["code"] == 202
    assert room.told("order_status")[-1]["status"] == "Cancelled"
    agree(room, order)


def test_what_cannot_fill_is_told() -> None:
    room = Rehearsal()
    cases: list[tuple[Order, D | None, str]] = [
        (room.placed(1), D(101), "100 remain"),
        (room.placed(2, transmit=False), None, "is not sent"),
        (room.placed(3, order_type="MKT", limit_price=None), None, "say at which price"),
        (room.placed(4, rejected=201), None, "was rejected")]  # fmt: skip
    for order, quantity, text in cases:
        with pytest.raises(InterventionError, match=text):
            fill(room.paper, order, room.at_us, quantity)
    assert room.told("execution_details") == []


def test_a_correction_replaces_the_execution_everywhere() -> None:
    room = Rehearsal()
    order = filled(room, 40)
    before = room.told("execution_details")[-1]
    correct(room.paper, FIRST, 97.5, room.at_us)
    told = room.told("execution_details")[-1]
    assert told == {**before, "execution_id": "0000e0d5.00000001.01.02", "price": D("97.5"), "average_price": D("97.5")}
    assert list(room.paper.executions.done) == ["0000e0d5.00000001.01.02"]
    assert room.told("commission_report")[-1]["execution_id"] == "0000e0d5.00000001.01.02"
    assert room.till.ledger.cash["USD"] == 100_000 - 40 * D("97.5") - 1
    agree(room, order)
    correct(room.paper, "0000e0d5.00000001.01.02", 97.0, room.at_us)
    assert list(room.till.ledger.executions) == ["0000e0d5.00000001.01.03"]


def test_a_bust_gives_cash_position_and_fee_back() -> None:
    room = Rehearsal()
    order = filled(room)
    assert order.status == "Filled"
    bust(room.paper, FIRST, room.at_us)
    assert (str(order.status), order.filled, order.commission) == ("Cancelled", D(0), D(0))
    assert room.till.ledger.cash["USD"] == 100_000 and room.till.ledger.executions == {}
    assert room.told("execution_details")[-1]["shares"] == 0
    assert room.told("commission_report")[-1]["commission"] == 0
    agree(room, order)
    with pytest.raises(InterventionError, match="was taken back already"):
        bust(room.paper, "0000e0d5.00000001.01.02", room.at_us)


def test_an_order_of_whole_shares_fills_by_whole_shares() -> None:
    room = Rehearsal()
    order = filled(room, 40)
    with pytest.raises(InterventionError, match=r"0\.5 of order .* cannot fill: it fills by steps of 1"):
        fill(room.paper, order, room.at_us, D("0.5"))
    assert order.filled == D(40)


def test_a_bust_of_a_part_leaves_the_order_open() -> None:
    room = Rehearsal()
    order = filled(room, 40)
    fill(room.paper, order, room.at_us, D(20))
    bust(room.paper, FIRST, room.at_us)
    assert (str(order.status), order.filled, order.remaining) == ("Submitted", D(20), D(80))
    agree(room, order)


def test_executions_of_a_day_before_stay() -> None:
    room = Rehearsal()
    filled(room)
    room.till.ledger.new_day()
    with pytest.raises(InterventionError, match="no execution of today"):
        bust(room.paper, FIRST, room.at_us)
    with pytest.raises(InterventionError, match="no execution of today"):
        correct(room.paper, FIRST, 1.0, room.at_us)
    assert list(room.paper.executions.done) == [FIRST]


def test_a_twin_lives_on_when_its_order_id_is_cancelled() -> None:
    room = Rehearsal()
    first = room.placed()
    twin = double(room.paper, first, room.at_us)
    assert (twin.order_id, twin.client_id) == (first.order_id, first.client_id)
    assert twin.permanent_id != first.permanent_id
    room.paper.cancel(room.at_us, 1, 1)
    assert (twin.status, first.status) == ("Cancelled", "Submitted")
    room.quote(97.0, 98.0)
    assert first.status == "Filled"
    with pytest.raises(InterventionError, match="only one that is open"):
        double(room.paper, first, room.at_us)


def test_ids_that_were_rolled_back_name_two_orders() -> None:
    room = Rehearsal()
    first = room.placed(1)
    room.paper.identities.order_ids[1] = 0
    second = room.placed(1)
    assert first is not second and {first, second} == set(room.paper.orders.open())
    assert first.order_id == second.order_id
    assert room.told("error") == []


# Rejections


@pytest.mark.parametrize("code", [201, 110, 9_999])
def test_a_rejected_order_is_refused_by_its_code(code: int) -> None:
    room = Rehearsal()
    order = room.place(rejected=code)
    assert room.told("error")[-1]["code"] == code
    assert room.paper.orders.open() == []
    if code == 201:
        assert order is not None and order.status == "Inactive"
    else:
        assert order is None and room.told("open_order") == []


def test_a_rejected_change_leaves_the_order_as_it_was() -> None:
    room = Rehearsal()
    order = room.placed()
    room.place(rejected=201, limit_price=97.0)
    assert (order.status, order.limit, room.told("error")[-1]["code"]) == ("Submitted", 98.0, 201)


# Reports


def test_late_reports_come_late_and_lost_ones_never() -> None:
    room = Rehearsal()
    late, lost = Hold(lambda told: told.name == "commission_report"), Hold(lambda told: told.name == "open_order", True)
    room.holds.add(late)
    room.holds.add(lost)
    filled(room)
    assert set(room.names()) == {"order_status", "execution_details"}
    (report,) = room.holds.release(late, room.at_us + 5)
    assert (report.name, report.at_us) == ("commission_report", room.at_us + 5)
    assert room.holds.release(lost, room.at_us) == []


def test_an_execution_can_come_before_any_open_order() -> None:
    room = Rehearsal()
    room.holds.executions_first = 1
    order = room.placed(1, order_type="MKT", limit_price=None)
    assert room.names() == []
    room.quote()
    assert order.status == "Filled"
    assert room.names()[0] == "execution_details" and room.names().count("open_order") > 1
    before = len(room.names())
    room.placed(2)
    assert room.names()[before] == "open_order"


def test_an_order_that_ends_without_an_execution_is_told_before_its_end() -> None:
    room = Rehearsal()
    room.holds.executions_first = 1
    room.placed()
    room.paper.cancel(room.at_us, 1, 1)
    assert room.names()[0] == "open_order" and room.names()[-1] == "error"
    assert room.told("order_status")[-1]["status"] == "Cancelled"
