"""Which addresses the page is served on, and called by."""

from pathlib import Path

import pytest

from capture.serve import serving
from capture.serve.gate import Names
from capture.serve.serving import ServeError, Wanted, sql_off

DATA, PEM = Path("data"), Path("x.pem")


def test_this_machine_calls_it_by_three_names() -> None:
    assert Wanted(DATA).names(8017) == Names(
        ("http://127.0.0.1:8017", "http://localhost:8017", "http://[::1]:8017"))


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "::", "ticktape.example"])
def test_other_machines_are_let_in_only_with_tls_or_behind_a_proxy(host: str) -> None:
    with pytest.raises(ServeError, match="--tls-certificate and --tls-key, or --behind-proxy"):
        Wanted(DATA, host).names(8017)
    assert Wanted(DATA, host, certificate=PEM, key=PEM).names(8017).secure
    names = Wanted(DATA, host, behind_proxy=True, origin="https://ticktape.example").names(8017)
    assert names.hosts == {"ticktape.example"}
    assert names.secure


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_this_machine_needs_neither(host: str) -> None:
    assert not Wanted(DATA, host).names(8017).secure


def test_what_goes_together_is_told() -> None:
    with pytest.raises(ServeError, match="go together"):
        Wanted(DATA, certificate=PEM).names(8017)
    with pytest.raises(ServeError, match="needs --origin"):
        Wanted(DATA, behind_proxy=True).names(8017)
    with pytest.raises(ServeError, match="is none"):
        Wanted(DATA, origin="ticktape.example").names(8017)


def test_the_port_of_the_scheme_is_left_out_by_browsers() -> None:
    assert Names(("https://ticktape.example:443",)).hosts == {"ticktape.example:443", "ticktape.example"}


def test_questions_in_sql_are_off_where_the_kernel_cannot_confine_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "landlock_version", lambda: 0)
    assert "no Landlock" in str(sql_off(Wanted(DATA)))
    assert sql_off(Wanted(DATA, sql_without_landlock=True)) is None
    monkeypatch.setattr(serving, "landlock_version", lambda: 1)
    assert sql_off(Wanted(DATA)) is None
