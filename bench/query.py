"""How fast a sealed lake answers: ticktape against polars on the same files, ArcticDB, and DuckDB's own table.

    python -m bench.query [--symbols N] [--days N] [--rows N] [--rounds N] [--only QUESTION]

Quotes and trades (bench/archive.py) are made and loaded into the rivals once, and kept in `.bench/`. Each round asks
each engine every question, engines in turn: once just opened, opening included ("cold"; the files are in the system's
cache), then twice more about other days ("warm"). The figures are medians. All engines are asked about the same days,
and their answers must agree in their number of rows and the sums of their columns.
"""

import argparse
import json
import math
import shutil
import statistics
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from .archive import Size, made, symbol
from .questions import QUESTIONS, About, Methods, Native, Polars, Ticktape, comes_to
from .rivals.environment import command_of
from .rounds import note

ASKED_SYMBOL = 10  # by how busy it is: of 100 one with twice the average
WARM = 2  # times that an open engine is asked again
MANY_DAYS, FEW_DAYS, DAY_ROWS, DAY_SYMBOLS = 600, 6, 20_000, 10

Took = tuple[float, list[float]]  # seconds, and what the answer comes to
Ask = Callable[[str, About, bool], Took]  # a question's name, about what, and whether to open anew


class Engine(Protocol):
    """What is asked in this process."""

    def ask(self, name: str, about: About) -> pa.Table:
        """Return the answer to a question."""

    def close(self) -> None:
        """Let go of what is open."""


def asking(engine: Callable[[Path], Engine], folder: Path) -> Ask:
    """Return how to ask an engine of this process about a lake."""
    held: list[Engine] = []

    def ask(name: str, about: About, fresh: bool) -> Took:
        if fresh and held:
            held.pop().close()
        begin = time.perf_counter()
        if not held:
            held.append(engine(folder))
        answer = held[0].ask(name, about)
        return time.perf_counter() - begin, comes_to(name, answer)

    return ask


@contextmanager
def asking_arctic(folder: Path) -> Iterator[Ask]:
    """Yield how to ask ArcticDB, which is a process of its own that times itself."""
    home = folder / "arctic"
    if not home.exists():
        unfinished = folder / "arctic.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        subprocess.run(command_of("arctic_questions", "write", folder, unfinished), check=True)
        unfinished.rename(home)
    with subprocess.Popen(command_of("arctic_questions", "ask", home), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as process:
        to, answers = process.stdin, process.stdout
        assert to and answers

        def ask(name: str, about: About, fresh: bool) -> Took:
            to.write(json.dumps({"name": name, "symbol": about.symbol, "day": str(about.day), "fresh": fresh,
                                 "summed": QUESTIONS[name].summed}) + "\n")
            to.flush()
            told = json.loads(answers.readline())
            return told["seconds"], told["comes_to"]

        yield ask
        to.close()


def agree(name: str, about: About, answers: dict[str, list[float]]) -> None:
    """Raise SystemExit where engines gave different answers."""
    first, *others = answers.items()
    for engine, found in others:
        if not all(math.isclose(a, b, rel_tol=1e-9) for a, b in zip(first[1], found, strict=True)):
            raise SystemExit(f"{name} about {about}: {first[0]} says {first[1]}, {engine} says {found}")


def measured(engines: dict[str, Ask], names: Sequence[str], abouts: Sequence[About], rounds: int
             ) -> dict[tuple[str, str, bool], float]:
    """Return the median seconds by question, engine and whether it was just opened."""
    took: dict[tuple[str, str, bool], list[float]] = defaultdict(list)
    for number in range(rounds):
        asked = [abouts[(number * (1 + WARM) + turn) % len(abouts)] for turn in range(1 + WARM)]
        for name in names:
            answers: list[dict[str, list[float]]] = [{} for _ in asked]
            for engine, ask in engines.items():
                for turn, about in enumerate(asked):
                    seconds, answers[turn][engine] = ask(name, about, not turn)
                    took[name, engine, not turn].append(seconds)
            for about, found in zip(asked, answers, strict=True):
                agree(name, about, found)
    for (name, engine, fresh), values in took.items():
        note(f"{name}, {'cold' if fresh else 'warm'}", engine, values)
    return {key: statistics.median(values) for key, values in took.items()}


def report(took: dict[tuple[str, str, bool], float], engines: Sequence[str], names: Sequence[str]) -> None:
    """Print milliseconds by question and engine, and ours over the best of the others."""
    print(f"\n{'milliseconds, median':<58}{''.join(f'{engine:>15}' for engine in engines)}{'ours / best':>13}")
    for name in names:
        for cold in (True, False):
            found = {engine: took[name, engine, cold] for engine in engines}
            ours, *others = found.values()
            label = f"{QUESTIONS[name].meaning}, {'cold' if cold else 'warm'}"
            print(f"{label:<58}{''.join(f'{1000 * value:>15.1f}' for value in found.values())}"
                  f"{ours / min(others):>13.2f}")


def compare(size: Size, names: Sequence[str], rounds: int) -> None:
    """Ask all engines all questions."""
    folder = made(size)
    abouts = [About(symbol(min(ASKED_SYMBOL, size.symbols - 1)), day) for day in size.dates]
    with asking_arctic(folder) as arctic:
        engines = {"ticktape": asking(Methods, folder), "polars": asking(Polars, folder), "ArcticDB": arctic,
                   "DuckDB's table": asking(Native, folder)}
        took = measured(engines, names, abouts, rounds)
    report(took, list(engines), names)


def compare_lengths(rounds: int) -> None:
    """Ask for one symbol-day in a lake of few days and in one of many."""
    print(f"\n{'one symbol-day of quotes, milliseconds':<58}{'cold':>15}{'warm':>15}")
    few, many = (Size(DAY_SYMBOLS, days, days * DAY_ROWS) for days in (FEW_DAYS, MANY_DAYS))
    abouts = [About(symbol(0), day) for day in few.dates]  # the same rows in both
    kinds: dict[str, Callable[[Path], Engine]] = {
        "ticktape, lake.quotes": Methods, "ticktape, SQL": Ticktape, "polars": Polars}
    engines = {f"{kind}, {size.days} days": asking(opened, made(size))
               for kind, opened in kinds.items() for size in (few, many)}
    took = measured(engines, ["symbol_day"], abouts, rounds)
    for engine in engines:
        cold, warm = (1000 * took["symbol_day", engine, fresh] for fresh in (True, False))
        print(f"{engine:<58}{cold:>15.1f}{warm:>15.1f}")


def main() -> None:
    """Run the rounds and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--symbols", type=int, default=100)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--rows", type=int, default=100_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", choices=QUESTIONS, action="append", help="ask this question; may be repeated")
    parser.add_argument("--no-lengths", action="store_true", help="leave out lakes of few and of many days")
    asked = parser.parse_args()
    compare(Size(asked.symbols, asked.days, asked.rows), asked.only or list(QUESTIONS), asked.rounds)
    if not asked.no_lengths:
        compare_lengths(asked.rounds)


if __name__ == "__main__":
    main()
