"""IB's bars for DBN: one width and one kind a file, each bar once, as IB said it last."""

from capture.export import source
from capture.export.job import Job
from capture.export.row_writer import Rows
from capture.query import QueryError

# Seconds -> how DBN names a bar's width, and IB.
WIDTHS: dict[float, tuple[str, str]] = {
    1: ("1s", "1 secs"), 60: ("1m", "1 min"), 3_600: ("1h", "1 hour"), 86_400: ("1d", "1 day")}
WORDS = "1 second, 1 minute, 1 hour or 1 day"
TRADES = "TRADES"
PLAIN = "export to Parquet instead"

_KINDS = "select distinct bar_size, what from bars where {where} and bar_size is not null order by all"
_LOST = """
select count_if(not one), count_if(one and ts_event is null) from (
    select ts_event, coalesce(bar_size = $size and what = $what, false) as one,
        coalesce(bar_size <> $size, false) as other from bars where {where}) where not other
"""
# A bar that was asked for twice, or is said again while it is made, is one; of all hours before regular ones.
_BARS = """
select ts_event as ts, symbol, instrument_id, open, high, low, close, volume from bars
where {where} and ts_event is not null and bar_size = $size and what = $what
qualify row_number() over (partition by instrument_id, symbol, ts_event
    order by regular_hours nulls last, ts desc, recorder, seq desc, "row" desc) = 1
order by ts_event, symbol, instrument_id
"""


def width_of(job: Job) -> str:
    """Return DBN's name of the interval `every`. Raises QueryError where DBN has no such bars."""
    seconds = source.width_of(job).total_seconds()
    if seconds not in WIDTHS:
        raise QueryError(f"DBN has no bars of {job.every}: choose {WORDS}, or {PLAIN}")
    return WIDTHS[seconds][0]


def bar_width_of(job: Job) -> str:
    """Return DBN's name of the width of the bars that are meant, as `_chosen` does."""
    size, _ = _chosen(job)
    return next(name for name, words in WIDTHS.values() if words == size)


def bars(job: Job) -> Rows:
    """Return the bars: ts (their beginning), symbol, instrument_id, open, high, low, close and volume, in order of ts.

    Takes down those of another kind, and those whose beginning IB's date does not tell. Raises QueryError where only
    whole ones are wanted: of IB's bars nobody knows.
    """
    if job.whole:
        raise QueryError("IB does not say whether its bars are whole: leave `whole` out")
    size, what = _chosen(job)
    parameters = {"size": size, "what": what}
    [(other, undated)] = job.lake.sql(_LOST.format(where=job.where), parameters).rows()
    job.lose(f"bars of another kind than {what}, or of none that is known", other)
    job.lose("bars whose date could not be read", undated)
    reader = job.lake.sql(_BARS.format(where=job.where), parameters).batches(source.BATCH_ROWS)
    schema = source.encoded(reader.schema)
    return Rows(schema, (batch.cast(schema) for batch in reader))


def _chosen(job: Job) -> tuple[str, str]:
    """Return size and kind of the bars that are meant.

    The size is `every`, or the only one there is; the kind is that of trades, or the only one there is. Raises
    QueryError where there is none, or several.
    """
    kinds = job.lake.sql(_KINDS.format(where=job.where)).rows()
    sizes = list(dict.fromkeys(size for size, _ in kinds))
    size = _size(job, sizes)
    found = [what for one, what in kinds if one == size and what is not None]
    if TRADES in found or len(found) == 1:
        return size, TRADES if TRADES in found else found[0]
    raise QueryError(f"a file of DBN holds bars of one kind, and of {size} there are "
                     f"{', '.join(found) or 'none'}: {PLAIN}")


def _size(job: Job, sizes: list[str]) -> str:
    known = [words for _, words in WIDTHS.values()]
    if job.every is not None:
        width = width_of(job)
        return next(words for name, words in WIDTHS.values() if name == width)
    if len(sizes) > 1:
        raise QueryError(f"a file of DBN holds bars of one size, and there are {', '.join(sizes)}: "
                         f"say `every`, {WORDS}")
    if not sizes or sizes[0] not in known:
        raise QueryError(f"DBN has bars of {WORDS} only, and there are {sizes[0] if sizes else 'none'}: {PLAIN}")
    return sizes[0]
