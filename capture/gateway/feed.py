"""What a gateway is fed by: anything that can say what happened to an instrument in a range of time (D102)."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import pyarrow as pa

Notice = tuple[int, str]  # IB's code and text


class Break(NamedTuple):
    """A time from `from_us` to `to_us` in which the market was not seen (`is_halt` false), or did not trade."""

    from_us: int
    to_us: int
    is_halt: bool


class Feed(Protocol):
    """A source of market data: the invented market, or what was recorded.

    Tables have the value columns of the lake's table of that name, ordered by `ts`. Ranges are half-open,
    [from_us, to_us), in microseconds since 1970, and nothing from `to_us` on shows in what is returned. Asking in
    pieces gives the same rows as asking at once. Rows of one `ts` that also have `seq` and `row`, their place in a
    recording, are sent in that order, across instruments and tables.
    """

    @property
    def head_us(self) -> int:
        """The earliest moment with data."""

    def first_us(self, con_id: int, what: str, at_us: int) -> int | None:
        """Return the earliest moment with data of a kind, None where there is none before `at_us`."""

    def market_rule(self, rule_id: int, at_us: int) -> Sequence[tuple[float, float]] | None:
        """Return a market rule as (price from which it holds, price increment); None for an id that is none."""

    def find(self, at_us: int, **contract: Any) -> list[dict[str, Any]]:
        """Return the fields of message 10 for every instrument that a contract may mean; empty fields match all."""

    def has_options(self, con_id: int, at_us: int) -> bool:
        """Return whether there are options on an instrument."""

    def offers(self, con_id: int, stream: str) -> bool:
        """Return whether there is a stream of an instrument, named as the lake names it."""

    def data_type(self, con_id: int) -> int:
        """Return IB's number of the market data type in which level 1 comes: 1 is live, 3 delayed."""

    def trades(self, con_id: int, from_us: int, to_us: int, reported_only: bool = False) -> pa.Table:
        """Return every trade, or only those that move the last price."""

    def quotes(self, con_id: int, from_us: int, to_us: int) -> pa.Table:
        """Return every change of the best bid and ask."""

    def midpoints(self, con_id: int, from_us: int, to_us: int) -> pa.Table:
        """Return every change of the midpoint."""

    def past(self, table: str, con_id: int, from_us: int, to_us: int, known_us: int) -> pa.Table:
        """Return trades, quotes or midpoints whose `ts_event` is in the range, in its order; known by `known_us`."""

    def ticks(self, con_id: int, from_us: int, to_us: int, generic: frozenset[int], first: bool) -> pa.Table:
        """Return sampled level 1 ticks; with `first`, all that has a value comes at `from_us`."""

    def greeks(self, con_id: int, from_us: int, to_us: int, first: bool) -> pa.Table:
        """Return option computations; none of what is no option."""

    def book(self, con_id: int, at_us: int, rows: int, smart: bool) -> pa.Table:
        """Return the book at a moment as inserts; empty where the instrument has none."""

    def depth(self, con_id: int, from_us: int, to_us: int, rows: int, smart: bool) -> pa.Table:
        """Return the operations that lead from `book(from_us)` to `book(to_us)`, resets among them.

        Where `smart` is null the operation travels in the message that does not name market makers.
        """

    def breaks(self, con_id: int, from_us: int, to_us: int) -> Sequence[Break]:
        """Return the breaks of an instrument's quotes and trades of which a part is in the range, in order."""

    def bars(
        self, con_id: int, from_us: int, to_us: int, bar_size_s: int, what: str, regular_hours: bool, known_us: int
    ) -> pa.Table:
        """Return the bars that start in the range, `ts_event` their start, made of what was known by `known_us`."""

    def closed_bars(self, con_id: int, from_us: int, to_us: int, what: str, regular_hours: bool) -> pa.Table:
        """Return the 5-second bars that are sent in the range, each when it is over."""

    def bar_updates(
        self, con_id: int, from_us: int, to_us: int, bar_size_s: int, what: str, regular_hours: bool
    ) -> pa.Table:
        """Return the states of bars in the making that are sent in the range."""

    def notices(self, from_us: int, to_us: int) -> pa.Table:
        """Return what all clients are told in the range: `ts`, `code` and `message`."""

    def standing(self, at_us: int) -> Iterable[Notice]:
        """Return what a session that starts at a moment is told besides that all is well."""


def fed_what(what: str) -> str:
    """Return what a feed calls what a client asks bars for."""
    return "TRADES" if what == "AGGTRADES" else what
