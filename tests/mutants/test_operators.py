import ast

import pytest

from .operators import mutated, sites


@pytest.mark.parametrize(("source", "changed"), [
    ("a < b", ["a <= b"]),
    ("x = a and not b", ["x = a or not b", "x = a and b"]),
    ("for n in m:\n    continue", ["for n in m:\n    break"]),
    ("n = -1", ["n = 1", "n = -2"]),
    ("wait(True)", ["pass", "wait(False)"]),
    ("self.open = f(x)", ["pass"]),
    ("if ready:\n    raise Full('no room')", ["if not ready:\n    raise Full('no room')", "if ready:\n    pass"]),
    ("def f(n: int = 3) -> int:\n    return n * 2",
     [f"def f(n: int={default}) -> int:\n    return n {rest}"
      for default, rest in ((4, "* 2"), (3, "// 2"), (3, "* 3"))]),
    ("assert n == 1, f'{n + 1}'", []),
])  # fmt: skip
def test_each_site_becomes_one_other_program(source: str, changed: list[str]) -> None:
    assert [ast.unparse(mutated(source, site)) for site in sites(source)] == changed
