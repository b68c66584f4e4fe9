"""`ticktape version`: what is installed."""

from .shared.options import Json
from .shared.output import show, show_json


def run(json: Json = False) -> None:
    """Print the version, and those of what answers depend on."""
    import platform
    from importlib.metadata import version

    found = {"ticktape": version("ticktape"), "python": platform.python_version()}
    found |= {name: version(name) for name in ("duckdb", "pyarrow", "polars", "zstandard")}
    if json:
        show_json(found)
    else:
        show("\n".join(f"{name} {number}" for name, number in found.items()))
