"""Opening a connection: credentials, and the Kafka client's properties."""

from collections.abc import Mapping
from typing import Any

from hop.auth import Auth, load_auth, select_matching_auth
from hop.configure import get_config_path

from snews_cs.errors import AccessDenied
from snews_cs.streams.address import TopicAddress

_COMMON: dict[str, Any] = {
    "log_level": 0,  # errors arrive by error_cb; librdkafka would repeat them on stderr for ever
    "socket.connection.setup.timeout.ms": 10_000,
    "socket.keepalive.enable": True,
    "socket.timeout.ms": 3_000,  # a broker that leaves a request unanswered for so long is taken for gone
}


class ClientOptions(Auth):  # type: ignore[misc]  # hop has no types
    """A hop credential that also carries properties for librdkafka which hop has no argument for.

    hop calls a credential to learn the properties to log in with, and adds what it gets to those of the client.

    Parameters
    ----------
    address
        The topic to be opened; all its brokers are passed on, where hop's URL holds one.
    credential
        hop's own credential; None to go without login.
    properties
        Properties of librdkafka, by name.
    """

    def __init__(
        self, address: TopicAddress, credential: Auth | None, properties: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(credential.username if credential is not None else "", "", ssl=False)
        self._properties = {
            **(credential() if credential is not None else {}),
            "bootstrap.servers": address.brokers,
            **_COMMON,
            **(properties or {}),
        }

    def __call__(self) -> dict[str, Any]:
        """Return the properties."""
        return dict(self._properties)


def load_credential(address: TopicAddress, *, auth: bool) -> Auth | None:
    """Return the credential for a broker from hop's ``auth.toml``, read afresh; None if ``auth`` is off.

    Raises
    ------
    AccessDenied
        If the file is missing, unsafe or malformed, or holds no credential for the broker, or several.
    """
    if not auth:
        return None
    broker = address.brokers.partition(",")[0]
    try:
        return select_matching_auth(load_auth(), broker)
    except FileNotFoundError as error:
        raise AccessDenied(
            f"no credentials for {broker}: {get_config_path('auth')} does not exist; "
            "make it with `hop auth add`, or set HOP_AUTH=false for a broker without login"
        ) from error
    except KeyError as error:
        raise AccessDenied(f"{get_config_path('auth')}: unknown mechanism {error}") from error
    except OSError as error:
        raise AccessDenied(f"{get_config_path('auth')} cannot be read: {error.strerror or error}") from error
    except (TypeError, AttributeError, ValueError) as error:
        raise AccessDenied(f"{get_config_path('auth')}: not what hop expects: {error}") from error
    except RuntimeError as error:
        reason = "; ".join(line.strip() for line in str(error).splitlines())
        raise AccessDenied(f"no credentials for {broker} in {get_config_path('auth')}: {reason}") from error
