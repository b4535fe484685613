"""One connection: requests are read, handled and answered in the order in which they come."""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any

from kio.schema.api_versions.v3.response import ApiVersion, ApiVersionsResponse
from kio.schema.errors import ErrorCode
from kio.static.primitive import i16
from kio.static.protocol import ResponsePayload

from snews_cs.broker import fetch, groups, produce, protocol, sasl, topics
from snews_cs.broker.core import NOT_THROTTLED, Client
from snews_cs.broker.protocol import ProtocolError, Request

HANDLERS: dict[int, Callable[[Client, Any], Awaitable[ResponsePayload | None]]] = {
    protocol.PRODUCE: produce.produce,
    protocol.FETCH: fetch.fetch,
    protocol.LIST_OFFSETS: fetch.list_offsets,
    protocol.METADATA: topics.metadata,
    protocol.OFFSET_COMMIT: groups.offset_commit,
    protocol.OFFSET_FETCH: groups.offset_fetch,
    protocol.FIND_COORDINATOR: groups.find_coordinator,
    protocol.SASL_HANDSHAKE: sasl.sasl_handshake,
    protocol.CREATE_TOPICS: topics.create_topics,
    protocol.DELETE_TOPICS: topics.delete_topics,
    protocol.INIT_PRODUCER_ID: produce.init_producer_id,
    protocol.DESCRIBE_CONFIGS: topics.describe_configs,
    protocol.SASL_AUTHENTICATE: sasl.sasl_authenticate,
}
_BEFORE_LOGIN = (protocol.API_VERSIONS, protocol.SASL_HANDSHAKE, protocol.SASL_AUTHENTICATE)

_log = logging.getLogger(__name__)


async def serve(client: Client, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve a client until it goes, or sends what is no request."""
    try:
        while frame := await protocol.read_frame(reader, _max_bytes(client)):
            request = protocol.decode(frame)
            answer = await _answer(client, request)
            if answer is not None:
                writer.write(protocol.encode(request, answer))
                await writer.drain()
            if request.api_key == protocol.SASL_AUTHENTICATE and not client.is_welcome:
                return
    except (ProtocolError, TimeoutError) as error:
        _log.warning("a connection is closed: %s", error or "its request did not come to an end")
    except sqlite3.Error as error:
        _log.error("a connection is closed, for the log cannot be used: %s", error)
    except ConnectionError as error:
        _log.debug("a connection broke: %s", error)
    finally:
        writer.close()


def _max_bytes(client: Client) -> int:
    return protocol.MAX_FRAME_BYTES if client.is_welcome else protocol.MAX_STRANGER_FRAME_BYTES


async def _answer(client: Client, request: Request) -> ResponsePayload | None:
    if not client.is_welcome and request.api_key not in _BEFORE_LOGIN:
        raise ProtocolError("a client that has not logged in asks for something")
    if request.api_key == protocol.API_VERSIONS:
        return _api_versions(request)
    return await HANDLERS[request.api_key](client, request.body)


def _api_versions(request: Request) -> ApiVersionsResponse:
    served = protocol.is_served(request.api_key, request.version)
    return ApiVersionsResponse(
        error_code=ErrorCode.none if served else ErrorCode.unsupported_version,
        api_keys=tuple(
            ApiVersion(api_key=i16(key), min_version=i16(lowest), max_version=i16(highest))
            for key, (lowest, highest) in protocol.ADVERTISED.items()
        ),
        throttle_time=NOT_THROTTLED,
    )
