"""What decoding a message takes of one core: frames of the ingest benchmark to table rows, in the process's own time.

    python -m bench.decoding [--messages N] [--rounds N]
"""

import argparse
import time

from capture.wire.context import Context
from capture.wire.read_rows import decode
from capture.wire.text.framing import boundaries

from .messages import STREAMS, mix
from .rounds import note, spread

SERVER_VERSION = 200


def once(data: bytes, count: int) -> float:
    """Return the microseconds of CPU that a message takes, cutting the frames included."""
    context = Context()
    context.server_version = SERVER_VERSION
    begin = time.process_time()
    found = decode(data, boundaries(data), context)
    took_s = time.process_time() - begin
    assert sum(len(rows.frames) for rows in found.rows) == count and not found.bad, "every message is a row"
    return took_s * 1e6 / count


def main() -> None:
    """Measure and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=100_000, help="in a piece of some 5 MB, as a roller joins them")
    parser.add_argument("--rounds", type=int, default=9)
    asked = parser.parse_args()
    data = b"".join(mix({stream: list(range(1, 101)) for stream in STREAMS}, asked.messages))
    once(data, asked.messages)
    values = [once(data, asked.messages) for _ in range(asked.rounds)]
    note("decoding", "ticktape", values)
    note("bytes of a message", "ticktape", [len(data) / asked.messages])
    median, least, most = spread(values)
    print(f"{median:.3f} µs of CPU a message ({least:.3f} to {most:.3f})")


if __name__ == "__main__":
    main()
