"""Frames, the requests that are understood, and their answers.

kio reads and writes every message. A client may speak an older version of a message than the newest one advertised
here; so that the rest of the broker knows one version of each, :func:`decode` lifts requests to the newest version
and :func:`encode` lowers answers to the version of the client (:mod:`snews_cs.broker.versions`).
"""

import asyncio
import io
import struct
from dataclasses import dataclass
from functools import cache

from kio.index import load_request_schema, load_response_schema
from kio.schema.request_header.v1 import RequestHeader
from kio.serial import entity_reader, entity_writer
from kio.serial.errors import SerialError
from kio.static.protocol import RequestPayload, ResponsePayload

from snews_cs.broker.versions import convert, require_arrays

PRODUCE = 0
FETCH = 1
LIST_OFFSETS = 2
METADATA = 3
OFFSET_COMMIT = 8
OFFSET_FETCH = 9
FIND_COORDINATOR = 10
SASL_HANDSHAKE = 17
API_VERSIONS = 18
CREATE_TOPICS = 19
DELETE_TOPICS = 20
INIT_PRODUCER_ID = 22
DESCRIBE_CONFIGS = 32
SASL_AUTHENTICATE = 36

ADVERTISED = {
    PRODUCE: (0, 8),
    FETCH: (4, 11),
    LIST_OFFSETS: (1, 5),
    METADATA: (1, 8),
    OFFSET_COMMIT: (2, 7),
    OFFSET_FETCH: (1, 5),
    FIND_COORDINATOR: (0, 2),
    SASL_HANDSHAKE: (0, 1),
    API_VERSIONS: (0, 3),
    CREATE_TOPICS: (2, 4),
    DELETE_TOPICS: (1, 3),
    INIT_PRODUCER_ID: (0, 1),
    DESCRIBE_CONFIGS: (1, 3),
    SASL_AUTHENTICATE: (0, 1),
}
"""Lowest and highest version of each message, by its number in the protocol.

Only versions without "flexible" fields. Metadata 9 and above are left out because librdkafka sends a malformed
request then.
"""

_SERVED_FROM = {PRODUCE: 3, SASL_HANDSHAKE: 1}
"""Lowest version that is served where that is not the lowest advertised.

librdkafka before 2.12 concludes from the lowest versions what a broker can do, without ever using them: it would not
compress without Produce 0 (hence Kafka 4 does the same, KAFKA-18659), nor log in without SaslHandshake 0.
"""

MAX_FRAME_BYTES = 16 << 20
"""Largest request that is read. A TLS hello, read as a frame, announces 369 MB."""

MAX_STRANGER_FRAME_BYTES = 64 << 10
"""Largest request that is read from a client who has not logged in where that is asked for."""

FRAME_TIMEOUT = 30.0
"""Seconds within which a request that was begun must be here completely."""

_TLS_HANDSHAKE = b"\x16\x03"


class ProtocolError(Exception):
    """The bytes are no request that this broker understands; the connection is closed."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request: its kind and version, the number that its answer repeats, and what it says."""

    api_key: int
    version: int
    correlation_id: int
    client_id: str | None
    body: RequestPayload | None
    """In the newest version advertised; None for ApiVersions, of which only the header is read."""


async def read_frame(reader: asyncio.StreamReader, max_bytes: int) -> bytes | None:
    """Read one length-prefixed frame.

    Returns
    -------
    bytes or None
        The frame without its length; None if the client closed the connection.

    Raises
    ------
    ProtocolError
        If the announced length cannot be that of a request.
    TimeoutError
        If the frame does not come to its end in time.
    """
    try:
        prefix = await reader.readexactly(4)
        (size,) = struct.unpack(">i", prefix)
        if not 8 <= size <= max_bytes:
            looks = "; it looks like TLS, which is not spoken here" if prefix.startswith(_TLS_HANDSHAKE) else ""
            raise ProtocolError(f"a frame of {size} bytes is announced, 8 to {max_bytes} are read{looks}")
        async with asyncio.timeout(FRAME_TIMEOUT):
            return await reader.readexactly(size)
    except asyncio.IncompleteReadError:
        return None


def decode(frame: bytes) -> Request:
    """Read a request.

    Raises
    ------
    ProtocolError
        If it is malformed, or of a kind or version that is not advertised (an unknown version of ApiVersions is
        read all the same, because its answer tells the client which ones there are).
    """
    try:
        header, start = entity_reader(RequestHeader)(frame, 0)
        api_key, version = int(header.request_api_key), int(header.request_api_version)
        body = None if api_key == API_VERSIONS else _decode_body(frame, start, api_key, version)
    except (SerialError, ValueError, OverflowError) as error:
        raise ProtocolError(f"malformed request: {error}") from error
    return Request(api_key, version, int(header.correlation_id), header.client_id, body)


def is_served(api_key: int, version: int) -> bool:
    """Tell whether requests of that kind and version are understood."""
    lowest, highest = ADVERTISED.get(api_key, (0, -1))
    return _SERVED_FROM.get(api_key, lowest) <= version <= highest


def _decode_body(frame: bytes, start: int, api_key: int, version: int) -> RequestPayload:
    if not is_served(api_key, version):
        raise ProtocolError(f"message {api_key} of version {version} is not served")
    body, size = entity_reader(_request_type(api_key, version))(frame, start)
    if start + size != len(frame):
        raise ProtocolError(f"{len(frame) - start - size} bytes too many after message {api_key}")
    require_arrays(body)
    return convert(body, _request_type(api_key, ADVERTISED[api_key][1]))


def encode(request: Request, answer: ResponsePayload) -> bytes:
    """Return the frame that answers a request, in the version that the client speaks.

    An ApiVersions request of a version that is not served is answered in version 0 (KIP-511).
    """
    version = request.version if is_served(request.api_key, request.version) else 0
    target = _response_type(request.api_key, version)
    frame = io.BytesIO()
    frame.write(struct.pack(">ii", 0, request.correlation_id))
    entity_writer(target)(frame, convert(answer, target))
    frame.seek(0)
    frame.write(struct.pack(">i", frame.getbuffer().nbytes - 4))
    return frame.getvalue()


@cache
def _request_type(api_key: int, version: int) -> type[RequestPayload]:
    return load_request_schema(api_key, version)


@cache
def _response_type(api_key: int, version: int) -> type[ResponsePayload]:
    return load_response_schema(api_key, version)
