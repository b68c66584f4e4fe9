"""Market data tables: trades, quotes, midpoints, ticks, depth, bars, greeks."""

from .columns import flag, integer, number, text, time
from .table import EVENT_TIME, MARKET, MARKET_SORT_KEY, Subject, Table

PRICE = "instrument's price units"
SIZE = "instrument's size units"
HISTORY_ONLY = "the row is a live one, which carries none"

TRADES = Table(
    "trades",
    "Every trade: tick-by-tick Last and AllLast, and historical trade ticks.",
    (
        *MARKET,
        EVENT_TIME,
        number("price", "trade price", PRICE, "price arrived as 0 or -1, without a size: IB's notice of a halt "
               "(past_limit true) or of trading resumed (past_limit false), not a trade"),
        number("size", "traded quantity", SIZE),
        text("exchange", "exchange that reported the trade", "IB sent no exchange"),
        text("conditions", "IB's special trade conditions, as sent", "IB sent none"),
        flag("past_limit", "the trade is past the limit-up or limit-down price"),
        flag("unreported", "the trade is not reported to the tape (odd lots, combos, derivatively priced)"),
    ),
    MARKET_SORT_KEY,
    subject=Subject.MARKET,
    shown=("ts", "symbol", "stream", "price", "size", "exchange", "conditions"),
    state_key=(),
    equal_by=("ts_event", "price", "size", "exchange", "conditions", "past_limit", "unreported"),
    bars="time_bars",
    over_sql="ts_event",
)

QUOTES = Table(
    "quotes",
    "Every change of the best bid and ask: tick-by-tick BidAsk, and historical bid/ask ticks.",
    (
        *MARKET,
        EVENT_TIME,
        number("bid_price", "best bid", PRICE, "no bid: IB sent -1 or 0 without a size"),
        number("ask_price", "best ask", PRICE, "no ask: IB sent -1 or 0 without a size"),
        number("bid_size", "size at the best bid", SIZE),
        number("ask_size", "size at the best ask", SIZE),
        flag("bid_past_low", "the bid is below the day's low limit"),
        flag("ask_past_high", "the ask is above the day's high limit"),
    ),
    MARKET_SORT_KEY,
    subject=Subject.MARKET,
    shown=("ts", "symbol", "bid_size", "bid_price", "ask_price", "ask_size"),
    state_key=(),
    equal_by=("ts_event", "bid_price", "ask_price", "bid_size", "ask_size", "bid_past_low", "ask_past_high"),
    bars="quote_bars",
    over_sql="ts_event",
)

MIDPOINTS = Table(
    "midpoints",
    "Every change of the midpoint: tick-by-tick MidPoint, and historical midpoint ticks.",
    (
        *MARKET,
        EVENT_TIME,
        number("price", "midpoint of bid and ask", PRICE),
        number("size", "size field of historical midpoint ticks, 0 in practice", SIZE, HISTORY_ONLY),
    ),
    MARKET_SORT_KEY,
    subject=Subject.MARKET,
    shown=("ts", "symbol", "price"),
    state_key=(),
    equal_by=("ts_event", "price"),
    bars="midpoint_bars",
    over_sql="ts_event",
)

TICKS = Table(
    "ticks",
    "Level 1 as IB samples it (100 to 250 ms, FX 5 ms): every tick type by name, one row per message.",
    (
        *MARKET,
        integer("tick_type", "IB's tick type id", bits=32),
        text("tick_name", "IB's name of the tick type (BID, ASK_SIZE, RT_VOLUME); tick_N for a number without a name"),
        number("price", "value of a price tick", PRICE, "not a price tick, or no value: -1, for bid, ask and last -1 or "
               "0 without a size beside it"),
        number("size", "value of a size tick, or the size that came inside a price tick of bid, ask or last", SIZE,
               "neither"),
        number("value", "value of a generic tick (ratios, counts, flags; the tick name says which)", "by tick name",
               "not a generic tick, or IB does not know whether trading halts"),
        text("text", "value of a string tick as sent; for EFP and news ticks their fields as a JSON object",
             "not a string tick"),
        flag("can_auto_execute", "price ticks: the quote can be hit automatically", "not a price tick"),
        flag("past_limit", "price ticks: the price is past the limit-up or limit-down price", "not a price tick"),
        flag("pre_open", "bid and ask ticks: before the open", "not a price tick"),
    ),
    MARKET_SORT_KEY,
    subject=Subject.MARKET,
    shown=("ts", "symbol", "tick_name", "price", "size", "value", "text"),
    state_key=("tick_type",),
)

DEPTH = Table(
    "depth",
    "Order book operations as sent, per side and position; books are rebuilt from them.",
    (
        *MARKET,
        integer("position", "row of the book, 0 is the best", null="a reset"),
        text("operation", "insert, update or delete at that position; reset empties the book before what follows"),
        text("side", "bid or ask", "a reset"),
        number("price", "price of the row; 0 on deletes", PRICE),
        number("size", "size of the row; 0 on deletes", SIZE),
        text("market_maker", "market maker, or on smart depth the exchange", "the book names none"),
        flag("smart", "the book is aggregated over exchanges", "the message does not say"),
    ),
    MARKET_SORT_KEY,
    subject=Subject.MARKET,
    shown=("ts", "symbol", "side", "position", "operation", "price", "size", "market_maker"),
    state_key=("request_id",),
)

BARS = Table(
    "bars",
    "Bars that IB made: 5-second real-time bars, historical bars, and updates of keep-up-to-date bars.",
    (
        *MARKET,
        time("ts_event", "start of the bar; midnight UTC of the trading date for bars of a day and longer",
             "`bar_date` could not be read: its zone is not known, or it means two moments of a night in which clocks go "
             "back"),
        text("bar_size", "width as IB words it: 5 secs, 1 min, 1 day", "the request is not on the tape"),
        text("what", "what the bar is made of: TRADES, MIDPOINT, BID, ASK, …", "the request is not on the tape"),
        flag("regular_hours", "made from regular trading hours only", "the request is not on the tape"),
        text("form", "closed: a finished 5-second bar; history: from IB's history; update: a bar still in the making, "
             "the last update of a ts_event is its final state"),
        number("open", "first price (BID_ASK bars: average bid)", PRICE),
        number("high", "highest price (BID_ASK bars: highest ask)", PRICE),
        number("low", "lowest price (BID_ASK bars: lowest bid)", PRICE),
        number("close", "last price (BID_ASK bars: average ask)", PRICE),
        number("volume", "traded volume", SIZE, "not made from trades (IB sends -1)"),
        number("wap", "volume-weighted average price", PRICE, "not made from trades (IB sends -1)"),
        integer("trade_count", "number of trades", "trades", "not made from trades (IB sends -1)"),
        text("bar_date", "the bar's date or time as IB wrote it", "a real-time bar", encoding="plain"),
    ),
    MARKET_SORT_KEY,
    subject=Subject.MARKET,
    shown=("ts_event", "symbol", "bar_size", "what", "form", "open", "high", "low", "close", "volume"),
    state_key=("bar_size", "what", "regular_hours"),
    equal_by=("ts_event", "bar_size", "what", "regular_hours"),
    over_sql="case when form = 'closed' then ts_event + interval 5 seconds end",
)

GREEKS = Table(
    "greeks",
    "Option computations: implied volatility and greeks behind the bid, ask, last and model price.",
    (
        *MARKET,
        integer("tick_type", "IB's tick type id"),
        text("tick_name", "IB's name of the tick type (BID_OPTION_COMPUTATION, MODEL_OPTION)"),
        flag("price_based", "computed from prices rather than returns", "IB did not say"),
        number("implied_volatility", "implied volatility, annual", "ratio", "not available (IB sends -1)"),
        number("delta", "change of the option's price per unit of the underlying", "ratio", "not available (IB sends -2)"),
        number("option_price", "option price", PRICE, "not available (IB sends -1)"),
        number("dividend_value", "present value of expected dividends", PRICE, "not available (IB sends -1)"),
        number("gamma", "change of delta per unit of the underlying", "1/price", "not available (IB sends -2)"),
        number("vega", "change of the price per point of volatility", PRICE, "not available (IB sends -2)"),
        number("theta", "change of the price per day", PRICE + " per day", "not available (IB sends -2)"),
        number("underlying_price", "underlying's price used", PRICE, "not available (IB sends -1)"),
    ),
    MARKET_SORT_KEY,
    subject=Subject.MARKET,
    shown=("ts", "symbol", "tick_name", "option_price", "implied_volatility", "delta", "underlying_price"),
    state_key=("tick_type",),
)
