"""Dying at a step: what SIGKILL would do there, without a process of its own."""

from collections.abc import Callable
from typing import Any


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


def dying(real: Callable[..., Any], survived: int) -> Callable[..., Any]:
    """Return a function that raises Killed instead of being called once more, after so many calls."""
    left = survived

    def call(*arguments: Any, **named: Any) -> Any:
        nonlocal left
        if left == 0:
            raise Killed
        left -= 1
        return real(*arguments, **named)

    return call
