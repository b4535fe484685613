"""Nobody shall fake a supernova by mistake."""

from ipaddress import ip_address

from snews_cs.errors import SettingsError
from snews_cs.streams.address import TopicAddress


def require_harmless(topic: str, *, only_tests: bool) -> None:
    """Make sure that simulated detectors are not taken for real ones.

    Parameters
    ----------
    topic
        The observation topic that they would publish on, ``kafka://HOST[:PORT]/TOPIC``.
    only_tests
        Whether all that they send is marked as a test.

    Raises
    ------
    SettingsError
        If the topic is not on this machine and not all messages are tests.
    """
    remote = [broker for broker in TopicAddress.parse(topic).brokers.split(",") if not _is_here(broker)]
    if remote and not only_tests:
        raise SettingsError(
            f"on {topic} simulated detectors would be taken for real ones: use --test, --firedrill, a broker on this "
            "machine (HOP_BROKER), or --yes-real if that is what you want"
        )


def _is_here(broker: str) -> bool:
    host = broker.partition(":")[0]
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
