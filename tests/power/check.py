"""After a power cut: the lake is started again as the product starts, and must hold what it has to."""

import json
from collections import deque
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from unittest import mock

from capture.lake.layout import Layout
from capture.lake.proof.verify import Finding, Verifier, foreign
from capture.lake.roll import Roller
from capture.lake.views import prepare
from tests.disk import Tree, write_tree
from tests.power.life import Clock, Owed, Recording, trade
from tests.power.truth import LakeRows, TapeRows, rows_of_lake, rows_of_tape

NEW = 10**7  # the number of the row that is recorded once the power is back
OF_HOLES = {"tape damaged", "tape incomplete"}


@dataclass(slots=True)
class After:
    """What a lake held after a power cut and a new start: tape rows before, file rows after, and what verify found."""

    tape: TapeRows
    lake: LakeRows
    wishes: frozenset[str]
    findings: list[Finding] = field(default_factory=list)
    error: str = ""

    def faults(self, owed: Owed) -> list[str]:
        """Return in words what must not be."""
        if self.error:
            return [self.error]
        return [*self._rows(owed), *self._proof()]

    def _rows(self, owed: Owed) -> list[str]:
        tape, there = set(self.tape.sure), self.lake.dates.keys() - {NEW}
        # Where a tape was pruned, what files hold of before its beginning outlives it rightly.
        begins = min(tape, default=NEW) if owed.pruned_before > date.min else 0
        found: dict[str, set[Any]] = {
            "promised rows are gone": {number for number in owed.rows - there if owed.keeps(number)},
            "rows of the tape are not in the files": {number for number in tape - there if owed.keeps(number)},
            "rows are there twice": set(self.lake.twice),
            "rows outlived their tape": {number for number in there - tape - self.tape.doubtful
                                         if number >= begins},
            "rows that were never recorded": there - owed.dates.keys(),
            "wishes are gone": set(owed.wishes - self.wishes),
            "recording does not go on": {NEW} - self.lake.dates.keys(),
        }
        return [f"{what}: {sorted(numbers)[:8]}" for what, numbers in found.items() if numbers]

    def _proof(self) -> list[str]:
        unexpected = [found for found in self.findings if not (self.tape.broken and found.problem in OF_HOLES)]
        faults = [f"verify: {found.problem}: {found.place}: {found.detail}" for found in unexpected]
        if self.tape.broken and not self.findings:
            faults.append("verify does not find the hole in the tape")
        return faults


def start_again(tree: Tree, root: Path, clock: Clock) -> After:
    """Make the files of a tree below an empty folder, start recorder and roller there, and look."""
    write_tree(tree, root)
    layout = Layout(root / "data")
    after = After(rows_of_tape(layout.tape / "main"), LakeRows(), _wishes(layout))
    nothing = mock.Mock(return_value=None)
    try:
        with clock.ruling(), mock.patch("os.fsync", nothing), mock.patch("os.fdatasync", nothing), \
                mock.patch("capture.publish._on_disk", {}):
            _go_on(after, layout, clock)
    except Exception as error:
        after.error = f"{type(error).__name__}: {error}"
    return after


def _go_on(after: After, layout: Layout, clock: Clock) -> None:
    recording = Recording(layout.root)
    recording.connect()
    recording.receive(trade(NEW, clock.now_s))
    recording.journal.mark()
    recording.journal.tape.close()
    prepare(layout)
    deque(Roller(layout, "main").roll(), maxlen=0)
    after.lake = rows_of_lake(layout)
    verifier = Verifier(layout, "main")
    deque(verifier.ranges(), maxlen=0)
    after.findings = verifier.findings + foreign(layout)


def _wishes(layout: Layout) -> frozenset[str]:
    """Return the wishes that can be read."""
    paths = (layout.tape / "main" / "backfill").glob("*.json")
    return frozenset(path.stem for path in paths if json.loads(path.read_text()))
