"""What the page Notices asks of the log of alerts: what was told, who took it, and what is muted."""

from datetime import UTC, datetime, timedelta
from typing import Any

from capture.account_alias import named, short_name
from capture.alerts.alert_log import read_log
from capture.alerts.mutes import read_mutes
from capture.query import LakeReader
from capture.query.account.shown_accounts import ShownAccounts
from capture.trouble import Subject
from capture.trouble_kinds import KINDS

from .lake_answers import Given, Values, asked_span

MOST_ALERTS = 2_000
SPAN = timedelta(days=7)
_TOLD = ("at", "alert", "status", "kind", "severity", "name", "since", "text", "sent", "failed")
_SEARCHED = ("alert", "status", "kind", "name", "text")


def alerts(lake: LakeReader, given: Given, *, accounts: bool) -> Values:
    """Return what alerts told in a span, newest first, each with what its kind means, and the mutes that hold.

    What is about accounts is left out without `accounts`, and names them by their aliases with it.
    """
    start, end = asked_span(given, SPAN)
    words = given.get("text", "").lower()
    found = [row for row in reversed(read_log(lake.layout.root))
             if (accounts or row.get("subject") != Subject.ACCOUNT)
             and start <= datetime.fromisoformat(row["at"]) < end
             and words in " ".join(str(row.get(name)) for name in _SEARCHED).lower()]  # fmt: skip
    now_s = datetime.now(UTC).timestamp()
    mutes = [{"what": one.what, "until": datetime.fromtimestamp(one.until_s, UTC)}
             for one in read_mutes(lake.layout.root) if one.until_s > now_s]  # fmt: skip
    told = {"alerts": [_told(row) for row in found[:MOST_ALERTS]], "more": len(found) > MOST_ALERTS, "mutes": mutes}
    return {"start": start, "end": end, **named(told, _names(lake))}


def _told(row: dict[str, Any]) -> dict[str, Any]:
    kind = KINDS.get(row["kind"])  # a log may be older or newer than the kinds
    return {name: row.get(name) for name in _TOLD} | {"meaning": kind.meaning if kind else ""}


def _names(lake: LakeReader) -> dict[str, str]:
    """Return what accounts are called, by their names and as alerts shorten them."""
    aliases = ShownAccounts(lake.sql, None).aliases
    short: dict[str, str] = {}
    for name, alias in aliases.items():
        short[short_name(name)] = alias if short_name(name) not in short else "account ?"
    return short | aliases
