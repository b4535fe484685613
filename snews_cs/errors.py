"""Every exception that snews_cs raises on purpose; the embedded broker, which knows nothing of the rest, has its own.

::

    SnewsError
    ├── SettingsError               a setting or a file that cannot be used; exit code 2
    │   └── NoStore                 nothing is there that could be looked at
    ├── MessageRefused              what a detector sent cannot be accepted; ends in quarantine
    ├── StorageError
    │   ├── StoreUnreachable        no answer in time; an append may or may not have happened
    │   └── AppendConflict          sequence number or message key is taken: another server wrote first
    ├── MailNotSent                 the mail server did not take a message
    ├── StreamError
    │   ├── BrokerUnreachable       no broker answers
    │   ├── TopicMissing            the broker has no such topic
    │   ├── AccessDenied            credentials missing, wrong, or without the permission
    │   └── NotDelivered            the broker did not acknowledge what was written
    ├── ExportFailed                a file of exported records could not be written
    ├── NotToldYet                  somebody could not be told of an alert just now; to be tried again
    ├── NotTold                     somebody cannot be told of an alert, and trying again does not help
    └── UnreadableSnapshot          a snapshot of the engine is none, or of another version; the journal has it all

The text of each is one line meant for a person; what caused it is chained (``raise ... from``) for the log.
"""


class SnewsError(Exception):
    """Root of everything that snews_cs raises on purpose."""


class SettingsError(SnewsError):
    """A setting, or a file that a setting names, cannot be used."""


class NoStore(SettingsError):
    """There is no store where one was to be looked at: no server has run with this setting yet."""


class MessageRefused(SnewsError):
    """What arrived cannot be accepted; the text is the reason recorded in quarantine."""


class StorageError(SnewsError):
    """The store did not do what it was asked."""


class StoreUnreachable(StorageError):
    """The store did not answer in time. An append in flight is in doubt: it may have happened."""


class AppendConflict(StorageError):
    """The sequence number or the message key of an entry is taken already; what stands of its group is to be read."""


class MailNotSent(SnewsError):
    """The mail server did not take a message.

    Parameters
    ----------
    text
        Why, in one line.
    is_final
        Whether it never will; else it may later: it is away, or busy.
    """

    def __init__(self, text: str, *, is_final: bool) -> None:
        super().__init__(text)
        self.is_final = is_final


class StreamError(SnewsError):
    """Something is wrong between this server and the Kafka broker."""


class BrokerUnreachable(StreamError):
    """No broker answers at the configured address."""


class TopicMissing(StreamError):
    """The broker does not know the topic."""


class AccessDenied(StreamError):
    """The credentials are missing, wrong, or lack the permission."""


class NotDelivered(StreamError):
    """The broker did not acknowledge what was written within the time allowed."""


class NotToldYet(SnewsError):
    """Slack, or a mail server, did not take an alert just now; it is to be tried again.

    Parameters
    ----------
    problem
        One line for a person.
    after_s
        How long it asks to be left alone, s.
    """

    def __init__(self, problem: str, after_s: float = 0.0) -> None:
        super().__init__(problem)
        self.after_s = after_s


class NotTold(SnewsError):
    """Slack, or a mail server, refuses an alert for good; what comes later it may take."""


class ExportFailed(SnewsError):
    """A file of exported records could not be written; what was there before stays."""


class UnreadableSnapshot(SnewsError):
    """A snapshot of the engine cannot be read: it is none, or of another version."""
