"""The types that settings are of: how each may be written, and what it then is."""

import os
import re
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import (
    AfterValidator,
    BeforeValidator,
    SecretStr,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_settings import NoDecode

SECOND_NS = 10**9
DAY_NS = 86_400 * SECOND_NS
_LONGEST_NS = 36_525 * DAY_NS
_UNITS_S = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "day": 86_400, "days": 86_400}

MASK = "**********"
"""Stands for a secret wherever one would be shown."""


def quoted(value: object) -> str:
    """Return a malformed value as an error may quote it: masked wherever a password may have been put.

    That is all before the last ``@``, and all that follows a ``:`` (but that of ``SCHEME://``), ``?`` or ``=``.
    """
    text = str(value)
    scheme = "".join(re.findall(r"^\w+://", text, re.ASCII))
    _, at, host = text.removeprefix(scheme).rpartition("@")
    return repr(scheme + (MASK + at if at else "") + re.sub("(?<=[:?=]).+", MASK, host, count=1, flags=re.DOTALL))


def _nanoseconds(value: object, *, unit: str) -> int:
    """Convert ``"10"``, ``"0.5"``, ``"7 d"`` exactly to ns; a bare number counts in ``unit``."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", str(value).strip(), re.ASCII)
    if match is None or (match[2] or unit) not in _UNITS_S:
        raise ValueError(f"{quoted(value)} is not a length of time such as '10', '0.5 s' or '7 days'")
    length = Decimal(match[1]) * _UNITS_S[match[2] or unit] * SECOND_NS
    if length != int(length):
        raise ValueError(f"{quoted(value)} is finer than a nanosecond")
    if length > _LONGEST_NS:
        raise ValueError(f"{quoted(value)} is longer than a century")
    return int(length)


def _not_zero(length_ns: int) -> int:
    if length_ns == 0:
        raise ValueError("must be longer than 0")
    return length_ns


def _truth(value: object, read: ValidatorFunctionWrapHandler) -> bool:
    try:
        return bool(read(value))
    except ValidationError as error:
        raise ValueError("must be true or false") from error


def _expanded(value: object, info: ValidationInfo) -> object:
    """Replace each ``${NAME}`` by the setting of that name, or by the environment variable."""

    def meaning(match: re.Match[str]) -> str:
        setting = info.data.get(match[1].lower())
        text = setting if isinstance(setting, str) else os.environ.get(match[1])
        if not text:
            raise ValueError(f"{match[0]} stands for nothing: no setting above it and no environment variable")
        return text

    return re.sub(r"\$\{(\w+)\}", meaning, value) if isinstance(value, str) else value


_LABEL = r"[\w-]{1,63}"
_HOST = rf"{_LABEL}(\.{_LABEL})*\.?(:([1-9]\d{{0,3}}|[1-5]\d{{4}}|6[0-4]\d{{3}}|65[0-4]\d\d|655[0-2]\d|6553[0-5]))?"
_BROKERS = f"{_HOST}(,{_HOST})*"


def _broker(value: str) -> str:
    if not re.fullmatch(_BROKERS, value, re.ASCII):
        raise ValueError(f"{quoted(value)} is not HOST or HOST:PORT (several separated by commas)")
    return value


def _topic(value: str, info: ValidationInfo) -> str:
    if not re.fullmatch(rf"kafka://{_BROKERS}/[\w.-]{{1,249}}", value, re.ASCII):
        raise ValueError(f"{quoted(value)} is not of the form kafka://HOST[:PORT]/TOPIC")
    for name, other in info.data.items():
        if name.endswith("_topic") and other == value:
            raise ValueError(f"is {name.upper()} too: each topic needs one of its own")
    return value


def _listener(value: str) -> str:
    found = re.fullmatch(r"[\w.-]+:(\d{1,5})", value, re.ASCII)
    if value != "off" and (found is None or int(found[1]) > 65_535):
        raise ValueError(f"{quoted(value)} is neither HOST:PORT nor 'off'")
    return value


def _store(value: str) -> str:
    if not re.fullmatch(r"mongodb(\+srv)?://([^@/?#\[\]]*@)?[^@/?#\[\]]+([/?][^@]*)?|sqlite:///.+", value):
        raise ValueError(
            "is neither mongodb://[USER:PASSWORD@]HOST... (with %40 for @, %2F for / ...) nor sqlite:///PATH"
        )
    return value


def _listed(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in re.split("[,;]", value) if part.strip())
    return value


def _address(value: str) -> str:
    if not re.fullmatch(r"[^@\s<>()\[\]:;,\"\\]+@[\w-]+(\.[\w-]+)*", value, re.ASCII) or not value.isascii():
        raise ValueError(f"{quoted(value)} is not a mail address")
    return value


def _link(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s<>|]{1,500}", value):
        raise ValueError(f"{quoted(value)} is not of the form https://...")
    return value


def _place(path: Path) -> Path:
    if re.match(r"\w+:/", str(path)):
        raise ValueError("must be a path on this machine, not an address")
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ValueError(f"{quoted(path)} is in no user's home") from error


def _secret(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().strip():
        raise ValueError("is blank")
    return value


def _token(value: SecretStr) -> SecretStr:
    if not re.fullmatch("[!-~]+", value.get_secret_value()):
        raise ValueError("is not one word of ASCII characters")
    return value


def _mail_server(value: str) -> str:
    if not re.fullmatch(_HOST, value, re.ASCII):
        raise ValueError(f"{quoted(value)} is not HOST or HOST:PORT")
    return value


Text = Annotated[str, BeforeValidator(_expanded)]
"""A text, in which ``${NAME}`` stands for a setting further up or an environment variable."""

Switch = Annotated[bool, WrapValidator(_truth)]
"""``true`` or ``false``, also written ``yes`` and ``no``, ``on`` and ``off``, ``1`` and ``0``."""

Broker = Annotated[Text, AfterValidator(_broker)]
"""``HOST`` or ``HOST:PORT``, several separated by commas."""

TopicURL = Annotated[Text, AfterValidator(_topic)]
"""``kafka://HOST[:PORT]/TOPIC``, unlike that of any other topic."""

StoreURL = Annotated[Text, AfterValidator(_store)]
"""``mongodb://...`` or ``sqlite:///PATH``."""

Listener = Annotated[Text, AfterValidator(_listener)]
"""``HOST:PORT`` to listen on, or ``off``."""

LocalPath = Annotated[Path, BeforeValidator(_expanded), AfterValidator(_place)]
"""A place on the disk; ``~`` is the user's home."""

Link = Annotated[Text, AfterValidator(_link)]
"""``https://...``."""

MailHost = Annotated[Text, AfterValidator(_mail_server)]
"""A mail server, ``HOST`` or ``HOST:PORT``."""

Secret = Annotated[SecretStr, AfterValidator(_secret)]
"""A password; never shown."""

Token = Annotated[SecretStr, AfterValidator(_token)]
"""What a program is known by at a service; never shown."""

Address = Annotated[str, AfterValidator(_address)]
"""A mail address."""

Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
"""Names, separated by ``,`` or ``;``."""

Addresses = Annotated[tuple[Address, ...], NoDecode, BeforeValidator(_listed)]
"""Mail addresses, separated by ``,`` or ``;``."""

Seconds = Annotated[int, BeforeValidator(partial(_nanoseconds, unit="s"))]
"""A length of time in integer ns; written in seconds, or with a unit."""

Days = Annotated[int, BeforeValidator(partial(_nanoseconds, unit="d"))]
"""A length of time in integer ns; written in days, or with a unit."""

Positive = AfterValidator(_not_zero)
"""Longer than 0."""
