"""`ticktape version`: what is installed."""

from .shared.options import Json
from .shared.output import show, show_json


def run(json: Json = False) -> None:
    """Print the version, those of what answers depend on, and whether the kernel, which makes it fast, is there."""
    import platform
    from importlib.metadata import version

    from capture.kernel.library import absence

    found = {"ticktape": version("ticktape"), "python": platform.python_version()}
    found |= {name: version(name) for name in ("duckdb", "pyarrow", "polars", "zstandard")}
    found["kernel"] = "there" if (why := absence()) is None else f"not used: {why}"
    if json:
        show_json(found)
    else:
        show("\n".join(f"{name} {number}" for name, number in found.items()))
