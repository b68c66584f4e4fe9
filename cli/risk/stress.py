"""`ticktape stress`: what accounts would gain and lose if prices, volatilities and rates moved."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..shared.exits import UsageError
from ..shared.options import Accounts, Config, Data, Json, lake_folder, utc_time
from ..shared.output import say, show, show_json, show_table
from ..shared.pictures import check_picture, picture_format, write_picture
from .assumptions import At, Base, Index, Rates, interest, moment, money, show_unpriced, tell_assumptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.query.account.shown_accounts import ShownAccounts
    from capture.query.held.portfolio import Portfolio
    from capture.risk.stress.repricing import Stress
    from capture.risk.stress.scenario import Scenario


def run(
    at: At = None,
    scenarios: Annotated[Path | None, typer.Option(
        "--scenarios", metavar="FILE", help="Scenarios of your own, in TOML, beside those that come along.")] = None,
    positions: Annotated[bool, typer.Option("--positions", help="Each position at the worst point too.")] = False,
    output: Annotated[Path | None, typer.Option(
        "--output", "-o", metavar="FILE", help="Draw prices × volatilities as a picture: .png, .svg or .html.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a picture that is there.")] = False,
    currency: Base = None,
    rates: Rates = None,
    index: Index = None,
    accounts: Accounts = None,
    data: Data = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Price every position anew: a grid of 7 prices × 5 volatilities × 5 rates, and named scenarios; the worst case.

    Stocks, funds, currencies and futures move with the price; options are priced by a model, with dividends and
    rates. What cannot be priced is listed, and in no sum.
    """
    from capture import open_lake
    from capture.query.account.shown_accounts import ShownAccounts
    from capture.risk.risk_error import RiskError

    given, when = interest(rates), moment(utc_time("--at", at))
    if output is not None:
        picture_format(output)
        check_picture(output, force)
    try:
        named = _scenarios(scenarios)
        with open_lake(lake_folder(data, config)) as lake:
            shown = ShownAccounts(lake.sql, accounts)
            asked: dict[str, Any] = {"accounts": shown.chosen, "base_currency": currency, "interest": given}
            held = lake.holdings(when, **asked)
            grid = lake.stress(index=index, held=held)
            of_scenarios = lake.stress(moves=named, index=index, held=held)
    except RiskError as error:
        raise UsageError(str(error)) from None
    if output is not None:
        from capture.plot import stress_chart

        write_picture(stress_chart(grid.totals.to_pylist(), grid.base_currency), output, force)
    if json:
        show_json(_said(grid, of_scenarios, when, shown))
        return
    tell_assumptions(held, given)
    _show(grid, of_scenarios)
    if positions:
        _show_positions(grid)
    show_unpriced(grid.unpriced.to_pylist(), shown)
    _tell_unheld(named, held)


def _scenarios(path: Path | None) -> list[Any]:
    """Return those that come with ticktape, and a user's own. Raises UsageError and RiskError."""
    from capture.risk.stress.known_scenarios import known_scenarios
    from capture.risk.stress.scenario_file import parse_scenarios
    from capture.text_file import UnreadableTextError, read_text

    if path is None:
        return list(known_scenarios())
    try:
        own = parse_scenarios(read_text(path), str(path))
    except FileNotFoundError:
        raise UsageError(f"{path} does not exist: name a file with [[scenario]] blocks, see docs/account.md") from None
    except UnreadableTextError as error:
        raise UsageError(str(error)) from None
    taken = {scenario.name for scenario in own}
    return [*own, *(scenario for scenario in known_scenarios() if scenario.name not in taken)]


def _tell_unheld(scenarios: "Sequence[Scenario]", held: "Portfolio") -> None:
    """Say what scenarios name that nothing held is, or hangs on: it moves nothing, which a mistyped name does too."""
    from capture.risk.stress.known_scenarios import known_scenarios
    from capture.risk.stress.scenario import unheld

    own = [one for one in scenarios if one not in known_scenarios()]  # those that come along are for all accounts
    for name, words in unheld(own, held.holdings):
        say(f"ticktape: the scenario {name!r} names {', '.join(words)}, of which nothing is held: that moves nothing")


def _said(grid: "Stress", of_scenarios: "Stress", when: object, shown: "ShownAccounts") -> dict[str, Any]:
    unpriced = shown.rows(grid.unpriced.to_pylist())
    return {"at": when, "currency": grid.base_currency, "worst": grid.worst, "grid": grid.totals.to_pylist(),
            "scenarios": of_scenarios.totals.to_pylist(), "unpriced": unpriced}  # fmt: skip


def _show(grid: "Stress", of_scenarios: "Stress") -> None:
    worst = grid.worst
    show(f"worst of the grid: {money(worst['gain'])} {grid.base_currency} at prices {worst['price_move']:+.0%}, "
         f"volatilities {worst['volatility_move']:+.0%}, rates {worst['rate_move'] * 1e4:+.0f} bp")  # fmt: skip
    show()
    flat = [row for row in grid.totals.to_pylist() if row["rate_move"] == 0]
    prices = sorted({row["price_move"] for row in flat})
    cells = {(row["volatility_move"], row["price_move"]): money(row['gain']) for row in flat}
    heads = ["volatilities", *(f"prices {price:+.0%}" if price else "prices 0 %" for price in prices)]
    rows = [[f"{move:+.0%}", *(cells[move, price] for price in prices)]
            for move in sorted({row["volatility_move"] for row in flat})]  # fmt: skip
    show_table(heads, rows, heads)
    show()
    show_table(("scenario", "gain", "in it", "not in it"),
               [(row["scenario"], money(row['gain']), row["priced"], row["unpriced"])
                for row in of_scenarios.totals.to_pylist()], ("gain", "in it", "not in it"))  # fmt: skip


def _show_positions(grid: "Stress") -> None:
    worst = grid.worst
    rows = [row for row in grid.table.to_pylist()
            if all(row[name] == worst[name] for name in grid.labels) and row["gain"] is not None]  # fmt: skip
    show()
    show_table(("symbol", "kind", "value", "gain"),
               [(row["symbol"], row["security_type"], money(row['value']), money(row['gain']))
                for row in sorted(rows, key=lambda row: row["gain"])], ("value", "gain"))  # fmt: skip
    say("ticktape: each position at the worst point of the grid")
