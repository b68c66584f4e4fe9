"""Exchange time: trading sessions as IB's contract details name them, trades and bars by session."""

from .bars import GAP, ID, OHLC, RECORDER_OF, SYMBOL, TRADED, TRADES, VOLUME, VWAP, ohlc
from .function import Function, Kind, Parameter
from .sql_pieces import OPTIONS, RANGE, begin, with_gap_s

_SPAN = r"'^(?:(\d{8}):)?(\d{4})-(?:(\d{8}):)?(\d{4})$', ['from_day', 'from_time', 'to_day', 'to_time']"

# Sessions stand in the details as `YYYYMMDD:HHMM-YYYYMMDD:HHMM;YYYYMMDD:CLOSED`, in older ones as
# `YYYYMMDD:HHMM-HHMM,HHMM-HHMM`, in the zone beside them. Each answer names some days; of a day the newest one counts.
# In the older form the date is that on which a session ends: 1700-1600 began the evening before.
_SESSIONS = rf"""answers as (
    select i.symbol, i.instrument_id, coalesce(i.iana_time_zone, i.time_zone) as time_zone,
        place(i.ts, i.seq, i."row") as place,
        unnest([{{'kind': 'trading', 'hours': i.trading_hours}}, {{'kind': 'liquid', 'hours': i.liquid_hours}}]) as one
    from instruments i
    where has_symbol(i.symbol, symbols)
        and coalesce(i.iana_time_zone, i.time_zone) in (select name from pg_timezone_names())
), days as (
    select a.* exclude (one), a.one.kind as kind, unnest(string_split(replace(a.one.hours, ' ', ''), ';')) as day
    from answers a
), parts as (
    select d.*, unnest(string_split(d.day, ',')) as part from days d
), read as (
    select p.symbol, p.instrument_id, p.time_zone, p.place, p.kind, left(p.day, 8) as day,
        regexp_extract(p.part, {_SPAN}) as span
    from parts p
), ended as (
    select r.* exclude (span), r.span.from_time as from_time, r.span.to_day = '' as is_old,
        coalesce(nullif(r.span.from_day, ''), r.day) as from_day,
        coalesce(nullif(r.span.to_day, ''), nullif(r.span.from_day, ''), r.day) as to_day,
        case when r.span.to_day = '' and r.span.to_time = '0000' then '2400' else r.span.to_time end as to_time
    from read r
), timed as (
    select e.*,
        try_strptime(e.from_day || e.from_time, '%Y%m%d%H%M')
            - case when e.is_old and e.from_time >= e.to_time then interval 1 day else interval 0 day end as local_from,
        try_strptime(e.to_day || replace(e.to_time, '2400', '2359'), '%Y%m%d%H%M')
            + case when e.to_time = '2400' then interval 1 minute else interval 0 minute end as local_to
    from ended e
), dated as (
    select t.*, coalesce(cast(t.local_to - interval 1 minute as date), cast(try_strptime(t.day, '%Y%m%d') as date))
            as session_date
    from timed t
), sessions as (
    select distinct d.symbol, d.instrument_id, d.session_date, d.kind, timezone(d.time_zone, d.local_from) as from_ts,
        timezone(d.time_zone, d.local_to) as to_ts, d.local_from, d.local_to, d.time_zone
    from (select d.* from dated d
        qualify d.place = max(d.place) over (partition by d.instrument_id, d.kind, d.session_date)) d
    where d.local_from < d.local_to
)"""

# A print may arrive a moment after the close: it belongs to the session that has just ended.
_BY_SESSION = """zones as (
    select a.instrument_id, arg_max(a.time_zone, a.place) as time_zone from answers a group by a.instrument_id
), events as (
    select t.*, null as trading, null::timestamptz as liquid_until from once t
    union all by name
    select s.instrument_id, s.from_ts as ts, {'until': s.to_ts, 'date': s.session_date} as trading
    from sessions s where s.kind = 'trading'
    union all by name
    select s.instrument_id, s.from_ts as ts, s.to_ts as liquid_until from sessions s where s.kind = 'liquid'
), followed as (
    select e.* exclude (trading, liquid_until), last_value(e.trading ignore nulls) over w as session,
        coalesce(e.ts < last_value(e.liquid_until ignore nulls) over w, false) as in_liquid_hours
    from events e window w as (partition by e.instrument_id order by e.ts, e.seq nulls first, e."row")
), dated_trades as (
    select t.*, t.ts at time zone z.time_zone as local_ts, coalesce(t.ts < t.session.until, false) as in_session,
        case when t.ts < t.session.until + interval 1 hour then t.session.date
             else cast(t.ts at time zone z.time_zone as date) end as session_date
    from followed t left join zones z on z.instrument_id = t.instrument_id where t.price is not null
)"""

_SESSION_BARS = f"""{begin("trades")}, {_SESSIONS}, {_BY_SESSION}, bars as (
    select t.symbol, t.instrument_id, t.session_date, min(t.ts) as ts, max(t.ts) as end_ts, {ohlc("t.price")}, {TRADED}
    from dated_trades t where not liquid_only or t.in_liquid_hours
    group by t.symbol, t.instrument_id, t.session_date
), opened as (
    select b.*, least(b.ts, coalesce(s.from_ts, b.ts)) as since_ts,
        greatest(b.end_ts, coalesce(s.to_ts, b.end_ts)) as till_ts
    from bars b left join (
            select s.instrument_id, s.session_date, s.kind, min(s.from_ts) as from_ts, max(s.to_ts) as to_ts
            from sessions s group by s.instrument_id, s.session_date, s.kind) s
        on s.instrument_id = b.instrument_id and s.session_date = b.session_date
            and s.kind = case when liquid_only then 'liquid' else 'trading' end
), {with_gap_s("opened", "since_ts", "till_ts")}
select symbol, instrument_id, session_date, ts, end_ts, open, high, low, close, volume, vwap, f.trades, gap_s,
    f.recorder
from flagged f order by symbol, instrument_id, session_date"""

_DATE = ("session_date", "the trading date: the local date on which the session ends, so that the evening of "
         "a future belongs to the next date")

CALENDAR = (
    Function(
        "trading_sessions",
        "When instruments trade, from the contract details that IB sent; of each date the newest details count.",
        RANGE,
        (SYMBOL, ID, _DATE, ("kind", "trading: whenever it trades; liquid: the regular session"),
         ("from_ts", "when the session begins"), ("to_ts", "when it ends"),
         ("local_from", "its beginning in local time"),
         ("local_to", "its end in local time"), ("time_zone", "the zone of local times")),
        f"with {_SESSIONS}\nselect s.* from sessions s\n"
        'where (start is null or s.to_ts > utc(start)) and ("end" is null or s.from_ts < utc("end"))\n'
        "order by s.symbol, s.instrument_id, s.from_ts, s.kind desc",
        "'ESZ6', '2026-11-18', '2026-11-20'"),
    Function(
        "session_trades",
        "Each trade once, with exchange-local time and trading date. A trade within an hour after a session belongs to "
        "it; one at other times, or of days whose hours are not known, to its local calendar date.",
        (*RANGE, *OPTIONS["trades"]),
        (SYMBOL, ID, ("ts", "when the trade was received"),
         ("local_ts", "the same in local time; null where IB's details name no zone that is known"), _DATE,
         ("in_session", "within trading hours"), ("in_liquid_hours", "within the regular session"),
         ("price", "trade price"), ("size", "traded size"), ("exchange", "exchange that reported the trade"),
         ("conditions", "IB's special trade conditions"), ("seq", "number of its frame on the tape"),
         ("row", "place in its frame"), RECORDER_OF),
        f"{begin('trades')}, {_SESSIONS}, {_BY_SESSION}\n"
        "select t.symbol, t.instrument_id, t.ts, t.local_ts, t.session_date, t.in_session, t.in_liquid_hours, t.price, "
        't.size, t.exchange, t.conditions, t.seq, t."row", t.recorder\n'
        'from dated_trades t order by t.symbol, t.instrument_id, t.ts, t.seq, t."row"',
        "'ESZ6', '2026-11-18T21:00Z', '2026-11-19'"),
    Function(
        "session_bars",
        "Bars by trading date: the daily bars of an instrument, whatever the zone of its exchange.",
        (*RANGE, Parameter("liquid_only", Kind.FLAG, "only trades in regular hours", "false"), *OPTIONS["trades"]),
        (SYMBOL, ID, _DATE, ("ts", "first trade"), ("end_ts", "last trade"), *OHLC, VOLUME, VWAP, TRADES, GAP,
         RECORDER_OF),
        _SESSION_BARS,
        "'ESZ6', '2026-11-16', '2026-11-20'"),
)
