"""How a recording goes, drawn on a terminal: apart, as a recorder without one needs nothing that draws."""

from typing import Any

from rich.console import Group
from rich.live import Live as Display
from rich.table import Table
from rich.text import Text

from capture.printable import one_line
from capture.session.machine import Machine
from capture.wanted.settings import Settings

from .output import console
from .progress import Lines

MOST_STREAMS = 20  # on the terminal; the rest is counted


class Live(Lines):
    """Progress on a terminal, redrawn every second below what the recorder says."""

    looks = 1

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._console = console(stderr=True)
        self._display = Display(console=self._console, auto_refresh=False)

    def say(self, level: str, text: str) -> None:
        """Print what the recorder says, above the drawing."""
        style = {"warning": "yellow", "error": "red"}.get(level, "")
        self._console.print(Text(one_line(f"ticktape: {text}"), style))

    async def watch(self, machine: Machine) -> None:
        """Draw how it goes until the recorder is stopped."""
        with self._display:
            await super().watch(machine)

    def _show(self, state: dict[str, Any]) -> None:
        self._display.update(Group(_streams(state["streams"]), Text(self._summary(state))), refresh=True)


def _streams(streams: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("instrument", "stream", "state"):
        table.add_column(name, no_wrap=True)
    for stream in streams[:MOST_STREAMS]:
        table.add_row(Text(stream["instrument"]), Text(stream["word"]), Text(stream["state"]))
    if len(streams) > MOST_STREAMS:
        table.add_row(Text(f"… and {len(streams) - MOST_STREAMS} more"))
    return table
