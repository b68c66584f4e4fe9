"""An invented market for the gateway: plausible, repeatable, and computed for any moment without what came before."""

from .market import Market

__all__ = ["Market"]
