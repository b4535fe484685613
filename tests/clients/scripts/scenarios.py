"""Do what the client's ``run-scenarios`` does, without its menu and its sleep: send each scenario, reset the cache."""

import json
import os
import sys
from pathlib import Path

import snews_pt  # type: ignore[import-not-found]
from snews.models.messages import CoincidenceTierMessage  # type: ignore[import-not-found]
from snews_pt.messages import Publisher  # type: ignore[import-not-found]
from snews_pt.remote_commands import reset_cache  # type: ignore[import-not-found]
from snews_pt.snews_pt_utils import set_env  # type: ignore[import-not-found]

set_env(sys.argv[1])
shipped = Path(snews_pt.__file__).parent / "auxiliary" / "scenarios.json"
for observations in json.loads(shipped.read_text()).values():
    publisher = Publisher(kafka_topic=os.environ["OBSERVATION_TOPIC"])
    for observation in observations:
        publisher.add_message(CoincidenceTierMessage(**observation))
    publisher.send()
    reset_cache(firedrill=False, is_test=True)
