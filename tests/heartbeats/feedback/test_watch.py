"""Who is warned of a silence, when, and how often."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from snews_cs.messages.times import NS_PER_S
from snews_cs.messages.types import Observation
from tests.heartbeats.feedback.conftest import NOW, House, text_of
from tests.support.mail_server import MailServer

MINUTE_NS = 60 * NS_PER_S


def subjects(mail: MailServer) -> list[str]:
    return [str(message["Subject"]) for message in mail.messages]


def test_a_silent_detector_is_told_of_once_and_once_when_it_is_back(house: House, mail: MailServer) -> None:
    house.beating.beat("JUNO", until_ns=NOW, beats=5)
    house.look(after_s=59)
    assert mail.messages == []
    for _ in range(3):
        house.look(after_s=60)
    assert subjects(mail) == ["JUNO is silent: not heard since 2100-01-02 16:20:03 UTC"] * 2
    assert sorted(mail.recipients) == ["Chief@juno.example.org", "shift@juno.example.org"]
    house.beating.beat("JUNO", until_ns=house.now_ns, beats=1)
    for _ in range(3):
        house.look(after_s=1)
    assert subjects(mail)[2:] == ["JUNO is back, after 3.98 min of silence"] * 2


def test_each_silence_is_told_of(house: House, mail: MailServer) -> None:
    house.beating.beat("LZ", until_ns=NOW, beats=100)
    for _ in range(3):
        house.look(after_s=3_600)
        house.beating.beat("LZ", until_ns=house.now_ns, beats=1)
        house.look()
    assert [subject.split(" ")[:3] for subject in subjects(mail)] == [
        ["LZ", "is", "silent:"],
        ["LZ", "is", "back,"],
    ] * 3


@pytest.mark.parametrize("beats", [0, 1, 4])
def test_of_fewer_than_five_beats_none_is_overdue(house: House, mail: MailServer, beats: int) -> None:
    house.beating.beat("JUNO", until_ns=NOW, beats=beats)
    house.look(after_s=3_600)
    assert mail.messages == []


def test_a_beat_is_overdue_after_mean_and_three_sigma(house: House, mail: MailServer) -> None:
    """Intervals of 50 and 70 s: mean 60, standard deviation 10."""
    for number in range(10):
        house.beating.beat("LZ", until_ns=NOW - (600 - 60 * number - 10 * (number % 2)) * NS_PER_S, beats=1)
    last_s = 600 - 540 - 10
    house.look(after_s=88 - last_s)
    assert mail.messages == []
    house.look(after_s=4)
    assert len(mail.messages) == 1


def test_who_said_off_may_be_silent(house: House, mail: MailServer) -> None:
    house.beating.beat("JUNO", until_ns=NOW - MINUTE_NS, beats=20)
    house.beating.beat("JUNO", until_ns=NOW, beats=1, status="OFF")
    house.look(after_s=7_200)
    assert mail.messages == []


def test_an_observation_is_a_sign_of_life(house: House, mail: MailServer) -> None:
    house.beating.beat("LZ", until_ns=NOW, beats=20)
    house.look(after_s=120)
    observation = Observation(detector_name="LZ", message_uuid="burst", neutrino_time_ns=house.now_ns)
    house.beating.receive([(house.now_ns, observation)])
    house.look()
    assert [subject.split(" ")[2] for subject in subjects(mail)] == ["silent:", "back,"]


def test_tests_tell_nothing(house: House, mail: MailServer) -> None:
    house.beating.beat("LZ", until_ns=NOW, beats=20, is_test=True)
    house.look(after_s=3_600)
    assert mail.messages == []


def test_who_is_not_registered_here_is_nobody(house: House, mail: MailServer) -> None:
    house.beating.beat("HALO", until_ns=NOW, beats=20)
    with capture_logs() as logs:
        house.look(after_s=3_600)
    assert (mail.messages, logs) == ([], [])


def test_what_was_told_is_remembered(tmp_path: Path, house: House, mail: MailServer) -> None:
    house.beating.beat("LZ", until_ns=NOW, beats=20)
    house.look(after_s=300)
    with again(tmp_path, mail, house) as restarted:
        restarted.look(after_s=120)
        assert len(mail.messages) == 1
        restarted.beating.beat("LZ", until_ns=restarted.now_ns, beats=1)
        restarted.look()
        assert len(mail.messages) == 2
        with again(tmp_path, mail, restarted) as third:
            third.look(after_s=10)
    assert len(mail.messages) == 2


def test_of_two_sites_one_tells(tmp_path: Path, house: House, mail: MailServer) -> None:
    with again(tmp_path, mail, house) as other:
        house.beating.beat("LZ", until_ns=NOW, beats=20)
        for site in (house, other, house, other):
            site.look(after_s=90)
        house.beating.beat("LZ", until_ns=house.now_ns, beats=1)
        for site in (other, house, other):
            site.look(after_s=1)
    assert [subject.split(" ")[2] for subject in subjects(mail)] == ["silent:", "back,"]


def test_what_one_site_found_and_could_not_send_another_sends(tmp_path: Path, house: House, mail: MailServer) -> None:
    house.beating.beat("LZ", until_ns=NOW, beats=20)
    mail.faults["MAIL"] = ["451 busy"]
    house.look(after_s=90)
    assert mail.messages == []
    with again(tmp_path, mail, house) as other:
        other.look()
        assert mail.messages == []  # the first one may be at it
        other.look(after_s=61)
    assert len(mail.messages) == 1


def test_nobody_is_warned_while_the_fault_is_rather_ours(house: House, mail: MailServer) -> None:
    house.beating.beat("LZ", until_ns=NOW, beats=20)
    house.beating.beat("JUNO", until_ns=NOW, beats=20)
    with capture_logs() as logs:
        house.look(after_s=120)
        house.look(after_s=120)
    assert mail.messages == []
    assert [log["log_level"] for log in logs] == ["error"]
    house.look(after_s=600)
    assert len(mail.messages) == 3
    assert all("the fault may be with SNEWS" in text_of(message) for message in mail.messages)


def test_that_others_are_heard_makes_it_a_silence(house: House, mail: MailServer) -> None:
    house.beating.beat("LZ", until_ns=NOW, beats=20)
    house.beating.beat("JUNO", until_ns=NOW, beats=20)
    house.beating.beat("Super-K", until_ns=NOW + 100 * NS_PER_S, beats=2)
    house.look(after_s=120)
    assert len(mail.messages) == 3
    assert not any("fault" in text_of(message) for message in mail.messages)


@pytest.mark.parametrize(
    ("beats", "every_s", "status"), [(20, 300.0, "ON"), (20, 60.0, "OFF"), (1, 60.0, "ON")], ids=["slow", "off", "new"]
)
def test_who_was_heard_before_the_others_fell_silent_shows_nothing(
    house: House, mail: MailServer, beats: int, every_s: float, status: str
) -> None:
    """The server is down for two minutes, and one that need not be heard meanwhile was heard last."""
    house.beating.beat("LZ", until_ns=NOW - 50 * NS_PER_S, beats=20)
    house.beating.beat("JUNO", until_ns=NOW - 5 * NS_PER_S, beats=20)
    house.beating.beat("Super-K", until_ns=NOW - NS_PER_S, beats=beats, every_s=every_s, status=status)
    with capture_logs() as logs:
        house.look(after_s=30)
        house.look(after_s=60)
    assert mail.messages == []
    assert [log["log_level"] for log in logs] == ["error"]
    house.look(after_s=30)
    for name in ("LZ", "JUNO", "Super-K"):
        house.beating.beat(name, until_ns=house.now_ns, beats=1)
    house.look()
    assert mail.messages == []


def test_one_is_warned_when_another_is_heard_after_it_fell_silent(house: House, mail: MailServer) -> None:
    house.beating.beat("LZ", until_ns=NOW, beats=20)
    house.beating.beat("Super-K", until_ns=NOW + 50 * NS_PER_S, beats=20)
    with capture_logs() as logs:
        house.look(after_s=70)
        assert mail.messages == []
        house.beating.beat("Super-K", until_ns=NOW + 110 * NS_PER_S, beats=1)
        house.look(after_s=60)
    assert [log["event"] for log in logs] == ["a detector is silent", "mailed"]
    assert subjects(mail) == ["LZ is silent: not heard since 2100-01-02 16:20:03 UTC"]
    assert "fault" not in text_of(mail.messages[0])


def test_who_is_silent_for_long_hides_no_outage(house: House, mail: MailServer) -> None:
    house.beating.beat("Super-K", until_ns=NOW - 60 * MINUTE_NS, beats=20)
    house.beating.beat("LZ", until_ns=NOW, beats=100)
    house.beating.beat("JUNO", until_ns=NOW, beats=100)
    house.look()
    house.look(after_s=120)
    assert mail.messages == []
    house.look(after_s=480)
    assert len(mail.messages) == 3
    assert all("the fault may be with SNEWS" in text_of(message) for message in mail.messages)


def test_a_silence_that_nobody_is_registered_for_is_logged(house: House, mail: MailServer) -> None:
    house.beating.beat("Super-K", until_ns=NOW, beats=20)
    with capture_logs() as logs:
        house.look(after_s=120)
        house.look(after_s=120)
    assert [log["event"] for log in logs] == [
        "a detector is silent",
        "nobody is registered to be told of a detector's silence",
    ]
    assert mail.messages == []


def test_who_is_registered_later_is_not_told_of_old_silences(tmp_path: Path, house: House, mail: MailServer) -> None:
    house.beating.beat("LZ", until_ns=NOW, beats=20)
    mail.refusals["shift@lz.example.org"] = "451 not now"
    house.look(after_s=120)
    mail.refusals.clear()
    with again(tmp_path, mail, house) as later:
        later.look(after_s=86_400)
    assert mail.messages == []


@contextmanager
def again(directory: Path, mail: MailServer, before: House) -> Iterator[House]:
    """Run another one on the same store and notes, at the time of the first."""
    site = House(directory, mail, name="another")
    site.now_ns, site.monotonic_s = before.now_ns, before.monotonic_s
    try:
        yield site
    finally:
        site.close()
