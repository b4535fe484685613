"""Another server on the same store: the journal orders them, and nothing is left undone by the one that died."""

import pytest
from structlog.typing import EventDict

from snews_cs.errors import StoreUnreachable
from snews_cs.server.lane import TAKE_OVER_AFTER_S
from tests.server.conftest import House, OpenHouse, asked, said, seen
from tests.support.flaky import away

PAIR = (seen("JUNO"), seen("XENONnT", 1))


def test_another_server_wrote_first(open_house: OpenHouse) -> None:
    ours = open_house()
    theirs = open_house(topic=ours.topic, publisher=ours.publisher)
    theirs.say(seen("JUNO"))
    ours.say(seen("XENONnT", 1))
    assert [entry.sequence for entry in ours.entries()] == [1, 2]
    assert ours.publisher.contents()[0]["detector_names"] == ["JUNO", "XENONnT"]
    theirs.say(seen("LVD", 2))
    assert ours.publisher.contents()[1]["revision"] == 2
    assert theirs.journal.sequence == 3


@pytest.mark.parametrize("standing", range(3))
def test_another_server_wrote_in_between(open_house: OpenHouse, standing: int) -> None:
    """Of a group a prefix stands, as on MongoDB; the rest is decided again after what the other one wrote."""
    ours = open_house()
    theirs = open_house(publisher=ours.publisher, tag="other")
    ours.storage.append_only(standing, conflict=True)
    ours.storage.before["entries"].append(lambda: theirs.say(seen("LVD", 2), b"junk", b"junk"))
    ours.say(*PAIR, seen("IceCube", 3))
    theirs.say()
    ours.say()
    tags = [entry.writer for entry in ours.entries()]
    assert tags == ["test"] * standing + ["other"] * 3 + ["test"] * (3 - standing)
    assert ours.topic.done == [0, 1, 2]
    assert ours.publisher.contents()[-1]["detector_names"] == ["JUNO", "XENONnT", "LVD", "IceCube"]
    assert [alert["revision"] for alert in ours.publisher.contents()] == [1, 2, 3]
    assert ours.storage.unpublished() == []
    assert ours.journal.engine.snapshot() == open_house().journal.engine.snapshot()
    assert ours.storage.projected() == ours.storage.last_sequence() == 6


def dies(house: House, method: str, *, done: bool = False) -> None:
    """Let a server take :data:`PAIR` in, and die at this method of its store."""
    (house.storage.after if done else house.storage.before)[method].append(away)
    with pytest.raises(StoreUnreachable):
        house.say(*PAIR)


@pytest.mark.parametrize("method", ["mark_published", "project"])
def test_what_another_server_left_undone_is_done(open_house: OpenHouse, method: str) -> None:
    ours = open_house()
    theirs = open_house(topic=ours.topic)
    if method == "project":
        theirs.storage.before[method].append(away)
        theirs.say(*PAIR)  # the last that is heard of it
    else:
        dies(theirs, method)
    ours.say(seen("LVD", 2))
    ours.monotonic_s += TAKE_OVER_AFTER_S
    ours.say()
    assert ours.storage.projected() == 3
    assert [row["detector_name"] for row in ours.rows("cache")] == ["JUNO", "XENONnT", "LVD"]
    assert [row["revision"] for row in ours.rows("coincidence_tier_alerts")] == [1, 2]
    assert ours.storage.unpublished() == []


def test_another_servers_messages_are_not_ours_to_report_or_answer(
    open_house: OpenHouse, lines: list[EventDict]
) -> None:
    ours = open_house()
    theirs = open_house(topic=ours.topic)
    theirs.say(seen("JUNO"), asked())
    assert theirs.publisher.contents("testing") == [asked()]
    ours.say(seen("XENONnT"))
    assert ours.journal.sequence == 3
    assert ours.publisher.contents("testing") == []
    assert [line["detector"] for line in said(lines, "observation")] == ["JUNO", "XENONnT"]
    assert len(said(lines, "another server wrote first")) == 1


def test_ours_of_an_append_in_doubt_is_told_from_another_servers(open_house: OpenHouse, lines: list[EventDict]) -> None:
    ours = open_house()
    theirs = open_house(topic=ours.topic, tag="other")
    ours.storage.append_only(1)
    with pytest.raises(StoreUnreachable):
        ours.say(asked(1), asked(2))
    theirs.say(seen("JUNO"), asked(3))
    lines.clear()
    ours.server.round(0)
    assert [entry.writer for entry in ours.entries()] == ["test", "other", "other", "test"]
    assert ours.publisher.contents("testing") == [asked(1), asked(2)]
    assert said(lines, "observation") == []
