"""`ticktape init`: a commented ticktape.toml to begin with."""

from pathlib import Path
from typing import Annotated

import typer

from ..shared.exits import UsageError
from ..shared.output import say, show


def run(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; - is stdout.")] = Path("ticktape.toml"),
    force: Annotated[bool, typer.Option("--force", help="Replace the file where there is one.")] = False,
) -> None:
    """Write a commented ticktape.toml.

    Every setting is in it, explained, at its default.
    """
    from capture.publish import make_folder
    from capture.wanted.settings import template

    if path == Path("-"):
        show(template(), end="")
        return
    make_folder(path.absolute().parent)
    if path.is_dir():
        raise UsageError(f"{path} is a folder: name a file in it, {path / 'ticktape.toml'}")
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(template())
    except FileExistsError:
        raise UsageError(f"{path} is there already: edit it, or replace it with --force") from None
    say(f"wrote {path}: name your instruments in it, then run `ticktape record`")
