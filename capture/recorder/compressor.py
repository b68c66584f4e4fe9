"""Compressing beside the recorder: finished segments are compressed in a thread that yields to everything else."""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from capture.tape import compress_closed

NICENESS = 15


class Compressor:
    """Compresses the finished segments of a tape folder; `report` is told what could not be compressed."""

    def __init__(self, folder: Path, report: Callable[[str], None]) -> None:
        self._folder = folder
        self._report = report
        self._thread = ThreadPoolExecutor(1, "compress", _lower_priority)

    async def compress(self) -> None:
        """Compress what is finished by now."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, compress_closed, self._folder)
        except Exception as error:  # whatever is wrong with it: recording goes on beside it
            self._report(f"a finished segment could not be compressed and stays as it is: {error}")

    async def close(self) -> None:
        """Wait for what is being compressed."""
        await asyncio.to_thread(self._thread.shutdown)


def _lower_priority() -> None:
    """Make the calling thread yield to others; Linux keeps a niceness per thread."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
