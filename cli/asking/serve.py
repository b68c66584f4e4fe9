"""`ticktape serve`: the page in the browser."""

import logging
from pathlib import Path
from typing import Annotated

import typer

from ..shared.exits import UsageError
from ..shared.options import Config, Data, ForSeconds, lake_folder
from ..shared.output import say, show


def run(
    data: Data = None,
    config: Config = None,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port; 0 is any.")] = 8017,
    origin: Annotated[str | None, typer.Option(
        metavar="URL", help="What browsers call it, where that is another address.")] = None,
    tls_certificate: Annotated[Path | None, typer.Option(metavar="FILE", help="Certificate, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="Its key, PEM.")] = None,
    behind_proxy: Annotated[bool, typer.Option(
        "--behind-proxy", help="A proxy in front speaks TLS; needs --origin.")] = False,
    accounts: Annotated[bool, typer.Option(
        "--accounts", help="Accounts may be seen: their page, and their tables in SQL.")] = False,
    sql_without_landlock: Annotated[bool, typer.Option(
        "--sql-without-landlock", help="Take questions in SQL though the kernel cannot confine them.")] = False,
    access_log: Annotated[bool, typer.Option("--access-log", help="Log requests, without what they ask.")] = False,
    for_s: ForSeconds = None,
) -> None:
    """Show the lake and its recorders in a browser, until Ctrl-C.

    It prints an address that lets one browser in, once and within a minute; a browser that comes without gets a new
    one printed. It only reads: status files and the lake, so the lake may be watched while others record. Only this
    machine reaches it, unless --host names another address, with TLS or a proxy that speaks it. /health says in a word
    how it is, /metrics is for Prometheus: both are open to this machine.
    Questions in SQL run in a process that the kernel (Landlock) keeps from all but the tables, with limits of time and
    memory; they see what is in files, which a recorder writes every half minute.
    """
    from capture.lake.layout import Layout
    from capture.serve.serving import ServeError, Wanted, serve

    folder = lake_folder(data, config)
    Layout(folder).require()
    if access_log:
        logging.getLogger("ticktape.serve.access").setLevel(logging.INFO)
    try:
        serve(Wanted(folder, host, port, origin, tls_certificate, tls_key, behind_proxy, accounts,
                     sql_without_landlock), _show, for_s)
    except ServeError as error:
        raise UsageError(str(error)) from error
    say("ticktape: ended")


def _show(address: str) -> None:
    show(address, flush=True)
