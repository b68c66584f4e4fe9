"""How fast quotes leave the lake in each format, and in how much memory: against Databento's client and pandas.

    python -m bench.export [--rows N] [--symbols N] [--days N] [--rounds N] [--only FORMAT,…] [--no-rivals]

Three quarters of the rows are quotes; all of them are exported, with every column that the format has. Each export is
a process of its own, from opening the lake to the finished file: its memory is the highest that it ever had. The
rivals do what a user of theirs does to get a file: `DBNStore.to_parquet` from a DBN file of the same quotes (mbp-1,
zstd), and pandas' `to_csv` from a frame that is in memory already, which is not timed. All in turn, round by round.
"""

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from datetime import UTC, datetime
from datetime import time as time_of_day
from pathlib import Path
from typing import Any

import pyarrow as pa

from capture.lake.layout import Layout
from capture.lake.roll import publish_range
from capture.schemas import INSTRUMENTS

from .archive import FIRST_DAY, Size, made
from .replay import exported
from .rivals.environment import command_of

# What is exported, by how the name ends: format, and more that is asked for.
FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    "Parquet": ("quotes.parquet", {}),
    "Arrow": ("quotes.arrow", {}),
    "CSV": ("quotes.csv", {}),
    "CSV.zst": ("quotes.csv.zst", {}),
    "CSV.gz": ("quotes.csv.gz", {}),
    "JSON lines": ("quotes.jsonl", {}),
    "DBN": ("quotes.dbn", {}),
    "DBN.zst": ("quotes.dbn.zst", {}),
    "nautilus": ("catalog", {"format": "nautilus"}),
    "hftbacktest": ("events", {"format": "hftbacktest", "by": ["symbol"]}),
    "LEAN": ("lean", {"format": "lean"}),
}
RIVALS = ("DBNStore.to_parquet", "pandas to_csv")


def ours(lake: Path, form: str, output: Path) -> dict[str, float]:
    """Export and return what it took."""
    from capture import open_lake

    begin = time.perf_counter()
    name, more = FORMATS[form]
    with open_lake(lake) as opened:
        done = opened.export("quotes", output / name, **more)
    return told(begin, done.rows, done.size_bytes)


def to_csv(rows: Path, output: Path) -> dict[str, float]:
    """Let pandas write CSV of a frame, and return what it took."""
    import pyarrow.parquet as pq

    frame = pq.read_table(rows).to_pandas()
    begin = time.perf_counter()
    frame.to_csv(output / "quotes.csv", index=False)
    return told(begin, len(frame), (output / "quotes.csv").stat().st_size)


def told(begin: float, rows: int, size_bytes: int) -> dict[str, float]:
    """Return what a run took."""
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": time.perf_counter() - begin, "rows": rows, "bytes": size_bytes, "peak_mib": peak_mib}


def run(command: list[str], output: Path) -> dict[str, float]:
    """Run a process in an empty folder and return what it says it took."""
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    shutil.rmtree(output)
    return found


def describe(lake: Path) -> None:
    """Add contract details to a lake that has none, as nautilus and LEAN need them."""
    from capture import open_lake

    with open_lake(lake) as opened:
        if opened.sql("select count(*) from instruments").rows()[0][0]:
            return
        found = opened.sql("select distinct symbol, instrument_id from quotes order by all").rows()
    details = {"recorder": "main", "row": 0, "security_type": "STK", "exchange": "SMART", "primary_exchange": "NASDAQ",
               "currency": "USD", "min_tick": 0.01, "time_zone": "US/Eastern", "security_ids": "{}",
               "ineligibility_reasons": "{}", "ts": datetime.combine(FIRST_DAY, time_of_day(), UTC)}
    rows = [details | {"seq": seq, "symbol": symbol, "ib_symbol": symbol, "instrument_id": instrument_id}
            for seq, (symbol, instrument_id) in enumerate(found)]
    publish_range(Layout(lake), "main", 1, {"instruments": pa.Table.from_pylist(rows, INSTRUMENTS.schema)})


def measured(lake: Path, forms: list[str], rounds: int, *, rivals: bool) -> dict[str, list[dict[str, float]]]:
    """Return what each form took, round by round."""
    output = lake.with_name("exported")
    here = [sys.executable, "-m", "bench.export", "--run"]
    commands = {form: [*here, form, str(lake), str(output)] for form in forms}
    if rivals:
        from capture import open_lake

        with open_lake(lake) as opened:
            rows = exported(opened, lake)
        file = lake / "quotes.dbn.zst"
        if not file.exists():
            subprocess.run(command_of("replay_dbn", "write", rows, file), check=True)
        commands["DBNStore.to_parquet"] = command_of("export_dbn", file, output / "quotes.parquet")
        commands["pandas to_csv"] = [*here, "pandas to_csv", str(rows), str(output)]
    found = defaultdict(list)
    for number in range(rounds):
        for name, command in commands.items():
            found[name].append(run(command, output))
            print(f"round {number + 1} of {rounds}: {name}", file=sys.stderr, flush=True)
    return found


def report(found: dict[str, list[dict[str, float]]]) -> None:
    """Print rows per second (the median), ratios to the rivals, memory and size."""
    rates = {name: statistics.median(one["rows"] / one["seconds"] for one in runs) for name, runs in found.items()}
    rivals = [name for name in RIVALS if name in found]
    heads = "".join(f"{f'to {name}':>25}" for name in rivals)
    print(f"\n{'':<22}{'rows per second':>16}{heads}{'peak MiB':>10}{'bytes per row':>15}")
    for name, runs in found.items():
        ratios = "".join(f"{rates[name] / rates[rival]:>25.2f}" for rival in rivals)
        peak = max(one["peak_mib"] for one in runs)
        print(f"{name:<22}{rates[name]:>16,.0f}{ratios}{peak:>10,.0f}{runs[0]['bytes'] / runs[0]['rows']:>15.1f}")
    print(f"\n{max(runs[0]['rows'] for runs in found.values()):,} rows")


def main() -> None:
    """Export in all formats and print how it went; with --run, do one and print what it took."""
    if sys.argv[1:2] == ["--run"]:
        form, source, output = sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4])
        print(json.dumps(to_csv(source, output) if form in RIVALS else ours(source, form, output)))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=4_000_000, help="three quarters of them are quotes")
    parser.add_argument("--symbols", type=int, default=20)
    parser.add_argument("--days", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(FORMATS), help="formats, as the table names them")
    parser.add_argument("--no-rivals", action="store_true")
    asked = parser.parse_args()
    lake = made(Size(asked.symbols, asked.days, asked.rows))
    describe(lake)
    report(measured(lake, asked.only.split(","), asked.rounds, rivals=not asked.no_rivals))


if __name__ == "__main__":
    main()
