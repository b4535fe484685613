"""Logging in: SaslHandshake and SaslAuthenticate, by the mechanism PLAIN (RFC 4616)."""

import hmac
import logging
from datetime import timedelta

from kio.schema.errors import ErrorCode
from kio.schema.sasl_authenticate.v1.request import SaslAuthenticateRequest
from kio.schema.sasl_authenticate.v1.response import SaslAuthenticateResponse
from kio.schema.sasl_handshake.v1.request import SaslHandshakeRequest
from kio.schema.sasl_handshake.v1.response import SaslHandshakeResponse
from kio.static.primitive import i64Timedelta

from snews_cs.broker.core import Broker, Client

_PLAIN = "PLAIN"
_NO_LIMIT = i64Timedelta.parse(timedelta(0))

_log = logging.getLogger(__name__)


async def sasl_handshake(_client: Client, request: SaslHandshakeRequest) -> SaslHandshakeResponse:
    """Agree on the mechanism, of which there is one."""
    known = request.mechanism == _PLAIN
    return SaslHandshakeResponse(
        error_code=ErrorCode.none if known else ErrorCode.unsupported_sasl_mechanism, mechanisms=(_PLAIN,)
    )


async def sasl_authenticate(client: Client, request: SaslAuthenticateRequest) -> SaslAuthenticateResponse:
    """Check a name and a password."""
    if not is_known(client.broker, request.auth_bytes):
        _log.warning("a client gave a wrong name or password")
        return _response(ErrorCode.sasl_authentication_failed, "Authentication failed: invalid name or password")
    client.is_welcome = True
    return _response(ErrorCode.none)


def is_known(broker: Broker, message: bytes) -> bool:
    """Tell whether a PLAIN message (authorisation identity, name, password, separated by NUL) is of a user."""
    parts = message.split(b"\0")
    if len(parts) != 3:
        return False
    identity, name, password = parts
    expected = {user.encode(): secret.encode() for user, secret in broker.config.users.items()}
    matches = hmac.compare_digest(password, expected.get(name, b""))
    return matches and name in expected and identity in (b"", name)


def _response(error: ErrorCode, message: str | None = None) -> SaslAuthenticateResponse:
    return SaslAuthenticateResponse(error_code=error, error_message=message, auth_bytes=b"", session_lifetime=_NO_LIMIT)
