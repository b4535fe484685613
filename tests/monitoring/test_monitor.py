"""What the loop tells, as metrics and as health."""

import pytest

from snews_cs.coincidence.types import AlertType, CacheKey
from snews_cs.messages.types import Heartbeat, Observation, Verdict
from snews_cs.monitoring.metrics import MOST_KINDS
from tests.monitoring.conftest import AWAY, SECOND, Watched
from tests.storage.builders import T0, make_alert, make_alerting, make_entry, make_refused


def test_messages_by_kind(watched: Watched) -> None:
    beat = Heartbeat(detector_name="JUNO", message_uuid="a", status="ON")
    watched.monitor.journaled([make_entry(1), make_entry(2, message=beat), make_entry(3)])
    watched.monitor.journaled([make_refused(4, "the message is empty"), make_entry(5)])
    assert watched.value("snews_cs_messages_total", kind="observation") == 3
    assert watched.value("snews_cs_messages_total", kind="heartbeat") == 1
    assert watched.value("snews_cs_messages_total", kind="unknown") == 1


def test_from_received_to_journaled(watched: Watched) -> None:
    entry = make_entry(1)
    watched.now_ns = entry.received_ns + 4 * 10**6
    watched.monitor.journaled([entry, make_entry(2, received_ns=watched.now_ns + SECOND)])  # the clock was set back
    assert watched.value("snews_cs_received_to_journaled_seconds_count") == 2
    assert watched.value("snews_cs_received_to_journaled_seconds_sum") == pytest.approx(0.004)
    assert watched.value("snews_cs_received_to_journaled_seconds_bucket", le="0.002") == 1
    assert watched.value("snews_cs_received_to_journaled_seconds_bucket", le="0.005") == 2


def test_refusals_by_kind_of_reason(watched: Watched) -> None:
    watched.monitor.journaled([make_refused(1, "p_val must be at most 1, not 7"), make_refused(2, "empty")])
    watched.monitor.journaled([make_refused(3, "p_val must be at most 1, not 9")])
    found = {sample.labels["reason"]: sample.value for sample in watched.samples("snews_cs_refused_total")}
    assert found == {"p_val must be at most …, not …": 2, "empty": 1}


def test_reasons_are_bounded_whatever_is_sent(watched: Watched) -> None:
    odd = [make_refused(each, f'{"x" * each} \ud800 " \n {{}}') for each in range(1, 2 * MOST_KINDS)]
    watched.monitor.journaled(odd)
    found = watched.samples("snews_cs_refused_total")
    assert len(found) == MOST_KINDS + 1
    assert max(len(sample.labels["reason"]) for sample in found) < 200
    assert watched.value("snews_cs_refused_total", reason="other") == MOST_KINDS - 1


def test_an_alert_on_its_way(watched: Watched) -> None:
    entry = make_alerting(1, make_alert(), make_alert(2))
    watched.monitor.journaled([entry])
    assert entry.outcome is not None
    watched.passes(0.01)
    watched.now_ns = T0 + 42 * SECOND
    watched.monitor.acknowledged(entry, entry.outcome.alerts[0])
    watched.passes(0.02)
    watched.monitor.acknowledged(entry, entry.outcome.alerts[1])
    assert watched.value("snews_cs_alerts_total", type="INITIAL", test="false") == 1
    assert watched.value("snews_cs_alerts_total", type="UPDATE", test="false") == 1
    assert watched.value("snews_cs_journaled_to_acknowledged_seconds_count") == 2
    assert watched.value("snews_cs_journaled_to_acknowledged_seconds_sum") == pytest.approx(0.04)
    assert watched.value("snews_cs_neutrino_to_alert_seconds_count") == 1
    assert watched.value("snews_cs_neutrino_to_alert_seconds_sum") == pytest.approx(42)


def test_alerts_of_tests_and_of_others_tell_no_latency(watched: Watched) -> None:
    test = make_alert(cache=CacheKey(is_test=True, is_pre_sn=False))
    watched.monitor.acknowledged(make_alerting(1, test), test)
    retraction = make_alert(2, alert_type=AlertType.RETRACTION)
    watched.monitor.acknowledged(make_alerting(2, retraction), retraction)
    assert watched.value("snews_cs_alerts_total", type="INITIAL", test="true") == 1
    assert watched.value("snews_cs_alerts_total", type="RETRACTION", test="false") == 1
    assert watched.value("snews_cs_journaled_to_acknowledged_seconds_count") == 0
    assert watched.value("snews_cs_neutrino_to_alert_seconds_count") == 0


def test_clocks(watched: Watched) -> None:
    entry = make_entry(1)
    watched.monitor.journaled([entry])
    assert watched.value("snews_cs_neutrino_time_ahead_seconds", detector="JUNO") == 0
    age_s = watched.value("snews_cs_clock_offset_seconds")
    assert age_s is not None
    assert age_s > 0
    ahead = Observation(detector_name="JUNO", message_uuid="b", neutrino_time_ns=entry.received_ns + 3 * SECOND)
    test = Observation(detector_name="SNO+", message_uuid="b", neutrino_time_ns=10**18 * 8, is_test=True)
    refused = make_entry(3, message=ahead, verdict=Verdict(reason="too far ahead"), outcome=None)
    watched.monitor.journaled([make_entry(1, message=ahead), make_entry(2, message=test), refused])
    assert watched.value("snews_cs_neutrino_time_ahead_seconds", detector="JUNO") == 3
    assert watched.value("snews_cs_neutrino_time_ahead_seconds", detector="SNO+") is None


def test_who_is_online(watched: Watched) -> None:
    for name, status, is_test in (("JUNO", "ON", False), ("SNO+", "OFF", False), ("LVD", "ON", True)):
        beat = Heartbeat(detector_name=name, message_uuid=name, status=status, is_test=is_test)  # type: ignore[arg-type]
        watched.engine.apply(beat, watched.now_ns, name)
        watched.engine.settle()
    watched.round()
    assert watched.value("snews_cs_detectors_online") == 1
    online = {sample.labels["detector"]: sample.value for sample in watched.samples("snews_cs_detector_online")}
    assert online == {"JUNO": 1, "SNO+": 0}
    watched.round(700)
    assert watched.value("snews_cs_detector_online", detector="JUNO") == 0


def test_who_is_noisy(watched: Watched) -> None:
    for number in range(2):
        uuid = f"{number}"
        alarm = Observation(
            detector_name="JUNO", message_uuid=uuid, neutrino_time_ns=watched.now_ns - number * 60 * SECOND
        )
        watched.engine.apply(alarm, watched.now_ns, uuid)
        watched.engine.settle()
    watched.round()
    assert watched.value("snews_cs_detector_noisy", detector="JUNO") == 1
    watched.round(86_400)
    assert watched.value("snews_cs_detector_noisy", detector="JUNO") == 0


def test_a_healthy_round(watched: Watched) -> None:
    watched.round(sequence=7, unpublished=1, unpublished_since_ns=watched.now_ns)
    assert watched.monitor.problems() == []
    assert watched.monitor.sequence == 7
    assert watched.value("snews_cs_ready") == 1
    assert watched.value("snews_cs_journal_sequence") == 7
    assert watched.value("snews_cs_unpublished_alerts") == 1
    assert watched.value("snews_cs_degraded") == 0
    assert watched.value("snews_cs_observation_topic_open") == 1


def test_before_the_journal_is_restored() -> None:
    watched = Watched()
    assert watched.monitor.problems() == ["starting: the journal is not restored yet"]
    assert watched.value("snews_cs_ready") == 0
    watched.passes(60)
    watched.monitor.ready()
    watched.round()
    assert watched.monitor.problems() == []
    assert watched.value("snews_cs_loop_longest_stall_seconds") == pytest.approx(0.2)


def test_a_loop_that_stands(watched: Watched) -> None:
    watched.round()
    watched.passes(10)
    assert watched.monitor.problems() == []
    watched.passes(2)
    assert watched.monitor.problems() == ["the loop has not come round for 12 s"]
    assert watched.value("snews_cs_loop_seconds_since_round") == 12
    assert watched.value("snews_cs_loop_longest_stall_seconds") == 12
    watched.round(1)
    assert watched.monitor.problems() == []
    assert watched.value("snews_cs_loop_seconds_since_round") == 0
    assert watched.value("snews_cs_loop_longest_stall_seconds") == 13


def test_alerts_that_wait_grow_older_while_the_loop_stands(watched: Watched) -> None:
    watched.round(unpublished=2, unpublished_since_ns=watched.now_ns)
    watched.passes(9)
    assert watched.monitor.problems() == []
    assert watched.value("snews_cs_unpublished_age_seconds") == pytest.approx(9.2)
    watched.passes(0.9)
    assert watched.monitor.problems() == ["2 alerts not published for 10 s"]


def test_a_server_that_decides_alone(watched: Watched) -> None:
    watched.round(degraded="the store does not answer", spooled=3, spooled_since_ns=watched.now_ns)
    assert watched.monitor.problems() == ["DEGRADED: the store does not answer"]
    assert watched.value("snews_cs_degraded") == 1
    assert watched.value("snews_cs_spool_messages") == 3
    watched.passes(5)
    assert watched.value("snews_cs_spool_age_seconds") == pytest.approx(5.2)
    watched.round()
    assert watched.monitor.problems() == []
    assert watched.value("snews_cs_spool_age_seconds") == 0


def test_a_broker_out_of_reach(watched: Watched) -> None:
    watched.round()
    watched.topic.is_open, watched.topic.problem = False, AWAY
    for _ in range(5):
        watched.round(1)
        assert watched.monitor.problems() == []  # it may only be opened anew
    watched.round(1)
    assert watched.monitor.problems() == ["broker kafka.example does not answer"]
    assert watched.value("snews_cs_observation_topic_open") == 0
    watched.topic.problem = None
    assert watched.monitor.problems() == ["the observation topic is not open"]
    watched.topic.is_open = True
    assert watched.monitor.problems() == []
