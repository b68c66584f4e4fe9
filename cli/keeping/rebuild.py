"""`ticktape rebuild`: tables anew from the tape."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..shared.exits import Exit, UsageError
from ..shared.options import Config, Data, lake_folder
from ..shared.output import say, show
from ..shared.tape_walk import From, Name, Until, chosen, show_findings, span, walk

if TYPE_CHECKING:
    from capture.lake.layout import Layout
    from capture.lake.proof.tape_part import Span


def run(
    data: Data = None,
    config: Config = None,
    into: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Make a new lake there.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the files of this lake.")] = False,
    name: Name = None,
    from_: From = None,
    until: Until = None,
) -> None:
    """Decode the tape anew into tables.

    --into makes a new lake, with the same tapes under a second name (hard links, or copies on another disk). --replace
    publishes files of this lake again, all of them or those from --from up to --until, one by one, so that queries go
    on meanwhile; its recorder must not run. Tables of IB's statements are made from these statements. What the tape
    does not give is set aside as FILE.bad; where the tape is damaged, files that can be read are kept, and the exit
    code is 3.
    """
    from capture.lake.layout import Layout

    if replace == (into is not None):
        raise UsageError("say either --into FOLDER, for a new lake, or --replace")
    part = span(from_, until)
    layout = Layout(lake_folder(data, config))
    recorders = chosen(layout, name)
    if into is None:
        kept = [line for recorder in recorders for line in _replace(layout, recorder, part)]
        if name is None and part.everything:
            _statements(layout)
        show_findings(kept or ["done"])
        raise typer.Exit(Exit.LOST if kept else Exit.DONE)
    if not part.everything:
        raise UsageError("--from and --until go with --replace: a new lake holds everything")
    _into(layout, recorders, Layout(into))


def _into(source: "Layout", recorders: list[str], target: "Layout") -> None:
    from capture.lake.proof.rebuild import Rebuilder, link_tape, require_empty
    from capture.lake.statements.originals import link_statements
    from capture.lake.views import prepare

    require_empty(target.root)
    for recorder in recorders:
        link_tape(source, recorder, target)
    for recorder in recorders:
        took_s = walk(f"rebuilding {recorder}", Rebuilder(target, recorder).ranges())
        say(f"{recorder}: rebuilt into {target.root} in {took_s:.1f} s")
    prepare(target)
    link_statements(source, target)
    _statements(target)
    show(f"done: ticktape verify --data {target.root} compares it with its tape")


def _statements(layout: "Layout") -> None:
    """Make the tables of IB's statements anew, where there are statements."""
    from capture.lake.statements.imported import import_statements
    from capture.lake.statements.originals import originals

    if originals(layout):
        import_statements(layout)


def _replace(layout: "Layout", recorder: str, part: "Span") -> list[str]:
    from capture.lake.proof.rebuild import Rebuilder

    rebuilder = Rebuilder(layout, recorder, part)
    took_s = walk(f"rebuilding {recorder}", rebuilder.ranges())
    say(f"{recorder}: {rebuilder.written:,} files written in {took_s:.1f} s")
    for path in rebuilder.set_aside:
        say(f"set aside: {path}")
    return [f"kept, as the tape is not whole there: {path}" for path in rebuilder.kept]
