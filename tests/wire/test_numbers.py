"""IB's numbers with a meaning: tick types and notice codes."""

import ibapi.ticktype
import pytest

from capture.wire.messages.notices import CODES, describe
from capture.wire.messages.ticktypes import LIVE_OF_DELAYED, SIZE_OF_PRICE, TICK_TYPES, tick_name


def test_tick_types_are_numbered_without_holes_and_named_once() -> None:
    assert list(TICK_TYPES) == list(range(111))
    assert len({tick.name for tick in TICK_TYPES.values()}) == len(TICK_TYPES)
    assert {tick.kind for tick in TICK_TYPES.values()} == {
        "price",
        "size",
        "generic",
        "string",
        "option",
        "efp",
        "news",
    }


def test_names_are_those_of_ibs_own_client() -> None:
    theirs = {number: name for name, number in vars(ibapi.ticktype.TickTypeEnum).items() if isinstance(number, int)}
    del theirs[100]  # the client of 2020 ended there, with NOT_SET
    assert len(theirs) == 100
    for number, name in theirs.items():
        assert tick_name(number).replace("_", "") == name.replace("_", "")


def test_delayed_ticks_and_their_live_ones_are_of_one_kind() -> None:
    for delayed, live in LIVE_OF_DELAYED.items():
        assert TICK_TYPES[delayed].kind == TICK_TYPES[live].kind
        assert TICK_TYPES[delayed].name.startswith("DELAYED_")
    delayed_names = {number for number, tick in TICK_TYPES.items() if tick.name.startswith("DELAYED_")}
    assert delayed_names == set(LIVE_OF_DELAYED)


def test_the_size_within_a_price_tick_is_that_of_its_side() -> None:
    for price, size in SIZE_OF_PRICE.items():
        assert TICK_TYPES[size].name == f"{TICK_TYPES[price].name}_SIZE"
        assert (TICK_TYPES[price].kind, TICK_TYPES[size].kind) == ("price", "size")


@pytest.mark.parametrize(
    ("code", "request_id", "kind"),
    [
        (1100, -1, "status"),
        (1102, -1, "status"),
        (2104, -1, "status"),
        (326, -1, "connection"),
        (100, -1, "connection"),
        (200, 7, "terminal"),
        (354, 7, "doubtful"),
        (300, 7, "advisory"),
        (478, 7, "terminal"),
        (316, 7, "terminal"),
        (317, 7, "advisory"),
        (10090, 7, "advisory"),
        (10167, 7, "advisory"),
        (165, 7, "advisory"),
        (2188, 7, "advisory"),
        (99_999, 7, "doubtful"),
        (99_999, -1, "status"),
        (2150, 7, "advisory"),
    ],
)
def test_kinds_of_codes(code: int, request_id: int, kind: str) -> None:
    assert describe(code, request_id).kind == kind


def test_codes_say_what_they_mean_and_those_about_permission_what_helps() -> None:
    for number, code in CODES.items():
        assert number == code.code
        assert code.meaning
        assert code.kind in ("status", "connection", "advisory", "doubtful", "terminal")
    for number in (100, 200, 326, 354, 10089, 10168, 10190):
        assert CODES[number].fix


def test_the_words_for_what_is_withheld_say_so() -> None:
    assert "withheld" in CODES[2188].meaning
    assert "do not agree" in CODES[478].meaning
    assert "goes on" in CODES[2130].meaning
