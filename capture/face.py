"""The face of the library: a lake to ask, replay, export and draw (D117)."""

from collections.abc import Sequence
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .query import LakeReader, open_reader


class _Late:
    """A method that is loaded when somebody takes it: who only asks waits for neither replays nor exports."""

    def __init__(self, module: str, name: str) -> None:
        self._module, self._name = module, name

    def __get__(self, lake: object, kind: type | None = None) -> Any:
        function = getattr(import_module(self._module), self._name)
        return function if lake is None else function.__get__(lake)


if TYPE_CHECKING:
    from capture.export.export import export as export_of
    from capture.replay.past import replay as replay_of
else:
    export_of = _Late("capture.export.export", "export")
    replay_of = _Late("capture.replay.past", "replay")


class Lake(LakeReader):
    """A lake to ask, replay, export and draw. Times are UTC. Use `open_lake`.

    Every question sees all that reached the tape until it was asked. Any number of threads may ask one lake.
    """

    replay = replay_of
    export = export_of

    def plot(
        self, symbols: str | Sequence[str], start: datetime | None = None, end: datetime | None = None
    ) -> Any:
        """Return a chart (altair) of prices in [start, end), with a panel for each instrument and its gaps shaded.

        Without a start it is of the last UTC day that has rows. Raises QueryError for an instrument that was not
        recorded, and where there is nothing to show; ImportError where ticktape's `plot` extra is not installed.
        """
        from .plot import price_chart, read_panels  # late: altair takes a second to load

        return price_chart(*read_panels(self, [symbols] if isinstance(symbols, str) else symbols, start, end))


def open_lake(data: str | Path = "data") -> Lake:
    """Open the lake in a data folder. Raises LakeMissingError where there is none, QueryError for what is
    no path.

    >>> with open_lake("data") as lake:  # doctest: +SKIP
    ...     lake.sql("select symbol, count(*) from trades group by all").pl()
    ...     lake.export("trades", "aapl.parquet", "AAPL", "2026-11-20", "2026-11-21")
    """
    return open_reader(data, Lake)
