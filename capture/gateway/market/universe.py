"""The instruments of the invented market, as data: what moves their price, how busy they are, what IB would say.

Contract ids of widely known instruments are the real ones; the rest, like all prices, are made up.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from capture.times import HOUR_S

from .hours import SESSIONS, Session
from .noise import Ints, lookup


@dataclass(frozen=True)
class Asset:
    """What prices follow: its price when the noise is zero, and its annual volatility."""

    price: float
    volatility: float


ASSETS = {
    "AAPL": Asset(232.0, 0.28),
    "MSFT": Asset(430.0, 0.25),
    "NVDA": Asset(141.0, 0.45),
    "TSLA": Asset(352.0, 0.55),
    "AMZN": Asset(205.0, 0.30),
    "IBM": Asset(223.0, 0.22),
    "F": Asset(11.2, 0.35),
    "ABC": Asset(48.0, 0.30),
    "ABD": Asset(7.4, 0.40),
    "SPX": Asset(5970.0, 0.16),
    "NDX": Asset(20800.0, 0.21),
    "VIX": Asset(15.8, 0.90),
    "INTC": Asset(24.2, 0.45),
    "AMD": Asset(138.0, 0.48),
    "TLT": Asset(90.6, 0.15),
    "CL": Asset(70.0, 0.35),
    "EUR": Asset(1.0512, 0.08),
    "GBP": Asset(1.2605, 0.09),
    "JPY": Asset(153.8, 0.10),
    "AUD": Asset(0.6508, 0.10),
    "CHF": Asset(0.8862, 0.08),
    "CAD": Asset(1.4012, 0.06),
    "BTC": Asset(96800.0, 0.55),
    "ETH": Asset(3320.0, 0.65),
}


@dataclass(frozen=True)
class Style:
    """What instruments of a kind share. Sizes count the smallest unit, of which one share or coin has `lots`."""

    session: str
    valid_exchanges: str
    order_types: str
    spreads_ticks: Ints
    quote_sizes: Ints
    trade_sizes: Ints
    lots: int = 1
    round_lot: int = 1
    trade_exchanges: tuple[str, ...] = ()  # empty: all trades on the instrument's own exchange
    exchange_letters: tuple[str, ...] = ()
    has_depth: bool = True  # options and indices are given none
    prints_only: bool = False  # an index: a level without quotes, sizes or trades


ORDERS = "ACTIVETIM,AD,ADJUST,ALERT,DAY,DEACT,GAT,GTC,GTD,GTT,LIT,LMT,MIT,MKT,NGCOMB,OCA,STP,STPLMT,TRAIL,WHATIF"
STOCK_ORDERS = f"{ORDERS},ALGO,IOC,LOC,LOO,MOC,MOO,MIDPX,OPG,PEGMID,REL,VWAP"
STOCK_EXCHANGES = "SMART,AMEX,NYSE,CBOE,PHLX,ISE,CHX,ARCA,NASDAQ,DRCTEDGE,BEX,BATS,EDGEA,BYX,IEX,MEMX"
OPTION_EXCHANGES = "SMART,AMEX,CBOE,PHLX,PSE,ISE,BOX,BATS,NASDAQOM,CBOE2,NASDAQBX,MIAX,GEMINI,EDGX,MERCURY,PEARL"

TIGHT = lookup({1: 72, 2: 22, 3: 6})
WIDE = lookup({1: 8, 2: 30, 3: 30, 4: 20, 5: 8, 7: 4})
NO_SPREAD = lookup({0: 1})
BOARD_LOTS = {100: 34, 200: 19, 300: 12, 400: 8, 500: 8, 600: 5, 700: 3, 800: 3, 1000: 4, 1500: 1, 2000: 2, 5000: 1}
SHARE_PRINTS = {1: 7, 2: 3, 5: 4, 7: 1, 10: 6, 20: 3, 25: 3, 37: 1, 40: 2, 50: 6, 75: 2, 83: 1, 99: 1,
                100: 38, 200: 9, 300: 4, 400: 2, 500: 3, 900: 1, 1000: 2, 2500: 1}
CONTRACTS = {1: 34, 2: 20, 3: 10, 4: 6, 5: 9, 6: 3, 8: 2, 10: 8, 15: 2, 20: 3, 25: 1, 50: 1, 100: 0.3}
CONTRACTS_QUOTED = {n: 1 + 8 / (1 + abs(n - 18) / 12) for n in range(1, 90)}
BASE_AMOUNTS = {500_000: 8, 1_000_000: 40, 1_500_000: 8, 2_000_000: 18, 3_000_000: 10, 5_000_000: 9, 10_000_000: 3}
COINS = {137: 3, 500: 6, 1_000: 22, 1_250: 4, 2_000: 9, 2_500: 8, 3_333: 2, 5_000: 18, 7_321: 2, 10_000: 20, 25_000: 6}

STYLES = {
    "stock": Style("US stocks", STOCK_EXCHANGES, STOCK_ORDERS, TIGHT, lookup(BOARD_LOTS), lookup(SHARE_PRINTS),
                   round_lot=100,
                   trade_exchanges=("NASDAQ", "ARCA", "NYSE", "BATS", "IEX", "DRCTEDGE", "MEMX", "FINRA"),
                   exchange_letters=("Q", "P", "N", "Z", "V", "K", "U", "D")),
    "Canada stock": Style("Canada stocks", "SMART,TSE,CHIX_CA,OMEGA", STOCK_ORDERS, WIDE, lookup(BOARD_LOTS),
                          lookup(SHARE_PRINTS), round_lot=100, trade_exchanges=("TSE", "CHIX_CA", "OMEGA"),
                          exchange_letters=("T", "C", "O")),
    "option": Style("US options", OPTION_EXCHANGES, ORDERS, WIDE, lookup(CONTRACTS_QUOTED), lookup(CONTRACTS),
                    trade_exchanges=("CBOE", "PHLX", "ISE", "AMEX", "BOX", "MIAX", "BATS", "EDGX"),
                    exchange_letters=("C", "X", "I", "A", "B", "M", "Z", "E"), has_depth=False),
    "index option": Style("US options", "SMART,CBOE", ORDERS, WIDE, lookup(CONTRACTS_QUOTED), lookup(CONTRACTS),
                          trade_exchanges=("CBOE",), exchange_letters=("C",), has_depth=False),
    "CME": Style("CME", "CME", ORDERS, TIGHT, lookup(CONTRACTS_QUOTED), lookup(CONTRACTS)),
    "NYMEX": Style("NYMEX", "NYMEX", ORDERS, TIGHT, lookup(CONTRACTS_QUOTED), lookup(CONTRACTS)),
    "FX": Style("FX", "IDEALPRO", ORDERS, TIGHT, lookup(BASE_AMOUNTS), lookup(BASE_AMOUNTS)),
    "crypto": Style("crypto", "PAXOS", "DAY,GTC,IOC,LMT,MKT,WHATIF", WIDE, lookup(COINS), lookup(COINS), lots=10_000),
    "index": Style("US index", "CBOE", "", NO_SPREAD, lookup({1: 1}), lookup({1: 1}), has_depth=False,
                   prints_only=True),
}

# Rule id -> (price from which it holds, step), for reqMarketRule. Which rule an instrument follows: its tick.
MARKET_RULES: dict[int, list[tuple[float, float]]] = {
    26: [(0.0, 0.01)],
    67: [(0.0, 0.25)],
    59: [(0.0, 0.005)],
    239: [(0.0, 0.00005)],
}
UNDER = {"OPT": "STK", "FUT": "IND", "CFD": "STK"}  # kind of security -> that of what it follows
RULE_OF_TICK = {steps[0][1]: rule for rule, steps in MARKET_RULES.items()}


@dataclass(frozen=True)
class Instrument:
    """One contract: what IB says about it, and what the invented market needs to make its prices."""

    con_id: int
    symbol: str
    sec_type: str
    exchange: str
    currency: str
    style_name: str
    asset_name: str
    ticks_per_unit: int  # the smallest price step is 1 / ticks_per_unit
    quotes_per_s: float
    trades_per_s: float
    long_name: str
    local_symbol: str
    trading_class: str
    primary_exchange: str = ""
    factor: float = 1.0  # price over the asset's price
    last_trade_date: str = ""
    strike: float = 0.0
    right: str = ""
    multiplier: str = ""
    under_con_id: int = 0
    stock_type: str = ""
    industry: tuple[str, str, str] = ("", "", "")
    isin: str = ""
    reroute_con_id: int = 0  # a request for its data is answered with this contract to ask instead

    @property
    def style(self) -> Style:
        """What it shares with others of its kind."""
        return STYLES[self.style_name]

    @property
    def session(self) -> Session:
        """When it trades."""
        return SESSIONS[self.style.session]

    @property
    def asset(self) -> Asset:
        """What its price follows."""
        return ASSETS[self.asset_name]

    @property
    def min_tick(self) -> float:
        """The smallest price step."""
        return 1 / self.ticks_per_unit

    @property
    def _under_symbol(self) -> str:
        return self.symbol if self.sec_type == "OPT" else self.asset_name

    @property
    def expiry_s(self) -> int:
        """The moment it stops trading, in epoch seconds: 21:00 UTC of the last trade date. Only where it has one."""
        return int(datetime.strptime(self.last_trade_date, "%Y%m%d").replace(tzinfo=UTC).timestamp()) + 21 * HOUR_S

    def details(self, session: Session, epoch_s: int) -> dict[str, Any]:
        """Return the fields of IB's contract details (message 10), with the hours of the week from `epoch_s` on."""
        style, exchanges = self.style, self.style.valid_exchanges.split(",")
        unit = 1 / style.lots
        return {
            "symbol": self.symbol,
            "sec_type": self.sec_type,
            "last_trade_date": self.last_trade_date,
            "strike": self.strike,
            "right": self.right,
            "exchange": self.exchange,
            "currency": self.currency,
            "local_symbol": self.local_symbol,
            "market_name": self.trading_class,
            "trading_class": self.trading_class,
            "con_id": self.con_id,
            "min_tick": self.min_tick,
            "multiplier": self.multiplier,
            "order_types": style.order_types,
            "valid_exchanges": style.valid_exchanges,
            "price_magnifier": 1,
            "under_con_id": self.under_con_id,
            "long_name": self.long_name,
            "primary_exchange": self.primary_exchange,
            "contract_month": self.last_trade_date[:6],
            "industry": self.industry[0],
            "category": self.industry[1],
            "subcategory": self.industry[2],
            "time_zone_id": session.zone,
            "trading_hours": session.hours(epoch_s, liquid=False),
            "liquid_hours": session.hours(epoch_s, liquid=True),
            "ev_rule": "",
            "ev_multiplier": 0.0,
            "sec_ids": [{"tag": "ISIN", "value": self.isin}] if self.isin else [],
            "agg_group": 1 if len(exchanges) > 1 else 2147483647,
            "under_symbol": self._under_symbol if self.under_con_id else "",
            "under_sec_type": "IND" if self.style_name == "index option" else UNDER.get(self.sec_type, ""),
            "market_rule_ids": ",".join([str(RULE_OF_TICK[self.min_tick])] * len(exchanges)),
            "real_expiration_date": self.last_trade_date,
            "stock_type": self.stock_type,
            "min_size": unit,
            "size_increment": unit,
            "suggested_size_increment": float(style.round_lot) if style.round_lot > 1 else unit,
        }


def stock(con_id: int, symbol: str, primary: str, quotes_per_s: float, trades_per_s: float, name: str,
          industry: tuple[str, str, str], isin: str, **more: Any) -> Instrument:
    """Return a US stock that trades on SMART."""
    terms = {"asset_name": symbol, "stock_type": "COMMON", "style_name": "stock", "currency": "USD"} | more
    return Instrument(con_id, symbol, "STK", "SMART", ticks_per_unit=100, quotes_per_s=quotes_per_s,
                      trades_per_s=trades_per_s, long_name=name, local_symbol=symbol, primary_exchange=primary,
                      trading_class="NMS" if primary == "NASDAQ" else symbol, industry=industry, isin=isin, **terms)


def future(con_id: int, symbol: str, local_symbol: str, last_trade_date: str, exchange: str, asset_name: str,
           factor: float, ticks_per_unit: int, multiplier: str, rates: tuple[float, float], name: str,
           under_con_id: int = 0) -> Instrument:
    """Return a future; `factor` is its price over the asset's."""
    return Instrument(con_id, symbol, "FUT", exchange, "USD", exchange, asset_name, ticks_per_unit, *rates, name,
                      local_symbol, symbol, factor=factor, last_trade_date=last_trade_date, multiplier=multiplier,
                      under_con_id=under_con_id)


def pair(con_id: int, symbol: str, currency: str, style_name: str, asset_name: str, ticks_per_unit: int,
         quotes_per_s: float, trades_per_s: float, name: str) -> Instrument:
    """Return a pair of currencies, or a coin against one."""
    sec_type, exchange = {"FX": ("CASH", "IDEALPRO"), "crypto": ("CRYPTO", "PAXOS")}[style_name]
    return Instrument(con_id, symbol, sec_type, exchange, currency, style_name, asset_name, ticks_per_unit,
                      quotes_per_s, trades_per_s, name, f"{symbol}.{currency}", f"{symbol}.{currency}")


def index(con_id: int, symbol: str, name: str) -> Instrument:
    """Return an index of CBOE: a level, without quotes or trades."""
    return Instrument(con_id, symbol, "IND", "CBOE", "USD", "index", symbol, 100, 1.0, 1.0, name,
                      symbol, symbol, industry=("Indices", "Broad Range Equity Index", "*"))


TECHNOLOGY = ("Technology", "Computers", "Computers")
SOFTWARE = ("Technology", "Software", "Applications Software")
SEMICONDUCTORS = ("Technology", "Semiconductors", "Electronic Compo-Semicon")
CARS = ("Consumer, Cyclical", "Auto Manufacturers", "Auto-Cars/Light Trucks")
AAPL = stock(265598, "AAPL", "NASDAQ", 12.0, 4.0, "APPLE INC", TECHNOLOGY, "US0378331005")
SPY = stock(756733, "SPY", "ARCA", 25.0, 6.0, "STATE STREET SPDR S&P 500 ETF", ("Funds", "Equity Fund", "Growth"),
            "US78462F1030", asset_name="SPX", factor=0.1, stock_type="ETF")

LISTED = {  # options beside, see chains.py
    instrument.con_id: instrument
    for instrument in (
        AAPL,
        SPY,
        stock(272093, "MSFT", "NASDAQ", 10.0, 3.0, "MICROSOFT CORP", SOFTWARE, "US5949181045"),
        stock(4815747, "NVDA", "NASDAQ", 20.0, 8.0, "NVIDIA CORP", SEMICONDUCTORS, "US67066G1040"),
        stock(76792991, "TSLA", "NASDAQ", 15.0, 6.0, "TESLA INC", CARS, "US88160R1014"),
        stock(3691937, "AMZN", "NASDAQ", 10.0, 3.0, "AMAZON.COM INC", ("Communications", "Internet", "E-Commerce"),
              "US0231351067"),
        stock(8314, "IBM", "NYSE", 4.0, 1.0, "INTL BUSINESS MACHINES CORP", TECHNOLOGY, "US4592001014"),
        stock(9599491, "F", "NYSE", 5.0, 1.5, "FORD MOTOR CO", CARS, "US3453708600"),
        stock(270639, "INTC", "NASDAQ", 12.0, 4.0, "INTEL CORP", SEMICONDUCTORS, "US4581401001"),
        stock(4391, "AMD", "NASDAQ", 15.0, 5.0, "ADVANCED MICRO DEVICES", SEMICONDUCTORS, "US0079031078"),
        stock(320227571, "QQQ", "NASDAQ", 20.0, 5.0, "INVESCO QQQ TRUST SERIES 1", ("Funds", "Equity Fund", "Growth"),
              "US46090E1038", asset_name="NDX", factor=0.0245, stock_type="ETF"),
        stock(15547841, "TLT", "NASDAQ", 8.0, 2.0, "ISHARES 20+ YEAR TREASURY BD",
              ("Funds", "Debt Fund", "Government"), "US4642874329", stock_type="ETF"),
        stock(910001, "ABC", "NYSE", 1.0, 0.2, "ALPINE BEARING CO", ("Industrial", "Machinery", "Bearings"), ""),
        stock(910002, "ABC", "AMEX", 0.5, 0.1, "ABACUS BREWING CO", ("Consumer", "Beverages", "Brewery"), "",
              asset_name="ABD"),
        stock(910003, "ABC", "TSE", 0.5, 0.1, "ALBERTA BOREAL COPPER", ("Basic Materials", "Mining", "Copper"), "",
              asset_name="ABD", style_name="Canada stock", currency="CAD"),
        future(649180695, "ES", "ESZ6", "20261218", "CME", "SPX", 1.006, 4, "50", (30.0, 10.0), "E-mini S&P 500",
               416904),
        future(672387468, "ES", "ESH7", "20270319", "CME", "SPX", 1.016, 4, "50", (4.0, 0.5), "E-mini S&P 500",
               416904),
        future(691171690, "NQ", "NQZ6", "20261218", "CME", "NDX", 1.006, 4, "20", (25.0, 8.0), "E-mini NASDAQ 100"),
        future(296574745, "CL", "CLF7", "20261221", "NYMEX", "CL", 1.0, 100, "1000", (8.0, 2.5),
               "Light Sweet Crude Oil"),
        pair(12087792, "EUR", "USD", "FX", "EUR", 20_000, 8.0, 0.0, "European Monetary Union Euro"),
        pair(12087797, "GBP", "USD", "FX", "GBP", 20_000, 6.0, 0.0, "British pound"),
        pair(15016059, "USD", "JPY", "FX", "JPY", 200, 6.0, 0.0, "United States dollar"),
        pair(14433401, "AUD", "USD", "FX", "AUD", 20_000, 6.0, 0.0, "Australian dollar"),
        pair(12087820, "USD", "CHF", "FX", "CHF", 20_000, 5.0, 0.0, "United States dollar"),
        pair(15016062, "USD", "CAD", "FX", "CAD", 20_000, 6.0, 0.0, "United States dollar"),
        pair(479624278, "BTC", "USD", "crypto", "BTC", 4, 5.0, 0.8, "Bitcoin cryptocurrency"),
        pair(495759171, "ETH", "USD", "crypto", "ETH", 100, 4.0, 0.6, "Ethereum cryptocurrency"),
        index(416904, "SPX", "S&P 500 Stock Index"),
        index(13455763, "VIX", "CBOE Volatility Index"),
        Instrument(118089500, "AAPL", "CFD", "SMART", "USD", "stock", "AAPL", 100, 0.0, 0.0, "APPLE INC",
                   "AAPLn", "AAPL", under_con_id=265598, reroute_con_id=265598),
    )
}
