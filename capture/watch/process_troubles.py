"""Troubles of what works beside a recorder: its roller and what that starts, and the fetching of history."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from capture.trouble import Trouble
from capture.trouble_kinds import inside, trouble

from .line_troubles import has_session, moment

ROLLER_SILENT_S = 60.0  # it says that it lives after each range, which takes seconds
BEHIND_S, BEHIND_MARKS = 300.0, 20  # marks come each 30 s, or each 64 MiB
STUCK_S = 3_600.0
FAILS_TIMES = 3  # in a row: a sealer is started each minute, a checker each hour


def roller_troubles(state: Mapping[str, Any], now: datetime, no_room: Trouble | None) -> Iterator[Trouble]:
    """Yield what is wrong with the roller of a recorder that runs; `no_room` is the trouble of a full disk."""
    if not state["running"]:
        return
    for found in _roller(state, now):
        yield inside(found, no_room) if no_room else found


def _roller(state: Mapping[str, Any], now: datetime) -> Iterator[Trouble]:
    name = state["recorder"]
    facts = {"behind_marks": state["behind_marks"], "behind_s": state["behind_s"], "recorder": name}
    heard = moment((state["roller"] or {}).get("heard")) or moment(state.get("started"))
    if heard and now - heard >= timedelta(seconds=ROLLER_SILENT_S):
        yield trouble("roller-dead", name, heard, f"the roller said nothing for {(now - heard).total_seconds():.0f} s",
                      facts)
        return
    behind_s = state["behind_s"] or 0.0
    if behind_s >= BEHIND_S or state["behind_marks"] >= BEHIND_MARKS:
        since = now - timedelta(seconds=behind_s) if behind_s else None
        yield trouble("roller-behind", name, since, f"the roller is {state['behind_marks']} marks behind", facts)


def helper_troubles(state: Mapping[str, Any], data: str, no_room: Trouble | None) -> Iterator[Trouble]:
    """Yield which processes that a roller starts fail again and again; `no_room` is the trouble of a full disk."""
    roller = (state["roller"] or {}) if state["running"] else {}
    for name, failing in roller.get("failing", {}).items():  # a roller of before says nothing of it
        if failing["times"] < FAILS_TIMES:
            continue
        how = f"ended with {failing['exit_code']}" if failing["exit_code"] > 0 else "was killed by a signal"
        found = trouble(f"{name}-fails", state["recorder"], moment(failing["since"]),
                        f"the {name} {how}, {failing['times']} times in a row",
                        {**failing, "recorder": state["recorder"], "data": data})  # fmt: skip
        yield inside(found, no_room) if no_room else found


def backfill_troubles(state: Mapping[str, Any], now: datetime, farms: list[Trouble]) -> Iterator[Trouble]:
    """Yield whether history waits in vain, of a recorder that has had a session for long."""
    history, since = state.get("history", {}), moment(state.get("line_since"))
    still = moment(history.get("still_since"))
    if not has_session(state) or not history.get("wanted") or still is None or since is None:
        return
    if now - max(still, since) < timedelta(seconds=STUCK_S):
        return
    why = f"they are held {history['held_s']:,.0f} s more by IB's pacing rule" if history.get("held_s") else (
        "IB does not answer" if history.get("requests") else "all requests that IB allows are spent")
    found = trouble("backfill-stuck", state["recorder"], still, f"{history['wanted']} spans of history wait to be "
                    f"fetched, and nothing came: {why}", {**history, "recorder": state["recorder"]})
    cause = next((one for one in farms if one.kind == "history-farm-broken"), None)
    yield inside(found, cause) if cause else found
