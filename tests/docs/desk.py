"""Somebody who types what a page shows."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.support.server import PATIENCE_S


def type_in(
    block: str,
    directory: Path,
    *,
    instead: Mapping[str, str],
    programs: Path,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Type the lines of a console block, and return what they print; fail with what they complain about.

    Parameters
    ----------
    directory
        Where they are typed.
    instead
        What stands on the page, and what is typed instead of it: hosts, topics.
    programs
        The directory of the commands that come with a Python environment.
    environment
        Variables besides this process's own.
    """
    lines = "\n".join(line.removeprefix("$ ") for line in block.splitlines())
    for shown, meant in instead.items():
        lines = lines.replace(shown, meant)
    done = subprocess.run(
        ["bash", "-euc", lines],
        cwd=directory,
        env={**os.environ, **(environment or {}), "PATH": os.pathsep.join([str(programs), os.environ["PATH"]])},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=3 * PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
