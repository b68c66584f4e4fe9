"""Research functions as methods. Written by `make docs` from capture/functions; change it there."""

from abc import ABC, abstractmethod
from typing import Any

from .answer import Answer
from .arguments import Symbols, Width
from .selection import Moment


class Functions(ABC):
    """The research functions of a lake; docs/functions.md says what their columns mean.

    Times are dates, whose midnight UTC is meant, or say their zone; None is no bound. Widths are texts as SQL writes
    them ("5 minutes") or timedelta. Nothing is read before the answer is asked for a form: `.pl()`, `.df()`. Raises
    QueryError for a value that is none, or a file that is damaged.
    """

    @abstractmethod
    def call(self, name: str, *arguments: Any) -> Answer:
        """Return the rows of a function, by values of all its parameters in their order."""

    def trades_once(self, symbols: Symbols, start: Moment | None = None, end: Moment | None = None, *,
            with_unreported: bool = False, recorded_by: str | None = None) -> Answer:
        """Each trade once, in order of time. For each instrument and UTC date the rows of one recorder: the one that
        has most of them, and where `last` and `all_last` were recorded, those of `all_last`; without notices of
        halts. Rows that history restored are among them. `with_unreported`: also trades that are not reported to the
        tape, such as odd lots and combos. `recorded_by`: rows of this recorder only.

        Columns:
            ts: the row's place in time: when it was received, or for backfilled rows IB's own event time.
            seq: number of the received frame on its recorder's tape, from the first frame on, across restarts; for
                what did not arrive as a frame, the number of the last frame before it.
            row: place of the row within its frame: 0 but for frames that carry several rows; rows that did not
                arrive as a frame count up from 1,000,000,000 after each frame.
            recorder: name of the recorder whose tape holds the frame.
            instrument_id: IB's contract id (conId).
            symbol: IB's local symbol (AAPL, ESZ6, EUR.USD); of bonds the CUSIP.
            stream: the subscription it came from: all_last, last, quotes, midpoints, ticks, depth, smart_depth,
                bars, live_bars, snapshot, history, reference; a word per kind of request, so that sampled and
                tick-by-tick data never mix unseen.
            request_id: IB request id; new for every subscription within a session.
            origin: live, delayed, frozen or delayed_frozen as IB says it; backfill for rows from IB's history.
            ts_event: IB's own time of the event; tick-by-tick times are whole seconds.
            price: trade price.
            size: traded quantity.
            exchange: exchange that reported the trade.
            conditions: IB's special trade conditions, as sent.
            past_limit: the trade is past the limit-up or limit-down price.
            unreported: the trade is not reported to the tape (odd lots, combos, derivatively priced).
        """
        return self.call("trades_once", symbols, start, end, with_unreported, recorded_by)

    def quotes_once(self, symbols: Symbols, start: Moment | None = None, end: Moment | None = None, *,
            recorded_by: str | None = None) -> Answer:
        """Each quote once, in order of time. For each instrument and UTC date the rows of one recorder: the one that
        has most of them. Rows that history restored are among them. `recorded_by`: rows of this recorder only.

        Columns:
            ts: the row's place in time: when it was received, or for backfilled rows IB's own event time.
            seq: number of the received frame on its recorder's tape, from the first frame on, across restarts; for
                what did not arrive as a frame, the number of the last frame before it.
            row: place of the row within its frame: 0 but for frames that carry several rows; rows that did not
                arrive as a frame count up from 1,000,000,000 after each frame.
            recorder: name of the recorder whose tape holds the frame.
            instrument_id: IB's contract id (conId).
            symbol: IB's local symbol (AAPL, ESZ6, EUR.USD); of bonds the CUSIP.
            stream: the subscription it came from: all_last, last, quotes, midpoints, ticks, depth, smart_depth,
                bars, live_bars, snapshot, history, reference; a word per kind of request, so that sampled and
                tick-by-tick data never mix unseen.
            request_id: IB request id; new for every subscription within a session.
            origin: live, delayed, frozen or delayed_frozen as IB says it; backfill for rows from IB's history.
            ts_event: IB's own time of the event; tick-by-tick times are whole seconds.
            bid_price: best bid.
            ask_price: best ask.
            bid_size: size at the best bid.
            ask_size: size at the best ask.
            bid_past_low: the bid is below the day's low limit.
            ask_past_high: the ask is above the day's high limit.
        """
        return self.call("quotes_once", symbols, start, end, recorded_by)

    def midpoints_once(self, symbols: Symbols, start: Moment | None = None, end: Moment | None = None, *,
            recorded_by: str | None = None) -> Answer:
        """Each midpoint once, in order of time. For each instrument and UTC date the rows of one recorder: the one
        that has most of them. Rows that history restored are among them. `recorded_by`: rows of this recorder only.

        Columns:
            ts: the row's place in time: when it was received, or for backfilled rows IB's own event time.
            seq: number of the received frame on its recorder's tape, from the first frame on, across restarts; for
                what did not arrive as a frame, the number of the last frame before it.
            row: place of the row within its frame: 0 but for frames that carry several rows; rows that did not
                arrive as a frame count up from 1,000,000,000 after each frame.
            recorder: name of the recorder whose tape holds the frame.
            instrument_id: IB's contract id (conId).
            symbol: IB's local symbol (AAPL, ESZ6, EUR.USD); of bonds the CUSIP.
            stream: the subscription it came from: all_last, last, quotes, midpoints, ticks, depth, smart_depth,
                bars, live_bars, snapshot, history, reference; a word per kind of request, so that sampled and
                tick-by-tick data never mix unseen.
            request_id: IB request id; new for every subscription within a session.
            origin: live, delayed, frozen or delayed_frozen as IB says it; backfill for rows from IB's history.
            ts_event: IB's own time of the event; tick-by-tick times are whole seconds.
            price: midpoint of bid and ask.
            size: size field of historical midpoint ticks, 0 in practice.
        """
        return self.call("midpoints_once", symbols, start, end, recorded_by)

    def trades_with_quotes(self, symbols: Symbols, start: Moment | None = None, end: Moment | None = None, *,
            lookback: Width = "1 hour", by_event: bool = False, with_unreported: bool = False,
            recorded_by: str | None = None) -> Answer:
        """Each trade once, beside the quote that had arrived before it, with its spreads and its side: above the mid
        a buy, below it a sale, and at the mid or without a quote by the last change of the trade price (Lee and
        Ready). What came in one read has one `ts`: its order is that of the frames. `lookback`: how far before the
        range a quote may lie. `by_event`: match by IB's times, whole seconds, and within one of them by arrival: for
        where quotes or trades came late. `with_unreported`: also trades that are not reported to the tape, such as
        odd lots and combos. `recorded_by`: rows of this recorder only.

        Columns:
            symbol: IB's local symbol.
            instrument_id: IB's contract id.
            ts: when the trade was received.
            price: trade price.
            size: traded size.
            exchange: exchange that reported the trade.
            conditions: IB's special trade conditions.
            bid_price: best bid; this and what follows from it is null without a quote, or where it is stale.
            ask_price: best ask.
            bid_size: size at the best bid.
            ask_size: size at the best ask.
            mid: half way between bid and ask.
            spread: ask less bid.
            effective_spread: twice the distance of the price from the mid.
            side: who traded on his own initiative: buy or sell; null where nothing says it.
            side_by: what says it: quote, or tick for the last change of the price.
            quote_age_s: seconds since the quote was received, with `by_event` since it was made; a stale one's too.
            stale: quotes were missed between the quote and the trade.
            seq: number of the trade's frame on the tape.
            row: place of the trade in its frame.
            recorder: whose rows both are.
        """
        return self.call("trades_with_quotes", symbols, start, end, lookback, by_event, with_unreported, recorded_by)

    def last_state(self, symbols: Symbols, at: Moment, *, lookback: Width = "1 day",
            recorded_by: str | None = None) -> Answer:
        """The last tick-by-tick quote and trade of each instrument as of a moment, with their age. Unreported trades
        do not count. `at`: as of this moment, which counts. `lookback`: how old a row may be. `recorded_by`: rows of
        this recorder only.

        Columns:
            symbol: IB's local symbol.
            instrument_id: IB's contract id.
            bid_price: best bid.
            ask_price: best ask.
            bid_size: size at the best bid.
            ask_size: size at the best ask.
            quote_ts: when that quote was received; null where there is none.
            quote_age_s: seconds from then to the moment.
            quote_stale: quotes were missed since, so that this one may not have stood any more.
            price: trade price.
            size: traded size.
            trade_ts: when that trade was received; null where there is none.
            trade_age_s: seconds from then to the moment.
            trade_stale: trades were missed since.
        """
        return self.call("last_state", symbols, at, lookback, recorded_by)

    def time_bars(self, symbols: Symbols, width: Width, start: Moment | None = None, end: Moment | None = None,
            *, fill: bool = False, whole: bool = False, with_unreported: bool = False,
            recorded_by: str | None = None) -> Answer:
        """Bars of trades. A bar without trades is no row unless `fill` says so. `width`: how long a bar is; bars
        begin at multiples of it from a UTC midnight. `fill`: also bars without trades, from an instrument's first to
        its last: all prices are the close before, but null where time is missing. `whole`: only bars of which no
        time is missing: neither a gap, nor time before the recording began or since the recorder last heard
        anything. `with_unreported`: also trades that are not reported to the tape, such as odd lots and combos.
        `recorded_by`: rows of this recorder only.

        Columns:
            symbol: IB's local symbol.
            instrument_id: IB's contract id.
            ts: when the bar begins; it ends before the next begins.
            open: first price.
            high: highest price.
            low: lowest price.
            close: last price.
            volume: traded size.
            vwap: average price weighted by size; null where no trade had a size.
            trades: number of trades.
            gap_s: seconds of the bar, from the range's beginning on, that were not recorded and that history did not
                restore; 0 for a whole bar.
            recorder: whose rows they are; the first by name where several take turns.
        """
        return self.call("time_bars", symbols, width, start, end, fill, whole, with_unreported, recorded_by)

    def quote_bars(self, symbols: Symbols, width: Width, start: Moment | None = None, end: Moment | None = None,
            *, whole: bool = False, recorded_by: str | None = None) -> Answer:
        """Bars of best bid, best ask and their mid. Each price is that of the bar's own quotes: a bar without quotes
        is no row, and the quote that stood at its beginning is not in it. `width`: how long a bar is; bars begin at
        multiples of it from a UTC midnight. `whole`: only bars of which no time is missing: neither a gap, nor time
        before the recording began or since the recorder last heard anything. `recorded_by`: rows of this recorder
        only.

        Columns:
            symbol: IB's local symbol.
            instrument_id: IB's contract id.
            ts: when the bar begins; it ends before the next begins.
            bid_open: first bid.
            bid_high: highest bid.
            bid_low: lowest bid.
            bid_close: last bid.
            ask_open: first ask.
            ask_high: highest ask.
            ask_low: lowest ask.
            ask_close: last ask.
            mid_open: first mid, of quotes with both sides.
            mid_high: highest mid, of quotes with both sides.
            mid_low: lowest mid, of quotes with both sides.
            mid_close: last mid, of quotes with both sides.
            spread: average of ask less bid over the quotes that have both, each counted once.
            quotes: number of quotes.
            gap_s: seconds of the bar, from the range's beginning on, that were not recorded and that history did not
                restore; 0 for a whole bar.
            recorder: whose rows they are; the first by name where several take turns.
        """
        return self.call("quote_bars", symbols, width, start, end, whole, recorded_by)

    def midpoint_bars(self, symbols: Symbols, width: Width, start: Moment | None = None,
            end: Moment | None = None, *, whole: bool = False, recorded_by: str | None = None) -> Answer:
        """Bars of the midpoint stream. A bar in which the midpoint did not change is no row. `width`: how long a bar
        is; bars begin at multiples of it from a UTC midnight. `whole`: only bars of which no time is missing:
        neither a gap, nor time before the recording began or since the recorder last heard anything. `recorded_by`:
        rows of this recorder only.

        Columns:
            symbol: IB's local symbol.
            instrument_id: IB's contract id.
            ts: when the bar begins; it ends before the next begins.
            open: first price.
            high: highest price.
            low: lowest price.
            close: last price.
            changes: number of midpoints.
            gap_s: seconds of the bar, from the range's beginning on, that were not recorded and that history did not
                restore; 0 for a whole bar.
            recorder: whose rows they are; the first by name where several take turns.
        """
        return self.call("midpoint_bars", symbols, width, start, end, whole, recorded_by)

    def tick_bars(self, symbols: Symbols, per_bar: float, start: Moment | None = None, end: Moment | None = None,
            *, whole: bool = False, with_unreported: bool = False, recorded_by: str | None = None) -> Answer:
        """Bars of a fixed amount of trades, counted from the first trade of the range. A trade belongs whole to the
        bar in which it begins; the last bar of an instrument may hold less. `per_bar`: trades in a bar. `whole`:
        only bars of which no time is missing, and not the last one where it holds less. `with_unreported`: also
        trades that are not reported to the tape, such as odd lots and combos. `recorded_by`: rows of this recorder
        only.

        Columns:
            symbol: IB's local symbol.
            instrument_id: IB's contract id.
            ts: first trade of the bar.
            end_ts: last trade of the bar.
            open: first price.
            high: highest price.
            low: lowest price.
            close: last price.
            volume: traded size.
            vwap: average price weighted by size; null where no trade had a size.
            trades: number of trades.
            turnover: sum of price times size, without the contract's multiplier.
            gap_s: seconds that were missed between the bar before, or its first trade, and its last trade.
            recorder: whose rows they are; the first by name where several take turns.
        """
        return self.call("tick_bars", symbols, per_bar, start, end, whole, with_unreported, recorded_by)

    def volume_bars(self, symbols: Symbols, per_bar: float, start: Moment | None = None,
            end: Moment | None = None, *, whole: bool = False, with_unreported: bool = False,
            recorded_by: str | None = None) -> Answer:
        """Bars of a fixed amount of volume, counted from the first trade of the range. A trade belongs whole to the
        bar in which it begins; the last bar of an instrument may hold less. `per_bar`: traded size in a bar.
        `whole`: only bars of which no time is missing, and not the last one where it holds less. `with_unreported`:
        also trades that are not reported to the tape, such as odd lots and combos. `recorded_by`: rows of this
        recorder only.

        Columns:
            symbol: IB's local symbol.
            instrument_id: IB's contract id.
            ts: first trade of the bar.
            end_ts: last trade of the bar.
            open: first price.
            high: highest price.
            low: lowest price.
            close: last price.
            volume: traded size.
            vwap: average price weighted by size; null where no trade had a size.
            trades: number of trades.
            turnover: sum of price times size, without the contract's multiplier.
            gap_s: seconds that were missed between the bar before, or its first trade, and its last trade.
            recorder: whose rows they are; the first by name where several take turns.
        """
        return self.call("volume_bars", symbols, per_bar, start, end, whole, with_unreported, recorded_by)

    def dollar_bars(self, symbols: Symbols, per_bar: float, start: Moment | None = None,
            end: Moment | None = None, *, whole: bool = False, with_unreported: bool = False,
            recorded_by: str | None = None) -> Answer:
        """Bars of a fixed amount of turnover, counted from the first trade of the range. A trade belongs whole to
        the bar in which it begins; the last bar of an instrument may hold less. `per_bar`: price times size in a
        bar. `whole`: only bars of which no time is missing, and not the last one where it holds less.
        `with_unreported`: also trades that are not reported to the tape, such as odd lots and combos. `recorded_by`:
        rows of this recorder only.

        Columns:
            symbol: IB's local symbol.
            instrument_id: IB's contract id.
            ts: first trade of the bar.
            end_ts: last trade of the bar.
            open: first price.
            high: highest price.
            low: lowest price.
            close: last price.
            volume: traded size.
            vwap: average price weighted by size; null where no trade had a size.
            trades: number of trades.
            turnover: sum of price times size, without the contract's multiplier.
            gap_s: seconds that were missed between the bar before, or its first trade, and its last trade.
            recorder: whose rows they are; the first by name where several take turns.
        """
        return self.call("dollar_bars", symbols, per_bar, start, end, whole, with_unreported, recorded_by)

    def vwap(self, symbols: Symbols, start: Moment | None = None, end: Moment | None = None, *,
            width: Width | None = None, with_unreported: bool = False, recorded_by: str | None = None) -> Answer:
        """Average trade price weighted by size, of a range or of each width in it that has trades. `width`: one row
        per so much time, from a UTC midnight on; null for one row of all. `with_unreported`: also trades that are
        not reported to the tape, such as odd lots and combos. `recorded_by`: rows of this recorder only.

        Columns:
            symbol: IB's local symbol.
            instrument_id: IB's contract id.
            ts: when the span begins: of a width, of the range, or with neither the first trade.
            vwap: average price weighted by size; null where no trade had a size.
            volume: traded size.
            trades: number of trades.
            gap_s: seconds of the span that were not recorded and that history did not restore.
            recorder: whose rows they are; the first by name where several take turns.
        """
        return self.call("vwap", symbols, start, end, width, with_unreported, recorded_by)

    def twap(self, symbols: Symbols, start: Moment | None = None, end: Moment | None = None, *,
            width: Width | None = None, with_unreported: bool = False, recorded_by: str | None = None) -> Answer:
        """Average trade price weighted by time: each price counts until the next trade, the last one until the
        width, the range or, without an end, the trading ends. Time before the first trade of the range does not
        count; time in which trades were missed counts with the price before. `width`: one row per so much time, from
        a UTC midnight on; null for one row of all. `with_unreported`: also trades that are not reported to the tape,
        such as odd lots and combos. `recorded_by`: rows of this recorder only.

        Columns:
            symbol: IB's local symbol.
            instrument_id: IB's contract id.
            ts: when the span begins: of a width, of the range, or with neither the first trade.
            twap: average price weighted by time.
            held_s: seconds that have a price.
            trades: number of trades.
            gap_s: seconds of the span that were not recorded and that history did not restore.
            recorder: whose rows they are; the first by name where several take turns.
        """
        return self.call("twap", symbols, start, end, width, with_unreported, recorded_by)

    def realized_volatility(self, symbols: Symbols, width: Width, start: Moment | None = None,
            end: Moment | None = None, *, per: Width = "1 day", bars_per_year: float | None = None,
            whole: bool = False, with_unreported: bool = False, recorded_by: str | None = None) -> Answer:
        """Sum of squared log returns between the closes of bars, per day or another span. A span's first return is
        from the open of its first bar, so that no night is in it; a bar without trades would add nothing. Prices of
        0 and less have no log return and are left out. `width`: how long a bar is. `per`: how long a span is.
        `bars_per_year`: how many such bars a year of trading has, for annual_volatility: 98280 minutes of 252 days
        of 6.5 hours. `whole`: only bars of which no time is missing: neither a gap, nor time before the recording
        began or since the recorder last heard anything. `with_unreported`: also trades that are not reported to the
        tape, such as odd lots and combos. `recorded_by`: rows of this recorder only.

        Columns:
            symbol: IB's local symbol.
            instrument_id: IB's contract id.
            ts: when the span begins.
            bars: bars with trades, each a return.
            variance: sum of squared log returns.
            volatility: its square root: of the span, not annual.
            annual_volatility: square root of the average squared return times bars_per_year; null without it.
            gap_s: seconds of these bars that were not recorded and that history did not restore.
            recorder: whose rows they are; the first by name where several take turns.
        """
        return self.call("realized_volatility", symbols, width, start, end, per, bars_per_year, whole,
            with_unreported, recorded_by)

    def trading_sessions(self, symbols: Symbols, start: Moment | None = None,
            end: Moment | None = None) -> Answer:
        """When instruments trade, from the contract details that IB sent; of each date the newest details count.

        Columns:
            symbol: IB's local symbol.
            instrument_id: IB's contract id.
            session_date: the trading date: the local date on which the session ends, so that the evening of a future
                belongs to the next date.
            kind: trading: whenever it trades; liquid: the regular session.
            from_ts: when the session begins.
            to_ts: when it ends.
            local_from: its beginning in local time.
            local_to: its end in local time.
            time_zone: the zone of local times.
        """
        return self.call("trading_sessions", symbols, start, end)

    def session_trades(self, symbols: Symbols, start: Moment | None = None, end: Moment | None = None, *,
            with_unreported: bool = False, recorded_by: str | None = None) -> Answer:
        """Each trade once, with exchange-local time and trading date. A trade within an hour after a session belongs
        to it; one at other times, or of days whose hours are not known, to its local calendar date.
        `with_unreported`: also trades that are not reported to the tape, such as odd lots and combos. `recorded_by`:
        rows of this recorder only.

        Columns:
            symbol: IB's local symbol.
            instrument_id: IB's contract id.
            ts: when the trade was received.
            local_ts: the same in local time; null where IB's details name no zone that is known.
            session_date: the trading date: the local date on which the session ends, so that the evening of a future
                belongs to the next date.
            in_session: within trading hours.
            in_liquid_hours: within the regular session.
            price: trade price.
            size: traded size.
            exchange: exchange that reported the trade.
            conditions: IB's special trade conditions.
            seq: number of its frame on the tape.
            row: place in its frame.
            recorder: whose rows they are; the first by name where several take turns.
        """
        return self.call("session_trades", symbols, start, end, with_unreported, recorded_by)

    def session_bars(self, symbols: Symbols, start: Moment | None = None, end: Moment | None = None, *,
            liquid_only: bool = False, with_unreported: bool = False, recorded_by: str | None = None) -> Answer:
        """Bars by trading date: the daily bars of an instrument, whatever the zone of its exchange. `liquid_only`:
        only trades in regular hours. `with_unreported`: also trades that are not reported to the tape, such as odd
        lots and combos. `recorded_by`: rows of this recorder only.

        Columns:
            symbol: IB's local symbol.
            instrument_id: IB's contract id.
            session_date: the trading date: the local date on which the session ends, so that the evening of a future
                belongs to the next date.
            ts: first trade.
            end_ts: last trade.
            open: first price.
            high: highest price.
            low: lowest price.
            close: last price.
            volume: traded size.
            vwap: average price weighted by size; null where no trade had a size.
            trades: number of trades.
            gap_s: seconds of the bar, from the range's beginning on, that were not recorded and that history did not
                restore; 0 for a whole bar.
            recorder: whose rows they are; the first by name where several take turns.
        """
        return self.call("session_bars", symbols, start, end, liquid_only, with_unreported, recorded_by)

    def missing_time(self, symbols: Symbols, start: Moment | None = None, end: Moment | None = None, *,
            recorded_by: str | None = None) -> Answer:
        """When trades, quotes and midpoints were not recorded and history did not restore them, of the recorder
        whose rows the other functions take: gaps, the time from `start` to the first request for them, that after
        they were cancelled, and that since the recorder last heard anything. Spans that touch are one. It is time of
        the clock: a recorder that is stopped for a night misses the night. `recorded_by`: rows of this recorder
        only.

        Columns:
            symbol: IB's local symbol.
            instrument_id: IB's contract id.
            missing: what is missing: trades, quotes or midpoints.
            from_ts: from this moment on.
            to_ts: up to this moment, at most to now.
            gap_s: how long that is, in seconds.
        """
        return self.call("missing_time", symbols, start, end, recorded_by)

    def book(self, symbols: Symbols, at: Moment, *, levels: float = 128, of_stream: str | None = None,
            recorded_by: str | None = None) -> Answer:
        """The order books of instruments as of a moment: one row per level, bids first. A book that cannot be
        trusted is one row without levels: after a gap it stays so until it is requested anew, or IB resets it. What
        IB says of positions is taken at its word: a level of which nothing is known is no row. A side has at most
        the rows that were asked for. `at`: as of this moment, which counts. `levels`: how many levels of each side.
        `of_stream`: depth or smart_depth only. `recorded_by`: rows of this recorder only.

        Columns:
            ts: the moment.
            symbol: IB's local symbol.
            instrument_id: IB's contract id.
            recorder: whose tape it comes from.
            stream: depth or smart_depth.
            request_id: the request it came by; null where none had been sent.
            valid: whether the book can be trusted.
            reason: why not; null where it can.
            updated_ts: when the book last changed.
            side: bid or ask; null without levels.
            position: 0 is the best.
            price: price of the level.
            size: size of the level.
            market_maker: market maker, or on smart depth the exchange; null where the book names none.
        """
        return self.call("book", symbols, at, levels, of_stream, recorded_by)

    def level1(self, symbols: Symbols, start: Moment | None = None, end: Moment | None = None, *,
            recorded_by: str | None = None) -> Answer:
        """Level 1 after each tick. What ticks have said since the request, or since the last gap: what was known
        before either does not count, and what was said before the range does. Delayed ticks fill the same columns.
        `recorded_by`: rows of this recorder only.

        Columns:
            symbol: IB's local symbol.
            instrument_id: IB's contract id.
            ts: when the tick was received.
            tick_name: the tick that came.
            bid_price: best bid; null where IB says that there is none, or has said nothing of it yet.
            ask_price: best ask; null where IB says that there is none, or has said nothing of it yet.
            bid_size: size at the best bid; null where IB says that there is none, or has said nothing of it yet.
            ask_size: size at the best ask; null where IB says that there is none, or has said nothing of it yet.
            last_price: price of the last trade; null where IB says that there is none, or has said nothing of it
                yet.
            last_size: size of the last trade; null where IB says that there is none, or has said nothing of it yet.
            volume: the day's volume; null where IB says that there is none, or has said nothing of it yet.
            open: the day's first price; null where IB says that there is none, or has said nothing of it yet.
            high: the day's highest price; null where IB says that there is none, or has said nothing of it yet.
            low: the day's lowest price; null where IB says that there is none, or has said nothing of it yet.
            close: the close of the day before; null where IB says that there is none, or has said nothing of it yet.
            mark_price: IB's mark price; null where IB says that there is none, or has said nothing of it yet.
            halted: 0 trading, above that halted; null where IB says that there is none, or has said nothing of it
                yet.
            origin: live, delayed, frozen or delayed_frozen: what IB says of the tick.
            request_id: request it came by.
            seq: number of the tick's frame on the tape.
            row: place in its frame.
            recorder: whose tick it is.
        """
        return self.call("level1", symbols, start, end, recorded_by)

    def level1_at(self, symbols: Symbols, at: Moment, *, recorded_by: str | None = None) -> Answer:
        """Level 1 as of a moment, one row per instrument and recorder; none where no tick has come since the
        request. What ticks have said since the request, or since the last gap: what was known before either does not
        count, and what was said before the range does. Delayed ticks fill the same columns. `at`: as of this moment,
        which counts. `recorded_by`: rows of this recorder only.

        Columns:
            symbol: IB's local symbol.
            instrument_id: IB's contract id.
            updated_ts: when the last tick was received.
            age_s: seconds from then to the moment.
            stale: ticks were missed since, or are being missed.
            bid_price: best bid; null where IB says that there is none, or has said nothing of it yet.
            ask_price: best ask; null where IB says that there is none, or has said nothing of it yet.
            bid_size: size at the best bid; null where IB says that there is none, or has said nothing of it yet.
            ask_size: size at the best ask; null where IB says that there is none, or has said nothing of it yet.
            last_price: price of the last trade; null where IB says that there is none, or has said nothing of it
                yet.
            last_size: size of the last trade; null where IB says that there is none, or has said nothing of it yet.
            volume: the day's volume; null where IB says that there is none, or has said nothing of it yet.
            open: the day's first price; null where IB says that there is none, or has said nothing of it yet.
            high: the day's highest price; null where IB says that there is none, or has said nothing of it yet.
            low: the day's lowest price; null where IB says that there is none, or has said nothing of it yet.
            close: the close of the day before; null where IB says that there is none, or has said nothing of it yet.
            mark_price: IB's mark price; null where IB says that there is none, or has said nothing of it yet.
            halted: 0 trading, above that halted; null where IB says that there is none, or has said nothing of it
                yet.
            origin: live, delayed, frozen or delayed_frozen: what IB says of the last tick.
            request_id: request it came by.
            recorder: whose ticks they are.
        """
        return self.call("level1_at", symbols, at, recorded_by)

    def fills(self, start: Moment | None = None, end: Moment | None = None, *, symbols: Symbols | None = None,
            accounts: Symbols | None = None, with_busted: bool = False) -> Answer:
        """Executions as they stand, each once however often it came: the last correction of each, without those that
        were taken back, with its commission. Of a combination there is a row of the whole (`combo` is bag) and one
        of each leg: sums count the one or the others. `accounts`: of these accounts only. `with_busted`: also
        executions that were taken back: their shares are 0.

        Columns:
            account: IB's account name.
            model_code: model within the account; null for none.
            filled_ts: when it was filled: IB's time; where that cannot be read, when it was first received.
            ts_event: IB's time, a whole second; null where it cannot be read.
            ts: when it was first received.
            instrument_id: IB's contract id (conId).
            symbol: IB's local symbol.
            ib_symbol: IB's symbol: the root of futures and options.
            security_type: IB's security type; BAG of a combination as a whole.
            side: BOT or SLD.
            shares: quantity of this fill.
            quantity: quantity, below 0 sold.
            price: price of this fill.
            currency: currency of its money: GBP also where the price is in pence.
            unit_value: what a price of 1 is worth; null where nobody knows.
            value: quantity × price × unit_value: what was paid for it, below 0 received; fees left out.
            commission: commission, below 0 a rebate; null until it is reported.
            commission_currency: currency of the commission.
            realized: profit that IB says it realized; null where it closed nothing, or until that is reported.
            combo: bag: a combination as a whole; leg: of one; null for neither.
            execution_id: IB's id of the execution, or of its last correction.
            execution_family: the id without its last part, which counts corrections.
            corrected: it replaces what was told before.
            permanent_id: IB's id of the order for good.
            order_id: the client's id of the order.
            client_id: client that placed the order.
            order_reference: the client's reference.
            execution_exchange: where it was filled.
            last_liquidity: 1 added, 2 removed, 3 routed out.
            liquidation: 1: IB liquidated the position.
            pending_price_revision: the price may be revised later.
            recorder: whose tape it comes from.
            seq: number of its frame on that tape.
            row: place in its frame.
        """
        return self.call("fills", start, end, symbols, accounts, with_busted)

    def statement_fills(self, start: Moment | None = None, end: Moment | None = None, *,
            symbols: Symbols | None = None, accounts: Symbols | None = None) -> Answer:
        """Trades of IB's statements as they stand, each once: without bookings that were cancelled, nor the
        cancelling ones, and without automatic conversions of currencies. A booking that cancels one which no
        statement has stays, as its opposite. `accounts`: of these accounts only.

        Columns:
            account: IB's account name.
            model_code: model within the account; null for none.
            filled_ts: when it was filled, by IB; midnight UTC of its date where no time of day is known.
            dated_by: what says when: time, date, report_date, statement.
            instrument_id: IB's contract id (conId).
            symbol: IB's local symbol.
            security_type: IB's asset category.
            underlying_symbol: symbol of the underlying.
            quantity: quantity, below 0 sold.
            price: price.
            currency: currency of its money.
            proceeds: what it brought, below 0 paid; fees left out.
            taxes: taxes, below 0 paid.
            commission: commission as IB sends it, below 0 paid; with what cancelled bookings of the trade cost or
                gave back.
            commission_currency: currency of the commission.
            realized: profit that IB says it realized.
            trade_id: IB's id of the trade.
            transaction_id: IB's id of the booking that stands.
            execution_id: IB's id of the execution.
            notes: IB's codes.
            statement: SHA-256 of the statement.
        """
        return self.call("statement_fills", start, end, symbols, accounts)

    def statement_money(self, start: Moment | None = None, end: Moment | None = None, *,
            accounts: Symbols | None = None) -> Answer:
        """What moved cash beside trades in securities, by IB's statements: dividends, taxes, interest, fees,
        deposits, transfers, and both sides of conversions of currencies, automatic ones too. Signs are IB's: below 0
        paid. `accounts`: of these accounts only.

        Columns:
            account: IB's account name.
            ts: when, by IB; midnight UTC of its date where no time of day is known.
            dated_by: what says when: time, date, report_date, statement.
            currency: currency of the amount.
            amount: amount, below 0 paid.
            kind: IB's type of a cash transaction, or conversion, automatic conversion, conversion fee, transfer,
                corporate action.
            symbol: symbol in the statement.
            description: what IB calls it.
            notes: IB's codes.
        """
        return self.call("statement_money", start, end, accounts)

    def statement_splits(self, *, accounts: Symbols | None = None) -> Answer:
        """Splits by IB's statements, each once: the rows of one action are joined by its id, and the ratio follows
        from quantities. Trades stay as they were traded. `accounts`: of these accounts only.

        Columns:
            account: IB's account name.
            action_id: IB's id of the action.
            ts: when it took place.
            type: RS reverse split, FS forward split.
            old_instrument_id: contract id before; the same where it stays.
            old_symbol: symbol before.
            instrument_id: contract id after.
            symbol: symbol after.
            quantity_before: what was held before; of a forward split by IB's positions of an earlier day, else by
                trades and actions; null where neither says it.
            quantity_after: what was held after.
            ratio: quantity after for one before: 0.1 of a split 1 for 10.
        """
        return self.call("statement_splits", accounts)

    def statement_holdings(self, at: Moment, *, accounts: Symbols | None = None) -> Answer:
        """Positions by IB's statements: the sum of trades, corporate actions and transfers up to a moment, and IB's
        own count of the last day that has one. They differ where statements do not reach back to the beginning.
        `at`: as of this moment, which counts. `accounts`: of these accounts only.

        Columns:
            account: IB's account name.
            instrument_id: IB's contract id (conId).
            symbol: symbol in the statement.
            quantity: sum of what statements moved, below 0 short.
            ib_quantity: IB's own count; null where no statement has positions.
            said_ts: of which day IB's count is.
        """
        return self.call("statement_holdings", at, accounts)

    def statement_profits(self, start: Moment | None = None, end: Moment | None = None, *,
            accounts: Symbols | None = None) -> Answer:
        """Profit by underlying, of a time, by IB's statements: by cash alone, so that premiums of assigned options
        count once; beside it the sum of what IB says was realized. `accounts`: of these accounts only.

        Columns:
            account: IB's account name.
            underlying_id: contract id of the underlying.
            underlying: its symbol.
            currency: currency of the money.
            bookings: how many bookings there are.
            cash: what they brought with taxes and commissions of the same currency, below 0 paid.
            is_open: a position is left of what was traded in this time.
            profit: the cash, where no position is left; null else.
            realized: sum of what IB says was realized.
            other_fees: how many bookings have a commission in another currency: these are in no sum.
        """
        return self.call("statement_profits", start, end, accounts)

    def fills_with_statement(self, start: Moment | None = None, end: Moment | None = None, *,
            symbols: Symbols | None = None, accounts: Symbols | None = None) -> Answer:
        """Fills, each once: as IB's statements have them where they do, and as executions told of them where no
        statement has them yet, as today. Both are joined by the execution's id; what statements say was cancelled is
        not there. `accounts`: of these accounts only.

        Columns:
            account: IB's account name.
            model_code: model within the account; null for none.
            filled_ts: when it was filled, by IB.
            instrument_id: IB's contract id (conId).
            symbol: IB's local symbol where executions told of it, else that of statements.
            security_type: IB's security type; BAG of a combination as a whole.
            quantity: quantity, below 0 sold.
            price: price.
            currency: currency of its money.
            value: what was paid for it, below 0 received; fees left out.
            commission: commission, below 0 a rebate; null until it is known.
            commission_currency: currency of the commission.
            realized: profit that IB says it realized.
            combo: bag: a combination as a whole; leg: of one; null for neither, or where executions did not tell.
            execution_id: IB's id of the execution; null for what was none, such as an assignment.
            permanent_id: IB's id of the order for good; null where executions did not tell.
            trade_id: IB's id of the trade in statements; null where none has it.
            notes: IB's codes.
            source: socket: executions alone tell of it; statement: a statement alone; both: both, and the
                statement's values count.
        """
        return self.call("fills_with_statement", start, end, symbols, accounts)

    def positions_at(self, at: Moment, *, accounts: Symbols | None = None) -> Answer:
        """What accounts hold as of a moment by what IB said last: of positions asked for, and of account updates. A
        position that the end of a later answer showed to be gone is 0. An account without any is one row without an
        instrument: `empty` where IB said that this is all, `unknown` where it has not answered. `at`: as of this
        moment, which counts. `accounts`: of these accounts only.

        Columns:
            account: IB's account name.
            model_code: model within the account; null for none.
            instrument_id: IB's contract id (conId); null in the row of an account without positions.
            symbol: IB's local symbol.
            ib_symbol: IB's symbol: the root of futures and options.
            security_type: IB's security type.
            last_trade_date: last trading date or contract month, as sent.
            strike: strike price.
            right: C or P.
            multiplier: contract multiplier, as sent.
            currency: currency of the price.
            trading_class: trading class.
            position: quantity held, below 0 short; null where it is not known, 0 where it is known that none is.
            average_cost: IB's cost of one share or contract, with commission, multiplier in it; null where none is
                held.
            market_price: IB's mark, of account updates; null where they were not asked for.
            market_value: position at that mark.
            unrealized: unrealized profit at that mark.
            realized: profit realized on the day of that mark.
            marked_ts: when IB sent that mark.
            state: known; stale: IB said so, and since then the line, the request or its recorder was lost; of an
                account without positions: empty, or unknown.
            complete: an answer of IB that lists all positions of the account has ended, and its request lives.
            said_ts: when IB said it: the row, or the end of the answer that no longer listed it.
            age_s: seconds from then to the moment.
            mark_age_s: seconds from the mark to the moment.
            source: positions or portfolio: the table that it is of.
            recorder: whose tape it comes from.
            expired_ts: when its last trade was: it has expired, and is not yet removed where its position is not 0;
                null for what has not expired, or never does.
        """
        return self.call("positions_at", at, accounts)

    def account_at(self, at: Moment, *, accounts: Symbols | None = None, lookback: Width = "8 days") -> Answer:
        """The values of accounts as of a moment, each as it was sent last: by account, model, tag, segment and
        currency. What IB sends while it resets an account (AccountReady false) does not count. `at`: as of this
        moment, which counts. `accounts`: of these accounts only. `lookback`: how old a value may be.

        Columns:
            account: IB's account name.
            model_code: model within the account; null for none.
            tag: IB's word without its segment, such as NetLiquidation.
            segment: S securities, C commodities, P crypto; null for the total, or a value without segments.
            currency: currency of the value, BASE for the sum in base currency; null of texts.
            value: the value as sent.
            number: the value as a number; null where it is none.
            state: known; stale: IB said so, and since then the line, the request or its recorder was lost.
            said_ts: when it was sent.
            age_s: seconds from then to the moment.
            key: IB's key as sent.
            recorder: whose tape it comes from.
        """
        return self.call("account_at", at, accounts, lookback)

    def order_lives(self, start: Moment | None = None, end: Moment | None = None, *,
            symbols: Symbols | None = None, accounts: Symbols | None = None) -> Answer:
        """Orders as they stand before `end`, with their lives: a row each, of those of which anything came from
        `start` on. What IB said before it gave an order its id for good counts to it; an order of which only
        executions came is a row too. Fills are counted by executions, of a combination by those of the whole.
        `accounts`: of these accounts only.

        Columns:
            account: IB's account name.
            model_code: model within the account; null for none.
            permanent_id: IB's id of the order for good; null until IB gives it one.
            client_id: client that placed it.
            order_id: the client's id of it; null of those made by hand, and of which only the end was told.
            order_reference: the client's reference.
            instrument_id: IB's contract id (conId).
            symbol: IB's local symbol.
            security_type: IB's security type.
            currency: currency of the price.
            action: BUY or SELL.
            total_quantity: quantity ordered; null where IB does not say it.
            order_type: IB's order type.
            limit_price: limit.
            auxiliary_price: stop price, trailing amount or offset.
            time_in_force: DAY, GTC, ….
            status: IB's last status; null where only executions came.
            state: open; done: by its last status; gone: IB's last answer no longer lists it, and nothing says how it
                ended; stale: the line was lost since; executed: only executions of it came.
            filled: quantity filled, by executions.
            filled_reported: quantity filled as IB's status said last.
            remaining: quantity that is not filled, as IB's status said last, or as follows from how it ended.
            average_price: average price of the executions.
            fills: number of executions.
            commission: what all fills cost; null until all are reported.
            fees_missing: number of fills whose commission is not reported.
            why_held: why it is held.
            reject_reason: why IB rejects it.
            completed_status: how it ended, in words of IB's.
            seen_ts: when it was first seen.
            uncertain_s: how many seconds sooner it may have been submitted: 0 where it was pushed, the time since
                the answer before where it was first seen in an answer; null where it may have been there for long,
                and times from its submission are null too.
            submitted_ts: when it was submitted.
            acknowledged_ts: when IB had accepted it.
            first_fill_ts: when it was first filled.
            last_fill_ts: when it was last filled.
            ended_ts: when it ended: by IB, or when that came.
            acknowledge_s: seconds from submission to acceptance.
            first_fill_s: seconds from submission to the first fill.
            modifications: how often its quantity, prices, type or times changed.
            last_ts: when IB said something of it last.
        """
        return self.call("order_lives", start, end, symbols, accounts)

    def ledger(self, start: Moment | None = None, end: Moment | None = None, *, symbols: Symbols | None = None,
            accounts: Symbols | None = None, method: str = "average") -> Answer:
        """What is held of each instrument of each account after every fill, what it cost, and what was won. What was
        held before the first fill that is known is a row of its own, `opening`, of which the cost is not known:
        until it is sold, neither is the cost of what is held, nor what was won by it. Commissions belong to the
        cost; one that is not reported, or in another currency, counts as 0 and is counted in `fees_missing`.
        Combinations count by their legs. `accounts`: of these accounts only. `method`: average: by average cost, as
        IB does; fifo: first in, first out.

        Columns:
            account: IB's account name.
            instrument_id: IB's contract id (conId).
            symbol: IB's local symbol.
            number: 1, 2, … in the order in which they count, for each instrument of an account.
            filled_ts: when it was filled; of an opening, at the latest when the next is.
            kind: fill or opening.
            quantity: what it moved, below 0 sold.
            price: price of the fill; null of an opening.
            currency: currency of all money but the commission.
            commission: commission; null until it is reported.
            commission_currency: its currency.
            position: what is held after it, below 0 short.
            cost: what that cost, commissions in it, below 0 received; null while it is not known.
            average_cost: cost of one unit of position, multiplier in it; null where none is held.
            realized: what it won by closing, commissions taken off; null where it closed nothing, or the cost is not
                known.
            realized_total: sum of it so far, over what is known.
            unrealized: what would be won at the price of this fill; null where the cost is not known.
            fees: sum of commissions so far.
            fees_missing: fills so far of which that sum lacks the commission.
            realized_reported: what IB says that it realized.
            execution_id: IB's id of the execution.
            permanent_id: IB's id of the order for good.
            order_reference: the client's reference.
            ts: when it was first received; of an opening, when IB said what is held.
        """
        return self.call("ledger", start, end, symbols, accounts, method)

    def pnl_between(self, start: Moment | None = None, end: Moment | None = None, *,
            symbols: Symbols | None = None, accounts: Symbols | None = None,
            lookback: Width = "4 days") -> Answer:
        """What was won between two moments, for each instrument of each account: what is held is worth at the end,
        less what it was worth at the start, less what was paid for what was traded, less commissions. What IB says
        of its own day stands beside it, also of the account as a whole in a row without an instrument. Prices are
        the newest there are before each moment: the middle of a quote, a trade, a mark of level 1, or of the
        portfolio. `accounts`: of these accounts only. `lookback`: how old a price may be.

        Columns:
            account: IB's account name.
            instrument_id: IB's contract id (conId); null in the row of the account.
            symbol: IB's local symbol.
            currency: currency of its money.
            position_start: what was held at the start.
            price_start: price then; null where none is known.
            value_start: worth then; 0 where nothing was held.
            position_end: what is held at the end.
            price_end: price then.
            value_end: worth then.
            fills: number of fills between.
            traded: what was paid for them, below 0 received; fees left out.
            fees: commissions between.
            fees_missing: fills whose commission that lacks: not reported, or in another currency.
            profit: what was won; null where a price is not known of something held.
            realized: what closing fills between won, by average cost; null where none did, or the cost is not known.
            start_mark_ts: when the price at the start was received.
            start_mark_source: mid, last, mark or portfolio.
            end_mark_ts: when that at the end was.
            end_mark_source: the same of the end.
            daily_reported: profit of IB's day, as IB said last before the end, in base currency.
            realized_reported: what was realized in IB's day.
            unrealized_reported: unrealized profit by IB.
            reported_ts: when IB said so.
        """
        return self.call("pnl_between", start, end, symbols, accounts, lookback)

    def worth_change(self, at: Moment, *, accounts: Symbols | None = None) -> Answer:
        """By how much what an account is worth changed in a day up to a moment, and what of it nothing explains: the
        change, less what its positions won, what its balances gained by rates of exchange, and what accrued. Money
        of positions comes from the one valuation that all else uses: a unit that it has wrong shows here. `at`: as
        of this moment, which counts. `accounts`: of these accounts only.

        Columns:
            account: IB's account name.
            from_ts: when IB said what it was worth a day before; at most four days older.
            to_ts: when it said what it is worth.
            currency: base currency, of all money.
            worth_start: net liquidation a day before.
            worth_end: net liquidation at the moment.
            change: the one less the other.
            profit: what positions won by recorded prices, commissions taken off: see pnl_between.
            currency_gain: what the balances of a day before gained by rates of exchange.
            accrued: change of accrued interest and dividends.
            cash_moved: by how much cash changed beyond fills, gains of futures and rates of exchange: deposits,
                withdrawals, dividends, interest, fees, taxes; null where a price is not known.
            unpriced: instruments whose profit is not known: a price, a unit or a rate is missing.
            unexplained: change less profit, currency_gain and accrued: of cash that moved, this amount; null where a
                price is not known.
            tolerance: up to which that is nothing: 1, and 1% of what was held and traded.
        """
        return self.call("worth_change", at, accounts)

    def definition_changes(self, start: Moment | None = None, end: Moment | None = None, *,
            accounts: Symbols | None = None) -> Answer:
        """What changed in the definitions of what accounts hold: IB keeps the contract id of an option or a future
        that it adjusts, and gives it another multiplier, root or underlying. Each attribute holds from one change to
        the next. `accounts`: of these accounts only.

        Columns:
            account: IB's account name.
            instrument_id: IB's contract id (conId).
            symbol: IB's local symbol.
            attribute: which: a column of `instruments`.
            before: what it was.
            after: what it is since.
            ts: when IB first said so.
            source: the table that says so first: positions, portfolio or instruments.
        """
        return self.call("definition_changes", start, end, accounts)

    def account_differences(self, at: Moment, *, accounts: Symbols | None = None) -> Answer:
        """Where IB and the fills do not agree as of a moment: positions, average costs, what was realized, and
        whether what an account is worth is the sum of its parts, and changed in a day by no more than is explained.
        Also what is held that expired, or was defined anew. Nothing is corrected by it. Only what IB's word is known
        of is compared. A difference of a position that IB's statements explain, since the fills began, is named by
        them. `at`: as of this moment, which counts. `accounts`: of these accounts only.

        Columns:
            account: IB's account name.
            instrument_id: IB's contract id (conId); null where it is about the account.
            symbol: IB's local symbol.
            kind: position, average_cost, realized; of the account net_liquidation (the sum of its parts), segments,
                cash (balances by currency at their rates), worth_change (a day's, against what explains it: the
                function of that name), and clock (difference: seconds that live fills are told off); of what is held
                expired (its last day is over), and definition (an attribute of it changed within 3 days).
            ib: what IB says; of a definition what it is now, null where that is no number.
            ours: what follows from fills, or from the parts; null where it is not known.
            difference: the one less the other.
            why: lag: within 10 s after a fill, or of values within 1 s; missed fill: orders were filled more than
                there are executions, or executions were missed; corporate action: another quantity of the same cost,
                or another definition; time zone: off by quarters of an hour; expired: IB took out what expired;
                expired, not yet removed, and after 2 business days expired, not removed in time; cash moved: as much
                cash came or went otherwise than by fills; transfer: nothing else explains it; before recording
                began: the cost of what was held is not known; commission not reported; unexplained.
            detail: what says so.
            said_ts: when IB said it.
        """
        return self.call("account_differences", at, accounts)

    def order_changes(self, start: Moment | None = None, end: Moment | None = None, *,
            symbols: Symbols | None = None, accounts: Symbols | None = None) -> Answer:
        """Every change of an order by its owner: a row for each field that IB tells otherwise than before. Stops
        that IB moves itself do not count. `accounts`: of these accounts only.

        Columns:
            account: IB's account name.
            permanent_id: IB's id of the order for good; null until IB gives it one.
            client_id: client that placed it.
            order_id: the client's id of it.
            instrument_id: IB's contract id (conId).
            symbol: IB's local symbol.
            ts: when the change was received.
            field: column of `orders` that changed.
            before: its value before, as text; null for none.
            now: its value from then on.
            recorder: whose tape it comes from.
            seq: number of its frame on that tape.
        """
        return self.call("order_changes", start, end, symbols, accounts)

    def order_slippage(self, start: Moment | None = None, end: Moment | None = None, *,
            symbols: Symbols | None = None, accounts: Symbols | None = None,
            lookback: Width = "1 minute") -> Answer:
        """What the fills of each order cost against the quotes that it met: the other side of the quote as it was
        submitted, and the middle of the quote as it arrived at IB. Above 0 is worse than that. Of orders with fills,
        of which it is known when they were submitted, and only where quotes of theirs were recorded: tick by tick,
        else bid and ask of level 1, as of options. `accounts`: of these accounts only. `lookback`: how old a quote
        may be.

        Columns:
            account: IB's account name.
            permanent_id: IB's id of the order for good.
            order_reference: the client's reference.
            instrument_id: IB's contract id (conId).
            symbol: IB's local symbol.
            action: BUY or SELL.
            order_type: IB's order type.
            filled: quantity filled.
            average_price: average price of it.
            submitted_ts: when it was submitted.
            uncertain_s: how many seconds sooner that may have been; see `order_lives`.
            bid_price: best bid then; null where there is no quote, or only an old one.
            ask_price: best ask then.
            quote_age_s: how old that quote was.
            acknowledged_ts: when IB had accepted it.
            arrival_mid: half way between bid and ask then.
            arrival_age_s: how old that quote was.
            slippage_quote: price paid above the ask, or received below the bid.
            slippage_mid: price paid above the middle, or received below it.
            cost: that of all that was filled, in money.
            currency: its currency.
        """
        return self.call("order_slippage", start, end, symbols, accounts, lookback)
