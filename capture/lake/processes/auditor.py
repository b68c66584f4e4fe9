"""Who has the accounts audited once a day: a process of capture/watch, which may ask the lake."""

from datetime import UTC, datetime
from pathlib import Path

from capture.lake.layout import Layout
from capture.lake.proof.audited import read_audited
from capture.schemas import ACCOUNT_VALUES, POSITIONS

from .timed_keeper import Keeper

FIRST_LOOK_S, LOOK_INTERVAL_S = 300.0, 1_800.0  # an audit that could compare nothing is tried again


class AuditorKeeper(Keeper):
    """Starts an audit of accounts, where there are some, on each UTC date of which there was none."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        super().__init__("capture.watch.audit", [str(layout.root)], LOOK_INTERVAL_S, FIRST_LOOK_S)

    def has_work(self) -> bool:
        """Return whether accounts are recorded, and were not audited today."""
        tables = (ACCOUNT_VALUES.name, POSITIONS.name)
        folders = [folder for name in tables for folder in (self._layout.live(name), self._layout.archive(name))]
        if not any(_has_rows(folder) for folder in folders):
            return False
        audited = read_audited(self._layout)
        return audited is None or audited.finished.date() < datetime.now(UTC).date()


def _has_rows(folder: Path) -> bool:
    """Return whether a table's folder has a day beside that of its rowless file."""
    try:
        return len(list(folder.iterdir())) > 1
    except OSError:
        return False
