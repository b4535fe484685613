"""Play many seeds, or one with its trace.

``python -m tests.protocol 1000``: the seeds from 0 to 999; ``1000 2000``: from 1000 to 1999; ``--trace 17``: one.
"""

import argparse
import sys
import time
import traceback
from collections import Counter

from tests.protocol.play import Play


def main() -> int:
    """Play, and return how many seeds failed, at most 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.protocol", description=__doc__)
    parser.add_argument("seeds", type=int, nargs="+", help="one: so many from 0; two: from the one to before the other")
    parser.add_argument("--trace", action="store_true", help="play this one seed, and print what happens")
    options = parser.parse_args()
    if options.trace:
        return trace(options.seeds[0])
    first, end = options.seeds if len(options.seeds) == 2 else (0, options.seeds[0])
    total: Counter[str] = Counter()
    began = time.monotonic()
    for seed in range(first, end):
        try:
            total += Play(seed).run()
        except Exception as failure:  # noqa: BLE001 - whatever it is, it is this seed's
            total["failed"] += 1
            print(f"seed {seed}: {type(failure).__name__}: {str(failure)[:300]}", flush=True)
    print(f"{end - first} seeds in {time.monotonic() - began:.1f} s:", dict(total))
    return min(total["failed"], 1)


def trace(seed: int) -> int:
    """Play one seed, print its trace, and return whether it failed."""
    play = Play(seed)
    print(play.weather)
    try:
        play.run()
    except Exception as failure:  # noqa: BLE001 - printed below what led to it
        print(*play.world.trace, sep="\n")
        traceback.print_exception(failure)
        return 1
    print(*play.world.trace, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
