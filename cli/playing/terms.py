"""Options that say on which terms the account of `ticktape gateway` trades, and what they come to."""

from contextlib import suppress
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from capture.gateway.trading import Terms

MOST_CASH = Decimal(10) ** 15
MOST_LATENCY_MS = 60_000.0


def money(text: str) -> Decimal:
    """Return an amount of money: 1000000, 1_000_000, 25000.50. Raises typer.BadParameter for what is none."""
    with suppress(InvalidOperation):
        if (amount := Decimal(str(text).replace("_", ""))).is_finite() and 0 <= amount <= MOST_CASH:
            return amount
    raise typer.BadParameter(f"{text!r} is no amount: write 1000000 or 25000.50, 0 to {MOST_CASH:,.0f}")


Cash = Annotated[Decimal, typer.Option(parser=money, metavar="AMOUNT", help="US dollars that the account begins with.")]
AccountType = Annotated[Literal["margin", "cash", "portfolio"], typer.Option(
    help="What the account may buy: by Reg T, with its cash only, or by portfolio margin.")]
Filling = Annotated[Literal["strict", "queue", "touch"], typer.Option(
    help="When a resting order fills: once the market goes beyond its price; also once the size that stood before it "
         "is gone; as soon as its price is reached.")]  # fmt: skip
PenetrationTicks = Annotated[int, typer.Option(
    min=0, max=1_000, help="With strict: how many ticks beyond its price the market has to go.")]
OrderLatencyMs = Annotated[float, typer.Option(
    min=0, max=MOST_LATENCY_MS, help="How long an order, a change or a cancel is on its way to the market.")]


FeesOf = Annotated[str, typer.Option("--fees", metavar="fixed|tiered|FILE",
                                     help="What orders cost: IB's fixed or tiered fees, or those of a TOML file.")]
PositionsFile = Annotated[Path | None, typer.Option(
    "--positions", metavar="FILE", help="What the account begins with: CSV of instrument,position,average_cost.")]
TestReferences = Annotated[bool, typer.Option(
    "--test-references", help="Let references of orders such as test:fill=10 say what becomes of them.")]

MasterClientId = Annotated[int | None, typer.Option(
    min=0, max=2**31 - 1, help="The client that is told of the orders and fills of all clients. Default: none is.")]
StateFile = Annotated[Path | None, typer.Option(
    "--state", metavar="FILE", help="Where the account outlives the gateway: ids, open orders, cash, positions. "
                                    "Without one each begins anew.")]  # fmt: skip


def terms(
    cash: Decimal, account_type: str, positions: Path | None, fees: str, fills: str, penetration_ticks: int,
    order_latency_ms: float, test_references: bool, state: Path | None,
    master_client_id: int | None,
) -> "Terms":  # fmt: skip
    """Return the terms that options say. Raises GivenFileError for a file that cannot be read."""
    from capture.gateway.broker.exchange.matching import Fills
    from capture.gateway.broker.exchange.rules import Rules
    from capture.gateway.broker.fees.schedule import SCHEDULES
    from capture.gateway.given import load_fees, load_positions
    from capture.gateway.trading import Terms

    return Terms(
        cash=cash, account_type=account_type, positions=() if positions is None else tuple(load_positions(positions)),
        fees=SCHEDULES[fees] if fees in SCHEDULES else load_fees(Path(fees)),
        rules=Rules(Fills(fills), penetration_ticks), latency_us=round(order_latency_ms * 1_000),
        reads_scripts=test_references, state=state, master_client_id=master_client_id)  # fmt: skip
