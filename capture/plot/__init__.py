"""Pictures of a lake: prices with what is missing of them, a calendar of what is covered, stress of a portfolio.

Importing this raises QueryError where altair is not installed, which no other part of ticktape needs.
"""

from capture.query import QueryError

try:
    import altair as _altair  # noqa: F401 - only whether it is there
    import vl_convert as _vl_convert  # noqa: F401 - what altair draws files with
except ImportError:
    raise QueryError("pictures need altair and vl-convert-python, which are not installed: "
                     "pip install 'ticktape[plot]'") from None

from .calendar import calendar_chart
from .panel import Panel, read_panels
from .picture import Format, save
from .price import price_chart
from .stress import stress_chart
from .theme import prepare_notebook
from .units import Units, read_units
from .window import Window

__all__ = ["Format", "Panel", "Units", "Window", "calendar_chart", "prepare_notebook", "price_chart", "read_panels",
           "read_units", "save", "stress_chart"]
