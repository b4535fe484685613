"""Which batches of an idempotent producer are in the log already.

Such a producer numbers its records in each partition, and a batch that it repeats because the answer was lost must
not be appended twice, not even if the broker was killed between writing and answering. The numbers are therefore
kept with the batches in the log itself; what is here is only a memory of the newest ones.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass
from functools import partial

from kio.schema.errors import ErrorCode

from snews_cs.broker.batch import Batch, sequence_after
from snews_cs.broker.database import Database

_REMEMBERED_BATCHES = 5
"""So many batches a producer may have in flight, hence repeat."""

_REMEMBERED_PRODUCERS = 1_000
"""The rest is read from the log again when it is needed."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done with a batch: refuse it (``error``), answer with ``base_offset``, else append it."""

    error: ErrorCode = ErrorCode.none
    base_offset: int | None = None


@dataclass(frozen=True, slots=True)
class _Written:
    epoch: int
    base_sequence: int
    count: int
    base_offset: int


class Producers:
    """The newest batches of each producer in each partition.

    Parameters
    ----------
    database
        Holds the log.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._written: OrderedDict[tuple[int, int], deque[_Written]] = OrderedDict()

    def check(self, partition_id: int, batch: Batch) -> Verdict:
        """Hold a batch against what its producer wrote before."""
        written = self._newest(partition_id, batch.producer_id)
        if not written:
            return Verdict()  # any number may be the first: the topic may have been deleted, its producer goes on
        last = written[-1]
        if batch.producer_epoch < last.epoch:
            return Verdict(ErrorCode.invalid_producer_epoch)
        if batch.producer_epoch > last.epoch:
            return Verdict() if batch.base_sequence == 0 else Verdict(ErrorCode.out_of_order_sequence_number)
        for each in written:
            if (each.epoch, each.base_sequence, each.count) == (batch.producer_epoch, batch.base_sequence, batch.count):
                return Verdict(base_offset=each.base_offset)
        if batch.base_sequence != sequence_after(last.base_sequence, last.count):
            return Verdict(ErrorCode.out_of_order_sequence_number)
        return Verdict()

    def remember(self, partition_id: int, batch: Batch, base_offset: int) -> None:
        """Note a batch that is being appended in the transaction that runs now."""
        key = (partition_id, batch.producer_id)
        self._database.on_rollback(partial(self._written.pop, key, None))
        self._newest(*key).append(_Written(batch.producer_epoch, batch.base_sequence, batch.count, base_offset))

    def _newest(self, partition_id: int, producer_id: int) -> deque[_Written]:
        key = (partition_id, producer_id)
        if key in self._written:
            self._written.move_to_end(key)
            return self._written[key]
        rows = self._database.execute(
            "SELECT producer_epoch, base_sequence, count, last_offset - count + 1 FROM batch"
            " WHERE partition = ? AND producer_id = ? AND producer_id >= 0 ORDER BY last_offset DESC LIMIT ?",
            (*key, _REMEMBERED_BATCHES),
        ).fetchall()
        self._written[key] = deque((_Written(*row) for row in reversed(rows)), maxlen=_REMEMBERED_BATCHES)
        if len(self._written) > _REMEMBERED_PRODUCERS:
            self._written.popitem(last=False)
        return self._written[key]
