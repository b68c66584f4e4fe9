"""What SQL has of risk: table functions whose rows are computed in Python when a question calls them.

They are of now and of all accounts; for another moment, some accounts or scenarios of one's own there are the methods.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

if TYPE_CHECKING:
    from .risk_questions import RiskQuestions


def _exposure(lake: "RiskQuestions") -> pa.Table:
    """Return exposure in every way of telling apart, `told_by` it."""
    from capture.risk.exposure import GROUPS

    held = lake.holdings()
    parts = [(by, lake.exposure(by, held=held).arrow()) for by in GROUPS]
    return pa.concat_tables([part.append_column("told_by", pa.array([by] * len(part), pa.string()))
                             for by, part in parts])  # fmt: skip


def _stress(lake: "RiskQuestions") -> pa.Table:
    return lake.stress().totals


def _margin(lake: "RiskQuestions") -> pa.Table:
    found = lake.margin()
    return pa.table({
        "at": [found.at], "currency": [found.portfolio.currency], "initial": [found.initial],
        "maintenance": [found.maintenance],
        **{f"told_{tag}": pa.array([number], pa.float64()) for tag, number in found.told.items()},
        "told_age_s": pa.array([found.told_age_s], pa.float64()), "note": [found.portfolio.note]})  # fmt: skip


# Name -> how its rows are computed, its parameters, and the query over these rows.
COMPUTED: dict[str, tuple[Callable[["RiskQuestions"], pa.Table], str, str]] = {
    "exposure": (_exposure, "told := 'underlying'", "select * exclude (told_by) from {rows} where told_by = told"),
    "stress": (_stress, "", "select * from {rows}"),
    "margin": (_margin, "", "select * from {rows}"),
}


def add_computed(lake: "RiskQuestions", connection: duckdb.DuckDBPyConnection, query: str) -> None:
    """Give a question's connection the computed functions that it calls. Raises what computing raises."""
    for name, (compute, parameters, select) in COMPUTED.items():
        if re.search(rf"\b{name}\s*\(", query, re.IGNORECASE):
            rows = f"computed_{name}"
            connection.register(rows, compute(lake))
            connection.execute(f"create or replace temp macro {name}({parameters}) as table {select.format(rows=rows)}")
