"""The tape's clock: wall time that never goes back, not even when the machine's clock is set back (D25)."""

import time
from collections.abc import Callable

STEP_NOTED_NS = 1_000_000  # smaller corrections are everyday work of time synchronisation


class TapeClock:
    """Stamps records with (wall_ns, mono_ns); `last_wall_ns` is the last stamp on the tape so far, 0 if none.

    While the machine's wall clock is behind the last stamp, stamps go on from it at half the speed of the
    monotonic clock: they never go back, and true time catches up with them. Clocks not given are the machine's.
    """

    def __init__(
        self,
        last_wall_ns: int = 0,
        wall_ns: Callable[[], int] | None = None,
        mono_ns: Callable[[], int] | None = None,
    ) -> None:
        self._read_wall_ns, self._read_mono_ns = wall_ns or time.time_ns, mono_ns or time.monotonic_ns
        self._stamped_ns = self._wall_ns = last_wall_ns
        self._mono_ns = self._read_mono_ns()
        self._step_ns = 0

    def stamp(self) -> tuple[int, int]:
        """Return the present (wall_ns, mono_ns); wall_ns is never less than the one before."""
        wall_ns, mono_ns = self._read_wall_ns(), self._read_mono_ns()
        stamped_ns = wall_ns
        if wall_ns < self._stamped_ns:
            elapsed_ns = mono_ns - self._mono_ns
            stamped_ns = self._stamped_ns + elapsed_ns // 2
            step_ns = self._wall_ns + elapsed_ns - wall_ns
            self._step_ns += step_ns if step_ns > STEP_NOTED_NS else 0
        self._stamped_ns, self._wall_ns, self._mono_ns = stamped_ns, wall_ns, mono_ns
        return stamped_ns, mono_ns

    def take_step_s(self) -> float | None:
        """Return by how many seconds the wall clock was seen to step back since the last call, or None."""
        step_ns, self._step_ns = self._step_ns, 0
        return step_ns / 1e9 if step_ns else None
