"""How fast a recorded day is played back: ticktape's replay against Databento's client and a nautilus catalog.

    python -m bench.replay [--rows N] [--symbols N] [--rounds N]

One day of quotes of many symbols, interleaved in order of arrival, kept by each in its own way: ticktape's archive,
sorted by symbol, all columns; a DBN file in order of arrival, zstd; a catalog of quote ticks. All play all rows in
order of time, in one process each with its own threads, in turn, round by round; each adds up the bids, and all must
come to the same. Two forms: columns (Arrow batches, numpy arrays), and one object per row in a plain Python loop.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from capture import Lake, open_lake

from .archive import Size, made
from .rivals.environment import command_of
from .rounds import note

# What others' quotes have, too; ours come with their place beside it.
COLUMNS = ("symbol", "ts_event", "bid_price", "ask_price", "bid_size", "ask_size")

Play = Callable[[], tuple[float, int, float]]  # seconds, rows and the sum of their bids


def batches(lake: Lake) -> tuple[int, float]:
    """Play Arrow batches with every column."""
    count, total = 0, 0.0
    for batch in lake.replay(tables=["quotes"]).batches():
        count += len(batch)
        total += pc.sum(batch["bid_price"]).as_py()
    return count, total


def few_batches(lake: Lake) -> tuple[int, float]:
    """Play Arrow batches of the columns that Databento's and nautilus' quotes have."""
    count, total = 0, 0.0
    for batch in lake.replay(tables=["quotes"], columns=COLUMNS).batches():
        count += len(batch)
        total += pc.sum(batch["bid_price"]).as_py()
    return count, total


def records(lake: Lake) -> tuple[int, float]:
    """Play typed records with every column."""
    count, total = 0, 0.0
    for record in lake.replay(tables=["quotes"]):
        count += 1
        total += record.bid_price
    return count, total


def few_columns(lake: Lake) -> tuple[int, float]:
    """Play typed records of the columns that Databento's and nautilus' quotes have."""
    count, total = 0, 0.0
    for record in lake.replay(tables=["quotes"], columns=COLUMNS):
        count += 1
        total += record.bid_price
    return count, total


def ours(play: Callable[[Lake], tuple[int, float]], lake: Lake) -> Play:
    """Return a player that is timed."""
    def timed() -> tuple[float, int, float]:
        begin = time.perf_counter()
        count, total = play(lake)
        return time.perf_counter() - begin, count, total
    return timed


@contextmanager
def rival(program: str, home: Path, rows: Path) -> Iterator[Callable[[str], Play]]:
    """Start a rival that plays what it keeps in `home`, made from `rows` the first time; yield its players by form."""
    if not home.exists():
        unfinished = home.with_name(f"unfinished.{home.name}")
        subprocess.run(command_of(program, "write", rows, unfinished), check=True)
        unfinished.rename(home)
    with subprocess.Popen(command_of(program, "play", home), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as process:
        def player(form: str) -> Play:
            def play() -> tuple[float, int, float]:
                assert process.stdin and process.stdout
                process.stdin.write(f"{form}\n")
                process.stdin.flush()
                told = json.loads(process.stdout.readline())
                return told["seconds"], told["rows"], told["bids"]
            return play
        yield player
        assert process.stdin
        process.stdin.close()


def exported(lake: Lake, folder: Path) -> Path:
    """Return a file of all quotes in order of arrival, for the rivals to make their own of."""
    path = folder / "arrived.parquet"
    if not path.exists():
        pq.write_table(lake.rows("quotes").arrow(), path)
    return path


def main() -> None:
    """Run the rounds and print rows per second, and ratios to the best rival of the same form."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=4_000_000, help="three quarters of them are quotes")
    parser.add_argument("--symbols", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    folder = made(Size(asked.symbols, 1, asked.rows))
    with open_lake(folder) as lake:
        rows = exported(lake, folder)
        with (rival("replay_dbn", folder / "quotes.dbn.zst", rows) as databento,
              rival("replay_nautilus", folder / "quotes.nautilus", rows) as nautilus):
            players = {
                "columns": {"ticktape .batches(), all 16 columns": ours(batches, lake),
                            "ticktape .batches(), 10 columns": ours(few_batches, lake),
                            "databento to_ndarray()": databento("arrays"),
                            "databento to_ndarray(count=65536)": databento("pieces")},
                "objects": {"ticktape records, all 16 columns": ours(records, lake),
                            "ticktape records, 10 columns": ours(few_columns, lake),
                            "databento records": databento("records"),
                            "nautilus catalog.query(QuoteTick)": nautilus("ticks")},
            }
            found = measured(players, asked.rounds)
    for form, rates in found.items():
        best = max(rate for name, rate in rates.items() if not name.startswith("ticktape"))
        print(f"\n{form:<36}{'rows per second (median)':>26}{'to the best rival':>20}")
        for name, rate in rates.items():
            print(f"{name:<36}{rate:>26,.0f}{rate / best:>20.2f}")


def measured(players: dict[str, dict[str, Play]], rounds: int) -> dict[str, dict[str, float]]:
    """Return each player's rows per second, the median over the rounds, after one that is not counted."""
    rates: dict[str, dict[str, list[float]]] = {form: {name: [] for name in some} for form, some in players.items()}
    sums: set[tuple[int, int]] = set()
    for number in range(rounds + 1):
        for form, some in players.items():
            for name, play in some.items():
                seconds, count, total = play()
                sums.add((count, round(total)))
                if number:
                    rates[form][name].append(count / seconds)
        print(f"round {number} of {rounds}", file=sys.stderr, flush=True)
    if len(sums) > 1:
        raise SystemExit(f"rows and sums of bids differ: {sums}")
    for form, some_rates in rates.items():
        for name, found in some_rates.items():
            note(form, name, found)
    return {form: {name: statistics.median(found) for name, found in some.items()} for form, some in rates.items()}


if __name__ == "__main__":
    main()
