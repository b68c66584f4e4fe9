"""The state machines of a recording, drawn from the tables that the code goes by."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from capture.decode import gaps
from capture.session import history_job, subscriptions
from capture.session.phases import PHASES

from .markdown import page

Leads = Mapping[Any, Mapping[Any, str]]  # states are words of an enumeration of each machine's own


class Machine(NamedTuple):
    """A state machine: what goes through it, where its table stands, and where each state leads; None: the beginning.
    """

    title: str
    module: str
    text: str
    leads: Leads


def _from(beginning: str, leads: Leads) -> Leads:
    return {None: {beginning: ""}, **leads}


MACHINES = (
    Machine("Line", "capture/session/phases.py",
            "The line to a gateway. A recorder has one, and makes it anew for as long as it runs: each time, a session "
            "lasts from *greeting* until the line ends. What a state waits for has a limit of time.",
            _from("disconnected", {state: phase.next for state, phase in PHASES.items()})),
    Machine("Stream", "capture/session/subscriptions.py",
            "Each wanted stream of each instrument. `ticktape status` shows these words.",
            _from("wanted", subscriptions.LEADS)),
    Machine("Gap", "capture/decode/gaps.py",
            "A time in which a wanted stream was not whole. Each change is a row of [gaps](tables.md#gaps).",
            gaps.LEADS),
    Machine("Cut second", "capture/decode/gaps.py",
            "A second of which IB's history gave as many rows as it gives at most: a gap of its own, as there may have "
            "been more.",
            gaps.LEADS_OF_CUT),
    Machine("History job", "capture/session/history_job.py",
            "Seconds of IB's history that are wanted, for a gap or because `ticktape backfill` asked for them. It is "
            "fetched page by page.",
            _from("wanted", history_job.LEADS)),
)  # fmt: skip


def states_page() -> str:
    """Return the diagrams of all machines."""
    return page(
        "State machines",
        ("the modules that it names", "cli/generate/state_diagrams.py"),
        "Each diagram is drawn from a table in the module that it names, and the code changes a state at one place, "
        "which asserts that the table has the change. So what is not drawn here does not happen.",
        *map(_section, MACHINES))


def _section(machine: Machine) -> str:
    return f"## {machine.title}\n\n{machine.text} Table: `{machine.module}`.\n\n{_diagram(machine.leads)}"


def _diagram(leads: Leads) -> str:
    """Return a diagram in mermaid's language, in which a state's name is one word and has its text beside it."""
    names = [f'    state "{state}" as {_name(state)}' for state in leads if state and _name(state) != state]
    edges = [f"    {_name(state)} --> {_name(to)}" + (f": {by}" if by else "")
             for state, targets in leads.items() for to, by in targets.items()]
    ends = [f"    {_name(state)} --> [*]" for state, targets in leads.items() if not targets.keys() - {state}]
    return "\n".join(["```mermaid", "stateDiagram-v2", *names, *edges, *ends, "```"])


def _name(state: str | None) -> str:
    return "[*]" if state is None else state.replace(" ", "_")
