"""The table of speed: ratios of rounds to the best rival, sums, limits; what is not measured is not claimed."""

from pathlib import Path

import pytest

from bench.all import BEGIN, BENCHMARKS, due, kept_file, measures, placed, run
from bench.rounds import KEPT_IN, Spread, note, read, spread, times_as_fast
from bench.speed_table import ROWS, Row, share_of_limit, spread_of, table

TIMES = Row("asked", ("question",), 1.0, rivals=("quick", "slow"))
RATES = Row("sent", ("rate",), 4.0, rivals=("slow",), more_is_better=True, limit="memory", bytes_each=10.0)
FIGURE = Row("both", ("one", "other"), 6, "%")
FOUND = {
    "question": {"ticktape": [2.0, 3.0, 2.0], "quick": [1.0, 3.0, 1.0], "slow": [8.0, 9.0, 9.0]},
    "rate": {"ticktape": [80.0, 100.0, 120.0], "slow": [20.0, 20.0, 20.0]},
    "one": {"ticktape": [4.0]}, "other": {"ticktape": [1.5]}, "limit: memory": {"machine": [2_000.0]},
}


def test_a_ratio_is_of_each_round_and_more_than_one_is_faster() -> None:
    assert times_as_fast([2.0, 1.0], [4.0, 3.0], more_is_better=False) == Spread(2.5, 2.0, 3.0)
    assert times_as_fast([2.0, 1.0], [4.0, 4.0], more_is_better=True) == Spread(0.375, 0.25, 0.5)
    assert spread([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0)


def test_of_several_rivals_the_best_counts() -> None:
    assert spread_of(TIMES, FOUND) == Spread(0.5, 0.5, 1.0)
    assert spread_of(RATES, FOUND) == Spread(5.0, 4.0, 6.0)


def test_a_figure_is_the_sum_of_its_measures() -> None:
    assert spread_of(FIGURE, FOUND) == Spread(5.5, 5.5, 5.5)


@pytest.mark.parametrize("row", [TIMES, FIGURE], ids=lambda row: row.what)
def test_a_row_of_which_a_part_is_not_kept_is_not_measured(row: Row) -> None:
    assert spread_of(row, {row.measures[0]: {"other": [1.0]}}) is None
    assert "| not measured |" in table([row], {})[-1]


def test_a_row_without_its_rivals_claims_no_ratio() -> None:
    assert spread_of(TIMES, {"question": {"ticktape": [1.0]}}) is None


def test_what_reached_its_goal_is_bold_and_the_share_of_the_limit_stands_beside() -> None:
    times, rates, figure = table([TIMES, RATES, FIGURE], FOUND)[2:]
    assert times == "| asked | 0.5 × | 0.5 to 1 | ≥ 1 × |  |"
    assert rates == "| sent | **5 ×** | 4 to 6 | ≥ 4 × | 0.5 of memory |"
    assert figure == "| both | **5.5 %** | 5.5 to 5.5 | ≤ 6 % |  |"


def test_a_share_of_a_limit_follows_from_bytes_a_second() -> None:
    decoding = Row("decoding", ("decoding",), 0.2, "µs", limit="memory")
    found = {"decoding": {"ticktape": [0.5]}, "bytes of a message": {"ticktape": [50.0]},
             "limit: memory": {"machine": [1e9]}}
    assert share_of_limit(decoding, found) == pytest.approx(0.1)
    assert share_of_limit(decoding, {**found, "limit: memory": {}}) is None


def test_rounds_are_kept_where_a_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEPT_IN, raising=False)
    note("rate", "ticktape", [1.0])
    monkeypatch.setenv(KEPT_IN, str(tmp_path / "kept"))
    for values in ([1.0], [2.0, 3.0]):
        note("rate", "ticktape", values)
    note("rate", "other", [4.0])
    assert read(tmp_path / "kept") == {"rate": {"ticktape": [2.0, 3.0], "other": [4.0]}}


def test_a_second_run_goes_on_with_what_is_not_kept(tmp_path: Path) -> None:
    kept_file(tmp_path, "ingest").touch()
    assert due(tmp_path, "", again=False) == [name for name in BENCHMARKS if name != "ingest"]
    assert due(tmp_path, "in", again=True) == [name for name in BENCHMARKS if "in" in name]
    assert "ingest" in due(tmp_path, "", again=True)


def test_what_a_benchmark_measured_is_kept_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BENCHMARKS, "limits", (["--rounds", "0"], ["--no-such-option"]))
    assert not run("limits", tmp_path, quick=True)
    assert measures(tmp_path) == {}
    assert due(tmp_path, "limits", again=False) == ["limits"]


def test_the_page_has_its_section_once() -> None:
    page = "# Page\n\nFirst.\n\n## Other\n\nText.\n"
    once = placed(page, ["one"])
    assert once.index("one") < once.index("## Other")
    assert placed(once, ["two"]) == once.replace("one", "two")
    assert once.count(BEGIN) == 1


def test_every_row_takes_what_its_benchmark_measures() -> None:
    sources = "".join(path.read_text() for path in (Path(__file__).parents[2] / "bench").glob("*.py"))
    for row in ROWS:
        for name in (row.ours, *row.rivals):
            assert f'"{name}"' in sources, name
