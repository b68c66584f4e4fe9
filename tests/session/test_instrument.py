import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.wanted.instrument import FORMS, Contract, InstrumentError, grammar, parse_instrument
from capture.wire.text.codec import request_codec

WORDS = {
    "AAPL": Contract(symbol="AAPL", sec_type="STK", exchange="SMART", currency="USD"),
    "BRK B": Contract(symbol="BRK B", sec_type="STK", exchange="SMART", currency="USD"),
    "IBM@NYSE": Contract(symbol="IBM", sec_type="STK", exchange="SMART", currency="USD", primary_exchange="NYSE"),
    "ESZ6": Contract(local_symbol="ESZ6", sec_type="FUT"),
    "6EH27": Contract(local_symbol="6EH27", sec_type="FUT"),
    "EUR.USD": Contract(symbol="EUR", sec_type="CASH", exchange="IDEALPRO", currency="USD"),
    "CASH:USD.JPY": Contract(symbol="USD", sec_type="CASH", exchange="IDEALPRO", currency="JPY"),
    "STK:700@SEHK:HKD": Contract(
        symbol="700", sec_type="STK", exchange="SMART", currency="HKD", primary_exchange="SEHK"),
    "FUT:ES@CME:202612": Contract(symbol="ES", sec_type="FUT", exchange="CME", last_trade_date="202612"),
    "FUT:FGBL@EUREX:20261208:EUR": Contract(
        symbol="FGBL", sec_type="FUT", exchange="EUREX", last_trade_date="20261208", currency="EUR"),
    "OPT:AAPL:20261218:250:C": Contract(
        symbol="AAPL", sec_type="OPT", exchange="SMART", currency="USD", last_trade_date="20261218", strike=250,
        right="C"),
    "OPT:SPX@CBOE:20261218:5987.5:P": Contract(
        symbol="SPX", sec_type="OPT", exchange="CBOE", currency="USD", last_trade_date="20261218", strike=5987.5,
        right="P"),
    "FOP:ES@CME:20261218:6000:C": Contract(
        symbol="ES", sec_type="FOP", exchange="CME", last_trade_date="20261218", strike=6000, right="C"),
    "CRYPTO:BTC.USD@PAXOS": Contract(symbol="BTC", sec_type="CRYPTO", exchange="PAXOS", currency="USD"),
    "CRYPTO:ETH.USD@ZEROHASH": Contract(symbol="ETH", sec_type="CRYPTO", exchange="ZEROHASH", currency="USD"),
    "IND:SPX@CBOE": Contract(symbol="SPX", sec_type="IND", exchange="CBOE"),
    "CFD:IBUS500": Contract(symbol="IBUS500", sec_type="CFD", exchange="SMART", currency="USD"),
    "CMDTY:XAUUSD": Contract(symbol="XAUUSD", sec_type="CMDTY", exchange="SMART", currency="USD"),
    "conid:265598": Contract(con_id=265598),
    "conid:265598@ISLAND": Contract(con_id=265598, exchange="ISLAND"),
}  # fmt: skip


@pytest.mark.parametrize(("word", "contract"), WORDS.items())
def test_words(word: str, contract: Contract) -> None:
    assert parse_instrument(word).contract == contract
    assert parse_instrument(word).word == word


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.example)
def test_every_example_of_the_grammar_is_an_instance_of_it(form: Any) -> None:
    for example in form.example.split(", "):
        contract = parse_instrument(example).contract
        said = re.compile(form.pattern).groupindex
        assert all(getattr(contract, name) == value for name, value in form.fixed.items() if name not in said)
    assert form.example in grammar()


@pytest.mark.parametrize(
    "word", ["", "aapl!", "FUT:ES", "FUT:ES:202612", "OPT:AAPL:20261218:250", "conid:", "conid:0", "EUR.", "XYZ:A", "Ä",
             "AAPL@", "OPT:AAPL:20261218:250:X"])  # fmt: skip
def test_a_word_of_no_form_is_refused_with_the_forms(word: str) -> None:
    with pytest.raises(InstrumentError, match="allowed are") as caught:
        parse_instrument(word)
    assert grammar() in str(caught.value)


def test_small_letters_get_a_hint() -> None:
    with pytest.raises(InstrumentError, match=r"did you mean 'EUR\.USD'"):
        parse_instrument("eur.usd")


def test_a_dot_in_a_class_of_shares_gets_a_hint() -> None:
    with pytest.raises(InstrumentError, match="did you mean 'BRK B'"):
        parse_instrument("BRK.B")


def test_blanks_around_a_word_are_nothing() -> None:
    assert parse_instrument(" AAPL\t") == parse_instrument("AAPL")


@given(st.text())
def test_any_text_is_a_contract_or_an_instrument_error(text: str) -> None:
    try:
        contract = parse_instrument(text).contract
    except InstrumentError:
        return
    payload = request_codec(200).encode("req_contract_details", contract.values())
    assert payload.isascii()


def test_a_table_takes_every_contract_field() -> None:
    given = Contract(1, "ES", "FOP", "20261218", 6000.5, "C", "50", "CME", "CME", "USD", "EW3Z6 C6000", "EW3").values()
    assert parse_instrument(given).contract.values() == given


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ({"symbl": "ES"}, "no field symbl; it has con_id, symbol"),
        ({"symbol": "ES"}, "needs con_id, or sec_type with"),
        ({"sec_type": "FUT"}, "needs con_id, or sec_type with"),
        ({"con_id": "1"}, "con_id takes a whole number, not '1'"),
        ({"con_id": True}, "con_id takes a whole number, not True"),
        ({"con_id": 1, "strike": "5"}, "strike takes a number, not '5'"),
        ({"con_id": 1, "last_trade_date": 202612}, "last_trade_date takes text in quotes, not 202612"),
        ({"con_id": 1, "symbol": "Ä"}, "not printable ASCII"),
        ({"con_id": 1, "symbol": "A\0B"}, "not printable ASCII"),
    ],
)
def test_a_bad_table_is_refused(table: dict[str, Any], problem: str) -> None:
    with pytest.raises(InstrumentError, match=problem):
        parse_instrument(table)


def test_a_contract_id_goes_without_a_date_which_ib_may_take_for_another() -> None:
    assert Contract(con_id=11, last_trade_date="20261218").values()["last_trade_date"] == ""
    assert Contract(symbol="ES", sec_type="FUT", last_trade_date="202612").values()["last_trade_date"] == "202612"


@pytest.mark.parametrize("given", [
    "FUT:ES@CME:202613", "FUT:ES@CME:20261301", "OPT:AAPL:20260230:250:C", "FOP:ES@CME:20261200:6000:C",
    {"symbol": "ES", "sec_type": "FUT", "last_trade_date": "20260931"},
    {"symbol": "ES", "sec_type": "FUT", "last_trade_date": "2026-09"},
    {"symbol": "ES", "sec_type": "FUT", "last_trade_date": "Sep26"}], ids=str)
def test_a_date_of_expiry_must_be_one(given: Any) -> None:
    with pytest.raises(InstrumentError, match="is no month or date of expiry: write 202612 or 20261218"):
        parse_instrument(given)
