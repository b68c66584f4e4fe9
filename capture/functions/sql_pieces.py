"""The CTEs that functions over trades, quotes and midpoints begin with: each row once (D91), what is missing (D92).

A lake may hold the same event several times: two recorders ran, or a trade came by `last` and by `all_last`. These CTEs
take one recorder for each instrument and UTC date, and of `last` only what lies outside the time of `all_last`: by time
of arrival, and by IB's own seconds too, as of a trade that came by both either may be the first. A function that begins
with them takes the parameters of `RANGE`.

- `source`: instrument_id, date, recorder, and when on that date `all_last` (of trades, by both times) and restored
  history began and ended
- `once`: rows of the table, each event once
- `missing`: the spans of time (from_ts, to_ts) of which rows are missing, each within a UTC day, in no order, none
  over another: gaps that history did not restore, what was before a recorder was first asked for the rows and after it
  was told to stop, and what came after it last heard anything, up to some time from now
"""

from capture.schemas import TABLES
from capture.wire.messages.live_streams import streams_of

from .function import END, RECORDER, START, SYMBOLS, Kind, Parameter

RANGE = (SYMBOLS, START, END)
UNREPORTED = Parameter("with_unreported", Kind.FLAG, "also trades that are not reported to the tape, such as odd lots "
                       "and combos", "false")
OPTIONS = {"trades": (UNREPORTED, RECORDER), "quotes": (RECORDER,), "midpoints": (RECORDER,)}

# Table -> the streams that bring its rows live, in order of preference.
STREAMS = {table: streams_of(table) for table in OPTIONS}
HISTORY = "history"

# The view that says when each recorder last heard anything: recorder, ts. Views files and lakes have each their own.
LAST_HEARD = "last_heard"

# Table -> which rows count. Rows without a price are IB's notices of a halt, not trades.
_COUNTS = {
    "trades": "t.price is not null and (with_unreported or not t.unreported)"
              " and (t.stream <> 'last' or s.all_from is null or ((t.ts < s.all_from or t.ts > s.all_to)"
             " and coalesce(t.ts_event < s.event_from or t.ts_event > s.event_to, true)))",
    "quotes": "true",
    "midpoints": "t.price is not null",
}

_SOURCE = """source as materialized (
    select t.instrument_id, t.date, t.recorder,
        min(t.ts) filter (t.stream = 'all_last') as all_from, max(t.ts) filter (t.stream = 'all_last') as all_to,
        min(t.ts_event) filter (t.stream = 'all_last') as event_from,
        max(t.ts_event) filter (t.stream = 'all_last') as event_to,
        min(t.ts) filter (t.stream = 'history') as history_from, max(t.ts) filter (t.stream = 'history') as history_to
    from {table} t
    where has_symbol(t.symbol, symbols) and in_time(t.ts, t.date, {start}, "end")
        and t.stream in ({streams}) and t.recorder = coalesce(recorded_by, t.recorder)
    group by t.instrument_id, t.date, t.recorder
    qualify row_number() over (partition by t.instrument_id, t.date order by greatest(
            count(*) filter (t.stream <> 'last'), count(*) filter (t.stream <> 'all_last')) desc, t.recorder) = 1
)"""

_ONCE = """{name} as not materialized (
    select {columns}
    from {table} t join {source} s on s.instrument_id = t.instrument_id and s.date = t.date and s.recorder = t.recorder
    where has_symbol(t.symbol, symbols) and in_time(t.ts, t.date, {start}, "end")
        and t.stream in ({streams}) and {counts}
)"""

# Nobody asked for rows before their first request, nor once the last request for them was cancelled, or a later start
# no longer wanted them, until the next. A
# request that goes on after another is none of its own; a cancel of an older one ends nothing. What IB's history has of
# such time is there: on each date, from its first row to its last.
_UNASKED = """{name}_events as (
    select t.instrument_id, t.symbol, t.recorder, t.stream, t.ts, t.seq, t."row", t.event = 'requested' as is_request,
        t.request_id, last_value(case when t.event = 'requested' then t.request_id end ignore nulls) over (
            partition by t.recorder, t.instrument_id, t.stream order by t.seq, t."row"
            rows between unbounded preceding and 1 preceding) as newest
    from subscriptions t
    where t.event in ('requested', 'cancelled', 'unwanted') and t.stream in ({streams})
        and has_symbol(t.symbol, symbols)
        and t.instrument_id is not null and t.recorder = coalesce(recorded_by, t.recorder)
), {name}_steps as (
    select e.*, cast(e.is_request as integer) - coalesce(cast(lag(e.is_request) over (
            partition by e.recorder, e.instrument_id, e.stream order by e.seq, e."row") as integer), 0) as step
    from {name}_events e where e.is_request or e.request_id = e.newest
), {name}_asked as (
    select s.instrument_id, s.symbol, s.recorder, s.ts, lead(s.ts) over w as next_ts, row_number() over w as number,
        sum(s.step) over w as streams
    from {name}_steps s window w as (partition by s.recorder, s.instrument_id order by s.seq, s."row")
), {name}_recorders as (
    select a.instrument_id, a.recorder, any_value(a.symbol) as symbol, min(a.ts) as first_ts, max(h.ts) as heard_ts,
        min(min(a.ts)) over i as begin_ts, max(max(h.ts)) over i as end_ts, count(*) over i as recorders
    from {name}_asked a left join {heard} h on h.recorder = a.recorder
    group by a.instrument_id, a.recorder window i as (partition by a.instrument_id)
), {name}_unasked as (
    select r.instrument_id, r.symbol, r.recorder, 'unasked' as stream, r.first_ts = r.begin_ts as alone,
        coalesce(utc({start}), r.first_ts - {around}) as from_ts, r.first_ts as to_ts
    from {name}_recorders r
    union all
    select a.instrument_id, a.symbol, a.recorder, 'unasked', r.recorders = 1, a.ts, coalesce(a.next_ts, {later})
    from {name}_asked a join {name}_recorders r on r.instrument_id = a.instrument_id and r.recorder = a.recorder
    where a.streams = 0
    union all
    select r.instrument_id, r.symbol, r.recorder, 'unheard', r.heard_ts = r.end_ts, r.heard_ts, {later}
    from {name}_recorders r where r.heard_ts is not null
)"""

# A gap counts by its newest row. Of a date without rows no recorder was taken: gaps of all of them count, and of what
# nobody asked for or heard that of which no other recorder knows (`alone`).
_MISSING = _UNASKED + """, {name}_newest as (
    select g.* from gaps g where has_symbol(g.symbol, symbols) and g.stream in ({streams})
        and g.recorder = coalesce(recorded_by, g.recorder)
    qualify row_number() over (partition by g.gap_id order by g.seq desc, g."row" desc) = 1
), {name}_spans as (
    select g.instrument_id, g.symbol, g.recorder, g.stream, true as alone, g.from_ts, coalesce(g.to_ts, now()) as to_ts
    from {name}_newest g where g.state <> 'backfilled'
    union all by name
    from {name}_unasked
), {name}_clipped as (
    select g.* replace (greatest(g.from_ts, coalesce(utc({start}), g.from_ts)) as from_ts,
        least(g.to_ts, {later}, coalesce(utc("end") + {around}, {later})) as to_ts)
    from {name}_spans g
), {name}_daily as (
    select g.* replace (greatest(g.from_ts, utc(g.day)) as from_ts,
        least(g.to_ts, utc(g.day + interval 1 day)) as to_ts)
    from (select c.*, unnest(generate_series(utc_date(c.from_ts)::timestamp, utc_date(c.to_ts)::timestamp,
            interval 1 day)) as day
        from {name}_clipped c where c.from_ts < c.to_ts) g
), {name}_holed as (
    select g.*, case g.stream when 'last' then s.all_from when 'unasked' then s.history_from end as had_from,
        case g.stream when 'last' then s.all_to when 'unasked' then s.history_to end as had_to
    from {name}_daily g left join {source} s on s.instrument_id = g.instrument_id and s.date = g.day::date
    where case when s.recorder is null then g.alone else s.recorder = g.recorder end
), {name}_parts as (
    select h.instrument_id, h.symbol, h.day, h.from_ts, least(h.to_ts, coalesce(h.had_from, h.to_ts)) as to_ts
    from {name}_holed h
    union all
    select h.instrument_id, h.symbol, h.day, greatest(h.from_ts, h.had_to), h.to_ts
    from {name}_holed h where h.had_to is not null
), {name}_apart as (
    select p.instrument_id, p.symbol, p.day, p.to_ts, greatest(p.from_ts, coalesce(max(p.to_ts) over (
            partition by p.instrument_id, p.day order by p.from_ts, p.to_ts
            rows between unbounded preceding and 1 preceding), p.from_ts)) as from_ts
    from {name}_parts p where p.from_ts < p.to_ts
), {name} as materialized (
    select p.* from {name}_apart p where p.from_ts < p.to_ts
)"""


def _texts(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def source(table: str, start: str = "start") -> str:
    """Return the CTE `source`; `start` is SQL for where the rows begin."""
    return _SOURCE.format(table=table, start=start, streams=_texts((*STREAMS[table], HISTORY)))


def once(table: str, start: str = "start", name: str = "once", source: str = "source") -> str:
    """Return the CTE `once`, by another name if need be."""
    columns = ", ".join(f't."{column.name}"' for column in TABLES[table].columns)
    return _ONCE.format(table=table, start=start, name=name, source=source, columns=f"{columns}, t.date",
                        streams=_texts((*STREAMS[table], HISTORY)), counts=_COUNTS[table])


def missing(
    table: str, start: str = "start", name: str = "missing", source: str = "source", around: str = "interval 31 day"
) -> str:
    """Return the CTE `missing`, by another name if need be.

    `around` is for how long spans reach beyond what rows there can be: before the first request, where the range has no
    beginning, and after now and the end of the range. By default as long as any bar, which may reach beyond as well.
    """
    return _MISSING.format(start=start, name=name, source=source, streams=_texts(STREAMS[table]), around=around,
                           later=f"(now() + {around})", heard=LAST_HEARD)


def begin(table: str) -> str:
    """Return `with` and all three CTEs of a table."""
    return f"with {source(table)}, {once(table)}, {missing(table)}"


def with_gap_s(rows: str, since: str, until: str) -> str:
    """Return CTEs after that of some rows, the last named `flagged`: the rows with `gap_s`.

    It is how much is missing of the time between two of their columns.
    """
    # By UTC days, so that the join is one of equal values: an as-of join of few rows becomes a loop over all pairs.
    return f"""bar_days as (
    select distinct r.instrument_id, r.{since} as since_ts, r.{until} as until_ts, unnest(generate_series(
        utc_date(r.{since})::timestamp, utc_date(r.{until})::timestamp, interval 1 day)) as day
    from {rows} r where exists (select 1 from missing)
), lost as (
    select d.instrument_id, d.since_ts, d.until_ts,
        sum(epoch(least(d.until_ts, m.to_ts)) - epoch(greatest(d.since_ts, m.from_ts))) as gap_s
    from bar_days d join missing m on m.instrument_id = d.instrument_id and m.day = d.day
    where m.from_ts < d.until_ts and m.to_ts > d.since_ts
    group by d.instrument_id, d.since_ts, d.until_ts
), flagged as (
    select r.*, coalesce(l.gap_s, 0) as gap_s
    from {rows} r left join lost l
        on l.instrument_id = r.instrument_id and l.since_ts = r.{since} and l.until_ts = r.{until}
)"""
