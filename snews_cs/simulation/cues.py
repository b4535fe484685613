"""What is to be sent, and when: what scenarios and simulated detectors hand to the player."""

from dataclasses import dataclass

from snews_cs.messages.registry import Registry
from snews_cs.messages.types import Nanoseconds
from snews_cs.simulation.clients import Client, Outgoing, Said, write


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """A message to be sent.

    Parameters
    ----------
    at_ns
        When, ns after the start.
    said
        The message, or a text that is sent as it stands.
    client
        The program that sends it.
    """

    at_ns: Nanoseconds
    said: Said | str
    client: Client = "hop"

    @property
    def is_test(self) -> bool:
        """Whether the message is marked as a test; a text never is."""
        return not isinstance(self.said, str) and self.said.is_test

    def outgoing(self, registry: Registry, now_ns: Nanoseconds, *, message_id: bytes) -> Outgoing:
        """Return it as it goes to the topic.

        Parameters
        ----------
        registry
            For the detectors' numbers, which old clients write.
        now_ns
            When it is sent, TAI ns.
        message_id
            hop's ``_id`` of what has no identity of its own: a text.

        Raises
        ------
        SettingsError
            If the client cannot say that.
        """
        if isinstance(self.said, str):
            return Outgoing(payload=self.said.encode(), format="blob", message_id=message_id)
        detector = registry.resolve(self.said.detector_name)
        return write(self.said, self.client, number=detector.number if detector else None, now_ns=now_ns)
