"""An embedded broker as the child of another Python process; :func:`snews_cs.broker.process.start_broker` runs it.

The first line on standard input is the configuration (JSON), so that no password is seen in the list of processes.
When standard input ends, the parent is gone, and the broker with it. The answer, on standard output, is one line
(JSON) with the ports.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from snews_cs.broker.config import BrokerConfig
from snews_cs.broker.server import CannotStart, run


def main() -> None:
    """Read the configuration and serve."""
    settings = json.loads(sys.stdin.buffer.readline())
    config = BrokerConfig(**settings | {"data": Path(settings["data"]), "topics": tuple(settings["topics"])})
    try:
        run(config, _tell, owner=sys.stdin.fileno())
    except CannotStart as error:
        sys.exit(f"snews_cs broker: {error}")


def _tell(ports: Sequence[int]) -> None:
    sys.stdout.write(json.dumps(ports) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
