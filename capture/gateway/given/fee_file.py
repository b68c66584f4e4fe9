"""A user's own fees: TOML with rows as those of the schedules that come with ticktape.

```toml
like = "fixed"                  # its rows hold for products that have no [[commission]] or [[charge]] below
regulatory = false              # whether what regulators charge is charged

[[commission]]
product = "STK"                 # IB's security type; "" for all
currency = "USD"                # left out: any; likewise symbols = ["AAPL"]
per = "unit"                    # or "value"
rate = 0.005                    # or by the lowest price for which it holds: { "0.10" = 0.65, "0" = 0.25 }
minimum = 1.0                   # of an order
cap = 0.01                      # of an order's value
valid_from = 2026-01-01         # left out: always

[[commission]]
product = "FUT"
tiers = [{ up_to = 1000, rate = 0.85 }, { rate = 0.65 }]      # by the volume of a month

[[charge]]
name = "exchange"
product = "STK"
rate = 0.003
per = "unit"                    # or "value", or "commission"
side = "sell"                   # left out: both
liquidity = "removed"           # or "added"; left out: all
most = 8.30                     # of a fill
```
"""

import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from capture.gateway.broker.account.figures import PART
from capture.gateway.broker.fees.schedule import (
    ANY,
    BEFORE_ALL,
    SCHEDULES,
    Charge,
    Commission,
    Schedule,
    Tier,
)
from capture.gateway.broker.fill import ADDED, BUY, REMOVED, SELL
from capture.suggestion import unknown
from capture.toml_lines import line_of

from .given_file import GivenFileError, read_text

_Number = Annotated[Decimal, Field(allow_inf_nan=False, ge=-1_000_000, le=1_000_000)]
_Amount = Annotated[Decimal, Field(allow_inf_nan=False, ge=0, le=1_000_000_000_000)]
_Rate = _Number | dict[_Number, _Number]
_PRODUCTS = (ANY, *PART, "CFD", "CMDTY")


def _known(product: str) -> str:
    if product not in _PRODUCTS:
        raise ValueError(unknown("product", product, _PRODUCTS))
    return product


_Product = Annotated[str, AfterValidator(_known)]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Tier(_Row):
    up_to: _Amount | None = None
    rate: _Rate


class _Commission(_Row):
    product: _Product
    rate: _Rate | None = None
    tiers: list[_Tier] = Field(default_factory=list)
    per: Literal["unit", "value"] = "unit"
    minimum: _Amount = Decimal(0)
    cap: _Amount | None = None
    currency: str = ""
    symbols: tuple[str, ...] = ()
    valid_from: date = BEFORE_ALL

    @model_validator(mode="after")
    def _rates_that_cover_all(self) -> "_Commission":
        if (self.rate is None) == (not self.tiers):
            raise ValueError("give either rate or tiers")
        limits = [tier.up_to for tier in self.tiers[:-1]]
        if self.tiers and (self.tiers[-1].up_to is not None or None in limits or limits != sorted(set(limits))):  # type: ignore[type-var]  # no None then
            raise ValueError("give up_to to every tier but the last, each higher than the one before")
        return self

    def row(self) -> Commission:
        tiers = self.tiers if self.rate is None else [_Tier(rate=self.rate)]
        return Commission(self.product, tuple(Tier(tier.up_to, _by_price(tier.rate)) for tier in tiers), self.per,
                          self.minimum, self.cap, (), self.currency, self.symbols, self.valid_from)  # fmt: skip


class _Charge(_Row):
    name: str
    product: _Product
    rate: _Number
    per: Literal["unit", "value", "commission"] = "unit"
    side: Literal["buy", "sell", "both"] = "both"
    liquidity: Literal["added", "removed", "all"] = "all"
    most: _Amount | None = None
    regulatory: bool = False
    currency: str = ""
    symbols: tuple[str, ...] = ()
    valid_from: date = BEFORE_ALL

    def row(self) -> Charge:
        return Charge(self.name, self.product, self.rate, self.per, {"buy": BUY, "sell": SELL, "both": 0}[self.side],
                      {"added": ADDED, "removed": REMOVED, "all": 0}[self.liquidity], self.most, (), self.regulatory,
                      self.currency, self.symbols, self.valid_from)  # fmt: skip


class _File(_Row):
    like: Literal["fixed", "tiered"] | None = None
    regulatory: bool = False
    commission: list[_Commission] = Field(default_factory=list)
    charge: list[_Charge] = Field(default_factory=list)


_MODELS: dict[str, type[_Row]] = {"commission": _Commission, "charge": _Charge, "tiers": _Tier}


def load_fees(path: Path) -> Schedule:
    """Return the schedule that a file describes. Raises GivenFileError."""
    text = read_text(path, "fees, or write fixed or tiered")
    try:
        file = _File(**tomllib.loads(text, parse_float=Decimal))
    except tomllib.TOMLDecodeError as error:
        raise GivenFileError(f"{path}: not TOML: {error}: write NAME = VALUE, each once, and texts in quotes") from None
    except ValidationError as error:
        raise GivenFileError("\n".join(_problem(path, text, one) for one in error.errors(include_url=False))) from None
    if not (file.like or file.commission or file.charge):
        raise GivenFileError(f'{path} says nothing: write like = "fixed", or a [[commission]]')
    begun = SCHEDULES[file.like] if file.like else Schedule(path.name, ())
    own = {each.product for each in file.commission}, {each.product for each in file.charge}
    commissions = [row for row in begun.commissions if row.product not in own[0]]
    charges = [row for row in begun.charges if row.product not in own[1]]
    return Schedule(path.name, (*commissions, *(each.row() for each in file.commission)),
                    (*charges, *(each.row() for each in file.charge)), file.regulatory)  # fmt: skip


def _by_price(rate: _Rate) -> tuple[tuple[Decimal, Decimal], ...]:
    by_price = rate if isinstance(rate, dict) else {Decimal("-Infinity"): rate}
    highest_first = sorted(by_price.items(), reverse=True)
    return *highest_first[:-1], (Decimal("-Infinity"), highest_first[-1][1])


def _problem(path: Path, text: str, problem: Any) -> str:
    where = [part for part in problem["loc"] if not str(part).startswith(("decimal", "dict["))]
    block = str(where[0])
    key = ".".join(str(part) for part in where if isinstance(part, str))
    return f"{path} line {line_of(text, where)}, key {key or block}: {_explain(problem, where)}"


def _explain(problem: Any, where: list[int | str]) -> str:
    name = str(where[-1])
    if problem["type"] == "extra_forbidden":
        above = [str(part) for part in where[:-1] if isinstance(part, str)]
        model = _MODELS.get(above[-1], _File) if above else _File
        return unknown("key", name, model.model_fields)
    if problem["type"] == "missing":
        return f"the block has no {name}"
    if problem["type"] == "value_error":
        return str(problem["ctx"]["error"])
    return f"{problem['msg'][0].lower()}{problem['msg'][1:]}, it is {problem['input']!r:.60}"

