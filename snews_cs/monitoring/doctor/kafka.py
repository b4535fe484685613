"""The broker: whether it answers, lets us in, has the topics, and permits what the server does with them."""

from collections.abc import Iterator
from typing import NamedTuple

from snews_cs.errors import AccessDenied, BrokerUnreachable, StreamError, TopicMissing
from snews_cs.monitoring.doctor.finding import Finding, Level
from snews_cs.settings import Settings
from snews_cs.streams.address import TopicAddress
from snews_cs.streams.rights import Right, Rights, rights_on_group, rights_on_topic


class Need(NamedTuple):
    """A topic, the setting that names it, and what the server does with it."""

    setting: str
    url: str
    rights: frozenset[Right]


class Topics(NamedTuple):
    """What a server needs: it reads observations, writes alerts, answers and notices, and reads back what stands."""

    observations: Need
    alerts: Need
    connection_test: Need
    no_coincidence: Need | None

    @classmethod
    def of(cls, settings: Settings, *, firedrill: bool) -> "Topics":
        """Return the topics of a server with these settings."""
        read, write = frozenset({Right.READ}), frozenset({Right.WRITE})
        both = read | write
        test = Need("CONNECTION_TEST_TOPIC", settings.connection_test_topic, both)
        notices = None
        if settings.no_coincidence_topic is not None:
            notices = Need("NO_COINCIDENCE_TOPIC", settings.no_coincidence_topic, write)
        if firedrill:
            return cls(
                Need("FIREDRILL_OBSERVATION_TOPIC", settings.firedrill_observation_topic, read),
                Need("FIREDRILL_ALERT_TOPIC", settings.firedrill_alert_topic, both),
                test,
                notices,
            )
        return cls(
            Need("OBSERVATION_TOPIC", settings.observation_topic, read),
            Need("ALERT_TOPIC", settings.alert_topic, both),
            test,
            notices,
        )


def check_broker(topics: Topics, group_id: str, *, auth: bool) -> Iterator[Finding]:
    """Look at each topic and at the consumer group; nothing is published.

    Of brokers that do not answer, or do not let us in, that is all that is said, once.
    """
    problems: dict[str, str] = {}
    reached: set[str] = set()
    for need in filter(None, topics):
        address = TopicAddress.parse(need.url)
        try:
            rights = rights_on_topic(need.url, auth=auth)
        except (BrokerUnreachable, AccessDenied) as error:
            if problems.get(address.brokers) != str(error):
                yield _failed("Kafka", error)
            problems[address.brokers] = str(error)
            if isinstance(error, BrokerUnreachable):
                break  # each of the others would take as long
        except StreamError as error:
            reached.add(address.brokers)
            yield _failed(need.setting, error)
        else:
            if address.brokers not in reached:
                yield Finding(Level.OK, "Kafka", f"{address.brokers} answers {_login(auth=auth)}")
            reached.add(address.brokers)
            yield _judged(need.setting, f"topic {address.topic}", rights, need.rights)
    if TopicAddress.parse(topics.observations.url).brokers in reached:
        yield _group(topics.observations.url, group_id, auth=auth)


def _group(url: str, group_id: str, *, auth: bool) -> Finding:
    try:
        rights = rights_on_group(url, group_id, auth=auth)
    except StreamError as error:
        return _failed("CONSUMER_GROUP", error)
    return _judged("CONSUMER_GROUP", f"consumer group {group_id}", rights, frozenset({Right.READ}))


def _judged(subject: str, what: str, rights: Rights, needed: frozenset[Right]) -> Finding:
    wanted = " and ".join(sorted(needed))
    if rights is None:
        return Finding(Level.OK, subject, f"{what}: the broker does not say what is permitted")
    if missing := needed - rights:
        lacking = " and ".join(sorted(missing))
        return Finding(
            Level.FAILED,
            subject,
            f"{what}: {lacking} is not permitted",
            f"have the broker's administrator grant {lacking}",
        )
    return Finding(Level.OK, subject, f"{what}: {wanted} permitted")


def _failed(subject: str, error: StreamError) -> Finding:
    match error:
        case BrokerUnreachable():
            advice = "check HOP_BROKER, the network between, and the broker"
        case TopicMissing():
            advice = "have it created, or READ or WRITE granted"
        case AccessDenied():
            advice = "check hop's auth.toml (`hop auth list`) and HOP_AUTH, and what the broker grants this user"
        case _:
            advice = "see the broker's log"
    return Finding(Level.FAILED, subject, str(error), advice)


def _login(*, auth: bool) -> str:
    return "and lets us in" if auth else "(without login: HOP_AUTH=false)"
