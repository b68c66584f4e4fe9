"""The parts of an export: one, or one for each symbol, date or both, in folders of these names (D111).

A date's folder is named as Hive does (`date=2026-11-18`), by which readers give the column back; a symbol's is its bare
name, and the column stays in the files: of `symbol=700` all readers make a number. One that is too long for a folder
is cut, and ends with a sum of all of it.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from capture.query.selection import moment
from capture.times import DAY

from .folder_names import shortened
from .job import Job

BY = ("symbol", "date")
# What may stand in a folder's name; the rest is written as in addresses.
SAFE = " .+-_"
HIDDEN = "._"  # of folders that begin so readers take no notice
NO_SYMBOL = "%"  # of an empty one; no other symbol is written so


class Part(NamedTuple):
    """A part: its job, and the folder it is written into, relative to that of the whole."""

    job: Job
    folder: Path


def parts(job: Job, by: Sequence[str]) -> Iterator[Part]:
    """Yield the parts of a job, those of one symbol after the other, in order of time."""
    if not by:
        yield Part(job, Path())
        return
    columns = ", ".join(by)
    where = job.where
    found = job.near.sql(f'select distinct {columns} from "{job.table.name}" where {where} order by all').rows()
    for values in found:
        named = dict(zip(by, values, strict=True))
        if None in values:
            job.lose("rows without a symbol, which are in no part", _count(job, where))
            continue
        folder = Path(*(f"date={value}" if name == "date" else folder_of(value) for name, value in named.items()))
        yield Part(_narrowed(job, named), folder)


def folder_of(symbol: str) -> str:
    """Return the name of a symbol's folder."""
    name = quote(symbol, safe=SAFE) or NO_SYMBOL
    return shortened(f"%{ord(name[0]):02X}{name[1:]}" if name[0] in HIDDEN else name)


def _narrowed(job: Job, named: dict[str, Any]) -> Job:
    changes: dict[str, object] = {}
    if "symbol" in named:
        changes["instruments"] = _instruments(job, str(named["symbol"]))
    if "date" in named:
        start = moment(named["date"])
        changes |= {"start": max(start, job.start or start), "end": min(start + DAY, job.end or start + DAY)}
    return job.part(**changes)


def _instruments(job: Job, symbol: str) -> list[str | int]:
    """Return what names the instruments of a symbol that are wanted: not others of the same symbol."""
    if not job.ids or symbol in job.named:
        return [symbol]
    found = job.lake.sql(f'select distinct instrument_id from "{job.table.name}" where symbol = $1', [symbol]).rows()
    return [instrument_id for (instrument_id,) in found if instrument_id in job.ids]


def _count(job: Job, where: str) -> int:
    [(count,)] = job.near.sql(f'select count(*) from "{job.table.name}" where symbol is null and {where}').rows()
    return int(count)
