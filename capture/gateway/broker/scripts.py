"""Orders whose reference says what is to become of them, to try programs at any hour: `test:fill=10,correct=99.5`."""

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from math import isfinite

from capture.gateway.broker.orders.order import Order, Status
from capture.times import SECOND_US

from .interventions import InterventionError, bust, correct, fill
from .paper import Paper
from .report_holds import Hold, ReportHolds

PREFIX = "test:"
Script = Mapping[str, float]  # what is to happen, by its word


class ScriptError(ValueError):
    """A reference says nothing that can happen; the text says what can."""


class Scripts:
    """Lets happen what references of orders say; without `enabled` references mean nothing."""

    def __init__(self, paper: Paper, holds: ReportHolds, enabled: bool) -> None:
        self._paper = paper
        self._holds = holds
        self._enabled = enabled
        self._placed: set[int] = set()  # account-wide ids
        self._corrected: set[int] = set()
        if enabled:
            self._follow()

    def read(self, reference: str) -> Script:
        """Return what a reference says. Raises ScriptError for one that begins like that, and cannot be read."""
        if not (self._enabled and reference.startswith(PREFIX)):
            return {}
        return dict(_word(text) for text in reference.removeprefix(PREFIX).split(","))

    def placed(self, order: Order | None, script: Script, at_us: int) -> None:
        """Let happen what is to happen to an order as it is placed; a change of it is none."""
        if order is None or order.is_done or order.permanent_id in self._placed:
            return
        self._placed.add(order.permanent_id)
        if "late-commission" in script:
            self._delay(order, at_us + round(script["late-commission"] * SECOND_US))
        if "fill" in script:
            self._try(lambda: fill(self._paper, order, at_us, Decimal(str(script["fill"]))), order, at_us)

    def _follow(self) -> None:
        executions = self._paper.executions
        filled, ended = executions.filled, executions.ended

        def on_fill(order: Order, quantity: Decimal, at_us: int) -> None:
            filled(order, quantity, at_us)
            self._filled(order, at_us)

        def on_end(order: Order, at_us: int) -> None:
            ended(order, at_us)
            self._ended(order, at_us)

        executions.filled, executions.ended = on_fill, on_end

    def _filled(self, order: Order, at_us: int) -> None:
        """Correct the first execution of an order, or take it back."""
        script = self.read(order.values["order_reference"])
        if order.permanent_id in self._corrected or not script.keys() & {"correct", "bust"}:
            return
        self._corrected.add(order.permanent_id)
        execution_id = next(key for key, one in self._paper.executions.done.items()
                            if one.fill.permanent_id == order.permanent_id)  # fmt: skip
        if "correct" in script:
            self._try(lambda: correct(self._paper, execution_id, script["correct"], at_us), order, at_us)
        else:
            self._try(lambda: bust(self._paper, execution_id, at_us), order, at_us)

    def _ended(self, order: Order, at_us: int) -> None:
        script = self.read(order.values["order_reference"])
        if "fill-after-cancel" in script and order.status == Status.CANCELLED and order.remaining > 0:
            self._try(lambda: fill(self._paper, order, at_us), order, at_us)

    def _delay(self, order: Order, until_us: int) -> None:
        """Keep the commissions of an order back until a moment."""
        hold = Hold(lambda told: told.order == order.permanent_id and told.name == "commission_report")
        self._holds.add(hold)
        self._paper.timers.at(until_us, lambda at_us: self._paper.reports.again(self._holds.release(hold, at_us)))

    def _try(self, act: Callable[[], None], order: Order, at_us: int) -> None:
        """Do something, and tell the client where that cannot be."""
        try:
            act()
        except InterventionError as error:
            self._paper.reports.error(order, at_us, 399, f"Order Message:\n{error}")


def _word(text: str) -> tuple[str, float]:
    word, _, value = text.strip().partition("=")
    if word not in WORDS:
        raise ScriptError(f"'{text}' is no test of an order; these are: {', '.join(map(_written, WORDS))}")
    try:
        number = float(Decimal(value)) if WORDS[word] else 0.0
    except InvalidOperation:
        number = float("nan")
    if not isfinite(number) or number < 0 or bool(value) != bool(WORDS[word]):
        raise ScriptError(f"'{text}' cannot be read; write {_written(word)}")
    return word, number


def _written(word: str) -> str:
    return f"{PREFIX}{word}{'=' if WORDS[word] else ''}{WORDS[word]}"


# A word, and what its number is; empty for none.
WORDS = {
    "reject": "CODE", "fill": "QUANTITY", "late-commission": "SECONDS", "correct": "PRICE", "bust": "",
    "fill-after-cancel": ""}  # fmt: skip
