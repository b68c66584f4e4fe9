"""The paper account over restarts: ids never repeat, orders and the account go on, and nothing is told unwritten."""

import asyncio
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from capture.gateway import Gateway
from capture.gateway.broker.account.ledger import Ledger
from capture.gateway.broker.interventions import InterventionError, bust, correct, fill
from capture.gateway.broker.orders.order import Order
from capture.gateway.control.command_socket import ask
from capture.gateway.kept.account_journal import Journal, JournalError
from capture.gateway.kept.account_records import OPERATIONS
from capture.gateway.market import Market
from capture.gateway.trading import Terms, Trading, open_account
from capture.replay.clock import Clock
from capture.wire.text.codec import request_codec
from tests.gateway.conftest import AAPL, START_US, Peer

SECOND_US = 1_000_000
MARKET = Market()
DETAILS = MARKET.find(START_US, con_id=AAPL["con_id"])[0]
TICKTAPE = [sys.executable, "-m", "capture.cli"]
D = Decimal


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "account"


class Broker:
    """The broker of an account that is kept, without sockets, at a time that goes on when it is told."""

    def __init__(self, state: Path, at_us: int = START_US, **terms: Any) -> None:
        self.clock = Clock(at_us, now_ns=lambda: 0)
        self.trading: Trading = open_account(
            MARKET, self.clock, Terms(state=state, **terms), "DU1234567", "US/Eastern")

    @property
    def now_us(self) -> int:
        return self.clock.now_us()

    def advance(self, seconds: float) -> None:
        self.clock.seek(self.now_us + round(seconds * SECOND_US))
        self.trading.run(self.now_us)

    def place(self, order_id: int, client_id: int = 1, **values: Any) -> Order:
        default: dict[str, Any] = {"action": "BUY", "total_quantity": 100, "order_type": "LMT", "limit_price": 1.0,
                                   "transmit": True, "time_in_force": "GTC"}  # fmt: skip
        codec = request_codec(200)
        payload = codec.encode("place_order", {"order_id": order_id, **AAPL, **default, **values})
        self.trading.place(self.now_us, client_id, DETAILS, codec.decode(payload).values, ())
        order = self.trading.paper.orders.find(client_id, order_id)
        assert order is not None
        return order

    def by_hand(self, act: Any, *given: Any) -> None:
        act(self.trading.paper, *given)
        self.trading.collect()

    def fill(self, order: Order, quantity: int, price: float | None = None) -> None:
        self.by_hand(fill, order, self.now_us, D(quantity), price)


@contextmanager
def broker(state: Path, **options: Any) -> Iterator[Broker]:
    found = Broker(state, **options)
    try:
        yield found
    finally:
        found.trading.close()


def seen(found: Broker) -> dict[str, Any]:
    """All that has to survive."""
    paper, ledger = found.trading.paper, found.trading.account.ledger
    orders = {order.permanent_id: (
        order.client_id, order.order_id, order.quantity, order.filled, order.worth, order.commission, order.is_unsent,
        dict(order.values), order.oca_group, order.placed_us, order.parent and order.parent.permanent_id)
        for order in paper.orders.open()}  # fmt: skip
    executions = [(key, one.details, one.commission) for key, one in paper.executions.done.items()]
    return {
        "orders": orders, "executions": executions, "ids": (paper.identities.orders, paper.identities.executions),
        "order_ids": dict(paper.identities.order_ids), "cash": dict(ledger.cash), "positions": dict(ledger.positions),
        "ledger": list(ledger.executions.values())}  # fmt: skip


def test_orders_and_the_account_go_on(state: Path) -> None:
    with broker(state) as before:
        before.place(3)
        order = before.place(7, client_id=2, order_reference="kept", order_type="STP", auxiliary_price=900.0)
        before.place(8, client_id=2, transmit=False)
        bought = before.place(9, client_id=2)
        before.fill(bought, 40)
        wanted = seen(before)
        names = order.permanent_id, order.order_id, order.client_id, order.why_held
    with broker(state) as after:
        assert seen(after) == wanted
        found = after.trading.paper.orders.known(names[0])
        assert found is not None
        assert (found.permanent_id, found.order_id, found.client_id, found.why_held) == names
        assert after.trading.paper.identities.next_order_id(2) == 10
        after.fill(found, 100, 900.0)
        assert str(found.status) == "Filled"
        assert after.place(4).permanent_id == 1_000_000_006


def test_what_is_done_stays_done(state: Path) -> None:
    with broker(state) as before:
        filled, cancelled = before.place(1), before.place(2)
        before.fill(filled, 100)
        before.trading.cancel(before.now_us, 1, 2)
        wanted = seen(before)
    with broker(state) as after:
        assert seen(after) == wanted
        assert [order.permanent_id for order in after.trading.paper.orders.done] == [
            filled.permanent_id, cancelled.permanent_id]
        after.by_hand(bust, "0000e0d5.00000001.01.01", after.now_us)
        assert after.trading.account.ledger.cash["USD"] == 1_000_000


def test_a_bracket_goes_on(state: Path) -> None:
    with broker(state) as before:
        parent = before.place(1, transmit=False)
        before.place(2, parent_id=1, action="SELL", limit_price=900.0, transmit=False)
        before.place(3, parent_id=1, action="SELL", order_type="STP", auxiliary_price=0.5, limit_price=None)
        wanted = seen(before)
        assert len(parent.children) == 2
    with broker(state) as after:
        assert seen(after) == wanted
        (first, second) = (after.trading.paper.orders.find(1, number) for number in (2, 3))
        assert first is not None and second is not None and "child" in first.why_held
        whole = after.trading.paper.orders.find(1, 1)
        assert whole is not None
        after.fill(whole, 100)
        after.fill(first, 100)
        assert (str(first.status), str(second.status)) == ("Filled", "Cancelled")


def test_a_stop_that_was_set_off_is_not_set_again(state: Path) -> None:
    with broker(state) as before:
        order = before.place(1, order_type="STP LMT", auxiliary_price=900.0, limit_price=1.0)
        order.held.clear()  # as its trigger does
        before.trading.collect(order)
    with broker(state) as after:
        (found,) = after.trading.paper.orders.open()
        assert found.why_held == "" and str(found.status) == "Submitted"


def test_the_minimum_fee_is_paid_once_over_a_restart(state: Path) -> None:
    with broker(state) as before:
        order = before.place(1)
        before.fill(order, 10, 100.0)
        assert order.commission == 1
    with broker(state) as after:
        (order,) = after.trading.paper.orders.open()
        after.fill(order, 10, 100.0)
        assert order.commission == 1


def test_a_question_what_an_order_would_need_leaves_nothing(state: Path) -> None:
    with broker(state) as before:
        order = before.place(1)
        before.fill(order, 10, 100.0)
        before.trading.place(before.now_us, 1, DETAILS, {**order.values, "order_id": 2, "what_if": True}, ())
        before.fill(order, 10, 100.0)
        wanted = seen(before)
        assert before.trading.account.ledger.positions[AAPL["con_id"]].quantity == 20
    with broker(state) as after:
        assert seen(after) == wanted


def test_every_operation_of_a_ledger_is_kept() -> None:
    reading = {"opening_quantity", "realised_today", "realised_ever", "snapshot", "restore"}
    assert {name for name in vars(Ledger) if name[0] != "_"} - reading == set(OPERATIONS)


def test_a_day_order_ends_while_nobody_is_there(state: Path) -> None:
    with broker(state) as before:
        before.place(1, time_in_force="DAY")
        before.place(2)
    with broker(state, at_us=START_US + 3 * 86_400 * SECOND_US) as after:
        assert [order.order_id for order in after.trading.paper.orders.open()] == [2]
        assert after.trading.paper.orders.done == []  # days are over, and it is forgotten


def test_random_lives_go_on_from_any_moment(state: Path) -> None:
    """Whatever happened, and wherever it is cut: a broker that reads the file is the one that wrote it."""
    for seed in range(6):
        rng = random.Random(seed)
        state.unlink(missing_ok=True)
        found = Broker(state)
        for number in range(1, 40):
            _something(found, number, rng)
            if rng.random() < 0.2:
                wanted = seen(found)
                copy = state.with_suffix(".copy")
                shutil.copy(state, copy)
                with broker(copy, at_us=found.now_us) as again:
                    assert seen(again) == wanted
            if rng.random() < 0.1:
                found.trading.close()
                found = Broker(state, found.now_us)
        found.trading.close()


def _something(found: Broker, number: int, rng: random.Random) -> None:
    orders = found.trading.paper.orders.open()
    kind = rng.choice(["place", "place", "fill", "fill", "cancel", "correct", "bust", "day", "time"])
    if kind == "place" or not orders:
        found.place(number, rng.choice([1, 2]), action=rng.choice(["BUY", "SELL"]), total_quantity=rng.randrange(1, 50),
                    limit_price=None, order_type="STP", auxiliary_price=1.0 if rng.random() < 0.5 else 1.5,
                    transmit=rng.random() < 0.9)  # fmt: skip
    elif kind == "cancel":
        order = rng.choice(orders)
        found.trading.cancel(found.now_us, order.client_id, order.order_id)
    elif kind == "fill" and not (order := rng.choice(orders)).is_unsent:
        found.fill(order, rng.randrange(1, int(order.remaining) + 1), float(rng.randrange(100, 200)))
    elif kind == "day":
        found.trading.account.new_day(D(1_000_000), D(500_000), found.now_us)
        found.trading.paper.forget()
        found.trading.collect()
    elif kind in ("correct", "bust") and (done := list(found.trading.paper.executions.done)):
        try:
            name = rng.choice(done)
            given = (name, 150.0, found.now_us) if kind == "correct" else (name, found.now_us)
            found.by_hand(correct if kind == "correct" else bust, *given)
        except InterventionError:
            pass  # of a day before, or taken back already


# What cannot be gone on from


def test_another_account_is_told(state: Path) -> None:
    Broker(state).trading.close()
    with pytest.raises(JournalError, match="is margin, not cash: say --account-type margin, or begin anew"):
        Broker(state, account_type="cash")


def test_a_replay_from_before_is_told(state: Path) -> None:
    with broker(state) as before:
        before.place(1)
    span = (START_US - SECOND_US, START_US + SECOND_US)
    clock = Clock(START_US - SECOND_US, span=span, paused=True)
    before_it = state.read_bytes()
    with pytest.raises(JournalError, match="has traded up to 2026-11"):
        open_account(MARKET, clock, Terms(state=state), "DU1234567", "US/Eastern")
    assert state.read_bytes() == before_it
    clock.seek(START_US)
    open_account(MARKET, clock, Terms(state=state), "DU1234567", "US/Eastern").close()


def test_a_file_of_a_newer_version_is_told(state: Path) -> None:
    journal = Journal(state)
    journal.write({"ticktape": 2})
    journal.close()
    with pytest.raises(JournalError, match="is no paper account of this version"):
        Broker(state)


# Over sockets


def test_without_a_state_each_gateway_begins_anew() -> None:
    async def act() -> None:
        for _ in range(2):
            async with Gateway(MARKET, start_us=START_US) as gateway:
                peer = await Peer.connect(gateway)
                assert peer.all("next_valid_id") == [{"order_id": 1}]
                peer.send("place_order", order_id=5, **AAPL, action="BUY", total_quantity=1, order_type="LMT",
                          limit_price=1.0, transmit=True)  # fmt: skip
                assert (await peer.until("open_order"))["permanent_id"] == 1_000_000_002
                await peer.close()

    asyncio.run(act())


def test_a_client_finds_its_orders_and_the_next_id(state: Path) -> None:
    async def act() -> None:
        async with Gateway(MARKET, start_us=START_US, terms=Terms(state=state)) as gateway:
            for client_id in (1, 2):
                peer = await Peer.connect(gateway, client_id)
                peer.send("place_order", order_id=10 * client_id, **AAPL, action="BUY", total_quantity=1,
                          order_type="LMT", limit_price=1.0, transmit=True, time_in_force="GTC")  # fmt: skip
                names = await peer.until("open_order")
                await peer.close()
        async with Gateway(MARKET, start_us=START_US, terms=Terms(state=state)) as gateway:
            peer = await Peer.connect(gateway, 2)
            assert peer.all("next_valid_id") == [{"order_id": 21}]
            peer.send("req_open_orders")
            await peer.until("open_orders_end")
            (found,) = peer.all("open_order")
            assert (found["permanent_id"], found["order_id"]) == (names["permanent_id"], 20)
            peer.send("cancel_order", order_id=20)
            await peer.until("order_status", status="Cancelled")
            await peer.close()

    asyncio.run(act())


class Process:
    """A gateway in a process of its own."""

    def __init__(self, state: Path) -> None:
        command = [*TICKTAPE, "gateway", "--port", "0", "--lines", "0", "--state", str(state)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline().split(":")[1])

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.mark.slow
@pytest.mark.parametrize("lost", [True, False])
def test_no_id_comes_twice_after_a_kill(state: Path, lost: bool) -> None:
    """Killed between an order and its answer, or anywhere in a storm of them."""

    async def act() -> None:
        known: set[tuple[str, object]] = set()
        newest = 0
        for turn in range(2):
            process = Process(state)
            try:
                peer = await Peer.connect(process)  # type: ignore[arg-type]  # it has a port, and no more is asked of it
                first = peer.all("next_valid_id")[0]["order_id"]
                assert first > newest
                if lost:
                    await asyncio.to_thread(ask, process.port, "hold-reports", ["600", "lost"])
                for number in range(200):
                    peer.send("place_order", order_id=first + number, **AAPL, action="BUY", total_quantity=1,
                              order_type="LMT", limit_price=1.0, transmit=True, time_in_force="GTC")  # fmt: skip
                if lost:
                    peer.send("req_current_time")
                    await peer.until("current_time")  # all before it were read
                    assert peer.all("open_order") == []
                    newest = first + 199
                else:
                    await peer.until("open_order", count=20 + 40 * turn)
            finally:
                process.kill()
            fresh = {("permanent", one["permanent_id"]) for one in peer.all("open_order")}
            assert not fresh & known
            known |= fresh
            newest = max(newest, *(one["order_id"] for one in peer.all("open_order"))) if fresh else newest
            await peer.close()

    asyncio.run(act())
