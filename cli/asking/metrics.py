"""`ticktape metrics`: figures for Prometheus."""

from dataclasses import replace
from typing import Annotated

import typer

from ..shared.options import Config, Data, lake_folder
from ..shared.output import show


def run(
    data: Data = None,
    config: Config = None,
    with_accounts: Annotated[bool, typer.Option(
        "--with-accounts", help="Add the margin cushion of accounts, which are called account 1 and so on.")] = False,
) -> None:
    """Print metrics in Prometheus's text format.

    What recorders, rollers and the lake say, and the troubles in it, once: for the textfile collector of
    node_exporter, written to a file that is then renamed. `ticktape serve` has the same at /metrics. Series are by
    recorder, kind of stream, venue and table, never by instrument, so a chain of options makes no more of them. Each
    is described in docs/operations.md.
    """
    from capture.watch.condition import look
    from capture.watch.metrics import exposition

    folder = lake_folder(data, config)
    condition = look(folder)
    if with_accounts:
        from capture.watch.account_figures import account_figures

        condition = replace(condition, accounts=account_figures(folder))
    show(exposition(condition).decode(), end="")
