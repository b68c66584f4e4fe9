"""One export from beginning to end: rows of a lake into a file or a folder that is there whole or not at all."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from capture.query import Lake, QueryError
from capture.query.coverage import TABLE_OF_STREAM
from capture.query.selection import Instruments, Moment, moment
from capture.schemas import TABLES
from capture.wire.times import EPOCH, moment_of

from .coverage import Uncovered, coverage_of, gaps_of, uncovered, without
from .formats import FORMATS, Format
from .job import Job
from .manifest import files_of, manifest, manifest_name, write_manifest
from .parts import Part, check_parts, parts
from .stage import Stage
from .writer import Rows, Writer

# Of questions to the lake, which sort and join; what takes more is spilled to disk beside the output.
MEMORY_MIB = 512

# Columns that are read whatever is wanted: by them rows are counted, cut and left out.
NEEDED = ("ts", "instrument_id", "symbol")

# Called with how many rows are written, of how many there are, None where nobody knows, and how far in time.
Progress = Callable[[int, int | None, datetime], object]


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written where; `losses` says what is not as it is in the lake, `said` is what the manifest holds."""

    path: Path
    manifest: Path
    rows: int
    size_bytes: int
    losses: Mapping[str, int]
    said: Mapping[str, Any]


def export(
    lake: Lake,
    table: str,
    path: str | Path,
    instruments: Instruments | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
    *,
    format: str | None = None,
    columns: Sequence[str] | None = None,
    stream: str | None = None,
    recorder: str | None = None,
    once: bool = False,
    every: str | None = None,
    whole: bool = False,
    unreported: bool | None = None,
    min_coverage: float | None = None,
    by: Sequence[str] = (),
    force: bool = False,
    progress: Progress | None = None,
) -> Exported:
    """Write rows of a table in [start, end), in order of time, to a file, or a folder, with a manifest beside it.

    The format follows from the name of the file, or is named: see `capture.export.formats`. `once` takes each trade,
    quote or midpoint once, where several streams or recorders have it (formats of other tools always do); `every` makes
    bars of trades, quotes or midpoints, or snapshots of books; `whole` leaves out bars with gaps; `unreported` says
    whether trades that are not reported to the tape count (by default as rows, not in bars). `min_coverage` leaves out
    days of an instrument of which less than this share was recorded. `by` "symbol", "date" or both makes a folder of
    files. What is there is replaced only with `force`. `progress` is called as it goes on.

    Needs little memory, however many rows there are. Raises QueryError for what is not in the lake or cannot be, and
    ExistsError.
    """
    place = Path(path)
    chosen, ending = _format(place, format)
    is_folder = bool(by) or not chosen.endings
    stage = Stage(place, folder=is_folder, force=force)
    with closing(lake.limited(MEMORY_MIB, stage.spill)) as limited:
        job = _job(limited, table, instruments=instruments, start=start, end=end, stream=stream, recorder=recorder,
                   once=once, every=every, whole=whole, unreported=unreported, min_coverage=min_coverage)
        _check(job, chosen, columns, by)
        name = manifest_name(place, job, folder=is_folder)
        stage.check(name)
        _ = job.span  # before anything else, as it refuses what has no rows
        coverage = coverage_of(job)
        run = _Run(chosen, ending, columns, uncovered(job, coverage), _counted(job, progress))
        with stage.open() as root:
            for part in parts(job, by):
                run.write(part, root, "" if by else place.name)
            files = _files(root, run, job)
            said = manifest(job, run.columns, {
                "format": chosen.name, "holds": chosen.module.TAKES[table], "leaves_out": chosen.module.LEAVES_OUT,
                "by": list(by), "files": files, "rows": run.rows.total(), "first_ts": run.first, "last_ts": run.last,
                "symbols": dict(sorted(run.rows.items())), "left_out_days": [asdict(day) for day in run.left_out],
                "coverage": coverage, "gaps": gaps_of(job)})
            write_manifest(root / name, said)
            stage.publish(files_of(place / name) if is_folder else [])
    size_bytes = sum(file["size_bytes"] for file in files)
    manifest_path = (place if is_folder else place.parent) / name
    return Exported(place, manifest_path, run.rows.total(), size_bytes, dict(job.losses), said)


def _files(root: Path, run: "_Run", job: Job) -> list[dict[str, Any]]:
    """Return what was written, and take down symbols of which nothing was. Raises QueryError where there is nothing."""
    if not run.rows:
        raise QueryError("no row is left: of all days that have some, or of all bars, too little was recorded")
    files = [{"path": str(file.relative_to(root)), "size_bytes": file.stat().st_size}
             for file in sorted(root.rglob("*")) if file.is_file()]
    if not files:
        raise QueryError(f"nothing could be written: {'; '.join(job.losses)}")
    for symbol in sorted(set(job.named) - run.rows.keys()):
        job.lose(f"{symbol}: nothing was recorded of it", 1)
    return files


class _Run:
    """Writes part after part, and counts."""

    def __init__(
        self, format: Format, ending: str, columns: Sequence[str] | None, days: list[Uncovered],
        progress: Callable[[int, datetime], object],
    ) -> None:
        self._format, self._ending, self.left_out, self._progress = format, ending, days, progress
        self._wanted = columns
        self.columns: list[str] = []
        self.rows: Counter[str] = Counter()
        self.first: datetime | None = None
        self.last: datetime | None = None

    def write(self, part: Part, root: Path, name: str) -> None:
        """Write a part; one without rows is no file."""
        if self._wanted:
            there = [column for column in NEEDED if column in part.job.table.schema.names]
            part.job.columns = list(dict.fromkeys((*self._wanted, *there)))
        found = self._format.module.rows(part.job)
        self.columns = list(self._wanted or found.schema.names)
        schema = pa.schema([found.schema.field(column) for column in self.columns])
        writer: Writer | None = None
        for batch in without(found.batches, self.left_out):
            if writer is None:
                path = self._path(root / part.folder, name, part.job)
                writer = self._format.module.open_writer(path, Rows(schema, iter(())), part.job)
            writer.write(batch.select(self.columns))
            self._count(batch)
        if writer is not None:
            writer.close()

    def _path(self, folder: Path, name: str, job: Job) -> Path:
        """Return where a part is written: into a folder, or a file of the name given, in parts of the table's name."""
        folder.mkdir(parents=True, exist_ok=True)
        if not self._format.endings:
            return folder
        return folder / (name or f"{job.table.name}{self._ending}")

    def _count(self, batch: pa.RecordBatch) -> None:
        if "symbol" in batch.schema.names:
            for found in batch["symbol"].value_counts().to_pylist():
                self.rows[found["values"] or ""] += found["counts"]
        else:
            self.rows[""] += len(batch)
        times = batch["ts"].cast(pa.int64())
        self.first = self.first or moment_of(times[0].as_py())
        self.last = max(self.last or EPOCH, moment_of(times[-1].as_py()))
        self._progress(self.rows.total(), self.last)


def _counted(job: Job, progress: Progress | None) -> Callable[[int, datetime], object]:
    """Return what tells `progress` of rows, with how many there are where the rows are those of the table."""
    if progress is None:
        return lambda rows, at: None
    told = progress
    [(there,)] = job.lake.sql(f'select count(*) from "{job.table.name}" where {job.where}').rows()
    total = there if job.every is None and job.table.name != "depth" else None
    return lambda rows, at: told(rows, total, at)


def _format(path: Path, named: str | None) -> tuple[Format, str]:
    """Return the format, and how names of its files end. Raises QueryError where none is named."""
    for one in FORMATS.values():
        if named is None:
            ending = next((ending for ending in one.endings if path.name.endswith(ending)), None)
        else:
            ending = next((ending for ending in one.endings if ending == f".{named}"), None)
            ending = next(iter(one.endings), "") if one.name == named else ending
        if ending is not None:
            return one, ending
    known = [f"{one.name} ({', '.join(one.endings) or 'a folder'})" for one in FORMATS.values()]
    raise QueryError(f"{f'there is no format {named}' if named else f'{path} does not end like a format: name one'}; "
                     f"there are {', '.join(known)}")


def _job(lake: Lake, table: str, start: Moment | None, end: Moment | None, **asked: Any) -> Job:
    if table not in TABLES:
        raise QueryError(f"there is no table {table!r}; there are {', '.join(TABLES)}")
    first, last = (None if at is None else moment(at) for at in (start, end))
    if first is not None and last is not None and last <= first:
        raise QueryError(f"the end {last} is not after the start {first}: swap them")
    return Job(lake, TABLES[table], start=first, end=last, **asked)


def _check(job: Job, format: Format, columns: Sequence[str] | None, by: Sequence[str]) -> None:
    """Raise QueryError for what does not go together."""
    table, takes = job.table.name, format.module.TAKES
    check_parts(job, by)
    if table not in takes:
        raise QueryError(f"{format.name} cannot hold {table}: it takes {', '.join(takes)}")
    if format.own_columns and columns:
        raise QueryError(f"{format.name} has columns of its own: leave the columns out")
    if by and not format.endings:
        raise QueryError(f"{format.name} is a folder with an order of its own: leave the parts out")
    if job.min_coverage is not None and not 0 < job.min_coverage <= 1:
        raise QueryError(f"a share of {job.min_coverage} of the time cannot be covered: give 0.95 for 95 %")
    if job.whole and (job.every is None or table == "depth"):
        raise QueryError("only bars can be whole: say with `every` how long they are, or leave `whole` out")
    if job.min_coverage is not None and table not in TABLE_OF_STREAM.values():
        raise QueryError(f"nothing is known of how {table} is covered: leave the coverage out")
