import ast
import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from .equivalent import entries, matching
from .operators import mutated, sites
from .trial import replace_functions


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
    ("list(zip(a, b, strict=True))", ["pass"]),
])  # fmt: skip
def test_each_site_becomes_one_other_program(source: str, changed: list[str]) -> None:
    assert [ast.unparse(mutated(source, site)) for site in sites(source)] == changed


def test_what_is_inside_a_function_is_told_from_what_importing_runs() -> None:
    source = "n = 1\ndef f(a=2):\n    def g():\n        return 3\n    return lambda: 4\nclass C:\n    m = 5"
    assert {int(site.change.split()[0]): site.is_inside for site in sites(source)} == {
        1: False, 2: False, 3: True, 4: True, 5: False}


SOURCE = """
from functools import cache

class C:
    @property
    def one(self):
        return 1

    @cache
    def two(self):
        return [n + 5 for n in (6,)]
"""


def test_functions_do_something_else_wherever_they_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "changed_in_place.py").write_text(SOURCE)
    module = importlib.import_module("changed_in_place")
    made, found = module.C(), {}
    assert (made.one, made.two()) == (1, [11])
    for site in sites(SOURCE):
        module.C.two.cache_clear()
        replace_functions("changed_in_place", mutated(SOURCE, site))
        found[site.change] = made.one, made.two()
    assert found == {"1 → 2": (2, [11]), "n + 5 → n - 5": (1, [1]), "5 → 6": (1, [12]), "6 → 7": (1, [12])}
    del sys.modules["changed_in_place"]


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: f"{entry['file']}: {entry['change']}")
def test_each_change_that_is_left_out_is_there_as_often_as_said_and_has_a_reason(entry: dict[str, Any]) -> None:
    assert len(matching(entry)) == entry.get("times", 1)
    assert entry.keys() - {"times"} == {"file", "line", "change", "reason"}
    assert len(entry["reason"]) > 10
