"""SIGTERM and Ctrl-C, for commands that wait for servers of other people."""

import signal
import sys

from snews_cs.waiting import StopRequest

INTERRUPTED_AFTER_S = 2
"""Who is told to stop waits no longer than this for an answer of somebody else's server, s."""


def stop_on_signals() -> StopRequest:
    """Return a wish to stop that SIGTERM and Ctrl-C make; soon after it the main thread ends, whatever it waits for.

    That end is a :class:`SystemExit`, exit code 0, wherever the main thread is then.
    """
    stop = StopRequest()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _signal, _frame: stop.make())
    signal.signal(signal.SIGALRM, lambda _signal, _frame: sys.exit(0))

    def set_alarm() -> None:
        signal.alarm(INTERRUPTED_AFTER_S)

    stop.then(set_alarm)
    return stop
