"""How many bytes a row takes: ticktape's archive against DBN, nautilus, ArcticDB and Parquet as pyarrow writes it.

    python -m bench.size [--hours H]

The same quotes, trades and depth operations for all: some hours of the invented market (bench/day.py), 20 instruments,
every column of ticktape's tables. The archive files are written by the product's own `write_sorted`. The rivals
(bench/rivals/) run in environments of their own, made the first time, each with its own library's writer and settings;
what a rival has no field for it does not store. Each reads or counts back what it wrote.
"""

import argparse
import json
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from capture.lake.archive import write_sorted
from capture.schemas import TABLES

from .day import recorded
from .rivals.environment import command_of

OURS, DEFAULTS = "ticktape archive", "Parquet, pyarrow defaults"
RIVALS = ("dbn", "nautilus", "arctic")
Sizes = dict[str, int]  # bytes by form


def parquet_sizes(tables: Mapping[str, pa.Table], folder: Path) -> dict[str, Sizes]:
    """Write `<table>.parquet` in the order of arrival, which the rivals read, the same sorted, and our archive."""
    found = {}
    for name, rows in tables.items():
        table = TABLES[name]
        arrived, ordered, ours = (folder / f"{name}{kind}.parquet" for kind in ("", ".sorted", ".archive"))
        pq.write_table(rows, arrived)
        pq.write_table(rows.sort_by([(key, "ascending") for key in table.sort_key]), ordered)
        write_sorted(table, [arrived], ours)
        found[name] = {OURS: ours.stat().st_size, f"{DEFAULTS}, sorted": ordered.stat().st_size,
                       f"{DEFAULTS}, as arrived": arrived.stat().st_size}
    return found


def rival_sizes(program: str, folder: Path) -> dict[str, Sizes]:
    """Return the sizes that a rival's program prints as its last line."""
    done = subprocess.run(command_of(program, folder), stdout=subprocess.PIPE, text=True, check=True)
    sizes: dict[str, Sizes] = json.loads(done.stdout.splitlines()[-1])
    return sizes


def report(name: str, rows: int, sizes: Sizes) -> None:
    """Print a table's sizes per row, and ours as a share of each."""
    print(f"\n{f'{name}, {rows:,} rows':<40}{'bytes per row':>14}{'ours is':>10}")
    for form, size in sorted(sizes.items(), key=lambda item: item[1]):
        print(f"{form:<40}{size / rows:>14.2f}{100 * sizes[OURS] / size:>9.0f}%")


def main() -> None:
    """Write everything everywhere and print the sizes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=5, help="of the day, from 13:00 UTC")
    asked = parser.parse_args()
    tables = recorded(asked.hours)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        sizes = parquet_sizes(tables, folder)
        for program in RIVALS:
            for name, found in rival_sizes(program, folder).items():
                sizes[name] |= found
    for name, rows in tables.items():
        report(name, len(rows), sizes[name])


if __name__ == "__main__":
    main()
