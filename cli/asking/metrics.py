"""`ticktape metrics`: figures for Prometheus."""

from ..shared.options import Config, Data, lake_folder
from ..shared.output import show


def run(data: Data = None, config: Config = None) -> None:
    """Print metrics in Prometheus's text format.

    What recorders, rollers and the lake say, and the troubles in it, once: for the textfile collector of
    node_exporter, written to a file that is then renamed. `ticktape serve` has the same at /metrics. Series are by
    recorder, kind of stream, venue and table, never by instrument, so a chain of options makes no more of them. Each
    is described in docs/operations.md.
    """
    from capture.watch.condition import look
    from capture.watch.metrics import exposition

    show(exposition(look(lake_folder(data, config))).decode(), end="")
