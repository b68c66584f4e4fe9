"""What is told of which trouble, in virtual time."""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.alerts.ledger import ALARM, FIRING, RESOLVED, ROUTINE, WARNING, Ledger

STEP_S = 5.0


def trouble(key: str = "line:main", severity: str = ALARM, **more: Any) -> dict[str, Any]:
    return {"key": key, "kind": key.partition(":")[0], "severity": severity, "name": key.partition(":")[2], **more}


class Days:
    """A ledger that is looked at every STEP_S, and what it told: when, what, of which trouble."""

    def __init__(self, **options: Any) -> None:
        self.ledger = Ledger(**{"for_s": 60.0, "keep_firing_s": 300.0, **options})
        self.now_s = 0.0
        self.told: list[tuple[float, str, str]] = []
        self.muted: Callable[[Any], bool] = lambda one: False

    def pass_by(self, lasts_s: float, *troubles: dict[str, Any]) -> "Days":
        for _ in range(round(lasts_s / STEP_S)):
            news = self.ledger.look(self.now_s, troubles, self.muted)
            self.told += [(self.now_s, status, one["key"]) for status, one in news]
            self.now_s += STEP_S
        return self

    def restart(self, away_s: float = 0.0) -> "Days":
        """Kill it, and begin anew with what is on disk."""
        known = json.loads(json.dumps(self.ledger.as_json()))
        self.ledger = Ledger(self.ledger.for_s, self.ledger.keep_firing_s, self.ledger.quiet)
        self.ledger.restore(known)
        self.now_s += away_s
        return self


def test_a_trouble_is_told_once_after_it_lasted_and_its_end_after_it_stayed_away() -> None:
    days = Days().pass_by(55).pass_by(3600, trouble()).pass_by(3600)
    assert days.told == [(115.0, FIRING, "line:main"), (55 + 3600 - STEP_S + 300, RESOLVED, "line:main")]


def test_what_does_not_last_is_not_told() -> None:
    assert Days().pass_by(60, trouble()).pass_by(600).told == []


def test_without_a_time_to_last_it_is_told_at_once() -> None:
    assert Days(for_s=0).pass_by(STEP_S, trouble()).told == [(0.0, FIRING, "line:main")]


def test_each_trouble_is_told_by_itself() -> None:
    days = Days().pass_by(300, trouble("line:main"), trouble("disk:data")).pass_by(600, trouble("disk:data"))
    assert [(status, key) for _, status, key in days.told] == [
        (FIRING, "line:main"), (FIRING, "disk:data"), (RESOLVED, "line:main")]  # fmt: skip


@pytest.mark.parametrize(("on_s", "off_s"), [(65, 30), (30, 30), (90, 295), (10, 50), (70, 60)])
def test_twenty_flaps_are_two_messages(on_s: float, off_s: float) -> None:
    """D27."""
    days = Days()
    for _ in range(20):
        days.pass_by(on_s, trouble()).pass_by(off_s)
    assert [status for _, status, _ in days.pass_by(7200).told] == [FIRING, RESOLVED]


def test_twenty_slow_flaps_are_told_ever_more_seldom() -> None:
    days = Days()
    for _ in range(20):
        days.pass_by(90, trouble()).pass_by(310)
    days.pass_by(7200)
    assert [status for _, status, _ in days.told] == [FIRING, RESOLVED] * 2


def test_what_comes_back_after_hours_is_held_no_longer_than_at_first() -> None:
    days = Days().pass_by(90, trouble()).pass_by(4200).pass_by(90, trouble()).pass_by(4200)
    assert [round(when) for when, status, _ in days.told if status is RESOLVED] == [385, 4675]


def test_worse_is_told_again_and_better_is_not() -> None:
    nearly, full = trouble("disk:data", WARNING, kind="disk-nearly-full"), trouble("disk:data", ALARM, kind="disk-full")
    days = Days().pass_by(300, nearly).pass_by(300, full).pass_by(300, nearly).pass_by(300, full)
    assert [status for _, status, _ in days.told] == [FIRING, FIRING]


def test_what_is_routine_is_not_told_and_counts_from_its_end() -> None:
    days = Days().pass_by(7200, trouble(severity=ROUTINE)).pass_by(600, trouble())
    assert days.told == [(7260.0, FIRING, "line:main")]


def test_routine_is_told_where_quiet_is_off() -> None:
    assert Days(quiet=False).pass_by(120, trouble(severity=ROUTINE)).told == [(60.0, FIRING, "line:main")]


def test_what_was_told_stays_told_through_a_restart_window() -> None:
    days = Days().pass_by(120, trouble()).pass_by(7200, trouble(severity=ROUTINE)).pass_by(600, trouble())
    assert days.told == [(60.0, FIRING, "line:main")]
    assert days.pass_by(600).told[1:] == [(7920 - STEP_S + 300, RESOLVED, "line:main")]


def test_what_was_told_and_ended_while_muted_is_told_to_be_over_when_the_mute_ends() -> None:
    """D41: of three troubles, one told before, one that began and ended meanwhile, one that began and lasts."""
    days = Days().pass_by(120, trouble("line:a"))
    days.muted = lambda one: True
    days.pass_by(600, trouble("line:a"), trouble("line:b")).pass_by(1200, trouble("line:c"))
    assert [key for _, _, key in days.told] == ["line:a"]
    ended_s, days.muted = days.now_s, lambda one: False
    days.pass_by(STEP_S, trouble("line:c"))
    assert days.told[1:] == [(ended_s, RESOLVED, "line:a"), (ended_s, FIRING, "line:c")]


def test_a_mute_holds_back_only_what_it_names() -> None:
    days = Days()
    days.muted = lambda one: one["name"] == "AAPL trades"
    days.pass_by(120, trouble("stream:AAPL trades"), trouble("stream:MSFT trades"))
    assert [key for _, _, key in days.told] == ["stream:MSFT trades"]


@pytest.mark.parametrize("away_s", [0.0, 10.0, 86_400.0])
def test_a_restart_tells_nothing_twice_and_forgets_nothing(away_s: float) -> None:
    days = Days().pass_by(120, trouble()).restart(away_s).pass_by(120, trouble())
    assert [status for _, status, _ in days.told] == [FIRING]
    assert [status for _, status, _ in days.restart(away_s).pass_by(600).told] == [FIRING, RESOLVED]


def test_time_in_which_nobody_looked_is_no_proof_of_trouble() -> None:
    days = Days().pass_by(10, trouble()).restart(86_400.0).pass_by(15, trouble())
    assert days.told == []


def test_a_clock_that_is_set_back_does_no_harm() -> None:
    days = Days().pass_by(30, trouble())
    days.now_s -= 7200
    assert [status for _, status, _ in days.pass_by(60, trouble()).told] == [FIRING]


def on_and_off(draw: Any) -> Iterator[tuple[float, list[str], bool]]:
    for _ in range(draw(st.integers(1, 15))):
        keys = draw(st.lists(st.sampled_from("abc"), unique=True))
        yield draw(st.integers(1, 70)) * STEP_S, keys, draw(st.booleans())


@st.composite
def lives(draw: Any) -> list[tuple[float, list[str], bool]]:
    return list(on_and_off(draw))


def spans(life: Iterable[tuple[float, list[str], bool]], days: Days) -> None:
    for lasts_s, keys, muted in life:
        days.muted = lambda one, muted=muted: muted  # type: ignore[misc]
        days.pass_by(lasts_s, *(trouble(f"line:{key}") for key in keys))


@settings(max_examples=40)
@given(lives())
def test_messages_of_a_trouble_take_turns_and_all_is_said_in_the_end(life: list[tuple[float, list[str], bool]]) -> None:
    days = Days()
    spans(life, days)
    days.muted = lambda one: False
    days.pass_by(4200)
    for key in "abc":
        said = [status for _, status, told in days.told if told == f"line:{key}"]
        assert said == [FIRING, RESOLVED] * (len(said) // 2)
    assert days.pass_by(3700).ledger.entries == {}


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 200)), min_size=1, max_size=80))
def test_flapping_of_any_kind_is_bounded(flaps: list[tuple[int, int]]) -> None:
    """No hour without an end has more than the doubling allows: holds of 5, 10, 20, 40, 60, 60 … min lie between."""
    days = Days()
    for on, off in flaps:
        days.pass_by(on * STEP_S, trouble()).pass_by(off * STEP_S)
    hours = days.now_s / 3600
    assert len(days.told) <= 2 * (5 + hours)


@settings(max_examples=40)
@given(lives(), st.integers(0, 50))
def test_a_restart_at_any_moment_changes_nothing(life: list[tuple[float, list[str], bool]], moment: int) -> None:
    straight, broken = Days(), Days()
    spans(life, straight)
    for place, part in enumerate(life):
        spans([part], broken)
        if place == moment % len(life):
            broken.restart()
    assert broken.told == straight.told
