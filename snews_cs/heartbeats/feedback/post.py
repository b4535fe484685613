"""Mails on their way: each to one address, once, in order; what cannot go now is tried again."""

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import structlog

from snews_cs.errors import MailNotSent, SettingsError, StorageError
from snews_cs.heartbeats.feedback.letters import Letter
from snews_cs.messages.types import Nanoseconds
from snews_cs.notify.deliveries import Claim, Deliveries
from snews_cs.notify.mailbox import MailServer
from snews_cs.waiting import Backoff, StopRequest

log = structlog.get_logger(__name__)

GIVEN_UP_AFTER_S = 86_400.0
"""A mail that could not be sent for so long is of no use any more, s."""

LONGEST_PAUSE_S = 60.0
"""Longest pause between two attempts, s."""


Compose = Callable[[], Letter]
"""Writes a letter when it is about to be sent; StorageError if what it tells of cannot be read now."""


class _Waiting(NamedTuple):
    delivery: str
    compose: Compose
    since: float


class Post:
    """Sends mails, one after another; for several addresses nobody waits for what another one refuses.

    Of the processes of all sites one sends each, which :class:`Deliveries` sees to.

    Parameters
    ----------
    server
        The mail server.
    deliveries
        What was sent, is being sent, and by whom.
    server_tag
        Who sends (``SERVER_TAG``).
    stop
        Ends :meth:`go_on` after the mail in hand.
    now
        Returns the time, TAI ns.
    monotonic
        A monotonic clock, s.
    """

    def __init__(
        self,
        server: MailServer,
        deliveries: Deliveries,
        *,
        server_tag: str,
        stop: StopRequest,
        now: Callable[[], Nanoseconds],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = server
        self._deliveries = deliveries
        self._server_tag = server_tag
        self._stop = stop
        self._now = now
        self._monotonic = monotonic
        self._waiting: dict[str, deque[_Waiting]] = {}
        self._backoff = Backoff(longest=LONGEST_PAUSE_S, clock=monotonic)
        self._not_before = 0.0

    def __len__(self) -> int:
        """How many mails wait."""
        return sum(map(len, self._waiting.values()))

    def add(self, name: str, address: str, compose: Compose) -> None:
        """Queue a mail, unless it was sent or waits already.

        Parameters
        ----------
        name
            What tells it from all others, the same at all sites and after each restart.
        address
            Where it goes; capitals make no other of it.
        compose
            Writes it.
        """
        key = address.casefold()
        delivery = f"mail to {key}/{name}"
        line = self._waiting.setdefault(address, deque())
        if all(each.delivery != delivery for each in line):
            line.append(_Waiting(delivery, compose, self._monotonic()))

    def go_on(self) -> None:
        """Send what can be sent now."""
        for address in list(self._waiting):
            while not self._stop and self._monotonic() >= self._not_before and self._sees_to(address):
                pass

    def _sees_to(self, address: str) -> bool:
        """See to the first mail that waits for an address; return whether to go on with the next one."""
        line = self._waiting[address]
        first = line[0]
        claim = self._deliveries.claim(first.delivery)
        if claim is Claim.OTHERS:
            return False
        if claim is Claim.MINE and not self._send(first, address):
            self._waiting[address] = self._waiting.pop(address)  # others first, next time
            return False
        line.popleft()
        if not line:
            del self._waiting[address]
        return bool(line)

    def _send(self, mail: _Waiting, address: str) -> bool:
        """Send a mail; return False if it is to be tried again."""
        try:
            message = mail.compose().message(
                address,
                name=mail.delivery,
                sender=self._server.sender,
                server_tag=self._server_tag,
                sent_ns=self._now(),
            )
            self._server.send(message)
        except MailNotSent as error:
            if error.is_final:
                return self._give_up(mail, str(error))
            problem = str(error)
        except (SettingsError, StorageError) as error:  # settings that the mail server took before
            problem = str(error)
        else:
            self._backoff.success()
            self._deliveries.done(mail.delivery, message["Message-ID"])
            log.info("mailed", to=address, subject=message["Subject"])
            return True
        if self._monotonic() - mail.since > GIVEN_UP_AFTER_S:
            return self._give_up(mail, problem)
        delay_s = self._backoff.failure()
        self._not_before = self._monotonic() + delay_s
        log.warning("a mail cannot be sent now", problem=problem, to=address, again_in_s=delay_s)
        return False

    def _give_up(self, mail: _Waiting, problem: str) -> bool:
        log.error("a mail is not sent", problem=problem, mail=mail.delivery)
        self._deliveries.done(mail.delivery, f"not sent: {problem}")
        return True
