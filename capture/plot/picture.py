"""A chart as a file: PNG or SVG, or HTML that needs no network."""

from enum import StrEnum
from pathlib import Path
from typing import Any

import altair as alt

from capture.publish import publish

from .theme import PNG_SCALE


class Format(StrEnum):
    """What a picture's file is; names of files end with it."""

    PNG = "png"
    SVG = "svg"
    HTML = "html"


def save(chart: alt.TopLevelMixin, path: Path, format: Format) -> None:
    """Write a chart to a file, which is there whole or not at all; one that is there is replaced."""
    options: dict[str, Any] = {"inline": True} if format is Format.HTML else {"scale_factor": PNG_SCALE}

    def fill(temporary: Path) -> None:
        chart.save(str(temporary), format=format.value, **options)

    publish(path, fill, mode=0o644)
