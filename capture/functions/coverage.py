"""Time of which rows are missing (D92)."""

from .bars import ID, SYMBOL
from .function import RECORDER, Function
from .sql_pieces import OPTIONS, RANGE, missing, source

_TABLES = tuple(OPTIONS)


def _part(table: str) -> str:
    return (source(table).replace("source as", f"{table}_source as", 1)
            + ", " + missing(table, name=f"no_{table}", source=f"{table}_source",
                             around="interval 0 day"))


# Spans are cut at midnights: those that touch become one again.
_MISSING = f"""with {', '.join(map(_part, _TABLES))}, spans as (
    {' union all '.join(f"select m.*, '{table}' as missing from no_{table} m" for table in _TABLES)}
), begun as (
    select s.*, coalesce(s.from_ts > max(s.to_ts) over (partition by s.instrument_id, s.missing
            order by s.from_ts rows between unbounded preceding and 1 preceding), true) as begins
    from spans s
), numbered as (
    select b.*, count(*) filter (b.begins) over (partition by b.instrument_id, b.missing
            order by b.from_ts rows unbounded preceding) as number
    from begun b
)
select any_value(n.symbol) as symbol, n.instrument_id, n.missing, min(n.from_ts) as from_ts, max(n.to_ts) as to_ts,
    epoch(max(n.to_ts)) - epoch(min(n.from_ts)) as gap_s
from numbered n group by n.instrument_id, n.missing, n.number
order by symbol, n.instrument_id, n.missing, from_ts"""

COVERAGE = (
    Function(
        "missing_time",
        "When trades, quotes and midpoints were not recorded and history did not restore them, of the recorder whose "
        "rows the other functions take: gaps, the time from `start` to the first request for them, that after they "
        "were cancelled, and that since the recorder last heard anything. Spans that touch are one. It is time of the "
        "clock: a recorder that is stopped for a night misses the night.",
        (*RANGE, RECORDER),
        (SYMBOL, ID, ("missing", "what is missing: trades, quotes or midpoints"), ("from_ts", "from this moment on"),
         ("to_ts", "up to this moment, at most to now"),
         ("gap_s", "how long that is, in seconds")),
        _MISSING,
        "null, '2026-11-18', '2026-11-19'"),
)
