"""What an instrument is called in every table: IB's own name of it, from contract details."""

from typing import Any


def symbol_of(details: dict[str, Any]) -> str:
    """Return the symbol of contract details: the local symbol, else the symbol.

    Bonds have neither of their own (all of an issuer share one): theirs is the CUSIP, else the description. What has no
    name at all is called by its contract id: no two instruments share a symbol for want of one.
    """
    of_bond = (details.get("cusip"), details.get("description"))
    names = (*of_bond, details.get("local_symbol"), details.get("symbol"), f"conid:{details['con_id']}")
    return next(name for name in names if name)


def symbol_asked(contract: dict[str, Any]) -> str:
    """Return how a request names an instrument: in ASCII only, as IB takes nothing else; empty where it does not."""
    names = (contract.get("local_symbol"), contract.get("symbol"))
    return next((name for name in names if name and name.isascii()), "")
