"""``snews_cs run-feedback`` as a process."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.mail_server import SENDER, MailServer

SNEWS_CS = Path(sys.executable).with_name("snews_cs")


def feedback_environment(
    directory: Path, database: str, mail: MailServer, contacts: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """Return the environment that the command needs.

    Parameters
    ----------
    directory
        Where the registry is made (``DETECTOR_REGISTRY``, for the server too), and where figures go.
    database
        The store that it looks at.
    mail
        The mail server.
    contacts
        The addresses that are registered, by detector.
    """
    registry = directory / "registry.json"
    registry.write_text(json.dumps([{"name": name, "emails": list(emails)} for name, emails in contacts.items()]))
    return {
        **os.environ,
        "DATABASE_SERVER": database,
        "DETECTOR_REGISTRY": str(registry),
        "FIGURES_DIRECTORY": str(directory / "figures"),
        "smtp_server_addr": mail.address,
        "snews_sender_email": SENDER,
    }


@contextmanager
def running_feedback(environment: Mapping[str, str], log: Path) -> Iterator[None]:
    """Run the command; at the end it is told to stop, and must do so well.

    Parameters
    ----------
    environment
        Of the process.
    log
        A file for what it says.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            [SNEWS_CS, "run-feedback"], env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        yield
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()
