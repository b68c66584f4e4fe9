"""A replay: events one by one, or batch by batch, at the speed that is asked for."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress

import pyarrow as pa

from .pacing import Pacer
from .records import Record
from .stretch import Stretch

# How many rows become records at once: enough to make them column by column, few enough to stay in the processor's
# cache and to come at once.
RECORDS_AT_ONCE = 4096


class Replay:
    """What was recorded, as it came: iterate over it, `async for` included, or take `batches()`.

    Each iteration begins anew. Times are UTC. Use `lake.replay`.
    """

    def __init__(
        self,
        read: Callable[[], Iterator[Stretch]],
        schema: pa.Schema,
        *,
        speed: float | None = None,
        longest_silence_s: float | None = None,
        now_s: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Play what `read` yields each time it is called; `schema` is that of the batches, see `wide_schema`."""
        self.schema = schema
        self._read, self._now_s, self._sleep = read, now_s, sleep
        self._speed, self._longest_silence_s = speed, longest_silence_s

    def __iter__(self) -> Generator[Record]:
        """Yield events as typed records."""
        for part in self.stretches():
            yield from part.records()

    async def __aiter__(self) -> AsyncIterator[Record]:
        """Yield events as typed records, while others run."""
        with closing(self._steps(RECORDS_AT_ONCE)) as steps:
            while (step := await _in_thread(steps)) is not None:
                if isinstance(step, Stretch):
                    for record in step.records():
                        yield record
                else:
                    await asyncio.sleep(step)

    def batches(self, rows: int = 65_536) -> pa.RecordBatchReader:
        """Return a reader of Arrow batches of at most so many rows, in the same order.

        A batch has the columns of all tables, with nulls where a row's table lacks one; `table` says which it is of,
        `initial` whether it is part of the state at the start. Texts are dictionary-encoded. With a speed, each batch
        comes once its rows are due.
        """
        made = (part.wide(self.schema) for part in self.stretches(rows))
        return pa.RecordBatchReader.from_batches(self.schema, made)

    def stretches(self, rows: int = RECORDS_AT_ONCE) -> Iterator[Stretch]:
        """Yield events as they are due together, at most so many at a time: at once what is there at once."""
        with closing(self._steps(rows)) as steps:
            for step in steps:
                if isinstance(step, Stretch):
                    yield step
                else:
                    self._sleep(step)

    def _steps(self, rows: int) -> Generator[Stretch | float]:
        with closing(_ahead(self._read())) as stretches:
            yield from Pacer(self._speed, self._longest_silence_s, self._now_s).steps(stretches, rows)


async def _in_thread(steps: Iterator[Stretch | float]) -> Stretch | float | None:
    """Return the next step, which may have to be read; None after the last."""
    taking = asyncio.ensure_future(asyncio.to_thread(next, steps, None))
    try:
        return await asyncio.shield(taking)
    finally:
        while not taking.done():  # cancelled, perhaps twice: what reads cannot be closed before it is done
            with suppress(asyncio.CancelledError):
                await asyncio.wait([taking])


def _ahead(stretches: Iterable[Stretch]) -> Generator[Stretch]:
    """Yield stretches, reading the next in another thread meanwhile."""
    iterator = iter(stretches)
    with ThreadPoolExecutor(1, thread_name_prefix="replay") as reader:
        waiting = reader.submit(next, iterator, None)
        while (stretch := waiting.result()) is not None:
            waiting = reader.submit(next, iterator, None)
            yield stretch
