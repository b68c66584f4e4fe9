"""`ticktape seal`: days that are over, sorted into one file per table."""

from typing import Annotated

import typer

from ..shared.options import Config, Data, Json, lake_folder
from ..shared.output import say, show, show_json


def run(
    data: Data = None,
    config: Config = None,
    grace: Annotated[float, typer.Option(metavar="HOURS", min=0, help="How long replaced files stay.")] = 3.0,
    json: Json = False,
) -> None:
    """Sort every UTC date that is over into one file per table and recorder.

    A running recorder does this by itself, an hour after midnight UTC. Queries may go on meanwhile: they see the same
    rows before, during and after it. The files that were replaced are removed once --grace is over, as queries may
    still be reading them. Can be stopped at any moment; the next run goes on.
    """
    from capture.lake.layout import Layout
    from capture.lake.sealing import Sealer

    layout = Layout(lake_folder(data, config))
    layout.require()
    sealer = Sealer(layout, grace_s=grace * 3_600)
    days = []
    for sealed in sealer.seal():
        rows = sum(sealed.rows.values())
        say(f"{sealed.day}: {rows:,} rows in {sealed.files} files, {sealed.seconds:.1f} s")
        days.append({"date": sealed.day, "rows": sealed.rows, "files": sealed.files, "seconds": sealed.seconds})
    removed = sealer.clear()
    if json:
        show_json({"sealed": days, "removed_files": removed})
    else:
        show(f"{len(days)} dates sealed, {removed} replaced files removed")
