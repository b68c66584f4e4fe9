from datetime import timedelta
from importlib import import_module

import pytest

output = import_module("capture.cli.shared.output")  # type checkers see only the package


@pytest.mark.parametrize(("size_bytes", "text"), [
    (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1_572_864, "1.5 MiB"), (2**50, "1024.0 TiB")])
def test_sizes(size_bytes: int, text: str) -> None:
    assert output.size_text(size_bytes) == text


@pytest.mark.parametrize(("age_s", "text"), [
    (None, ""), (0, "0.0 s"), (9.94, "9.9 s"), (30, "30 s"), (600, "10 min"), (4 * 3600, "4 h"), (864_000, "10 d")])
def test_ages(age_s: float | None, text: str) -> None:
    assert output.age_text(age_s) == text


def test_off_a_terminal_a_row_is_a_line_without_padding(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [("é", 1, "x" * 300), (None, 100, "two\nlines")]
    output.show_table(("name", "n", "text"), rows, ("n",))
    assert capsys.readouterr().out.splitlines() == [
        "name    n  text", f"é       1  {'x' * 300}", "      100  two lines"]


def test_intervals_are_seconds_in_json() -> None:
    assert output.json_value({"lasted": [timedelta(minutes=1, milliseconds=500)]}) == {"lasted": [60.5]}
