"""`ticktape snapshot`: one look at some instruments."""

from typing import Annotated

import typer

from ..shared.options import ClientId, Config, DataToWrite, Host, Json, Port
from ..shared.output import show_json, show_table


def run(
    instruments: Annotated[list[str], typer.Argument(metavar="INSTRUMENT", help="Words as for `record`.")],
    host: Host = None,
    port: Port = None,
    client_id: ClientId = None,
    data: DataToWrite = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Look once at some instruments.

    Level 1, fundamental ratios and dividends; it takes up to 11 s. What is seen is also recorded, under the name
    snapshot and with the next client id, so that a recorder may run meanwhile.
    """
    import asyncio

    from capture.recorder.snapshot import snapshot
    from capture.wanted.settings import load_settings

    settings = load_settings(config, host=host, port=port, client_id=client_id, data=data)
    seen = asyncio.run(snapshot(settings, instruments))
    if json:
        show_json(seen.instruments)
    else:
        rows = [(word, found["symbol"], name, value)
                for word, found in seen.instruments.items() for name, value in found["ticks"].items()]
        if rows:
            show_table(("instrument", "symbol", "tick", "value"), rows)
    raise typer.Exit(seen.exit_code)
