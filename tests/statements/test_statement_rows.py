"""Statements become rows: every attribute is kept, signs as sent, dates in all forms, what is new is counted."""

import json
from datetime import UTC, date, datetime
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.schemas import STATEMENT_TABLES
from capture.statements import Row, StatementError, latest, parse
from capture.statements.flex_dates import when
from capture.statements.flex_sections import SECTIONS, Section

from .flex import ME, OTHER, cash, position, several, statement, trade, written


def rows(data: bytes, name: str = "statement_trades") -> list[Row]:
    return parse(data).rows[name]


MOMENTS = {
    "20261118;093015": datetime(2026, 11, 18, 14, 30, 15, tzinfo=UTC),  # New York, as IB's statements are
    "20260718;093015": datetime(2026, 7, 18, 13, 30, 15, tzinfo=UTC),
    "20261118;093015 EDT": datetime(2026, 11, 18, 13, 30, 15, tzinfo=UTC),  # as it says, whatever the season
    "2026-11-18;09:30:15 EST": datetime(2026, 11, 18, 14, 30, 15, tzinfo=UTC),
    "2026-11-18, 09:30:15": datetime(2026, 11, 18, 14, 30, 15, tzinfo=UTC),
    "2026-11-18T09:30:15": datetime(2026, 11, 18, 14, 30, 15, tzinfo=UTC),
    "18-Nov-26 09:30:15": datetime(2026, 11, 18, 14, 30, 15, tzinfo=UTC),
    "20261118;093015 CET": datetime(2026, 11, 18, 8, 30, 15, tzinfo=UTC),
    "20261118": None,
    "2026/11/18": None,
    "18-NOV-2026": None,
    "20261118;093015 XYZ": None,  # a zone that nobody knows: the date stands
    "20261118;250000": None,
}


@pytest.mark.parametrize("text", MOMENTS)
def test_dates_are_read_in_all_forms(text: str) -> None:
    expected_day = date(2026, 7, 18) if "0718" in text else date(2026, 11, 18)
    assert when(text) == (expected_day, MOMENTS[text])


@pytest.mark.parametrize("text", ["", "11/12/2026", "12/11/26", "MULTI", "20261340", "20261118x"])
def test_what_may_mean_two_dates_is_none(text: str) -> None:
    assert when(text) == (None, None)


DATED = {
    ("20261118;093015", "20261117", "20261119"): ("2026-11-18T14:30:15", "time"),
    ("20261118;093015 EDT", "", "20261119"): ("2026-11-18T13:30:15", "time"),
    ("20261118", "", "20261119"): ("2026-11-18T00:00:00", "date"),
    ("", "20261117", "20261119"): ("2026-11-17T00:00:00", "date"),
    ("", "", "20261119"): ("2026-11-19T00:00:00", "report_date"),
    ("11/12/2026", "", "20261119"): ("2026-11-19T00:00:00", "report_date"),
    ("", "", ""): ("2026-11-18T00:00:00", "statement"),
}


@pytest.mark.parametrize(("told", "expected"), DATED.items())
def test_a_row_says_what_its_time_comes_from(told: tuple[str, str, str], expected: tuple[str, str]) -> None:
    names = dict(zip(("dateTime", "tradeDate", "reportDate"), told, strict=True))
    (row,) = rows(written(trade("1", 1, **names)))
    assert (row["ts"].replace(tzinfo=None).isoformat(), row["dated_by"]) == expected
    assert row["report_date"] == ("2026-11-19" if told[2] else None)
    assert (json.loads(row["rest"])["dateTime"] if told[0] else None) == (told[0] or None)  # as it was sent


def test_a_date_that_cannot_be_read_is_counted_and_kept() -> None:
    parsed = parse(written(trade("1", 1, dateTime="11/12/2026", settleDateTarget="11/13/2026")))
    assert parsed.unreadable == {"Trade.dateTime": 1, "Trade.settleDateTarget": 1}
    rest = json.loads(parsed.rows["statement_trades"][0]["rest"])
    assert (rest["dateTime"], rest["settleDateTarget"]) == ("11/12/2026", "11/13/2026")


def test_attributes_that_are_new_are_kept_and_counted_and_refused_where_one_asks_for_that() -> None:
    data = written(trade("1", 1, shinyNewThing="7", figi="BBG"), trade("2", 1, shinyNewThing=""))
    parsed = parse(data)
    assert parsed.unknown == {"Trade.shinyNewThing": 1}
    assert json.loads(parsed.rows["statement_trades"][0]["rest"]).keys() >= {"shinyNewThing", "figi"}
    with pytest.raises(StatementError, match=r"Trade\.shinyNewThing"):
        parse(data, strict=True)
    assert not parse(written(trade("1", 1, figi="BBG")), strict=True).unknown


def test_no_sign_is_changed() -> None:
    (sold,) = rows(written(trade("1", -5, ibCommission="-1.25", taxes="-0.5", netCash="-3", cost="-50")))
    assert [sold[name] for name in ("quantity", "proceeds", "commission", "taxes", "net_cash", "cost")] == [
        -5, 50, -1.25, -0.5, -3, -50]
    amounts = [row["amount"] for row in rows(written(cash("1", "-0.70"), cash("2", "0.76"), cash("3", "-0.06")),
                                             "statement_cash")]  # fmt: skip
    assert amounts == [-0.70, 0.76, -0.06]


def test_a_price_of_zero_is_one_and_an_empty_value_is_none() -> None:
    (row,) = rows(written(trade("1", 1, 0, notes="Ep", isin="", putCall="--")))
    assert (row["price"], row["notes"], row["isin"], row["right"]) == (0.0, "Ep", None, None)


def test_what_is_no_number_is_null_counted_and_kept() -> None:
    parsed = parse(written(trade("1", 1, tradePrice="a few", conid="x", proceeds="nan", strike="inf")))
    (row,) = parsed.rows["statement_trades"]
    assert (row["price"], row["instrument_id"], row["proceeds"], row["strike"]) == (None, None, None, None)
    assert parsed.unreadable == {"Trade.tradePrice": 1, "Trade.conid": 1, "Trade.proceeds": 1, "Trade.strike": 1}
    assert json.loads(row["rest"])["tradePrice"] == "a few"


def test_numbers_and_times_beyond_what_is_stored_are_no_values() -> None:
    parsed = parse(written(trade("1", 1, conid="9" * 30, strike="1e999", dateTime="99991231;235959")))
    (row,) = parsed.rows["statement_trades"]
    assert (row["instrument_id"], row["strike"], row["dated_by"]) == (None, None, "date")
    assert pa.Table.from_pylist([row], schema=STATEMENT_TABLES["statement_trades"].schema).num_rows == 1


BASE = written(*[trade("1", 1), cash("2", "1"), position("1")])


@given(st.lists(st.tuples(st.integers(0, len(BASE) - 1), st.binary(max_size=6)), max_size=5))
def test_whatever_bytes_come_they_are_rows_that_can_be_stored_or_no_statement(cuts: list[tuple[int, bytes]]) -> None:
    data = bytearray(BASE)
    for at, put in cuts:
        data[at : at + 3] = put
    try:
        parsed = parse(bytes(data))
    except StatementError:
        return
    for name, table in STATEMENT_TABLES.items():
        pa.Table.from_pylist(latest(parsed.rows[name]), schema=table.schema)


def test_sums_of_other_rows_are_no_rows_and_are_counted() -> None:
    parsed = parse(written(
        trade("1", 1), trade("2", 1, levelOfDetail="ORDER"), ("Lot", {"symbol": "AAPL"}),
        cash("3", "1", levelOfDetail="SUMMARY"), cash("4", "1", currency="BASE_SUMMARY", levelOfDetail=""),
        position("1"), position("1", levelOfDetail="LOT")))  # fmt: skip
    assert {name: len(found) for name, found in parsed.rows.items() if found} == {
        "statement_trades": 1, "statement_positions": 1}
    assert parsed.unread == {"Trade ORDER": 1, "Lot": 1, "CashTransaction SUMMARY": 1,
                             "CashTransaction BASE_SUMMARY": 1, "OpenPosition LOT": 1}  # fmt: skip


def test_what_an_account_is_worth_is_a_row_for_each_part() -> None:
    equity = ("EquitySummaryByReportDateInBase", {"reportDate": "20261118", "currency": "EUR", "cash": "-5.5",
                                                  "stock": "105.5", "total": "100", "newKind": "0"})
    found = rows(written(equity), "statement_values")
    assert {row["part"]: row["amount"] for row in found} == {"cash": -5.5, "stock": 105.5, "total": 100, "newKind": 0}
    assert {(row["currency"], row["report_date"]) for row in found} == {("EUR", "2026-11-18")}


@pytest.mark.parametrize(("data", "why"), [
    (b"", "no whole XML"),
    (b"ClientAccountID,Symbol\n", "no whole XML"),
    (written(trade("1", 1))[:-20], "no whole XML"),
    (b'<?xml version="1.0" encoding="none"?><FlexQueryResponse/>', "no whole XML"),
    (b'<?xml version="1.0" encoding="gbk"?><FlexQueryResponse/>', "no whole XML"),
    (b"<html></html>", "no Flex query, as it begins with <html>"),
    (b"<FlexStatementResponse><Status>Warn</Status></FlexStatementResponse>", "no statement yet"),
    (b"<FlexQueryResponse><FlexStatements/></FlexQueryResponse>", "choose a period"),
    (written(trade("1", 1), account=""), "choose Account ID"),
    (written(trade("1", 1, dateTime="", tradeDate="", reportDate=""), toDate="", generated=""), "no date"),
])  # fmt: skip
def test_what_is_no_statement_says_why(data: bytes, why: str) -> None:
    with pytest.raises(StatementError, match=why):
        parse(data)


@pytest.mark.parametrize("inside", [
    '<!ENTITY a "b">', '<!ENTITY a SYSTEM "file:///etc/hostname">', '<!ENTITY % a SYSTEM "http://127.0.0.1/">', ""])
def test_what_could_expand_or_fetch_is_refused(inside: str) -> None:
    doctype = f"<!DOCTYPE FlexQueryResponse [{inside}]>" if inside else '<!DOCTYPE x SYSTEM "file:///etc/hostname">'
    with pytest.raises(StatementError, match="document type"):
        parse(doctype.encode() + written(trade("1", 1)))


def test_without_ids_rows_that_say_the_same_are_as_many_as_there_are() -> None:
    """A query without Transaction ID: what overlaps is known again by all that it says."""
    same = trade("", 1, tradeID="")
    first, again = written(same, same, trade("", 2, tradeID="")), written(same, same, generated="20261120;050000")
    both = latest([*rows(first), *rows(again)])
    assert sorted(row["quantity"] for row in both) == [1, 1, 2]


# What is written is read

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=8).filter(
    lambda text: text not in ("--", "N/A", "0", "SUMMARY", "BASE_SUMMARY"))
DAYS = st.dates(date(2000, 1, 1), date(2090, 1, 1))
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


def value_of(section: Section, column: str) -> st.SearchStrategy[tuple[str, Any]]:
    """Return how a value is written, and what is to be read."""
    kind = str(section.table.column(column).type)
    if column.endswith("_date") or column == "expiry":
        return DAYS.map(lambda day: (f"{day:%Y%m%d}", day.isoformat()))
    if kind == "string":
        return TEXTS.map(lambda text: (text, text))
    numbers = st.integers(-(1 << 63), (1 << 63) - 1) if kind == "int64" else NUMBERS
    return numbers.map(lambda number: (repr(number), number))


@settings(max_examples=50)
@given(st.data())
def test_what_was_written_is_what_is_read(data: st.DataObject) -> None:
    section = data.draw(st.sampled_from(SECTIONS))
    some = data.draw(st.sets(st.sampled_from(sorted(section.columns)), min_size=1))
    told = {column: data.draw(value_of(section, column)) for column in some}
    more = data.draw(st.dictionaries(st.sampled_from(["figi", "cusip", "news"]), TEXTS))
    attributes = {section.columns[column]: text for column, (text, _) in told.items()} | more
    (row,) = rows(written((section.tag, attributes)), section.table.name)
    assert {column: row[column] for column in section.columns} == dict.fromkeys(section.columns) | {
        column: value for column, (_, value) in told.items()}
    assert json.loads(row["rest"] or "{}") == more
    assert row.keys() == set(section.table.schema.names)


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from([ME, OTHER]), st.integers(1, 9)), max_size=40),
       st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=6), st.randoms())
def test_in_whatever_pieces_and_order_statements_come_each_row_is_there_once(
    booked: list[tuple[int, str, int]], cuts: list[tuple[int, int]], random: Random
) -> None:
    """Overlapping periods, the same statement twice, any order: the rows of one that covers all."""
    by_key = {(account, number): trade(str(number), quantity) for number, account, quantity in booked}
    every = sorted(by_key)
    pieces = [every, *(every[low:high] for low, high in cuts)]
    texts = [several(*(statement([by_key[key] for key in piece if key[0] == account], account=account)
                       for account in (ME, OTHER))) for piece in pieces]  # fmt: skip
    random.shuffle(texts)
    found = latest(row for text in [*texts, texts[0]] for row in rows(text))
    assert {(row["account"], int(row["key"])): row["quantity"] for row in found} == {
        key: float(by_key[key][1]["quantity"]) for key in every}
    assert len(found) == len(every)


def test_what_a_later_statement_says_again_replaces_what_an_earlier_one_said() -> None:
    old, new = (rows(written(trade("1", 1, fifoPnlRealized=text), generated=at))
                for text, at in (("5", "20261119;050000"), ("6", "20261120;050000")))  # fmt: skip
    assert [row["realized"] for row in latest([*new, *old])] == [6]
    assert latest([*new, *old, *old, *new]) == latest([*old, *new])


def test_every_attribute_of_a_section_has_a_column_of_its_table() -> None:
    for section in SECTIONS:
        names = set(section.table.schema.names)
        assert {*section.columns, *section.key, *section.fixed} <= names
        assert section.table.name in STATEMENT_TABLES
