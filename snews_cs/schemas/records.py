"""Schemas of exported records (``snews_cs export``, as JSON lines), made of the records' types."""

from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from snews_cs.inspection.records import TABLES
from snews_cs.schemas.parts import Schema


class _AsWritten(GenerateJsonSchema):
    """Describes records as they are written: bytes are base64, nothing has a default, and nothing else is there."""

    def bytes_schema(self, schema: core_schema.BytesSchema) -> JsonSchemaValue:  # noqa: ARG002
        return {"type": "string", "contentEncoding": "base64"}

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        whole = super().dataclass_schema(schema)
        return {**whole, "required": list(whole.get("properties", ())), "additionalProperties": False}

    def get_title_from_name(self, name: str) -> str:
        return name


def record(table: str) -> Schema:
    """Return the schema of a record of a table, a key of :data:`snews_cs.inspection.records.TABLES`."""
    adapter: TypeAdapter[Any] = TypeAdapter(TABLES[table].record)
    made = adapter.json_schema(mode="serialization", schema_generator=_AsWritten)
    return {**made, "title": f"A record of `{table}`, as exported"}
