"""Order books as of a moment, rebuilt from depth in plain SQL, and what begins, ends and breaks a book."""

from .function import AT, RECORDER, SYMBOLS, Function, Kind, Parameter

STREAMS = ("depth", "smart_depth")
MOST_POSITIONS = 128  # IB is asked for 99 at most
NOT_ASKED = "no book had been asked for yet"
NOTHING_YET = "nothing came since the book began"

_OF_BOOKS = f"t.stream in {STREAMS}"
_WHOSE = 't.recorder, t.seq, t."row", t.ts, t.stream, t.instrument_id, t.symbol, t.request_id'
# How many rows of each side a request asks for: read as text, as to take JSON apart some clients need an extension.
_ROWS = """cast(nullif(regexp_extract(t.parameters, '"rows": ?([0-9]+)', 1), '') as integer)"""


def events(wanted: str) -> str:
    """Return a query for what began, ended and broke books: `wanted` is a condition on t, rows that name a symbol.

    Columns: event (begin, end, close, gap), place, whose (null: all books of the recorder), reason, and of a request
    how many rows of each side it asks for: what moves beyond them IB tells no more of, so that it is gone. Of a gap
    `ts` is the last moment that was whole, and its place that at which it was noticed. A frame of depth that could not
    be decoded, and damage of the tape, are gaps too: what is lost were operations.
    """
    return f"""
    select 'begin' as event, {_WHOSE}, null as reason,
        least(coalesce({_ROWS}, {MOST_POSITIONS}), {MOST_POSITIONS}) as rows
    from subscriptions t where t.event = 'requested' and {_OF_BOOKS} and {wanted}
    union all
    select 'begin', {_WHOSE}, null, null
    from notices t where t.code = 317 and {_OF_BOOKS} and {wanted}
    union all
    select 'end', {_WHOSE}, case t.event when 'cancelled' then 'the request was cancelled'
        else coalesce(t.detail, 'the request was refused') end, null
    from subscriptions t where t.event in ('cancelled', 'refused') and {_OF_BOOKS} and {wanted}
    union all
    select 'close', t.recorder, t.seq, t."row", t.ts, null, null, null, null,
        'the session ended: ' || coalesce(t.reason, 'nothing says why'), null
    from sessions t where t.event = 'closed'
    union all
    select 'gap', t.recorder, t.seq, t."row", t.from_ts, t.stream, t.instrument_id, t.symbol, null, t.reason, null
    from gaps t where t.state = 'open' and {_OF_BOOKS} and {wanted}
    union all
    select 'gap', t.recorder, t.seq, t."row", t.ts - interval 1 microsecond, null, null, null, null,
        'a frame could not be decoded: ' || t.reason, null
    from undecoded t where t.message_id is null or t.message_id in (12, 13, 212, 213)
    union all
    select 'gap', t.recorder, t.seq, t."row", t.ts - interval 1 microsecond, null, null, null, null, t.message, null
    from notices t where t.source = 'recorder' and starts_with(t.message, 'the tape is damaged')"""


# A fold without a loop: what an operation does to a side is a list that says of each cell what stands in it then: n
# for the row of operation n, -c for what was in cell c before, 0 for nothing. Two such lists, one after the other, make
# one; so neighbours are joined, and then their joins, until one list is left for each side.
_BOOK = f"""with recursive happened as materialized ({events("has_symbol(t.symbol, symbols)")}
), books as materialized (
    select row_number() over (order by b.symbol, b.instrument_id, b.recorder, b.stream) as book,
        b.symbol, b.instrument_id, b.recorder, b.stream
    from (select distinct h.symbol, h.instrument_id, h.recorder, h.stream from happened h where h.event = 'begin') b
    where b.stream = coalesce(of_stream, b.stream) and b.recorder = coalesce(recorded_by, b.recorder)
), told as materialized (
    select b.book, h.event, h.seq, h."row", h.ts, h.request_id, h.reason,
        last_value(h.rows ignore nulls) over (
            partition by b.book order by h.seq, h."row" rows unbounded preceding) as rows
    from books b join happened h on h.recorder = b.recorder
        and (h.stream is null or (h.stream = b.stream and h.symbol = b.symbol
                                  and h.instrument_id is not distinct from b.instrument_id))
), lives as materialized (
    select t.book, t.seq, t."row", t.ts, t.request_id, coalesce(t.rows, {MOST_POSITIONS}) as rows from told t
    where t.event = 'begin' and t.ts <= utc("at")
    qualify row_number() over (partition by t.book order by t.seq desc, t."row" desc) = 1
), stops as materialized (
    select l.book, t.seq, t.reason
    from lives l join told t on t.book = l.book and t.ts <= utc("at")
        and (t.event = 'close' or (t.event = 'end' and t.request_id = l.request_id))
        and (t.seq > l.seq or (t.seq = l.seq and t."row" > l."row"))
    qualify row_number() over (partition by l.book order by t.seq, t."row") = 1
), operations as materialized (
    select l.book, d.ts, d.seq, d."row", d.operation, d.side, d.position + 1 as cell, d.price, d.size, d.market_maker
    from lives l join books b on b.book = l.book
        join depth d on d.symbol = b.symbol and d.instrument_id is not distinct from b.instrument_id
            and d.recorder = b.recorder and d.stream = b.stream and d.request_id = l.request_id and d.seq > l.seq
        left join stops s on s.book = l.book
    where has_symbol(d.symbol, symbols) and d.ts <= utc("at") and d.date <= utc_date(utc("at"))
        and d.date >= (select min(utc_date(f.ts)) from lives f) and d.seq <= coalesce(s.seq, d.seq)
        and d.operation in ('insert', 'update', 'delete') and d.position is not null and d.side is not null
), seen as materialized (
    select o.book, min(o.seq) as first_seq, max(o.ts) as updated_ts from operations o group by o.book
), breaks as materialized (
    select s.book, t.reason from seen s join told t on t.book = s.book
    where t.event = 'gap' and t.seq >= s.first_seq and t.ts < utc("at")
    qualify row_number() over (partition by s.book order by t.ts, t.seq, t."row") = 1
), states as materialized (
    select b.book, b.symbol, b.instrument_id, b.recorder, b.stream, l.request_id, l.rows, s.updated_ts,
        case when l.book is null then '{NOT_ASKED}' when e.book is not null then e.reason
             when k.book is not null then k.reason when s.book is null then '{NOTHING_YET}' end as reason
    from books b left join lives l on l.book = b.book left join stops e on e.book = b.book
        left join breaks k on k.book = b.book left join seen s on s.book = b.book
), numbered as materialized (
    select o.*, s.rows, row_number() over w as n,
        sum(case o.operation when 'insert' then 1 when 'delete' then -1 else 0 end) over w as grown
    from operations o join states s on s.book = o.book and s.reason is null
    where o.cell between 1 and s.rows
    window w as (partition by o.book, o.side order by o.seq, o."row" rows unbounded preceding)
), ends as (
    select n.book, n.side, n.n, n.rows, n.grown
        + greatest(0, max(n.cell - n.grown - cast(n.operation = 'delete' as integer)) over (
            partition by n.book, n.side order by n.n rows unbounded preceding)) as last_cell
    from numbered n
), sides as materialized (
    select e.book, e.side, cast(least(max(e.last_cell), any_value(e.rows)) as bigint) as cells,
        cast(ceil(log2(greatest(max(e.n), 1))) as integer) as rounds
    from ends e group by e.book, e.side
), folded as (
    select 0 as round, n.book, n.side, n.n - 1 as place, [
        case when n.operation = 'delete' then case when c < n.cell then -c when c = s.cells then 0 else -c - 1 end
             when c = n.cell then n.n when c > n.cell and n.operation = 'insert' then 1 - c else -c end
        for c in range(1, s.cells + 1)] as standing
    from numbered n join sides s on s.book = n.book and s.side = n.side
    union all
    select f.round + 1, f.book, f.side, f.place // 2 as place, case when g.standing is null then f.standing else [
        case when c < 0 then f.standing[-c] else c end for c in g.standing] end
    from folded f join sides s on s.book = f.book and s.side = f.side
        left join folded g on g.book = f.book and g.side = f.side and g.place = f.place + 1
    where f.round < s.rounds and f.place % 2 = 0
), standing as (
    select f.book, f.side, unnest(range(0, s.cells)) as position, unnest(f.standing) as n
    from folded f join sides s on s.book = f.book and s.side = f.side and s.rounds = f.round
), shown as (
    select t.book, t.side, cast(t.position as integer) as position, n.price, n.size, n.market_maker
    from standing t join numbered n on n.book = t.book and n.side = t.side and n.n = t.n
    where t.position < levels
)
select utc("at") as ts, s.symbol, s.instrument_id, s.recorder, s.stream, s.request_id, s.reason is null as valid,
    s.reason, s.updated_ts, h.side, h.position, h.price, h.size, h.market_maker
from states s left join shown h on h.book = s.book
order by s.book, h.side desc, h.position"""

BOOKS = (
    Function(
        "book",
        "The order books of instruments as of a moment: one row per level, bids first. A book that cannot be trusted "
        "is one row without levels: after a gap it stays so until it is requested anew, or IB resets it. What IB says "
        "of positions is taken at its word: a level of which nothing is known is no row. A side has at most the rows "
        "that were asked for.",
        (SYMBOLS, AT, Parameter("levels", Kind.NUMBER, "how many levels of each side", str(MOST_POSITIONS)),
         Parameter("of_stream", Kind.TEXT, "depth or smart_depth only", "null"), RECORDER),
        (("ts", "the moment"), ("symbol", "IB's local symbol"), ("instrument_id", "IB's contract id"),
         ("recorder", "whose tape it comes from"), ("stream", "depth or smart_depth"),
         ("request_id", "the request it came by; null where none had been sent"),
         ("valid", "whether the book can be trusted"), ("reason", "why not; null where it can"),
         ("updated_ts", "when the book last changed"), ("side", "bid or ask; null without levels"),
         ("position", "0 is the best"), ("price", "price of the level"), ("size", "size of the level"),
         ("market_maker", "market maker, or on smart depth the exchange; null where the book names none")),
        _BOOK,
        "'AAPL', '2026-11-18T15:01Z', 5"),
)
