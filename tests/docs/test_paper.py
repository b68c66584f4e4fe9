"""docs/paper.md names each order type and time in force that is simulated, and no type that is refused."""

import re
from pathlib import Path

from capture.gateway.broker.orders.order_types import TIMES, TYPES, find_type

TEXT = (Path(__file__).parents[2] / "docs" / "paper.md").read_text()


def row(name: str) -> str:
    return next(line for line in TEXT.splitlines() if line.startswith(f"| {name} |"))


def test_every_order_type_is_named() -> None:
    named = {word.strip() for word in re.split("[,;]", row("types").split("|")[2])}
    assert {kind.word for kind in TYPES.values()} <= named


def test_every_time_in_force_is_named() -> None:
    assert set(TIMES) <= set(re.findall("[A-Z]{3}", row("time in force")))


def test_types_that_are_refused_are_not_simulated() -> None:
    refused = row("refused").split("|")[2].partition(" (387)")[0].split(",")
    assert [word for word in refused if find_type(word)] == []
