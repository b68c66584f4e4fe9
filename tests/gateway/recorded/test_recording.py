"""What a recording answers equals what SQL finds in the lake, in whatever pieces it is asked."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from capture import Lake
from capture.gateway.recorded import Recording, RecordingError

from .conftest import AAPL, ESZ6, EURUSD, MSFT, OPTION, SECOND_US, START_US, Row, rows

pytestmark = pytest.mark.slow

MIDDLE_US = START_US + 61 * SECOND_US + 7
NEVER = frozenset[int]()


def moment(at_us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)


def us(rows: pa.Table, name: str = "ts") -> list[int]:
    found: list[int] = rows[name].cast(pa.int64()).to_pylist()
    return found


def same(found: pa.Table, wanted: list[Row]) -> None:
    """The rows found are those wanted, in the columns of these."""
    assert found.select(list(wanted[0])).to_pylist() == wanted


@pytest.mark.parametrize(("name", "con_id", "stream"), [
    ("trades", AAPL, "all_last"), ("trades", ESZ6, "all_last"), ("quotes", MSFT, "quotes"),
    ("midpoints", EURUSD, "midpoints")])  # fmt: skip
def test_ticks_are_those_of_the_lake_in_any_pieces(
    lake: Lake, recording: Recording, name: str, con_id: int, stream: str
) -> None:
    wanted = rows(lake, f"""select ts, seq, row, ts_event, {'size' if name == 'trades' else 'instrument_id'}
                            from {name} where instrument_id = {con_id} and stream = '{stream}' order by seq, row""")
    ask, begin_us, end_us = getattr(recording, name), recording.begin_us, recording.end_us
    assert len(wanted) > 20
    same(ask(con_id, begin_us, end_us), wanted)
    same(pa.concat_tables([ask(con_id, begin_us, MIDDLE_US), ask(con_id, MIDDLE_US, end_us)]), wanted)
    same(ask(con_id, begin_us - 86_400 * SECOND_US, end_us), wanted)


def test_last_is_played_as_it_was_recorded_or_made_of_all_trades(lake: Lake, recording: Recording) -> None:
    query = "select ts, seq, price, size from trades where instrument_id = {} and {} order by seq, row"
    edges = (recording.begin_us, recording.end_us)
    same(recording.trades(AAPL, *edges, True), rows(lake, query.format(AAPL, "stream = 'last'")))
    same(recording.trades(MSFT, *edges, True), rows(lake, query.format(MSFT, "not unreported")))


def test_midpoints_that_were_not_recorded_are_those_of_the_quotes(lake: Lake, recording: Recording) -> None:
    wanted = rows(lake, f"""select ts, seq, price from (
        select ts, seq, row, (bid_price + ask_price) / 2 as price, lag(price) over (order by seq, row) as before
        from quotes where instrument_id = {MSFT}) where price is distinct from before order by seq, row""")
    edges = (recording.begin_us, recording.end_us)
    same(recording.midpoints(MSFT, *edges), wanted)
    pieces = [recording.midpoints(MSFT, edges[0], MIDDLE_US), recording.midpoints(MSFT, MIDDLE_US, edges[1])]
    same(pa.concat_tables(pieces), wanted)


def test_past_ticks_are_in_the_order_of_their_own_time(lake: Lake, recording: Recording) -> None:
    from_us, to_us = START_US + 20 * SECOND_US, START_US + 40 * SECOND_US
    wanted = rows(lake, f"""select ts_event, price, size from trades where instrument_id = {ESZ6}
        and ts_event >= '{moment(from_us)}' and ts_event < '{moment(to_us)}' order by ts_event, seq, row""")
    same(recording.past("trades", ESZ6, from_us, to_us, recording.end_us), wanted)
    known_us = from_us + 10 * SECOND_US
    assert max(us(recording.past("trades", ESZ6, from_us, to_us, known_us))) < known_us


def test_a_subscription_to_level_1_begins_with_the_last_of_each_tick(lake: Lake, recording: Recording) -> None:
    generic = frozenset({233, 236})
    wanted = rows(lake, f"""select tick_type, size, text from ticks where instrument_id = {AAPL}
        and ts < '{moment(MIDDLE_US)}'
        qualify row_number() over (partition by tick_type order by seq desc, row desc) = 1 order by ts, seq, row""")
    found = recording.ticks(AAPL, MIDDLE_US, MIDDLE_US + 1, generic, True)
    same(found, wanted)
    assert set(us(found)) == {MIDDLE_US}
    plain = {row["tick_type"] for row in recording.ticks(AAPL, MIDDLE_US, MIDDLE_US + 1, NEVER, True).to_pylist()}
    assert {row["tick_type"] for row in wanted} - plain == {48, 46, 89}


def test_greeks_of_an_option_are_those_of_the_lake(lake: Lake, recording: Recording) -> None:
    wanted = rows(lake, f"select ts, tick_type, delta, option_price from greeks where instrument_id = {OPTION} "
                        "order by seq, row")  # fmt: skip
    same(recording.greeks(OPTION, recording.begin_us, recording.end_us, True), wanted)
    assert not len(recording.greeks(AAPL, recording.begin_us, recording.end_us, True))


def test_level_1_that_was_not_recorded_says_the_last_quote_and_trade_of_every_sample(recording: Recording) -> None:
    from_us, to_us = START_US + 30 * SECOND_US, START_US + 90 * SECOND_US
    ticks = recording.ticks(MSFT, from_us, to_us, NEVER, True)
    pieces = [recording.ticks(MSFT, from_us, MIDDLE_US, NEVER, True),
              recording.ticks(MSFT, MIDDLE_US, to_us, NEVER, False)]  # fmt: skip
    assert pa.concat_tables(pieces) == ticks
    assert us(ticks) == sorted(us(ticks))
    assert all(at_us % 250_000 == 0 for at_us in us(ticks))
    for tick_type, column, source in ((1, "bid_price", recording.quotes), (2, "ask_price", recording.quotes),
                                      (4, "price", recording.trades)):
        said = ticks.filter(pc.equal(ticks["tick_type"], tick_type))
        for at_us, price in zip(us(said), said["price"].to_pylist(), strict=True):
            assert price == source(MSFT, START_US, at_us)[column][-1].as_py()
    assert {row["tick_type"] for row in ticks.to_pylist()} == {0, 1, 2, 3, 4, 5, 45}


def book_of(operations: list[Row], rows: int) -> dict[str, list[tuple[Any, ...]]]:
    """The first rows of a book after operations in order."""
    book: dict[str, list[tuple[Any, ...]]] = {"ask": [], "bid": []}
    for row in operations:
        if row["operation"] == "reset":
            book = {"ask": [], "bid": []}
            continue
        side, value = book[row["side"]], (row["price"], row["size"], row["market_maker"])
        match row["operation"]:
            case "insert":
                side.insert(row["position"], value)
            case "update":
                side[row["position"]] = value
            case "delete":
                del side[row["position"]]
    return {side: values[:rows] for side, values in book.items()}


@pytest.mark.parametrize(("con_id", "smart", "rows_wanted"), [
    (AAPL, True, 10), (AAPL, True, 20), (AAPL, True, 3), (AAPL, False, 5), (ESZ6, False, 1)])  # fmt: skip
def test_books_are_those_that_the_recorded_operations_make(
    lake: Lake, recording: Recording, con_id: int, smart: bool, rows_wanted: int
) -> None:
    stream = "smart_depth" if smart else "depth"
    to_us = MIDDLE_US + 20 * SECOND_US
    for at_us in (START_US + 5 * SECOND_US, MIDDLE_US, to_us):
        operations = rows(lake, f"""select operation, side, position, price, size, market_maker from depth
            where instrument_id = {con_id} and stream = '{stream}' and ts < '{moment(at_us)}' order by seq, row""")
        book = recording.book(con_id, at_us, rows_wanted, smart).to_pylist()
        assert book_of(book, rows_wanted) == book_of(operations, rows_wanted)
    start = recording.book(con_id, MIDDLE_US, rows_wanted, smart).to_pylist()
    pieces = [recording.depth(con_id, begin_us, end_us, rows_wanted, smart).to_pylist()
              for begin_us, end_us in ((MIDDLE_US, MIDDLE_US + SECOND_US), (MIDDLE_US + SECOND_US, to_us))]  # fmt: skip
    followed = [*start, *pieces[0], *pieces[1]]
    assert book_of(followed, 99) == book_of(recording.book(con_id, to_us, rows_wanted, smart).to_pylist(), 99)


def test_a_book_is_reset_where_ib_or_the_recorder_began_it_anew(broken_lake: Lake, broken: Recording) -> None:
    resets = [row for row in broken.depth(AAPL, broken.begin_us, broken.end_us, 10, True).to_pylist()
              if row["operation"] == "reset"]  # fmt: skip
    said = rows(broken_lake, f"""select ts from depth where operation = 'reset' and stream = 'smart_depth'
                                 and instrument_id = {AAPL}""")
    again = rows(broken_lake, f"""select min(ts) as ts from depth
        where instrument_id = {AAPL} and stream = 'smart_depth'
        and ts > (select min(ts) from sessions where event = 'closed')""")
    requested = rows(broken_lake, f"""select ts from subscriptions where event = 'requested' and stream = 'smart_depth'
                                      and instrument_id = {AAPL} order by ts""")
    assert len(said) == 1 and len(resets) >= len(requested)
    assert {row["ts"] for row in (*said, *again)} <= {row["ts"] for row in resets}


# Bars

FIELDS = "open, high, low, close, volume, trade_count"
BARS = """
select to_timestamp(epoch(ts_event)::bigint // {size} * {size}) as ts_event, first({price} order by ts_event, seq, row)
as open, max({price}) as high, min({price}) as low, last({price} order by ts_event, seq, row) as close
from {table} where instrument_id = {con_id} and stream = '{stream}' group by 1 order by 1
"""


@pytest.mark.parametrize(("what", "price", "table", "stream"), [
    ("TRADES", "price", "trades", "all_last"), ("BID", "bid_price", "quotes", "quotes"),
    ("MIDPOINT", "(bid_price + ask_price) / 2", "quotes", "quotes")])  # fmt: skip
@pytest.mark.parametrize("size_s", [1, 10, 30, 60, 120])
def test_bars_that_were_not_recorded_are_made_of_ticks(
    lake: Lake, recording: Recording, what: str, price: str, table: str, stream: str, size_s: int
) -> None:
    wanted = rows(lake, BARS.format(size=size_s, price=price, table=table, stream=stream, con_id=MSFT))
    begin_us = recording.head_us
    found = recording.bars(MSFT, begin_us, recording.end_us, size_s, what, False, recording.end_us)
    same(found, wanted)
    if what == "TRADES":
        total = rows(lake, f"""select sum(size) as size, count(*) as n, sum(price * size) as value from trades
                               where instrument_id = {MSFT}""")[0]
        assert (sum(found["volume"].to_pylist()), sum(found["trade_count"].to_pylist())) == (total["size"], total["n"])
        value = np.dot(found["wap"].to_numpy(), found["volume"].to_numpy())
        assert value == pytest.approx(total["value"], rel=1e-9)
    else:
        assert found["volume"].null_count == len(found)


def test_a_day_is_one_bar_of_its_trading_date(lake: Lake, recording: Recording) -> None:
    end_us = recording.end_us
    (bar,) = recording.bars(MSFT, recording.head_us, end_us, 86_400, "TRADES", False, end_us).to_pylist()
    day = rows(lake, f"""select max(price) as high, min(price) as low, count(*) as trade_count from trades
                         where instrument_id = {MSFT}""")[0]
    assert bar["ts_event"] == datetime(2026, 11, 18, tzinfo=UTC)
    assert {name: bar[name] for name in day} == day


def test_recorded_bars_come_before_made_ones_and_only_when_they_are_known(lake: Lake, recording: Recording) -> None:
    minute_us = START_US + 60 * SECOND_US
    ask = (AAPL, START_US, recording.end_us, 60, "TRADES", False)
    states = rows(lake, f"""select ts, open, high, low, close, volume from bars where stream = 'live_bars'
        and form = 'update' and ts_event = '{moment(minute_us)}' order by seq""")
    for known_us in (minute_us + 11 * SECOND_US, minute_us + 31 * SECOND_US, recording.end_us):
        newest = [state for state in states if state["ts"] < moment(known_us)][-1]
        bars = recording.bars(*ask, known_us).to_pylist()
        (bar,) = (bar for bar in bars if bar["ts_event"] == moment(minute_us))
        assert {name: bar[name] for name in newest if name != "ts"} == {
            name: newest[name] for name in newest if name != "ts"}
    history = recording.bars(AAPL, START_US - 600 * SECOND_US, START_US, 60, "TRADES", False, START_US)
    wanted = rows(lake, f"""select ts_event, {FIELDS} from bars
        where form = 'history' and ts_event < '{moment(START_US)}'
        and ts_event >= '{moment(START_US - 600 * SECOND_US)}' order by ts_event""")
    same(history, wanted)


def test_closed_bars_are_played_as_recorded_or_made(lake: Lake, recording: Recording) -> None:
    edges = (recording.begin_us, recording.end_us)
    wanted = rows(lake, f"""select ts, seq, ts_event, {FIELDS} from bars
                            where instrument_id = {AAPL} and form = 'closed' order by seq""")
    same(recording.closed_bars(AAPL, *edges, "TRADES", False), wanted)
    made = recording.closed_bars(MSFT, *edges, "TRADES", False)
    bars = rows(lake, BARS.format(size=5, price="price", table="trades", stream="all_last", con_id=MSFT))
    assert made.select(list(bars[0])).to_pylist() == bars[: len(made)] and len(made) >= len(bars) - 1
    pieces = [recording.closed_bars(MSFT, edges[0], MIDDLE_US, "TRADES", False),
              recording.closed_bars(MSFT, MIDDLE_US, edges[1], "TRADES", False)]  # fmt: skip
    assert pa.concat_tables(pieces) == made


def test_updates_of_bars_are_played_as_recorded_or_made(lake: Lake, recording: Recording) -> None:
    edges = (recording.begin_us, recording.end_us)
    wanted = rows(lake, f"select ts, seq, ts_event, {FIELDS} from bars where form = 'update' order by seq")
    same(recording.bar_updates(AAPL, *edges, 60, "TRADES", False), wanted)
    made = recording.bar_updates(MSFT, *edges, 30, "TRADES", False).to_pylist()
    for bar in made:
        begin_us, at_us = (int(bar[name].timestamp()) * SECOND_US for name in ("ts_event", "ts"))
        prices = [row["price"] for row in recording.past("trades", MSFT, begin_us, at_us, at_us).to_pylist()]
        assert (bar["open"], bar["high"], bar["low"], bar["close"]) == (
            prices[0], max(prices), min(prices), prices[-1])
    assert len(made) > 10


# What there is


def test_contracts_are_found_as_ib_finds_them(recording: Recording) -> None:
    find = recording.find
    assert [one["con_id"] for one in find(START_US, symbol="AAPL", sec_type="STK")] == [AAPL]
    option = {"symbol": "AAPL", "sec_type": "OPT", "strike": 250.0, "right": "CALL"}
    assert [one["con_id"] for one in find(START_US, **option)] == [OPTION]
    assert [one["con_id"] for one in find(START_US, local_symbol="ESZ6")] == [ESZ6]
    assert find(START_US, con_id=AAPL, exchange="NASDAQ")[0]["exchange"] == "NASDAQ"
    for nothing in ({"symbol": "AAPL"}, {"con_id": 1}, {"con_id": AAPL, "currency": "EUR"}):
        assert find(START_US, **nothing) == []
    assert find(START_US - 2 * 86_400 * SECOND_US, con_id=AAPL) == []
    assert recording.market_rule(26, START_US) == [(0.0, 0.01)]
    assert recording.market_rule(4711, START_US) is None


def test_streams_that_were_neither_recorded_nor_can_be_made_are_not_offered(recording: Recording) -> None:
    offered = {(con_id, stream) for con_id in (AAPL, MSFT, ESZ6, EURUSD, OPTION) for stream in (
        "ticks", "all_last", "last", "quotes", "midpoints", "depth", "smart_depth", "bars")
        if recording.offers(con_id, stream)}  # fmt: skip
    refused = {(MSFT, "depth"), (MSFT, "smart_depth"), (ESZ6, "smart_depth"), (EURUSD, "all_last"), (EURUSD, "last"),
               (EURUSD, "quotes"), (EURUSD, "depth"), (OPTION, "all_last"), (OPTION, "quotes"), (OPTION, "bars")}
    assert not offered & refused
    assert {(AAPL, "smart_depth"), (MSFT, "ticks"), (MSFT, "midpoints"), (EURUSD, "bars"), (OPTION, "ticks")} <= offered


def test_the_head_is_the_first_that_was_recorded_and_known(lake: Lake, recording: Recording) -> None:
    for con_id, what, table in ((MSFT, "TRADES", "trades"), (MSFT, "BID", "quotes"), (EURUSD, "MIDPOINT", "midpoints")):
        (first,) = rows(lake, f"select epoch_us(min(ts)) as us from {table} where instrument_id = {con_id}")
        assert recording.first_us(con_id, what, recording.end_us) == first["us"]
        assert recording.first_us(con_id, what, first["us"]) is None
    assert recording.first_us(OPTION, "TRADES", recording.end_us) is None
    (first_bar,) = rows(lake, "select epoch_us(min(ts_event)) as us from bars where form = 'history'")
    first_us = recording.first_us(AAPL, "TRADES", recording.end_us)
    assert first_us == first_bar["us"]


def test_it_can_be_narrowed_down(lake: Lake) -> None:
    narrow = Recording(lake, instruments=["AAPL", f"conid:{ESZ6}", "OPT:AAPL:20261218:250:C"])
    assert {one["con_id"] for kind in ("STK", "FUT", "OPT") for one in narrow.find(START_US, sec_type=kind)} == {
        AAPL, ESZ6, OPTION}
    with pytest.raises(RecordingError, match="'TSLA' was not recorded; recorded instruments: AAPL, "):
        Recording(lake, instruments=["TSLA"])
    with pytest.raises(RecordingError, match="was not recorded"):  # digits are a symbol
        Recording(lake, instruments=[str(ESZ6)])
    with pytest.raises(RecordingError, match="no recorder here is named 'other'; there are: main"):
        Recording(lake, "other")


def test_what_ib_said_and_when_nothing_was_heard_is_told(broken_lake: Lake, broken: Recording) -> None:
    told = [(row["code"], row["ts"]) for row in broken.notices(broken.begin_us, broken.end_us + SECOND_US).to_pylist()]
    codes = [code for code, _ in told]
    closed, opened = (rows(broken_lake, f"""select ts from sessions where event = '{event}'
                                            order by ts offset {skipped} limit 1""")[0]["ts"]
                      for event, skipped in (("closed", 0), ("opened", 1)))  # fmt: skip
    # That the recording ends is no fault of the line.
    assert [code for code in codes if code in (1100, 1102)] == [1100, 1102, 1100, 1102]
    assert codes.count(2103) == 1
    down, up = (next(ts for code, ts in told if code == wanted) for wanted in (1100, 1102))
    assert down <= closed < opened <= up
    broken_us = next(int(ts.timestamp() * 1e6) for code, ts in told if code == 2103)
    assert [code for code, _ in broken.standing(broken_us + SECOND_US)] == [2103]
    assert list(broken.standing(broken_us + 10 * SECOND_US)) == []
    assert [code for code, _ in broken.standing(int(down.timestamp() * 1e6) + SECOND_US)] == [1100]
