"""Files beside the tape are tried again and again; that they fail is said once, and that they do no more."""

import asyncio
import errno
import os
from pathlib import Path

from capture.recorder.publisher import Publisher


def test_a_full_disk_is_said_once_and_the_files_go_on_when_there_is_room(tmp_path: Path) -> None:
    said: list[tuple[str, str]] = []
    full = [True, True, False, False, True]

    def write_status(path: Path, text: str) -> None:
        if full.pop(0):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        path.write_text(text)

    async def main() -> None:
        publisher = Publisher(lambda *words: said.append(words))
        for number in range(5):
            await publisher.write(write_status, tmp_path / "status.json", str(number))
        await publisher.close()

    asyncio.run(main())
    assert (tmp_path / "status.json").read_text() == "3"
    assert [level for level, _ in said] == ["warning", "info", "warning"]
    assert "No space left" in said[0][1]
