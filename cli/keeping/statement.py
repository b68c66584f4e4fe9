"""`ticktape statement`: IB's own statements beside what was recorded."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..shared.exits import Exit, UsageError
from ..shared.options import Accounts, Config, Data, DataToWrite, Json, lake_folder
from ..shared.output import say, show, show_json, show_table

if TYPE_CHECKING:
    from capture.lake.layout import Layout
    from capture.statements import Parsed

GROUP = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=(
    "IB's own statements, of Activity Flex Queries, as tables: see docs/account.md."))


@GROUP.command("import")
def import_(
    files: Annotated[list[Path] | None, typer.Argument(metavar="FILE", help="XML of Activity Flex Queries.")] = None,
    data: DataToWrite = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Import statements: the same one, or one that overlaps another, any number of times.

    The files are kept in the data folder, compressed, and the tables statement_trades, statement_cash,
    statement_actions, statement_positions and statement_values are made of all that are kept; without a FILE that
    alone. With `mask_accounts` rows have aliases. Attributes that IB is not known to send are kept in `rest` and
    counted. Ends with 3 where values could not be read; they are in `rest`, too.
    """
    from capture.lake.layout import Layout
    from capture.lake.statements.imported import import_statements
    from capture.lake.views import prepare
    from capture.publish import PRIVATE, make_folder
    from capture.wanted.settings import load_settings

    layout = Layout(lake_folder(data, config))
    accounts = load_settings(config).accounts
    read = [(path, _content(path)) for path in files or ()]
    parsed = [_parsed(path, content) for path, content in read]
    make_folder(layout.root, PRIVATE)
    prepare(layout)
    import_statements(layout, (content for _, content in read),
                      mask_accounts=accounts is not None and accounts.mask_accounts)
    reports = [{"file": str(path), **_report(found)} for (path, _), found in zip(read, parsed, strict=True)]
    if json:
        show_json({"imported": reports})
    else:
        _say(reports)
    raise typer.Exit(Exit.LOST if any(one["unreadable"] for one in reports) else Exit.DONE)


@GROUP.command("list")
def list_(data: Data = None, config: Config = None, accounts: Accounts = None, json: Json = False) -> None:
    """List the statements that were imported: their accounts, dates, and how many rows each gives."""
    from capture import open_lake
    from capture.lake.layout import Layout
    from capture.query.account.shown_accounts import ShownAccounts

    folder = lake_folder(data, config)
    layout = Layout(folder)
    layout.require()
    rows = list(_kept(layout))
    with open_lake(folder) as lake:
        rows = ShownAccounts(lake.sql, accounts).rows(rows)
    if json:
        show_json(rows)
    elif rows:
        show_table(("account", "from", "to", "generated (UTC)", "rows", "SHA-256"), [
            (row["account"], row["from"], row["to"], row["generated"] and f"{row['generated']:%Y-%m-%d %H:%M}",
             f"{row['rows']:,}", row["sha256"][:12]) for row in rows], ("rows",))  # fmt: skip
    else:
        show("no statement was imported")


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"{path} does not exist: name the XML of an Activity Flex Query") from None


def _parsed(path: Path, content: bytes) -> "Parsed":
    from capture.statements import StatementError, parse

    try:
        return parse(content)
    except StatementError as error:
        raise UsageError(f"{path}: {error}") from None


def _report(parsed: "Parsed") -> dict[str, Any]:
    return {"sha256": parsed.sha256, "rows": {name: len(rows) for name, rows in parsed.rows.items()},
            "unknown": dict(parsed.unknown), "unread": dict(parsed.unread), "unreadable": dict(parsed.unreadable)}


def _say(reports: list[dict[str, Any]]) -> None:
    words = {"unknown": "attributes that are new (kept in rest)", "unread": "elements that are no rows of a table",
             "unreadable": "values that are no number or date (kept in rest)"}
    for one in reports:
        counts = ", ".join(f"{count:,} {name.removeprefix('statement_')}" for name, count in one["rows"].items())
        show(f"{one['file']}: {counts or 'no rows'}")
        for kind, meaning in words.items():
            if one[kind]:
                say(f"ticktape: {one['file']}: {meaning}: "
                    + ", ".join(f"{name} {count:,}" for name, count in sorted(one[kind].items())))
    if not reports:
        show("made anew")


def _kept(layout: "Layout") -> Any:
    """Yield a row for each statement that is kept, and each account in it."""
    from capture.lake.statements.imported import account_names
    from capture.lake.statements.originals import originals, read
    from capture.statements import parse

    for original in originals(layout):
        parsed = parse(read(original))
        names = account_names(layout, original, parsed)
        for account, first, last in parsed.statements:
            rows = sum(row["account"] == account for rows in parsed.rows.values() for row in rows)
            yield {"account": names.get(account, account), "from": first, "to": last, "generated": parsed.generated_ts,
                   "rows": rows, "sha256": parsed.sha256, "file": original.path.name}
