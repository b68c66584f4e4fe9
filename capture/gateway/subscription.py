"""What a client is subscribed to: where its rows come from, and which request they answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

Rows = list[tuple[str, pa.Table]]  # table of the lake -> rows


@dataclass(slots=True)
class Subscription:
    """A live stream of one request.

    `family` is the kind of request that cancels it, `stream` the lake's word for what it brings, `details` the contract
    details of its instrument; `variant` tells its bars apart. `fetch` returns the rows of [from_us, to_us), and with
    its last argument those that start the stream too; `since_us` is when it first flowed, None before, and `begun` says
    whether what starts it was worked out. `dead` names the fault that silenced it until it is requested anew, and is
    empty while there is none.
    """

    request_id: int
    family: str
    stream: str
    details: dict[str, Any]
    fetch: Callable[[int, int, bool], Rows]
    variant: str = ""
    since_us: int | None = None
    begun: bool = False
    dead: str = ""

    @property
    def name(self) -> str:
        """Its stream and instrument."""
        return f"{self.stream} {self.details['local_symbol']}"


def with_column(rows: pa.Table, name: str, column: pa.Array) -> pa.Table:
    """Return rows with a column replaced, in the type it had, or added."""
    place = rows.schema.get_field_index(name)
    if place < 0:
        return rows.append_column(name, column)
    return rows.set_column(place, name, column.cast(rows.schema.field(name).type))


def with_request_id(rows: pa.Table, request_id: int) -> pa.Table:
    """Return rows with the request that they answer."""
    return rows.append_column("request_id", pa.array(np.full(len(rows), request_id, np.int32)))
