"""Opening a connection: credentials, the Kafka client's properties, and what is wrong if it does not work.

hop waits 10 s for a broker that is not there and does not say why it failed, so the topic is looked up first with a
client of ours, which hears of a refused connection or login at once.
"""

from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from hop.auth import Auth, load_auth, select_matching_auth
from hop.configure import get_config_path

from snews_cs.errors import AccessDenied, BrokerUnreachable
from snews_cs.streams.address import TopicAddress
from snews_cs.streams.failures import ALL_BROKERS_DOWN, topic_missing, translate

_COMMON: dict[str, Any] = {
    "log_level": 0,  # errors arrive by error_cb; librdkafka would repeat them on stderr for ever
    "socket.connection.setup.timeout.ms": 10_000,
    "socket.keepalive.enable": True,
    "socket.timeout.ms": 3_000,  # a broker that leaves a request unanswered for so long is taken for gone
}


class ClientOptions(Auth):  # type: ignore[misc]  # hop has no types
    """A hop credential that also carries properties for librdkafka which hop has no argument for.

    hop calls a credential to learn the properties to log in with, and adds what it gets to those of the client.

    Parameters
    ----------
    address
        The topic to be opened; all its brokers are passed on, where hop's URL holds one.
    credential
        hop's own credential; None to go without login.
    properties
        Properties of librdkafka, by name.
    """

    def __init__(
        self, address: TopicAddress, credential: Auth | None, properties: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(credential.username if credential is not None else "", "", ssl=False)
        self._properties = {
            **(credential() if credential is not None else {}),
            "bootstrap.servers": address.brokers,
            **_COMMON,
            **(properties or {}),
        }

    def __call__(self) -> dict[str, Any]:
        """Return the properties."""
        return dict(self._properties)


def load_credential(address: TopicAddress, *, auth: bool) -> Auth | None:
    """Return the credential for a broker from hop's ``auth.toml``, read afresh; None if ``auth`` is off.

    Raises
    ------
    AccessDenied
        If the file is missing, unsafe or malformed, or holds no credential for the broker, or several.
    """
    if not auth:
        return None
    broker = address.brokers.partition(",")[0]
    try:
        return select_matching_auth(load_auth(), broker)
    except FileNotFoundError as error:
        raise AccessDenied(
            f"no credentials for {broker}: {get_config_path('auth')} does not exist; "
            "make it with `hop auth add`, or set HOP_AUTH=false for a broker without login"
        ) from error
    except KeyError as error:
        raise AccessDenied(f"{get_config_path('auth')}: unknown mechanism {error}") from error
    except RuntimeError as error:
        reason = "; ".join(line.strip() for line in str(error).splitlines())
        raise AccessDenied(f"no credentials for {broker} in {get_config_path('auth')}: {reason}") from error


def look_up_topic(
    address: TopicAddress, options: ClientOptions, *, timeout_s: float, stopping: Callable[[], bool] = lambda: False
) -> frozenset[int]:
    """Connect, log in, find the topic without creating it, and return the numbers of its partitions.

    Parameters
    ----------
    timeout_s
        How long to go on without an answer, s. A connection or login that is refused ends it at once.
    stopping
        Asked now and then; once it is true no more time is spent.

    Raises
    ------
    BrokerUnreachable, AccessDenied, TopicMissing
        What is in the way.
    """
    topics = _all_topics(address, options, timeout_s, stopping)
    found = topics.get(address.topic)
    if found is None:
        raise topic_missing(address)
    if found.error is not None:
        raise translate(found.error, address)
    return frozenset(found.partitions)


def _all_topics(
    address: TopicAddress, options: ClientOptions, timeout_s: float, stopping: Callable[[], bool]
) -> dict[str, Any]:
    errors: list[KafkaError] = []
    admin = AdminClient(options() | {"error_cb": errors.append})
    slice_s, left_s = 0.1, timeout_s
    try:
        while True:
            try:
                topics: dict[str, Any] = admin.list_topics(timeout=min(slice_s, left_s)).topics
            except KafkaException as error:
                admin.poll(0)  # calls error_cb
                left_s -= slice_s
                slice_s *= 2  # a far broker needs longer for its answer
                problem = _decisive(errors, address)
                if problem is None and (left_s <= 0 or stopping()):
                    problem = BrokerUnreachable(
                        f"broker {address.brokers} does not answer: no reply in {timeout_s:g} s"
                    )
                if problem is not None:
                    raise problem from error.with_traceback(None)  # the traceback holds the client
            else:
                return topics
    finally:
        del admin  # ends its threads now, however long the exception lives


def _decisive(errors: list[KafkaError], address: TopicAddress) -> Exception | None:
    """Return what makes further waiting pointless, None if nothing does yet."""
    heard = [error.str() for error in errors if error.name() != ALL_BROKERS_DOWN]
    reason = heard[0] if heard else "it closes the connection at once; does it need a login (HOP_AUTH, auth.toml)?"
    for error in errors:
        problem = translate(error, address, reason=reason)
        if isinstance(problem, AccessDenied) or error.name() == ALL_BROKERS_DOWN:
            return problem
    return None
