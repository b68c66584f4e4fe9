"""From what the user named to IB's one contract: asked once, kept over reconnects."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from capture.wanted.hours import Hours, parse_hours
from capture.wanted.instrument import Contract, Instrument
from capture.wire.last_trade import last_trade

from .backoff import Backoff

AHEAD_S = 12 * 3600.0  # contract details name the hours of some days; they are asked for again so long before the end
# How long to wait before they are asked for once more: some servers know no more than today's, and some do not answer.
AGAIN_S = (900.0, 4 * 3600.0)
MOST_CANDIDATES = 12  # more would push the message's beginning off the screen


@dataclass(slots=True)
class _Question:
    instrument: Instrument
    answers: list[dict[str, Any]] = field(default_factory=list)


class AmbiguousError(ValueError):
    """Several contracts fit; the text lists them with the word that picks each."""


class Resolver:
    """Asks for contract details and chooses among the answers.

    `resolved`, and `hours` with the trading hours where they can be read, are by the instrument's word.
    """

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self.instruments = list({instrument.word: instrument for instrument in instruments}.values())
        self.resolved: dict[str, Contract] = {}
        self.hours: dict[str, Hours | None] = {}
        self._open: dict[int, _Question] = {}
        self._refreshed: dict[str, tuple[Backoff, float]] = {}  # by word, with when it may be asked for again

    @property
    def waiting(self) -> list[Instrument]:
        """The instruments whose answers have not all come."""
        return [question.instrument for question in self._open.values()]

    def missing(self) -> list[Instrument]:
        """Return the instruments that are not resolved."""
        return [instrument for instrument in self.instruments if instrument.word not in self.resolved]

    def outdated(self, wall_s: float) -> list[Instrument]:
        """Return the resolved instruments whose hours will not be known for long, and that are to be asked for now."""
        words = {word for word, hours in self.hours.items() if hours and hours.end_s - wall_s < AHEAD_S}
        self._refreshed = {word: again for word, again in self._refreshed.items() if word in words}
        due = {word for word in words if wall_s >= self._refreshed.get(word, (None, 0.0))[1]}
        for word in due:
            backoff = self._refreshed[word][0] if word in self._refreshed else Backoff(*AGAIN_S)
            self._refreshed[word] = backoff, wall_s + backoff.next_s()
        return [instrument for instrument in self.instruments if instrument.word in due]

    def ask(self, instrument: Instrument, request_id: int) -> tuple[str, dict[str, Any]]:
        """Return name and values of the request that asks for an instrument."""
        self._open[request_id] = _Question(instrument)
        return "req_contract_details", {"request_id": request_id, **instrument.contract.values()}

    def answer(self, values: dict[str, Any]) -> None:
        """Take one contract details answer; one without a contract id names no contract."""
        question = self._open.get(values["request_id"])
        if question is not None and is_contract_id(values.get("con_id")):
            question.answers.append(values)

    def asked(self, request_id: int) -> Instrument | None:
        """Return the instrument that a request asks for, None where it is no open question."""
        question = self._open.get(request_id)
        return question.instrument if question else None

    def finish(self, request_id: int) -> Contract | None:
        """All answers of an open question are there: return the contract, None where there was no answer.

        Raises AmbiguousError where several contracts fit.
        """
        question = self._open.pop(request_id)
        contract = choose(question.instrument, question.answers)
        if contract is not None:
            self.resolved[question.instrument.word] = contract
            values = next(v for v in question.answers if v.get("exchange") in (contract.exchange, None, ""))
            self.hours[question.instrument.word] = parse_hours(
                values.get("trading_hours"), values.get("liquid_hours"), values.get("time_zone_id"))
        return contract

    def give_up(self, request_id: int) -> None:
        """Drop an open question."""
        del self._open[request_id]

    def forget_questions(self) -> None:
        """Drop all open questions: their session is over."""
        self._open.clear()


def is_contract_id(con_id: int | None) -> bool:
    """Return whether a contract can have this id."""
    return con_id is not None and con_id > 0


def choose(instrument: Instrument, answers: list[dict[str, Any]]) -> Contract | None:
    """Return the contract that the answers describe, None without answers.

    The same contract on several exchanges is one: the exchange asked for comes first, then SMART, then the primary
    one. Raises AmbiguousError where different contracts fit.
    """
    by_id: dict[int, list[Contract]] = {}
    for values in answers:
        contract = from_details(values)
        by_id.setdefault(contract.con_id, []).append(contract)
    if len(by_id) > 1:
        raise AmbiguousError(_candidates(instrument, [contracts[0] for contracts in by_id.values()]))
    for contracts in by_id.values():
        wished = instrument.contract.exchange
        return min(contracts, key=lambda c: (c.exchange != wished, c.exchange != "SMART",
                                             c.exchange != c.primary_exchange))  # fmt: skip
    return None


def from_details(values: dict[str, Any]) -> Contract:
    """Return the contract of a contract_details or bond_details answer, its date the exchange's."""
    given = {name: values.get(name) for name in Contract.__slots__}
    # TWS takes no text that is not ASCII (code 579); the contract id says enough.
    taken: dict[str, Any] = {name: value for name, value in given.items() if value is not None and str(value).isascii()}
    text = values.get("last_trade_date") or values.get("maturity") or ""
    last = last_trade(text, values.get("time_zone_id"), values.get("last_trade_date_only") or "")
    taken["last_trade_date"] = last.date or ""
    return Contract(**taken)


def _candidates(instrument: Instrument, contracts: list[Contract]) -> str:
    rows = [f"  conid:{c.con_id}@{c.exchange}  {_describe(c)}" for c in contracts[:MOST_CANDIDATES]]
    more = len(contracts) - len(rows)
    rows += [f"  … and {more} more"] if more else []
    return f"{instrument.word} fits {len(contracts)} contracts; name one of\n" + "\n".join(rows)


def _describe(contract: Contract) -> str:
    strike = "" if contract.strike in (None, 0) else f"{contract.strike:g}"
    words = (contract.sec_type, contract.local_symbol or contract.symbol, contract.last_trade_date, strike,
             contract.right, contract.multiplier and f"x{contract.multiplier}", contract.primary_exchange,
             contract.currency)  # fmt: skip
    return " ".join(word for word in words if word)
