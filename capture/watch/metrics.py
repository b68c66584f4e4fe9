"""The metrics of a lake, as data, and their exposition for Prometheus.

Labels are few, so that an option chain makes no more series than a share: recorder, stream, venue, farm, table, state,
kind and severity, and never an instrument. docs/operations.md lists them; dashboards and rules name no others.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from capture.times import DAY_S
from capture.trouble import Severity, Verdict
from capture.trouble_kinds import JUDGED

from .condition import Condition
from .line_troubles import has_session, in_restart_window
from .metric import Metric, Sample, by_label, epoch_s, of_lake, of_recorders, said
from .stream_figures import (
    by_state,
    by_stream,
    by_venue,
    coverage,
    expected_open,
    newest_row_age_s,
    rows_per_second,
    silent,
)

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric as Family

_R, _RS, _RV = ("recorder",), ("recorder", "stream"), ("recorder", "venue")
_STATUS, _ROLLER, _ROLLED, _LAKE, _JUDGED = "status.json", "roller.json", "rolled.json", "the lake's folders", "judged"


def _troubles(condition: Condition) -> Iterator[Sample]:
    """Yield how many troubles there are by kind and severity; 0 where a kind has none of its own severity."""
    counts = {(kind.name, kind.severity.value): 0 for kind in JUDGED.values()}
    for one in condition.told:
        key = one.kind, one.severity.value
        counts[key] = counts.get(key, 0) + 1
    yield from ((key, float(count)) for key, count in counts.items())


def _alarms(condition: Condition) -> Iterator[Sample]:
    for severity in Severity:
        yield (severity.value,), float(sum(one.severity is severity for one in condition.told))


METRICS = (
    # How it is
    Metric("well", "gauge", "1 while all is well, 0 in trouble or while a recorder starts", (), _JUDGED,
           lambda condition: [((), float(condition.verdict is Verdict.WELL))]),
    Metric("troubles", "gauge", "troubles by kind and severity, without those that another one causes",
           ("kind", "severity"), _JUDGED, _troubles),
    Metric("troubles_by_severity", "gauge", "troubles by severity, without those that another one causes",
           ("severity",), _JUDGED, _alarms),
    # Recorders
    Metric("recorder_up", "gauge", "1 while the recorder's process lives and speaks", _R, _STATUS,
           of_recorders(lambda state: state["running"])),
    Metric("recorder_heard_timestamp_seconds", "gauge", "when the recorder last showed that it lives", _R, _STATUS,
           of_recorders(lambda state: epoch_s(state.get("heard")))),
    Metric("recorder_start_timestamp_seconds", "gauge", "when the recorder was started", _R, _STATUS,
           of_recorders(lambda state: epoch_s(state.get("started")))),
    Metric("recorder_session", "gauge", "1 while the recorder has a session with its gateway", _R, _STATUS,
           of_recorders(has_session)),
    Metric("recorder_ib_line_up", "gauge", "1 while the gateway's own line to IB stands, 0 after code 1100", _R,
           _STATUS, of_recorders(lambda state: has_session(state) and not state.get("ib_line_lost_since"))),
    Metric("recorder_restart_window", "gauge", "1 while a lost line is routine, by the setting restart_windows", _R,
           _STATUS, lambda condition: [((state["recorder"],), float(in_restart_window(state, condition.at)))
                                       for state in condition.recorders]),
    Metric("recorder_sessions_total", "counter", "sessions with the gateway since the recorder was started", _R,
           _STATUS, of_recorders(said("sessions"))),
    Metric("recorder_frames_total", "counter", "frames on the recorder's tape since its beginning", _R, _STATUS,
           of_recorders(said("frames"))),
    Metric("recorder_received_bytes_total", "counter", "bytes received since the recorder was started", _R, _STATUS,
           of_recorders(said("received_bytes"))),
    Metric("recorder_tape_bytes", "gauge", "tape written since the recorder was started, with the segment it went on",
           _R, _STATUS, of_recorders(said("tape_bytes"))),
    Metric("farm_up", "gauge", "0 while IB says that one of its data farms is broken", ("recorder", "farm"), _STATUS,
           by_label(lambda state: {farm: how != "broken" for farm, how in state.get("farms", {}).items()})),
    # Streams
    Metric("streams", "gauge", "wanted streams by state", ("recorder", "state"), _STATUS, by_label(by_state)),
    Metric("coverage_ratio", "gauge", "share of the wanted streams that is whole right now: they flow, or IB took them "
           "on and no row is due", _R, _STATUS, of_recorders(coverage)),
    Metric("stream_rows_total", "counter", "rows received since the recorder was started, by kind of stream", _RS,
           _STATUS, by_label(by_stream("rows", sum))),
    Metric("stream_rows_per_second", "gauge", "rows per second over the last seconds, by kind of stream", _RS, _STATUS,
           by_label(by_stream("rows_per_second", sum))),
    Metric("stream_row_age_seconds", "gauge", "how long ago the newest row came, by kind of stream", _RS, _STATUS,
           by_label(by_stream("last_row_age_s", min))),
    Metric("stream_lag_median_seconds", "gauge", "how much later than IB's own time rows came in the last minute: the "
           "median of the stream that is latest", _RS, _STATUS, by_label(by_stream("lag_p50_s", max))),
    Metric("stream_lag_most_seconds", "gauge", "how much later than IB's own time rows came in the last minute: the "
           "most", _RS, _STATUS, by_label(by_stream("lag_max_s", max))),
    # Venues
    Metric("expected_open", "gauge", "1 while any wanted contract of the venue trades by its hours, 0 while all are "
           "closed", _RV, _STATUS, by_label(by_venue(expected_open))),
    Metric("venue_row_age_seconds", "gauge", "how long ago the newest row of the venue came", _RV, _STATUS,
           by_label(by_venue(newest_row_age_s))),
    Metric("venue_silent_streams", "gauge", "streams of the venue that are silent against expectation", _RV, _STATUS,
           by_label(by_venue(silent))),
    Metric("venue_rows_per_second", "gauge", "rows of the venue per second over the last seconds", _RV, _STATUS,
           by_label(by_venue(rows_per_second))),
    # Rolling, gaps and history
    Metric("roller_heard_timestamp_seconds", "gauge", "when the roller last showed that it lives", _R, _ROLLER,
           of_recorders(lambda state: epoch_s((state["roller"] or {}).get("heard")))),
    Metric("roller_through_timestamp_seconds", "gauge", "up to when what was received is in Parquet", _R, _ROLLER,
           of_recorders(lambda state: epoch_s((state["roller"] or {}).get("through")))),
    Metric("roller_behind_marks", "gauge", "finished ranges of the tape that are not rolled yet", _R, _ROLLED,
           of_recorders(said("behind_marks"))),
    Metric("roller_behind_seconds", "gauge", "how long ago the roller finished a range, while any waits", _R, _ROLLED,
           of_recorders(said("behind_s"))),
    Metric("roller_ranges_total", "counter", "ranges rolled since the roller was started", _R, _ROLLER,
           of_recorders(lambda state: (state["roller"] or {}).get("ranges"))),
    Metric("roller_frames_total", "counter", "frames rolled since the roller was started", _R, _ROLLER,
           of_recorders(lambda state: (state["roller"] or {}).get("frames"))),
    Metric("roller_rolling_seconds_total", "counter", "time spent on rolling since the roller was started", _R, _ROLLER,
           of_recorders(lambda state: (state["roller"] or {}).get("rolling_s"))),
    Metric("roller_rows_total", "counter", "rows rolled since the roller was started, by table", ("recorder", "table"),
           _ROLLER, by_label(lambda state: (state["roller"] or {}).get("rows", {}))),
    Metric("gap_changes_total", "counter", "gaps that came to a state since the roller was started",
           ("recorder", "state"), _ROLLER, by_label(lambda state: (state["roller"] or {}).get("gaps", {}))),
    Metric("gaps_open", "gauge", "gaps that are open, as far as the tape is rolled", _R, _ROLLED,
           of_recorders(lambda state: state["gaps"]["open"])),
    Metric("gaps_waiting", "gauge", "closed gaps that wait for IB's history", _R, _ROLLED,
           of_recorders(lambda state: state["gaps"]["waiting"])),
    Metric("rows_without_instrument", "gauge", "rolled rows of market data that name no instrument: a fault of "
           "ticktape", _R, _ROLLED, of_recorders(lambda state: sum(state["rows_without_instrument"].values()))),
    Metric("history_jobs_waiting", "gauge", "spans of IB's history that wait to be fetched", _R, _STATUS,
           of_recorders(lambda state: state.get("history", {}).get("wanted"))),
    Metric("history_requests_left", "gauge", "requests that IB's pacing rule leaves in its 10 minutes", _R, _STATUS,
           of_recorders(lambda state: state.get("history", {}).get("requests"))),
    Metric("history_open_left", "gauge", "open requests to history that IB still allows", _R, _STATUS,
           of_recorders(lambda state: state.get("history", {}).get("open"))),
    Metric("history_held_seconds", "gauge", "how long history is held after a pacing violation", _R, _STATUS,
           of_recorders(lambda state: state.get("history", {}).get("held_s"))),
    # Accounts, where they are asked for
    Metric("account_cushion_ratio", "gauge", "excess liquidity over net liquidation, which at 0 is a margin call",
           ("account",), "account_values",
           lambda condition: [((one.account,), one.cushion) for one in condition.accounts]),
    Metric("account_timestamp_seconds", "gauge", "when IB told that", ("account",), "account_values",
           lambda condition: [((one.account,), one.at.timestamp()) for one in condition.accounts]),
    # The lake
    Metric("disk_used_bytes", "gauge", "size of the lake's files: tape, live or archive", ("part",), _LAKE,
           lambda condition: [((part,), float(condition.lake["disk"][f"{part}_bytes"]))
                              for part in ("tape", "live", "archive")]),
    Metric("disk_free_bytes", "gauge", "free space of the lake's disk", (), _LAKE, of_lake("disk", "free_bytes")),
    Metric("disk_growth_bytes_per_second", "gauge", "growth of the lake, the mean of the last whole days", (), _LAKE,
           lambda condition: [((), size_bytes / DAY_S)]
           if (size_bytes := condition.lake["disk"]["bytes_per_day"]) is not None else []),
    Metric("disk_until_full_seconds", "gauge", "how long the disk will do at that growth", (), _LAKE,
           lambda condition: [((), days * DAY_S)] if (days := condition.lake["disk"]["days_until_full"]) is not None
           else []),
    Metric("archive_files", "gauge", "files of sealed days", (), _LAKE, of_lake("archive", "files")),
    Metric("archive_damaged_files", "gauge", "files of sealed days that were found damaged", (), _LAKE,
           lambda condition: [((), float(len(condition.lake["archive"]["damaged"])))]),
    Metric("archive_unread_timestamp_seconds", "gauge", "when the file of longest ago was read or written", (), _LAKE,
           of_lake("archive", "unread_since")),
    Metric("verify_timestamp_seconds", "gauge", "when `ticktape verify` ended last", (), "verified.json",
           of_lake("verified", "finished")),
    Metric("verify_findings", "gauge", "how much the last `ticktape verify` found", (), "verified.json",
           of_lake("verified", "findings")),
)  # fmt: skip


def families(condition: Condition) -> "Iterator[Family]":
    """Yield all metrics with their samples, as prometheus-client wants them of a collector."""
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    for metric in METRICS:
        make = CounterMetricFamily if metric.type == "counter" else GaugeMetricFamily
        family = make(metric.full_name, metric.help, labels=metric.labels)
        for labels, value in metric.samples(condition):
            assert len(labels) == len(metric.labels), metric.name
            family.add_metric(labels, value)
        yield family


def exposition(condition: Condition) -> bytes:
    """Return all metrics in Prometheus's text format."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.registry import Collector

    class Told(Collector):
        def collect(self) -> "Iterator[Family]":
            return families(condition)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Told())
    return generate_latest(registry)
