"""The alerter beside the recorder: a process that tells troubles, where the settings have an [[alert]]."""

import os
import time
from collections.abc import Callable

from capture.wanted.alert_block import Telling, spelled
from capture.wanted.settings import Settings

from .process_keeper import ProcessKeeper

STOP_TIMEOUT_S = 15.0  # to send what is due; what it does not manage, the next alerter does


class AlerterKeeper(ProcessKeeper):
    """Keeps one alerter process for a recorder; `report` is told when it dies. Addresses go to it by stdin alone."""

    def __init__(self, settings: Settings, report: Callable[[str], None]) -> None:
        self.is_wanted = bool(settings.alert or settings.alive_ping)
        super().__init__("alerter", "capture.alerts.alerter", [str(settings.data), str(os.getpid())], report,
                         log_format=settings.log_format, stop_s=STOP_TIMEOUT_S,
                         left="the next one goes on with its work",
                         given=spelled(Telling(settings.alert, settings.alive_ping, time.time())))
