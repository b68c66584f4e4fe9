"""Rows of named days come from the same files and tails as those of a query over all days."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import capture
from capture.lake.layout import Layout
from capture.lake.roll import Roller
from capture.lake.sealed import seal_through
from capture.lake.views import prepare
from capture.query.listing import Listing

DAYS = [date(2026, 1, day) for day in (5, 6, 7)]  # sealed, rolled, on the tape only


@pytest.fixture
def lake(script: Any) -> Any:
    now_ns = 0

    def now() -> int:
        return now_ns

    made = type(script)(script.data.parent / "days", now=now)
    layout = Layout(made.data)
    prepare(layout)
    for number, day in enumerate(DAYS):
        now_ns = int(datetime(day.year, day.month, day.day, 15, tzinfo=UTC).timestamp() * 1e9)
        if number == 0:
            made.open().ask(5, "req_tick_by_tick", tick_kind="AllLast")
        made.trade(5, 100 + number)
        if number < 2:
            made.mark()
            list(Roller(layout, "main").roll())
    (live,) = layout.live("trades").glob(f"date={DAYS[0]}/*.parquet")
    target = layout.archive_file("trades", str(DAYS[0]), "main", int(live.stem.split(".")[1]), 1)
    target.parent.mkdir()
    live.rename(target)
    seal_through(layout, "trades", DAYS[0])
    with capture.open_lake(made.data) as opened:
        yield opened
    made.writer.close()


@pytest.mark.parametrize(("start", "end", "prices"), [
    ("2026-01-05", "2026-01-06", [100]),
    ("2026-01-06", "2026-01-07", [101]),
    ("2026-01-07", "2026-01-08", [102]),
    ("2026-01-05T14:59Z", "2026-01-07T00:00Z", [100, 101]),
    ("2026-01-01", "2026-01-20", [100, 101, 102]),
    ("2025-01-01", "2026-12-31", [100, 101, 102]),
    ("2026-01-04", "2026-01-05", []),
])
def test_days_hold_what_they_hold(lake: capture.Lake, start: str, end: str, prices: list[float]) -> None:
    for _ in range(2):
        assert [price for price, in lake.trades("AAPL", start, end, columns=["price"]).rows()] == prices
    assert lake.sql("select price from trades order by ts").rows() == [(100,), (101,), (102,)]


def test_a_replay_of_a_day_looks_into_no_other(lake: capture.Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.check("AAPL")  # whether it is known is asked of all dates, once
    listed = _listed(monkeypatch)
    replay = lake.replay("AAPL", "2026-01-05", "2026-01-06", tables=["trades"], state=False)
    assert [record.price for record in replay] == [100]
    assert set(listed) == {("2026-01-05",)}


def test_exporting_one_more_date_looks_into_that_alone(
    lake: capture.Lake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    listed = _listed(monkeypatch)
    looked = []
    for name, end in (("two", "2026-01-07"), ("three", "2026-01-08")):
        listed.clear()
        lake.export("trades", tmp_path / name, start="2026-01-05", end=end, format="csv", by=["date"])
        looked.append(listed.count(()))
        assert {path.parent.name for path in (tmp_path / name).rglob("*.csv")} == {
            f"date={day}" for day in DAYS if str(day) < end}
    assert looked[0] == looked[1], "all dates are looked through for each part"


def _listed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Return the dates of which archive files are asked for, each time; none where all are."""
    found: list[tuple[str, ...]] = []
    files = Listing.files

    def noted(self: Listing, days: Iterable[date] | None = None) -> list[Path]:
        days = None if days is None else list(days)
        found.append(tuple(map(str, days or ())))
        return files(self, days)

    monkeypatch.setattr(Listing, "files", noted)
    return found


def test_answers_of_different_days_are_read_beside_each_other(lake: capture.Lake) -> None:
    answers = [lake.trades("AAPL", day, date(day.year, day.month, day.day + 1), columns=["price"]) for day in DAYS]
    assert [answer.rows() for answer in answers] == [[(100,)], [(101,)], [(102,)]]


def test_an_answer_holds_what_was_there_when_it_was_asked_for(script: Any) -> None:
    layout = Layout(script.data)
    prepare(layout)
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 100)
    today = datetime.now(UTC).date()
    with capture.open_lake(script.data) as opened:
        answer = opened.trades("AAPL", today - timedelta(days=1), today + timedelta(days=2), columns=["price"])
        script.mark()
        list(Roller(layout, "main").roll())
        script.trade(5, 101)
        assert opened.sql("select price from trades order by ts").rows() == [(100,), (101,)]
        assert answer.rows() == [(100,)]
