"""Lines of keys in TOML texts that users wrote."""

import pytest

from capture.toml_lines import line_of

TEXT = """\
like = "fixed"

[moves.high_cap]
down = -0.08
"up" = 0.06

[[class]]
symbol = "SPY"

[[ class ]]
symbol = "QQQ"
  leverage = 3
[offsets]
product = { high_cap = 0.9 }
"""


@pytest.mark.parametrize(("where", "line"), [
    (("like",), 1), (("moves", "high_cap"), 3), (("moves", "high_cap", "down"), 4),
    (("moves", "high_cap", "up"), 5), (("class", 0, "symbol"), 8), (("class", 1, "symbol"), 11),
    (("class", 1, "leverage"), 12), (("class", 1, "kind"), 10), (("class", 7, "symbol"), 8),
    (("offsets", "product", "high_cap"), 14), (("nothing",), 1), ((), 1)])  # fmt: skip
def test_a_key_is_found_and_else_its_block(where: tuple[str | int, ...], line: int) -> None:
    assert line_of(TEXT, where) == line
