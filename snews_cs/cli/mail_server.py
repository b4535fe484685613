"""The mail server, for commands that mail."""

import structlog

from snews_cs.errors import MailNotSent
from snews_cs.notify.mailbox import MailServer
from snews_cs.settings import Settings

log = structlog.get_logger(__name__)


def tried_mail_server(settings: Settings) -> MailServer:
    """Return the mail server that the settings name, having tried it. One that is away will be back.

    Raises
    ------
    SettingsError
        If they name none, or it does not take them.
    """
    server = MailServer.of(settings)
    try:
        server.check()
    except MailNotSent as trouble:
        log.warning(str(trouble))
    return server
