import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import vl_convert

from capture.plot import save, stress_chart
from capture.plot.picture import Format
from capture.plot.stress import money_text, move_text
from capture.risk.stress.grid import RISK_NAVIGATOR, Grid
from capture.risk.stress.known_scenarios import known_scenarios
from capture.risk.stress.repricing import stress
from tests.risk.stress.held import MARKET, PORTFOLIO, held


def specification(rows: Sequence[dict[str, Any]], rate_move: float | None = None) -> dict[str, Any]:
    found: dict[str, Any] = stress_chart(rows, "USD", rate_move).to_dict()
    vl_convert.vegalite_to_svg(json.dumps(found))
    return found


def test_a_grid_is_a_heat_map_of_prices_by_volatilities_with_the_worst_of_all_points_told() -> None:
    rows = stress([*PORTFOLIO, held("X", "BAG")], RISK_NAVIGATOR, MARKET).totals.to_pylist()
    found = specification(rows)
    cells = found["datasets"]["cells"]
    assert len(cells) == 35
    assert found["title"]["text"] == "Stress · gain in USD · rates unmoved"
    worst = min(rows, key=lambda row: row["gain"])
    assert found["title"]["subtitle"].startswith(f"worst of 175: {money_text(worst['gain'])} at prices −30 %")
    assert found["title"]["subtitle"].endswith("; 1 without a price is in no figure")
    unmoved = {(row["price_move"], row["volatility_move"]): row["gain"] for row in rows if row["rate_move"] == 0}
    assert sorted(cell["gain"] for cell in cells) == sorted(unmoved.values())
    still = next(cell for cell in cells if cell["price"] == cell["volatility"] == "0")
    assert still["text"] == "0"


def test_another_shift_of_rates_is_shown_where_it_is_asked_for() -> None:
    rows = stress(PORTFOLIO, RISK_NAVIGATOR, MARKET).totals.to_pylist()
    found = specification(rows, -0.01)
    assert found["title"]["text"].endswith("rates −100 bp")
    assert any(cell["worst"] for each in (-0.01, 0.01) for cell in specification(rows, each)["datasets"]["cells"])


@pytest.mark.parametrize("grid", [Grid((0.1,), (0.0,), (0.01,)), Grid((-0.05, 0.025), (0.0, 1.0), (0.0,))])
def test_any_grid_has_a_picture(grid: Grid) -> None:
    rows = stress(PORTFOLIO, grid, MARKET).totals.to_pylist()
    assert len(specification(rows)["datasets"]["cells"]) == len(rows)


def test_scenarios_are_bars_worst_first_that_say_what_they_lack() -> None:
    rows = stress([*PORTFOLIO, held("KO")], known_scenarios(), MARKET).totals.to_pylist()
    bars = specification(rows)["datasets"]["bars"]
    assert [bar["gain"] for bar in bars] == sorted(row["gain"] for row in rows)
    assert next(bar for bar in bars if bar["scenario"] == "index -10 % by beta")["text"].endswith(" (lacks 1)")


def test_a_portfolio_of_nothing_has_a_picture() -> None:
    specification(stress([], RISK_NAVIGATOR, MARKET).totals.to_pylist())
    specification(stress([], known_scenarios(), MARKET).totals.to_pylist())


@pytest.mark.parametrize(("amount", "text"), [
    (-1_254_000, "−1.25m"), (999_600, "1m"), (830.4, "830"), (-12_345, "−12.3k"), (2.5e9, "2.5bn"), (1e-9, "0"),
])  # fmt: skip
def test_amounts_are_short(amount: float, text: str) -> None:
    assert money_text(amount) == text


def test_moves_are_percent() -> None:
    assert [move_text(move) for move in (-0.3, 0.0, 0.025, 1.5)] == ["−30 %", "0", "+2.5 %", "+150 %"]


def test_it_is_saved_as_a_picture(tmp_path: Path) -> None:
    rows = stress(PORTFOLIO, RISK_NAVIGATOR, MARKET).totals.to_pylist()
    save(stress_chart(rows, "USD"), tmp_path / "stress.png", Format.PNG)
    assert (tmp_path / "stress.png").read_bytes().startswith(b"\x89PNG")
