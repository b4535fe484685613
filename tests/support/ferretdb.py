"""FerretDB, which speaks MongoDB's protocol."""

from collections.abc import Sequence
from pathlib import Path

from tests.support.ports import HOST, free_port, listens
from tests.support.service import BUILT, Service


class FerretServer(Service):
    """FerretDB with SQLite behind it: no TTL indexes, no transactions."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._port = free_port()

    @property
    def url(self) -> str:
        """Its address, for ``DATABASE_SERVER``."""
        return f"mongodb://{HOST}:{self._port}"

    def _prepare(self) -> None:
        self._data.mkdir(exist_ok=True)

    def _command(self) -> Sequence[str | Path]:
        return BUILT / "ferretdb" / "ferretdb", f"{HOST}:{self._port}", self._data

    def _answers(self) -> bool:
        return listens(self._port)
