"""Frames, versions, and bytes that are no request."""

import asyncio
import io
import struct
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kio.index import load_request_schema, load_response_schema
from kio.schema.errors import ErrorCode
from kio.schema.metadata.v8.response import MetadataResponse, MetadataResponseBroker
from kio.schema.request_header.v1 import RequestHeader
from kio.schema.types import BrokerId
from kio.serial import entity_reader, entity_writer
from kio.static.primitive import Records, i16, i32
from kio.static.protocol import RequestPayload

from snews_cs.broker import protocol
from snews_cs.broker.connection import HANDLERS
from snews_cs.broker.core import NOT_THROTTLED
from snews_cs.broker.protocol import ADVERTISED, ProtocolError, Request, decode, encode, read_frame

st.register_type_strategy(Records, st.binary(max_size=100))

REQUESTS = [
    (key, version)
    for key, (lowest, highest) in ADVERTISED.items()
    for version in range(lowest, highest + 1)
    if protocol.is_served(key, version) and key != protocol.API_VERSIONS
]


def frame(key: int, version: int, body: RequestPayload | bytes) -> bytes:
    written = io.BytesIO()
    header = RequestHeader(
        request_api_key=i16(key), request_api_version=i16(version), correlation_id=i32(7), client_id="test"
    )
    entity_writer(RequestHeader)(written, header)
    if isinstance(body, bytes):
        written.write(body)
    else:
        entity_writer(type(body))(written, body)
    return written.getvalue()


@given(st.data(), st.sampled_from(REQUESTS))
def test_requests_of_every_version_arrive_in_the_newest(data: st.DataObject, kind: tuple[int, int]) -> None:
    key, version = kind
    sent: Any = data.draw(st.from_type(load_request_schema(key, version)))
    request = decode(frame(key, version, sent))
    assert (request.api_key, request.version, request.correlation_id) == (key, version, 7)
    assert type(request.body) is load_request_schema(key, ADVERTISED[key][1])
    assert _shape(request.body, sent) == _shape(sent, sent)


def _shape(entity: Any, model: Any) -> object:
    """Return what an entity says, by the fields that ``model`` has and that were not dropped later."""
    if isinstance(entity, tuple) and entity and is_dataclass(entity[0]):
        return [_shape(*each) for each in zip(entity, model, strict=True)]
    if not is_dataclass(entity):
        return entity
    names = {field.name for field in fields(model)} - {"retention_time"}
    return {name: _shape(getattr(entity, name), getattr(model, name)) for name in names}


@given(st.data(), st.sampled_from(REQUESTS))
def test_answers_are_written_in_every_version(data: st.DataObject, kind: tuple[int, int]) -> None:
    key, version = kind
    answer: Any = data.draw(st.from_type(load_response_schema(key, ADVERTISED[key][1])))
    written = encode(Request(key, version, 7, None, None), answer)
    assert struct.unpack_from(">ii", written) == (len(written) - 4, 7)
    read, size = entity_reader(load_response_schema(key, version))(written, 8)
    assert size == len(written) - 8
    assert type(read) is load_response_schema(key, version)


def test_an_older_answer_keeps_the_fields_that_it_has() -> None:
    answer = MetadataResponse(
        throttle_time=NOT_THROTTLED,
        brokers=(MetadataResponseBroker(node_id=BrokerId(1), host="127.0.0.1", port=i32(9092)),),
        cluster_id="here",
        topics=(),
    )
    written = encode(Request(protocol.METADATA, 1, 7, None, None), answer)
    read = entity_reader(load_response_schema(protocol.METADATA, 1))
    old: Any = read(written, 8)[0]
    assert [(each.node_id, each.host, each.port) for each in old.brokers] == [(1, "127.0.0.1", 9092)]


@given(st.sampled_from(REQUESTS), st.binary(max_size=300))
def test_any_bytes_after_a_header_are_a_request_or_refused(kind: tuple[int, int], body: bytes) -> None:
    try:
        decode(frame(*kind, body))
    except ProtocolError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either outcome is right


@given(st.binary(min_size=8, max_size=300))
def test_any_bytes_are_a_request_or_refused(data: bytes) -> None:
    try:
        decode(data)
    except ProtocolError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize(
    ("key", "version"),
    [
        (protocol.PRODUCE, 0),
        (protocol.PRODUCE, 2),
        (protocol.PRODUCE, 9),
        (protocol.SASL_HANDSHAKE, 0),
        (11, 0),
        (-1, -1),
    ],
)
def test_versions_that_are_not_served_are_refused(key: int, version: int) -> None:
    with pytest.raises(ProtocolError, match="not served"):
        decode(frame(key, version, bytes(100)))


def test_older_librdkafka_finds_what_it_takes_for_a_sign() -> None:
    assert ADVERTISED[protocol.PRODUCE][0] == 0  # else it does not compress
    assert ADVERTISED[protocol.SASL_HANDSHAKE][0] == 0  # else it does not log in


def test_bytes_too_many_are_refused() -> None:
    with pytest.raises(ProtocolError, match="1 bytes too many"):
        decode(frame(protocol.FIND_COORDINATOR, 0, b"\0\1g\0"))


@pytest.mark.parametrize("body", [b"\xff\xff\xff\xff\0\0", b"\x7f\xff\xff\xff" * 3])
def test_an_array_that_is_null_or_endless_is_refused(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(frame(protocol.DESCRIBE_CONFIGS, 1, body))


def test_a_tls_hello_is_told_by_its_name() -> None:
    with pytest.raises(ProtocolError, match="TLS"):
        _read(b"\x16\x03\x01\x02\x00" + bytes(600))


def test_what_is_advertised_is_handled_in_its_newest_version() -> None:
    assert set(HANDLERS) | {protocol.API_VERSIONS} == set(ADVERTISED)
    for key, handler in HANDLERS.items():
        hints = get_type_hints(handler)
        newest = ADVERTISED[key][1]
        assert hints["request"] is load_request_schema(key, newest)
        assert load_response_schema(key, newest) in {hints["return"], *get_args(hints["return"])}


@pytest.mark.parametrize("version", [0, 1, 2, 3])
def test_of_api_versions_only_the_header_is_read(version: int) -> None:
    request = decode(frame(protocol.API_VERSIONS, version, b"\xff" * 9))
    assert request == Request(protocol.API_VERSIONS, version, 7, "test", None)


@pytest.mark.parametrize("announced", [-1, 0, 7, protocol.MAX_FRAME_BYTES + 1, 0x16030100, 2**31 - 1])
def test_frames_that_cannot_be_requests_are_not_read(announced: int) -> None:
    with pytest.raises(ProtocolError, match="is announced"):
        _read(struct.pack(">i", announced) + bytes(100))


@pytest.mark.parametrize("data", [b"", b"\0\0", b"\0\0\0\x0a12345"])
def test_a_frame_cut_off_is_the_end(data: bytes) -> None:
    assert _read(data) is None


def test_a_frame_that_does_not_come_to_its_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "FRAME_TIMEOUT", 0.01)
    with pytest.raises(TimeoutError):
        _read(b"\0\0\0\x0a123", end=False)


def test_errors_have_the_numbers_of_the_protocol() -> None:
    assert (ErrorCode.unsupported_version.value, ErrorCode.sasl_authentication_failed.value) == (35, 58)


def _read(data: bytes, *, end: bool = True) -> bytes | None:
    async def read() -> bytes | None:
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        if end:
            reader.feed_eof()
        return await read_frame(reader, protocol.MAX_FRAME_BYTES)

    return asyncio.run(read())
