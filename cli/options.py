"""Options that several verbs share."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[Path | None, typer.Option("--data", metavar="FOLDER", help="Folder of the lake.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

Host = Annotated[str | None, typer.Option(help="Where TWS or IB Gateway runs.")]
Port = Annotated[int | None, typer.Option(help="Its API port.")]
ClientId = Annotated[int | None, typer.Option(help="API client id.")]
DataToWrite = Annotated[Path | None, typer.Option("--data", metavar="FOLDER", help="Folder for tape and tables.")]
Config = Annotated[Path | None, typer.Option(metavar="FILE", help="Settings. Default: ticktape.toml.")]
ForSeconds = Annotated[float | None, typer.Option("--for", min=0, metavar="SECONDS", help="Stop after so long.")]


def lake_folder(given: Path | None) -> Path:
    """Return the folder to read: the one given, or the one that a recorder started here writes to."""
    if given is not None:
        return given
    from capture.session.settings import data_folder

    return data_folder()
