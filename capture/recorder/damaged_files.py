"""Damaged files of the archive that the round over it has found: each is told of once in a run."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from capture.data_folder import DAMAGED

DAMAGE_INTERVAL_S = 60.0  # how often the list is read


class DamageNews:
    """Reads the list of damaged files in a data folder, and knows which were told of; `report` is told of the others.
    """

    def __init__(self, data: Path, report: Callable[[str], None]) -> None:
        self._data, self._report = data, report
        self._told: set[tuple[str, str]] = set()

    async def tell(self) -> None:
        """Tell what was found since the last time. Raises OSError where the list cannot be read."""
        for one in self._listed():
            key = (str(one.get("path")), str(one.get("found")))
            if key not in self._told:
                self._told.add(key)
                self._report(f"{self._data / key[0]} is damaged: {one.get('why')}; {one.get('repair')}")

    def _listed(self) -> list[dict[str, Any]]:
        try:
            text = (self._data / DAMAGED).read_text()
        except FileNotFoundError:
            return []
        with suppress(ValueError):  # of a disk that was full: the next round writes it anew
            said = json.loads(text)
            return [one for one in said if isinstance(one, dict)] if isinstance(said, list) else []
        return []
