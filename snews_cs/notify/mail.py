"""Alerts by mail: one mail for each alert to each address."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import structlog

from snews_cs.errors import MailNotSent, NotTold, NotToldYet, SettingsError
from snews_cs.notify.letter import Letter
from snews_cs.notify.mailbox import MailServer
from snews_cs.notify.teller import Delivery
from snews_cs.notify.wording import PublishedAlert

log = structlog.get_logger(__name__)

LONGEST_WAIT_S = 60.0
"""Longest pause between two attempts at an address, s: servers that are asked too often lock people out."""


class MailedPerson:
    """Somebody to whom alerts are mailed (:class:`snews_cs.notify.teller.Recipient`).

    What the mail server cannot do now is tried again; a login that it refuses, too: it took it once. What it refuses
    for good, an address that is none or a message that it takes for spam, is logged as an error and left at that, so
    that what comes later is not held up.

    Parameters
    ----------
    address
        Where the mails go.
    server
        The mail server.
    link
        The page that each mail names to read on.
    firedrill
        Whether the alerts are those of firedrills.
    clock
        Returns POSIX time, ns.
    """

    def __init__(
        self,
        address: str,
        server: MailServer,
        *,
        link: str,
        firedrill: bool = False,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._address = address
        self._server = server
        self._link = link
        self._firedrill = firedrill
        self._clock = clock

    @property
    def name(self) -> str:
        """Who it is; capitals in an address make no other of it."""
        return f"mail to {self._address.casefold()}"

    def deliveries(self, alert: PublishedAlert, content: dict[str, Any]) -> Sequence[Delivery]:
        """Return the one thing that is to be done about an alert: mail it."""
        return [Delivery("mail", partial(self._mail, alert, content))]

    def _mail(self, alert: PublishedAlert, content: dict[str, Any]) -> str:
        letter = Letter(
            alert=alert, content=content, link=self._link, is_firedrill=self._firedrill, now_unix_ns=self._clock()
        )
        message = letter.message(self._server.sender, self._address)
        try:
            self._server.send(message)
        except SettingsError as error:
            raise NotToldYet(str(error)) from error
        except MailNotSent as error:
            if not error.is_final:
                raise NotToldYet(str(error)) from error
            log.error("an alert cannot be mailed", to=self._address, alert_uuid=alert.alert_uuid, reason=str(error))
            raise NotTold(str(error)) from error
        return str(message["Message-ID"])
