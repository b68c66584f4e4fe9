"""The sign of life for a service that tells when it ends: given only while data is recorded, never by a timer (D30)."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from capture.watch.line_troubles import in_restart_window

PERIOD_S = 60.0


class Alive:
    """Says when to give the sign, by what recorders say of themselves."""

    def __init__(self) -> None:
        self._rows: dict[str, int] = {}
        self._due_s = float("-inf")

    def due(self, now_s: float, recorders: Iterable[Mapping[str, Any]]) -> bool:
        """Return whether to give the sign now: once a minute at most, where a recorder runs, and either rows came since
        the last time, or no market of a wanted stream is open, or its line may be down as its gateway restarts.
        """
        if now_s < self._due_s:
            return False
        running = [state for state in recorders if state["running"]]
        rows = {f"{state['recorder']} {state['started']}": sum(stream["rows"] for stream in state["streams"])
                for state in running}  # fmt: skip
        moved = any(count > self._rows.get(name, 0) for name, count in rows.items())
        now = datetime.fromtimestamp(now_s, UTC)
        if not running or not (moved or all(_is_calm(state, now) for state in running)):
            return False
        self._rows, self._due_s = rows, now_s + PERIOD_S
        return True


def _is_calm(state: Mapping[str, Any], now: datetime) -> bool:
    """Return whether no rows of a recorder are expected: its markets are closed, or its gateway may be restarting."""
    markets = [stream.get("market") for stream in state["streams"]]
    return in_restart_window(state, now) or (bool(markets) and all(market == "closed" for market in markets))
