"""The manifest beside an export: what it is, where it is from, and how whole it is."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .job import Job

VERSION = 1
# What a job says that was asked for, beside its table.
ASKED = ("instruments", "start", "end", "stream", "recorder", "once", "every", "whole", "unreported", "min_coverage")


def manifest_name(path: Path, job: Job, *, folder: bool) -> str:
    """Return the name of the manifest: beside a file; in a folder so that readers of all its files leave it out."""
    what = job.table.name if job.every is None else f"{job.table.name} every {job.every}"
    return f"_{re.sub(r'[^A-Za-z0-9]+', '-', what)}.manifest.json" if folder else f"{path.name}.manifest.json"


def manifest(job: Job, columns: Sequence[str], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the manifest of a job says: what was asked for, columns that the output has, and more facts."""
    from capture import __version__

    return {
        "manifest_version": VERSION,
        "software": f"ticktape {__version__}",
        "written": datetime.now(UTC),
        "lake": str(job.lake.layout.root.resolve()),
        "recorders": job.lake.layout.recorders() if job.recorder is None else [job.recorder],
        "asked": {"table": job.table.name} | {name: getattr(job, name) for name in ASKED},
        "span": dict(zip(("from", "to"), job.span, strict=True)),
        **facts,
        "lost": dict(job.losses),
        "columns": [_column(job, name) for name in columns],
    }


def _column(job: Job, name: str) -> dict[str, str]:
    """Return what a column means, where it is the table's own."""
    known = {column.name: column for column in job.table.columns} if job.every is None else {}
    if name not in known:
        return {"name": name}
    column = known[name]
    return {"name": name, "unit": column.unit, "meaning": column.meaning, "null_means": column.null}


def write_manifest(path: Path, said: Mapping[str, Any]) -> None:
    """Write a manifest."""
    path.write_text(json.dumps(said, indent=2, ensure_ascii=False, default=_text) + "\n", encoding="utf-8")


def files_of(path: Path) -> list[str]:
    """Return the files that a manifest names, relative to its folder; none where there is none."""
    try:
        return [file["path"] for file in json.loads(path.read_text("utf-8"))["files"]]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return []


def _text(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
