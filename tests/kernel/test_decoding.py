"""The functions of decode.c: the same as Python's, or left to Python; and what their program is made of."""

import re
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.kernel.decoding import FIELD, MOST_FIELDS, MOST_WORDS, Decoding, Reading, decoding
from capture.kernel.library import FOLDER
from capture.wire.frame_kinds import message_keys
from capture.wire.messages.message import NEWEST_VERSION, OLDEST_VERSION
from capture.wire.messages.shapes import SHAPES
from capture.wire.read_rows import decode
from capture.wire.text.decode_program import program_of
from capture.wire.text.framing import boundaries, frame
from tests.fuzz.frames import assert_same
from tests.wire.test_decode import NO_NUMBERS, ODD_NUMBERS, context, payloads_of

from .floats import compare, read, texts
from .ways import one_way

pytestmark = pytest.mark.skipif(decoding() is None, reason="there is no kernel, for want of a C compiler")

SOURCE = (FOLDER / "decode.c").read_text()
VERSIONS = (OLDEST_VERSION, 178, 196, NEWEST_VERSION)


@pytest.fixture
def kernel() -> Decoding:
    found = decoding()
    assert found is not None
    return found


@given(st.integers(0, 2**32), st.sampled_from(VERSIONS))
@settings(max_examples=40)
def test_any_read_becomes_the_same_with_the_kernel_and_without(seed: int, version: int) -> None:
    data = b"".join(map(frame, payloads_of(seed, version)))
    here, there = context(version), context(version)
    starts = boundaries(data)
    batch = decode(data, starts, here)
    with one_way("numpy"):
        assert starts.tolist() == boundaries(data).tolist()
        other = decode(data, starts, there)
    assert_same(batch, other)
    assert here == there


@given(st.integers(0, 2**32))
@settings(max_examples=30)
def test_frames_have_the_same_keys_with_the_kernel_and_without(seed: int) -> None:
    whole = [payload for payload in payloads_of(seed, 200) if payload.endswith(b"\0")]
    data = b"".join(map(frame, [*whole, *(b"%d\0%d\0%d\0" % (id_, id_, id_ % 7) for id_ in (1, 99, 100, 999, 1000))]))
    starts = boundaries(data)
    keys = message_keys(data, starts)
    with one_way("numpy"):
        others = message_keys(data, starts)
    # numpy gives a request id of more digits than there are up, the kernel does not.
    long = [i for i, payload in enumerate(whole) if re.match(rb"99\0[^\0]{11,}\0", payload)]
    assert np.delete(keys, long).tolist() == np.delete(others, long).tolist()


def test_most_frames_of_the_masses_are_read_by_the_kernel(kernel: Decoding, monkeypatch: pytest.MonkeyPatch) -> None:
    left, read_columns = [], kernel.read_columns

    def noting(*given: Any) -> Any:
        unfit = read_columns(*given)
        left.append(len(unfit))
        return unfit

    monkeypatch.setattr(kernel, "read_columns", noting)
    payloads = [b"99\x001\x003\x001767623400\x00101.25\x00101.26\x00300\x00%d\x000\x00" % size for size in range(50)]
    data = b"".join(map(frame, [*payloads, b"99\x001\x003\x001767623400\x00x\x001\x001\x001\x000\x00"]))
    batch = decode(data, boundaries(data), context())
    assert left == [1]
    assert [len(rows.frames) for rows in batch.rows] == [50]
    assert [number for number, _, _ in batch.bad] == [50]


def test_numbers_are_pythons_bit_for_bit() -> None:
    assert compare(list(islice(texts(Random(17)), 100_000))) < 100


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_double_is_read_back(value: float) -> None:
    assert compare([repr(value)]) == 0


@given(st.from_regex(r"-?[0-9]{0,25}(\.[0-9]{0,25})?([eE][+-]?[0-9]{1,5})?", fullmatch=True))
def test_a_text_is_read_as_python_does_or_left_to_it(word: str) -> None:
    try:
        float(word or "0")
    except ValueError:
        assert len(read([word])[2]) == 1
    else:
        compare([word])


def test_what_python_alone_takes_for_a_number_and_what_none_does_is_left_to_python() -> None:
    left = [b"+5", b"nan", b"NaN", b"inf", b"Infinity", b"1_0", b" 7", b"7 ", b"0x1F", b"-", b".", b"-.", b"e5", b"1e",
            b"1e+", b"1.0f", b"--1", b"1.2.3", b"1e5.", b"x", b"1" * 65]  # fmt: skip
    words = [word.decode() for word in left]
    assert read(words)[2].tolist() == list(range(len(words)))
    odd = [word.decode() for word in [*ODD_NUMBERS, *NO_NUMBERS] if word.isascii() and word not in left]
    compare([word for word in odd if re.fullmatch(r"-?[0-9.eE+-]*", word)])


def test_words_are_numbered_in_the_order_in_which_they_come(kernel: Decoding) -> None:
    random = Random(3)
    words = [random.choice([b"", b"A", b"B" * random.randrange(40), b"%d" % random.randrange(900)])
             for _ in range(5_000)]
    text, offsets = _column(words)
    found = kernel.text_codes(text, offsets)
    assert found is not None
    codes, firsts = found
    distinct = list(dict.fromkeys(word for word in words if word))
    assert [words[row] for row in firsts] == distinct
    assert codes.tolist() == [distinct.index(word) if word else -1 for word in words]


@pytest.mark.parametrize("count", [0, 1, MOST_WORDS])
def test_as_many_words_are_numbered_as_there_is_room_for(kernel: Decoding, count: int) -> None:
    words = [b"%d" % number for number in range(count)]
    found = kernel.text_codes(*_column(words))
    assert found is not None and found[0].tolist() == found[1].tolist() == list(range(count))


def test_more_words_are_not_numbered(kernel: Decoding) -> None:
    assert kernel.text_codes(*_column([b"%d" % number for number in range(MOST_WORDS + 1)])) is None


def _column(words: list[bytes]) -> tuple[Any, Any]:
    return np.frombuffer(b"".join(words), np.uint8), np.cumsum([0, *map(len, words)]).astype(np.int32)


def test_decode_c_has_the_same_kinds_and_limits() -> None:
    kinds = re.search(r"enum kind \{ (.*?) \};", SOURCE)
    assert kinds and kinds[1].split(", ") == [reading.name for reading in Reading]
    fields = SOURCE.partition("struct field {")[2].partition("};")[0]
    plain = " ".join(line.partition("//")[0] for line in fields.splitlines())
    assert re.findall(r"(\w+)\s*[,;]", plain) == list(FIELD.names or ())
    assert f"MOST_FIELDS = {MOST_FIELDS}" in SOURCE


@pytest.mark.parametrize("version", VERSIONS)
def test_every_message_of_the_masses_has_a_program(version: int) -> None:
    for shape in (shape for shape in SHAPES.values() if shape.repeat is None):
        program = program_of(shape, version, frozenset())
        names = [field.name for _, field in program.columns]
        assert names == [field.name for field in shape.fields(version)]
        assert len(program.fields) == len(names) + 1
        for name, lowest, highest in shape.limits:
            entry = program.fields[1 + names.index(name)]
            assert (entry["lowest"], entry["highest"], entry["required"]) == (lowest, highest, 1)


def test_the_kernel_is_plain_c() -> None:
    assert not re.findall(r"Python|malloc|fopen|printf", re.sub(r"//.*", "", SOURCE))
    assert Path(FOLDER / "decode.c").stat().st_size < 20_000
