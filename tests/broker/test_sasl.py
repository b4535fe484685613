"""Logging in by SASL/PLAIN: where it is asked for, nothing is served without."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer
from hop import Stream
from hop.auth import Auth, SASLMethod
from hop.io import list_topics

from snews_cs.broker.config import BrokerConfig
from snews_cs.broker.core import Broker
from snews_cs.broker.database import Database
from snews_cs.broker.process import BrokerProcess, start_broker
from snews_cs.broker.sasl import is_known
from tests.broker.clients import read, write
from tests.support.broker import PASSWORD, USER, write_auth


def login(name: str = USER, password: str = PASSWORD, mechanism: str = "PLAIN") -> dict[str, Any]:
    return {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": mechanism,
        "sasl.username": name,
        "sasl.password": password,
    }


def refusal(address: str, **settings: Any) -> list[int]:
    """Return the codes of the errors that a producer sees who asks what topics there are."""
    errors: list[int] = []
    producer = Producer(
        {
            "bootstrap.servers": address,
            "error_cb": lambda error: errors.append(error.code()),
            "log_level": 0,
            "reconnect.backoff.max.ms": 100,
            **settings,
        }
    )
    with pytest.raises(KafkaException):
        producer.list_topics(timeout=1)
    producer.poll(0.1)
    return errors


def test_who_logs_in_is_served(broker: BrokerProcess, topic: str) -> None:
    assert broker.address != broker.plain_address
    write(broker.address, topic, [b"secret"], **login())
    assert [message.value() for message in read(broker.address, topic, 1, **login())] == [b"secret"]


@pytest.mark.parametrize(
    ("name", "password"), [(USER, "wrong"), (USER, PASSWORD + " "), ("nobody", PASSWORD), ("nobody", "x")]
)
def test_a_wrong_name_or_password_is_refused(broker: BrokerProcess, name: str, password: str) -> None:
    assert KafkaError._AUTHENTICATION in refusal(broker.address, **login(name, password))


def test_another_mechanism_is_refused(broker: BrokerProcess) -> None:
    assert KafkaError._AUTHENTICATION in refusal(broker.address, **login(mechanism="SCRAM-SHA-512"))


def test_who_does_not_log_in_is_not_served(broker: BrokerProcess) -> None:
    assert KafkaError._ALL_BROKERS_DOWN in refusal(broker.address)


def test_a_login_where_nobody_may_log_in_is_refused(tmp_path: Path) -> None:
    with start_broker(tmp_path) as process:
        assert KafkaError._AUTHENTICATION in refusal(process.address, **login())
        assert write(process.address, "t", [b"x"]) == [0]


def test_hop_logs_in_with_its_file_of_credentials(
    broker: BrokerProcess, topic: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_auth(tmp_path, broker.address)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with Stream(auth=True).open(f"kafka://{broker.address}/{topic}", "w") as producer:
        producer.write({"by": "hop"})
    (message,) = read(broker.plain_address, topic, 1)
    assert ("_sender", USER.encode()) in message.headers()


def test_hop_with_a_wrong_password_hears_so(broker: BrokerProcess) -> None:
    auth = Auth(USER, "wrong", host=broker.address, ssl=False, method=SASLMethod.PLAIN)
    with pytest.raises(KafkaException):
        list_topics(f"kafka://{broker.address}/", auth=auth, timeout=1)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Broker]:
    database = Database(tmp_path / "log.sqlite")
    yield Broker(BrokerConfig(tmp_path, users={"anna": "a:b c\u00e9"}), database)
    database.close()


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("\0anna\0a:b c\u00e9", True),
        ("anna\0anna\0a:b c\u00e9", True),
        ("bert\0anna\0a:b c\u00e9", False),
        ("\0anna\0a:b c", False),
        ("\0bert\0", False),
        ("\0\0", False),
        ("\0anna\0a:b c\u00e9\0", False),
        ("anna\0a:b c\u00e9", False),
        ("", False),
    ],
)
def test_plain_messages(state: Broker, message: str, expected: bool) -> None:
    assert is_known(state, message.encode()) is expected
