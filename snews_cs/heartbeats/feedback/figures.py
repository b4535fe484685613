"""The directory where figures are kept for a while."""

import re
import time
from pathlib import Path

import structlog

from snews_cs.messages.times import format_utc
from snews_cs.messages.types import Nanoseconds

log = structlog.get_logger(__name__)

_OURS = re.compile(r".+_\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ\.png")


class FigureDirectory:
    """Where figures are kept, for whoever wants to look at one again.

    That nothing can be written or deleted there is logged, and holds nobody up.

    Parameters
    ----------
    path
        The directory; made when it is needed.
    kept_ns
        How long figures are kept (``REMOVE_FIGURES_AFTER``), ns.
    """

    def __init__(self, path: Path, *, kept_ns: int) -> None:
        self._path = path
        self._kept_ns = kept_ns

    def keep(self, file_name: str, png: bytes) -> None:
        """Write a figure down."""
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            (self._path / file_name).write_bytes(png)
        except OSError as error:
            log.warning("a figure cannot be kept", path=str(self._path), problem=error.strerror)

    def sweep(self) -> int:
        """Delete the figures that are older than they should be; return how many."""
        oldest_s = (time.time_ns() - self._kept_ns) / 10**9
        deleted = 0
        try:
            for path in self._path.glob("*.png"):
                if _OURS.fullmatch(path.name) and path.stat().st_mtime < oldest_s:
                    path.unlink(missing_ok=True)
                    deleted += 1
        except OSError as error:
            log.warning("old figures cannot be deleted", path=str(self._path), problem=error.strerror)
        return deleted


def figure_name(detector_name: str, until_ns: Nanoseconds) -> str:
    """Return the name of the file of a detector's figure: ``JUNO_2026-11-21T16-20-03Z.png``."""
    name = re.sub(r"[^\w+.-]", "-", detector_name)
    return f"{name}_{format_utc(until_ns)[:19].replace(':', '-')}Z.png"
