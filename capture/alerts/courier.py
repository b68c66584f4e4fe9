"""Couriers: a thread for each action, which sends what the desk has for it, one message after the other."""

import time
from threading import Thread

from .actions import Action, ActionError
from .desk import Desk

SECRET_FREE = "an error of ours, to be reported"


class Couriers:
    """Send for a desk until they are told to stop."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._stopping = desk, False
        self._threads = [Thread(target=self._work, args=(name, action), daemon=True)
                         for name, action in desk.actions.items()]  # fmt: skip
        for thread in self._threads:
            thread.start()

    def stop(self, within_s: float) -> None:
        """Let each send what is due, but for no longer than this in all: what is left, the next alerter sends."""
        with self._desk.changed:
            self._stopping = True
            self._desk.changed.notify_all()
        until_s = time.monotonic() + within_s
        for thread in self._threads:
            thread.join(max(until_s - time.monotonic(), 0.0))

    def _work(self, name: str, action: Action) -> None:
        while True:
            with self._desk.changed:
                delivery = self._desk.next(name, time.time())
                if delivery is None:
                    if self._stopping:
                        return
                    due_s = self._desk.next_due_s(name)
                    self._desk.changed.wait(None if due_s is None else max(due_s - time.time(), 0.01))
                    continue
            try:
                words = action.send(delivery.message)
            except ActionError as error:
                self._desk.failed(delivery, str(error), time.time())
            except Exception as error:  # of a library beneath: the other actions go on
                self._desk.failed(delivery, f"{type(error).__name__}: {SECRET_FREE}", time.time())
            else:
                self._desk.sent(delivery, words)
