"""What all our mails have in common."""

from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from uuid import NAMESPACE_OID, uuid5

_POLICY = SMTP.clone(cte_type="7bit", max_line_length=500)  # which any mail server takes, and no subject is folded


def new_message(*, name: str, subject: str, sender: str, recipient: str, sent_unix_ns: int) -> EmailMessage:
    """Return a mail that has its headers, and says nothing yet.

    Parameters
    ----------
    name
        What tells it from all others: its ``Message-ID``, by which mailboxes know one that comes twice.
    subject
        The line that a telephone shows.
    sender, recipient
        The addresses.
    sent_unix_ns
        When it leaves, POSIX time, ns.
    """
    message = EmailMessage(policy=_POLICY)
    message["Subject"] = subject
    message["From"] = sender
    message["To"] = recipient
    message["Date"] = format_datetime(datetime.fromtimestamp(sent_unix_ns // 10**9, UTC))
    message["Message-ID"] = message_id(name, sender)
    message["Auto-Submitted"] = "auto-generated"
    return message


def message_id(name: str, sender: str) -> str:
    """Return the ``Message-ID`` of what has that name, the same whoever sends it from that domain."""
    return f"<{uuid5(NAMESPACE_OID, name)}@{sender.rpartition('@')[2]}>"
