"""What is written as DBN is read back by Databento's own libraries, record by record, and what is lost is counted."""

import builtins
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, cast

import databento_dbn as dbn_library
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import capture
from capture import Lake
from capture.export import dbn
from capture.export.dbn.definitions import dates
from capture.export.dbn.records import Values
from capture.export.job import Job
from capture.gateway.market import Market
from capture.query import QueryError
from capture.schemas import TABLES
from capture.wanted.settings import RecordBlock
from tests.foreign import run
from tests.lake.functions.conftest import IDS, NOON, MadeLake
from tests.recording import record as record_market

CLIENT = ("databento==0.87.0", "pyarrow")
READER = Path(__file__).parent / "readers" / "dbn.py"
START = datetime(2026, 11, 18, 15, 0, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
US = timedelta(microseconds=1)
NONE, NO_TIME, NO_SMALL, NO_WHOLE = 2**63 - 1, 2**64 - 1, 2**31 - 1, 2**32 - 1
LEVELS = [f"{level:02}" for level in range(10)]


def job_of(lake: Lake, table: str, **asked: Any) -> Job:
    return Job(lake, TABLES[table], **asked)


def write(job: Job, path: Path) -> None:
    rows = dbn.rows(job)
    writer = dbn.open_writer(path, rows, job)
    for batch in rows.batches:
        assert batch.schema == rows.schema
        writer.write(batch)
    writer.close()


def exported(job: Job, folder: Path, name: str = "out.dbn.zst") -> tuple[Any, list[Any]]:
    """Write a job and return the metadata and the records as Databento's decoder gives them."""
    write(job, folder / name)
    decoder = dbn_library.DBNDecoder()
    with pa.input_stream(str(folder / name), compression="zstd" if name.endswith(".zst") else None) as file:
        decoder.write(file.read())
    head, *records = decoder.decode()
    return head, records


def ns(at: datetime) -> int:
    return (at - EPOCH) // US * 1_000


def price(billionths: int) -> float | None:
    return None if billionths == NONE else billionths / 1e9


def event(record: Any) -> tuple[int, ...]:
    return record.instrument_id, record.ts_event, record.ts_recv, record.sequence, record.flags, record.publisher_id


def expected_event(row: dict[str, Any]) -> tuple[int, ...]:
    return (row["instrument_id"], ns(row["ts_event"] or row["ts"]), ns(row["ts"]), row["seq"] % 2**32,
            136 if row["origin"] == "backfill" else 128, 0)  # fmt: skip


def some_trades(lake: MadeLake, count: int = 400) -> None:
    random = Random(3)
    for i in range(count):
        at = NOON + timedelta(microseconds=i * 250_017)
        second = at.replace(microsecond=0)
        backfill = i % 11 == 0
        lake.trade(second if backfill else at, round(280 + random.random(), 2), random.choice([1.0, 100.0, 0.0]),
                   symbol=random.choice(["AAPL", "MSFT"]), ts_event=None if i % 7 == 0 else second,
                   origin="backfill" if backfill else "live", unreported=i % 5 == 0)  # fmt: skip


def test_trades_come_back_one_by_one(made: MadeLake, tmp_path: Path) -> None:
    some_trades(made)
    job = job_of(made.lake, "trades")
    head, records = exported(job, tmp_path)
    rows = made.lake.sql("select * from trades order by ts, recorder, seq, row").arrow().to_pylist()
    assert len(records) == 400
    for record, row in zip(records, rows, strict=True):
        assert event(record) == expected_event(row)
        assert (price(record.price), record.size) == (row["price"], row["size"])
        assert (record.action, record.side, record.rtype) == ("T", "N", dbn_library.RType.MBP_0)
    assert not job.losses
    assert (head.version, head.dataset, head.schema) == (dbn_library.DBN_VERSION, "TICKTAPE", "trades")
    day = {"start_date": date(2026, 11, 18), "end_date": date(2026, 11, 19)}
    assert head.mappings == {symbol: [{**day, "symbol": str(IDS[symbol])}] for symbol in ("AAPL", "MSFT")}
    assert (head.start, head.end) == (ns(NOON.replace(hour=0)), ns(NOON.replace(hour=0) + timedelta(days=1)))


def test_what_a_trade_cannot_hold_is_counted(made: MadeLake, tmp_path: Path) -> None:
    for i, (one_price, size) in enumerate([(280.33, 0.4), (280.33, 2.5e10), (1e10, 1.0), (0.1234567891, 1.0)]):
        made.trade(i, one_price, size)
    made.trade(11, 5.0, instrument_id=2**32)
    made.trade(12, 5.0, None)  # type: ignore[arg-type]  # IB may send none
    job = job_of(made.lake, "trades")
    _, records = exported(job, tmp_path)
    assert [(price(one.price), one.size) for one in records] == [
        (280.33, 0), (280.33, 2**32 - 2), (None, 1), (0.123456789, 1), (5.0, 0)]  # fmt: skip
    assert sorted(job.losses.values()) == [1] * 6
    assert {what.split(",")[0] for what in job.losses} == {
        "fractional sizes", "sizes that DBN's numbers do not reach", "prices too large for DBN",
        "prices with more than nine decimals", "rows whose contract id is no number from 1 to 2^32 - 1",
        "sizes that IB did not send"}  # fmt: skip


def test_what_was_recorded_twice_is_written_once(made: MadeLake, tmp_path: Path) -> None:
    for stream in ("all_last", "last"):
        made.trade(1, 5.0, stream=stream)
    assert len(exported(job_of(made.lake, "trades"), tmp_path)[1]) == 1


def test_quotes_come_back_one_by_one(made: MadeLake, tmp_path: Path) -> None:
    random = Random(4)
    for i in range(400):
        bid = None if i % 13 == 0 else round(99 + random.random(), 4)
        made.quote(i / 8, bid, None if i % 17 == 0 else 101.25, symbol=random.choice(["AAPL", "MSFT"]),
                   bid_size=0.0 if bid is None else float(i), ask_size=7.0,
                   ts_event=NOON + timedelta(seconds=i // 8))  # fmt: skip
    job = job_of(made.lake, "quotes")
    head, records = exported(job, tmp_path, "out.dbn")
    rows = made.lake.sql("select * from quotes order by ts, recorder, seq, row").arrow().to_pylist()
    assert head.schema == "mbp-1"
    for record, row in zip(records, rows, strict=True):
        assert event(record) == expected_event(row)
        [level] = record.levels
        assert (price(level.bid_px), price(level.ask_px)) == (row["bid_price"], row["ask_price"])
        assert (level.bid_sz, level.ask_sz) == (row["bid_size"], row["ask_size"])
        assert (record.action, record.side, record.price, record.size) == ("M", "N", NONE, 0)
    assert not job.losses


@pytest.mark.parametrize(("every", "width"), [("1 second", "1s"), ("60 seconds", "1m"), ("1 hour", "1h"),
                                              ("24 hours", "1d")])  # fmt: skip
def test_bars_of_trades_come_back(made: MadeLake, tmp_path: Path, every: str, width: str) -> None:
    some_trades(made)
    job = job_of(made.lake, "trades", every=every)
    head, records = exported(job, tmp_path)
    rows = made.lake.time_bars(None, every).arrow().to_pylist()
    rows.sort(key=lambda row: (row["ts"], row["symbol"]))
    assert head.schema == f"ohlcv-{width}" and rows
    assert [bar(record) for record in records] == [bar_of(row, "ts") for row in rows]
    assert not job.losses


def bar(record: Any) -> tuple[Any, ...]:
    return (record.instrument_id, record.ts_event, *map(price, (record.open, record.high, record.low, record.close)),
            record.volume)  # fmt: skip


def bar_of(row: dict[str, Any], time: str) -> tuple[Any, ...]:
    return (row["instrument_id"], ns(row[time]), *(row[name] for name in ("open", "high", "low", "close")),
            row["volume"] or 0)  # fmt: skip


def ib_bar(lake: MadeLake, minute: int, close: float, **values: Any) -> None:
    usual: dict[str, Any] = {
        "stream": "bars", "ts_event": NOON + timedelta(minutes=minute), "bar_size": "1 min", "what": "TRADES",
        "regular_hours": False, "form": "history", "open": 1.25, "high": 9.5, "low": 1.0, "volume": 12.0}  # fmt: skip
    lake.add("bars", 7_200 + len(lake.rows["bars"]), **usual | {"close": close} | values)


def test_bars_of_ib_are_written_once_as_said_last(made: MadeLake, tmp_path: Path) -> None:
    for form, close in (("update", 2.0), ("update", 3.0), ("history", 4.0)):
        ib_bar(made, 1, close, form=form)
    ib_bar(made, 0, 5.0, volume=None)
    ib_bar(made, 0, 6.0, regular_hours=True)
    ib_bar(made, 0, 7.0, what="MIDPOINT")
    ib_bar(made, 0, 8.0, ts_event=None)
    ib_bar(made, 0, 9.0, what=None)
    ib_bar(made, 0, 9.5, instrument_id=None)
    job = job_of(made.lake, "bars")
    head, records = exported(job, tmp_path)
    assert head.schema == "ohlcv-1m"
    assert [(one.ts_event, one.close / 1e9, one.volume) for one in records] == [
        (ns(NOON), 5.0, 0), (ns(NOON + timedelta(minutes=1)), 4.0, 12)]  # fmt: skip
    assert head.mappings["AAPL"][0]["start_date"] == NOON.date()
    assert sorted(job.losses.items()) == [
        ("bars of another kind than TRADES, or of none that is known", 2), ("bars whose date could not be read", 1),
        ("rows without a contract id, left out", 1), ("sizes that IB did not send, written as 0", 1)]  # fmt: skip


def test_bars_of_several_sizes_are_chosen_by_every(made: MadeLake, tmp_path: Path) -> None:
    ib_bar(made, 0, 5.0)
    ib_bar(made, 0, 6.0, bar_size="1 hour")
    with pytest.raises(QueryError, match=r"there are 1 hour, 1 min: say `every`"):
        dbn.rows(job_of(made.lake, "bars"))
    with pytest.raises(QueryError, match="whether its bars are whole"):
        dbn.rows(job_of(made.lake, "bars", every="1 hour", whole=True))
    job = job_of(made.lake, "bars", every="1 hour")
    head, records = exported(job, tmp_path)
    assert (head.schema, [one.close for one in records]) == ("ohlcv-1h", [6 * 10**9]) and not job.losses


@pytest.mark.parametrize(("values", "why"), [
    ({"bar_size": "5 secs"}, "bars of 1 second, 1 minute, 1 hour or 1 day only, and there are 5 secs"),
    ({"bar_size": None}, "and there are none")])  # fmt: skip
def test_bars_of_other_sizes_are_refused(made: MadeLake, values: dict[str, Any], why: str) -> None:
    ib_bar(made, 0, 5.0, **values)
    with pytest.raises(QueryError, match=why):
        dbn.rows(job_of(made.lake, "bars"))


def test_bars_of_several_kinds_without_trades_are_refused(made: MadeLake) -> None:
    ib_bar(made, 0, 5.0, what="BID")
    ib_bar(made, 0, 5.0, what="ASK")
    with pytest.raises(QueryError, match="of 1 min there are ASK, BID"):
        dbn.rows(job_of(made.lake, "bars"))


@pytest.mark.parametrize(("table", "every", "why"), [
    ("quotes", "1 second", "hold the last trade"), ("depth", "1 second", "no order books in steps"),
    ("trades", "5 minutes", "choose 1 second, 1 minute"),
    ("instruments", "1 day", "no bars are made of instruments")])  # fmt: skip
def test_what_dbn_has_no_records_for_is_refused(made: MadeLake, table: str, every: str, why: str) -> None:
    made.trade(0, 5.0)
    with pytest.raises(QueryError, match=why):
        dbn.rows(job_of(made.lake, table, every=every))


def test_without_the_library_it_is_said_what_to_install(made: MadeLake, monkeypatch: pytest.MonkeyPatch) -> None:
    made.trade(0, 5.0)
    whole = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "databento_dbn":
            raise ModuleNotFoundError(name)
        return whole(name, *rest)

    job = job_of(made.lake, "trades")
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(QueryError, match=r"pip install 'ticktape\[dbn\]'"):
        dbn.rows(job)


def test_nothing_is_a_file_without_records(made: MadeLake, tmp_path: Path) -> None:
    made.trade(0, 5.0)
    head, records = exported(job_of(made.lake, "trades", instruments="MSFT"), tmp_path)
    assert (records, head.symbols, head.mappings) == ([], [], {})


def test_symbols_that_a_head_cannot_hold_are_left_out_of_it(made: MadeLake, tmp_path: Path) -> None:
    made.add("trades", 0, price=5.0)
    made.add("trades", 1, price=6.0, instrument_id=77)
    made.rows["trades"][1]["symbol"] = "MÜV2"
    job = job_of(made.lake, "trades")
    head, records = exported(job, tmp_path)
    assert (head.symbols, [one.instrument_id for one in records]) == (["AAPL"], [IDS["AAPL"], 77])
    assert sum(job.losses.values()) == 1


OPTION: dict[str, Any] = {
    "security_type": "OPT", "right": "P", "strike": 252.5, "ib_symbol": "AAPL", "multiplier": "100",
    "min_tick": 0.01, "price_magnifier": 1, "currency": "USD", "exchange": "SMART", "primary_exchange": "CBOE",
    "trading_class": "AAPL", "underlying_id": 265598, "underlying_symbol": "AAPL",
    "last_trade_date": "20261218", "last_trade_time": "16:00:00", "time_zone": "US/Eastern",
    "min_size": 1.0, "size_increment": 1.0}  # fmt: skip


def test_contract_details_come_back(made: MadeLake, tmp_path: Path) -> None:
    made.add("instruments", 1, **OPTION)
    made.add("instruments", 2, symbol="MSFT", security_type="STK", exchange="NASDAQ", primary_exchange="NASDAQ",
             min_tick=0.0001, currency="USD", min_size=0.0001, size_increment=100.0)
    made.add("instruments", 3, symbol="ESZ6", security_type="CRYPTO", ib_symbol="BTC", exchange="PAXOS",
             multiplier="0.1", price_magnifier=100, currency="USDT", last_trade_date="202612")
    made.add("instruments", 4, **OPTION | {"right": "C"})
    job = job_of(made.lake, "instruments")
    head, (option, stock, coin, again) = exported(job, tmp_path)
    assert head.schema == "definition"
    assert (option.instrument_id, option.raw_instrument_id, option.raw_symbol) == (IDS["AAPL"], IDS["AAPL"], "AAPL")
    assert (option.ts_event, option.ts_recv) == (ns(NOON + timedelta(seconds=1)),) * 2
    assert (option.instrument_class, option.security_type, option.asset) == ("P", "OPT", "AAPL")
    assert option.exchange == "XCBO"
    assert (price(option.strike_price), option.strike_price_currency, option.currency) == (252.5, "USD", "USD")
    assert (option.underlying, option.underlying_id, option.contract_multiplier) == ("AAPL", 265598, 100)
    assert (price(option.min_price_increment), price(option.display_factor)) == (0.01, 1.0)
    assert option.expiration == ns(datetime(2026, 12, 18, 21, tzinfo=UTC))
    assert (option.maturity_year, option.maturity_month, option.maturity_day) == (2026, 12, 18)
    assert (option.min_trade_vol, option.min_lot_size, option.group) == (1, 1, "AAPL")
    assert (stock.instrument_class, stock.exchange, price(stock.min_price_increment)) == ("K", "XNAS", 0.0001)
    assert (stock.min_trade_vol, stock.min_lot_size, stock.expiration, stock.strike_price) == (
        NO_WHOLE, 100, NO_TIME, NONE)  # fmt: skip
    assert (coin.instrument_class, coin.exchange, coin.currency, coin.security_type) == (" ", "", "", "CRYPTO")
    assert (price(coin.unit_of_measure_qty), coin.contract_multiplier, price(coin.display_factor)) == (
        0.1, NO_SMALL, 0.01)  # fmt: skip
    assert (coin.maturity_year, coin.maturity_month, coin.maturity_day) == (2026, 12, 255)
    assert (again.instrument_class, again.security_update_action, option.security_update_action) == ("C", "M", "A")
    assert job.losses == {"texts of exchange longer than 4 bytes, left out": 1,
                          "texts of currency longer than 3 bytes, left out": 1,
                          "values of min_size that are no whole numbers, left out": 1}  # fmt: skip


@pytest.mark.parametrize(("written", "hour", "zone", "expiration"), [
    ("20261218", "08:30:00", "US/Central", datetime(2026, 12, 18, 14, 30, tzinfo=UTC)),
    ("20261218", None, "US/Central", datetime(2026, 12, 18, tzinfo=UTC)),
    ("20261218", "08:30:00", "Nowhere", datetime(2026, 12, 18, tzinfo=UTC)),
    ("202612", "08:30:00", "US/Central", None), ("", None, None, None), (None, None, None, None)])  # fmt: skip
def test_when_a_contract_ends(written: str | None, hour: str | None, zone: str | None, expiration: Any) -> None:
    found = dates({"last_trade_date": written, "last_trade_time": hour, "time_zone": zone})
    assert found.get("expiration") == (expiration and ns(expiration))


def test_the_moment_of_the_last_trade_goes_before_date_and_time() -> None:
    found = dates({"last_trade_date": "20261218", "last_trade_time": "16:00:00", "time_zone": "Nowhere",
                   "last_trade_ts": datetime(2026, 12, 18, 21, tzinfo=UTC)})  # fmt: skip
    assert found == {"maturity_year": 2026, "maturity_month": 12, "maturity_day": 18,
                     "expiration": ns(datetime(2026, 12, 18, 21, tzinfo=UTC))}  # fmt: skip


def values_of(numbers: list[float | None]) -> tuple[Values, Job]:
    job = Job(cast(Lake, None), TABLES["trades"])
    return Values(dbn_library, pa.record_batch({"number": pa.array(numbers, pa.float64())}), job), job


@given(st.lists(st.none() | st.integers(-10**8, 10**8), max_size=30), st.sampled_from([1, 100, 400, 10_000]))
def test_prices_of_usual_steps_are_exact(counts: list[int | None], per_unit: int) -> None:
    prices = [None if count is None else count / per_unit for count in counts]
    values, job = values_of(prices)
    assert [price(int(one)) for one in values.price("number")] == prices
    decimal = per_unit != 400 or all(count is None or (count / 400 * 1e9).is_integer() for count in counts)
    assert not (decimal and job.losses)


@given(st.lists(st.floats(allow_nan=False), max_size=30))
def test_any_price_is_exact_or_counted(prices: list[float]) -> None:
    values, job = values_of(list(prices))
    wrong = sum(price(int(written)) != wanted for written, wanted in zip(values.price("number"), prices, strict=True))
    assert sum(job.losses.values()) == wrong


@given(st.lists(st.none() | st.floats(0, allow_nan=False), max_size=30))
def test_any_size_is_exact_or_counted(sizes: list[float | None]) -> None:
    values, job = values_of(list(sizes))
    written = values.size("number").tolist()
    wrong = {i for i, size in enumerate(sizes) if written[i] != size}
    assert wrong <= {i for i, size in enumerate(sizes) if size is None or size % 1 or size > 2**32 - 2}
    assert all(0 <= one <= 2**32 - 2 for one in written)
    assert sum(job.losses.values()) >= len(wrong)
    assert bool(job.losses) == bool(wrong)
    assert all(abs(one - size) <= 0.5 for one, size in zip(written, sizes, strict=True) if size and size < 2**32 - 2)


RECORD = [RecordBlock(instruments=["AAPL"], streams=["trades", "quotes", "smart_depth:10"]),
          RecordBlock(instruments=["ESZ6"], streams=["trades", "quotes", "depth:5"])]  # fmt: skip


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    data = tmp_path_factory.mktemp("dbn") / "data"
    # The books are reset after 30 s, and the line breaks after 50 s, for some 15 s.
    commands = [(30, "reset"), (50, "refuse", 15.0), (50, "drop")]
    record_market(data, Market(5, rate=0.5), START, 120, RECORD, commands)
    with capture.open_lake(data) as lake:
        yield lake


def client_reads(job: Job, folder: Path, schema: str, index: str) -> pl.DataFrame:
    """Return a frame as Databento's client makes it, after a check of what it says of the file."""
    write(job, folder / "out.dbn.zst")
    said = run(CLIENT, READER, folder / "out.dbn.zst", folder / "read.parquet")
    assert said.split() == ["TICKTAPE", schema, "raw_symbol", "2"]
    frame = pl.read_parquet(folder / "read.parquet")
    assert frame[index].dtype == pl.Datetime("ns", "UTC")
    assert frame.columns[0] == index
    return frame


def assert_same(frame: pl.DataFrame, rows: pl.DataFrame, names: dict[str, str]) -> None:
    """Compare columns, named as the client's on the left; missing prices are NaN to it."""
    assert len(frame) == len(rows) > 0
    for theirs, ours in names.items():
        wanted = rows[ours]
        if wanted.dtype == pl.Datetime("us", "UTC"):
            assert frame[theirs].dt.epoch("ns").to_list() == wanted.dt.epoch("ns").to_list(), theirs
        elif wanted.dtype == pl.Float64:
            found = frame[theirs].cast(pl.Float64).fill_nan(None)
            assert found.to_list() == wanted.to_list(), theirs
        else:
            assert frame[theirs].to_list() == wanted.cast(pl.String).to_list() if theirs == "symbol" else (
                frame[theirs].to_list() == wanted.to_list()), theirs


def alike(*names: str) -> dict[str, str]:
    return {name: name for name in names}


WHO = alike("symbol", "instrument_id")
WHEN = {**WHO, "ts_recv": "ts", "ts_event": "ts_event", "sequence": "seq"}


@pytest.mark.slow
def test_the_client_reads_recorded_trades(played: Lake, tmp_path: Path) -> None:
    job = job_of(played, "trades")
    rows = played.sql("select * from trades_once(null, null, null, with_unreported := true) "
                        "order by ts, recorder, seq, row").pl()
    frame = client_reads(job, tmp_path, "trades", "ts_recv")
    assert_same(frame, rows.with_columns(pl.col("ts_event").fill_null(pl.col("ts"))),
                {**WHEN, "price": "price", "size": "size"})
    assert not job.losses


@pytest.mark.slow
def test_the_client_reads_recorded_quotes(played: Lake, tmp_path: Path) -> None:
    job = job_of(played, "quotes")
    rows = played.sql("select * from quotes_once(null, null, null) order by ts, recorder, seq, row").pl()
    frame = client_reads(job, tmp_path, "mbp-1", "ts_recv")
    assert_same(frame, rows.with_columns(pl.col("ts_event").fill_null(pl.col("ts"))), {
        **WHEN, "bid_px_00": "bid_price", "ask_px_00": "ask_price", "bid_sz_00": "bid_size",
        "ask_sz_00": "ask_size"})  # fmt: skip
    assert not job.losses


@pytest.mark.slow
def test_the_client_reads_rebuilt_books(played: Lake, tmp_path: Path) -> None:
    job = job_of(played, "depth")
    frame = client_reads(job, tmp_path, "mbp-10", "ts_recv")
    books = pl.concat([played.book_snapshots(symbol, *job.span, every=None).pl() for symbol in ("AAPL", "ESZ6")])
    sizes = [f"{side}_sz_{level}" for side in ("bid", "ask") for level in LEVELS]
    prices = [name.replace("sz", "px") for name in sizes]
    books = books.with_columns(pl.col(sizes).fill_null(0.0))
    for symbol in ("AAPL", "ESZ6"):  # rows of two instruments at the same moment come in any order
        rows, read = books.filter(symbol=symbol), frame.filter(pl.col("symbol") == symbol)
        assert_same(read, rows, {**WHO, "ts_recv": "ts", "ts_event": "ts", **alike(*prices, *sizes)})
        assert read["action"].to_list() == ["M" if valid else "R" for valid in rows["valid"]]
        assert read["flags"].to_list() == [128 if valid else 132 for valid in rows["valid"]]
        assert set(rows["valid"]) == {True, False}
    assert frame["ts_recv"].is_sorted() and not job.losses


@pytest.mark.slow
def test_the_client_reads_bars_of_recorded_trades(played: Lake, tmp_path: Path) -> None:
    job = job_of(played, "trades", every="1 second")
    rows = played.time_bars(None, "1 second").pl().sort("ts", "symbol")
    frame = client_reads(job, tmp_path, "ohlcv-1s", "ts_event")
    assert_same(frame, rows, {**WHO, "ts_event": "ts", **alike("open", "high", "low", "close", "volume")})
    assert not job.losses


@pytest.mark.slow
def test_the_client_reads_recorded_contract_details(played: Lake, tmp_path: Path) -> None:
    job = job_of(played, "instruments")
    rows = played.sql("select * from instruments order by ts, recorder, seq, row").pl()
    frame = client_reads(job, tmp_path, "definition", "ts_recv")
    assert_same(frame, rows, {**WHO, "ts_recv": "ts", "raw_symbol": "symbol", "min_price_increment": "min_tick",
                              "asset": "ib_symbol", "currency": "currency", "security_type": "security_type"})
    assert dict(zip(frame["symbol"], frame["instrument_class"], strict=True)) == {"AAPL": "K", "ESZ6": "F"}
    assert dict(zip(frame["symbol"], frame["exchange"], strict=True)) == {"AAPL": "XNAS", "ESZ6": "XCME"}
    assert not job.losses
