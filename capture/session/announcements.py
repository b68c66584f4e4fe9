"""What the session machine tells people, and what it writes down because IB did not say it."""

from collections import Counter
from typing import Any

from capture.tape.notes import WANTED
from capture.wire.messages.notices import Code

from .events import Command, Note, Say
from .subscriptions import Subscription

WINDOW_S = 60.0  # in which what IB says is said once, however often it comes
MOST_LINES = 100  # of what IB says in such a time
MOST_NAMED = 5  # codes in the line that counts the rest


class Voice:
    """Collects words as commands in `out`. A topic given with them is spoken of once, until it is dropped.

    While it is `calm`, which it is in restart windows, trouble is routine: everything is said as information. `delayed`
    says whether delayed data is asked for, so that nobody is advised to ask for it.
    """

    def __init__(self, delayed: bool = False) -> None:
        self.out: list[Command] = []
        self.calm = False
        self.delayed = delayed
        self._said: set[tuple[object, ...]] = set()
        self._lines: set[str] = set()  # what IB said within the present window
        self._unsaid: Counter[int] = Counter()  # by code
        self._now_s = self._window_s = 0.0

    def say(self, level: str, text: str, *topic: object) -> None:
        """Tell the user; nothing where the topic was spoken of."""
        self._speak(level, text, topic, [])

    def hear(self, level: str, row: Code, text: str, *topic: object) -> None:
        """Tell the user what IB said: once a minute each, the rest is counted. All of it is on the tape."""
        if text in self._lines or len(self._lines) >= MOST_LINES:
            self._unsaid[row.code] += 1
            return
        if not self._lines:
            self._window_s = self._now_s
        before = len(self.out)
        self._speak(level, text, topic, [])
        if len(self.out) > before:
            self._lines.add(text)

    def sentence(self, row: Code, message: str) -> str:
        """Return a code of IB in words: its meaning, what IB said, and what helps."""
        said = f"code {row.code}: {message}" if message else f"code {row.code}"
        text = f"{row.meaning} ({said})" if row.meaning else said
        advice = row.advice(self.delayed)
        return f"{text}; {advice}" if advice else text

    def at(self, now_s: float) -> None:
        """Say what time it is, and once a minute how often IB repeated itself."""
        self._now_s = now_s
        if not self._lines or now_s - self._window_s < WINDOW_S:
            return
        unsaid, self._unsaid = self._unsaid, Counter()
        self._lines.clear()
        if unsaid:
            named = ", ".join(f"{count:,} of code {code}" for code, count in unsaid.most_common(MOST_NAMED))
            rest = f", and {len(unsaid) - MOST_NAMED:,} other codes" if len(unsaid) > MOST_NAMED else ""
            self.say("warning", f"IB said more within {WINDOW_S:g} s, which is not shown: {named}{rest}; the "
                                "table notices has every one")

    def tell(self, level: str, text: str, *topic: object, about: Subscription | None = None) -> None:
        """Tell the user and the tape; nothing where the topic was spoken of."""
        self._speak(level, text, topic, [Note({"note": text, **_identity(about)})])

    def note(self, text: str, about: Subscription | None = None, **more: Any) -> None:
        """Tell the tape only."""
        self.out.append(Note({"note": text, **_identity(about), **more}))

    def wanted(self, streams: list[dict[str, Any]]) -> None:
        """Tell the tape which streams are wanted from now on (see capture.tape.notes.WANTED)."""
        self.out.append(Note({"note": WANTED, "streams": streams}))

    def drop_topic(self, first: object) -> None:
        """Speak again of the topics that begin with this."""
        self._said = {topic for topic in self._said if topic[0] != first}

    def _speak(self, level: str, text: str, topic: tuple[object, ...], more: list[Command]) -> None:
        level = "info" if self.calm else level
        if topic and (*topic, level) in self._said:
            return
        if topic:
            self._said.add((*topic, level))
        self.out += [Say(level, text), *more]


def _identity(subscription: Subscription | None) -> dict[str, Any]:
    if subscription is None or subscription.contract is None:
        return {}
    contract = subscription.contract
    return {"instrument_id": contract.con_id, "symbol": contract.local_symbol or contract.symbol,
            "stream": subscription.stream.kind.stream, "request_id": subscription.request_id}  # fmt: skip
