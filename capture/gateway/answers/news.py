"""News and calendars of events: the gateway has none, and says so in the form that lets a client go on."""

from capture.gateway.client import Client
from capture.gateway.refusal import Refusal
from capture.wire.text.codec import Values

from .session_start import Handlers, nothing


def providers(client: Client, _values: Values) -> None:
    """Say that no provider of news is subscribed to."""
    client.send("news_providers")


def article(_client: Client, values: Values) -> None:
    """Refuse an article: there is none."""
    raise Refusal(10172, f"Failed to request news article:No data available for {values['article_id']}")


def past_news(client: Client, values: Values) -> None:
    """Say that there was no news."""
    client.send("historical_news_end", request_id=values["request_id"])


def calendar(_client: Client, _values: Values) -> None:
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
