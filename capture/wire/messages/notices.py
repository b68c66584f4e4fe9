"""IB's error, warning and status codes that a market-data recorder meets: what each means, concerns and asks for (D57)."""

from enum import StrEnum
from typing import NamedTuple


class Scope(StrEnum):
    """What a code concerns."""

    LINE = "line"  # TWS's own line to IB, and so every stream
    MARKET_FARM = "market data farm"
    HISTORY_FARM = "historical data farm"
    DEFINITION_FARM = "security definition farm"
    CLIENT = "client"  # our connection to TWS
    REQUEST = "request"


class Action(StrEnum):
    """What a session does about a code."""

    SAY = "say"  # nothing but telling it
    WAIT = "wait"  # every stream is silent until IB says otherwise
    VERIFY = "verify"  # streams were kept: see of each whether rows arrive
    REQUEST_ALL = "request all"
    FARM_BROKEN = "broken"
    FARM_CONNECTING = "connecting"
    FARM_IDLE = "idle"
    FARM_FINE = "fine"
    SLOW_DOWN = "slow down"
    HANG_UP = "hang up"  # the session cannot be had now: back off and try again
    WARN = "warn"
    REFUSE = "refuse"  # the stream cannot be had
    SEE = "see"  # whether rows come all the same; where they do not, it is refused
    REQUEST_AGAIN = "request again"  # at once
    PACE = "pace"  # request again when IB's pacing window is over
    RETRY = "retry"  # request again after minutes, then more of them


class Code(NamedTuple):
    """A code: kind, scope and action, its meaning, and what helps against it (empty where nothing needs doing).

    Kinds: `status` concerns the line and no request; `connection` ends or threatens the connection; `advisory` leaves
    its request alive; `doubtful` may do so or not, as only the rows tell that come or do not; `terminal` means that its
    request is dead. Where IB's text holds the words of a variant, in any case, the variant's action is taken instead.
    `delayed` is what helps besides `fix` where delayed data was not asked for.
    """

    code: int
    kind: str
    scope: Scope
    action: Action
    meaning: str
    fix: str = ""
    variants: tuple[tuple[str, Action], ...] = ()
    delayed: str = ""

    def advice(self, delayed: bool) -> str:
        """Return what helps, given whether delayed data is asked for already."""
        return self.fix if delayed else " or ".join(filter(None, (self.delayed, self.fix)))

    def action_on(self, message: str) -> Action:
        """Return what to do, given the text that came with the code."""
        text = message.lower()
        return next((action for words, action in self.variants if words in text), self.action)


_PACING = (("pacing", Action.PACE), ("max rate", Action.PACE))
_HISTORY = (*_PACING, ("cancelled", Action.RETRY), ("different ip", Action.RETRY), ("no data", Action.RETRY))
_RATE = (("max rate", Action.SLOW_DOWN),)

WITHHELD = 2188


def _line(code: int, action: Action, meaning: str, fix: str = "") -> Code:
    return Code(code, "status", Scope.LINE, action, meaning, fix)


def _farm(code: int, scope: Scope, action: Action, meaning: str) -> Code:
    return Code(code, "status", scope, action, meaning)


def _client(code: int, action: Action, meaning: str, fix: str = "") -> Code:
    return Code(code, "connection", Scope.CLIENT, action, meaning, fix)


def _advisory(code: int, meaning: str, fix: str = "", action: Action = Action.SAY) -> Code:
    return Code(code, "advisory", Scope.REQUEST, action, meaning, fix, _RATE)


def _terminal(
    code: int, meaning: str, fix: str = "", action: Action = Action.REFUSE,
    variants: tuple[tuple[str, Action], ...] = _PACING,
) -> Code:
    return Code(code, "terminal", Scope.REQUEST, action, meaning, fix, variants)


def _unsubscribed(code: int, meaning: str) -> Code:
    return Code(code, "doubtful", Scope.REQUEST, Action.SEE, meaning, "subscribe to the data at IB", _PACING,
                'set data_type = "delayed" in ticktape.toml,')


_MARKET, _HMDS, _DEFINITIONS = Scope.MARKET_FARM, Scope.HISTORY_FARM, Scope.DEFINITION_FARM

CODES = {
    code.code: code
    for code in (
        _client(100, Action.SLOW_DOWN, "message rate exceeded; after three times IB disconnects",
                "lower requests_per_second in ticktape.toml"),
        _terminal(101, "market data lines used up", "record fewer instruments or book more lines at IB"),
        _terminal(102, "duplicate ticker id"),
        _terminal(162, "historical data service: pacing, no data, cancelled or no permission; the text says which",
                  variants=_HISTORY),
        _advisory(165, "historical data service note"),
        _terminal(200, "no security definition, or an ambiguous contract",
                  "check the instrument's word; name exchange, currency or expiry, or use conid:"),
        _terminal(203, "security not allowed for this account"),
        _advisory(300, "no market data request has this id: already cancelled"),
        _terminal(309, "market depth requests used up (3 at 100 lines)", "record depth of fewer instruments"),
        _advisory(310, "no market depth request has this id: already cancelled"),
        _terminal(316, "market depth halted; it must be subscribed again", action=Action.REQUEST_AGAIN),
        _advisory(317, "market depth reset: the book is empty before what follows"),
        _terminal(320, "the server could not read the request"),
        _terminal(321, "the server found the request invalid"),
        _terminal(322, "the server could not process the request",
                  variants=(*_PACING, ("simultaneous", Action.PACE))),
        _client(326, Action.HANG_UP, "client id in use",
                "choose another --client-id, or wait until the gateway lets go of the old session"),
        _unsubscribed(354, "not subscribed to this market data"),
        _advisory(366, "no historical request has this id: finished or cancelled"),
        _terminal(385, "duplicate ticker id for historical data"),
        _terminal(414, "a snapshot takes no generic ticks"),
        _terminal(420, "invalid real-time query: pacing, or no permission; the text says which"),
        _terminal(430, "fundamentals not available"),
        _terminal(478, "the contract id and another field of the request do not agree",
                  "name the instrument by conid: alone"),
        _terminal(504, "TWS is not connected", action=Action.RETRY),
        _terminal(579, "the request holds characters that TWS does not take"),
        _line(1100, Action.WAIT, "connectivity between TWS and IB lost: all streams are silent"),
        _line(1101, Action.REQUEST_ALL,
              "connectivity restored, subscriptions lost: everything must be requested again"),
        _line(1102, Action.VERIFY, "connectivity restored, subscriptions kept"),
        _client(1300, Action.WARN, "the gateway's port changed and this connection will drop",
                "set the new port in ticktape.toml"),
        _line(2100, Action.SAY, "account updates unsubscribed"),
        _farm(2103, _MARKET, Action.FARM_BROKEN, "market data farm broken"),
        _farm(2104, _MARKET, Action.FARM_FINE, "market data farm connection is OK"),
        _farm(2105, _HMDS, Action.FARM_BROKEN, "historical data farm broken"),
        _farm(2106, _HMDS, Action.FARM_FINE, "historical data farm connection is OK"),
        _farm(2107, _HMDS, Action.FARM_IDLE, "historical data farm inactive, connects on demand"),
        _farm(2108, _MARKET, Action.FARM_IDLE, "market data farm inactive, connects on demand"),
        _line(2110, Action.WAIT, "connection between TWS and server broken; it will be restored by itself"),
        _farm(2119, _MARKET, Action.FARM_CONNECTING, "market data farm is connecting"),
        _advisory(2130, "a warning about the request, which goes on; the text says what of it"),
        _advisory(2152, "smart depth is limited on some exchanges; the text lists them"),
        _farm(2157, _DEFINITIONS, Action.FARM_BROKEN, "security definition farm broken"),
        _farm(2158, _DEFINITIONS, Action.FARM_FINE, "security definition farm connection is OK"),
        _advisory(2174, "a date without a time zone was sent"),
        _advisory(WITHHELD, "history of the last minutes is withheld: it needs an additional subscription for the API",
                  "subscribe to the data at IB"),
        _unsubscribed(10089, "market data needs an additional subscription for the API"),
        _advisory(10090, "part of the requested market data is not subscribed"),
        _unsubscribed(10091, "part of the requested market data needs an additional subscription for the API"),
        _terminal(10092, "market depth is not supported for this kind of security and exchange"),
        _advisory(10167, "not subscribed: delayed data is sent instead"),
        _unsubscribed(10168, "not subscribed, and delayed data is not enabled"),
        _terminal(10182, "live updates could not be requested: disconnected", action=Action.REQUEST_AGAIN),
        _unsubscribed(10186, "not subscribed, and delayed data is not enabled"),
        _terminal(10187, "historical ticks failed: no permission"),
        _terminal(10189, "tick-by-tick failed: no permission, not a valid query, or pacing; the text says which"),
        _terminal(10190, "tick-by-tick requests used up (5 at 100 lines)",
                  "record trades and quotes of fewer instruments"),
        _advisory(10197, "no market data during a competing live session",
                  "log the other session of this user out", Action.RETRY),
        _terminal(10225, "a bust event ended the bars; they must be requested again", action=Action.REQUEST_AGAIN),
        _terminal(10285, "the API version is too old for instruments with fractional sizes"),
        _terminal(10299, "what-to-show does not fit this instrument; the text names the right one"),
        _terminal(10314, "date and time format not understood"),
    )
}


def describe(code: int, request_id: int) -> Code:
    """Return the table's row for a code, or for a code not in it, one with the kind its range and id suggest.

    Codes without a request concern the line; of those with one, 2100 to 2199 are warnings that leave the request
    alive, and of everything else rows tell whether it does.
    """
    if code in CODES:
        return CODES[code]
    if request_id < 0:
        return Code(code, "status", Scope.LINE, Action.SAY, "", variants=_RATE)
    if 2100 <= code < 2200:
        return _advisory(code, "")
    return Code(code, "doubtful", Scope.REQUEST, Action.SEE, "", variants=_PACING)
