"""The mix of messages of the ingest benchmark: 100 instruments, five streams each, as a busy US morning sends them.

Of 100 messages 30 are tick-by-tick trades, 35 quotes, 20 SMART depth, 14 L1 ticks and 1 a 5-second bar.
"""

import random
from collections.abc import Iterator

from capture.wire.text.framing import frame

INSTRUMENTS = 100
EXCHANGES = ("NASDAQ", "NYSE", "ARCA", "BATS", "IEX", "DRCTEDGE")
STREAMS = ("all_last", "quotes", "smart_depth", "ticks", "bars")

Ids = dict[str, list[int]]


def message(*fields: object) -> bytes:
    """Return a frame of these fields."""
    return frame(b"".join(str(field).encode() + b"\0" for field in fields))


def first_prices(seed: int = 7) -> list[float]:
    """Return about what the instruments of a mix cost at its beginning."""
    rng = random.Random(seed)
    return [100 + rng.random() * 200 for _ in range(INSTRUMENTS)]


def mix(ids: Ids, count: int, seed: int = 7, second: int = 1_770_000_000) -> Iterator[bytes]:
    """Yield `count` frames for the request ids of each stream, one id per instrument; the same for the same seed.

    The first are of a `second` since 1970.
    """
    rng = random.Random(seed)
    price = [100 + rng.random() * 200 for _ in range(INSTRUMENTS)]
    for n in range(count):
        pick, i = rng.random(), rng.randrange(INSTRUMENTS)
        price[i] += rng.choice((-0.01, 0, 0.01))
        second += n % 500 == 0
        p, size = round(price[i], 2), rng.randrange(1, 20) * 100
        if pick < 0.30:
            yield message(99, ids["all_last"][i], 2, second, p, rng.choice((100, 1, 5, 200, 37)),
                          rng.choice((0, 0, 0, 1, 2)), rng.choice(EXCHANGES), rng.choice(("", " T  I", " F")))
        elif pick < 0.65:
            other = rng.randrange(1, 20) * 100
            yield message(99, ids["quotes"][i], 3, second, p, round(p + 0.01, 2), size, other, 0)
        elif pick < 0.85:
            yield message(13, 1, ids["smart_depth"][i], rng.randrange(10), rng.choice(EXCHANGES), rng.randrange(3),
                          rng.randrange(2), p, size, 1)
        elif pick < 0.92:
            yield message(1, 6, ids["ticks"][i], rng.choice((1, 2, 4)), p, size, 1)
        elif pick < 0.97:
            yield message(2, 6, ids["ticks"][i], rng.choice((0, 3, 5, 8)), size)
        elif pick < 0.99:
            yield message(46, 6, ids["ticks"][i], 45, second)
        else:
            yield message(50, 3, ids["bars"][i], second, p, p + 0.1, p - 0.1, p, 1000, p, 20)
