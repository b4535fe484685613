"""A store with heartbeats, a mail server, and the clocks of whoever looks after them."""

from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from snews_cs.heartbeats.feedback.desk import Desk
from snews_cs.heartbeats.feedback.figures import FigureDirectory
from snews_cs.heartbeats.feedback.inquiries import Inquiries
from snews_cs.heartbeats.feedback.post import Post
from snews_cs.heartbeats.feedback.watch import SilenceWatch
from snews_cs.messages.registry import Detector, Registry
from snews_cs.messages.times import NS_PER_S, parse_utc
from snews_cs.notify.deliveries import Deliveries
from snews_cs.notify.mailbox import MailServer
from snews_cs.storage.notes import SqliteNotes
from snews_cs.storage.sqlite.store import SqliteStorage
from snews_cs.waiting import StopRequest
from tests.heartbeats.feedback.beating import Beating
from tests.storage.builders import DAY_NS
from tests.support.mail_server import SENDER, mail_server
from tests.support.mail_server import MailServer as PlayedMailServer

NOW = parse_utc("2100-01-02T16:20:03Z")
OFFLINE_AFTER_NS = 600 * NS_PER_S
REGISTRY = Registry(
    (
        Detector(name="JUNO", emails=("shift@juno.example.org", "Chief@juno.example.org")),
        Detector(name="LZ", emails=("shift@lz.example.org",)),
        Detector(name="Super-K"),
    )
)


class House:
    """Everything that looks after heartbeats, at one site; several may share a directory.

    Attributes
    ----------
    now_ns, monotonic_s
        What the clocks say.
    """

    def __init__(self, directory: Path, mail: PlayedMailServer, *, name: str = "here") -> None:
        self.now_ns = NOW
        self.monotonic_s = 1_000.0
        self.stop = StopRequest()
        self.store = SqliteStorage(directory / "store.sqlite", heartbeats_kept_ns=7 * DAY_NS)
        self.store.prepare()
        self.beating = Beating(self.store)
        self.notes = SqliteNotes(directory / "notes.sqlite")
        self.figures = directory / "figures"
        server = MailServer(host="127.0.0.1", port=mail.port, sender=SENDER)
        deliveries = Deliveries(self.notes, holder=name, monotonic=lambda: self.monotonic_s)
        self.post = Post(
            server,
            deliveries,
            server_tag="cs-1",
            stop=self.stop,
            now=lambda: self.now_ns,
            monotonic=lambda: self.monotonic_s,
        )
        self.desk = Desk(
            store=self.store,
            registry=REGISTRY,
            post=self.post,
            offline_after_ns=OFFLINE_AFTER_NS,
            now=lambda: self.now_ns,
        )
        self.watch = SilenceWatch(self.desk, self.notes)
        self.inquiries = Inquiries(
            self.desk, FigureDirectory(self.figures, kept_ns=NS_PER_S), monotonic=lambda: self.monotonic_s
        )

    def look(self, after_s: float = 0.0) -> None:
        """Let time pass, look who is silent, who asked, and send what there is to send."""
        self.now_ns += round(after_s * NS_PER_S)
        self.monotonic_s += after_s
        self.inquiries.look()
        self.watch.look()
        self.post.go_on()

    def close(self) -> None:
        """Close store and notes."""
        self.store.close()
        self.notes.close()


def text_of(message: EmailMessage) -> str:
    """Return what a mail says."""
    body = message.get_body()
    assert body is not None
    return str(body.get_content())


@pytest.fixture
def mail() -> Iterator[PlayedMailServer]:
    """Give a mail server."""
    with mail_server(takes_login=False) as server:
        yield server


@pytest.fixture
def house(tmp_path: Path, mail: PlayedMailServer) -> Iterator[House]:
    """Give a site."""
    house = House(tmp_path, mail)
    yield house
    house.close()
