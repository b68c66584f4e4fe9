"""What decoding a message costs: received bytes to table rows in memory, with the kernel and without it, in turn.

    python -m bench.decode [--messages N] [--rounds N]

The bytes of the ingest benchmark, in reads of 64 KiB, through the decoder of the roller; in microseconds of CPU time.
"""

import argparse
import json
import os
import statistics
import time

from capture.decode.tws import TwsDecoder
from capture.kernel import library
from capture.lake.processes.roller import keep_memory
from capture.tape import Kind, Record
from capture.wire.context import Context, Request
from capture.wire.line import Line

from .messages import INSTRUMENTS, STREAMS, Ids, mix

READ_BYTES = 1 << 16
BEGAN_NS = 1_770_000_000_000_000_000
WAYS = {"kernel": "", "numpy": library.OFF}


def requests(ids: Ids) -> dict[int, Request]:
    """Return what the request ids of the mix stand for."""
    known = {id_: Request(id_, "", stream, 5_000 + number, f"S{number}")
             for stream in STREAMS for number, id_ in enumerate(ids[stream])}
    for id_ in ids["bars"]:
        known[id_].bar_size, known[id_].what = "5 secs", "TRADES"
    return known


def tape(count: int) -> list[Record]:
    """Return a mark and then `count` messages, as a tape holds them."""
    ids = {stream: [1_000 + k * INSTRUMENTS + i for i in range(INSTRUMENTS)] for k, stream in enumerate(STREAMS)}
    line = Line(context=Context(180, requests(ids)), session={})
    data = b"".join(mix(ids, count))
    reads = [data[at : at + READ_BYTES] for at in range(0, len(data), READ_BYTES)]
    return [Record(Kind.MARK, BEGAN_NS, 0, json.dumps(line.as_mark(1)).encode()),
            *(Record(Kind.RECEIVED, BEGAN_NS + n * 1_000_000, 0, read) for n, read in enumerate(reads))]  # fmt: skip


def decoded(records: list[Record], way: str) -> tuple[float, int]:
    """Return the CPU seconds that decoding takes one way, and how many rows it gives."""
    os.environ[library.SWITCH] = WAYS[way]
    library.forget()
    decoder = TwsDecoder("main")
    begin = time.process_time()
    decoder.feed(records)
    tables = decoder.take()
    return time.process_time() - begin, sum(table.num_rows for table in tables.values())


def main() -> None:
    """Decode the same bytes both ways, round by round, and print what a message took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    keep_memory()
    records = tape(asked.messages)
    took: dict[str, list[float]] = {way: [] for way in WAYS}
    for way in WAYS:
        decoded(records, way)  # memory that is touched for the first time counts for nothing
    for _ in range(asked.rounds):
        for way, times in took.items():
            seconds, rows = decoded(records, way)
            assert rows == asked.messages, f"{rows} rows came of {asked.messages} messages"
            times.append(1e6 * seconds / asked.messages)
    for way, times in took.items():
        print(f"{way:<8}{statistics.median(times):6.2f} µs a message ({min(times):.2f} to {max(times):.2f})")
    print(f"ratio {statistics.median(a / b for a, b in zip(took['numpy'], took['kernel'], strict=True)):.2f}")


if __name__ == "__main__":
    main()
