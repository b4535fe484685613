"""Wrappings: whatever form a record has, its content decides; JSON that is out of bounds is refused."""

import json
from typing import Any

import pytest

from snews_cs.errors import MessageRefused
from snews_cs.messages.envelope import open_envelope
from snews_cs.messages.limits import MAX_BYTES, MAX_DEPTH, MAX_PARTS
from snews_cs.messages.raw import RawMessage
from tests.support.pickles import pickled

BODY: dict[str, Any] = {"detector_name": "LVD", "neutrino_time": "2026-11-21T06:39:10Z"}


def record(value: bytes | None, **headers: bytes | None) -> RawMessage:
    return RawMessage("observations", 2, 7, -1, tuple(headers.items()), value)


def body_of(value: bytes) -> dict[str, Any]:
    return open_envelope(record(value)).body


def refusal_of(value: bytes | None) -> str:
    with pytest.raises(MessageRefused) as refused:
        open_envelope(record(value))
    assert len(str(refused.value)) < 200
    return str(refused.value)


@pytest.mark.parametrize("declared", [b"json", b"blob", b"voevent", b"\xff", b"", None])
def test_content_decides_not_the_format_header(declared: bytes | None) -> None:
    for value in (json.dumps(BODY).encode(), pickled("CoincidenceTierMessage", **BODY)):
        assert open_envelope(record(value, _format=declared)).body == BODY


@pytest.mark.parametrize(
    "value",
    [
        json.dumps(BODY).encode(),
        json.dumps(BODY, indent=4).encode() + b"\r\n",
        b"\xef\xbb\xbf" + json.dumps(BODY).encode(),
        json.dumps(json.dumps(BODY)).encode(),
        json.dumps({"format": "json", "content": BODY}).encode(),
        json.dumps({"format": "blob", "content": json.dumps(BODY)}).encode(),
        json.dumps(json.dumps({"format": "json", "content": BODY})).encode(),
    ],
    ids=["object", "file", "byte order mark", "encoded twice", "hop 0.5", "hop 0.5 text", "hop 0.5 encoded twice"],
)
def test_wrappings(value: bytes) -> None:
    assert body_of(value) == BODY


def test_a_message_that_has_a_format_of_its_own_is_not_unwrapped() -> None:
    body = {**BODY, "format": "x", "content": {"detector_name": "forged"}}
    assert body_of(json.dumps(body).encode()) == body


@pytest.mark.parametrize("value", [None, b""])
def test_no_value(value: bytes | None) -> None:
    assert refusal_of(value) == "the message is empty"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"hello", "not JSON: Expecting value, character 0"),
        (b" ", "not JSON"),
        (b"{'detector_name': 'LVD'}", "not JSON: Expecting property name"),
        (b'{"detector_name": "LVD"', "not JSON"),
        (b'{"detector_name": "LVD"} {}', "not JSON: Extra data"),
        (b"\xff\xfe{\x00}\x00", "neither a pickle nor UTF-8 text"),
        (b'{"a": "\xff"}', "neither a pickle nor UTF-8 text"),
        (b"[1, 2]", "a JSON list, not an object"),
        (b"17", "a JSON number, not an object"),
        (b"1.5", "a JSON number, not an object"),
        (b"true", "a JSON boolean, not an object"),
        (b"null", "a JSON null, not an object"),
        (b'"hello"', "not JSON"),
        (b'"17"', "a JSON number, not an object"),
        (b'{"format": "x", "content": null}', "a JSON null, not an object"),
        (json.dumps(json.dumps(json.dumps(json.dumps(json.dumps(BODY))))).encode(), "a JSON string, not an object"),
        (b'{"a": "\\x"}', "not JSON: Invalid \\escape"),
        (b'{"a": "\n"}', "not JSON: Invalid control character"),
        (b"x" * (MAX_BYTES + 1), "1048577 bytes, more than 1048576"),
    ],
)
def test_what_is_out_of_bounds(value: bytes, reason: str) -> None:
    assert reason in refusal_of(value)


@pytest.mark.parametrize(
    "value",
    [
        b"[" * 1_000_000,
        b'{"a":' * 200_000,
        b'{"a":' * 150_000 + b"1" + b"}" * 150_000,
        b"[" * 500_000 + b"]" * 500_000,
        json.dumps("[" * 1_000_000).encode(),
        b'["' + b'\\"' * 400_000 + b'",' + b"[" * 1_000,
    ],
)
def test_a_megabyte_of_nested_json(value: bytes) -> None:
    assert refusal_of(value) == f"JSON nests deeper than {MAX_DEPTH} levels"


@pytest.mark.parametrize(
    "value", [b"[[" + b"[]," * 300_000 + b"1]]", b'{"a":[' + b'{"b":[]},' * 100_000 + b"1]}", b"[]" * 500_000]
)
def test_a_megabyte_of_lists(value: bytes) -> None:
    assert refusal_of(value) == f"JSON has more than {MAX_PARTS} lists and objects"


@pytest.mark.parametrize(
    "value",
    [b'["' + b'\\"' * 500_000, b"]" * 1_000_000, b"[" * 30 + b"]" * 1_000_000, b'"' * 1_000_000, b"\\" * 1_000_000],
)
def test_a_megabyte_that_only_looks_nested(value: bytes) -> None:
    assert "not JSON" in refusal_of(value)


def test_the_deepest_nesting_allowed() -> None:
    def nested(depth: int) -> bytes:
        return b'{"a":' * depth + b"1" + b"}" * depth

    assert body_of(nested(MAX_DEPTH))
    assert "nests deeper" in refusal_of(nested(MAX_DEPTH + 1))


def test_many_brackets_side_by_side_or_in_text_are_no_nesting() -> None:
    body = {"a": [[1]] * 500, "b": "[[[{{{" * 500, "c": '"[' * 500, "d": "\\"}
    assert body_of(json.dumps(body).encode()) == body


def test_the_last_of_two_equal_keys_counts() -> None:
    assert body_of(b'{"a": 1, "a": 2}') == {"a": 2}


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        (b"\\ud800", "\ufffd"),
        (b"a\\udfffb", "a\ufffdb"),
        (b"\\uDC00\\uD800", "\ufffd\ufffd"),
        (b"\\ud83d\\ude00", "\U0001f600"),
        (b"\\u00e9\\ud800", "é\ufffd"),
    ],
)
def test_every_text_encodes_to_utf_8(escaped: bytes, text: str) -> None:
    value = b'{"%b": ["%b", {"x": "%b"}]}' % (escaped, escaped, escaped)
    for wrapped in (value, json.dumps(value.decode()).encode()):
        assert body_of(wrapped) == {text: [text, {"x": text}]}


class TestIdentity:
    """A message without a uuid of its own is known by hop's, else by its place."""

    def test_hop_id(self) -> None:
        envelope = open_envelope(record(b"{}", _id=bytes(range(16))))
        assert envelope.message_uuid == "00010203-0405-0607-0809-0a0b0c0d0e0f"

    @pytest.mark.parametrize("hop_id", [None, b"", b"short", b"x" * 17])
    def test_place(self, hop_id: bytes | None) -> None:
        assert open_envelope(record(b"{}", _id=hop_id)).message_uuid == "observations/2/7"
        assert open_envelope(record(b"{}")).message_uuid == "observations/2/7"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("NaN", None),
        ("Infinity", None),
        ("-Infinity", None),
        ("-1e400", None),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", 2.0**63),
        ("-9223372036854775809", -(2.0**63)),
        ("9" * 100_000, None),
    ],
)
def test_numbers_that_do_not_fit(written: str, read: Any) -> None:
    assert body_of(f'{{"a": [{written}]}}'.encode()) == {"a": [read]}
