"""`ticktape init`: a commented ticktape.toml to begin with."""

from pathlib import Path
from typing import Annotated

import typer

from .exits import UsageError
from .output import say


def run(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it.")] = Path("ticktape.toml"),
    force: Annotated[bool, typer.Option("--force", help="Replace the file where there is one.")] = False,
) -> None:
    """Write a commented ticktape.toml.

    Every setting is in it, explained, at its default.
    """
    from capture.session.settings import template
    from capture.tape import make_folder

    make_folder(path.absolute().parent)
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(template())
    except FileExistsError:
        raise UsageError(f"{path} is there already: edit it, or replace it with --force") from None
    say(f"wrote {path}: name your instruments in it, then run `ticktape record`")
