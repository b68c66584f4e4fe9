"""What is beside the tape may fail: it is said, once, and tried again; that it works again is said, too (D60)."""

from collections.abc import Awaitable, Callable, Mapping

from capture.tape import TapeError


class Beside:
    """Does such work; `report` is told what fails, and what works again."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._failing: dict[str, str] = {}  # with the reason
        self._unreadable: set[str] = set()

    async def do(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do something. Raises TapeError."""
        try:
            await work()
        except TapeError:
            raise
        except Exception as error:
            self._fails(name, f"{type(error).__name__}: {error}")
        else:
            self._works(name)

    def take_faults(self, faults: Mapping[str, str]) -> None:
        """Take which files cannot be read by now, each with the reason."""
        for name in self._unreadable - faults.keys():
            self._works(name)
        self._unreadable = set(faults)
        for name, reason in faults.items():
            self._fails(name, reason)

    def _fails(self, name: str, reason: str) -> None:
        if self._failing.get(name) != reason:
            self._failing[name] = reason
            self._report(f"{name}: {reason}; recording goes on without it, and it is tried again")

    def _works(self, name: str) -> None:
        if self._failing.pop(name, None):
            self._report(f"{name}: this works again")
