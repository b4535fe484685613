"""The two interfaces that code of the first application is written against."""

# ruff: noqa: N802  # the names are that application's

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Time = str | datetime
"""UTC: a datetime (a naive one means UTC), or text in any form that the server reads, such as ``26/11/21 06:47:13``."""

Message: TypeAlias = "DataclassInstance | Mapping[str, Any] | str"
"""What a detector says: one of hop's models, which are dataclasses; a JSON object; or that as text."""


class IStorage(ABC):
    """Where messages are kept."""

    @abstractmethod
    def insert(self, time: Time, neutrino_time: Time | None, message: Message) -> str:
        """Keep a message, and return the id by which it is found again.

        Parameters
        ----------
        time
            When it was sent.
        neutrino_time
            When the burst's first neutrino came; None for a message about none: a heartbeat.
        message
            The message.
        """

    @abstractmethod
    def getAllMessages(self) -> list[dict[str, Any]]:
        """Return every message that was ever kept, in the order in which they came."""

    @abstractmethod
    def cacheEmpty(self) -> bool:
        """Whether no observation is left that another could coincide with."""

    @abstractmethod
    def getMsgFromStrID(self, post_id: str) -> dict[str, Any]:
        """Return the message that was kept under an id.

        Raises
        ------
        KeyError
            If there is none.
        """


class IDecider(ABC):
    """What decides whether observations coincide."""

    @abstractmethod
    def deciding(self) -> bool:
        """Whether the message that was added last calls for an alert."""

    @abstractmethod
    def addMessage(self, time: Time, neutrino_time: Time | None, message: Message) -> None:
        """Take in a message; the parameters are those of :meth:`IStorage.insert`."""

    @abstractmethod
    def getAllMessages(self) -> list[dict[str, Any]]:
        """Return every message that was ever added, in the order in which they came."""
