"""``snews_cs run-mailer``."""

import hashlib
from collections.abc import Sequence

import click

from snews_cs.cli.mail_server import tried_mail_server
from snews_cs.cli.telling import AlertSource, tells_people
from snews_cs.errors import SettingsError
from snews_cs.notify.mail import LONGEST_WAIT_S, MailedPerson


@click.command("run-mailer")
@tells_people
def run_mailer(source: AlertSource) -> None:
    """Mail each alert to each address of ALERT_EMAILS, once.

    Needs ALERT_EMAILS, smtp_server_addr and snews_sender_email; snews_sender_pass if the mail server asks for a login.
    Alerts published while it was down are mailed when it is back; what was published before an address was first
    given is not. It may run at each site: what is mailed is noted in the store.
    """
    settings = source.settings
    if not settings.alert_emails:
        raise SettingsError("ALERT_EMAILS is needed to mail alerts to")
    server = tried_mail_server(settings)
    people = [
        MailedPerson(address, server, link=settings.alert_link, firedrill=source.firedrill)
        for address in _different(settings.alert_emails)
    ]
    with source.opened(f"mail-{_digest(people)}") as opened:
        source.tell(people, opened, longest_wait_s=LONGEST_WAIT_S)


def _different(addresses: Sequence[str]) -> list[str]:
    """Return each person's address once."""
    found: dict[str, str] = {}
    for address in addresses:
        found.setdefault(address.casefold(), address)
    return list(found.values())


def _digest(people: Sequence[MailedPerson]) -> str:
    """Return a name for all these people: a position on the topic is behind what they, and nobody else, were told."""
    names = "\n".join(sorted(person.name for person in people))
    return hashlib.sha256(names.encode()).hexdigest()[:12]
