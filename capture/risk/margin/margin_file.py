"""A user's own figures of margin: TOML with keys and rows as those that come with ticktape.

```toml
valid_from = 2026-01-01         # left out: always

[moves.equity]                  # also high_cap_index, broad_index, narrow_index
down = -0.20
up = 0.20

[offsets]
portfolio = 0.0
product = { broad_index = 0.75 }

[volatility]
shift = 0.25                    # likewise [minimum], [initial], [concentration], [single]

[[class]]
symbol = "XYZ3"                 # moves three times as far as XYZ, and is one class group with it
class_group = "XYZ"
leverage = 3
product = "technology"          # left out: none, or as XYZ is listed
kind = "narrow_index"           # left out: as its product group, else equity

[[scan_range]]                  # a future that SPAN moves
commodity = "ES"
price = 24000                   # money of one contract of this multiplier
multiplier = 50
symbols = ["ES", "MES"]

[[month_spread]]
commodity = "ES"
charge = 650

[[commodity_spread]]
legs = [{ commodity = "ES", futures = 1 }, { commodity = "NQ", futures = -1 }]
credit = 0.75
```
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from capture.suggestion import unknown
from capture.toml_lines import line_of

from .dated import Certainty
from .margin_figures import FIGURES, Figure
from .risk_groups import Own
from .span_figures import ANY_MONTH, CommoditySpread, Leg, MonthSpread, ScanRange

ALWAYS = date.min
_SOURCE = "the user's file"
_BLOCKS = ("class", "scan_range", "month_spread", "commodity_spread")
# What a figure may be, by how its key ends; else it is not below zero.
_ALLOWED = {"down": (-1.0, 0.0), "portfolio": (0.0, 1.0), "product": (0.0, 1.0), "initial": (1.0, 10.0)}
_MOST = 1e12

_Money = Annotated[float, Field(ge=0, le=_MOST, allow_inf_nan=False)]
_Share = Annotated[float, Field(ge=0, le=1)]
_Name = Annotated[str, Field(min_length=1)]


class MarginFileError(ValueError):
    """A file of margin figures is wrong; the text names file, line and key, what is wrong and what is allowed."""


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Class(_Block):
    symbol: _Name
    class_group: _Name
    product: str = ""
    kind: Literal["", "high_cap_index", "broad_index", "narrow_index", "equity"] = ""
    leverage: Annotated[float, Field(ge=-10, le=10)] = 1.0


class _Range(_Block):
    commodity: _Name
    price: _Money
    multiplier: Annotated[float, Field(gt=0, le=_MOST)]
    currency: str = "USD"
    volatility: _Share = 0.25
    short_option_minimum: _Money = 0.0
    month: str = ANY_MONTH
    symbols: tuple[str, ...] = ()
    valid_from: date | None = None


class _MonthSpread(_Block):
    commodity: _Name
    charge: _Money
    near: str = ANY_MONTH
    far: str = ANY_MONTH
    valid_from: date | None = None


class _Leg(_Block):
    commodity: _Name
    futures: Annotated[float, Field(ge=-1000, le=1000)]

    @field_validator("futures")
    @classmethod
    def _some(cls, given: float) -> float:
        if not given:
            raise ValueError("write how many futures one spread has, below zero for the other side")
        return given


class _CommoditySpread(_Block):
    legs: tuple[_Leg, _Leg]
    credit: _Share
    valid_from: date | None = None


class _File(_Block):
    valid_from: date = ALWAYS
    class_: list[_Class] = Field(default_factory=list, alias="class")
    scan_range: list[_Range] = Field(default_factory=list)
    month_spread: list[_MonthSpread] = Field(default_factory=list)
    commodity_spread: list[_CommoditySpread] = Field(default_factory=list)


@dataclass(frozen=True)
class OwnFigures:
    """What a user's file says: figures, groups of symbols, and rows of SPAN, which come before those that are there."""

    figures: tuple[Figure, ...] = ()
    classes: tuple[Own, ...] = ()
    ranges: tuple[ScanRange, ...] = ()
    month_spreads: tuple[MonthSpread, ...] = ()
    commodity_spreads: tuple[CommoditySpread, ...] = ()


def read_margin_file(text: str, name: str) -> OwnFigures:
    """Return what the text of a file says; `name` is its name for errors. Raises MarginFileError."""
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MarginFileError(f"{name}: not TOML: {error}: write NAME = VALUE, each once, texts in quotes") from None
    rows = {key: value for key, value in given.items() if key in _BLOCKS or key == "valid_from"}
    values = dict(_flat({key: value for key, value in given.items() if key not in rows}))
    problems = [f"{name} line {line_of(text, key)}, key {'.'.join(key)}: {fault}"
                for key, value in values.items() if (fault := _fault(".".join(key), value))]  # fmt: skip
    try:
        file = _File(**rows)
    except ValidationError as error:
        problems += [_problem(name, text, one) for one in error.errors(include_url=False)]
    if problems:
        raise MarginFileError("\n".join(problems))
    return _own({".".join(key): float(value) for key, value in values.items()}, file)


def _flat(given: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each value with the names of the tables that it is in."""
    for key, value in given.items():
        if isinstance(value, dict):
            yield from _flat(value, (*above, key))
        else:
            yield (*above, key), value


def _fault(key: str, value: Any) -> str:
    """Return what is wrong with a figure, empty where nothing is."""
    if key not in {figure.key for figure in FIGURES}:
        return unknown("key", key, [*(figure.key for figure in FIGURES), "valid_from", *_BLOCKS])
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"write a number, it is {value!r:.60}"
    parts = key.split(".")
    least, most = next((_ALLOWED[part] for part in reversed(parts) if part in _ALLOWED), (0.0, _MOST))
    return "" if least <= value <= most else f"write a number from {least:g} to {most:g}, it is {value!r}"


def _own(values: dict[str, float], file: _File) -> OwnFigures:
    def since(row: _Range | _MonthSpread | _CommoditySpread) -> dict[str, Any]:
        day = file.valid_from if row.valid_from is None else row.valid_from
        return {"valid_from": day, "source": _SOURCE, "certainty": Certainty.OWN}

    return OwnFigures(
        tuple(Figure(key, value, file.valid_from, _SOURCE, Certainty.OWN) for key, value in values.items()),
        tuple(Own(**row.model_dump()) for row in file.class_),
        tuple(ScanRange(**row.model_dump() | since(row)) for row in file.scan_range),
        tuple(MonthSpread(**row.model_dump() | since(row)) for row in file.month_spread),
        tuple(CommoditySpread((Leg(*_leg(row.legs[0])), Leg(*_leg(row.legs[1]))), row.credit, **since(row))
              for row in file.commodity_spread))  # fmt: skip


def _leg(leg: _Leg) -> tuple[str, float]:
    return leg.commodity, leg.futures


def _problem(name: str, text: str, problem: Any) -> str:
    where = problem["loc"]
    key = ".".join(str(part) for part in where if isinstance(part, str))
    return f"{name} line {line_of(text, where)}, key {key}: {_explain(problem)}"


_MODELS: dict[str, type[_Block]] = {"class": _Class, "scan_range": _Range, "month_spread": _MonthSpread,
                                    "commodity_spread": _CommoditySpread, "legs": _Leg}  # fmt: skip


def _explain(problem: Any) -> str:
    names = [part for part in problem["loc"] if isinstance(part, str)]
    if problem["type"] == "extra_forbidden":
        return unknown("key", names[-1], _MODELS[names[-2]].model_fields)
    if problem["type"] == "list_type":
        return f"write [[{names[-1]}]], with two brackets, on a line of its own above its keys"
    if problem["type"] == "value_error":
        return str(problem["ctx"]["error"])
    if problem["type"] == "missing":
        return f"the block has no {names[-1]}"
    return f"{problem['msg'][0].lower()}{problem['msg'][1:]}, it is {problem['input']!r:.60}"
