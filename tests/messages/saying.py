"""What messages by hand, and by model, decode to or are refused with."""

from typing import Any

import pytest

from snews_cs.errors import MessageRefused
from snews_cs.messages.decoders import decode
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.times import parse_utc
from snews_cs.messages.types import DetectorMessage
from tests.support.pickles import pickled
from tests.support.samples import json_message

TIME = "2026-11-21T06:39:10.401568123Z"
TIME_NS = parse_utc(TIME)


def said(**fields: Any) -> DetectorMessage:
    return decode(json_message(**fields)).message


def said_by_model(class_name: str, **fields: Any) -> DetectorMessage:
    return decode(RawMessage("t", 0, 0, -1, (), pickled(class_name, **fields))).message


def refusal_of(**fields: Any) -> str:
    with pytest.raises(MessageRefused) as refused:
        said(**fields)
    return str(refused.value)
