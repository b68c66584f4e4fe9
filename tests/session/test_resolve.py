from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.session.resolve import MOST_CANDIDATES, AmbiguousError, choose, from_details
from capture.wanted.instrument import Instrument, parse_instrument
from capture.wire.text.codec import answer_codec

AAPL = parse_instrument("AAPL")


def answer(con_id: int = 1, **more: Any) -> dict[str, Any]:
    codec = answer_codec(200)
    return codec.decode(codec.encode("contract_details", {"con_id": con_id, "request_id": 1, **more})).values


def test_a_date_loses_its_time_and_zone() -> None:
    for sent in ("20261218", "20261218 08:30:00 US/Central", "20261218-08:30:00-US/Central"):
        assert from_details(answer(last_trade_date=sent)).last_trade_date == "20261218"


def test_a_date_in_the_operators_zone_becomes_the_exchanges() -> None:
    sent = answer(last_trade_date="20261219 05:00:00 Asia/Shanghai", time_zone_id="US/Eastern")
    assert from_details(sent).last_trade_date == "20261218"


def test_a_bond_has_its_maturity_as_date() -> None:
    codec = answer_codec(200)
    values = codec.decode(codec.encode("bond_details", con_id=9, symbol="US-T", maturity="20400515")).values
    contract = from_details(values)
    assert (contract.con_id, contract.symbol, contract.last_trade_date) == (9, "US-T", "20400515")


@pytest.mark.parametrize(
    ("word", "chosen"),
    [("AAPL", "SMART"), ("conid:1", "SMART"), ("conid:1@ISLAND", "ISLAND"), ("conid:1@X", "SMART")],
)
def test_the_same_contract_on_several_exchanges_is_one(word: str, chosen: str) -> None:
    answers = [answer(exchange=exchange, primary_exchange="NYSE") for exchange in ("ISLAND", "NYSE", "SMART", "ARCA")]
    contract = choose(parse_instrument(word), answers)
    assert contract is not None
    assert contract.exchange == chosen


def test_without_smart_the_primary_exchange_comes_first() -> None:
    contract = choose(AAPL, [answer(exchange=exchange, primary_exchange="NYSE") for exchange in ("ARCA", "NYSE")])
    assert contract is not None
    assert contract.exchange == "NYSE"


def test_no_answer_is_none() -> None:
    assert choose(AAPL, []) is None


def test_candidates_are_words_that_parse_and_long_lists_are_cut() -> None:
    answers = [answer(i, exchange="SMART", local_symbol=f"A{i}", sec_type="OPT", strike=i, right="C",
                      last_trade_date="20261218", multiplier="100", currency="USD") for i in range(1, 20)]  # fmt: skip
    with pytest.raises(AmbiguousError, match="AAPL fits 19 contracts") as caught:
        choose(AAPL, answers)
    lines = str(caught.value).splitlines()[1:]
    assert [parse_instrument(line.split()[0]).contract.con_id for line in lines[:-1]] == list(
        range(1, MOST_CANDIDATES + 1))  # fmt: skip
    assert lines[0] == "  conid:1@SMART  OPT A1 20261218 1 C x100 USD"
    assert lines[-1] == "  … and 7 more"


@given(st.lists(st.tuples(st.integers(1, 3), st.sampled_from(["SMART", "NYSE", "CME", ""])), max_size=6))
def test_one_contract_id_is_chosen_several_are_refused(pairs: list[tuple[int, str]]) -> None:
    answers = [answer(con_id, exchange=exchange) for con_id, exchange in pairs]
    ids = {con_id for con_id, _ in pairs}
    try:
        contract = choose(Instrument("X", AAPL.contract), answers)
    except AmbiguousError:
        assert len(ids) > 1
        return
    assert {contract.con_id} == ids if contract else not ids
