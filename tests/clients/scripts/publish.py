"""Send messages by the client's Publisher: JSON lines in, the messages it made of them as JSON lines out."""

import json
import os
import sys

from snews.models import messages  # type: ignore[import-not-found]
from snews_pt.messages import Publisher  # type: ignore[import-not-found]
from snews_pt.snews_pt_utils import set_env  # type: ignore[import-not-found]

set_env(sys.argv[1])
publisher = Publisher(kafka_topic=os.environ["OBSERVATION_TOPIC"])
for line in sys.stdin:
    fields = json.loads(line)
    tier = fields.pop("tier", None)
    publisher.add_message(getattr(messages, f"{tier}Message")(**fields) if tier else fields)
queued = publisher.message_queue[::-1]
publisher.send()
for message in queued:
    sys.stdout.write(message.model_dump_json() + "\n")
