"""Who is brought to the doctor."""

from contextlib import closing
from pathlib import Path

from click.testing import CliRunner

from snews_cs.cli import main
from snews_cs.storage.open import open_storage
from tests.storage.builders import make_entries
from tests.support.broker import Broker, make_topic

NOBODY = "127.0.0.1:1"
"""Where nobody listens."""


class Patient:
    """A machine that is well; what a test changes in ``settings`` is what is wrong with it."""

    def __init__(self, broker: Broker, directory: Path) -> None:
        names = ("OBSERVATION_TOPIC", "ALERT_TOPIC", "CONNECTION_TEST_TOPIC", "FIREDRILL_ALERT_TOPIC")
        self.store = directory / "store" / "snews_cs.sqlite"
        self.settings = {name: broker.url(make_topic(broker)) for name in names} | {
            "HOP_BROKER": broker.plain_address,
            "HOP_AUTH": "false",
            "DATABASE_SERVER": f"sqlite:///{self.store}",
            "SPOOL_DIRECTORY": str(directory / "spool"),
            "DRILL_HISTORY": str(directory / "drills.jsonl"),
        }
        with closing(open_storage(self.settings["DATABASE_SERVER"])) as store:
            store.append(make_entries(1, 3))

    def examine(self, *options: str) -> tuple[int, dict[str, str]]:
        """Run the doctor; return its exit code, and what it says by subject, the level first."""
        done = CliRunner().invoke(main, ["doctor", *options], env=self.settings)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        assert done.stderr == ""  # on a terminal it would be in the middle of the table
        lines = [line.partition(": ") for line in done.stdout.splitlines()]
        found = {name[8:]: f"{name[:8].rstrip()} {text}" for name, _, text in lines}
        assert len(found) == len(lines), done.stdout
        return done.exit_code, found
