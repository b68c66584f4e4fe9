"""`ticktape notebook`: a notebook to begin research with, filled in for a lake."""

import json as json_module
import os
import re
import subprocess
import sys
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..shared.exits import UsageError
from ..shared.options import Config, Data, lake_folder
from ..shared.output import say, show

if TYPE_CHECKING:
    from capture import Lake


class Name(StrEnum):
    """The notebooks there are."""

    FIRST_LOOK = "first_look"
    MICROSTRUCTURE = "microstructure"
    BARS_AND_JOINS = "bars_and_joins"
    REPLAY_STRATEGY = "replay_strategy"
    ACCOUNT = "account"


# The last UTC day that has rows, and its instruments: first those with trades, quotes and depth, by how much there is.
_BEST = """
with rows as (select date, symbol, 1 as trades, 0 as quotes, 0 as depth from trades
              union all select date, symbol, 0, 1, 0 from quotes
              union all select date, symbol, 0, 0, 1 from depth)
select date, symbol from rows where symbol is not null and date = (select max(date) from rows)
group by all order by (sum(trades) > 0)::int + (sum(quotes) > 0)::int + (sum(depth) > 0)::int desc,
    sum(trades) + sum(quotes) desc, symbol limit 2
"""
# The last UTC day of which IB said what accounts are worth, won or hold.
_LAST_OF_ACCOUNTS = """
select max(date) from (select date from account_values union all select date from pnl
                       union all select date from positions union all select date from executions)
"""
_INSTALL = "pip install 'ticktape[notebook]'"


def run(
    name: Annotated[Name, typer.Argument(metavar="NAME", help="Which one.")] = Name.FIRST_LOOK,
    data: Data = None,
    config: Config = None,
    output: Annotated[Path | None, typer.Option(
        "--output", "-o", metavar="FILE", help="Where to write it. Default: NAME.ipynb here.")] = None,
    open_it: Annotated[bool | None, typer.Option(
        "--open/--no-open", help="Open it in JupyterLab. Default: on a terminal, if that is installed.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write it anew if it is there already.")] = False,
) -> None:  # fmt: skip
    """Write a notebook for this lake, with its folder, newest day and instruments filled in, and open it.

    first_look: coverage, spreads and volume of a day. microstructure: spread, depth, price impact and the order book
    over a day. bars_and_joins: bars and as-of joins with polars. replay_strategy: a strategy on ib_async, through the
    gateway. account: P&L, execution, exposure, stress and margin of accounts over a day, without their numbers. One
    that is there already is opened as it is. Prints the file's name.
    """
    path = output or Path(f"{name}.ipynb")
    if path == Path("-") or path.is_dir():
        raise UsageError(f"a notebook is a file: name one with -o, such as {name}.ipynb")
    if open_it and find_spec("jupyterlab") is None:
        raise UsageError(f"JupyterLab is not installed: {_INSTALL}")
    if path.exists() and not force:
        say(f"ticktape: {path} is there already, and left as it is; --force writes it anew")
    else:
        _write(name, lake_folder(data, config), path)
    show(str(path), flush=True)
    _open(path, sys.stdout.isatty() if open_it is None else open_it)


def _write(name: Name, data: Path, path: Path) -> None:
    from capture import open_lake
    from capture.publish import make_folder, publish

    with open_lake(data) as lake:
        found = _account_day(lake, data) if name is Name.ACCOUNT else _market_day(lake, data)
    folder = data if data.is_absolute() else Path(os.path.relpath(data, path.parent))
    text = filled(notebook_text(name), {"DATA": str(folder), **found})
    try:
        make_folder(path.absolute().parent)
        publish(path, lambda temporary: temporary.write_text(text, encoding="utf-8"), mode=0o644)
    except OSError as error:
        error.filename = str(path)  # not that of the temporary file
        raise


def _market_day(lake: "Lake", data: Path) -> dict[str, str]:
    """Return the newest day and its busiest instruments, as parameters of notebooks. Raises QueryError."""
    from capture.query import QueryError

    best = lake.sql(_BEST).rows()
    if not best:
        raise QueryError(f"the lake in {data} has no trades, quotes or depth yet: `ticktape record` records some")
    return {"DAY": f"{best[0][0]}", "SYMBOL": best[0][1], "OTHER": best[-1][1]}


def _account_day(lake: "Lake", data: Path) -> dict[str, str]:
    """Return the newest day of accounts, as parameters of a notebook; never whose. Raises QueryError."""
    from capture.query import QueryError

    [(day,)] = lake.sql(_LAST_OF_ACCOUNTS).rows()
    if day is None:
        raise QueryError(f"the lake in {data} has nothing of accounts: [accounts] in ticktape.toml has them recorded")
    return {"DAY": f"{day}"}


def notebook_text(name: Name) -> str:
    """Return a notebook as it comes with ticktape."""
    from importlib.resources import files

    return (files("capture.examples") / f"{name}.ipynb").read_text(encoding="utf-8")


def filled(notebook: str, values: dict[str, str]) -> str:
    """Return a notebook with values for names in its first code cell, where it has a line that begins `NAME = `."""
    content: dict[str, Any] = json_module.loads(notebook)
    cell = next(cell for cell in content["cells"] if cell["cell_type"] == "code")
    cell["source"] = [_assigned(line, values) for line in cell["source"]]
    return json_module.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _assigned(line: str, values: dict[str, str]) -> str:
    found = re.match(r"(\w+) = \"[^\"]*\"", line)
    if found is None or found[1] not in values:
        return line
    return f"{found[1]} = {json_module.dumps(values[found[1]], ensure_ascii=False)}{line[found.end():]}"


def _open(path: Path, wanted: bool) -> None:
    if find_spec("jupyterlab") is None:
        say(f"ticktape: to open it: {_INSTALL}, then: jupyter lab {path}")
    elif wanted:
        subprocess.run([sys.executable, "-m", "jupyterlab", str(path)], check=False)
    else:
        say(f"ticktape: open it with: jupyter lab {path}")
