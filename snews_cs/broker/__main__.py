"""An embedded broker as the child of another Python process; :func:`snews_cs.broker.process.start_broker` runs it.

The first line on standard input is the configuration (JSON), so that no password is seen in the list of processes.
When standard input ends, the parent is gone, and the broker with it. The answer is one line (JSON) on standard output:
the list of ports, or a string that says why there are none.
"""

import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from snews_cs.broker.config import BrokerConfig
from snews_cs.broker.server import CannotStart, run


def main() -> None:
    """Read the configuration and serve."""
    logging.basicConfig(format="snews_cs broker: %(levelname)s: %(message)s")
    first = sys.stdin.buffer.readline()
    if not first:
        return  # the parent is gone already
    settings = json.loads(first)
    config = BrokerConfig(**settings | {"data": Path(settings["data"]), "topics": tuple(settings["topics"])})
    try:
        run(config, _tell, owner=sys.stdin.fileno())
    except CannotStart as error:
        _tell(str(error))
        sys.exit(2)
    except BrokenPipeError:  # the parent ended before it heard the answer
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _tell(answer: Sequence[int] | str) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
