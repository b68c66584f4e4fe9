"""Cut the power of lakes, at any moment and in any way, until so many schedules are done.

    python -m tests.power [--schedules N] [--seed N] [--lake N]

Prints the seed, and at the end figures as JSON; ends with 1 where anything was wrong. `--lake` does one lake again.
"""

import argparse
import json
import random
import sys
import time

import pyarrow as pa

from .schedules import Report, run_lake, workshop

SCHEDULES_OF_A_LIFE = 4_000
SHOWN = 10


def main() -> None:
    """Run as the docstring says."""
    parser = argparse.ArgumentParser(prog="python -m tests.power")
    parser.add_argument("--schedules", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--lake", type=int)
    wanted = parser.parse_args()
    print(f"seed {wanted.seed}", flush=True)
    pa.set_cpu_count(1)  # of files this small, threads cost more than they save
    pa.set_io_thread_count(1)
    report, begun_s, lake = Report(), time.monotonic(), wanted.lake or 0
    with workshop() as folder:
        while report.schedules < wanted.schedules:
            run_lake(f"{wanted.seed}.{lake}", folder, report, SCHEDULES_OF_A_LIFE)
            if wanted.lake is not None:
                break
            lake += 1
            if sys.stderr.isatty():
                print(f"\r{report.schedules:,} schedules, {len(report.failures):,} failures", end="", file=sys.stderr)
    for failure in report.failures[:SHOWN]:
        print(failure)
    print(json.dumps({"seed": wanted.seed, "lakes": lake, "lives": report.lives, "operations": report.operations,
                      "schedules": report.schedules, "different_disks": report.disks,
                      "failures": len(report.failures), "faults": dict(report.faults.most_common()),
                      "seconds": round(time.monotonic() - begun_s, 1)}, indent=1))
    sys.exit(bool(report.failures))


if __name__ == "__main__":
    main()
