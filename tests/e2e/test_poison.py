"""Poison: whatever is on the topic, the loop goes on, nothing vanishes, and a good pair in between is alerted."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from uuid import uuid4

import pytest

from snews_cs.inspection.status import kind_of
from snews_cs.streams.alerts import AlertStream
from tests.support.broker import Broker
from tests.support.hand import Hand, Place
from tests.support.mutations import mutations
from tests.support.system import System, observation
from tests.support.truth import check_journal, read_rows

PAIRS = 10
LONGEST_S = 60.0
"""How long the alert of a good pair may take, behind a tenth of the poison; a bound against hanging."""


def test_poison(system: System, seed: int) -> None:
    endure(system, seed, 5_000)


@pytest.mark.services
@pytest.mark.timeout(900)
def test_poison_for_long(embedded_broker: Broker, tmp_path: Path, seed: int) -> None:
    with closing(System(embedded_broker, tmp_path)) as system:
        endure(system, seed, 200_000)


def endure(system: System, seed: int, many: int) -> None:
    """Let a server take in that many mutants, a good pair after each tenth of them."""
    server = system.start()
    hand = Hand(system.topics["experiments"])
    poison = mutations(seed)
    waits_s = []
    with AlertStream(system.topics["alert"], auth=False, from_beginning=True) as stream:
        alerted = _uuids(stream)
        for number in range(PAIRS):
            for headers, value in islice(poison, many // PAIRS):
                hand.write(value, headers)
            pair = {str(uuid4()): detector for detector in ("JUNO", "XENONnT")}
            for uuid, detector in pair.items():
                content = observation(detector, -60 * number, uuid=uuid, tier="CoincidenceTier")
                hand.write(json.dumps(content).encode())
            hand.flush()
            began = time.monotonic()
            while not pair.keys() <= next(alerted):
                assert time.monotonic() < began + LONGEST_S, f"pair {number} was not alerted"
            waits_s.append(time.monotonic() - began)
    assert server.stop() == 0
    assert not [record for record in server.log if record.get("level") == "critical"]
    entries = [entry for entry in system.journal() if entry.raw.partition >= 0]
    assert {Place(entry.raw.partition, entry.raw.offset) for entry in entries} == hand.written
    assert len(entries) == PAIRS * (many // PAIRS + 2)
    refused = {entry.sequence: entry.verdict.reason for entry in entries if entry.verdict.reason is not None}
    assert not [reason for reason in refused.values() if reason.startswith("internal error")]
    assert {row["sequence"]: row["reason"] for row in read_rows(system.database, "quarantine")} == refused
    check_journal(system.journal())
    kinds = Counter(kind_of(reason) for reason in refused.values())
    print(f"seed {seed}: {len(entries)} messages, {len(refused)} refused for {len(kinds)} kinds of reason")
    print(f"alert after {min(waits_s):.2f} to {max(waits_s):.2f} s, each behind {many // PAIRS} mutants")


def _uuids(stream: AlertStream) -> Iterator[set[str]]:
    """Yield what has been alerted of so far, over and over."""
    found: set[str] = set()
    while True:
        for alert in stream.batch(0.1):
            found.update(alert.content.get("message_uuids", ()))
        yield found
