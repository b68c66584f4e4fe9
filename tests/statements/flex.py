"""Statements as a test wants them: the XML of an Activity Flex Query, with invented numbers."""

from collections.abc import Iterable
from xml.sax.saxutils import quoteattr

ME, OTHER = "DU0000000", "DU0000001"
SECTION_OF = {"Trade": "Trades", "CashTransaction": "CashTransactions", "CorporateAction": "CorporateActions",
              "Transfer": "Transfers", "OpenPosition": "OpenPositions",
              "EquitySummaryByReportDateInBase": "EquitySummaryInBase"}  # fmt: skip
AAPL = {"assetCategory": "STK", "symbol": "AAPL", "conid": "265598", "currency": "USD"}

Rows = Iterable[tuple[str, dict[str, str]]]


def written(*rows: tuple[str, dict[str, str]], account: str = ME, generated: str = "20261119;050000",
            **head: str) -> bytes:
    """Return a file of one statement."""
    return several(statement(rows, account=account, generated=generated, **head))


def statement(rows: Rows, *, account: str = ME, generated: str = "20261119;050000", **head: str) -> str:
    """Return one statement of a file, in its sections."""
    inside: dict[str, list[str]] = {}
    for tag, attributes in rows:
        inside.setdefault(SECTION_OF.get(tag, f"{tag}s"), []).append(_element(tag, attributes))
    body = "".join(f"<{name}>{''.join(found)}</{name}>\n" for name, found in inside.items())
    said = {"accountId": account, "fromDate": "20261101", "toDate": "20261118", "whenGenerated": generated} | head
    return f"<FlexStatement {_said(said)}>\n{body}</FlexStatement>"


def several(*statements: str) -> bytes:
    """Return a file of several statements."""
    return (f'<FlexQueryResponse queryName="all" type="AF"><FlexStatements count="{len(statements)}">\n'
            f"{''.join(statements)}\n</FlexStatements></FlexQueryResponse>").encode()


def trade(transaction: str, quantity: float, price: float = 10.0, /, **more: str) -> tuple[str, dict[str, str]]:
    """Return a trade of AAPL, unless told otherwise, with what it brought; a fee only where one is given."""
    number = float(more.get("multiplier", "1"))
    return "Trade", AAPL | {
        "transactionID": transaction, "tradeID": f"T{transaction}", "dateTime": "20261118;103000",
        "tradeDate": "20261118", "reportDate": "20261118", "transactionType": "ExchTrade",
        "quantity": f"{quantity:g}", "tradePrice": f"{price:g}", "proceeds": f"{-quantity * price * number:g}",
        "ibCommission": "0", "ibCommissionCurrency": "USD", "fifoPnlRealized": "0", "levelOfDetail": "EXECUTION",
        "buySell": "BUY" if quantity >= 0 else "SELL"} | more  # fmt: skip


def cash(transaction: str, amount: str, kind: str = "Dividends", **more: str) -> tuple[str, dict[str, str]]:
    return "CashTransaction", AAPL | {
        "transactionID": transaction, "type": kind, "amount": amount, "dateTime": "20261118;202000",
        "reportDate": "20261118", "levelOfDetail": "DETAIL"} | more  # fmt: skip


def action(transaction: str, quantity: str, **more: str) -> tuple[str, dict[str, str]]:
    return "CorporateAction", AAPL | {
        "transactionID": transaction, "actionID": "77", "type": "RS", "quantity": quantity,
        "dateTime": "20261118;202500", "reportDate": "20261119", "levelOfDetail": "DETAIL"} | more  # fmt: skip


def transfer(transaction: str, quantity: str, **more: str) -> tuple[str, dict[str, str]]:
    return "Transfer", AAPL | {
        "transactionID": transaction, "type": "ACATS", "direction": "IN", "quantity": quantity, "date": "20261118",
        "reportDate": "20261118", "positionAmount": "1000", "account": "--"} | more  # fmt: skip


def position(quantity: str, day: str = "20261118", **more: str) -> tuple[str, dict[str, str]]:
    return "OpenPosition", AAPL | {"reportDate": day, "position": quantity, "levelOfDetail": "SUMMARY"} | more


def _element(tag: str, attributes: dict[str, str]) -> str:
    return f"<{tag} {_said(attributes)} />"


def _said(attributes: dict[str, str]) -> str:
    return " ".join(f"{name}={quoteattr(text)}" for name, text in attributes.items())
