"""The messages that come in masses, each with the table its rows belong to and the limits of its small numbers."""

from dataclasses import dataclass

from .answers import ANSWERS
from .message import Field, Message, Repeat

_BY_NAME = {message.name: message for message in ANSWERS}

KINDS_BASE = 10_000  # a tick_by_tick frame is grouped under KINDS_BASE plus its kind
TICK_BY_TICK_ID = _BY_NAME["tick_by_tick"].id


@dataclass(frozen=True, slots=True)
class Shape:
    """A message of masses: what it fills, and what its small numbers may be.

    `name` is the message's, with its kind where it has several; `given` decides the parts of the message that depend
    on a field; `limits` are inclusive, a number outside makes the frame malformed; `repeat` names the list that gives
    the rows, where one frame holds several.
    """

    name: str
    message: Message
    table: str
    given: tuple[tuple[str, int], ...] = ()
    limits: tuple[tuple[str, int, int], ...] = ()
    repeat: str | None = None

    def fields(self, server_version: int) -> tuple[Field, ...]:
        """Return the fields in front of the repeated rows, or all where there are none."""
        elements = self.message.flat(server_version, **dict(self.given))
        if self.repeat is None:
            return elements
        return elements[: self._place(server_version)]

    def row_fields(self, server_version: int) -> tuple[Field, ...]:
        """Return the fields of one repeated row."""
        for element in self.message.at(server_version):
            if isinstance(element, Repeat) and element.name == self.repeat:
                return tuple(field for field in element.elements if isinstance(field, Field))
        raise KeyError(f"{self.message.name} repeats nothing named {self.repeat}")

    def tail(self, server_version: int) -> tuple[Field, ...]:
        """Return the fields that follow the repeated rows."""
        elements = self.message.at(server_version)[self._place(server_version) + 1 :]
        return tuple(element for element in elements if isinstance(element, Field))

    def _place(self, server_version: int) -> int:
        repeats = [isinstance(element, Repeat) for element in self.message.at(server_version)]
        return repeats.index(True)


BOOK_LIMITS = (("operation", 0, 2), ("side", 0, 1))

# Fields without which a row would be nobody's.
REQUIRED = frozenset({"request_id", "tick_type", "position", "operation", "side"})


def _shapes() -> dict[int, Shape]:
    def of(name: str, table: str, **more: object) -> Shape:
        return Shape(name, _BY_NAME[name], table, **more)  # type: ignore[arg-type] # the fields of Shape, by name

    plain = [
        of("tick_price", "ticks"),
        of("tick_size", "ticks"),
        of("tick_generic", "ticks"),
        of("tick_string", "ticks"),
        of("tick_option", "greeks"),
        of("market_depth", "depth", limits=BOOK_LIMITS),
        of("market_depth_l2", "depth", limits=BOOK_LIMITS),
        of("real_time_bar", "bars"),
        of("historical_data_update", "bars"),
        of("historical_data", "bars", repeat="bars"),
        of("historical_midpoints", "midpoints", repeat="ticks"),
        of("historical_quotes", "quotes", repeat="ticks"),
        of("historical_trades", "trades", repeat="ticks"),
    ]
    tick_by_tick = _BY_NAME["tick_by_tick"]
    kinds = {1: ("last", "trades"), 2: ("last", "trades"), 3: ("quote", "quotes"), 4: ("midpoint", "midpoints")}
    by_kind = {
        KINDS_BASE + kind: Shape(f"tick_by_tick_{name}", tick_by_tick, table, given=(("kind", kind),))
        for kind, (name, table) in kinds.items()
    }
    return {shape.message.id: shape for shape in plain} | by_kind


SHAPES = _shapes()
MASS_IDS = frozenset(shape.message.id for shape in SHAPES.values())
