"""ticktape: a flight recorder for Interactive Brokers market data.

>>> import capture
>>> lake = capture.open_lake("data")  # doctest: +SKIP
>>> lake.sql("select symbol, count(*) from trades group by all").pl()  # doctest: +SKIP
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .face import Lake, open_lake

__version__: str
__all__ = ["Lake", "__version__", "open_lake"]


def __getattr__(name: str) -> Any:
    # Late, so that the processes of the recorder do not load DuckDB and polars only because they import capture.
    if name in ("Lake", "open_lake"):
        from . import face

        return getattr(face, name)
    if name == "__version__":
        from .release import RELEASE

        return RELEASE
    raise AttributeError(f"module 'capture' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
