"""A broker, a topic or a credential that is not there: one clear line per attempt, and reading goes on when it is."""

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from snews_cs.errors import AccessDenied, BrokerUnreachable, StreamError, TopicMissing
from snews_cs.streams.address import TopicAddress
from snews_cs.streams.client import ClientOptions, load_credential
from snews_cs.streams.lookup import TopicLookup
from snews_cs.streams.observations import ObservationStream
from snews_cs.streams.publisher import AlertPublisher
from tests.streams.conftest import OwnBroker, produce, wait_for
from tests.streams.test_observations import read
from tests.streams.test_publisher import publish
from tests.support.broker import PASSWORD, USER, Broker, make_topic, write_auth


@pytest.fixture
def lines() -> Iterator[list[EventDict]]:
    with capture_logs() as captured:
        yield captured


@pytest.fixture
def config_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path


def has(stream: ObservationStream, kind: type[StreamError]) -> bool:
    return isinstance(stream.problem, kind)


def test_nothing_is_lost_or_skipped_while_the_broker_is_down(own_broker: OwnBroker) -> None:
    produce(own_broker.address, "t", b"0", b"1", b"2")
    with ObservationStream(own_broker.url, group_id="g", auth=False) as stream:
        first = read(stream, 3)
        stream.mark_done(first[:1])
        own_broker.stop()
        wait_for(lambda: has(stream, BrokerUnreachable))
        assert not stream.is_open
        own_broker.start()
        produce(own_broker.address, "t", b"3", b"4")
        seen: dict[str, bytes | None] = {}
        while len(seen) < 5:
            messages = stream.batch(1.0, 10)
            seen |= {message.key: message.value for message in [*first, *messages]}
            stream.mark_done(messages)
        assert stream.problem is None
    assert list(seen.values()) == [b"0", b"1", b"2", b"3", b"4"]


def test_a_topic_made_anew_is_read_from_its_start(own_broker: OwnBroker) -> None:
    produce(own_broker.address, "t", *(b"old %d" % number for number in range(5)))
    with ObservationStream(own_broker.url, group_id="g", auth=False) as stream:
        old = read(stream, 5)
        stream.mark_done(old[:2])
        own_broker.stop()
        wait_for(lambda: has(stream, BrokerUnreachable))
        own_broker.forget()
        own_broker.start(partitions=2)
        wait_for(lambda: stream.is_open)
        stream.mark_done(old)  # too late: these offsets are others' by now
        produce(own_broker.address, "t", b"new 0", b"new 1")
        produce(own_broker.address, "t", b"new 2", partition=1)
        assert {message.value for message in read(stream, 3)} == {b"new 0", b"new 1", b"new 2"}
    with ObservationStream(own_broker.url, group_id="g", auth=False) as stream:
        assert {message.value for message in read(stream, 3)} == {b"new 0", b"new 1", b"new 2"}


def test_an_unreachable_broker_is_one_line_per_attempt_and_no_other(
    own_broker: OwnBroker, lines: list[EventDict], capfd: pytest.CaptureFixture[str]
) -> None:
    own_broker.stop()
    with ObservationStream(own_broker.url, group_id="g", auth=False) as stream:
        wait_for(lambda: len(lines) >= 3)
        assert stream.batch(0.0, 10) == []
    assert [line["again_in_s"] for line in lines[:3]] == [0.1, 0.2, 0.4]
    for line in lines:
        assert line["event"].startswith(f"broker {own_broker.address} does not answer: ")
        assert "Connection refused" in line["event"]
        assert "\n" not in line["event"]
    assert capfd.readouterr().err == ""


def test_a_missing_topic_is_named_and_read_once_it_exists(broker: Broker, lines: list[EventDict]) -> None:
    existing = make_topic(broker)
    prefix, _, number = existing.rpartition("-")
    missing = f"{prefix}-{int(number) + 1}"  # the one that make_topic will make next
    with ObservationStream(broker.url(missing), group_id="g", auth=False) as stream:
        wait_for(lambda: has(stream, TopicMissing))
        assert lines[0]["event"].startswith(f"topic {missing} does not exist on {broker.plain_address}")
        assert make_topic(broker) == missing
        produce(broker.plain_address, missing, b"first")
        assert [message.value for message in read(stream, 1)] == [b"first"]


def test_missing_credentials_are_named_and_read_once_they_exist(
    broker: Broker, topic: str, lines: list[EventDict], config_home: Path
) -> None:
    with ObservationStream(f"kafka://{broker.address}/{topic}", group_id="g", auth=True) as stream:
        wait_for(lambda: has(stream, AccessDenied))
        assert str(config_home / "hop" / "auth.toml") in lines[0]["event"]
        write_auth(config_home, broker.address)
        produce(broker.plain_address, topic, b"first")
        assert [message.value for message in read(stream, 1)] == [b"first"]


def test_a_wrong_password_is_one_line_and_the_right_one_is_taken_up(
    broker: Broker, topic: str, lines: list[EventDict], config_home: Path
) -> None:
    write_auth(config_home, broker.address, password="quite wrong")
    with ObservationStream(f"kafka://{broker.address}/{topic}", group_id="g", auth=True) as stream:
        wait_for(lambda: has(stream, AccessDenied))
        write_auth(config_home, broker.address)
        produce(broker.plain_address, topic, b"first")
        assert [message.value for message in read(stream, 1)] == [b"first"]
    assert lines[0]["event"].startswith(f"{broker.address} refuses the login")
    assert not any("quite wrong" in str(line) or PASSWORD in str(line) for line in lines)


def test_a_broker_that_asks_for_a_login_says_so_to_who_has_none(broker: Broker, lines: list[EventDict]) -> None:
    with ObservationStream(f"kafka://{broker.address}/t", group_id="g", auth=False) as stream:
        wait_for(lambda: stream.problem is not None)
    assert "HOP_AUTH" in lines[0]["event"]


def test_closing_does_not_wait_for_a_broker_that_is_down(own_broker: OwnBroker) -> None:
    stream = ObservationStream(own_broker.url, group_id="g", auth=False)
    produce(own_broker.address, "t", b"first")
    stream.mark_done(read(stream, 1))
    own_broker.stop()
    stream.close(timeout_s=5.0)
    assert not stream.is_open


@pytest.mark.parametrize(
    ("content", "mode", "reason"),
    [
        ("", 0o600, "no auth section"),
        ("[[auth]]\nusername = 'u'\npassword = 'p'\n", 0o644, "unsafe permissions"),
        ("[[auth]]\nusername = 'u'\npassword = 'p'\nhostname = 'other:9092'\n", 0o600, "No matching credential"),
        ("[[auth]]\nusername = 'u'\npassword = 'p'\n[[auth]]\nusername = 'v'\npassword = 'q'\n", 0o600, "Ambiguous"),
        ("[[auth]]\nusername = 'u'\npassword = 'p'\nmechanism = 'MAGIC'\n", 0o600, "unknown mechanism 'MAGIC'"),
        ("[[auth]]\nusername = 'u'\n", 0o600, "missing auth property"),
        ("[[auth", 0o600, "not configured correctly"),
    ],
)
def test_unusable_credentials_are_one_line(config_home: Path, content: str, mode: int, reason: str) -> None:
    path = write_auth(config_home, "any:9092")
    path.write_text(content)
    path.chmod(mode)
    with pytest.raises(AccessDenied, match=reason) as caught:
        load_credential(TopicAddress("broker:9092", "t"), auth=True)
    assert "\n" not in str(caught.value)


def test_credentials_are_those_of_the_broker(config_home: Path) -> None:
    write_auth(config_home, "127.0.0.1:9092")
    credential = load_credential(TopicAddress("127.0.0.1:9092,127.0.0.1:9093", "t"), auth=True)
    assert credential is not None
    assert credential.username == USER
    assert load_credential(TopicAddress("127.0.0.1:9092", "t"), auth=False) is None


def test_a_broker_that_says_nothing_is_not_asked_for_its_login() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = TopicAddress(f"127.0.0.1:{silent.getsockname()[1]}", "t")
        lookup = TopicLookup(address, ClientOptions(address, None))
        with closing(lookup), pytest.raises(BrokerUnreachable, match="says nothing"):
            lookup.wait(10.0)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("auth = 'x'", "not what hop expects"),
        ("[[auth]]\nusername = 'u'\npassword = 'p'\nhostname = 5\n", "not what hop expects"),
    ],
)
def test_credentials_of_another_form_are_one_line(config_home: Path, content: str, reason: str) -> None:
    path = write_auth(config_home, "any:9092")
    path.write_text(content)
    with pytest.raises(AccessDenied, match=reason) as caught:
        load_credential(TopicAddress("broker:9092", "t"), auth=True)
    assert "\n" not in str(caught.value)


def test_credentials_that_may_not_be_read_are_one_line(config_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise PermissionError(13, "Permission denied")

    write_auth(config_home, "any:9092")
    monkeypatch.setattr("snews_cs.streams.client.load_auth", refuse)  # root, who runs tests, may read everything
    with pytest.raises(AccessDenied, match=r"auth.toml cannot be read: Permission denied"):
        load_credential(TopicAddress("broker:9092", "t"), auth=True)


def test_a_certificate_that_is_missing_for_a_while_is_waited_for(
    own_broker: OwnBroker, config_home: Path, lines: list[EventDict]
) -> None:
    path = write_auth(config_home, own_broker.address)
    of_tls = path.read_text().replace("SASL_PLAINTEXT", "SASL_SSL").replace("ssl = false", "ssl = true")
    path.write_text(f"{of_tls}ssl_ca_location = '{config_home / 'none.pem'}'\n")
    url = own_broker.url
    with ObservationStream(url, group_id="g", auth=True) as stream, AlertPublisher([url], auth=True) as publisher:
        wait_for(lambda: len(lines) > 1)
        assert "ca.location" in lines[0]["event"]
        with pytest.raises(StreamError, match=r"ca\.location"):
            publisher.warm_up()
        with pytest.raises(StreamError, match=r"ca\.location"):
            publish(publisher, url, b"{}")
        stream.batch(0.0, 1)  # raises nothing: it goes on trying
