"""Inputs for tests/fuzz/frames.py: reads of golden frames by the thousand, some changed, field by field or not."""

import struct
from collections.abc import Iterator
from random import Random

from capture.wire.messages.shapes import MASS_IDS
from capture.wire.text.codec import message_id
from capture.wire.text.framing import frame
from tests.wire.test_decode import CONTROL, DATES, NO_NUMBERS, NUMBERS, ODD_NUMBERS, TEXTS
from tests.wire.test_golden import GOLDENS, payload_of

from .frames import BROKEN_LINE, SEPARATED, SEPARATOR, STEERED, VERSION_BITS, VERSIONS

WORDS = [
    *NUMBERS, *ODD_NUMBERS, *NO_NUMBERS, *TEXTS, *DATES, b"2", b"3", b"4", b"5", b"66", b"255", b"1000000", b"1000001",
    b"2147483646", b"-2147483648", b"9223372036854775806", b"-9223372036854775809", b"4294967296", b"1e308", b"1e-320",
    b"170141183460469231731687303715884105727", b"00010101  00:00:00 Asia/Tokyo", b"99991231  23:59:59 US/Hawaii",
    b"20260231", b"20260105  14:30:00 America", b"20260105  14:30:00 ../UTC", b"\\ud800\\u0041", b"\\u12", b"0x10",
]  # fmt: skip
DIGITS = [b"7", b"0", b"9", b".", b"-", b"e", b"\\ud83d", b" ", b"\xc3\xa4"]  # long words are made of these
LENGTHS = [0, 1, 3, 255, 256, 257, 65_535, 65_536, (1 << 24) - 1, 1 << 24, (1 << 31) - 1, 1 << 31, (1 << 32) - 1]
ODDNESS = [0.0, 0.001, 0.01, 0.1, 0.5, 1.0]
MOST_FRAMES = 4_000
LONG_WORD_SHARE, LONGEST_WORD = 0.000_3, 60_000
REQUEST_IDS = [b"1", b"2", b"3", b"4"]


def answers(version: int) -> list[bytes]:
    """Return the golden answers of a server version, and the odd ones of the tests of decoding."""
    fitting = [golden for golden in GOLDENS if not golden["family"].endswith("requests")]
    fitting = [golden for golden in fitting if golden["versions"][0] <= version <= golden["versions"][1]]
    return [*(payload_of(golden) for golden in fitting), *CONTROL]


ANSWERS = {version: answers(version) for version in VERSIONS}


def seeds() -> list[bytes]:
    """Return small inputs to begin a guided search with."""
    inputs = []
    for place, version in enumerate(VERSIONS):
        payloads = ANSWERS[version]
        inputs += [bytes([place | SEPARATED | STEERED]) + payload for payload in payloads]
        inputs.append(bytes([place]) + b"".join(map(frame, payloads[:40])))
        inputs.append(bytes([place | STEERED | BROKEN_LINE]) + b"\0\0" + b"".join(map(frame, payloads[40:80])))
        inputs.append(bytes([place | SEPARATED]) + SEPARATOR.join(payloads[:60]))
    return inputs


def inputs(seed: int, most_frames: int = MOST_FRAMES) -> Iterator[bytes]:
    """Yield reads for ever, the same for the same seed."""
    random = Random(seed)
    while True:
        yield one_input(random, most_frames)


def one_input(random: Random, most_frames: int) -> bytes:
    """Return a read: frames of few or many messages, none to all of them changed, seldom out of step."""
    version = random.randrange(len(VERSIONS))
    how = version | random.randrange(256) & ~(VERSION_BITS | SEPARATED | STEERED)
    how |= STEERED * (random.random() < 0.1)
    payloads = _pool(random, ANSWERS[VERSIONS[version]])
    oddness = random.choice(ODDNESS)
    chosen = random.choices(payloads, k=random.randrange(1, most_frames))
    pieces = [mutate(random, payload, payloads) if random.random() < oddness else payload for payload in chosen]
    stream = b"".join(map(frame, pieces))
    return bytes([how]) + (_out_of_step(random, stream) if random.random() < 0.05 else stream)


def _pool(random: Random, payloads: list[bytes]) -> list[bytes]:
    masses = [payload for payload in payloads if message_id(payload) in MASS_IDS]
    pool = random.choice([payloads, masses, random.sample(masses, 3), random.sample(masses, 1)])
    # The same frames for requests that are known and for some that are not.
    return [*pool, *(payload.replace(b"\x0090", b"\0" + random.choice(REQUEST_IDS), 1) for payload in pool)]


def mutate(random: Random, payload: bytes, others: list[bytes]) -> bytes:
    """Return a payload changed once or several times, never empty."""
    for _ in range(random.choice((1, 1, 1, 2, 5))):
        if random.random() < LONG_WORD_SHARE:
            payload = _with_long_word(random, payload)
        elif random.random() < 0.6:
            payload = _fields_changed(random, payload)
        else:
            payload = _bytes_changed(random, payload, others)
    return payload or b"\0"


def _fields_changed(random: Random, payload: bytes) -> bytes:
    fields = payload.split(b"\0")
    at = random.randrange(len(fields))
    match random.randrange(6):
        case 0:
            del fields[at]
        case 1:
            fields.insert(at, random.choice(WORDS))
        case 2:
            fields[at:at] = fields[at : at + random.randrange(1, 10)]
        case 3:
            fields[at] = b"%d" % random.randrange(-(1 << random.randrange(1, 66)), 1 << random.randrange(1, 66))
        case _:
            fields[at] = random.choice(WORDS)
    return b"\0".join(fields)


def _bytes_changed(random: Random, payload: bytes, others: list[bytes]) -> bytes:
    at = random.randrange(len(payload) + 1)
    match random.randrange(4):
        case 0:
            return payload[:at]
        case 1:
            other = random.choice(others)
            return payload[:at] + other[random.randrange(len(other)) :]
        case 2:
            return payload[:at] + random.randbytes(random.randrange(1, 6)) + payload[at:]
        case _:
            return payload[:at] + random.randbytes(1) + payload[at + 1 :]


def _with_long_word(random: Random, payload: bytes) -> bytes:
    fields = payload.split(b"\0")
    words = random.choice(DIGITS) * random.randrange(1, LONGEST_WORD)
    fields[random.randrange(len(fields))] = random.choice((words, words + b"x", words + b".5", b"1." + words))
    return b"\0".join(fields)


def _out_of_step(random: Random, stream: bytes) -> bytes:
    """Return a stream with some lengths wrong, bytes missing or in excess, or cut off."""
    damaged = bytearray(stream)
    for _ in range(random.choice((1, 1, 3))):
        at = random.randrange(len(damaged) + 1)
        match random.randrange(4):
            case 0:
                at = max(damaged.find(b"\0\0\0", at), 0)
                damaged[at : at + 4] = struct.pack(">I", random.choice(LENGTHS))
            case 1:
                del damaged[at : at + random.randrange(1, 2_000)]
            case 2:
                damaged[at:at] = random.randbytes(random.randrange(1, 200))
            case _:
                del damaged[at:]
    return bytes(damaged)
