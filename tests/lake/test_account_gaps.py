"""Gaps of account streams: open at every loss, whole again with the first row or IB's word that all was sent."""

import json
from pathlib import Path
from typing import Any

import pytest

import capture
from capture.decode.tws import TwsDecoder
from capture.lake.layout import Layout
from capture.lake.proof.verify import Verifier
from capture.lake.roll import Roller
from capture.tape import Follower
from capture.tape.notes import REFUSED, SILENT, WANTED
from tests.conftest import ScriptedTape

SECOND = 1_000_000_000
STOCK = {"con_id": 7, "symbol": "AAPL", "sec_type": "STK", "currency": "USD", "local_symbol": "AAPL"}


class Account:
    """A tape with a clock, of a session that wants accounts."""

    def __init__(self, folder: Path) -> None:
        self.now_ns = 1_767_600_000 * SECOND
        self.tape = ScriptedTape(folder, now=lambda: self.now_ns)
        self.tape.open()

    def after(self, seconds: float) -> "Account":
        self.now_ns += int(seconds * SECOND)
        return self

    def ask(self, name: str = "req_positions", **values: Any) -> "Account":
        self.tape.request(name, **values)
        return self

    def hear(self, name: str = "positions_end", **values: Any) -> "Account":
        self.tape.answer(name, **values)
        return self

    def again(self, after_s: float = 60.0) -> "Account":
        self.tape.close("lost")
        self.after(after_s)
        self.tape.open()
        return self

    def wanted(self, *streams: tuple[str, str | None]) -> "Account":
        notes = [{"instrument_id": None, "symbol": "", "stream": stream, "account": account}
                 for stream, account in streams]
        self.tape.writer.note({"note": WANTED, "streams": notes})
        return self

    def note(self, **body: Any) -> "Account":
        self.tape.writer.note(body)
        return self

    def decoded(self) -> TwsDecoder:
        decoder = TwsDecoder("main")
        decoder.feed(Follower(self.tape.data / "tape" / "main", 1))
        return decoder

    def rows(self, table: str = "gaps") -> list[dict[str, Any]]:
        found = self.decoded().take().get(table)
        return found.to_pylist() if found else []

    def gaps(self) -> list[tuple[Any, ...]]:
        """Each row: stream, account, state, from and to in seconds before now."""
        def ago(moment: Any) -> float | None:
            return None if moment is None else round(self.now_ns / SECOND - moment.timestamp(), 3)

        return [(row["stream"], row["account"], row["state"], ago(row["from_ts"]), ago(row["to_ts"]))
                for row in self.rows()]


@pytest.fixture
def account(tmp_path: Path) -> Any:
    made = Account(tmp_path / "data")
    yield made
    made.tape.writer.close()


def test_the_end_of_a_session_opens_and_ibs_word_that_all_was_sent_closes(account: Account) -> None:
    account.ask().hear().after(10).hear("current_time", time=1).again(60)
    account.ask().after(2).hear()
    assert account.gaps() == [("positions", None, "open", 62, None), ("positions", None, "closed", 62, 0)]


def test_a_first_row_closes_too(account: Account) -> None:
    account.ask("req_pnl", request_id=1, account="DU1").hear("pnl", request_id=1, daily=1.0).after(5).again(60)
    account.ask("req_pnl", request_id=1, account="DU1").after(1).hear("pnl", request_id=1, daily=1.0)
    assert account.gaps() == [("pnl", "DU1", "open", 61 + 5, None), ("pnl", "DU1", "closed", 66, 0)]


def test_a_question_that_was_not_answered_yet_is_missed_when_the_line_breaks(account: Account) -> None:
    account.ask("req_executions", request_id=1, client_id=0, time="20260102-00:00:00").after(5).again(10)
    assert account.gaps() == [("executions", None, "open", 15, None)]


def test_what_is_pushed_without_a_request_proves_nothing_whole(account: Account) -> None:
    account.ask("req_all_open_orders").hear("open_orders_end").again(60)
    account.ask("req_all_open_orders").hear("open_order", order_id=1, account="DU1", **STOCK)
    assert [row[2] for row in account.gaps()] == ["open"], "there may be more orders"


def test_accounts_have_gaps_of_their_own_and_their_names_do_not_say_whose(account: Account) -> None:
    for number, name in enumerate(("DU1", "DU2"), 1):
        account.ask("req_pnl", request_id=number, account=name).hear("pnl", request_id=number, daily=1.0)
    account.ask("req_pnl_single", request_id=3, account="DU2", model_code="", con_id=7)
    account.hear("pnl_single", request_id=3, position=1.0, daily=1.0).again(60)
    rows = account.rows()
    assert [(row["account"], row["instrument_id"]) for row in rows] == [("DU1", None), ("DU2", None), ("DU2", 7)]
    names = [row["gap_id"] for row in rows]
    assert len(set(names)) == 3
    assert not any("DU" in name for name in names)


def test_a_position_that_is_given_up_is_missed_no_more(account: Account) -> None:
    account.ask("req_pnl_single", request_id=1, account="DU1", model_code="", con_id=7)
    account.hear("pnl_single", request_id=1, position=1.0, daily=1.0).again(60)
    account.ask("req_pnl_single", request_id=4, account="DU1", model_code="", con_id=7).after(1)
    account.ask("cancel_pnl_single", request_id=4).again(60)
    assert [row[2:] for row in account.gaps()] == [("open", 121, None), ("closed", 121, 60)]


def test_a_stream_that_is_asked_for_anew_before_it_is_given_up_stays_wanted(account: Account) -> None:
    account.ask("req_pnl", request_id=1, account="DU1").hear("pnl", request_id=1, daily=1.0).after(90)
    account.note(note="silent", **{SILENT: 1}).ask("req_pnl", request_id=2, account="DU1")
    account.ask("cancel_pnl", request_id=1).after(2).hear("pnl", request_id=2, daily=1.0).after(5).again(1)
    assert [row[2:] for row in account.gaps()] == [
        ("open", 98, None), ("closed", 98, 6), ("open", 6, None)]  # fmt: skip


@pytest.mark.parametrize("code", [1100, 2110])
def test_when_ib_loses_its_line_accounts_are_missed(account: Account, code: int) -> None:
    account.ask().hear().after(30).hear("error", request_id=-1, code=code, message="lost").after(60)
    account.hear("error", request_id=-1, code=1102, message="restored").ask().after(1).hear()
    assert account.gaps() == [("positions", None, "open", 62, None), ("positions", None, "closed", 62, 0)]


def test_a_broken_market_data_farm_is_no_matter_of_accounts(account: Account) -> None:
    account.ask().hear().after(30).hear("error", request_id=-1, code=2103, message="broken:usfarm").after(600)
    account.hear("current_time", time=1).after(1).hear("current_time", time=1)
    assert account.gaps() == []


def test_a_refusal_with_the_requests_id_opens_a_gap_and_a_row(account: Account) -> None:
    account.ask("req_pnl", request_id=1, account="DU1").after(1).hear("error", request_id=1, code=321, message="no")
    [row] = account.rows()
    assert (row["stream"], row["account"], row["code"], row["reason"]) == ("pnl", "DU1", 321, "no")
    assert [(row["event"], row["code"]) for row in account.rows("subscriptions")] == [
        ("requested", None), ("refused", 321)]


def test_a_refusal_that_names_no_request_is_known_by_the_recorders_note(account: Account) -> None:
    account.ask("req_all_open_orders").after(1)
    account.hear("error", request_id=-1, code=321, message="Read-Only").note(
        note="orders: Read-Only", **{SILENT: -16, REFUSED: -16, "code": 321})
    [row] = account.rows()
    assert (row["stream"], row["state"], row["reason"]) == ("orders", "open", "orders: Read-Only")
    assert [(row["event"], row["code"], row["detail"]) for row in account.rows("subscriptions")] == [
        ("requested", None, None), ("refused", 321, "orders: Read-Only")]


def test_what_a_new_run_does_not_want_is_missed_no_more(account: Account) -> None:
    for name in ("DU1", "DU2"):
        account.ask("req_account_updates", subscribe=True, account=name).hear("account_download_end", account=name)
    account.ask().hear().again(60).after(1).wanted(("values", "DU1"))
    closed = [row[:2] for row in account.gaps() if row[2] == "closed"]
    assert closed == [("values", "DU2"), ("positions", None)]
    unwanted = [(row["stream"], row["account"]) for row in account.rows("subscriptions") if row["event"] == "unwanted"]
    assert unwanted == [("values", "DU2"), ("positions", None)]


def test_positions_one_by_one_are_of_a_run(account: Account) -> None:
    account.ask("req_pnl", request_id=1, account="DU1")
    account.ask("req_pnl_single", request_id=2, account="DU1", model_code="", con_id=7).again(60)
    account.ask("req_pnl", request_id=1, account="DU1").wanted(("pnl", "DU1"))
    assert [row[2] for row in account.gaps()] == ["open", "open", "closed"], "whether it is still held, is to be seen"


def test_market_data_of_an_instrument_that_was_not_found_is_no_account(account: Account) -> None:
    account.ask("req_pnl_single", request_id=2, account="DU1", model_code="", con_id=7).again(60)
    wish = {"instrument_id": None, "symbol": "", "stream": "pnl", "account": "DU2"}
    account.note(note=WANTED, streams=[wish])
    assert [row[2] for row in account.gaps()] == ["open", "closed"]


def test_gaps_of_accounts_go_on_over_marks_and_verify_is_clean(account: Account) -> None:
    account.ask().hear().after(5)
    account.tape.mark()
    account.again(60)
    account.tape.mark()
    state = account.decoded().as_json()
    again = TwsDecoder("main", json.loads(json.dumps(state)))
    assert again.as_json() == state
    account.ask().after(1).hear()
    account.tape.mark().close()
    layout = Layout(account.tape.data)
    list(Roller(layout, "main").roll())
    with capture.open_lake(account.tape.data) as lake:
        found = lake.gaps(stream="positions").arrow().to_pylist()
    assert [(row["state"], row["symbol"], row["lasted_s"] >= 60) for row in found] == [
        ("closed", None, True), ("open", None, True)]  # fmt: skip
    verifier = Verifier(layout, "main")
    list(verifier.ranges())
    assert verifier.findings == []


def test_coverage_of_accounts_is_the_time_without_gaps_since_they_were_wanted(account: Account) -> None:
    account.ask().hear().after(100).hear("current_time", time=1)
    account.ask("req_pnl", request_id=1, account="DU1").hear("pnl", request_id=1, daily=1.0).again(60)
    account.ask().after(40).hear().after(100).hear("current_time", time=1)
    account.tape.mark().close().mark()
    list(Roller(Layout(account.tape.data), "main").roll())
    with capture.open_lake(account.tape.data) as lake:
        found = {(row["stream"], row["account"]): row for row in lake.account_coverage()}
        assert lake.coverage() == [], "which is of instruments"
    positions, pnl = found["positions", None], found["pnl", "DU1"]
    assert (positions["expected_s"] - positions["unknown_s"], positions["down_s"]) == (300, 100)
    assert (pnl["expected_s"] - pnl["unknown_s"], pnl["down_s"]) == (200, 200)
    assert positions["share"] == pytest.approx(200 / positions["expected_s"])


def test_what_is_given_up_is_expected_no_more(account: Account) -> None:
    account.ask("req_pnl", request_id=1, account="DU1").hear("pnl", request_id=1, daily=1.0).after(50)
    account.ask("req_pnl", request_id=2, account="DU1").ask("cancel_pnl", request_id=1).after(50)
    account.hear("pnl", request_id=2, daily=1.0).ask("cancel_pnl", request_id=2).after(70)
    account.hear("current_time", time=1)
    account.tape.mark()
    list(Roller(Layout(account.tape.data), "main").roll())
    with capture.open_lake(account.tape.data) as lake:
        [row] = lake.account_coverage()
    assert (row["expected_s"], row["down_s"], row["unknown_s"], row["share"]) == (100, 0, 0, 1)
