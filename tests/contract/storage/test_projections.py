"""Projections: what other programs find in the store follows the journal, once, in order, and never backwards."""

from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from snews_cs.coincidence.types import AlertType, Disposition, Outcome
from snews_cs.errors import StorageError
from snews_cs.messages.times import NS_PER_S
from snews_cs.messages.types import Heartbeat, Retraction, SignificanceTier, TimingTier
from snews_cs.storage.entry import Entry
from snews_cs.storage.protocol import Storage
from snews_cs.storage.tables import KINDS
from tests.contract.storage.conftest import Place
from tests.storage.builders import (
    DAY_NS,
    FULL_OUTCOME,
    MESSAGES,
    T0,
    make_alert,
    make_alerting,
    make_entry,
    make_line,
    make_moving,
    make_observation,
    make_refused,
)

HISTORY: list[Entry] = [
    make_moving(1, make_line(0, p_value=0.5), make_line(1)),
    make_moving(2, make_line(2), gone=(1,)),
    make_alerting(3),
    make_moving(4, make_line(0, p_value=0.25)),
    make_alerting(5, make_alert(2), make_alert(3)),
    make_entry(6, message=Heartbeat(detector_name="JUNO", message_uuid="h", status="ON")),
    make_refused(7, "not JSON", value=b"\xff\x00", headers=(("_id", b"\x01"), ("x", None))),
    make_moving(8, gone=(2,)),
]
STANDING = [(0, 0.25)]
"""The cache after :data:`HISTORY`: line and p-value."""


def contents(place: Place) -> dict[str, list[dict[str, Any]]]:
    """Return all rows of all projections."""
    return {kind.table: place.rows(kind.table) for kind in KINDS}


def cached(place: Place) -> list[tuple[int, float | None]]:
    return [(row["line_id"], row["p_value"]) for row in place.rows("cache")]


class TestHowFar:
    """The mark goes up with the entries, whatever is asked for again."""

    def test_nothing_is_projected_at_first(self, storage: Storage) -> None:
        assert storage.projected() == 0

    def test_the_mark_follows(self, place: Place, storage: Storage) -> None:
        storage.append(HISTORY)
        storage.project(HISTORY[:3])
        assert storage.projected() == 3
        storage.project(HISTORY[3:])
        assert storage.projected() == 8
        with closing(place.open()) as other:
            assert other.projected() == 8

    @pytest.mark.parametrize("size", [1, 2, 3, 8])
    def test_it_does_not_matter_in_what_groups(self, place: Place, storage: Storage, size: int) -> None:
        storage.append(HISTORY)
        for start in range(0, len(HISTORY), size):
            storage.project(HISTORY[start : start + size])
        assert cached(place) == STANDING
        assert [row["revision"] for row in place.rows("coincidence_tier_alerts")] == [1, 2, 3]
        assert [row["sequence"] for row in place.rows("heartbeats")] == [6, 8]
        assert len(place.rows("quarantine")) == 1

    def test_twice_changes_nothing(self, place: Place, storage: Storage) -> None:
        storage.append(HISTORY)
        storage.project(HISTORY)
        before = contents(place)
        storage.project(HISTORY)
        storage.project(HISTORY[4:])
        assert contents(place) == before
        assert storage.projected() == 8

    def test_never_backwards(self, place: Place, storage: Storage) -> None:
        storage.append(HISTORY)
        storage.project(HISTORY)
        storage.project(HISTORY[:1])
        assert cached(place) == STANDING
        assert storage.projected() == 8

    def test_half_known_groups_are_passed_over_in_part(self, place: Place, storage: Storage) -> None:
        storage.append(HISTORY)
        storage.project(HISTORY[:5])
        storage.project(HISTORY[2:])
        assert cached(place) == STANDING

    def test_what_comes_and_goes_within_a_group_leaves_nothing(self, place: Place, storage: Storage) -> None:
        group = [make_moving(1, make_line(0)), make_moving(2, make_line(0, p_value=0.5)), make_moving(3, gone=(0,))]
        storage.append(group)
        storage.project(group)
        assert cached(place) == []
        assert storage.projected() == 3

    def test_no_entries_are_no_change(self, storage: Storage) -> None:
        storage.project([])
        assert storage.projected() == 0

    def test_a_gap_is_refused(self, storage: Storage) -> None:
        storage.append(HISTORY[:1])
        storage.project(HISTORY[:1])
        with pytest.raises(StorageError, match="entry 2 is missing before entry 3"):
            storage.project(HISTORY[2:])
        assert storage.projected() == 1


class TestRows:
    """Each kind of entry has its row in its table."""

    def project(self, storage: Storage, *entries: Entry) -> None:
        storage.append(entries)
        storage.project(entries)

    def test_the_cache(self, place: Place, storage: Storage) -> None:
        self.project(storage, make_moving(1, make_line(4, p_value=0.5)))
        [row] = place.rows("cache")
        row.pop("expires", None)
        assert row == {
            "line_id": 4,
            "is_test": False,
            "is_pre_sn": False,
            "detector_name": "JUNO",
            "neutrino_time": "2100-01-01T00:00:00.000000000Z",
            "neutrino_time_ns": T0,
            "p_value": 0.5,
            "message_uuid": "observation 4",
            "received_time": "2100-01-01T00:00:00.000000000Z",
            "received_ns": T0,
            "expires_ns": T0 + DAY_NS,
        }

    def test_alerts_as_published(self, place: Place, storage: Storage) -> None:
        self.project(storage, make_alerting(1, make_alert(1), make_alert(2, alert_type=AlertType.RETRACTION)))
        first, second = place.rows("coincidence_tier_alerts")
        assert first["alert_uuid"] == make_alert().alert_uuid
        assert first["sequence"] == second["sequence"] == 1
        assert second["alert_type"] == "RETRACTION"
        assert first["alert"]["neutrino_times"] == ["2100-01-01T00:00:00.000000000Z", "2100-01-01T00:00:09.000000000Z"]
        assert first["alert"]["p_values average"] == 0.01
        assert first["detector_names"] == ["JUNO", "SNO+"]

    def test_retractions(self, place: Place, storage: Storage) -> None:
        retraction = Retraction(detector_name="JUNO", message_uuid="r", retract_latest_n="ALL", reason="calibration")
        self.project(storage, make_entry(1, message=retraction))
        [row] = place.rows("false_warnings")
        assert row["sequence"] == 1
        assert (row["retract_message_uuid"], row["retract_latest_n"]) == (None, "ALL")
        assert (row["reason"], row["disposition"]) == ("calibration", "noted")

    def test_heartbeats(self, place: Place, storage: Storage) -> None:
        heartbeat = Heartbeat(detector_name="JUNO", message_uuid="h", status="OFF", machine_time_ns=T0 - 5)
        self.project(storage, make_entry(1, message=heartbeat, received_ns=T0))
        [row] = place.rows("heartbeats")
        assert (row["detector_name"], row["status"]) == ("JUNO", "OFF")
        assert (row["received_ns"], row["machine_time_ns"]) == (T0, T0 - 5)
        assert row["expires_ns"] == T0 + DAY_NS

    @pytest.mark.parametrize("size", [1, 3, 7])
    def test_observations_are_beats_the_latest_in_each_minute(self, place: Place, storage: Storage, size: int) -> None:
        juno = make_observation(1)
        said = [(0, juno), (59, make_observation(2)), (60, make_observation(3)), (61, replace(juno, is_test=True))]
        said += [(62, replace(juno, detector_name="LVD")), (63, juno), (30, make_observation(4))]
        kinds = [Disposition.OPENED, Disposition.REFINED, Disposition.REPEATED, Disposition.EXPIRED]
        entries = [
            make_entry(
                sequence,
                message=observation,
                received_ns=T0 + at_s * NS_PER_S,
                outcome=Outcome(disposition=kinds[sequence % 4]),
            )
            for sequence, (at_s, observation) in enumerate(said, 1)
        ]
        for start in range(0, len(entries), size):
            self.project(storage, *entries[start : start + size])
        rows = {row["beat"]: (row["sequence"], row["kind"], row["status"]) for row in place.rows("heartbeats")}
        assert rows == {
            "observation of JUNO, 2100-01-01T00:00": (7, "observation", "ON"),  # the clock was set back
            "observation of JUNO, 2100-01-01T00:01": (6, "observation", "ON"),
            "observation of JUNO, test, 2100-01-01T00:01": (4, "observation", "ON"),
            "observation of LVD, 2100-01-01T00:01": (5, "observation", "ON"),
        }

    @pytest.mark.parametrize("disposition", [Disposition.DUPLICATE, Disposition.RETRACTED_BEFORE])
    def test_observations_without_effect_are_no_beats(
        self, place: Place, storage: Storage, disposition: Disposition
    ) -> None:
        self.project(storage, make_entry(1, outcome=Outcome(disposition=disposition)))
        assert place.rows("heartbeats") == []

    def test_the_significance_archive(self, place: Place, storage: Storage) -> None:
        message = SignificanceTier(detector_name="JUNO", message_uuid="s", p_values=(0.1, 0.2), t_bin_width_s=0.8)
        self.project(storage, make_entry(1, message=message))
        [row] = place.rows("sig_tier_archive")
        assert (row["p_values"], row["t_bin_width_s"]) == ([0.1, 0.2], 0.8)

    def test_the_timing_archive(self, place: Place, storage: Storage) -> None:
        message = TimingTier(detector_name="JUNO", message_uuid="t", timing_series=(0, 5, 7), start_time_ns=T0)
        self.project(storage, make_entry(1, message=message))
        [row] = place.rows("time_tier_archive")
        assert (row["timing_series"], row["start_time_ns"], row["neutrino_time"]) == ([0, 5, 7], T0, None)

    def test_quarantine(self, place: Place, storage: Storage) -> None:
        headers = (("_id", b"\x01"), ("x", None))
        self.project(storage, make_refused(1, "not JSON", topic="elsewhere", value=b"\xff\x00", headers=headers))
        [row] = place.rows("quarantine")
        assert (row["reason"], row["value"], row["topic"]) == ("not JSON", b"\xff\x00", "elsewhere")
        assert [header["name"] for header in row["headers"]] == ["_id", "x"]
        assert row["headers"][1]["value"] is None
        assert row["detector_name"] is None

    def test_nothing_that_can_be_journaled_fails(self, place: Place, storage: Storage) -> None:
        whole = [make_entry(number, message=message) for number, message in enumerate(MESSAGES, 1)]
        self.project(storage, *whole, make_entry(len(whole) + 1, outcome=FULL_OUTCOME))
        assert storage.projected() == len(whole) + 1


class TestSweeping:
    """What has outlived its time is deleted."""

    def test_what_is_over_goes_unless_the_store_sees_to_that(self, place: Place, storage: Storage) -> None:
        heartbeat = Heartbeat(detector_name="JUNO", message_uuid="h", status="ON")
        entries = [
            make_moving(1, make_line(0, expires_ns=T0 + 5), make_line(1, expires_ns=T0 + 6)),
            make_entry(2, message=heartbeat, received_ns=T0 + 5 - DAY_NS),
            make_entry(3, message=heartbeat, received_ns=T0 + 6 - DAY_NS),
        ]
        storage.append(entries)
        storage.project(entries)
        assert storage.sweep(T0 + 4) == 0
        assert storage.sweep(T0 + 5) == (2 if place.is_swept else 0)
        assert [row["line_id"] for row in place.rows("cache")] == ([1] if place.is_swept else [0, 1])
        assert {row["sequence"] for row in place.rows("heartbeats")} == ({1, 3} if place.is_swept else {1, 2, 3})
        assert storage.projected() == 3
