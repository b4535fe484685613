"""The record as it came: its identity, and what is kept of one that is too large."""

from dataclasses import replace

import pytest

from snews_cs.messages.raw import RawMessage

RECORD = RawMessage("experiments", 1, 7, 1_790_000_000_000, (("_id", b"\x01" * 16), ("_format", b"json")), b"{}")


@pytest.mark.parametrize(
    "other",
    [
        {"topic": "other"},
        {"partition": 2},
        {"offset": 8},
        {"timestamp_ms": -1},
        {"headers": (("_id", b"\x01" * 16),)},
        {"headers": (("_id", None), ("_format", b"json"))},
        {"headers": (("_format", b"json"), ("_id", b"\x01" * 16))},
        {"headers": (("_id", b"\x01" * 16), ("_format", b"jso"), ("n", b""))},
        {"value": None},
        {"value": b""},
        {"value": b"{ }"},
    ],
    ids=str,
)
def test_whatever_differs_makes_another_key(other: dict[str, object]) -> None:
    changed = replace(RECORD, **other)  # type: ignore[arg-type]
    assert changed.key != RECORD.key
    assert replace(changed).key == changed.key


def test_key_begins_with_the_place() -> None:
    assert RECORD.key.startswith("experiments/1/7/")


@pytest.mark.parametrize(("limit", "value", "headers"), [(100, 2, 2), (29, 2, 1), (2, 2, 0), (1, 1, 0)])
def test_cut(limit: int, value: int, headers: int) -> None:
    cut = RECORD.cut(limit)
    assert (len(cut.value or b""), len(cut.headers)) == (value, headers)
    assert (cut.topic, cut.partition, cut.offset, cut.timestamp_ms) == ("experiments", 1, 7, 1_790_000_000_000)


def test_cut_of_nothing() -> None:
    empty = replace(RECORD, value=None, headers=())
    assert empty.cut(0) == empty
