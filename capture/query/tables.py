"""Tables of market data as methods. Written by `make docs` from schemas/; change it there."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from .answer import Answer
from .selection import Instruments, Moment


class Tables(ABC):
    """The tables of market data of a lake: a method for each gives its rows, in order of time."""

    @abstractmethod
    def rows(
        self, table: str, instruments: Instruments | None = None, start: Moment | None = None,
        end: Moment | None = None, *, columns: Sequence[str] | None = None, stream: str | None = None,
    ) -> Answer:
        """Return rows of a table, by name."""

    def trades(
        self, instruments: Instruments | None = None, start: Moment | None = None, end: Moment | None = None, *,
        columns: Sequence[str] | None = None, stream: str | None = None,
    ) -> Answer:
        """Every trade: tick-by-tick Last and AllLast, and historical trade ticks. Rows are in order of time.

        Parameters:
            instruments: symbols ("AAPL") or contract ids (265598), one or several; None: all.
            start, end: rows from start on, before end: dates, whose midnight UTC is meant, or times that say their
                zone, "2026-11-20T09:30-05:00", as text, datetime.date or datetime.datetime; None is no bound.
            columns: only these columns, in this order; None: all.
            stream: only rows of this stream, as the column names it.

        Nothing is read before the answer is asked for a form: .pl(), .df(), .arrow(), .rows(), .batches(),
        .duckdb(). Warns of instruments of which nothing was recorded. Raises QueryError for a column, a stream or a
        time that is none, or a file that is damaged.

        Columns; times are UTC, None is a null:
            ts: the row's place in time: when it was received, or for backfilled rows IB's own event time
                (timestamp).
            seq: number of the received frame on its recorder's tape, from the first frame on, across restarts; for
                what did not arrive as a frame, the number of the last frame before it (int64).
            row: place of the row within its frame: 0 but for frames that carry several rows; rows that did not
                arrive as a frame count up from 1,000,000,000 after each frame (int32).
            recorder: name of the recorder whose tape holds the frame (string).
            instrument_id: IB's contract id (conId) (int64); None: the request named no contract id.
            symbol: IB's local symbol (AAPL, ESZ6, EUR.USD); of bonds the CUSIP (string); None: the request named
                none.
            stream: the subscription it came from: all_last, last, quotes, midpoints, ticks, depth, smart_depth,
                bars, live_bars, snapshot, history, reference; a word per kind of request, so that sampled and
                tick-by-tick data never mix unseen (string); None: the request is not on the tape.
            request_id: IB request id; new for every subscription within a session (int32).
            origin: live, delayed, frozen or delayed_frozen as IB says it; backfill for rows from IB's history
                (string).
            ts_event: IB's own time of the event; tick-by-tick times are whole seconds (timestamp); None: IB sent no
                time.
            price: trade price (double; in instrument's price units); None: price arrived as 0 or -1, without a size:
                IB's notice of a halt (past_limit true) or of trading resumed (past_limit false), not a trade.
            size: traded quantity (double; in instrument's size units); None: IB sent no value.
            exchange: exchange that reported the trade (string); None: IB sent no exchange.
            conditions: IB's special trade conditions, as sent (string); None: IB sent none.
            past_limit: the trade is past the limit-up or limit-down price (bool).
            unreported: the trade is not reported to the tape (odd lots, combos, derivatively priced) (bool).
        """
        return self.rows("trades", instruments, start, end, columns=columns, stream=stream)

    def quotes(
        self, instruments: Instruments | None = None, start: Moment | None = None, end: Moment | None = None, *,
        columns: Sequence[str] | None = None, stream: str | None = None,
    ) -> Answer:
        """Every change of the best bid and ask: tick-by-tick BidAsk, and historical bid/ask ticks. Rows are in order of
        time.

        Parameters:
            instruments: symbols ("AAPL") or contract ids (265598), one or several; None: all.
            start, end: rows from start on, before end: dates, whose midnight UTC is meant, or times that say their
                zone, "2026-11-20T09:30-05:00", as text, datetime.date or datetime.datetime; None is no bound.
            columns: only these columns, in this order; None: all.
            stream: only rows of this stream, as the column names it.

        Nothing is read before the answer is asked for a form: .pl(), .df(), .arrow(), .rows(), .batches(),
        .duckdb(). Warns of instruments of which nothing was recorded. Raises QueryError for a column, a stream or a
        time that is none, or a file that is damaged.

        Columns; times are UTC, None is a null:
            ts: the row's place in time: when it was received, or for backfilled rows IB's own event time
                (timestamp).
            seq: number of the received frame on its recorder's tape, from the first frame on, across restarts; for
                what did not arrive as a frame, the number of the last frame before it (int64).
            row: place of the row within its frame: 0 but for frames that carry several rows; rows that did not
                arrive as a frame count up from 1,000,000,000 after each frame (int32).
            recorder: name of the recorder whose tape holds the frame (string).
            instrument_id: IB's contract id (conId) (int64); None: the request named no contract id.
            symbol: IB's local symbol (AAPL, ESZ6, EUR.USD); of bonds the CUSIP (string); None: the request named
                none.
            stream: the subscription it came from: all_last, last, quotes, midpoints, ticks, depth, smart_depth,
                bars, live_bars, snapshot, history, reference; a word per kind of request, so that sampled and
                tick-by-tick data never mix unseen (string); None: the request is not on the tape.
            request_id: IB request id; new for every subscription within a session (int32).
            origin: live, delayed, frozen or delayed_frozen as IB says it; backfill for rows from IB's history
                (string).
            ts_event: IB's own time of the event; tick-by-tick times are whole seconds (timestamp); None: IB sent no
                time.
            bid_price: best bid (double; in instrument's price units); None: no bid: IB sent -1 or 0 without a size.
            ask_price: best ask (double; in instrument's price units); None: no ask: IB sent -1 or 0 without a size.
            bid_size: size at the best bid (double; in instrument's size units); None: IB sent no value.
            ask_size: size at the best ask (double; in instrument's size units); None: IB sent no value.
            bid_past_low: the bid is below the day's low limit (bool).
            ask_past_high: the ask is above the day's high limit (bool).
        """
        return self.rows("quotes", instruments, start, end, columns=columns, stream=stream)

    def midpoints(
        self, instruments: Instruments | None = None, start: Moment | None = None, end: Moment | None = None, *,
        columns: Sequence[str] | None = None, stream: str | None = None,
    ) -> Answer:
        """Every change of the midpoint: tick-by-tick MidPoint, and historical midpoint ticks. Rows are in order of
        time.

        Parameters:
            instruments: symbols ("AAPL") or contract ids (265598), one or several; None: all.
            start, end: rows from start on, before end: dates, whose midnight UTC is meant, or times that say their
                zone, "2026-11-20T09:30-05:00", as text, datetime.date or datetime.datetime; None is no bound.
            columns: only these columns, in this order; None: all.
            stream: only rows of this stream, as the column names it.

        Nothing is read before the answer is asked for a form: .pl(), .df(), .arrow(), .rows(), .batches(),
        .duckdb(). Warns of instruments of which nothing was recorded. Raises QueryError for a column, a stream or a
        time that is none, or a file that is damaged.

        Columns; times are UTC, None is a null:
            ts: the row's place in time: when it was received, or for backfilled rows IB's own event time
                (timestamp).
            seq: number of the received frame on its recorder's tape, from the first frame on, across restarts; for
                what did not arrive as a frame, the number of the last frame before it (int64).
            row: place of the row within its frame: 0 but for frames that carry several rows; rows that did not
                arrive as a frame count up from 1,000,000,000 after each frame (int32).
            recorder: name of the recorder whose tape holds the frame (string).
            instrument_id: IB's contract id (conId) (int64); None: the request named no contract id.
            symbol: IB's local symbol (AAPL, ESZ6, EUR.USD); of bonds the CUSIP (string); None: the request named
                none.
            stream: the subscription it came from: all_last, last, quotes, midpoints, ticks, depth, smart_depth,
                bars, live_bars, snapshot, history, reference; a word per kind of request, so that sampled and
                tick-by-tick data never mix unseen (string); None: the request is not on the tape.
            request_id: IB request id; new for every subscription within a session (int32).
            origin: live, delayed, frozen or delayed_frozen as IB says it; backfill for rows from IB's history
                (string).
            ts_event: IB's own time of the event; tick-by-tick times are whole seconds (timestamp); None: IB sent no
                time.
            price: midpoint of bid and ask (double; in instrument's price units); None: IB sent no value.
            size: size field of historical midpoint ticks, 0 in practice (double; in instrument's size units); None:
                the row is a live one, which carries none.
        """
        return self.rows("midpoints", instruments, start, end, columns=columns, stream=stream)

    def ticks(
        self, instruments: Instruments | None = None, start: Moment | None = None, end: Moment | None = None, *,
        columns: Sequence[str] | None = None, stream: str | None = None,
    ) -> Answer:
        """Level 1 as IB samples it (100 to 250 ms, FX 5 ms): every tick type by name, one row per message. Rows are in
        order of time.

        Parameters:
            instruments: symbols ("AAPL") or contract ids (265598), one or several; None: all.
            start, end: rows from start on, before end: dates, whose midnight UTC is meant, or times that say their
                zone, "2026-11-20T09:30-05:00", as text, datetime.date or datetime.datetime; None is no bound.
            columns: only these columns, in this order; None: all.
            stream: only rows of this stream, as the column names it.

        Nothing is read before the answer is asked for a form: .pl(), .df(), .arrow(), .rows(), .batches(),
        .duckdb(). Warns of instruments of which nothing was recorded. Raises QueryError for a column, a stream or a
        time that is none, or a file that is damaged.

        Columns; times are UTC, None is a null:
            ts: the row's place in time: when it was received, or for backfilled rows IB's own event time
                (timestamp).
            seq: number of the received frame on its recorder's tape, from the first frame on, across restarts; for
                what did not arrive as a frame, the number of the last frame before it (int64).
            row: place of the row within its frame: 0 but for frames that carry several rows; rows that did not
                arrive as a frame count up from 1,000,000,000 after each frame (int32).
            recorder: name of the recorder whose tape holds the frame (string).
            instrument_id: IB's contract id (conId) (int64); None: the request named no contract id.
            symbol: IB's local symbol (AAPL, ESZ6, EUR.USD); of bonds the CUSIP (string); None: the request named
                none.
            stream: the subscription it came from: all_last, last, quotes, midpoints, ticks, depth, smart_depth,
                bars, live_bars, snapshot, history, reference; a word per kind of request, so that sampled and
                tick-by-tick data never mix unseen (string); None: the request is not on the tape.
            request_id: IB request id; new for every subscription within a session (int32).
            origin: live, delayed, frozen or delayed_frozen as IB says it; backfill for rows from IB's history
                (string).
            tick_type: IB's tick type id (int32).
            tick_name: IB's name of the tick type (BID, ASK_SIZE, RT_VOLUME); tick_N for a number without a name
                (string).
            price: value of a price tick (double; in instrument's price units); None: not a price tick, or no value:
                -1, for bid, ask and last -1 or 0 without a size beside it.
            size: value of a size tick, or the size that came inside a price tick of bid, ask or last (double; in
                instrument's size units); None: neither.
            value: value of a generic tick (ratios, counts, flags; the tick name says which) (double; in by tick
                name); None: not a generic tick, or IB does not know whether trading halts.
            text: value of a string tick as sent; for EFP and news ticks their fields as a JSON object (string);
                None: not a string tick.
            can_auto_execute: price ticks: the quote can be hit automatically (bool); None: not a price tick.
            past_limit: price ticks: the price is past the limit-up or limit-down price (bool); None: not a price
                tick.
            pre_open: bid and ask ticks: before the open (bool); None: not a price tick.
        """
        return self.rows("ticks", instruments, start, end, columns=columns, stream=stream)

    def depth(
        self, instruments: Instruments | None = None, start: Moment | None = None, end: Moment | None = None, *,
        columns: Sequence[str] | None = None, stream: str | None = None,
    ) -> Answer:
        """Order book operations as sent, per side and position; books are rebuilt from them. Rows are in order of time.

        Parameters:
            instruments: symbols ("AAPL") or contract ids (265598), one or several; None: all.
            start, end: rows from start on, before end: dates, whose midnight UTC is meant, or times that say their
                zone, "2026-11-20T09:30-05:00", as text, datetime.date or datetime.datetime; None is no bound.
            columns: only these columns, in this order; None: all.
            stream: only rows of this stream, as the column names it.

        Nothing is read before the answer is asked for a form: .pl(), .df(), .arrow(), .rows(), .batches(),
        .duckdb(). Warns of instruments of which nothing was recorded. Raises QueryError for a column, a stream or a
        time that is none, or a file that is damaged.

        Columns; times are UTC, None is a null:
            ts: the row's place in time: when it was received, or for backfilled rows IB's own event time
                (timestamp).
            seq: number of the received frame on its recorder's tape, from the first frame on, across restarts; for
                what did not arrive as a frame, the number of the last frame before it (int64).
            row: place of the row within its frame: 0 but for frames that carry several rows; rows that did not
                arrive as a frame count up from 1,000,000,000 after each frame (int32).
            recorder: name of the recorder whose tape holds the frame (string).
            instrument_id: IB's contract id (conId) (int64); None: the request named no contract id.
            symbol: IB's local symbol (AAPL, ESZ6, EUR.USD); of bonds the CUSIP (string); None: the request named
                none.
            stream: the subscription it came from: all_last, last, quotes, midpoints, ticks, depth, smart_depth,
                bars, live_bars, snapshot, history, reference; a word per kind of request, so that sampled and
                tick-by-tick data never mix unseen (string); None: the request is not on the tape.
            request_id: IB request id; new for every subscription within a session (int32).
            origin: live, delayed, frozen or delayed_frozen as IB says it; backfill for rows from IB's history
                (string).
            position: row of the book, 0 is the best (int32); None: a reset.
            operation: insert, update or delete at that position; reset empties the book before what follows
                (string).
            side: bid or ask (string); None: a reset.
            price: price of the row; 0 on deletes (double; in instrument's price units); None: IB sent no value.
            size: size of the row; 0 on deletes (double; in instrument's size units); None: IB sent no value.
            market_maker: market maker, or on smart depth the exchange (string); None: the book names none.
            smart: the book is aggregated over exchanges (bool); None: the message does not say.
        """
        return self.rows("depth", instruments, start, end, columns=columns, stream=stream)

    def bars(
        self, instruments: Instruments | None = None, start: Moment | None = None, end: Moment | None = None, *,
        columns: Sequence[str] | None = None, stream: str | None = None,
    ) -> Answer:
        """Bars that IB made: 5-second real-time bars, historical bars, and updates of keep-up-to-date bars. Rows are in
        order of time.

        Parameters:
            instruments: symbols ("AAPL") or contract ids (265598), one or several; None: all.
            start, end: rows from start on, before end: dates, whose midnight UTC is meant, or times that say their
                zone, "2026-11-20T09:30-05:00", as text, datetime.date or datetime.datetime; None is no bound.
            columns: only these columns, in this order; None: all.
            stream: only rows of this stream, as the column names it.

        Nothing is read before the answer is asked for a form: .pl(), .df(), .arrow(), .rows(), .batches(),
        .duckdb(). Warns of instruments of which nothing was recorded. Raises QueryError for a column, a stream or a
        time that is none, or a file that is damaged.

        Columns; times are UTC, None is a null:
            ts: the row's place in time: when it was received, or for backfilled rows IB's own event time
                (timestamp).
            seq: number of the received frame on its recorder's tape, from the first frame on, across restarts; for
                what did not arrive as a frame, the number of the last frame before it (int64).
            row: place of the row within its frame: 0 but for frames that carry several rows; rows that did not
                arrive as a frame count up from 1,000,000,000 after each frame (int32).
            recorder: name of the recorder whose tape holds the frame (string).
            instrument_id: IB's contract id (conId) (int64); None: the request named no contract id.
            symbol: IB's local symbol (AAPL, ESZ6, EUR.USD); of bonds the CUSIP (string); None: the request named
                none.
            stream: the subscription it came from: all_last, last, quotes, midpoints, ticks, depth, smart_depth,
                bars, live_bars, snapshot, history, reference; a word per kind of request, so that sampled and
                tick-by-tick data never mix unseen (string); None: the request is not on the tape.
            request_id: IB request id; new for every subscription within a session (int32).
            origin: live, delayed, frozen or delayed_frozen as IB says it; backfill for rows from IB's history
                (string).
            ts_event: start of the bar; midnight UTC of the trading date for bars of a day and longer (timestamp);
                None: `bar_date` could not be read: its zone is not known, or it means two moments of a night in
                which clocks go back.
            bar_size: width as IB words it: 5 secs, 1 min, 1 day (string); None: the request is not on the tape.
            what: what the bar is made of: TRADES, MIDPOINT, BID, ASK, … (string); None: the request is not on the
                tape.
            regular_hours: made from regular trading hours only (bool); None: the request is not on the tape.
            form: closed: a finished 5-second bar; history: from IB's history; update: a bar still in the making, the
                last update of a ts_event is its final state (string).
            open: first price (BID_ASK bars: average bid) (double; in instrument's price units); None: IB sent no
                value.
            high: highest price (BID_ASK bars: highest ask) (double; in instrument's price units); None: IB sent no
                value.
            low: lowest price (BID_ASK bars: lowest bid) (double; in instrument's price units); None: IB sent no
                value.
            close: last price (BID_ASK bars: average ask) (double; in instrument's price units); None: IB sent no
                value.
            volume: traded volume (double; in instrument's size units); None: not made from trades (IB sends -1).
            wap: volume-weighted average price (double; in instrument's price units); None: not made from trades (IB
                sends -1).
            trade_count: number of trades (int32; in trades); None: not made from trades (IB sends -1).
            bar_date: the bar's date or time as IB wrote it (string); None: a real-time bar.
        """
        return self.rows("bars", instruments, start, end, columns=columns, stream=stream)

    def greeks(
        self, instruments: Instruments | None = None, start: Moment | None = None, end: Moment | None = None, *,
        columns: Sequence[str] | None = None, stream: str | None = None,
    ) -> Answer:
        """Option computations: implied volatility and greeks behind the bid, ask, last and model price. Rows are in
        order of time.

        Parameters:
            instruments: symbols ("AAPL") or contract ids (265598), one or several; None: all.
            start, end: rows from start on, before end: dates, whose midnight UTC is meant, or times that say their
                zone, "2026-11-20T09:30-05:00", as text, datetime.date or datetime.datetime; None is no bound.
            columns: only these columns, in this order; None: all.
            stream: only rows of this stream, as the column names it.

        Nothing is read before the answer is asked for a form: .pl(), .df(), .arrow(), .rows(), .batches(),
        .duckdb(). Warns of instruments of which nothing was recorded. Raises QueryError for a column, a stream or a
        time that is none, or a file that is damaged.

        Columns; times are UTC, None is a null:
            ts: the row's place in time: when it was received, or for backfilled rows IB's own event time
                (timestamp).
            seq: number of the received frame on its recorder's tape, from the first frame on, across restarts; for
                what did not arrive as a frame, the number of the last frame before it (int64).
            row: place of the row within its frame: 0 but for frames that carry several rows; rows that did not
                arrive as a frame count up from 1,000,000,000 after each frame (int32).
            recorder: name of the recorder whose tape holds the frame (string).
            instrument_id: IB's contract id (conId) (int64); None: the request named no contract id.
            symbol: IB's local symbol (AAPL, ESZ6, EUR.USD); of bonds the CUSIP (string); None: the request named
                none.
            stream: the subscription it came from: all_last, last, quotes, midpoints, ticks, depth, smart_depth,
                bars, live_bars, snapshot, history, reference; a word per kind of request, so that sampled and
                tick-by-tick data never mix unseen (string); None: the request is not on the tape.
            request_id: IB request id; new for every subscription within a session (int32).
            origin: live, delayed, frozen or delayed_frozen as IB says it; backfill for rows from IB's history
                (string).
            tick_type: IB's tick type id (int32).
            tick_name: IB's name of the tick type (BID_OPTION_COMPUTATION, MODEL_OPTION) (string).
            price_based: computed from prices rather than returns (bool); None: IB did not say.
            implied_volatility: implied volatility, annual (double; in ratio); None: not available (IB sends -1).
            delta: change of the option's price per unit of the underlying (double; in ratio); None: not available
                (IB sends -2).
            option_price: option price (double; in instrument's price units); None: not available (IB sends -1).
            dividend_value: present value of expected dividends (double; in instrument's price units); None: not
                available (IB sends -1).
            gamma: change of delta per unit of the underlying (double; in 1/price); None: not available (IB sends
                -2).
            vega: change of the price per point of volatility (double; in instrument's price units); None: not
                available (IB sends -2).
            theta: change of the price per day (double; in instrument's price units per day); None: not available (IB
                sends -2).
            underlying_price: underlying's price used (double; in instrument's price units); None: not available (IB
                sends -1).
        """
        return self.rows("greeks", instruments, start, end, columns=columns, stream=stream)
