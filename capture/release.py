"""Which release of ticktape this is: asked once, as nobody can say while an upgrade goes on."""

from functools import cache

RELEASE: str
SOFTWARE: str


@cache
def _release() -> str:
    # Late: it takes as long as all else that `ticktape --help` loads of Python's.
    from importlib.metadata import version

    return version("ticktape")


def __getattr__(name: str) -> str:
    """Return the number, or the name with it, when somebody first takes it."""
    words = {"RELEASE": "{}", "SOFTWARE": "ticktape {}"}
    if name not in words:
        raise AttributeError(f"module 'capture.release' has no attribute {name!r}")
    return words[name].format(_release())
