"""The embedded Kafka-protocol broker, for one machine: tests and demonstrations. Production is a Kafka cluster."""

import sys


def _import_kio_alone() -> None:
    """Import kio as if hypothesis were not installed: else kio registers strategies for tests with it.

    That takes more than a second, and leaves a directory ``.hypothesis`` wherever a broker is started.
    """
    is_hidden = sys.modules.setdefault("hypothesis", None) is None  # type: ignore[arg-type]  # None: cannot be imported
    try:
        import kio.static.primitive  # noqa: F401
    finally:
        if is_hidden:
            del sys.modules["hypothesis"]


_import_kio_alone()
