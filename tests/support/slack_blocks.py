"""The rules of Slack's Block Kit, as far as our messages go: https://docs.slack.dev/reference/block-kit/blocks."""

from typing import Any

import jsonschema

MOST_BLOCKS = 50


def _object(kind: str, required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    properties = {"type": {"const": kind}, **required, **(optional or {})}
    return {
        "type": "object",
        "properties": properties,
        "required": ["type", *required],
        "additionalProperties": False,
    }


def _string(longest: int) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": longest}


_ID = {"block_id": _string(255)}
_MRKDWN = _object("mrkdwn", {"text": _string(3000)}, {"verbatim": {"type": "boolean"}})
_ROW = {"type": "array", "minItems": 1, "maxItems": 20, "items": _object("raw_text", {"text": _string(3000)})}
_COLUMN = {
    "type": "object",
    "properties": {"align": {"enum": ["left", "center", "right"]}, "is_wrapped": {"type": "boolean"}},
    "additionalProperties": False,
}
_BLOCKS = {
    "header": _object(
        "header", {"text": _object("plain_text", {"text": _string(150)}, {"emoji": {"type": "boolean"}})}, _ID
    ),
    "section": _object("section", {"text": _MRKDWN}, _ID),
    "context": _object(
        "context", {"elements": {"type": "array", "minItems": 1, "maxItems": 10, "items": _MRKDWN}}, _ID
    ),
    "table": _object(
        "table",
        {"rows": {"type": "array", "minItems": 1, "maxItems": 100, "items": _ROW}},
        {"column_settings": {"type": "array", "maxItems": 20, "items": _COLUMN}, **_ID},
    ),
}


def faults_of(blocks: list[dict[str, Any]]) -> list[str]:
    """Return what Slack would not take of these blocks."""
    faults = [] if len(blocks) <= MOST_BLOCKS else ["too many blocks"]
    if sum(block.get("type") == "table" for block in blocks) > 1:
        faults.append("only_one_table_allowed")
    for block in blocks:
        schema = _BLOCKS.get(str(block.get("type")))
        if schema is None:
            faults.append(f"unsupported type: {block.get('type')}")
            continue
        faults += [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(block)]
        if block["type"] == "table" and len({len(row) for row in block["rows"]}) > 1:
            faults.append("rows of different lengths")
    return faults
