"""`ticktape du`: what a lake takes on disk, and for how long the disk will do."""

from typing import Any

from ..shared.options import Config, Data, Json, lake_folder
from ..shared.output import show, show_json, show_table, size_text

DAYS_SHOWN = 14  # --json has all


def run(data: Data = None, config: Config = None, json: Json = False) -> None:
    """Say what the lake takes on disk.

    Per table, per recorder's tape and per day, with the growth of the last whole days (up to seven) and the days until
    the disk is full at that rate. Sizes per day count rows by their time, and the tape by when its segments were last
    written.
    """
    from capture.lake.layout import Layout
    from capture.query.sizes import sizes

    layout = Layout(lake_folder(data, config))
    layout.require()
    found = sizes(layout)
    if json:
        show_json(found)
        return
    _tables(found["tables"])
    _recorders(found["recorders"])
    _days(found["days"])
    _outlook(found)


def _tables(tables: list[dict[str, Any]]) -> None:
    rows = [(one["table"], f"{one['rows']:,}", size_text(one["live_bytes"]), size_text(one["archive_bytes"]),
             "" if one["bytes_per_row"] is None else f"{one['bytes_per_row']:,.1f} B", size_text(one["bytes_per_day"]))
            for one in tables]
    columns = ("table", "rows", "live", "archive", "per row", "per day")
    if rows:
        show_table(columns, rows, columns[1:])
        show()


def _recorders(recorders: list[dict[str, Any]]) -> None:
    rows = [(one["recorder"], size_text(one["open_bytes"]), size_text(one["sealed_bytes"]),
             "" if one["ratio"] is None else f"{one['ratio']:.1f}×", size_text(one["parquet_bytes"]))
            for one in recorders]
    columns = ("tape of", "open", "compressed", "ratio", "its rows")
    if rows:
        show_table(columns, rows, columns[1:])
        show()


def _days(days: list[dict[str, Any]]) -> None:
    rows = [(one["date"], size_text(one["parquet_bytes"]), size_text(one["tape_bytes"])) for one in days[-DAYS_SHOWN:]]
    if rows:
        show_table(("day", "Parquet", "tape"), rows, ("Parquet", "tape"))
        show()


def _outlook(found: dict[str, Any]) -> None:
    replaced = f", {size_text(found['replaced_bytes'])} of it replaced by sealing" if found["replaced_bytes"] else ""
    show(f"together {size_text(found['total_bytes'])}{replaced}, {size_text(found['free_bytes'])} free")
    if found["bytes_per_day"] is None:
        show("growth: not known before the first whole day")
        return
    full = found["days_until_full"]
    show(f"growth: {size_text(found['bytes_per_day'])} a day, {size_text(found['bytes_per_month'])} a month"
          + (f"; the disk is full in {full:,.0f} days" if full is not None else ""))
