"""News and calendars of events: the gateway has none, and says so in the form that lets a client go on."""

from collections.abc import Iterator
from typing import NoReturn

from capture.gateway.refusal import Refusal
from capture.gateway.replies import Reply, answer
from capture.gateway.shared_state import Peer
from capture.wire.text.codec import Values

from .handlers import Handlers, nothing


def providers(_peer: Peer, _values: Values) -> Iterator[Reply]:
    """Say that no provider of news is subscribed to."""
    yield answer("news_providers")


def article(_peer: Peer, values: Values) -> NoReturn:
    """Refuse an article: there is none."""
    raise Refusal(10172, f"Failed to request news article:No data available for {values['article_id']}")


def past_news(_peer: Peer, values: Values) -> Iterator[Reply]:
    """Say that there was no news."""
    yield answer("historical_news_end", request_id=values["request_id"])


def calendar(_peer: Peer, _values: Values) -> NoReturn:
    """Refuse Wall Street Horizon's calendar of events: it is not subscribed to."""
    raise Refusal(10276, "News feed is not allowed.")


HANDLERS: Handlers = {
    "req_news_providers": providers,
    "req_news_article": article,
    "req_historical_news": past_news,
    "req_news_bulletins": nothing,  # there are none to send
    "cancel_news_bulletins": nothing,
    "req_event_calendar_meta": calendar,
    "req_event_calendar": calendar,
    "cancel_event_calendar_meta": nothing,
    "cancel_event_calendar": nothing,
}
