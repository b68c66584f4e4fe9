"""docs/watch.md: the kinds of trouble and the metrics, from their tables."""

from capture.watch.metrics import METRICS
from capture.watch.trouble_kinds import KINDS

from .markdown import markdown, page


def watch_page() -> str:
    """Return the page of troubles and metrics."""
    return page(
        "Troubles and metrics",
        ("capture/watch/trouble_kinds.py", "capture/watch/metrics.py", "cli/generate/watch_page.py"),
        "What [operations.md](operations.md) is about, one by one.",
        "## Troubles",
        "`ticktape status`, alerts, metrics and the page show the same troubles. An alarm says that rows are being "
        "lost or cannot be had, now or within a day; a warning that a person should look within days. In a restart "
        "window a lost line is routine, and no trouble. A trouble that another one causes is told by that one.",
        markdown(("kind", "about", "severity", "what it means", "what to do"),
                 [(f"`{kind.name}`", kind.subject.value, kind.severity.value, kind.meaning, _remedy(kind.remedy))
                  for kind in KINDS.values()]),
        "## Metrics",
        "By `ticktape metrics`. Counters begin anew with the process that counts. A series has no instrument: a "
        "recorder of 4,000 options has as many as one of a few.",
        markdown(("metric", "type", "unit", "labels", "what it says", "from"),
                 [(f"`{metric.full_name}`", metric.type, metric.unit, ", ".join(metric.labels), metric.help,
                   metric.source) for metric in METRICS]))  # fmt: skip


def _remedy(text: str) -> str:
    """Return what helps, with the facts that it names as words in angle brackets."""
    return "what the trouble says" if text == "{repair}" else text.replace("{", "<").replace("}", ">")
