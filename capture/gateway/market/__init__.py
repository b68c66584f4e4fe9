"""An invented market for the gateway: plausible, repeatable, and computed for any moment without what came before.

A `feed.Feed`: it may use what feeds share in `gateway/`, and knows no client, answer or lake.
"""

from .market import Market

__all__ = ["Market"]
