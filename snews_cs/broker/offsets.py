"""How far each consumer group has read: the offsets that it committed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from snews_cs.broker.database import Database


@dataclass(frozen=True, slots=True)
class CommittedOffset:
    """The offset from which a group goes on reading one partition."""

    topic: str
    partition: int
    offset: int
    leader_epoch: int = -1
    metadata: str = ""


class CommittedOffsets:
    """The committed offsets of all groups.

    Parameters
    ----------
    database
        Where they are kept.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def commit(self, group: str, offsets: Iterable[CommittedOffset]) -> None:
        """Keep the offsets durably, all or none; those on topics that are not there are forgotten."""
        offsets = list(offsets)

        def insert() -> None:
            for each in offsets:
                self._database.execute(
                    "INSERT OR REPLACE INTO committed_offset SELECT ?, id, ?, ?, ?, ? FROM topic WHERE name = ?",
                    (group, each.partition, each.offset, each.leader_epoch, each.metadata, each.topic),
                )

        await self._database.write(insert)

    def committed(self, group: str) -> Iterator[CommittedOffset]:
        """Yield all offsets that a group committed."""
        rows = self._database.execute(
            "SELECT topic.name, partition, committed, leader_epoch, metadata"
            " FROM committed_offset JOIN topic ON topic.id = committed_offset.topic WHERE consumer_group = ?",
            (group,),
        )
        for row in rows.fetchall():
            yield CommittedOffset(*row)
