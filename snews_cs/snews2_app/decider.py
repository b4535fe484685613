"""The first application's decider, over this server's engine."""

# ruff: noqa: N802  # the names are the first application's

from typing import Any

from snews_cs.coincidence.types import AlertType
from snews_cs.snews2_app.interfaces import IDecider, Message, Time
from snews_cs.snews2_app.storage import JournalStorage


class EngineDecider(IDecider):
    """Decides as the server does.

    Parameters
    ----------
    storage
        Where messages are kept; its journal has the engine.
    """

    def __init__(self, storage: JournalStorage) -> None:
        self._storage = storage

    def deciding(self) -> bool:
        """Whether the message that was added last raised an alert, or changed what one says.

        A repeat does not, nor does an observation that coincides with none; a coincidence of tests is none.
        """
        outcome = self._storage.outcome
        return outcome is not None and any(
            alert.alert_type is not AlertType.RETRACTION and not alert.cache.is_test for alert in outcome.alerts
        )

    def addMessage(self, time: Time, neutrino_time: Time | None, message: Message) -> None:
        """Insert a message into the storage (:meth:`JournalStorage.insert`, errors too)."""
        self._storage.insert(time, neutrino_time, message)

    def getAllMessages(self) -> list[dict[str, Any]]:
        """Return the messages of the storage (:meth:`JournalStorage.getAllMessages`)."""
        return self._storage.getAllMessages()
