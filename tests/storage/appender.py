"""A server of its own process that does nothing but append: ``python -m tests.storage.appender PATH GROUP TIMES``.

It appends groups of entries, as often as told, and says the last sequence number after each one that stands.
"""

import sys
from contextlib import closing
from pathlib import Path

from snews_cs.errors import AppendConflict, StoreUnreachable
from snews_cs.storage.sqlite.store import SqliteStorage
from tests.storage.builders import DAY_NS, make_entry, make_raw


def main(path: Path, group: int, times: int) -> None:
    """Append until done; what another process took, or kept locked for too long, is tried again after it."""
    with closing(SqliteStorage(path, heartbeats_kept_ns=DAY_NS)) as storage:
        prepare(storage)
        done = 0
        while done < times:
            end = storage.last_sequence()
            raws = [make_raw(done * group + number, topic=str(group)) for number in range(group)]
            try:
                storage.append([make_entry(end + number, raw=raw) for number, raw in enumerate(raws, 1)])
            except (AppendConflict, StoreUnreachable):  # of a locked file nothing was written
                continue
            done += 1
            print(end + group, flush=True)


def prepare(storage: SqliteStorage) -> None:
    """Make the tables, as soon as the other process lets go of the file."""
    while True:
        try:
            return storage.prepare()
        except StoreUnreachable:
            continue


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
