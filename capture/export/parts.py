"""The parts of an export: one, or one for each symbol, date or both, in folders as Hive names them."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from capture.query.selection import moment

from .job import Job

DAY = timedelta(days=1)
BY = ("symbol", "date")
# What may stand in a folder's name; the rest is written as in addresses, which is how readers expect it.
SAFE = " .+-_"


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
    found = job.lake.sql(f'select distinct {columns} from "{job.table.name}" where {where} order by all').rows()
    for values in found:
        named = dict(zip(by, values, strict=True))
        if None in values:
            job.lose("rows without a symbol, which are in no part", _count(job, where))
            continue
        folder = Path(*(f"{name}={quote(str(value), safe=SAFE)}" for name, value in named.items()))
        yield Part(_narrowed(job, named), folder)


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
    [(count,)] = job.lake.sql(f'select count(*) from "{job.table.name}" where symbol is null and {where}').rows()
    return int(count)
