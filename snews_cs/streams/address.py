"""Where a topic is: ``kafka://HOST[:PORT][,HOST[:PORT]...]/TOPIC``."""

from dataclasses import dataclass

from snews_cs.errors import SettingsError

_SCHEME = "kafka://"


@dataclass(frozen=True, slots=True)
class TopicAddress:
    """A topic of a Kafka cluster.

    Parameters
    ----------
    brokers
        The cluster's brokers, ``HOST[:PORT]`` separated by commas; one that answers is enough.
    topic
        The topic's name.
    """

    brokers: str
    topic: str

    @classmethod
    def parse(cls, url: str) -> "TopicAddress":
        """Read a topic's URL.

        Raises
        ------
        SettingsError
            If the URL has another form.
        """
        brokers, slash, topic = url.removeprefix(_SCHEME).partition("/")
        if not url.startswith(_SCHEME) or not brokers or not slash or not topic or "/" in topic or "@" in brokers:
            raise SettingsError(f"{url!r} is not of the form kafka://HOST[:PORT]/TOPIC")
        return cls(brokers, topic)

    @property
    def url(self) -> str:
        """URL of the topic in the form hop takes: one broker, as it refuses several."""
        return f"{_SCHEME}{self.brokers.partition(',')[0]}/{self.topic}"

    def __str__(self) -> str:
        return f"{_SCHEME}{self.brokers}/{self.topic}"
