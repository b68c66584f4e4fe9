"""What a gateway is fed by: anything that can say what happened to an instrument in a range of time."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pyarrow as pa


class Feed(Protocol):
    """A source of market data. The invented market is one; recorded history can be another.

    Tables have the value columns of the lake's table of that name, ordered by `ts`. Ranges are half-open,
    [from_us, to_us), in microseconds since 1970, and nothing from `to_us` on shows in what is returned. Asking in
    pieces gives the same rows as asking at once.
    """

    @property
    def head_us(self) -> int:
        """The earliest moment with data."""

    @property
    def market_rules(self) -> Mapping[int, Sequence[tuple[float, float]]]:
        """Market rule id -> (price from which it holds, price increment)."""

    def find(self, at_us: int, **contract: Any) -> list[dict[str, Any]]:
        """Return the fields of message 10 for every instrument that a contract may mean; empty fields match all."""

    def trades(self, con_id: int, from_us: int, to_us: int) -> pa.Table:
        """Return every trade."""

    def quotes(self, con_id: int, from_us: int, to_us: int) -> pa.Table:
        """Return every change of the best bid and ask."""

    def midpoints(self, con_id: int, from_us: int, to_us: int) -> pa.Table:
        """Return every change of the midpoint."""

    def ticks(self, con_id: int, from_us: int, to_us: int, generic: frozenset[int], first: bool) -> pa.Table:
        """Return sampled level 1 ticks; with `first`, all that has a value comes at `from_us`."""

    def greeks(self, con_id: int, from_us: int, to_us: int, first: bool) -> pa.Table:
        """Return option computations; none of what is no option."""

    def book(self, con_id: int, at_us: int, rows: int, smart: bool) -> pa.Table:
        """Return the book at a moment as inserts; empty where the instrument has none."""

    def depth(self, con_id: int, from_us: int, to_us: int, rows: int, smart: bool) -> pa.Table:
        """Return the operations that lead from `book(from_us)` to `book(to_us)`."""

    def bars(
        self, con_id: int, from_us: int, to_us: int, bar_size_s: int, what: str, regular_hours: bool
    ) -> pa.Table:
        """Return the bars that start in the range, `ts_event` their start, the last one as far as it has come."""
