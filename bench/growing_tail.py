"""What a question costs beside a recorder that nobody rolls, as the tail grows.

    python -m bench.growing_tail [--questions N] [--messages N] [--profile]

A tape is written as a recorder writes it (100 instruments with five streams each, see bench.messages), so many messages
before each question, into a lake that holds a sealed day; `lake.sql()` is asked for the count of today's quotes. All
in one process: what the question takes of its CPU, decoding what came since the last one included.
"""

import argparse
import cProfile
import pstats
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

import capture

from .archive import Size, made
from .gateway import Script
from .messages import mix
from .rounds import note

BEFORE = Size(symbols=20, days=1, rows=1_000_000)
QUESTIONS, MESSAGES = 1_000, 500  # messages before each question
PARTS = 5  # of the questions, each with a line of its own
READS = 4  # in which the messages between two questions come


def cpu_s(folder: Path, questions: int, messages: int) -> list[float]:
    """Return the seconds of CPU of each question about a lake in `folder`, which is made."""
    shutil.copytree(made(BEFORE), folder)
    script = Script(folder)
    script.now_ns = time.time_ns()
    frames = mix(script.subscribed(), questions * messages, second=script.now_ns // 1_000_000_000)
    question = f"select count(*) from quotes where date >= date '{np.datetime64(script.now_ns, 'ns'):.10}'"
    took_s = []
    with capture.open_lake(folder) as lake:
        for _ in range(questions):
            for _ in range(READS):
                script.now_ns += 10_000_000
                script.received(b"".join(next(frames) for _ in range(messages // READS)))
            begin = time.process_time()
            lake.sql(question).rows()
            took_s.append(time.process_time() - begin)
    script.writer.close()
    return took_s


def report(took_s: list[float]) -> None:
    """Print the median and what 99 of 100 questions take at most, of each part of the questions."""
    print(f"{'questions':<18}{'median ms of CPU':>18}{'p99 ms of CPU':>16}")
    first = 1
    medians = [np.median(part) for part in np.array_split(np.array(took_s[1:]), PARTS)]
    note("growing tail, last over first", "ticktape", [float(medians[-1] / medians[0])])
    for part in np.array_split(np.array(took_s[1:]), PARTS):
        half, most = np.percentile(part, [50, 99])
        print(f"{f'{first:,} to {first + len(part) - 1:,}':<18}{half * 1e3:>18.1f}{most * 1e3:>16.1f}")
        first += len(part)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=QUESTIONS)
    parser.add_argument("--messages", type=int, default=MESSAGES, help="before each question")
    parser.add_argument("--profile", action="store_true", help="print in which functions the time goes, too")
    asked = parser.parse_args()
    profile = cProfile.Profile()
    with tempfile.TemporaryDirectory() as name:
        if asked.profile:
            profile.enable()
        took_s = cpu_s(Path(name) / "data", asked.questions, asked.messages)
        profile.disable()
    report(took_s)
    if asked.profile:
        pstats.Stats(profile).sort_stats("cumulative").print_stats(40)


if __name__ == "__main__":
    main()
