"""Rows of single messages and notes: where they stand, and whose they are."""

import json
from typing import Any

import pytest

from capture.decode.control_rows import (
    FIRST_EVENT_ROW,
    Events,
    _milliseconds,
    message_rows,
    note_row,
    refused_row,
    request_row,
)
from capture.wire.context import Context, Request
from capture.wire.messages.answers import ANSWERS
from capture.wire.messages.requests import REQUESTS
from capture.wire.text.codec import Decoded


@pytest.fixture
def context() -> Context:
    """A session with two requests for data, one of depth, and one for reference data."""
    made = Context()
    for request_id, stream in ((1, "all_last"), (5, "quotes"), (6, "depth"), (7, "reference")):
        made.requests[request_id] = Request(request_id, "", instrument_id=10 * request_id, symbol=f"S{request_id}",
                                            stream=stream)  # fmt: skip
    return made


def decoded(name: str, values: dict[str, Any]) -> Decoded:
    return Decoded(next(message for message in (*ANSWERS, *REQUESTS) if message.name == name), values)


def rows(context: Context, name: str, **values: Any) -> list[tuple[str, dict[str, Any]]]:
    return message_rows(decoded(name, values), context)


def test_a_row_of_a_frame_is_its_first_and_rows_without_one_are_numbered_behind_it() -> None:
    events = Events("main")
    assert events.last_row(7) == FIRST_EVENT_ROW - 1 == 999_999_999, "as it lies in files"
    events.framed("notices", 100, 7, {"code": 1})
    for code in (2, 3):
        events.unframed("notices", 101, 7, {"code": code})
    events.unframed("gaps", 102, 8, {"code": 4})
    assert [(row["ts"], row["seq"], row["row"], row["recorder"], row["code"]) for row in events.rows["notices"]] == [
        (100, 7, 0, "main", 1), (101, 7, FIRST_EVENT_ROW, "main", 2), (101, 7, FIRST_EVENT_ROW + 1, "main", 3)]
    assert (events.last_row(7), events.last_row(8)) == (FIRST_EVENT_ROW + 1, FIRST_EVENT_ROW)
    again = Events("main")
    again.restore(json.loads(json.dumps(events.as_json())))
    assert (again.last_row(7), again.last_row(8)) == (FIRST_EVENT_ROW - 1, FIRST_EVENT_ROW)
    assert Events("main").as_json() == {"row_counts": []}


@pytest.mark.parametrize("request_id", [None, 0, 2, 9])
@pytest.mark.parametrize(("name", "values"), [
    ("tick_request_parameters", {"min_tick": 1.0, "bbo_exchange": "", "snapshot_permissions": 3}),
    ("market_data_type", {"data_type": 3}), ("reroute_market_data", {"con_id": 1, "exchange": "X"}),
    ("snapshot_end", {}), ("historical_data_end", {})])  # fmt: skip
def test_what_names_no_request_of_the_session_is_about_none(
    context: Context, request_id: int | None, name: str, values: dict[str, Any]
) -> None:
    assert rows(context, name, request_id=request_id, **values) == []
    [(table, row)] = rows(context, name, request_id=5, **values)
    assert (table, row["request_id"], row["instrument_id"], row["symbol"], row["stream"]) == (
        "subscriptions", 5, 50, "S5", "quotes")


def test_requests_for_reference_data_have_no_life_in_subscriptions(context: Context) -> None:
    assert rows(context, "snapshot_end", request_id=7) == []
    assert request_row(decoded("req_contract_details", {"request_id": 7}), context) is None
    assert request_row(decoded("req_current_time", {}), context) is None
    assert request_row(decoded("req_current_time", {"request_id": None}), context) is None
    cancel = request_row(decoded("cancel_market_data", {"request_id": 5}), context)
    assert cancel is not None
    assert (cancel["event"], "parameters" in cancel) == ("cancelled", False)
    asked = request_row(decoded("req_market_data", {
        "request_id": 5, "symbol": "X", "strike": None, "exchange": "", "snapshot": False, "sec_ids": [], "con_id": 3,
        "regulatory": True}), context)  # fmt: skip
    assert asked is not None
    assert json.loads(asked["parameters"]) == {
        "request": "req_market_data", "request_id": 5, "symbol": "X", "con_id": 3, "regulatory": True}


@pytest.mark.parametrize(("tick", "request_id", "symbol"), [
    ("tick_efp", 5, "S5"), ("tick_efp", None, None), ("tick_efp", 9, None), ("tick_news", 5, "S5"),
    ("tick_news", None, None)])  # fmt: skip
def test_ticks_of_several_fields_are_stored_whosever_they_are(
    context: Context, tick: str, request_id: int | None, symbol: str | None
) -> None:
    fields = dict.fromkeys((
        "basis_points", "formatted_basis_points", "implied_futures_price", "hold_days", "future_last_trade_date",
        "dividend_impact", "dividends_to_last_trade_date", "time_ms", "provider", "article_id", "headline", "extra"), 1)
    [(table, row)] = rows(context, tick, request_id=request_id, **fields, **(
        {"tick_type": 38} if tick == "tick_efp" else {}))
    assert (table, row["request_id"], row.get("symbol"), row["origin"]) == ("ticks", request_id or 0, symbol, "live")
    assert row["tick_type"] == (38 if tick == "tick_efp" else 62)
    if request_id == 5:
        context.requests[5].data_type = 3
        [(_, row)] = rows(context, tick, request_id=5, **fields, tick_type=38)
        assert row["origin"] == "delayed"


def test_a_stream_that_the_recorder_takes_as_refused_is_the_one_it_names(context: Context) -> None:
    assert refused_row({"note": "x"}, context) is None
    assert refused_row({"note": "x", "refused_request_id": 9}, context) is None
    row = refused_row({"note": "nothing came", "refused_request_id": 5, "code": 354}, context)
    assert row is not None
    assert (row["request_id"], row["event"], row["code"], row["detail"]) == (5, "refused", 354, "nothing came")


@pytest.mark.parametrize(("given", "stored"), [
    (None, None), (0, None), (-1, None), (1, 1_000), (249_999_999_999_999, 249_999_999_999_999_000),
    (250_000_000_000_000, None)])  # fmt: skip
def test_times_in_milliseconds_are_stored_where_they_can_be(given: int | None, stored: int | None) -> None:
    assert _milliseconds(given) == stored


def test_notes_say_their_words_and_what_else_they_hold() -> None:
    assert note_row({"note": "words"})["message"] == "words"
    assert note_row({"step_s": 3})["message"] == ' {"step_s": 3}'
    assert note_row({"note": "words", "b": 1}) == {
        "source": "recorder", "kind": "note", "message": 'words {"b": 1}'}
    assert message_rows(decoded("current_time", {"time": 1}), Context()) == []
