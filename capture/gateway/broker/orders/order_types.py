"""The types of orders that are simulated, as a table: what each needs, what sets it off, and what it is priced by."""

from functools import lru_cache
from typing import Literal, NamedTuple

Need = Literal["must", "may", "none"]
Reference = Literal["same", "other", "middle"]


class Peg(NamedTuple):
    """What a price follows: the quote's own side, the other side, or the middle.

    `offset` says which way the order's own offset goes: 1 towards the other side, -1 away from it, 0 there is none.
    With `once` it is priced as it arrives and then stands.
    """

    reference: Reference
    offset: int
    once: bool = False


class OrderType(NamedTuple):
    """One type: `limit` and `auxiliary` say whether it has these prices.

    `trigger` is what sets it off: "stop" where the market moves against it, "touch" where it comes towards it, "trail"
    is a stop that follows. `closes`: it is for the closing auction. `rest_at_fill`: what does not fill at once stands
    at the price of the first fill.
    """

    word: str
    limit: Need = "none"
    auxiliary: Need = "none"
    trigger: Literal["", "stop", "touch", "trail"] = ""
    peg: Peg | None = None
    closes: bool = False
    rest_at_fill: bool = False


_TYPES = (
    OrderType("MKT"),
    OrderType("LMT", limit="must"),
    OrderType("STP", auxiliary="must", trigger="stop"),
    OrderType("STP LMT", limit="must", auxiliary="must", trigger="stop"),
    OrderType("TRAIL", auxiliary="may", trigger="trail"),
    OrderType("TRAIL LIMIT", limit="may", auxiliary="may", trigger="trail"),
    OrderType("MIT", auxiliary="must", trigger="touch"),
    OrderType("LIT", limit="must", auxiliary="must", trigger="touch"),
    OrderType("MOC", closes=True),
    OrderType("LOC", limit="must", closes=True),
    OrderType("MTL", rest_at_fill=True),
    OrderType("MKT PRT"),
    OrderType("STP PRT", auxiliary="must", trigger="stop"),
    OrderType("REL", limit="may", auxiliary="may", peg=Peg("same", 1)),
    OrderType("PASSV REL", limit="may", auxiliary="may", peg=Peg("same", -1)),
    OrderType("PEG PRIM", limit="may", auxiliary="may", peg=Peg("same", 1)),
    OrderType("PEG MKT", limit="may", auxiliary="may", peg=Peg("other", -1)),
    OrderType("PEG MID", limit="may", auxiliary="may", peg=Peg("middle", -1)),
    OrderType("PEG BEST", limit="may", peg=Peg("same", 1)),
    OrderType("MIDPRICE", limit="may", peg=Peg("middle", 0)),
    OrderType("SNAP MKT", auxiliary="may", peg=Peg("other", -1, once=True)),
    OrderType("SNAP MID", auxiliary="may", peg=Peg("middle", -1, once=True)),
    OrderType("SNAP PRIM", auxiliary="may", peg=Peg("same", 1, once=True)),
)
TYPES = {one.word.replace(" ", ""): one for one in _TYPES}
TYPES |= {"TRAILLMT": TYPES["TRAILLIMIT"], "MIDPX": TYPES["MIDPRICE"],
          "PEGPRI": TYPES["PEGPRIM"], "PEGPRIMARY": TYPES["PEGPRIM"], "LOO": TYPES["LMT"], "MOO": TYPES["MKT"]}

TIMES = ("DAY", "GTC", "GTD", "IOC", "FOK", "OPG")


@lru_cache(1_024)
def find_type(word: str) -> OrderType | None:
    """Return the type that a word means, with blanks or without; None for one that is not simulated."""
    return TYPES.get(word.upper().replace(" ", ""))
