"""The loop of ``snews_cs run-feedback``: inquiries as they come, silences each minute, mails, old figures."""

import time
from collections.abc import Callable

import structlog

from snews_cs.errors import StorageError, StoreUnreachable
from snews_cs.heartbeats.feedback.figures import FigureDirectory
from snews_cs.heartbeats.feedback.inquiries import Inquiries
from snews_cs.heartbeats.feedback.post import Post
from snews_cs.heartbeats.feedback.watch import SilenceWatch
from snews_cs.storage.protocol import StoreReader
from snews_cs.waiting import Backoff, StopRequest

log = structlog.get_logger(__name__)

LOOK_S = 60.0
"""How often it is looked who is silent, s."""

SWEEP_S = 3_600.0
"""How often old figures are deleted, s."""

_POLL_S = 1.0


def open_patiently(open_store: Callable[[], StoreReader], stop: StopRequest) -> StoreReader | None:
    """Return a store as soon as it answers; None if told to stop before.

    Raises
    ------
    SettingsError
        If there is none, or it cannot be used.
    """
    backoff = Backoff()
    while not stop:
        try:
            return open_store()
        except StoreUnreachable as error:
            delay_s = backoff.failure()
            log.warning("cannot look at the store now", error=str(error), again_in_s=delay_s)
            stop.wait(delay_s)
    return None


class Feedback:
    """Answers and warns until told to stop. It looks at the store only, so no server waits for it.

    While the store or the notes are away it waits; what is to be mailed is mailed all the same, as far as it can be.

    Parameters
    ----------
    inquiries, watch, post, figures
        Who does the work.
    stop
        Ends :meth:`run`.
    monotonic
        A monotonic clock, s.
    """

    def __init__(
        self,
        inquiries: Inquiries,
        watch: SilenceWatch,
        post: Post,
        figures: FigureDirectory,
        *,
        stop: StopRequest,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inquiries = inquiries
        self._watch = watch
        self._post = post
        self._figures = figures
        self._stop = stop
        self._monotonic = monotonic

    def run(self) -> None:
        """Work until told to stop."""
        backoff = Backoff()
        next_look = next_sweep = self._monotonic()
        while not self._stop:
            pause_s = _POLL_S
            try:
                self._inquiries.look()
                if self._monotonic() >= next_look:
                    self._watch.look()
                    next_look = self._monotonic() + LOOK_S
            except StorageError as error:
                pause_s = backoff.failure()
                log.warning("cannot look at the store now", error=str(error), again_in_s=pause_s)
            else:
                backoff.success()
            if self._monotonic() >= next_sweep:
                self._figures.sweep()
                next_sweep = self._monotonic() + SWEEP_S
            self._post.go_on()
            self._stop.wait(pause_s)
        self._inquiries.close()
