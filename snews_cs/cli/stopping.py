"""SIGTERM and Ctrl-C, for commands that run until told to stop."""

import signal
import sys

from snews_cs.waiting import StopRequest


def stop_on_signals(*, interrupted_after_s: int | None = None) -> StopRequest:
    """Return a wish to stop that SIGTERM and Ctrl-C make.

    Parameters
    ----------
    interrupted_after_s
        For who waits for servers of other people: so long after the wish the main thread ends, whatever it waits for,
        by a :class:`SystemExit` with exit code 0. None: never.
    """
    stop = StopRequest()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _signal, _frame: stop.make())
    if interrupted_after_s is not None:
        signal.signal(signal.SIGALRM, lambda _signal, _frame: sys.exit(0))

        def set_alarm() -> None:
            signal.alarm(interrupted_after_s)

        stop.then(set_alarm)
    return stop
