"""Troubles of account streams: what they hold is not known, or an account is none of the login's."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from capture.trouble import Trouble
from capture.trouble_kinds import trouble

from .line_troubles import has_session, moment


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
