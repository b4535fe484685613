"""Whatever the types allow comes back exactly from rows and documents; hypothesis looks for what does not."""

import json
from dataclasses import replace
from typing import Any
from uuid import uuid4

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snews_cs.coincidence.content import alert_json
from snews_cs.coincidence.types import (
    Alert,
    AlertType,
    CacheKey,
    Disposition,
    LineRecord,
    Outcome,
    SublistRecord,
)
from snews_cs.errors import StorageError
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.types import (
    BrokerChange,
    ConnectionTest,
    GetFeedback,
    HardReset,
    Heartbeat,
    Member,
    Observation,
    Parameters,
    Reconcile,
    Retraction,
    SentAlone,
    SignificanceTier,
    TimingTier,
    Verdict,
)
from snews_cs.storage.codec import from_row, to_row
from snews_cs.storage.entry import Entry
from snews_cs.storage.mongo.documents import LARGEST_PART, PACKED_FROM, from_document, to_document
from tests.storage.builders import FULL_OUTCOME, MESSAGES, make_entry, make_raw

TEXT = st.text(max_size=8)
TIME = st.integers(-(2**63), 2**63 - 1)
NUMBER = st.integers()  # of any size: BSON's 64 bits are no excuse
P_VALUE = st.none() | st.floats()
COMMON = {
    "detector_name": TEXT,
    "message_uuid": TEXT,
    "is_test": st.booleans(),
    "is_firedrill": st.booleans(),
    "machine_time_ns": st.none() | NUMBER,
    "sent_time_ns": st.none() | NUMBER,
}
JSON = st.recursive(
    st.none() | st.booleans() | NUMBER | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def tuples(of: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(of, max_size=3).map(tuple)


MEMBER = st.builds(Member, TEXT, NUMBER, P_VALUE, TEXT)
SENT_ALONE = st.builds(
    SentAlone,
    event_id=TEXT,
    is_pre_sn=st.booleans(),
    sub_list_number=NUMBER,
    revision=NUMBER,
    alert_uuid=TEXT,
    members=tuples(MEMBER),
)
MESSAGE = st.one_of(
    st.builds(Observation, neutrino_time_ns=NUMBER, p_value=P_VALUE, is_pre_sn=st.booleans(), **COMMON),
    st.builds(
        Retraction,
        retract_message_uuid=st.none() | TEXT,
        retract_latest_n=st.none() | st.just("ALL") | NUMBER,
        reason=st.none() | TEXT,
        **COMMON,
    ),
    st.builds(Heartbeat, status=st.sampled_from(["ON", "OFF"]), **COMMON),
    st.builds(SignificanceTier, p_values=tuples(st.floats()), t_bin_width_s=st.none() | st.floats(), **COMMON),
    st.builds(
        TimingTier,
        timing_series=tuples(NUMBER),
        start_time_ns=st.none() | NUMBER,
        background_rate_hz=st.none() | st.floats(),
        detection_channel=st.none() | TEXT,
        **COMMON,
    ),
    st.builds(ConnectionTest, reply=st.dictionaries(TEXT, JSON, max_size=3), **COMMON),
    st.builds(HardReset, **COMMON),
    st.builds(BrokerChange, new_broker=TEXT, **COMMON),
    st.builds(GetFeedback, emails=tuples(TEXT), **COMMON),
    st.builds(Parameters, background_rates_per_week=st.dictionaries(TEXT, st.floats(), max_size=3)),
    st.builds(Reconcile, is_test=st.booleans(), alerts=tuples(SENT_ALONE), merged=tuples(TEXT)),
)
CACHE = st.builds(CacheKey, st.booleans(), st.booleans())
ALERT = st.builds(
    Alert,
    alert_type=st.sampled_from(AlertType),
    cache=CACHE,
    sub_list_number=NUMBER,
    event_id=TEXT,
    revision=NUMBER,
    supersedes=st.none() | TEXT,
    alert_uuid=TEXT,
    members=tuples(MEMBER),
    retracted_detector_names=tuples(TEXT),
    merged_event_ids=tuples(TEXT),
    false_alarm_rate_per_year=st.floats(),
    detectors_online=tuples(TEXT),
    noisy_detector_names=tuples(TEXT),
    sent_time_ns=NUMBER,
)
LINE = st.builds(
    LineRecord,
    line_id=NUMBER,
    cache=CACHE,
    detector_name=TEXT,
    neutrino_time_ns=NUMBER,
    p_value=P_VALUE,
    message_uuid=TEXT,
    received_ns=NUMBER,
    expires_ns=NUMBER,
)
SUBLIST = st.builds(
    SublistRecord,
    cache=CACHE,
    number=NUMBER,
    line_ids=tuples(NUMBER),
    event_id=st.none() | TEXT,
    revision=NUMBER,
)
OUTCOME = st.builds(
    Outcome,
    disposition=st.sampled_from(Disposition),
    alerts=tuples(ALERT),
    lines=tuples(LINE),
    lines_gone=tuples(NUMBER),
    sublists=tuples(SUBLIST),
    sublists_gone=tuples(st.tuples(CACHE, NUMBER)),
)
RAW = st.builds(
    RawMessage,
    topic=TEXT,
    partition=st.integers(0, 2**31 - 1),
    offset=st.integers(0, 2**63 - 1),
    timestamp_ms=TIME,
    headers=tuples(st.tuples(TEXT, st.none() | st.binary(max_size=8))),
    value=st.none() | st.binary(max_size=8),
)
ENTRY = st.builds(
    Entry,
    sequence=st.integers(1, 2**63 - 1),
    key=TEXT,
    received_ns=TIME,
    raw=RAW,
    message=st.none() | MESSAGE,
    verdict=st.builds(Verdict, reason=st.none() | TEXT, warnings=tuples(TEXT)),
    outcome=st.none() | OUTCOME,
    alerts_json=tuples(TEXT),
    writer=TEXT,
    attempt=TEXT,
    claim=TEXT,
    published=st.booleans(),
)


@given(ENTRY)
def test_rows(entry: Entry) -> None:
    assert repr(from_row(to_row(entry))) == repr(entry)


@given(ENTRY)
def test_documents(entry: Entry) -> None:
    stored = bson.decode(bson.encode(to_document(entry)))
    assert repr(from_document(stored)) == repr(entry)


class TestDocuments:
    """Sub-documents for people, unless BSON cannot hold them."""

    def test_members_of_alerts_sent_alone_have_names(self) -> None:
        (message, *_) = [each for each in MESSAGES if isinstance(each, Reconcile)]
        stored = to_document(make_entry(1, message=message))["message"]
        assert stored["alerts"][0]["members"][0]["detector_name"] == "JUNO"

    @pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.kind)
    def test_all_ordinary_messages_are_sub_documents(self, message: Any) -> None:
        stored = to_document(make_entry(1, message=message))["message"]
        assert isinstance(stored, str) == isinstance(message, ConnectionTest | Parameters)

    def test_outcomes_are_text(self) -> None:
        document = to_document(make_entry(1, outcome=FULL_OUTCOME))
        assert json.loads(document["outcome"])["alerts"][0]["members"][0][0] == "JUNO"
        assert document["verdict"] == {"reason": None, "warnings": []}

    def test_what_would_fill_the_document_is_text(self) -> None:
        series = tuple(range(LARGEST_PART // 8))
        entry = make_entry(1, message=TimingTier(detector_name="JUNO", message_uuid="a", timing_series=series))
        stored = to_document(entry)
        assert isinstance(stored["message"], str)
        assert from_document(stored) == entry

    def test_what_ends_thousands_of_events_fits_into_a_document(self) -> None:
        """MongoDB takes 16 MiB."""
        (alert,) = FULL_OUTCOME.alerts[:1]
        alerts = tuple(replace(alert, event_id=str(uuid4())) for _ in range(20_000))
        texts = tuple(alert_json(each, server_tag="test") for each in alerts)
        assert sum(map(len, texts)) > 16 * 2**20
        entry = make_entry(1, outcome=replace(FULL_OUTCOME, alerts=alerts), alerts_json=texts)
        stored = bson.encode(to_document(entry))
        assert len(stored) < 8 * 2**20
        assert from_document(bson.decode(stored)) == entry

    @pytest.mark.parametrize("part", ["outcome", "alerts"])
    def test_what_is_compressed_and_damaged_is_an_error(self, part: str) -> None:
        texts = ("x" * (PACKED_FROM + 1),)
        stored = to_document(make_entry(3, outcome=FULL_OUTCOME, alerts_json=texts)) | {part: b"damaged"}
        with pytest.raises(StorageError, match="entry 3 of the journal cannot be read"):
            from_document(stored)

    def test_bytes_stay_bytes(self) -> None:
        stored = bson.decode(bson.encode(to_document(make_entry(1, raw=make_raw(1, value=b"\x80\x04\x00")))))
        assert stored["raw"]["value"] == b"\x80\x04\x00"

    def test_a_document_of_another_version_is_an_error(self) -> None:
        stored = to_document(make_entry(3))
        stored["message"]["kind"] = "of another version"
        with pytest.raises(StorageError, match="entry 3 of the journal cannot be read"):
            from_document(stored)
