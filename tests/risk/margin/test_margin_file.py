"""A user's own figures: read whole, or refused with line, key and what is allowed."""

from datetime import date

import pytest

from capture.risk.margin.dated import Certainty
from capture.risk.margin.margin_figures import figures_on
from capture.risk.margin.margin_file import MarginFileError, OwnFigures, read_margin_file
from capture.risk.margin.risk_groups import RiskGroups
from capture.risk.margin.span_figures import span_figures_on

DAY = date(2026, 11, 30)
EXAMPLE = read_margin_file.__globals__["__doc__"].split("```toml\n")[1].split("```")[0]


def test_the_example_of_the_documentation_is_read_and_comes_first() -> None:
    own = read_margin_file(EXAMPLE, "margin.toml")
    figures = figures_on(DAY, own.figures)
    assert (figures["moves.equity.down"], figures["moves.equity.up"]) == (-0.2, 0.2)
    assert (figures["offsets.portfolio"], figures["offsets.product.broad_index"]) == (0, 0.75)
    assert figures["volatility.shift"] == 0.25
    assert figures.by_key["moves.equity.up"].certainty is Certainty.OWN
    assert figures.by_key["moves.equity.up"].valid_from == date(2026, 1, 1)
    assert RiskGroups(own.classes).place("XYZ3") == ("XYZ", "narrow_index", "technology", "", 3.0)
    span = span_figures_on(DAY, own.ranges, own.month_spreads, own.commodity_spreads)
    found = span.range_of("MES")
    assert found
    assert found.points == 480
    assert span.month_spreads[0].charge == 650
    assert span.commodity_spreads[0].credit == 0.75


def test_what_is_given_before_its_date_does_not_hold_yet() -> None:
    own = read_margin_file(EXAMPLE, "margin.toml")
    assert figures_on(date(2025, 12, 31), own.figures)["moves.equity.down"] == -0.15


def test_an_empty_file_changes_nothing() -> None:
    assert read_margin_file("", "margin.toml") == OwnFigures()


@pytest.mark.parametrize(("text", "said"), [
    ("moves", "margin.toml: not TOML"),
    ("[moves.equity]\ndwn = -0.2", "margin.toml line 2, key moves.equity.dwn: there is no key"),
    ("[moves.equity]\ndown = 0.2", "line 2, key moves.equity.down: write a number from -1 to 0, it is 0.2"),
    ("[moves.equity]\n\ndown = \"much\"", "line 3, key moves.equity.down: write a number, it is 'much'"),
    ("[moves.equity]\ndown = nan", "line 2, key moves.equity.down: write a number from -1 to 0"),
    ("[offsets]\nportfolio = 1.5", "line 2, key offsets.portfolio: write a number from 0 to 1, it is 1.5"),
    ("[offsets]\nproduct = { broad_index = -1 }",
     "line 2, key offsets.product.broad_index: write a number from 0 to 1"),
    ("[initial]\nus = 0.5", "line 2, key initial.us: write a number from 1 to 10"),
    ("[single]\nup = true", "line 2, key single.up: write a number, it is True"),
    ("offsets = 1", "line 1, key offsets: there is no key 'offsets'"),
    ("[[class]]\nsymbol = \"A\"", "line 1, key class.class_group: the block has no class_group"),
    ("[[class]]\nsymbol = \"A\"\nclass_group = \"B\"\n[[class]]\nsymbol = \"A\"\nclass_group = \"B\"\nleverag = 2",
     "line 7, key class.leverag: there is no key 'leverag'; did you mean 'leverage'?"),
    ("[[class]]\nsymbol = \"A\"\nclass_group = \"B\"\nkind = \"index\"", "line 4, key class.kind: input should be"),
    ("[class]\nsymbol = \"A\"", "line 1, key class: write [[class]], with two brackets"),
    ("[[scan_range]]\ncommodity = \"ES\"\nprice = 1\nmultiplier = 0",
     "line 4, key scan_range.multiplier: input should be greater"),
    ("[[commodity_spread]]\ncredit = 1\nlegs = [{ commodity = \"E\", futures = 0 }, { commodity = \"A\", futures = 1}]",
     "line 3, key commodity_spread.legs.futures: write how many futures one spread has"),
    ("valid_from = 3", "line 1, key valid_from"),
])  # fmt: skip
def test_a_mistake_is_named_with_its_line_and_key(text: str, said: str) -> None:
    with pytest.raises(MarginFileError) as error:
        read_margin_file(text, "margin.toml")
    assert said in str(error.value)


def test_all_mistakes_are_said_at_once() -> None:
    with pytest.raises(MarginFileError) as error:
        read_margin_file("[initial]\nus = 0\n[single]\nup = \"x\"\n[[class]]\nsymbol = \"\"\nclass_group = \"B\"", "m")
    assert len(str(error.value).splitlines()) == 3
