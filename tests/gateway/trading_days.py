"""Days on which random orders are placed at a paper broker, for tests that compare what it reports."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from capture.gateway import Clock
from capture.gateway.feed import Feed
from capture.gateway.trading import Terms, Trading, open_account
from tests.gateway.broker.scene import wanted

SECOND_US = 1_000_000
CLIENT = 1
FOREVER_US = 1 << 62


@dataclass(frozen=True)
class Request:
    """An order, a change of one, or (`details` None) a cancel, at a moment."""

    at_us: int
    order_id: int
    details: dict[str, Any] | None
    values: dict[str, Any]


KINDS = ("LMT",) * 6 + ("MKT", "STP", "STP LMT", "MIT", "LIT", "TRAIL", "MTL", "REL", "MIDPRICE")


def requests(feed: Feed, con_ids: Sequence[int], begin_us: int, end_us: int, seed: int, count: int) -> list[Request]:
    """Return random orders for instruments, with prices about the market as it stood at the beginning."""
    random = Random(seed)
    found: list[Request] = []
    moments = sorted(random.randrange(begin_us, end_us) for _ in range(count))  # ids only ever grow
    about = {}
    for con_id in con_ids:
        quotes = feed.quotes(con_id, begin_us - 60 * SECOND_US, begin_us + 60 * SECOND_US)
        about[con_id] = quotes["bid_price"].drop_null()[0].as_py()
    for number, at_us in enumerate(moments, 1):
        con_id = random.choice(con_ids)
        [details] = feed.find(at_us, con_id=con_id)
        values = _values(random, details, about[con_id])
        parent = random.choice(found) if found and random.random() < 0.15 else None
        if parent is not None and parent.details is not None:
            values |= {"parent_id": parent.order_id}
        found.append(Request(at_us, number, details, values))
        if random.random() < 0.4:
            later_us = random.randrange(at_us, end_us)
            move = {"limit_price": values["limit_price"] and round(values["limit_price"] + details["min_tick"], 6)}
            cancels = random.random() < 0.5
            found.append(Request(later_us, number, None if cancels else details, {} if cancels else values | move))
    return sorted(found, key=lambda one: (one.at_us, one.order_id))


def _values(random: Random, details: dict[str, Any], about: float) -> dict[str, Any]:
    tick: float = details["min_tick"]
    kind = random.choice(KINDS)

    def price() -> float:
        return round((round(about / tick) + random.choice((-30, -8, -3, -1, 0, 1, 2, 5, 12))) * tick, 6)

    stops = kind in ("STP", "STP LMT", "MIT", "LIT")
    auxiliary = price() if stops else 4 * tick if kind == "TRAIL" else 0.0 if kind == "REL" else None
    return wanted(
        order_type=kind, action=random.choice(("BUY", "SELL")), total_quantity=random.choice((1, 3, 100)),
        limit_price=price() if kind in ("LMT", "STP LMT", "LIT") else None, auxiliary_price=auxiliary,
        trigger_method=random.choice((0, 0, 1, 2, 3, 4, 7, 8)) if stops or kind == "TRAIL" else 0,
        time_in_force=random.choice(("DAY", "GTC", "IOC")) if kind in ("LMT", "MKT") else "GTC",
        outside_regular_hours=True, oca_group=random.choice(("", "", "", "a", "b")), oca_type=3,
        con_id=details["con_id"], symbol=details["symbol"], sec_type=details["sec_type"],
        currency=details["currency"], exchange=details["exchange"])  # fmt: skip


def play(feed: Feed, clock: Clock, asked: Sequence[Request], end_us: int, cuts: Sequence[int] = (),
         terms: Terms | None = None, before: Callable[[Trading], None] = lambda _: None) -> list[str]:  # fmt: skip
    """Return all that is reported, a line each; time also stops at `cuts`, where nothing is asked."""
    trading = open_account(feed, clock, terms or Terms(), "DU1234567", "US/Eastern")
    before(trading)
    trading.outbox.open(CLIENT)
    todo = sorted([(one.at_us, 1, one) for one in asked] + [(cut, 0, None) for cut in cuts], key=lambda one: one[:2])
    for at_us, _, request in todo:
        if request is None:
            trading.run(at_us)
        elif request.details is None:
            trading.cancel(at_us, CLIENT, request.order_id)
        else:
            trading.place(at_us, CLIENT, request.details, request.values | {"order_id": request.order_id}, ())
    trading.run(end_us)
    return list(_told(trading))


def _told(trading: Trading) -> Any:
    while (told := trading.outbox.next(CLIENT, FOREVER_US)) is not None:
        yield f"{told.at_us} {told.name} {dict(told.values)}"
        trading.outbox.done(CLIENT)
