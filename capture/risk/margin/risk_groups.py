"""Which underlyings portfolio margin takes for one, and which for alike: class, product and portfolio groups, as data.

A class group is one underlying with all on it: an index, funds on it, leveraged ones too, and options on each. Product
groups have class groups that move alike, portfolio groups have product groups. What is not listed is a class group of
its own, a single stock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import pyarrow as pa

from .dated import Certainty

SOURCE = "OCC's kinds of product groups as themargininvestor.com lists them; funds by the index that they follow"
LISTED_ON = date(2026, 11, 30)  # clearing houses list groups every day; ours are of this one
US_INDICES, FOREIGN_INDICES = "US indices", "foreign indices"


class Product(NamedTuple):
    """A product group: how far its indices move, and the portfolio group that it is in, empty for none."""

    name: str
    kind: str
    portfolio: str = ""


class Fund(NamedTuple):
    """A symbol that follows an index: its class group and how much it moves for each percent of the index."""

    symbol: str
    class_group: str
    leverage: float = 1.0


PRODUCTS = (
    Product("broad", "high_cap_index", US_INDICES),
    Product("growth", "high_cap_index", US_INDICES),
    Product("value", "high_cap_index", US_INDICES),
    Product("nasdaq", "broad_index", US_INDICES),
    Product("small cap", "broad_index", US_INDICES),
    Product("japan", "high_cap_index", FOREIGN_INDICES),
    Product("europe", "high_cap_index", FOREIGN_INDICES),
    Product("eafe", "broad_index", FOREIGN_INDICES),
    Product("china", "broad_index", FOREIGN_INDICES),
    *(Product(name, "narrow_index") for name in (
        "gold miners", "oil and gas", "technology", "semiconductors", "biotechnology", "utilities", "real estate",
        "retail", "banks and finance", "home builders")),
)  # fmt: skip

# Class groups with the product group that each is in, and the symbols in it: its index first, leverage behind a star.
CLASSES = (
    ("SPX", "broad", "SPX XSP SPY VOO IVV SPLG SSO*2 UPRO*3 SPXL*3 SH*-1 SDS*-2 SPXU*-3 SPXS*-3"),
    ("OEX", "broad", "OEX XEO OEF"),
    ("DJX", "broad", "DJX DIA DDM*2 UDOW*3 DOG*-1 DXD*-2 SDOW*-3"),
    ("RUI", "broad", "RUI IWB"),
    ("RUA", "broad", "RUA IWV VTI"),
    ("RLG", "growth", "RLG IWF"),
    ("IVW", "growth", "IVW SPYG"),
    ("RLV", "value", "RLV IWD"),
    ("IVE", "value", "IVE SPYV"),
    ("NDX", "nasdaq", "NDX XND QQQ QQQM QLD*2 TQQQ*3 PSQ*-1 QID*-2 SQQQ*-3"),
    ("RUT", "small cap", "RUT MRUT IWM VTWO UWM*2 TNA*3 RWM*-1 TWM*-2 TZA*-3"),
    ("MID", "small cap", "MID MDY IJH"),
    ("SML", "small cap", "SML IJR"),
    ("NKY", "japan", "EWJ DXJ"),
    ("UKX", "europe", "UKX EWU"),
    ("EFA", "eafe", "MXEA EFA VEA"),
    ("FXI", "china", "FXI YINN*3 YANG*-3"),
    ("GDX", "gold miners", "GDX NUGT*2 DUST*-2"),
    ("GDXJ", "gold miners", "GDXJ JNUG*2 JDST*-2"),
    ("XLE", "oil and gas", "XLE ERX*2 ERY*-2"),
    ("OIH", "oil and gas", "OIH"),
    ("XOP", "oil and gas", "XOP GUSH*2 DRIP*-2"),
    ("XLK", "technology", "XLK TECL*3 TECS*-3"),
    ("SOX", "semiconductors", "SOX SOXX SOXL*3 SOXS*-3"),
    ("SMH", "semiconductors", "SMH"),
    ("IBB", "biotechnology", "IBB BIB*2 BIS*-2"),
    ("XBI", "biotechnology", "XBI LABU*3 LABD*-3"),
    ("XLU", "utilities", "XLU"),
    ("IYR", "real estate", "IYR URE*2 SRS*-2"),
    ("VNQ", "real estate", "VNQ"),
    ("XRT", "retail", "XRT"),
    ("XLF", "banks and finance", "XLF"),
    ("KRE", "banks and finance", "KRE"),
    ("XHB", "home builders", "XHB"),
)


def _funds() -> tuple[Fund, ...]:
    words = [(name, *word.split("*")) for name, _, symbols in CLASSES for word in symbols.split()]
    return tuple(Fund(word[1], word[0], float(word[2]) if len(word) > 2 else 1.0) for word in words)


FUNDS = _funds()


class Place(NamedTuple):
    """Where a symbol belongs; product and portfolio group are empty where there is none."""

    class_group: str
    kind: str
    product: str = ""
    portfolio: str = ""
    leverage: float = 1.0


@dataclass(frozen=True)
class Own:
    """What a user says of a symbol: in a class group, of a product group or a kind, and how far it moves with it."""

    symbol: str
    class_group: str
    product: str = ""
    kind: str = ""
    leverage: float = 1.0


class RiskGroups:
    """Finds the groups of symbols, a user's own before those that are listed."""

    def __init__(self, own: Sequence[Own] = ()) -> None:
        """Take what the user says. An own class group that names neither product nor kind is as it is listed."""
        products = {product.name: product for product in PRODUCTS}
        product_of = {name: products[product] for name, product, _ in CLASSES}
        self._own = frozenset(row.symbol for row in own)
        self._places = {fund.symbol: _place(fund, product_of[fund.class_group]) for fund in FUNDS}
        for row in own:
            listed = product_of.get(row.class_group, Product("", "equity"))
            given = products.get(row.product, Product(row.product, row.kind or listed.kind)) if row.product else listed
            product = given._replace(kind=row.kind or given.kind)
            self._places[row.symbol] = _place(Fund(row.symbol, row.class_group, row.leverage), product)

    def place(self, name: str) -> Place:
        """Return where what moves belongs, named as by `moving_name`; what is not listed is a single stock, alone."""
        return self._places.get(name) or Place(name, "equity")

    def table(self) -> pa.Table:
        """Return all symbols that are listed: symbol, the columns of `Place`, valid_from, source and certainty."""
        rows = [{"symbol": symbol, **place._asdict(), **self._origin(symbol)} for symbol, place in self._places.items()]
        return pa.Table.from_pylist(rows, GROUP_SCHEMA)

    def _origin(self, symbol: str) -> dict[str, object]:
        if symbol in self._own:
            return {"valid_from": None, "source": "the user's file", "certainty": Certainty.OWN}
        return {"valid_from": LISTED_ON, "source": SOURCE, "certainty": Certainty.UNVERIFIED}


GROUP_SCHEMA = pa.schema([*((name, pa.string()) for name in ("symbol", "class_group", "kind", "product", "portfolio")),
                          ("leverage", pa.float64()), ("valid_from", pa.date32()), ("source", pa.string()),
                          ("certainty", pa.string())])  # fmt: skip


def _place(fund: Fund, product: Product) -> Place:
    return Place(fund.class_group, product.kind, product.name, product.portfolio, fund.leverage)


LISTED = RiskGroups()
