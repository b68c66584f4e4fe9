"""The recorded instruments as contracts: what IB's details said of them at a moment."""

import json
from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from capture.decode.control_rows import CONTRACT_COLUMNS
from capture.times import DAY_US
from capture.wanted.hours import Hours, parse_hours

from .store import Store

Details = dict[str, Any]

_ROWS = 'select * exclude (date) from instruments order by instrument_id, ts, recorder, seq, "row"'

RIGHTS = {"CALL": "C", "PUT": "P", "0": "", "?": ""}
NAMING = ("con_id", "local_symbol", "sec_id", "sec_type")  # a search needs one of these

# Field of message 10 -> column, beside those of CONTRACT_COLUMNS.
_FIELDS = {
    **{field: column for column, field in CONTRACT_COLUMNS.items()},
    "con_id": "instrument_id", "local_symbol": "symbol", "symbol": "ib_symbol", "sec_type": "security_type",
    "strike": "strike", "under_con_id": "underlying_id", "last_trade_date_only": "last_trade_date",
    "size_min_tick": "size_increment",
}  # fmt: skip
_OF_BONDS = frozenset({
    "cusip", "coupon", "maturity", "issue_date", "ratings", "bond_type", "coupon_type", "convertible", "callable",
    "puttable", "description", "next_option_date", "next_option_type", "next_option_partial", "notes"})  # fmt: skip
_NUMBERS = ("strike", "under_con_id", "min_tick", "price_magnifier", "ev_multiplier")


class Contracts:
    """Finds instruments as IB does. `con_ids` are those to be found; None: all."""

    def __init__(self, store: Store, con_ids: frozenset[int] | None = None) -> None:
        self._wanted = con_ids
        self._parts: list[pa.Table] = []  # of rows, and at which place each begins
        self._begins: list[int] = []
        self._places: dict[int, list[int]] = {}
        self._ts_us: list[int] = []
        self._details: dict[int, Details] = {}
        self._hours: dict[int, Hours | None] = {}
        self.take(store.there(store.query(_ROWS)))

    def take(self, rows: pa.Table) -> None:
        """Take in rows of `instruments`."""
        begin = len(self._ts_us)
        self._parts.append(rows)
        self._begins.append(begin)
        self._ts_us += rows["ts"].cast(pa.int64()).to_pylist()
        for place, con_id in enumerate(rows["instrument_id"].to_pylist(), begin):
            if self._wanted is None or con_id in self._wanted:
                places = [*self._places.get(con_id, []), place]
                self._places[con_id] = sorted(places, key=self._ts_us.__getitem__)

    @property
    def con_ids(self) -> set[int]:
        """The instruments that can be found."""
        return set(self._places)

    def find(self, at_us: int, contract: Mapping[str, Any]) -> list[Details]:
        """Return the details of every instrument that a contract may mean, as they were known at a moment."""
        right = str(contract.get("right") or "").upper()
        wanted = {name: value for name, value in {**contract, "right": RIGHTS.get(right, right)}.items()
                  if value and name in _MATCHES}  # fmt: skip
        if not any(name in wanted for name in NAMING):
            return []
        con_ids = [wanted["con_id"]] if "con_id" in wanted else sorted(self._places)
        known = [details for con_id in con_ids if (details := self.at(con_id, at_us)) is not None]
        found = [one for one in known if all(_MATCHES[name](one, value) for name, value in wanted.items())]
        return [one | {"exchange": wanted.get("exchange") or one["exchange"]} for one in found]

    def at(self, con_id: int, at_us: int) -> Details | None:
        """Return what was known of an instrument at a moment, None for one that was not.

        The details that a recorder asks for before all else count for the day before, too: what it then records may
        be a moment older, and the contract was there.
        """
        place = self._place(con_id, at_us)
        if place is None:
            return None
        if place not in self._details:
            self._details[place] = _details(self._row(place))
        return self._details[place]

    def hours(self, con_id: int, at_us: int) -> list[Hours]:
        """Return the trading hours that were known of an instrument at a moment, oldest first."""
        last = self._place(con_id, at_us)
        places = self._places.get(con_id, [])
        places = [] if last is None else places[: places.index(last) + 1]
        for place in places:
            if place not in self._hours:
                row = self._row(place)
                self._hours[place] = parse_hours(row["trading_hours"], row["liquid_hours"], row["time_zone"])
        return [hours for place in places if (hours := self._hours[place]) is not None]

    def _row(self, place: int) -> dict[str, Any]:
        number = bisect_right(self._begins, place) - 1
        row: dict[str, Any] = self._parts[number].slice(place - self._begins[number], 1).to_pylist()[0]
        return row

    def _place(self, con_id: int, at_us: int) -> int | None:
        places = self._places.get(con_id, [])
        number = bisect_right([self._ts_us[place] for place in places], at_us)
        if number:
            return places[number - 1]
        return places[0] if places and self._ts_us[places[0]] < at_us + DAY_US else None


def _details(row: dict[str, Any]) -> Details:
    """Return a row of `instruments` as the fields of message 10; an absent text is empty, an absent number 0."""
    details = {field: row[column] for field, column in _FIELDS.items() if field not in _OF_BONDS}
    details = {field: "" if value is None and field not in _SIZES else value for field, value in details.items()}
    # Before version 2 of the table the date and the time as sent, but not their zone.
    before = (row["last_trade_date"], row["last_trade_time"], row["last_trade_time"] and row["time_zone"])
    return details | {field: row[_FIELDS[field]] or 0 for field in _NUMBERS} | {
        "last_trade_date": row["last_trade"] or " ".join(word for word in before if word),
        "sec_ids": [{"tag": tag, "value": value} for tag, value in json.loads(row["security_ids"] or "{}").items()],
        "ineligibility_reasons": [{"id": id_, "description": text} for id_, text in
                                  json.loads(row["ineligibility_reasons"] or "{}").items()],
        **json.loads(row["fund"] or "{}"),
    }  # fmt: skip


_SIZES = frozenset({"size_min_tick", "min_size", "size_increment", "suggested_size_increment", "agg_group"})


def _same(name: str) -> Callable[[Details, Any], bool]:
    return lambda details, value: bool(details[name] == value)


def _number(text: str) -> float | str:
    """Return a text as a number, as it is where it is none: clients write 100 and 100.0, and sometimes anything."""
    try:
        return float(text)
    except ValueError:
        return text


# How a field of a contract is compared with an instrument. Other fields do not narrow a search.
_MATCHES: dict[str, Callable[[Details, Any], bool]] = {
    **{name: _same(name) for name in ("con_id", "symbol", "sec_type", "strike", "right", "currency", "local_symbol",
                                      "trading_class", "primary_exchange")},
    "exchange": lambda details, value: value in (details["exchange"], *details["valid_exchanges"].split(",")),
    "last_trade_date": lambda details, value: details["last_trade_date_only"].startswith(value.strip().split(" ")[0]),
    "multiplier": lambda details, value: _number(details["multiplier"] or "1") == _number(value),
    "sec_id": lambda details, value: value in [pair["value"] for pair in details["sec_ids"]],
}
