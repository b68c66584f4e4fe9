"""What is written for LEAN is read back by its readers' rules, line by line, and what is lost is counted."""

import zipfile
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture import Lake
from capture.export import lean
from capture.export.export import export
from capture.export.job import Job
from capture.export.lean.lines import digits, numbers
from capture.export.lean.paths import Kind, Place, entry_name, place_of, zip_path
from capture.query import QueryError
from capture.schemas import TABLES
from tests.lake.functions.conftest import IDS, NOON, MadeLake

from .readers.lean import Entry, read

NEW_YORK = "America/New_York"
OPTION = "AAPL  261218C00282500"
# Symbol -> contract id, details, then LEAN's security type, market, ticker and time zone.
INSTRUMENTS: dict[str, tuple[int, dict[str, Any], tuple[str, str, str, str]]] = {
    "AAPL": (265598, {"security_type": "STK", "ib_symbol": "AAPL"}, ("equity", "usa", "aapl", NEW_YORK)),
    "BRK B": (72063691, {"security_type": "STK", "ib_symbol": "BRK B"}, ("equity", "usa", "brk.b", NEW_YORK)),
    "ESZ6": (649180695, {"security_type": "FUT", "ib_symbol": "ES", "trading_class": "ES", "exchange": "CME",
                         "contract_month": "202612"}, ("future", "cme", "es", "UTC")),
    "ESH7": (649180700, {"security_type": "FUT", "ib_symbol": "ES", "trading_class": "ES", "exchange": "CME",
                         "contract_month": "202703"}, ("future", "cme", "es", "UTC")),
    "EUR.USD": (12087792, {"security_type": "CASH", "ib_symbol": "EUR"}, ("forex", "oanda", "eurusd", "UTC")),
    "BTC.USD": (479624278, {"security_type": "CRYPTO", "ib_symbol": "BTC"}, ("crypto", "coinbase", "btcusd", "UTC")),
    "SPX": (416904, {"security_type": "IND", "ib_symbol": "SPX", "exchange": "CBOE"},
            ("index", "usa", "spx", "America/Chicago")),
    OPTION: (700000001, {"security_type": "OPT", "ib_symbol": "AAPL", "underlying_symbol": "AAPL", "strike": 282.5,
                         "right": "C", "underlying_security_type": "STK", "last_trade_date": "20261218"},
             ("option", "usa", "aapl", NEW_YORK)),
}  # fmt: skip
NAMES = tuple(INSTRUMENTS)
NO_TRADES, NO_QUOTES, NO_TICKS = {"EUR.USD"}, {"SPX"}, {"SPX"}
PRICES, SIZES = ("price", "open", "high", "low", "close"), ("size", "volume")


def fill(lake: MadeLake, kind: str, count: int = 1_500) -> None:
    """Add details and rows over two days, of all instruments in turn, with all that a row can hold."""
    details(lake, NAMES)
    random = Random(5)
    for i in range(count):
        at = NOON + timedelta(microseconds=i * 60_000_017 + random.randrange(1_000))
        symbol, whole = random.choice(NAMES), random.random() < 0.5
        row = {"symbol": symbol, "instrument_id": INSTRUMENTS[symbol][0]}
        price = round(280 + random.random(), 2 if whole else 4)
        size = float(random.randrange(500)) if whole else round(random.random() * 9, 8)
        if kind == "trades":
            exchange = random.choice(["ARCA", "DRCTEDGE", "NASDAQ", None])
            lake.trade(at, price, size, **row, exchange=exchange, unreported=i % 5 == 0, past_limit=i % 7 == 0)
        else:
            bid = None if i % 13 == 0 else price
            lake.quote(at, bid, None if i % 17 == 0 else round(price + 0.01, 4), **row, ask_size=size,
                       bid_size=0.0 if bid is None else 7.0, bid_past_low=i % 5 == 0, ask_past_high=i % 7 == 0)


def details(lake: MadeLake, names: tuple[str, ...]) -> None:
    for symbol in names:
        instrument_id, values, _ = INSTRUMENTS[symbol]
        lake.add("instruments", -9, symbol, **{"instrument_id": instrument_id, "currency": "USD"} | values)


@pytest.fixture(autouse=True)
def _ids(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a made lake know the symbols."""
    for symbol, (instrument_id, *_) in INSTRUMENTS.items():
        monkeypatch.setitem(IDS, symbol, instrument_id)


def job_of(lake: Lake, table: str, **asked: Any) -> Job:
    return Job(lake, TABLES[table], **asked)


def exported(job: Job, folder: Path, at_once: int | None = None) -> dict[str, list[Entry]]:
    """Write a job and return what was read back, by symbol."""
    folder.mkdir()
    rows = lean.rows(job)
    writer = lean.open_writer(folder, rows, job)
    for batch in rows.batches:
        assert batch.schema == rows.schema
        for first in range(0, len(batch), at_once or len(batch)):
            writer.write(batch.slice(first, at_once or len(batch)))
    writer.close()
    assert not [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".zip"]
    found = defaultdict(list)
    for entry in read(folder):
        found[symbol_of(entry)].append(entry)
    return found


def symbol_of(entry: Entry) -> str:
    contracts = {"202612": "ESZ6", "202703": "ESH7", "american_call_2825000_20261218": OPTION}
    for contract, symbol in contracts.items():
        if entry.name.endswith(f"_{contract}.csv"):
            return symbol
    return next(symbol for symbol, (*_, (security, _, ticker, _)) in INSTRUMENTS.items()
                if (security, ticker) == (entry.security, entry.ticker))


def expected(lake: Lake, table: str, every: str | None = None) -> dict[str, list[dict[str, Any]]]:
    found = defaultdict(list)
    if every is None:
        result = lake.sql(f"select * from {table} order by ts, recorder, seq, row")
    else:
        result = lake.time_bars(None, every) if table == "trades" else lake.quote_bars(None, every)
    for row in sorted(result.arrow().to_pylist(), key=lambda row: row["ts"]):
        found[row["symbol"]].append(row)
    return found


def local(row: dict[str, Any]) -> datetime:
    at: datetime = row["ts"]
    return at.astimezone(ZoneInfo(INSTRUMENTS[row["symbol"]][2][3])).replace(tzinfo=None)


def number(value: float | None) -> Decimal:
    return Decimal(repr(value or 0.0))


def check_places(entries: dict[str, list[Entry]], days: int | None) -> None:
    for symbol, found in entries.items():
        security, market, ticker, _ = INSTRUMENTS[symbol][2]
        assert {(one.security, one.market, one.ticker) for one in found} == {(security, market, ticker)}
        assert len(found) == (days or 1)


@pytest.mark.slow
@pytest.mark.parametrize("at_once", [None, 100])
def test_trades_come_back_one_by_one(made: MadeLake, tmp_path: Path, at_once: int | None) -> None:
    fill(made, "trades")
    job = job_of(made.lake, "trades")
    found = exported(job, tmp_path / "out", at_once)
    wanted = expected(made.lake, "trades")
    assert found.keys() == wanted.keys() - NO_TRADES - NO_TICKS
    check_places(found, 2)
    codes = {"DRCTEDGE": "K", None: ""}
    for symbol, entries in found.items():
        rows = [row for entry in entries for row in entry.rows]
        for row, one in zip(rows, wanted[symbol], strict=True):
            assert row["time"] == local(one)
            assert (row["price"], row["size"]) == (number(one["price"]), number(one["size"]))
            assert row["suspicious"] == (one["unreported"] or one["past_limit"])
            code = codes.get(one["exchange"], one["exchange"]) if entries[0].security == "equity" else one["exchange"]
            assert row.get("exchange", "") == ("" if symbol == "BTC.USD" else code or "")
            assert not row.get("condition")
    assert job.losses == {
        "rows of EUR.USD, left out: LEAN reads no trade ticks of the security type forex": len(wanted["EUR.USD"]),
        "rows of SPX, left out: LEAN reads no trade ticks of the security type index": len(wanted["SPX"])}


@pytest.mark.slow
@pytest.mark.parametrize("at_once", [None, 100])
def test_quotes_come_back_one_by_one(made: MadeLake, tmp_path: Path, at_once: int | None) -> None:
    fill(made, "quotes")
    job = job_of(made.lake, "quotes")
    found = exported(job, tmp_path / "out", at_once)
    wanted = expected(made.lake, "quotes")
    assert found.keys() == wanted.keys() - NO_QUOTES
    check_places(found, 2)
    for symbol, entries in found.items():
        rows = [row for entry in entries for row in entry.rows]
        for row, one in zip(rows, wanted[symbol], strict=True):
            assert row["time"] == local(one)
            names = ["bid_price", "ask_price"] + ["bid_size", "ask_size"] * (symbol != "EUR.USD")
            assert [row[name] for name in names] == [number(one[name]) for name in names]
            if symbol != "EUR.USD":
                assert row["suspicious"] == (one["bid_past_low"] or one["ask_past_high"])
    assert job.losses == {
        "rows of SPX, left out: LEAN reads no quote ticks of the security type index": len(wanted["SPX"])}


@pytest.mark.slow
@pytest.mark.parametrize(("every", "width"), [("1 second", "second"), ("60 seconds", "minute"), ("1 hour", "hour")])
@pytest.mark.parametrize("table", ["trades", "quotes"])
def test_bars_come_back_one_by_one(made: MadeLake, tmp_path: Path, table: str, every: str, width: str) -> None:
    fill(made, table)
    job = job_of(made.lake, table, every=every)
    found = exported(job, tmp_path / "out")
    wanted = expected(made.lake, table, every)
    lost = NO_TRADES if table == "trades" else NO_QUOTES | ({"AAPL", "BRK B"} if width == "hour" else set())
    assert found.keys() == wanted.keys() - lost
    assert {entry.resolution for entries in found.values() for entry in entries} == {width}
    check_places(found, 1 if width == "hour" else 2)
    for symbol, entries in found.items():
        rows = [row for entry in entries for row in entry.rows]
        for row, one in zip(rows, wanted[symbol], strict=True):
            assert row.pop("time") == local(one)
            check_bar(row, one)
    assert sum(job.losses.values()) == sum(len(wanted[symbol]) for symbol in lost)


def check_bar(row: dict[str, Any], one: dict[str, Any]) -> None:
    for name, value in row.items():
        if name in ("bid_size", "ask_size"):
            assert value == 0
        elif name == "volume":  # a sum
            assert float(value) == pytest.approx(one[name], rel=1e-12)
        else:
            assert value == (None if one[name] is None else number(one[name]))


@pytest.mark.slow
@pytest.mark.parametrize("table", ["trades", "quotes"])
def test_a_day_is_a_local_one(made: MadeLake, tmp_path: Path, table: str) -> None:
    fill(made, table)
    job = job_of(made.lake, table, every="24 hours")
    found = exported(job, tmp_path / "out", 1)
    hours = expected(made.lake, table, "1 hour")
    lost = NO_TRADES if table == "trades" else NO_QUOTES | {"AAPL", "BRK B"}
    assert found.keys() == hours.keys() - lost
    for symbol, [entry] in found.items():
        by_day = defaultdict(list)
        for one in hours[symbol]:
            by_day[local(one).replace(hour=0)].append(one)
        assert len(by_day) == 2 and [row["time"] for row in entry.rows] == list(by_day)
        for row in entry.rows:
            some = by_day[row.pop("time")]
            check_bar(row, {name: day_of(some, name) for name in row})


def day_of(hours: list[dict[str, Any]], name: str) -> float | None:
    there = [one[name] for one in hours if one.get(name) is not None]
    word = name.rpartition("_")[2]
    pick = {"open": lambda some: some[0], "high": max, "low": min, "close": lambda some: some[-1], "volume": sum,
            "size": lambda some: None}[word]  # fmt: skip
    value: float | None = pick(there)  # type: ignore[operator]  # functions of several kinds
    return value


def test_days_have_nothing_to_do_with_parts(made: MadeLake, tmp_path: Path) -> None:
    fill(made, "trades", 20)
    for asked in ({"whole": True}, {"min_coverage": 0.5}):
        with pytest.raises(QueryError, match="choose bars of 1 hour"):
            lean.rows(job_of(made.lake, "trades", every="1 day", **asked))
    with pytest.raises(QueryError, match="LEAN has no bars of 5 minutes: choose 1 second"):
        lean.rows(job_of(made.lake, "trades", every="5 minutes"))


def test_what_lean_cannot_hold_is_counted(made: MadeLake, tmp_path: Path) -> None:
    details(made, NAMES)
    made.trade(1, None)  # a notice of a halt
    made.trade(2, 1e15)
    made.trade(3, 5.0, None)  # type: ignore[arg-type]  # IB may send none
    made.trade(4, 0.1234567891)
    made.trade(5, 280.33125, 1e-9)
    made.trade(6, 5.0, 0.12345678912)
    made.trade(7, 5.0, instrument_id=None)
    made.trade(8, 5.0, symbol="MSFT")
    made.trade(9, -5.25)
    job = job_of(made.lake, "trades")
    found = exported(job, tmp_path / "out")
    [entry] = found["AAPL"]
    assert [(row["price"], row["size"]) for row in entry.rows] == [
        (Decimal("5"), 0), (Decimal("0.123456789"), 1), (Decimal("280.33125"), Decimal("0.000000001")),
        (Decimal("5"), Decimal("0.123456789")), (Decimal("-5.25"), 1)]  # fmt: skip
    assert job.losses == {
        "rows without a contract id, left out, as nobody knows whether they are there twice": 1,
        "prices or sizes too large for LEAN, or no numbers": 1,
        "trades without a price, left out": 1, "sizes that IB did not send, written as 0": 1,
        "prices with more decimals than LEAN can hold, rounded": 1,
        "sizes with more decimals than LEAN can hold, rounded": 1,
        "rows of MSFT, left out: its contract details were not recorded": 1}  # fmt: skip


def test_what_lean_cannot_hold_of_quotes_is_counted(made: MadeLake, tmp_path: Path) -> None:
    details(made, NAMES)
    made.quote(1, 0.0, None, ask_size=None)
    made.quote(2, 5.0, None, bid_size=None, ask_size=3.0)
    job = job_of(made.lake, "quotes")
    [entry] = exported(job, tmp_path / "out")["AAPL"]
    assert [[row[name] for name in ("bid_price", "bid_size", "ask_price", "ask_size")] for row in entry.rows] == [
        [0, 1, 0, 0], [5, 0, 0, 3]]
    assert job.losses == {"quoted prices of 0, which LEAN takes for none": 1,
                          "sizes that IB did not send, written as 0": 1}  # fmt: skip


def test_two_instruments_of_one_name_do_not_mix(made: MadeLake, tmp_path: Path) -> None:
    details(made, ("AAPL",))
    made.add("instruments", -8, "AAPL", instrument_id=9, currency="USD", ib_symbol="AAPL")
    made.trade(1, 5.0)
    made.trade(2, 6.0, instrument_id=9)
    job = job_of(made.lake, "trades")
    [entry] = exported(job, tmp_path / "out")["AAPL"]
    assert [row["price"] for row in entry.rows] == [5]
    assert job.losses == {"rows of AAPL, left out: another instrument has the same name in LEAN": 1}


def test_a_day_is_zipped_when_it_is_over(made: MadeLake, tmp_path: Path) -> None:
    details(made, NAMES)
    for day in range(5):
        made.trade(NOON + timedelta(days=day), 5.0)
    job = job_of(made.lake, "trades")
    rows = lean.rows(job)
    writer = lean.open_writer(tmp_path, rows, job)
    for batch in rows.batches:
        for i in range(len(batch)):
            writer.write(batch.slice(i, 1))
    assert sorted(path.name for path in (tmp_path / "equity/usa/tick/aapl").iterdir()) == [
        "20261118_trade.zip", "20261119_trade.zip", "20261120_trade.zip", "20261121_trade.parts",
        "20261122_trade.parts"]  # fmt: skip
    writer.close()
    assert len(list(tmp_path.rglob("*.zip"))) == 5
    assert not list(tmp_path.rglob("*.parts"))


def test_the_evening_of_new_york_is_of_its_day_there(made: MadeLake, tmp_path: Path) -> None:
    details(made, NAMES)
    made.trade(datetime(2026, 11, 19, 0, 30, 0, 123_456, UTC), 5.0)
    exported(job_of(made.lake, "trades"), tmp_path / "out")
    with zipfile.ZipFile(tmp_path / "out/equity/usa/tick/aapl/20261118_trade.zip") as zipped:
        assert zipped.namelist() == ["20261118_aapl_Trade_Tick.csv"]
        assert zipped.read("20261118_aapl_Trade_Tick.csv") == b"70200123.456,50000,1,ARCA,,0\n"


@pytest.mark.parametrize(("place", "kind", "path", "name"), [
    (Place("equity", "usa", "", "aig"), Kind("tick", "quote"), "equity/usa/tick/aig/20131008_quote.zip",
     "20131008_aig_Quote_Tick.csv"),
    (Place("equity", "usa", "", "aig"), Kind("second", "trade"), "equity/usa/second/aig/20131008_trade.zip",
     "20131008_aig_second_trade.csv"),
    (Place("equity", "usa", "", "aig"), Kind("daily", "trade"), "equity/usa/daily/aig.zip", "aig.csv"),
    (Place("forex", "oanda", "", "eurusd"), Kind("tick", "quote"), "forex/oanda/tick/eurusd/20131008_quote.zip",
     "20131008_eurusd_tick_quote.csv"),
    (Place("forex", "oanda", "", "eurusd"), Kind("hour", "quote"), "forex/oanda/hour/eurusd.zip", "eurusd.csv"),
    (Place("crypto", "coinbase", "", "btcusd"), Kind("daily", "quote"), "crypto/coinbase/daily/btcusd_quote.zip",
     "btcusd.csv"),
    (Place("future", "comex", "", "gc", "201310"), Kind("tick", "trade"), "future/comex/tick/gc/20131008_trade.zip",
     "20131008_gc_tick_trade_201310.csv"),
    (Place("future", "cme", "", "es", "201312"), Kind("hour", "quote"), "future/cme/hour/es_quote.zip",
     "es_quote_201312.csv"),
    (Place("index", "usa", "", "spx"), Kind("minute", "trade"), "index/usa/minute/spx/20131008_trade.zip",
     "20131008_spx_minute_trade.csv"),
    (Place("option", "usa", "", "twx", "american_call_575000_20150117"), Kind("minute", "quote"),
     "option/usa/minute/twx/20131008_quote_american.zip",
     "20131008_twx_minute_quote_american_call_575000_20150117.csv"),
    (Place("option", "usa", "", "twx", "american_call_575000_20150117"), Kind("daily", "trade"),
     "option/usa/daily/twx_2013_trade_american.zip", "twx_trade_american_call_575000_20150117.csv"),
])  # fmt: skip
def test_names_are_those_that_lean_looks_for(place: Place, kind: Kind, path: str, name: str) -> None:
    day = date(2013, 10, 8)
    assert (zip_path(place, kind, day), entry_name(place, kind, day)) == (path, name)


@pytest.mark.parametrize(("values", "words"), [
    ({"security_type": "BOND"}, "LEAN has no place for contracts of type BOND"),
    ({"security_type": "STK", "currency": "EUR"}, "in USD"),
    ({"security_type": "FUT", "exchange": "MEXDER"}, "LEAN does not know futures of MEXDER"),
    ({"security_type": "FUT", "exchange": "CME"}, "its details lack the contract month"),
    ({"security_type": "IND", "exchange": "LSE", "currency": "GBP"}, "LEAN does not know indices of LSE"),
    ({"security_type": "OPT", "underlying_security_type": "IND"}, "those on shares"),
    ({"security_type": "OPT", "underlying_security_type": "STK"}, "lack strike, right or expiration date"),
])  # fmt: skip
def test_what_has_no_place_is_said(values: dict[str, Any], words: str) -> None:
    known = dict.fromkeys(TABLES["instruments"].schema.names) | {"ib_symbol": "X", "currency": "USD"} | values
    assert words in str(place_of(known, Kind("minute", "trade")))


@pytest.mark.parametrize(("values", "zone"), [
    ({"security_type": "FUT", "exchange": "EUREX", "trading_class": "FESX"}, "Europe/Berlin"),
    ({"security_type": "FUT", "exchange": "NYBOT", "trading_class": "DX"}, NEW_YORK),
    ({"security_type": "FUT", "exchange": "NYBOT", "trading_class": "KC"}, "UTC"),
    ({"security_type": "IND", "exchange": "OSE.JPN", "ib_symbol": "N225", "currency": "JPY"}, "Asia/Tokyo"),
    ({"security_type": "IND", "exchange": "RUSSELL", "ib_symbol": "RUT"}, NEW_YORK),
    ({"security_type": "IND", "exchange": "CBOE", "ib_symbol": "VIX"}, "America/Chicago"),
])  # fmt: skip
def test_times_are_in_the_zone_of_the_data(values: dict[str, Any], zone: str) -> None:
    known = dict.fromkeys(TABLES["instruments"].schema.names) | {
        "ib_symbol": "X", "currency": "USD", "contract_month": "202612"} | values  # fmt: skip
    place = place_of(known, Kind("minute", "trade"))
    assert isinstance(place, Place) and place.zone == zone


def test_the_whole_way(made: MadeLake, tmp_path: Path) -> None:
    fill(made, "trades", 200)
    done = export(made.lake, "trades", tmp_path / "out", format="lean", every="1 day")
    lines = sum(len(entry.rows) for entry in read(tmp_path / "out"))
    assert lines == done.rows - sum(done.losses.values()) > 0


DECIMALS = st.decimals(-10**8, 10**8, places=9, allow_nan=False) | st.decimals(-10**5, 10**5, places=2)


@given(st.lists(DECIMALS | st.none(), min_size=1), st.sampled_from([0, 4]))
def test_decimals_are_exact(values: list[Decimal | None], shift: int) -> None:
    floats = [None if value is None else float(value) for value in values]
    text, rounded = numbers(pl.Series(floats, dtype=pl.Float64), shift)
    got = [None if one is None else float(Decimal(one) / 10**shift) for one in text]
    assert rounded == sum(one != two for one, two in zip(got, floats, strict=True))
    assert all(one is None or two is None or abs(one - two) <= 1e-8 for one, two in zip(got, floats, strict=True))


@given(st.lists(st.integers(-(10**18), 10**18)), st.integers(0, 9))
def test_digits(units: list[int], decimals: int) -> None:
    text = digits(pl.Series(np.array(units, dtype=np.int64)), decimals)
    assert [Decimal(one) for one in text] == [Decimal(one).scaleb(-decimals) for one in units]
    assert not any(one.endswith(".") or ("." in one and one.endswith("0")) for one in text)
