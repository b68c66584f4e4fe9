"""Troubles of accounts: what a stream holds is not known, an account is none of the login's, or an audit found much."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from capture.functions.differences import DEFINITION, EXPIRY, WORTH
from capture.trouble import Trouble
from capture.trouble_kinds import trouble

from .line_troubles import has_session, moment

AUDIT_DAYS = 7  # for so long a finding is told: a transfer stays a difference for ever
# What an audit finds -> the kind of trouble that it is; all else is one of its own.
_FOUND = {WORTH: "worth-jumped", DEFINITION: "definition-changed", EXPIRY: "expired-held"}


def audit_troubles(findings: Iterable[Mapping[str, Any]], data: str, now: datetime) -> Iterator[Trouble]:
    """Yield what the last audit of accounts found within days; accounts have the names by which commands show them."""
    told: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for one in findings:
        if now - one["since"] < timedelta(days=AUDIT_DAYS):
            told.setdefault((_FOUND.get(one["kind"], "account-differs"), one["account"]), []).append(one)
    for (kind, account), of in told.items():
        words = ", ".join(f"{one['times']} × {one['kind'].replace('_', ' ')} ({one['why']})" for one in of)
        yield trouble(kind, account, min(one["since"] for one in of), words, {"data": data, "account": account})


def account_troubles(state: Mapping[str, Any]) -> Iterator[Trouble]:
    """Yield the troubles of a recorder's account streams, one for each stream; whose they are is in no name."""
    if not has_session(state):
        return
    if missing := len(state.get("unknown_accounts", ())):
        yield trouble("account-missing", state["recorder"], None,
                      f"{missing} of the accounts that are wanted {'is' if missing == 1 else 'are'} not the login's",
                      {"recorder": state["recorder"]})
    told = set()
    for stream in state.get("accounts", ()):
        if stream["message"] and stream["stream"] not in told:
            told.add(stream["stream"])
            yield trouble("account-unknown", f"{state['recorder']} accounts {stream['stream']}",
                          _since(stream), stream["message"], _facts(state, stream))


def _since(stream: Mapping[str, Any]) -> datetime | None:
    return moment(stream.get("since"))


def _facts(state: Mapping[str, Any], stream: Mapping[str, Any]) -> dict[str, Any]:
    return {"recorder": state["recorder"], **{name: stream[name] for name in ("stream", "state", "code", "message")}}
