"""IB's error, warning and status codes that a market-data recorder meets: meaning, kind, and what follows from each."""

from typing import NamedTuple

# Kinds: `status` concerns the line and no request; `connection` ends or threatens the connection; `advisory` leaves
# its request alive; `terminal` means that its request is dead.


class Code(NamedTuple):
    """A code: its kind, its meaning, and what helps against it (empty where nothing needs doing)."""

    code: int
    kind: str
    meaning: str
    fix: str = ""


_DELAYED = 'set data_type = "delayed" in ticktape.toml, or subscribe to the data at IB'

CODES = {
    code.code: code
    for code in (
        Code(100, "connection", "message rate exceeded; after three times IB disconnects",
             "lower requests_per_second in ticktape.toml"),
        Code(101, "terminal", "market data lines used up", "record fewer instruments or book more lines at IB"),
        Code(102, "terminal", "duplicate ticker id"),
        Code(162, "terminal", "historical data service: pacing, no data, cancelled or no permission; the text says which"),
        Code(165, "advisory", "historical data service note"),
        Code(200, "terminal", "no security definition, or an ambiguous contract",
             "check the instrument's word; name exchange, currency or expiry, or use conid:"),
        Code(203, "terminal", "security not allowed for this account"),
        Code(300, "terminal", "no market data request has this id: already cancelled"),
        Code(309, "terminal", "market depth requests used up (3 at 100 lines)", "record depth of fewer instruments"),
        Code(310, "terminal", "no market depth request has this id: already cancelled"),
        Code(316, "terminal", "market depth halted; it must be subscribed again"),
        Code(317, "advisory", "market depth reset: the book is empty before what follows"),
        Code(320, "terminal", "the server could not read the request"),
        Code(321, "terminal", "the server found the request invalid"),
        Code(322, "terminal", "the server could not process the request"),
        Code(326, "connection", "client id in use",
             "choose another --client-id, or wait until the gateway lets go of the old session"),
        Code(354, "terminal", "not subscribed to this market data", _DELAYED),
        Code(366, "terminal", "no historical request has this id: finished or cancelled"),
        Code(385, "terminal", "duplicate ticker id for historical data"),
        Code(414, "terminal", "a snapshot takes no generic ticks"),
        Code(420, "terminal", "invalid real-time query: pacing, or no permission; the text says which"),
        Code(430, "terminal", "fundamentals not available"),
        Code(1100, "status", "connectivity between TWS and IB lost: all streams are silent"),
        Code(1101, "status", "connectivity restored, subscriptions lost: everything must be requested again"),
        Code(1102, "status", "connectivity restored, subscriptions kept"),
        Code(1300, "connection", "the gateway's port changed and this connection will drop",
             "set the new port in ticktape.toml"),
        Code(2100, "status", "account updates unsubscribed"),
        Code(2103, "status", "market data farm broken"),
        Code(2104, "status", "market data farm connection is OK"),
        Code(2105, "status", "historical data farm broken"),
        Code(2106, "status", "historical data farm connection is OK"),
        Code(2107, "status", "historical data farm inactive, connects on demand"),
        Code(2108, "status", "market data farm inactive, connects on demand"),
        Code(2110, "status", "connection between TWS and server broken; it will be restored by itself"),
        Code(2119, "status", "market data farm is connecting"),
        Code(2152, "advisory", "smart depth is limited on some exchanges; the text lists them"),
        Code(2157, "status", "security definition farm broken"),
        Code(2158, "status", "security definition farm connection is OK"),
        Code(2174, "advisory", "a date without a time zone was sent"),
        Code(2188, "advisory", "warning"),
        Code(10089, "terminal", "market data needs an additional subscription for the API", _DELAYED),
        Code(10090, "advisory", "part of the requested market data is not subscribed"),
        Code(10091, "terminal", "part of the requested market data needs an additional subscription for the API",
             _DELAYED),
        Code(10092, "terminal", "market depth is not supported for this kind of security and exchange"),
        Code(10167, "advisory", "not subscribed: delayed data is sent instead"),
        Code(10168, "terminal", "not subscribed, and delayed data is not enabled", _DELAYED),
        Code(10182, "terminal", "live updates could not be requested: disconnected"),
        Code(10186, "terminal", "not subscribed, and delayed data is not enabled", _DELAYED),
        Code(10187, "terminal", "historical ticks failed: no permission"),
        Code(10189, "terminal", "tick-by-tick failed: no permission, not a valid query, or pacing; the text says which"),
        Code(10190, "terminal", "tick-by-tick requests used up (5 at 100 lines)",
             "record trades and quotes of fewer instruments"),
        Code(10197, "advisory", "no market data during a competing live session",
             "log the other session of this user out"),
        Code(10225, "terminal", "a bust event ended the bars; they must be requested again"),
        Code(10285, "terminal", "the API version is too old for instruments with fractional sizes"),
        Code(10299, "terminal", "what-to-show does not fit this instrument; the text names the right one"),
        Code(10314, "terminal", "date and time format not understood"),
    )
}


def describe(code: int, request_id: int) -> Code:
    """Return the table's row for a code, or for a code not in it, one with the kind its range and id suggest.

    Codes without a request concern the line; of those with one, 2100 to 2199 are warnings that leave the request
    alive, and everything else is taken as the end of the request.
    """
    if code in CODES:
        return CODES[code]
    if request_id < 0:
        return Code(code, "status", "")
    return Code(code, "advisory" if 2100 <= code < 2200 else "terminal", "")
