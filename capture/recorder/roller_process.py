"""The roller beside the recorder: a process that turns tape into Parquet."""

import json
import os
from collections.abc import Callable

from capture.wanted.settings import Settings

from .process_keeper import ProcessKeeper

STOP_TIMEOUT_S = 60.0  # to roll what is left; what it does not manage, the next start's roller does


class RollerKeeper(ProcessKeeper):
    """Keeps one roller process for a recorder; `report` is told when it dies."""

    def __init__(self, settings: Settings, report: Callable[[str], None]) -> None:
        arguments = [str(settings.data), settings.recorder, str(os.getpid()), json.dumps(settings.retention)]
        super().__init__("roller", "capture.lake.processes.roller", arguments, report,
                         log_format=settings.log_format, stop_s=STOP_TIMEOUT_S,
                         left="the next start's goes on with its work")

    async def _finish(self) -> None:
        """End the roller after its last roll; where none runs, one is started for it."""
        if self._process is None or self._process.returncode is not None:
            await self._start()
        await super()._finish()
