"""An invented market for a gateway: plausible, repeatable, made for any moment without what came before (D105).

A `feed.Feed`: it may use what feeds share in `gateway/`, and knows no client, answer or lake.
"""

from .market import Market

__all__ = ["Market"]
