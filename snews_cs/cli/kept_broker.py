"""The embedded broker of a server: started again if it dies."""

import threading
from collections.abc import Callable

import structlog

from snews_cs.broker.process import STOP_TIMEOUT, BrokerNotStarted, BrokerProcess
from snews_cs.waiting import Backoff, StopRequest

log = structlog.get_logger(__name__)

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0


class KeptBroker:
    """A broker that runs until it is closed; one that ends before is started again. All it acknowledged is on the disk.

    Parameters
    ----------
    start
        Starts one.

    Raises
    ------
    BrokerNotStarted
        If the first one cannot be started.
    """

    def __init__(self, start: Callable[[], BrokerProcess]) -> None:
        self._start = start
        self._stop = StopRequest()
        self._broker = start()
        self._thread = threading.Thread(target=self._keep, name="keeps the broker", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """Number of its process."""
        return self._broker.pid

    def close(self) -> None:
        """Stop it."""
        self._stop.make()
        self._broker.stop()
        self._thread.join(STOP_TIMEOUT)

    def _keep(self) -> None:
        backoff = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
        while True:
            code = self._broker.wait()
            self._broker.stop()
            if self._stop:
                return
            delay_s = backoff.failure()
            log.error("ALARM: the embedded broker ended: starting it again", exit_code=code, again_in_s=delay_s)
            self._stop.wait(delay_s)
            try:
                self._broker = self._start()
            except BrokerNotStarted as error:
                log.error("the embedded broker cannot be started", problem=str(error))
            else:
                backoff.success()
            if self._stop:  # which was made meanwhile
                self._broker.stop()
