import tomllib
from decimal import Decimal
from pathlib import Path

import pytest

from capture.gateway.broker.fees import Fees
from capture.gateway.given import GivenFileError, fee_file, load_fees
from tests.gateway.broker.trading import CALL, FUTURE, SHARE, D, fill


def fees(folder: Path, text: str) -> Fees:
    path = folder / "fees.toml"
    path.write_text(text)
    return Fees(load_fees(path))


def cost(folder: Path, text: str, *trade: object) -> Decimal:
    return fees(folder, text).charge(fill(*trade))[0]  # type: ignore[arg-type]


def test_the_file_in_its_documentation_is_read(tmp_path: Path) -> None:
    text = (fee_file.__doc__ or "").split("```")[1].removeprefix("toml")
    assert tomllib.loads(text)
    assert cost(tmp_path, text, SHARE, "-1000", "10") == 5 + 3
    assert cost(tmp_path, text, SHARE, "1000", "10") == 5
    assert cost(tmp_path, text, CALL, "26", "0.38") == D("16.90")  # as the schedule that it is like
    assert cost(tmp_path, text, FUTURE, "2000", "6000") == 850 + 650 + 2000 * D("0.37")


def test_a_file_of_its_own_charges_what_it_says_and_nothing_else(tmp_path: Path) -> None:
    text = '[[commission]]\nproduct = "OPT"\nrate = { "0" = 0.1, "1" = 0.7 }\nminimum = 2\n'
    assert cost(tmp_path, text, CALL, "10", "1.5") == 7
    assert cost(tmp_path, text, CALL, "100", "0.5") == 10
    assert cost(tmp_path, text, CALL, "1", "0.5") == 2
    assert cost(tmp_path, text, SHARE, "1000", "10") == 0


def test_rows_hold_from_their_date_on(tmp_path: Path) -> None:
    text = "".join(f'[[commission]]\nproduct = ""\nper = "value"\nrate = {rate}\nvalid_from = {day}\n'
                   for rate, day in ((0.01, "2020-01-01"), (0.02, "2026-11-25"), (0.03, "2026-11-26")))  # fmt: skip
    assert cost(tmp_path, text, SHARE, "10", "10") == 2


@pytest.mark.parametrize(("text", "said"), [
    ('like = "cheap"', "line 1, key like: input should be 'fixed' or 'tiered', it is 'cheap'"),
    ("", 'says nothing: write like = "fixed", or a [[commission]]'),
    ("like = fixed", "not TOML"),
    ("\nregulators = true\n", "line 2, key regulators: there is no key 'regulators'; did you mean 'regulatory'?"),
    ('like="fixed"\n[[commission]]\nproduct = "STK"\nrate = 1\n'
     '[[commission]]\nproduct = "OPT"\nrate = 1\nminimun = 2\n',
     "line 8, key commission.minimun: there is no key 'minimun'; did you mean 'minimum'?"),
    ('[[commission]]\nproduct = "STK"\n', "line 1, key commission: give either rate or tiers"),
    ('[[commission]]\nrate = 1\nproduct = "STOCK"\n',
     "line 3, key commission.product: there is no product 'STOCK'; did you mean 'STK'?"),
    ('[[commission]]\nrate = 1\nproduct = "stk"\n', "there is no product 'stk'; did you mean 'STK'?"),
    ('[[commission]]\nrate = 1\n', "line 1, key commission.product: the block has no product"),
    ('[[commission]]\nproduct = "STK"\nrate = "much"\n', "line 3, key commission.rate"),
    ('[[commission]]\nproduct = "STK"\nrate = nan\n', "line 3, key commission.rate"),
    ('[[commission]]\nproduct = "STK"\nrate = 1\nminimum = -1\n',
     "line 4, key commission.minimum: input should be greater than or equal to 0"),
    ('[[commission]]\nproduct = "STK"\ntiers = [{ up_to = 5, rate = 1 }]\n', "give up_to to every tier but the last"),
    ('[[commission]]\nproduct = "STK"\ntiers = [{ up_to = 5, rate = 1 }, { up_to = 4, rate = 1 }, { rate = 1 }]\n',
     "give up_to to every tier but the last"),
    ('[[commission]]\nproduct = "STK"\ntiers = [{ rates = 1 }]\n', "there is no key 'rates'; did you mean 'rate'?"),
    ('[[charge]]\nname = "x"\nproduct = "STK"\nrate = 1\nside = "short"\n', "line 5, key charge.side"),
])  # fmt: skip
def test_what_is_wrong_is_said_with_file_line_and_key(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "fees.toml"
    path.write_text(text)
    with pytest.raises(GivenFileError) as raised:
        load_fees(path)
    assert str(raised.value).startswith(str(path))
    assert said in str(raised.value)


def test_a_file_that_is_not_there_or_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(GivenFileError, match="does not exist: name the file of fees"):
        load_fees(tmp_path / "none.toml")
    with pytest.raises(GivenFileError, match="cannot be read"):
        load_fees(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b"a = 1\nb = '\xe9'\n")
    with pytest.raises(GivenFileError, match=r"line 2 is not UTF-8"):
        load_fees(tmp_path / "latin.toml")
