"""Ending clients of librdkafka.

Destroying a client whose broker has just gone may take seconds, and may hang for ever (librdkafka issue 5476: its
threads lock each other out). So no thread that anything depends on destroys one, nor may the garbage collector, which
works in any thread: each is handed over to a thread of its own, and nobody else refers to it. What an error's traceback
still holds of it, in a circle, is collected there too, before the main thread would come upon it.
"""

import gc
import threading
import time
from typing import Any

import structlog
from confluent_kafka import KafkaException

log = structlog.get_logger(__name__)

_FORGOTTEN_AFTER_S = 0.1
"""When whoever was told of an error has let go of it, s."""


def end_in_background(clients: list[Any], *, close: bool = False) -> threading.Thread:
    """Destroy clients in a thread of its own, and return that.

    Parameters
    ----------
    clients
        To be the only references to them; the list is emptied.
    close
        Whether to call the first one's ``close`` before; it is logged if that fails.
    """

    def end() -> None:
        try:
            if close:
                clients[0].close()
        except KafkaException as error:
            log.warning("what was marked as read could not be committed", error=str(error))
        finally:
            clients.clear()
        time.sleep(_FORGOTTEN_AFTER_S)
        gc.collect()

    thread = threading.Thread(target=end, name="ends a Kafka client", daemon=True)
    thread.start()
    return thread
