import re

import pytest

from capture.risk.stress.known_scenarios import known_scenarios
from capture.risk.stress.scenario import Scenario
from capture.risk.stress.scenario_file import ScenarioError, parse_scenarios

WHOLE = """
[[scenario]]
name = "Tech slump"
about = "Technology falls"
price = -0.05
underlying = { NVDA = -0.35, "EUR.USD" = 0.02 }
sector = { Technology = -0.20 }
volatility = { 7d = 0.8, 2w = 0.7, 1y = 0.2 }
rates = { USD = -0.005 }
currency = { EUR = 0.03 }

[[scenario]]
name = "by beta"
beta = -0.1
volatility = 0.3
rates = 0.01
"""


def test_a_file_says_all_that_a_scenario_can() -> None:
    assert parse_scenarios(WHOLE) == [
        Scenario("Tech slump", "Technology falls", -0.05, None, {"NVDA": -0.35, "EUR.USD": 0.02}, {"Technology": -0.2},
                 {7.0: 0.8, 14.0: 0.7, 365.0: 0.2}, {"USD": -0.005}, {"EUR": 0.03}),
        Scenario("by beta", beta=-0.1, volatility={0.0: 0.3}, rates={"": 0.01}),
    ]  # fmt: skip


@pytest.mark.parametrize(("text", "error"), [
    ("", "my.toml has no scenario: begin each with a line [[scenario]]"),
    ("[[scenario]\n", "my.toml: not TOML: "),
    ("a = 1\n", "my.toml line 1, key a: there is no key 'a'; there are [[scenario]]"),
    ("[[scenario]]\nprice = -0.1\n", "my.toml line 1, key name: give each scenario a name, such as name = "),
    ("[[scenario]]\nname = 'x'\n", "my.toml line 2, key name: nothing moves: give one of price, beta, "),
    ("[[scenario]]\nname = 'x'\nprices = 1\n",
     "my.toml line 3, key prices: there is no key 'prices'; did you mean 'price'?"),
    ("[[scenario]]\nname = 'x'\nprice = -20\n",
     "my.toml line 3, key price: -20 is no move: write a fraction above -1, as -0.2 for a fall by 20 %"),
    ("[[scenario]]\nname = 'x'\nprice = true\n", "my.toml line 3, key price: True is no move"),
    ("[[scenario]]\nname = 'x'\nprice = nan\n", "my.toml line 3, key price: nan is no move"),
    ("[[scenario]]\nname = 'x'\nprice = 0.1\n[[scenario]]\nname = 'y'\nrates = 1.5\n",
     "my.toml line 6, key rates: 1.5 is no move: write a fraction up to 0.5, as 0.01 for 100 basis points"),
    ("[[scenario]]\nname = 'x'\nrates = { USD = 2 }\n", "my.toml line 3, key rates.USD: 2 is no move"),
    ("[[scenario]]\nname = 'x'\nvolatility = { soon = 2 }\n",
     "my.toml line 3, key volatility.soon: 'soon' is no time to expiry: write 7d, 2w, 3m or 1y"),
    ("[[scenario]]\nname = 'x'\nsector = -0.1\n",
     "my.toml line 3, key sector: -0.1 names nothing: write { NAME = -0.1 }"),
    ("[[scenario]]\nname = 'x'\nprice = 0.1\nbeta = 0.1\n", "my.toml line 4, key beta: give either price or beta"),
    ("[[scenario]]\nname = 'x'\nprice = 0.1\nabout = 7\n", "my.toml line 4, key about: 7 is no text: write it in "),
    ("[[scenario]]\nname = 'x'\nprice = 0.1\n[[scenario]]\nname = 'x'\nprice = 0.2\n",
     "my.toml line 5, key name: 'x' is there already: name each once"),
    ("scenario = 7\n", "my.toml has no scenario"),
    ("scenario = [7]\n", "my.toml line 1, key scenario: 7 is no scenario: begin each with a line [[scenario]]"),
])  # fmt: skip
def test_what_is_wrong_is_told_with_line_key_and_the_fix(text: str, error: str) -> None:
    with pytest.raises(ScenarioError, match=re.escape(error)):
        parse_scenarios(text, "my.toml")


def test_known_scenarios_can_be_read_and_are_named_once() -> None:
    names = [scenario.name for scenario in known_scenarios()]
    assert {"1987 crash", "2008 week", "2020 March", "rates +100", "volatility +30 %"} <= set(names)
    assert len(names) == len(set(names))
