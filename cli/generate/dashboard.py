"""packaging/grafana/ticktape.json: a dashboard of the metrics, from the table of its panels."""

import json
from typing import Any, NamedTuple

_WIDTH, _HEIGHT = 24, 8
_WHERE = 'instance=~"$instance"'


class Panel(NamedTuple):
    """A panel: its kind (timeseries, stat or table), unit in Grafana's words, and expressions with their legends."""

    title: str
    kind: str
    unit: str
    lines: tuple[tuple[str, str], ...]
    width: int = 8


ROWS: dict[str, tuple[Panel, ...]] = {
    "How it is": (
        Panel("Well", "stat", "bool_yes_no", ((f"min(ticktape_well{{{_WHERE}}})", "well"),), 4),
        Panel("Troubles", "table", "short", ((f"ticktape_troubles{{{_WHERE}}} > 0", "{{kind}}"),), 12),
        Panel("Sessions and restart windows", "timeseries", "bool_on_off", (
            (f"ticktape_recorder_session{{{_WHERE}}}", "{{recorder}} session"),
            (f"ticktape_recorder_ib_line_up{{{_WHERE}}}", "{{recorder}} IB's line"),
            (f"ticktape_recorder_restart_window{{{_WHERE}}}", "{{recorder}} restart window")), 8),
    ),
    "Streams": (
        Panel("Coverage now", "timeseries", "percentunit", ((f"ticktape_coverage_ratio{{{_WHERE}}}", "{{recorder}}"),)),
        Panel("Streams by state", "timeseries", "short", (
            (f"sum by (state) (ticktape_streams{{{_WHERE}}})", "{{state}}"),)),
        Panel("Rows by kind of stream", "timeseries", "reqps", (
            (f"sum by (stream) (rate(ticktape_stream_rows_total{{{_WHERE}}}[5m]))", "{{stream}}"),)),
        Panel("Age of the newest row, of venues that trade", "timeseries", "s", (
            (f"ticktape_venue_row_age_seconds{{{_WHERE}}} * ticktape_expected_open{{{_WHERE}}}", "{{venue}}"),)),
        Panel("Silent streams", "timeseries", "short", (
            (f"ticktape_venue_silent_streams{{{_WHERE}}}", "{{venue}}"),)),
        Panel("Lag behind IB's time", "timeseries", "s", (
            (f"max by (stream) (ticktape_stream_lag_median_seconds{{{_WHERE}}})", "{{stream}}, the latest"),
            (f"max by (stream) (ticktape_stream_lag_most_seconds{{{_WHERE}}})", "{{stream}}, the most"))),
    ),
    "Rolling, gaps and history": (
        Panel("Rows rolled", "timeseries", "reqps", (
            (f"sum by (table) (rate(ticktape_roller_rows_total{{{_WHERE}}}[5m]))", "{{table}}"),)),
        Panel("Roller behind", "timeseries", "short", (
            (f"ticktape_roller_behind_marks{{{_WHERE}}}", "{{recorder}} marks"),)),
        Panel("Gaps", "timeseries", "short", (
            (f"ticktape_gaps_open{{{_WHERE}}}", "{{recorder}} open"),
            (f"ticktape_gaps_waiting{{{_WHERE}}}", "{{recorder}} wait for history"),
            (f"increase(ticktape_gap_changes_total{{{_WHERE}}}[1h])", "{{state}} in an hour"))),
        Panel("IB's history budget", "timeseries", "short", (
            (f"ticktape_history_requests_left{{{_WHERE}}}", "{{recorder}} requests left of 60"),
            (f"ticktape_history_jobs_waiting{{{_WHERE}}}", "{{recorder}} spans wait"))),
        Panel("Received", "timeseries", "Bps", (
            (f"rate(ticktape_recorder_received_bytes_total{{{_WHERE}}}[5m])", "{{recorder}}"),)),
        Panel("Farms that are broken", "timeseries", "short", ((f"ticktape_farm_up{{{_WHERE}}} == 0", "{{farm}}"),)),
    ),
    "Disk": (
        Panel("Disk full in", "stat", "s", ((f"ticktape_disk_until_full_seconds{{{_WHERE}}}", ""),), 4),
        Panel("Used", "timeseries", "bytes", ((f"ticktape_disk_used_bytes{{{_WHERE}}}", "{{part}}"),)),
        Panel("Free", "timeseries", "bytes", ((f"ticktape_disk_free_bytes{{{_WHERE}}}", "free"),), 6),
        Panel("Damaged files, verify's findings", "timeseries", "short", (
            (f"ticktape_archive_damaged_files{{{_WHERE}}}", "damaged"),
            (f"ticktape_verify_findings{{{_WHERE}}}", "findings")), 6),
    ),
}  # fmt: skip


def dashboard() -> str:
    """Return the dashboard as JSON, as Grafana imports it."""
    panels: list[dict[str, Any]] = []
    top = 0
    for title, row in ROWS.items():
        panels.append({"type": "row", "title": title, "id": len(panels) + 1, "collapsed": False, "panels": [],
                       "gridPos": {"x": 0, "y": top, "w": _WIDTH, "h": 1}})
        top, left = top + 1, 0
        for panel in row:
            if left + panel.width > _WIDTH:
                top, left = top + _HEIGHT, 0
            panels.append(_panel(panel, len(panels) + 1, left, top))
            left += panel.width
        top += _HEIGHT
    return json.dumps(_frame(panels), indent=1) + "\n"


def _panel(panel: Panel, number: int, left: int, top: int) -> dict[str, Any]:
    targets = [{"refId": chr(ord("A") + place), "expr": expr, "legendFormat": legend, "datasource": _SOURCE,
                "instant": panel.kind == "table", "format": "table" if panel.kind == "table" else "time_series"}
               for place, (expr, legend) in enumerate(panel.lines)]
    return {"type": panel.kind, "title": panel.title, "id": number, "datasource": _SOURCE, "targets": targets,
            "gridPos": {"x": left, "y": top, "w": panel.width, "h": _HEIGHT},
            "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []}, "options": {}}


_SOURCE = {"type": "prometheus", "uid": "${source}"}


def _frame(panels: list[dict[str, Any]]) -> dict[str, Any]:
    variables = [
        {"name": "source", "type": "datasource", "query": "prometheus", "label": "Prometheus"},
        {"name": "instance", "type": "query", "datasource": _SOURCE, "multi": True, "includeAll": True, "refresh": 2,
         "query": {"query": "label_values(ticktape_well, instance)", "refId": "instance"}, "allValue": ".*"}]
    return {"title": "ticktape", "uid": "ticktape", "tags": ["ticktape"], "timezone": "utc", "schemaVersion": 39,
            "refresh": "30s", "time": {"from": "now-6h", "to": "now"}, "editable": True, "panels": panels,
            "templating": {"list": variables}, "annotations": {"list": []}}
