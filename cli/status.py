"""`ticktape status`: what is being recorded right now."""

import shutil
from pathlib import Path
from typing import Any

from .options import Data, Json, lake_folder
from .output import age_text, show_json, show_table, size_text


def run(data: Data = None, json: Json = False) -> None:
    """Show what is being recorded right now.

    Of every recorder in a data folder: its state, how many streams are wanted, acknowledged by IB and flowing, each
    stream with its rate and the age of its last row, and how far its roller is behind; then the disk. A stream is
    wanted, requested, acknowledged, flowing, silent against expectation, or refused. Rates are of the last seconds.
    """
    folder = lake_folder(data)
    found = _status(folder)
    if json:
        show_json(found)
        return
    for recorder in found["recorders"]:
        _show(recorder)
    disk = found["disk"]
    print(f"disk: {size_text(disk['used_bytes'])} used by {folder}, {size_text(disk['free_bytes'])} free")


def _status(data: Path) -> dict[str, Any]:
    from capture.query import open_lake
    from capture.session.room import LEAST_BYTES, no_room

    from . import state

    with open_lake(data) as lake:
        recorders = [state.recorder_state(lake.layout, name) for name in lake.layout.recorders()]
    lack = no_room(data, LEAST_BYTES)
    for recorder in recorders:
        recorder["condition"] = state.condition(recorder)
        recorder["stale"] = state.stale(recorder, lack)
        for stream in recorder.setdefault("streams", []):
            stream["last_row_age_s"] = state.age_s(stream.get("last_row"))
            if not recorder["running"]:
                stream["rows_per_second"] = 0.0
    used = {name: state.disk_bytes([data / name]) for name in ("tape", "live", "archive")}
    return {
        "data": data.absolute(),
        "disk": {"used_bytes": sum(used.values()), **{f"{name}_bytes": size for name, size in used.items()},
                 "free_bytes": shutil.disk_usage(data).free},
        "recorders": recorders,
    }


def _show(recorder: dict[str, Any]) -> None:
    print(f"{recorder['recorder']}: {recorder['condition']}", end="")
    if "pid" in recorder:
        print(f" · process {recorder['pid']} · {recorder['host']}:{recorder['port']} client {recorder['client_id']}"
              f" · {recorder['frames']:,} frames on {size_text(recorder['tape_bytes'])} of tape"
              f" · as of {age_text(recorder['said_s'])} ago", end="")
    print(f"\nstale: {recorder['stale']}" if recorder["stale"] else "")
    print(f"roller: {behind_text(recorder)}")
    if recorder.get("trouble"):
        print(f"no session: {recorder['trouble']}")
    if "wanted" in recorder:
        print(f"streams: {recorder['wanted']} wanted, {recorder['acknowledged']} acknowledged, "
              f"{recorder['flowing']} flowing")
    streams = [(s["instrument"], s["symbol"], s["word"], s["state"], f"{s['rows_per_second']:,.1f}",
                age_text(s["last_row_age_s"]), s["message"].partition("\n")[0]) for s in recorder["streams"]]
    if streams:
        show_table(("instrument", "symbol", "stream", "state", "rows/s", "last row", "message"), streams,
                   ("rows/s", "last row"))
    print()


def behind_text(recorder: dict[str, Any]) -> str:
    """Return in words how far a recorder's roller is behind."""
    if not recorder["behind_marks"]:
        return "up to date"
    since = age_text(recorder["behind_s"])
    return f"{recorder['behind_marks']} marks behind" + (f", last rolled {since} ago" if since else "")
