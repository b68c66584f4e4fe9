"""`ticktape plot`: which file it writes, what it says, and what it refuses."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ScriptedTape

Run = Callable[..., Any]
PNG = b"\x89PNG"

pytestmark = pytest.mark.slow  # altair takes a second to load


def test_a_picture_is_named_after_what_it_shows(run: Run, lake: Path) -> None:
    code, out, err = run("plot", "AAPL", "--data", lake)
    assert (code, out, err) == (0, "AAPL-2026-01-02.png\n", "")
    assert Path("AAPL-2026-01-02.png").read_bytes().startswith(PNG)
    assert [path.name for path in Path().iterdir()] == ["AAPL-2026-01-02.png"]


def test_json_says_what_was_written(run: Run, lake: Path) -> None:
    code, out, _ = run("plot", "AAPL", "-o", "a.svg", "--json", "--data", lake)
    assert code == 0
    assert json.loads(out) == {
        "path": "a.svg", "from": "2026-01-02T15:00:00+00:00", "to": "2026-01-02T15:00:02+00:00", "bar_s": 1, "rows": 2,
        "points": 2, "instruments": [{"symbol": "AAPL", "rows": 2, "points": 2, "gaps": 0}]}  # fmt: skip
    assert Path("a.svg").read_text().startswith("<svg")


def test_times_narrow_it_down(run: Run, lake: Path) -> None:
    out = run("plot", "AAPL", "-o", "a.svg", "--from", "2026-01-02T15:00:01", "--json", "--data", lake).out
    assert json.loads(out)["rows"] == 1


def test_a_file_that_is_there_is_left_alone_unless_forced(run: Run, lake: Path) -> None:
    for name, options in (("AAPL-2026-01-02.png", []), ("mine.svg", ["-o", "mine.svg"])):
        Path(name).write_text("mine")
        code, out, err = run("plot", "AAPL", *options, "--data", lake)
        assert (code, out) == (2, "")
        assert err == f"ticktape: {name} is there already: write over it with --force, or name another file with -o\n"
        assert Path(name).read_text() == "mine"
        assert run("plot", "AAPL", *options, "--force", "--data", lake).code == 0
        assert Path(name).read_bytes()[:4] in (PNG, b"<svg")


@pytest.mark.parametrize(("options", "code", "text"), [
    (["NVDA"], 1, "NVDA: no trades or quotes were recorded; recorded instruments: AAPL, é"),
    (["AAPL", "-o", "a.gif"], 2, "a.gif does not end like a picture: write .png, .svg, .html"),
    (["AAPL", "-o", "a"], 2, "a does not end like a picture"),
    (["AAPL", "--from", "noon"], 2, "--from noon is no time"),
    (["AAPL", "--from", "2026-01-03", "--until", "2026-01-02"], 2,
     "--from 2026-01-03 is not before --until 2026-01-02"),
    (["AAPL", "--from", "2026-02-01"], 1, "AAPL: no trades, quotes or gaps then"),
    (["--calendar"], 1, "no stream was asked for then; recorded instruments: none"),
])  # fmt: skip
def test_what_cannot_be_drawn_is_told(run: Run, lake: Path, options: list[str], code: int, text: str) -> None:
    found = run("plot", *options, "--data", lake)
    assert (found.code, found.out) == (code, "")
    assert text in found.err and "Traceback" not in found.err
    assert list(Path().iterdir()) == []


def test_names_of_files_hold_no_odd_signs(run: Run, lake: Path) -> None:
    code, out, _ = run("plot", 'é|"x', "AAPL", "--data", lake)
    assert (code, out) == (0, "é_x-AAPL-2026-01-02.png\n")


@pytest.mark.parametrize("missing", ["altair", "vl_convert"])
def test_without_altair_it_says_what_to_install(
    run: Run, lake: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    for name in [name for name in sys.modules if name.startswith("capture.plot")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    code, out, err = run("plot", "AAPL", "--data", lake)
    assert (code, out) == (1, "")
    assert err == ("ticktape: pictures need altair and vl-convert-python, which are not installed: "
                   "pip install 'ticktape[plot]'\n")


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    """A lake in which AAPL's trades were asked for, and the recorder then stopped."""
    now_ns = int(datetime(2026, 11, 18, 15, 0, tzinfo=UTC).timestamp()) * 1_000_000_000
    tape = ScriptedTape(tmp_path / "data", now=lambda: now_ns).open()
    tape.ask(2, "req_tick_by_tick", tick_kind="AllLast")
    tape.trade(2, 100.0, time=now_ns // 1_000_000_000).mark()
    tape.close("enough").mark().writer.close()
    return tape.data


@pytest.mark.parametrize("options", [[], ["--calendar"], ["--calendar", "AAPL"]])
def test_without_instruments_it_is_the_calendar(run: Run, asked: Path, options: list[str]) -> None:
    bounds = ["--from", "2026-11-18", "--until", "2026-11-20"]
    code, out, _ = run("plot", *options, *bounds, "--json", "--data", asked)
    assert code == 0
    told = json.loads(out)
    assert (told["path"], told["from"], told["to"]) == ("coverage.png", "2026-11-18", "2026-11-19")
    assert (told["rows"], told["instruments"]) == (2, ["AAPL"])
    assert Path("coverage.png").read_bytes().startswith(PNG)


def test_a_calendar_of_an_unknown_instrument_names_those_there_are(run: Run, asked: Path) -> None:
    code, _, err = run("plot", "--calendar", "MSFT", "--data", asked)
    assert code == 1
    assert err == ("ticktape: warning: nothing was recorded of 'MSFT'; see the table instruments for what there is\n"
                   "ticktape: MSFT: no stream was asked for then; recorded instruments: AAPL\n")
