"""What is known of each account stream, from the requests that bring its rows."""

from collections.abc import Iterable
from dataclasses import dataclass

from .errand import Errand, Known


@dataclass(frozen=True, slots=True)
class KnownStream:
    """A stream of an account, or of all where `account` is empty: what is known of it, and since when it was last told.

    `rows` came since the recorder began, the last of them, or IB's word that there are none, at `last_s`. `problem`
    says why something of it is not known, with IB's `code` or None. `positions` are asked for one by one.
    """

    stream: str
    account: str
    known: Known
    rows: int
    last_s: float | None
    problem: str
    code: int | None
    positions: int


def known_streams(errands: Iterable[Errand]) -> list[KnownStream]:
    """Return the streams in the order of their requests; of one that takes several, all must be answered."""
    places: dict[tuple[str, str], list[Errand]] = {}
    for errand in errands:
        places.setdefault((errand.ask.stream, errand.account), []).append(errand)
    return [_known(stream, account, of) for (stream, account), of in places.items()]


def _known(stream: str, account: str, errands: list[Errand]) -> KnownStream:
    whole = [one for one in errands if one.con_id is None]
    states = {one.known for one in whole}
    known = next(state for state in (Known.UNKNOWN, Known.ROWS, Known.EMPTY) if state in states or not states)
    trouble = next((one for one in errands if one.problem), None)
    times = [one.last_s for one in errands if one.last_s is not None]
    return KnownStream(stream, account, known, sum(one.rows for one in errands), max(times, default=None),
                       trouble.problem if trouble else "", trouble.code if trouble else None,
                       len(errands) - len(whole))
