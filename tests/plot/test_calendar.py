import json
from datetime import date, timedelta
from typing import Any

import pytest
import vl_convert

from capture.plot import calendar_chart
from capture.plot.calendar import CLASSES, share_class
from capture.plot.theme import SHARES


def row(day: date, share: float | None = 1.0, symbol: str = "AAPL", stream: str = "quotes") -> dict[str, Any]:
    expected_s = 0.0 if share is None else 1_000.0
    down_s = (1 - share) * expected_s if share is not None else 0.0
    return {"symbol": symbol, "instrument_id": 1, "stream": stream, "day": day.isoformat(), "share": share,
            "expected_s": expected_s, "captured_s": expected_s - down_s, "quiet_s": 0.0, "backfilled_s": 0.0,
            "down_s": down_s, "unknown_s": 0.0, "reasons": ["the line broke", "stopped"] if down_s else []}  # fmt: skip


def days(number: int) -> list[date]:
    return [date(2026, 1, 1) + timedelta(days=day) for day in range(number)]


def specification(rows: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = calendar_chart(rows).to_dict()
    vl_convert.vegalite_to_svg(json.dumps(found))
    return found


@pytest.mark.parametrize(("number", "cell", "named"), [
    (1, 46, ["2026-01-01"]),
    (7, 46, [day.isoformat() for day in days(7)]),
    (60, 13, ["2026-01-05", "2026-01-12", "2026-01-19", "2026-01-26", "2026-02-02", "2026-02-09", "2026-02-16",
              "2026-02-23"]),
    (200, 4, [f"2026-{month:02}-01" for month in range(1, 8)]),
])  # fmt: skip
def test_any_number_of_days_fits(number: int, cell: int, named: list[str]) -> None:
    found = specification([row(day) for day in days(number)])
    assert found["spec"]["width"] == {"step": cell}
    x = found["spec"]["encoding"]["x"]
    assert x["axis"]["values"] == named
    assert len(x["scale"]["domain"]) == number


def test_days_without_trading_time_stay_empty() -> None:
    found = specification([row(date(2026, 1, 2)), row(date(2026, 1, 5))])
    assert found["spec"]["encoding"]["x"]["scale"]["domain"] == ["2026-01-02", "2026-01-03", "2026-01-04", "2026-01-05"]
    assert len(found["datasets"]["cells"]) == 2


def test_a_square_says_what_is_missing_and_why() -> None:
    [told] = specification([row(date(2026, 1, 2), 0.75)])["datasets"]["cells"]
    assert (told["share"], told["percent"], told["missing"]) == ("from 50 %", "75.00%", "0:04:10")
    assert told["reasons"] == "the line broke; stopped"


def test_the_title_says_how_much_is_there() -> None:
    found = specification([row(date(2026, 1, 2), 0.5), row(date(2026, 1, 2), 1.0, stream="depth"),
                           row(date(2026, 1, 2), None, symbol="MSFT")])  # fmt: skip
    assert found["title"]["text"] == "Coverage · 2026-01-02"
    assert found["title"]["subtitle"].startswith("3 streams, 75.00% of trading time")


@pytest.mark.parametrize(("share", "said"), [
    (None, "all"), (1.0, "all"), (0.99999, "from 99.9 %"), (0.995, "from 99 %"), (0.9, "from 90 %"), (0.6, "from 50 %"),
    (0.0001, "under 50 %"), (0.0, "nothing")])  # fmt: skip
def test_only_what_is_whole_is_called_all(share: float | None, said: str) -> None:
    assert share_class(share) == said
    assert len(CLASSES) == len(SHARES)
