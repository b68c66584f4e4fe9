"""Four clients as oracles of orders: what they place we read, what we say of orders they hear, as it was meant.

IB's newest client, the one nautilus_trader is pinned to, IB's of server version 157, and ib_async; each at every server
version that it speaks.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from capture.wire.messages.message import NEWEST_VERSION, OLDEST_VERSION, Message
from capture.wire.messages.order_answers import COMPLETED_ORDER, OPEN_ORDER
from capture.wire.messages.order_requests import PLACE_ORDER
from capture.wire.text.codec import answer_codec, request_codec
from tests.foreign import run, run_here
from tests.wire.order_cases import TYPES, Order, placed, present, told
from tests.wire.order_clients import ID, hears_of, ib_async_hears, ib_async_sends, is_same, specs
from tests.wire.test_official import CLIENTS, PROGRAMS

pytestmark = pytest.mark.slow

SPEAKS = {"newest": NEWEST_VERSION, "nautilus": 187, "ib_async": 178, "oldest": 157}
EACH_CLIENT = pytest.mark.parametrize("client", SPEAKS)
EVERY_VERSION = range(OLDEST_VERSION, NEWEST_VERSION + 1)
PAIRED = (157, 170, 200)  # for pairs of parts that expand: they are many
# The first version of each layout.
LAYOUTS = (157, 158, 160, 162, 166, 169, 170, 177, 183, 184, 185, 187, 189, 190, 191, 192, 193, 195, 198, 199, 200)

# What a client sends in no order, and what it sends in each.
UNSENT = {
    "newest": {"advisor_profile", "electronic_trade_only", "firm_quote_only", "nbbo_price_cap", "shares_allocation"},
    "nautilus": {"advisor_profile", "electronic_trade_only", "firm_quote_only", "nbbo_price_cap", "shares_allocation"},
    "ib_async": {"shares_allocation"},
    "oldest": {"shares_allocation", "electronic_trade_only", "firm_quote_only"},
}  # fmt: skip
ALWAYS: dict[str, Order] = {
    "ib_async": {"open_close": "O"},
    "oldest": {"electronic_trade_only": True, "firm_quote_only": True},
}
# Orders that a client writes in no way that can be read, or reads in no way that can be written.
UNSPEAKABLE = {"oldest": {"PEGBENCH"}}  # it knows that type by its other name alone


def versions_of(client: str, name: str) -> list[int]:
    """Return at which versions an order is tried: its type at all of them, else where the layout is another one."""
    asked = EVERY_VERSION if name in TYPES else PAIRED if " + " in name else LAYOUTS
    return [version for version in asked if version <= SPEAKS[client]]


# Placing


@cache
def sent_by(client: str) -> list[tuple[int, str, bytes]]:
    """What a client sends for each order at each version; nothing where it refuses to itself."""
    orders = {name: specs(sendable(client, order)) for name, order in placed().items()
              if name not in UNSPEAKABLE.get(client, ())}  # fmt: skip
    if client == "ib_async":
        return [(version, name, ib_async_sends(version, *order)) for name, order in orders.items()
                for version in versions_of(client, name)]  # fmt: skip
    groups: dict[tuple[int, ...], dict[str, Any]] = defaultdict(dict)
    for name, order in orders.items():
        groups[tuple(versions_of(client, name))][name] = ["placeOrder", ID, *order]
    told = [ask(client, "encode", {"versions": versions, "calls": calls}) for versions, calls in groups.items()]
    return [(int(version), name, bytes.fromhex(payload)) for one in told for version, payloads in one.items()
            for name, payload in payloads.items() if payload is not None]  # fmt: skip


def ask(client: str, program: str, asked: Any) -> Any:
    """Run a program of tests/wire/official where a client of IB's is installed."""
    place, stdin = PROGRAMS / f"{program}.py", json.dumps(asked)
    return json.loads(run_here(place, stdin=stdin) if client == "oldest" else run(CLIENTS[client], place, stdin=stdin))


def sendable(client: str, order: Order) -> Order:
    """Return what of an order a client has a word for."""
    known = present(PLACE_ORDER.at(SPEAKS[client]), order)
    return {name: value for name, value in known.items() if name not in UNSENT[client]}


def is_unset(name: str, value: Any) -> bool:
    return value in (None, "", False, 0, []) or (name, value) == ("exempt_code", -1)


def misread(client: str, order: Order, read: Order) -> Iterator[tuple[str, Any, Any]]:
    """Yield the fields that are not what was meant: name, what was meant, what was read."""
    meant = {**ALWAYS.get(client, {}), **sendable(client, order), "order_id": ID}
    if client == "ib_async" and not order["order_type"].startswith("VOL"):
        meant["volatility"] = None  # of other orders it sends none
    for name, value in read.items():
        expected = meant.get(name)
        if value != expected and not (is_unset(name, expected) and is_unset(name, value)):
            yield name, expected, value


NO_VALUE = ("", "2147483647", "1.7976931348623157E308", "1.7976931348623157e+308")


def is_same_word(ours: str, theirs: str) -> bool:
    """Return whether two words say the same: no value, the same number, or the same text."""
    if ours == theirs or (ours in NO_VALUE and theirs in NO_VALUE) or (ours, theirs) == ("Infinity", "Infinite"):
        return True
    try:
        return float(ours) == float(theirs)
    except ValueError:
        return False


@EACH_CLIENT
def test_what_clients_place_is_read_as_it_was_meant_and_written_as_they_do(client: str) -> None:
    wrong: list[Any] = []
    for version, name, payload in sent_by(client):
        codec = request_codec(version)
        decoded = codec.decode(payload)
        assert (decoded.name, decoded.extra) == ("place_order", 0), (version, name)
        wrong += [(version, name, *one) for one in misread(client, placed()[name], decoded.values)]
        words = zip(codec.encode("place_order", decoded.values).decode().split("\0"), payload.decode().split("\0"),
                    strict=True)  # fmt: skip
        wrong += [(version, name, pair) for pair in words if not is_same_word(*pair)]
    assert wrong == []


@EACH_CLIENT
def test_clients_send_every_order(client: str) -> None:
    assert placed().keys() - {name for _, name, _ in sent_by(client)} == UNSPEAKABLE.get(client, set())


# Telling

UNHEARD = {
    "newest": {"shares_allocation", "electronic_trade_only", "firm_quote_only", "nbbo_price_cap", "advisor_profile"},
    "nautilus": {"shares_allocation", "electronic_trade_only", "firm_quote_only", "nbbo_price_cap", "advisor_profile"},
    "ib_async": {"shares_allocation"},
    "oldest": {"shares_allocation"},
}  # fmt: skip


def frames(client: str, message: Message) -> list[tuple[int, str, bytes]]:
    """Return what a gateway tells a client: an order of all fields at each version, others where the layout changes."""
    versions = {"field": (OLDEST_VERSION, SPEAKS[client]), "all": range(OLDEST_VERSION, SPEAKS[client] + 1)}
    layouts = [version for version in LAYOUTS if version <= SPEAKS[client]]
    return [(version, name, answer_codec(version).encode(message.name, order))
            for name, order in told(message).items() if name not in UNSPEAKABLE.get(client, ())
            for version in versions.get(name.partition(" ")[0], layouts)]  # fmt: skip


def hears(client: str, asked: list[tuple[int, str, bytes]]) -> list[Order]:
    """Return what a client tells its user of each order, by our names."""
    if client == "ib_async":
        return [ib_async_hears(version, payload) for version, _, payload in asked]
    calls = ask(client, "decode", [(version, payload.hex()) for version, _, payload in asked])
    return [hears_of(call["contract"], call["order"], call["orderState"]) for (call,) in calls]


@pytest.mark.parametrize("message", [OPEN_ORDER, COMPLETED_ORDER], ids=lambda message: message.name)
@EACH_CLIENT
def test_what_a_gateway_tells_of_orders_is_heard_as_it_was_meant(client: str, message: Message) -> None:
    """Every field of the message is compared, those without a value too."""
    asked, wrong = frames(client, message), []
    for (version, name, _), found in zip(asked, hears(client, asked), strict=True):
        meant = {"exempt_code": -1, **present(message.at(version), told(message)[name])}
        # ib_async reads how long an order lasts one version too late.
        late = {"duration"} if (client, version) == ("ib_async", 158) else set[str]()
        wrong += [(version, name, field, meant.get(field), found.get(field))
                  for field in message.names - UNHEARD[client] - late
                  if not is_same(meant.get(field), found.get(field))]  # fmt: skip
    assert wrong == []
