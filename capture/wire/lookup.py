"""Request ids to what they stand for, for whole columns at once."""

from functools import cache, cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.wire.messages.data_types import DATA_TYPES
from capture.wire.messages.ticktypes import LIVE_OF_DELAYED, tick_name

from .context import Context

Numbers = npt.NDArray[np.int64]

ORIGINS = (*DATA_TYPES.values(), "backfill")
LIVE, DELAYED, BACKFILL = 0, 2, 4  # places in ORIGINS


# Request ids up to this find their place in an array; a session's count up from 1. Beyond, by a search.
_MOST_BY_ID = 1 << 20


class Lookup:
    """What the request ids of a session stand for, as arrays with one place per request; `zone` is the session's."""

    def __init__(self, context: Context) -> None:
        self.zone = context.zone
        requests = sorted(context.requests.values(), key=lambda request: request.request_id)
        self._ids = np.array([r.request_id for r in requests], np.int64)
        # One more place at the end: the index -1 of an unknown request.
        known = [-1 if r.instrument_id is None else r.instrument_id for r in requests]
        self._instruments = np.array([*known, -1], np.int64)
        highest = int(self._ids[-1]) if len(self._ids) else -1
        self._by_id = np.full(max(0, min(highest + 1, _MOST_BY_ID)), -1, np.int64)
        small = self._ids[(self._ids >= 0) & (self._ids < len(self._by_id))]
        self._by_id[small] = np.searchsorted(self._ids, small)
        types = [r.data_type if r.data_type in DATA_TYPES else 1 for r in requests]
        self._origins = np.array([*types, 1], np.int8) - 1
        self._requests = requests
        self._texts: dict[str, tuple[npt.NDArray[np.int32], pa.Array]] = {}  # made once they are asked for

    def places(self, request_ids: Numbers) -> Numbers:
        """Return the place of each request id, -1 for one that is not known."""
        if not len(self._ids):
            return np.full(len(request_ids), -1, np.int64)
        if len(request_ids) and request_ids.min() >= 0 and request_ids.max() < len(self._by_id):
            known: Numbers = self._by_id[request_ids]
            return known
        places = np.searchsorted(self._ids, request_ids)
        places[places == len(self._ids)] = 0
        places[self._ids[places] != request_ids] = -1
        return places

    def instruments(self, places: Numbers) -> pa.Array:
        """Return the contract ids at these places, null for an unknown request."""
        codes = self._instruments[places]
        return pa.array(codes, mask=codes < 0) if len(codes) and codes.min() < 0 else pa.array(codes)

    def text(self, name: str, places: Numbers) -> pa.Array:
        """Return symbol, stream, bar_size or what at these places, dictionary-encoded, null for an unknown one."""
        if name not in self._texts:
            self._texts[name] = _distinct([getattr(request, name) for request in self._requests])
        codes, values = self._texts[name]
        return encoded(codes[places], values)

    def regular_hours(self, places: Numbers) -> pa.Array:
        """Return whether the bars at these places are of regular hours only."""
        return self._regular_hours.take(_indices(places))

    @cached_property
    def _regular_hours(self) -> pa.Array:
        return pa.array([request.regular_hours for request in self._requests], pa.bool_())

    def origins(self, places: Numbers) -> npt.NDArray[np.int8]:
        """Return each row's origin as an index into ORIGINS, live for an unknown request."""
        origins: npt.NDArray[np.int8] = self._origins[places]
        return origins


def _indices(places: npt.NDArray[Any]) -> pa.Array:
    return pa.array(places, mask=places < 0) if len(places) and places.min() < 0 else pa.array(places)


def _distinct(texts: list[str | None]) -> tuple[npt.NDArray[np.int32], pa.Array]:
    """Return each text's place among the distinct ones, -1 for None and once more at the end, and these."""
    array = pa.array(texts, pa.string()).dictionary_encode()
    codes = np.append(array.indices.fill_null(-1).to_numpy(), -1).astype(np.int32)
    return codes, array.dictionary


def encoded(indices: npt.NDArray[Any], values: pa.Array) -> pa.Array:
    """Return a dictionary-encoded text column; an index of -1 is a null."""
    return pa.DictionaryArray.from_arrays(_indices(indices.astype(np.int32, copy=False)), values)


@cache
def words(texts: tuple[str, ...]) -> pa.Array:
    """Return texts as an array: made once it is wanted, as pyarrow looks for pandas for the first one."""
    return pa.array(texts)


def constant(text: str, count: int) -> pa.Array:
    """Return a dictionary-encoded text column that says the same in every row."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), pa.array([text]))


# Past this number a tick type gets its name one by one; IB's own reach to 110.
_MOST_NAMED = 1_000
_DELAYED = np.zeros(_MOST_NAMED, np.bool_)
_DELAYED[list(LIVE_OF_DELAYED)] = True


@cache
def _names() -> pa.Array:
    return words(tuple(tick_name(number) for number in range(_MOST_NAMED)))


def tick_names(tick_types: Numbers) -> pa.Array:
    """Return IB's names of tick types, dictionary-encoded."""
    if not len(tick_types) or (tick_types.min() >= 0 and tick_types.max() < _MOST_NAMED):
        return encoded(tick_types, _names())
    numbers, indices = np.unique(tick_types, return_inverse=True)
    return encoded(indices, pa.array([tick_name(int(number)) for number in numbers]))


def is_delayed(tick_types: Numbers) -> npt.NDArray[np.bool_]:
    """Return which tick types carry delayed data by their number alone."""
    known = (tick_types >= 0) & (tick_types < _MOST_NAMED)
    return known & _DELAYED[np.where(known, tick_types, 0)]
