"""Which requests cover a span of IB's history, page by page: pure, answers in, the next request out (D56).

All times are whole seconds since 1970, UTC: IB's history knows no finer ones.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from capture.times import DAY_S, HOUR_S

MOST_TICKS = 1_000
SMALL_BAR_S = 30  # bars up to this width are paced as ticks are
ANY_OPENING = frozenset(range(0, 60, 5))  # minutes of an hour at which sessions of some exchange begin



class Span(NamedTuple):
    """How bars are asked for: the duration IB is given, and how far one request leads on.

    IB counts days and longer as trading days, so that these lead on by less than they say.
    """

    bar_s: int
    duration: str
    step_s: int


# IB allows each width only some units of duration, and answers small requests soon and large ones late or never.
SPANS = {
    "1 secs": Span(1, "1800 S", 1_800), "5 secs": Span(5, "3600 S", 3_600), "10 secs": Span(10, "14400 S", 14_400),
    "15 secs": Span(15, "14400 S", 14_400), "30 secs": Span(30, "28800 S", 28_800),
    "1 min": Span(60, "86400 S", DAY_S), "2 mins": Span(120, "2 D", DAY_S),
    **{f"{n} mins": Span(n * 60, "1 W", 4 * DAY_S) for n in (3, 5, 10, 15, 20)},
    "30 mins": Span(1_800, "1 M", 20 * DAY_S), "1 hour": Span(3_600, "1 M", 20 * DAY_S),
    **{f"{n} hours": Span(n * 3_600, "1 M", 20 * DAY_S) for n in (2, 3, 4, 8)},
    "1 day": Span(DAY_S, "1 Y", 300 * DAY_S), "1W": Span(7 * DAY_S, "1 Y", 300 * DAY_S),
    "1M": Span(30 * DAY_S, "1 Y", 300 * DAY_S),
}  # fmt: skip


@dataclass(slots=True)
class TickPages:
    """Pages of ticks of one kind (TRADES, BID_ASK or MIDPOINT) from `next_s` to `to_s`, both included.

    A page has 1,000 ticks and those that share the last one's second. The next begins with that second, in case it was
    not whole; a page that holds nothing but one second is followed by the next second. By IB's documentation a page
    never reaches into another trading session. So one without ticks says nothing of the sessions after, and is followed
    by the next moment at which one may begin.
    """

    what: str
    next_s: int
    to_s: int

    request = "req_historical_ticks"

    @property
    def weight(self) -> int:
        """What a request counts in IB's pacing."""
        return 2 if self.what == "BID_ASK" else 1

    @property
    def done(self) -> bool:
        """Whether all is covered."""
        return self.next_s > self.to_s

    def values(self) -> dict[str, Any]:
        """Return the fields of the next request besides id and contract."""
        return {"start": utc_text(self.next_s), "end": "", "number_of_ticks": MOST_TICKS, "what": self.what,
                "regular_hours": False, "ignore_size": False}  # fmt: skip

    def cut_s(self, count: int, last_s: int | None) -> int | None:
        """Return the second of which an answer may lack the rest, though there is no way to ask for it; None for none.

        An answer of more ticks than a page is one of which IB gave the last second whole.
        """
        return self.next_s if count == MOST_TICKS and last_s is not None and last_s <= self.next_s else None

    def reach_s(self, count: int, last_s: int | None) -> int:
        """Return up to which second an answer says what there is."""
        return self.to_s if last_s is None or count < MOST_TICKS else last_s

    def take(self, count: int, last_s: int | None, openings: frozenset[int] = ANY_OPENING) -> None:
        """Take note of a whole answer: how many ticks, and the second of the last.

        `openings` are the minutes of an hour at which sessions may begin, besides full hours.
        """
        if last_s is None:
            self.next_s = _opening_after(self.next_s, openings)
        elif count < MOST_TICKS or last_s <= self.next_s:
            self.next_s = max(last_s, self.next_s) + 1
        else:
            self.next_s = last_s


@dataclass(slots=True)
class BarPages:
    """Pages of bars of one width and making that begin from `next_s` to `to_s`, both included."""

    bar_size: str
    what: str
    next_s: int
    to_s: int

    request = "req_historical_data"

    @property
    def weight(self) -> int:
        """What a request counts in IB's pacing: nothing for bars of more than 30 s."""
        small = SPANS[self.bar_size].bar_s <= SMALL_BAR_S
        return (2 if self.what == "BID_ASK" else 1) if small else 0

    @property
    def done(self) -> bool:
        """Whether all is covered."""
        return self.next_s > self.to_s

    def values(self) -> dict[str, Any]:
        """Return the fields of the next request besides id and contract."""
        span, length_s = SPANS[self.bar_size], self._length_s()
        # Seconds can be counted out: the last request asks for no more than is wanted.
        duration = f"{length_s} S" if span.duration.endswith("S") else span.duration
        return {"end": utc_text(self.next_s + length_s), "bar_size": self.bar_size, "duration": duration,
                "regular_hours": False, "what": self.what, "date_format": 2, "keep_up_to_date": False}  # fmt: skip

    def cut_s(self, _count: int, _last_s: int | None) -> None:
        """Return None: bars come whole."""

    def reach_s(self, _count: int, _last_s: int | None) -> int:
        """Return up to which second an answer says what there is."""
        return self.next_s + self._length_s() - 1

    def take(self, _count: int, _last_s: int | None, _openings: frozenset[int] = ANY_OPENING) -> None:
        """Take note of a whole answer."""
        self.next_s += self._length_s()

    def _length_s(self) -> int:
        span, wanted_s = SPANS[self.bar_size], self.to_s - self.next_s + 1
        return min(-(-wanted_s // span.bar_s) * span.bar_s, span.step_s)


Pages = TickPages | BarPages


def requests_left(pages: Pages) -> int:
    """Return how many requests are still needed at least; of ticks nobody knows how many there are."""
    if pages.done:
        return 0
    step_s = SPANS[pages.bar_size].step_s if isinstance(pages, BarPages) else pages.to_s - pages.next_s + 1
    return -(-(pages.to_s - pages.next_s + 1) // step_s)


def _opening_after(at_s: int, openings: frozenset[int]) -> int:
    hour_s = at_s - at_s % HOUR_S
    moments = (hour_s + minute * 60 for minute in (*openings, 60))
    return min(moment for moment in moments if moment > at_s)


def utc_text(at_s: int) -> str:
    """Return a moment as IB takes it in UTC."""
    return f"{datetime.fromtimestamp(at_s, UTC):%Y%m%d-%H:%M:%S}"
