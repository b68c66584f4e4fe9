"""Files beside the tape that others read, such as status.json: written in a thread, and tried again where it fails."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


class Publisher:
    """Writes one file after the other, also when a task that waits for it is cancelled.

    That it fails, as on a full disk, is no reason to stop: `say` is told, once, and that it works again.
    """

    def __init__(self, say: Callable[[str, str], None]) -> None:
        self._say = say
        self._thread = ThreadPoolExecutor(1, "write")
        self._failed: set[str] = set()

    async def write(self, write: Callable[..., None], *arguments: Any) -> None:
        """Have a function write files of its kind; where it fails, that is said, once."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, write, *arguments)
        except Exception as error:
            if write.__name__ not in self._failed:
                self._failed.add(write.__name__)
                self._say("warning", f"a file beside the tape cannot be written, and is stale until it can: {error}")
            return
        if write.__name__ in self._failed:
            self._failed.remove(write.__name__)
            self._say("info", "the files beside the tape can be written again")

    async def close(self) -> None:
        """Wait for what is being written."""
        await asyncio.to_thread(self._thread.shutdown)
