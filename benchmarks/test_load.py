"""100,000 live observations: how fast they are taken in, what they cost in memory, how long a restart takes.

Targets: at most 300 MB resident; restart to first message handled at most 10 s.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep

from hop import Stream
from hop.models import JSONBlob

from benchmarks.conftest import Report
from benchmarks.stages import running_server
from benchmarks.traffic import observation
from snews_cs.broker.process import start_broker
from snews_cs.messages.times import format_utc

LIVE = 100_000
TOPICS = ("snews.experiments-test", "snews.alert-test", "snews.connection-testing")


def test_hundred_thousand_live(report: Report, tmp_path: Path) -> None:
    with start_broker(tmp_path / "broker", topics=TOPICS) as broker:
        producer = Stream(auth=False).open(broker.url(TOPICS[0]), "w", automatic_offload=False)
        for number in range(LIVE):
            producer.write(JSONBlob(_content(number)))
        producer.flush(timedelta(seconds=60))
        with running_server(broker, tmp_path) as server:
            begin = monotonic()
            _wait(lambda: _journaled(tmp_path) >= LIVE)
            taken_s = monotonic() - begin
            sleep(2)  # the last snapshot is taken when nothing comes any more
            report.note(
                f"{LIVE:,} observations taken in: {LIVE / taken_s:,.0f}/s; resident {server.resident_mb():.0f} MB"
            )
        with running_server(broker, tmp_path) as server:
            producer.write(JSONBlob(_content(LIVE)))
            producer.flush(timedelta(seconds=60))
            _wait(lambda: _journaled(tmp_path) >= LIVE + 1)
            report.note(
                f"restart with {LIVE:,} live: first message handled after {monotonic() - server.started:.1f} s; "
                f"resident {server.resident_mb():.0f} MB"
            )
        producer.close()


def _content(number: int) -> dict[str, object]:
    message = observation(number)
    return {
        "detector_name": message.detector_name,
        "uuid": message.message_uuid,
        "neutrino_time": format_utc(message.neutrino_time_ns),
        "p_val": message.p_value,
        "is_test": True,
    }


def _journaled(directory: Path) -> int:
    store = directory / "snews_cs.sqlite"
    if not store.exists():
        return 0
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        found = connection.execute('SELECT count(*) FROM all_mgs WHERE "partition" >= 0').fetchone()
    return int(found[0])


def _wait(done: Callable[[], bool]) -> None:
    end = monotonic() + 300
    while not done():
        if monotonic() > end:
            raise TimeoutError("it did not come to an end")
        sleep(0.2)
