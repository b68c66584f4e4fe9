"""Scenarios as TOML, from text to what they mean; reading the file is for others.

```toml
[[scenario]]
name = "Tech slump"
about = "Technology falls, the rest a little"
price = -0.05                                  # everything but currency pairs, bonds and cash
# beta = -0.10                                 # instead of price: each by its beta times this
underlying = { NVDA = -0.35, "EUR.USD" = 0.02 }    # by symbol, before all else
sector = { Technology = -0.20 }                # IB's industry, before price and beta
volatility = { 7d = 0.8, 30d = 0.5, 365d = 0.2 }   # relative, by time to expiry; or one number for all
rates = { USD = -0.005, EUR = -0.0025 }        # added to interest rates; or one number for all
currency = { EUR = 0.03, JPY = 0.05 }          # what one is worth in the base currency
```

Moves are fractions: 0.1 is 10 %, a rate of 0.01 is 100 basis points. What is left out does not move.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from typing import Any

from capture.risk.risk_error import RiskError
from capture.suggestion import unknown
from capture.toml_lines import line_of

from .scenario import Scenario

BLOCK = "scenario"
_KEYS = ("name", "about", "price", "beta", "underlying", "sector", "volatility", "rates", "currency")
_TENOR = re.compile(r"(\d+(?:\.\d+)?)\s*(d|w|m|y)")
_DAYS = {"d": 1.0, "w": 7.0, "m": 365 / 12, "y": 365.0}
_LEAST, _MOST = -1.0, 100.0
_MOST_RATE, _MOST_BETA = 0.5, 10.0


class ScenarioError(RiskError):
    """A scenario file is wrong; the text names line and key, what is wrong and what to write."""


def parse_scenarios(text: str, source: str = "scenarios") -> list[Scenario]:
    """Return the scenarios of a TOML text in their order. Raises ScenarioError; `source` is what it calls the text."""
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        help_ = "write NAME = VALUE, each once, and texts in quotes"
        raise ScenarioError(f"{source}: not TOML: {error}: {help_}") from None
    return _Reader(text, source).scenarios(given)


class _Reader:
    """Checks what TOML gave; knows the text, so that errors name its lines."""

    def __init__(self, text: str, source: str) -> None:
        self.text = text
        self.source = source

    def scenarios(self, given: Mapping[str, Any]) -> list[Scenario]:
        for key in given:
            if key != BLOCK:
                raise self._fault((key,), unknown("key", key, [f"[[{BLOCK}]]"]))
        blocks = given.get(BLOCK)
        if not isinstance(blocks, list) or not blocks:
            raise ScenarioError(f"{self.source} has no scenario: begin each with a line [[{BLOCK}]]")
        found: dict[str, Scenario] = {}
        for number, block in enumerate(blocks):
            scenario = self._scenario(block, (BLOCK, number))
            if scenario.name in found:
                raise self._fault((BLOCK, number, "name"), f"{scenario.name!r} is there already: name each once")
            found[scenario.name] = scenario
        return list(found.values())

    def _scenario(self, block: Any, where: tuple[str | int, ...]) -> Scenario:
        if not isinstance(block, dict):
            raise self._fault(where, f"{block!r} is no scenario: begin each with a line [[{BLOCK}]]")
        for key in block:
            if key not in _KEYS:
                raise self._fault((*where, key), unknown("key", key, _KEYS))
        if not isinstance(block.get("name"), str) or not block["name"].strip():
            raise self._fault((*where, "name"), 'give each scenario a name, such as name = "Crash"')
        if "price" in block and "beta" in block:
            raise self._fault((*where, "beta"), "give either price or beta: both move what nothing else names")
        if set(block) <= {"name", "about"}:
            raise self._fault((*where, "name"), f"nothing moves: give one of {', '.join(_KEYS[2:])}")
        return Scenario(
            name=block["name"], about=self._text(block.get("about", ""), (*where, "about")),
            price=self._move(block.get("price", 0.0), (*where, "price")),
            beta=self._beta(block.get("beta"), (*where, "beta")),
            underlying=self._moves(block.get("underlying", {}), (*where, "underlying"), self._move),
            sector=self._moves(block.get("sector", {}), (*where, "sector"), self._move),
            volatility=self._volatility(block.get("volatility", {}), (*where, "volatility")),
            rates=self._rates(block.get("rates", {}), (*where, "rates")),
            currency=self._moves(block.get("currency", {}), (*where, "currency"), self._move))  # fmt: skip

    def _text(self, value: Any, where: tuple[str | int, ...]) -> str:
        if not isinstance(value, str):
            raise self._fault(where, f"{value!r} is no text: write it in quotes")
        return value

    def _move(self, value: Any, where: tuple[str | int, ...]) -> float:
        return self._number(value, where, _LEAST, _MOST, "a fraction above -1, as -0.2 for a fall by 20 %")

    def _beta(self, value: Any, where: tuple[str | int, ...]) -> float | None:
        return None if value is None else self._move(value, where)

    def _rate(self, value: Any, where: tuple[str | int, ...]) -> float:
        return self._number(value, where, -_MOST_RATE, _MOST_RATE, "a fraction up to 0.5, as 0.01 for 100 basis points")

    def _number(self, value: Any, where: tuple[str | int, ...], least: float, most: float, form: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not least < value < most:
            raise self._fault(where, f"{value!r} is no move: write {form}")
        return float(value)

    def _moves(
        self, value: Any, where: tuple[str | int, ...], of: Callable[[Any, tuple[str | int, ...]], float]
    ) -> dict[str, float]:
        if not isinstance(value, dict):
            raise self._fault(where, f"{value!r} names nothing: write {{ NAME = -0.1 }}")
        return {name: of(one, (*where, name)) for name, one in value.items()}

    def _volatility(self, value: Any, where: tuple[str | int, ...]) -> dict[float, float]:
        if not isinstance(value, dict):
            return {0.0: self._move(value, where)}
        return {self._days(name, where): self._move(one, (*where, name)) for name, one in value.items()}

    def _days(self, tenor: str, where: tuple[str | int, ...]) -> float:
        found = _TENOR.fullmatch(tenor)
        if not found:
            raise self._fault((*where, tenor), f"{tenor!r} is no time to expiry: write 7d, 2w, 3m or 1y")
        return float(found[1]) * _DAYS[found[2]]

    def _rates(self, value: Any, where: tuple[str | int, ...]) -> dict[str, float]:
        return self._moves(value, where, self._rate) if isinstance(value, dict) else {"": self._rate(value, where)}

    def _fault(self, where: tuple[str | int, ...], text: str) -> ScenarioError:
        key = ".".join(str(part) for part in where if isinstance(part, str) and part != BLOCK) or BLOCK
        return ScenarioError(f"{self.source} line {line_of(self.text, where)}, key {key}: {text}")
