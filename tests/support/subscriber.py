"""A subscriber to alerts, who is there all the time."""

import threading
import time
from typing import Self

from snews_cs.streams.alerts import AlertStream, ReceivedAlert
from tests.support.server import PATIENCE_S


class Subscriber:
    """Reads a topic of alerts from its beginning, in a thread of its own.

    Parameters
    ----------
    url
        ``kafka://HOST:PORT/TOPIC``, without a login.

    Attributes
    ----------
    received
        Every alert so far, and when it came.
    """

    def __init__(self, url: str) -> None:
        self.received: list[ReceivedAlert] = []
        self._stream = AlertStream(url, auth=False, from_beginning=True)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def wait_for(self, uuids: set[str]) -> None:
        """Wait until all of these have come."""
        end = time.monotonic() + PATIENCE_S
        while missing := uuids - {alert.content["alert_uuid"] for alert in self.received}:
            assert time.monotonic() < end, f"{len(missing)} alerts did not come"
            time.sleep(0.1)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._stream.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            self.received += self._stream.batch(0.1)
