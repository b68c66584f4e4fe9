"""A trouble: what is wrong, of what, since when, why, and what helps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """How much a trouble matters."""

    ALARM = "alarm"  # rows are being lost or cannot be had, now or within a day
    WARNING = "warning"  # nothing is lost yet, or not more than was; a person should look within days
    ROUTINE = "routine"  # as expected at this time; it goes away by itself


class Subject(StrEnum):
    """What a trouble is about."""

    LAKE = "lake"
    RECORDER = "recorder"
    LINE = "line"
    FARM = "farm"
    STREAM = "stream"
    DISK = "disk"
    ROLLER = "roller"
    SEALER = "sealer"
    CHECKER = "checker"
    VERIFY = "verify"
    BACKFILL = "backfill"
    ACCOUNT = "account"


class Verdict(StrEnum):
    """The verdict: how it is, in a word."""

    WELL = "well"
    TROUBLE = "trouble"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One trouble. `key` names it for as long as it lasts: the same key is the same trouble, whatever it says by then.

    `kind` is one of KINDS (capture.trouble_kinds), `name` says which of its subject. `since` is UTC, None where
    it is not known. `facts` are the figures behind it. `within` is the key of the trouble that causes it, None where it
    stands alone: whoever tells people tells of that one.
    """

    kind: str
    key: str
    severity: Severity
    subject: Subject
    name: str
    since: datetime | None
    cause: str
    remedy: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    within: str | None = None

    @property
    def line(self) -> str:
        """All of it in a sentence."""
        return f"{self.name}: {self.cause}; {self.remedy}" if self.remedy else f"{self.name}: {self.cause}"
