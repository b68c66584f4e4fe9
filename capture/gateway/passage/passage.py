"""The market as it goes by the broker: of all instruments, as far as it matters to open orders (D139)."""

import heapq
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import count

from capture.gateway.broker.interest import Interest
from capture.gateway.broker.orders.order import Order
from capture.gateway.broker.paper import Paper
from capture.gateway.feed import Feed
from capture.replay.clock import Clock

from .lanes import BACK, BREAK, QUOTE, Key, Lane, load

STRETCH_US = 60_000_000  # how much of the market is loaded at once: from a multiple of that since 1970 on
PIECE, GROWTH = 256, 4  # so many events of an instrument are looked through at first, and so many times more then


class Cursor:
    """How far the events of a lane have come, and which of those to come matter."""

    def __init__(self, lane: Lane, place: int) -> None:
        self.lane = lane
        self.place = place
        self.serial = 0  # of what was found last
        self._interest: Interest | None = None
        self._restart()

    def _restart(self) -> None:
        self._found: list[int] = []
        self._looked_to, self._piece = self.place, PIECE

    def forward(self, place: int) -> None:
        """Leave out what comes before a place: it has gone by, and nobody watched."""
        self.place = max(self.place, place)
        self._looked_to = max(self._looked_to, place)
        while self._found and self._found[-1] < place:
            self._found.pop()

    def want(self, interest: Interest) -> bool:
        """Look for what matters from now on; return whether that is something else than before."""
        if interest == self._interest:
            return False
        self._interest = interest
        self._restart()
        return True

    def next(self) -> int | None:
        """Return the place of the next event that matters, None where there is none in the lane."""
        assert self._interest is not None
        while not self._found and self._looked_to < len(self.lane):
            upto = min(self._looked_to + self._piece, len(self.lane))
            self._found = self.lane.matter(self._interest, self._looked_to, upto)[::-1]
            self._looked_to, self._piece = upto, self._piece * GROWTH
        return self._found[-1] if self._found else None

    def take(self) -> int:
        """Go beyond the next event, and return its place."""
        place = self._found.pop()
        self.place = place + 1
        return place


class Passage:
    """Lets the market go by a broker. `stale_us` is how late a tick may come to be part of it.

    Events at one moment come in the order of the recording. What is left out has no effect: so the broker reports what
    it would report if it were shown everything.
    """

    def __init__(self, feed: Feed, clock: Clock, paper: Paper, stale_us: int) -> None:
        self._feed = feed
        self._clock = clock
        self._paper = paper
        self._stale_us = stale_us
        self._lanes: dict[int, Lane] = {}
        self._cursors: dict[int, Cursor] = {}
        self._interests: dict[int, Interest] = {}
        self._entered: dict[int, list[Order]] = {}  # since what matters of their instruments was looked at
        self._coming: list[tuple[Key, int, int, int]] = []  # key, contract id, serial, place
        self._serials = count(1)
        self._now: Key | None = None  # of the event that happens
        self._at = 0  # the contract id of its instrument
        paper.floor.look = self.look
        paper.floor.entered = lambda con_id, order: self._entered.setdefault(con_id, []).append(order)

    def lane(self, con_id: int, at_us: int, to_us: int = 0) -> Lane:
        """Return what is loaded of an instrument from a moment to another at least."""
        lane = self._lanes.get(con_id)
        if lane is None or not lane.from_us <= at_us < lane.to_us or lane.to_us < to_us:
            begin_us = at_us // STRETCH_US * STRETCH_US
            end_us = begin_us + STRETCH_US
            if self._clock.span is not None:
                end_us = max(min(end_us, self._clock.span[1]), at_us + 1, to_us)
            lane = self._lanes[con_id] = load(self._feed, con_id, begin_us, end_us, self._stale_us)
        return lane

    def clear(self) -> None:
        """Forget what is loaded: time goes on elsewhere."""
        self._lanes.clear()
        self._cursors.clear()
        self._interests.clear()

    # What the broker asks

    def look(self, con_id: int, at_us: int) -> None:
        """Let the broker see what the market of an instrument shows just before a moment, or the event that happens."""
        lane = self.lane(con_id, at_us)
        now = {one.is_halt: one.from_us for one in lane.breaks if one.from_us <= at_us < one.to_us}
        for is_halt in (False, True):
            if is_halt in now:
                self._paper.floor.interrupt(con_id, now[is_halt], is_halt)
            else:
                self._paper.floor.forget_break(con_id, is_halt)
        if not self._paper.floor.in_break(con_id):
            self._show(lane, self._place(lane, at_us), at_us)

    def _place(self, lane: Lane, at_us: int) -> int:
        """Return the place of the first event of a lane that has not happened by a moment, or by the event of now."""
        if self._now is None:
            return lane.place(at_us)
        cursor = self._cursors.get(lane.con_id)
        return cursor.place if lane.con_id == self._at and cursor is not None else lane.place_of(self._now)

    def _show(self, lane: Lane, place: int, at_us: int) -> None:
        """Show the quote and the trade that stand before an event, where the broker has not seen them."""
        shown = self._paper.floor.displayed(lane.con_id)
        row = lane.quote_before(place)
        if row >= 0 and lane.quotes_us[row] >= shown.quote.at_us:
            quote = lane.quote(row)
            if quote != shown.quote and lane.is_seen(quote.at_us, at_us):
                shown.show(quote)
        row = lane.trade_before(place)
        if row >= 0 and (shown.last is None or lane.trades_us[row] >= shown.last.at_us):
            shown.last = lane.trade(row)

    # What happens

    def run(self, from_us: int, to_us: int, happened: Callable[[int], None]) -> None:
        """Let the market go by from a moment to another, which is not in it; `happened` is told when something was."""
        while from_us < to_us:
            until_us = min(to_us, (from_us // STRETCH_US + 1) * STRETCH_US)
            self._go(from_us, until_us, happened)
            from_us = until_us

    def _go(self, from_us: int, to_us: int, happened: Callable[[int], None]) -> None:
        self._coming = []
        for con_id in self._watched():
            self._begin(con_id, from_us, to_us)
        while (at_us := self._next_us(to_us)) is not None:
            due_us = self._paper.timers.next_us
            if due_us is not None and due_us <= at_us:
                self._paper.advance(due_us)
                self._renew(self._watched())
                happened(due_us)
            else:
                self._happen()
                happened(at_us)
        for con_id, cursor in self._cursors.items():
            if cursor.lane.to_us == to_us and not self._paper.floor.in_break(con_id):
                self._show(cursor.lane, len(cursor.lane), to_us)

    def _watched(self) -> set[int]:
        return {*self._paper.orders.watched(), *self._paper.floor.taken_from()}

    def _begin(self, con_id: int, from_us: int, to_us: int) -> None:
        lane, cursor = self.lane(con_id, from_us, to_us), self._cursors.get(con_id)
        if cursor is None or cursor.lane is not lane:
            self._cursors[con_id] = cursor = Cursor(lane, lane.place(from_us))
        cursor.forward(lane.place(from_us))
        cursor.want(self._interest(con_id, con_id in self._paper.floor.taken_from()))
        self._await(con_id, cursor)

    def _next_us(self, to_us: int) -> int | None:
        """Return when something happens next before a moment, or a timer is due by then; None where nothing is."""
        while self._coming and self._coming[0][2] != self._cursors[self._coming[0][1]].serial:
            heapq.heappop(self._coming)  # something else is next by now
        event_us = self._coming[0][0][0] if self._coming else to_us
        due_us = self._paper.timers.next_us
        if due_us is not None and due_us <= min(event_us, to_us):
            return due_us
        return event_us if event_us < to_us else None

    def _happen(self) -> None:
        """Let the next event happen."""
        key, con_id, _, _ = heapq.heappop(self._coming)
        cursor = self._cursors[con_id]
        self._now, self._at = key, con_id
        self._play(cursor.lane, cursor.take())
        self._now = None
        self._renew({con_id, *self._entered})
        self._await(con_id, cursor)

    def _play(self, lane: Lane, place: int) -> None:
        kind, row, at_us = int(lane.kinds[place]), int(lane.rows[place]), int(lane.keys[0][place])
        if kind in (BREAK, BACK):
            act = self._paper.begin_break if kind == BREAK else self._paper.end_break
            act(lane.con_id, at_us, lane.breaks[row].is_halt)
            return
        if not self._paper.floor.in_break(lane.con_id):
            self._show(lane, place, at_us)
        if kind == QUOTE:
            self._paper.quote(lane.con_id, lane.quote(row))
        else:
            self._paper.trade(lane.con_id, lane.trade(row, lane.quote_before(place)))

    def _renew(self, con_ids: Iterable[int]) -> None:
        """Look again for what matters of instruments whose orders may have changed."""
        for con_id in con_ids:
            cursor = self._cursors.get(con_id)
            if cursor is not None and cursor.want(self._interest(con_id, True)):
                self._await(con_id, cursor)

    def _interest(self, con_id: int, anew: bool) -> Interest:
        """Return what matters of an instrument: `anew`, or with what entered beside what mattered before.

        That may be more than matters now, which has no effect; to look at all orders for each that comes would take
        long where there are thousands.
        """
        entered = self._entered.pop(con_id, [])
        if self._paper.orders.looks_at(con_id):
            return Interest(quotes=True, trades=True)
        known = self._interests.get(con_id)
        if anew or known is None:
            found = self._paper.floor.interest(con_id)
        else:
            found = replace(known)
            for order in entered:
                found.take(order)
        self._interests[con_id] = found
        return found

    def _await(self, con_id: int, cursor: Cursor) -> None:
        cursor.serial = next(self._serials)
        place = cursor.next()
        if place is not None:
            heapq.heappush(self._coming, (cursor.lane.key(place), con_id, cursor.serial, place))
