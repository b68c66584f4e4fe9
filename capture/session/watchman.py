"""Watches over the streams: rows that arrive make them flow, silence against expectation has them requested again."""

from collections.abc import Mapping, Sequence

from capture.tape.notes import SILENT
from capture.wanted.hours import Phase

from .announcements import Voice
from .backoff import Backoff
from .lateness import LATE_S, Timed
from .subscriptions import Life, Subscription, Subscriptions

STALLED_S = 5.0  # not having looked for so long means that we were held up, not the streams
AGAIN_FIRST_S, AGAIN_MOST_S = 15.0, 1800.0  # how long a stream that stays silent is left alone between requests

MOST_NAMED = 5  # streams that fell silent at once

_WATCHED = frozenset({Life.REQUESTED, Life.ACKNOWLEDGED, Life.FLOWING})


class Watchman:
    """Looks at all streams once a second."""

    def __init__(self, subscriptions: Subscriptions, voice: Voice) -> None:
        self._subscriptions = subscriptions
        self._voice = voice
        self._looked_s: float | None = None

    def look(self, counts: Mapping[int, int], wall_s: float, now_s: float) -> None:
        """Take how many rows came for each request id since the last look.

        Rows that may have come before IB put their request in doubt say nothing about it.
        """
        since_s, self._looked_s = self._looked_s, now_s
        if since_s is not None and now_s - since_s > STALLED_S:
            self.excuse(now_s)
        for subscription in self._subscriptions.all:
            count = counts.get(subscription.request_id or 0, 0)
            phase = subscription.hours.phase(wall_s) if subscription.hours else Phase.OPEN
            subscription.flow.look(count, phase, now_s)
            doubted_s = subscription.doubted_s
            if count and (doubted_s is None or (since_s is not None and doubted_s < since_s)):
                self._flows(subscription)

    def time(self, timed: Mapping[int, Sequence[Timed]], delayed: bool) -> None:
        """Take rows that say when they happened, by request id; `delayed` where being late is what was asked for."""
        for request_id, rows in timed.items():
            if subscription := self._subscriptions.by_id.get(request_id):
                kind = subscription.stream.kind
                subscription.lateness.look(rows, None if kind.stream == "live_bars" else kind.cadence_s or 0.0)
        if not timed or delayed:
            return
        lags = ((one.lateness.p50_s or 0.0, one.name) for one in self._subscriptions.all)
        late_s, name = max(lags, default=(0.0, ""))
        if late_s >= LATE_S:
            self._voice.tell("warning", f"{name} comes {late_s:.0f} s after its events, see `ticktape status`; what is "
                             "under way is lost where the line breaks: look at the load of this machine and of the "
                             "gateway's", "late")
        elif late_s < LATE_S / 2:
            self._voice.drop_topic("late")

    def excuse(self, now_s: float) -> None:
        """Forgive all silence so far: it had a reason. From now on rows are expected again."""
        for subscription in self._subscriptions.all:
            subscription.flow.excuse(now_s)

    def silent(self, now_s: float) -> list[Subscription]:
        """Return the streams that have become silent against expectation."""
        found = []
        for subscription in self._subscriptions.by_id.values():
            allowed_s = subscription.flow.allowed_s(subscription.stream.kind)
            late = allowed_s is not None and subscription.flow.silent_s(now_s) > allowed_s
            if late and subscription.life in _WATCHED:
                found.append(subscription)
        return found

    def act(self, subscription: Subscription, now_s: float) -> None:
        """Write down that a stream is silent, and have it requested again, with growing pauses until rows come."""
        text = f"silent: no row for {subscription.flow.silent_s(now_s):.0f} s"
        self._voice.note(text, subscription, **{SILENT: subscription.request_id})
        self.pause(subscription, text, Backoff(AGAIN_FIRST_S, AGAIN_MOST_S))
        subscription.flow.alarmed(now_s)
        self._subscriptions.schedule(subscription, now_s)

    def tell_silent(self, silent: Sequence[Subscription]) -> None:
        """Say at once which streams have fallen silent."""
        named = ", ".join(f"{one.name} ({one.message.removeprefix('silent: ')})" for one in silent[:MOST_NAMED])
        more = f" and {len(silent) - MOST_NAMED} more" if len(silent) > MOST_NAMED else ""
        self._voice.say("warning", f"silent though rows are expected: {named}{more}; requesting them again")

    def pause(self, subscription: Subscription, text: str, silence: Backoff) -> None:
        """Take a stream as silent, for the reason given, until a row comes."""
        if subscription.life is not Life.SILENT:
            subscription.become(Life.SILENT)
            subscription.silence, subscription.attempts = silence, 0
        subscription.message = text

    def _flows(self, subscription: Subscription) -> None:
        subscription.doubted_s = None
        if subscription.life is Life.FLOWING:
            return
        if subscription.life is Life.REFUSED:
            self._voice.tell("info", f"{subscription.name} flows all the same", about=subscription)
        if subscription.life is Life.SILENT and subscription.attempts:
            self._voice.tell("info", f"{subscription.name} flows again", about=subscription)
        subscription.become(Life.FLOWING)
        subscription.due_s = subscription.silence = subscription.refusals = None
        subscription.code, subscription.message = None, ""
