"""Schedules of power cuts: lives of lakes, cut at any operation, started again, going on and cut again."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from random import Random
from shutil import rmtree

from capture.tape.reader import BROKEN
from tests.disk import Disk, Tree
from tests.fuzz.tape import by_the_book
from tests.power.check import NEW, After, start_again
from tests.power.life import Clock, Former, Life

STEPS_OF_A_LIFE = 25
LIVES_OF_A_LAKE = 2
CALLS_OF_A_LIFE = 400
UNREAD = (".tmp", "lock", "ticktape.duckdb", "views.json")
MEMORY = Path("/dev/shm")  # where there is one, nothing is written to the machine's own disk


@dataclass(frozen=True, slots=True)
class Failure:
    """A schedule after which something was wrong: what it was, and the files that the power cut left."""

    where: str
    faults: tuple[str, ...]
    tree: Tree

    def __str__(self) -> str:
        return f"{self.where}: {'; '.join(self.faults)}"


@dataclass(slots=True)
class Report:
    """What was tried: schedules, different disks after them, lives and their operations; and what failed."""

    schedules: int = 0
    disks: int = 0
    lives: int = 0
    operations: int = 0
    faults: Counter[str] = field(default_factory=Counter)  # by their first words
    failures: list[Failure] = field(default_factory=list)


@contextmanager
def workshop() -> Iterator[Path]:
    """Give a folder, in memory where there is one."""
    with tempfile.TemporaryDirectory(prefix="power-", dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder)


def run_lake(seed: str, folder: Path, report: Report, schedules: int) -> None:
    """Live through a lake's lives, and try so many schedules of power cuts in each; the same for the same seed."""
    former: Former | None = Former()
    clock = Clock()
    for number in range(LIVES_OF_A_LAKE):
        if former is None:
            return  # nothing to go on with
        random = Random(f"{seed}.{number}")
        clock.next_day()
        life = Life(_emptied(folder / "lake"), clock, random, former)
        life.fail_at(*_faults(random))
        life.live(STEPS_OF_A_LIFE)
        report.lives += 1
        report.operations += len(life.watch.operations)
        former = _cuts(f"{seed}.{number}", life, former.tree, folder / "after", report, schedules)


def _faults(random: Random) -> tuple[dict[int, str], range]:
    """Choose which calls fail, and from when to when the disk is full: in every second life none."""
    if random.random() < 0.5:
        return {}, range(0)
    plan = {random.randrange(CALLS_OF_A_LIFE): random.choice(("kill", "error", "error")) for _ in range(4)}
    full = random.randrange(CALLS_OF_A_LIFE)
    return plan, range(full, full + random.choice((0, 5, 40)))


def _cuts(seed: str, life: Life, tree: Tree, folder: Path, report: Report, schedules: int) -> Former | None:
    """Cut the power at moments of a life, and return a disk to go on with."""
    random, disk, done = Random(f"{seed}.cuts"), Disk(tree), 0
    operations = life.watch.operations
    known: dict[int, After] = {}
    left: list[tuple[Tree, After, int]] = []
    for number, cut in enumerate(sorted(random.choices(range(len(operations) + 1), k=schedules))):
        for name, *arguments in operations[done:cut]:
            getattr(disk, name)(*arguments)
        done = cut
        found = disk.after_a_cut(random)
        key = _essence(found)
        if key not in known:
            clock = Clock()
            clock.now_ns = life.clock.now_ns
            known[key] = start_again(found, _emptied(folder), clock)
        report.schedules += 1
        if faults := known[key].faults(life.owed(cut)):
            last = next(iter(operations[cut - 1 : cut]), ("nothing",))
            where = f"seed {seed}, schedule {number}, cut after operation {cut}, {last[:1] + last[2:][-1:]}"
            report.faults.update(fault.split(": ")[0] + ": " + fault.split(": ")[1] for fault in faults)
            report.failures.append(Failure(where, tuple(faults), found))
        else:
            left.append((found, known[key], cut))
    report.disks += len(known)
    return _former(life, *random.choice(left)) if left else None


def _essence(tree: Tree) -> int:
    """Return what is equal for disks that differ only in what nobody reads: locks, half-written files, torn records."""
    return hash(frozenset((path, records_of(content) if path.endswith(".tape") else content)
                          for path, content in tree.items() if content is not None and not path.endswith(UNREAD)))


@lru_cache(10_000)
def records_of(segment: bytes) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return where the whole records of a segment end, and where its holes begin."""
    read = by_the_book(segment)
    return tuple(end for _, end, _ in read.records), tuple(at for at, _, reason in read.damage if reason == BROKEN)


def _former(life: Life, tree: Tree, after: After, cut: int) -> Former:
    rows = tuple(sorted(after.lake.dates.keys() - {NEW}))
    return Former(tree, rows, life.dates, life.owed(cut).pruned_before)


def _emptied(folder: Path) -> Path:
    rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder
