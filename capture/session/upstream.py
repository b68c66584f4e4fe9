"""What IB says of its own line and of its farms, and what a session does about it."""

from collections.abc import Callable

from capture.wire.messages.notices import Action, Code, Scope

from .announcements import Voice
from .request_pacing import TokenBucket
from .subscriber import Subscriber

OUTAGE_LAG_S = 2.0  # rows that arrive so soon after IB lost its line were sent before


class Upstream:
    """The state beyond the gateway. `out`: IB's line is lost, and every stream silent; `lost`: it ever was, outside a
    restart window. `farms`: how each was last. A farm is named by its kind and by what stands after the colon in IB's
    text.
    """

    def __init__(self, voice: Voice, subscriber: Subscriber, bucket: TokenBucket) -> None:
        self.out = self.lost = False
        self.farms: dict[tuple[Scope, str], Action] = {}
        self._voice, self._subscriber, self._bucket = voice, subscriber, bucket
        self._now_s = self._out_s = 0.0

    @property
    def troubled(self) -> bool:
        """Whether streams may be silent for a reason that IB named: asking for them again would not help."""
        return self.out or bool(self._broken - {Scope.DEFINITION_FARM})

    @property
    def without_history(self) -> bool:
        """Whether requests to history may fail. IB names farms, not instruments: one that is broken holds all."""
        return self.out or Scope.HISTORY_FARM in self._broken

    @property
    def _broken(self) -> set[Scope]:
        return {scope for (scope, _), state in self.farms.items() if state is Action.FARM_BROKEN}

    def hear(self, row: Code, message: str, now_s: float) -> bool:
        """Take a code; False where it is not about this."""
        self._now_s = now_s
        if action := _ACTIONS.get(row.action_on(message)):
            action(self, row, message)
        return action is not None

    def rows_came(self, now_s: float) -> None:
        """Take note that rows arrive: IB's line is back, whether it said so or not."""
        if self.out and now_s > self._out_s + OUTAGE_LAG_S:
            self._is_back(now_s)

    def end_session(self) -> None:
        """Forget all: the next session begins with IB's word on each farm."""
        self.out, self.farms = False, {}

    def describe(self) -> dict[str, str]:
        """Return the state of each farm by its name and kind."""
        return {f"{name} ({scope})": state.value for (scope, name), state in self.farms.items()}

    def _on_outage(self, row: Code, message: str) -> None:
        self.out, self._out_s = True, self._now_s
        self.lost = self.lost or not self._voice.calm
        self._warn(row, message)

    def _on_subscriptions_lost(self, row: Code, message: str) -> None:
        self._on_outage(row, message)
        self.out = False
        self._subscriber.subscribe_all(self._now_s)

    def _on_subscriptions_kept(self, row: Code, message: str) -> None:
        self._say("info", row, message)
        self._is_back(self._now_s)
        self._subscriber.renew_frail(self._now_s)

    def _on_farm(self, row: Code, message: str) -> None:
        """Follow a farm; nothing is torn down. Good news is said only after bad: sessions begin with many of these."""
        key = row.scope, message.rpartition(":")[2].strip()
        before, self.farms[key] = self.farms.get(key), row.action
        if row.action is Action.FARM_BROKEN:
            self._warn(row, message)
        elif before is Action.FARM_BROKEN:
            self._say("info", row, message)
            if row.action is Action.FARM_CONNECTING:
                self.farms[key] = before  # not yet well
                return
            self._is_back(self._now_s)
            if row.scope is Scope.DEFINITION_FARM:
                self._subscriber.resolve()

    def _on_too_fast(self, row: Code, message: str) -> None:
        self._bucket.slow_down(self._now_s)
        rate = self._bucket.per_second
        words = self._voice.sentence(row, message)
        self._voice.hear("warning", row, f"{words}; now sending {rate:g} a second for a while")
        if row.kind == "connection":  # not a warning only: requests were rejected
            self._subscriber.renew_recent(self._now_s)

    def _warn(self, row: Code, message: str) -> None:
        self._say("warning", row, message)

    def _say(self, level: str, row: Code, message: str) -> None:
        self._voice.hear(level, row, self._voice.sentence(row, message))

    def _is_back(self, now_s: float) -> None:
        """Expect rows of every stream from now on: IB may have kept some in name only."""
        self.out = False
        self._subscriber.watchman.excuse(now_s)


_ACTIONS: dict[Action, Callable[[Upstream, Code, str], None]] = {
    Action.WAIT: Upstream._on_outage,
    Action.REQUEST_ALL: Upstream._on_subscriptions_lost,
    Action.VERIFY: Upstream._on_subscriptions_kept,
    Action.FARM_BROKEN: Upstream._on_farm,
    Action.FARM_CONNECTING: Upstream._on_farm,
    Action.FARM_IDLE: Upstream._on_farm,
    Action.FARM_FINE: Upstream._on_farm,
    Action.SLOW_DOWN: Upstream._on_too_fast,
    Action.WARN: Upstream._warn,
}
