"""`ticktape compact`: archive files of earlier versions get the row groups of today."""

from typing import Any

import typer

from ..shared.options import Config, Data, Json, lake_folder
from ..shared.output import say, show, show_json, size_text


def run(data: Data = None, config: Config = None, json: Json = False) -> None:
    """Make the archive's files anew that earlier versions wrote, so that questions about one instrument read less.

    Also those of rows that came once their date was sealed. A running recorder does this by itself, when nothing else
    is due. Each file is compared with the one that it replaces and takes its place at once, under its name, with the
    same rows; questions may go on meanwhile. Can be stopped at any moment; the next run goes on. A file that cannot be
    read stays as it is, is said, and the exit code is 1.
    """
    from capture.lake.damage import hint
    from capture.lake.layout import Layout
    from capture.lake.row_groups.compactor import Compactor

    layout = Layout(lake_folder(data, config))
    layout.require()
    files: list[dict[str, Any]] = []
    for done in Compactor(layout).compact():
        name = done.path.relative_to(layout.root)
        say(f"{name}: {done.fault or f'{size_text(done.before_bytes)} → {size_text(done.after_bytes)}'}")
        files.append({"file": str(name), "rows": done.rows, "before_bytes": done.before_bytes,
                      "after_bytes": done.after_bytes, "fault": done.fault})
    faults = [one for one in files if one["fault"]]
    if json:
        show_json({"files": files})
    else:
        before, after = (sum(one[name] for one in files) for name in ("before_bytes", "after_bytes"))
        show(f"{len(files) - len(faults)} files made anew, {size_text(before)} → {size_text(after)}")
    if faults:
        say(f"{len(faults)} files cannot be read; {hint(layout)}")
        raise typer.Exit(1)
