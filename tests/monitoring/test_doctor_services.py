"""``snews_cs doctor`` against a Kafka with logins and permissions, and a server of MongoDB's protocol."""

from contextlib import closing
from pathlib import Path

import pymongo
import pytest

from snews_cs.storage.open import open_storage
from tests.monitoring.patient import Patient
from tests.storage.builders import make_entries
from tests.support.broker import PASSWORD, write_auth
from tests.support.ferretdb import FerretServer
from tests.support.kafka import KafkaServer

pytestmark = pytest.mark.services


@pytest.fixture
def patient(kafka: KafkaServer, ferretdb: FerretServer, tmp_path: Path) -> Patient:
    """Give a machine that is well: its user logs in to Kafka with SCRAM-SHA-512; its store is MongoDB's protocol."""
    patient = Patient(kafka, tmp_path)
    for name, url in patient.settings.items():
        patient.settings[name] = url.replace(kafka.plain_address, kafka.address)
    write_auth(tmp_path, kafka.address, mechanism="SCRAM-SHA-512")
    patient.settings |= {
        "HOP_AUTH": "true",
        "XDG_CONFIG_HOME": str(tmp_path),
        "CONSUMER_GROUP": f"doctor-{tmp_path.name}",
        "DATABASE_SERVER": ferretdb.url,
    }
    with pymongo.MongoClient[dict[str, object]](ferretdb.url) as client:
        client.drop_database("snews_db")
    return patient


def topic_of(patient: Patient, setting: str) -> str:
    return patient.settings[setting].rpartition("/")[2]


def test_all_is_well(patient: Patient, ferretdb: FerretServer) -> None:
    with closing(open_storage(ferretdb.url)) as store:
        store.append(make_entries(1, 3))
    _, found = patient.examine()
    topics = [topic_of(patient, name) for name in ("OBSERVATION_TOPIC", "ALERT_TOPIC", "CONNECTION_TEST_TOPIC")]
    assert found["OBSERVATION_TOPIC"] == f"OK topic {topics[0]}: READ permitted"
    assert found["ALERT_TOPIC"] == f"OK topic {topics[1]}: READ and WRITE permitted"
    assert found["CONNECTION_TEST_TOPIC"] == f"OK topic {topics[2]}: READ and WRITE permitted"
    assert found["CONSUMER_GROUP"] == f"OK consumer group {patient.settings['CONSUMER_GROUP']}: READ permitted"
    assert found["store"] == f"OK MongoDB at {ferretdb.url.removeprefix('mongodb://')} can be read and written"
    assert found["journal"].startswith("OK 3 entries, ")
    assert found["Kafka"].endswith(" answers and lets us in")


def test_a_wrong_password(patient: Patient, kafka: KafkaServer, tmp_path: Path) -> None:
    write_auth(tmp_path, kafka.address, password="quite wrong", mechanism="SCRAM-SHA-512")
    code, found = patient.examine()
    assert code == 2
    assert found["Kafka"].startswith(f"FAILED {kafka.address} refuses the login: ")
    assert "ALERT_TOPIC" not in found
    assert not any(PASSWORD in text or "quite wrong" in text for text in found.values())


def test_a_topic_that_may_not_be_written(patient: Patient, kafka: KafkaServer) -> None:
    topic = topic_of(patient, "ALERT_TOPIC")
    kafka.permit("topic", topic, "READ")
    code, found = patient.examine()
    assert code == 2
    assert found["ALERT_TOPIC"] == (
        f"FAILED topic {topic}: WRITE is not permitted -> have the broker's administrator grant WRITE"
    )
    assert found["OBSERVATION_TOPIC"].startswith("OK ")


def test_a_topic_that_may_not_be_seen(patient: Patient, kafka: KafkaServer) -> None:
    topic = topic_of(patient, "OBSERVATION_TOPIC")
    kafka.permit("topic", topic, "READ", user="somebody-else")
    code, found = patient.examine()
    assert code == 2
    assert found["OBSERVATION_TOPIC"].startswith(f"FAILED topic {topic}: READ is not permitted -> ")
    assert found["ALERT_TOPIC"].startswith("OK ")


def test_a_group_that_may_not_be_used(patient: Patient, kafka: KafkaServer) -> None:
    group = patient.settings["CONSUMER_GROUP"]
    kafka.permit("group", group, "READ", user="somebody-else")
    code, found = patient.examine()
    assert code == 2
    assert found["CONSUMER_GROUP"].startswith(f"FAILED consumer group {group}: READ is not permitted -> ")


def test_a_database_without_a_journal(patient: Patient) -> None:
    _, found = patient.examine()
    assert found["store"].startswith("WARNING DATABASE_SERVER: MongoDB at ")
    assert "has no journal in the database snews_db -> the first start makes it" in found["store"]
