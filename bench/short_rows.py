"""Short rows of speed, each a process that prints the seconds of CPU that it took: what bench.guard compares.

    python -m bench.short_rows ROW

They ask of ticktape only what has been there for long, so that older commits run them too.
"""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

MESSAGES = 100_000
QUESTION = "select symbol, count(*), sum(size) from trades group by symbol order by symbol"


def _lake(folder: Path) -> Path:
    from .gateway import write_lake

    write_lake(folder / "data", MESSAGES)
    return folder / "data"


def decode(_folder: Path) -> Callable[[], object]:
    """Decode frames to rows."""
    from capture.wire.context import Context
    from capture.wire.read_rows import decode
    from capture.wire.text.framing import boundaries

    from .messages import STREAMS, mix

    data = b"".join(mix({stream: list(range(1, 101)) for stream in STREAMS}, MESSAGES))

    def work() -> None:
        for _ in range(5):
            context = Context()
            context.server_version = 200
            decode(data, boundaries(data), context)

    work()
    return work


def record(folder: Path) -> Callable[[], object]:
    """Write a tape and roll it."""
    return lambda: _lake(folder)


def question(folder: Path) -> Callable[[], object]:
    """Open a lake and ask it."""
    data = _lake(folder)

    def work() -> None:
        import capture

        for _ in range(10):
            with capture.open_lake(data) as lake:
                assert lake.sql(QUESTION).rows()

    return work


def replay(folder: Path) -> Callable[[], object]:
    """Play what was recorded as records."""
    import capture

    data = _lake(folder)

    def work() -> None:
        with capture.open_lake(data) as lake:
            assert sum(1 for _ in lake.replay()) > 0

    return work


def begin(_folder: Path) -> Callable[[], object]:
    """Show the list of commands."""
    command = [sys.executable, "-m", "capture.cli", "--help"]
    return lambda: [subprocess.run(command, check=True, stdout=subprocess.DEVNULL) for _ in range(5)]


ROWS: dict[str, Callable[[Path], Callable[[], object]]] = {
    "decode": decode, "record": record, "question": question, "replay": replay, "begin": begin}


def cpu_s(work: Callable[[], object]) -> float:
    """Return the seconds of CPU that work takes of this process and those that it starts."""
    def used() -> float:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return time.process_time() + children.ru_utime + children.ru_stime

    before = used()
    work()
    return used() - before


def main() -> None:
    """Run a row."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "data").mkdir()
        print(cpu_s(ROWS[sys.argv[1]](Path(name))))


if __name__ == "__main__":
    main()
