"""Passwords never reach the journal, in whatever form they come."""

import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snews_cs.messages.decoders import decode
from snews_cs.messages.envelope import open_envelope
from snews_cs.messages.masking import MASK, mask_passwords, mask_text
from snews_cs.messages.raw import RawMessage
from tests.support.pickles import pickled
from tests.support.samples import samples

SECRET = "correct horse"
WRONG = "hunter2"
COMMAND: dict[str, Any] = {"_id": "0_hard-reset", "pass": WRONG, "detector_name": "LVD", "is_test": True, "meta": {}}


def record(value: bytes | None, headers: tuple[tuple[str, bytes | None], ...] = ()) -> RawMessage:
    return RawMessage("t", 0, 0, -1, headers, value)


def masked(value: bytes, secret: str | None = SECRET) -> bytes:
    result = mask_passwords(record(value), secret).value
    assert result is not None
    return result


def escaped(text: str) -> str:
    """Return a text with every character as JSON's escape."""
    return "".join(f"\\u{ord(character):04x}" for character in text)


READABLE = {
    "plain": json.dumps(COMMAND),
    "spaced": json.dumps(COMMAND, indent=2).replace(":", " :\n"),
    "encoded twice": json.dumps(json.dumps(COMMAND)),
    "encoded three times": json.dumps(json.dumps(json.dumps(COMMAND))),
    "hop 0.5": json.dumps({"format": "json", "content": COMMAND}),
    "key escaped": json.dumps(COMMAND).replace('"pass"', f'"{escaped("pass")}"'),
    "one letter escaped": json.dumps(COMMAND).replace('"pass"', '"p\\u0061ss"'),
    "value escaped": json.dumps(COMMAND).replace(WRONG, escaped(WRONG)),
    "escaped, encoded twice": json.dumps(json.dumps(COMMAND).replace('"pass"', f'"{escaped("pass")}"')),
    "capitals": json.dumps(COMMAND).replace('"pass"', '"Pass"'),
    "of the administrator": json.dumps(COMMAND).replace('"pass"', '"snews_cs_admin_pass"'),
    "a blank too much": json.dumps(COMMAND).replace('"pass"', '"Pass "'),
    "password": json.dumps(COMMAND).replace('"pass"', '"password"'),
    "deeper": json.dumps({"detector_name": "LVD", "meta": {"x": [{"pass": WRONG}]}}),
    "twice": '{"pass": "hunter2", "pass": null, "detector_name": "LVD"}',
    "lost with its parent": '{"meta": {"pass": "hunter2"}, "meta": 1, "detector_name": "LVD"}',
    "lost and escaped": '{"meta": {"pass": "hunter2"}, "meta": 1}'.replace("pass", escaped("pass")),
    "object": json.dumps({**COMMAND, "pass": {"a": [WRONG]}}),
    "list": json.dumps({**COMMAND, "pass": [WRONG, {"b": WRONG}]}),
    "JSON in a text": json.dumps({"detector_name": "LVD", "comment": json.dumps(COMMAND)}),
    "JSON in JSON in a text": json.dumps({"detector_name": "LVD", "comment": json.dumps(json.dumps(COMMAND))}),
    "escaped JSON in a text": json.dumps({"c": json.dumps(COMMAND).replace('"pass"', f'"{escaped("pass")}"')}),
    "in words": json.dumps({"detector_name": "LVD", "comment": f"use password: {WRONG}"}),
    "quotes within": json.dumps({**COMMAND, "pass": f'"\\{WRONG}"\\'}),
}


@pytest.mark.parametrize("text", READABLE.values(), ids=READABLE.keys())
def test_what_can_be_read_stays_readable(text: str) -> None:
    result = masked(text.encode())
    assert WRONG.encode() not in result
    assert escaped(WRONG).encode() not in result
    assert MASK.encode() in result or b"null" in result or b'"meta": 1' in result
    assert isinstance(open_envelope(record(result)).body, dict)


def test_all_but_the_password_stays() -> None:
    assert json.loads(masked(json.dumps(COMMAND).encode())) == {**COMMAND, "pass": MASK}
    assert (
        decode(record(masked(json.dumps(COMMAND).encode()))).message
        == decode(record(json.dumps(COMMAND).encode())).message
    )


@pytest.mark.parametrize("value", [12345, 1.5, True, ["hunter2"], {"hunter2": "hunter2"}])
def test_passwords_of_any_type(value: Any) -> None:
    assert json.loads(masked(json.dumps({**COMMAND, "pass": value}).encode()))["pass"] == MASK


MALFORMED = {
    "cut off": json.dumps(COMMAND)[:-1].encode(),
    "within the password": json.dumps(COMMAND)[: json.dumps(COMMAND).index(WRONG) + len(WRONG)].encode(),
    "Python's repr": repr(COMMAND).encode(),
    "no quotes": b"{_id: 0_hard-reset, pass: hunter2}",
    "form": b"_id=0_hard-reset&pass=hunter2",
    "words": b"the password is hunter2",
    "escaped": json.dumps(COMMAND).replace('"pass"', f'"{escaped("pass")}"')[:-1].encode(),
    "escaped and encoded twice": json.dumps(json.dumps(COMMAND).replace("pass", escaped("pass")))[:-1].encode(),
    "not UTF-8": b"\xff" + json.dumps(COMMAND).encode(),
    "list": json.dumps([COMMAND]).encode(),
    "too deep": b'{"a":' * 100 + json.dumps(COMMAND).encode() + b"}" * 100,
    "too large": json.dumps({**COMMAND, "x": "x" * 1_100_000}).encode(),
    "UTF-16": json.dumps(COMMAND).encode("utf-16"),
    "UTF-16 LE": json.dumps(COMMAND).encode("utf-16-le"),
    "UTF-16 BE": json.dumps(COMMAND).encode("utf-16-be"),
    "UTF-32": json.dumps(COMMAND).encode("utf-32"),
    **{f"pickle {protocol}": pickle.dumps(COMMAND, protocol=protocol) for protocol in range(6)},
    "cut off pickle": pickled("HeartbeatMessage", meta=COMMAND)[:-1],
}


@pytest.mark.parametrize("value", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_cannot_be_read_is_cut_off(value: bytes) -> None:
    result = masked(value)
    for encoding in ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le"):
        assert WRONG.encode(encoding) not in result
    assert result.endswith(MASK.encode())


@pytest.mark.parametrize(
    "fields",
    [
        {"pass": WRONG},
        {"meta": {"pass": WRONG}},
        {"meta": {"x": [{"pass": WRONG, "y": 1}]}},
        {"comment": WRONG, "meta": {"pass": 5}},
    ],
)
def test_in_a_model(fields: dict[str, Any]) -> None:
    content = pickled("HeartbeatMessage", tier="Heartbeat", detector_name="LVD", detector_status="ON", **fields)
    result = masked(content)
    assert decode(record(result)).message == decode(record(content)).message
    if "comment" not in fields:
        assert WRONG.encode() not in result


@pytest.mark.parametrize("secret", [SECRET, 'a"b\\c', "pässwörd", "日本", "\udc80x"])
def test_the_configured_password_wherever_it_stands(secret: str) -> None:
    for value in (
        json.dumps({"detector_name": "LVD", "comment": f"x{secret}y"}),
        json.dumps({"detector_name": "LVD", secret: 1}),
        json.dumps(json.dumps({"comment": [secret]})),
        json.dumps({"comment": json.dumps({"x": secret})}),
        json.dumps({"comment": secret}, ensure_ascii=False),
        json.dumps({"comment": secret})[:-1],
        secret,
    ):
        content = value.encode("utf-8", "surrogatepass")
        result = masked(content, secret)
        for form in (secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
            assert form.encode("utf-8", "surrogatepass") not in result
        assert MASK.encode() in result


def test_the_configured_password_escaped_or_in_other_encodings() -> None:
    assert SECRET.encode() not in masked(pickled("HeartbeatMessage", comment=SECRET))
    assert escaped(SECRET).encode() not in masked(f'{{"comment": "{escaped(SECRET)}"}}'.encode())
    for encoding in ("utf-16-le", "utf-16-be"):
        assert SECRET.encode(encoding) not in masked(json.dumps({"comment": SECRET}).encode(encoding))


def test_headers() -> None:
    headers = (
        ("_id", b"0123456789abcdef"),
        ("pass", WRONG.encode()),
        ("Password", b"x"),
        ("note", f"it is {SECRET}".encode()),
        (f"x{SECRET}", None),
        ("pass", None),
    )
    assert mask_passwords(record(None, headers), SECRET).headers == (
        ("_id", b"0123456789abcdef"),
        ("pass", b"***"),
        ("Password", b"***"),
        ("note", b"it is ***"),
        ("x***", None),
        ("pass", None),
    )


@pytest.mark.parametrize("secret", [None, "", SECRET])
@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"\xff\x00",
        json.dumps(
            {"detector_name": "LVD", "meta": {"compass": "north", "passed": True, "comment": "bypass"}}
        ).encode(),
        json.dumps({"detector_name": "LVD", "comment": "éè\ud800 pass this on", "pass": None}).encode(),
        json.dumps({"detector_name": "LVD", "comment": "in UTF-8: é"}, ensure_ascii=False).encode(),
    ],
)
def test_nothing_to_mask(value: bytes | None, secret: str | None) -> None:
    raw = record(value, (("_id", b"0123456789abcdef"), ("_format", None)))
    if value is None or b'"pass"' not in value:
        assert mask_passwords(raw, secret) is raw
    else:
        assert open_envelope(mask_passwords(raw, secret)).body == open_envelope(raw).body


def test_samples_stay_as_they_are_to_the_byte() -> None:
    for found in samples():
        raw = found.raw()
        result = mask_passwords(raw, SECRET)
        if "PASS" in str(found.fields):
            assert b"PASS" not in (result.value or b"")
            assert decode(result).message == decode(raw).message
        else:
            assert result is raw


def test_a_password_that_is_a_common_word_does_no_harm_to_messages() -> None:
    """What is decided comes from the bytes as they came; only the stored copy suffers."""
    for secret in ("a", "Tier", "detector_name", '"', "{", "snews"):
        for found in samples():
            mask_passwords(found.raw(), secret)


def test_masking_twice_changes_nothing() -> None:
    for text in READABLE.values():
        once = mask_passwords(record(text.encode()), SECRET)
        assert mask_passwords(once, SECRET) == once


@given(st.binary(), st.text(min_size=1), st.lists(st.tuples(st.text(), st.none() | st.binary())))
def test_any_bytes(value: bytes, secret: str, headers: list[tuple[str, bytes | None]]) -> None:
    result = mask_passwords(record(value + b"pass" + value, tuple(headers)), secret)
    assert result.value is not None


@given(st.text(st.characters(exclude_characters="*"), min_size=4), st.text(), st.text())
def test_any_password_in_any_place(secret: str, before: str, after: str) -> None:
    body = {"detector_name": "LVD", "comment": before + secret + after, "pass": secret}
    result = masked(json.dumps(body).encode(), secret)
    for form in (secret, json.dumps(secret)[1:-1]):
        assert form.encode("utf-8", "surrogatepass") not in result


@given(st.text(st.characters(categories=["L"]), min_size=8), st.text(), st.text())
def test_a_password_of_letters_leaves_the_rest_readable(secret: str, before: str, after: str) -> None:
    body = {"_id": 1, "x": before + secret + after, "pass": secret}
    result = open_envelope(record(masked(json.dumps(body).encode(), secret))).body
    assert secret not in json.dumps(result, ensure_ascii=False)
    assert (result["_id"], result["pass"]) == (1, MASK)


@pytest.mark.parametrize(
    "value",
    [b"detection_channel=passband ES; neutrino_time=12:30", b'{"comment": "bypass", "neutrino_time": "12:30",}'],
)
def test_what_cannot_be_read_and_speaks_of_no_password_stays_whole(value: bytes) -> None:
    assert masked(value) == value


@pytest.mark.parametrize("secret", ["\\\\a", "a\\\\", "\\a\\a\\a", "aaaaaaaa"])
@pytest.mark.parametrize("part", ["\\", "a", "\\a", "a\\\\", "u0061", "\\u0061"])
def test_a_megabyte_of_what_a_password_is_made_of(secret: str, part: str) -> None:
    """Where the search is not linear, this takes hours."""
    text = part * (900_000 // len(part))
    assert secret not in mask_text(text, secret)
    masked(json.dumps({"comment": text[:400_000]}).encode(), secret)


@given(st.text(st.sampled_from("ab\\'\"é\n\u2028🐎 \ud800"), min_size=1, max_size=8), st.text(), st.integers(0, 3))
def test_a_password_is_found_however_often_it_was_escaped(secret: str, around: str, layers: int) -> None:
    text = f"{around}{secret};{around}"
    for _ in range(layers):
        assert MASK in mask_text(json.dumps(text), secret)
        assert MASK in mask_text(repr(text), secret)
        text = json.dumps(text)
