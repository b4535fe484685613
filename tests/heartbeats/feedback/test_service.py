"""The loop: what is away is waited for."""

import threading
from collections import deque
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from snews_cs.errors import StoreUnreachable
from snews_cs.heartbeats.feedback.figures import FigureDirectory
from snews_cs.heartbeats.feedback.inquiries import Inquiries
from snews_cs.heartbeats.feedback.service import Feedback, open_patiently
from snews_cs.messages.times import NS_PER_S
from snews_cs.storage.protocol import StoreReader
from snews_cs.waiting import StopRequest
from tests.heartbeats.feedback.conftest import NOW, House
from tests.heartbeats.feedback.test_inquiries import ask
from tests.streams.conftest import wait_for
from tests.support.flaky import Flaky, away
from tests.support.mail_server import MailServer


def test_a_store_that_goes_away_is_waited_for(house: House, mail: MailServer, tmp_path: Path) -> None:
    flaky = Flaky(house.store)
    flaky.before["last_sequence"] = deque([away, away])
    figures = FigureDirectory(tmp_path, kept_ns=1)
    inquiries = Inquiries(replace(house.desk, store=flaky), figures)
    house.beating.beat("LZ", until_ns=NOW - 3_600 * NS_PER_S, beats=20)

    def stop_when_told() -> None:
        try:
            wait_for(lambda: mail.messages, 60)
        finally:
            house.stop.make()

    watcher = threading.Thread(target=stop_when_told)
    watcher.start()
    with capture_logs() as logs:
        Feedback(inquiries, house.watch, house.post, figures, stop=house.stop).run()
    watcher.join()
    assert len(mail.messages) == 1
    assert [log["event"] for log in logs][:2] == ["cannot look at the store now"] * 2


def test_what_was_counted_is_told_at_the_end(house: House, tmp_path: Path) -> None:
    with capture_logs() as logs:
        for _ in range(3):
            ask(house, "eve@example.org")
            house.look(after_s=1)
        house.stop.make()
        figures = FigureDirectory(tmp_path, kept_ns=1)
        Feedback(house.inquiries, house.watch, house.post, figures, stop=house.stop).run()
    assert [log["requests"] for log in logs if log["event"].startswith("feedback is not mailed")] == [1, 2]


class Opening:
    """Opens a store the third time, or tells to stop before."""

    def __init__(self, store: StoreReader, stop: StopRequest | None = None) -> None:
        self._store = store
        self._stop = stop
        self._calls = 0

    def __call__(self) -> StoreReader:
        self._calls += 1
        if self._calls == 2 and self._stop is not None:
            self._stop.make()
        if self._calls < 3:
            raise StoreUnreachable("away")
        return self._store


@pytest.mark.parametrize("stops", [False, True])
def test_a_store_that_is_away_at_the_start_is_waited_for(house: House, stops: bool) -> None:
    stop = StopRequest()
    opened = open_patiently(Opening(house.store, stop if stops else None), stop)
    assert opened is (None if stops else house.store)
