"""Orders and fills per second of the paper broker's core, against nautilus_trader's BacktestEngine.

    python -m bench.broker [--rows 200000] [--rounds 3] [--spread CENTS]

A market maker keeps an order at the bid and one at the ask, moves both with every quote that has other prices, and
places a new one when one is filled. Both cores get the same rows of one instrument, quotes and trades; reading them is
not timed, the strategy is. With the usual spread every second quote goes through one of the orders and fills it, with
--spread 4 none does.

Ours checks every order and move against the rules and the account's margin, and charges fees; nautilus_trader's checks
are off, and its margins and fees zero. Both tell their client of every order, move and fill: ours as the messages that
IB would send, each made when it is read, nautilus_trader as its events. Ours fills by nautilus_trader's rule: an order
fills once the other side is quoted at its price, a trade there does not fill it. That the orders, moves and fills of
both are equally many, and that none was refused, is checked. In turn, each in a process of its own.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from capture.gateway.broker.account.account import Account
from capture.gateway.broker.account.account_till import AccountTill
from capture.gateway.broker.account.ledger import Ledger
from capture.gateway.broker.exchange.displayed import Quote, Trade
from capture.gateway.broker.exchange.matching import Fills
from capture.gateway.broker.exchange.rules import Rules
from capture.gateway.broker.fees import Fees
from capture.gateway.broker.fees.schedule import SCHEDULES
from capture.gateway.broker.paper import Paper
from capture.gateway.broker.reports import Reports
from capture.gateway.broker.security import Security
from capture.wire.text.codec import request_codec

from .rivals.environment import command_of

BEGIN_US = 1_795_446_000_000_000  # 2026-11-23T15:00Z
EVERY_US = 1_000
OF = Security(1, "S0", "STK", "USD", exchange="SMART", local_symbol="S0")
SIZE = 100
STEPS = (-2, -1, 1, 2)  # in cents
SPREAD = 2  # likewise: a quote that goes two cents on reaches the order at the side that it goes to
AT_TOUCH_OF_QUOTES = Rules(Fills.STRICT, penetration_ticks=0)
COUNTS = ("orders", "moves", "fills", "refused")


def market(count: int, spread: int = SPREAD, seed: int = 7) -> pa.Table:
    """Return rows of a busy stock: two quotes at other prices than before, and then a trade at one of its sides."""
    rng = random.Random(seed)
    price = 20_000
    rows: list[tuple[Any, ...]] = []
    for number in range(count):
        at_us = BEGIN_US + number * EVERY_US
        if number % 3 < 2:
            price += rng.choice(STEPS)
            rows.append(("quote", at_us, price / 100, 100.0 * rng.randrange(1, 20), (price + spread) / 100,
                         100.0 * rng.randrange(1, 20), None, None, None, number))  # fmt: skip
        else:
            is_sold = rng.random() < 0.5
            traded = (price if is_sold else price + spread) / 100
            rows.append(("trade", at_us, None, None, None, None, traded, 100.0 * rng.randrange(1, 20),
                         is_sold, number))  # fmt: skip
    names = ("kind", "ts", "bid_price", "bid_size", "ask_price", "ask_size", "price", "size", "is_sold", "seq")
    found = pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))
    ts = found["ts"].cast(pa.timestamp("us", tz="UTC"))
    return found.set_column(1, "ts", ts).append_column("ts_event", ts)


class Maker:
    """Keeps an order at the bid and one at the ask, as a client would: by ids, and by what it is told."""

    def __init__(self, paper: Paper) -> None:
        self.paper = paper
        self.ids: dict[str, int] = {}
        self.prices: dict[str, float] = {}
        self.last_id = self.orders = self.moves = self.fills = self.refused = 0
        codec = request_codec(200)
        asked = codec.encode("place_order", order_id=1, con_id=OF.con_id, symbol=OF.symbol, sec_type=OF.sec_type,
                             exchange="SMART", currency="USD", action="BUY", total_quantity=SIZE, order_type="LMT",
                             limit_price=1.0, transmit=True, time_in_force="DAY")  # fmt: skip
        self.wanted = dict(codec.decode(asked).values)

    def quoted(self, quote: Quote) -> None:
        """Move both orders."""
        self.listen()
        self.keep(quote.at_us, "BUY", quote.bid)
        self.keep(quote.at_us, "SELL", quote.ask)

    def keep(self, at_us: int, action: str, price: float) -> None:
        """Have an order of one side at a price."""
        if action not in self.ids:
            self.last_id += 1
            self.ids[action] = self.last_id
            self.orders += 1
        elif self.prices[action] != price:
            self.moves += 1
        else:
            return
        self.prices[action] = price
        values = self.wanted | {"action": action, "limit_price": price}
        self.paper.place(at_us, 1, self.ids[action], OF, values)

    def listen(self) -> None:
        """Take what was told."""
        for told in self.paper.reports.take():
            if told.name == "execution_details":
                self.fills += 1
            elif told.name == "error":
                self.refused += 1
            elif told.name == "order_status" and told.values["status"] == "Filled":
                self.ids = {action: one for action, one in self.ids.items() if one != told.values["order_id"]}


def play(rows_file: str) -> dict[str, Any]:
    """Run rows through the broker's core, with an account behind it."""
    rows = pq.read_table(rows_file)
    events = [_event(row) for row in zip(*(_column(rows, name) for name in rows.column_names), strict=True)]
    held = Account("DU1234567", "margin", Ledger("USD", {"USD": Decimal(1_000_000_000)}))
    paper = Paper(AccountTill(held, Fees(SCHEDULES["fixed"])), Reports("DU1234567", "US/Eastern"),
                  AT_TOUCH_OF_QUOTES, lambda *_: (), lambda *_: 0.01)  # fmt: skip
    maker = Maker(paper)
    begin, begin_cpu = time.perf_counter(), time.process_time()
    quote = Quote(0, float("nan"), 0.0, float("nan"), 0.0)
    for event in events:
        if isinstance(event, Quote):
            quote = event
            paper.quote(OF.con_id, event)
            maker.quoted(event)
        else:
            paper.trade(OF.con_id, event._replace(quote=quote))
    maker.listen()
    return {"seconds": time.perf_counter() - begin, "cpu_seconds": time.process_time() - begin_cpu,
            **{name: getattr(maker, name) for name in COUNTS}}  # fmt: skip


def _column(rows: pa.Table, name: str) -> list[Any]:
    column = rows[name].cast(pa.int64()) if name.startswith("ts") else rows[name]
    found: list[Any] = np.asarray(column.to_numpy()).tolist()
    return found


def _event(row: tuple[Any, ...]) -> Quote | Trade:
    kind, ts_us, bid, bid_size, ask, ask_size, price, size, *_ = row
    return Quote(ts_us, bid, bid_size, ask, ask_size) if kind == "quote" else Trade(ts_us, price, size)


def main() -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--spread", type=int, default=SPREAD)
    parser.add_argument("--play", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.play:
        print(json.dumps(play(given.play)))
        return
    with tempfile.TemporaryDirectory() as folder:
        rows_file = Path(folder) / "rows.parquet"
        pq.write_table(market(given.rows, given.spread), rows_file)
        commands = {"ticktape": [sys.executable, "-m", "bench.broker", "--play", str(rows_file)],
                    "nautilus_trader": command_of("broker_nautilus", rows_file)}  # fmt: skip
        found: dict[str, list[dict[str, float]]] = {name: [] for name in commands}
        for _ in range(given.rounds):
            for name, command in commands.items():
                found[name].append(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))
                print(f"{name}: {found[name][-1]}", flush=True)
    counts = {tuple(one[name] for name in COUNTS) for rounds in found.values() for one in rounds}
    assert len(counts) == 1, f"the cores did not do the same: {counts}"
    orders, moves, fills, refused = counts.pop()
    assert not refused, f"{refused} of {orders + moves} were refused"
    print("core             orders and moves/s    fills/s     rows/s   orders and moves per CPU second  (medians)")
    for name, rounds in found.items():
        seconds, cpu_seconds = (median(one[clock] for one in rounds) for clock in ("seconds", "cpu_seconds"))
        by_time = f"{(orders + moves) / seconds:>18,.0f} {fills / seconds:>10,.0f} {given.rows / seconds:>10,.0f}"
        print(f"{name:<16} {by_time} {(orders + moves) / cpu_seconds:>33,.0f}")


if __name__ == "__main__":
    main()
