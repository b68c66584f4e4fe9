"""A message: what an alert tells its actions, as plain values that become JSON."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypedDict
from uuid import uuid4

from .ledger import FIRING, HAPPENED, RESOLVED

VERSION = 1  # one more where a field changes its meaning or goes; a new one is no change
TEST = "test"
MUTED = "muted"  # of what happened and was not told
_WORDS = {FIRING: "", HAPPENED: "", TEST: "test: ", MUTED: "not told: "}


class Message(TypedDict):
    """What is sent: `id` stays the same where it is sent again; `at` is when it was made, UTC in ISO form.

    `status` is firing, resolved, happened or test; muted in the log only. Each of `troubles` has kind, key, severity,
    subject, name, since, cause, remedy and facts; `text` says them all in a line each.
    """

    version: int
    id: str
    at: str
    alert: str
    status: str
    text: str
    troubles: list[dict[str, Any]]


def make_message(alert: str, status: str, troubles: Sequence[dict[str, Any]], now_s: float) -> Message:
    """Return a message of an alert about some troubles of one status."""
    assert troubles, "a message is about something"
    text = "\n".join(_line(status, one) for one in troubles)
    return {"version": VERSION, "id": uuid4().hex, "at": datetime.fromtimestamp(now_s, UTC).isoformat(), "alert": alert,
            "status": status, "text": text, "troubles": list(troubles)}  # fmt: skip


def _line(status: str, trouble: dict[str, Any]) -> str:
    """Return a trouble in words; of one that is over it need not be said what helps."""
    return f"over: {trouble['name']}: {trouble['cause']}" if status == RESOLVED else _WORDS[status] + trouble["text"]


def trial(alert: str) -> Message:
    """Return the message by which a person sees whether an action works."""
    text = "this is a test: nothing is wrong"
    said = {"kind": TEST, "key": TEST, "severity": "routine", "subject": "lake", "name": alert, "since": None}
    more = {"cause": text, "remedy": "", "facts": dict[str, Any](), "text": f"{alert}: {text}"}
    return make_message(alert, TEST, [said | more], time.time())


def title(message: Message) -> str:
    """Return a message in a few words."""
    first = message["troubles"][0]
    more = f" and {len(message['troubles']) - 1} more" if len(message["troubles"]) > 1 else ""
    return f"ticktape {message['status']}: {first['kind']} {first['name']}{more}"
