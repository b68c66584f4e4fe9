"""docs/watch.md: the kinds of trouble and the metrics, from their tables."""

from capture.trouble_kinds import JUDGED, OF_ALERTS
from capture.watch.metrics import METRICS

from .markdown import markdown, page


def watch_page() -> str:
    """Return the page of troubles and metrics."""
    return page(
        "Troubles and metrics",
        ("capture/trouble_kinds.py", "capture/watch/metrics.py", "cli/generate/watch_page.py"),
        "What [operations.md](operations.md) is about, one by one.",
        "## Troubles",
        "`ticktape status`, alerts, metrics and the page show the same troubles. An alarm says that rows are being "
        "lost or cannot be had, now or within a day; a warning that a person should look within days. In a restart "
        "window a lost line is routine, and no trouble. A trouble that another one causes is told by that one.",
        markdown(("kind", "about", "severity", "what it means", "what to do"),
                 [(f"`{kind.name}`", kind.subject.value, kind.severity.value, kind.meaning, _remedy(kind.remedy))
                  for kind in JUDGED.values()]),
        "What an [alert](alerts.md) alone asks for. A threshold is the key of its block that says from where on it is "
        "trouble; without it the kind is not looked for.",
        markdown(("kind", "about", "severity", "threshold", "what it means", "what to do"),
                 [(f"`{kind.name}`", kind.subject.value, kind.severity.value,
                   f"`{kind.threshold}`" if kind.threshold else "", kind.meaning, _remedy(kind.remedy))
                  for kind in OF_ALERTS.values()]),
        "## Metrics",
        "By `ticktape metrics`. Counters begin anew with the process that counts. A series has no instrument: a "
        "recorder of 4,000 options has as many as one of a few.",
        markdown(("metric", "type", "unit", "labels", "what it says", "from"),
                 [(f"`{metric.full_name}`", metric.type, metric.unit, ", ".join(metric.labels), metric.help,
                   metric.source) for metric in METRICS]))  # fmt: skip


def _remedy(text: str) -> str:
    """Return what helps, with the facts that it names as words in angle brackets."""
    return "what the trouble says" if text == "{repair}" else text.replace("{", "<").replace("}", ">")
