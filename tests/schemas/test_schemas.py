"""The schemas and the code say the same: of captured messages, of broken ones, of what is published and exported."""

import json
from collections.abc import Iterable
from contextlib import closing
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import jsonschema
import pytest

from snews_cs.coincidence import content
from snews_cs.errors import MessageRefused
from snews_cs.inspection.records import TABLES, Selection, records
from snews_cs.messages.decoders import decode
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.types import Command, ConnectionTest
from snews_cs.schemas.catalogue import EXPORTED, PUBLISHED, READ, SCHEMAS, schema
from snews_cs.server import notices
from snews_cs.storage.codec import json_text
from snews_cs.storage.sqlite.store import SqliteStorage
from tests.messages.expected_samples import EXPECTED, REFUSED
from tests.schemas import made
from tests.storage.builders import DAY_NS, FULL_OUTCOME, MESSAGES, RAWS, make_entry, make_refused
from tests.support.mutations import ODD
from tests.support.samples import Sample, samples

EXAMPLES = made.EXAMPLES
VALUES = [value for value in ODD if not (isinstance(value, str) and value.startswith("<<"))]
INEXPRESSIBLE = ("64 bits", "leap second", "day is out of range", "bytes, more than 10000")
"""Of refusals: what JSON Schema has no words for."""


@cache
def validator(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema(name), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)


def fitting(fields: dict[str, Any], names: Iterable[str] = READ) -> list[str]:
    return [name for name in names if validator(name).is_valid(fields)]


def understood(fields: dict[str, Any]) -> tuple[str | None, str]:
    """Return which kind of message the server takes an object for, None and the reason if for none."""
    try:
        decoded = decode(RawMessage("topic", 0, 0, -1, (), json.dumps(fields).encode()))
    except MessageRefused as refusal:
        return None, str(refusal)
    if isinstance(decoded.message, Command) and decoded.password is None:
        return None, "it came without the password"
    of_plugin = "message_id" in fields and "detector_name" not in fields
    return f"{'snews' if of_plugin else ''}{decoded.message.kind}", ""


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one_and_stands_alone(name: str) -> None:
    found = schema(name)
    jsonschema.Draft202012Validator.check_schema(found)
    assert found["$id"] == f"urn:snews_cs:{name}:1.0"
    assert found["title"]
    assert json.loads(json.dumps(found)) == found
    assert '"$ref": "#/' in json.dumps(found) or '"$ref"' not in json.dumps(found)


@pytest.mark.parametrize("name", [*READ, *PUBLISHED])
def test_every_field_is_described(name: str) -> None:
    assert [field for field, about in schema(name)["properties"].items() if not about.get("description")] == []


@pytest.mark.parametrize("found", samples(), ids=str)
def test_a_captured_message_fits_the_schema_of_its_kind_and_no_other(found: Sample) -> None:
    expected = EXPECTED.get(str(found))
    prefix = "snews" if found.name.startswith("hop-SNalert-app") else ""
    assert fitting(found.fields) == ([] if expected is None else [f"{prefix}{expected.kind}"])
    assert (expected is None) == (str(found) in REFUSED)


def _each_shape() -> list[Sample]:
    """Return one sample of each kind and set of fields."""
    accepted = [found for found in samples() if str(found) in EXPECTED]
    return list({(EXPECTED[str(found)].kind, *sorted(found.fields)): found for found in accepted}.values())


@pytest.mark.parametrize("found", _each_shape(), ids=str)
def test_what_fits_is_understood_and_what_is_understood_fits(found: Sample, rng: Random) -> None:
    """Every field with something odd in it, or left out."""
    own, _ = understood(found.fields)
    assert own is not None
    more = ["is_test", "uuid", "neutrino_time_utc", "N_retract_latest", "which_tier"]
    says_what_it_is = ["tier", "id", "_id", "message_id", "detector_name"]
    for name in sorted({*found.fields, *more, *says_what_it_is}):
        rest = {field: value for field, value in found.fields.items() if field != name}
        for changed in (rest, *({**rest, name: odd} for odd in rng.sample(VALUES, 25))):
            kind, why = understood(changed)
            near = READ if name in says_what_it_is else [own]
            fits = [each for each in fitting(changed, near) if each != kind]
            assert fits == [] or any(words in why for words in INEXPRESSIBLE), (changed, why)
            if kind is not None and name in found.fields and name not in says_what_it_is:
                assert fitting(changed, [kind]) == [kind], changed


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_an_example_to_send_fits_the_schema_of_its_kind(path: Path) -> None:
    fields = json.loads(path.read_text())
    kind, _ = understood(fields)
    assert fitting(fields) == [kind]


def test_there_is_an_example_of_every_message() -> None:
    sent = {understood(json.loads(path.read_text()))[0] for path in EXAMPLES.glob("*.json")}
    assert sent == READ.keys()
    published = {path.stem for path in (EXAMPLES / "published").iterdir()}
    assert {name for name in PUBLISHED if not any(each.startswith(name) for each in published)} == set()


def test_examples_are_what_the_server_publishes_and_exports() -> None:
    written = {path: path.read_text() for folder in ("published", "exported") for path in (EXAMPLES / folder).iterdir()}
    assert written == made.files()


@pytest.mark.parametrize("path", sorted((EXAMPLES / "published").iterdir()), ids=lambda path: path.stem)
def test_what_is_published_fits_one_schema(path: Path) -> None:
    (name,) = fitting(json.loads(path.read_text()), PUBLISHED)
    assert path.stem.startswith(name)


def test_an_example_export_fits_its_schema() -> None:
    lines = (EXAMPLES / "exported" / "journal.jsonl").read_text().splitlines()
    assert lines
    for line in lines:
        assert fitting(json.loads(line), EXPORTED) == ["export-journal"]


@pytest.mark.parametrize("found", [each for each in samples() if "test_connection" in each.name], ids=str)
def test_answers_to_connection_tests_fit(found: Sample) -> None:
    message = decode(found.raw()).message
    assert isinstance(message, ConnectionTest)
    validator("test-connection-reply").validate(message.reply)


def test_versions_of_what_is_published_are_those_of_the_code() -> None:
    for name, version in (("alert", content.SCHEMA_VERSION), ("notice", notices.SCHEMA_VERSION)):
        assert schema(name)["properties"]["schema_version"]["const"] == version


@pytest.mark.parametrize("table", TABLES)
def test_every_exported_record_fits_its_schema_and_no_other(table: str, tmp_path: Path) -> None:
    entries = [make_entry(place, message=message) for place, message in enumerate(MESSAGES, start=1)]
    last = len(entries)
    entries += [make_entry(last + place, raw=raw, key=f"raw {place}") for place, raw in enumerate(RAWS, start=1)]
    last = len(entries)
    entries += [make_entry(last + 1, outcome=FULL_OUTCOME), make_refused(last + 2, "odd", value=b"\xff", headers=())]
    with closing(SqliteStorage(tmp_path / "store.sqlite", heartbeats_kept_ns=DAY_NS)) as store:
        store.prepare()
        store.append(entries)
        store.project(entries)
        lines = [json_text(record) for record in records(store, table, Selection())]
    assert lines
    for line in lines:
        plain = json.loads(line)
        validator(f"export-{table}").validate(plain)
        assert fitting(plain, EXPORTED) == [f"export-{table}"]
        assert fitting({**plain, "more": 1}, EXPORTED) == []
        for name in plain:
            assert fitting({field: value for field, value in plain.items() if field != name}, EXPORTED) == []
