"""One export from beginning to end: rows of a lake into a file or a folder that is there whole or not at all (D116)."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from capture.query import AskedError, LakeReader, QueryError
from capture.query.known import check_stream
from capture.query.selection import Instruments, Moment, moment
from capture.schemas import ACCOUNT_TABLES, TABLES
from capture.suggestion import unknown
from capture.times import DAY, EPOCH, moment_of
from capture.wire.messages.live_streams import TABLE_OF_STREAM

from .covered_days import RESTORED, Uncovered, coverage_of, gaps_of, uncovered, without
from .formats import FORMATS, Format
from .job import Job
from .manifest import check_folder, manifest, resize, written_manifest
from .parts import BY, Part, parts
from .row_writer import Rows, Writer
from .source import width_of
from .stage import Stage

# Of questions to the lake, which sort and join; what takes more is spilled to disk beside the output (D114).
MEMORY_MIB = 512

# Columns that are read whatever is wanted: by them rows are counted, cut and left out.
NEEDED = ("ts", "instrument_id", "symbol", "origin")
_OF_ACCOUNTS = frozenset(table.name for table in ACCOUNT_TABLES)
LAST = datetime.max.replace(tzinfo=UTC)

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
    said: Mapping[str, Any] = field(repr=False)


def export(
    lake: LakeReader,
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
    restored: bool = True,
    min_coverage: float | None = None,
    by: Sequence[str] = (),
    force: bool = False,
    progress: Progress | None = None,
) -> Exported:
    """Write rows of a table in [start, end), in order of time, to a file, or a folder, with a manifest beside it.

    The format follows from the name of the file, or is named: see `capture.export.formats`. `once` takes each trade,
    quote or midpoint once, where several streams or recorders have it (formats of other tools always do); `every` makes
    bars of trades, quotes or midpoints, or snapshots of books; `whole` leaves out bars with gaps; `unreported` says
    whether trades that are not reported to the tape count (by default as rows, not in bars). `restored` says whether
    rows from IB's history do, whose times are whole seconds. `min_coverage` leaves out days of an instrument of which
    less than this share was recorded. `by` "symbol", "date" or both makes a folder of files. Files that are there are
    replaced only with `force`. `progress` is called as it goes on.

    Needs little memory, however many rows there are. Raises QueryError for what is not in the lake, AskedError for what
    cannot be, and ExistsError.
    """
    by, columns = _several(by) or [], _several(columns)
    place = _place(Path(path), lake)
    _check_parts(table, by)
    chosen, ending = _format(place, format, by)
    is_folder = bool(by) or not chosen.endings
    stage = Stage(place, folder=is_folder, force=force, personal=table in _OF_ACCOUNTS)
    with closing(lake.limited(MEMORY_MIB, stage.spill)) as limited:
        job = _job(limited, table, instruments=instruments, start=start, end=end, stream=stream, recorder=recorder,
                   once=once, every=every, whole=whole, unreported=unreported, restored=restored,
                   min_coverage=min_coverage)
        _check(job, chosen, columns, by)
        check_stream(stream, table)
        limited.check(instruments, [table])
        stage.check()
        if is_folder and not force:
            check_folder(place, job, chosen.name)
        _ = job.span  # before anything else, as it refuses what has no rows
        coverage = coverage_of(job)
        run = _Run(chosen, ending, columns, uncovered(job, coverage), _counted(job, progress), by_symbol="symbol" in by)
        with stage.open() as root:
            # One end for all parts: rows may come meanwhile.
            for part in parts(job.part(end=job.span[1]), by):
                run.write(part, root, "" if by else place.name)
            replaced = chosen.agree(root, place)
            files = _files(root, run, job, set(replaced))
            said = manifest(job, run.columns, {
                "format": chosen.name, "holds": chosen.module.TAKES[table], "leaves_out": chosen.module.LEAVES_OUT,
                "by": by, "files": files, "rows": run.rows.total(), "first_ts": run.first, "last_ts": run.last,
                "restored_rows": run.restored, "symbols": dict(sorted(run.rows.items())),
                "left_out_days": [asdict(day) for day in run.left_out], "coverage": coverage, "gaps": gaps_of(job)})
            sizes = {str(path): (root / path).stat().st_size for path in replaced}
            with written_manifest(place, job, said, folder=is_folder) as put, stage.published(replaced):
                resize(place, sizes)
                manifest_path = put()
    size_bytes = sum(file["size_bytes"] for file in files)
    return Exported(place, manifest_path, run.rows.total(), size_bytes, dict(job.losses), said)


def _several(names: Sequence[str] | None) -> list[str] | None:
    """Return names as a list: a text is one name."""
    return [names] if isinstance(names, str) else None if names is None else list(names)


def _files(root: Path, run: "_Run", job: Job, replaced: Collection[Path]) -> list[dict[str, Any]]:
    """Return what was written, and take down symbols of which nothing was. Raises QueryError where there is nothing.

    Without copies of other exports' files.
    """
    if not run.rows:
        raise QueryError("no row is left: of all days that have some, or of all bars, too little was recorded")
    files = [{"path": str(file.relative_to(root)), "size_bytes": file.stat().st_size}
             for file in sorted(root.rglob("*")) if file.is_file() and file.relative_to(root) not in replaced]
    if not files:
        raise QueryError(f"nothing could be written: {'; '.join(job.losses)}")
    for symbol in sorted(set(job.named) - run.rows.keys()):
        job.lose(f"{symbol}: nothing was recorded of it", 1)
    return files


class _Run:
    """Writes part after part, and counts."""

    def __init__(
        self, format: Format, ending: str, columns: Sequence[str] | None, days: list[Uncovered],
        progress: Callable[[int, datetime], object], *, by_symbol: bool,
    ) -> None:
        self._by_symbol = by_symbol
        self._format, self._ending, self.left_out, self._progress = format, ending, days, progress
        self._wanted = columns
        self.columns: list[str] = []
        self.rows: Counter[str] = Counter()
        self.restored = 0
        self.first: datetime | None = None
        self.last: datetime | None = None

    def write(self, part: Part, root: Path, name: str) -> None:
        """Write a part; one without rows is no file."""
        if self._wanted:
            there = [column for column in NEEDED if column in part.job.table.schema.names]
            part.job.columns = list(dict.fromkeys((*self._wanted, *there)))
        found = self._rows(part.job)
        # In parts by symbol too: no reader takes it from the name of a folder, where 700 would be a number.
        always = ["symbol"] if self._by_symbol and not self._format.own_columns else []
        columns = list(self._wanted or found.schema.names)
        self.columns = [*(name for name in always if name not in columns), *columns]
        schema = pa.schema([found.schema.field(column) for column in self.columns])
        writer: Writer | None = None
        for batch in without(found.batches, self.left_out, restored=part.job.restored):
            if writer is None:
                path = self._path(root / part.folder, name, part.job)
                writer = self._format.module.open_writer(path, Rows(schema, iter(())), part.job)
            writer.write(batch.select(self.columns))
            self._count(batch)
        if writer is not None:
            writer.close()

    def _rows(self, job: Job) -> Rows:
        """Return the rows of a part. Raises AskedError for what the format cannot take."""
        try:
            found = self._format.module.rows(job)
        except QueryError as error:  # nothing is read yet
            raise AskedError(str(error)) from error
        if not job.restored and "origin" not in found.schema.names:
            raise AskedError("which rows were restored is known of single rows only, not of bars, books and events of "
                             "hftbacktest: leave `restored` as it is")
        return found

    def _path(self, folder: Path, name: str, job: Job) -> Path:
        """Return where a part is written: into a folder, or a file of the name given, in parts of the table's name."""
        folder.mkdir(parents=True, exist_ok=True)
        if not self._format.endings:
            return folder
        return folder / (name or f"{job.what}{self._ending}")

    def _count(self, batch: pa.RecordBatch) -> None:
        if "symbol" in batch.schema.names:
            for found in batch["symbol"].value_counts().to_pylist():
                self.rows[found["values"] or ""] += found["counts"]
        else:
            self.rows[""] += len(batch)
        times = batch["ts"].cast(pa.int64())
        if "origin" in batch.schema.names:
            self.restored += pc.sum(pc.equal(batch["origin"].cast(pa.string()), RESTORED)).as_py() or 0
        self.first = min(self.first or LAST, moment_of(times[0].as_py()))
        self.last = max(self.last or EPOCH, moment_of(times[-1].as_py()))
        self._progress(self.rows.total(), self.last)


def _counted(job: Job, progress: Progress | None) -> Callable[[int, datetime], object]:
    """Return what tells `progress` of rows, with how many there are where the rows are those of the table."""
    if progress is None:
        return lambda rows, at: None
    told = progress
    [(there,)] = job.near.sql(f'select count(*) from "{job.table.name}" where {job.where}').rows()
    total = there if job.every is None and job.table.name != "depth" else None
    return lambda rows, at: told(rows, total, at)


def _place(path: Path, lake: LakeReader) -> Path:
    """Return where to write, with a name of its own. Raises AskedError for a place in the lake."""
    place = path if path.name not in ("", "..") else path.resolve()
    if not place.name:
        raise AskedError(f"{path} has no name: name a file or a folder in it")
    root = lake.layout.root.resolve()
    if root == place.resolve() or root in place.resolve().parents:
        raise AskedError(f"{path} is in the lake's own folder, where only the lake writes: choose another place")
    return place


def _format(path: Path, named: str | None, by: Sequence[str]) -> tuple[Format, str]:
    """Return the format, and how names of its files end. Raises AskedError where none is named."""
    for one in FORMATS.values():
        if named is None:
            ending = next((ending for ending in one.endings if path.name.endswith(ending)), None)
        else:
            ending = next((ending for ending in one.endings if ending == f".{named}"), None)
            ending = next(iter(one.endings), "") if one.name == named else ending
        if ending is not None:
            # A name of a format says nothing of compression; one such as csv.gz does, which follows from the file's.
            if named is not None and "." in named and not by and not path.name.endswith(ending):
                raise AskedError(f"{path} does not end in {ending}: name it so")
            return one, ending
    known = [f"{one.name} ({', '.join(one.endings) or 'a folder'})" for one in FORMATS.values()]
    raise AskedError(f"{f'there is no format {named}' if named else f'{path} does not end like a format: name one'}; "
                     f"there are {', '.join(known)}")


def _job(lake: LakeReader, table: str, start: Moment | None, end: Moment | None, **asked: Any) -> Job:
    if table not in TABLES:
        raise AskedError(unknown("table", table, TABLES))
    first, last = (None if at is None else moment(at) for at in (start, end))
    if first is not None and last is not None and last <= first:
        raise AskedError(f"the end {last} is not after the start {first}")
    return Job(lake, TABLES[table], start=first, end=last, **asked)


def _check_parts(table: str, by: Sequence[str]) -> None:
    """Raise AskedError for parts that cannot be made."""
    if unknown := [name for name in by if name not in BY]:
        raise AskedError(f"parts are made by {' and '.join(BY)}, not by {', '.join(unknown)}")
    if len(set(by)) < len(by):
        raise AskedError(f"parts are made by {' and '.join(BY)}, each once")
    if "symbol" in by and table in TABLES and "symbol" not in TABLES[table].schema.names:
        raise AskedError(f"rows of {table} have no symbol to make parts by")


def _check(job: Job, format: Format, columns: Sequence[str] | None, by: Sequence[str]) -> None:
    """Raise AskedError for what does not go together."""
    table, takes = job.table.name, format.module.TAKES
    if table not in takes:
        raise AskedError(f"{format.name} cannot hold {table}: it takes {', '.join(takes)}")
    if len(set(columns or ())) < len(columns or ()):
        raise AskedError("a column is named twice: name each once")
    if "date" in by and job.every is not None and DAY % width_of(job):
        raise AskedError(f"bars of {job.every} lie in two dates: leave the parts by date out, or choose a length that "
                         "divides a day")
    if format.own_columns and columns:
        raise AskedError(f"{format.name} has columns of its own: leave the columns out")
    if by and not format.endings:
        raise AskedError(f"{format.name} is a folder with an order of its own: leave the parts out")
    if job.min_coverage is not None and not 0 < job.min_coverage <= 1:
        raise AskedError(f"a share of {job.min_coverage} of the time cannot be covered: give 0.95 for 95 %")
    if job.whole and (job.every is None or table == "depth"):
        raise AskedError("only bars can be whole: say with `every` how long they are, or leave `whole` out")
    if job.min_coverage is not None and table not in TABLE_OF_STREAM.values():
        raise AskedError(f"nothing is known of how {table} is covered: leave the coverage out")
