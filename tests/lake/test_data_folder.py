"""Every file of a data folder is one that `capture.data_folder` lists, and every one that is listed can be there."""

import fcntl
import os
import re
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from capture import data_folder, open_lake
from capture.account_key import account_key
from capture.alerts import alert_log
from capture.alerts.desk import Desk
from capture.alerts.lookout import plain
from capture.alerts.mutes import write_mutes
from capture.data_folder import (
    ALERT_LOCK,
    CHECKED,
    COMPACTOR_LOCK,
    DAMAGED,
    FILES,
    FOLDERS,
    ROLLED,
    ROLLER_STATUS,
    SEALED,
    STATUS,
    TAPE,
    VERIFIED,
    Entry,
    Loss,
)
from capture.lake import archive
from capture.lake.digest import keep
from capture.lake.layout import LakeStateError, Layout, day_folders
from capture.lake.process_lock import locked, roller_lock
from capture.lake.processes.checker import check
from capture.lake.proof.audited import write_audited
from capture.lake.proof.prune import prune
from capture.lake.proof.recover import restore
from capture.lake.proof.verified import write_verified
from capture.lake.roll import Roller
from capture.lake.row_groups.compactor import Compactor, _workshop
from capture.lake.statements.imported import import_statements
from capture.publish import publish
from capture.query import QueryError
from capture.recorder.history_desk import HistoryDesk, Wish
from capture.schemas import STATEMENT_TABLES, TABLES
from capture.session.history_pacing import HistoryPacing
from capture.status_model import write_status
from capture.tape import bad_path, examine, repair, segments
from capture.trouble_kinds import trouble
from capture.wanted.alert_block import AlertBlock
from capture.wanted.settings import Settings
from tests.lake.test_prune import DAYS, Week
from tests.lake.test_state import OTHERS, SAYING
from tests.statements.flex import trade, written
from tests.test_layers import NAMES, imported

CAPTURE = Path(__file__).parents[2] / "capture"
demo = import_module("capture.cli.playing.demo")  # type checkers see only the package

WORDS = {"recorder": r"[A-Za-z0-9][A-Za-z0-9_-]*", "mark": r"\d{12,}", "table": "|".join(TABLES),
         "statements": "|".join(STATEMENT_TABLES), "sha256": "[0-9a-f]{64}", "bad": r"\.bad\d*",
         "date": r"(?!1970)\d{4}-\d\d-\d\d", "wish": "[0-9a-f]{16}", "file": r"[^/]+", "process": r"\d+",
         "random": r"[^/]+"}  # fmt: skip


def is_of(pattern: str, path: str) -> bool:
    """Return whether a path below a data folder is of a pattern of one."""
    literal, *more = re.split("<([a-z0-9]+)>", pattern)
    pairs = zip(more[::2], more[1::2], strict=True)
    regex = re.escape(literal) + "".join(f"({WORDS[word]}){re.escape(text)}" for word, text in pairs)
    return re.fullmatch(regex, path.rpartition("/")[2] if pattern.startswith(".<") else path) is not None


def entries_of(path: str) -> list[Entry]:
    return [entry for entry in FILES if is_of(entry.path, path)]


class Walk:
    """The files and folders that were there at any moment at which it looked."""

    def __init__(self) -> None:
        self.files: set[str] = set()
        self.folders: set[str] = set()

    def look(self, root: Path) -> None:
        for path in root.rglob("*"):
            (self.folders if path.is_dir() else self.files).add(path.relative_to(root).as_posix())


def spoil(path: Path, at: int) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:at] + b"spoilt" + data[at + 6 :])


def recorded(walk: Walk, folder: Path, make: Callable[..., Any]) -> Layout:
    """A week that is recorded, rolled, sealed and pruned."""
    week = Week(folder, make)
    with roller_lock(week.layout, "main"):
        pass  # as a roller leaves it
    for day in DAYS[:2]:
        week.at(day, 10).trades().rotate().at(day, 20).trades().rotate()
    walk.look(week.layout.root)
    week.at(DAYS[2], 1).roll().seal()
    prune(week.layout, {"trades": 1, "tape": 1}, DAYS[2])
    week.at(DAYS[2], 9).trades().roll().script.writer.close()
    return week.layout


def beside(layout: Layout) -> None:
    """What a recorder and `ticktape backfill` keep beside a tape."""
    desk = HistoryDesk(Settings(data=layout.root, recorder="main"))
    desk.wish(Wish("AAPL", "trades", 1, 2, 1))
    desk.write(desk.files((), HistoryPacing(), []))
    for folder in layout.root.rglob("date=*"):
        os.utime(folder, (0, 0))  # what changed just now is not kept
    keep(layout)
    list(Compactor(layout).compact())
    write_status(layout.tape / "main" / STATUS, {"streams": []})
    write_verified(layout, 0)
    write_audited(layout, [], datetime.now(UTC))
    write_status(layout.tape / "main" / ROLLER_STATUS, {})


def told(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an alerter keeps: its state, a log that began anew, its lock, and what a person muted."""
    monkeypatch.setattr(alert_log, "MOST_BYTES", 1_000)
    desk = Desk([AlertBlock(what=["fill"], command=["true"])], layout.root)
    for number in range(5):
        desk.happened(0.0, [(None, plain(trouble("fill", f"{number}", None, "it was filled", {})))])
    write_mutes(layout.root, [])
    with locked(layout.root / ALERT_LOCK, fcntl.LOCK_EX):
        pass


def mended(walk: Walk, layout: Layout) -> None:
    """Damage, and what mends it and keeps the rest."""
    folder = layout.tape / "main"
    for path in (layout.rolled("main"), layout.sealed("trades")):
        path.write_bytes(b"damaged")
    list(restore(layout, ["main"]))
    live, sorted_ = (next(path for folder in day_folders(of).values() for path in folder.glob("*.parquet"))
                     for of in (layout.live("trades"), layout.archive("trades")))  # fmt: skip
    for path in (live, sorted_):
        shutil.copy(path, bad_path(path))
    spoil(sorted_, 40)
    check(layout, os.getppid())
    walk.look(layout.root)
    spoil(next(segment.path for segment in segments(folder) if segment.compressed), 300)
    spoil(segments(folder)[-1].path, 120)
    for report in examine(folder).segments:
        if any(not loss.torn for loss in report.losses):
            repair(report)


def passing(walk: Walk, layout: Layout) -> None:
    """What is there for moments only."""
    def write(path: Path) -> None:
        path.write_text("{}")
        walk.look(layout.root)

    publish(layout.rolled("main"), write)
    with archive._database(next(iter(day_folders(layout.archive("trades")).values())), 64):
        walk.look(layout.root)
    with locked(layout.root / COMPACTOR_LOCK, fcntl.LOCK_EX), _workshop(layout.root / SEALED):
        walk.look(layout.root)


@pytest.mark.slow
def test_every_file_of_a_data_folder_is_listed_once_and_every_listed_one_can_be_there(
    tmp_path: Path, script: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = Walk()
    layout = recorded(walk, tmp_path / "week", type(script))
    beside(layout)
    account_key(layout.root)
    for masked in (False, True):
        import_statements(layout, [written(trade(str(masked), 1))], mask_accounts=masked)
    told(layout, monkeypatch)
    mended(walk, layout)
    passing(walk, layout)
    demo._clear(tmp_path / "demo")
    for root in (layout.root, tmp_path / "demo"):
        walk.look(root)
    met = {path: entries_of(path) for path in walk.files}
    assert {path: entries for path, entries in met.items() if len(entries) != 1} == {}
    assert {entry.path for entry in FILES} - {entry.path for entries in met.values() for entry in entries} == set()
    places = {path: [place for place in FOLDERS if is_of(place, path)] for path in walk.folders}
    assert {path: found for path, found in places.items() if len(found) != 1} == {}
    assert FOLDERS.keys() == {place for found in places.values() for place in found}


def test_what_the_loss_of_a_state_costs_is_what_damaging_it_proves() -> None:
    """tests/lake/test_state.py damages each file in every way; it sorts them by the same two kinds of loss."""
    assert {entries_of(name)[0].loss for name in OTHERS} == {Loss.NOTHING}
    assert {entry.path for entry in FILES if entry.loss is Loss.STATE} == {entries_of(name)[0].path for name in SAYING}


def test_modules_that_are_named_exist() -> None:
    named = {name for entry in FILES for name in (*entry.writers, *entry.readers)}
    roots = {name: CAPTURE.parent if name.startswith("cli.") else CAPTURE for name in named}
    assert {name for name in named if not (roots[name] / f"{name.replace('.', '/')}.py").exists()} == set()
    assert {entry.path.rpartition("/")[0] for entry in FILES} - {""} <= FOLDERS.keys()


# By what a file's content is reached beside its name: whoever imports one of these reads or writes that file.
REACHED_BY = {
    f"{TAPE}/<recorder>/{ROLLED}": ("capture.lake.layout.read_rolled", "capture.lake.layout.write_rolled",
                                    "capture.lake.roll.first_unrolled"),
    CHECKED: ("capture.lake.proof.file_round.read_times",),
    DAMAGED: ("capture.lake.proof.file_round.read_damaged",),
    VERIFIED: ("capture.lake.proof.verified.read_verified",),
}  # fmt: skip
MAKES_PATHS = "lake.layout"  # for all others


def test_who_imports_the_name_of_a_file_or_what_reads_it_is_said_to() -> None:
    constants = {name: value for name, value in vars(data_folder).items() if name.isupper() and isinstance(value, str)}
    lacking = set()
    for name, path in NAMES.items():
        used = {".".join(parts) for parts in imported(path)}
        for entry in FILES:
            names = {constant for constant, value in constants.items()
                     if value == entry.path or entry.path == f"{TAPE}/<recorder>/{value}"}
            reached = {*REACHED_BY.get(entry.path, ()), *(f"capture.data_folder.{constant}" for constant in names)}
            user = name.removeprefix("capture.")
            if used & reached and user not in {*entry.writers, *entry.readers, MAKES_PATHS}:
                lacking.add((user, entry.path))
    assert lacking == set()


def rows(layout: Layout) -> list[tuple[Any, ...]]:
    with open_lake(layout.root) as lake:
        return lake.sql('select recorder, seq, "row", price from trades order by all').rows()


@pytest.mark.slow
def test_a_lost_rolled_position_costs_no_row_before_anything_is_sealed(rolled: Layout) -> None:
    files, asked = sorted(rolled.live("trades").rglob("*.parquet")), rows(rolled)
    rolled.rolled("main").unlink()
    assert rows(rolled) == asked
    list(Roller(rolled, "main").roll())
    assert (sorted(rolled.live("trades").rglob("*.parquet")), rows(rolled)) == (files, asked)


@pytest.mark.slow
def test_a_lost_rolled_position_is_refused_once_days_are_sealed_until_recover_restores_it(
    tmp_path: Path, script: Any
) -> None:
    week = Week(tmp_path / "week", type(script))
    week.at(DAYS[0], 10).trades().at(DAYS[0], 20).trades().rotate().at(DAYS[1], 10).trades().roll().seal()
    week.script.writer.close()
    layout, asked = week.layout, rows(week.layout)
    layout.rolled("main").unlink()
    for refused in (lambda: rows(layout), lambda: list(Roller(layout, "main").roll()),
                    lambda: prune(layout, {"tape": 1}, date(2026, 2, 1))):  # fmt: skip
        with pytest.raises((LakeStateError, QueryError), match=r"rolled\.json is missing.*ticktape recover"):
            refused()
    (said,) = restore(layout, ["main"])
    assert "is rolled up to mark" in said
    assert rows(layout) == asked
