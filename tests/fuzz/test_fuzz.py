"""The fuzz targets for a few seconds each, so that they stay alive, and every input that once failed."""

import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.tape import SegmentReader

from . import frames, limits, mutate, tape
from .__main__ import load, read_saved, run_one, save

ROOT = Path(__file__).parents[2]
FOUND = sorted((Path(__file__).parent / "found").glob("*.hex"))


@pytest.mark.parametrize("path", FOUND, ids=[path.stem for path in FOUND])
def test_an_input_that_once_failed_is_read(path: Path) -> None:
    check, _ = load(path.name.partition("-")[0])
    run_one(check, read_saved(path))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_mutated_frames(seed: int) -> None:
    assert sum(run_one(frames.check, data) for data in islice(mutate.inputs(seed, 400), 30)) > 2_000


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_damaged_tapes(seed: int) -> None:
    assert sum(run_one(tape.check, data) for data in islice(tape.inputs(seed), 600)) == 600


@pytest.mark.slow
@pytest.mark.parametrize("target", ["frames", "tape"])
def test_what_a_guided_search_begins_with(target: str) -> None:
    check, making = load(target)
    for data in making.seeds()[::2]:
        run_one(check, data)


@given(st.binary(max_size=300))
@settings(deadline=None, max_examples=50)
def test_any_bytes_are_an_input_of_both(data: bytes) -> None:
    frames.check(data)
    tape.check(data)


@pytest.mark.slow
def test_a_saved_input_is_read_again_by_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = save("tape", b"\x20\x40\x00\x10\x00\x01", 7).absolute()
    assert read_saved(path) == b"\x20\x40\x00\x10\x00\x01"
    command = [sys.executable, "-m", "tests.fuzz", "tape", str(path)]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said == f"{path}: 1\n"


def test_a_reader_that_forgets_a_damage_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SegmentReader, "_passed_over", lambda *_: None)
    with pytest.raises(AssertionError):
        for data in islice(tape.inputs(1), 200):
            tape.check(data)


def test_what_takes_too_long_or_too_much_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    peaks = iter([100, limits.MEMORY_BYTES + 99, 100, limits.MEMORY_BYTES + 100_000])
    monkeypatch.setattr(limits, "LOOKED_EVERY", 1)
    monkeypatch.setattr(limits, "peak_bytes", lambda: next(peaks))
    with limits.bounded(100):
        pass
    with pytest.raises(limits.LimitError, match="of memory"), limits.bounded(100):
        pass
    monkeypatch.setattr(limits, "TIME_S", 0.05)
    monkeypatch.setattr(limits, "peak_bytes", int)
    with pytest.raises(limits.LimitError, match="processor time"), limits.bounded(100):
        while True:
            pass
