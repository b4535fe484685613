"""The page about data, typed as it stands."""

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from snews_cs.storage.open import open_storage
from tests.docs.pages import DOCS, blocks
from tests.storage.builders import MESSAGES, make_alerting, make_entry

PAGE = DOCS / "data.md"


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    """Return the environment of somebody who looks at a store that holds something of everything."""
    address = f"sqlite:///{tmp_path / 'store.sqlite'}"
    entries = [make_entry(place, message=message) for place, message in enumerate(MESSAGES, start=1)]
    entries.append(make_alerting(len(entries) + 1))
    with closing(open_storage(address)) as store:
        store.append(entries)
        store.project(entries)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**os.environ, "DATABASE_SERVER": address, "PATH": path}


def test_messages_exports_and_what_pandas_makes_of_them(settings: dict[str, str], tmp_path: Path) -> None:
    tiers, exports, schemas, _ = blocks(PAGE, "console")
    for block in (tiers, exports, schemas):
        typed(["bash", "-euc", "\n".join(line.removeprefix("$ ") for line in block.splitlines())], settings, tmp_path)
    (read_back,) = blocks(PAGE, "python")
    counts = typed([sys.executable, "-c", f"{read_back}\nprint(len(observations), len(outcomes))"], settings, tmp_path)
    assert counts.split() == ["3", str(len(MESSAGES) + 1)]
    assert len((tmp_path / "alerts.jsonl").read_text().splitlines()) == 1


def typed(command: list[str], settings: dict[str, str], directory: Path) -> str:
    done = subprocess.run(command, cwd=directory, env=settings, capture_output=True, text=True, timeout=90, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout
