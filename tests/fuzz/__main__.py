"""Look for inputs that reading cannot bear.

    python -m tests.fuzz frames [--count N] [--seed N]     millions of inputs that know the format; figures as
                                                           JSON at the end, or when interrupted
    python -m tests.fuzz tape --guided [--count N]         guided by coverage, for which atheris has to be installed
    python -m tests.fuzz frames FILE...                    read saved inputs again

`frames` counts frames decoded, `tape` reads of a damaged tape; guided, both count inputs. An input that fails is saved
as <target>-<checksum>.hex in the present folder; once mended, it belongs into tests/fuzz/found.
"""

import argparse
import importlib
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from random import SystemRandom
from typing import Any
from zlib import crc32

from .limits import bounded, peak_bytes

Check = Callable[[bytes], int]
# Target -> the module that checks an input, and the one that makes inputs.
TARGETS = {"frames": ("frames", "mutate"), "tape": ("tape", "tape")}
COUNTS = {"frames": 10_000_000, "tape": 1_000_000}
GUIDED_COUNT = 300_000
SAID_EVERY_S = 30


def load(target: str) -> tuple[Check, Any]:
    """Return a target's check and the module with its `inputs` and `seeds`."""
    checking, making = (importlib.import_module(f".{name}", __package__) for name in TARGETS[target])
    check: Check = checking.check
    return check, making


def run_one(check: Check, data: bytes) -> int:
    """Check an input within limits of time and memory and return what it counts for."""
    with bounded(len(data)):
        return check(data)


def read_saved(path: Path) -> bytes:
    """Return a saved input: hexadecimal digits, on lines that do not begin with #."""
    return bytes.fromhex("".join(line for line in path.read_text().splitlines() if not line.startswith("#")))


def save(target: str, data: bytes, seed: object) -> Path:
    """Write an input that failed to a file and return its path."""
    path = Path(f"{target}-{crc32(data):08x}.hex")
    path.write_text(f"# {target}, seed {seed}\n{data.hex()}\n")
    return path


def run_many(target: str, count: int, seed: int) -> dict[str, Any]:
    """Check inputs until they count for `count` and return the figures; those that fail are saved."""
    check, making = load(target)
    made: Iterator[bytes] = making.inputs(seed)
    run_one(check, next(made))  # imports and first allocations count for nothing
    figures: dict[str, Any] = {"target": target, "seed": seed, "peak_mib_at_start": peak_bytes() >> 20}
    done = reads = size_bytes = slowest_s = 0.0
    failed: list[str] = []
    began, said = time.process_time(), time.monotonic()
    with suppress(KeyboardInterrupt):
        while done < count:
            data = next(made)
            before = time.process_time()
            try:
                done += run_one(check, data)
            except Exception as error:
                failed.append(str(save(target, data, seed)))
                print(f"{failed[-1]}: {type(error).__name__}: {str(error)[:300]}", file=sys.stderr)
            slowest_s = max(slowest_s, time.process_time() - before)
            reads, size_bytes = reads + 1, size_bytes + len(data)
            if time.monotonic() - said > SAID_EVERY_S:
                said = time.monotonic()
                print(f"{int(done):,} of {count:,}, {peak_bytes() >> 20} MiB, {len(failed)} failed", file=sys.stderr)
    seconds = time.process_time() - began
    return figures | {
        "count": int(done), "reads": int(reads), "mib": round(size_bytes / 2**20), "processor_s": round(seconds),
        "per_second": round(done / seconds), "slowest_read_ms": round(slowest_s * 1e3),
        "peak_mib": peak_bytes() >> 20, "failed": failed,
    }  # fmt: skip


def run_guided(target: str, count: int, seed: int) -> None:
    """Let atheris make inputs by the coverage of what reads them; ends the process."""
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["capture.wire", "capture.tape"]):
        check, making = load(target)
    corpus = Path(tempfile.mkdtemp(prefix=f"fuzz-{target}-"))
    for number, data in enumerate(making.seeds()):
        (corpus / f"seed{number}").write_bytes(data)

    def one(data: bytes) -> None:
        try:
            run_one(check, data)
        except Exception:
            print(save(target, data, seed), file=sys.stderr)
            raise

    options = [f"-atheris_runs={count}", f"-seed={seed}", "-max_len=4096", "-timeout=60", "-rss_limit_mb=2048"]
    atheris.Setup([sys.argv[0], *options, "-print_final_stats=1", str(corpus)], one)
    atheris.Fuzz()


def main() -> int:
    """Run what the command line asks for; 1 where an input failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="saved inputs to read again")
    parser.add_argument("--count", type=int, help="how many frames, reads of a tape, or inputs when guided")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(1 << 31))
    parser.add_argument("--guided", action="store_true", help="with atheris")
    given = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if given.files:
        check, _ = load(given.target)
        for path in given.files:
            print(f"{path}: {run_one(check, read_saved(path))}")
        return 0
    if given.guided:
        run_guided(given.target, given.count or GUIDED_COUNT, given.seed)
    print(f"seed {given.seed}", file=sys.stderr)
    figures = run_many(given.target, given.count or COUNTS[given.target], given.seed)
    print(json.dumps(figures))
    return 1 if figures["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
