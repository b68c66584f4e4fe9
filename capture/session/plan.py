"""What an account's market data lines allow of what is wanted: IB's limits as a table, and what exceeds them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

from capture.wanted.instrument import Instrument
from capture.wanted.streams import Stream, lacking

from .request_pacing import RULES

Wanted = Iterable[tuple[Instrument, Stream]]


class Limit(NamedTuple):
    """A limit of IB: which requests it counts, how many it allows by market data lines, and the code beyond it.

    `shared`: requests for the same instrument count once.
    """

    name: str
    requests: tuple[str, ...]
    most: Callable[[int], int]
    code: int
    rule: str
    shared: bool = False


# By IB's documentation; each level 1 stream and each stream of 5-second bars takes a line.
LIMITS = (
    Limit("market data lines", ("req_market_data", "req_real_time_bars"), lambda lines: lines, 101,
          "one for each stream of level 1 and of 5-second bars"),
    Limit("tick-by-tick", ("req_tick_by_tick",), lambda lines: max(lines // 20, 1), 10190, "5 % of the lines"),
    Limit("market depth", ("req_market_depth",), lambda lines: min(max(lines // 100, 3), 60), 309,
          "a hundredth of the lines, but 3 to 60; one for each instrument", shared=True),
    Limit("open history requests", ("req_historical_data",), lambda _lines: 50, 322, "50 at once"),
)


@dataclass(frozen=True, slots=True)
class Share:
    """What of one limit is wanted. `misfits` are the streams beyond it, in the order of the settings, by their names.

    `allowed` is None where there is no limit.
    """

    limit: Limit
    wanted: int
    allowed: int | None
    misfits: tuple[str, ...]

    @property
    def instead(self) -> str:
        """What the recorder does about the misfits, in words."""
        return (f"{self.limit.name}: {self.wanted} wanted, {self.allowed} allowed ({self.limit.rule}). Streams are "
                f"requested in the order of the settings; what exceeds the limit is refused by IB with code "
                f"{self.limit.code} and reported: {', '.join(self.misfits)}")


@dataclass(frozen=True, slots=True)
class Plan:
    """The shares of all limits, and after how many seconds the last stream can have been requested.

    `impossible` says why IB cannot have a stream, by the stream's name.
    """

    lines: int
    shares: tuple[Share, ...]
    start_s: float
    impossible: dict[str, str]

    @property
    def fits(self) -> bool:
        """Whether everything wanted is allowed."""
        return not self.impossible and not any(share.misfits for share in self.shares)


def make_plan(wanted: Wanted, lines: int, requests_per_second: float) -> Plan:
    """Return what of the wanted streams fits into so many market data lines; 0 lines mean that nothing is limited."""
    streams = list(wanted)
    impossible = {f"{instrument.word} {stream.word}": why for instrument, stream in streams
                  if (why := lacking(instrument.contract, stream))}
    shares = tuple(_share(limit, streams, lines) for limit in LIMITS)
    return Plan(lines, shares, _start_s(streams, requests_per_second), impossible)


def _share(limit: Limit, streams: list[tuple[Instrument, Stream]], lines: int) -> Share:
    counted = [pair for pair in streams if pair[1].kind.request in limit.requests]
    slots: dict[str, int] = {}
    misfits = []
    allowed = limit.most(lines) if lines else None
    for instrument, stream in counted:
        name = f"{instrument.word} {stream.word}"
        place = slots.setdefault(instrument.word if limit.shared else name, len(slots))
        if allowed is not None and place >= allowed:
            misfits.append(name)
    return Share(limit, len(slots), allowed, tuple(misfits))


def _start_s(streams: list[tuple[Instrument, Stream]], requests_per_second: float) -> float:
    """Return how long requesting all takes: by the general rate, and by the rule for 5-second bars."""
    bars, rule = sum(stream.kind.request == "req_real_time_bars" for _, stream in streams), RULES["req_real_time_bars"]
    waves = max(ceil(bars / rule.most) - 1, 0)
    return max(len(streams) / requests_per_second, waves * rule.within_s)
