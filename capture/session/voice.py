"""What the session machine tells people, and what it writes down because IB did not say it."""

from typing import Any

from capture.wire.notices import Code

from .events import Command, Note, Say
from .subscriptions import Subscription


class Voice:
    """Collects words as commands in `out`. A topic given with them is spoken of once, until it is dropped.

    While it is `calm`, which it is in restart windows, trouble is routine: everything is said as information.
    """

    def __init__(self) -> None:
        self.out: list[Command] = []
        self.calm = False
        self._said: set[tuple[object, ...]] = set()

    def say(self, level: str, text: str, *topic: object) -> None:
        """Tell the user; nothing where the topic was spoken of."""
        self._speak(level, text, topic, [])

    def tell(self, level: str, text: str, *topic: object, about: Subscription | None = None) -> None:
        """Tell the user and the tape; nothing where the topic was spoken of."""
        self._speak(level, text, topic, [Note({"note": text, **_identity(about)})])

    def note(self, text: str, about: Subscription, **more: Any) -> None:
        """Tell the tape only."""
        self.out.append(Note({"note": text, **_identity(about), **more}))

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


def sentence(row: Code, message: str) -> str:
    """Return a code of IB in words: its meaning, what IB said, and what helps."""
    said = f"code {row.code}: {message}" if message else f"code {row.code}"
    text = f"{row.meaning} ({said})" if row.meaning else said
    return f"{text}; {row.fix}" if row.fix else text
