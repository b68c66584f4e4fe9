"""Whose rows: accounts by their names, by aliases of commands, and by those of masked rows."""

import pytest

from capture.query.account import shown_accounts
from capture.query.account.shown_accounts import ShownAccounts
from capture.query.answer import AskedError


def test_where_rows_have_aliases_an_account_s_number_is_told_how_it_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["ACCOUNT-0A0B0C0D", "ACCOUNT-11111111"]
    monkeypatch.setattr(shown_accounts, "account_names", lambda _: names)
    shown = ShownAccounts(pytest.fail, "account 2")
    assert shown.chosen == ["ACCOUNT-11111111"]
    with pytest.raises(AskedError, match=r"mask_accounts.*`ticktape account`.*account 1, account 2"):
        ShownAccounts(pytest.fail, "U1234567")
    names[:] = ["U1", "U2"]
    with pytest.raises(AskedError) as told:
        ShownAccounts(pytest.fail, "U3")
    assert "mask_accounts" not in str(told.value)
