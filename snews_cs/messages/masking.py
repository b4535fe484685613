r"""Takes passwords out of what is stored and said: those in ``pass`` fields, and the configured one wherever it stands.

A record that can be read is written anew as JSON with its ``pass`` fields masked, at any depth, in whatever form it
came (escaped, JSON within JSON, a pickle). One that cannot be read is cut off after the first word ``pass`` or
``password``: where what follows it ends nobody can tell. Records without such a field stay as they are, to the byte.
"""

import json
import re
from dataclasses import replace
from functools import lru_cache
from typing import Any

from snews_cs.errors import MessageRefused
from snews_cs.messages.envelope import open_envelope
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.types import BrokerChange, ConnectionTest, DetectorMessage, Retraction, TimingTier

MASK = "***"

_SHORT = 8
"""A password of fewer characters may well stand in identifiers by chance."""

_FIELD = re.compile(r"(?:.*[\W_])?pass(word|wd|phrase)?\s*", re.IGNORECASE | re.DOTALL)
_SIGNS = (b"pass", b"\\u00", b"p\0a", b"p\0\0\0a")  # in whatever holds ``pass``: plain, escaped, in UTF-16 or UTF-32
_ESCAPED_PASS = "".join(rf"(?:{letter}\0*|\\{{1,9}}u00{ord(letter):x})" for letter in "pass")
_SUFFIX = rb"(?:w\0*o\0*r\0*d|w\0*d|p\0*h\0*r\0*a\0*s\0*e)?"
_IN_BYTES = re.compile(  # a word of its own, in UTF-8, 16 or 32 or as \u0070..., or a string in a pickle
    rb"(?:(?<![A-Za-z])|(?<=[\ns]V))%(pass)s\0*%(suffix)s(?!\0*[A-Za-z])"
    rb"|(?:(?<=[\x04\x08])|(?<=[\x04\x08]\0\0\0))%(pass)s%(suffix)s"
    % {b"pass": _ESCAPED_PASS.encode(), b"suffix": _SUFFIX},
    re.IGNORECASE,
)
_IN_TEXT = re.compile(_ESCAPED_PASS + r"""(?:word|wd|phrase)?["'\\\s]*[:=]""", re.IGNORECASE)
_MAYBE_TWICE = re.compile(
    rb"""pass(?:word|wd|phrase)?\\*["'][\s\\nrt]*:|\\u00[4-7]|\x04(?:\0\0\0)?pass""", re.IGNORECASE
)
"""A key that may stand twice in one object, so that reading it loses the first, value and all."""


def mask_passwords(raw: RawMessage, secret: str | None) -> RawMessage:
    """Return a record as it may be stored.

    Parameters
    ----------
    raw
        The record as it came.
    secret
        The configured password, replaced wherever it stands; None or empty: there is none.

    Returns
    -------
    RawMessage
        The very same object if there is nothing to mask.
    """
    forms = _forms(secret)
    value = None if raw.value is None else _mask_value(raw, raw.value, secret, forms)
    headers = tuple([_mask_header(name, content, secret, forms) for name, content in raw.headers])
    return raw if value == raw.value and headers == raw.headers else replace(raw, value=value, headers=headers)


def mask_text(text: str, secret: str | None) -> str:
    """Return a text without the configured password, cut off after any ``pass:`` or ``pass=``."""
    if secret:
        text = _in_any_writing(secret).sub(MASK, text)
    found = _IN_TEXT.search(text)
    return text if found is None else f"{text[: found.end()]} {MASK}"


def mask_reason(reason: str, raw: RawMessage, secret: str | None) -> str:
    """Return the reason why a record was refused as it may be stored and said.

    Of a record that holds the configured password nothing is quoted: what is quoted is shortened, and a part of a
    password could not be found in it.
    """
    if secret and _in_any_writing(secret).search((raw.value or b"").decode("utf-8", "replace")):
        start = re.split("['\"]", reason, maxsplit=1)[0]
        reason = reason if start == reason else f"{start}… (not quoted, because the password stands in the message)"
    return mask_text(reason, secret)


def mask_message(message: DetectorMessage, secret: str | None) -> DetectorMessage:
    """Return a message with passwords masked in its free texts.

    What the server decides by is not touched, but for identifiers in which the configured password stands: equal ones
    stay equal. One so short that it stands in many of them is left there.
    """
    if secret and len(secret) >= _SHORT:
        find = _in_any_writing(secret)
        message = replace(message, message_uuid=find.sub(MASK, message.message_uuid))
        if isinstance(message, Retraction) and message.retract_message_uuid is not None:
            message = replace(message, retract_message_uuid=find.sub(MASK, message.retract_message_uuid))
    match message:
        case Retraction(reason=str(reason)):
            return replace(message, reason=mask_text(reason, secret))
        case TimingTier(detection_channel=str(channel)):
            return replace(message, detection_channel=mask_text(channel, secret))
        case BrokerChange(new_broker=new_broker):
            return replace(message, new_broker=mask_text(new_broker, secret))
        case ConnectionTest(reply=reply):
            return replace(message, reply=_mask_json(reply, secret))
        case _:
            return message


def _mask_value(raw: RawMessage, value: bytes, secret: str | None, forms: tuple[bytes, ...]) -> bytes:
    lower = value.lower()
    if not any(sign in lower for sign in _SIGNS) and not any(form in value for form in forms):
        return value
    try:
        body = open_envelope(raw).body
    except MessageRefused:
        found = _IN_BYTES.search(value)
        masked = value if found is None else value[: found.end()] + MASK.encode()
    else:
        masked_body = _mask_json(body, secret)
        changed = masked_body != body or _MAYBE_TWICE.search(value) is not None
        masked = json.dumps(masked_body, ensure_ascii=False).encode() if changed else value
    return _without(masked, forms)


def _mask_header(
    name: str, content: bytes | None, secret: str | None, forms: tuple[bytes, ...]
) -> tuple[str, bytes | None]:
    if content is not None:
        content = MASK.encode() if _FIELD.fullmatch(name) else _without(content, forms)
    return (name.replace(secret, MASK) if secret else name), content


def _mask_json(value: Any, secret: str | None) -> Any:
    """Return a value of JSON (its depth is bounded already) with its ``pass`` fields and the secret masked."""
    if isinstance(value, str):
        return mask_text(value, secret)
    if isinstance(value, list):
        return [_mask_json(item, secret) for item in value]
    if isinstance(value, dict):
        return {
            mask_text(name, secret): MASK if _FIELD.fullmatch(name) and item is not None else _mask_json(item, secret)
            for name, item in value.items()
        }
    return value


def _without(content: bytes, forms: tuple[bytes, ...]) -> bytes:
    for form in forms:
        content = content.replace(form, MASK.encode())
    return content


@lru_cache(maxsize=4)
def _in_any_writing(secret: str) -> re.Pattern[str]:
    r"""Return what finds the configured password in a text, however often it was escaped (by JSON, ``repr``).

    Backslashes are taken in runs, and the first character without those before it: so the search stays linear.
    """
    first, *rest = re.findall(r"\\+|[^\\]", secret)
    start = r"(?<!\\)\\++" if first.startswith("\\") else _character(first)
    follow = [r"\\++" if each.startswith("\\") else rf"\\*+{_character(each)}" for each in rest]
    return re.compile("".join([start, *follow]))


def _character(character: str) -> str:
    """Return a pattern for a character and for what stands for it behind a backslash."""
    utf_16 = character.encode("utf-16-be", "surrogatepass").hex()
    in_json = r"\\+u".join(utf_16[start : start + 4] for start in range(0, len(utf_16), 4))
    in_repr = re.escape(repr(character)[1:-1].lstrip("\\"))
    return rf"(?:{re.escape(character)}|(?i:u{in_json})|{in_repr})"


@lru_cache(maxsize=4)
def _forms(secret: str | None) -> tuple[bytes, ...]:
    """Return the bytes that the configured password may be: plain, escaped once or twice for JSON, in UTF-16."""
    if not secret:
        return ()
    once = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    twice = {json.dumps(text)[1:-1] for text in once}
    written = {text.encode("utf-8", "surrogatepass") for text in {secret} | once | twice}
    utf_16 = {secret.encode(encoding, "surrogatepass") for encoding in ("utf-16-le", "utf-16-be")}
    return tuple(sorted(written | utf_16, key=len, reverse=True))
