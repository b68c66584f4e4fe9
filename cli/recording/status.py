"""`ticktape status`: what is being recorded right now."""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from capture.data_folder import ARCHIVE, LIVE, TAPE
from capture.printable import one_line

from ..shared.options import Config, Data, Json, lake_folder
from ..shared.output import age_text, lag_text, nameless_text, show, show_json, show_table, size_text

if TYPE_CHECKING:
    from capture.lake.layout import Layout


def run(data: Data = None, config: Config = None, json: Json = False) -> None:
    """Show what is being recorded right now.

    Of every recorder in a data folder: its state, how many streams are wanted, acknowledged by IB and flowing, each
    stream with its rate and the age of its last row, how far its roller is behind, and how many rows name no
    instrument, which is a fault of ticktape; then the archive, whose files a running recorder reads once in 30 days,
    with those that were found damaged, and the disk. A stream is wanted, requested, acknowledged, flowing, silent
    against expectation, or refused. Rates are of the last seconds.
    The lag is how much later than IB's own time rows came in the last minute, half of them and the most: IB gives whole
    seconds, so up to 1 s of it is none. From 5 s on it is a warning, but for delayed data.
    """
    folder = lake_folder(data, config)
    found = _status(folder)
    if json:
        show_json(found)
        return
    for recorder in found["recorders"]:
        _show(recorder)
    _show_archive(found["archive"])
    disk = found["disk"]
    show(f"disk: {size_text(disk['used_bytes'])} used by {folder}, {size_text(disk['free_bytes'])} free")


def _status(data: Path) -> dict[str, Any]:
    from capture import open_lake
    from capture.lake.layout import Layout
    from capture.recorder.disk_space import LEAST_BYTES, no_room
    from capture.recorder.snapshot import RECORDER as SNAPSHOT
    from capture.session.lateness import LATE_S

    from ..shared import state

    with open_lake(data) as lake:
        found = [state.recorder_state(lake.layout, name) for name in lake.layout.recorders()]
        # Who took a snapshot is no recorder any more once all of it is in files.
        recorders = [one for one in found if one["recorder"] != SNAPSHOT or one["running"] or one["behind_marks"]]
    lack = no_room(data, LEAST_BYTES)
    for recorder in recorders:
        recorder["condition"] = state.condition(recorder)
        recorder["stale"] = state.stale(recorder, lack)
        for stream in recorder.setdefault("streams", []):
            stream["last_row_age_s"] = state.last_row_age_s(recorder, stream)
            stream.setdefault("lag_p50_s", None)  # a recorder of before says nothing of it
            stream.setdefault("lag_max_s", None)
            late = (stream["lag_p50_s"] or 0.0) >= LATE_S
            stream["late"] = late and recorder["running"] and not stream.get("delayed")
            if not recorder["running"]:
                stream["rows_per_second"] = 0.0
            if recorder["condition"] in state.ENDED and stream["state"] != "refused":
                stream["state"] = "stopped"
        if recorder["condition"] in state.ENDED and "wanted" in recorder:
            recorder["acknowledged"] = recorder["flowing"] = 0
    used = {name: state.disk_bytes([data / name]) for name in (TAPE, LIVE, ARCHIVE)}
    return {
        "data": data.absolute(),
        "disk": {"used_bytes": sum(used.values()), **{f"{name}_bytes": size for name, size in used.items()},
                 "free_bytes": shutil.disk_usage(data).free},
        "archive": _archive(Layout(data)),
        "recorders": recorders,
    }


def _archive(layout: "Layout") -> dict[str, Any]:
    """Return how many files of sealed days there are, when the one of longest ago was read, and which are damaged."""
    from dataclasses import asdict

    from capture.lake.proof.file_check import archive_files
    from capture.lake.proof.file_round import read_damaged, read_times

    known = read_times(layout)
    read_s = [known.get(str(path.relative_to(layout.root)), (None, 0))[0] for _, path in archive_files(layout)]
    there = [one for one in read_s if one is not None]
    return {
        "files": len(read_s), "not_read_yet": len(read_s) - len(there),
        "read_since": datetime.fromtimestamp(min(there), UTC) if there else None,
        "damaged": [asdict(one) | {"path": str(layout.root / one.path)} for one in read_damaged(layout)],
    }


def _show_archive(found: dict[str, Any]) -> None:
    if found["files"]:
        read = found["files"] - found["not_read_yet"]
        since = f"{read:,} of them read since {found['read_since']:%Y-%m-%d}" if read else "none read yet"
        show(f"archive: {found['files']:,} files, {since}")
    for one in found["damaged"]:
        show(f"damaged: {one['path']}: {one['why']}; {one['repair']}")


def _show(recorder: dict[str, Any]) -> None:
    show(f"{recorder['recorder']}: {recorder['condition']}", end="")
    if "pid" in recorder:
        show(f" · process {recorder['pid']} · {recorder['host']}:{recorder['port']} client {recorder['client_id']}"
              f" · {recorder['frames']:,} frames on {size_text(recorder['tape_bytes'])} of tape"
              f" · as of {age_text(recorder['said_s'])} ago", end="")
    show(f"\nstale: {recorder['stale']}" if recorder["stale"] else "")
    show(f"roller: {behind_text(recorder)}")
    if recorder["rows_without_instrument"]:
        show(nameless_text(recorder["rows_without_instrument"]))
    if recorder.get("trouble"):
        show(one_line(f"no session: {recorder['trouble']}"))
    if "wanted" in recorder:
        show(f"streams: {recorder['wanted']} wanted, {recorder['acknowledged']} acknowledged, "
              f"{recorder['flowing']} flowing")
    streams = [(s["instrument"], s["symbol"], s["word"], s["state"], f"{s['rows_per_second']:,.1f}",
                age_text(s["last_row_age_s"]), lag_text(s["lag_p50_s"], s["lag_max_s"]),
                "see below" if s["state"] == "refused" else s["message"].partition("\n")[0])
               for s in recorder["streams"]]
    if streams:
        show_table(("instrument", "symbol", "stream", "state", "rows/s", "last row", "lag", "message"), streams,
                   ("rows/s", "last row", "lag"))
    for why, names in _refusals(recorder["streams"]).items():
        show(f"refused: {', '.join(names)}: {why}")
    for stream in recorder["streams"]:
        if stream["late"]:
            show(f"late: {stream['instrument']} {stream['word']} comes {stream['lag_p50_s']:,.0f} s after its events, "
                  f"up to {stream['lag_max_s']:,.0f} s; what is under way is lost where the line breaks")
    show()


def _refusals(streams: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Return the streams that were refused by the reason, which is said once."""
    found: dict[str, list[str]] = {}
    for stream in streams:
        if stream["state"] == "refused":
            name = f"{stream['instrument']} {stream['word']}"
            why = stream["message"].partition("\n")[0].removeprefix(f"{name}: ")
            found.setdefault(why.removeprefix(f"{stream['instrument']}: "), []).append(name)
    return found


def behind_text(recorder: dict[str, Any]) -> str:
    """Return in words how far a recorder's roller is behind."""
    if not recorder["behind_marks"]:
        return "up to date"
    since = age_text(recorder["behind_s"])
    return f"{recorder['behind_marks']} marks behind" + (f", last rolled {since} ago" if since else "")
