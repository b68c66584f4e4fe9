"""What the page Account asks of a lake: one account as of a moment, by its alias; never a sum over accounts."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from capture.account_alias import is_paper
from capture.lake.sql_text import NEWEST_GAPS
from capture.query import AskedError, LakeReader
from capture.query.account.shown_accounts import ShownAccounts
from capture.query.account.shown_figures import FIGURES
from capture.session.accounts.asks import ASKS, PNL_SILENT_S
from capture.suggestion import unknown

from .alert_view import alerts
from .lake_answers import ANSWERS, Answering, Given, Values, utc_moment

NOT_SHOWN = "accounts are not shown here: `ticktape serve --accounts` shows them"
NEW_YORK = ZoneInfo("America/New_York")  # whose midnight begins the day that profits are reckoned from
EXPOSED_BY = ("sector", "currency", "class")
MOST_GAPS = 1_000
MONEY = {True: "paper", False: "live", None: ""}
_GAPS = f"""
select stream, state, from_ts, to_ts, epoch(least(coalesce(to_ts, $at), $at) - from_ts) as lasted_s, reason,
       rows_restored
from {NEWEST_GAPS} where stream in (select unnest($streams)) and (account is null or account = $account)
  and coalesce(to_ts, $at) > $since and from_ts < $at
order by from_ts, stream
"""
_STREAMS = sorted({ask.stream for ask in ASKS})
_PLACES = {tag: place for place, tag in enumerate(FIGURES)}


def account(lake: LakeReader, given: Given) -> Values:
    """Return values, positions and profits of an account as of a moment (default: now), with ages and sources.

    `account` is its alias, the first one without; `accounts` are all there are, and `money` says of each whether it is
    live or paper, "" where that is not known. `profits` are those of the day, `gaps` the times of that day in which
    nothing was recorded of it.
    """
    at, shown = _at(given), ShownAccounts(lake.sql, None)
    aliases = shown.aliases
    if not aliases:
        return {"at": at, "accounts": [], "money": {}, "account": None}
    name = _named(given, aliases)
    start = datetime.combine(at.astimezone(NEW_YORK).date(), datetime.min.time(), NEW_YORK).astimezone(UTC)
    told = {"at": at, "since": start, "account": name, "streams": _STREAMS}
    gaps = lake.sql(_GAPS, told).arrow().to_pylist()
    return {
        "at": at, "accounts": list(aliases.values()), "account": aliases[name],
        "money": {alias: MONEY[is_paper(one)] for one, alias in aliases.items()}, "gaps": gaps[:MOST_GAPS],
        "values": _values(_rows(lake.account(at, accounts=name).arrow(), shown)),
        "positions": _rows(lake.positions(at, accounts=name).arrow(), shown),
        "since": start, "profits": [_aged(row, at) for row in _rows(lake.pnl(start, at, accounts=name).arrow(), shown)],
    }  # fmt: skip


def account_risk(lake: LakeReader, given: Given) -> Values:
    """Return exposure of an account and what it would gain at each point of the grid, as of a moment (default: now).

    Money is in the account's base currency. `prices` say by source how many holdings are priced by it, and how old the
    oldest such price is; `stale` and `unknown` whether IB's word on what is held is.
    """
    at = _at(given)
    shown = ShownAccounts(lake.sql, None)
    name = _named(given, shown.aliases)
    held = lake.holdings(at, accounts=name)  # once for all that follows: it is most of the work
    moved = lake.stress(held=held)
    return {
        "at": at, "currency": held.market.base_currency, "stale": bool(held.stale), "unknown": bool(held.unknown),
        "prices": _prices([(one.price_source, one.price_ts_us) for one in held.holdings if one.price is not None], at),
        "exposure": {by: _rows(lake.exposure(by, held=held).arrow(), shown) for by in EXPOSED_BY},
        "stress": moved.totals.to_pylist(), "worst": moved.worst, "unpriced": _rows(moved.unpriced, shown),
    }  # fmt: skip


def _at(given: Given) -> datetime:
    return utc_moment(given.get("at")) or datetime.now(UTC)


def _named(given: Given, aliases: Mapping[str, str]) -> str:
    """Return the name of the account with the alias that is asked for. Raises AskedError, which names aliases only."""
    names = {alias: name for name, alias in aliases.items()}
    if not names:
        raise AskedError("no account was recorded; [accounts] in ticktape.toml says which are")
    wanted = given.get("account") or next(iter(names))
    if wanted not in names:
        raise AskedError(unknown("account", wanted, list(names)))
    return names[wanted]


def _rows(table: Any, shown: ShownAccounts) -> list[dict[str, Any]]:
    """Return rows without the account, which a page names once; where texts repeat its name, with the alias."""
    return [{name: value for name, value in row.items() if name != "account"} for row in shown.rows(table.to_pylist())]


def _values(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return values in the order in which they are read, each with whether it is one of the first."""
    told = [row | {"is_figure": row["tag"] in _PLACES and row["segment"] is None} for row in rows]
    return sorted(told, key=lambda row: (not row["is_figure"], _PLACES.get(row["tag"], len(_PLACES)), row["tag"],
                                         row["segment"] or "", row["currency"] or ""))  # fmt: skip


def _aged(row: dict[str, Any], at: datetime) -> dict[str, Any]:
    """Return profits with the ages of IB's word and of the price; IB sends its word each second, or it is stale."""
    said_s, price_s = (None if row[name] is None else (at - row[name]).total_seconds()
                       for name in ("reported_ts", "end_mark_ts"))  # fmt: skip
    return row | {"reported_age_s": said_s, "price_age_s": price_s,
                  "is_stale": said_s is not None and said_s > PNL_SILENT_S}  # fmt: skip


def _prices(found: list[tuple[str, int | None]], at: datetime) -> list[dict[str, Any]]:
    """Return by source how many prices there are, and how old the oldest is."""
    sources: dict[str, list[float]] = {}
    for source, ts_us in found:
        assert ts_us is not None, "a price has its time"
        sources.setdefault(source, []).append(at.timestamp() - ts_us / 1e6)
    return [{"source": source, "count": len(ages), "oldest_age_s": max(ages)} for source, ages in sources.items()]


ACCOUNT_ANSWERS: Mapping[str, Answering] = {one.__name__: one for one in (account, account_risk)}


def answers(*, accounts: bool) -> dict[str, Answering]:
    """Return what may be asked, by name."""
    return {**ANSWERS, "alerts": partial(alerts, accounts=accounts), **(ACCOUNT_ANSWERS if accounts else {})}
