"""``python -m snews_cs`` is ``snews_cs``."""

from snews_cs.cli import main

if __name__ == "__main__":
    main(prog_name="snews_cs")
