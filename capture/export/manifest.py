"""The manifest beside an export: what it is, where it is from, and how whole it is."""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from glob import escape
from itertools import count
from pathlib import Path
from typing import Any

from capture.functions import FUNCTIONS
from capture.publish import publish, sync_path
from capture.release import SOFTWARE

from .job import Job
from .stage import FILE_MODE, ExistsError

VERSION = 1
# What a job says that was asked for, beside its table.
ASKED = ("instruments", "start", "end", "stream", "recorder", "once", "every", "whole", "unreported", "restored",
         "min_coverage")  # fmt: skip


def asked_of(job: Job) -> dict[str, Any]:
    """Return what was asked for."""
    return {"table": job.table.name} | {name: getattr(job, name) for name in ASKED}


def manifest(job: Job, columns: Sequence[str], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the manifest of a job says: what was asked for, columns that the output has, and more facts."""
    return {
        "manifest_version": VERSION,
        "software": SOFTWARE,
        "written": datetime.now(UTC),
        "lake": str(job.lake.layout.root.resolve()),
        "recorders": job.lake.layout.recorders() if job.recorder is None else [job.recorder],
        "asked": asked_of(job),
        "span": dict(zip(("from", "to"), job.span, strict=True)),
        **facts,
        "lost": dict(job.losses),
        "columns": [_column(job, name) for name in columns],
    }


def _column(job: Job, name: str) -> dict[str, str]:
    """Return what a column means, where it is one of the table, or of its bars."""
    if job.every is not None:
        made = dict(FUNCTIONS[job.table.bars].returns) if job.table.bars else {}
        return {"name": name} | ({"meaning": made[name]} if name in made else {})
    known = {column.name: column for column in job.table.columns}
    if name not in known:
        return {"name": name}
    column = known[name]
    return {"name": name, "unit": column.unit, "meaning": column.meaning, "null_means": column.null}


def check_folder(path: Path, job: Job, format: str) -> None:
    """Raise ExistsError where the same was exported into a folder before, and is there still."""
    asked = json.loads(json.dumps(asked_of(job), default=_text))
    for file, said in _earlier(path, job).items():
        if (said.get("asked"), said.get("format")) == (asked, format) and any((path / name).exists()
                                                                            for name in _files(said)):
            raise ExistsError(f"the same was exported into {path} before, as {file} says: choose another folder, or "
                              "replace it with --force")


@contextmanager
def written_manifest(path: Path, job: Job, said: Mapping[str, Any], *, folder: bool) -> Iterator[Callable[[], Path]]:
    """Write a manifest beside a file or folder, where nobody sees it; what is yielded puts it into its place.

    So what fails in writing fails before the export is there. Into a folder one can export several times: manifests of
    files that were all replaced go, others stay.
    """
    waiting = path.with_name(f".{path.name}.manifest.{os.getpid()}.tmp")
    try:
        _write(waiting, said)
        yield lambda: _put(waiting, path, job, said, folder)
    finally:
        waiting.unlink(missing_ok=True)


def _put(waiting: Path, path: Path, job: Job, said: Mapping[str, Any], folder: bool) -> Path:
    place = path.with_name(f"{path.name}.manifest.json")
    if folder:
        written = set(_files(said))
        for file, earlier in _earlier(path, job).items():
            if (theirs := set(_files(earlier))) and theirs <= written:
                file.unlink()
        names = (f"{path.name}.{job.what}{f'-{number}' * (number > 1)}.manifest.json" for number in count(1))
        place = next(one for one in map(path.with_name, names) if not one.exists())
    waiting.replace(place)
    sync_path(place.parent)
    return place


def resize(path: Path, sizes: Mapping[str, int]) -> None:
    """Correct the sizes that manifests of a folder give of files which were written anew."""
    for place, said in _manifests(path, "").items() if sizes else ():
        known = {name: file for file in said.get("files", ()) if isinstance(file, dict) and (name := file.get("path"))}
        if again := known.keys() & sizes.keys():
            for name in again:
                known[name]["size_bytes"] = sizes[name]
            _write(place, said)


def _write(place: Path, said: Mapping[str, Any]) -> None:
    text = json.dumps(said, indent=2, ensure_ascii=False, default=_text) + "\n"
    publish(place, lambda temporary: temporary.write_text(text, "utf-8", "backslashreplace"), mode=FILE_MODE)


def _earlier(path: Path, job: Job) -> dict[Path, dict[str, Any]]:
    """Return the manifests of earlier exports of the same into a folder."""
    return _manifests(path, job.what)


def _manifests(path: Path, what: str) -> dict[Path, dict[str, Any]]:
    """Return the manifests of exports into a folder that can be read."""
    found = {}
    for file in sorted(path.parent.glob(f"{escape(f'{path.name}.{what}')}*.manifest.json")):
        with suppress(ValueError, OSError):
            said = json.loads(file.read_text("utf-8"))
            if isinstance(said, dict):
                found[file] = said
    return found


def _files(said: Mapping[str, Any]) -> list[str]:
    """Return the files that a manifest names; none where it is of somebody else."""
    named = said.get("files")
    return [str(file.get("path")) for file in named if isinstance(file, dict)] if isinstance(named, list) else []


def _text(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
