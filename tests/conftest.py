"""What every test stands on: a clean environment, a seed to repeat it by, and nothing left behind.

Hypothesis's examples, the order of the tests and what they draw are random, so that there is something new to be found.
With ``CI`` in the environment they are the same in each run: a gate is no lottery.

Tests marked ``client`` need the environment of the released client (``client("1.3")``: of that version), which ``make
test`` makes. Where it could not be made they are skipped with one line that says why; under ``--require-client`` they
fail. Tests marked ``services`` need real servers, which ``make test-services`` builds; they are the same to
``--require-services``.
"""

import logging
import os
import random
import signal
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import NamedTuple, Self

import pytest
import structlog
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from snews_cs.settings import Settings

pytest_plugins = ["tests.support.services"]

ROOT = Path(__file__).parent.parent
NEWEST = "3.0"
CLIENTS = {NEWEST: ROOT / ".venv-snews_pt", "1.3": ROOT / ".venv-snews_pt-1.3"}
"""The environments of the released clients, by version."""
PATIENCE_S = 5.0
"""How long what a test has ended may take to be gone."""

IN_CI = bool(os.environ.get("CI"))
CI_SEED = 1987
"""The seed of each run in CI; ``--randomly-seed`` asks for another."""

hypothesis_settings.register_profile(
    "default", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow], derandomize=IN_CI
)
hypothesis_settings.register_profile("thorough", hypothesis_settings.get_profile("default"), max_examples=2000)
hypothesis_settings.load_profile("default")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-client", action="store_true", help="fail, not skip, the tests that lack the released client"
    )
    parser.addoption("--require-services", action="store_true", help="fail, not skip, the tests that lack real servers")


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist says one each
def pytest_xdist_auto_num_workers() -> int:
    """Return how many processes test at once, with ``-n auto``: more than processors, as tests wait half their time."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(tryfirst=True)  # before pytest-randomly draws one
def pytest_configure(config: pytest.Config) -> None:
    if IN_CI and config.getoption("randomly_seed", None) == "default":
        config.option.randomly_seed = CI_SEED
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell leaves it to what it starts in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say what is left out."""
    left_out = config.getoption("markexpr") == "not services"
    return "without the tests on real servers: `make test-services` runs them" if left_out else None


def pytest_runtest_setup(item: pytest.Item) -> None:
    versions = {version for marker in item.iter_markers("client") for version in marker.args or [NEWEST]}
    missing = [CLIENTS[version] for version in sorted(versions) if not (CLIENTS[version] / "stamp").exists()]
    if not missing:
        return
    try:
        why = (missing[0] / "unavailable").read_text().strip()
    except FileNotFoundError:
        why = "`make test` makes it"
    reason = f"no environment of the released client in {missing[0].name}: {why}"
    if item.config.getoption("--require-client"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def client_bin() -> Path:
    """Return the directory of the released client's ``snews_pt``, ``hop`` and ``python``; mark the test ``client``."""
    return CLIENTS[NEWEST] / "bin"


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Return the seed of this run, printed at its start; repeat the run with ``--randomly-seed=N``."""
    return int(request.config.getoption("randomly_seed"))


@pytest.fixture
def rng(request: pytest.FixtureRequest, seed: int) -> random.Random:
    """Return a random generator of the test's own, made of the run's seed and the test's name."""
    return random.Random(f"{seed} {request.node.nodeid}")


@pytest.fixture(scope="session", autouse=True)
def _clean_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the person's own settings and credentials out, and find what the whole session left behind."""
    temporary, config_home = tmp_path_factory.mktemp("tmp", numbered=False), tmp_path_factory.mktemp("config")
    before = {path.name for path in ROOT.iterdir()}
    tag = f"SNEWS_CS_TESTS={uuid.uuid4()}"
    with pytest.MonkeyPatch.context() as patch:
        for field in Settings.model_fields.values():
            patch.delenv(str(field.alias), raising=False)
        patch.delenv("STATE_DIRECTORY", raising=False)
        patch.setenv("XDG_CONFIG_HOME", str(config_home))
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        patch.setenv("TMPDIR", str(temporary))
        patch.setattr(tempfile, "tempdir", str(temporary))
        patch.setenv(*tag.split("="))
        yield
    _expect_none("processes of this session", lambda: _processes_with(tag))
    _expect_none("files in the temporary directory", lambda: {path.name for path in temporary.iterdir()})
    caches = {".hypothesis", ".pytest_cache", ".benchmarks"}
    _expect_none("files in the project", lambda: {path.name for path in ROOT.iterdir()} - before - caches)


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    """Fail a test that leaves a thread or a child process; what wider fixtures started before it may stay."""
    threads, children = set(threading.enumerate()), _children()
    yield
    _expect_none("threads", lambda: {thread for thread in threading.enumerate() if not thread.daemon} - threads)
    _expect_none("child processes", lambda: _children() - children)


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Undo what a command called within the test did to the logging of this process."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers, root.level = handlers, level
    logging.captureWarnings(False)
    structlog.reset_defaults()


def _expect_none(what: str, left: Callable[[], AbstractSet[object]]) -> None:
    end = time.monotonic() + PATIENCE_S
    while found := left():
        if time.monotonic() > end:
            pytest.fail(f"{what} left behind: {', '.join(map(str, found))}", pytrace=False)
        time.sleep(0.01)


class Process(NamedTuple):
    """A process, as a person would want it named."""

    pid: int
    command: str

    @classmethod
    def of(cls, pid: int) -> Self:
        """Look it up in /proc."""
        return cls(pid, _read(Path(f"/proc/{pid}/cmdline")).replace(bytes(1), b" ").decode(errors="replace"))


def _children() -> set[Process]:
    """Return the children of this process; none where there is no /proc."""
    lists = map(_read, Path("/proc/self/task").glob("*/children"))
    children = {Process.of(int(pid)) for pids in lists for pid in pids.split()}
    return {child for child in children if "multiprocessing.resource_tracker" not in child.command}


def _processes_with(variable: str) -> set[Process]:
    """Return other processes that have this variable in their environment, hence descend from this session."""
    pids = {int(path.parent.name) for path in Path("/proc").glob("[0-9]*/environ") if variable.encode() in _read(path)}
    return {Process.of(pid) for pid in pids - {os.getpid()}}


def _read(path: Path) -> bytes:
    """Read a file of /proc; empty if its process is gone or not ours."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, PermissionError, ProcessLookupError):
        return b""
