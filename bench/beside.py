"""What a day of a recorder writes beside the data: marks and status, at 100, 1,000 and 5,000 streams that flow.

    python -m bench.beside
"""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from capture.data_folder import STATUS
from capture.recorder.journal import Journal
from capture.recorder.status import describe_recorder
from capture.session.machine import Machine
from capture.status_model import BYTES_PER_SECOND, LEAST_INTERVAL_S, write_status
from capture.wanted.settings import Settings
from capture.wire.context import Request

DAY_S = 86_400
STREAMS = ("quotes", "trades", "ticks", "depth", "bars")  # of each instrument


def main() -> None:
    """Print bytes per day, as if something changed before each mark and each status."""
    print(f"{'streams':>7}{'mark, bytes':>14}{'marks a day':>14}{'status, bytes':>16}{'status a day':>14}")
    for count in (100, 1_000, 5_000):
        mark, status, interval_s = _sizes(count)
        marks_mb, status_mb = mark * DAY_S / interval_s / 1e6, status * DAY_S / _status_every_s(status) / 1e6
        print(f"{count:>7,}{mark:>14,}{marks_mb:>11,.0f} MB{status:>16,}{status_mb:>11,.0f} MB")


def _status_every_s(size_bytes: int) -> float:
    return max(LEAST_INTERVAL_S, size_bytes / BYTES_PER_SECOND)


def _sizes(count: int) -> tuple[int, int, float]:
    """Return the bytes of a mark and of a status, and the seconds between marks."""
    with tempfile.TemporaryDirectory() as folder:
        words = [f"conid:{100_000 + 7_919 * number}" for number in range(count // len(STREAMS))]
        settings = Settings.model_validate({
            "data": folder, "market_data_lines": 0, "record": [{"instruments": words, "streams": STREAMS}]})
        machine, journal = Machine(settings, settings.wanted()), Journal.open(settings)
        for number, one in enumerate(machine.subscriptions.all, 1):
            machine.subscriptions.requested(one, number, 0.0)
            one.flow.last_s, one.flow.rows_per_second = number / 7, number / 3
            journal.line.context.requests[number] = Request(
                number, "req_tick_by_tick", one.stream.kind.stream, 100_000 + 7_919 * number, f"SYM{number}")
        status = write_status(Path(folder) / STATUS, describe_recorder(machine, journal, datetime.now(UTC)))
        before = journal.tape.size_bytes
        journal.note({"note": "something"})
        noted = journal.tape.size_bytes
        journal.mark()
        mark = journal.tape.size_bytes - noted
        assert mark > 0 and noted > before
        journal.tape.close()
        return mark, status, settings.roll_interval_s


if __name__ == "__main__":
    main()
