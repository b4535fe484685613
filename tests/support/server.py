"""The installed server as a process, and what a detector and a subscriber do around it."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from queue import Empty, Queue
from typing import Any, Self

import jsonschema

from snews_cs.schemas.catalogue import schema

SNEWS_CS = Path(sys.executable).with_name("snews_cs")
READY = "(re)Initializing Coincidence System for kafka://"
PATIENCE_S = 20.0
"""How long a test waits for what must come; a bound against hanging, not a measure."""

_VALIDATOR = jsonschema.Draft202012Validator(
    schema("alert"), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
)


def check_alert(alert: Mapping[str, Any]) -> None:
    """Fail if an alert does not fit the schema that ships with the package."""
    _VALIDATOR.validate(alert)


class ServerProcess:
    """``snews_cs run-coincidence`` against a broker that runs already.

    Parameters
    ----------
    broker
        ``host:port`` of the broker.
    data
        Directory of the store, for ``--embedded``; None if the settings say where the store is.
    settings
        Settings, as environment variables.
    options
        More options of ``run-coincidence``.
    wait
        Whether to wait until it reads the observation topic.
    """

    def __init__(
        self,
        broker: str,
        data: Path | None,
        *,
        settings: Mapping[str, str],
        options: Sequence[str] = (),
        wait: bool = True,
    ) -> None:
        environment = {**os.environ, "HOP_BROKER": broker, "MONITORING_ADDRESS": "off", **settings}
        embedded = ["--embedded", "--data", str(data)] if data is not None else []
        command = [str(SNEWS_CS), "--log-format", "json", "run-coincidence", *embedded, *options]
        self.log: list[dict[str, Any]] = []
        self._lines: Queue[dict[str, Any] | None] = Queue()
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read_log)
        self._reader.start()
        if wait:
            self.wait_for(READY)

    def _read_log(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            try:
                record = json.loads(line)
            except ValueError:
                record = {"event": line.rstrip("\n")}
            self.log.append(record)
            self._lines.put(record)
        self._lines.put(None)  # it has ended

    def wait_for(self, text: str, matches: Callable[[dict[str, Any]], bool] = lambda _: True) -> dict[str, Any]:
        """Wait for a log record whose event begins with a text; records before it are passed over."""
        while True:
            try:
                record = self._lines.get(timeout=PATIENCE_S)
            except Empty:
                record = None
            if record is None:
                self.kill()
                raise AssertionError(f"no log line {text!r}; the log:\n" + self.log_text())
            if str(record.get("event")).startswith(text) and matches(record):
                return record

    def log_text(self) -> str:
        """Return all that was logged, one JSON object a line."""
        return "\n".join(json.dumps(record) for record in self.log)

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Tell the server to stop, and return its exit code."""
        self._process.send_signal(number)
        return self._end()

    def exit_code(self, within_s: float = PATIENCE_S) -> int | None:
        """Wait for the server to end by itself, and return its exit code (``-N``: by signal N); None if it runs on."""
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            return None
        return self._end()

    def kill(self) -> None:
        """Kill the server (SIGKILL)."""
        self._process.kill()
        self._end()

    def _end(self) -> int:
        try:
            self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        finally:
            self._reader.join(PATIENCE_S)
            for pipe in (self._process.stderr, self._process.stdout):
                if pipe is not None:
                    pipe.close()
        return self._process.returncode

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self.stop()
        else:
            self._end()
