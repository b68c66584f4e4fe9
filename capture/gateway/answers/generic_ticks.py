"""Level 1 as a client asks for it: which generic ticks, and live or delayed."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from capture.gateway.feed import Feed
from capture.gateway.refusal import invalid
from capture.gateway.subscription import Rows, with_column
from capture.wire.messages.ticktypes import LIVE_OF_DELAYED, TICK_TYPES

DELAYED_TYPES = (3, 4)
DELAY_US = 15 * 60 * 1_000_000

ANY_KIND = frozenset({221, 225, 232, 233, 292, 293, 294, 295, 318, 375})
OPTIONABLE = frozenset({100, 101, 104, 105, 106, 411})
GENERIC_TICKS = {  # kind of security -> generic ticks that it may be asked for
    "STK": ANY_KIND | OPTIONABLE | {165, 236, 258, 456, 576, 577, 578, 586, 595, 614, 623, 787},
    "OPT": ANY_KIND | {100, 101, 104, 105, 106},
    "FUT": ANY_KIND | {100, 101, 104, 105, 106, 588},
    "IND": ANY_KIND | OPTIONABLE | {162, 165},
    "CASH": ANY_KIND | {104, 106},
    "CRYPTO": ANY_KIND,
}
_DELAYED_OF_LIVE = {live: delayed for delayed, live in LIVE_OF_DELAYED.items()}
_GENERIC_TYPES = [tick.id for tick in TICK_TYPES.values() if tick.generic is not None]


def parse_generic(words: str, sec_type: str) -> frozenset[str]:
    """Return the generic ticks asked for, and `mdoff`. Refuses what this kind of security has not."""
    wanted = frozenset(word.strip().partition(":")[0] for word in words.split(",") if word.strip())
    legal = GENERIC_TICKS.get(sec_type, ANY_KIND)
    for word in sorted(wanted - {"mdoff"}):
        if not word.isdigit() or int(word) not in legal:
            names = ",".join(str(number) for number in sorted(legal))
            raise invalid(f"Incorrect generic tick list of {words}.  Legal ones for ({sec_type}) are: {names}")
    return wanted


def source(feed: Feed, con_id: int, wanted: frozenset[str], delayed: bool) -> Callable[[int, int, bool], Rows]:
    """Return where the level 1 of an instrument comes from: `ticks`, and `greeks` of an option."""
    generic = frozenset(int(word) for word in wanted if word.isdigit())
    shift_us = DELAY_US if delayed else 0

    def fetch(from_us: int, to_us: int, first: bool) -> Rows:
        when = (con_id, from_us - shift_us, to_us - shift_us)
        rows = [("ticks", feed.ticks(*when, generic, first)), ("greeks", feed.greeks(*when, first))]
        if delayed:
            rows = [(table, _delayed(found)) for table, found in rows]
        if "mdoff" in wanted:
            rows = [(table, _only_generic(found)) for table, found in rows]
        return rows

    return fetch


def _delayed(rows: pa.Table) -> pa.Table:
    """Return rows of the past as IB sends them delayed: under other tick types, and without those that have none."""
    numbers = rows["tick_type"].to_numpy()
    rows = rows.filter(pa.array(np.isin(numbers, list(_DELAYED_OF_LIVE))))
    times = pa.array(rows["ts"].cast(pa.int64()).to_numpy() + DELAY_US)
    types = [_DELAYED_OF_LIVE[number] for number in rows["tick_type"].to_pylist()]
    rows = with_column(rows, "ts", times)
    rows = with_column(rows, "tick_type", pa.array(types, pa.int32()))
    return with_column(rows, "tick_name", pa.array([TICK_TYPES[number].name for number in types], pa.string()))


def _only_generic(rows: pa.Table) -> pa.Table:
    return rows.filter(pa.array(np.isin(rows["tick_type"].to_numpy(), _GENERIC_TYPES)))
