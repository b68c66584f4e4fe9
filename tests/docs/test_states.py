"""The state machines that are drawn are the ones that the code goes by."""

import ast
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from capture.decode import gaps
from capture.session import history_job, phases, subscriptions
from capture.wanted.instrument import parse_instrument
from capture.wanted.streams import parse_stream

ROOT = Path(__file__).parents[2]
diagrams = import_module("capture.cli.generate.state_diagrams")  # type checkers see only the package
EACH = pytest.mark.parametrize("machine", diagrams.MACHINES, ids=lambda machine: machine.title)
STATES = {"Line": phases.State, "Stream": subscriptions.Life, "Gap": gaps.State, "History job": history_job.State}
# Where a state may be given: its attribute, and the function of each module that alone does so.
CHANGES = {"capture/session/machine.py": {"__init__", "_enter"}, "capture/session/subscriptions.py": {"become"},
           "capture/session/history_job.py": {"end"}}  # fmt: skip


@EACH
def test_every_state_is_drawn_and_reached_from_the_beginning(machine: Any) -> None:
    reached: set[str | None] = {None}
    while (further := reached | {to for state in reached for to in machine.leads[state]}) != reached:
        reached = further
    assert reached == machine.leads.keys()
    if machine.title in STATES:
        assert reached - {None} == set(STATES[machine.title])


@EACH
def test_what_stands_at_an_arrow_is_plain_text(machine: Any) -> None:
    """Mermaid takes a colon, a semicolon and a hash for signs of its own."""
    labels = {by for targets in machine.leads.values() for by in targets.values()}
    assert not {label for label in labels if set(label) & set(':;#"\n')}
    assert (ROOT / machine.module).exists()


def assigned(path: Path) -> set[str]:
    """Return the functions of a module that assign to an attribute that holds a state."""
    functions = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]
    return {function.name for function in functions for node in ast.walk(function)
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr in ("life", "state")}


def test_a_state_changes_at_one_place() -> None:
    paths = sorted((ROOT / "capture" / "session").glob("*.py"))
    found = {str(path.relative_to(ROOT)): names for path in paths if (names := assigned(path))}
    assert found == CHANGES
    tree = ast.parse((ROOT / "capture" / "decode" / "gaps.py").read_text())
    written = [node for node in ast.walk(tree) if isinstance(node, ast.Dict) and "state" in
               {key.value for key in node.keys if isinstance(key, ast.Constant)}]
    assert len(written) == 3, "turned, and twice what is restored from a version that did not say it"


def test_a_change_that_is_not_drawn_is_a_fault_of_ours() -> None:
    subscription = subscriptions.Subscription(parse_instrument("AAPL"), parse_stream("trades"))
    with pytest.raises(AssertionError, match="AAPL trades does not go from wanted to silent"):
        subscription.become(subscriptions.Life.SILENT)
    with pytest.raises(AssertionError, match="does not go from backfilled to open"):
        gaps.turned({"gap_id": "main.all_last.1.2", "state": "backfilled"}, gaps.State.OPEN)
