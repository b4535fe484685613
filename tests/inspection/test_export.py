"""What is exported is what is stored: each format is read back and compared, odd values included."""

import json
import os
import sys
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from snews_cs.coincidence.types import Disposition, Outcome
from snews_cs.errors import ExportFailed, SettingsError
from snews_cs.inspection import frames
from snews_cs.inspection.export import FORMATS, replacing, write_csv, write_json_lines, write_parquet
from snews_cs.inspection.frames import Column, columns
from snews_cs.inspection.records import TABLES, EntryRecord, Selection, entry_record, records
from snews_cs.messages.times import NS_PER_S
from snews_cs.messages.types import Heartbeat
from snews_cs.storage.codec import json_text
from snews_cs.storage.sqlite.store import SqliteStorage
from snews_cs.storage.tables import Row
from tests.storage.builders import (
    DAY_NS,
    FULL_OUTCOME,
    MESSAGES,
    ODD,
    RAWS,
    T0,
    make_alert,
    make_alerting,
    make_entry,
    make_observation,
    make_refused,
)

every_table = pytest.mark.parametrize("table", TABLES)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteStorage]:
    """Return a store that holds every kind of message and record, with odd values in them."""
    kinds = [make_entry(place, message=message) for place, message in enumerate(MESSAGES, start=1)]
    raws = [make_entry(len(kinds) + place, raw=raw, key=f"raw {place}") for place, raw in enumerate(RAWS, start=1)]
    last = len(kinds) + len(raws)
    others = [
        make_entry(last + 1, outcome=FULL_OUTCOME),
        make_refused(last + 2, f'{ODD}\n,"a', value=bytes(range(256))),
        make_refused(last + 3, "empty", value=None),
        make_alerting(last + 4, make_alert(3, alert_uuid="0 comes first by its uuid")),
    ]
    path = tmp_path_factory.mktemp("export") / "store.sqlite"
    with closing(SqliteStorage(path, heartbeats_kept_ns=DAY_NS)) as store:
        store.prepare()
        for entries in (kinds, raws, others):
            store.append(entries)
            store.project(entries)
        yield store


def exported(store: SqliteStorage, table: str, wanted_format: str) -> BytesIO:
    written = BytesIO()
    FORMATS[wanted_format](records(store, table, Selection()), TABLES[table].record, written)
    return BytesIO(written.getvalue())


def stored(store: SqliteStorage, table: str) -> list[Row]:
    found = list(records(store, table, Selection()))
    assert found
    return found


def plain(record: Row, column: Column) -> Any:
    """Return what a cell should hold once read: as the record has it, nested values as plain JSON."""
    value = getattr(record, column.name)
    return json.loads(json_text(value)) if column.is_json and value is not None else value


@every_table
def test_json_lines_hold_every_record(store: SqliteStorage, table: str) -> None:
    lines = exported(store, table, "jsonl").getvalue().splitlines()
    assert [json.loads(line) for line in lines] == [json.loads(json_text(record)) for record in stored(store, table)]


@every_table
def test_parquet_is_read_back_as_it_was(store: SqliteStorage, table: str) -> None:
    frame, kind = pd.read_parquet(exported(store, table, "parquet")), TABLES[table].record
    assert list(frame.columns) == [column.name for column in columns(kind)]
    for column in columns(kind):
        found = [None if each is None or each is pd.NA else each for each in frame[column.name]]
        if column.type is float and not column.is_list:
            found = [None if pd.isna(each) else each for each in found]
        if column.is_list:
            found = [None if each is None else each.tolist() for each in found]
        elif column.is_json:
            found = [None if each is None else json.loads(each) for each in found]
        assert found == [plain(record, column) for record in stored(store, table)], column.name
        assert column.dtype == "object" or frame[column.name].dtype == column.dtype


@every_table
def test_csv_is_read_back_as_it_was(store: SqliteStorage, table: str) -> None:
    kind = TABLES[table].record
    dtypes: Any = {column.name: column.dtype for column in columns(kind) if column.dtype != "object"}
    frame = pd.read_csv(exported(store, table, "csv"), dtype=dtypes, keep_default_na=False, na_values=[""])
    for column in columns(kind):
        found = [None if pd.isna(each) else each for each in frame[column.name]]
        if column.type is bytes:
            found = [None if each is None else urlsafe_b64decode(each) for each in found]
        elif column.is_list or column.is_json:
            found = [None if each is None else json.loads(each) for each in found]
        expected = [plain(record, column) for record in stored(store, table)]
        assert found == [None if each in ("", b"") else each for each in expected], column.name  # CSV knows no ""


def test_alerts_come_in_the_order_of_the_journal(store: SqliteStorage) -> None:
    sequences = [record.sequence for record in stored(store, "alerts")]  # type: ignore[attr-defined]
    assert sequences == sorted(sequences)
    assert len(sequences) == 3


def test_heartbeats_come_in_the_order_of_the_journal(tmp_path: Path) -> None:
    """Observations among them, whose identities come behind all others."""
    said = [make_observation(1), Heartbeat(detector_name="JUNO", message_uuid="a", status="ON")] * 2
    opened = Outcome(disposition=Disposition.OPENED)
    entries = [
        make_entry(place, message=message, outcome=opened, received_ns=T0 + place * 60 * NS_PER_S)
        for place, message in enumerate(said, start=1)
    ]
    with closing(SqliteStorage(tmp_path / "store.sqlite", heartbeats_kept_ns=DAY_NS)) as store:
        store.prepare()
        store.append(entries)
        store.project(entries)
        lines = [json.loads(line) for line in exported(store, "heartbeats", "jsonl").getvalue().splitlines()]
    assert [line["sequence"] for line in lines] == [1, 2, 3, 4]
    assert [line["kind"] for line in lines] == ["observation", "heartbeat"] * 2


def test_observations_are_those_of_the_journal_that_were_accepted(store: SqliteStorage) -> None:
    frame = pd.read_parquet(exported(store, "observations", "parquet"))
    messages = [entry.message for entry in store.entries() if entry.outcome is not None]
    uuids = [message.message_uuid for message in messages if message and message.kind == "observation"]
    assert frame["message_uuid"].tolist() == uuids
    assert set(frame["disposition"]) == {"noted", "opened", "retracted before"}


@every_table
@pytest.mark.parametrize("wanted_format", FORMATS)
def test_an_empty_table_has_its_columns(table: str, wanted_format: str, tmp_path: Path) -> None:
    with closing(SqliteStorage(tmp_path / "store.sqlite", heartbeats_kept_ns=DAY_NS)) as store:
        store.prepare()
        written = exported(store, table, wanted_format)
    names = [column.name for column in columns(TABLES[table].record)]
    if wanted_format == "jsonl":
        assert written.getvalue() == b""
    else:
        frame = pd.read_csv(written) if wanted_format == "csv" else pd.read_parquet(written)
        assert (list(frame.columns), len(frame)) == (names, 0)


class TestSelection:
    """Which records are wanted."""

    def sequences(self, store: SqliteStorage, table: str, **wanted: Any) -> list[int]:
        return [record.sequence for record in records(store, table, Selection(**wanted))]  # type: ignore[attr-defined]

    def test_by_time(self, store: SqliteStorage) -> None:
        since, until = T0 + 3 * NS_PER_S, T0 + 6 * NS_PER_S
        for table in ("journal", "observations", "retractions", "heartbeats", "cache", "quarantine"):
            everything = [
                record
                for record in stored(store, table)
                if since <= record.received_ns < until  # type: ignore[attr-defined]
            ]
            assert list(records(store, table, Selection(since_ns=since, until_ns=until))) == everything
        assert self.sequences(store, "journal", since_ns=since, until_ns=until) == [3, 4, 5]

    def test_by_detector(self, store: SqliteStorage) -> None:
        assert self.sequences(store, "timing", detector="km3net") == [10]
        assert self.sequences(store, "timing", detector="JUNO") == [11]
        assert len(self.sequences(store, "alerts", detector="sno+")) == 3
        assert self.sequences(store, "alerts", detector="LZ") == []
        assert self.sequences(store, "quarantine", detector="LZ") == []


@pytest.mark.parametrize("write", [write_json_lines, write_csv, write_parquet])
def test_what_is_written_does_not_wait_for_the_last_record(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal of any length fits: before more than a part is read, the last part is written."""
    monkeypatch.setattr(frames, "MOST_ROWS", 50)
    stream = BytesIO()
    written: list[int] = []

    def many() -> Iterator[EntryRecord]:
        for sequence in range(1, 501):
            written.append(stream.tell())
            yield entry_record(make_entry(sequence))

    write(many(), EntryRecord, stream)
    assert all(written[place] > written[place - 60] for place in range(120, 500, 60))
    assert stream.tell() > written[-1]


def test_a_part_ends_where_it_gets_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "MOST_BYTES", 100_000)
    large = make_observation(1)
    found = [entry_record(make_entry(sequence, message=large, writer="x" * 60_000)) for sequence in range(1, 6)]
    assert [len(part) for part in frames.frames(found, EntryRecord)] == [2, 2, 1]
    assert list(frames.frames([], EntryRecord)) == []


def test_parquet_without_pyarrow_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(SettingsError, match=r"pip install 'snews_cs\[parquet\]'"):
        write_parquet([], EntryRecord, BytesIO())


class TestReplacing:
    """A file is there whole, or as it was."""

    def test_appears_when_all_is_written(self, tmp_path: Path) -> None:
        path = tmp_path / "table.csv"
        path.write_text("before")
        with replacing(path) as stream:
            stream.write(b"after")
            assert path.read_text() == "before"
        assert path.read_text() == "after"
        assert list(tmp_path.iterdir()) == [path]

    def test_stays_as_it_was_if_something_fails(self, tmp_path: Path) -> None:
        path = tmp_path / "table.csv"
        path.write_text("before")
        with pytest.raises(ZeroDivisionError), replacing(path) as stream:
            stream.writelines(b"%d" % (10 // number) for number in (2, 1, 0))
        assert path.read_text() == "before"
        assert list(tmp_path.iterdir()) == [path]

    def test_a_link_stays_one(self, tmp_path: Path) -> None:
        path, link = tmp_path / "table.csv", tmp_path / "link.csv"
        path.write_text("before")
        link.symlink_to(path)
        with replacing(link) as stream:
            stream.write(b"after")
        assert link.is_symlink()
        assert path.read_text() == "after"

    @pytest.mark.parametrize("place", ["", "missing/table.csv", "file/table.csv", "pipe"])
    def test_what_cannot_be_written_is_one_line(self, place: str, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(ExportFailed, match=r"^cannot write .+: "), replacing(tmp_path / place):
            pytest.fail("it was opened")
        assert {each.name for each in tmp_path.iterdir()} == {"file", "pipe"}


def test_every_record_says_when_it_was_received() -> None:
    for table in TABLES.values():
        assert table.record.time in {column.name for column in columns(table.record)}


def test_an_outcome_without_alerts_makes_no_rows() -> None:
    assert entry_record(make_entry(1, outcome=Outcome(disposition=Disposition.NOTED))).alerts == []
