"""What the operators' page says of stores: how to look into one, how to go on when it is lost."""

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from snews_cs.storage.tables import COLUMNS, CacheRow
from tests.docs.pages import DOCS, shell_lines
from tests.support.system import System, observation


def test_what_came_since_the_backup_is_read_again(system: System, tmp_path: Path) -> None:
    server = system.start()
    system.publish(observation("JUNO"))
    system.publish(observation("LVD", 1))
    system.alerts(1)
    with closing(sqlite3.connect(system.store)) as store, closing(sqlite3.connect(tmp_path / "copy.sqlite")) as copy:
        store.backup(copy)
    system.publish(observation("XENONnT", 2))
    before = system.alerts(2)
    assert server.stop() == 0
    journal = system.journal()

    for file in system.directory.glob("snews_cs.sqlite*"):
        file.unlink()
    shutil.copy(tmp_path / "copy.sqlite", system.store)
    server = system.start({"CONSUMER_GROUP": "another"})
    system.publish(observation("LZ", 3))
    after = system.alerts(4)
    assert server.stop() == 0
    assert after[:2] == before
    assert [alert["alert_uuid"] for alert in after[:3]] == [alert["alert_uuid"] for alert in (*before, before[-1])]
    assert [alert["revision"] for alert in after] == [1, 2, 2, 3]
    assert len(after[-1]["detector_names"]) == 4
    known = [entry.key for entry in journal]
    assert [entry.key for entry in system.journal()][: len(known)] == known


def test_the_queries_of_the_cache_find_what_is_live(system: System) -> None:
    queries = [line for line in shell_lines(DOCS / "operating.md") if "FROM cache" in line or "db.cache" in line]
    of_mongodb, of_sqlite = queries
    (query,) = re.findall('"(SELECT .+)"', of_sqlite)
    assert set(re.findall(r"(\w+): 1", of_mongodb)) <= set(COLUMNS[CacheRow])
    server = system.start()
    system.publish(observation("JUNO"))
    system.wait_for_entries(2)
    assert server.stop() == 0
    with closing(sqlite3.connect(system.store)) as store:
        rows = store.execute(query).fetchall()
    assert [name for name, _ in rows] == ["JUNO"]
