"""The released client, snews_pt, as a detector has it: a home, credentials and an environment file of its own.

It runs in its own Python environment and as its own process, logs in as it always does, and nothing of it is patched.
"""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from tests.support.broker import write_auth
from tests.support.server import PATIENCE_S
from tests.support.system import System

SCRIPTS = Path(__file__).parents[1] / "clients" / "scripts"


class SnewsPt:
    """snews_pt at a detector's desk.

    Parameters
    ----------
    client_bin
        Where the client's commands are.
    takes_env_file
        Whether its command line is told its settings by a file (from 2.0 on; before that ``--env`` only took one of its
        own package, and who had another set the environment).
    system
        Whose topics it uses, on the port that asks for a login.
    detector_name
        Whose desk it is.
    admin_password
        What it sends with the commands that need a password.
    firedrill
        Whether its commands take part in a firedrill; the client's own default is yes.
    """

    def __init__(
        self,
        client_bin: Path,
        system: System,
        detector_name: str,
        *,
        admin_password: str,
        firedrill: bool = False,
        takes_env_file: bool = True,
    ) -> None:
        self._bin = client_bin
        self._mode = "--firedrill" if firedrill else "--no-firedrill"
        self._system = system
        directory = system.directory / "desks" / detector_name
        self.home, self.config, self.desk = (directory / name for name in ("home", "config", "desk"))
        for path in (self.home, self.config, self.desk):
            path.mkdir(parents=True)
        write_auth(self.config, system.broker.address)
        topics = {key: url for key, url in system.settings.items() if key.endswith("_TOPIC")}
        topics = {key: url.replace(system.broker.plain_address, system.broker.address) for key, url in topics.items()}
        own = {"DETECTOR_NAME": detector_name, "HAS_NAME_CHANGED": "1", "ADMIN_PASS": admin_password}
        settings = own | topics
        self.env_file = directory / "snews_pt.env"
        self.env_file.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        self._told = ["--env", str(self.env_file)] if takes_env_file else []
        self._environment = {} if takes_env_file else settings

    def run(self, command: str, *arguments: str, stdin: str = "") -> str:
        """Type ``snews_pt COMMAND ARGUMENTS``, and return what it prints."""
        return self._complete(*self._typed(command, *arguments), stdin=stdin)

    def publish(self, *messages: dict[str, Any]) -> list[dict[str, Any]]:
        """Let its Publisher send messages; return the messages that it made of them, as it sent them.

        A dict with a ``tier`` is handed over as the client's model of that name, one without as the dict that it is.
        """
        lines = "".join(json.dumps(message) + "\n" for message in messages)
        return [json.loads(line) for line in self.script("publish", stdin=lines).splitlines()]

    def script(self, name: str, stdin: str = "") -> str:
        """Run one of SCRIPTS on the environment file, and return what it prints."""
        return self.python(SCRIPTS / f"{name}.py", str(self.env_file), stdin=stdin)

    def python(self, script: Path, *arguments: str, stdin: str = "") -> str:
        """Run a script with the client's Python, and return what it prints."""
        return self._complete(str(self._bin / "python"), str(script), *arguments, stdin=stdin)

    def shipped(self, path: str) -> Path:
        """Return a file that comes with the client, by its path in the package."""
        (package,) = self._bin.parent.glob("lib/python*/site-packages/snews_pt")
        return package / path

    @contextmanager
    def subscribed(self, *arguments: str, topic: str = "alert") -> Iterator["Subscription"]:
        """Have ``snews_pt subscribe`` at work on a topic that it reads with these arguments; ends with Ctrl-C."""
        folder = self.desk / "alerts"
        process = subprocess.Popen(
            self._typed("subscribe", "--outputfolder", str(folder), *arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            **self._surroundings(),
        )
        subscription = Subscription(process, folder)
        try:
            subscription.find_the_end(lambda: self._system.publish(_KNOCK, topic=topic))
            yield subscription
            subscription.stop()
        finally:
            subscription.kill()

    def _typed(self, command: str, *arguments: str) -> list[str]:
        return [str(self._bin / "snews_pt"), *self._told, command, self._mode, *arguments]

    def _complete(self, *command: str, stdin: str) -> str:
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            timeout=3 * PATIENCE_S,
            check=False,
            **self._surroundings(),
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return str(done.stdout)

    def _surroundings(self) -> dict[str, Any]:
        environment = {
            **os.environ,
            **self._environment,
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.config),
            "PATH": os.pathsep.join([str(self._bin), os.defpath]),  # `subscribe` starts plugins as `python`
            "PYTHONPATH": "",
            "PYTHONUNBUFFERED": "1",
        }
        return {"env": environment, "cwd": self.desk, "text": True}


_KNOCK = {"_id": "knock"}


class Subscription:
    """``snews_pt subscribe`` at work.

    ``knocks`` messages are on the topic before those of the test.

    Parameters
    ----------
    process
        It.
    folder
        Where it saves alerts.
    """

    def __init__(self, process: "subprocess.Popen[str]", folder: Path) -> None:
        self._process = process
        self._folder = folder
        self._lines: Queue[str | None] = Queue()
        self.printed: list[str] = []
        self.knocks = 0
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)  # it has ended

    def find_the_end(self, knock: Callable[[], None]) -> None:
        """Knock until it is heard: it reads from the end of the topic on, and does not say when it has found that."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            knock()
            self.knocks += 1
            if self._find("_id ", timeout_s=0.3) is not None:
                return
        raise AssertionError("snews_pt hears nothing; it printed:\n" + "\n".join(self.printed))

    def wait_for(self, text: str) -> str:
        """Wait for a line that begins with a text, and return what follows; lines before it are passed over."""
        line = self._find(text, PATIENCE_S)
        assert line is not None, f"snews_pt prints no {text!r} but:\n" + "\n".join(self.printed)
        return line.removeprefix(text)

    def _find(self, text: str, timeout_s: float) -> str | None:
        end = time.monotonic() + timeout_s
        while True:
            try:
                line = self._lines.get(timeout=max(end - time.monotonic(), 0.001))
            except Empty:
                return None
            assert line is not None, "snews_pt has died; it printed:\n" + "\n".join(self.printed)
            self.printed.append(line)
            if line.startswith(text):
                return line

    def saved(self) -> list[dict[str, Any]]:
        """Return the alerts that it has saved, in that order."""
        return [json.loads(file.read_text()) for file in self.files()]

    def files(self) -> list[Path]:
        """Return the files in which it has saved alerts, in that order: ``NUMBER-SNEWS_ALERT_DATE.json``."""

        def order(file: Path) -> tuple[str, int]:
            number, _, rest = file.name.partition("-")
            return rest, int(number)

        return sorted((file for file in self._folder.iterdir() if "alert_uuid" in file.read_text()), key=order)

    def stop(self) -> None:
        """Press Ctrl-C, and expect it to be there to hear that, and to end well; while a plugin runs it is deaf."""
        assert self._process.poll() is None, "snews_pt has died:\n" + "\n".join(self.printed)
        end = time.monotonic() + PATIENCE_S
        while self._process.poll() is None and time.monotonic() < end:
            self._process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(PATIENCE_S / 5)
        assert self._process.returncode == 0

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()
        self._reader.join(PATIENCE_S)
        assert self._process.stdout is not None
        self._process.stdout.close()
